/** What follows when the leaders of a transaction's partitions have written its end. */
import type { Context, Decision } from '../decision.ts'
import type { TxnMarkersWritten } from '../replication/messages.ts'
import type { BrokerState } from '../state.ts'

/** A leader has answered a `txn-markers` of this broker (TransactionMarkerRequestCompletionHandler.onComplete). */
export function onTxnMarkersWritten(
  { markerRequests }: BrokerState,
  { request }: TxnMarkersWritten,
  _ctx: Context,
  _out: Decision,
): void {
  markerRequests.delete(request)
}
