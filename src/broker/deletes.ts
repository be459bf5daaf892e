/**
 * DeleteRecords that wait until every living replica's log starts where it should (DelayedDeleteRecords.scala, KIP-107): only
 * then no election brings the records back.
 */
import { ErrorCode } from '../protocol/errors.ts'
import { makeDeleteRecordsResponse } from '../protocol/make.ts'
import type { DeleteRecordsPartitionResult } from '../protocol/messages.ts'
import type { Decision } from './decision.ts'
import type { RequestToken } from './request.ts'
import { type BrokerState, logOf, watchKey } from './state.ts'

/** One partition of an answer: final with `awaits` null, else as it would be if time ran out now. */
export interface DeletePart {
  readonly topic: string
  readonly result: DeleteRecordsPartitionResult
  /** The low watermark it waits for. */
  readonly awaits: number | null
}

export interface DeletesToPark {
  readonly token: RequestToken
  readonly parts: readonly DeletePart[]
  readonly deadline: number
}

export interface ParkedDeletes {
  readonly token: RequestToken
  parts: readonly DeletePart[]
}

/** Partition.lowWatermarkIfLeader: the least log start among the leader and the replicas on living brokers; null = not the leader. */
function lowWatermark(state: BrokerState, topic: string, partition: number): number | null {
  const leader = state.leading.get(watchKey(topic, partition))
  const log = logOf(state, topic, partition)
  if (leader === undefined || log === undefined) return null
  let least = log.logStartOffset
  for (const [id, { logStartOffset }] of leader.followers) {
    if (state.image.brokers.get(id)?.fenced === false) least = Math.min(least, logStartOffset)
  }
  return least
}

/** Answers what is done already, parks the rest. */
export function awaitDeletes(state: BrokerState, { token, parts, deadline }: DeletesToPark, out: Decision): void {
  const id = state.nextParkedId++
  state.parkedDeletes.set(id, { token, parts })
  if (!complete(state, id, out))
    out.timers.push({ key: timerKey(id), at: deadline, timer: { type: 'delete-records', id } })
}

/** A follower told its log start, leadership moved or a broker died: looks at everything that waits, which is rarely much. */
export function completeDeletes(state: BrokerState, out: Decision): void {
  for (const id of [...state.parkedDeletes.keys()]) complete(state, id, out)
}

/** Time is up: what is not done is REQUEST_TIMED_OUT; the leader's records are gone all the same. */
export function onDeletesTimeout(state: BrokerState, id: number, out: Decision): void {
  const parked = state.parkedDeletes.get(id)
  if (parked !== undefined) finish(state, id, parked, out)
}

function complete(state: BrokerState, id: number, out: Decision): boolean {
  const parked = state.parkedDeletes.get(id)
  if (parked === undefined) return false
  parked.parts = parked.parts.map((part) => settled(state, part))
  if (parked.parts.some(({ awaits }) => awaits !== null)) return false
  finish(state, id, parked, out)
  return true
}

function settled(state: BrokerState, part: DeletePart): DeletePart {
  const { topic, result, awaits } = part
  if (awaits === null) return part
  const { partitionIndex } = result
  const low = lowWatermark(state, topic, partitionIndex)
  const end = (errorCode: number, low: number): DeletePart => ({
    topic,
    result: { partitionIndex, lowWatermark: low, errorCode },
    awaits: null,
  })
  if (low === null) {
    const known = state.image.topics.get(topic)?.partitions[partitionIndex] !== undefined
    return end(known ? ErrorCode.NOT_LEADER_OR_FOLLOWER : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1)
  }
  if (low >= awaits) return end(ErrorCode.NONE, low)
  return { topic, result: { ...result, lowWatermark: Math.max(low, 0) }, awaits }
}

function finish(state: BrokerState, id: number, { token, parts }: ParkedDeletes, out: Decision): void {
  state.parkedDeletes.delete(id)
  out.timers.push({ key: timerKey(id), at: null })
  const topics = new Map<string, DeleteRecordsPartitionResult[]>()
  for (const { topic, result } of parts) {
    const results = topics.get(topic)
    if (results === undefined) topics.set(topic, [result])
    else results.push(result)
  }
  const body = makeDeleteRecordsResponse({ topics: [...topics].map(([name, partitions]) => ({ name, partitions })) })
  out.replies.push({ token, body })
}

function timerKey(id: number): string {
  return `delete-records/${id}`
}
