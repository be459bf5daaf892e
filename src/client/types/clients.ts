/** The four objects of the API. Structurally assignable to kafkajs's own types; a compile-time test holds that. */

import type {
  AclEntry,
  AclFilter,
  DeleteAclResponse,
  DeleteGroupsResult,
  DescribeAclResponse,
  DescribeConfigResponse,
  FetchOffsetsPartition,
  GroupDescription,
  GroupDescriptions,
  GroupOverview,
  IResourceConfig,
  ITopicConfig,
  ITopicMetadata,
  ITopicPartitionConfig,
  ListPartitionReassignmentsResponse,
  PartitionReassignment,
  ResourceConfigQuery,
  SeekEntry,
} from './admin.ts'
import type { TransactionAdmin } from './admin-transactions.ts'
import type { AdminConfig, ConsumerConfig, ProducerConfig } from './config.ts'
import type * as Events from './events.ts'
import type { Logger } from './logging.ts'
import type { EachBatchHandler, EachMessageHandler, ProducerBatch, ProducerRecord, RecordMetadata } from './messages.ts'
import type { TopicPartitionOffset, TopicPartitionOffsetAndMetadata, TopicPartitions } from './metadata.ts'

type ValueOf<T> = T[keyof T]
/** Listeners of an event whose name is only known to be one of several. */
// biome-ignore lint/suspicious/noExplicitAny: kafkajs's own signature; a narrower one would refuse its programs.
type AnyEvent = Events.InstrumentationEvent<any>

interface NetworkListeners<Names extends { REQUEST: string; REQUEST_TIMEOUT: string; REQUEST_QUEUE_SIZE: string }> {
  (eventName: Names['REQUEST'], listener: (event: Events.RequestEvent) => void): () => void
  (eventName: Names['REQUEST_QUEUE_SIZE'], listener: (event: Events.RequestQueueSizeEvent) => void): () => void
  (eventName: Names['REQUEST_TIMEOUT'], listener: (event: Events.RequestTimeoutEvent) => void): () => void
  (eventName: ValueOf<Names>, listener: (event: AnyEvent) => void): () => void
}

interface ConnectionListeners<Names extends { CONNECT: string; DISCONNECT: string }> {
  (eventName: Names['CONNECT'], listener: (event: Events.ConnectEvent) => void): () => void
  (eventName: Names['DISCONNECT'], listener: (event: Events.DisconnectEvent) => void): () => void
}

interface ConsumerListeners {
  (eventName: Events.ConsumerEvents['HEARTBEAT'], listener: (event: Events.ConsumerHeartbeatEvent) => void): () => void
  (
    eventName: Events.ConsumerEvents['COMMIT_OFFSETS'],
    listener: (event: Events.ConsumerCommitOffsetsEvent) => void,
  ): () => void
  (eventName: Events.ConsumerEvents['GROUP_JOIN'], listener: (event: Events.ConsumerGroupJoinEvent) => void): () => void
  (
    eventName: Events.ConsumerEvents['FETCH_START'],
    listener: (event: Events.ConsumerFetchStartEvent) => void,
  ): () => void
  (eventName: Events.ConsumerEvents['FETCH'], listener: (event: Events.ConsumerFetchEvent) => void): () => void
  (
    eventName: Events.ConsumerEvents['START_BATCH_PROCESS'],
    listener: (event: Events.ConsumerStartBatchProcessEvent) => void,
  ): () => void
  (
    eventName: Events.ConsumerEvents['END_BATCH_PROCESS'],
    listener: (event: Events.ConsumerEndBatchProcessEvent) => void,
  ): () => void
  (eventName: Events.ConsumerEvents['STOP'], listener: (event: Events.InstrumentationEvent<null>) => void): () => void
  (eventName: Events.ConsumerEvents['CRASH'], listener: (event: Events.ConsumerCrashEvent) => void): () => void
  (
    eventName: Events.ConsumerEvents['REBALANCING'],
    listener: (event: Events.ConsumerRebalancingEvent) => void,
  ): () => void
  (
    eventName: Events.ConsumerEvents['RECEIVED_UNSUBSCRIBED_TOPICS'],
    listener: (event: Events.ConsumerReceivedUnsubcribedTopicsEvent) => void,
  ): () => void
}

