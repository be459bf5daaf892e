/**
 * Offsets committed within transactions (OffsetMetadataManager: pendingTransactionalOffsets, openTransactionsByGroup; KIP-98):
 * written to the log as others are, but nothing until the marker of their transaction is in the same partition.
 */
import type { CoordinatorShard } from '../state.ts'
import { type CommittedOffset, type GroupOffsets, getOffset, putOffset, removeOffset } from './group.ts'

/** What transactions would commit, by producer id, then group. */
export type PendingOffsets = Map<number, Map<string, GroupOffsets>>

/** A transactional commit is written: it is pending from now on. */
export function holdOffset(
  { pendingOffsets }: CoordinatorShard,
  producerId: number,
  group: string,
  topic: string,
  partition: number,
  committed: CommittedOffset,
): void {
  let groups = pendingOffsets.get(producerId)
  if (groups === undefined) {
    groups = new Map()
    pendingOffsets.set(producerId, groups)
  }
  putOffset(groups, group, topic, partition, committed)
}

/** A tombstone is written: what is pending for the partition goes with what is committed. The transaction stays open. */
export function forgetPending(shard: CoordinatorShard, group: string, topic: string, partition: number): void {
  for (const groups of shard.pendingOffsets.values()) groups.get(group)?.get(topic)?.delete(partition)
}

export function hasPendingOffset(shard: CoordinatorShard, group: string, topic: string, partition: number): boolean {
  if (shard.pendingOffsets.size === 0) return false
  for (const groups of shard.pendingOffsets.values())
    if (getOffset(groups, group, topic, partition) !== undefined) return true
  return false
}

/** Something was committed for the group in a transaction that has not ended: such a group is not forgotten. */
export function hasOpenTransaction({ pendingOffsets }: CoordinatorShard, group: string): boolean {
  for (const groups of pendingOffsets.values()) if (groups.has(group)) return true
  return false
}

/** Partitions with something committed or pending: what deletions write tombstones for. */
export function partitionsWithOffsets(
  { offsets, pendingOffsets }: CoordinatorShard,
  group: string,
): { readonly topic: string; readonly partition: number }[] {
  const known = new Map<string, Set<number>>()
  for (const groups of [offsets, ...pendingOffsets.values()])
    for (const [topic, partitions] of groups.get(group) ?? []) {
      const ids = known.get(topic) ?? new Set()
      known.set(topic, ids)
      for (const partition of partitions.keys()) ids.add(partition)
    }
  return [...known].flatMap(([topic, ids]) => [...ids].map((partition) => ({ topic, partition })))
}

export interface EndedOffset {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly counts: boolean
}

/**
 * The marker is in the log (replayEndTransactionMarker). Of a committed transaction what was written to the log after what counts so
 * far counts now: the later record wins, not the later marker (KAFKA-5247), or compaction would bring another offset back.
 */
export function endTransaction(shard: CoordinatorShard, producerId: number, commit: boolean): EndedOffset[] {
  const pending = shard.pendingOffsets.get(producerId)
  if (pending === undefined) return []
  shard.pendingOffsets.delete(producerId)
  const ended: EndedOffset[] = []
  for (const [group, topics] of pending)
    for (const [topic, partitions] of topics)
      for (const [partition, committed] of partitions) {
        const known = getOffset(shard.offsets, group, topic, partition)
        const counts = commit && (known === undefined || committed.recordOffset > known.recordOffset)
        if (counts) putOffset(shard.offsets, group, topic, partition, committed)
        ended.push({ group, topic, partition, offset: committed.offset, counts })
      }
  return ended
}

/** Forgets an offset, and what is pending for it. */
export function dropOffset(shard: CoordinatorShard, group: string, topic: string, partition: number): void {
  removeOffset(shard.offsets, group, topic, partition)
  forgetPending(shard, group, topic, partition)
}
