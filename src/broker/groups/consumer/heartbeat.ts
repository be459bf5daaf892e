/** What a member of a consumer group says of itself, and what it is told (GroupMetadataManager.consumerGroupHeartbeat; KIP-848). */
import { ErrorCode } from '../../../protocol/errors.ts'
import { makeConsumerGroupHeartbeatResponse } from '../../../protocol/make.ts'
import type { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '../../../protocol/messages.ts'
import { intConfig } from '../../config.ts'
import { type InboundRequest, tokenOf } from '../../request.ts'
import { advance, replaceMember } from './advance.ts'
import { fenceMember } from './fence.ts'
import {
  type Assignment,
  type ConsumerGroup,
  type ConsumerMember,
  createMember,
  LEAVE_STATIC_EPOCH,
  NOTHING,
  sameAssignment,
  staticMember,
} from './group.ts'
import { assignmentOf, currentAssignmentRecord, topicPartitionsOf } from './records.ts'
import { wholeName } from './subscription.ts'
import { offeredAssignors } from './target.ts'
import { type ConsumerTurn, heard, type Refusal, refusal, write } from './turn.ts'

/** throwIfConsumerGroupHeartbeatRequestIsInvalid; null = there is nothing wrong with the request itself. */
export function requestProblem(
  body: ConsumerGroupHeartbeatRequest,
  apiVersion: number,
  config: ConsumerTurn['state']['config'],
): Refusal | null {
  const invalid = (message: string) => refusal(ErrorCode.INVALID_REQUEST, message)
  const { memberEpoch } = body
  const blank = (text: string | null) => text !== null && text.trim() === ''
  if (blank(body.groupId)) return invalid("GroupId can't be empty.")
  if (blank(body.instanceId)) return invalid("InstanceId can't be empty.")
  if (blank(body.rackId)) return invalid("RackId can't be empty.")
  // From version 1 on members make their ids themselves (KIP-1082).
  if (blank(body.memberId) && (apiVersion >= 1 || memberEpoch !== 0)) return invalid("MemberId can't be empty.")
  if (memberEpoch < LEAVE_STATIC_EPOCH) return invalid(`MemberEpoch ${memberEpoch} is invalid.`)
  if (memberEpoch === LEAVE_STATIC_EPOCH && body.instanceId === null) return invalid("InstanceId can't be null.")
  if (memberEpoch === 0) {
    if (body.rebalanceTimeoutMs === -1) return invalid('RebalanceTimeoutMs must be provided in first request.')
    if (body.topicPartitions === null || body.topicPartitions.length > 0)
      return invalid('TopicPartitions must be empty when (re-)joining.')
    if (body.subscribedTopicNames === null && body.subscribedTopicRegex === null)
      return invalid('Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.')
  }
  if (body.subscribedTopicRegex !== null && wholeName(body.subscribedTopicRegex) === null)
    return refusal(
      ErrorCode.INVALID_REGULAR_EXPRESSION,
      `SubscribedTopicRegex \`${body.subscribedTopicRegex}\` is not a valid regular expression.`,
    )
  const offered = offeredAssignors(config)
  if (body.serverAssignor !== null && !offered.includes(body.serverAssignor))
    return refusal(
      ErrorCode.UNSUPPORTED_ASSIGNOR,
      `ServerAssignor ${body.serverAssignor} is not supported. Supported assignors: ${offered.join(', ')}.`,
    )
  return null
}

/** The member lives, joins, or has done what it was asked to. */
export function heartbeat(turn: ConsumerTurn, request: InboundRequest<ConsumerGroupHeartbeatRequest>): Refusal | null {
  const { group, ctx, out, state } = turn
  const { body } = request
  const most = intConfig(state.config, 'group.consumer.max.size')
  if (group.members.size >= most && !group.members.has(body.memberId))
    return refusal(
      ErrorCode.GROUP_MAX_SIZE_REACHED,
      `The consumer group has reached its maximum capacity of ${most} members.`,
    )
  const reported = body.topicPartitions === null ? null : assignmentOf(body.topicPartitions)
  const found = findMember(turn, body, body.memberId === '' ? ctx.uuid() : body.memberId, reported)
  if ('errorCode' in found) return found
  const { member, formerId } = found
  const updated: ConsumerMember = {
    ...member,
    instanceId: body.instanceId ?? member.instanceId,
    rackId: body.rackId ?? member.rackId,
    rebalanceTimeoutMs: body.rebalanceTimeoutMs === -1 ? member.rebalanceTimeoutMs : body.rebalanceTimeoutMs,
    serverAssignor: body.serverAssignor ?? member.serverAssignor,
    subscribedTopicNames:
      body.subscribedTopicNames === null ? member.subscribedTopicNames : [...new Set(body.subscribedTopicNames)].sort(),
    subscribedTopicRegex: body.subscribedTopicRegex ?? member.subscribedTopicRegex,
    clientId: request.clientId,
    clientHost: request.clientHost,
    classic: null,
  }
  if (!group.members.has(updated.id))
    out.facts.push({ type: 'group.join', group: group.id, member: updated.id, client: request.clientId })
  const after = advance(turn, { member, updated, formerId, reported })
  // It asks for everything: it has just joined, or lost an answer.
  const asksForAll =
    body.memberEpoch === 0 ||
    (body.rebalanceTimeoutMs !== -1 && body.subscribedTopicNames !== null && reported !== null)
  const tells = asksForAll || !sameAssignment(member.assigned, after.assigned)
  write(turn, {
    type: 'reply',
    token: tokenOf(request),
    body: makeConsumerGroupHeartbeatResponse({
      memberId: after.id,
      memberEpoch: after.epoch,
      heartbeatIntervalMs: intConfig(state.config, 'group.consumer.heartbeat.interval.ms'),
      assignment: tells ? { topicPartitions: topicPartitionsOf(after.assigned) } : null,
    }),
  })
  heard(turn, after, request.connection)
  return null
}

type Found = { readonly member: ConsumerMember; readonly formerId: string | null }

/** getOrMaybeSubscribeDynamicConsumerGroupMember, getOrMaybeSubscribeStaticConsumerGroupMember. */
function findMember(
  turn: ConsumerTurn,
  body: ConsumerGroupHeartbeatRequest,
  memberId: string,
  reported: Assignment | null,
): Found | Refusal {
  const { group, ctx } = turn
  const joins = body.memberEpoch === 0
  const known = body.instanceId === null ? group.members.get(memberId) : staticMember(group, body.instanceId)
  if (known === undefined) {
    if (joins) return { member: createMember(memberId, ctx.now), formerId: null }
    return body.instanceId === null
      ? unknownMember(group, memberId)
      : refusal(ErrorCode.UNKNOWN_MEMBER_ID, `Instance id ${body.instanceId} is unknown.`)
  }
  if (body.instanceId !== null && joins) {
    // Its place is free when it left for a while, or when it spoke the classic protocol until now.
    if (known.classic === null && known.epoch !== LEAVE_STATIC_EPOCH)
      return refusal(
        ErrorCode.UNRELEASED_INSTANCE_ID,
        `Static member ${memberId} with instance id ${body.instanceId} cannot join the group because the instance id is owned by ${known.id} member.`,
      )
    return { member: replaceMember(turn, known, memberId), formerId: known.id }
  }
  if (known.id !== memberId)
    return refusal(
      ErrorCode.FENCED_INSTANCE_ID,
      `Static member ${memberId} with instance id ${body.instanceId} was fenced by member ${known.id}.`,
    )
  return epochProblem(known, body.memberEpoch, reported) ?? { member: known, formerId: null }
}

export function unknownMember(group: ConsumerGroup, memberId: string): Refusal {
  return refusal(ErrorCode.UNKNOWN_MEMBER_ID, `Member ${memberId} is not a member of group ${group.id}.`)
}

/** throwIfConsumerGroupMemberEpochIsInvalid. The answer with the last epoch may be lost: then the member says the one before. */
function epochProblem(member: ConsumerMember, received: number, reported: Assignment | null): Refusal | null {
  if (received === member.epoch) return null
  if (received < member.epoch && received === member.previousEpoch && isPartOf(reported, member.assigned)) return null
  return refusal(
    ErrorCode.FENCED_MEMBER_EPOCH,
    `The consumer group member has a ${received > member.epoch ? 'greater' : 'smaller'} member epoch (${received}) than the one known by the group coordinator (${member.epoch}). The member must abandon all its partitions and rejoin.`,
  )
}

function isPartOf(reported: Assignment | null, assigned: Assignment): boolean {
  if (reported === null) return false
  for (const [topicId, partitions] of reported)
    if (!partitions.every((partition) => assigned.get(topicId)?.includes(partition) === true)) return false
  return true
}

/** consumerGroupLeave: a member goes, or, as a static one, goes for a while and keeps its partitions. */
export function leave(turn: ConsumerTurn, request: InboundRequest<ConsumerGroupHeartbeatRequest>): Refusal | null {
  const { group, records } = turn
  const { memberId, memberEpoch, instanceId } = request.body
  const member = instanceId === null ? group.members.get(memberId) : staticMember(group, instanceId)
  if (member === undefined)
    return instanceId === null
      ? unknownMember(group, memberId)
      : refusal(ErrorCode.UNKNOWN_MEMBER_ID, `Instance id ${instanceId} is unknown.`)
  if (member.id !== memberId)
    return refusal(
      ErrorCode.FENCED_INSTANCE_ID,
      `Static member ${memberId} with instance id ${instanceId} was fenced by member ${member.id}.`,
    )
  const body: ConsumerGroupHeartbeatResponse = makeConsumerGroupHeartbeatResponse({ memberId, memberEpoch })
  const after = { type: 'reply', token: tokenOf(request), body } as const
  if (memberEpoch === LEAVE_STATIC_EPOCH) {
    records.push(currentAssignmentRecord(group.id, { ...member, epoch: LEAVE_STATIC_EPOCH, revoking: NOTHING }))
    write(turn, after)
    return null
  }
  fenceMember(turn, member, 'left', 'it left the group', after)
  return null
}
