/**
 * What follows when a leader's log or its followers move: followers get data, the high watermark advances, and whoever
 * waited for that is answered (Partition.updateFollowerFetchState, DelayedProduce, DelayedFetch).
 */
import { ErrorCode } from '../../protocol/errors.ts'
import type { ProduceResponse } from '../../protocol/messages.ts'
import type { Decision } from '../decision.ts'
import { withLeaderHints } from '../leader-hints.ts'
import { type PartitionLog, readLog, setHighWatermark } from '../log/index.ts'
import { answerMarkers } from '../markers/answer.ts'
import type { RequestToken } from '../request.ts'
import { type BrokerState, logOf, type ParkedProduce, type ProduceToPark, watchKey } from '../state.ts'
import { type EpochEnd, endOffsetFor } from './epochs.ts'
import {
  effectiveMinIsr,
  type FollowerState,
  followerFetched,
  highWatermarkFor,
  type LeaderState,
  maximalIsr,
  maybeExpandIsr,
  REPLICA_FETCH_WAIT_MS,
} from './leader.ts'
import type { MarkerResult, ReplicaFetch } from './messages.ts'

/** replica.fetch.max.bytes. */
const REPLICA_FETCH_MAX_BYTES = 1_048_576

/** Called with the new high watermark of a partition that this broker leads. */
export type OnAdvance = (log: PartitionLog) => void

/** A follower asks: what it asks for says how far it is. */
export function onReplicaFetch(
  state: BrokerState,
  fetch: ReplicaFetch,
  now: number,
  out: Decision,
  onAdvance: OnAdvance,
): void {
  const log = logOf(state, fetch.topic, fetch.partition)
  const leader = log === undefined ? undefined : state.leading.get(log.key)
  const { fetchFencing } = state.switches
  if (log === undefined || leader === undefined || (fetch.leaderEpoch > leader.epoch && fetchFencing)) {
    // It has heard of a leadership that this broker has yet to hear of.
    state.earlyFetches.push(fetch)
    return
  }
  // A follower of an earlier leadership has no effect (law R9); it learns of the new one from the controller.
  if (fetch.leaderEpoch < leader.epoch && fetchFencing) return
  const follower = leader.followers.get(fetch.follower)
  if (follower === undefined) return
  const diverging = divergence(state, log, fetch)
  if (diverging !== null) {
    follower.asking = fetch.ask
    reply(state, log, leader, fetch.follower, out, diverging)
    return
  }
  follower.asking = fetch.ask
  followerFetched(leader, log, fetch, now)
  maybeExpandIsr(state, log, leader, fetch.follower, out)
  advance(state, log, leader, now, out, onAdvance)
  if (fetch.offset < log.logEndOffset) reply(state, log, leader, fetch.follower, out, null)
  else {
    follower.waiting = fetch
    tellHighWatermarkLater(log, leader, now, out)
  }
}

/** The leader's log grew. */
export function onAppend(
  state: BrokerState,
  log: PartitionLog,
  now: number,
  out: Decision,
  onAdvance: OnAdvance,
): void {
  const leader = state.leading.get(log.key)
  if (leader === undefined) return
  for (const [id, { waiting }] of leader.followers) if (waiting !== null) reply(state, log, leader, id, out, null)
  advance(state, log, leader, now, out, onAdvance)
}

/** Moves the high watermark as far as the in-sync replicas allow. */
export function advance(
  state: BrokerState,
  log: PartitionLog,
  leader: LeaderState,
  now: number,
  out: Decision,
  onAdvance: OnAdvance,
): void {
  const next = highWatermarkFor(state, log, leader, now)
  if (next <= log.highWatermark) return
  setHighWatermark(log, next, now)
  state.touched?.partitions.add(log.key)
  onAdvance(log)
  completeProduces(state, log.key, out)
  tellHighWatermarkLater(log, leader, now, out)
}

