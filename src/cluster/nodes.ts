/** Brokers in the world: what reaches them, their deaths, pauses and returns. */
import {
  type BrokerTimer,
  crashLog,
  crashPoints,
  type MetadataRecord,
  type PartitionLog,
  stepLinkRestored,
  stepMetadata,
  stepPeer,
  stepRestart,
  stepTimer,
  stopLog,
  watchKey,
} from '../broker/index.ts'
import { effectiveMinIsr } from '../broker/replication/leader.ts'
import { type QueuedEvent, remove } from '../kernel/index.ts'
import { caughtUp, reconcileSession } from './controller.ts'
import { noteLoss } from './laws/ledger.ts'
import type { LinkEnd } from './links.ts'
import { answer, contextOf, execute, serverCloses } from './serving.ts'
import { forget, setTimer } from './timers.ts'
import { armHeld, type NodeRuntime, note, type Task, type World } from './world.ts'

type TaskOf<T extends Task['type']> = Extract<Task, { type: T }>

export function brokerTimerFired(world: World, nodeId: number, key: string, timer: BrokerTimer): void {
  const node = world.nodes.get(nodeId)
  if (node === undefined || !node.up) return
  const event = node.timers.get(key)
  if (event !== undefined) forget(world, event)
  node.timers.delete(key)
  execute(world, node, stepTimer(node.broker, timer, contextOf(world)))
}

/** The controller's answer to a forwarded request. */
export function controllerAnswered(
  world: World,
  { node, incarnation, replyTo, body }: TaskOf<'from-controller'>,
): void {
  if (reachable(world, node, incarnation) !== undefined) answer(world, replyTo, body)
}

export function metadataArrived(world: World, { node: nodeId, incarnation, upTo }: TaskOf<'metadata'>): void {
  const node = reachable(world, nodeId, incarnation)
  if (node === undefined) return
  const records: readonly MetadataRecord[] = world.controller.log.slice(node.broker.image.offset, upTo)
  if (records.length > 0) execute(world, node, stepMetadata(node.broker, records, contextOf(world)))
  caughtUp(world, node)
}

/** A message of another broker or of the controller. What a broker sent before it died may still arrive. */
export function peerMessageArrived(world: World, { to, incarnation, message }: TaskOf<'peer'>): void {
  const node = reachable(world, to, incarnation)
  if (node !== undefined) execute(world, node, stepPeer(node.broker, message, contextOf(world)))
}

/** The broker a message was sent to, unless it has died since (law K3). */
function reachable(world: World, id: number, incarnation: number): NodeRuntime | undefined {
  const node = world.nodes.get(id)
  return node?.up === true && node.incarnation === incarnation ? node : undefined
}

/** A paused broker gets nothing done: what reaches it waits. True when that is so. */
export function waitsForNode(world: World, { sequence, payload: task }: QueuedEvent<Task>): boolean {
  const id = receiverOf(task)
  const node = id === null ? undefined : world.nodes.get(id)
  if (node === undefined || !node.paused) return false
  if (task.type === 'broker-timer') {
    const event = node.timers.get(task.key)
    if (event !== undefined) forget(world, event)
    node.timers.delete(task.key)
  }
  node.held.push({ sequence, task })
  return true
}

function receiverOf(task: Task): number | null {
  switch (task.type) {
    case 'request':
      return task.connection.node.id
    case 'broker-timer':
    case 'metadata':
    case 'from-controller':
    case 'may-stop':
      return task.node
    case 'peer':
      return task.to
    default:
      return null
  }
}

export function pauseNode(world: World, node: NodeRuntime): void {
  node.paused = true
  note(world, { type: 'node', node: node.id, change: 'pause' })
  reconcileSession(world, node)
}

