/** Where a group lives, and how its partition of `__consumer_offsets` becomes state: only through `replay`. */
import { ErrorCode } from '../../protocol/errors.ts'
import { partitionForGroup } from '../../protocol/hash.ts'
import { intConfig } from '../config.ts'
import type { PartitionLog } from '../log.ts'
import { OFFSETS_TOPIC } from '../metadata.ts'
import type { BrokerState, CoordinatorShard } from '../state.ts'
import { type ClassicGroup, createGroup } from './group.ts'
import { type CoordinatorRecord, decodeCoordinatorBatch } from './records.ts'

export type Place =
  | { readonly errorCode: typeof ErrorCode.NONE; readonly shard: CoordinatorShard }
  | {
      readonly errorCode:
        | typeof ErrorCode.COORDINATOR_NOT_AVAILABLE
        | typeof ErrorCode.NOT_COORDINATOR
        | typeof ErrorCode.INVALID_GROUP_ID
    }

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

/** The shard that coordinates a group on this broker, or NOT_COORDINATOR, or INVALID_GROUP_ID for an empty id. */
export function coordinate(state: BrokerState, groupId: string): Place {
  if (!state.image.topics.has(OFFSETS_TOPIC)) return { errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE }
  const shard = state.shards.get(offsetsPartition(state, groupId))
  return shard === undefined ? { errorCode: ErrorCode.NOT_COORDINATOR } : { errorCode: ErrorCode.NONE, shard }
}

/** Builds a shard from its log: what happens when this broker becomes the coordinator. */
export function loadShard(log: PartitionLog, now: number): CoordinatorShard {
  const shard: CoordinatorShard = { partition: log.partition, groups: new Map(), offsets: new Map() }
  for (const batch of log.batches) {
    for (const record of decodeCoordinatorBatch(batch)) {
      replayOffset(shard, record)
      if (record.type === 'group-metadata') replayGroup(shard, record, now)
    }
  }
  // A group that only ever committed has no record of its own: it is a simple one (OffsetMetadataManager.replay).
  for (const id of shard.offsets.keys()) if (!shard.groups.has(id)) shard.groups.set(id, createGroup(id, now))
  return shard
}

/** OffsetMetadataManager.replay: the one way a committed offset comes into being. */
export function replayOffset(shard: CoordinatorShard, record: CoordinatorRecord): void {
  if (record.type !== 'offset-commit') return
  let topics = shard.offsets.get(record.group)
  if (topics === undefined) {
    topics = new Map()
    shard.offsets.set(record.group, topics)
  }
  let partitions = topics.get(record.topic)
  if (partitions === undefined) {
    partitions = new Map()
    topics.set(record.topic, partitions)
  }
  if (record.value === null) partitions.delete(record.partition)
  else partitions.set(record.partition, record.value)
}

/** GroupMetadataManager.replay(GroupMetadataKey, …): used on load; a running group's state is ahead of its record. */
function replayGroup(
  shard: CoordinatorShard,
  record: Extract<CoordinatorRecord, { type: 'group-metadata' }>,
  now: number,
): void {
  const { value } = record
  if (value === null) {
    shard.groups.delete(record.group)
    return
  }
  const group: ClassicGroup = createGroup(record.group, value.currentStateTimestamp)
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
  shard.groups.set(record.group, group)
}
