/**
 * OffsetFetch (key 9). OffsetMetadataManager.fetchOffsets and fetchAllOffsets.
 *
 * - A partition without a commit is offset -1, leader epoch -1, empty metadata, no error; so is an unknown group.
 * - v2+: null topics ask for all committed partitions. v8+ asks for several groups at once.
 * - v7+ may ask for stable offsets only (KIP-447): UNSTABLE_OFFSET_COMMIT where a transaction that would commit has not ended.
 * - v9+: a member of a consumer group says who it is: UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH (KIP-848).
 * - v10+ names topics by id (KIP-848): UNKNOWN_TOPIC_ID for one nobody knows; of all committed partitions those of topics that are gone
 *   are left out.
 * - v0, whose offsets Kafka keeps in ZooKeeper, is not there.
 * - v1 has no room for an error of the group: every partition has it (OffsetFetchResponse).
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeOffsetFetchResponse, makeOffsetFetchResponseTopics } from '../../protocol/make.ts'
import { memberEpochProblem } from '../groups/consumer/group.ts'
import { coordinate } from '../groups/coordinator.ts'
import type { Group, GroupOffsets } from '../groups/group.ts'
import { hasPendingOffset } from '../groups/pending-offsets.ts'
import { NO_TOPIC_ID } from '../metadata.ts'
import type { BrokerState } from '../state.ts'
import { defineApi } from './handler.ts'

export const offsetFetch = defineApi({
  api: 'OffsetFetch',
  minVersion: 1,
  maxVersion: 10,
  handle(state, request, _ctx, out) {
    const { body } = request
    const requireStable = request.apiVersion >= 7 && body.requireStable
    if (request.apiVersion >= 8) {
      const groups = body.groups.map((group) => {
        const byId = request.apiVersion >= 10
        const wanted = byId ? (group.topics?.map((topic) => withName(state, topic)) ?? null) : group.topics
        const answer = fetchOffsets(state, group.groupId, wanted, requireStable, group)
        // Those nobody knows have no name, and so no id either.
        const topics = byId ? answer.topics.flatMap((topic) => withId(state, topic)) : answer.topics
        const strangers =
          byId && answer.errorCode === ErrorCode.NONE ? (wanted ?? []).filter(({ name }) => name === '') : []
        return {
          groupId: group.groupId,
          topics: [
            ...topics.map((topic) => makeOffsetFetchResponseTopics(topic)),
            ...failed(strangers, ErrorCode.UNKNOWN_TOPIC_ID).map((topic, i) =>
              makeOffsetFetchResponseTopics({ ...topic, topicId: strangers[i]?.topicId ?? NO_TOPIC_ID }),
            ),
          ],
          errorCode: answer.errorCode,
        }
      })
      out.replies.push({ token: request, body: makeOffsetFetchResponse({ groups }) })
      return
    }
    const answer = fetchOffsets(state, body.groupId, body.topics, requireStable)
    const { errorCode } = answer
    const topics =
      request.apiVersion < 2 && errorCode !== ErrorCode.NONE ? failed(body.topics ?? [], errorCode) : answer.topics
    out.replies.push({ token: request, body: makeOffsetFetchResponse({ topics, errorCode }) })
  },
})

interface WantedTopic {
  readonly name: string
  readonly topicId?: string
  readonly partitionIndexes: readonly number[]
}

/** Null = all. */
type Wanted = readonly WantedTopic[] | null

/** '' for an id that nobody knows. */
function withName({ image }: BrokerState, topic: WantedTopic): WantedTopic {
  return { ...topic, name: image.topicNames.get(topic.topicId ?? '') ?? '' }
}

function withId<T extends { readonly name: string }>(
  { image }: BrokerState,
  topic: T,
): readonly (T & { topicId: string })[] {
  const topicId = image.topics.get(topic.name)?.id
  return topicId === undefined ? [] : [{ ...topic, topicId }]
}

function failed(wanted: NonNullable<Wanted>, errorCode: number) {
  return wanted.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => ({
      partitionIndex,
      committedOffset: -1,
      committedLeaderEpoch: -1,
      metadata: '',
      errorCode,
    })),
  }))
}

/** Who asks; a client that does not say (null, -1) may always ask. */
interface Asking {
  readonly memberId: string | null
  readonly memberEpoch: number
}

function fetchOffsets(state: BrokerState, groupId: string, wanted: Wanted, requireStable: boolean, asking?: Asking) {
  const place = coordinate(state, groupId)
  if (place.errorCode !== ErrorCode.NONE) return { errorCode: place.errorCode, topics: [] }
  const problem = fetchProblem(place.shard.groups.get(groupId), asking)
  if (problem !== ErrorCode.NONE) return { errorCode: problem, topics: [] }
  const offsets: GroupOffsets = place.shard.offsets.get(groupId) ?? new Map()
  const asked =
    wanted ??
    [...offsets].map(([name, partitions]) => ({ name, partitionIndexes: [...partitions.keys()].sort((a, b) => a - b) }))
  return {
    errorCode: ErrorCode.NONE,
    topics: asked.map((topic) => ({
      name: topic.name,
      partitions: topic.partitionIndexes.map((partitionIndex) => {
        const isUnstable = requireStable && hasPendingOffset(place.shard, groupId, topic.name, partitionIndex)
        const committed = isUnstable ? undefined : offsets.get(topic.name)?.get(partitionIndex)
        return {
          partitionIndex,
          committedOffset: committed?.offset ?? -1,
          committedLeaderEpoch: committed?.leaderEpoch ?? -1,
          metadata: committed?.metadata ?? '',
          errorCode: isUnstable ? ErrorCode.UNSTABLE_OFFSET_COMMIT : ErrorCode.NONE,
        }
      }),
    })),
  }
}

/** ConsumerGroup.validateOffsetFetch. */
function fetchProblem(group: Group | undefined, asking: Asking | undefined): number {
  if (group?.type !== 'consumer' || asking === undefined) return ErrorCode.NONE
  if (asking.memberId === null && asking.memberEpoch < 0) return ErrorCode.NONE
  const member = group.members.get(asking.memberId ?? '')
  return member === undefined ? ErrorCode.UNKNOWN_MEMBER_ID : memberEpochProblem(member, asking.memberEpoch)
}