/** It goes on where it stopped: first what came in, then the timers that are over. */
export function resumeNode(world: World, node: NodeRuntime): void {
  node.paused = false
  note(world, { type: 'node', node: node.id, change: 'resume' })
  const { held } = node
  node.held = []
  for (const event of held) if (event.task.type !== 'broker-timer') armHeld(world, event)
  for (const { task } of held) {
    if (task.type === 'broker-timer' && !node.timers.has(task.key))
      setTimer(world, node, { key: task.key, at: world.now, timer: task.timer })
  }
  reconcileSession(world, node)
}

/** How a broker ends, and what becomes of records that were not flushed. */
export interface NodeEnd {
  readonly why: 'crash' | 'stop' | 'disk-full'
  /** `some`: as much of each log as the seed says. */
  readonly unflushed: 'kept' | 'some' | 'lost'
}

/** A broker process ends. Its logs survive, as far as its disk has them; the controller notices when its session ends. */
export function endNode(world: World, node: NodeRuntime, { why, unflushed }: NodeEnd): void {
  node.up = false
  node.paused = false
  node.stopping = null
  node.held = []
  node.registered = false
  node.cleanShutdown = why === 'stop'
  for (const event of node.timers.values()) {
    remove(world.queue, event)
    forget(world, event)
  }
  node.timers.clear()
  note(world, { type: 'node', node: node.id, change: why })
  for (const log of logsOf(node)) {
    if (why === 'stop') stopLog(log, world.now)
    else loseUnflushed(world, node, log, unflushed)
  }
  for (const connection of [...node.connections]) serverCloses(world, connection, `broker ${node.id} ${WENT[why]}`)
  for (const listener of world.nodeListeners) listener(node.id, false)
  reconcileSession(world, node)
}

function* logsOf({ broker }: NodeRuntime): Iterable<PartitionLog> {
  for (const logs of broker.logs.values()) for (const log of logs) if (log !== undefined) yield log
}

function loseUnflushed(world: World, node: NodeRuntime, log: PartitionLog, unflushed: NodeEnd['unflushed']): void {
  const { topic, topicId, partition, logEndOffset: before } = log
  const ends = unflushed === 'kept' ? [before] : crashPoints(log, world.now)
  // The last one is all there was: index 0 of the draw.
  const at = unflushed === 'some' ? ends.length - 1 - world.chooser.choose('disk.kept', ends.length) : 0
  crashLog(log, ends[at] ?? before, world.now)
  if (log.logEndOffset === before) return
  const { broker } = node
  if (world.checksLaws) noteLoss(world, topicId, partition, effectiveMinIsr(broker, topic, partition))
  broker.touched?.partitions.add(watchKey(topic, partition))
  if (!topic.startsWith('__'))
    note(world, { type: 'unflushed-lost', node: node.id, topic, partition, from: before, to: log.logEndOffset })
}

/** It could not write: its only log directory has failed. */
export function halted(world: World, { node: id, incarnation }: TaskOf<'halt'>): void {
  const node = reachable(world, id, incarnation)
  if (node !== undefined) endNode(world, node, { why: 'disk-full', unflushed: 'kept' })
}

const WENT = { crash: 'crashed', stop: 'stopped', 'disk-full': 'halted: its disk is full' } as const

export function restartNode(world: World, node: NodeRuntime): void {
  node.up = true
  node.incarnation += 1
  note(world, { type: 'node', node: node.id, change: 'restart' })
  for (const listener of world.nodeListeners) listener(node.id, true)
  stepRestart(node.broker, world.now)
  reconcileSession(world, node)
}

/** A link works again: who may have lost an answer asks once more, and who could not reach the controller may now. */
export function linkHealed(world: World, a: LinkEnd, b: LinkEnd): void {
  for (const [end, peer] of [
    [a, b],
    [b, a],
  ] as const) {
    const node = typeof end === 'number' ? world.nodes.get(end) : undefined
    if (node === undefined) continue
    if (peer === 'controller') reconcileSession(world, node)
    else if (typeof peer === 'number' && node.up)
      execute(world, node, stepLinkRestored(node.broker, peer, contextOf(world)))
  }
}
