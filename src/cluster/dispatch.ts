/** What each kind of event does. */
import type { QueuedEvent } from '../kernel/index.ts'
import { connected, resetArrived, responseArrived } from './network.ts'
import {
  alterPartitionArrived,
  balanceLeaders,
  brokerTimerFired,
  controllerAnswered,
  controllerGot,
  fenceNode,
  metadataArrived,
  peerMessageArrived,
} from './nodes.ts'
import type { Process } from './process.ts'
import { requestArrived } from './serving.ts'
import type { Task, World } from './world.ts'

export function dispatch(world: World, event: QueuedEvent<Task>): void {
  const task = event.payload
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
      return controllerAnswered(world, task.node, task.replyTo, task.body)
    case 'metadata':
      return metadataArrived(world, task.node, task.upTo)
    case 'peer':
      return peerMessageArrived(world, task.from, task.to, task.message)
    case 'alter-partition':
      return alterPartitionArrived(world, task.from, task.message)
    case 'fence':
      return fenceNode(world, task.node, task.crashedAt)
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
