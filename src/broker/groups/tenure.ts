/**
 * Becoming the coordinator of a partition of `__consumer_offsets`, and ceasing to be (CoordinatorRuntime.scheduleLoadOperation,
 * scheduleUnloadOperation, GroupMetadataManager.onLoaded and onUnloaded); and writes that take too long.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import {
  makeConsumerGroupHeartbeatResponse,
  makeDeleteGroupsResponse,
  makeJoinGroupResponse,
  makeLeaveGroupResponse,
  makeOffsetDeleteResponse,
  makeSyncGroupResponse,
} from '../../protocol/make.ts'
import type { DeleteGroupsResponse, OffsetCommitResponse } from '../../protocol/messages.ts'
import { intConfig } from '../config.ts'
import type { Context, Decision } from '../decision.ts'
import { armLoading, loadedAt, takeLoaded } from '../loading.ts'
import { OFFSETS_TOPIC } from '../metadata.ts'
import { lacksReplicas } from '../replication/leader.ts'
import type { RequestToken } from '../request.ts'
import { type AfterCommit, type BrokerState, type CommitWaiter, logOf } from '../state.ts'
import { copyClassicGroup } from './classic/group.ts'
import { assignmentNotStored, finish, type GroupTurn, joinBody, prepareRebalance } from './classic/rebalance.ts'
import { staticMemberNotStored } from './classic/static-members.ts'
import { expectOf, sessionTimeoutMs } from './consumer/turn.ts'
import { loadShard } from './coordinator.ts'
import { armExpiry } from './expiry.ts'
import type { CoordinatorRecord } from './records.ts'
import { groupTimerKeys, sessionKey } from './timer-keys.ts'

/** This broker leads the partition: until its log is read, requests are COORDINATOR_LOAD_IN_PROGRESS. */
export function beginLoading(state: BrokerState, partition: number, ctx: Context, out: Decision): void {
  if (state.shards.has(partition) || state.loading.has(partition)) return
  const log = logOf(state, OFFSETS_TOPIC, partition)
  if (log === undefined) return
  // Nothing to read, as in a topic that was made just now: a client that came first would be told to wait for nothing.
  if (log.logEndOffset === log.logStartOffset) return load(state, partition, ctx, out)
  state.loading.set(partition, loadedAt(log, ctx.now))
  armLoading(state.loading, 'load', out)
}

export function finishLoading(state: BrokerState, ctx: Context, out: Decision): void {
  for (const partition of takeLoaded(state.loading, ctx.now)) load(state, partition, ctx, out)
  if (state.loading.size > 0) armLoading(state.loading, 'load', out)
}

function load(state: BrokerState, partition: number, ctx: Context, out: Decision): void {
  const log = logOf(state, OFFSETS_TOPIC, partition)
  if (log === undefined) return
  const shard = loadShard(log, ctx.now)
  state.shards.set(partition, shard)
  const most = intConfig(state.config, 'group.max.size')
  for (const group of shard.groups.values()) {
    state.touched?.groups.add(group.id)
    // Every member has a full session to be heard of.
    for (const member of group.members.values()) {
      const ms = 'sessionTimeoutMs' in member ? member.sessionTimeoutMs : sessionTimeoutMs(member, state.config)
      out.timers.push({
        key: sessionKey(group.id, member.id),
        at: ctx.now + ms,
        timer: { type: 'session', groupId: group.id, memberId: member.id, connection: -1 },
      })
    }
    armExpiry(state, shard, group, ctx.now, out)
    if (group.type === 'consumer') {
      const turn = { state, shard, group, ctx, out, records: [] }
      for (const member of group.members.values())
        if (member.state === 'unrevoked-partitions') expectOf(turn, member, 'rebalance', member.rebalanceTimeoutMs)
      continue
    }
    if (group.members.size <= most) continue
    // group.max.size was lowered: they join again, and the last ones are refused.
    const turn = turnOf(state, partition, copyClassicGroup(group), ctx, out)
    prepareRebalance(turn, `the group has ${group.members.size} members, ${most} are allowed`)
    finish(turn)
  }
}

/** This broker coordinates a partition no more: who waits there learns it. */
export function resign(state: BrokerState, partition: number, out: Decision): void {
  state.loading.delete(partition)
  const errorCode = ErrorCode.NOT_COORDINATOR
  for (const group of state.shards.get(partition)?.groups.values() ?? []) {
    state.touched?.groups.add(group.id)
    for (const key of groupTimerKeys(group)) out.timers.push({ key, at: null })
    if (group.type === 'consumer') continue
    for (const { id: memberId, awaitingJoin, awaitingSync } of group.members.values()) {
      if (awaitingJoin !== null)
        out.replies.push({ token: awaitingJoin, body: makeJoinGroupResponse({ errorCode, memberId }) })
      if (awaitingSync !== null) out.replies.push({ token: awaitingSync, body: makeSyncGroupResponse({ errorCode }) })
    }
  }
  for (const { after } of state.commitWaiters.get(partition) ?? []) refuseReply(state, after, errorCode, out)
  state.shards.delete(partition)
  state.commitWaiters.delete(partition)
  out.timers.push({ key: commitKey(partition), at: null })
}

/** Armed while a record of the coordinator waits for its replicas: the first in line is the first to be late. */
export function armCommitTimeout(state: BrokerState, partition: number, out: Decision): void {
  const first = state.commitWaiters.get(partition)?.[0]
  const key = commitKey(partition)
  out.timers.push(
    first === undefined ? { key, at: null } : { key, at: first.deadline, timer: { type: 'commit', partition } },
  )
}

