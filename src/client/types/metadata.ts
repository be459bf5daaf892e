/** What the client knows of brokers, topics and partitions, as custom partitioners and assigners see it. */

export type PartitionMetadata = {
  partitionErrorCode: number
  partitionId: number
  /** Node id; -1 while there is none. */
  leader: number
  replicas: number[]
  isr: number[]
  offlineReplicas?: number[]
}

export interface TopicMetadata {
  topicErrorCode: number
  topic: string
  partitionMetadata: PartitionMetadata[]
}

export interface BrokerMetadata {
  brokers: Array<{ nodeId: number; host: string; port: number; rack?: string }>
  topicMetadata: TopicMetadata[]
}

export interface ApiVersions {
  [apiKey: number]: { minVersion: number; maxVersion: number }
}

export interface CoordinatorMetadata {
  errorCode: number
  coordinator: { nodeId: number; host: string; port: number }
}

export interface PartitionOffset {
  partition: number
  /** An int64 as a string. */
  offset: string
}

export interface TopicOffsets {
  topic: string
  partitions: PartitionOffset[]
}

export interface Offsets {
  topics: TopicOffsets[]
}

export interface OffsetsByTopicPartition {
  topics: TopicOffsets[]
}

export type TopicPartitions = { topic: string; partitions: number[] }
export type TopicPartition = { topic: string; partition: number }
export type TopicPartitionOffset = TopicPartition & { offset: string }
export type TopicPartitionOffsetAndMetadata = TopicPartitionOffset & { metadata?: string | null }
