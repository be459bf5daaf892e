/**
 * Members of a consumer group that speak the classic protocol, as they do while a group is upgraded (KIP-848;
 * GroupMetadataManager.classicGroupJoinToConsumerGroup, …Sync…, …Heartbeat…, …Leave…). A generation is their member epoch.
 */
import { decodeSubscription } from '../../../protocol/consumer-protocol.ts'
import { ErrorCode } from '../../../protocol/errors.ts'
import {
  makeHeartbeatResponse,
  makeLeaveGroupResponse,
  makeMemberResponse,
  makeSyncGroupResponse,
} from '../../../protocol/make.ts'
import type {
  ConsumerProtocolSubscription,
  HeartbeatRequest,
  JoinGroupRequest,
  LeaveGroupRequest,
  SyncGroupRequest,
} from '../../../protocol/messages.ts'
import { intConfig } from '../../config.ts'
import { type InboundRequest, tokenOf } from '../../request.ts'
import { joinBody, joinReply, syncReply } from '../classic/rebalance.ts'
import { advance, replaceMember } from './advance.ts'
import { assignmentBytes, downgrade, mayDowngradeReplaced } from './downgrade.ts'
import { removeMembers } from './fence.ts'
import { type ConsumerGroup, type ConsumerMember, createMember, ownedPartitions, staticMember } from './group.ts'
import { assignmentOf } from './records.ts'
import { type ConsumerTurn, expectOf, heard, write } from './turn.ts'

