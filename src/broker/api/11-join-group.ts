/**
 * JoinGroup (key 11). GroupMetadataManager.classicGroupJoin and the methods it calls.
 *
 * - v4+: a member without an id gets one with MEMBER_ID_REQUIRED and joins again with it (KIP-394).
 * - The session timeout must lie within the broker's bounds (INVALID_SESSION_TIMEOUT).
 * - A member whose id the group does not know is UNKNOWN_MEMBER_ID; protocols nobody else supports are
 *   INCONSISTENT_GROUP_PROTOCOL; a full group is GROUP_MAX_SIZE_REACHED.
 * - The answer waits until the rebalance is done. In Stable a leader's join starts a rebalance, a follower that changed
 *   nothing is told the current generation.
 * - v5+: a static member (`group.instance.id`, KIP-345) needs no id first. When the group knows its instance it takes the place of
 *   its former self; under an older member id it is FENCED_INSTANCE_ID.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import type { JoinGroupRequest } from '../../protocol/messages.ts'
import { intConfig } from '../config.ts'
import {
  addMember,
  awaitingJoinCount,
  copyClassicGroup,
  createClassicGroup,
  EMPTY_BYTES,
  memberProblem,
  sameProtocols,
  staticMemberId,
  supportsProtocols,
} from '../groups/classic/group.ts'
import {
  armSession,
  currentGeneration,
  dropMember,
  finish,
  type GroupTurn,
  joinReply,
  NEW_MEMBER_JOIN_TIMEOUT_MS,
  prepareRebalanceOrCompleteJoin,
  snapshot,
  write,
} from '../groups/classic/rebalance.ts'
import { joinAgain } from '../groups/classic/static-members.ts'
import { classicJoin } from '../groups/consumer/classic-members.ts'
import { coordinateMembers } from '../groups/coordinator.ts'
import { groupTombstones } from '../groups/group.ts'
import { sessionKey } from '../groups/timer-keys.ts'
import { type InboundRequest, tokenOf } from '../request.ts'
import { defineApi } from './handler.ts'

export const joinGroup = defineApi({
  api: 'JoinGroup',
  minVersion: 0,
  maxVersion: 9,
  handle(state, asked, ctx, out) {
    const request = withRebalanceTimeout(asked)
    const { body } = request
    const place = coordinateMembers(state, body.groupId)
    const found = place.errorCode === ErrorCode.NONE ? place.shard.groups.get(body.groupId) : undefined
    const known = found?.type === 'classic' ? found : undefined
    const turn: GroupTurn = {
      group: known === undefined ? createClassicGroup(body.groupId, ctx.now) : copyClassicGroup(known),
      partition: place.errorCode === ErrorCode.NONE ? place.shard.partition : -1,
      out,
      ctx,
      config: state.config,
    }
    const refuse = (errorCode: number, memberId: string = body.memberId) =>
      joinReply(turn, request, { errorCode, memberId })
    if (place.errorCode !== ErrorCode.NONE) return refuse(place.errorCode)
    if (
      body.sessionTimeoutMs < intConfig(state.config, 'group.min.session.timeout.ms') ||
      body.sessionTimeoutMs > intConfig(state.config, 'group.max.session.timeout.ms')
    ) {
      return refuse(ErrorCode.INVALID_SESSION_TIMEOUT)
    }
    if (found?.type === 'consumer' && found.state !== 'Empty')
      return classicJoin({ state, shard: place.shard, group: found, ctx, out, records: [] }, request)
    if (known === undefined && body.memberId !== '') return refuse(ErrorCode.UNKNOWN_MEMBER_ID)
    if (!accepts(turn, body.memberId)) {
      // The id that was handed out must not be waited for.
      dropMember(turn, body.memberId, 'left', 'the group is full')
      finish(turn)
      return refuse(ErrorCode.GROUP_MAX_SIZE_REACHED, '')
    }
    if (
      !supportsProtocols(
        turn.group,
        body.protocolType,
        body.protocols.map(({ name }) => name),
      )
    ) {
      return refuse(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    }
    // An empty consumer group gives way (maybeDeleteEmptyConsumerGroup).
    if (found?.type === 'consumer') write(turn, groupTombstones(found), { type: 'nothing' })
    // Handed back before anything is written: what follows a write finds the group as it is now.
    finish(turn)
    if (body.memberId === '') joinNew(turn, request)
    else joinKnown(turn, request)
    if (
      known === undefined &&
      !turn.out.changes.some(
        (change) => change.op === 'coordinator-append' && change.records.some(({ type }) => type === 'group-metadata'),
      )
    ) {
      // A new group is written down at once, empty (classicGroupJoinToClassicGroup).
      write(
        turn,
        [
          {
            type: 'group-metadata',
            group: body.groupId,
            value: snapshot(createClassicGroup(body.groupId, ctx.now), new Map()),
          },
        ],
        {
          type: 'nothing',
        },
      )
    }
  },
})

/** v0 has none: it is the session timeout (JoinGroupRequest.maybeOverrideRebalanceTimeout). */
function withRebalanceTimeout(request: InboundRequest<JoinGroupRequest>): InboundRequest<JoinGroupRequest> {
  if (request.apiVersion >= 1) return request
  return { ...request, body: { ...request.body, rebalanceTimeoutMs: request.body.sessionTimeoutMs } }
}

