/**
 * The invariants as predicates over a broker (ids never change; more of them come with the parts they speak of). Tests and
 * lessons check them after every event, over what it touched; they only read.
 */
import type { Law } from '../../kernel/laws.ts'
import { lastOffsetOf } from '../../protocol/records.ts'
import type { ClassicGroup } from '../groups/classic/group.ts'
import { assignedPartitions } from '../groups/classic/rebalance.ts'
import type { PartitionLog } from '../log/index.ts'
import { type BrokerState, logByKey } from '../state.ts'
import { transactionalOffsetsProblem } from './offset-laws.ts'

/** What the laws of one broker look at. */
export type BrokerWorld = BrokerState

export const LAWS: readonly Law<BrokerWorld>[] = [
  {
    id: 'L1',
    sentence:
      'In every replica offsets run without gaps from the log start to LEO − 1 (compacted logs may have gaps), and log start ≤ HW ≤ LEO.',
    check(state) {
      for (const log of logs(state)) {
        const name = `${log.topic}-${log.partition} on broker ${state.id}`
        const { logStartOffset, highWatermark, logEndOffset, batches, mayHaveGaps } = log
        if (logStartOffset < 0 || logStartOffset > highWatermark || highWatermark > logEndOffset) {
          return `${name}: log start ${logStartOffset}, HW ${highWatermark}, LEO ${logEndOffset}`
        }
        const start = batches[0]?.baseOffset ?? logEndOffset
        if (start > logStartOffset && !mayHaveGaps)
          return `${name}: the log starts at ${logStartOffset}, its first batch at ${start}`
        // Batches are never changed once appended: looking at the last two keeps the check cheap.
        const last = batches[batches.length - 1]
        const before = batches[batches.length - 2]
        if (last !== undefined && !follows(lastOffsetOf(last), logEndOffset, mayHaveGaps)) {
          return `${name}: the last batch ends at ${lastOffsetOf(last)}, LEO is ${logEndOffset}`
        }
        if (
          last !== undefined &&
          before !== undefined &&
          !follows(lastOffsetOf(before), last.baseOffset, mayHaveGaps)
        ) {
          return `${name}: a gap between ${lastOffsetOf(before)} and ${last.baseOffset}`
        }
      }
      return null
    },
  },
  {
    id: 'L2',
    sentence:
      'The leader epoch never decreases along the log; the epoch cache holds where each begins, and only grows.',
    check(state) {
      for (const log of logs(state)) {
        const { topic, partition, batches } = log
        const name = `${topic}-${partition} on broker ${state.id}`
        const last = batches[batches.length - 1]
        const before = batches[batches.length - 2]
        if (last !== undefined && before !== undefined && last.partitionLeaderEpoch < before.partitionLeaderEpoch) {
          return `${name}: epoch ${before.partitionLeaderEpoch} is followed by ${last.partitionLeaderEpoch}`
        }
        const problem = epochCacheProblem(log)
        if (problem !== null) return `${name}: ${problem}`
      }
      return null
    },
  },
  {
    id: 'L9',
    sentence: 'A batch spans as many offsets as it holds records, unless it was compacted.',
    check(state) {
      for (const { topic, partition, batches, mayHaveGaps } of logs(state)) {
        const last = batches[batches.length - 1]
        if (last === undefined || mayHaveGaps || last.lastOffsetDelta === last.recordCount - 1) continue
        return `${topic}-${partition} on broker ${state.id}: ${last.recordCount} records at ${last.baseOffset}–${lastOffsetOf(last)}`
      }
      return null
    },
  },
  {
    id: 'G1',
    sentence: 'Within one generation the assigned partitions of a classic group are pairwise disjoint.',
    check(state) {
      for (const group of classicGroups(state)) {
        if (group.state !== 'Stable' || group.protocolType !== 'consumer') continue
        const owner = new Map<string, string>()
        for (const member of group.members.values()) {
          for (const partition of assignedPartitions(member.assignment)) {
            const other = owner.get(partition)
            if (other !== undefined) {
              return `group ${group.id}, generation ${group.generation}: ${partition} belongs to ${other} and to ${member.id}`
            }
            owner.set(partition, member.id)
          }
        }
      }
      return null
    },
  },
  {
    id: 'G5',
    sentence: 'A classic group with members has exactly one leader, and it is one of them; an empty group has none.',
    check(state) {
      for (const group of classicGroups(state)) {
        if (group.state === 'Empty' && group.members.size > 0)
          return `group ${group.id} is Empty with ${group.members.size} members`
        if (group.members.size > 0 && (group.leaderId === null || !group.members.has(group.leaderId))) {
          return `group ${group.id}: the leader ${group.leaderId} is not a member`
        }
        if (group.state === 'Stable' && group.members.size === 0) return `group ${group.id} is Stable without members`
      }
      return null
    },
  },
  {
    id: 'T5',
    sentence:
      'Offsets committed in a transaction count when it has been committed, and not before; of two commits the later record counts (KAFKA-5247).',
    check: transactionalOffsetsProblem,
  },
]

/** As with the batches, the end of the cache stands for all of it. */
function epochCacheProblem({ batches, epochs, logEndOffset }: PartitionLog): string | null {
  const newest = epochs[epochs.length - 1]
  const older = epochs[epochs.length - 2]
  if (newest !== undefined && newest.startOffset > logEndOffset)
    return `epoch ${newest.epoch} is said to begin at ${newest.startOffset}, LEO is ${logEndOffset}`
  if (newest !== undefined && older !== undefined) {
    if (newest.epoch <= older.epoch || newest.startOffset <= older.startOffset)
      return `epoch ${older.epoch} from ${older.startOffset} on is followed by ${newest.epoch} from ${newest.startOffset} on`
  }
  const last = batches[batches.length - 1]
  if (last === undefined) return null
  const known = epochs.filter(({ startOffset }) => startOffset <= last.baseOffset).pop()
  return known?.epoch === last.partitionLeaderEpoch
    ? null
    : `offset ${last.baseOffset} is of epoch ${last.partitionLeaderEpoch}, the epoch cache says ${known?.epoch ?? 'none'}`
}

function follows(last: number, next: number, mayHaveGaps: boolean): boolean {
  return mayHaveGaps ? last < next : last + 1 === next
}

function logs(state: BrokerState): readonly PartitionLog[] {
  const out: PartitionLog[] = []
  for (const key of state.touched?.partitions ?? []) {
    const log = logByKey(state, key)
    if (log !== undefined) out.push(log)
  }
  return out
}

function classicGroups({ touched, shards }: BrokerState): readonly ClassicGroup[] {
  const out: ClassicGroup[] = []
  if (touched === null || touched.groups.size === 0) return out
  for (const id of touched.groups) {
    for (const shard of shards.values()) {
      const group = shard.groups.get(id)
      if (group?.type === 'classic') out.push(group)
    }
  }
  return out
}
