/** Builds the read model from the live state: copies only, nothing in it can change the world (law K6). */
import {
  decodeCoordinatorRecord,
  findBatch,
  flushedOffsetAt,
  isInternal,
  OFFSETS_TOPIC,
  type PartitionLog,
} from '../broker/index.ts'
import { decodeAssignment } from '../protocol/consumer-protocol.ts'
import { partitionForGroup } from '../protocol/hash.ts'
import { isControl, readRecords } from '../protocol/records.ts'
import { decodeUtf8 } from '../protocol/utf8.ts'
import { faultyLinks } from './links.ts'
import type {
  ClusterView,
  GroupOffsetView,
  GroupView,
  InFlightView,
  MemberView,
  NodeView,
  PartitionView,
  RecordView,
  TopicView,
} from './view.ts'
import type { NodeRuntime, World } from './world.ts'

export function viewOf(world: World): ClusterView {
  return {
    now: world.now,
    nodes: nodeViews(world),
    topics: topicViews(world),
    groups: groupViews(world),
    processes: [...world.processes.values()].map(({ name, state, incarnation }) => ({ name, state, incarnation })),
    inFlight: inFlightView(world),
    cuts: cutPairs(world),
    links: faultyLinks(world),
  }
}

/** Pairs of brokers between which nothing gets through, one way at least; the smaller id first. */
function cutPairs(world: World): (readonly [number, number])[] {
  const pairs = new Map<string, readonly [number, number]>()
  for (const { from, to, cut } of faultyLinks(world)) {
    if (!cut || typeof from !== 'number' || typeof to !== 'number') continue
    const pair = [Math.min(from, to), Math.max(from, to)] as const
    pairs.set(pair.join('-'), pair)
  }
  return [...pairs.values()].sort((a, b) => a[0] - b[0] || a[1] - b[1])
}

function inFlightView(world: World): InFlightView {
  const counts = { requests: 0, responses: 0, replication: 0, metadata: 0 }
  for (const { payload } of world.queue.heap) {
    switch (payload.type) {
      case 'request':
        counts.requests += 1
        break
      case 'response':
        counts.responses += 1
        break
      case 'peer':
        if (payload.from === 'controller') counts.metadata += 1
        else counts.replication += 1
        break
      case 'to-controller':
      case 'from-controller':
      case 'metadata':
      case 'alter-partition':
        counts.metadata += 1
    }
  }
  return counts
}

export function nodeViews(world: World): NodeView[] {
  const { image } = world.controller
  const leads = new Map<number, number>()
  for (const topic of image.topics.values()) {
    if (isInternal(topic.name)) continue
    for (const { leader } of topic.partitions) leads.set(leader, (leads.get(leader) ?? 0) + 1)
  }
  return [...world.nodes.values()].map((node) => ({
    id: node.id,
    host: node.host,
    port: node.port,
    paused: node.paused,
    state: node.up ? 'up' : image.brokers.get(node.id)?.fenced === true ? 'fenced' : 'down',
    leads: leads.get(node.id) ?? 0,
    connections: node.connections.size,
  }))
}

export function topicViews(world: World): TopicView[] {
  return [...world.controller.image.topics.values()].map((topic) => ({
    name: topic.name,
    internal: isInternal(topic.name),
    partitions: topic.partitions.map((info): PartitionView => {
      const log = leaderLog(world, topic.name, info.partition)
      return {
        topic: topic.name,
        partition: info.partition,
        leader: info.leader,
        leaderEpoch: info.leaderEpoch,
        replicas: [...info.replicas],
        isr: [...info.isr],
        elr: [...info.elr],
        addingReplicas: [...info.addingReplicas],
        removingReplicas: [...info.removingReplicas],
        logStartOffset: log?.logStartOffset ?? 0,
        highWatermark: log?.highWatermark ?? 0,
        logEndOffset: log?.logEndOffset ?? 0,
        replicaLogs: info.replicas.map((node) => {
          const own = world.nodes.get(node)?.broker.logs.get(topic.name)?.[info.partition]
          return replicaView(node, own, world.now)
        }),
      }
    }),
  }))
}

