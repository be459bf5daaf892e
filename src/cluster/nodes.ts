/** Brokers and the controller in the world: carrying out their decisions, their timers, their deaths. */
import {
  type BrokerTimer,
  brokerChanged,
  type Context,
  type Decision,
  type ForwardedRequest,
  type MetadataRecord,
  stepController,
  stepMetadata,
  stepRestart,
  stepTimer,
  type TimerChange,
} from '../broker/index.ts'
import type { RequestToken } from '../broker/state.ts'
import { type EventKind, push, type QueuedEvent, reclassify, remove } from '../kernel/index.ts'
import type { CreateTopicsRequest, CreateTopicsResponse } from '../protocol/messages.ts'
import { answer, serverCloses } from './network.ts'
import { arm, freshMemberUuid, freshUuid, latency, type NodeRuntime, note, type Task, type World } from './world.ts'

const contexts = new WeakMap<World, { now: number; uuid: () => string; memberUuid: () => string }>()

/** What a broker may ask of the world; one object a world, its time brought up to date. */
export function contextOf(world: World): Context {
  let context = contexts.get(world)
  if (context === undefined) {
    context = { now: world.now, uuid: () => freshUuid(world), memberUuid: () => freshMemberUuid(world) }
    contexts.set(world, context)
  }
  context.now = world.now
  return context
}

/** Carries out what a broker decided, in the order facts, timers, messages, answers. */
export function execute(world: World, node: NodeRuntime, decision: Decision): void {
  for (const fact of decision.facts) note(world, fact)
  for (const change of decision.timers) setTimer(world, node, change)
  for (const forwarded of decision.forwards) {
    arm(world, latency(world), 'work', { type: 'to-controller', node: node.id, forwarded })
  }
  for (const reply of decision.replies) answer(world, reply.token, reply.body)
}

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
  if (forwarded.replyTo !== null) {
    arm(world, latency(world), 'work', { type: 'from-controller', node: nodeId, replyTo: forwarded.replyTo, body: response })
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

/** Registers a broker at once, without the network: how a world starts. */
export function registerAtStart(world: World, node: NodeRuntime): void {
  const records = brokerChanged(world.controller, { id: node.id, host: node.host, port: node.port, fenced: false })
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
  const records = brokerChanged(world.controller, { id: node.id, host: node.host, port: node.port, fenced: true })
  tellMetadata(world, records)
  publish(world, records)
}

export function restartNode(world: World, node: NodeRuntime): void {
  node.up = true
  note(world, { type: 'node', node: node.id, change: 'restart' })
  execute(world, node, stepRestart(node.broker, contextOf(world)))
  // It registers again; with the next publication it reads all it missed of the metadata log.
  const records = brokerChanged(world.controller, { id: node.id, host: node.host, port: node.port, fenced: false })
  tellMetadata(world, records)
  publish(world, records)
}

/** Sets the kind of every session timer anew: which owners are known to be gone has changed. */
export function reclassifySessions(world: World): void {
  for (const node of world.nodes.values()) {
    for (const event of node.timers.values()) {
      const { payload } = event
      if (payload.type === 'broker-timer' && payload.timer.type === 'session') classify(world, event, payload.timer)
    }
  }
}

/** Sets the kind of a group's timers anew: a handler began or ended. */
export function reclassifyGroup(world: World, groupId: string): void {
  for (const event of world.groupTimers.get(groupId) ?? []) {
    if (event.payload.type === 'broker-timer') reclassify(world.queue, event, kindOf(world, event.payload.timer))
  }
}

/**
 * - The session of somebody known to be gone will end, a rebalance goes on: recovery. But not while a handler of the group
 *   is at work: it may do real I/O, and must not lose its own session because time ran ahead.
 * - The session of the living, and a long poll, merely tick.
 */
function kindOf(world: World, timer: BrokerTimer): EventKind {
  if (timer.type === 'fetch') return 'daemon'
  if (timer.type === 'session') {
    const connection = world.connections.get(timer.connection)
    if (connection !== undefined && connection.process.state === 'running') return 'daemon'
  }
  return groupIsBusy(world, timer.groupId) ? 'daemon' : 'recovery'
}

function groupIsBusy(world: World, groupId: string): boolean {
  for (const { state, busy } of world.owners) if (state === 'running' && (busy.get(groupId) ?? 0) > 0) return true
  return false
}

/** Gives a pending timer its kind, and remembers it for as long as that may change with the group's handlers. */
function classify(world: World, event: QueuedEvent<Task>, timer: BrokerTimer): void {
  reclassify(world.queue, event, kindOf(world, timer))
  if (timer.type === 'fetch') return
  const ownTick = timer.type === 'session' && world.connections.get(timer.connection)?.process.state === 'running'
  const known = world.groupTimers.get(timer.groupId)
  if (ownTick) known?.delete(event)
  else if (known === undefined) world.groupTimers.set(timer.groupId, new Set([event]))
  else known.add(event)
}

function forget(world: World, event: QueuedEvent<Task>): void {
  const { payload } = event
  if (payload.type !== 'broker-timer' || payload.timer.type === 'fetch') return
  const known = world.groupTimers.get(payload.timer.groupId)
  if (known?.delete(event) && known.size === 0) world.groupTimers.delete(payload.timer.groupId)
}

function setTimer(world: World, node: NodeRuntime, change: TimerChange): void {
  const armed = node.timers.get(change.key)
  if (armed !== undefined) {
    remove(world.queue, armed)
    node.timers.delete(change.key)
    forget(world, armed)
  }
  if (change.at === null || !node.up) return
  const task: Task = { type: 'broker-timer', node: node.id, key: change.key, timer: change.timer }
  const event: QueuedEvent<Task> = push(world.queue, Math.max(change.at, world.now), 'daemon', task)
  node.timers.set(change.key, event)
  classify(world, event, change.timer)
}

/** The controller's log grew: every broker hears of it, in order. */
function publish(world: World, records: readonly MetadataRecord[]): void {
  if (records.length === 0) return
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
      const partitions = records.filter((other) => other.type === 'partition' && other.topicId === record.id).length
      note(world, { type: 'topic.created', topic: record.name, partitions, replicationFactor: 1 })
    } else if (record.type === 'partition') {
      const topic = image.topicNames.get(record.topicId)
      if (topic !== undefined && !topic.startsWith('__')) {
        note(world, { type: 'leader', topic, partition: record.partition, leader: record.leader, epoch: record.leaderEpoch })
      }
    } else if (record.type === 'remove-topic') note(world, { type: 'topic.deleted', topic: record.name })
  }
}
