/** Node's timers on a program clock: what `setTimeout` and its kin answer and do (lib/timers.js, lib/timers/promises.js). */
import type { ProgramClock, ProgramTimerKind } from '../../cluster/program-clock.ts'
import { builtin } from '../builtin.ts'

const { AsyncResource } = builtin('node:async_hooks')

type Callback = (...args: unknown[]) => void

const LONGEST_DELAY = 2 ** 31 - 1

/** Node's rule: what is no number from 1 to 2^31−1 is 1. */
function delayOf(delay: unknown): number {
  const ms = Math.trunc(Number(delay))
  return ms >= 1 && ms <= LONGEST_DELAY ? ms : 1
}

/**
 * kafkajs looks for pending requests in a time-out that arms itself again with what is left of a throttle long over: a negative
 * delay, so every millisecond, on every connection (requestQueue/index.js). Such a chain merely ticks, and no more often than this.
 */
const OVERDUE_CHAIN_MS = 10

/** What `setTimeout`, `setInterval` and `setImmediate` answer. */
class ProgramTimer {
  readonly #timers: ProgramTimers
  readonly #kind: ProgramTimerKind
  readonly #delay: number
  readonly #run: () => void
  readonly #context = new AsyncResource('Timeout')
  readonly #id: number
  readonly #overdue: boolean
  #armed: { cancel(): void } | null = null
  #ref = true

  constructor(
    timers: ProgramTimers,
    id: number,
    kind: ProgramTimerKind,
    delay: number,
    overdue: boolean,
    run: () => void,
  ) {
    this.#timers = timers
    this.#id = id
    this.#kind = kind
    this.#delay = delay
    this.#overdue = overdue
    this.#run = run
    this.#arm()
  }

  #arm(): void {
    this.#timers.pending.set(this.#id, this)
    const chained = this.#overdue && this.#timers.overdue
    const kind = chained ? 'interval' : this.#kind
    this.#armed = this.#timers.clock.arm(kind, chained ? OVERDUE_CHAIN_MS : this.#delay, () => {
      this.#armed = null
      if (this.#kind === 'interval') this.#arm()
      else this.#timers.pending.delete(this.#id)
      try {
        this.#timers.overdue = this.#overdue
        // What was current when it was armed is current when it runs.
        this.#context.runInAsyncScope(this.#run)
      } catch (error) {
        // As from any timer: an uncaught exception of the program, not of the cluster.
        queueMicrotask(() => {
          throw error
        })
      } finally {
        this.#timers.overdue = false
      }
    })
  }

  ref(): this {
    this.#ref = true
    return this
  }

  unref(): this {
    this.#ref = false
    return this
  }

  hasRef(): boolean {
    return this.#ref
  }

  refresh(): this {
    this.close()
    this.#arm()
    return this
  }

  close(): this {
    this.#armed?.cancel()
    this.#armed = null
    this.#timers.pending.delete(this.#id)
    return this
  }

  /** Node's own `clearTimeout` sets this to null: so it can still end a timer that outlives the control (lib/timers.js). */
  get _onTimeout(): (() => void) | null {
    return this.#run
  }

  set _onTimeout(_: null) {
    this.close()
  }

  /** In no list of Node's. */
  get _destroyed(): boolean {
    return true
  }

  [Symbol.toPrimitive](): number {
    return this.#id
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

export interface ProgramTimers {
  readonly clock: ProgramClock
  readonly pending: Map<number, ProgramTimer>
  /** A time-out with a negative delay is running. */
  overdue: boolean
}

export interface TimerFunctions {
  readonly setTimeout: (run: Callback, delay?: unknown, ...args: unknown[]) => ProgramTimer
  readonly setInterval: (run: Callback, delay?: unknown, ...args: unknown[]) => ProgramTimer
  readonly setImmediate: (run: Callback, ...args: unknown[]) => ProgramTimer
  /** For all three kinds; a timer made before is the real function's. */
  readonly clear: (timer: unknown, real: (timer: never) => void) => void
  /** `node:timers/promises`. */
  readonly promises: Readonly<Record<string, unknown>>
}

interface PromiseOptions {
  readonly signal?: AbortSignal
}

export function timerFunctions(clock: ProgramClock): TimerFunctions {
  const timers: ProgramTimers = { clock, pending: new Map(), overdue: false }
  // Far from Node's own numbers, so that a number says whose timer it is.
  let nextId = 1_000_000_000
  const make = (kind: ProgramTimerKind, run: Callback, delay: number, args: readonly unknown[], overdue = false) => {
    if (typeof run !== 'function') {
      throw Object.assign(new TypeError(`The "callback" argument must be of type function. Received ${String(run)}`), {
        code: 'ERR_INVALID_ARG_TYPE',
      })
    }
    nextId += 1
    return new ProgramTimer(timers, nextId, kind, delay, overdue, () => run(...args))
  }
  const setTimeout: TimerFunctions['setTimeout'] = (run, delay, ...args) =>
    make('timeout', run, delayOf(delay), args, Number(delay) < 0)
  const setInterval: TimerFunctions['setInterval'] = (run, delay, ...args) =>
    make('interval', run, delayOf(delay), args)
  const setImmediate: TimerFunctions['setImmediate'] = (run, ...args) => make('immediate', run, 0, args)

  const sleep = (kind: 'timeout' | 'immediate', delay: number, value: unknown, options: PromiseOptions = {}) =>
    new Promise((resolve, reject) => {
      const { signal } = options
      if (signal?.aborted) return reject(abortError(signal))
      const abort = () => {
        timer.close()
        reject(abortError(signal))
      }
      const timer = make(
        kind,
        () => {
          signal?.removeEventListener('abort', abort)
          resolve(value)
        },
        delay,
        [],
      )
      signal?.addEventListener('abort', abort, { once: true })
    })
  const sleepTimeout = (delay?: unknown, value?: unknown, options?: PromiseOptions) =>
    sleep('timeout', delayOf(delay), value, options)
  const sleepImmediate = (value?: unknown, options?: PromiseOptions) => sleep('immediate', 0, value, options)
  const { promisify } = builtin('node:util')
  Object.defineProperty(setTimeout, promisify.custom, { value: sleepTimeout, enumerable: true })
  Object.defineProperty(setImmediate, promisify.custom, { value: sleepImmediate, enumerable: true })

  return {
    setTimeout,
    setInterval,
    setImmediate,
    clear(timer, real) {
      const known =
        timer instanceof ProgramTimer
          ? timer
          : typeof timer === 'number' || typeof timer === 'string'
            ? timers.pending.get(Number(timer))
            : undefined
      if (known === undefined) real(timer as never)
      else known.close()
    },
    promises: {
      setTimeout: sleepTimeout,
      setImmediate: sleepImmediate,
      setInterval: (delay?: unknown, value?: unknown, options?: PromiseOptions) =>
        ticks(() => sleep('timeout', delayOf(delay), value, options)),
      scheduler: {
        wait: (delay: number, options?: PromiseOptions) => sleep('timeout', delayOf(delay), undefined, options),
        yield: () => sleepImmediate(),
      },
    },
  }
}

async function* ticks(next: () => Promise<unknown>): AsyncGenerator<unknown> {
  for (;;) yield await next()
}

function abortError(signal: AbortSignal | undefined): Error {
  return Object.assign(new Error('The operation was aborted', { cause: signal?.reason }), {
    name: 'AbortError',
    code: 'ABORT_ERR',
  })
}
