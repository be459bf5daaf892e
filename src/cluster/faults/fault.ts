/** What can go wrong in the world, as data: a call of the test, an event at a later time, or a draw of a seed. */
import type { BrokerState } from '../../broker/index.ts'
import { didYouMean } from '../../kernel/nearest.ts'
import { crashController, moveLeader, reconcileSession } from '../controller.ts'
import { cutLink, faultyLinks, healLink, isCut, type LinkEnd, slowLink } from '../links.ts'
import { endNode, linkHealed, pauseNode, restartNode, resumeNode } from '../nodes.ts'
import { serverCloses } from '../serving.ts'
import { stopNode } from '../shutdown.ts'
import { type NodeRuntime, note, type World } from '../world.ts'

/**
 * One fault or its end. Ends of links are broker ids, `'controller'`, or `'clients'` (all of them together).
 *
 * - `crash`: a broker process dies, its log survives; `unflushed: 'lost'`: with it the machine, and what no flush had written;
 *   `'some'`: as much of it as the seed says.
 * - `stop`: a controlled shutdown: others take over first, then it ends with all its data written (KIP-841).
 * - `move-leader`: another in-sync replica leads (a reassignment that puts it first, and a preferred election).
 * - `pause`: it does nothing, its connections stay (a long garbage collection); it goes on with `resume`.
 * - `cut`, `slow`: a link carries nothing, or late; both ways unless `oneWay`. What is sent over a cut link waits.
 * - `isolate`: all links of a broker to the other brokers and the controller are cut; with `clients`, those to them too.
 * - `fill-disk`: the next write halts the broker, as Kafka does when its only log directory fails.
 * - `disconnect`: a broker's client connections are reset; what was under way on them has an unknown outcome.
 * - `crash-controller`: no controller for two seconds, then another one.
 */
export type Fault =
  | { readonly type: 'crash'; readonly node: number; readonly unflushed?: 'kept' | 'some' | 'lost' }
  | {
      readonly type: 'stop' | 'restart' | 'pause' | 'resume' | 'fill-disk' | 'free-disk' | 'disconnect'
      readonly node: number
    }
  | { readonly type: 'isolate'; readonly node: number; readonly clients?: boolean }
  | { readonly type: 'cut'; readonly from: LinkEnd; readonly to: LinkEnd; readonly oneWay?: boolean }
  | {
      readonly type: 'slow'
      readonly from: LinkEnd
      readonly to: LinkEnd
      /** Extra virtual milliseconds a message. */
      readonly ms: number
      readonly oneWay?: boolean
    }
  | { readonly type: 'move-leader'; readonly topic: string; readonly partition: number; readonly to: number }
  /** Without ends: every link. */
  | { readonly type: 'heal'; readonly from?: LinkEnd; readonly to?: LinkEnd }
  | { readonly type: 'crash-controller' }

export interface FaultProblem {
  readonly code: 'KAFKARIUM_BAD_OPTION' | 'KAFKARIUM_UNKNOWN_NODE' | 'KAFKARIUM_WRONG_STATE'
  readonly text: string
}

/** Why a fault cannot happen now, or null. Nothing has changed then. */
export function faultProblem(world: World, fault: Fault): FaultProblem | null {
  const malformed = malformedFault(world, fault)
  if (malformed !== null) return malformed
  const text = impossible(world, fault)
  return text === null ? null : { code: 'KAFKARIUM_WRONG_STATE', text }
}

/** Of each type what stands beside it. */
const FIELDS: { readonly [Type in Fault['type']]: readonly string[] } = {
  crash: ['node', 'unflushed'],
  stop: ['node'],
  restart: ['node'],
  pause: ['node'],
  resume: ['node'],
  isolate: ['node', 'clients'],
  cut: ['from', 'to', 'oneWay'],
  slow: ['from', 'to', 'ms', 'oneWay'],
  heal: ['from', 'to'],
  'fill-disk': ['node'],
  'free-disk': ['node'],
  disconnect: ['node'],
  'move-leader': ['topic', 'partition', 'to'],
  'crash-controller': [],
}
const FAULT_TYPES = Object.keys(FIELDS) as Fault['type'][]

