/**
 * ListOffsets (key 2). KafkaApis.handleListOffsetRequest, UnifiedLog.fetchOffsetByTimestamp.
 *
 * Timestamps: -1 the high watermark, with isolation level 1 (v2+) the last stable offset (latest), -2 the log start (earliest),
 * -3 the record with the largest timestamp (KIP-734, v7+), -4 the start of what is local (v8+), the log start; -5 and -6 (v9+, v11+) are
 * about remote storage, which there is none of: offset -1. Else the first record at or after it, be it a marker. Where there is none
 * before what the reader sees: offset -1, timestamp -1. A leader whose high watermark has yet to reach the beginning of its leadership
 * does not know what readers see: OFFSET_NOT_AVAILABLE (before v5 LEADER_NOT_AVAILABLE) for the latest offset and what lies beyond it
 * (KIP-207, Partition.fetchOffsetForTimestamp).
 *
 * v0 asks for segments instead (`list-offsets-by-segment.ts`).
 */

import type { RecordBatch } from '../../protocol/batch.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { makeListOffsetsPartitionResponse, makeListOffsetsResponse } from '../../protocol/make.ts'
import type { ListOffsetsPartitionResponse } from '../../protocol/messages.ts'
import { type DecodedRecord, readRecords } from '../../protocol/records.ts'
import { type Context, sectionOf } from '../decision.ts'
import { findBatch, lastStableOffset, type PartitionLog } from '../log/index.ts'
import { type BrokerState, logOf } from '../state.ts'
import { epochError, READ_COMMITTED } from './01-fetch.ts'
import { defineApi } from './handler.ts'
import { offsetsBySegment } from './list-offsets-by-segment.ts'

export const listOffsets = defineApi({
  api: 'ListOffsets',
  minVersion: 0,
  maxVersion: 11,
  handle(state, request, ctx, out) {
    if (request.apiVersion === 0) {
      out.replies.push({ token: request, body: offsetsBySegment(state, request.body, ctx.now) })
      return
    }
    const committedOnly = request.apiVersion >= 2 && request.body.isolationLevel === READ_COMMITTED
    const topics = request.body.topics.map((topic) => ({
      name: topic.name,
      partitions: topic.partitions.map(({ partitionIndex, timestamp, currentLeaderEpoch }) => {
        const { apiVersion } = request
        const found = answer(
          state,
          topic.name,
          partitionIndex,
          timestamp,
          apiVersion,
          currentLeaderEpoch,
          committedOnly,
          ctx,
        )
        // Only since KIP-320 the answer has it.
        return apiVersion >= 4 || found.leaderEpoch === -1 ? found : { ...found, leaderEpoch: -1 }
      }),
    }))
    out.replies.push({ token: request, body: makeListOffsetsResponse({ topics }) })
  },
})

