/**
 * A client that speaks bytes. What it sends becomes the same requests as the own client's, over the same connections of the
 * simulated network, and what the brokers answer becomes bytes again: a fault, a law or a trace does not see the difference.
 */

import { isServed } from '../../broker/index.ts'
import { API, apiByKey } from '../../protocol/apis.ts'
import {
  type DecodedRequest,
  DecodeError,
  decodeRequest,
  EncodeError,
  encodeResponseFrame,
  FrameSplitter,
} from '../../protocol/codec.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { makeApiVersionsRequest } from '../../protocol/make.ts'
import type { ApiName, ApiVersionsResponse, RequestOf } from '../../protocol/messages.ts'
import type { ClientConnection, PendingRequest } from '../connection.ts'
import { closeConnection, openConnection, sendRequest } from '../network.ts'
import { act, type Process } from '../process.ts'
import type { Pump } from '../pump.ts'
import { answerTaken } from '../serving.ts'
import type { NodeRuntime, World } from '../world.ts'
import { type Addresses, advertise } from './advertise.ts'
import { awaitAnswer } from './awaited.ts'
import { strangerByApi, strangerByBytes } from './strangers.ts'

/** The client's end: told what happens, in events of the cluster, never inside `receive`. */
export interface WireClient {
  opened(): void
  /** Nobody listens there, nobody answers within `connectTimeoutMs`, or there is no such place. */
  refused(why: 'refused' | 'timeout' | 'unknown-host'): void
  /** One answer: a whole frame, its length first. */
  answer(frame: Uint8Array): void
  /** The broker closed the connection, or it is gone. `why` is for people. */
  ended(why: string): void
  /** Too many requests wait (`true`): hand in no more bytes until told so (`false`). */
  hold(holding: boolean): void
}

export interface WireConnection {
  /** Bytes of the client. They are kept, not copied, and must not be changed. */
  receive(bytes: Uint8Array): void
  /** The client does not read what it is answered: it gets no more answers, and of its requests none are served, until it does. */
  unread(unread: boolean): void
  /** The client closes: nothing more is told to it. */
  close(): void
}

export interface WireOptions {
  /** For the trace, until the first request says who it is. */
  readonly name: string
  /** As brokers show it in group descriptions; `/127.0.0.1`. */
  readonly clientHost: string
  /** The bytes come in real time: ours adds no latency to it. Cuts and slow links hold all the same. */
  readonly direct: boolean
  /** Where brokers are, as this client reaches them; null = as the cluster says. */
  readonly advertised: Addresses | null
  readonly connectTimeoutMs: number
  /** One line about a client that was cut off. */
  readonly log: (line: string) => void
}

const KEEP_BAD = { keepBadBatches: true } as const

/** So many requests of one connection may be under way; the rest stays in the socket (SocketServer mutes the channel). */
const MOST_UNDER_WAY = 32

