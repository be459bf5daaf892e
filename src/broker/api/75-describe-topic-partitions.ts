/**
 * DescribeTopicPartitions (key 75). DescribeTopicPartitionsRequestHandler, KRaftMetadataCache (KIP-966).
 *
 * - Topics by name in ascending order, all of them when none is named, each partition with the replicas that may lead although they are
 *   not in sync. These are always lists.
 * - At most `responsePartitionLimit` partitions, not more than `max.request.partition.size.limit` and at least one; the next cursor says
 *   where to go on. A cursor whose topic is not asked for, or with a partition below 0, makes the request INVALID_REQUEST.
 * - An unknown topic is UNKNOWN_TOPIC_OR_PARTITION or INVALID_TOPIC_EXCEPTION, with no partition, where it was named.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import {
  makeDescribeTopicPartitionsResponse,
  makeDescribeTopicPartitionsResponsePartition,
  makeDescribeTopicPartitionsResponseTopic,
} from '../../protocol/make.ts'
import type {
  Cursor,
  DescribeTopicPartitionsRequest,
  DescribeTopicPartitionsResponseTopic,
} from '../../protocol/messages.ts'
import { intConfig } from '../config.ts'
import { isInternal, type MetadataImage, type PartitionInfo, topicNameProblem } from '../metadata.ts'
import { defineApi } from './handler.ts'

/** One bit an operation on a topic (AclEntry.supportedOperations, AclOperation codes). */
const ALL_TOPIC_OPERATIONS = [
  3 /* read */, 4 /* write */, 5 /* create */, 6 /* delete */, 7 /* alter */, 8 /* describe */,
  10 /* describe configs */, 11 /* alter configs */,
].reduce((bits, code) => bits | (1 << code), 0)

export const describeTopicPartitions = defineApi({
  api: 'DescribeTopicPartitions',
  minVersion: 0,
  maxVersion: 0,
  handle({ image, config }, request, _ctx, out) {
    const { body } = request
    const { cursor } = body
    const named = [...new Set(body.topics.map(({ name }) => name))]
    if (cursor !== null && ((named.length > 0 && !named.includes(cursor.topicName)) || cursor.partitionIndex < 0)) {
      out.replies.push({ token: request, body: refused(body) })
      return
    }
    const names = (named.length === 0 ? [...image.topics.keys()] : named)
      .filter((name) => cursor === null || name >= cursor.topicName)
      .sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    const most = intConfig(config, 'max.request.partition.size.limit')
    const limit = Math.max(Math.min(most, body.responsePartitionLimit), 1)
    out.replies.push({ token: request, body: page(image, names, cursor, limit) })
  },
})

/** DescribeTopicPartitionsRequest.getErrorResponse. */
function refused(body: DescribeTopicPartitionsRequest) {
  return makeDescribeTopicPartitionsResponse({
    topics: body.topics.map(({ name }) =>
      makeDescribeTopicPartitionsResponseTopic({ name, errorCode: ErrorCode.INVALID_REQUEST }),
    ),
  })
}

function page(image: MetadataImage, names: readonly string[], cursor: Cursor | null, limit: number) {
  const topics: DescribeTopicPartitionsResponseTopic[] = []
  let left = limit
  for (const name of names) {
    const topic = image.topics.get(name)
    if (left === 0)
      return makeDescribeTopicPartitionsResponse({ topics, nextCursor: { topicName: name, partitionIndex: 0 } })
    if (topic === undefined) {
      const errorCode =
        topicNameProblem(name) === null ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.INVALID_TOPIC_EXCEPTION
      topics.push(makeDescribeTopicPartitionsResponseTopic({ name, errorCode, isInternal: isInternal(name) }))
      continue
    }
    const start = name === cursor?.topicName ? cursor.partitionIndex : 0
    const end = Math.min(topic.partitions.length, start + left)
    topics.push(
      makeDescribeTopicPartitionsResponseTopic({
        name,
        topicId: topic.id,
        isInternal: isInternal(name),
        partitions: topic.partitions.slice(start, end).map((partition) => describe(image, partition)),
        topicAuthorizedOperations: ALL_TOPIC_OPERATIONS,
      }),
    )
    if (end < topic.partitions.length)
      return makeDescribeTopicPartitionsResponse({ topics, nextCursor: { topicName: name, partitionIndex: end } })
    left -= Math.max(end - start, 0)
  }
  return makeDescribeTopicPartitionsResponse({ topics })
}

/** Without a leader there is no error here, unlike in Metadata. */
function describe(image: MetadataImage, partition: PartitionInfo) {
  return makeDescribeTopicPartitionsResponsePartition({
    partitionIndex: partition.partition,
    leaderId: partition.leader,
    leaderEpoch: partition.leaderEpoch,
    replicaNodes: partition.replicas,
    isrNodes: partition.isr,
    eligibleLeaderReplicas: partition.elr,
    lastKnownElr: partition.lastKnownElr,
    offlineReplicas: partition.replicas.filter((id) => image.brokers.get(id)?.fenced !== false),
  })
}