export type Sender = {
  /**
   * One entry a partition. With `acks: 0` an empty list.
   * @throws KafkaJSNonRetriableError for bad arguments, KafkaJSNumberOfRetriesExceeded when retries are used up;
   * after a timeout or a closed connection the outcome is unknown: the messages may have been stored.
   */
  send(record: ProducerRecord): Promise<RecordMetadata[]>
  sendBatch(batch: ProducerBatch): Promise<RecordMetadata[]>
}

/** Who a consumer is in its group (Java's ConsumerGroupMetadata). Beyond kafkajs. */
export type ConsumerGroupMetadata = {
  readonly groupId: string
  readonly memberId: string
  /** Of the last assignment; with the consumer protocol the member epoch. */
  readonly generationId: number
  readonly groupInstanceId: string | null
}

export type TransactionOffsets = {
  consumerGroupId: string
  /** `offset` is that of the next message to read. */
  topics: Array<{
    topic: string
    partitions: Array<{ partition: number; offset: string; metadata?: string | null }>
  }>
  /**
   * Beyond kafkajs: what `consumer.groupMetadata()` said. The offsets are refused then (ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID,
   * FENCED_INSTANCE_ID) when that member has lost its partitions meanwhile (KIP-447).
   */
  groupMetadata?: ConsumerGroupMetadata
}

/**
 * Once it has ended, and while it ends, every method rejects with a KafkaJSNonRetriableError. A producer that was fenced gets a
 * KafkaJSProtocolError INVALID_PRODUCER_EPOCH; neither it nor one whose `commit` or `abort` has failed can begin another transaction.
 */
export type Transaction = Sender & {
  /** Commits them for the group if and when the transaction is committed. */
  sendOffsets(offsets: TransactionOffsets): Promise<void>
  /**
   * Rejects when the outcome of a batch is unknown: abort it then. With what ended the transaction for good, as INVALID_PRODUCER_EPOCH,
   * it is over: make a new producer. When this fails for want of an answer, it may be committed.
   */
  commit(): Promise<void>
  abort(): Promise<void>
  isActive(): boolean
}

export type Producer = Sender & {
  connect(): Promise<void>
  /** Waits for outstanding answers. */
  disconnect(): Promise<void>
  isIdempotent(): boolean
  readonly events: Events.ProducerEvents
  /** @returns a function that removes the listener. */
  on: ConnectionListeners<Events.ProducerEvents> & NetworkListeners<Events.ProducerEvents>
  /**
   * Begins a transaction, of which a producer has one at a time. The first one fences other producers with the `transactionalId` and
   * aborts what they left open. What the producer sends itself, with its own `send`, is in no transaction.
   * @throws KafkaJSNonRetriableError without a `transactionalId`, or while a transaction is under way
   */
  transaction(): Promise<Transaction>
  logger(): Logger
}

export type ConsumerSubscribeTopic = { topic: string | RegExp; fromBeginning?: boolean }
export type ConsumerSubscribeTopics = { topics: (string | RegExp)[]; fromBeginning?: boolean }

export type ConsumerRunConfig = {
  /** Default true. */
  autoCommit?: boolean
  /** Milliseconds between commits in the middle of a batch; default none. Batches are committed at their end anyway (KJ7). */
  autoCommitInterval?: number | null
  /** Resolved messages between commits in the middle of a batch; default none. */
  autoCommitThreshold?: number | null
  /** Default true: the batch counts as handled when `eachBatch` returns. */
  eachBatchAutoResolve?: boolean
  /** Default 1. */
  partitionsConsumedConcurrently?: number
  eachBatch?: EachBatchHandler
  eachMessage?: EachMessageHandler
}

