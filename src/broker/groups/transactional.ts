/** What groups make of transactions. */
import type { Context, Decision } from '../decision.ts'
import type { BrokerState } from '../state.ts'

/**
 * A marker was appended to a partition of `__consumer_offsets` that this broker coordinates
 * (GroupCoordinatorShard.replayEndTransactionMarker): what was committed within the producer's transaction counts now, or is gone.
 */
export function transactionCompleted(
  { shards, touched }: BrokerState,
  partition: number,
  _producerId: number,
  _commit: boolean,
  _ctx: Context,
  _out: Decision,
): void {
  for (const id of shards.get(partition)?.groups.keys() ?? []) touched?.groups.add(id)
}