/**
 * `offsets.commit.timeout.ms` is over (CoordinatorRuntime.CoordinatorWriteEvent): who waits is told so. What was written stays
 * written, and counts.
 */
export function commitTimeout(state: BrokerState, partition: number, ctx: Context, out: Decision): void {
  const waiters = state.commitWaiters.get(partition) ?? []
  const late = waiters.filter(({ deadline }) => deadline <= ctx.now)
  state.commitWaiters.set(
    partition,
    waiters.filter(({ deadline }) => deadline > ctx.now),
  )
  for (const { after } of late) notStored(state, partition, after, ctx, out)
  if ((state.commitWaiters.get(partition)?.length ?? 0) > 0) armCommitTimeout(state, partition, out)
}

/** What was to be written is not, or not in time: who waits for it is told. */
export function notStored(
  state: BrokerState,
  partition: number,
  after: AfterCommit,
  ctx: Context,
  out: Decision,
): void {
  if (after.type === 'nothing') return
  if (after.type === 'reply' || after.type === 'part-of-reply')
    return refuseReply(state, after, ErrorCode.COORDINATOR_NOT_AVAILABLE, out)
  const group = state.shards.get(partition)?.groups.get(after.groupId)
  if (group?.type !== 'classic') return
  const turn = turnOf(state, partition, copyClassicGroup(group), ctx, out)
  if (after.type === 'assignment-stored') assignmentNotStored(turn, after.generation)
  else staticMemberNotStored(turn, after)
  finish(turn)
}

/**
 * What a coordinator decides and cannot write does not hold: nothing of it happens, and who asked is told to try again
 * (CoordinatorRuntime reverts to its last snapshot). Classic groups go on with what they have in memory (ClassicGroup is no part of
 * the snapshot); what becomes of their writes is for `notStored`.
 *
 * @param isTimer nobody asked: that a member of a consumer group is gone has to be written all the same
 * @returns whether it was so
 */
export function revertUnwritable(state: BrokerState, out: Decision, isTimer = false): boolean {
  for (const change of out.changes) {
    if (change.op !== 'coordinator-append' || change.records.length === 0) continue
    const { after, partition } = change
    const isClassic = after.type === 'assignment-stored' || after.type === 'static-member-stored'
    if (isClassic || !lacksReplicas(state, OFFSETS_TOPIC, partition)) continue
    if (after.type === 'nothing' && !(isTimer && changesConsumerGroups(state, partition, change.records))) continue
    for (const part of [out.changes, out.facts, out.timers, out.replies, out.sends, out.forwards]) part.length = 0
    refuseReply(state, after, ErrorCode.COORDINATOR_NOT_AVAILABLE, out)
    return true
  }
  return false
}

function changesConsumerGroups(state: BrokerState, partition: number, records: readonly CoordinatorRecord[]): boolean {
  const groups = state.shards.get(partition)?.groups
  return records.some(({ group }) => groups?.get(group)?.type === 'consumer')
}

function turnOf(
  { config }: BrokerState,
  partition: number,
  group: GroupTurn['group'],
  ctx: Context,
  out: Decision,
): GroupTurn {
  return { group, partition, out, ctx, config }
}

function commitKey(partition: number): string {
  return `commit/${partition}`
}

function refuseReply(state: BrokerState, after: AfterCommit, errorCode: number, out: Decision): void {
  if (after.type !== 'reply' && after.type !== 'part-of-reply') return
  if (after.type === 'part-of-reply') forgetParts(state, after.token)
  out.replies.push({ token: after.token, body: refused(after.token, after.body, errorCode) })
}

/** The request is answered: what else of it is still to be committed answers no more. */
function forgetParts(state: BrokerState, { connection, correlationId }: RequestToken): void {
  state.committedParts.delete(`${connection}/${correlationId}`)
  for (const [partition, waiters] of state.commitWaiters) {
    const same = ({ after }: CommitWaiter) =>
      after.type === 'part-of-reply' &&
      after.token.connection === connection &&
      after.token.correlationId === correlationId
    const others = waiters.map((waiter) => (same(waiter) ? { ...waiter, after: { type: 'nothing' } as const } : waiter))
    state.commitWaiters.set(partition, others)
  }
}

/**
 * The error in place of the answer that was ready: its records are not committed here (CoordinatorOperationExceptionHelper). Nothing else
 * of it is told, but commits and deletions have an error each, and what was refused before stays refused.
 */
function refused(token: RequestToken, body: unknown, errorCode: number): unknown {
  const worse = <T extends { readonly errorCode: number }>(part: T): T =>
    part.errorCode === ErrorCode.NONE ? { ...part, errorCode } : part
  switch (token.api) {
    case 'JoinGroup':
      return joinBody(token, { errorCode })
    case 'SyncGroup':
      return makeSyncGroupResponse({ errorCode })
    case 'LeaveGroup':
      return makeLeaveGroupResponse({ errorCode })
    case 'ConsumerGroupHeartbeat':
      return makeConsumerGroupHeartbeatResponse({ errorCode })
    case 'OffsetDelete':
      return makeOffsetDeleteResponse({ errorCode })
    case 'DeleteGroups':
      return makeDeleteGroupsResponse({ results: (body as DeleteGroupsResponse).results.map(worse) })
    default: {
      const committed = body as OffsetCommitResponse
      const topics = committed.topics.map((topic) => ({ ...topic, partitions: topic.partitions.map(worse) }))
      return { ...committed, topics }
    }
  }
}
