/** Builds the read model from the live state: copies only, nothing in it can change the world (law K6). */
import {
  decodeCoordinatorRecord,
  findBatch,
  flushedOffsetAt,
  isInternal,
  lastStableOffset,
  OFFSETS_TOPIC,
  type PartitionLog,
} from '../broker/index.ts'
import { readRecords } from '../protocol/records.ts'
import { decodeUtf8 } from '../protocol/utf8.ts'
import { coordinatorRecordText, groupViews } from './group-view.ts'
import { leaderLog } from './leader-log.ts'
import { faultyLinks } from './links.ts'
import { type ReadOptions, readableOf } from './readable.ts'
import { decompressed } from './record-bytes.ts'
import { openTransactions, transactionViews } from './transaction-view.ts'
import type { ClusterView, InFlightView, NodeView, PartitionView, RecordView, TopicView } from './view.ts'
import type { World } from './world.ts'

export function viewOf(world: World): ClusterView {
  return {
    now: world.now,
    nodes: nodeViews(world),
    topics: topicViews(world),
    groups: groupViews(world),
    transactions: transactionViews(world),
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
        lastStableOffset: log === undefined ? 0 : lastStableOffset(log),
        openTransactions: log === undefined ? [] : openTransactions(world, log),
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

/** The records of one partition, decoded; control records are left out. */
export function recordViews(world: World, topic: string, partition: number, options: ReadOptions): RecordView[] {
  const log = leaderLog(world, topic, partition)
  if (log === undefined) return []
  const readable = readableOf(log, options)
  const out: RecordView[] = []
  for (const batch of log.batches) {
    if (!readable.has(batch)) continue
    for (const record of readRecords(batch, decompressed(world, batch))) {
      if (record.offset < log.logStartOffset || record.offset >= readable.upTo) continue
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
  options: ReadOptions,
): RecordView | undefined {
  const log = leaderLog(world, topic, partition)
  if (log === undefined) return undefined
  const from = Math.max(fromOffset, log.logStartOffset)
  const { upTo, has } = readableOf(log, options)
  for (let i = findBatch(log, from); i < log.batches.length; i++) {
    const batch = log.batches[i] as PartitionLog['batches'][number]
    if (batch.baseOffset >= upTo) break
    if (!has(batch)) continue
    const record = readRecords(batch, decompressed(world, batch)).find(({ offset }) => offset >= from && offset < upTo)
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
    if (decoded !== null) return { ...base, ...coordinatorRecordText(decoded), decoded }
  }
  return {
    ...base,
    key: record.key === null ? null : decodeUtf8(record.key),
    value: record.value === null ? null : decodeUtf8(record.value),
  }
}
