/**
 * How typed requests travel: the client's view of the network, virtual time and chance. It stands with the messages
 * because both ends know it: `cluster` implements it over the simulated world, `client` uses nothing else.
 */
import type { ApiName, RequestOf, ResponseOf } from './messages.ts'
import type { ClientRecorder } from './recorder.ts'

/**
 * How virtual time treats a timer (mode `auto`).
 *
 * - `work`: somebody waits for it; time moves to it.
 * - `loop`: a back-off or restart in the background; time moves to it within `patience`.
 * - `daemon`: it merely ticks (long-poll sleeps, metadata age, heartbeats of the living); time does not move for it.
 */
export type TimerKind = 'work' | 'loop' | 'daemon'

export interface Timer {
  cancel(): void
}

/** An outstanding call of the public API: while one is open and not waiting for user code, virtual time moves. */
export interface Call {
  /** `true` while the call waits for USER code (stop waiting for a running handler): it then no longer moves time. */
  waitsForUser(waiting: boolean): void
  /** Ends the call. Calling it twice is harmless. */
  end(): void
}

export interface RequestOptions {
  /** Virtual milliseconds until the request fails with a request timeout. Default: the connection's `requestTimeoutMs`. */
  readonly timeoutMs?: number
  /** The broker sends no answer (Produce with acks 0): the promise resolves with `undefined` once the request was written. */
  readonly noResponse?: boolean
}

/** One TCP-like connection: requests are delivered in order, answers come back in order. */
export interface Connection {
  readonly host: string
  readonly port: number
  readonly isOpen: boolean
  /**
   * Sends a request and resolves with the typed answer.
   * Rejects with a `TransportError`: `closed` (the connection ended before the answer: the outcome is UNKNOWN)
   * or `timeout` (likewise unknown).
   */
  request<A extends ApiName>(
    api: A,
    apiVersion: number,
    body: RequestOf<A>,
    options?: RequestOptions,
  ): Promise<ResponseOf<A>>
  close(): void
}

export interface ConnectOptions {
  readonly clientId: string
  readonly connectionTimeoutMs: number
  readonly requestTimeoutMs: number
  /** Called at every request's life cycle; the client turns it into `*.network.request` events. */
  readonly onRequest?: (event: NetworkRequestEvent) => void
  readonly onRequestTimeout?: (event: NetworkRequestEvent) => void
}

export interface NetworkRequestEvent {
  readonly broker: string
  readonly clientId: string
  readonly correlationId: number
  readonly apiKey: number
  readonly apiName: string
  readonly apiVersion: number
  readonly createdAt: number
  readonly sentAt: number
  readonly pendingDuration: number
  /** Virtual milliseconds from send to answer; `undefined` for a timeout. */
  readonly duration?: number
  /** Bytes of the answer as the simulation estimates them. */
  readonly size?: number
}

/** What `Connection` and `Transport.connect` reject with. The client turns it into kafkajs's own classes. */
export interface TransportError extends Error {
  readonly transport: 'refused' | 'connect-timeout' | 'closed' | 'timeout'
  /** Node's code where there is one: `ECONNREFUSED`, `ECONNRESET`. */
  readonly code?: string
  readonly host: string
  readonly port: number
  readonly correlationId?: number
  readonly createdAt?: number
  readonly sentAt?: number
  readonly apiName?: string
  readonly apiKey?: number
  readonly apiVersion?: number
}

/** What the client tells the trace: facts only the client knows. */
export type ClientFact =
  | {
      readonly type: 'handler.start' | 'handler.done' | 'handler.error'
      readonly groupId: string
      readonly memberId: string
      readonly topic: string
      readonly partition: number
      /** First and last offset handed to the handler. */
      readonly firstOffset: number
      readonly lastOffset: number
      readonly error?: string
    }
  | {
      readonly type: 'client.crash'
      readonly groupId: string
      readonly memberId: string
      readonly error: string
      readonly restart: boolean
    }

export interface Transport {
  /** Opens a connection. Rejects with a `TransportError` of kind `refused` or `connect-timeout`. */
  connect(host: string, port: number, options: ConnectOptions): Promise<Connection>
  /** Virtual milliseconds since the Unix epoch, an integer. */
  now(): number
  timer(delayMs: number, kind: TimerKind, run: () => void): Timer
  /** An integer in [0, n): 0 is the benign choice. `site` names the decision, for example `client.retry.jitter`. */
  choose(site: string, n: number): number
  /**
   * Marks an outstanding call of the public API, for example `producer.send`. `onDeadline` is called, with an error that
   * says what waits for what, when virtual time cannot bring the call to an end.
   */
  begin(call: string, onDeadline?: (error: Error) => void): Call
  /** Tells the trace; the object is read at once and may be used again. */
  note(fact: ClientFact): void
  /** The next id of a counter that belongs to the cluster (instrumentation event ids). */
  nextId(counter: string): number
  /** Present where the run is recorded for the delivery checker. */
  readonly recorder?: ClientRecorder | undefined
}
