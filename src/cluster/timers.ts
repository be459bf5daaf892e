/** Brokers' timers in the queue, and how each counts for the policy of virtual time. */
import type { BrokerTimer, TimerChange } from '../broker/index.ts'
import { type EventKind, push, type QueuedEvent, reclassify, remove } from '../kernel/index.ts'
import type { NodeRuntime, Task, World } from './world.ts'

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
 * - A coordinator that reads its log will be done.
 * - The session of the living, and a long poll, merely tick.
 */
function kindOf(world: World, timer: BrokerTimer): EventKind {
  if (timer.type === 'load' || timer.type === 'txn-load') return 'recovery'
  if (!('groupId' in timer)) return 'daemon'
  if (timer.type === 'session') {
    const connection = world.connections.get(timer.connection)
    if (connection !== undefined && connection.process.state === 'running') return 'daemon'
  }
  return groupIsBusy(world, timer.groupId) ? 'daemon' : 'recovery'
}

function groupIsBusy(world: World, groupId: string): boolean {
  for (const { state, busy } of world.owners)
    if (state === 'running' && (busy.get(groupId)?.handlers ?? 0) > 0) return true
  return false
}

/** Gives a pending timer its kind, and remembers it for as long as that may change with the group's handlers. */
function classify(world: World, event: QueuedEvent<Task>, timer: BrokerTimer): void {
  reclassify(world.queue, event, kindOf(world, timer))
  if (!('groupId' in timer)) return
  const ownTick = timer.type === 'session' && world.connections.get(timer.connection)?.process.state === 'running'
  const known = world.groupTimers.get(timer.groupId)
  if (ownTick) known?.delete(event)
  else if (known === undefined) world.groupTimers.set(timer.groupId, new Set([event]))
  else known.add(event)
}

/** A timer is over: it fired, was cancelled or died with its broker. */
export function forget(world: World, event: QueuedEvent<Task>): void {
  const { payload } = event
  if (payload.type !== 'broker-timer' || !('groupId' in payload.timer)) return
  const known = world.groupTimers.get(payload.timer.groupId)
  if (known?.delete(event) && known.size === 0) world.groupTimers.delete(payload.timer.groupId)
}

export function setTimer(world: World, node: NodeRuntime, change: TimerChange): void {
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