/** A follower that waits is answered after replica.fetch.wait.max.ms with the high watermark alone. */
export function onReplicaWait(state: BrokerState, topic: string, partition: number, id: number, out: Decision): void {
  const log = logOf(state, topic, partition)
  const leader = log === undefined ? undefined : state.leading.get(log.key)
  const follower = leader?.followers.get(id)
  if (leader === undefined || log === undefined || follower === undefined || follower.waiting === null) return
  if (knowsLess(follower, log)) reply(state, log, leader, id, out, null)
}

/** Parks an append until its records are committed; answers at once what already is. */
export function awaitReplicas(state: BrokerState, { after, waits, deadline }: ProduceToPark, out: Decision): void {
  const id = state.nextParkedId++
  const timerKey = `produce/${id}`
  const parked: ParkedProduce = { timerKey, after, waits, open: waits, errors: null }
  state.parkedProduces.set(id, parked)
  for (const { key } of waits) {
    const watchers = state.produceWatchers.get(key)
    if (watchers === undefined) state.produceWatchers.set(key, new Set([id]))
    else watchers.add(id)
  }
  completeProduce(state, id, out)
  if (state.parkedProduces.has(id)) out.timers.push({ key: timerKey, at: deadline, timer: { type: 'produce', id } })
}

/** DelayedProduce.onExpiration: what is not committed by now is REQUEST_TIMED_OUT; it may still come. */
export function onProduceTimeout(state: BrokerState, id: number, out: Decision): void {
  const parked = state.parkedProduces.get(id)
  if (parked === undefined) return
  parked.errors ??= new Map()
  for (const { topic, partition } of parked.open)
    parked.errors.set(watchKey(topic, partition), ErrorCode.REQUEST_TIMED_OUT)
  finishProduce(state, id, parked, out)
}

/** This broker leads a partition no more: who waits for it is told. */
export function failProduces(state: BrokerState, key: string, out: Decision): void {
  for (const id of state.produceWatchers.get(key) ?? []) {
    const parked = state.parkedProduces.get(id)
    if (parked === undefined) continue
    fail(parked, key, ErrorCode.NOT_LEADER_OR_FOLLOWER)
    parked.open = parked.open.filter((wait) => wait.key !== key)
    if (parked.open.length === 0) finishProduce(state, id, parked, out)
  }
}

export function completeProduces(state: BrokerState, key: string, out: Decision): void {
  const watchers = state.produceWatchers.get(key)
  if (watchers !== undefined) for (const id of watchers) completeProduce(state, id, out)
}

/** Partition.checkEnoughReplicasReachOffset. */
function completeProduce(state: BrokerState, id: number, out: Decision): void {
  const parked = state.parkedProduces.get(id)
  if (parked === undefined) return
  parked.open = parked.open.filter(({ topic, partition, key, offset }) => {
    const leader = state.leading.get(key)
    const log = logOf(state, topic, partition)
    if (leader === undefined || log === undefined || log.highWatermark < offset) return true
    if (maximalIsr(state, leader).length < effectiveMinIsr(state, topic, partition)) {
      fail(parked, key, ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND)
    }
    return false
  })
  if (parked.open.length === 0) finishProduce(state, id, parked, out)
}

function fail(parked: ParkedProduce, key: string, errorCode: number): void {
  parked.errors ??= new Map()
  parked.errors.set(key, errorCode)
}

function finishProduce(state: BrokerState, id: number, parked: ParkedProduce, out: Decision): void {
  state.parkedProduces.delete(id)
  // An empty set stays: the next produce is going to need it.
  for (const { key } of parked.waits) state.produceWatchers.get(key)?.delete(id)
  out.timers.push({ key: parked.timerKey, at: null })
  const { after, errors } = parked
  if (after.type === 'produce') answerProduce(state, after.token, withErrors(after.response, errors), out)
  else answerMarkers(state, after.asker, markersWithErrors(after.results, errors), out)
}

/** What failed meanwhile may be because the leader is another one. */
function answerProduce({ image }: BrokerState, token: RequestToken, response: ProduceResponse, out: Decision): void {
  out.replies.push({ token, body: withLeaderHints(image, token.apiVersion, response) })
}

