/**
 * Timers that a program keeps as numbers (`Number(timer)`). Node has a table of its own timers by number, which its `clearTimeout`
 * looks in; ours are entered there too, as a program may clear them with the host's function once the control is over.
 */
import { builtin } from '../builtin.ts'

/** Of all clusters that had control, one after the other: their timers may outlive it. */
const timers = new Map<number, { close(): unknown }>()

export function timerOfNumber(number: unknown): { close(): unknown } | undefined {
  return typeof number === 'number' || typeof number === 'string' ? timers.get(Number(number)) : undefined
}

export function isTaken(number: number): boolean {
  return timers.has(number)
}

export type EnterNumber = (number: number, timer: { close(): unknown }) => () => void

/** To be called while the host's timers are its own. Answers what enters a timer, which answers what strikes it out again. */
export function numberTable(): EnterNumber {
  const { setTimeout, clearTimeout } = builtin('node:timers')
  const sample = setTimeout(() => {}, 1)
  clearTimeout(sample)
  // lib/timers.js, Timeout.prototype[Symbol.toPrimitive]: enters its `this` under the number it finds there.
  const enterInNode = sample[Symbol.toPrimitive]
  const numberOf = Object.getOwnPropertySymbols(sample).find(({ description }) => description === 'asyncId')
  return (number, timer) => {
    timers.set(number, timer)
    let entered = true
    const entry = {
      _destroyed: false,
      /** Node's `clearTimeout` looks whether there is one, and sets it to null. */
      get _onTimeout() {
        return () => {}
      },
      set _onTimeout(_: unknown) {
        if (entered) timer.close()
      },
    }
    if (numberOf !== undefined) enterInNode.call(Object.defineProperty(entry, numberOf, { value: number }) as never)
    return () => {
      if (!entered) return
      entered = false
      timers.delete(number)
      clearTimeout(entry as never)
    }
  }
}
