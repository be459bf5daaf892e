/**
 * LeaveGroup (key 13). GroupMetadataManager.classicGroupLeave.
 *
 * v0–2 name one member, v3+ several with an answer each (KIP-345). Who leaves triggers a rebalance of those who stay.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeLeaveGroupResponse, makeMemberResponse } from '../../protocol/make.ts'
import { coordinateMembers } from '../groups/coordinator.ts'
import { copyGroup } from '../groups/group.ts'
import {
  completeJoinIfAllJoined,
  dropMember,
  finish,
  type GroupTurn,
  joinReply,
  prepareRebalance,
} from '../groups/rebalance.ts'
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
    if (known.state === 'Dead') return fail(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    const turn: GroupTurn = {
      group: copyGroup(known),
      partition: place.shard.partition,
      out,
      ctx,
      config: state.config,
    }
    const leaving = single ? [{ memberId: body.memberId, groupInstanceId: null, reason: null }] : body.members
    const left: string[] = []
    const members = leaving.map(({ memberId, groupInstanceId, reason }) => {
      const errorCode = leave(turn, memberId, reason) ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID
      if (errorCode === ErrorCode.NONE) left.push(memberId)
      return makeMemberResponse({ memberId, groupInstanceId, errorCode })
    })
    if (left.length > 0) {
      const { state: groupState } = turn.group
      if (groupState === 'Stable' || groupState === 'CompletingRebalance')
        prepareRebalance(turn, `${left.join(', ')} left the group`)
      else if (groupState === 'PreparingRebalance') completeJoinIfAllJoined(turn)
      finish(turn)
    }
    if (single && left.length === 0) return fail(ErrorCode.UNKNOWN_MEMBER_ID)
    out.replies.push({ token: request, body: makeLeaveGroupResponse({ members: single ? [] : members }) })
  },
})

function leave(turn: GroupTurn, memberId: string, reason: string | null): boolean {
  const { group } = turn
  const member = group.members.get(memberId)
  if (member === undefined && !group.pendingMembers.has(memberId)) return false
  if (member?.awaitingJoin != null) joinReply(turn, member.awaitingJoin, { errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
  dropMember(turn, memberId, reason ?? 'it left the group')
  return true
}
