/** Node's timers on a program clock: what `setTimeout` and its kin answer and do (lib/timers.js, lib/internal/timers.js). */
import type { ProgramTimerKind } from '../../cluster/program-clock.ts'
import { builtin } from '../builtin.ts'
import { checkCallback } from './arguments.ts'
import type { Armed, LastingClock } from './handover.ts'
import { type EnterNumber, isTaken, numberTable, timerOfNumber } from './numbers.ts'

const { AsyncResource } = builtin('node:async_hooks')

type Callback = (...args: unknown[]) => void

const LONGEST_DELAY = 2 ** 31 - 1

/** Node's rule: what is no number from 1 to 2^31−1 is 1. */
export function delayOf(delay: unknown): number {
  const ms = Math.trunc(Number(delay))
  return ms >= 1 && ms <= LONGEST_DELAY ? ms : 1
}

/**
 * kafkajs looks for pending requests in a time-out that arms itself again with what is left of a throttle long over: a negative
 * delay, so every millisecond, on every connection (requestQueue/index.js). Such a chain merely ticks, and no more often than this.
 */
const OVERDUE_CHAIN_MS = 10

interface ProgramTimers {
  readonly clock: LastingClock
  readonly enterNumber: EnterNumber
  /** A time-out with a negative delay is running. */
  overdue: boolean
}

/** A callback in the context it was armed in. What it throws is an uncaught exception of the program, as from any timer. */
function callbackOf(type: 'Timeout' | 'Immediate', run: Callback, args: readonly unknown[]): () => void {
  checkCallback(run)
  const context = new AsyncResource(type)
  return () => {
    try {
      context.runInAsyncScope(() => run(...args))
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}

/** What `setTimeout` and `setInterval` answer. */
class ProgramTimeout {
  readonly #timers: ProgramTimers
  readonly #kind: ProgramTimerKind
  readonly #delay: number
  readonly #run: () => void
  readonly #id: number
  readonly #overdue: boolean
  #armed: Armed | null = null
  #ref = true
  #closed = false
  #numbered = false
  #strikeOut: (() => void) | null = null

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
    const timers = this.#timers
    const chained = this.#overdue && timers.overdue
    const kind = chained ? 'interval' : this.#kind
    const fire = () => {
      this.#armed = null
      if (this.#kind === 'interval') this.#arm()
      else this.#leaveTable()
      timers.overdue = this.#overdue
      this.#run()
      timers.overdue = false
    }
    this.#armed = timers.clock.arm(kind, chained ? OVERDUE_CHAIN_MS : this.#delay, fire, this.#ref)
    this.#enterTable()
  }

  #enterTable(): void {
    if (this.#numbered && this.#armed !== null) this.#strikeOut ??= this.#timers.enterNumber(this.#id, this)
  }

  #leaveTable(): void {
    this.#strikeOut?.()
    this.#strikeOut = null
  }

  ref(): this {
    this.#ref = true
    this.#armed?.setRef(true)
    return this
  }

  unref(): this {
    this.#ref = false
    this.#armed?.setRef(false)
    return this
  }

  hasRef(): boolean {
    return this.#ref
  }

  /** Begins anew, also when it has fired; what was cleared stays so. */
  refresh(): this {
    if (this.#closed) return this
    this.#armed?.cancel()
    this.#arm()
    return this
  }

  close(): this {
    this.#closed = true
    this.#armed?.cancel()
    this.#armed = null
    this.#leaveTable()
    return this
  }

  /** Node's own `clearTimeout` sets this to null: so it can still end a timer that outlives the control (lib/timers.js). */
  get _onTimeout(): (() => void) | null {
    return this.#closed ? null : this.#run
  }

  set _onTimeout(_: null) {
    this.close()
  }

  /** In no list of Node's. */
  get _destroyed(): boolean {
    return true
  }

  [Symbol.toPrimitive](): number {
    this.#numbered = true
    this.#enterTable()
    return this.#id
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** What `setImmediate` answers. */
class ProgramImmediate {
  #armed: Armed | null
  #ref = true

  constructor(clock: LastingClock, run: () => void) {
    this.#armed = clock.arm('immediate', 0, () => {
      this.#armed = null
      run()
    })
  }

  #setRef(ref: boolean): this {
    this.#ref = ref
    this.#armed?.setRef(ref)
    return this
  }

  ref(): this {
    return this.#setRef(true)
  }

  unref(): this {
    return this.#setRef(false)
  }

  /** False as well when it has run or was cleared, as in Node. */
  hasRef(): boolean {
    return this.#armed !== null && this.#ref
  }

  /** From some Node 24 on, `clearImmediate` looks at this first. */
  get _onImmediate(): boolean {
    return this.#armed !== null
  }

  /** All that Node's own `clearImmediate` does with what is in no list of Node's is to ask for this, and nobody else does. */
  get _destroyed(): boolean {
    this[Symbol.dispose]()
    return true
  }

  [Symbol.dispose](): void {
    this.#armed?.cancel()
    this.#armed = null
  }
}

export interface TimerFunctions {
  readonly setTimeout: (run: Callback, delay?: unknown, ...args: unknown[]) => ProgramTimeout
  readonly setInterval: (run: Callback, delay?: unknown, ...args: unknown[]) => ProgramTimeout
  readonly setImmediate: (run: Callback, ...args: unknown[]) => ProgramImmediate
  /** A time-out that only bounds something else: it does not move time, and the process does not wait for it. */
  readonly setLimit: (run: Callback, delay: number) => void
  readonly clearTimeout: (timer: unknown) => void
  readonly clearInterval: (timer: unknown) => void
  readonly clearImmediate: (timer: unknown) => void
}

export function timerFunctions(clock: LastingClock): TimerFunctions {
  const timers: ProgramTimers = { clock, enterNumber: numberTable(), overdue: false }
  const real = { ...builtin('node:timers') }
  // Far from Node's own numbers, so that a number says whose timer it is.
  let nextId = 1_000_000_000
  const make = (kind: ProgramTimerKind, run: Callback, delay: unknown, args: readonly unknown[]) => {
    const callback = callbackOf('Timeout', run, args)
    do nextId += 1
    while (isTaken(nextId))
    return new ProgramTimeout(timers, nextId, kind, delayOf(delay), kind === 'timeout' && Number(delay) < 0, callback)
  }
  /** What was made before, and what is no timer at all, is the host's. */
  const clear = (timer: unknown, clearReal: (timer: never) => void) => {
    const known = timer instanceof ProgramTimeout ? timer : timerOfNumber(timer)
    if (known === undefined) clearReal(timer as never)
    else known.close()
  }
  return {
    setTimeout: (run, delay, ...args) => make('timeout', run, delay, args),
    setInterval: (run, delay, ...args) => make('interval', run, delay, args),
    setImmediate: (run, ...args) => new ProgramImmediate(clock, callbackOf('Immediate', run, args)),
    setLimit: (run, delay) => make('limit', run, delay, []).unref(),
    clearTimeout: (timer) => clear(timer, real.clearTimeout),
    clearInterval: (timer) => clear(timer, real.clearInterval),
    clearImmediate(timer) {
      if (timer instanceof ProgramImmediate) timer[Symbol.dispose]()
      else real.clearImmediate(timer as never)
    },
  }
}
