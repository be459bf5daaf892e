/**
 * The history of a run as plain data: what clients were told, what the logs hold in the end, what handlers were given.
 * `src/check` judges it, whoever recorded it.
 *
 * A record's identity is its SEND ID, not its value: users repeat values. A send that the client retried is one send with
 * several attempts, so one id at two offsets is a duplicate.
 */
export interface History {
  /** One entry a record. */
  readonly sends: readonly SendOp[]
  /** What the leaders' logs hold in the end, by topic, partition, offset. Null: nobody looked (a history from afar). */
  readonly stored: readonly StoredRecord[] | null
  /** Records handed to application code. */
  readonly reads: readonly ReadOp[]
  /** What became of them: one entry a read that went to a handler of a group. */
  readonly handled: readonly HandledOp[]
  /** Offsets committed for groups. */
  readonly commits: readonly CommitOp[]
  /** Why a group stood elsewhere than behind what it had read. */
  readonly moves: readonly MoveOp[]
  /** What else is known of partitions; the others count as whole and well configured. */
  readonly partitions: readonly PartitionEnd[]
}

/** Where in the order of the run an entry stands (one count over all lists), and when that was. */
export interface Moment {
  readonly order: number
  /** Virtual milliseconds since the Unix epoch. */
  readonly time: number
}

/**
 * How a send ended for its client: `ok` acknowledged, `fail` it certainly did not happen, `info` nobody can say (a time-out,
 * a lost answer, still under way). `aborted`: the log says that its transaction was aborted, and the client was never told of a commit.
 */
export type SendOutcome = 'ok' | 'fail' | 'info' | 'aborted'

export interface SendOp extends Moment {
  readonly id: number
  /** The client id. */
  readonly client: string
  readonly topic: string
  readonly partition: number
  /** 0, 1, or -1 for all. */
  readonly acks: number
  readonly idempotent: boolean
  readonly outcome: SendOutcome
  /** The acknowledged offset; null without one (`acks=0`, not ok). */
  readonly offset: number | null
  /** How many requests carried it. */
  readonly attempts: number
  /** What the client was told when it was not ok: an error's name, '' otherwise. */
  readonly reason: string
}

export interface StoredRecord {
  readonly send: number
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface ReadOp extends Moment {
  readonly send: number
  readonly client: string
  /** The process it ran in and which run of it: `billing#2`. */
  readonly process: string
  /** Null for a reader without a group. */
  readonly group: string | null
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Whether the reader asked for records of aborted and of open transactions, too; absent = not known. */
  readonly readUncommitted?: boolean
}

/**
 * - `completed`: the handler returned.
 * - `resolved`: the handler called `resolveOffset` for it and then did not return.
 * - `failed`: the handler threw.
 * - `running`: it is still at work.
 * - `died`: its process died while it was at work.
 */
export type HandledOutcome = 'completed' | 'resolved' | 'failed' | 'running' | 'died'

export interface HandledOp extends Moment {
  readonly send: number
  readonly client: string
  readonly process: string
  readonly group: string
  readonly member: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly outcome: HandledOutcome
}

export interface CommitOp extends Moment {
  readonly group: string
  /** '' when it came from outside the group, as an administrator's does. */
  readonly member: string
  readonly topic: string
  readonly partition: number
  /** The next offset to read. */
  readonly offset: number
}

/** `seek`: the application asked for it. `reset`: the offset was out of range. */
export interface MoveOp extends Moment {
  readonly kind: 'seek' | 'reset'
  readonly group: string
  readonly topic: string
  readonly partition: number
  /** -1 = the end of the log, -2 = its beginning. */
  readonly offset: number
}

export interface PartitionEnd {
  readonly topic: string
  readonly partition: number
  /** False: nobody leads it, so `stored` comes from the in-sync replica with the longest log. */
  readonly led: boolean
  /** Records before it were deleted on purpose. */
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly logEndOffset: number
  /** `min.insync.replicas`. */
  readonly minIsr: number
  /** A later record with its key may have taken a record's place. */
  readonly compacted: boolean
  /** How often a replica that was not in sync became leader, of several: the only one there is lacks nothing that another has. */
  readonly uncleanElections: number
  /** How often a replica lost records it had, in a crash. */
  readonly lossyCrashes: number
}
