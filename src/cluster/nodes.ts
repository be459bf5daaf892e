/** Brokers and the controller in the world: their timers, what they tell each other, their deaths. */
import {
  alterPartition,
  type BrokerTimer,
  brokerChanged,
  type ForwardedRequest,
  type MetadataRecord,
  type PartitionRecord,
  rebalanceDueInMs,
  rebalanceLeaders,
  stepController,
  stepLinkRestored,
  stepMetadata,
  stepPeer,
  stepRestart,
  stepTimer,
} from '../broker/index.ts'
import type { AlterPartition, PeerMessage } from '../broker/replication/messages.ts'
import type { RequestToken } from '../broker/request.ts'
import { remove } from '../kernel/index.ts'
import { ErrorCode } from '../protocol/errors.ts'
import type { CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse } from '../protocol/messages.ts'
import { answer, contextOf, execute, linkName, serverCloses } from './serving.ts'
import { forget } from './timers.ts'
import { arm, freshUuid, latency, type NodeRuntime, note, type World } from './world.ts'

export function brokerTimerFired(world: World, nodeId: number, key: string, timer: BrokerTimer): void {
  const node = world.nodes.get(nodeId)
  if (node === undefined || !node.up) return
  const event = node.timers.get(key)
  if (event !== undefined) forget(world, event)
  node.timers.delete(key)
  execute(world, node, stepTimer(node.broker, timer, contextOf(world)))
}

/** The controller got a forwarded request: it answers, and its records go to every broker. */
export function controllerGot(world: World, nodeId: number, forwarded: ForwardedRequest): void {
  const { records, response } = stepController(world.controller, forwarded.request, () => freshUuid(world))
  tellMetadata(world, records)
  publish(world, records)
  if (forwarded.request.api === 'CreateTopics') warnOfReplication(world, response as CreateTopicsResponse)
  if (forwarded.request.api === 'CreatePartitions') warnOfInternal(world, response as CreatePartitionsResponse)
  if (forwarded.replyTo !== null) {
    arm(world, latency(world), 'work', {
      type: 'from-controller',
      node: nodeId,
      replyTo: forwarded.replyTo,
      body: response,
    })
  }
}

/** kafkajs shows its own text for a code, not the broker's: what is only not there yet would read like the user's mistake. */
function warnOfReplication(world: World, { topics }: CreateTopicsResponse): void {
  for (const { name, errorCode, errorMessage } of topics) {
    if (errorCode === ErrorCode.INVALID_REPLICATION_FACTOR)
      world.host.warn(`[kafkarium] topic "${name}": ${errorMessage ?? ''}`)
  }
}

/** As above: a client says "invalid topic" for what Kafka itself would do. */
function warnOfInternal(world: World, { results }: CreatePartitionsResponse): void {
  for (const { name, errorCode, errorMessage } of results) {
    if (errorCode === ErrorCode.INVALID_TOPIC_EXCEPTION)
      world.host.warn(`[kafkarium] topic "${name}": ${errorMessage ?? ''}`)
  }
}

export function controllerAnswered(world: World, nodeId: number, replyTo: RequestToken, body: unknown): void {
  if (world.nodes.get(nodeId)?.up === true) answer(world, replyTo, body)
}

export function metadataArrived(world: World, nodeId: number, upTo: number): void {
  const node = world.nodes.get(nodeId)
  if (node === undefined || !node.up) return
  const records = world.controller.log.slice(node.broker.image.offset, upTo)
  execute(world, node, stepMetadata(node.broker, records, contextOf(world)))
}

/** A message of another broker; one that left before a link was cut still arrives. */
export function peerMessageArrived(world: World, from: number | 'controller', to: number, message: PeerMessage): void {
  const node = world.nodes.get(to)
  if (node === undefined || !node.up) return
  // What a broker sent before it died may still arrive; what it asked is void.
  void from
  execute(world, node, stepPeer(node.broker, message, contextOf(world)))
}

/** A leader proposes an ISR. */
export function alterPartitionArrived(world: World, from: number, message: AlterPartition): void {
  const { errorCode, records } = alterPartition(world.controller, from, message)
  if (errorCode !== ErrorCode.NONE || records.length === 0) {
    const { topicId, partition, partitionEpoch } = message
    const refused: PeerMessage = { type: 'alter-refused', topicId, partition, partitionEpoch, errorCode }
    arm(world, latency(world), 'work', { type: 'peer', from: 'controller', to: from, message: refused })
  }
  tellMetadata(world, records)
  publish(world, records)
}

/** Cuts or heals a link between two brokers; healed, each asks again what may have been lost. */
export function cutLink(world: World, a: number, b: number): void {
  world.cuts.add(linkName(a, b))
}

export function healLink(world: World, a: number, b: number): void {
  if (!world.cuts.delete(linkName(a, b))) return
  for (const [id, peer] of [
    [a, b],
    [b, a],
  ] as const) {
    const node = world.nodes.get(id)
    if (node?.up === true) execute(world, node, stepLinkRestored(node.broker, peer))
  }
}

/** Registers a broker at once, without the network: how a world starts. */
export function registerAtStart(world: World, node: NodeRuntime): void {
  const records = brokerChanged(world.controller, { ...addressOf(node), fenced: false })
  for (const other of world.nodes.values()) execute(world, other, stepMetadata(other.broker, records, contextOf(world)))
  note(world, { type: 'node', node: node.id, change: 'up' })
}

