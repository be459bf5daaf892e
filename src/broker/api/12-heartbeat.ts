/**
 * Heartbeat (key 12). GroupMetadataManager.classicGroupHeartbeat.
 *
 * - Unknown group or member: UNKNOWN_MEMBER_ID. Another generation: ILLEGAL_GENERATION. While the group prepares a rebalance
 *   the sign of life counts and the answer is REBALANCE_IN_PROGRESS.
 * - v3+ names the instance of a static member: FENCED_INSTANCE_ID when another member has taken its place (KIP-345).
 * - While the coordinator loads, a heartbeat is answered without an error (GroupCoordinatorService.heartbeat).
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeHeartbeatResponse } from '../../protocol/make.ts'
import { copyClassicGroup, memberProblem } from '../groups/classic/group.ts'
import { armSession, finish } from '../groups/classic/rebalance.ts'
import { classicHeartbeat } from '../groups/consumer/classic-members.ts'
import { coordinateMembers } from '../groups/coordinator.ts'
import { defineApi } from './handler.ts'

export const heartbeat = defineApi({
  api: 'Heartbeat',
  minVersion: 0,
  maxVersion: 4,
  handle(state, request, ctx, out) {
    const { body } = request
    const answer = (errorCode: number) =>
      void out.replies.push({ token: request, body: makeHeartbeatResponse({ errorCode }) })
    const place = coordinateMembers(state, body.groupId)
    if (place.errorCode === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS) return answer(ErrorCode.NONE)
    if (place.errorCode !== ErrorCode.NONE) return answer(place.errorCode)
    const known = place.shard.groups.get(body.groupId)
    if (known === undefined) return answer(ErrorCode.UNKNOWN_MEMBER_ID)
    if (known.type === 'consumer')
      return classicHeartbeat({ state, shard: place.shard, group: known, ctx, out, records: [] }, request)
    if (known.state === 'Dead') return answer(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    const problem = memberProblem(known, body.memberId, body.groupInstanceId)
    if (problem !== ErrorCode.NONE) return answer(problem)
    if (body.generationId !== known.generation) return answer(ErrorCode.ILLEGAL_GENERATION)
    const turn = { group: copyClassicGroup(known), partition: place.shard.partition, out, ctx, config: state.config }
    const member = turn.group.members.get(body.memberId)
    if (member !== undefined) {
      member.connection = request.connection
      armSession(turn, member)
    }
    finish(turn)
    answer(known.state === 'PreparingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE)
  },
})
