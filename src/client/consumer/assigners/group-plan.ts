/** What a leader knows when it assigns as Java's assignors do: who subscribed to what, and which partitions there are. */
import { decodeSubscription, encodeAssignment } from '../../../protocol/consumer-protocol.ts'
import type { ConsumerProtocolSubscription } from '../../../protocol/messages.ts'
import { asHostBytes } from '../../bytes.ts'
import type { Cluster, GroupMember, GroupMemberAssignment, MemberMetadata } from '../../types/assigners.ts'
import { AssignerProtocol, listTopics } from '../assigner-protocol.ts'

/** One partition. There is one object for each in a plan, so that sets and maps can hold it. */
export interface Slot {
  readonly topic: string
  readonly partition: number
}

export interface Subscriber extends Omit<ConsumerProtocolSubscription, 'topics'> {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly topics: ReadonlySet<string>
}

/** Every subscribed topic that exists, by name; its partitions ascending. */
export type Partitions = ReadonlyMap<string, readonly Slot[]>

export interface GroupPlan {
  /** By member id. */
  readonly subscribers: readonly Subscriber[]
  readonly partitions: Partitions
}

export async function planGroup(cluster: Cluster, members: readonly GroupMember[]): Promise<GroupPlan> {
  const subscribers = members.map(readSubscriber).sort((a, b) => compareText(a.memberId, b.memberId))
  const topics = [...new Set(subscribers.flatMap((one) => [...one.topics]))].sort(compareText)
  const known = new Map(topics.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic)]))
  // The leader's own metadata holds its own topics; the others' have to be asked for.
  if (topics.some((topic) => known.get(topic)?.length === 0)) {
    for (const { topic, partitionMetadata } of (await cluster.metadata()).topicMetadata) {
      if (known.get(topic)?.length === 0) known.set(topic, partitionMetadata)
    }
  }
  const partitions = new Map<string, Slot[]>()
  for (const [topic, metadata] of known) {
    if (metadata.length === 0) continue
    const ids = metadata.map(({ partitionId }) => partitionId).sort((a, b) => a - b)
    partitions.set(
      topic,
      ids.map((partition) => ({ topic, partition })),
    )
  }
  return { subscribers, partitions }
}

function readSubscriber({ memberId, memberMetadata, groupInstanceId = null }: GroupMember): Subscriber {
  const plain = AssignerProtocol.MemberMetadata.decode(memberMetadata) as MemberMetadata
  const topics = new Set(plain.topics)
  const isShort = plain.version > 0 && plain.ownedPartitions === undefined
  // kafkajs puts any version in front of the layout of version 0.
  if (!isShort) return { ...decodeSubscription(memberMetadata), memberId, groupInstanceId, topics }
  const nothing = { ownedPartitions: [], generationId: -1, rackId: null }
  return { ...nothing, userData: plain.userData, memberId, groupInstanceId, topics }
}

/** Every member gets an entry, also an empty one, as ConsumerCoordinator.onLeaderElected sends them. */
export function encodePlan(assigned: ReadonlyMap<string, readonly Slot[]>): GroupMemberAssignment[] {
  return [...assigned].map(([memberId, slots]) => {
    const assignment = Object.create(null) as Record<string, number[]>
    for (const { topic, partition } of slots) {
      const partitions = assignment[topic]
      if (partitions === undefined) assignment[topic] = [partition]
      else partitions.push(partition)
    }
    return {
      memberId,
      memberAssignment: asHostBytes(encodeAssignment({ assignedPartitions: listTopics(assignment) })),
    }
  })
}

/** By code units, whatever the host's locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
