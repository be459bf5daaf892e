/**
 * One connection to a broker, opened on demand: requests in flight limited by `maxInFlightRequests`, client-side
 * throttling (KJ22, KIP-219), and an orderly end that waits for outstanding answers.
 */

import { API } from '../../protocol/apis.ts'
import type { ApiName, RequestOf, ResponseOf } from '../../protocol/messages.ts'
import type { ClientContext } from '../context.ts'
import { KafkaJSConnectionError } from '../errors/network.ts'
import type { EventEmitter } from '../events/emitter.ts'
import type { NetworkEventNames } from '../events/names.ts'
import { shared } from '../sync/shared.ts'
import type { Connection, NetworkRequestEvent, Timer } from '../transport.ts'
import type { Logger } from '../types/logging.ts'
import { kafkajsApiName } from './api-versions.ts'
import { translateTransportError } from './transport-errors.ts'

/** `enforceRequestTimeout: false`: the longest time a host's timer can express, 24 days. */
const NO_TIMEOUT_MS = 2 ** 31 - 1

export interface NetworkOptions {
  readonly clientId: string
  readonly connectionTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly enforceRequestTimeout: boolean
  /** Unanswered requests a connection; `null` for no limit. */
  readonly maxInFlightRequests: number | null
  readonly emitter: EventEmitter
  readonly events: NetworkEventNames
}

export interface ChannelRequestOptions {
  /** Raises the request timeout above the configured one, as long polls need it. Never lowers it. */
  readonly atLeastMs?: number
  readonly noResponse?: boolean
}

export class Channel {
  readonly #context: ClientContext
  readonly #options: NetworkOptions
  readonly #logger: Logger
  readonly #host: string
  readonly #port: number
  readonly #open: () => Promise<Connection>
  #connection: Connection | undefined
  #inFlight = 0
  #throttledUntil = -1
  #throttleTimer: Timer | undefined
  readonly #waiting: (() => void)[] = []
  /** Requests let out of the queue that have not been sent yet: they resume a moment later. */
  #admitted = 0
  readonly #onDrained: (() => void)[] = []

  constructor(context: ClientContext, options: NetworkOptions, host: string, port: number) {
    this.#context = context
    this.#options = options
    this.#logger = context.rootLogger.namespace('Connection')
    this.#host = host
    this.#port = port
    this.#open = shared(() => this.#connect())
  }

  get isOpen(): boolean {
    return this.#connection?.isOpen ?? false
  }

  async open(): Promise<void> {
    if (!this.isOpen) await this.#open()
  }

  async #connect(): Promise<Connection> {
    const { clientId, connectionTimeoutMs, requestTimeoutMs, emitter, events } = this.#options
    const named = (event: NetworkRequestEvent) => ({ ...event, apiName: kafkajsApiName(event.apiName) })
    try {
      const connection = await this.#context.transport.connect(this.#host, this.#port, {
        clientId,
        connectionTimeoutMs,
        requestTimeoutMs,
        onRequest: (event) => {
          if (emitter.hasListeners(events.REQUEST)) emitter.emit(events.REQUEST, named(event))
        },
        onRequestTimeout: (event) => {
          if (emitter.hasListeners(events.REQUEST_TIMEOUT)) emitter.emit(events.REQUEST_TIMEOUT, named(event))
        },
      })
      this.#connection = connection
      return connection
    } catch (error) {
      const translated = translateTransportError(error, clientId)
      if (translated instanceof Error) {
        this.#logger.error(translated.message, {
          broker: `${this.#host}:${this.#port}`,
          clientId,
          stack: translated.stack,
        })
      }
      throw translated
    }
  }

  async request<A extends ApiName>(
    api: A,
    version: number,
    body: RequestOf<A>,
    { atLeastMs = 0, noResponse = false }: ChannelRequestOptions = {},
  ): Promise<ResponseOf<A>> {
    if (!this.isOpen) await this.#open()
    if (this.#waiting.length > 0 || !this.#hasRoom()) {
      await this.#turn()
      this.#admitted -= 1
    }
    const connection = this.#connection
    if (connection === undefined || !connection.isOpen) {
      this.#release()
      throw new KafkaJSConnectionError('Not connected', { broker: `${this.#host}:${this.#port}` })
    }

    const { enforceRequestTimeout, requestTimeoutMs, clientId } = this.#options
    const timeoutMs = enforceRequestTimeout ? Math.max(requestTimeoutMs, atLeastMs) : NO_TIMEOUT_MS
    this.#inFlight += 1
    try {
      const response = await connection.request(
        api,
        version,
        body,
        noResponse ? { timeoutMs, noResponse } : { timeoutMs },
      )
      if (!noResponse) this.#throttle(response)
      return response
    } catch (error) {
      throw translateTransportError(error, clientId)
    } finally {
      this.#inFlight -= 1
      this.#release()
    }
  }

  /** Waits for outstanding answers, then ends the connection. The channel can be opened again afterwards. */
  async close(): Promise<void> {
    if (!this.#isIdle()) {
      await new Promise<void>((resolve) => this.#onDrained.push(resolve))
    }
    this.#throttleTimer?.cancel()
    this.#throttleTimer = undefined
    this.#connection?.close()
    this.#connection = undefined
  }

  /** Logs an answer that carries an error code. */
  logError(api: ApiName, version: number, message: string): void {
    const { key } = API[api]
    this.#logger.error(`Response ${kafkajsApiName(api)}(key: ${key}, version: ${version})`, {
      broker: `${this.#host}:${this.#port}`,
      clientId: this.#options.clientId,
      error: message,
    })
  }

  #hasRoom(): boolean {
    const { maxInFlightRequests } = this.#options
    if (maxInFlightRequests != null && this.#inFlight + this.#admitted >= maxInFlightRequests) return false
    return this.#throttledUntil < 0 || this.#throttledUntil <= this.#context.transport.now()
  }

  #isIdle(): boolean {
    return this.#inFlight === 0 && this.#admitted === 0 && this.#waiting.length === 0
  }

  #turn(): Promise<void> {
    return new Promise<void>((resolve) => {
      this.#waiting.push(resolve)
      this.#queueSizeChanged()
      this.#watchThrottle()
    })
  }

  #release(): void {
    while (this.#waiting.length > 0 && this.#hasRoom()) {
      this.#admitted += 1
      this.#waiting.shift()?.()
      this.#queueSizeChanged()
    }
    this.#watchThrottle()
    if (this.#isIdle() && this.#onDrained.length > 0) {
      for (const drained of this.#onDrained.splice(0)) drained()
    }
  }

  #throttle(response: unknown): void {
    const wait = (response as { throttleTimeMs?: unknown }).throttleTimeMs
    if (typeof wait === 'number' && wait > 0) {
      this.#throttledUntil = Math.max(this.#throttledUntil, this.#context.transport.now() + wait)
    }
  }

  #watchThrottle(): void {
    if (this.#waiting.length === 0 || this.#throttleTimer !== undefined) return
    const { transport } = this.#context
    const left = this.#throttledUntil - transport.now()
    if (left <= 0) return
    this.#throttleTimer = transport.timer(left, 'loop', () => {
      this.#throttleTimer = undefined
      this.#release()
    })
  }

  #queueSizeChanged(): void {
    const { emitter, events, clientId } = this.#options
    emitter.emit(events.REQUEST_QUEUE_SIZE, {
      broker: `${this.#host}:${this.#port}`,
      clientId,
      queueSize: this.#waiting.length,
    })
  }
}
