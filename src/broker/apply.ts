/**
 * The one place that changes a broker's state. `apply` carries out a decision; `wake` then answers whoever waited for
 * what changed (DelayedOperationPurgatory, the coordinator runtime's deferred events), until nothing more follows.
 */
import type { RecordBatch } from '../protocol/batch.ts'
import type { FetchResponse } from '../protocol/messages.ts'
import { fetchIsReady, runFetch } from './api/01-fetch.ts'
import { asReaderReads } from './api/fetch-formats.ts'
import { appended } from './append-fact.ts'
import { intConfig } from './config.ts'
import { type Change, type Context, createDecision, type Decision } from './decision.ts'
import { awaitDeletes } from './deletes.ts'
import { answerInSession, type SessionChange } from './fetch-sessions.ts'
import { copyClassicGroup } from './groups/classic/group.ts'
import { assignmentStored, finish } from './groups/classic/rebalance.ts'
import { staticMemberStored } from './groups/classic/static-members.ts'
import { copyConsumerGroup } from './groups/consumer/group.ts'
import { NO_PRODUCER, replayAll } from './groups/coordinator.ts'
import { armExpiry } from './groups/expiry.ts'
import { type CoordinatorRecord, encodeCoordinatorRecords } from './groups/records.ts'
import { armCommitTimeout, notStored, revertUnwritable } from './groups/tenure.ts'
import { advanceLogStart, appendBatch, asStored, type PartitionLog } from './log/index.ts'
import { armMaintenance, armProducerExpiry } from './maintenance.ts'
import { writeMarkers } from './markers/write.ts'
import { brokerEpochOf, OFFSETS_TOPIC, TRANSACTION_TOPIC } from './metadata.ts'
import { beginEpoch } from './replication/epochs.ts'
import { lacksReplicas } from './replication/leader.ts'
import { awaitReplicas, type OnAdvance, onAppend, onLogStart, onProduceTimeout } from './replication/progress.ts'
import type { RequestToken } from './request.ts'
import {
  type AfterCommit,
  type BrokerState,
  type CommitWaiter,
  type CoordinatorShard,
  type FetchPlan,
  logOf,
  watchKey,
} from './state.ts'
import { appendTransaction, releaseTransactions } from './transactions/append.ts'
import { answerForPartitions } from './transactions/partitions.ts'
import { askTransaction, type Resume } from './verification/park.ts'

/** Carries out everything in `out.changes`, also what that leads to; replies, timers and facts pile up in `out`. */
export function apply(state: BrokerState, out: Decision, ctx: Context): void {
  // Waking a waiter may add changes behind those already done.
  for (let i = 0; i < out.changes.length; i++) applyOne(state, out.changes[i] as Change, ctx, out)
  if (out.changes.length > 0) out.changes.length = 0
}

