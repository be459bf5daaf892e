/**
 * The pump: which event may run now, and when user code gets its turn. The policy is one sentence: time moves when
 * somebody awaits the cluster, or when something is bound to happen by itself; it does not move for what merely ticks.
 */
import { always, nextLoopTime, peek, pop, type QueuedEvent, remove } from '../kernel/index.ts'
import { dispatch } from './dispatch.ts'
import { durationText } from './duration.ts'
import { DeadlockError, KafkariumError, UncontrolledAsyncError } from './errors.ts'
import { describeHandlers, describeWaiting } from './pending.ts'
import type { OpenCall, Task, World } from './world.ts'

export interface Pump {
  /** Something changed: run if there is anything to run. */
  wake(): void
  /** Called whenever code outside calls in: notes real I/O that came in while the cluster ran. */
  enter(what: string): void
  /** Runs exactly one event, whatever its kind; false when there is none. */
  stepOne(): boolean
  /** Called when nothing may run any more; a listener that answers true has made something runnable. */
  readonly idle: Set<() => boolean>
  /** Called before every event, when all that the last one caused has happened. */
  readonly settled: Set<() => void>
  /** How many drivers (until) want every event to run, daemons included. */
  drivers: number
  /** How many wait for quiet (settle): in `manual` too, what is bound to happen runs. */
  settlers: number
  /** Nothing is under way or bound to happen by itself. */
  quiet(): boolean
  disarm(event: QueuedEvent<Task>): void
  /** In `manual`: events up to this time may run. */
  allowedUntil: number
  /** `wall` only. */
  readonly clock: { readonly speed: number; readonly paused: boolean }
  setSpeed(speed: number): void
  setPaused(paused: boolean): void
  /** Time goes on at the wall's pace from here, or by itself again. */
  setMode(mode: 'auto' | 'wall'): void
  running(): boolean
  /** A handler of user code is done: what waited for it may go on. */
  handlerEnded(): void
  /** Ends for good: no turn, no timer. */
  stop(): void
}

/** Events run in one turn before the host's loop is looked at, when no user code is involved. */
const EVENTS_A_TURN = 2048

/** So long (real milliseconds) `until` waits for a handler of user code before it moves time past it. */
const HANDLER_GRACE_MS = 1000