/** What is wrong with a fault at any time: no fault of that name, a broker that there is not, ends that are none. */
export function malformedFault(world: World, fault: Fault): FaultProblem | null {
  const bad = (text: string): FaultProblem => ({ code: 'KAFKARIUM_BAD_OPTION', text })
  if (typeof fault !== 'object' || fault === null)
    return bad("a fault is an object, such as { type: 'crash', node: 1 }.")
  const { type } = fault
  if (!FAULT_TYPES.includes(type)) {
    const hint = didYouMean(String(type), FAULT_TYPES)
    return bad(
      `there is no fault of type ${JSON.stringify(type) ?? 'undefined'}.${hint} Known: ${FAULT_TYPES.join(', ')}.`,
    )
  }
  const fields = ['type', ...FIELDS[type]]
  const unknown = Object.keys(fault).find((name) => !fields.includes(name))
  if (unknown !== undefined)
    return bad(`unknown option "${unknown}".${didYouMean(unknown, fields)} Known: ${fields.join(', ')}.`)
  if ('node' in fault && !world.nodes.has(fault.node)) return unknownNode(world, fault.node)
  switch (fault.type) {
    case 'crash':
      return fault.unflushed === undefined || ['kept', 'some', 'lost'].includes(fault.unflushed)
        ? null
        : bad(`unflushed: '${String(fault.unflushed)}' is not one of 'kept', 'some', 'lost'.`)
    case 'slow':
      if (!(Number.isSafeInteger(fault.ms) && fault.ms >= 0))
        return bad(`ms: ${String(fault.ms)} is not a whole number of milliseconds, 0 or more.`)
      return malformedLink(world, fault.from, fault.to)
    case 'cut':
      return malformedLink(world, fault.from, fault.to)
    case 'heal':
      if (fault.from === undefined && fault.to === undefined) return null
      if (fault.from === undefined || fault.to === undefined)
        return bad('heal takes both ends of a link, or none for all.')
      return malformedLink(world, fault.from, fault.to)
    case 'crash-controller':
    case 'move-leader':
      return null
    default:
      return 'node' in fault ? null : bad(`${type} takes the id of a broker, such as { type: '${type}', node: 1 }.`)
  }
}

function malformedLink(world: World, from: LinkEnd, to: LinkEnd): FaultProblem | null {
  const bad = (text: string): FaultProblem => ({ code: 'KAFKARIUM_BAD_OPTION', text })
  for (const end of [from, to]) {
    if (end === 'controller' || end === 'clients' || world.nodes.has(end)) continue
    if (typeof end === 'number') return unknownNode(world, end)
    return bad(
      `${JSON.stringify(end) ?? String(end)} is not the end of a link. Use a broker id, 'controller' or 'clients'.`,
    )
  }
  if (from === to) return bad(`${from} and ${to} are the same ${typeof from === 'number' ? 'broker' : 'end'}.`)
  return typeof from === 'string' && typeof to === 'string' ? bad(`there is no link between ${from} and ${to}.`) : null
}

function unknownNode(world: World, id: unknown): FaultProblem {
  const shown = typeof id === 'number' ? String(id) : (JSON.stringify(id) ?? 'undefined')
  const text = `there is no broker ${shown}. Brokers: ${[...world.nodes.keys()].join(', ')}.`
  return { code: 'KAFKARIUM_UNKNOWN_NODE', text }
}

/** Why a well-formed fault cannot happen in the state the world is in, or null. */
function impossible(world: World, fault: Fault): string | null {
  const node = 'node' in fault ? (world.nodes.get(fault.node) as NodeRuntime) : null
  const broker = node === null ? '' : `broker ${node.id}`
  switch (fault.type) {
    case 'crash':
      return node?.up === true ? null : `${broker} is down already.`
    case 'restart':
      return node?.up === true ? `${broker} is up already.` : null
    case 'stop':
      if (node?.up !== true) return `${broker} is down already.`
      if (node.paused) return `${broker} is paused.`
      return node.stopping === null ? null : `${broker} is stopping already.`
    case 'pause':
      if (node?.up !== true) return `${broker} is down.`
      return node.paused ? `${broker} is paused already.` : null
    case 'resume':
      return node?.paused === true ? null : `${broker} is not paused.`
    case 'fill-disk':
      return node?.broker.diskFull === true ? `${broker} has a full disk already.` : null
    case 'free-disk':
      return node?.broker.diskFull === true ? null : `${broker} has room on its disk.`
    case 'disconnect':
      return node?.up === true ? null : `${broker} is down: it has no connections.`
    case 'crash-controller':
      return world.controllerUp ? null : NO_CONTROLLER
    case 'move-leader':
      return immovable(world, fault)
    default:
      return null
  }
}

