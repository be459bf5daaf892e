/**
 * The records of a consumer group (KIP-848; GroupCoordinatorRecordHelpers.java, newConsumerGroup… and their tombstones), typed, and
 * their byte form.
 */
import { makeConsumerGroupMemberMetadataValue } from '../../../protocol/make.ts'
import type { OwnedTopicPartitions } from '../../../protocol/messages.ts'
import {
  type ConsumerGroupRecordName,
  decodeConsumerGroupValue,
  encodeConsumerGroupKey,
  encodeConsumerGroupValue,
  type OffsetsTopicKey,
} from '../../../protocol/offsets-topic.ts'
import {
  type Assignment,
  type ConsumerMember,
  MEMBER_STATES,
  type MemberState,
  type SubscribedTopicInfo,
} from './group.ts'

/** What a member tells of itself. */
export type MemberMetadata = Pick<
  ConsumerMember,
  | 'instanceId'
  | 'rackId'
  | 'clientId'
  | 'clientHost'
  | 'subscribedTopicNames'
  | 'subscribedTopicRegex'
  | 'rebalanceTimeoutMs'
  | 'serverAssignor'
  | 'classic'
>

export interface CurrentAssignment {
  readonly epoch: number
  readonly previousEpoch: number
  readonly state: MemberState
  readonly assigned: Assignment
  readonly revoking: Assignment
}

export type ConsumerGroupRecord =
  | {
      readonly type: 'consumer-group'
      readonly group: string
      readonly value: {
        readonly epoch: number
        /** Why it was bumped; told on, but not stored. */
        readonly reason: string
      } | null
    }
  | {
      readonly type: 'consumer-group-topics'
      readonly group: string
      readonly value: ReadonlyMap<string, SubscribedTopicInfo> | null
    }
  | {
      readonly type: 'consumer-member'
      readonly group: string
      readonly member: string
      readonly value: MemberMetadata | null
    }
  | { readonly type: 'target-epoch'; readonly group: string; readonly value: number | null }
  | {
      readonly type: 'target-assignment'
      readonly group: string
      readonly member: string
      readonly value: Assignment | null
    }
  | {
      readonly type: 'current-assignment'
      readonly group: string
      readonly member: string
      readonly value: CurrentAssignment | null
    }

const NAMES: Readonly<Record<ConsumerGroupRecord['type'], ConsumerGroupRecordName>> = {
  'consumer-group': 'ConsumerGroupMetadata',
  'consumer-group-topics': 'ConsumerGroupPartitionMetadata',
  'consumer-member': 'ConsumerGroupMemberMetadata',
  'target-epoch': 'ConsumerGroupTargetAssignmentMetadata',
  'target-assignment': 'ConsumerGroupTargetAssignmentMember',
  'current-assignment': 'ConsumerGroupCurrentMemberAssignment',
}

export function memberRecord(group: string, member: ConsumerMember): ConsumerGroupRecord {
  return { type: 'consumer-member', group, member: member.id, value: member }
}

export function currentAssignmentRecord(group: string, member: ConsumerMember): ConsumerGroupRecord {
  return { type: 'current-assignment', group, member: member.id, value: member }
}

/** GroupMetadataManager.removeMember: in this order, or the replay would find a member that has left and still owns. */
export function memberTombstones(group: string, member: string): ConsumerGroupRecord[] {
  return [
    { type: 'current-assignment', group, member, value: null },
    { type: 'target-assignment', group, member, value: null },
    { type: 'consumer-member', group, member, value: null },
  ]
}

/** ConsumerGroup.createGroupTombstoneRecords, for these members. */
export function groupTombstones(group: string, members: Iterable<string>): ConsumerGroupRecord[] {
  const ids = [...members]
  return [
    ...ids.map((member) => ({ type: 'current-assignment', group, member, value: null }) as const),
    ...ids.map((member) => ({ type: 'target-assignment', group, member, value: null }) as const),
    { type: 'target-epoch', group, value: null },
    ...ids.map((member) => ({ type: 'consumer-member', group, member, value: null }) as const),
    { type: 'consumer-group-topics', group, value: null },
    { type: 'consumer-group', group, value: null },
  ]
}

export function consumerGroupKey(record: ConsumerGroupRecord): Uint8Array {
  return encodeConsumerGroupKey(NAMES[record.type], record.group, 'member' in record ? record.member : '')
}