function applyOne(state: BrokerState, change: Change, ctx: Context, out: Decision): void {
  switch (change.op) {
    case 'append': {
      const log = logOf(state, change.topic, change.partition)
      if (log !== undefined) append(state, log, change.batch, change.client, ctx, out)
      return
    }
    case 'log-start': {
      const log = logOf(state, change.topic, change.partition)
      if (log !== undefined && advanceLogStart(log, change.offset, ctx.now)) logStartMoved(state, log, ctx, out)
      return
    }
    case 'coordinator-append': {
      const log = logOf(state, OFFSETS_TOPIC, change.partition)
      const shard = state.shards.get(change.partition)
      if (log === undefined || shard === undefined) return
      if (change.records.length === 0) return afterThoseBefore(state, change.partition, change.after, ctx, out)
      if (lacksReplicas(state, OFFSETS_TOPIC, change.partition))
        return notStored(state, change.partition, change.after, ctx, out)
      const written = { offset: log.logEndOffset, producerId: change.producer?.producerId ?? NO_PRODUCER }
      replayAll(shard, change.records, written, state.image, ctx.now, out.facts)
      let waiters = state.commitWaiters.get(change.partition)
      if (waiters === undefined) {
        waiters = []
        state.commitWaiters.set(change.partition, waiters)
      }
      const batch = encodeCoordinatorRecords(change.records, ctx.now, change.producer)
      const offset = log.logEndOffset + batch.lastOffsetDelta + 1
      waiters.push({ offset, deadline: commitDeadline(state, ctx), after: change.after })
      append(state, log, batch, 'coordinator', ctx, out)
      // It is the first that waits now: others have armed it before.
      if (waiters.length === 1) armCommitTimeout(state, change.partition, out)
      armExpiries(state, shard, change.records, ctx, out)
      return
    }
    case 'group': {
      const shard = state.shards.get(change.partition)
      if (shard === undefined) return
      shard.groups.set(change.group.id, change.group)
      state.touched?.groups.add(change.group.id)
      armExpiry(state, shard, change.group, ctx.now, out)
      return
    }
    case 'transaction': {
      state.transactions.shards.get(change.partition)?.transactions.set(change.transaction.id, change.transaction)
      state.touched?.transactions.add(change.transaction.id)
      return
    }
    case 'transaction-append': {
      const shard = state.transactions.shards.get(change.partition)
      const log = logOf(state, TRANSACTION_TOPIC, change.partition)
      if (shard === undefined) return
      appendTransaction({ state, shard, ctx, out }, change.id, change.value, change.after, (batch) => {
        if (log !== undefined) append(state, log, batch, 'coordinator', ctx, out)
      })
      return
    }
    case 'member-soft': {
      const shard = state.shards.get(change.partition)
      const group = shard?.groups.get(change.group)
      const member = group?.type === 'consumer' ? group.members.get(change.member) : undefined
      if (shard === undefined || group?.type !== 'consumer' || member === undefined) return
      const copy = copyConsumerGroup(group)
      copy.members.set(member.id, { ...member, ...change.soft })
      shard.groups.set(copy.id, copy)
      state.touched?.groups.add(copy.id)
      return
    }
    case 'park-fetch': {
      const id = state.nextParkedId++
      state.parkedFetches.set(id, { id, token: change.token, request: change.plan })
      for (const { topic, partition } of change.plan.partitions) {
        const key = watchKey(topic, partition)
        const watchers = state.fetchWatchers.get(key)
        if (watchers === undefined) state.fetchWatchers.set(key, new Set([id]))
        else watchers.add(id)
      }
      out.timers.push({ key: fetchKey(id), at: change.deadline, timer: { type: 'fetch', id } })
      return
    }
    case 'unpark-fetch':
      unpark(state, change.id, ctx, out)
      return
    case 'answer-fetch':
      answerFetch(state, change.token, change.plan, change.response, ctx.now, out)
      return
    case 'fetch-session':
    case 'fetch-session-closed':
      changeSession(state, change)
      return
    case 'await-replicas':
      awaitReplicas(state, change.produce, out)
      return
    case 'produce-timeout':
      onProduceTimeout(state, change.id, out)
      return
    case 'write-markers':
      writeMarkers(state, change, ctx, out, (log, batch) => append(state, log, batch, 'coordinator', ctx, out))
      return
    case 'transaction-partitions':
      answerForPartitions(state, change, ctx, out)
      return
    case 'ask-transaction':
      askTransaction(state, change, ctx, out, resuming(state, ctx, out))
      return
    case 'await-deletes':
      awaitDeletes(state, change.deletes, out)
      return
    case 'producer-ids': {
      state.producerIds = change.ids
      const brokerEpoch = brokerEpochOf(state.image, state.id)
      if (change.asks) out.sends.push({ to: 'controller', message: { type: 'allocate-producer-ids', brokerEpoch } })
    }
  }
}