/** Makes topics at once, without the network: how a world starts. */
export function createTopicsAtStart(world: World, body: CreateTopicsRequest): CreateTopicsResponse {
  const request = { api: 'CreateTopics', body, internal: false } as const
  const { records, response } = stepController(world.controller, request, () => freshUuid(world))
  tellMetadata(world, records)
  for (const node of world.nodes.values()) execute(world, node, stepMetadata(node.broker, records, contextOf(world)))
  return response as CreateTopicsResponse
}

/** A broker process dies. Its log survives; the controller notices when its session ends. */
export function crashNode(world: World, node: NodeRuntime): void {
  node.up = false
  node.crashedAt = world.now
  for (const event of node.timers.values()) {
    remove(world.queue, event)
    forget(world, event)
  }
  node.timers.clear()
  note(world, { type: 'node', node: node.id, change: 'crash' })
  for (const connection of [...node.connections]) serverCloses(world, connection, `broker ${node.id} crashed`)
  arm(world, Number(world.config['broker.session.timeout.ms']), 'recovery', {
    type: 'fence',
    node: node.id,
    crashedAt: world.now,
  })
}

/** The controller fences a broker it has not heard from: its partitions lose their leader. */
export function fenceNode(world: World, nodeId: number, crashedAt: number): void {
  const node = world.nodes.get(nodeId)
  if (node === undefined || node.up || node.crashedAt !== crashedAt) return
  note(world, { type: 'node', node: node.id, change: 'fenced' })
  const records = brokerChanged(world.controller, { ...addressOf(node), fenced: true })
  tellMetadata(world, records)
  publish(world, records)
}

export function restartNode(world: World, node: NodeRuntime): void {
  node.up = true
  note(world, { type: 'node', node: node.id, change: 'restart' })
  stepRestart(node.broker)
  // A new incarnation: the controller ends the old one first, if it has not noticed yet that it is gone.
  if (world.controller.image.brokers.get(node.id)?.fenced === false) {
    const fenced = brokerChanged(world.controller, { ...addressOf(node), fenced: true })
    tellMetadata(world, fenced)
    publish(world, fenced)
  }
  // It registers again; with the next publication it reads all it missed of the metadata log.
  const records = brokerChanged(world.controller, { ...addressOf(node), fenced: false })
  tellMetadata(world, records)
  publish(world, records)
}

function addressOf({ id, host, port, rack }: NodeRuntime) {
  return { id, host, port, rack }
}

/** Looked at only while there is something to give back (maybeScheduleNextBalancePartitionLeaders). */
function armRebalance(world: World): void {
  const due = world.rebalanceArmed ? null : rebalanceDueInMs(world.controller)
  if (due === null) return
  world.rebalanceArmed = true
  arm(world, due, 'daemon', { type: 'rebalance-leaders' })
}

export function balanceLeaders(world: World): void {
  world.rebalanceArmed = false
  const records = rebalanceLeaders(world.controller)
  tellMetadata(world, records)
  publish(world, records)
  armRebalance(world)
}

/** The controller's log grew: every broker hears of it, in order. */
function publish(world: World, records: readonly MetadataRecord[]): void {
  if (records.length === 0) return
  armRebalance(world)
  for (const node of world.nodes.values()) {
    if (!node.up) continue
    const arrival = Math.max(world.now + latency(world), node.lastMetadataArrival)
    node.lastMetadataArrival = arrival
    arm(world, arrival - world.now, 'work', { type: 'metadata', node: node.id, upTo: world.controller.log.length })
  }
}

/** What the controller decided, for the trace; the offsets topic's 50 partitions are one fact. */
function tellMetadata(world: World, records: readonly MetadataRecord[]): void {
  const { image } = world.controller
  for (const record of records) {
    if (record.type === 'topic') {
      const partitions = records.filter((other) => other.type === 'partition' && other.topicId === record.id)
      const first = partitions[0]
      const replicationFactor = first?.type === 'partition' ? first.replicas.length : 1
      note(world, { type: 'topic.created', topic: record.name, partitions: partitions.length, replicationFactor })
    } else if (record.type === 'partition') {
      const topic = image.topicNames.get(record.topicId)
      if (topic === undefined || topic.startsWith('__')) continue
      const { partition, leader, leaderEpoch: epoch, isr } = record
      const told = world.toldPartitions.get(`${topic}-${partition}`)
      const unclean = record.leaderRecoveryState === 'recovering' && leader >= 0
      if (unclean) world.uncleanPartitions.add(`${record.topicId}-${partition}`)
      if (told?.leader !== leader || told.epoch !== epoch)
        note(world, { type: 'leader', topic, partition, leader, epoch, ...(unclean ? { unclean } : {}) })
      if (told !== undefined) noteReassignment(world, topic, record, told.replicas)
      if (record.replicas.length > 1 && told?.isr.join() !== isr.join())
        note(world, { type: 'isr', topic, partition, isr: [...isr] })
      world.toldPartitions.set(`${topic}-${partition}`, { leader, epoch, isr, replicas: record.replicas })
    } else if (record.type === 'remove-topic') note(world, { type: 'topic.deleted', topic: record.name })
  }
}

/** Replicas come and go in two steps: the new ones are added, and when they are in sync the old ones leave. */
function noteReassignment(world: World, topic: string, record: PartitionRecord, before: readonly number[]): void {
  const { partition, replicas, addingReplicas, removingReplicas } = record
  if (replicas.join() === before.join()) return
  const [adding, removing] = [[...addingReplicas], [...removingReplicas]]
  note(world, { type: 'replicas', topic, partition, replicas: [...replicas], adding, removing })
}
