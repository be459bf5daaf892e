/** What every API file registers: its name, the versions it has semantics for, and the pure handler. */
import type { ApiName, RequestOf } from '../../protocol/messages.ts'
import type { Context, Decision } from '../decision.ts'
import type { InboundRequest } from '../request.ts'
import type { BrokerState } from '../state.ts'
import type { Verified } from '../verification/question.ts'

export interface ApiHandler<A extends ApiName> {
  readonly api: A
  readonly minVersion: number
  readonly maxVersion: number
  /** Only reads `state`; everything it wants goes into `out`. */
  readonly handle: (state: BrokerState, request: InboundRequest<RequestOf<A>>, ctx: Context, out: Decision) => void
  /** A request of which a transaction coordinator had to be asked something first (`ask-transaction`). */
  readonly resume?: (
    state: BrokerState,
    request: InboundRequest<RequestOf<A>>,
    verified: Verified,
    ctx: Context,
    out: Decision,
  ) => void
}

export function defineApi<A extends ApiName>(handler: ApiHandler<A>): ApiHandler<A> {
  return handler
}
