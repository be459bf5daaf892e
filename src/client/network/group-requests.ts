/** Requests to group coordinators: typed bodies out, kafkajs's shapes and errors back. */
import { ErrorCode } from '../../protocol/errors.ts'
import {
  makeDescribeGroupsRequest,
  makeFindCoordinatorRequest,
  makeHeartbeatRequest,
  makeJoinGroupRequest,
  makeLeaveGroupRequest,
  makeListGroupsRequest,
  makeMemberIdentity,
  makeOffsetCommitRequest,
  makeOffsetCommitRequestPartition,
  makeOffsetCommitRequestTopic,
  makeOffsetFetchRequest,
  makeSyncGroupRequest,
} from '../../protocol/make.ts'
import type { JoinGroupResponse } from '../../protocol/messages.ts'
import { KafkaJSMemberIdRequired } from '../errors/broker-errors.ts'
import { throwOnNewerError } from '../errors/newer-errors.ts'
import { errorFromCode, throwOnError } from '../errors/protocol-errors.ts'
import type { CoordinatorMetadata } from '../types/metadata.ts'
import type { BrokerClient } from './broker.ts'

const MEMBER_ID_REQUIRED = 79
/** What a coordinator is asked for (FindCoordinatorRequest.CoordinatorType). */
export const CoordinatorKey = { GROUP: 0, TRANSACTION: 1 } as const
export type CoordinatorKeyType = (typeof CoordinatorKey)[keyof typeof CoordinatorKey]
/** kafkajs's margin over the timeouts after which the coordinator answers a join by itself, milliseconds. */
const JOIN_MARGIN_MS = 5000

/** @param key a group id or a transactional id */
export async function requestCoordinator(
  broker: BrokerClient,
  key: string,
  keyType: CoordinatorKeyType,
): Promise<CoordinatorMetadata> {
  const { errorCode, nodeId, host, port } = await broker.send(
    'FindCoordinator',
    makeFindCoordinatorRequest({ key, keyType }),
    { check: (response) => throwOnError(response.errorCode) },
  )
  return { errorCode, coordinator: { nodeId, host, port } }
}

/**
 * Static members speak newer versions than kafkajs does where they have to: OffsetCommit names the instance from v7 on, and JoinGroup
 * tells a leader that comes back not to assign anew from v9 on (KIP-814).
 */
const STATIC_VERSIONS = { JoinGroup: 9, OffsetCommit: 7 } as const

/** The first version that knows member epochs (KIP-848). */
const OFFSET_COMMIT_WITH_EPOCH = 9

function asStatic(api: keyof typeof STATIC_VERSIONS, groupInstanceId: string | null): { maxVersion?: number } {
  return groupInstanceId === null ? {} : { maxVersion: STATIC_VERSIONS[api] }
}

export interface JoinRequest {
  readonly groupId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly protocols: readonly { readonly name: string; readonly metadata: Uint8Array }[]
  readonly isApart?: boolean
}

/** Sends the join again with the member id the coordinator hands out (KIP-394). */
export async function requestJoin(broker: BrokerClient, request: JoinRequest): Promise<JoinGroupResponse> {
  const { groupId, sessionTimeoutMs, rebalanceTimeoutMs, groupInstanceId, protocols, isApart = false } = request
  const join = (memberId: string) =>
    broker.send(
      'JoinGroup',
      makeJoinGroupRequest({
        groupId,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        memberId,
        groupInstanceId,
        protocolType: 'consumer',
        protocols,
      }),
      {
        atLeastMs: Math.max(rebalanceTimeoutMs, sessionTimeoutMs) + JOIN_MARGIN_MS,
        logErrors: request.memberId !== '',
        isApart,
        ...asStatic('JoinGroup', groupInstanceId),
        check: (response) => {
          if (response.errorCode === MEMBER_ID_REQUIRED) {
            throw new KafkaJSMemberIdRequired(errorFromCode(MEMBER_ID_REQUIRED), { memberId: response.memberId })
          }
          throwOnError(response.errorCode)
        },
      },
    )
  try {
    return await join(request.memberId)
  } catch (error) {
    if (error instanceof KafkaJSMemberIdRequired) return await join(error.memberId)
    throw error
  }
}

export async function requestSync(
  broker: BrokerClient,
  request: {
    readonly groupId: string
    readonly generationId: number
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[]
    readonly isApart?: boolean
  },
): Promise<Uint8Array> {
  const { isApart = false, ...body } = request
  const { assignment } = await broker.send('SyncGroup', makeSyncGroupRequest(body), {
    isApart,
    check: (response) => throwOnError(response.errorCode),
  })
  return assignment
}

export async function requestHeartbeat(
  broker: BrokerClient,
  request: {
    readonly groupId: string
    readonly generationId: number
    readonly memberId: string
    readonly groupInstanceId: string | null
  },
): Promise<void> {
  await broker.send('Heartbeat', makeHeartbeatRequest(request), {
    check: (response) => throwOnError(response.errorCode),
  })
}