/** What a request that waited changes is carried out before anything else: the next one that waited has to find it. */
export function resuming(state: BrokerState, ctx: Context, out: Decision): Resume {
  return (handle) => {
    const own = createDecision()
    handle(own)
    revertUnwritable(state, own)
    apply(state, own, ctx)
    out.replies.push(...own.replies)
    out.timers.push(...own.timers)
    out.forwards.push(...own.forwards)
    out.sends.push(...own.sends)
    out.facts.push(...own.facts)
    if (own.halt) out.halt = true
  }
}

/**
 * Nothing is to be written, but an answer must not overtake what was written before it and is not replicated yet
 * (CoordinatorRuntime.CoordinatorWriteEvent).
 */
function afterThoseBefore(
  state: BrokerState,
  partition: number,
  after: AfterCommit,
  ctx: Context,
  out: Decision,
): void {
  const waiters = state.commitWaiters.get(partition)
  const last = waiters?.at(-1)
  if (waiters === undefined || last === undefined) committed(state, partition, after, ctx, out)
  else waiters.push({ offset: last.offset, deadline: commitDeadline(state, ctx), after })
}

function commitDeadline({ config }: BrokerState, { now }: Context): number {
  return now + intConfig(config, 'offsets.commit.timeout.ms')
}

/** Offsets came or went: when their groups have to be looked at next may have changed. */
function armExpiries(
  state: BrokerState,
  shard: CoordinatorShard,
  records: readonly CoordinatorRecord[],
  ctx: Context,
  out: Decision,
): void {
  let last = ''
  for (const { group: id } of records) {
    state.touched?.groups.add(id)
    if (id === last) continue
    last = id
    const group = shard.groups.get(id)
    if (group !== undefined) armExpiry(state, shard, group, ctx.now, out)
  }
}

function append(
  state: BrokerState,
  log: PartitionLog,
  batch: RecordBatch,
  client: string,
  ctx: Context,
  out: Decision,
): void {
  if (state.diskFull) {
    out.halt = true
    return
  }
  const stored = asStored(log, batch, ctx.now, log.config.logAppendTime)
  beginEpoch(log, stored.partitionLeaderEpoch, stored.baseOffset)
  appendBatch(log, stored, ctx.now)
  state.touched?.partitions.add(log.key)
  out.facts.push(appended(state.id, log, stored, client))
  if (stored.producerId >= 0) armProducerExpiry(state, log, ctx.now, out)
  onAppend(state, log, ctx.now, out, highWatermarkMoved(state, ctx, out))
}

/** Consumers may read more, and a coordinator's records may be committed. */
export function highWatermarkMoved(state: BrokerState, ctx: Context, out: Decision): OnAdvance {
  return (log) => {
    answerFetches(state, log, ctx, out)
    if (log.topic === OFFSETS_TOPIC) releaseCommitted(state, log, ctx, out)
    if (log.topic === TRANSACTION_TOPIC) releaseTransactions(state, log.partition, log.highWatermark, ctx, out)
    armMaintenance(state, log, ctx.now, out)
  }
}

/** Tells the trace, and answers the fetches that ask for what is gone. */
export function logStartMoved(state: BrokerState, log: PartitionLog, ctx: Context, out: Decision): void {
  const { topic, partition, logStartOffset } = log
  out.facts.push({
    type: 'log-start',
    node: state.id,
    topic,
    partition,
    offset: logStartOffset,
  })
  answerFetches(state, log, ctx, out)
  onLogStart(state, log, ctx.now, out)
  armMaintenance(state, log, ctx.now, out)
}

function answerFetches(state: BrokerState, log: PartitionLog, ctx: Context, out: Decision): void {
  const watchers = state.fetchWatchers.get(log.key)
  if (watchers !== undefined) for (const id of watchers) answerFetchIfReady(state, id, ctx, out)
}

