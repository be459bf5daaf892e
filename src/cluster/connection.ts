/** One connection between a client and a broker, as both ends know it. */
import type { ApiName, RequestOf } from '../protocol/messages.ts'
import type { Process } from './process.ts'
import type { ClientTimerTask, NodeRuntime } from './world.ts'

export interface PendingRequest {
  readonly correlationId: number
  readonly api: ApiName
  readonly apiVersion: number
  readonly body: RequestOf<ApiName>
  readonly createdAt: number
  /** Virtual time at which the client gives up. */
  readonly deadline: number
  readonly noResponse: boolean
  /** Of bytes that are no request: why. The broker closes the connection when it is its turn. */
  readonly unreadable?: string
  /** Settled by the answer, the time-out or the end of the connection; null once settled. */
  settle: ((outcome: RequestOutcome) => void) | null
}

export type RequestOutcome =
  | { readonly type: 'answer'; readonly body: unknown }
  | { readonly type: 'closed' | 'timeout' }

export type ConnectOutcome = 'open' | 'refused' | 'timeout'

export interface ClientConnection {
  readonly id: number
  readonly process: Process
  readonly incarnation: number
  /** Clients that speak bytes say it with every request. */
  clientId: string
  readonly node: NodeRuntime
  /** As brokers show it: `/127.0.0.1`. */
  readonly clientHost: string
  /** The latency is that of a real network: ours adds none but a fault's (a slow link). */
  readonly direct: boolean
  /** For clients that speak bytes: the connection was closed, and not by the client. */
  readonly onEnd: ((why: string) => void) | null
  /** For clients that speak bytes: what it sent makes the broker close the connection. */
  readonly onOffence: ((what: string) => void) | null
  /** For clients that speak bytes: one request less is under way. */
  readonly onServed: (() => void) | null
  state: 'connecting' | 'open' | 'closed'
  nextCorrelationId: number
  /** Sent and not settled, oldest first. */
  inFlight: PendingRequest[]
  /** Nothing arrives before what was sent earlier. */
  lastArrivalAtNode: number
  lastArrivalAtClient: number
  /** The broker works on a request of this connection; the others wait. */
  busy: boolean
  /** Its waiting requests are being served: what follows is theirs. */
  draining: boolean
  readonly waiting: PendingRequest[]
  timeoutTimer: ClientTimerTask | null
  onConnect: ((outcome: ConnectOutcome) => void) | null
}
