/**
 * Fetch (key 1). KafkaApis.handleFetchRequest, ReplicaManager.fetchMessages, DelayedFetch.
 *
 * - Consumers see records below the high watermark only, with isolation level 1 (read_committed) below the last stable offset
 *   (law L8). Those get the list of aborted transactions that overlap what they get, by the offsets of their markers, and leave
 *   their records out themselves (KIP-98).
 * - Waits until `minBytes` are there, at most `maxWaitMs`; an error answers at once.
 * - `maxBytes` bounds the answer and `partitionMaxBytes` a partition, but the first batch is given whatever its size (KIP-74).
 * - Offsets outside [log start, log end] are OFFSET_OUT_OF_RANGE.
 * - Answers whole batches, so the first records may lie before the asked offset.
 * - From v9 a partition says which leader epoch it believes in: FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH (KIP-320).
 * - From v11 on a consumer may read from a follower, up to that one's high watermark; with `replica.selector.class` set, a leader
 *   sends it to the replica in its rack (KIP-392).
 * - Fetch sessions (KIP-227) are declined: session id 0, every fetch is a full one.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { makeAbortedTransaction, makeFetchResponse, makePartitionData } from '../../protocol/make.ts'
import type { AbortedTransaction, FetchResponse, PartitionData } from '../../protocol/messages.ts'
import { lastOffsetOf } from '../../protocol/records.ts'
import { abortedBetween, lastStableOffset, type PartitionLog, readLog } from '../log/index.ts'
import { NO_TOPIC_ID } from '../metadata.ts'
import { preferredReadReplica } from '../replication/read-replica.ts'
import { tokenOf } from '../request.ts'
import { type BrokerState, type FetchPlan, logOf } from '../state.ts'
import { defineApi } from './handler.ts'

/** IsolationLevel.java. */
export const READ_COMMITTED = 1

export const fetch = defineApi({
  api: 'Fetch',
  minVersion: 4,
  maxVersion: 17,
  handle(state, request, ctx, out) {
    const { body } = request
    const plan: FetchPlan = {
      minBytes: Math.min(body.minBytes, body.maxBytes),
      maxBytes: body.maxBytes,
      committedOnly: body.isolationLevel === READ_COMMITTED,
      clientRack: request.apiVersion >= 11 ? body.rackId : null,
      partitions: body.topics.flatMap((topic) => {
        const name = request.apiVersion >= 13 ? (state.image.topicNames.get(topic.topicId) ?? '') : topic.topic
        return topic.partitions.map((partition) => ({
          topic: name,
          topicId: topic.topicId,
          partition: partition.partition,
          offset: partition.fetchOffset,
          leaderEpoch: request.apiVersion >= 9 ? partition.currentLeaderEpoch : -1,
          maxBytes: partition.partitionMaxBytes,
        }))
      }),
    }
    const result = runFetch(state, plan)
    if (result.urgent || result.bytes >= plan.minBytes || body.maxWaitMs <= 0 || plan.partitions.length === 0) {
      out.replies.push({ token: request, body: result.response })
      return
    }
    out.changes.push({ op: 'park-fetch', token: tokenOf(request), plan, deadline: ctx.now + body.maxWaitMs })
  },
})

