/**
 * `cluster.controlTime()` on Node: timers, dates, chance and zlib of the whole process follow one cluster. What a module took at
 * load and never looks up again (`const { setTimeout } = globalThis`) cannot be reached; microtasks and ticks need no control.
 */
import type { ProgramClock } from '../../cluster/program-clock.ts'
import { builtin } from '../builtin.ts'
import { nodeCrypto, programRandom, webCrypto } from './chance.ts'
import { programDate, programHrtime } from './dates.ts'
import { outliving } from './handover.ts'
import { signalTimeout, timerPromises } from './promises.ts'
import { timerFunctions } from './timers.ts'
import { controlZlib } from './zlib.ts'

export function controlTime(cluster: ProgramClock): () => void {
  const { clock, handOver } = outliving(cluster)
  // First, as it needs an immediate of the host.
  const undo: (() => void)[] = [controlZlib(clock)]
  const replace = (holder: object, replacements: Readonly<Record<string, unknown>>) => {
    for (const [name, value] of Object.entries(replacements)) {
      const before = Object.getOwnPropertyDescriptor(holder, name)
      Object.defineProperty(holder, name, {
        value,
        writable: true,
        configurable: true,
        enumerable: before?.enumerable ?? true,
      })
      undo.push(() => {
        // Somebody has put fakes over ours, and will put ours back: those go on as the host's do.
        if (Object.getOwnPropertyDescriptor(holder, name)?.value !== value) return
        if (before === undefined) Reflect.deleteProperty(holder, name)
        else Object.defineProperty(holder, name, before)
      })
    }
  }
  const { setLimit, ...timers } = timerFunctions(clock)
  const promises = timerPromises(clock)
  const { promisify } = builtin('node:util')
  for (const name of ['setTimeout', 'setImmediate'] as const) {
    Object.defineProperty(timers[name], promisify.custom, { value: promises[name], enumerable: true })
  }
  replace(globalThis, timers)
  replace(builtin('node:timers'), timers)
  replace(builtin('node:timers/promises'), promises)
  replace(AbortSignal, { timeout: signalTimeout(setLimit, AbortSignal.timeout) })
  const date = programDate(clock, globalThis.Date)
  replace(globalThis, { Date: date })
  replace(date.prototype, { constructor: date })
  const start = clock.now()
  replace(performance, { now: () => clock.now() - start })
  replace(process, { hrtime: programHrtime(clock) })
  replace(Math, { random: programRandom(clock) })
  replace(builtin('node:crypto'), nodeCrypto(clock))
  replace(globalThis.crypto, webCrypto(clock))
  const { syncBuiltinESMExports } = builtin('node:module')
  syncBuiltinESMExports()
  return () => {
    handOver()
    for (const put of undo.reverse()) put()
    syncBuiltinESMExports()
  }
}