function replicaView(node: number, log: PartitionLog | undefined, now: number): PartitionView['replicaLogs'][number] {
  return {
    node,
    logStartOffset: log?.logStartOffset ?? 0,
    logEndOffset: log?.logEndOffset ?? 0,
    highWatermark: log?.highWatermark ?? 0,
    flushedOffset: log === undefined ? 0 : flushedOffsetAt(log, now),
    segments: log?.segments.length ?? 0,
    sizeInBytes: log?.sizeInBytes ?? 0,
  }
}

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
    const group = shard.groups.get(groupId)
    const offsets: GroupOffsetView[] = []
    for (const [name, partitions] of shard.offsets.get(groupId) ?? []) {
      for (const [index, committed] of partitions) {
        const logEndOffset = leaderLog(world, name, index)?.highWatermark ?? 0
        const lag = committed.offset < 0 ? null : Math.max(logEndOffset - committed.offset, 0)
        offsets.push({ topic: name, partition: index, committed: committed.offset, logEndOffset, lag })
      }
    }
    offsets.sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : a.partition - b.partition))
    if (group === undefined) {
      if (offsets.length === 0) continue
      return {
        id: groupId,
        state: 'Empty',
        stateSince: null,
        generation: 0,
        protocolType: null,
        protocol: null,
        leader: null,
        coordinator: node.id,
        members: [],
        offsets,
        lastRebalanceReason: '',
      }
    }
    return {
      id: groupId,
      state: group.state,
      stateSince: group.stateSince,
      generation: group.generation,
      protocolType: group.protocolType,
      protocol: group.protocolName,
      leader: group.leaderId,
      coordinator: node.id,
      members: [...group.members.values()].map(
        (member): MemberView => ({
          id: member.id,
          clientId: member.clientId,
          clientHost: member.clientHost,
          groupInstanceId: member.instanceId,
          assignment: assignmentOf(member.assignment),
          sessionTimeoutMs: member.sessionTimeoutMs,
          heartbeatAgeMs: world.now - member.lastHeartbeat,
        }),
      ),
      offsets,
      lastRebalanceReason: group.reason,
    }
  }
  return null
}

/** The records of one partition below its log end, decoded; control records are left out. */
export function recordViews(world: World, topic: string, partition: number, fromOffset = 0): RecordView[] {
  const log = leaderLog(world, topic, partition)
  if (log === undefined) return []
  const out: RecordView[] = []
  for (const batch of log.batches) {
    if (isControl(batch) || batch.baseOffset + batch.lastOffsetDelta < fromOffset) continue
    for (const record of readRecords(batch, decompressed(world, batch))) {
      if (record.offset < Math.max(fromOffset, log.logStartOffset)) continue
      out.push(recordView(topic, partition, record))
    }
  }
  return out
}

/** The first record at or after an offset; cheap, however long the log. */
export function firstRecord(
  world: World,
  topic: string,
  partition: number,
  fromOffset: number,
): RecordView | undefined {
  const log = leaderLog(world, topic, partition)
  if (log === undefined) return undefined
  const from = Math.max(fromOffset, log.logStartOffset)
  for (let i = findBatch(log, from); i < log.batches.length; i++) {
    const batch = log.batches[i] as PartitionLog['batches'][number]
    if (isControl(batch)) continue
    const record = readRecords(batch, decompressed(world, batch)).find(({ offset }) => offset >= from)
    if (record !== undefined) return recordView(topic, partition, record)
  }
  return undefined
}

function recordView(topic: string, partition: number, record: ReturnType<typeof readRecords>[number]): RecordView {
  const base = {
    topic,
    partition,
    offset: record.offset,
    timestamp: record.timestamp,
    headers: record.headers.map(([name, value]) => [name, value === null ? null : decodeUtf8(value)] as const),
    keyBytes: record.key?.slice() ?? null,
    valueBytes: record.value?.slice() ?? null,
  }
  if (topic === OFFSETS_TOPIC && record.key !== null) {
    const decoded = decodeCoordinatorRecord(record.key, record.value)
    if (decoded !== null) {
      const key =
        decoded.type === 'offset-commit' ? `${decoded.group} ${decoded.topic}-${decoded.partition}` : `${decoded.group}`
      const value =
        decoded.value === null
          ? null
          : decoded.type === 'offset-commit'
            ? `offset ${decoded.value.offset}`
            : `generation ${decoded.value.generation}, ${decoded.value.members.length} members`
      return { ...base, key, value, decoded }
    }
  }
  return {
    ...base,
    key: record.key === null ? null : decodeUtf8(record.key),
    value: record.value === null ? null : decodeUtf8(record.value),
  }
}

function decompressed(world: World, batch: PartitionLog['batches'][number]): Uint8Array | undefined {
  const code = batch.attributes & 7
  return code === 0 ? undefined : world.host.decompress(code, batch.records)
}

/** The log of a partition where it is led; while nobody leads it, the one of its first replica. */
export function leaderLog(world: World, topic: string, partition: number): PartitionLog | undefined {
  const info = world.controller.image.topics.get(topic)?.partitions[partition]
  if (info === undefined) return undefined
  const holder: NodeRuntime | undefined = world.nodes.get(info.leader >= 0 ? info.leader : (info.replicas[0] ?? -1))
  return holder?.broker.logs.get(topic)?.[partition]
}

function assignmentOf(bytes: Uint8Array): { topic: string; partition: number }[] {
  if (bytes.length === 0) return []
  try {
    return decodeAssignment(bytes).assignedPartitions.flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({ topic, partition })),
    )
  } catch {
    return []
  }
}
