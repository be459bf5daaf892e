/**
 * The classic rebalance (GroupMetadataManager.java, the methods named below). Every function works on `turn.group`,
 * a private copy of the group, and adds replies, timers and facts to `turn.out`; `finish` hands the group back.
 */
import { always } from '../../../kernel/laws.ts'
import type { ClassicStateName, GroupLeaveCause } from '../../../kernel/trace-event.ts'
import { decodeAssignment } from '../../../protocol/consumer-protocol.ts'
import { ErrorCode } from '../../../protocol/errors.ts'
import { makeJoinGroupResponse, makeSyncGroupResponse } from '../../../protocol/make.ts'
import type { JoinGroupResponse, SyncGroupResponse } from '../../../protocol/messages.ts'
import { type BrokerConfig, intConfig } from '../../config.ts'
import type { Context, Decision } from '../../decision.ts'
import type { RequestToken } from '../../request.ts'
import type { AfterCommit } from '../../state.ts'
import type { CoordinatorRecord, GroupMetadataSnapshot } from '../records.ts'
import { joinKey, sessionKey, syncKey } from '../timer-keys.ts'
import {
  allMembersJoined,
  type ClassicGroup,
  EMPTY_BYTES,
  type GroupMember,
  LEGAL_TRANSITIONS,
  metadataFor,
  rebalanceTimeoutMs,
  removeMember,
  selectProtocol,
  subscribedTopicsOf,
} from './group.ts'

/** GroupCoordinatorConfig.CLASSIC_GROUP_NEW_MEMBER_JOIN_TIMEOUT_MS. */
export const NEW_MEMBER_JOIN_TIMEOUT_MS = 5 * 60 * 1000

export interface GroupTurn {
  readonly group: ClassicGroup
  /** The partition of `__consumer_offsets` that holds the group. */
  readonly partition: number
  readonly out: Decision
  readonly ctx: Context
  readonly config: BrokerConfig
}

export function finish(turn: GroupTurn): void {
  turn.out.changes.push({ op: 'group', partition: turn.partition, group: turn.group })
}

export function joinReply(
  { out }: Pick<GroupTurn, 'out'>,
  token: RequestToken,
  fields: Partial<JoinGroupResponse>,
): void {
  out.replies.push({ token, body: joinBody(token, fields) })
}

export function joinBody({ apiVersion }: RequestToken, fields: Partial<JoinGroupResponse>): JoinGroupResponse {
  return makeJoinGroupResponse({ generationId: -1, protocolName: apiVersion >= 7 ? null : '', ...fields })
}

export function syncReply(
  { out }: Pick<GroupTurn, 'out'>,
  token: RequestToken,
  fields: Partial<SyncGroupResponse>,
): void {
  out.replies.push({ token, body: makeSyncGroupResponse(fields) })
}

/** The answer that tells a member the current generation. */
export function currentGeneration(group: ClassicGroup, memberId: string): Partial<JoinGroupResponse> {
  return {
    generationId: group.generation,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leader: group.leaderId ?? '',
    memberId,
    members: group.leaderId === memberId ? groupMembers(group) : [],
  }
}

/** maybePrepareRebalanceOrCompleteJoin; `canRebalance` is Stable, CompletingRebalance or Empty. */
export function prepareRebalanceOrCompleteJoin(turn: GroupTurn, reason: string): void {
  if (turn.group.state === 'PreparingRebalance') completeJoinIfAllJoined(turn)
  else if (turn.group.state !== 'Dead') prepareRebalance(turn, reason)
}

