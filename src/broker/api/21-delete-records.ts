/**
 * DeleteRecords (key 21). KafkaApis.handleDeleteRecordsRequest, Partition.deleteRecordsOnLeader (KIP-107).
 *
 * - Moves the start of a partition's log to an offset; -1 stands for the high watermark. The start never moves back.
 * - Beyond the high watermark, or below -1: OFFSET_OUT_OF_RANGE.
 * - Internal topics are INVALID_TOPIC_EXCEPTION, topics that are only compacted POLICY_VIOLATION.
 * - Answers the low watermark, the smallest log start among the living replicas, once it is where it should be; after
 *   `timeoutMs` REQUEST_TIMED_OUT, although the leader has moved its start (DelayedDeleteRecords).
 * - A partition named twice gets the last offset asked for.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { topicConfigValue } from '../config.ts'
import type { Decision } from '../decision.ts'
import type { DeletePart } from '../deletes.ts'
import { isInternal } from '../metadata.ts'
import { tokenOf } from '../request.ts'
import { type BrokerState, logOf } from '../state.ts'
import { defineApi } from './handler.ts'

/** DeleteRecordsRequest.HIGH_WATERMARK. */
const HIGH_WATERMARK = -1

export const deleteRecords = defineApi({
  api: 'DeleteRecords',
  minVersion: 0,
  maxVersion: 2,
  handle(state, request, ctx, out) {
    const wanted = new Map<string, Map<number, number>>()
    for (const { name, partitions } of request.body.topics) {
      const offsets = wanted.get(name) ?? new Map<number, number>()
      wanted.set(name, offsets)
      for (const { partitionIndex, offset } of partitions) offsets.set(partitionIndex, offset)
    }
    const parts = [...wanted].flatMap(([topic, offsets]) =>
      [...offsets].map(([partition, offset]) => moveStart(state, topic, partition, offset, out)),
    )
    const deadline = ctx.now + request.body.timeoutMs
    out.changes.push({ op: 'await-deletes', deletes: { token: tokenOf(request), parts, deadline } })
  },
})

function moveStart(
  state: BrokerState,
  topic: string,
  partitionIndex: number,
  asked: number,
  out: Decision,
): DeletePart {
  const refuse = (errorCode: number): DeletePart => ({
    topic,
    result: { partitionIndex, lowWatermark: -1, errorCode },
    awaits: null,
  })
  const info = state.image.topics.get(topic)
  const partition = info?.partitions[partitionIndex]
  if (info === undefined || partition === undefined) return refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  if (isInternal(topic)) return refuse(ErrorCode.INVALID_TOPIC_EXCEPTION)
  const log = logOf(state, topic, partitionIndex)
  if (partition.leader !== state.id || log === undefined) return refuse(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  if (!topicConfigValue(info.config, state.config, 'cleanup.policy').includes('delete')) {
    return refuse(ErrorCode.POLICY_VIOLATION)
  }
  const offset = asked === HIGH_WATERMARK ? log.highWatermark : asked
  if (offset < 0 || offset > log.highWatermark) return refuse(ErrorCode.OFFSET_OUT_OF_RANGE)
  if (offset > log.logStartOffset) out.changes.push({ op: 'log-start', topic, partition: partitionIndex, offset })
  const late = { partitionIndex, lowWatermark: 0, errorCode: ErrorCode.REQUEST_TIMED_OUT }
  return { topic, result: late, awaits: offset }
}
