/**
 * Fetch (key 1). KafkaApis.handleFetchRequest, ReplicaManager.fetchMessages, DelayedFetch.
 *
 * - Consumers see records below the high watermark only, with isolation level 1 (read_committed) below the last stable offset
 *   (law L8). Those get the list of aborted transactions that overlap what they get, by the offsets of their markers, and leave
 *   their records out themselves (KIP-98).
 * - Waits until `minBytes` are there, at most `maxWaitMs`; an error answers at once.
 * - `maxBytes` and the broker's `fetch.max.bytes` bound the answer and `partitionMaxBytes` a partition, but the first batch is given whatever its size (KIP-74, v3+).
 * - Before v4 records come in the formats of that time (`fetch-formats.ts`).
 * - Offsets outside [log start, log end] are OFFSET_OUT_OF_RANGE.
 * - Answers whole batches, so the first records may lie before the asked offset.
 * - From v9 a partition says which leader epoch it believes in: FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH (KIP-320).
 * - From v11 on a consumer may read from a follower, up to that one's high watermark; with `replica.selector.class` set, a leader
 *   sends it to the replica in its rack (KIP-392).
 * - From v7 on in a session, if the client wants one (KIP-227, `fetch-sessions.ts`).
 * - Before v10 a partition whose `compression.type` is zstd is UNSUPPORTED_COMPRESSION_TYPE (KIP-110).
 * - From v13 on topics are named by id (KIP-516): UNKNOWN_TOPIC_ID, and INCONSISTENT_TOPIC_ID where the topic of the name that a session
 *   knows is another one by now.
 * - From v16 on NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH come with the leader (KIP-951).
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { makeAbortedTransaction, makeFetchResponse, makePartitionData } from '../../protocol/make.ts'
import type {
  AbortedTransaction,
  FetchRequest,
  FetchResponse,
  LeaderIdAndEpoch,
  PartitionData,
} from '../../protocol/messages.ts'
import { lastOffsetOf } from '../../protocol/records.ts'
import { intConfig } from '../config.ts'
import { sessionOf } from '../fetch-sessions.ts'
import { endpointsOf, FETCH_WITH_HINTS, leaderOf } from '../leader-hints.ts'
import { abortedBetween, lastStableOffset, type PartitionLog, readLog } from '../log/index.ts'
import { NO_TOPIC_ID } from '../metadata.ts'
import { preferredReadReplica } from '../replication/read-replica.ts'
import { tokenOf } from '../request.ts'
import { type BrokerState, type FetchPartition, type FetchPlan, logOf } from '../state.ts'
import { asReaderReads } from './fetch-formats.ts'
import { defineApi } from './handler.ts'

/** IsolationLevel.java. */
export const READ_COMMITTED = 1

export const fetch = defineApi({
  api: 'Fetch',
  minVersion: 0,
  maxVersion: 18,
  handle(state, request, ctx, out) {
    const { body, apiVersion } = request
    const fetched = sessionOf(state, body, partitionsOf(state, body, apiVersion), apiVersion >= 13, ctx.now)
    if (typeof fetched === 'number') {
      out.replies.push({ token: request, body: makeFetchResponse({ errorCode: fetched }) })
      return
    }
    out.changes.push(...fetched.changes)
    const maxBytes = Math.min(body.maxBytes, intConfig(state.config, 'fetch.max.bytes'))
    const plan: FetchPlan = {
      session: fetched.plan,
      namesLeaders: apiVersion >= FETCH_WITH_HINTS,
      minBytes: Math.min(body.minBytes, maxBytes),
      maxBytes,
      committedOnly: body.isolationLevel === READ_COMMITTED,
      clientRack: apiVersion >= 11 ? body.rackId : null,
      wholeFirst: apiVersion >= 3,
      magic: apiVersion < 2 ? 0 : apiVersion < 4 ? 1 : 2,
      knowsZstd: apiVersion >= 10,
      partitions: fetched.partitions,
    }
    const result = runFetch(state, plan)
    if (result.urgent || result.bytes >= plan.minBytes || body.maxWaitMs <= 0 || plan.partitions.length === 0) {
      const response = asReaderReads(state, plan, result.response, ctx)
      if (plan.session.type === 'none') out.replies.push({ token: request, body: response })
      else out.changes.push({ op: 'answer-fetch', token: tokenOf(request), plan, response })
      return
    }
    out.changes.push({ op: 'park-fetch', token: tokenOf(request), plan, deadline: ctx.now + body.maxWaitMs })
  },
})

