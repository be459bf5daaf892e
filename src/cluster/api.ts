/** What a user of a cluster holds, as types: the documentation of the public API below `createCluster`. */
import type { Choices, History, TraceEvent } from '../kernel/index.ts'
import type { Transport } from '../protocol/transport.ts'
import type { Duration } from './duration.ts'
import type { Faults } from './faults/handle.ts'
import type { ProcessHandle, ProcessMain } from './process-handle.ts'
import type { ProduceMessage, RecordPosition } from './produce.ts'
import type { ReadOptions } from './readable.ts'
import type {
  ClusterView,
  GenerationView,
  GroupView,
  LogEntryView,
  MemberView,
  NodeView,
  PartitionView,
  RecordView,
  TraceListener,
} from './view.ts'
import type { ClusterServer, ListenOptions } from './wire/server.ts'
import type { SocketFactoryArgs } from './wire/socket.ts'

/** Ends with its scope (`using`), or when told. */
export interface TimeControl {
  release(): void
  [Symbol.dispose](): void
}

/** kafkajs wants a `net.Socket`; it gets what it uses of one (`WireSocket`). */
// biome-ignore lint/suspicious/noExplicitAny: net.Socket cannot be named where there is no Node.
export type KafkajsSocket = any

/** How the composition root makes a client. */
export type MakeKafka<K, C> = (transport: Transport, defaults: KafkaDefaults, config: C | undefined) => K

export interface KafkaDefaults {
  readonly clientId: string
  readonly brokers: readonly string[]
}

export interface Cluster<K, C> {
  /** A client of this cluster with the kafkajs API. `brokers` and a client id are filled in. */
  kafka(config?: C): K
  /** Runs a piece of application code as a process that can die: see `ProcessHandle`. */
  process(name: string, main: ProcessMain<K, C>): ProcessHandle
  /**
   * Writes records over the wire, for tests that do not care about producers. Strings are values. In `auto` what is on its
   * way arrives first, so that a consumer that has just begun to run is really there.
   */
  produce(topic: string, messages: readonly (string | ProduceMessage)[]): Promise<RecordPosition[]>
  topic(name: string): TopicHandle
  group(id: string): GroupHandle
  nodes(): NodeView[]
  /** Addresses for `new Kafka({ brokers })`. */
  readonly brokers: readonly string[]
  /**
   * For the real kafkajs: `new Kafka({ brokers: cluster.brokers, socketFactory: cluster.socketFactory })`. Its bytes reach the
   * brokers without a port. Nobody sees what it waits for, so while one of its sockets is open virtual time goes at the wall's
   * pace; see docs/doors.md.
   */
  readonly socketFactory: (args: SocketFactoryArgs) => KafkajsSocket
  /**
   * Puts the whole program on virtual time, until released: setTimeout and its kin, Date, performance.now, process.hrtime,
   * Math.random, node:crypto's and Web Crypto's draws, and zlib, which works synchronously as far as anybody can see. With it the
   * real kafkajs runs at the cluster's pace and is repeatable from a seed. One cluster at a time.
   *
   * ```ts
   * using _ = cluster.controlTime()
   * ```
   *
   * @throws KafkariumError `KAFKARIUM_WRONG_STATE` when timers are faked already, by another cluster or by a test runner
   */
  controlTime(): TimeControl
  /**
   * Opens a port a broker for clients in any language, at the wall's pace until it is closed.
   *
   * @throws KafkariumError `KAFKARIUM_CANNOT_LISTEN` where a port is taken
   */
  listen(options?: ListenOptions): Promise<ClusterServer>
  /** An immutable copy of everything a screen may show. */
  view(): ClusterView
  /**
   * What clients sent, read, handled and committed so far, and what the logs hold now: for `checkHistory`. The logs are taken
   * as they are, so let the cluster come to rest first. Needs `createCluster({ history: true })`.
   */
  history(): History

