/**
 * What happened, as data. The trace is the one account of a run: tests hash it, lessons grade over it,
 * the terminal shows it. Fields are plain numbers, strings and arrays of them, never references into state.
 */
export type TraceEvent = Fact & { readonly index: number; readonly time: number }

/** One thing that happened. `node` is a broker id; `client` names the client (its client id). */
export type Fact =
  // the network
  | { readonly type: 'connect'; readonly client: string; readonly node: number }
  | { readonly type: 'disconnect'; readonly client: string; readonly node: number; readonly reason: string }
  | {
      readonly type: 'request'
      readonly client: string
      readonly node: number
      readonly api: string
      readonly version: number
      readonly correlationId: number
    }
  | {
      readonly type: 'response'
      readonly client: string
      readonly node: number
      readonly api: string
      readonly correlationId: number
      readonly errorCode: number
    }
  // the log; `digest` stands for the content
  | {
      readonly type: 'append'
      readonly node: number
      readonly topic: string
      readonly partition: number
      readonly baseOffset: number
      readonly count: number
      readonly bytes: number
      readonly digest: number
      readonly client: string
      /** Of an idempotent producer. */
      readonly producer?: ProducerMark
    }
  /** A batch of an idempotent producer that is in the log already, at this offset: it is acknowledged, and not appended. */
  | {
      readonly type: 'duplicate'
      readonly node: number
      readonly topic: string
      readonly partition: number
      readonly baseOffset: number
      readonly count: number
      readonly client: string
      readonly producer: ProducerMark
    }
  /** A batch of an idempotent producer that does not follow what the log knows of it; nothing is appended. */
  | {
      readonly type: 'sequence.refused'
      readonly node: number
      readonly topic: string
      readonly partition: number
      readonly errorCode: number
      /** The sequence the log expects next; -1 = it does not know the producer. */
      readonly expected: number
      readonly client: string
      readonly producer: ProducerMark
    }
  /** A transaction of the producer has ended in the partition: its marker takes an offset, and no consumer sees it. */
  | {
      readonly type: 'marker'
      readonly node: number
      readonly topic: string
      readonly partition: number
      readonly offset: number
      readonly producerId: number
      readonly producerEpoch: number
      readonly coordinatorEpoch: number
      readonly outcome: TransactionOutcome
    }
  /** A marker of an earlier producer epoch, or of a coordinator that is one no longer; nothing is appended. */
  | {
      readonly type: 'marker.refused'
      readonly node: number
      readonly topic: string
      readonly partition: number
      readonly errorCode: number
      readonly producerId: number
      readonly producerEpoch: number
      readonly coordinatorEpoch: number
      readonly outcome: TransactionOutcome
    }
  | {
      readonly type: 'high-watermark'
      readonly node: number
      readonly topic: string
      readonly partition: number
      readonly offset: number
    }
  /** The log starts here now: records before it are gone (DeleteRecords, retention). Every replica's own. */
  | {
      readonly type: 'log-start'
      readonly node: number
      readonly topic: string
      readonly partition: number
      readonly offset: number
    }
  /** Superseded records are gone: of every key before `upTo` the last one is left. Every replica's own. */
  | {
      readonly type: 'compacted'
      readonly node: number
      readonly topic: string
      readonly partition: number
      readonly upTo: number
      readonly removed: number
    }
  // replicas
  | {
      readonly type: 'replicated'
      readonly node: number
      readonly topic: string
      readonly partition: number
      readonly baseOffset: number
      readonly count: number
    }
  | {
      readonly type: 'truncated'
      readonly node: number
      readonly topic: string
      readonly partition: number
      readonly from: number
      readonly to: number
    }
  /** A crash lost the end of a log that was not flushed. */
  | {
      readonly type: 'unflushed-lost'
      readonly node: number
      readonly topic: string
      readonly partition: number
      readonly from: number
      readonly to: number
    }
  | { readonly type: 'isr'; readonly topic: string; readonly partition: number; readonly isr: readonly number[] }
  // metadata
  | {
      readonly type: 'topic.created'
      readonly topic: string
      readonly partitions: number
      readonly replicationFactor: number
    }
  | { readonly type: 'topic.deleted'; readonly topic: string }
  | {
      readonly type: 'leader'
      readonly topic: string
      readonly partition: number
      readonly leader: number
      readonly epoch: number
      /** Elected although it may lack committed records. */
      readonly unclean: boolean
    }
  /** Other brokers hold the partition, or are going to: `adding` are to stay, `removing` are to go (KIP-455). */
  | {
      readonly type: 'replicas'
      readonly topic: string
      readonly partition: number
      readonly replicas: readonly number[]
      readonly adding: readonly number[]
      readonly removing: readonly number[]
    }
  // groups
  | {
      readonly type: 'group.state'
      readonly group: string
      readonly from: GroupStateName
      readonly to: GroupStateName
      readonly generation: number
      readonly reason: string
    }
  /** KIP-848: the coordinator has made a new target assignment, for this group epoch. */
  | { readonly type: 'group.target'; readonly group: string; readonly epoch: number; readonly reason: string }
  | { readonly type: 'group.join'; readonly group: string; readonly member: string; readonly client: string }
  | {
      readonly type: 'group.leave'
      readonly group: string
      readonly member: string
      readonly cause: GroupLeaveCause
      readonly reason: string
    }
  | {
      readonly type: 'group.assignment'
      readonly group: string
      readonly generation: number
      readonly member: string
      readonly partitions: readonly string[]
    }
  | {
      readonly type: 'offset.commit'
      readonly group: string
      readonly member: string
      /** What the member believed; negative = a simple consumer. */
      readonly generation: number
      readonly topic: string
      readonly partition: number
      readonly offset: number
      /** Committed with a transaction of this producer, by nobody the coordinator knows. */
      readonly producerId?: number
    }
  /** Written within a transaction: it counts when that commits. */
  | {
      readonly type: 'offset.pending'
      readonly group: string
      readonly producerId: number
      readonly topic: string
      readonly partition: number
      readonly offset: number
    }
  /** Its transaction was aborted, or something later is committed. */
  | {
      readonly type: 'offset.dropped'
      readonly group: string
      readonly producerId: number
      readonly topic: string
      readonly partition: number
      readonly offset: number
    }
  /** A committed offset outlived `offsets.retention.minutes` and is gone (KIP-211). */
  | {
      readonly type: 'offset.expired'
      readonly group: string
      readonly topic: string
      readonly partition: number
      readonly offset: number
    }
  // transactions
  /** The coordinator has it in its log. */
  | {
      readonly type: 'transaction'
      readonly transactionalId: string
      readonly from: string
      readonly to: string
      readonly producerId: number
      readonly epoch: number
      /** `topic-partition` names. */
      readonly partitions: readonly string[]
    }
  /** KIP-890: the leader of partitions asks a transaction's coordinator about them before it takes records of it. */
  | {
      readonly type: 'verification.asked'
      readonly node: number
      readonly coordinator: number
      readonly transactionalId: string
      /** It does not only ask: they are to be taken into the transaction. */
      readonly adds: boolean
      /** `topic-partition` names. */
      readonly partitions: readonly string[]
    }
  /** Nothing is appended; unless it is final the producer may try again. */
  | {
      readonly type: 'verification.refused'
      readonly node: number
      readonly transactionalId: string
      readonly producerId: number
      /** `topic-partition`. */
      readonly name: string
      readonly errorCode: number
      readonly final: boolean
    }
  /** A transactional batch whose transaction is not open here: it ended while the coordinator was asked, or before. Nothing is appended. */
  | {
      readonly type: 'transaction.over'
      readonly node: number
      readonly topic: string
      readonly partition: number
      readonly client: string
      readonly producer: ProducerMark
    }
  | { readonly type: 'transaction.timeout'; readonly transactionalId: string; readonly afterMs: number }
  // application code
  | {
      readonly type: 'handler.start' | 'handler.done' | 'handler.error'
      readonly client: string
      readonly group: string
      readonly member: string
      readonly topic: string
      readonly partition: number
      readonly firstOffset: number
      readonly lastOffset: number
      readonly error?: string
    }
  | {
      readonly type: 'consumer.crash'
      readonly client: string
      readonly group: string
      readonly member: string
      readonly error: string
      readonly restart: boolean
    }
  | {
      readonly type: 'process'
      readonly name: string
      readonly change: 'start' | 'crash' | 'freeze' | 'thaw' | 'end'
      readonly reason: string
    }
  // the world
  | { readonly type: 'node'; readonly node: number; readonly change: NodeChange }
  | { readonly type: 'controller'; readonly change: 'crash' | 'elected' }
  /** One direction of a link. */
  | {
      readonly type: 'link'
      readonly from: number | 'controller' | 'clients'
      readonly to: number | 'controller' | 'clients'
      readonly change: 'cut' | 'slow' | 'healed'
    }
  | { readonly type: 'law.broken'; readonly law: string; readonly sentence: string; readonly detail: string }
  | { readonly type: 'mark'; readonly text: string }

export type NodeChange =
  | 'up'
  | 'crash'
  | 'stopping'
  | 'stop'
  | 'disk-full'
  | 'fenced'
  | 'unfenced'
  | 'restart'
  | 'pause'
  | 'resume'
  | 'disk-filled'
  | 'disk-freed'

export type FactType = Fact['type']
/**
 * Why a group lost a member: it said so, its session ended, it did not join again, ask for its assignment or give up partitions in
 * time, or another one with the same `group.instance.id` took its place (KIP-345).
 */
export type GroupLeaveCause = 'left' | 'expired' | 'not-rejoined' | 'not-synced' | 'not-revoked' | 'replaced'
/** ClassicGroupState.java. */
export type ClassicStateName = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'
/** ConsumerGroup.ConsumerGroupState (KIP-848). */
export type ConsumerStateName = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable' | 'Dead'
export type GroupStateName = ClassicStateName | ConsumerStateName

export type TransactionOutcome = 'commit' | 'abort'

/** Who sent a batch, and as which of its batches. */
export interface ProducerMark {
  readonly id: number
  readonly epoch: number
  /** Of the batch's first record. */
  readonly sequence: number
}
