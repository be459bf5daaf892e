/** The client's `Transport` over the simulated world, one a process incarnation. */
import { recordHandler } from '../kernel/index.ts'
import { API } from '../protocol/apis.ts'
import type { ApiName, RequestOf, ResponseOf } from '../protocol/messages.ts'
import type { ClientRecorder } from '../protocol/recorder.ts'
import type {
  Call,
  ClientFact,
  Connection,
  ConnectOptions,
  NetworkRequestEvent,
  RequestOptions,
  Timer,
  TimerKind,
  Transport,
  TransportError,
} from '../protocol/transport.ts'
import type { ClientConnection, PendingRequest } from './connection.ts'
import { closeConnection, openConnection, sendRequest } from './network.ts'
import { act, type Busy, type Process } from './process.ts'
import type { Pump } from './pump.ts'
import { reclassifyGroup } from './timers.ts'
import { armClientTimer, cancelTimer, type NodeRuntime, nextCounter, note, type OpenCall, type World } from './world.ts'

const NEVER = new Promise<never>(() => {})

/** `clientId` names the client in the trace for facts that are not bound to a connection; `recorder` records for it. */
export function createTransport(
  world: World,
  pump: Pump,
  process: Process,
  clientId: string,
  incarnation: number = process.incarnation,
  recorder?: ClientRecorder,
): Transport {
  world.owners.add(process)
  const alive = () => process.incarnation === incarnation && (process.state === 'running' || process.state === 'frozen')

  return {
    recorder,

    now: () => {
      // While a handler runs the pump rests; the wall does not.
      if (world.mode === 'wall' && !world.disposed) pump.enter('now')
      return world.now
    },

    choose: (site, n) => (world.seeded ? world.chooser.choose(site, n) : 0),

    nextId: (counter) => nextCounter(world, counter),

    connect(host, port, options) {
      if (world.disposed || !alive()) return NEVER
      pump.enter('connect')
      return connect(world, pump, process, alive, host, port, options)
    },

    timer(delayMs, kind, run): Timer {
      if (world.disposed || !alive()) return { cancel: () => {} }
      pump.enter('a timer')
      const delay = Math.max(Math.ceil(delayMs), 0)
      const task = armClientTimer(world, process, delay, kind satisfies TimerKind, `a timer of ${clientId}`, () => {
        process.timers.delete(task)
        if (alive()) run()
      })
      process.timers.add(task)
      pump.wake()
      return {
        cancel() {
          process.timers.delete(task)
          cancelTimer(world, task)
        },
      }
    },

    begin(label, onDeadline): Call {
      // A disposed cluster says so; a dead process says nothing.
      if (!world.disposed && !alive()) return { waitsForUser: () => {}, end: () => {} }
      pump.enter(label)
      const call: OpenCall = {
        label: `${clientId}: ${label}`,
        process,
        since: world.now,
        deadline: world.now + world.deadlineMs,
        waitsForUser: false,
        onDeadline: onDeadline ?? null,
      }
      world.calls.add(call)
      process.calls.add(call)
      world.lastProgress = world.now
      pump.wake()
      return {
        waitsForUser(waiting) {
          call.waitsForUser = waiting
          if (!waiting) pump.wake()
        },
        end() {
          if (!world.calls.delete(call)) return
          process.calls.delete(call)
          world.lastProgress = world.now
        },
      }
    },

    note(fact) {
      if (alive() && !world.disposed) noteClientFact(world, pump, process, clientId, fact)
    },
  }
}

function noteClientFact(world: World, pump: Pump, process: Process, client: string, fact: ClientFact): void {
  if (fact.type === 'client.crash') {
    note(world, {
      type: 'consumer.crash',
      client,
      group: fact.groupId,
      member: fact.memberId,
      error: fact.error,
      restart: fact.restart,
    })
    return
  }
  const { type, groupId, memberId, topic, partition, firstOffset, lastOffset } = fact
  let busy = process.busy.get(groupId)
  if (busy === undefined) {
    busy = { handlers: 0, topic, partition, offset: firstOffset, highest: new Map() }
    process.busy.set(groupId, busy)
  }
  if (type === 'handler.start') {
    if (isProgress(busy, topic, partition, lastOffset)) world.lastProgress = world.now
    busy.handlers += 1
    busy.topic = topic
    busy.partition = partition
    busy.offset = firstOffset
    process.handlers += 1
  } else if (busy.handlers > 0) {
    busy.handlers -= 1
    process.handlers -= 1
  }
  if (type === 'handler.error') {
    const error = fact.error ?? ''
    note(world, { type, client, group: groupId, member: memberId, topic, partition, firstOffset, lastOffset, error })
  } else
    recordHandler(world.trace, world.now, type, client, groupId, memberId, topic, partition, firstOffset, lastOffset)
  if (world.groupTimers.size > 0) reclassifyGroup(world, groupId)
  // What waited for the handler may go on now.
  if (type !== 'handler.start') pump.handlerEnded()
}

/** The same record again is none: a poison message must not keep time moving for ever. */
function isProgress(busy: Busy, topic: string, partition: number, offset: number): boolean {
  let partitions = busy.highest.get(topic)
  if (partitions === undefined) {
    partitions = []
    busy.highest.set(topic, partitions)
  }
  const highest = partitions[partition]
  if (highest !== undefined && offset <= highest) return false
  partitions[partition] = offset
  return true
}

