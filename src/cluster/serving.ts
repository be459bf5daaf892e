/**
 * Serving: a broker works on requests and its decisions are carried out. A broker handles one request of a connection at
 * a time (SocketServer mutes the channel), so an answer lets the next request in; that is why these stand together.
 */
import { type Context, type Decision, stepRequest } from '../broker/index.ts'
import type { PeerMessage } from '../broker/replication/messages.ts'
import type { InboundRequest, RequestToken } from '../broker/request.ts'
import type { ApiName, RequestOf } from '../protocol/messages.ts'
import type { ClientConnection, PendingRequest } from './connection.ts'
import { forgetTouched } from './laws.ts'
import { setTimer } from './timers.ts'
import { arm, freshMemberUuid, freshUuid, latency, type NodeRuntime, note, type World } from './world.ts'

const contexts = new WeakMap<World, { -readonly [K in keyof Context]: Context[K] }>()

/** What a broker may ask of the world; one object a world, its time brought up to date. */
export function contextOf(world: World): Context {
  let context = contexts.get(world)
  if (context === undefined) {
    context = {
      now: world.now,
      uuid: () => freshUuid(world),
      memberUuid: () => freshMemberUuid(world),
      decompress: (code, section) => decompressed(world, code, section),
    }
    contexts.set(world, context)
  }
  context.now = world.now
  return context
}

/** Null for a codec this host has not got. */
function decompressed(world: World, code: number, section: Uint8Array): Uint8Array | null {
  try {
    return world.host.decompress(code, section)
  } catch {
    return null
  }
}

/** Carries out what a broker decided, in the order facts, timers, messages, answers. */
export function execute(world: World, node: NodeRuntime, decision: Decision): void {
  if (!world.checksLaws) forgetTouched(node.broker)
  for (const fact of decision.facts) note(world, fact)
  for (const change of decision.timers) setTimer(world, node, change)
  for (const forwarded of decision.forwards) {
    arm(world, latency(world), 'work', { type: 'to-controller', node: node.id, forwarded })
  }
  for (const { to, message } of decision.sends) sendPeer(world, node, to, message)
  for (const reply of decision.replies) answer(world, reply.token, reply.body)
}

/** Brokers talk over links of their own: in order, and not at all while a link is cut. */
function sendPeer(world: World, node: NodeRuntime, to: number | 'controller', message: PeerMessage): void {
  if (to === 'controller') {
    if (message.type === 'alter-partition')
      arm(world, latency(world), 'work', { type: 'alter-partition', from: node.id, message })
    return
  }
  if (world.cuts.has(linkName(node.id, to))) return
  const arrival = Math.max(world.now + latency(world), node.lastPeerArrival.get(to) ?? 0)
  node.lastPeerArrival.set(to, arrival)
  arm(world, arrival - world.now, 'work', { type: 'peer', from: node.id, to, message })
}

export function linkName(a: number, b: number): string {
  return a < b ? `${a}-${b}` : `${b}-${a}`
}

/** A request reached its broker. */
export function requestArrived(world: World, connection: ClientConnection, request: PendingRequest): void {
  if (connection.state !== 'open') return
  if (connection.busy) {
    connection.waiting.push(request)
    return
  }
  serve(world, connection, request)
}

function serve(world: World, connection: ClientConnection, request: PendingRequest): void {
  const { node } = connection
  connection.busy = true
  note(world, {
    type: 'request',
    client: connection.clientId,
    node: node.id,
    api: request.api,
    version: request.apiVersion,
    correlationId: request.correlationId,
  })
  const inbound: InboundRequest<RequestOf<ApiName>> = {
    connection: connection.id,
    correlationId: request.correlationId,
    api: request.api,
    apiVersion: request.apiVersion,
    clientId: connection.clientId,
    clientHost: '/127.0.0.1',
    body: request.body,
  }
  execute(world, node, stepRequest(node.broker, inbound, contextOf(world)))
}

/** A broker answers: `undefined` = no answer is owed, `null` = it closes the connection. */
export function answer(world: World, token: RequestToken, body: unknown): void {
  const connection = world.connections.get(token.connection)
  if (connection === undefined || connection.state !== 'open') return
  if (body === null) {
    serverCloses(world, connection, `the broker refused ${token.api} v${token.apiVersion}`)
    return
  }
  if (body === undefined) {
    const at = connection.inFlight.findIndex(({ correlationId }) => correlationId === token.correlationId)
    if (at >= 0) connection.inFlight.splice(at, 1)
  } else {
    const arrival = Math.max(world.now + latency(world), connection.lastArrivalAtClient)
    connection.lastArrivalAtClient = arrival
    arm(world, arrival - world.now, 'work', { type: 'response', connection, correlationId: token.correlationId, body })
  }
  connection.busy = false
  // A loop: an answer that came at once would otherwise nest, once a request.
  if (connection.draining) return
  connection.draining = true
  while (!connection.busy && connection.state === 'open') {
    const next = connection.waiting.shift()
    if (next === undefined) break
    serve(world, connection, next)
  }
  connection.draining = false
}

/** The broker's side ends the connection (or died): the client learns it one way later. */
export function serverCloses(world: World, connection: ClientConnection, reason: string): void {
  const { node } = connection
  connection.busy = true
  connection.waiting.length = 0
  node.connections.delete(connection)
  const arrival = Math.max(world.now + latency(world), connection.lastArrivalAtClient)
  connection.lastArrivalAtClient = arrival
  arm(world, arrival - world.now, 'work', { type: 'reset', connection, reason })
}
