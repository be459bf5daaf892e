/** Options of the client, with kafkajs's names, units and defaults. Times are (virtual) milliseconds. */
import type { logLevel } from '../enums.ts'
import type { PartitionAssigner } from './assigners.ts'
import type { logCreator } from './logging.ts'
import type { ICustomPartitioner } from './messages.ts'

export interface RetryOptions {
  /** The longest single wait. Default 30,000; with `NODE_ENV=test` 1,000. */
  maxRetryTime?: number
  /** Default 300; with `NODE_ENV=test` 50. */
  initialRetryTime?: number
  /** Jitter: ± this part of each wait. Default 0.2; with `NODE_ENV=test` 0.02. */
  factor?: number
  /** Default 2; with `NODE_ENV=test` 1.5. */
  multiplier?: number
  /** Tries after the first. Default 5; with `NODE_ENV=test` 15. */
  retries?: number
  /** Consumers only: says whether to start again after a crash that would restart (KJ8). */
  restartOnFailure?: (error: Error) => Promise<boolean>
}

/** Defects of kafkajs 2.2.4 that are not copied unless asked for: to show what they do, and that one's own code copes. */
export interface Quirks {
  /**
   * An idempotent producer takes a sequence number back after a lost answer and gives it to the next batch: a record that was
   * acknowledged is lost, another one is there twice (docs/idempotence.md). Default false.
   */
  kafkajsSequenceReuse?: boolean
}

export type BrokersFunction = () => string[] | Promise<string[]>

export interface KafkaConfig {
  /** `host:port` each, or a function that finds them. Checked when a client connects. */
  brokers: string[] | BrokersFunction
  /** Default `kafkajs`. */
  clientId?: string
  /** Default 1,000. */
  connectionTimeout?: number
  /** Accepted and unused: the simulated network has no authentication. */
  authenticationTimeout?: number
  /** Accepted and unused: the simulated network has no authentication. */
  reauthenticationThreshold?: number
  /** Default 30,000. */
  requestTimeout?: number
  /** Default true. */
  enforceRequestTimeout?: boolean
  retry?: RetryOptions
  /** Default: WARN without a `logCreator`, INFO with one. The environment's `KAFKAJS_LOG_LEVEL` wins. */
  logLevel?: logLevel
  logCreator?: logCreator
  /** Beyond kafkajs: defects of it to reproduce. Default none. */
  quirks?: Quirks
  /** Accepted and unused: the simulated network carries no bytes to encrypt. */
  ssl?: unknown
  /** Accepted and unused: the simulated network has no authentication. */
  sasl?: unknown
  /** Accepted and unused: our own client talks to the simulated network; use the real kafkajs with `cluster.socketFactory`. */
  socketFactory?: unknown
}

export interface ProducerConfig {
  /** Default `Partitioners.DefaultPartitioner`. */
  createPartitioner?: ICustomPartitioner
  /** Merged over that of `Kafka`. */
  retry?: RetryOptions
  /** Default 300,000. */
  metadataMaxAge?: number
  /** Default true. */
  allowAutoTopicCreation?: boolean
  /**
   * Default false. True: a batch is written once, and in the order of the sends, whatever is repeated (KIP-98). `acks` must be -1,
   * and the sends to a partition go one after the other.
   */
  idempotent?: boolean
  /** For `transaction()`. Of two producers with the same one, the first to begin a transaction is fenced by the second. */
  transactionalId?: string
  /** Milliseconds after which the coordinator aborts an open transaction, default 60,000. */
  transactionTimeout?: number
  /**
   * Beyond kafkajs, default false. True: brokers take partitions into the transaction by themselves, and every transaction has an
   * epoch of its own, so that nothing late gets into the next one (KIP-890). Needs a `transactionalId` and brokers of Kafka 4.0 or later.
   */
  transactionsV2?: boolean
  /** Unanswered requests a connection; default no limit. */
  maxInFlightRequests?: number
}

export interface ConsumerConfig {
  groupId: string
  /**
   * Default `[PartitionAssigners.roundRobin]`. Beyond kafkajs there are Java's `range`, `sticky` and `cooperativeSticky`. The group
   * takes an assigner that all its members name, of several the one that most put first. The consumer keeps its partitions during a
   * rebalance if all that it names are cooperative (KIP-429).
   */
  partitionAssigners?: PartitionAssigner[]
  /** Default 300,000. */
  metadataMaxAge?: number
  /** Default 30,000. */
  sessionTimeout?: number
  /** Default 60,000. */
  rebalanceTimeout?: number
  /** Default 3,000; must be lower than `sessionTimeout`. */
  heartbeatInterval?: number
  /** Bytes; default 1,048,576. */
  maxBytesPerPartition?: number
  /** Bytes; default 1. */
  minBytes?: number
  /** Bytes; default 10,485,760. */
  maxBytes?: number
  /** Default 5,000. */
  maxWaitTimeInMs?: number
  /** Default `{ retries: 5 }`, merged over that of `Kafka`. */
  retry?: RetryOptions & { restartOnFailure?: (error: Error) => Promise<boolean> }
  /** Default true. */
  allowAutoTopicCreation?: boolean
  /** Unanswered requests a connection; default no limit. */
  maxInFlightRequests?: number
  /** Default false: only committed records. */
  readUncommitted?: boolean
  rackId?: string
  /**
   * Beyond kafkajs: makes the consumer a static member (KIP-345, Kafka's `group.instance.id`). It may be away for up to its session
   * timeout and come back to its partitions without a rebalance; it does not leave the group when it stops. Unique in the group:
   * whoever comes last fences the other one (FENCED_INSTANCE_ID).
   */
  groupInstanceId?: string
  /**
   * Beyond kafkajs: `consumer` is the protocol of KIP-848 (Kafka's `group.protocol`). The coordinator assigns, and a rebalance stops
   * only what changes hands. Its settings are the broker's (`group.consumer.session.timeout.ms` and others), so `partitionAssigners`,
   * `sessionTimeout` and `heartbeatInterval` do not go with it. Default `classic`.
   */
  groupProtocol?: 'classic' | 'consumer'
  /** With `groupProtocol: 'consumer'`: the coordinator's assignor, `uniform` (its default) or `range`. Kafka's `group.remote.assignor`. */
  groupRemoteAssignor?: string
  /**
   * Beyond kafkajs: begins a partition that was taken over only when no transaction is about to commit an offset for it (KIP-447), as Java's
   * consumers do unless they read uncommitted records. Without it a consumer whose offsets are sent with transactions may begin too early,
   * and what it reads is processed twice. Default false.
   */
  requireStable?: boolean
}

export interface AdminConfig {
  retry?: RetryOptions
}