export function consumerGroupValue(record: ConsumerGroupRecord): Uint8Array | null {
  if (record.value === null) return null
  switch (record.type) {
    case 'consumer-group':
      return encodeConsumerGroupValue('ConsumerGroupMetadata', { epoch: record.value.epoch })
    case 'consumer-group-topics':
      return encodeConsumerGroupValue('ConsumerGroupPartitionMetadata', {
        topics: [...record.value].map(([topicName, { id, partitions }]) => ({
          topicId: id,
          topicName,
          numPartitions: partitions,
          partitionMetadata: [],
        })),
      })
    case 'consumer-member': {
      const { classic, ...metadata } = record.value
      return encodeConsumerGroupValue(
        'ConsumerGroupMemberMetadata',
        makeConsumerGroupMemberMetadataValue({ ...metadata, classicMemberMetadata: classic }),
      )
    }
    case 'target-epoch':
      return encodeConsumerGroupValue('ConsumerGroupTargetAssignmentMetadata', { assignmentEpoch: record.value })
    case 'target-assignment':
      return encodeConsumerGroupValue('ConsumerGroupTargetAssignmentMember', {
        topicPartitions: topicPartitionsOf(record.value),
      })
    case 'current-assignment': {
      const { epoch, previousEpoch, state, assigned, revoking } = record.value
      return encodeConsumerGroupValue('ConsumerGroupCurrentMemberAssignment', {
        memberEpoch: epoch,
        previousMemberEpoch: previousEpoch,
        state: MEMBER_STATES.indexOf(state),
        assignedPartitions: topicPartitionsOf(assigned),
        partitionsPendingRevocation: topicPartitionsOf(revoking),
      })
    }
  }
}

/** @throws DecodeError */
export function decodeConsumerGroupRecord(
  key: Extract<OffsetsTopicKey, { type: 'consumer-group' }>,
  bytes: Uint8Array | null,
): ConsumerGroupRecord {
  const { name, groupId: group, memberId: member } = key
  switch (name) {
    case 'ConsumerGroupMetadata': {
      const value = bytes === null ? null : { epoch: decodeConsumerGroupValue(name, bytes).epoch, reason: '' }
      return { type: 'consumer-group', group, value }
    }
    case 'ConsumerGroupPartitionMetadata': {
      const topics = bytes === null ? null : decodeConsumerGroupValue(name, bytes).topics
      const value =
        topics?.map(
          ({ topicId, topicName, numPartitions }) => [topicName, { id: topicId, partitions: numPartitions }] as const,
        ) ?? null
      return { type: 'consumer-group-topics', group, value: value === null ? null : new Map(value) }
    }
    case 'ConsumerGroupMemberMetadata': {
      if (bytes === null) return { type: 'consumer-member', group, member, value: null }
      const { classicMemberMetadata, ...value } = decodeConsumerGroupValue(name, bytes)
      return { type: 'consumer-member', group, member, value: { ...value, classic: classicMemberMetadata } }
    }
    case 'ConsumerGroupTargetAssignmentMetadata': {
      const value = bytes === null ? null : decodeConsumerGroupValue(name, bytes).assignmentEpoch
      return { type: 'target-epoch', group, value }
    }
    case 'ConsumerGroupTargetAssignmentMember': {
      const value = bytes === null ? null : assignmentOf(decodeConsumerGroupValue(name, bytes).topicPartitions)
      return { type: 'target-assignment', group, member, value }
    }
    case 'ConsumerGroupCurrentMemberAssignment': {
      if (bytes === null) return { type: 'current-assignment', group, member, value: null }
      const decoded = decodeConsumerGroupValue(name, bytes)
      const value: CurrentAssignment = {
        epoch: decoded.memberEpoch,
        previousEpoch: decoded.previousMemberEpoch,
        state: MEMBER_STATES[decoded.state] ?? 'stable',
        assigned: assignmentOf(decoded.assignedPartitions),
        revoking: assignmentOf(decoded.partitionsPendingRevocation),
      }
      return { type: 'current-assignment', group, member, value }
    }
  }
}

export function topicPartitionsOf(assignment: Assignment): OwnedTopicPartitions[] {
  return [...assignment].map(([topicId, partitions]) => ({ topicId, partitions }))
}

export function assignmentOf(topics: readonly OwnedTopicPartitions[]): Assignment {
  return new Map(
    topics
      .filter(({ partitions }) => partitions.length > 0)
      .map(({ topicId, partitions }) => [topicId, [...partitions].sort((a, b) => a - b)]),
  )
}