const NO_CONTROLLER = 'there is no active controller: one is being elected.'

function immovable(world: World, { topic, partition, to }: Extract<Fault, { type: 'move-leader' }>): string | null {
  const info = world.controller.image.topics.get(topic)?.partitions[partition]
  if (info === undefined) return `there is no partition ${topic}-${partition}.`
  if (!world.controllerUp) return NO_CONTROLLER
  if (info.addingReplicas.length + info.removingReplicas.length > 0)
    return `${topic}-${partition} is being reassigned: its leader cannot be moved meanwhile.`
  if (info.leader === to) return `broker ${to} leads ${topic}-${partition} already.`
  return info.isr.includes(to)
    ? null
    : `broker ${to} is not in sync for ${topic}-${partition}. In sync: ${info.isr.join(', ') || 'nobody'}.`
}

/** Does it; `faultProblem` must have found nothing. */
export function applyFault(world: World, fault: Fault): void {
  const node = 'node' in fault ? (world.nodes.get(fault.node) as NodeRuntime) : undefined
  switch (fault.type) {
    case 'crash':
      return endNode(world, node as NodeRuntime, { why: 'crash', unflushed: fault.unflushed ?? 'kept' })
    case 'restart':
      return restartNode(world, node as NodeRuntime)
    case 'stop':
      return stopNode(world, node as NodeRuntime)
    case 'move-leader':
      return moveLeader(world, fault.topic, fault.partition, fault.to)
    case 'pause':
      return pauseNode(world, node as NodeRuntime)
    case 'resume':
      return resumeNode(world, node as NodeRuntime)
    case 'fill-disk':
    case 'free-disk':
      return setDisk(world, (node as NodeRuntime).broker, fault.type === 'fill-disk')
    case 'disconnect':
      for (const connection of [...(node as NodeRuntime).connections])
        serverCloses(world, connection, `its connection to broker ${fault.node} was reset`)
      return
    case 'isolate': {
      const ends: LinkEnd[] = [...world.nodes.keys()].filter((id) => id !== fault.node)
      ends.push('controller')
      if (fault.clients === true) ends.push('clients')
      for (const end of ends) cut(world, fault.node, end, false)
      return
    }
    case 'cut':
      return cut(world, fault.from, fault.to, fault.oneWay === true)
    case 'slow':
      for (const [from, to] of directions(fault.from, fault.to, fault.oneWay === true)) {
        slowLink(world, from, to, fault.ms)
        note(world, { type: 'link', from, to, change: 'slow' })
      }
      return
    case 'heal':
      return heal(world, fault.from, fault.to)
    case 'crash-controller':
      return crashController(world)
  }
}

function setDisk(world: World, broker: BrokerState, full: boolean): void {
  broker.diskFull = full
  note(world, { type: 'node', node: broker.id, change: full ? 'disk-filled' : 'disk-freed' })
}

function directions(from: LinkEnd, to: LinkEnd, oneWay: boolean): readonly (readonly [LinkEnd, LinkEnd])[] {
  return oneWay
    ? [[from, to]]
    : [
        [from, to],
        [to, from],
      ]
}

function cut(world: World, a: LinkEnd, b: LinkEnd, oneWay: boolean): void {
  for (const [from, to] of directions(a, b, oneWay)) {
    if (isCut(world, from, to)) continue
    cutLink(world, from, to)
    note(world, { type: 'link', from, to, change: 'cut' })
  }
  const broker = a === 'controller' ? b : b === 'controller' ? a : null
  const node = typeof broker === 'number' ? world.nodes.get(broker) : undefined
  if (node !== undefined) reconcileSession(world, node)
}

function heal(world: World, a: LinkEnd | undefined, b: LinkEnd | undefined): void {
  const broken = faultyLinks(world).filter(
    ({ from, to }) => a === undefined || (from === a && to === b) || (from === b && to === a),
  )
  for (const { from, to } of broken) {
    if (!healLink(world, from, to)) continue
    note(world, { type: 'link', from, to, change: 'healed' })
  }
  // Each pair once, when both its ways are healed.
  const told = new Set<string>()
  for (const { from, to } of broken) {
    const pair = [String(from), String(to)].sort().join(' ')
    if (told.has(pair)) continue
    told.add(pair)
    linkHealed(world, from, to)
  }
}
