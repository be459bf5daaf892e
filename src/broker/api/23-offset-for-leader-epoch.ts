/**
 * OffsetForLeaderEpoch (key 23). ReplicaManager.lastOffsetForLeaderEpoch: where an epoch ended in the leader's log, so that a reader
 * finds out whether what it has read was truncated (KIP-320). Only leaders answer; from v2 on the asker says which epoch it believes
 * to be the current one: FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH. An epoch nobody knows anything about is -1, offset -1.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeOffsetForLeaderEpochResponse, makeOffsetForLeaderPartitionResult } from '../../protocol/make.ts'
import type { OffsetForLeaderPartition, OffsetForLeaderPartitionResult } from '../../protocol/messages.ts'
import { endOffsetFor } from '../replication/epochs.ts'
import { type BrokerState, logOf } from '../state.ts'
import { epochError } from './01-fetch.ts'
import { defineApi } from './handler.ts'

export const offsetForLeaderEpoch = defineApi({
  api: 'OffsetForLeaderEpoch',
  minVersion: 0,
  maxVersion: 4,
  handle(state, request, _ctx, out) {
    const topics = request.body.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((wanted) => answer(state, topic, wanted, request.apiVersion)),
    }))
    out.replies.push({ token: request, body: makeOffsetForLeaderEpochResponse({ topics }) })
  },
})

function answer(
  state: BrokerState,
  topic: string,
  { partition, currentLeaderEpoch, leaderEpoch }: OffsetForLeaderPartition,
  apiVersion: number,
): OffsetForLeaderPartitionResult {
  const failed = (errorCode: number) => makeOffsetForLeaderPartitionResult({ partition, errorCode })
  const info = state.image.topics.get(topic)?.partitions[partition]
  const log = logOf(state, topic, partition)
  if (info === undefined) return failed(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  if (info.leader !== state.id || log === undefined) return failed(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  if (apiVersion >= 2 && currentLeaderEpoch >= 0 && currentLeaderEpoch !== log.leaderEpoch)
    return failed(epochError(currentLeaderEpoch, log.leaderEpoch))
  const end = endOffsetFor(log, leaderEpoch)
  // Before v1 the answer has no epoch, and is about the asked one only.
  return makeOffsetForLeaderPartitionResult(
    end === null ? { partition } : { partition, leaderEpoch: end.epoch, endOffset: end.endOffset },
  )
}
