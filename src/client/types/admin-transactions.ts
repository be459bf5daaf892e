/**
 * The admin client's view of transactions, and the way out of one that hangs (KIP-664). kafkajs has none of this: the names are those
 * of Java's Admin and of `kafka-transactions.sh`, the shapes kafkajs's (64-bit integers are texts).
 */
import type { TopicPartitions } from './metadata.ts'

/** What the leader of a partition knows of one producer. */
export interface ProducerState {
  producerId: string
  producerEpoch: number
  /** Of its last record; -1 = none. */
  lastSequence: number
  /** Of its last batch, milliseconds since the Unix epoch; '-1' = none. */
  lastTimestamp: string
  /** Of the coordinator whose marker came last; null before the first one. */
  coordinatorEpoch: number | null
  /** The first offset of its open transaction; null: none is open here. */
  currentTransactionStartOffset: string | null
}

export interface PartitionProducers {
  partition: number
  activeProducers: ProducerState[]
}

export type TransactionState =
  | 'Empty'
  | 'Ongoing'
  | 'PrepareCommit'
  | 'PrepareAbort'
  | 'CompleteCommit'
  | 'CompleteAbort'
  | 'Dead'
  | 'PrepareEpochFence'

export interface TransactionListing {
  transactionalId: string
  producerId: string
  state: TransactionState
  /** The node id of the broker that coordinates it. */
  coordinatorId: number
}

export interface TransactionDescription extends TransactionListing {
  producerEpoch: number
  /** Milliseconds. */
  transactionTimeoutMs: number
  /** Milliseconds since the Unix epoch; null: none is open. */
  transactionStartTimeMs: string | null
  /** What it has written to; none when it is over. */
  topicPartitions: TopicPartitions[]
}

export interface FencedProducer {
  transactionalId: string
  /** What its next producer goes on from. */
  producerId: string
  producerEpoch: number
}

/** What `abortTransaction` needs: a `HangingTransaction` is one. */
export interface AbortTransactionSpec {
  topic: string
  partition: number
  producerId: string | number
  producerEpoch: number
  /** Default, and what null stands for: 0, which no coordinator's epoch is below. */
  coordinatorEpoch?: number | null
}

/** A transaction that is open in a partition, and whose coordinator does not know that it is. */
export interface HangingTransaction extends ProducerState {
  topic: string
  partition: number
  currentTransactionStartOffset: string
  /** Null when no transactional id has this producer id. */
  transactionalId: string | null
  /** Milliseconds since its last record. */
  durationMs: number
}

export interface TransactionAdmin {
  /**
   * Asks the leaders. Partitions ascending; without `partitions` all of the topic.
   * @throws KafkaJSProtocolError (as the cause after the last retry) UNKNOWN_TOPIC_OR_PARTITION
   */
  describeProducers(options: { topic: string; partitions?: number[] }): Promise<PartitionProducers[]>
  /**
   * Asks every id's coordinator. In the order of the ids.
   * @throws KafkaJSProtocolError TRANSACTIONAL_ID_NOT_FOUND for an id nobody has used, or not for long
   */
  describeTransactions(transactionalIds: string[]): Promise<{ transactions: TransactionDescription[] }>
  /**
   * Asks every broker for what it coordinates.
   * @param options.durationMs only those open for longer, milliseconds (KIP-994)
   */
  listTransactions(options?: {
    states?: TransactionState[]
    producerIds?: Array<string | number>
    durationMs?: number
  }): Promise<{ transactions: TransactionListing[] }>
  /**
   * Writes an abort marker into one partition, past the coordinator: for a transaction that hangs. One whose coordinator knows it is
   * better ended with `fenceProducers`.
   * @throws KafkaJSProtocolError INVALID_PRODUCER_EPOCH, TRANSACTION_COORDINATOR_FENCED when what was described is no longer so
   */
  abortTransaction(spec: AbortTransactionSpec): Promise<void>
  /**
   * Takes the transactional ids over: who has them is fenced, what they left open is aborted.
   * @param options.timeout the transaction timeout the ids get, milliseconds; default 30,000
   */
  fenceProducers(transactionalIds: string[], options?: { timeout?: number }): Promise<{ producers: FencedProducer[] }>
  /**
   * `kafka-transactions.sh find-hanging`: transactions that are open in a partition for longer than any may be, and not known to be so
   * by a coordinator. Each can be given to `abortTransaction`.
   * @param options.topic default: all topics
   * @param options.maxTransactionTimeoutMs milliseconds since the last record; default 900,000, the brokers' `transaction.max.timeout.ms`
   */
  findHangingTransactions(options?: {
    topic?: string
    partitions?: number[]
    maxTransactionTimeoutMs?: number
  }): Promise<HangingTransaction[]>
}
