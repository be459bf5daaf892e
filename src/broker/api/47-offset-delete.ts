/**
 * OffsetDelete (key 47). KafkaApis.handleOffsetDeleteRequest, OffsetMetadataManager.deleteOffsets (KIP-496).
 *
 * - Deletes committed offsets of topics the group does not subscribe to: GROUP_SUBSCRIBED_TO_TOPIC for the others.
 * - What an active group subscribes to is known of consumers only: any other active group is NON_EMPTY_GROUP.
 * - A consumer group whose subscriptions cannot be read, or that has no generation yet, counts as subscribed to everything.
 * - GROUP_ID_NOT_FOUND, INVALID_GROUP_ID and NON_EMPTY_GROUP are the answer for the whole request; unknown partitions are
 *   UNKNOWN_TOPIC_OR_PARTITION, each on its own. A partition without a commit is no error.
 * - Answered when the tombstones are committed. The group stays, even without any offset.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeOffsetDeleteResponse } from '../../protocol/make.ts'
import { coordinateMembers } from '../groups/coordinator.ts'
import { type Group, getOffset, isSubscribedTo } from '../groups/group.ts'
import { hasPendingOffset } from '../groups/pending-offsets.ts'
import type { CoordinatorRecord } from '../groups/records.ts'
import { tokenOf } from '../request.ts'
import { defineApi } from './handler.ts'

export const offsetDelete = defineApi({
  api: 'OffsetDelete',
  minVersion: 0,
  maxVersion: 0,
  handle(state, request, _ctx, out) {
    const { groupId, topics: wanted } = request.body
    const refuse = (errorCode: number) =>
      void out.replies.push({ token: request, body: makeOffsetDeleteResponse({ errorCode }) })
    const place = coordinateMembers(state, groupId)
    if (place.errorCode !== ErrorCode.NONE) return refuse(place.errorCode)
    const { shard } = place
    const group = shard.groups.get(groupId)
    const problem = groupProblem(group)
    if (group === undefined || problem !== ErrorCode.NONE) return refuse(problem)

    const records: CoordinatorRecord[] = []
    const topics = wanted.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        if (state.image.topics.get(name)?.partitions[partitionIndex] === undefined) {
          return { partitionIndex, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }
        }
        if (isSubscribedTo(group, name)) return { partitionIndex, errorCode: ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC }
        const isCommitted = getOffset(shard.offsets, groupId, name, partitionIndex) !== undefined
        if (isCommitted || hasPendingOffset(shard, groupId, name, partitionIndex)) {
          records.push({ type: 'offset-commit', group: groupId, topic: name, partition: partitionIndex, value: null })
        }
        return { partitionIndex, errorCode: ErrorCode.NONE }
      }),
    }))
    const body = makeOffsetDeleteResponse({ topics })
    if (records.length === 0) {
      out.replies.push({ token: request, body })
      return
    }
    const after = { type: 'reply', token: tokenOf(request), body } as const
    out.changes.push({ op: 'coordinator-append', partition: shard.partition, records, after })
  },
})

/** ClassicGroup.validateOffsetDelete, ConsumerGroup.validateOffsetDelete. */
function groupProblem(group: Group | undefined): number {
  if (group === undefined || group.state === 'Dead') return ErrorCode.GROUP_ID_NOT_FOUND
  if (group.type === 'consumer') return ErrorCode.NONE
  return group.state === 'Empty' || group.protocolType === 'consumer' ? ErrorCode.NONE : ErrorCode.NON_EMPTY_GROUP
}
