/**
 * The `range` assignor (RangeAssignor.java): of every topic each subscriber gets a range, the first ones one partition more where
 * they do not come out even. Topics of as many partitions are assigned alike, so that they can be joined.
 */
import type { Assignor, MemberSpec } from './assignor.ts'

export const assignRanges: Assignor = ({ members, partitions }) => {
  const sorted = [...members].sort(staticFirst)
  const subscribers = new Map<string, number>()
  for (const { topicIds } of sorted)
    for (const topicId of topicIds) subscribers.set(topicId, (subscribers.get(topicId) ?? 0) + 1)
  const served = new Map<string, number>()
  const assignments = new Map<string, Map<string, number[]>>()
  for (const { id, topicIds } of sorted) {
    const assignment = new Map<string, number[]>()
    for (const topicId of topicIds) {
      const count = partitions.get(topicId) ?? 0
      const among = subscribers.get(topicId) ?? 1
      const rank = served.get(topicId) ?? 0
      served.set(topicId, rank + 1)
      const quota = Math.floor(count / among)
      const extra = count % among
      const from = rank * quota + Math.min(rank, extra)
      const range = Array.from({ length: quota + (rank < extra ? 1 : 0) }, (_, i) => from + i)
      if (range.length > 0) assignment.set(topicId, range)
    }
    assignments.set(id, assignment)
  }
  return assignments
}

/** RangeAssignor.sortMemberIds: static members keep their place when they come back under another member id. */
function staticFirst(a: MemberSpec, b: MemberSpec): number {
  if (a.instanceId !== null && b.instanceId !== null) return compare(a.instanceId, b.instanceId)
  if (a.instanceId !== null) return -1
  if (b.instanceId !== null) return 1
  return compare(a.id, b.id)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