  /** Virtual milliseconds since the Unix epoch. */
  readonly now: number
  /** Moves virtual time on by exactly this long; everything due on the way happens. */
  advance(duration: Duration): Promise<void>
  /** Runs until nothing is under way or bound to happen by itself. */
  settle(): Promise<void>
  /**
   * Runs, merely ticking timers included, until the predicate holds; it is asked after every event. Anything truthy counts as true,
   * though the type wants a boolean: it keeps promises out.
   */
  until(predicate: () => boolean, options?: { readonly within?: Duration; readonly what?: string }): Promise<void>
  /** Runs one event, whatever its kind; false when there is none. For `manual` and a paused `wall`. */
  step(): boolean
  /** `wall` only: stops and restarts the clock. */
  pause(): void
  play(): void
  readonly paused: boolean
  /** `wall` only: virtual milliseconds per real one. */
  speed: number
  /** What is armed, soonest first, in words. */
  pendingTimers(): string[]

  readonly faults: Faults
  /**
   * Ends every fault, those to come included, and runs until the cluster has met its duties: all produces answered, all replicas in sync and equal, all
   * metadata known, every group with members Stable and nobody dead in it. A duty that is not met in time rejects, and says what is
   * missing.
   *
   * @param options.within default: 5 virtual minutes
   * @param options.caughtUp groups that shall have read and committed everything, too
   */
  heal(options?: { readonly within?: Duration; readonly caughtUp?: readonly string[] }): Promise<void>
  readonly trace: TraceHandle
  /** Puts a line of your own into the trace. */
  mark(text: string): void
  /** What made this run unrepeatable, or null. */
  readonly taint: string | null
  /** Back to the first moment: topics as configured, no groups, no records, the seed's first choice. Old clients are dead. */
  reset(): void
  readonly disposed: boolean
  /** Ends everything. Using the cluster or its clients afterwards is an error. */
  dispose(): Promise<void>
  [Symbol.dispose](): void
  [Symbol.asyncDispose](): Promise<void>
}

export interface TraceHandle {
  /** The kept events, oldest first: all of them with `trace: 'full'`. */
  events(): readonly TraceEvent[]
  /** Covers everything that happened since the start. Same seed, same program: same hash. */
  readonly hash: string
  /** How many events there were. */
  readonly count: number
  /** Calls the listener with every event from now on; answers its remover. */
  onEvent(listener: TraceListener): () => void
  /** What the seed decided, for a replay. */
  choices(): Choices
}

export interface TopicHandle {
  readonly name: string
  readonly partitions: readonly PartitionView[]
  /**
   * The records a consumer gets, by partition, then offset: nothing of aborted transactions, nothing at or behind the last stable offset (what is
   * not replicated yet, or lies behind an open transaction). `{ readUncommitted: true }` for everything in the leader's log. Of internal topics:
   * all records, decoded, but those of aborted and of open transactions.
   */
  records(partition?: number, options?: ReadOptions): RecordView[]
  records(options: ReadOptions): RecordView[]
  /** What is at every offset of the leader's log, markers included, and what became of the transactions they were in. */
  log(partition: number): LogEntryView[]
  /**
   * The next record nobody has taken with `next` yet, in order of offset, lowest partition first; waits for one. As with `records`, one of a
   * transaction comes when that is committed, unless with `readUncommitted`.
   */
  next(options?: ReadOptions & { readonly within?: Duration }): Promise<RecordView>
}

export interface GroupHandle {
  readonly id: string
  /** Null while nobody has heard of the group. */
  view(): GroupView | null
  /** The members its coordinator counts now, in the order in which they joined; none while nobody coordinates it. */
  members(): readonly MemberView[]
  /** Its generations so far, oldest first: who owned what, and why each ended. The last 1,000 are kept. */
  history(): readonly GenerationView[]
  /** Committed offset: the next to read. -1 = none. */
  committed(topic: string, partition: number): number
  /** Records behind the high watermark over all partitions with a commit. */
  lag(): number
  /** Runs until the group is Stable, with this many members if given. */
  stable(options?: { readonly members?: number; readonly within?: Duration }): Promise<void>
}
