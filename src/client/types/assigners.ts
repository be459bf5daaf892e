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
/** Beyond kafkajs: `groupInstanceId`, `null` for a dynamic member. */
export type GroupMember = { memberId: string; memberMetadata: Bytes; groupInstanceId?: string | null }
export type GroupMemberAssignment = { memberId: string; memberAssignment: Bytes }
export type GroupState = { name: string; metadata: Bytes }

/** How a member treats what it owns while its group rebalances (KIP-429). */
export type RebalanceProtocol = 'eager' | 'cooperative'

/** What a member takes to a join. All but `topics` is beyond kafkajs. */
export type MemberSubscription = {
  topics: string[]
  /** What the member goes on owning while it joins: empty unless the cooperative protocol is in force. */
  ownedPartitions?: Assignment
  /** The generation of its last assignment; -1 before the first, and after its membership was lost. */
  generationId?: number
  /** The consumer's `rackId`; `null` without one. */
  rackId?: string | null
}

/** What came back from a join. */
export type ReceivedAssignment = {
  assignment: Assignment
  userData: Bytes | null
  generationId: number
  memberId: string
  groupInstanceId: string | null
}

export type Assigner = {
  name: string
  version: number
  /**
   * Beyond kafkajs; default `eager`. A consumer whose assigners are all `cooperative` keeps its partitions while it joins, and gives
   * up only what the new assignment takes away. `assign` of such an assigner must not give a partition that one member owns to
   * another at once: it leaves it out, and the former owner, having revoked it, makes the group rebalance again. A leader refuses
   * an assignment that breaks this.
   */
  rebalanceProtocol?: RebalanceProtocol
  /** Called at the group's leader. Topics are the leader's own subscription (KJ16). */
  assign(group: { members: GroupMember[]; topics: string[] }): Promise<GroupMemberAssignment[]>
  /** Called before every join. Subscriptions in bytes: `AssignerProtocol.MemberMetadata`. */
  protocol(subscription: MemberSubscription): GroupState
  /** Beyond kafkajs: called at every member after a join, of the assigner the group agreed on. */
  onAssignment?(received: ReceivedAssignment): void
}

export type PartitionAssigner = (config: { cluster: Cluster; groupId: string; logger: Logger }) => Assigner

export interface ISerializer<T> {
  encode(value: T): Bytes
  decode(buffer: Bytes): T | null
}

export type MemberMetadata = {
  version: number
  topics: string[]
  userData: Bytes
  /** Beyond kafkajs; from version 1 on (KIP-429). */
  ownedPartitions?: Assignment
  /** Beyond kafkajs; from version 2 on (KIP-792). */
  generationId?: number
  /** Beyond kafkajs; from version 3 on (KIP-881). */
  rackId?: string | null
}
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
