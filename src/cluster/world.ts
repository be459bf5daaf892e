/**
 * The simulated world as one value: nodes, connections, processes, and the queue of everything that is going to happen.
 * `pump.ts` decides when an event may run, `network.ts` and `nodes.ts` what it does.
 */
import {
  type BrokerConfig,
  type BrokerState,
  type BrokerTimer,
  brokerConfig,
  type ControllerState,
  createBrokerState,
  createController,
  type ForwardedRequest,
  givenConfig,
  offerOf,
  type Switches,
} from '../broker/index.ts'
import type { AllocateProducerIds, AlterPartition, PeerMessage } from '../broker/replication/messages.ts'
import type { RequestToken } from '../broker/request.ts'
import {
  type Chooser,
  createQueue,
  createTrace,
  type EventKind,
  type EventQueue,
  type Fact,
  push,
  type QueuedEvent,
  record,
  remove,
  type Trace,
} from '../kernel/index.ts'
import type { ClientConnection, PendingRequest } from './connection.ts'
import type { GroupHistory } from './generations.ts'
import type { ClusterHost } from './host.ts'
import type { Ledger } from './laws/ledger.ts'
import type { Links } from './links.ts'
import type { HeldEvent, Process } from './process.ts'

/** What a queued event does. Data where it can be; closures only where user code is at the end. */
export type Task =
  | { readonly type: 'connected'; readonly connection: ClientConnection }
  | { readonly type: 'request'; readonly connection: ClientConnection; readonly request: PendingRequest }
  | {
      readonly type: 'response'
      readonly connection: ClientConnection
      readonly correlationId: number
      readonly body: unknown
    }
  | { readonly type: 'reset'; readonly connection: ClientConnection; readonly reason: string }
  | { readonly type: 'broker-timer'; readonly node: number; readonly key: string; readonly timer: BrokerTimer }
  | { readonly type: 'to-controller'; readonly node: number; readonly forwarded: ForwardedRequest }
  | {
      readonly type: 'from-controller'
      readonly node: number
      readonly incarnation: number
      readonly replyTo: RequestToken
      readonly body: unknown
    }
  /** The broker learns the metadata log up to this offset. */
  | { readonly type: 'metadata'; readonly node: number; readonly incarnation: number; readonly upTo: number }
  | {
      readonly type: 'peer'
      readonly from: number | 'controller'
      readonly to: number
      /** Of the receiver when it was sent: nothing reaches a later one (law K3). */
      readonly incarnation: number
      readonly message: PeerMessage
    }
  | { readonly type: 'alter-partition'; readonly from: number; readonly message: AlterPartition }
  | {
      readonly type: 'allocate-producer-ids'
      readonly from: number
      /** Of the broker that asks: a later one has no use for the answer. */
      readonly incarnation: number
      readonly message: AllocateProducerIds
    }
  /** The controller has not heard from a broker for its session. */
  | { readonly type: 'fence'; readonly node: number }
  /** The controller hears again from a broker it has fenced. */
  | { readonly type: 'heartbeat'; readonly node: number; readonly incarnation: number }
  | { readonly type: 'controller-elected' }
  /** A broker ends itself. */
  | { readonly type: 'halt'; readonly node: number; readonly incarnation: number }
  /** A broker asks the controller whether it may stop, and is told when it may. */
  | { readonly type: 'ask-to-stop' | 'may-stop'; readonly node: number; readonly incarnation: number }
  /** The controller looks whether leadership should go back to preferred replicas. */
  | { readonly type: 'rebalance-leaders' }
  | ClientTimerTask
  | { readonly type: 'control'; readonly label: string; readonly run: () => void }

export interface ClientTimerTask {
  readonly type: 'client-timer'
  readonly process: Process
  readonly label: string
  readonly run: () => void
  /** Where it waits now; null once it ran. */
  event: QueuedEvent<Task> | null
  cancelled: boolean
}

export interface NodeRuntime {
  readonly id: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
  readonly broker: BrokerState
  up: boolean
  /** Alive, but it does nothing: a long garbage collection, a virtual machine that was stopped. */
  paused: boolean
  /** It hands over, and ends when that is done: it has asked the controller, or has been told that it may. */
  stopping: null | 'asked' | 'granted'
  /** What would have reached it while it was paused, in order. */
  held: HeldEvent[]
  /** One more a start. */
  incarnation: number
  /** Whether this incarnation is known to the controller. */
  registered: boolean
  /** It ended in order last time: its logs are whole. */
  cleanShutdown: boolean
  /** Ends its session at the controller; null while its heartbeats arrive. */
  sessionEnd: QueuedEvent<Task> | null
  readonly timers: Map<string, QueuedEvent<Task>>
  readonly connections: Set<ClientConnection>
}