function partitionsOf(state: BrokerState, body: FetchRequest, apiVersion: number): FetchPartition[] {
  return body.topics.flatMap((topic) => {
    const name = apiVersion >= 13 ? (state.image.topicNames.get(topic.topicId) ?? '') : topic.topic
    return topic.partitions.map((partition) => ({
      topic: name,
      topicId: apiVersion >= 13 ? topic.topicId : NO_TOPIC_ID,
      partition: partition.partition,
      offset: partition.fetchOffset,
      leaderEpoch: apiVersion >= 9 ? partition.currentLeaderEpoch : -1,
      maxBytes: partition.partitionMaxBytes,
    }))
  })
}

/** Answers a plan from what is in the logs now; `urgent` = there is something the reader must be told at once. */
export function runFetch(
  state: BrokerState,
  plan: FetchPlan,
): { readonly response: FetchResponse; readonly bytes: number; readonly urgent: boolean } {
  const byTopic = new Map<string, { topic: string; topicId: string; partitions: PartitionData[] }>()
  const leaders: LeaderIdAndEpoch[] = []
  let bytes = 0
  let urgent = false
  for (const wanted of plan.partitions) {
    // A session may know two topics of one name.
    const key = wanted.topicId === NO_TOPIC_ID ? wanted.topic : wanted.topicId
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
    } else if (wanted.topicId !== NO_TOPIC_ID && state.image.topics.get(wanted.topic)?.id !== wanted.topicId) {
      errorCode = ErrorCode.INCONSISTENT_TOPIC_ID
    } else if (log === undefined || (info.leader !== state.id && plan.clientRack === null)) {
      errorCode = ErrorCode.NOT_LEADER_OR_FOLLOWER
    } else if (state.switches.fetchFencing && wanted.leaderEpoch >= 0 && wanted.leaderEpoch !== log.leaderEpoch) {
      errorCode = epochError(wanted.leaderEpoch, log.leaderEpoch)
    } else if (wanted.offset < log.logStartOffset || wanted.offset > log.logEndOffset)
      errorCode = ErrorCode.OFFSET_OUT_OF_RANGE
    if (errorCode !== ErrorCode.NONE || log === undefined) {
      urgent = true
      const failed = makePartitionData({ partitionIndex, errorCode, highWatermark: -1, records: null })
      const currentLeader = plan.namesLeaders ? hintFor(state, wanted, errorCode) : undefined
      if (currentLeader !== undefined) leaders.push(currentLeader)
      group.partitions.push(currentLeader === undefined ? failed : { ...failed, currentLeader })
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
    const end = endFor(log, plan)
    const room = Math.min(wanted.maxBytes, Math.max(plan.maxBytes - bytes, 0))
    const read = readLog(log, wanted.offset, end, room, plan.wholeFirst && bytes === 0)
    bytes += read.bytes
    // A batch that is too large for an old reader: it is told so by an empty answer, and need not wait for it.
    if (!plan.wholeFirst && read.bytes === 0 && wanted.offset < end) urgent = true
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
  const response = makeFetchResponse({ responses: [...byTopic.values()] })
  return {
    response: leaders.length === 0 ? response : { ...response, nodeEndpoints: endpointsOf(state.image, leaders) },
    bytes,
    urgent,
  }
}

function hintFor(
  { image }: BrokerState,
  { topic, partition }: FetchPartition,
  errorCode: number,
): LeaderIdAndEpoch | undefined {
  const turnedAway = errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER || errorCode === ErrorCode.FENCED_LEADER_EPOCH
  return turnedAway ? leaderOf(image, topic, partition) : undefined
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
