/**
 * The clients' side of the network, in process. Like TCP with Kafka on top: bytes of one connection arrive in order
 * (law K5), answers come in the order of the requests.
 */
import { stepDisconnect } from '../broker/index.ts'
import type { ClientConnection, ConnectOutcome, PendingRequest } from './connection.ts'
import { clientDelayOf, healedUntil, hold, isCut } from './links.ts'
import type { Process } from './process.ts'
import { execute } from './serving.ts'
import { reclassifySessions } from './timers.ts'
import { arm, armClientTimer, cancelTimer, type NodeRuntime, note, type Task, type World } from './world.ts'

/** What is special about a client that speaks bytes. */
export type WireEnd = Pick<ClientConnection, 'clientHost' | 'direct' | 'onEnd' | 'onOffence' | 'onServed'>

const TYPED: WireEnd = { clientHost: '/127.0.0.1', direct: false, onEnd: null, onOffence: null, onServed: null }

export function openConnection(
  world: World,
  process: Process,
  node: NodeRuntime,
  clientId: string,
  timeoutMs: number,
  onConnect: (outcome: ConnectOutcome) => void,
  wire: WireEnd = TYPED,
): ClientConnection {
  const connection: ClientConnection = {
    id: world.nextConnectionId++,
    process,
    incarnation: process.incarnation,
    clientId,
    node,
    clientHost: wire.clientHost,
    direct: wire.direct,
    onEnd: wire.onEnd,
    onOffence: wire.onOffence,
    onServed: wire.onServed,
    state: 'connecting',
    nextCorrelationId: 0,
    inFlight: [],
    lastArrivalAtNode: 0,
    lastArrivalAtClient: 0,
    busy: false,
    draining: false,
    waiting: [],
    timeoutTimer: null,
    onConnect,
  }
  process.connections.add(connection)
  const connected: Task = { type: 'connected', connection }
  if (isCut(world, 'clients', node.id) || isCut(world, node.id, 'clients')) {
    hold(world, 'clients', node.id, connected)
    const label = `${clientId} gives up connecting to broker ${node.id}`
    armClientTimer(world, process, timeoutMs, 'work', label, () => {
      if (connection.state !== 'connecting' || connection.onConnect === null) return
      connection.onConnect = null
      connection.state = 'closed'
      process.connections.delete(connection)
      onConnect('timeout')
    })
    return connection
  }
  // One round trip: the handshake.
  const roundTrip = clientDelayOf(world, wire, 'clients', node.id) + clientDelayOf(world, wire, node.id, 'clients')
  arm(world, roundTrip, 'work', connected)
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
  if (connection.state !== 'open') {
    // It closed while its process was frozen.
    request.settle?.({ type: 'closed' })
    return
  }
  connection.inFlight.push(request)
  const { id } = connection.node
  const task: Task = { type: 'request', connection, request }
  if (isCut(world, 'clients', id)) hold(world, 'clients', id, task)
  else {
    const earliest = Math.max(connection.lastArrivalAtNode, healedUntil(world, 'clients', id))
    const delay = clientDelayOf(world, connection, 'clients', id)
    const arrival = Math.max(world.now + delay, earliest)
    connection.lastArrivalAtNode = arrival
    arm(world, arrival - world.now, 'work', task)
  }
  if (connection.timeoutTimer === null && !request.noResponse && request.deadline !== Number.POSITIVE_INFINITY)
    armTimeout(world, connection, request.deadline)
}

/** An answer reached its client. */
export function responseArrived(
  world: World,
  connection: ClientConnection,
  correlationId: number,
  body: unknown,
): void {
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
  connection.onServed?.()
}

/** The client closes: what it waited for is lost to it. */
export function closeConnection(world: World, connection: ClientConnection): void {
  if (connection.state === 'closed') return
  const wasOpen = connection.state === 'open'
  detach(world, connection)
  failInFlight(world, connection)
  if (wasOpen) {
    note(world, {
      type: 'disconnect',
      client: connection.clientId,
      node: connection.node.id,
      reason: 'closed by the client',
    })
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

export function resetArrived(world: World, connection: ClientConnection, reason: string): void {
  if (connection.state !== 'open') return
  detach(world, connection)
  note(world, { type: 'disconnect', client: connection.clientId, node: connection.node.id, reason })
  execute(world, connection.node, stepDisconnect(connection.node.broker, connection.id))
  reclassifySessions(world)
  failInFlight(world, connection)
  connection.onEnd?.(reason)
}

function detach(world: World, connection: ClientConnection): void {
  connection.state = 'closed'
  world.connections.delete(connection.id)
  connection.node.connections.delete(connection)
  connection.process.connections.delete(connection)
  if (connection.timeoutTimer !== null) cancelTimer(world, connection.timeoutTimer)
  connection.timeoutTimer = null
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
  const label = `request time-out of ${connection.clientId} towards broker ${connection.node.id}`
  connection.timeoutTimer = armClientTimer(
    world,
    connection.process,
    Math.max(deadline - world.now, 0),
    'daemon',
    label,
    () => {
      connection.timeoutTimer = null
      if (connection.state !== 'open') return
      const late = connection.inFlight.filter((request) => request.deadline <= world.now && !request.noResponse)
      connection.inFlight = connection.inFlight.filter((request) => !late.includes(request))
      // Who expects no answer waits for none.
      const next = connection.inFlight.reduce(
        (least, { deadline: due, noResponse }) => (noResponse ? least : Math.min(least, due)),
        Number.POSITIVE_INFINITY,
      )
      if (next !== Number.POSITIVE_INFINITY) armTimeout(world, connection, next)
      for (const request of late) {
        const { settle } = request
        request.settle = null
        settle?.({ type: 'timeout' })
      }
    },
  )
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
