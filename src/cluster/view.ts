/**
 * The read model: an immutable copy of everything a screen, a test or a lesson may look at.
 * Nothing in it refers to live state (law K6).
 */
import type { TransactionStateName } from '../broker/index.ts'
import type { GroupStateName, TraceEvent } from '../kernel/trace-event.ts'

export interface ClusterView {
  /** Virtual milliseconds since the Unix epoch. */
  readonly now: number
  readonly nodes: readonly NodeView[]
  readonly topics: readonly TopicView[]
  readonly groups: readonly GroupView[]
  /** What coordinators know now, those that are over included: a transactional id is kept for seven days. */
  readonly transactions: readonly TransactionView[]
  readonly processes: readonly ProcessView[]
  /** What is on its way now. */
  readonly inFlight: InFlightView
  /** Links between brokers that are cut, the smaller id first. */
  readonly cuts: readonly (readonly [number, number])[]
  /** Every link that is cut or slow, each direction on its own. */
  readonly links: readonly LinkView[]
}

/** Counts of messages that were sent and have not arrived. */
export interface InFlightView {
  /** From clients to brokers. */
  readonly requests: number
  /** From brokers to clients. */
  readonly responses: number
  /** Between brokers: what followers ask, what leaders answer. */
  readonly replication: number
  /** From and to the controller. */
  readonly metadata: number
}

export interface LinkView {
  readonly from: number | 'controller' | 'clients'
  readonly to: number | 'controller' | 'clients'
  readonly cut: boolean
  /** What it adds to every message, virtual milliseconds. */
  readonly extraMs: number
}

export interface NodeView {
  readonly id: number
  readonly host: string
  readonly port: number
  readonly state: 'up' | 'down' | 'fenced'
  /** Alive, and does nothing. */
  readonly paused: boolean
  /** How many partitions it leads. */
  readonly leads: number
  /** Open client connections. */
  readonly connections: number
}

export interface TopicView {
  readonly name: string
  readonly internal: boolean
  readonly partitions: readonly PartitionView[]
}

export interface PartitionView {
  readonly topic: string
  readonly partition: number
  /** -1 = no leader. */
  readonly leader: number
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  /** Not in sync, and eligible as leaders all the same (KIP-966). */
  readonly elr: readonly number[]
  /** Of a reassignment under way: replicas that are to stay, and those that are to go. */
  readonly addingReplicas: readonly number[]
  readonly removingReplicas: readonly number[]
  readonly logStartOffset: number
  /** The leader's. Consumers read below it. */
  readonly highWatermark: number
  /** The leader's. Consumers read below it, unless they read uncommitted: it stands before the first transaction that is open. */
  readonly lastStableOffset: number
  /** Why it is below the high watermark, by first offset. */
  readonly openTransactions: readonly OpenTransactionView[]
  /** The leader's LEO: the offset the next record will get. */
  readonly logEndOffset: number
  /** Every replica's own log, in the order of `replicas`. */
  readonly replicaLogs: readonly {
    readonly node: number
    readonly logStartOffset: number
    readonly logEndOffset: number
    readonly highWatermark: number
    /** Everything before it survives a power failure (the recovery point). */
    readonly flushedOffset: number
    readonly segments: number
    /** Of all segments, record batch headers included. */
    readonly sizeInBytes: number
  }[]
}

/** A transaction as its coordinator has it. */
export interface TransactionView {
  readonly transactionalId: string
  readonly producerId: number
  /** The producer epoch. */
  readonly epoch: number
  readonly state: TransactionStateName
  /** The state it is on its way to, not in the log yet; null: none. */
  readonly pending: TransactionStateName | null
  /** What it has written to; none when it is over. */
  readonly partitions: readonly AssignedPartition[]
  /** Virtual milliseconds since the Unix epoch; null: none is open. */
  readonly startedAt: number | null
  readonly timeoutMs: number
  /** The broker's id. */
  readonly coordinator: number
}

