/**
 * Connections between clients and brokers, in process. Like TCP with Kafka on top: bytes of one connection arrive in
 * order (law K5), a broker handles one request of a connection at a time (SocketServer mutes the channel), answers come
 * in the order of the requests.
 */
import { stepDisconnect, stepRequest } from '../broker/index.ts'
import type { InboundRequest, RequestToken } from '../broker/state.ts'
import type { QueuedEvent } from '../kernel/index.ts'
import { API } from '../protocol/apis.ts'
import type { ApiName, RequestOf } from '../protocol/messages.ts'
import { contextOf, execute, reclassifySessions } from './nodes.ts'
import type { Process } from './process.ts'
import { arm, latency, type NodeRuntime, note, type Task, type World } from './world.ts'

export interface PendingRequest {
  readonly correlationId: number
  readonly api: ApiName
  readonly apiVersion: number
  readonly body: RequestOf<ApiName>
  readonly createdAt: number
  /** Virtual time at which the client gives up. */
  readonly deadline: number
  readonly noResponse: boolean
  /** Settled by the answer, the time-out or the end of the connection; null once settled. */
  settle: ((outcome: RequestOutcome) => void) | null
}

export type RequestOutcome =
  | { readonly type: 'answer'; readonly body: unknown }
  | { readonly type: 'closed' | 'timeout' }

export interface ClientConnection {
  readonly id: number
  readonly process: Process
  readonly incarnation: number
  readonly clientId: string
  readonly node: NodeRuntime
  state: 'connecting' | 'open' | 'closed'
  nextCorrelationId: number
  /** Sent and not settled, oldest first. */
  inFlight: PendingRequest[]
  /** Nothing arrives before what was sent earlier. */
  lastArrivalAtNode: number
  lastArrivalAtClient: number
  /** The broker works on a request of this connection; the others wait. */
  busy: boolean
  readonly waiting: PendingRequest[]
  timeoutTimer: QueuedEvent<Task> | null
  onConnect: ((outcome: 'open' | 'refused') => void) | null
}

export function openConnection(
  world: World,
  process: Process,
  node: NodeRuntime,
  clientId: string,
  onConnect: (outcome: 'open' | 'refused') => void,
): ClientConnection {
  const connection: ClientConnection = {
    id: world.nextConnectionId++,
    process,
    incarnation: process.incarnation,
    clientId,
    node,
    state: 'connecting',
    nextCorrelationId: 0,
    inFlight: [],
    lastArrivalAtNode: 0,
    lastArrivalAtClient: 0,
    busy: false,
    waiting: [],
    timeoutTimer: null,
    onConnect,
  }
  process.connections.add(connection)
  // One round trip: the handshake.
  arm(world, latency(world) + latency(world), 'work', { type: 'connected', connection })
  return connection
}

/** The handshake is over: the connection is open, or nobody listens there. */
export function connected(world: World, connection: ClientConnection): void {
  const { node, process } = connection
  const { onConnect } = connection
  if (connection.state !== 'connecting' || onConnect === null) return
  connection.onConnect = null
  if (!node.up) {
    connection.state = 'closed'
    process.connections.delete(connection)
    world.touched = true
    onConnect('refused')
    return
  }
  connection.state = 'open'
  world.connections.set(connection.id, connection)
  node.connections.add(connection)
  note(world, { type: 'connect', client: connection.clientId, node: node.id })
  world.touched = true
  onConnect('open')
}

export function sendRequest(world: World, connection: ClientConnection, request: PendingRequest): void {
  connection.inFlight.push(request)
  const arrival = Math.max(world.now + latency(world), connection.lastArrivalAtNode)
  connection.lastArrivalAtNode = arrival
  arm(world, arrival - world.now, 'work', { type: 'request', connection, request })
  if (connection.timeoutTimer === null && !request.noResponse) armTimeout(world, connection, request.deadline)
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
  const next = connection.waiting.shift()
  if (next !== undefined) serve(world, connection, next)
}