/** Answers a plan from what is in the logs now; `urgent` = there is something the reader must be told at once. */
export function runFetch(
  state: BrokerState,
  plan: FetchPlan,
): { readonly response: FetchResponse; readonly bytes: number; readonly urgent: boolean } {
  const byTopic = new Map<string, { topic: string; topicId: string; partitions: PartitionData[] }>()
  let bytes = 0
  let urgent = false
  for (const wanted of plan.partitions) {
    const key = wanted.topic === '' ? wanted.topicId : wanted.topic
    let group = byTopic.get(key)
    if (group === undefined) {
      group = { topic: wanted.topic, topicId: wanted.topicId, partitions: [] }
      byTopic.set(key, group)
    }
    const partitionIndex = wanted.partition
    const log = logOf(state, wanted.topic, wanted.partition)
    const info = state.image.topics.get(wanted.topic)?.partitions[wanted.partition]
    let errorCode: number = ErrorCode.NONE
    if (info === undefined) {
      errorCode =
        wanted.topic === '' && wanted.topicId !== NO_TOPIC_ID
          ? ErrorCode.UNKNOWN_TOPIC_ID
          : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    } else if (log === undefined || (info.leader !== state.id && plan.clientRack === null)) {
      errorCode = ErrorCode.NOT_LEADER_OR_FOLLOWER
    } else if (state.switches.fetchFencing && wanted.leaderEpoch >= 0 && wanted.leaderEpoch !== log.leaderEpoch) {
      errorCode = epochError(wanted.leaderEpoch, log.leaderEpoch)
    } else if (wanted.offset < log.logStartOffset || wanted.offset > log.logEndOffset)
      errorCode = ErrorCode.OFFSET_OUT_OF_RANGE
    if (errorCode !== ErrorCode.NONE || log === undefined) {
      urgent = true
      group.partitions.push(makePartitionData({ partitionIndex, errorCode, highWatermark: -1, records: null }))
      continue
    }
    const preferred = preferredReadReplica(state, log, wanted.offset, plan.clientRack)
    if (preferred >= 0) {
      urgent = true
      group.partitions.push(
        makePartitionData({
          partitionIndex,
          highWatermark: log.highWatermark,
          lastStableOffset: lastStableOffset(log),
          logStartOffset: log.logStartOffset,
          abortedTransactions: null,
          preferredReadReplica: preferred,
          records: [],
        }),
      )
      continue
    }
    const read = readLog(
      log,
      wanted.offset,
      endFor(log, plan),
      Math.min(wanted.maxBytes, Math.max(plan.maxBytes - bytes, 0)),
      bytes === 0,
    )
    bytes += read.bytes
    group.partitions.push(
      makePartitionData({
        partitionIndex,
        highWatermark: log.highWatermark,
        lastStableOffset: lastStableOffset(log),
        logStartOffset: log.logStartOffset,
        abortedTransactions: plan.committedOnly ? abortedIn(log, wanted.offset, read.batches) : null,
        records: read.batches,
      }),
    )
  }
  return { response: makeFetchResponse({ responses: [...byTopic.values()] }), bytes, urgent }
}

/** What the reader sees is before this (UnifiedLog.read, FetchIsolation). */
function endFor(log: PartitionLog, { committedOnly }: FetchPlan): number {
  return committedOnly ? lastStableOffset(log) : log.highWatermark
}

/** UnifiedLog.addAbortedTransactions. */
function abortedIn(log: PartitionLog, offset: number, batches: readonly RecordBatch[]): AbortedTransaction[] {
  const last = batches[batches.length - 1]
  if (last === undefined) return []
  return abortedBetween(log, offset, lastOffsetOf(last) + 1).map(({ producerId, firstOffset }) =>
    makeAbortedTransaction({ producerId, firstOffset }),
  )
}

/** KIP-320, Partition.checkCurrentLeaderEpoch: an older epoch than ours is fenced, a newer one we have yet to hear of. */
export function epochError(asked: number, current: number): number {
  return asked < current ? ErrorCode.FENCED_LEADER_EPOCH : ErrorCode.UNKNOWN_LEADER_EPOCH
}

/** Whether a parked plan can be answered: enough bytes, or something it must be told. */
export function fetchIsReady(state: BrokerState, plan: FetchPlan): boolean {
  let bytes = 0
  for (const wanted of plan.partitions) {
    const log = logOf(state, wanted.topic, wanted.partition)
    if (log === undefined || wanted.offset < log.logStartOffset) return true
    if (wanted.offset < endFor(log, plan)) {
      bytes += readLog(log, wanted.offset, endFor(log, plan), wanted.maxBytes, true).bytes
      if (bytes >= plan.minBytes) return true
    }
  }
  return false
}
