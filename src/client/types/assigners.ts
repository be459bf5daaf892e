/** kafkajs's interface for custom partition assigners, and the cluster they are handed. */
import type { Bytes } from './bytes.ts'
import type { Logger } from './logging.ts'
import type { Message } from './messages.ts'
import type {
  ApiVersions,
  BrokerMetadata,
  CoordinatorMetadata,
  PartitionMetadata,
  TopicOffsets,
  TopicPartitions,
} from './metadata.ts'

export type Assignment = { [topic: string]: number[] }
export type GroupMember = { memberId: string; memberMetadata: Bytes }
export type GroupMemberAssignment = { memberId: string; memberAssignment: Bytes }
export type GroupState = { name: string; metadata: Bytes }

export type Assigner = {
  name: string
  version: number
  /** Called at the group's leader. Topics are the leader's own subscription (KJ16). */
  assign(group: { members: GroupMember[]; topics: string[] }): Promise<GroupMemberAssignment[]>
  protocol(subscription: { topics: string[] }): GroupState
}

export type PartitionAssigner = (config: { cluster: Cluster; groupId: string; logger: Logger }) => Assigner

export interface ISerializer<T> {
  encode(value: T): Bytes
  decode(buffer: Bytes): T | null
}

export type MemberMetadata = { version: number; topics: string[]; userData: Bytes }
export type MemberAssignment = { version: number; assignment: Assignment; userData: Bytes }

/** One broker, as far as custom assigners can reach it. */
export type Broker = {
  isConnected(): boolean
  connect(): Promise<void>
  disconnect(): Promise<void>
  apiVersions(): Promise<ApiVersions>
  metadata(topics: string[]): Promise<BrokerMetadata>
  describeGroups: (options: { groupIds: string[] }) => Promise<unknown>
  offsetCommit(request: {
    groupId: string
    groupGenerationId: number
    memberId: string
    retentionTime?: number
    topics: TopicOffsets[]
  }): Promise<unknown>
  offsetFetch(request: { groupId: string; topics: TopicOffsets[] }): Promise<{ responses: TopicOffsets[] }>
  /** Not offered here: rejects with `KafkaJSNotImplemented`. */
  fetch(request: {
    replicaId?: number
    isolationLevel?: number
    maxWaitTime?: number
    minBytes?: number
    maxBytes?: number
    topics: Array<{ topic: string; partitions: Array<{ partition: number; fetchOffset: string; maxBytes: number }> }>
    rackId?: string
  }): Promise<unknown>
  /** Not offered here: rejects with `KafkaJSNotImplemented`. */
  produce(request: {
    topicData: Array<{
      topic: string
      partitions: Array<{ partition: number; firstSequence?: number; messages: Message[] }>
    }>
    transactionalId?: string
    producerId?: number
    producerEpoch?: number
    acks?: number
    timeout?: number
    compression?: 0 | 1 | 2 | 3 | 4
  }): Promise<unknown>
  /** Not offered here: rejects with `KafkaJSNotImplemented`. */
  alterPartitionReassignments(request: {
    topics: { topic: string; partitionAssignment: { partition: number; replicas: number[] }[] }[]
    timeout?: number
  }): Promise<unknown>
  /** Not offered here: rejects with `KafkaJSNotImplemented`. */
  listPartitionReassignments(request: { topics?: TopicPartitions[]; timeout?: number }): Promise<{
    topics: {
      topic: string
      partitions: {
        partitionIndex: number
        replicas: number[]
        addingReplicas?: number[]
        removingReplicas?: number[]
      }[]
    }[]
  }>
}

export type Cluster = {
  getNodeIds(): number[]
  metadata(): Promise<BrokerMetadata>
  removeBroker(options: { host: string; port: number }): void
  addMultipleTargetTopics(topics: string[]): Promise<void>
  isConnected(): boolean
  connect(): Promise<void>
  disconnect(): Promise<void>
  refreshMetadata(): Promise<void>
  refreshMetadataIfNecessary(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  findBroker(node: { nodeId: string }): Promise<Broker>
  findControllerBroker(): Promise<Broker>
  findTopicPartitionMetadata(topic: string): PartitionMetadata[]
  findLeaderForPartitions(topic: string, partitions: number[]): { [leader: string]: number[] }
  findGroupCoordinator(group: { groupId: string }): Promise<Broker>
  findGroupCoordinatorMetadata(group: { groupId: string }): Promise<CoordinatorMetadata>
  defaultOffset(config: { fromBeginning: boolean }): number
  fetchTopicsOffset(
    topics: Array<
      { topic: string; partitions: Array<{ partition: number }> } & (
        | { fromBeginning: boolean; fromTimestamp?: never }
        | { fromTimestamp: number; fromBeginning?: never }
      )
    >,
  ): Promise<TopicOffsets[]>
}