export function openWire(
  world: World,
  pump: Pump,
  process: Process,
  node: NodeRuntime,
  client: WireClient,
  options: WireOptions,
): WireConnection {
  pump.enter('a socket')
  const splitter = new FrameSplitter(Number(node.broker.config['socket.request.max.bytes']))
  /** The stream's first four bytes. */
  const first: number[] = []
  let framed = false
  let underWay = 0
  let holding = false
  let unread = false
  let over = false
  /** Answers that came over a slow link while nobody read: as bytes they would cost memory. */
  const unsent: (() => void)[] = []

  const end = (why: string) => {
    if (over) return
    over = true
    world.wires.delete(drop)
    client.ended(why)
  }
  const drop = () => end('the cluster has ended')
  world.wires.add(drop)

  const connection: ClientConnection = openConnection(
    world,
    process,
    node,
    options.name,
    options.connectTimeoutMs,
    (outcome) => {
      if (over) return
      if (outcome === 'open') return client.opened()
      over = true
      world.wires.delete(drop)
      client.refused(outcome)
    },
    {
      clientHost: options.clientHost,
      direct: options.direct,
      onEnd: end,
      onOffence: (what) =>
        options.log(
          `broker ${node.id} closed the connection of ${connection.clientId || 'a client without an id'} (${options.clientHost.slice(1)}): ${what}`,
        ),
      onServed: () => {
        underWay -= 1
        if (!unread) answerTaken(world, connection)
        takeFrames()
      },
    },
  )
  pump.wake()

  return {
    receive(bytes) {
      if (over || world.disposed) return
      pump.enter('a socket')
      if (first.length < 4) first.push(...bytes.subarray(0, 4 - first.length))
      splitter.push(bytes)
      takeFrames()
      pump.wake()
    },
    unread(now) {
      if (unread === now || over || world.disposed) return
      unread = now
      if (now) return
      pump.enter('a socket')
      while (!unread && !over && unsent.length > 0) unsent.shift()?.()
      if (!unread) answerTaken(world, connection)
      takeFrames()
      pump.wake()
    },
    close() {
      if (over) return
      over = true
      world.wires.delete(drop)
      if (world.disposed) return
      pump.enter('a socket')
      act(process, () => closeConnection(world, connection))
      pump.wake()
    },
  }

  function takeFrames(): void {
    while (!over && !unread && underWay < MOST_UNDER_WAY) {
      const request = nextRequest()
      if (request === null) break
      underWay += 1
      act(process, () => sendRequest(world, connection, request))
    }
    const full = unread || underWay >= MOST_UNDER_WAY
    if (over || full === holding) return
    holding = full
    client.hold(full)
  }

  function nextRequest(): PendingRequest | null {
    try {
      const frame = splitter.next()
      if (frame === null) return null
      framed = true
      return toRequest(decodeRequest(frame, KEEP_BAD))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return unreadable(error)
    }
  }

  function toRequest({ api, apiVersion, correlationId, clientId, body }: DecodedRequest): PendingRequest {
    const noResponse = api === 'Produce' && body.acks === 0
    connection.clientId = clientId ?? ''
    if (api === 'ApiVersions' && !isServed(node.broker.offer, api, apiVersion)) return versionsNotOffered(correlationId)
    return pending(api, apiVersion, body, noResponse, (answer) =>
      encodeResponseFrame(api, apiVersion, correlationId, advertise(api, answer as never, options.advertised)),
    )
  }

  /** What cannot be read still has its turn: it is answered, or the connection closed, behind what came before it. */
  function unreadable(error: DecodeError): PendingRequest {
    const { header } = error
    const info = header === undefined ? undefined : apiByKey(header.apiKey)
    if (header !== undefined && info?.name === 'ApiVersions' && error.code === 'UNSUPPORTED_VERSION') {
      connection.clientId = header.clientId ?? ''
      return versionsNotOffered(header.correlationId)
    }
    const stranger = header === undefined ? (framed ? null : strangerByBytes(first)) : strangerByApi(header.apiKey)
    if (stranger !== null && header !== undefined) connection.clientId = header.clientId ?? ''
    const what = header === undefined ? 'a frame' : `${info?.name ?? `API ${header.apiKey}`} v${header.apiVersion}`
    const request = pending('ApiVersions', 0, makeApiVersionsRequest(), true, null)
    return { ...request, unreadable: stranger ?? `${what} that cannot be read: ${error.message}` }
  }

  /** KIP-511: in version 0, and with the versions of this API only (ApiVersionsRequest.getErrorResponse). */
  function versionsNotOffered(correlationId: number): PendingRequest {
    return pending('ApiVersions', 0, makeApiVersionsRequest(), false, (answer) => {
      const { apiKeys } = answer as ApiVersionsResponse
      return encodeResponseFrame('ApiVersions', 0, correlationId, {
        ...(answer as ApiVersionsResponse),
        errorCode: ErrorCode.UNSUPPORTED_VERSION,
        apiKeys: apiKeys.filter(({ apiKey }) => apiKey === API.ApiVersions.key),
      })
    })
  }

  function pending<A extends ApiName>(
    api: A,
    apiVersion: number,
    body: RequestOf<A>,
    noResponse: boolean,
    encode: ((answer: unknown) => Uint8Array) | null,
  ): PendingRequest {
    const awaited = world.controlsProgram && !noResponse ? awaitAnswer(world, connection, api, body) : null
    return {
      // Not the client's: it may use one twice, and brokers know requests by it.
      correlationId: connection.nextCorrelationId++,
      api,
      apiVersion,
      body: body as RequestOf<ApiName>,
      createdAt: world.now,
      // How long it waits is for the client to decide.
      deadline: Number.POSITIVE_INFINITY,
      noResponse,
      settle:
        noResponse || encode === null
          ? null
          : (outcome) => {
              awaited?.()
              if (over || outcome.type !== 'answer') return
              const send = () => answered(api, apiVersion, () => encode(outcome.body))
              if (unread) unsent.push(send)
              else send()
            },
    }
  }

  /** An answer that has no form in its version is ours to mend; the client gets what an unwell broker gives it. */
  function answered(api: ApiName, apiVersion: number, encode: () => Uint8Array): void {
    let frame: Uint8Array
    try {
      frame = encode()
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error
      const why = `kafkarium has an answer to ${api} v${apiVersion} that does not fit it, which is a defect of kafkarium: ${error.message}`
      options.log(`broker ${node.id} closed the connection of ${connection.clientId}: ${why}`)
      closeConnection(world, connection)
      end(why)
      return
    }
    client.answer(frame)
  }
}