export function prepareRebalance(turn: GroupTurn, reason: string): void {
  const { group, config, ctx } = turn
  // Members that wait for an assignment have to join again.
  if (group.state === 'CompletingRebalance') propagateError(turn, ErrorCode.REBALANCE_IN_PROGRESS)
  clearSyncTimer(turn)
  const initial = group.state === 'Empty'
  if (initial) {
    const delayMs = intConfig(config, 'group.initial.rebalance.delay.ms')
    const remainingMs = Math.max(rebalanceTimeoutMs(group) - delayMs, 0)
    armInitialJoin(turn, delayMs, remainingMs)
  }
  group.reason = reason
  transition(turn, 'PreparingRebalance', reason)
  if (!initial) {
    if (allMembersJoined(group)) completeJoin(turn)
    else armJoinTimer(turn, ctx.now + rebalanceTimeoutMs(group))
  }
}

/** maybeCompleteJoinPhase: the initial delay is never cut short. */
export function completeJoinIfAllJoined(turn: GroupTurn): void {
  const { group } = turn
  if (group.state !== 'PreparingRebalance' || group.previousState === 'Empty') return
  if (allMembersJoined(group)) completeJoin(turn)
}

/** tryCompleteInitialRebalanceElseSchedule. */
export function initialDelayOver(turn: GroupTurn, delayMs: number, remainingMs: number): void {
  const { group, config } = turn
  if (group.newMemberAdded && remainingMs !== 0) {
    group.newMemberAdded = false
    const nextDelay = Math.min(intConfig(config, 'group.initial.rebalance.delay.ms'), remainingMs)
    armInitialJoin(turn, nextDelay, Math.max(remainingMs - delayMs, 0))
    return
  }
  completeJoin(turn)
}

/** completeClassicGroupJoin. */
export function completeJoin(turn: GroupTurn): void {
  const { group, out, ctx } = turn
  out.timers.push({ key: joinKey(group.id), at: null })
  for (const member of [...group.members.values()]) {
    // A static member keeps its place until its session ends (KIP-345).
    if (member.awaitingJoin !== null || member.instanceId !== null) continue
    dropMember(turn, member.id, 'not-rejoined', `member ${member.id} did not rejoin within the rebalance timeout`)
  }
  if (group.state === 'Dead') return
  if (!electJoinedLeader(group) && group.members.size > 0) {
    armJoinTimer(turn, ctx.now + rebalanceTimeoutMs(group))
    return
  }
  group.generation += 1
  group.newMemberAdded = false
  group.pendingSync.clear()
  if (group.members.size === 0) {
    group.protocolName = null
    group.leaderId = null
    group.subscribedTopics = subscribedTopicsOf(group)
    transition(turn, 'Empty', 'no members left')
    write(turn, [{ type: 'group-metadata', group: group.id, value: snapshot(group, new Map()) }], { type: 'nothing' })
    return
  }
  group.protocolName = selectProtocol(group)
  group.subscribedTopics = subscribedTopicsOf(group)
  transition(turn, 'CompletingRebalance', group.reason)
  for (const member of group.members.values()) {
    const token = member.awaitingJoin
    member.awaitingJoin = null
    if (token !== null) joinReply(turn, token, currentGeneration(group, member.id))
    armSession(turn, member)
    member.isNew = false
    group.pendingSync.add(member.id)
  }
  out.timers.push({
    key: syncKey(group.id),
    at: ctx.now + rebalanceTimeoutMs(group),
    timer: { type: 'sync', groupId: group.id, generation: group.generation },
  })
}

/** removePendingSyncMember: once all have synced, nobody waits for them any more. */
export function syncReceived(turn: GroupTurn, memberId: string): void {
  const { group } = turn
  group.pendingSync.delete(memberId)
  if (group.pendingSync.size === 0) clearSyncTimer(turn)
}

/** expirePendingSync: members that never sent SyncGroup are removed. */
export function syncTimeout(turn: GroupTurn, generation: number): void {
  const { group } = turn
  if (generation !== group.generation) return
  if (group.state !== 'CompletingRebalance' && group.state !== 'Stable') return
  if (group.pendingSync.size === 0) return
  const late = [...group.pendingSync]
  for (const id of late) dropMember(turn, id, 'not-synced', 'no SyncGroup within the rebalance timeout')
  prepareRebalance(turn, `Removing ${late.join(', ')} on pending sync request expiration`)
}

