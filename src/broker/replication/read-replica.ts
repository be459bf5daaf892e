/**
 * Where a consumer should read (KIP-392): ReplicaManager.findPreferredReadReplica with RackAwareReplicaSelector, which looks
 * for an in-sync replica in the consumer's rack.
 */
import type { PartitionLog } from '../log/index.ts'
import type { BrokerState } from '../state.ts'

/** LeaderSelector and RackAwareReplicaSelector are what Kafka comes with. */
const RACK_AWARE = 'org.apache.kafka.common.replica.RackAwareReplicaSelector'

/** The replica that a consumer of a rack should read an offset from; -1 = here. Only the leader sends readers away. */
export function preferredReadReplica(
  state: BrokerState,
  log: PartitionLog,
  offset: number,
  clientRack: string | null,
): number {
  if (state.config['replica.selector.class'] !== RACK_AWARE || clientRack === null || clientRack === '') return -1
  const leader = state.leading.get(log.key)
  const rackOf = (id: number) => state.image.brokers.get(id)?.rack ?? null
  if (leader === undefined || rackOf(state.id) === clientRack) return -1
  let best: { readonly id: number; readonly logEndOffset: number; readonly lastCaughtUp: number } | null = null
  for (const [id, { logEndOffset, lastCaughtUp }] of leader.followers) {
    const broker = state.image.brokers.get(id)
    if (broker === undefined || broker.fenced || broker.rack !== clientRack) continue
    if (!leader.isr.includes(id) || logEndOffset < offset) continue
    // The one that is furthest, then the one that was so last, then the highest id (ReplicaView.comparator).
    const order =
      best === null ? 1 : logEndOffset - best.logEndOffset || lastCaughtUp - best.lastCaughtUp || id - best.id
    if (order > 0) best = { id, logEndOffset, lastCaughtUp }
  }
  return best?.id ?? -1
}
