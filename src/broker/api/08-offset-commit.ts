/**
 * OffsetCommit (key 8). OffsetMetadataManager.commitOffset, ClassicGroup.validateOffsetCommit (law G4).
 *
 * - A commit with a negative generation and no member is a simple consumer's: accepted while the group is empty, and it
 *   makes the group.
 * - Members: UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, and REBALANCE_IN_PROGRESS while an assignment is being made; in
 *   PreparingRebalance a commit IS accepted.
 * - Members of consumer groups (KIP-848) commit with v9+ and their member epoch: STALE_MEMBER_EPOCH for another one.
 * - v7+ names the instance of a static member: FENCED_INSTANCE_ID when another member has taken its place (KIP-345).
 * - v1 may say when an offset was committed, from which it expires; later versions leave that to the broker. v0, whose offsets Kafka keeps in
 *   ZooKeeper, is not there.
 * - v10+ names topics by id (KIP-848): UNKNOWN_TOPIC_ID for one nobody knows.
 * - Unknown partitions are UNKNOWN_TOPIC_OR_PARTITION, long metadata OFFSET_METADATA_TOO_LARGE, each on its own.
 * - A commit counts as a sign of life in Stable and PreparingRebalance.
 * - Answered when the record is committed in `__consumer_offsets`.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeOffsetCommitResponse, makeOffsetCommitResponseTopic } from '../../protocol/make.ts'
import type { OffsetCommitRequest, OffsetCommitResponse } from '../../protocol/messages.ts'
import { intConfig } from '../config.ts'
import { type ClassicGroup, copyClassicGroup, createClassicGroup, memberProblem } from '../groups/classic/group.ts'
import { armSession, finish } from '../groups/classic/rebalance.ts'
import { memberEpochProblem } from '../groups/consumer/group.ts'
import { coordinate } from '../groups/coordinator.ts'
import type { Group } from '../groups/group.ts'
import type { CoordinatorRecord } from '../groups/records.ts'
import type { MetadataImage } from '../metadata.ts'
import { tokenOf } from '../request.ts'
import { defineApi } from './handler.ts'

export const offsetCommit = defineApi({
  api: 'OffsetCommit',
  minVersion: 1,
  maxVersion: 10,
  handle(state, request, ctx, out) {
    const body = named(request.body, request.apiVersion, state.image)
    const missingOf = ({ name }: { readonly name: string }) =>
      name === '' && request.apiVersion >= 10 ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    const exists = (topic: string, partition: number) =>
      state.image.topics.get(topic)?.partitions[partition] !== undefined
    // Without a partition that exists the coordinator is not even asked (KafkaApis.handleOffsetCommitRequest).
    if (!body.topics.some(({ name, partitions }) => partitions.some((one) => exists(name, one.partitionIndex)))) {
      return void out.replies.push({ token: request, body: everywhere(body, missingOf) })
    }
    const place = coordinate(state, body.groupId)
    const known = place.errorCode === ErrorCode.NONE ? place.shard.groups.get(body.groupId) : undefined
    const problem =
      place.errorCode === ErrorCode.NONE ? commitProblem(known, body, request.apiVersion) : place.errorCode

    const records: CoordinatorRecord[] = []
    const longest = intConfig(state.config, 'offset.metadata.max.bytes')
    const topics = body.topics.map((topic) =>
      makeOffsetCommitResponseTopic({
        name: topic.name,
        topicId: topic.topicId,
        partitions: topic.partitions.map((partition) => {
          const { partitionIndex } = partition
          const metadata = partition.committedMetadata ?? ''
          const errorCode = !exists(topic.name, partitionIndex)
            ? missingOf(topic)
            : problem !== ErrorCode.NONE
              ? problem
              : metadata.length > longest
                ? ErrorCode.OFFSET_METADATA_TOO_LARGE
                : ErrorCode.NONE
          if (errorCode === ErrorCode.NONE) {
            records.push({
              type: 'offset-commit',
              group: body.groupId,
              topic: topic.name,
              partition: partitionIndex,
              value: {
                offset: partition.committedOffset,
                leaderEpoch: partition.committedLeaderEpoch,
                metadata,
                commitTimestamp: partition.commitTimestamp === -1 ? ctx.now : partition.commitTimestamp,
              },
            })
          }
          return { partitionIndex, errorCode }
        }),
      }),
    )
    const answer = makeOffsetCommitResponse({ topics })
    if (place.errorCode !== ErrorCode.NONE || problem !== ErrorCode.NONE) {
      out.replies.push({ token: request, body: answer })
      return
    }

    const { shard } = place
    if (known === undefined) {
      out.changes.push({ op: 'group', partition: shard.partition, group: createClassicGroup(body.groupId, ctx.now) })
    } else if (known.type === 'classic' && (known.state === 'Stable' || known.state === 'PreparingRebalance')) {
      const turn = { group: copyClassicGroup(known), partition: shard.partition, out, ctx, config: state.config }
      const member = turn.group.members.get(body.memberId)
      if (member !== undefined) armSession(turn, member)
      finish(turn)
    }
    if (records.length === 0) {
      out.replies.push({ token: request, body: answer })
      return
    }
    for (const record of records) {
      if (record.type !== 'offset-commit' || record.value === null) continue
      out.facts.push({
        type: 'offset.commit',
        group: record.group,
        member: body.memberId,
        generation: body.generationIdOrMemberEpoch,
        topic: record.topic,
        partition: record.partition,
        offset: record.value.offset,
      })
    }
    out.changes.push({
      op: 'coordinator-append',
      partition: shard.partition,
      records,
      after: { type: 'reply', token: tokenOf(request), body: answer },
    })
  },
})

/** OffsetMetadataManager.validateOffsetCommit. */
function commitProblem(group: Group | undefined, body: OffsetCommitRequest, apiVersion: number): number {
  const generation = body.generationIdOrMemberEpoch
  if (group === undefined) {
    // Of a group nobody knows a commit without a generation is a simple consumer's, and makes the group.
    if (generation < 0) return ErrorCode.NONE
    return apiVersion >= 9 ? ErrorCode.GROUP_ID_NOT_FOUND : ErrorCode.ILLEGAL_GENERATION
  }
  if (group.type === 'classic') return classicCommitProblem(group, body)
  // ConsumerGroup.validateOffsetCommit.
  if (generation < 0 && group.members.size === 0) return ErrorCode.NONE
  const member = group.members.get(body.memberId)
  if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
  if (member.classic === null && apiVersion < 9) return ErrorCode.UNSUPPORTED_VERSION
  return memberEpochProblem(member, generation)
}

