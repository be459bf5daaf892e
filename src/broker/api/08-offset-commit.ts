/**
 * OffsetCommit (key 8). OffsetMetadataManager.commitOffset, ClassicGroup.validateOffsetCommit (law G4).
 *
 * - A commit with a negative generation and no member is a simple consumer's: accepted while the group is empty, and it
 *   makes the group.
 * - Members: UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, and REBALANCE_IN_PROGRESS while an assignment is being made; in
 *   PreparingRebalance a commit IS accepted.
 * - Unknown partitions are UNKNOWN_TOPIC_OR_PARTITION, long metadata OFFSET_METADATA_TOO_LARGE, each on its own.
 * - A commit counts as a sign of life in Stable and PreparingRebalance.
 * - Answered when the record is committed in `__consumer_offsets`.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeOffsetCommitResponse, makeOffsetCommitResponseTopic } from '../../protocol/make.ts'
import type { OffsetCommitRequest } from '../../protocol/messages.ts'
import { intConfig } from '../config.ts'
import { coordinate } from '../groups/coordinator.ts'
import { type ClassicGroup, copyGroup, createGroup } from '../groups/group.ts'
import { armSession, finish } from '../groups/rebalance.ts'
import type { CoordinatorRecord } from '../groups/records.ts'
import { tokenOf } from '../request.ts'
import { defineApi } from './handler.ts'

export const offsetCommit = defineApi({
  api: 'OffsetCommit',
  minVersion: 2,
  maxVersion: 8,
  handle(state, request, ctx, out) {
    const { body } = request
    const refuse = (errorCode: number) => out.replies.push({ token: request, body: everywhere(body, errorCode) })
    const place = coordinate(state, body.groupId)
    if (place.errorCode !== ErrorCode.NONE) return void refuse(place.errorCode)
    const { shard } = place
    const known = shard.groups.get(body.groupId)
    const errorCode = commitProblem(known, body)
    if (errorCode !== ErrorCode.NONE) return void refuse(errorCode)

    const records: CoordinatorRecord[] = []
    const longest = intConfig(state.config, 'offset.metadata.max.bytes')
    const topics = body.topics.map((topic) =>
      makeOffsetCommitResponseTopic({
        name: topic.name,
        partitions: topic.partitions.map((partition) => {
          const { partitionIndex } = partition
          if (state.image.topics.get(topic.name)?.partitions[partitionIndex] === undefined) {
            return { partitionIndex, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }
          }
          const metadata = partition.committedMetadata ?? ''
          if (metadata.length > longest) return { partitionIndex, errorCode: ErrorCode.OFFSET_METADATA_TOO_LARGE }
          records.push({
            type: 'offset-commit',
            group: body.groupId,
            topic: topic.name,
            partition: partitionIndex,
            value: {
              offset: partition.committedOffset,
              leaderEpoch: partition.committedLeaderEpoch,
              metadata,
              commitTimestamp: ctx.now,
            },
          })
          return { partitionIndex, errorCode: ErrorCode.NONE }
        }),
      }),
    )

    const member = known?.members.get(body.memberId)
    if (known === undefined) {
      out.changes.push({ op: 'group', partition: shard.partition, group: createGroup(body.groupId, ctx.now) })
    } else if (member !== undefined && (known.state === 'Stable' || known.state === 'PreparingRebalance')) {
      const turn = { group: copyGroup(known), partition: shard.partition, out, ctx, config: state.config }
      const copy = turn.group.members.get(body.memberId)
      if (copy !== undefined) armSession(turn, copy)
      finish(turn)
    }
    const answer = makeOffsetCommitResponse({ topics })
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

function commitProblem(group: ClassicGroup | undefined, body: OffsetCommitRequest): number {
  const generation = body.generationIdOrMemberEpoch
  // A group that is not known: only a simple consumer may make it (OffsetMetadataManager.validateOffsetCommit).
  if (group === undefined) return generation < 0 ? ErrorCode.NONE : ErrorCode.ILLEGAL_GENERATION
  if (group.state === 'Dead') return ErrorCode.COORDINATOR_NOT_AVAILABLE
  if (generation < 0 && group.state === 'Empty') return ErrorCode.NONE
  if (generation >= 0 || body.memberId !== '' || body.groupInstanceId !== null) {
    if (!group.members.has(body.memberId)) return ErrorCode.UNKNOWN_MEMBER_ID
    if (generation !== group.generation) return ErrorCode.ILLEGAL_GENERATION
  } else if (group.state !== 'Empty') return ErrorCode.UNKNOWN_MEMBER_ID
  return group.state === 'CompletingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE
}

function everywhere(body: OffsetCommitRequest, errorCode: number) {
  return makeOffsetCommitResponse({
    topics: body.topics.map((topic) =>
      makeOffsetCommitResponseTopic({
        name: topic.name,
        partitions: topic.partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
      }),
    ),
  })
}
