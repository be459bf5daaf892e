/** The read model of groups, and of what they write down: copies only (law K6). */
import {
  type Assignment,
  type CoordinatorRecord,
  type CoordinatorShard,
  type Group,
  generationOf,
  OFFSETS_TOPIC,
  offeredAssignors,
  preferredAssignor,
  sessionTimeoutMs,
} from '../broker/index.ts'
import { decodeAssignment } from '../protocol/consumer-protocol.ts'
import { partitionForGroup } from '../protocol/hash.ts'
import { leaderLog } from './leader-log.ts'
import type { AssignedPartition, GroupOffsetView, GroupView, MemberView } from './view.ts'
import type { NodeRuntime, World } from './world.ts'

export function groupViews(world: World): GroupView[] {
  const ids = new Set<string>()
  for (const node of world.nodes.values()) {
    if (!node.up) continue
    for (const shard of node.broker.shards.values()) {
      for (const id of shard.groups.keys()) ids.add(id)
      for (const id of shard.offsets.keys()) ids.add(id)
    }
  }
  return [...ids].map((id) => groupView(world, id)).filter((view) => view !== null)
}

/** A group as its coordinator sees it; null when nobody knows it. */
export function groupView(world: World, groupId: string): GroupView | null {
  const topic = world.controller.image.topics.get(OFFSETS_TOPIC)
  if (topic === undefined) return null
  const partition = partitionForGroup(groupId, topic.partitions.length)
  for (const node of world.nodes.values()) {
    const shard = node.up ? node.broker.shards.get(partition) : undefined
    if (shard === undefined) continue
    const offsets = offsetViews(world, shard, groupId)
    const group = shard.groups.get(groupId)
    if (group === undefined && offsets.length === 0) continue
    return {
      id: groupId,
      type: group?.type ?? 'classic',
      state: group?.state ?? 'Empty',
      stateSince: group?.stateSince ?? null,
      generation: group === undefined ? 0 : generationOf(group),
      protocolType: group?.type === 'consumer' ? 'consumer' : (group?.protocolType ?? null),
      protocol: group === undefined ? null : protocolOf(node, group),
      leader: group?.type === 'classic' ? group.leaderId : null,
      coordinator: node.id,
      members: group === undefined ? [] : memberViews(world, node, group),
      offsets,
      lastRebalanceReason: group?.reason ?? '',
    }
  }
  return null
}

function protocolOf({ broker }: NodeRuntime, group: Group): string | null {
  if (group.type === 'classic') return group.protocolName
  return preferredAssignor(group.members.values(), offeredAssignors(broker.config))
}

function memberViews(world: World, { broker }: NodeRuntime, group: Group): MemberView[] {
  if (group.type === 'classic') {
    return [...group.members.values()].map((member) => ({
      id: member.id,
      clientId: member.clientId,
      clientHost: member.clientHost,
      groupInstanceId: member.instanceId,
      assignment: classicAssignment(member.assignment),
      target: null,
      epoch: group.generation,
      sessionTimeoutMs: member.sessionTimeoutMs,
      heartbeatAgeMs: world.now - member.lastHeartbeat,
    }))
  }
  const named = (assignment: Assignment | undefined): AssignedPartition[] =>
    [...(assignment ?? [])].flatMap(([topicId, partitions]) =>
      partitions.map((partition) => ({ topic: broker.image.topicNames.get(topicId) ?? topicId, partition })),
    )
  return [...group.members.values()].map((member) => ({
    id: member.id,
    clientId: member.clientId,
    clientHost: member.clientHost,
    groupInstanceId: member.instanceId,
    // What it has been asked to give up it still has.
    assignment: [...named(member.assigned), ...named(member.revoking)],
    target: named(group.target.get(member.id)),
    epoch: member.epoch,
    sessionTimeoutMs: sessionTimeoutMs(member, broker.config),
    heartbeatAgeMs: world.now - member.lastHeartbeat,
  }))
}

function offsetViews(world: World, shard: CoordinatorShard, groupId: string): GroupOffsetView[] {
  const offsets: GroupOffsetView[] = []
  for (const [topic, partitions] of shard.offsets.get(groupId) ?? []) {
    for (const [partition, { offset: committed }] of partitions) {
      const logEndOffset = leaderLog(world, topic, partition)?.highWatermark ?? 0
      const lag = committed < 0 ? null : Math.max(logEndOffset - committed, 0)
      offsets.push({ topic, partition, committed, logEndOffset, lag })
    }
  }
  return offsets.sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
}

function classicAssignment(bytes: Uint8Array): AssignedPartition[] {
  if (bytes.length === 0) return []
  try {
    return decodeAssignment(bytes).assignedPartitions.flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({ topic, partition })),
    )
  } catch {
    return []
  }
}

/** A record of `__consumer_offsets` for a reader; a null value is a tombstone. */
export function coordinatorRecordText(record: CoordinatorRecord): {
  readonly key: string
  readonly value: string | null
} {
  const key = coordinatorRecordKey(record)
  return { key, value: record.value === null ? null : coordinatorRecordValue(record) }
}

function coordinatorRecordKey(record: CoordinatorRecord): string {
  switch (record.type) {
    case 'offset-commit':
      return `${record.group} ${record.topic}-${record.partition}`
    case 'consumer-member':
    case 'target-assignment':
    case 'current-assignment':
      return `${record.group} ${record.member} ${record.type}`
    case 'group-metadata':
      return record.group
    default:
      return `${record.group} ${record.type}`
  }
}

function coordinatorRecordValue(record: CoordinatorRecord): string {
  if (record.value === null) return ''
  switch (record.type) {
    case 'offset-commit':
      return `offset ${record.value.offset}`
    case 'group-metadata':
      return `generation ${record.value.generation}, ${record.value.members.length} members`
    case 'consumer-group':
      return `group epoch ${record.value.epoch}`
    case 'consumer-group-topics':
      return [...record.value].map(([name, { partitions }]) => `${name} × ${partitions}`).join(', ')
    case 'consumer-member':
      return `subscribes to ${record.value.subscribedTopicRegex ?? record.value.subscribedTopicNames.join(', ')}`
    case 'target-epoch':
      return `assignment epoch ${record.value}`
    case 'target-assignment':
      return countOf(record.value)
    case 'current-assignment':
      return `member epoch ${record.value.epoch}, ${record.value.state}, ${countOf(record.value.assigned)}`
  }
}

function countOf(assignment: Assignment): string {
  const count = [...assignment.values()].reduce((sum, partitions) => sum + partitions.length, 0)
  return count === 1 ? '1 partition' : `${count} partitions`
}
