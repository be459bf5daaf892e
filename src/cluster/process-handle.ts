/** What a user holds of a process: start, crash, freeze, restart. */

import { push } from '../kernel/index.ts'
import { KafkariumError } from './errors.ts'
import { abandonConnection } from './network.ts'
import { createProcess, dropWork, type Process } from './process.ts'
import type { Pump } from './pump.ts'
import { createStoreData, openStore, type Store } from './store.ts'
import { reclassifySessions } from './timers.ts'
import { note, type World } from './world.ts'

/** The application code: it gets clients and a store of its own. It is run again by `restart()`. */
export type ProcessMain<K, C> = (context: ProcessContext<K, C>) => Promise<void> | void

export interface ProcessContext<K, C> {
  /** A client that belongs to this process. */
  readonly kafka: K
  /** More clients, with options of their own. */
  readonly newKafka: (config?: C) => K
  /** A simulated database and mailbox: survives crashes. */
  readonly store: Store
  /** 1 for the first run, one more a restart. */
  readonly incarnation: number
  /** What `stop()` runs, last registered first: disconnect your clients here. */
  onStop(listener: () => Promise<void> | void): void
}

export interface ProcessHandle {
  readonly name: string
  readonly state: Process['state']
  readonly incarnation: number
  /** The store, from outside. */
  readonly store: Store
  /** Settles as the current incarnation's `main` does; never after a crash. */
  readonly ready: Promise<void>
  /** Dies at once: no goodbye, nothing more is sent or settled. */
  crash(reason?: string): void
  /**
   * Stops noticing anything (a long pause of the machine) until `thaw()`: what arrives waits, what its code sends is sent
   * then. Its code itself cannot be stopped: a handler that runs goes on, and its writes to `store` count.
   */
  freeze(reason?: string): void
  thaw(): void
  /** Runs `main` again, after a crash or instead of the running incarnation (which crashes). */
  restart(): Promise<void>
  /** Ends politely: runs what `onStop` registered, then the process is over. */
  stop(): Promise<void>
}

export function createProcessHandle<K, C>(
  world: World,
  pump: Pump,
  name: string,
  main: ProcessMain<K, C>,
  newKafka: (process: Process, config: C | undefined, incarnation: number) => K,
): ProcessHandle {
  const process = createProcess(name)
  world.processes.set(name, process)
  const data = createStoreData()
  let stopListeners: (() => Promise<void> | void)[] = []
  let ready = Promise.resolve()
  let watched = false

  const handle: ProcessHandle = {
    name,
    get state() {
      return process.state
    },
    get incarnation() {
      return process.incarnation
    },
    store: openStore(data, () => !world.disposed),
    get ready() {
      watched = true
      return ready
    },
    crash(reason = 'killed') {
      pump.enter('process.crash')
      if (process.state === 'crashed' || process.state === 'ended') {
        throw new KafkariumError(
          'KAFKARIUM_WRONG_STATE',
          `process "${name}" is ${process.state} already. restart() runs it again.`,
        )
      }
      die('crashed', 'crash', reason)
    },
    freeze(reason = 'frozen') {
      pump.enter('process.freeze')
      if (process.state !== 'running') {
        throw new KafkariumError(
          'KAFKARIUM_WRONG_STATE',
          `process "${name}" is ${process.state}: only a running one can freeze.`,
        )
      }
      process.state = 'frozen'
      note(world, { type: 'process', name, change: 'freeze', reason })
      reclassifySessions(world)
      pump.wake()
    },
    thaw() {
      pump.enter('process.thaw')
      if (process.state !== 'frozen') {
        throw new KafkariumError(
          'KAFKARIUM_WRONG_STATE',
          `process "${name}" is ${process.state}: only a frozen one can thaw.`,
        )
      }
      process.state = 'running'
      note(world, { type: 'process', name, change: 'thaw', reason: 'thawed' })
      const { held, outbox } = process
      process.held = []
      process.outbox = []
      // What arrived meanwhile comes first, in its old order, before anything else of this instant.
      for (const { task, sequence } of held) {
        if (task.type === 'client-timer' && task.cancelled) continue
        const event = push(world.queue, world.now, 'work', task, sequence)
        if (task.type === 'client-timer') task.event = event
      }
      for (const action of outbox) action()
      reclassifySessions(world)
      pump.wake()
    },
    restart() {
      pump.enter('process.restart')
      if (process.state === 'running' || process.state === 'frozen') die('crashed', 'crash', 'restarted')
      process.incarnation += 1
      process.state = 'running'
      run()
      watched = true
      return ready
    },
    async stop() {
      pump.enter('process.stop')
      if (process.state === 'frozen') {
        throw new KafkariumError(
          'KAFKARIUM_WRONG_STATE',
          `process "${name}" is frozen: it hears nothing. thaw() it first, or crash() it.`,
        )
      }
      if (process.state !== 'running') return
      for (const listener of stopListeners.reverse()) await listener()
      if (process.state === 'running') die('ended', 'end', 'stopped')
    },
  }
  run()
  return handle

  function run(): void {
    stopListeners = []
    watched = false
    const { incarnation } = process
    const current = () => process.incarnation === incarnation && process.state !== 'crashed'
    note(world, { type: 'process', name, change: 'start', reason: incarnation === 1 ? 'started' : 'restarted' })
    const context: ProcessContext<K, C> = {
      kafka: newKafka(process, undefined, incarnation),
      newKafka: (config) => newKafka(process, config, incarnation),
      store: openStore(data, current),
      incarnation,
      onStop(listener) {
        if (current()) stopListeners.push(listener)
      },
    }
    ready = new Promise<void>((resolve, reject) => {
      Promise.resolve()
        .then(() => main(context))
        .then(
          () => current() && resolve(),
          (error: unknown) => {
            if (!current()) return
            die('crashed', 'crash', `main threw ${String(error)}`)
            if (!watched) world.host.warn(`[kafkarium] process "${name}" crashed: ${String(error)}`)
            reject(error)
          },
        )
    })
    // Whoever asks for `ready` gets the rejection; if nobody does, the line above told it.
    ready.catch(() => {})
  }

  function die(state: 'crashed' | 'ended', change: 'crash' | 'end', reason: string): void {
    process.state = state
    note(world, { type: 'process', name, change, reason })
    for (const connection of [...process.connections]) abandonConnection(world, connection, `process ${name} is gone`)
    dropWork(world, process)
    reclassifySessions(world)
    world.lastProgress = world.now
    pump.wake()
  }
}
