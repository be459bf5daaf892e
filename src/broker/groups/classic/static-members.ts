/**
 * Static members (KIP-345): a client that comes back with its `group.instance.id` takes the place of its former self, under a
 * new member id and, when nothing about the assignment changes, without a rebalance.
 */
import { ErrorCode } from '../../../protocol/errors.ts'
import type { JoinGroupRequest } from '../../../protocol/messages.ts'
import { type InboundRequest, tokenOf } from '../../request.ts'
import { sessionKey } from '../timer-keys.ts'
import { type ClassicGroup, type GroupMember, type Protocol, selectProtocol } from './group.ts'
import {
  armSession,
  completeJoinIfAllJoined,
  currentGeneration,
  type GroupTurn,
  joinReply,
  prepareRebalance,
  snapshot,
  syncReply,
  tellAssignment,
  write,
} from './rebalance.ts'

/** From here on the leader that comes back learns the members, and that it need not assign anew (KIP-814). */
const SKIPS_ASSIGNMENT = 9

/** What the replaced member was like, for when the new one cannot be stored. */
export interface FormerSelf {
  readonly memberId: string
  readonly protocols: readonly Protocol[]
  readonly rebalanceTimeoutMs: number
  readonly sessionTimeoutMs: number
}

/** updateStaticMemberThenRebalanceOrCompleteJoin: the same instance id joins without a member id. */
export function joinAgain(
  turn: GroupTurn,
  request: InboundRequest<JoinGroupRequest>,
  oldId: string,
  newId: string,
): void {
  const { group } = turn
  const { body } = request
  const formerLeader = group.leaderId
  const member = replace(turn, oldId, newId)
  const former: FormerSelf = {
    memberId: oldId,
    protocols: member.protocols,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    sessionTimeoutMs: member.sessionTimeoutMs,
  }
  member.connection = request.connection
  member.protocols = body.protocols
  member.rebalanceTimeoutMs = body.rebalanceTimeoutMs
  member.sessionTimeoutMs = body.sessionTimeoutMs
  member.awaitingJoin = tokenOf(request)
  // Kafka counts this first session by the former one's timeout, which may be shorter than what the member asks for.
  armSession(turn, member)
  turn.out.facts.push({ type: 'group.join', group: group.id, member: newId, client: request.clientId })
  const who = `static member ${newId} with instance id ${member.instanceId}`
  switch (group.state) {
    case 'Stable':
      if (selectProtocol(group) !== group.protocolName) {
        return prepareRebalance(turn, `${who} joined with other protocols, which changes the group's`)
      }
      return write(turn, [{ type: 'group-metadata', group: group.id, value: snapshot(group) }], {
        type: 'static-member-stored',
        groupId: group.id,
        generation: group.generation,
        memberId: newId,
        formerLeader,
        former,
      })
    case 'CompletingRebalance':
      // The leader may be about to assign to the old member id, and the new one would get nothing.
      return prepareRebalance(turn, `${who} joined while the assignment was made`)
    default:
      return completeJoinIfAllJoined(turn)
  }
}

/** The new member id is in the log: from now on the group is as it was, with the same assignment. */
export function staticMemberStored(
  turn: GroupTurn,
  { generation, memberId, formerLeader }: { generation: number; memberId: string; formerLeader: string | null },
): void {
  const { group } = turn
  const member = group.members.get(memberId)
  // A rebalance that began meanwhile will answer it.
  if (member === undefined || group.state !== 'Stable' || group.generation !== generation) return
  tellAssignment(turn, member)
  const token = member.awaitingJoin
  member.awaitingJoin = null
  if (token === null) return
  const answer = currentGeneration(group, memberId)
  if (token.apiVersion >= SKIPS_ASSIGNMENT) {
    joinReply(turn, token, { ...answer, skipAssignment: group.leaderId === memberId })
    return
  }
  // An older client must not think that it leads, or it would assign: it is told of the leader there was before.
  joinReply(turn, token, { ...answer, members: [], leader: formerLeader ?? '' })
}

/** The new member id could not be stored in time: the former one is in its place again. */
export function staticMemberNotStored(
  turn: GroupTurn,
  { memberId, formerLeader, former }: { memberId: string; formerLeader: string | null; former: FormerSelf },
): void {
  const { group } = turn
  const member = group.members.get(memberId)
  if (member === undefined || member.awaitingJoin === null) return
  const token = member.awaitingJoin
  member.awaitingJoin = null
  joinReply(turn, token, {
    ...currentGeneration(group, ''),
    errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    leader: formerLeader ?? '',
    memberId: '',
  })
  const again = replace(turn, memberId, former.memberId)
  again.protocols = former.protocols
  again.rebalanceTimeoutMs = former.rebalanceTimeoutMs
  again.sessionTimeoutMs = former.sessionTimeoutMs
  armSession(turn, again)
}

/** ClassicGroup.replaceStaticMember: whoever still waits under the old id is fenced. */
function replace(turn: GroupTurn, oldId: string, newId: string): GroupMember {
  const { group, out } = turn
  const old = group.members.get(oldId) as GroupMember
  if (old.awaitingJoin !== null)
    joinReply(turn, old.awaitingJoin, { errorCode: ErrorCode.FENCED_INSTANCE_ID, memberId: oldId })
  if (old.awaitingSync !== null) syncReply(turn, old.awaitingSync, { errorCode: ErrorCode.FENCED_INSTANCE_ID })
  const member: GroupMember = { ...old, id: newId, awaitingJoin: null, awaitingSync: null, isNew: false }
  swap(group, oldId, member)
  out.timers.push({ key: sessionKey(group.id, oldId), at: null })
  out.facts.push({
    type: 'group.leave',
    group: group.id,
    member: oldId,
    cause: 'replaced',
    reason: `member ${newId} has its instance id ${old.instanceId} now`,
  })
  return member
}

function swap(group: ClassicGroup, oldId: string, member: GroupMember): void {
  group.members.delete(oldId)
  group.members.set(member.id, member)
  if (group.leaderId === oldId) group.leaderId = member.id
}