/** expireClassicGroupMemberHeartbeat. */
export function sessionTimeout(turn: GroupTurn, memberId: string): void {
  const { group } = turn
  if (group.state === 'Dead') return
  if (group.pendingMembers.has(memberId)) {
    removeMember(group, memberId)
    if (group.state === 'PreparingRebalance' && allMembersJoined(group)) completeJoin(turn)
    return
  }
  const member = group.members.get(memberId)
  if (member === undefined) return
  // Members that await a rebalance satisfy their heartbeat, new ones do not (hasSatisfiedHeartbeat).
  if (!member.isNew && (member.awaitingJoin !== null || member.awaitingSync !== null)) return
  const reason = `member ${memberId} was not heard from for its session timeout of ${member.sessionTimeoutMs} ms`
  if (member.awaitingJoin !== null) {
    // A new member that still waits joins again if it is alive.
    joinReply(turn, member.awaitingJoin, { errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
  }
  dropMember(turn, memberId, 'expired', reason)
  if (group.state === 'Stable' || group.state === 'CompletingRebalance') prepareRebalance(turn, reason)
  else if (group.state === 'PreparingRebalance' && allMembersJoined(group)) completeJoin(turn)
}

/** The leader's assignment is committed: hand it out (the appendFuture of classicGroupSyncToClassicGroup). */
export function assignmentStored(
  turn: GroupTurn,
  generation: number,
  assignments: ReadonlyMap<string, Uint8Array>,
): void {
  const { group } = turn
  // Another member may have joined meanwhile.
  if (group.state !== 'CompletingRebalance' || group.generation !== generation) return
  for (const member of group.members.values()) {
    member.assignment = assignments.get(member.id) ?? EMPTY_BYTES
    tellAssignment(turn, member)
    const token = member.awaitingSync
    member.awaitingSync = null
    if (token === null) continue
    syncReply(turn, token, {
      protocolType: group.protocolType,
      protocolName: group.protocolName,
      assignment: member.assignment,
    })
    armSession(turn, member)
  }
  transition(turn, 'Stable', 'every member has its assignment')
}

/**
 * The assignment could not be stored in time (appendGroupMetadataErrorToResponseError): who waits for it is told, and all join
 * again.
 */
export function assignmentNotStored(turn: GroupTurn, generation: number): void {
  const { group } = turn
  if (group.state !== 'CompletingRebalance' || group.generation !== generation) return
  propagateError(turn, ErrorCode.COORDINATOR_NOT_AVAILABLE)
  prepareRebalance(turn, 'the assignment could not be stored in time')
}

export function tellAssignment({ group, out }: GroupTurn, member: GroupMember): void {
  out.facts.push({
    type: 'group.assignment',
    group: group.id,
    generation: group.generation,
    member: member.id,
    partitions: assignedPartitions(member.assignment),
  })
}

export function transition(turn: GroupTurn, to: ClassicStateName, reason: string): void {
  const { group, out, ctx } = turn
  const from = group.state
  always(LEGAL_TRANSITIONS[from].includes(to), 'G5', `group ${group.id} must not go from ${from} to ${to}`)
  group.previousState = from
  group.state = to
  group.stateSince = ctx.now
  if (from !== to) {
    out.facts.push({ type: 'group.state', group: group.id, from, to, generation: group.generation, reason })
  }
}

export function armSession(turn: GroupTurn, member: GroupMember, timeoutMs: number = member.sessionTimeoutMs): void {
  member.lastHeartbeat = turn.ctx.now
  turn.out.timers.push({
    key: sessionKey(turn.group.id, member.id),
    at: turn.ctx.now + timeoutMs,
    timer: { type: 'session', groupId: turn.group.id, memberId: member.id, connection: member.connection },
  })
}

/** Removes a member, its session timer with it, and says so. */
export function dropMember(turn: GroupTurn, memberId: string, cause: GroupLeaveCause, reason: string): void {
  const { group, out } = turn
  out.timers.push({ key: sessionKey(group.id, memberId), at: null })
  if (group.members.has(memberId))
    out.facts.push({ type: 'group.leave', group: group.id, member: memberId, cause, reason })
  removeMember(group, memberId)
}

export function write(turn: GroupTurn, records: readonly CoordinatorRecord[], after: AfterCommit): void {
  turn.out.changes.push({ op: 'coordinator-append', partition: turn.partition, records, after })
}

/** The group as GroupMetadataValue has it. */
export function snapshot(
  group: ClassicGroup,
  assignments: ReadonlyMap<string, Uint8Array> = assignmentsOf(group),
): GroupMetadataSnapshot {
  return {
    protocolType: group.protocolType ?? '',
    generation: group.generation,
    protocol: group.protocolName,
    leader: group.leaderId,
    currentStateTimestamp: group.stateSince,
    members: [...group.members.values()].map((member) => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeout: member.rebalanceTimeoutMs,
      sessionTimeout: member.sessionTimeoutMs,
      subscription: group.protocolName === null ? EMPTY_BYTES : metadataFor(member, group.protocolName),
      assignment: assignments.get(member.id) ?? EMPTY_BYTES,
    })),
  }
}