export function classicJoin(turn: ConsumerTurn, request: InboundRequest<JoinGroupRequest>): void {
  const { group, ctx, out, state } = turn
  const { body } = request
  const isUnknown = body.memberId === ''
  const memberId = isUnknown ? ctx.uuid() : body.memberId
  const refuse = (errorCode: number) => joinReply(turn, request, { errorCode })
  if (group.members.size >= intConfig(state.config, 'group.consumer.max.size') && !group.members.has(memberId))
    return refuse(ErrorCode.GROUP_MAX_SIZE_REACHED)
  if (!supports(group, body)) return refuse(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  const instanceId = body.groupInstanceId
  if (instanceId === null && isUnknown && request.apiVersion >= 4)
    return joinReply(turn, request, { errorCode: ErrorCode.MEMBER_ID_REQUIRED, memberId })
  const subscription = readSubscription(body)
  if (subscription === null) return refuse(ErrorCode.UNKNOWN_SERVER_ERROR)

  const former = instanceId === null ? undefined : staticMember(group, instanceId)
  if (instanceId !== null && !isUnknown) {
    if (former === undefined) return refuse(ErrorCode.UNKNOWN_MEMBER_ID)
    if (former.id !== memberId) return refuse(ErrorCode.FENCED_INSTANCE_ID)
  }
  const replaces = former !== undefined && isUnknown
  const member = replaces
    ? replaceMember(turn, former, memberId)
    : (group.members.get(memberId) ?? createMember(memberId, ctx.now))
  if (!group.members.has(memberId))
    out.facts.push({ type: 'group.join', group: group.id, member: memberId, client: request.clientId })
  const reported = assignmentOf(
    subscription.ownedPartitions.flatMap(({ topic, partitions }) => {
      const topicId = state.image.topics.get(topic)?.id
      return topicId === undefined ? [] : [{ topicId, partitions }]
    }),
  )
  const updated: ConsumerMember = {
    ...member,
    instanceId: instanceId ?? member.instanceId,
    rackId: subscription.rackId ?? member.rackId,
    rebalanceTimeoutMs: body.rebalanceTimeoutMs,
    subscribedTopicNames: [...new Set(subscription.topics)].sort(),
    clientId: request.clientId,
    clientHost: request.clientHost,
    classic: { sessionTimeoutMs: body.sessionTimeoutMs, supportedProtocols: body.protocols },
  }
  const after = advance(turn, { member, updated, formerId: replaces ? former.id : null, reported })
  const joined = joinBody(request, {
    memberId: after.id,
    generationId: after.epoch,
    protocolType: 'consumer',
    protocolName: body.protocols[0]?.name ?? '',
  })
  const reply = { type: 'reply', token: tokenOf(request), body: joined } as const
  if (former !== undefined && mayDowngradeReplaced(turn, former.id)) {
    downgrade(turn, former.id, after, reply)
    return
  }
  write(turn, reply)
  heard(turn, after, request.connection)
  setJoinAwaited(turn, after, false)
  expectOf(turn, after, 'sync', body.rebalanceTimeoutMs)
}

/** ConsumerGroup.supportsClassicProtocols: one that all classic members know. */
function supports(group: ConsumerGroup, { protocolType, protocols }: JoinGroupRequest): boolean {
  if (protocolType !== 'consumer' || protocols.length === 0) return false
  const known = [...group.members.values()].flatMap(({ classic }) => (classic === null ? [] : [classic]))
  return protocols.some(({ name }) =>
    known.every(({ supportedProtocols }) => supportedProtocols.some((other) => other.name === name)),
  )
}

function readSubscription({ protocols }: JoinGroupRequest): ConsumerProtocolSubscription | null {
  try {
    return decodeSubscription(protocols[0]?.metadata ?? new Uint8Array(0))
  } catch {
    return null
  }
}

export function classicSync(turn: ConsumerTurn, request: InboundRequest<SyncGroupRequest>): void {
  const { group } = turn
  const { body } = request
  const refuse = (errorCode: number) => syncReply(turn, request, { errorCode })
  const member = classicMember(group, body.memberId, body.groupInstanceId)
  if (typeof member === 'number') return refuse(member)
  if (body.generationId !== member.epoch) return refuse(ErrorCode.ILLEGAL_GENERATION)
  const protocol = member.classic?.supportedProtocols[0]
  const otherType = body.protocolType !== null && body.protocolType !== 'consumer'
  const otherName = body.protocolName !== null && body.protocolName !== protocol?.name
  if (otherType || otherName) return refuse(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  // One that still has to give up partitions has joined already; it is told to join anew when it is done.
  if (group.groupEpoch > member.epoch && member.state !== 'unrevoked-partitions') {
    awaitJoin(turn, member)
    return refuse(ErrorCode.REBALANCE_IN_PROGRESS)
  }
  expectOf(turn, member, 'sync', null)
  heard(turn, member, request.connection)
  const synced = makeSyncGroupResponse({
    protocolType: body.protocolType,
    protocolName: body.protocolName,
    assignment: assignmentBytes(turn, member.assigned, protocol?.metadata ?? new Uint8Array(0)),
  })
  write(turn, { type: 'reply', token: tokenOf(request), body: synced })
}

export function classicHeartbeat(turn: ConsumerTurn, request: InboundRequest<HeartbeatRequest>): void {
  const { group, out } = turn
  const { body } = request
  const answer = (errorCode: number) =>
    void out.replies.push({ token: request, body: makeHeartbeatResponse({ errorCode }) })
  const member = classicMember(group, body.memberId, body.groupInstanceId)
  if (typeof member === 'number') return answer(member)
  if (body.generationId !== member.epoch) return answer(ErrorCode.ILLEGAL_GENERATION)
  heard(turn, member, request.connection)
  if (!mustJoinAgain(group, member)) return answer(ErrorCode.NONE)
  awaitJoin(turn, member)
  answer(ErrorCode.REBALANCE_IN_PROGRESS)
}

/** There is a newer group epoch, or it has to give up partitions, or what it waited for is free now. */
function mustJoinAgain(group: ConsumerGroup, member: ConsumerMember): boolean {
  if (member.epoch < group.groupEpoch || member.state === 'unrevoked-partitions') return true
  return member.state === 'unreleased-partitions' && !waitsForOthers(group, member)
}

/** ConsumerGroup.waitingOnUnreleasedPartition. */
function waitsForOthers(group: ConsumerGroup, member: ConsumerMember): boolean {
  const isOwned = ownedPartitions(group)
  for (const [topicId, partitions] of group.target.get(member.id) ?? []) {
    const held = member.assigned.get(topicId) ?? []
    if (partitions.some((partition) => !held.includes(partition) && isOwned(topicId, partition))) return true
  }
  return false
}

export function classicLeave(turn: ConsumerTurn, request: InboundRequest<LeaveGroupRequest>): void {
  const { group, out } = turn
  const single = request.apiVersion < 3
  const leaving = single
    ? [{ memberId: request.body.memberId, groupInstanceId: null, reason: null }]
    : request.body.members
  const gone = new Map<string, { member: ConsumerMember; cause: 'left'; why: string }>()
  const members = leaving.map(({ memberId, groupInstanceId, reason }) => {
    // An operator may name a static member by its instance alone.
    const named = memberId === '' && groupInstanceId !== null ? staticMember(group, groupInstanceId)?.id : memberId
    const member = classicMember(group, named ?? '', groupInstanceId)
    const isGone = typeof member === 'number' || gone.has(member.id)
    if (isGone)
      return makeMemberResponse({
        memberId,
        groupInstanceId,
        errorCode: typeof member === 'number' ? member : ErrorCode.UNKNOWN_MEMBER_ID,
      })
    gone.set(member.id, { member, cause: 'left', why: reason ?? 'it left the group' })
    return makeMemberResponse({ memberId: member.id, groupInstanceId, errorCode: ErrorCode.NONE })
  })
  const body = single
    ? makeLeaveGroupResponse({ errorCode: members[0]?.errorCode ?? ErrorCode.NONE })
    : makeLeaveGroupResponse({ members })
  if (gone.size === 0) {
    out.replies.push({ token: request, body })
    return
  }
  removeMembers(turn, [...gone.values()])
  write(turn, { type: 'reply', token: tokenOf(request), body })
}

/** validateConsumerGroupMember, throwIfMemberDoesNotUseClassicProtocol: the member, or the error. */
function classicMember(group: ConsumerGroup, memberId: string, instanceId: string | null): ConsumerMember | number {
  const member = instanceId === null ? group.members.get(memberId) : staticMember(group, instanceId)
  if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
  if (member.id !== memberId) return ErrorCode.FENCED_INSTANCE_ID
  return member.classic === null ? ErrorCode.UNKNOWN_MEMBER_ID : member
}

/** scheduleConsumerGroupJoinTimeoutIfAbsent. */
function awaitJoin(turn: ConsumerTurn, member: ConsumerMember): void {
  if (member.joinAwaited) return
  expectOf(turn, member, 'join', member.rebalanceTimeoutMs)
  setJoinAwaited(turn, member, true)
}

function setJoinAwaited(turn: ConsumerTurn, member: ConsumerMember, joinAwaited: boolean): void {
  const { group, shard, out } = turn
  out.changes.push({
    op: 'member-soft',
    partition: shard.partition,
    group: group.id,
    member: member.id,
    soft: { joinAwaited },
  })
  if (!joinAwaited) expectOf(turn, member, 'join', null)
}