/** An API call that has not settled yet. */
export interface OpenCall {
  readonly label: string
  readonly process: Process
  readonly since: number
  readonly deadline: number
  waitsForUser: boolean
  readonly onDeadline: ((error: Error) => void) | null
}

export interface World {
  readonly host: ClusterHost
  readonly config: BrokerConfig
  /** Not what was asked for while clients are connected whose waiting nobody sees: see `wire/pace.ts`. */
  mode: 'auto' | 'manual' | 'wall'
  readonly patienceMs: number
  readonly deadlineMs: number
  readonly strict: boolean
  now: number
  queue: EventQueue<Task>
  chooser: Chooser
  readonly seeded: boolean
  trace: Trace
  readonly nodes: Map<number, NodeRuntime>
  controller: ControllerState
  readonly connections: Map<number, ClientConnection>
  /** Clients that speak bytes, each as what to call when the cluster ends. */
  readonly wires: Set<() => void>
  /** Who opens and closes a port when a broker ends or is there again. */
  readonly nodeListeners: Set<(node: number, up: boolean) => void>
  readonly processes: Map<string, Process>
  readonly calls: Set<OpenCall>
  readonly counters: Map<string, number>
  /** Whether the laws are checked after every event. */
  readonly checksLaws: boolean
  readonly ledger: Ledger
  /** Told when compaction writes a batch anew: a recorder knows records by their bytes. */
  onRewritten: ((before: Uint8Array, after: Uint8Array) => void) | null
  /** What the trace was last told of a partition, so that it is told changes only. */
  readonly toldPartitions: Map<
    string,
    {
      readonly leader: number
      readonly epoch: number
      readonly isr: readonly number[]
      readonly replicas: readonly number[]
    }
  >
  /** Whether the controller is going to look at the balance of leaders. */
  rebalanceArmed: boolean
  readonly links: Links
  /** Whether a controller is active. While one is elected, what is sent to it waits. */
  controllerUp: boolean
  controllerHeld: HeldEvent[]
  nextConnectionId: number
  /** Virtual time of the last progress: a call settled, a handler ran, the test called in. */
  lastProgress: number
  /** Virtual time at which a wait of the program ended and it went on, for programs whose calls nobody sees (`wire/awaited.ts`). */
  programWent: number
  /** User code may have become runnable: it has to run before the next event. */
  touched: boolean
  disposed: boolean
  /** The program's own timers, dates and chance are the cluster's (`controlTime`). */
  controlsProgram: boolean
  /** Work of the host on threads of its own that has to end before anything else may happen. */
  underWayOutside: number
  /** Set once real I/O came in while the cluster ran. */
  taint: string | null
  /** Every process that has clients, the test's own included. */
  readonly owners: Set<Process>
  /** Timers of a group that are bound to end by themselves, unless one of its handlers is at work. */
  readonly groupTimers: Map<string, Set<QueuedEvent<Task>>>
  /** The generations of every group, for whoever looks at them. */
  readonly groupHistory: Map<string, GroupHistory>
  eventsRun: number
  /** Called after every event (laws, `until`). */
  readonly afterEvent: Set<() => void>
  wake: () => void
}

export interface WorldOptions {
  readonly host: ClusterHost
  readonly brokers: number
  /** By broker id, from 1 on; empty = as `broker.rack` says. */
  readonly racks: readonly string[]
  readonly config: BrokerConfig
  readonly switches: Switches
  readonly kafkaVersion: string
  readonly mode: 'auto' | 'manual' | 'wall'
  readonly epoch: number
  readonly patienceMs: number
  readonly deadlineMs: number
  readonly strict: boolean
  readonly chooser: Chooser
  readonly seeded: boolean
  readonly traceCapacity: number
  readonly checksLaws: boolean
}

/** The first broker's port; the next ones follow. */
export const FIRST_PORT = 9092
export const HOST_NAME = 'localhost'

