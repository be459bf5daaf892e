/**
 * SyncGroup (key 14). GroupMetadataManager.classicGroupSync.
 *
 * Followers wait for the leader's assignment, which is written to `__consumer_offsets` before anybody gets it. In Stable
 * a member gets its assignment again; while a rebalance is being prepared, REBALANCE_IN_PROGRESS. v3+ names the instance of a
 * static member: FENCED_INSTANCE_ID when another member has taken its place (KIP-345). v5+ names the protocol (KIP-559).
 */
import { ErrorCode } from '../../protocol/errors.ts'
import type { SyncGroupRequest } from '../../protocol/messages.ts'
import {
  type ClassicGroup,
  copyClassicGroup,
  createClassicGroup,
  EMPTY_BYTES,
  memberProblem,
} from '../groups/classic/group.ts'
import { finish, type GroupTurn, snapshot, syncReceived, syncReply, write } from '../groups/classic/rebalance.ts'
import { classicSync } from '../groups/consumer/classic-members.ts'
import { coordinateMembers } from '../groups/coordinator.ts'
import { tokenOf } from '../request.ts'
import { defineApi } from './handler.ts'

export const syncGroup = defineApi({
  api: 'SyncGroup',
  minVersion: 0,
  maxVersion: 5,
  handle(state, request, ctx, out) {
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
    const refuse = (errorCode: number) => syncReply(turn, request, { errorCode })
    // v5 names the protocol, and must (SyncGroupRequest.areMandatoryProtocolTypeAndNamePresent).
    if (request.apiVersion >= 5 && (body.protocolType === null || body.protocolName === null))
      return refuse(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    if (place.errorCode !== ErrorCode.NONE) return refuse(place.errorCode)
    if (found?.type === 'consumer')
      return classicSync({ state, shard: place.shard, group: found, ctx, out, records: [] }, request)
    if (known === undefined) return refuse(ErrorCode.UNKNOWN_MEMBER_ID)
    const problem = syncProblem(known, body)
    if (problem !== ErrorCode.NONE) return refuse(problem)
    const { group } = turn
    const member = group.members.get(body.memberId)
    if (member === undefined) return refuse(ErrorCode.UNKNOWN_MEMBER_ID)
    switch (group.state) {
      case 'PreparingRebalance':
        return refuse(ErrorCode.REBALANCE_IN_PROGRESS)
      case 'Stable':
        syncReceived(turn, member.id)
        syncReply(turn, request, {
          protocolType: group.protocolType,
          protocolName: group.protocolName,
          assignment: member.assignment,
        })
        return finish(turn)
      case 'CompletingRebalance': {
        member.awaitingSync = tokenOf(request)
        syncReceived(turn, member.id)
        finish(turn)
        if (group.leaderId !== member.id) return
        const assignments = new Map<string, Uint8Array>()
        for (const id of group.members.keys()) assignments.set(id, EMPTY_BYTES)
        for (const { memberId, assignment } of body.assignments) assignments.set(memberId, assignment)
        return write(turn, [{ type: 'group-metadata', group: group.id, value: snapshot(group, assignments) }], {
          type: 'assignment-stored',
          groupId: group.id,
          generation: group.generation,
          assignments,
        })
      }
      default:
        return refuse(ErrorCode.UNKNOWN_MEMBER_ID)
    }
  },
})

/** validateSyncGroup. */
function syncProblem(group: ClassicGroup, body: SyncGroupRequest): number {
  if (group.state === 'Dead') return ErrorCode.COORDINATOR_NOT_AVAILABLE
  const problem = memberProblem(group, body.memberId, body.groupInstanceId)
  if (problem !== ErrorCode.NONE) return problem
  if (body.generationId !== group.generation) return ErrorCode.ILLEGAL_GENERATION
  const differs = (named: string | null, own: string | null) => named !== null && own !== null && named !== own
  return differs(body.protocolType, group.protocolType) || differs(body.protocolName, group.protocolName)
    ? ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    : ErrorCode.NONE
}