function answer(
  state: BrokerState,
  topic: string,
  partitionIndex: number,
  timestamp: number,
  apiVersion: number,
  believedEpoch: number,
  committedOnly: boolean,
  ctx: Context,
): ListOffsetsPartitionResponse {
  const info = state.image.topics.get(topic)?.partitions[partitionIndex]
  const log = logOf(state, topic, partitionIndex)
  if (info === undefined) return failure(partitionIndex, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  if (info.leader !== state.id || log === undefined) return failure(partitionIndex, ErrorCode.NOT_LEADER_OR_FOLLOWER)
  if (apiVersion >= 4 && believedEpoch >= 0 && believedEpoch !== log.leaderEpoch) {
    return failure(partitionIndex, epochError(believedEpoch, log.leaderEpoch))
  }
  const end = committedOnly ? lastStableOffset(log) : log.highWatermark
  const lags = (state.leading.get(log.key)?.epochStartOffset ?? 0) > log.highWatermark
  const notAvailable = apiVersion >= 5 ? ErrorCode.OFFSET_NOT_AVAILABLE : ErrorCode.LEADER_NOT_AVAILABLE
  if (lags && timestamp === LATEST) return failure(partitionIndex, notAvailable)
  if (timestamp === LATEST) {
    const { leaderEpoch } = log
    return makeListOffsetsPartitionResponse({ partitionIndex, offset: end, timestamp: -1, leaderEpoch })
  }
  if (timestamp === EARLIEST || (timestamp === EARLIEST_LOCAL && apiVersion >= 8)) {
    const leaderEpoch = log.batches[0]?.partitionLeaderEpoch ?? log.leaderEpoch
    return makeListOffsetsPartitionResponse({ partitionIndex, offset: log.logStartOffset, timestamp: -1, leaderEpoch })
  }
  // There is no remote storage that anything could be in, or on its way to.
  if ((timestamp === LATEST_TIERED && apiVersion >= 9) || (timestamp === EARLIEST_PENDING && apiVersion >= 11)) {
    return makeListOffsetsPartitionResponse({ partitionIndex, offset: -1, timestamp: -1, leaderEpoch: -1 })
  }
  if (timestamp < 0 && !(timestamp === MAX_TIMESTAMP && apiVersion >= 7)) {
    return failure(partitionIndex, ErrorCode.UNSUPPORTED_VERSION)
  }
  const inLog = timestamp === MAX_TIMESTAMP ? findMaxTimestamp(log, ctx) : findByTimestamp(log, timestamp, ctx)
  const found = inLog !== null && inLog.offset < end ? inLog : null
  if (lags && found === null) return failure(partitionIndex, notAvailable)
  const answered = found ?? { offset: -1, timestamp: -1, leaderEpoch: -1 }
  return makeListOffsetsPartitionResponse({ partitionIndex, ...answered })
}

/** ListOffsetsRequest.java. */
const LATEST = -1
const EARLIEST = -2
const MAX_TIMESTAMP = -3
/** The start of what is kept locally: without tiered storage the log start. */
const EARLIEST_LOCAL = -4
/** KIP-1005, KIP-1023. */
const LATEST_TIERED = -5
const EARLIEST_PENDING = -6

interface Found {
  readonly offset: number
  readonly timestamp: number
  readonly leaderEpoch: number
}

function failure(partitionIndex: number, errorCode: number): ListOffsetsPartitionResponse {
  return makeListOffsetsPartitionResponse({ partitionIndex, errorCode, offset: -1, timestamp: -1 })
}

function findByTimestamp(log: PartitionLog, timestamp: number, ctx: Context): Found | null {
  for (const batch of shownBatches(log)) {
    if (batch.maxTimestamp < timestamp) continue
    for (const record of timestampsOf(log, batch, ctx)) {
      if (record.timestamp >= timestamp) {
        return { offset: record.offset, timestamp: record.timestamp, leaderEpoch: batch.partitionLeaderEpoch }
      }
    }
  }
  return null
}

/** Of the whole log, also of what readers do not see yet. */
function findMaxTimestamp(log: PartitionLog, ctx: Context): Found | null {
  let best: Found | null = null
  for (const batch of shownBatches(log)) {
    if (best !== null && batch.maxTimestamp <= best.timestamp) continue
    for (const { offset, timestamp } of timestampsOf(log, batch, ctx)) {
      if (best === null || timestamp > best.timestamp)
        best = { offset, timestamp, leaderEpoch: batch.partitionLeaderEpoch }
    }
  }
  return best
}

/** Not those before the log start, and not those that compaction emptied: their timestamps are of records long gone. */
function* shownBatches(log: PartitionLog): Iterable<RecordBatch> {
  for (let i = findBatch(log, log.logStartOffset); i < log.batches.length; i++) {
    const batch = log.batches[i]
    if (batch !== undefined && batch.recordCount > 0) yield batch
  }
}

/**
 * What a reader may be pointed at: nothing before the log start. Of a compressed batch whose codec is not here the broker
 * knows the first offset and the largest timestamp (docs/fidelity.md).
 */
function timestampsOf(
  { logStartOffset }: PartitionLog,
  batch: RecordBatch,
  ctx: Context,
): readonly Pick<DecodedRecord, 'offset' | 'timestamp'>[] {
  const section = sectionOf(batch, ctx)
  if (section === null) {
    return [{ offset: Math.max(batch.baseOffset, logStartOffset), timestamp: batch.maxTimestamp }]
  }
  const records = readRecords(batch, section)
  return batch.baseOffset >= logStartOffset ? records : records.filter(({ offset }) => offset >= logStartOffset)
}