export function createWorld(options: WorldOptions): World {
  const nodes = new Map<number, NodeRuntime>()
  const offer = offerOf(options.kafkaVersion)
  for (let id = 1; id <= options.brokers; id++) {
    const rack = options.racks[id - 1]
    const config =
      rack === undefined ? options.config : brokerConfig({ ...givenConfig(options.config), 'broker.rack': rack })
    nodes.set(id, {
      id,
      host: HOST_NAME,
      port: FIRST_PORT + id - 1,
      rack: config['broker.rack'] ?? null,
      broker: createBrokerState(id, config, options.switches, offer, options.checksLaws),
      up: true,
      paused: false,
      stopping: null,
      held: [],
      incarnation: 1,
      registered: false,
      cleanShutdown: true,
      sessionEnd: null,
      timers: new Map(),
      connections: new Set(),
    })
  }
  return {
    host: options.host,
    config: options.config,
    mode: options.mode,
    patienceMs: options.patienceMs,
    deadlineMs: options.deadlineMs,
    strict: options.strict,
    now: options.epoch,
    queue: createQueue<Task>(),
    chooser: options.chooser,
    seeded: options.seeded,
    trace: createTrace(options.traceCapacity),
    nodes,
    controller: createController(options.config, options.switches),
    connections: new Map(),
    wires: new Set(),
    nodeListeners: new Set(),
    processes: new Map(),
    calls: new Set(),
    counters: new Map(),
    rebalanceArmed: false,
    links: { cut: new Set(), slow: new Map(), lastArrival: new Map(), held: [] },
    controllerUp: true,
    controllerHeld: [],
    checksLaws: options.checksLaws,
    onRewritten: null,
    ledger: {
      partitions: new Map(),
      decided: new Set(),
      produces: new Map(),
      committedReaders: new Set(),
      transactions: new WeakMap(),
      owners: new Map(),
      producers: new Map(),
      links: { order: new Map(), arrived: new Map(), underWay: new Map() },
      groups: new Map(),
      violation: null,
    },
    toldPartitions: new Map(),
    nextConnectionId: 1,
    lastProgress: options.epoch,
    programWent: options.epoch,
    touched: false,
    disposed: false,
    controlsProgram: false,
    underWayOutside: 0,
    taint: null,
    owners: new Set(),
    groupTimers: new Map(),
    groupHistory: new Map(),
    eventsRun: 0,
    afterEvent: new Set(),
    wake: () => {},
  }
}

export function note(world: World, fact: Fact): void {
  record(world.trace, world.now, fact)
}

/** Arms an event `delayMs` from now. */
export function arm(world: World, delayMs: number, kind: EventKind, task: Task): QueuedEvent<Task> {
  return push(world.queue, world.now + delayMs, kind, task)
}

/** Arms again what was taken out of the queue and held back: before everything that was armed after it (law K5). */
export function armHeld(world: World, { sequence, task }: HeldEvent): void {
  push(world.queue, world.now, 'work', task, sequence)
}

/** Arms a client's timer; `cancelTimer` finds it also after a freeze. */
export function armClientTimer(
  world: World,
  process: Process,
  delayMs: number,
  kind: EventKind,
  label: string,
  run: () => void,
): ClientTimerTask {
  const task: ClientTimerTask = { type: 'client-timer', process, label, run, event: null, cancelled: false }
  task.event = arm(world, delayMs, kind, task)
  return task
}

export function cancelTimer(world: World, task: ClientTimerTask): void {
  task.cancelled = true
  if (task.event !== null) remove(world.queue, task.event)
  task.event = null
}

/** Milliseconds one way, by draw: mostly the least, sometimes a slow tail (FoundationDB's shape). Index 0 is the least. */
const LATENCIES: readonly number[] = [
  ...new Array<number>(46).fill(1),
  ...new Array<number>(10).fill(2),
  ...new Array<number>(5).fill(5),
  20,
  50,
  100,
]

export function latency(world: World): number {
  return world.seeded ? (LATENCIES[world.chooser.choose('network.latency', LATENCIES.length)] as number) : 1
}

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** A fresh 128-bit id in Kafka's base64url form. Without a seed ids simply count. */
export function freshUuid(world: World): string {
  const words = freshWords(world)
  let bits = ''
  for (const word of words) bits += word.toString(2).padStart(32, '0')
  bits += '0000'
  let text = ''
  for (let i = 0; i < 132; i += 6) text += BASE64URL[Number.parseInt(bits.slice(i, i + 6), 2)]
  return text
}

/** The same in 8-4-4-4-12 form. */
export function freshMemberUuid(world: World): string {
  const hex = freshWords(world)
    .map((word) => word.toString(16).padStart(8, '0'))
    .join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

function freshWords(world: World): readonly number[] {
  const count = nextCounter(world, 'uuid')
  // A counter keeps unseeded ids unique and short to read; a seed spreads them as real ones are.
  if (!world.seeded) return [0, 0, 0x80000000, count + 1].map((word) => word >>> 0)
  return [0, 1, 2, 3].map(() => world.chooser.choose('ids.word', 0x100000000))
}

export function nextCounter(world: World, name: string): number {
  const value = world.counters.get(name) ?? 0
  world.counters.set(name, value + 1)
  return value
}