/** ClassicGroup.groupAssignment. */
function assignmentsOf(group: ClassicGroup): ReadonlyMap<string, Uint8Array> {
  return new Map([...group.members.values()].map((member) => [member.id, member.assignment]))
}

/** `topic-partition` names of a consumer assignment; nothing for bytes that are no such assignment. */
export function assignedPartitions(bytes: Uint8Array): string[] {
  if (bytes.length === 0) return []
  try {
    return decodeAssignment(bytes).assignedPartitions.flatMap(({ topic, partitions }) =>
      partitions.map((partition) => `${topic}-${partition}`),
    )
  } catch {
    // Other protocol types carry what they like.
    return []
  }
}

function clearSyncTimer({ group, out }: GroupTurn): void {
  group.pendingSync.clear()
  out.timers.push({ key: syncKey(group.id), at: null })
}

function armJoinTimer({ group, out }: GroupTurn, at: number): void {
  out.timers.push({ key: joinKey(group.id), at, timer: { type: 'join', groupId: group.id } })
}

function armInitialJoin({ group, out, ctx }: GroupTurn, delayMs: number, remainingMs: number): void {
  out.timers.push({
    key: joinKey(group.id),
    at: ctx.now + delayMs,
    timer: { type: 'initial-join', groupId: group.id, delayMs, remainingMs },
  })
}

/** resetAndPropagateAssignmentWithError. */
function propagateError(turn: GroupTurn, errorCode: number): void {
  for (const member of turn.group.members.values()) {
    member.assignment = EMPTY_BYTES
    const token = member.awaitingSync
    member.awaitingSync = null
    if (token === null) continue
    syncReply(turn, token, { errorCode })
    armSession(turn, member)
  }
}

/** maybeElectNewJoinedLeader: true when the leader has joined or another joined member took over. */
function electJoinedLeader(group: ClassicGroup): boolean {
  const leader = group.leaderId === null ? undefined : group.members.get(group.leaderId)
  if (leader === undefined) return false
  if (leader.awaitingJoin !== null) return true
  for (const member of group.members.values()) {
    if (member.awaitingJoin === null) continue
    group.leaderId = member.id
    return true
  }
  return false
}

function groupMembers(group: ClassicGroup): JoinGroupResponse['members'] {
  const protocol = group.protocolName ?? ''
  return [...group.members.values()].map((member) => ({
    memberId: member.id,
    groupInstanceId: member.instanceId,
    metadata: metadataFor(member, protocol),
  }))
}