export type Consumer = {
  connect(): Promise<void>
  disconnect(): Promise<void>
  subscribe(subscription: ConsumerSubscribeTopics | ConsumerSubscribeTopic): Promise<void>
  /** Waits for running handlers and fetches in flight, then leaves the group (KJ12). */
  stop(): Promise<void>
  /** Resolves when the group was joined; never rejects (KJ4). */
  run(config?: ConsumerRunConfig): Promise<void>
  commitOffsets(topicPartitions: Array<TopicPartitionOffsetAndMetadata>): Promise<void>
  /** Takes effect with the next fetch (KJ10). */
  seek(topicPartitionOffset: TopicPartitionOffset): void
  describeGroup(): Promise<GroupDescription>
  /**
   * Beyond kafkajs: for `transaction.sendOffsets`. Ask before the messages are handled whose offsets it goes with.
   * @throws KafkaJSNonRetriableError before `run`, and before the group was joined
   */
  groupMetadata(): ConsumerGroupMetadata
  pause(topics: Array<{ topic: string; partitions?: number[] }>): void
  paused(): TopicPartitions[]
  resume(topics: Array<{ topic: string; partitions?: number[] }>): void
  on: ConsumerListeners & ConnectionListeners<Events.ConsumerEvents> & NetworkListeners<Events.ConsumerEvents>
  logger(): Logger
  readonly events: Events.ConsumerEvents
}

export type Admin = {
  connect(): Promise<void>
  disconnect(): Promise<void>
  listTopics(): Promise<string[]>
  /** `false` when every topic exists already. */
  createTopics(options: {
    validateOnly?: boolean
    /** Default true: waits until every partition has a leader. */
    waitForLeaders?: boolean
    /** Milliseconds; default 5,000. */
    timeout?: number
    topics: ITopicConfig[]
  }): Promise<boolean>
  deleteTopics(options: { topics: string[]; timeout?: number }): Promise<void>
  /** Resolves `undefined` at run time, as in kafkajs. */
  createPartitions(options: {
    validateOnly?: boolean
    timeout?: number
    topicPartitions: ITopicPartitionConfig[]
  }): Promise<boolean>
  fetchTopicMetadata(options?: { topics: string[] }): Promise<{ topics: Array<ITopicMetadata> }>
  fetchOffsets(options: {
    groupId: string
    topics?: string[]
    resolveOffsets?: boolean
  }): Promise<Array<{ topic: string; partitions: FetchOffsetsPartition[] }>>
  fetchTopicOffsets(topic: string): Promise<Array<SeekEntry & { high: string; low: string }>>
  fetchTopicOffsetsByTimestamp(topic: string, timestamp?: number): Promise<Array<SeekEntry>>
  describeCluster(): Promise<{
    brokers: Array<{ nodeId: number; host: string; port: number }>
    controller: number | null
    clusterId: string
  }>
  setOffsets(options: { groupId: string; topic: string; partitions: SeekEntry[] }): Promise<void>
  resetOffsets(options: { groupId: string; topic: string; earliest: boolean }): Promise<void>
  describeConfigs(configs: {
    resources: ResourceConfigQuery[]
    includeSynonyms: boolean
  }): Promise<DescribeConfigResponse>
  // biome-ignore lint/suspicious/noExplicitAny: kafkajs's own signature.
  alterConfigs(configs: { validateOnly: boolean; resources: IResourceConfig[] }): Promise<any>
  listGroups(): Promise<{ groups: GroupOverview[] }>
  deleteGroups(groupIds: string[]): Promise<DeleteGroupsResult[]>
  describeGroups(groupIds: string[]): Promise<GroupDescriptions>
  describeAcls(options: AclFilter): Promise<DescribeAclResponse>
  deleteAcls(options: { filters: AclFilter[] }): Promise<DeleteAclResponse>
  createAcls(options: { acl: AclEntry[] }): Promise<boolean>
  deleteTopicRecords(options: { topic: string; partitions: SeekEntry[] }): Promise<void>
  alterPartitionReassignments(request: { topics: PartitionReassignment[]; timeout?: number }): Promise<void>
  listPartitionReassignments(request: {
    topics?: TopicPartitions[]
    timeout?: number
  }): Promise<ListPartitionReassignmentsResponse>
  logger(): Logger
  on: ConnectionListeners<Events.AdminEvents> & NetworkListeners<Events.AdminEvents>
  readonly events: Events.AdminEvents
} & TransactionAdmin

export interface Kafka {
  producer(config?: ProducerConfig): Producer
  consumer(config: ConsumerConfig): Consumer
  admin(config?: AdminConfig): Admin
  logger(): Logger
}
