/**
 * DescribeProducers (key 61). KafkaApis.handleDescribeProducersRequest, UnifiedLog.activeProducers (KIP-664).
 *
 * What a replica knows of the producers of a partition, in the order in which it heard of them. Clients ask the leader; any replica
 * answers. What is no name is INVALID_TOPIC_EXCEPTION, an unknown topic UNKNOWN_TOPIC_OR_PARTITION, a partition that this broker has no replica of NOT_LEADER_OR_FOLLOWER.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import {
  makeDescribeProducersPartitionResult,
  makeDescribeProducersResponse,
  makeDescribeProducersTopicResult,
  makeProducerDescription,
} from '../../protocol/make.ts'
import type { DescribeProducersPartitionResult } from '../../protocol/messages.ts'
import { topicNameProblem } from '../metadata.ts'
import { type BrokerState, logOf } from '../state.ts'
import { defineApi } from './handler.ts'

export const describeProducers = defineApi({
  api: 'DescribeProducers',
  minVersion: 0,
  maxVersion: 0,
  handle(state, request, _ctx, out) {
    const topics = request.body.topics.map(({ name, partitionIndexes }) =>
      makeDescribeProducersTopicResult({
        name,
        partitions: partitionIndexes.map((partition) => describe(state, name, partition)),
      }),
    )
    out.replies.push({ token: request, body: makeDescribeProducersResponse({ topics }) })
  },
})

function describe(state: BrokerState, topic: string, partitionIndex: number): DescribeProducersPartitionResult {
  if (topicNameProblem(topic) !== null)
    return makeDescribeProducersPartitionResult({ partitionIndex, errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION })
  const log = logOf(state, topic, partitionIndex)
  if (log === undefined) {
    const known = state.image.topics.get(topic)?.partitions[partitionIndex] !== undefined
    const errorCode = known ? ErrorCode.NOT_LEADER_OR_FOLLOWER : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    return makeDescribeProducersPartitionResult({ partitionIndex, errorCode })
  }
  const activeProducers = [...log.producers.entries].map(([producerId, entry]) =>
    makeProducerDescription({
      producerId,
      producerEpoch: entry.epoch,
      lastSequence: entry.batches.at(-1)?.lastSequence ?? -1,
      lastTimestamp: entry.lastTimestamp,
      coordinatorEpoch: entry.coordinatorEpoch,
      currentTxnStartOffset: entry.currentTxnFirstOffset,
    }),
  )
  return makeDescribeProducersPartitionResult({ partitionIndex, activeProducers })
}