function withErrors(response: ProduceResponse, errors: ReadonlyMap<string, number> | null): ProduceResponse {
  if (errors === null) return response
  return {
    ...response,
    responses: response.responses.map((topic) => ({
      ...topic,
      partitionResponses: topic.partitionResponses.map((partition) => {
        const errorCode = errors.get(watchKey(topic.name, partition.index))
        return errorCode === undefined ? partition : { ...partition, errorCode, baseOffset: -1 }
      }),
    })),
  }
}

/** What was refused at once stays so. */
function markersWithErrors(
  results: readonly MarkerResult[],
  errors: ReadonlyMap<string, number> | null,
): readonly MarkerResult[] {
  if (errors === null) return results
  return results.map((result) => {
    const errorCode = errors.get(watchKey(result.topic, result.partition))
    return errorCode === undefined || result.errorCode !== ErrorCode.NONE ? result : { ...result, errorCode }
  })
}

function divergence({ switches }: BrokerState, log: PartitionLog, fetch: ReplicaFetch): EpochEnd | null {
  if (fetch.lastEpoch < 0) {
    // OFFSET_OUT_OF_RANGE: it goes back to where this log ends (fetchOffsetAndTruncate).
    return fetch.offset > log.logEndOffset ? { epoch: -1, endOffset: log.logEndOffset } : null
  }
  if (!switches.kip279) {
    // The start of the next epoch, whichever epoch came before it here.
    const next = log.epochs.find(({ epoch }) => epoch > fetch.lastEpoch)
    const endOffset = next?.startOffset ?? log.logEndOffset
    return fetch.offset > endOffset ? { epoch: fetch.lastEpoch, endOffset } : null
  }
  const end = endOffsetFor(log, fetch.lastEpoch)
  if (end === null)
    return fetch.offset > log.logEndOffset ? { epoch: fetch.lastEpoch, endOffset: log.logEndOffset } : null
  return end.epoch < fetch.lastEpoch || end.endOffset < fetch.offset ? end : null
}

function reply(
  state: BrokerState,
  log: PartitionLog,
  leader: LeaderState,
  id: number,
  out: Decision,
  diverging: ReturnType<typeof divergence>,
): void {
  const follower = leader.followers.get(id)
  if (follower === undefined) return
  const from = follower.waiting?.offset ?? follower.logEndOffset
  follower.waiting = null
  const batches =
    diverging === null && from >= 0
      ? readLog(log, Math.max(from, log.logStartOffset), log.logEndOffset, REPLICA_FETCH_MAX_BYTES, true).batches
      : []
  if (follower.waitArmed) out.timers.push({ key: follower.waitKey, at: null })
  follower.waitArmed = false
  out.sends.push({
    to: id,
    message: {
      type: 'replica-data',
      leader: state.id,
      ask: follower.asking,
      topic: log.topic,
      partition: log.partition,
      leaderEpoch: leader.epoch,
      diverging,
      fetchOffset: from,
      batches,
      highWatermark: log.highWatermark,
      logStartOffset: log.logStartOffset,
    },
  })
}

/** Whether an answer without records would tell it something: a new high watermark, a new log start. */
function knowsLess(follower: FollowerState, log: PartitionLog): boolean {
  return follower.knownHighWatermark < log.highWatermark || follower.logStartOffset < log.logStartOffset
}

/** The leader's log starts elsewhere now: followers learn it with their next answer. */
export function onLogStart(state: BrokerState, log: PartitionLog, now: number, out: Decision): void {
  const leader = state.leading.get(log.key)
  if (leader !== undefined) tellHighWatermarkLater(log, leader, now, out)
}

function tellHighWatermarkLater(log: PartitionLog, leader: LeaderState, now: number, out: Decision): void {
  for (const [id, follower] of leader.followers) {
    if (follower.waiting === null || !knowsLess(follower, log)) continue
    follower.waitArmed = true
    out.timers.push({
      key: follower.waitKey,
      at: now + REPLICA_FETCH_WAIT_MS,
      timer: { type: 'replica-wait', topic: log.topic, partition: log.partition, follower: id },
    })
  }
}
