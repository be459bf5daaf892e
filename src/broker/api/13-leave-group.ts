/**
 * LeaveGroup (key 13). GroupMetadataManager.classicGroupLeave.
 *
 * v0–2 name one member, v3+ several with an answer each (KIP-345). Who leaves triggers a rebalance of those who stay. A static
 * member may be named by its instance id alone, which is how an operator removes it; with an older member id it is
 * FENCED_INSTANCE_ID.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeLeaveGroupResponse, makeMemberResponse } from '../../protocol/make.ts'
import { copyClassicGroup, memberProblem, staticMemberId } from '../groups/classic/group.ts'
import {
  completeJoinIfAllJoined,
  dropMember,
  finish,
  type GroupTurn,
  joinReply,
  prepareRebalance,
} from '../groups/classic/rebalance.ts'
import { classicLeave } from '../groups/consumer/classic-members.ts'
import { coordinateMembers } from '../groups/coordinator.ts'
import { defineApi } from './handler.ts'

export const leaveGroup = defineApi({
  api: 'LeaveGroup',
  minVersion: 0,
  maxVersion: 5,
  handle(state, request, ctx, out) {
    const { body } = request
    const single = request.apiVersion < 3
    const fail = (errorCode: number) =>
      void out.replies.push({ token: request, body: makeLeaveGroupResponse({ errorCode }) })
    const place = coordinateMembers(state, body.groupId)
    if (place.errorCode !== ErrorCode.NONE) return fail(place.errorCode)
    const known = place.shard.groups.get(body.groupId)
    if (known === undefined && single) return fail(ErrorCode.UNKNOWN_MEMBER_ID)
    if (known === undefined) {
      const members = body.members.map(({ memberId, groupInstanceId }) =>
        makeMemberResponse({ memberId, groupInstanceId, errorCode: ErrorCode.UNKNOWN_MEMBER_ID }),
      )
      return void out.replies.push({ token: request, body: makeLeaveGroupResponse({ members }) })
    }
    if (known.type === 'consumer')
      return classicLeave({ state, shard: place.shard, group: known, ctx, out, records: [] }, request)
    if (known.state === 'Dead') return fail(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    const turn: GroupTurn = {
      group: copyClassicGroup(known),
      partition: place.shard.partition,
      out,
      ctx,
      config: state.config,
    }
    const leaving = single ? [{ memberId: body.memberId, groupInstanceId: null, reason: null }] : body.members
    const left: string[] = []
    const members = leaving.map(({ memberId, groupInstanceId, reason }) => {
      const errorCode = leave(turn, memberId, groupInstanceId, reason)
      if (errorCode === ErrorCode.NONE) left.push(memberId === '' ? `instance ${groupInstanceId}` : memberId)
      return makeMemberResponse({ memberId, groupInstanceId, errorCode })
    })
    if (left.length > 0) {
      const { state: groupState } = turn.group
      if (groupState === 'Stable' || groupState === 'CompletingRebalance')
        prepareRebalance(turn, `${left.join(', ')} left the group`)
      else if (groupState === 'PreparingRebalance') completeJoinIfAllJoined(turn)
      finish(turn)
    }
    // Before v3 the answer has room for one error (LeaveGroupResponse.getError).
    if (single && left.length === 0) return fail(members[0]?.errorCode ?? ErrorCode.UNKNOWN_MEMBER_ID)
    out.replies.push({ token: request, body: makeLeaveGroupResponse({ members: single ? [] : members }) })
  },
})

/** One member of the request; its error, or NONE when it is gone. */
function leave(turn: GroupTurn, memberId: string, instanceId: string | null, reason: string | null): number {
  const { group } = turn
  if (group.pendingMembers.has(memberId)) {
    dropMember(turn, memberId, 'left', reason ?? 'it left the group')
    return ErrorCode.NONE
  }
  const id = memberId === '' && instanceId !== null ? staticMemberId(group, instanceId) : memberId
  if (id === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
  const problem = memberProblem(group, id, instanceId)
  if (problem !== ErrorCode.NONE) return problem
  const awaiting = group.members.get(id)?.awaitingJoin ?? null
  if (awaiting !== null) joinReply(turn, awaiting, { errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
  dropMember(turn, id, 'left', reason ?? 'it left the group')
  return ErrorCode.NONE
}
