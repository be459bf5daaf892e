/** Requests as they reach a broker, and what is left of them while they wait for their answer. */
import type { ApiName } from '../protocol/messages.ts'

/** Names one request that waits for its answer. */
export interface RequestToken {
  /** The connection it came on. */
  readonly connection: number
  readonly correlationId: number
  readonly api: ApiName
  readonly apiVersion: number
}

/** A request as it reaches a broker. */
export interface InboundRequest<Body> extends RequestToken {
  readonly clientId: string
  readonly clientHost: string
  readonly body: Body
}

/** What names a request, without its body: parked requests must not hold on to it. */
export function tokenOf({ connection, correlationId, api, apiVersion }: RequestToken): RequestToken {
  return { connection, correlationId, api, apiVersion }
}
