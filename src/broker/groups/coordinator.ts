/** Where a group lives, and how its partition of `__consumer_offsets` becomes state: only through `replay`. */
import type { Fact } from '../../kernel/trace-event.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { partitionForGroup } from '../../protocol/hash.ts'
import { utf8Length } from '../../protocol/utf8.ts'
import { intConfig } from '../config.ts'
import type { PartitionLog } from '../log/index.ts'
import { type MetadataImage, OFFSETS_TOPIC } from '../metadata.ts'
import type { BrokerState, CoordinatorShard } from '../state.ts'
import { type ClassicGroup, createClassicGroup, subscribedTopicsOf } from './classic/group.ts'
import { copyConsumerGroup } from './consumer/group.ts'
import { changesOf, replayConsumerRecord, settle } from './consumer/replay.ts'
import type { Group } from './group.ts'
import { type CoordinatorRecord, decodeCoordinatorBatch, type GroupMetadataSnapshot } from './records.ts'

export type Place =
  | { readonly errorCode: typeof ErrorCode.NONE; readonly shard: CoordinatorShard }
  | {
      readonly errorCode:
        | typeof ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
        | typeof ErrorCode.NOT_COORDINATOR
        | typeof ErrorCode.INVALID_GROUP_ID
    }

/** In bytes: longer ones have no place in the keys of the log. Kafka cannot even read requests with one. */
const LONGEST_GROUP_ID = 32_767

/** The partition of `__consumer_offsets` that holds a group (GroupCoordinatorService.partitionFor). */
export function offsetsPartition(state: BrokerState, groupId: string): number {
  const count =
    state.image.topics.get(OFFSETS_TOPIC)?.partitions.length ?? intConfig(state.config, 'offsets.topic.num.partitions')
  return partitionForGroup(groupId, count)
}

/** As `coordinate`, for what only members do: they need a group id (GroupCoordinatorService.isGroupIdNotEmpty). */
export function coordinateMembers(state: BrokerState, groupId: string): Place {
  return groupId === '' ? { errorCode: ErrorCode.INVALID_GROUP_ID } : coordinate(state, groupId)
}

/**
 * The shard that coordinates a group on this broker. A broker that has not heard of the offsets topic, or not of its own
 * leadership, is NOT_COORDINATOR like any other (CoordinatorRuntime.contextOrThrow), which sends clients to ask again.
 */
export function coordinate(state: BrokerState, groupId: string): Place {
  if (utf8Length(groupId) > LONGEST_GROUP_ID) return { errorCode: ErrorCode.INVALID_GROUP_ID }
  const partition = offsetsPartition(state, groupId)
  const shard = state.shards.get(partition)
  if (shard !== undefined) return { errorCode: ErrorCode.NONE, shard }
  const loads = state.loading.has(partition)
  return { errorCode: loads ? ErrorCode.COORDINATOR_LOAD_IN_PROGRESS : ErrorCode.NOT_COORDINATOR }
}

/** Builds a shard from its log: what happens when this broker becomes the coordinator. */
export function loadShard(log: PartitionLog, now: number): CoordinatorShard {
  const shard: CoordinatorShard = { partition: log.partition, groups: new Map(), offsets: new Map() }
  for (const batch of log.batches) {
    for (const record of decodeCoordinatorBatch(batch)) {
      replay(shard, record, now)
      if (record.type === 'group-metadata' && record.value !== null) loadGroup(shard, record.group, record.value, now)
    }
  }
  for (const group of shard.groups.values()) if (group.type === 'consumer') settle(group, now)
  return shard
}

/**
 * What is written becomes so: every record is replayed. Consumer groups live by their records alone, so what has become of them is
 * told here.
 */
export function replayAll(
  shard: CoordinatorShard,
  records: readonly CoordinatorRecord[],
  image: MetadataImage,
  now: number,
  facts: Fact[],
): void {
  const before = new Map<string, Group | undefined>()
  for (const record of records) {
    if (record.type !== 'offset-commit' && !before.has(record.group)) {
      const group = shard.groups.get(record.group)
      before.set(record.group, group)
      // What it was before must not change under the eyes of those who compare.
      if (group?.type === 'consumer') shard.groups.set(group.id, copyConsumerGroup(group))
    }
    replay(shard, record, now)
  }
  for (const [id, known] of before) {
    const group = shard.groups.get(id)
    if (group?.type !== 'consumer') continue
    settle(group, now)
    for (const fact of changesOf(known, group, (topicId) => image.topicNames.get(topicId))) facts.push(fact)
  }
}

/**
 * What a record does to a shard, when it is written and when it is loaded: the one way an offset comes and goes, and the
 * one way a group goes (OffsetMetadataManager.replay, GroupMetadataManager.replay). A running group is ahead of its records.
 */
export function replay(shard: CoordinatorShard, record: CoordinatorRecord, now: number): void {
  if (record.type === 'group-metadata') {
    if (record.value === null) shard.groups.delete(record.group)
    return
  }
  if (record.type !== 'offset-commit') return replayConsumerRecord(shard, record, now)
  const { group, topic, partition, value } = record
  if (value === null) {
    forgetOffset(shard, group, topic, partition)
    return
  }
  // A group that only ever committed has no record of its own: it is a simple one.
  if (!shard.groups.has(group)) shard.groups.set(group, createClassicGroup(group, now))
  let topics = shard.offsets.get(group)
  if (topics === undefined) {
    topics = new Map()
    shard.offsets.set(group, topics)
  }
  let partitions = topics.get(topic)
  if (partitions === undefined) {
    partitions = new Map()
    topics.set(topic, partitions)
  }
  partitions.set(partition, value)
}

function forgetOffset({ offsets }: CoordinatorShard, group: string, topic: string, partition: number): void {
  const topics = offsets.get(group)
  const partitions = topics?.get(topic)
  if (topics === undefined || partitions === undefined) return
  partitions.delete(partition)
  if (partitions.size === 0) topics.delete(topic)
  if (topics.size === 0) offsets.delete(group)
}

/** GroupMetadataManager.replay(GroupMetadataKey, …) for a group that is loaded. */
function loadGroup(shard: CoordinatorShard, id: string, value: GroupMetadataSnapshot, now: number): void {
  const group: ClassicGroup = createClassicGroup(id, value.currentStateTimestamp)
  group.state = value.members.length === 0 ? 'Empty' : 'Stable'
  group.generation = value.generation
  group.protocolType = value.protocolType === '' ? null : value.protocolType
  group.protocolName = value.protocol
  group.leaderId = value.leader
  for (const member of value.members) {
    group.members.set(member.memberId, {
      id: member.memberId,
      instanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      connection: -1,
      rebalanceTimeoutMs: member.rebalanceTimeout,
      sessionTimeoutMs: member.sessionTimeout,
      protocols: [{ name: value.protocol ?? '', metadata: member.subscription }],
      assignment: member.assignment,
      awaitingJoin: null,
      awaitingSync: null,
      isNew: false,
      lastHeartbeat: now,
    })
  }
  group.subscribedTopics = subscribedTopicsOf(group)
  shard.groups.set(id, group)
}
