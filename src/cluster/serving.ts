/**
 * Serving: a broker works on requests and its decisions are carried out. A broker handles one request of a connection at
 * a time (SocketServer mutes the channel), so an answer lets the next request in; that is why these stand together.
 */
import { type Context, type Decision, stepRequest, whyNotServed } from '../broker/index.ts'
import type { PeerMessage } from '../broker/replication/messages.ts'
import type { InboundRequest, RequestToken } from '../broker/request.ts'
import type { ApiName, FetchRequest, ProduceRequest, RequestOf } from '../protocol/messages.ts'
import type { ClientConnection, PendingRequest } from './connection.ts'
import { rememberGeneration } from './generations.ts'
import { checkAnswer, rememberFetch, rememberProduce } from './laws/answer-laws.ts'
import { checkDecision } from './laws/index.ts'
import { clientDelayOf, healedUntil, hold, isCut, transmit } from './links.ts'
import { setTimer } from './timers.ts'
import { arm, freshMemberUuid, freshUuid, type NodeRuntime, note, type Task, type World } from './world.ts'

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
      ...(world.host.compress === undefined ? {} : { compress: world.host.compress }),
      rewrote: (before, after) => world.onRewritten?.(before, after),
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
  if (world.checksLaws) checkDecision(world, node, decision.facts)
  for (const fact of decision.facts) {
    note(world, fact)
    rememberGeneration(world, fact)
  }
  if (decision.halt) {
    // Not here: a broker's end closes connections, which is serving again.
    arm(world, 0, 'work', { type: 'halt', node: node.id, incarnation: node.incarnation })
    return
  }
  for (const change of decision.timers) setTimer(world, node, change)
  for (const forwarded of decision.forwards) {
    transmit(world, node.id, 'controller', { type: 'to-controller', node: node.id, forwarded })
  }
  for (const { to, message } of decision.sends) sendPeer(world, node, to, message)
  for (const reply of decision.replies) answer(world, reply.token, reply.body)
}

function sendPeer(world: World, node: NodeRuntime, to: number | 'controller', message: PeerMessage): void {
  if (to === 'controller') {
    if (message.type === 'alter-partition')
      transmit(world, node.id, 'controller', { type: 'alter-partition', from: node.id, message })
    else if (message.type === 'allocate-producer-ids') {
      const { id: from, incarnation } = node
      transmit(world, from, 'controller', { type: 'allocate-producer-ids', from, incarnation, message })
    }
    return
  }
  const incarnation = world.nodes.get(to)?.incarnation ?? 0
  transmit(world, node.id, to, { type: 'peer', from: node.id, to, incarnation, message })
}

/** A request reached its broker. */
export function requestArrived(world: World, connection: ClientConnection, request: PendingRequest): void {
  if (connection.state !== 'open') return
  if (connection.waiting[0] === request) {
    // It has waited since the answer before it; `answerTaken` called it.
    connection.busy = false
    serveWaiting(world, connection)
    return
  }
  if (connection.busy) {
    connection.waiting.push(request)
    return
  }
  serve(world, connection, request)
}

/** Connections whose last answer has not left yet: their next request waits (SocketServer mutes until the response is sent). */
const muted = new WeakSet<ClientConnection>()

/** A client of bytes has been handed its answer and reads: the next request may come. */
export function answerTaken(world: World, connection: ClientConnection): void {
  if (!muted.delete(connection) || connection.state !== 'open') return
  const request = connection.waiting[0]
  // As an event: the broker may be paused.
  if (request === undefined) connection.busy = false
  else arm(world, 0, 'work', { type: 'request', connection, request })
}

function serve(world: World, connection: ClientConnection, request: PendingRequest): void {
  const { node } = connection
  connection.busy = true
  if (request.unreadable !== undefined) {
    connection.onOffence?.(request.unreadable)
    serverCloses(world, connection, request.unreadable)
    return
  }
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
    clientHost: connection.clientHost,
    body: request.body,
  }
  if (world.checksLaws && request.api === 'Produce')
    rememberProduce(world, node, inbound, request.body as ProduceRequest)
  if (world.checksLaws && request.api === 'Fetch') rememberFetch(world, inbound, request.body as FetchRequest)
  execute(world, node, stepRequest(node.broker, inbound, contextOf(world)))
}

/** A broker answers: `undefined` = no answer is owed, `null` = it closes the connection. */
export function answer(world: World, token: RequestToken, body: unknown): void {
  const connection = world.connections.get(token.connection)
  if (connection === undefined || connection.state !== 'open') return
  if (world.checksLaws) checkAnswer(world, connection.node, token, body)
  if (body === null) {
    const reason = `the broker refused ${token.api} v${token.apiVersion}`
    const why = whyNotServed(connection.node.broker.offer, token.api, token.apiVersion)
    connection.onOffence?.(why === '' ? reason : `${reason}: ${why}`)
    serverCloses(world, connection, reason)
    return
  }
  if (body === undefined) {
    const at = connection.inFlight.findIndex(({ correlationId }) => correlationId === token.correlationId)
    if (at >= 0) connection.inFlight.splice(at, 1)
    connection.onServed?.()
  } else {
    const { correlationId } = token
    // What is slow or cut off is in a socket's buffer meanwhile, and mutes nobody.
    if (toClient(world, connection, { type: 'response', connection, correlationId, body }) && connection.direct) {
      muted.add(connection)
      return
    }
  }
  connection.busy = false
  serveWaiting(world, connection)
}

function serveWaiting(world: World, connection: ClientConnection): void {
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
  muted.delete(connection)
  connection.waiting.length = 0
  node.connections.delete(connection)
  toClient(world, connection, { type: 'reset', connection, reason })
}

/** Sends towards a client: behind what is under way to it. True when it is there at once. */
function toClient(world: World, connection: ClientConnection, task: Task): boolean {
  const { id } = connection.node
  if (isCut(world, id, 'clients')) {
    hold(world, id, 'clients', task)
    return false
  }
  const earliest = Math.max(connection.lastArrivalAtClient, healedUntil(world, id, 'clients'))
  const arrival = Math.max(world.now + clientDelayOf(world, connection, id, 'clients'), earliest)
  connection.lastArrivalAtClient = arrival
  arm(world, arrival - world.now, 'work', task)
  return arrival === world.now
}