/** A transaction as a partition's leader has it: read_committed consumers get what is before its first offset. */
export interface OpenTransactionView {
  readonly producerId: number
  readonly producerEpoch: number
  /** Null when no coordinator knows one with this producer id. */
  readonly transactionalId: string | null
  readonly firstOffset: number
  /** Virtual milliseconds since the Unix epoch: when it began, or where that is not known when its first record was written. */
  readonly since: number
  /** Its marker is written, and not below the high watermark yet. */
  readonly ended: boolean
  /** No coordinator is going to end it: only `admin.abortTransaction` does. */
  readonly hangs: boolean
}

export interface GroupView {
  readonly id: string
  /** Which protocol its members speak: the classic one, or the consumer protocol of KIP-848. */
  readonly type: 'classic' | 'consumer'
  readonly state: GroupStateName
  /** Virtual milliseconds since the Unix epoch: when it entered its state; null for one of which only commits are known. */
  readonly stateSince: number | null
  /** Of a consumer group the group epoch. */
  readonly generation: number
  /** `consumer` for consumers; null before the first member. */
  readonly protocolType: string | null
  /** The assignor: the one its members agreed on, or the coordinator's. */
  readonly protocol: string | null
  /** Consumer groups have none. */
  readonly leader: string | null
  readonly coordinator: number
  readonly members: readonly MemberView[]
  readonly offsets: readonly GroupOffsetView[]
  /** Why the last rebalance began, '' before the first. */
  readonly lastRebalanceReason: string
}

export interface AssignedPartition {
  readonly topic: string
  readonly partition: number
}

export interface MemberView {
  readonly id: string
  readonly clientId: string
  /** The address it joined from, as Kafka shows it: `/127.0.0.1`. */
  readonly clientHost: string
  /** `group.instance.id` of a static member (KIP-345). */
  readonly groupInstanceId: string | null
  readonly assignment: readonly AssignedPartition[]
  /** What it shall have, once others have given it up; null in classic groups, where that is what it has. */
  readonly target: readonly AssignedPartition[] | null
  /** Its member epoch; in classic groups the generation. */
  readonly epoch: number
  readonly sessionTimeoutMs: number
  /** Virtual milliseconds since the coordinator last heard from it. */
  readonly heartbeatAgeMs: number
}

/** One generation of a group: who owned what, and why it ended. */
export interface GenerationView {
  readonly generation: number
  /** Virtual milliseconds since the Unix epoch: when everybody had joined. */
  readonly began: number
  /** Why the rebalance that led to it began. */
  readonly reason: string
  /** When its assignment was handed out; null when it ended before. */
  readonly stableAt: number | null
  /** Null while it is the present one. */
  readonly ended: number | null
  /** What ended it; null while it is the present one. */
  readonly endReason: string | null
  /** Who owned which `topic-partition`s, in the order in which they learnt of it. */
  readonly owners: readonly {
    readonly member: string
    readonly clientId: string
    readonly partitions: readonly string[]
  }[]
}

export interface GroupOffsetView {
  readonly topic: string
  readonly partition: number
  /** The committed offset: the NEXT one to read. -1 = none. */
  readonly committed: number
  readonly logEndOffset: number
  /** logEndOffset − committed; null without a commit. */
  readonly lag: number | null
}

export interface ProcessView {
  readonly name: string
  readonly state: 'running' | 'crashed' | 'frozen' | 'ended'
  readonly incarnation: number
}

/** What is at one offset of a log. Offsets that compaction has emptied are left out. */
export interface LogEntryView {
  readonly offset: number
  /** Or the marker that ends the producer's transaction in this partition, which no consumer gets to see. */
  readonly type: 'record' | 'commit' | 'abort'
  /** Null = written without one. */
  readonly producerId: number | null
  /** What has become of the record's transaction; null for a record that was in none, and for a marker. */
  readonly transaction: 'open' | 'committed' | 'aborted' | null
}

export interface RecordView {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  /** UTF-8 text; null = null key. For `__consumer_offsets` a readable form of the decoded key. */
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [string, string | null])[]
  readonly keyBytes: Uint8Array | null
  readonly valueBytes: Uint8Array | null
  /** For records of internal topics: the decoded form. */
  readonly decoded?: unknown
}

export type TraceListener = (event: TraceEvent) => void
