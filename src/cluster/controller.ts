/**
 * The controller in the world: what reaches it, what it publishes, whom it hears from, and who takes over when it dies.
 * Heartbeats are not sent one by one: while they would arrive nothing happens, and when they would not a session runs out.
 */
import {
  allocateProducerIds,
  alterPartition,
  brokerChanged,
  type ControllerRequest,
  type ForwardedRequest,
  fenceBroker,
  hasCaughtUp,
  type MetadataRecord,
  newControllerEpoch,
  type PartitionRecord,
  rebalanceDueInMs,
  rebalanceLeaders,
  registerBroker,
  stepController,
  stepMetadata,
  unfenceBroker,
} from '../broker/index.ts'
import type { AllocateProducerIds, AlterPartition, PeerMessage } from '../broker/replication/messages.ts'
import { type QueuedEvent, remove } from '../kernel/index.ts'
import { ErrorCode } from '../protocol/errors.ts'
import type { CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse } from '../protocol/messages.ts'
import { noteDecision } from './laws/ledger.ts'
import { isCut, transmit } from './links.ts'
import { contextOf, execute } from './serving.ts'
import { arm, armHeld, freshUuid, type NodeRuntime, note, type Task, type World } from './world.ts'

/** A forwarded request: the controller answers, and its records go to every broker. */
export function controllerGot(world: World, nodeId: number, forwarded: ForwardedRequest): void {
  const { records, response } = stepController(world.controller, forwarded.request, () => freshUuid(world))
  announce(world, records)
  if (forwarded.request.api === 'CreateTopics') warnOfReplication(world, response as CreateTopicsResponse)
  if (forwarded.request.api === 'CreatePartitions') warnOfInternal(world, response as CreatePartitionsResponse)
  const { replyTo } = forwarded
  const node = world.nodes.get(nodeId)
  if (replyTo === null || node === undefined) return
  const { incarnation } = node
  transmit(world, 'controller', nodeId, { type: 'from-controller', node: nodeId, incarnation, replyTo, body: response })
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

/** A leader proposes an ISR. */
export function alterPartitionArrived(world: World, from: number, message: AlterPartition): void {
  const { errorCode, records } = alterPartition(world.controller, from, message)
  announce(world, records)
  if (errorCode === ErrorCode.NONE && records.length > 0) return
  const { topicId, partition, partitionEpoch } = message
  const refused: PeerMessage = { type: 'alter-refused', topicId, partition, partitionEpoch, errorCode }
  const incarnation = world.nodes.get(from)?.incarnation ?? 0
  transmit(world, 'controller', from, { type: 'peer', from: 'controller', to: from, incarnation, message: refused })
}

/** A broker wants more producer ids. */
export function allocationAsked(world: World, from: number, incarnation: number, asked: AllocateProducerIds): void {
  const { records, answer: message } = allocateProducerIds(world.controller, from, asked)
  announce(world, records)
  transmit(world, 'controller', from, { type: 'peer', from: 'controller', to: from, incarnation, message })
}

/** While no controller is active, what is sent to it waits for the next one. True when that is so. */
export function waitsForController(world: World, { sequence, payload: task }: QueuedEvent<Task>): boolean {
  if (world.controllerUp) return false
  if (
    task.type !== 'to-controller' &&
    task.type !== 'alter-partition' &&
    task.type !== 'allocate-producer-ids' &&
    task.type !== 'heartbeat' &&
    task.type !== 'ask-to-stop'
  )
    return false
  world.controllerHeld.push({ sequence, task })
  return true
}

/** The active controller dies; the other voters elect one of them (KRaft: controller.quorum.fetch.timeout.ms and a vote). */
export function crashController(world: World): void {
  world.controllerUp = false
  note(world, { type: 'controller', change: 'crash' })
  for (const node of world.nodes.values()) endSession(world, node)
  arm(world, ELECTION_MS, 'recovery', { type: 'controller-elected' })
}

const ELECTION_MS = 2000

/** The new controller has read the metadata log; every broker has a full session to be heard of. */
export function controllerElected(world: World): void {
  world.controllerUp = true
  // It knows what the log says, and nothing else.
  world.controller = newControllerEpoch(world.controller)
  note(world, { type: 'controller', change: 'elected' })
  const held = world.controllerHeld
  world.controllerHeld = []
  for (const event of held) armHeld(world, event)
  for (const node of world.nodes.values()) reconcileSession(world, node)
}

/** Registers a broker at once, without the network: how a world starts. */
export function registerAtStart(world: World, node: NodeRuntime): void {
  const { id, host, port, rack } = node
  const records = brokerChanged(world.controller, { id, host, port, rack, fenced: false })
  node.registered = true
  for (const other of world.nodes.values()) execute(world, other, stepMetadata(other.broker, records, contextOf(world)))
  note(world, { type: 'node', node: node.id, change: 'up' })
}

/** Makes topics at once, without the network: how a world starts. */
export function createTopicsAtStart(world: World, body: CreateTopicsRequest, internal = false): CreateTopicsResponse {
  const request = { api: 'CreateTopics', body, internal } as const
  const { records, response } = stepController(world.controller, request, () => freshUuid(world))
  tellMetadata(world, records)
  for (const node of world.nodes.values()) execute(world, node, stepMetadata(node.broker, records, contextOf(world)))
  return response as CreateTopicsResponse
}

function hears(world: World, node: NodeRuntime): boolean {
  return node.up && !node.paused && !isCut(world, node.id, 'controller') && !isCut(world, 'controller', node.id)
}

function isFenced(world: World, node: NodeRuntime): boolean {
  return world.controller.image.brokers.get(node.id)?.fenced !== false
}

/** Brings a broker's session in line with whether its heartbeats arrive now. */
export function reconcileSession(world: World, node: NodeRuntime): void {
  if (!world.controllerUp) return
  if (!hears(world, node)) {
    if (node.sessionEnd !== null || isFenced(world, node)) return
    const session = Number(world.config['broker.session.timeout.ms'])
    node.sessionEnd = arm(world, session, 'recovery', { type: 'fence', node: node.id })
    return
  }
  endSession(world, node)
  if (!node.registered) register(world, node)
  // It asks for what it missed of the metadata log.
  sendMetadata(world, node)
}

function endSession(world: World, node: NodeRuntime): void {
  if (node.sessionEnd !== null) remove(world.queue, node.sessionEnd)
  node.sessionEnd = null
}

/** A new incarnation: the controller ends the old one first, if it has not noticed yet that it is gone. It begins fenced. */
function register(world: World, node: NodeRuntime): void {
  const { id, host, port, rack, cleanShutdown } = node
  node.registered = true
  node.cleanShutdown = false
  announce(world, registerBroker(world.controller, { id, host, port, rack, cleanShutdown }))
}

/** A broker has read on in the metadata log: a fenced one tells the controller with its heartbeat. */
export function caughtUp(world: World, node: NodeRuntime): void {
  if (!node.registered || !isFenced(world, node)) return
  transmit(world, node.id, 'controller', { type: 'heartbeat', node: node.id, incarnation: node.incarnation })
}

/** The controller fences a broker it has not heard from: others lead what it led. */
export function sessionEnded(world: World, nodeId: number): void {
  const node = world.nodes.get(nodeId)
  if (node === undefined) return
  node.sessionEnd = null
  note(world, { type: 'node', node: node.id, change: 'fenced' })
  announce(world, fenceBroker(world.controller, node.id))
}

/** A fenced broker is heard of again: it may lead and be in sync again (BrokerHeartbeatManager). */
export function heartbeatArrived(world: World, nodeId: number, incarnation: number): void {
  const node = world.nodes.get(nodeId)
  if (node === undefined || node.incarnation !== incarnation || !hears(world, node) || !isFenced(world, node)) return
  if (!hasCaughtUp(world.controller, nodeId, node.broker.image.offset)) return
  note(world, { type: 'node', node: node.id, change: 'unfenced' })
  announce(world, unfenceBroker(world.controller, nodeId))
}

/** Puts a replica first and gives it the leadership, as an administrator would in two steps. */
export function moveLeader(world: World, topic: string, partition: number, to: number): void {
  const info = world.controller.image.topics.get(topic)?.partitions[partition]
  const replicas = [to, ...(info?.replicas ?? []).filter((id) => id !== to)]
  const topics = [{ name: topic, partitions: [{ partitionIndex: partition, replicas }] }]
  const reassign = { timeoutMs: 0, allowReplicationFactorChange: false, topics }
  const elect = { electionType: 0, topicPartitions: [{ topic, partitions: [partition] }], timeoutMs: 0 }
  const step = (request: ControllerRequest) =>
    announce(world, stepController(world.controller, request, () => freshUuid(world)).records)
  step({ api: 'AlterPartitionReassignments', body: reassign })
  step({ api: 'ElectLeaders', body: elect })
}

/** The controller's log grew: the trace is told, and every broker hears of it, in order. */
export function announce(world: World, records: readonly MetadataRecord[]): void {
  if (world.checksLaws) noteDecision(world, records)
  tellMetadata(world, records)
  if (records.length === 0) return
  armRebalance(world)
  for (const node of world.nodes.values()) sendMetadata(world, node)
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
  if (world.controllerUp) announce(world, rebalanceLeaders(world.controller))
  armRebalance(world)
}

function sendMetadata(world: World, node: NodeRuntime): void {
  // A broker acts on metadata only once it has registered (BrokerServer.startup).
  if (!node.up || !node.registered || isCut(world, 'controller', node.id)) return
  const upTo = world.controller.log.length
  transmit(world, 'controller', node.id, { type: 'metadata', node: node.id, incarnation: node.incarnation, upTo })
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
      const recovering = record.leaderRecoveryState === 'recovering'
      const told = world.toldPartitions.get(`${topic}-${partition}`)
      if (told?.leader !== leader || told.epoch !== epoch)
        note(world, { type: 'leader', topic, partition, leader, epoch, unclean: leader >= 0 && recovering })
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
