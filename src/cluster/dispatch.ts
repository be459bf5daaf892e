/** What each kind of event does. */
import type { QueuedEvent } from '../kernel/index.ts'
import {
  allocationAsked,
  alterPartitionArrived,
  balanceLeaders,
  controllerElected,
  controllerGot,
  heartbeatArrived,
  sessionEnded,
  waitsForController,
} from './controller.ts'
import { checkOrder } from './laws/link-laws.ts'
import { connected, resetArrived, responseArrived } from './network.ts'
import {
  brokerTimerFired,
  controllerAnswered,
  halted,
  metadataArrived,
  peerMessageArrived,
  waitsForNode,
} from './nodes.ts'
import type { Process } from './process.ts'
import { requestArrived } from './serving.ts'
import { grantStops, mayStop, stopAsked } from './shutdown.ts'
import type { Task, World } from './world.ts'

export function dispatch(world: World, event: QueuedEvent<Task>): void {
  const task = event.payload
  if (waitsForNode(world, event) || waitsForController(world, event)) return
  if (world.checksLaws) checkOrder(world, task)
  switch (task.type) {
    case 'request':
      return requestArrived(world, task.connection, task.request)
    case 'response':
      if (heldBack(task.connection.process, event)) return
      return responseArrived(world, task.connection, task.correlationId, task.body)
    case 'connected':
      if (heldBack(task.connection.process, event)) return
      return connected(world, task.connection)
    case 'reset':
      if (heldBack(task.connection.process, event)) return
      return resetArrived(world, task.connection, task.reason)
    case 'broker-timer':
      return brokerTimerFired(world, task.node, task.key, task.timer)
    case 'to-controller':
      return controllerGot(world, task.node, task.forwarded)
    case 'from-controller':
      return controllerAnswered(world, task)
    case 'metadata':
      metadataArrived(world, task)
      return grantStops(world)
    case 'ask-to-stop':
      return stopAsked(world, task.node, task.incarnation)
    case 'may-stop':
      return mayStop(world, task.node, task.incarnation)
    case 'peer':
      return peerMessageArrived(world, task)
    case 'alter-partition':
      return alterPartitionArrived(world, task.from, task.message)
    case 'allocate-producer-ids':
      return allocationAsked(world, task.from, task.incarnation, task.message)
    case 'fence':
      return sessionEnded(world, task.node)
    case 'heartbeat':
      return heartbeatArrived(world, task.node, task.incarnation)
    case 'controller-elected':
      return controllerElected(world)
    case 'halt':
      return halted(world, task)
    case 'rebalance-leaders':
      return balanceLeaders(world)
    case 'client-timer':
      if (heldBack(task.process, event)) return
      task.event = null
      world.touched = true
      return task.run()
    case 'control':
      world.touched = true
      return task.run()
  }
}

/** A frozen process notices nothing until it thaws. */
function heldBack(process: Process, { sequence, payload }: QueuedEvent<Task>): boolean {
  if (process.state !== 'frozen') return false
  process.held.push({ sequence, task: payload })
  return true
}
