/**
 * Committed offsets that nobody needs any more go (GroupCoordinatorShard.cleanupGroupMetadata,
 * OffsetMetadataManager.cleanupExpiredOffsets, ClassicGroup.offsetExpirationCondition, ConsumerGroup.offsetExpirationCondition; KIP-211), and with the last one the
 * empty group. Kafka looks every `offsets.retention.check.interval.ms`; here a timer is armed for the first look that finds
 * something, so that groups that keep everything cost nothing.
 */
import { intConfig } from '../config.ts'
import type { Context, Decision } from '../decision.ts'
import { nextLook } from '../looks.ts'
import { OFFSETS_TOPIC } from '../metadata.ts'
import { lacksReplicas } from '../replication/leader.ts'
import type { BrokerState, CoordinatorShard } from '../state.ts'
import { type CommittedOffset, type Group, generationOf, groupTombstones, isSubscribedTo } from './group.ts'
import { hasOpenTransaction, hasPendingOffset } from './pending-offsets.ts'
import type { CoordinatorRecord } from './records.ts'
import { groupTimerKeys } from './timer-keys.ts'

/**
 * What the retention of an offset counts from, or null when it is kept in any case: for members since they left, without
 * members or for a topic nobody subscribes to since the commit.
 */
function retainedSince(group: Group, topic: string, offset: CommittedOffset): number | null {
  if (isSubscribedTo(group, topic)) return null
  if (group.type === 'consumer' || group.protocolType === null) return offset.commitTimestamp
  if (group.state === 'Empty') return group.stateSince
  const knows = group.protocolType === 'consumer' && group.subscribedTopics !== null && group.state === 'Stable'
  return knows ? offset.commitTimestamp : null
}

/** When something of the group can go: now for an empty one that holds nothing, Infinity for never. */
function nextExpiry(shard: CoordinatorShard, group: Group, retentionMs: number): number {
  const offsets = shard.offsets.get(group.id)
  if (offsets === undefined) return group.state === 'Empty' && !hasOpenTransaction(shard, group.id) ? 0 : Infinity
  let next = Infinity
  for (const [topic, partitions] of offsets) {
    for (const [partition, offset] of partitions) {
      const since = retainedSince(group, topic, offset)
      if (since === null) break
      if (hasPendingOffset(shard, group.id, topic, partition)) continue
      next = Math.min(next, since + retentionMs)
    }
  }
  return next
}

/** Arms the look that finds something in this group, if it comes before the one that is armed. */
export function armExpiry(state: BrokerState, shard: CoordinatorShard, group: Group, now: number, out: Decision): void {
  const every = intConfig(state.config, 'offsets.retention.check.interval.ms')
  // None comes before the next one, which is all there is to know mostly.
  if (state.groupExpiry <= nextLook(now, every, now)) return
  const at = nextLook(nextExpiry(shard, group, retentionOf(state)), every, now)
  // Beyond any date is never.
  if (at >= state.groupExpiry || at > Number.MAX_SAFE_INTEGER) return
  state.groupExpiry = at
  out.timers.push({ key: 'group-expiry', at, timer: { type: 'group-expiry' } })
}

/** The moment has come: looks at every group, and sees when the next look is. */
export function expireGroups(state: BrokerState, ctx: Context, out: Decision): void {
  state.groupExpiry = Infinity
  const retentionMs = retentionOf(state)
  for (const shard of state.shards.values()) {
    const records: CoordinatorRecord[] = []
    for (const group of shard.groups.values()) {
      // It could not be written: the next look sees to it.
      if (lacksReplicas(state, OFFSETS_TOPIC, shard.partition)) {
        armExpiry(state, shard, group, ctx.now, out)
        continue
      }
      const before = records.length
      const nothingLeft = expireOffsets(shard, group, ctx.now - retentionMs, records, out)
      if (nothingLeft && group.state === 'Empty') deleteGroup(group, records, out)
      // Where something goes, the next look is armed when it is gone.
      if (records.length === before) armExpiry(state, shard, group, ctx.now, out)
    }
    if (records.length > 0) {
      out.changes.push({ op: 'coordinator-append', partition: shard.partition, records, after: { type: 'nothing' } })
    }
  }
}

/** True when no offset is left. */
function expireOffsets(
  shard: CoordinatorShard,
  group: Group,
  before: number,
  records: CoordinatorRecord[],
  out: Decision,
): boolean {
  let nothingLeft = !hasOpenTransaction(shard, group.id)
  for (const [topic, partitions] of shard.offsets.get(group.id) ?? []) {
    for (const [partition, committed] of partitions) {
      const since = retainedSince(group, topic, committed)
      if (since === null || since > before || hasPendingOffset(shard, group.id, topic, partition)) {
        nothingLeft = false
        continue
      }
      records.push({ type: 'offset-commit', group: group.id, topic, partition, value: null })
      out.facts.push({ type: 'offset.expired', group: group.id, topic, partition, offset: committed.offset })
    }
  }
  return nothingLeft
}

/** GroupMetadataManager.maybeDeleteGroup. */
function deleteGroup(group: Group, records: CoordinatorRecord[], out: Decision): void {
  records.push(...groupTombstones(group))
  for (const key of groupTimerKeys(group)) out.timers.push({ key, at: null })
  out.facts.push({
    type: 'group.state',
    group: group.id,
    from: 'Empty',
    to: 'Dead',
    generation: generationOf(group),
    reason: 'it is empty and nothing is left to keep',
  })
}

function retentionOf({ config }: BrokerState): number {
  return intConfig(config, 'offsets.retention.minutes') * 60_000
}
