/** What becomes of the offsets of a transaction when it ends (GroupCoordinatorShard.replayEndTransactionMarker). */
import type { Context, Decision } from '../decision.ts'
import type { BrokerState } from '../state.ts'
import { armExpiry } from './expiry.ts'
import { endTransaction } from './pending-offsets.ts'

/** A marker was appended to a partition of `__consumer_offsets` that this broker coordinates. */
export function transactionCompleted(
  state: BrokerState,
  partition: number,
  producerId: number,
  commit: boolean,
  ctx: Context,
  out: Decision,
): void {
  const shard = state.shards.get(partition)
  if (shard === undefined) return
  const groups = [...(shard.pendingOffsets.get(producerId)?.keys() ?? [])]
  for (const { counts, ...ended } of endTransaction(shard, producerId, commit)) {
    const of = { group: ended.group, topic: ended.topic, partition: ended.partition, offset: ended.offset }
    if (counts) out.facts.push({ type: 'offset.commit', member: '', generation: -1, producerId, ...of })
    else out.facts.push({ type: 'offset.dropped', producerId, ...of })
  }
  for (const id of groups) {
    state.touched?.groups.add(id)
    const group = shard.groups.get(id)
    // What was kept for the transaction's sake may go now.
    if (group !== undefined) armExpiry(state, shard, group, ctx.now, out)
  }
}