function connect(
  world: World,
  pump: Pump,
  process: Process,
  alive: () => boolean,
  host: string,
  port: number,
  options: ConnectOptions,
): Promise<Connection> {
  const node = findNode(world, host, port)
  return new Promise((resolve, reject) => {
    const refuse = () => {
      if (!alive()) return
      const name = node === undefined ? 'ENOTFOUND' : 'ECONNREFUSED'
      const what = node === undefined ? `getaddrinfo ENOTFOUND ${host}` : `connect ECONNREFUSED ${host}:${port}`
      reject(transportError('refused', what, host, port, { code: name }))
    }
    if (node === undefined) {
      armClientTimer(world, process, 1, 'work', `${options.clientId} looks for ${host}:${port}`, refuse)
    } else {
      act(process, () => {
        const { clientId, connectionTimeoutMs } = options
        const connection = openConnection(world, process, node, clientId, connectionTimeoutMs, (outcome) => {
          if (!alive()) return
          if (outcome === 'refused') refuse()
          else if (outcome === 'timeout')
            reject(transportError('connect-timeout', 'Connection timeout', host, port, {}))
          else resolve(connectionHandle(world, pump, connection, alive, options))
        })
      })
    }
    pump.wake()
  })
}

/** The broker at an address; as 127.0.0.1 every broker is at home. */
export function findNode(world: World, host: string, port: number): NodeRuntime | undefined {
  for (const node of world.nodes.values()) {
    if (node.port === port && (node.host === host || host === '127.0.0.1')) return node
  }
  return undefined
}

function connectionHandle(
  world: World,
  pump: Pump,
  connection: ClientConnection,
  alive: () => boolean,
  options: ConnectOptions,
): Connection {
  const { node } = connection
  const broker = `${node.host}:${node.port}`
  const { clientId, onRequest, onRequestTimeout } = options

  return {
    host: node.host,
    port: node.port,
    get isOpen() {
      return connection.state === 'open'
    },
    close() {
      if (alive() && !world.disposed) act(connection.process, () => closeConnection(world, connection))
    },
    request<A extends ApiName>(
      api: A,
      apiVersion: number,
      body: RequestOf<A>,
      requestOptions?: RequestOptions,
    ): Promise<ResponseOf<A>> {
      if (world.disposed || !alive()) return NEVER
      pump.enter(api)
      const createdAt = world.now
      const noResponse = requestOptions?.noResponse === true
      const correlationId = connection.nextCorrelationId++
      const info = { createdAt, correlationId, api, apiVersion }
      if (connection.state !== 'open') {
        return Promise.reject(requestError('closed', 'Closed connection', connection, info))
      }
      const event = (duration?: number): NetworkRequestEvent => {
        const base = {
          broker,
          clientId,
          correlationId,
          apiKey: API[api].key,
          apiName: api,
          apiVersion,
          createdAt,
          sentAt: createdAt,
          pendingDuration: 0,
        }
        return duration === undefined ? base : { ...base, duration, size: 0 }
      }
      return new Promise<ResponseOf<A>>((resolve, reject) => {
        const request: PendingRequest = {
          correlationId,
          api,
          apiVersion,
          body: body as RequestOf<ApiName>,
          createdAt,
          deadline: createdAt + (requestOptions?.timeoutMs ?? options.requestTimeoutMs),
          noResponse,
          settle: noResponse
            ? null
            : (outcome) => {
                if (!alive()) return
                if (outcome.type === 'answer') {
                  onRequest?.(event(world.now - createdAt))
                  resolve(outcome.body as ResponseOf<A>)
                } else if (outcome.type === 'timeout') {
                  onRequestTimeout?.(event())
                  reject(
                    requestError(
                      'timeout',
                      `Request ${api}(key: ${API[api].key}, version: ${apiVersion}) timed out`,
                      connection,
                      info,
                    ),
                  )
                } else reject(requestError('closed', 'Closed connection', connection, info))
              },
        }
        act(connection.process, () => sendRequest(world, connection, request))
        // Written is all there is: nobody will answer.
        if (noResponse) resolve(undefined as unknown as ResponseOf<A>)
        pump.wake()
      })
    },
  }
}

function requestError(
  kind: 'closed' | 'timeout',
  message: string,
  connection: ClientConnection,
  info: {
    readonly createdAt: number
    readonly correlationId: number
    readonly api: ApiName
    readonly apiVersion: number
  },
): TransportError {
  const { node } = connection
  return transportError(kind, message, node.host, node.port, {
    ...(kind === 'closed' ? { code: 'ECONNRESET' } : {}),
    correlationId: info.correlationId,
    createdAt: info.createdAt,
    sentAt: info.createdAt,
    apiName: info.api,
    apiKey: API[info.api].key,
    apiVersion: info.apiVersion,
  })
}

function transportError(
  transport: TransportError['transport'],
  message: string,
  host: string,
  port: number,
  more: Partial<TransportError>,
): TransportError {
  return Object.assign(new Error(message), { transport, host, port, ...more })
}