function releaseCommitted(state: BrokerState, log: PartitionLog, ctx: Context, out: Decision): void {
  let waiters = state.commitWaiters.get(log.partition)
  const waited = waiters?.[0]
  while (waiters !== undefined && waiters.length > 0) {
    const first = waiters[0] as CommitWaiter
    if (first.offset > log.highWatermark) break
    waiters.shift()
    committed(state, log.partition, first.after, ctx, out)
    waiters = state.commitWaiters.get(log.partition)
  }
  if (waited !== undefined && waited !== waiters?.[0]) armCommitTimeout(state, log.partition, out)
}

function committed(state: BrokerState, partition: number, after: AfterCommit, ctx: Context, out: Decision): void {
  if (after.type === 'reply') out.replies.push({ token: after.token, body: after.body })
  else if (after.type === 'part-of-reply') partCommitted(state, after, out)
  else if (after.type === 'assignment-stored') {
    const group = state.shards.get(partition)?.groups.get(after.groupId)
    if (group?.type !== 'classic') return
    const turn = { group: copyClassicGroup(group), partition, out, ctx, config: state.config }
    assignmentStored(turn, after.generation, after.assignments)
    finish(turn)
  } else if (after.type === 'static-member-stored') {
    const group = state.shards.get(partition)?.groups.get(after.groupId)
    if (group?.type !== 'classic') return
    const turn = { group: copyClassicGroup(group), partition, out, ctx, config: state.config }
    staticMemberStored(turn, after)
    finish(turn)
  }
}

/** The last part to be committed releases the answer. */
function partCommitted(
  { committedParts }: BrokerState,
  { token, body, parts }: Extract<AfterCommit, { type: 'part-of-reply' }>,
  out: Decision,
): void {
  const key = `${token.connection}/${token.correlationId}`
  const done = (committedParts.get(key) ?? 0) + 1
  if (done < parts) {
    committedParts.set(key, done)
    return
  }
  committedParts.delete(key)
  out.replies.push({ token, body })
}

function answerFetchIfReady(state: BrokerState, id: number, ctx: Context, out: Decision): void {
  const parked = state.parkedFetches.get(id)
  if (parked !== undefined && fetchIsReady(state, parked.request)) unpark(state, id, ctx, out)
}

/** Answers a parked fetch with what there is now. */
function unpark(state: BrokerState, id: number, ctx: Context, out: Decision): void {
  const parked = state.parkedFetches.get(id)
  if (parked === undefined) return
  forgetFetch(state, id)
  out.timers.push({ key: fetchKey(id), at: null })
  const response = asReaderReads(state, parked.request, runFetch(state, parked.request).response, ctx)
  answerFetch(state, parked.token, parked.request, response, ctx.now, out)
}

function answerFetch(
  state: BrokerState,
  token: RequestToken,
  { session, partitions }: FetchPlan,
  read: FetchResponse,
  now: number,
  out: Decision,
): void {
  const { response, changes } = answerInSession(state, session, partitions, read, now)
  for (const change of changes) changeSession(state, change)
  out.replies.push({ token, body: response })
}

function changeSession(state: BrokerState, change: SessionChange): void {
  if (change.op === 'fetch-session-closed') {
    state.fetchSessions.delete(change.id)
    return
  }
  const { session } = change
  state.fetchSessions.set(session.id, session)
  state.nextFetchSessionId = Math.max(state.nextFetchSessionId, session.id + 1)
}

/** Takes a parked fetch out without an answer (its connection is gone). */
export function forgetFetch(state: BrokerState, id: number): void {
  const parked = state.parkedFetches.get(id)
  if (parked === undefined) return
  state.parkedFetches.delete(id)
  for (const { topic, partition } of parked.request.partitions) {
    const key = watchKey(topic, partition)
    const watchers = state.fetchWatchers.get(key)
    watchers?.delete(id)
    if (watchers?.size === 0) state.fetchWatchers.delete(key)
  }
}

export function fetchKey(id: number): string {
  return `fetch/${id}`
}