export async function requestLeave(broker: BrokerClient, groupId: string, memberId: string): Promise<void> {
  await broker.send(
    'LeaveGroup',
    makeLeaveGroupRequest({ groupId, memberId, members: [makeMemberIdentity({ memberId })] }),
    {
      check: (response) => {
        throwOnError(response.errorCode)
        for (const member of response.members) throwOnError(member.errorCode)
      },
    },
  )
}

export interface OffsetToCommit {
  readonly topic: string
  readonly partitions: readonly {
    readonly partition: number
    readonly offset: number
    readonly metadata?: string | null
  }[]
}

export async function requestOffsetCommit(
  broker: BrokerClient,
  request: {
    readonly groupId: string
    readonly generationId: number
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly groupProtocol?: 'classic' | 'consumer'
    readonly topics: readonly OffsetToCommit[]
  },
): Promise<void> {
  await broker.send(
    'OffsetCommit',
    makeOffsetCommitRequest({
      groupId: request.groupId,
      generationIdOrMemberEpoch: request.generationId,
      memberId: request.memberId,
      groupInstanceId: request.groupInstanceId,
      topics: request.topics.map(({ topic, partitions }) =>
        makeOffsetCommitRequestTopic({
          name: topic,
          partitions: partitions.map(({ partition, offset, metadata = null }) =>
            makeOffsetCommitRequestPartition({
              partitionIndex: partition,
              committedOffset: offset,
              committedMetadata: metadata,
            }),
          ),
        }),
      ),
    }),
    {
      ...(request.groupProtocol === 'consumer'
        ? { maxVersion: OFFSET_COMMIT_WITH_EPOCH }
        : asStatic('OffsetCommit', request.groupInstanceId)),
      check: ({ topics }) => {
        for (const { partitions } of topics) for (const { errorCode } of partitions) throwOnNewerError(errorCode)
      },
    },
  )
}

export interface FetchedOffsets {
  readonly topic: string
  readonly partitions: readonly {
    readonly partition: number
    readonly offset: number
    readonly metadata: string | null
  }[]
}

/** The first version that can ask for stable offsets only. */
const OFFSET_FETCH_STABLE = 7

/**
 * No topics means all topics the group has offsets for. An offset of -1 means none is committed.
 *
 * @param requireStable leaves out partitions a transaction is about to commit for (KIP-447)
 */
export async function requestOffsetFetch(
  broker: BrokerClient,
  groupId: string,
  topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
  requireStable = false,
): Promise<FetchedOffsets[]> {
  const isUnstable = (errorCode: number) => requireStable && errorCode === ErrorCode.UNSTABLE_OFFSET_COMMIT
  const response = await broker.send(
    'OffsetFetch',
    makeOffsetFetchRequest({
      groupId,
      requireStable,
      topics:
        topics.length === 0
          ? null
          : topics.map(({ topic, partitions }) => ({ name: topic, partitionIndexes: partitions })),
    }),
    {
      ...(requireStable ? { maxVersion: OFFSET_FETCH_STABLE } : {}),
      check: (answer) => {
        throwOnError(answer.errorCode)
        for (const { partitions } of answer.topics)
          for (const { errorCode } of partitions) if (!isUnstable(errorCode)) throwOnError(errorCode)
      },
    },
  )
  return response.topics.map(({ name, partitions }) => ({
    topic: name,
    partitions: partitions
      .filter(({ errorCode }) => !isUnstable(errorCode))
      .map(({ partitionIndex, committedOffset, metadata }) => ({
        partition: partitionIndex,
        offset: committedOffset,
        metadata,
      })),
  }))
}

/** KJ21: DescribeGroups v2 in kafkajs's shape; bytes are views the host makes. */
export interface DescribedGroupShape {
  errorCode: number
  groupId: string
  state: string
  protocolType: string
  protocol: string
  members: {
    memberId: string
    clientId: string
    clientHost: string
    memberMetadata: Uint8Array
    memberAssignment: Uint8Array
  }[]
}

export async function requestDescribeGroups(
  broker: BrokerClient,
  groupIds: readonly string[],
  copyBytes: (bytes: Uint8Array) => Uint8Array,
): Promise<DescribedGroupShape[]> {
  const { groups } = await broker.send('DescribeGroups', makeDescribeGroupsRequest({ groups: groupIds }), {
    check: (response) => {
      for (const { errorCode } of response.groups) throwOnError(errorCode)
    },
  })
  return groups.map(({ errorCode, groupId, groupState, protocolType, protocolData, members }) => ({
    errorCode,
    groupId,
    state: groupState,
    protocolType,
    protocol: protocolData,
    members: members.map(({ memberId, clientId, clientHost, memberMetadata, memberAssignment }) => ({
      memberId,
      clientId,
      clientHost,
      memberMetadata: copyBytes(memberMetadata),
      memberAssignment: copyBytes(memberAssignment),
    })),
  }))
}

export async function requestListGroups(broker: BrokerClient): Promise<{ groupId: string; protocolType: string }[]> {
  const { groups } = await broker.send('ListGroups', makeListGroupsRequest(), {
    check: (response) => throwOnError(response.errorCode),
  })
  return groups.map(({ groupId, protocolType }) => ({ groupId, protocolType }))
}