/** An answer reached its client. */
export function responseArrived(world: World, connection: ClientConnection, correlationId: number, body: unknown): void {
  if (connection.state !== 'open') return
  const { inFlight } = connection
  const first = inFlight[0]
  const request = first?.correlationId === correlationId ? inFlight.shift() : takeFrom(inFlight, correlationId)
  if (request === undefined) return
  note(world, {
    type: 'response',
    client: connection.clientId,
    node: connection.node.id,
    api: request.api,
    correlationId,
    errorCode: topLevelError(body),
  })
  world.touched = true
  const { settle } = request
  request.settle = null
  settle?.({ type: 'answer', body })
}

/** The client closes: what it waited for is lost to it. */
export function closeConnection(world: World, connection: ClientConnection): void {
  if (connection.state === 'closed') return
  const wasOpen = connection.state === 'open'
  detach(world, connection)
  failInFlight(world, connection)
  if (wasOpen) {
    note(world, { type: 'disconnect', client: connection.clientId, node: connection.node.id, reason: 'closed by the client' })
    execute(world, connection.node, stepDisconnect(connection.node.broker, connection.id))
    reclassifySessions(world)
  }
}

/** The client died: nobody is there to be told. */
export function abandonConnection(world: World, connection: ClientConnection, reason: string): void {
  if (connection.state === 'closed') return
  const wasOpen = connection.state === 'open'
  detach(world, connection)
  for (const request of connection.inFlight) request.settle = null
  connection.inFlight = []
  connection.onConnect = null
  if (wasOpen) {
    note(world, { type: 'disconnect', client: connection.clientId, node: connection.node.id, reason })
    execute(world, connection.node, stepDisconnect(connection.node.broker, connection.id))
  }
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

export function resetArrived(world: World, connection: ClientConnection, reason: string): void {
  if (connection.state !== 'open') return
  detach(world, connection)
  note(world, { type: 'disconnect', client: connection.clientId, node: connection.node.id, reason })
  execute(world, connection.node, stepDisconnect(connection.node.broker, connection.id))
  reclassifySessions(world)
  failInFlight(world, connection)
}

function detach(world: World, connection: ClientConnection): void {
  connection.state = 'closed'
  world.connections.delete(connection.id)
  connection.node.connections.delete(connection)
  connection.process.connections.delete(connection)
}

function failInFlight(world: World, connection: ClientConnection): void {
  const pending = connection.inFlight
  connection.inFlight = []
  world.touched = true
  const { onConnect } = connection
  connection.onConnect = null
  onConnect?.('refused')
  for (const request of pending) {
    const { settle } = request
    request.settle = null
    settle?.({ type: 'closed' })
  }
}

/** One timer a connection, for its oldest request: a timer a request would cost more than the request. */
function armTimeout(world: World, connection: ClientConnection, deadline: number): void {
  connection.timeoutTimer = arm(world, Math.max(deadline - world.now, 0), 'daemon', {
    type: 'client-timer',
    process: connection.process,
    label: `request time-out of ${connection.clientId} towards broker ${connection.node.id}`,
    run: () => {
      connection.timeoutTimer = null
      if (connection.state !== 'open') return
      const late = connection.inFlight.filter((request) => request.deadline <= world.now && !request.noResponse)
      connection.inFlight = connection.inFlight.filter((request) => !late.includes(request))
      const next = connection.inFlight.reduce((least, request) => Math.min(least, request.deadline), Number.POSITIVE_INFINITY)
      if (next !== Number.POSITIVE_INFINITY) armTimeout(world, connection, next)
      for (const request of late) {
        const { settle } = request
        request.settle = null
        settle?.({ type: 'timeout' })
      }
    },
  })
}

function takeFrom(inFlight: PendingRequest[], correlationId: number): PendingRequest | undefined {
  const at = inFlight.findIndex((request) => request.correlationId === correlationId)
  return at < 0 ? undefined : inFlight.splice(at, 1)[0]
}

/** For the trace: the answer's own error, or the first one inside it. */
function topLevelError(body: unknown): number {
  const { errorCode } = body as { readonly errorCode?: number }
  return errorCode ?? 0
}

export function apiKeyOf(api: ApiName): number {
  return API[api].key
}