export function createPump(world: World, speed: number): Pump {
  let active = false
  /** Between two batches of turns: what enters now came from outside. */
  let seamOpen = false
  let cancelSleep: (() => void) | null = null
  /** `until` waits for a handler; the real timer that ends the wait. */
  let cancelGrace: (() => void) | null = null
  let graceIsOver = false
  let anchor = { real: world.host.wallNow(), virtual: world.now }
  const clock = { speed, paused: false }
  const idle = new Set<() => boolean>()
  const settled = new Set<() => void>()

  const pump: Pump = {
    idle,
    settled,
    drivers: 0,
    allowedUntil: world.now,
    settlers: 0,
    clock,
    quiet: () => !boundToHappen(),
    disarm: (event) => remove(world.queue, event),
    setSpeed(value) {
      catchUp()
      clock.speed = value
      reschedule()
    },
    setPaused(value) {
      catchUp()
      clock.paused = value
      reschedule()
    },
    setMode(mode) {
      catchUp()
      world.mode = mode
      reschedule()
    },
    running: () => active,
    handlerEnded() {
      graceIsOver = false
      cancelGrace?.()
      cancelGrace = null
      if (pump.drivers > 0) pump.wake()
    },
    stop() {
      cancelSleep?.()
      cancelGrace?.()
    },
    wake() {
      if (active || world.disposed) return
      active = true
      cancelSleep?.()
      cancelSleep = null
      world.host.turns(turn, (open) => {
        seamOpen = open
      })
    },
    enter(what) {
      if (world.disposed) throw disposedError(what)
      if (world.mode === 'wall') catchUp()
      if (!active || !seamOpen || world.taint !== null || world.mode === 'wall') return
      world.taint =
        `${what} was called by real I/O or a real timer while the cluster was running, ` +
        `at virtual time ${new Date(world.now).toISOString()}: this run cannot be repeated from its seed. ` +
        'See docs/time.md, "Repeatable runs".'
      if (world.strict) throw new UncontrolledAsyncError(world.taint)
    },
    stepOne() {
      const event = pop(world.queue)
      if (event === undefined) return false
      runEvent(event)
      pump.wake()
      return true
    },
  }
  world.wake = () => pump.wake()
  return pump

  /** One turn: runs events until user code may have become runnable. False = park. */
  function turn(): boolean {
    seamOpen = false
    // Whoever holds it wakes the pump.
    if (world.disposed || world.underWayOutside > 0) {
      active = false
      return false
    }
    world.touched = false
    for (let i = 0; i < EVENTS_A_TURN; i++) {
      if (settled.size > 0) {
        for (const listener of [...settled]) listener()
        if (world.touched) return true
      }
      if (!mayRun()) {
        let woken = false
        for (const listener of [...idle]) woken = listener() || woken
        if (woken) return true
        active = false
        if (world.mode === 'wall') {
          catchUp()
          sleepUntilNext()
        }
        return false
      }
      const event = pop(world.queue)
      if (event === undefined) return true
      runEvent(event)
      if (world.touched || world.disposed) return true
    }
    return true
  }

  function runEvent(event: QueuedEvent<Task>): void {
    always(event.time >= world.now, 'K1', 'virtual time never decreases.')
    world.now = event.time
    // A jump (advance, step) puts virtual time ahead of the wall: it goes on from there.
    if (world.mode === 'wall' && world.now > wallTarget()) anchor = { real: world.host.wallNow(), virtual: world.now }
    world.eventsRun += 1
    dispatch(world, event)
    if (world.afterEvent.size > 0) for (const listener of world.afterEvent) listener()
    if (world.calls.size > 0) checkDeadlines()
  }

  function mayRun(): boolean {
    const { queue } = world
    const next = peek(queue)
    if (next === undefined) {
      // Somebody waits, and nothing is left that could ever happen.
      return expireStuck()
    }
    if (pump.drivers > 0 && world.mode !== 'wall' && mayDrive()) return true
    if (world.mode === 'wall') {
      return next.time <= pump.allowedUntil || (!clock.paused && next.time <= wallTarget())
    }
    if (world.mode === 'manual') return next.time <= pump.allowedUntil || (pump.settlers > 0 && boundToHappen())
    return boundToHappen()
  }

  /**
   * `until` moves what merely ticks, too. But not past a handler that is at work: it may do real I/O, and would lose its
   * session. If it takes long, or nothing real may happen at all (strict), time goes on.
   */
  function mayDrive(): boolean {
    let handlers = 0
    for (const { state, handlers: running } of world.owners) if (state === 'running') handlers += running
    if (handlers === 0 || world.strict || graceIsOver) return true
    cancelGrace ??= world.host.later(HANDLER_GRACE_MS, true, () => {
      cancelGrace = null
      graceIsOver = true
      world.host.warn(
        `[kafkarium] ${describeHandlers(world).join(', ')} has not returned for ${durationText(HANDLER_GRACE_MS)} while the test waits ` +
          'for the cluster: virtual time goes on without it. If it waits for real I/O, wait for that first; if time is meant to pass ' +
          'meanwhile, use cluster.advance(…).',
      )
      pump.wake()
    })
    return false
  }

  /** The policy: somebody awaits the cluster, or something happens by itself. */
  function boundToHappen(): boolean {
    const { queue } = world
    if (queue.workCount > 0 || queue.recoveryCount > 0) return true
    for (const call of world.calls) if (!call.waitsForUser && call.process.state === 'running') return true
    return queue.loops.size > 0 && nextLoopTime(queue) <= world.lastProgress + world.patienceMs
  }

  /** An API call is open, it waits for no user code, and the queue is empty: it can never settle. */
  function expireStuck(): boolean {
    if (world.mode !== 'auto') return false
    const stuck = [...world.calls].filter((call) => !call.waitsForUser && call.process.state === 'running')
    if (stuck.length === 0) return false
    for (const call of stuck) expire(call, 'nothing is left that could happen')
    return true
  }

  function checkDeadlines(): void {
    for (const call of world.calls) {
      // Calls are kept in the order they began, and all have the same deadline after that.
      if (call.deadline > world.now) return
      if (call.waitsForUser || call.process.state !== 'running') continue
      expire(call, `its virtual deadline of ${durationText(call.deadline - call.since)} passed`)
    }
  }

  function expire(call: OpenCall, why: string): void {
    world.calls.delete(call)
    call.process.calls.delete(call)
    if (call.onDeadline === null) return
    world.touched = true
    const pending = [call.label, ...[...world.calls].map(({ label }) => label)]
    call.onDeadline(
      new DeadlockError(
        `${call.label} cannot finish: ${why}.\n` +
          `  open calls: ${pending.join(', ')}\n` +
          describeWaiting(world) +
          '  Look at what it waits for: a broker that is down, a handler that never returns, a group that never gets stable.',
        pending,
      ),
    )
  }

  /** `wall`: where the host's clock says virtual time is. */
  function wallTarget(): number {
    if (clock.paused) return world.now
    return Math.floor(anchor.virtual + (world.host.wallNow() - anchor.real) * clock.speed)
  }

  /** `wall`: virtual now follows the host's clock, but never past an event that has not run yet. */
  function catchUp(): void {
    if (world.mode !== 'wall') return
    const target = wallTarget()
    const next = peek(world.queue)
    const reached = next === undefined ? target : Math.min(target, next.time)
    if (reached > world.now) world.now = reached
  }

  function reschedule(): void {
    anchor = { real: world.host.wallNow(), virtual: world.now }
    cancelSleep?.()
    cancelSleep = null
    pump.wake()
  }

  function sleepUntilNext(): void {
    const next = peek(world.queue)
    if (next === undefined || clock.paused || world.disposed) return
    const ms = Math.max((next.time - world.now) / clock.speed, 0)
    const waited = world.calls.size + pump.drivers + pump.settlers > 0
    const keepAlive = waited || world.queue.workCount > 0 || world.queue.recoveryCount > 0
    cancelSleep = world.host.later(Math.min(Math.ceil(ms), 2_000_000_000), keepAlive, () => {
      cancelSleep = null
      pump.wake()
    })
  }
}

export function disposedError(what: string): KafkariumError {
  return new KafkariumError(
    'KAFKARIUM_DISPOSED',
    `${what}: this cluster was disposed (cluster.dispose() was called, or its \`using\` scope ended). Create a new one with createCluster().`,
  )
}
