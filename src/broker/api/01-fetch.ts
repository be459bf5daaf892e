/**
 * Fetch (key 1). KafkaApis.handleFetchRequest, ReplicaManager.fetchMessages, DelayedFetch.
 *
 * - Consumers see records below the high watermark only (law L8).
 * - Waits until `minBytes` are there, at most `maxWaitMs`; an error answers at once.
 * - `maxBytes` bounds the answer and `partitionMaxBytes` a partition, but the first batch is given whatever its size (KIP-74).
 * - Offsets outside [log start, log end] are OFFSET_OUT_OF_RANGE.
 * - Answers whole batches, so the first records may lie before the asked offset.
 * - From v9 a partition says which leader epoch it believes in: FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH (KIP-320).
 * - From v11 on a consumer may read from a follower, up to that one's high watermark; with `replica.selector.class` set, a leader
 *   sends it to the replica in its rack (KIP-392).
 * - Fetch sessions (KIP-227) are declined: session id 0, every fetch is a full one.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeFetchResponse, makePartitionData } from '../../protocol/make.ts'
import type { FetchResponse, PartitionData } from '../../protocol/messages.ts'
import { readLog } from '../log/index.ts'
import { NO_TOPIC_ID } from '../metadata.ts'
import { preferredReadReplica } from '../replication/read-replica.ts'
import { tokenOf } from '../request.ts'
import { type BrokerState, type FetchPlan, logOf } from '../state.ts'
import { defineApi } from './handler.ts'

export const fetch = defineApi({
  api: 'Fetch',
  minVersion: 4,
  maxVersion: 17,
  handle(state, request, ctx, out) {
    const { body } = request
    const plan: FetchPlan = {
      minBytes: Math.min(body.minBytes, body.maxBytes),
      maxBytes: body.maxBytes,
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
          lastStableOffset: log.highWatermark,
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
      log.highWatermark,
      Math.min(wanted.maxBytes, Math.max(plan.maxBytes - bytes, 0)),
      bytes === 0,
    )
    bytes += read.bytes
    group.partitions.push(
      makePartitionData({
        partitionIndex,
        highWatermark: log.highWatermark,
        lastStableOffset: log.highWatermark,
        logStartOffset: log.logStartOffset,
        abortedTransactions: null,
        records: read.batches,
      }),
    )
  }
  return { response: makeFetchResponse({ responses: [...byTopic.values()] }), bytes, urgent }
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
    if (wanted.offset < log.highWatermark) {
      bytes += readLog(log, wanted.offset, log.highWatermark, wanted.maxBytes, true).bytes
      if (bytes >= plan.minBytes) return true
    }
  }
  return false
}
