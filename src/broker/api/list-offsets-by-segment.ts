/**
 * ListOffsets v0, from before offsets could be found by time (KafkaApis.handleListOffsetRequestV0, UnifiedLog.legacyFetchOffsetsBefore):
 * the offsets at which the segments begin that were last written to at or before a time, the newest first, and the end of the log.
 *
 * -1 is all of them, -2 the first one. What lies beyond the high watermark is given as that. Lower timestamps are UNSUPPORTED_VERSION.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeListOffsetsPartitionResponse, makeListOffsetsResponse } from '../../protocol/make.ts'
import type { ListOffsetsRequest, ListOffsetsResponse } from '../../protocol/messages.ts'
import type { PartitionLog } from '../log/index.ts'
import { activeSegment } from '../log/segment.ts'
import { type BrokerState, logOf } from '../state.ts'

const LATEST = -1
const EARLIEST = -2

export function offsetsBySegment(state: BrokerState, body: ListOffsetsRequest, now: number): ListOffsetsResponse {
  return makeListOffsetsResponse({
    topics: body.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, timestamp, maxNumOffsets }) => {
        const log = logOf(state, name, partitionIndex)
        const errorCode = problemOf(state, name, partitionIndex, timestamp)
        const oldStyleOffsets =
          errorCode !== ErrorCode.NONE || log === undefined ? [] : offsetsBefore(log, timestamp, maxNumOffsets, now)
        return makeListOffsetsPartitionResponse({ partitionIndex, errorCode, oldStyleOffsets })
      }),
    })),
  })
}

function problemOf(state: BrokerState, topic: string, partition: number, timestamp: number): number {
  if (timestamp < EARLIEST) return ErrorCode.UNSUPPORTED_VERSION
  const info = state.image.topics.get(topic)?.partitions[partition]
  if (info === undefined) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  const leads = info.leader === state.id && logOf(state, topic, partition) !== undefined
  return leads ? ErrorCode.NONE : ErrorCode.NOT_LEADER_OR_FOLLOWER
}

function offsetsBefore(log: PartitionLog, timestamp: number, most: number, now: number): readonly number[] {
  const begins = log.segments.map(({ baseOffset, modifiedAt }) => ({
    offset: Math.max(baseOffset, log.logStartOffset),
    at: modifiedAt,
  }))
  if (activeSegment(log).sizeInBytes > 0) begins.push({ offset: log.logEndOffset, at: now })
  let end = begins.length
  if (timestamp === EARLIEST) end = 1
  else if (timestamp !== LATEST) while (end > 0 && (begins[end - 1]?.at ?? 0) > timestamp) end -= 1
  const found = begins.slice(0, end)
  const offsets = found
    .slice(Math.max(0, found.length - Math.max(most, 0)))
    .map(({ offset }) => offset)
    .sort((a, b) => b - a)
  const shown = offsets.filter((offset) => offset <= log.highWatermark)
  return shown.length === offsets.length ? offsets : [log.highWatermark, ...shown]
}
