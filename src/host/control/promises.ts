/** `node:timers/promises` on a program clock (lib/timers/promises.js), and the other way to wait with a signal: `AbortSignal.timeout`. */
import { checkDelay, checkOptions } from './arguments.ts'
import type { Armed, LastingClock } from './handover.ts'
import { delayOf, type TimerFunctions } from './timers.ts'

interface Options {
  readonly signal?: AbortSignal
  readonly ref?: boolean
}

/** Of `node:timers/promises`; its first two are also what `promisify` makes of the functions with callbacks. */
export function timerPromises(clock: LastingClock): Readonly<Record<string, unknown>> {
  const sleep = (kind: 'timeout' | 'immediate', delay: number, value: unknown, { signal, ref }: Options) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortError(signal))
      const abort = () => {
        armed.cancel()
        reject(abortError(signal))
      }
      // Before anything is armed: what only looks like a signal may throw here.
      signal?.addEventListener('abort', abort, { once: true })
      const fire = () => {
        signal?.removeEventListener('abort', abort)
        resolve(value)
      }
      const armed = clock.arm(kind, delay, fire, ref)
    })
  /** What is refused is refused by the promise, at once. */
  const checked = (check: () => void, wait: () => Promise<unknown>) => {
    try {
      check()
    } catch (error) {
      return Promise.reject(error)
    }
    return wait()
  }
  const setTimeout = (delay?: unknown, value?: unknown, options: Options = {}) =>
    checked(
      () => {
        checkDelay(delay)
        checkOptions(options)
      },
      () => sleep('timeout', delayOf(delay), value, options),
    )
  const setImmediate = (value?: unknown, options: Options = {}) =>
    checked(
      () => checkOptions(options),
      () => sleep('immediate', 0, value, options),
    )
  return {
    setTimeout,
    setImmediate,
    setInterval: (delay?: unknown, value?: unknown, options: Options = {}) => ticks(clock, delay, value, options),
    scheduler: {
      wait: (delay: number, options?: Options) => setTimeout(delay, undefined, options),
      yield: () => setImmediate(),
    },
  }
}

/**
 * Ticks come whether or not somebody waits for them, and those that were missed are made up for at once. While the program waits for
 * the next one that is a time-out; while it is busy with the last one it merely ticks, so that time does not run away from it.
 */
async function* ticks(
  clock: LastingClock,
  delay: unknown,
  value: unknown,
  options: Options,
): AsyncGenerator<unknown, never> {
  checkDelay(delay)
  checkOptions(options)
  const { signal, ref } = options
  if (signal?.aborted) throw abortError(signal)
  let due = 0
  let wake = () => {}
  const arm = (): Armed =>
    clock.arm(
      'interval',
      delayOf(delay),
      () => {
        due += 1
        armed = arm()
        wake()
      },
      ref,
    )
  const abort = () => {
    armed.cancel()
    wake()
  }
  signal?.addEventListener('abort', abort, { once: true })
  let armed = arm()
  try {
    for (;;) {
      if (due === 0 && !signal?.aborted) {
        armed.become('timeout')
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      if (due === 0) throw abortError(signal)
      yield value
      due -= 1
    }
  } finally {
    armed.cancel()
    signal?.removeEventListener('abort', abort)
  }
}

function abortError(signal: AbortSignal | undefined): Error {
  return Object.assign(new Error('The operation was aborted', { cause: signal?.reason }), {
    name: 'AbortError',
    code: 'ABORT_ERR',
  })
}

type SignalTimeout = (delay: number) => AbortSignal

/** `AbortSignal.timeout`. */
export function signalTimeout(setLimit: TimerFunctions['setLimit'], real: SignalTimeout): SignalTimeout {
  const { AbortController, DOMException } = globalThis
  return function timeout(delay) {
    // It says why it takes no such delay.
    if (!Number.isInteger(delay) || delay < 0 || delay >= 2 ** 32) return real(delay)
    const controller = new AbortController()
    setLimit(
      () => controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')),
      delay,
    )
    return controller.signal
  }
}
