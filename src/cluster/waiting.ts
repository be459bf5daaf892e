/** The cluster's own promises: they settle with virtual time, fail with a broken law, and end with the cluster. */
import type { QueuedEvent } from '../kernel/index.ts'
import { durationText } from './duration.ts'
import { DeadlockError, KafkariumError } from './errors.ts'
import { describeGroups, describeWaiting } from './pending.ts'
import type { Process } from './process.ts'
import type { Pump } from './pump.ts'
import { arm, type OpenCall, type Task, type World } from './world.ts'

export interface Waiting {
  /** Set once a law was broken: nothing settles well after that. */
  broken: KafkariumError | null
  wait<T>(begin: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T>
  waitFor(
    what: string,
    done: () => boolean,
    withinMs: number,
    how: 'drive' | 'settle',
    hint?: () => string,
  ): Promise<void>
  asCall<T>(label: string, result: Promise<T>): Promise<T>
  arrived(): Promise<void>
  /** The cluster ends: whoever awaits it is told. */
  end(error: Error): void
}

/** How often a predicate is asked when nothing happens. Virtual milliseconds. */
const TICK_MS = 100

/** How long `cluster.produce` lets messages under way arrive first. Virtual milliseconds. */
const ARRIVAL_MS = 1000

export function createWaiting(world: World, pump: Pump, main: Process): Waiting {
  const known = new Set<(error: Error) => void>()
  const waiting: Waiting = {
    broken: null,
    wait,
    waitFor,
    asCall,
    arrived,
    end(error) {
      for (const reject of known) reject(error)
      known.clear()
    },
  }
  return waiting

  /** Keeps time moving while the cluster's own call is open. */
  function asCall<T>(label: string, result: Promise<T>): Promise<T> {
    const { calls } = world
    return wait((resolve, reject) => {
      const call: OpenCall = {
        label,
        process: main,
        since: world.now,
        deadline: world.now + world.deadlineMs,
        waitsForUser: false,
        onDeadline: reject,
      }
      calls.add(call)
      pump.wake()
      const end = () => {
        calls.delete(call)
        world.lastProgress = world.now
      }
      result.then(
        (value) => {
          end()
          resolve(value)
        },
        (error: unknown) => {
          end()
          reject(error as Error)
        },
      )
    })
  }

  /** A promise of the cluster's own. It rejects when the cluster ends first, without a fuss if nobody awaits it. */
  function wait<T>(begin: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    const promise = new Promise<T>((resolve, reject) => {
      const ended = (error: Error) => {
        promise.catch(() => {})
        reject(error)
      }
      known.add(ended)
      begin(
        (value) => {
          known.delete(ended)
          world.programWent = world.now
          resolve(value)
        },
        (error) => {
          known.delete(ended)
          reject(error)
        },
      )
    })
    return promise
  }

  /**
   * Settles when no message is on its way any more, at most a virtual second later. A consumer whose `run()` has resolved
   * still asks where to begin; a record written before that would be missed by a group that begins at the end.
   */
  function arrived(): Promise<void> {
    const { queue } = world
    const underWay = () => queue.heap.some(({ kind, payload }) => kind === 'work' && payload.type !== 'control')
    if (world.mode !== 'auto' || !underWay()) return Promise.resolve()
    const { settled } = pump
    return wait((resolve) => {
      const done = () => {
        settled.delete(check)
        pump.disarm(latest)
        world.touched = true
        resolve()
      }
      const check = () => {
        if (!underWay()) done()
      }
      const latest = arm(world, ARRIVAL_MS, 'work', {
        type: 'control',
        label: 'cluster.produce stops waiting',
        run: done,
      })
      settled.add(check)
      pump.wake()
    })
  }

  /** `drive` runs everything, `settle` only what may run by itself. */
  function waitFor(
    what: string,
    done: () => boolean,
    withinMs: number,
    how: 'drive' | 'settle',
    hint?: () => string,
  ): Promise<void> {
    if (world.mode === 'wall' && pump.clock.paused) {
      throw new KafkariumError(
        'KAFKARIUM_WRONG_STATE',
        `${what}: the cluster is paused. Call play() first, or move it with step() or advance(…).`,
      )
    }
    // Where the caller stands: by the time it fails, the stack is the pump's.
    const caller = new Error()
    return wait((resolve, reject) => {
      const reached = (): boolean => {
        const answer: unknown = waiting.broken !== null || done()
        if (typeof answer === 'object' && answer !== null && 'then' in answer) {
          throw new KafkariumError(
            'KAFKARIUM_BAD_OPTION',
            `${what}: the predicate answers a promise. It is asked after every event and must answer true or false at once.`,
          )
        }
        // A length, a record: whatever an `if` would take.
        return Boolean(answer)
      }
      let over: QueuedEvent<Task> | null = null
      let tick: QueuedEvent<Task> | null = null
      const finish = () => {
        if (over !== null) pump.disarm(over)
        if (tick !== null) pump.disarm(tick)
        pump.settled.delete(check)
        pump.idle.delete(check)
        if (how === 'drive') pump.drivers -= 1
        else pump.settlers -= 1
      }
      const check = (): boolean => {
        try {
          if (!reached()) return false
        } catch (error) {
          finish()
          reject(error as Error)
          return true
        }
        finish()
        world.touched = true
        if (waiting.broken === null) resolve()
        else reject(waiting.broken)
        return true
      }
      if (how === 'drive') pump.drivers += 1
      else pump.settlers += 1
      if (how === 'drive' && check()) return
      over = arm(world, withinMs, 'daemon', {
        type: 'control',
        label: `the deadline of ${what}`,
        run: () => {
          if (check()) return
          finish()
          const open = [...world.calls].map(({ label }) => label).join(', ') || 'none'
          const more = hint?.() ?? ''
          const error = new DeadlockError(
            `${what}: not within ${durationText(withinMs)} of virtual time.${more}\n${describeGroups(world)}  open calls: ${open}\n${describeWaiting(world).trimEnd()}`,
            [what],
          )
          const called = caller.stack?.split('\n').slice(2).join('\n') ?? ''
          error.stack = `${error.name}: ${error.message}\n${called}`
          reject(error)
        },
      })
      if (how === 'drive') {
        // A predicate over the time alone changes without an event: it is asked every so often.
        const again = () => {
          tick = arm(world, TICK_MS, 'daemon', { type: 'control', label: `${what} looks again`, run: again })
        }
        again()
        pump.settled.add(check)
      }
      pump.idle.add(check)
      pump.wake()
    })
  }
}
