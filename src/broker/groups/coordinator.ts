/** Where a group lives, and how its partition of `__consumer_offsets` becomes state: only through `replay`. */
import type { Fact } from '../../kernel/trace-event.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { partitionForGroup } from '../../protocol/hash.ts'
import { isTransactional, readTransactionMarker } from '../../protocol/records.ts'
import { utf8Length } from '../../protocol/utf8.ts'
import { intConfig } from '../config.ts'
import type { PartitionLog } from '../log/index.ts'
import { type MetadataImage, OFFSETS_TOPIC } from '../metadata.ts'
import type { BrokerState, CoordinatorShard } from '../state.ts'
import { type ClassicGroup, createClassicGroup, subscribedTopicsOf } from './classic/group.ts'
import { copyConsumerGroup } from './consumer/group.ts'
import { changesOf, replayConsumerRecord, settle } from './consumer/replay.ts'
import { type Group, putOffset } from './group.ts'
import { dropOffset, endTransaction, holdOffset } from './pending-offsets.ts'
import { type CoordinatorRecord, type GroupMetadataSnapshot, readCoordinatorBatch } from './records.ts'

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
  const shard: CoordinatorShard = {
    partition: log.partition,
    groups: new Map(),
    offsets: new Map(),
    pendingOffsets: new Map(),
  }
  for (const batch of log.batches) {
    const marker = readTransactionMarker(batch)
    if (marker !== null) endTransaction(shard, marker.producerId, marker.type === 'COMMIT')
    const producerId = isTransactional(batch) ? batch.producerId : NO_PRODUCER
    for (const { offset, record } of readCoordinatorBatch(batch)) {
      replay(shard, record, { offset, producerId }, now)
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
  written: Written,
  image: MetadataImage,
  now: number,
  facts: Fact[],
): void {
  const before = new Map<string, Group | undefined>()
  for (const [i, record] of records.entries()) {
    if (record.type !== 'offset-commit' && !before.has(record.group)) {
      const group = shard.groups.get(record.group)
      before.set(record.group, group)
      // What it was before must not change under the eyes of those who compare.
      if (group?.type === 'consumer') shard.groups.set(group.id, copyConsumerGroup(group))
    }
    replay(shard, record, { offset: written.offset + i, producerId: written.producerId }, now)
  }
  for (const [id, known] of before) {
    const group = shard.groups.get(id)
    if (group?.type !== 'consumer') continue
    settle(group, now)
    for (const fact of changesOf(known, group, (topicId) => image.topicNames.get(topicId))) facts.push(fact)
  }
}

/** Where a record is, and in whose transaction. */
export interface Written {
  readonly offset: number
  /** `NO_PRODUCER` outside of transactions. */
  readonly producerId: number
}

export const NO_PRODUCER = -1

/**
 * What a record does to a shard, when it is written and when it is loaded: the one way an offset comes and goes, and the
 * one way a group goes (OffsetMetadataManager.replay, GroupMetadataManager.replay). A running group is ahead of its records.
 */
export function replay(
  shard: CoordinatorShard,
  record: CoordinatorRecord,
  { offset, producerId }: Written,
  now: number,
): void {
  if (record.type === 'group-metadata') {
    if (record.value === null) shard.groups.delete(record.group)
    return
  }
  if (record.type !== 'offset-commit') return replayConsumerRecord(shard, record, now)
  const { group, topic, partition, value } = record
  if (value === null) return dropOffset(shard, group, topic, partition)
  // A group that only ever committed has no record of its own: it is a simple one.
  if (!shard.groups.has(group)) shard.groups.set(group, createClassicGroup(group, now))
  const committed = { ...value, recordOffset: offset }
  if (producerId === NO_PRODUCER) putOffset(shard.offsets, group, topic, partition, committed)
  else holdOffset(shard, producerId, group, topic, partition, committed)
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