/** acceptJoiningMember. */
function accepts({ group, config }: GroupTurn, memberId: string): boolean {
  const most = intConfig(config, 'group.max.size')
  const member = group.members.get(memberId)
  switch (group.state) {
    case 'Empty':
    case 'Dead':
      return true
    case 'PreparingRebalance':
      return (member !== undefined && member.awaitingJoin !== null) || awaitingJoinCount(group) < most
    default:
      return member !== undefined || group.members.size < most
  }
}

/** classicGroupJoinNewStaticMember, classicGroupJoinNewDynamicMember. */
function joinNew(turn: GroupTurn, request: InboundRequest<JoinGroupRequest>): void {
  const { group, out, ctx } = turn
  const { groupInstanceId } = request.body
  const memberId = `${groupInstanceId ?? request.clientId}-${ctx.memberUuid()}`
  if (groupInstanceId !== null) {
    const former = staticMemberId(group, groupInstanceId)
    return former === undefined ? add(turn, request, memberId) : joinAgain(turn, request, former, memberId)
  }
  if (request.apiVersion < 4) return add(turn, request, memberId)
  group.pendingMembers.add(memberId)
  out.timers.push({
    key: sessionKey(group.id, memberId),
    at: ctx.now + request.body.sessionTimeoutMs,
    timer: { type: 'session', groupId: group.id, memberId, connection: request.connection },
  })
  joinReply(turn, request, { errorCode: ErrorCode.MEMBER_ID_REQUIRED, memberId })
}

/** classicGroupJoinExistingMember. */
function joinKnown(turn: GroupTurn, request: InboundRequest<JoinGroupRequest>): void {
  const { group } = turn
  const { memberId, protocols, groupInstanceId } = request.body
  if (group.pendingMembers.has(memberId)) {
    if (groupInstanceId === null) return add(turn, request, memberId)
    // An id is handed out to dynamic members only: Kafka throws here.
    return joinReply(turn, request, { errorCode: ErrorCode.UNKNOWN_SERVER_ERROR })
  }
  const errorCode = memberProblem(group, memberId, groupInstanceId)
  const member = group.members.get(memberId)
  if (member === undefined || errorCode !== ErrorCode.NONE) return joinReply(turn, request, { errorCode, memberId })
  member.connection = request.connection
  const update = (reason: string) => {
    member.protocols = protocols
    member.rebalanceTimeoutMs = request.body.rebalanceTimeoutMs
    member.sessionTimeoutMs = request.body.sessionTimeoutMs
    member.awaitingJoin = tokenOf(request)
    member.lastHeartbeat = turn.ctx.now
    prepareRebalanceOrCompleteJoin(turn, reason)
  }
  const changed = !sameProtocols(member.protocols, protocols)
  switch (group.state) {
    case 'PreparingRebalance':
      return update(`member ${memberId} joins again`)
    case 'CompletingRebalance':
      // The same metadata again: the first answer may have been lost.
      if (!changed) return joinReply(turn, request, currentGeneration(group, memberId))
      return update(`member ${memberId} changed its metadata`)
    case 'Stable':
      // A leader may have seen a change that affects the assignment, such as a new partition.
      if (group.leaderId === memberId) return update(`leader ${memberId} joins again`)
      if (changed) return update(`member ${memberId} changed its metadata`)
      return joinReply(turn, request, currentGeneration(group, memberId))
    default:
      return joinReply(turn, request, { errorCode: ErrorCode.UNKNOWN_MEMBER_ID, memberId })
  }
}

/** addMemberThenRebalanceOrCompleteJoin. */
function add(turn: GroupTurn, request: InboundRequest<JoinGroupRequest>, memberId: string): void {
  const { group, out, ctx } = turn
  const { body } = request
  if (group.state === 'PreparingRebalance' && group.previousState === 'Empty') group.newMemberAdded = true
  const member = {
    id: memberId,
    instanceId: body.groupInstanceId,
    clientId: request.clientId,
    clientHost: request.clientHost,
    connection: request.connection,
    rebalanceTimeoutMs: body.rebalanceTimeoutMs,
    sessionTimeoutMs: body.sessionTimeoutMs,
    protocols: body.protocols,
    assignment: EMPTY_BYTES,
    awaitingJoin: tokenOf(request),
    awaitingSync: null,
    isNew: true,
    lastHeartbeat: ctx.now,
  }
  addMember(group, member, body.protocolType)
  out.facts.push({ type: 'group.join', group: group.id, member: memberId, client: request.clientId })
  // It has no generation yet and cannot send heartbeats: the join itself times out instead.
  armSession(turn, member, NEW_MEMBER_JOIN_TIMEOUT_MS)
  prepareRebalanceOrCompleteJoin(turn, `member ${memberId} joined`)
}