/** ClassicGroup.validateOffsetCommit. */
function classicCommitProblem(group: ClassicGroup, body: OffsetCommitRequest): number {
  const generation = body.generationIdOrMemberEpoch
  if (group.state === 'Dead') return ErrorCode.COORDINATOR_NOT_AVAILABLE
  if (generation < 0 && group.state === 'Empty') return ErrorCode.NONE
  if (generation >= 0 || body.memberId !== '' || body.groupInstanceId !== null) {
    const problem = memberProblem(group, body.memberId, body.groupInstanceId)
    if (problem !== ErrorCode.NONE) return problem
    if (generation !== group.generation) return ErrorCode.ILLEGAL_GENERATION
  } else if (group.state !== 'Empty') return ErrorCode.UNKNOWN_MEMBER_ID
  return group.state === 'CompletingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE
}

/** The request with the names of its topics, '' for ids that nobody knows. */
function named(body: OffsetCommitRequest, apiVersion: number, image: MetadataImage): OffsetCommitRequest {
  if (apiVersion < 10) return body
  return {
    ...body,
    topics: body.topics.map((topic) => ({ ...topic, name: image.topicNames.get(topic.topicId) ?? '' })),
  }
}

function everywhere(
  body: OffsetCommitRequest,
  errorOf: (topic: OffsetCommitRequest['topics'][number]) => number,
): OffsetCommitResponse {
  return makeOffsetCommitResponse({
    topics: body.topics.map((topic) =>
      makeOffsetCommitResponseTopic({
        name: topic.name,
        topicId: topic.topicId,
        partitions: topic.partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: errorOf(topic) })),
      }),
    ),
  })
}
