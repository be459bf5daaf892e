/**
 * A program's own timers, dates and chance on the cluster's time: what `controlTime()` puts in the place of the host's. The host
 * (`host/control` for Node) knows the names to replace; this is what they do.
 */
import { type Chooser, seededChooser } from '../kernel/index.ts'
import type { Process } from './process.ts'
import type { Pump } from './pump.ts'
import { armClientTimer, cancelTimer, type World } from './world.ts'

/** How virtual time treats a timer of the program: docs/time.md. */
export type ProgramTimerKind = 'immediate' | 'timeout' | 'interval' | 'limit'

export interface ProgramClock {
  /** Virtual milliseconds since the Unix epoch. */
  now(): number
  arm(kind: ProgramTimerKind, delayMs: number, run: () => void): { cancel(): void }
  /** An integer in [0, 2^32). */
  random(): number
  /** Something of the host is under way, on a thread of its own; nothing happens until the answered function is called. */
  hold(): () => void
}

/** Replaces the host's timers, dates and chance; answers what puts them back. */
export type ControlTime = (clock: ProgramClock) => () => void

/**
 * Immediates come at once; a timeout is a loop, for which time moves within `patience`; an interval merely ticks; a limit bounds
 * something else (`AbortSignal.timeout`), and like a request's time-out it does not bring itself about.
 */
const KINDS = {
  immediate: { as: 'work', label: 'an immediate of the program' },
  timeout: { as: 'loop', label: 'a timeout of the program' },
  interval: { as: 'daemon', label: 'an interval of the program' },
  limit: { as: 'daemon', label: 'a time limit of the program' },
} as const

/** `current` answers the cluster as it is now: a reset makes another one. */
export function createProgramClock(
  current: () => { readonly world: World; readonly pump: Pump; readonly process: Process },
): ProgramClock {
  // Without a seed every choice is 0, but ids made of it must differ.
  let unseeded: Chooser | null = null
  return {
    now: () => current().world.now,
    arm(kind, delayMs, run) {
      const { world, pump, process } = current()
      if (world.disposed) return { cancel: () => {} }
      pump.enter('a timer')
      const { as, label } = KINDS[kind]
      const task = armClientTimer(world, process, delayMs, as, label, () => {
        process.timers.delete(task)
        run()
      })
      process.timers.add(task)
      pump.wake()
      return {
        cancel() {
          process.timers.delete(task)
          cancelTimer(world, task)
        },
      }
    },
    random() {
      const { world } = current()
      unseeded ??= seededChooser('program')
      const chooser = world.seeded && !world.disposed ? world.chooser : unseeded
      return chooser.choose('program.random', 0x100000000)
    },
    hold() {
      const { world, pump } = current()
      world.underWayOutside += 1
      let held = true
      return () => {
        if (!held) return
        held = false
        world.underWayOutside -= 1
        pump.wake()
      }
    },
  }
}
