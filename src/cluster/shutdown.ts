/**
 * A broker stops in order (KIP-841, BrokerLifecycleManager.beginControlledShutdown): it asks the controller, serves on while
 * others take over what it leads, and ends when every broker in service has heard of that.
 */
import { beginControlledShutdown, fenceBroker, isActive, mayShutDown } from '../broker/index.ts'
import { announce } from './controller.ts'
import { transmit } from './links.ts'
import { endNode } from './nodes.ts'
import { type NodeRuntime, note, type World } from './world.ts'

/** Told to stop. Without controlled shutdown it just ends, with its logs flushed; the controller notices later. */
export function stopNode(world: World, node: NodeRuntime): void {
  if (world.config['controlled.shutdown.enable'] !== 'true') {
    endNode(world, node, { why: 'stop', unflushed: 'kept' })
    return
  }
  node.stopping = 'asked'
  note(world, { type: 'node', node: node.id, change: 'stopping' })
  const { id, incarnation } = node
  transmit(world, id, 'controller', { type: 'ask-to-stop', node: id, incarnation })
}

/** A broker asks the controller whether it may stop; it is answered when it may. */
export function stopAsked(world: World, id: number, incarnation: number): void {
  const node = world.nodes.get(id)
  if (node === undefined || !node.up || node.incarnation !== incarnation) return
  announce(world, beginControlledShutdown(world.controller, id))
  grantStops(world)
}

/** Looked at whenever a broker has read on in the metadata log, where Kafka's broker asks again with its next heartbeat. */
export function grantStops(world: World): void {
  if (!world.controllerUp) return
  for (const node of world.nodes.values()) {
    if (node.stopping !== 'asked' || !mayShutDown(world.controller, node.id, lowestOffset(world))) continue
    node.stopping = 'granted'
    announce(world, fenceBroker(world.controller, node.id))
    const { id, incarnation } = node
    transmit(world, 'controller', id, { type: 'may-stop', node: id, incarnation })
  }
}

/** BrokerHeartbeatManager.lowestActiveOffset. */
function lowestOffset(world: World): number {
  let lowest = Number.POSITIVE_INFINITY
  for (const { id, broker } of world.nodes.values()) {
    if (isActive(world.controller.image, id)) lowest = Math.min(lowest, broker.image.offset)
  }
  return lowest
}

export function mayStop(world: World, id: number, incarnation: number): void {
  const node = world.nodes.get(id)
  if (node?.up === true && node.incarnation === incarnation) endNode(world, node, { why: 'stop', unflushed: 'kept' })
}
