/**
 * A group of the consumer protocol as immutable data (KIP-848; ConsumerGroup.java, ConsumerGroupMember.java). It changes only by
 * the replay of its records; what is not in them, when a member was last heard of, is marked as such.
 */
import type { ConsumerStateName } from '../../../kernel/trace-event.ts'
import { ErrorCode } from '../../../protocol/errors.ts'
import type { Protocol } from '../classic/group.ts'

/** Partitions by topic id, ascending; never an empty list. */
export type Assignment = ReadonlyMap<string, readonly number[]>

/** MemberState.java, in the order of its numbers. */
export const MEMBER_STATES = ['stable', 'unrevoked-partitions', 'unreleased-partitions'] as const
export type MemberState = (typeof MEMBER_STATES)[number]

/** What a member that speaks the classic protocol told when it joined. */
export interface ClassicMember {
  readonly sessionTimeoutMs: number
  readonly supportedProtocols: readonly Protocol[]
}

export interface ConsumerMember {
  readonly id: string
  /** `group.instance.id` of a static member (KIP-345). */
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** Sorted, each once. */
  readonly subscribedTopicNames: readonly string[]
  readonly subscribedTopicRegex: string | null
  readonly rebalanceTimeoutMs: number
  /** The assignor it would like, null = any. */
  readonly serverAssignor: string | null
  /** Null: it speaks the consumer protocol. */
  readonly classic: ClassicMember | null
  /** -2: a static member that left for a while. */
  readonly epoch: number
  readonly previousEpoch: number
  readonly state: MemberState
  readonly assigned: Assignment
  /** What it has been asked to give up and still owns. */
  readonly revoking: Assignment
  /** The connection that speaks for it, -1 = none yet. */
  readonly connection: number
  readonly lastHeartbeat: number
  /** A classic member that was told to join again, and is waited for. */
  readonly joinAwaited: boolean
}

/** What of a member is not in its records, and is forgotten when the coordinator moves. */
export type SoftMemberState = Pick<ConsumerMember, 'connection' | 'lastHeartbeat' | 'joinAwaited'>

/** A topic as the group epoch knows it (TopicMetadata.java). */
export interface SubscribedTopicInfo {
  readonly id: string
  readonly partitions: number
}

export interface ConsumerGroup {
  readonly type: 'consumer'
  readonly id: string
  state: ConsumerStateName
  groupEpoch: number
  /** The group epoch the target assignment was made for. */
  assignmentEpoch: number
  /** In join order. */
  readonly members: Map<string, ConsumerMember>
  /** What each member shall have. */
  readonly target: Map<string, Assignment>
  /** Existing topics the members subscribe to, by name. */
  topics: ReadonlyMap<string, SubscribedTopicInfo>
  /** Not in its records: why the group epoch was last bumped, and since when the group is in its state. */
  reason: string
  stateSince: number
}

/** KIP-848: how a member says that it leaves, or leaves for a while. */
export const LEAVE_EPOCH = -1
export const LEAVE_STATIC_EPOCH = -2

export const NOTHING: Assignment = new Map()

export function createConsumerGroup(id: string, now: number): ConsumerGroup {
  return {
    type: 'consumer',
    id,
    state: 'Empty',
    groupEpoch: 0,
    assignmentEpoch: 0,
    members: new Map(),
    target: new Map(),
    topics: new Map(),
    reason: '',
    stateSince: now,
  }
}

export function copyConsumerGroup(group: ConsumerGroup): ConsumerGroup {
  return { ...group, members: new Map(group.members), target: new Map(group.target) }
}

export function createMember(id: string, now: number): ConsumerMember {
  return {
    id,
    instanceId: null,
    rackId: null,
    clientId: '',
    clientHost: '',
    subscribedTopicNames: [],
    subscribedTopicRegex: null,
    rebalanceTimeoutMs: -1,
    serverAssignor: null,
    classic: null,
    epoch: 0,
    previousEpoch: -1,
    state: 'stable',
    assigned: NOTHING,
    revoking: NOTHING,
    connection: -1,
    lastHeartbeat: now,
    joinAwaited: false,
  }
}

/** ConsumerGroup.maybeUpdateGroupState. */
export function stateOf({ members, groupEpoch, assignmentEpoch }: ConsumerGroup): ConsumerStateName {
  if (members.size === 0) return 'Empty'
  if (groupEpoch > assignmentEpoch) return 'Assigning'
  for (const member of members.values()) if (!isReconciledTo(member, assignmentEpoch)) return 'Reconciling'
  return 'Stable'
}

export function isReconciledTo({ state, epoch }: ConsumerMember, targetEpoch: number): boolean {
  return state === 'stable' && epoch === targetEpoch
}

export function staticMember(group: ConsumerGroup, instanceId: string): ConsumerMember | undefined {
  for (const member of group.members.values()) if (member.instanceId === instanceId) return member
  return undefined
}

/** Whether some member has the partition, or has not given it up yet (ConsumerGroup.currentPartitionEpoch, other than -1). */
export function ownedPartitions(group: ConsumerGroup): (topicId: string, partition: number) => boolean {
  const owned = new Map<string, Set<number>>()
  for (const { assigned, revoking } of group.members.values()) {
    for (const assignment of [assigned, revoking]) {
      for (const [topicId, partitions] of assignment) {
        let all = owned.get(topicId)
        if (all === undefined) {
          all = new Set()
          owned.set(topicId, all)
        }
        for (const partition of partitions) all.add(partition)
      }
    }
  }
  return (topicId, partition) => owned.get(topicId)?.has(partition) === true
}

export function sameAssignment(a: Assignment, b: Assignment): boolean {
  if (a === b) return true
  if (a.size !== b.size) return false
  for (const [topicId, partitions] of a) {
    const others = b.get(topicId)
    if (others === undefined || others.length !== partitions.length) return false
    for (let i = 0; i < partitions.length; i++) if (partitions[i] !== others[i]) return false
  }
  return true
}

export function consumerIsSubscribedTo(group: ConsumerGroup, topic: string): boolean {
  if (group.members.size === 0) return false
  if (group.topics.has(topic)) return true
  for (const { subscribedTopicNames } of group.members.values()) if (subscribedTopicNames.includes(topic)) return true
  return false
}

/** `topic-partition` names; a topic that is gone goes by its id. */
export function partitionNames(assignment: Assignment, nameOf: (topicId: string) => string | undefined): string[] {
  return [...assignment]
    .map(([topicId, partitions]) => ({ topic: nameOf(topicId) ?? topicId, partitions }))
    .sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0))
    .flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}-${partition}`))
}

/** ConsumerGroup.validateMemberEpoch, for commits and fetches of offsets: a classic member calls it its generation. */
export function memberEpochProblem({ epoch, classic }: ConsumerMember, received: number): number {
  if (received === epoch) return ErrorCode.NONE
  return classic === null ? ErrorCode.STALE_MEMBER_EPOCH : ErrorCode.ILLEGAL_GENERATION
}
