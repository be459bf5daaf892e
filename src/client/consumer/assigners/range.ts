/**
 * Java's RangeAssignor: of every topic each member gets one run of partitions, so that partitions of the same number of topics
 * of the same size stay together. Racks are not looked at (KIP-881).
 */
import { encodeSubscription } from '../../../protocol/consumer-protocol.ts'
import { asHostBytes } from '../../bytes.ts'
import type { PartitionAssigner } from '../../types/assigners.ts'
import { compareText, encodePlan, type GroupPlan, planGroup, type Slot, type Subscriber } from './group-plan.ts'

const name = 'range'

export const range: PartitionAssigner = ({ cluster }) => ({
  name,
  version: 3,
  rebalanceProtocol: 'eager',
  assign: async ({ members }) => encodePlan(assignRanges(await planGroup(cluster, members))),
  protocol: ({ topics, generationId = -1, rackId = null }) => ({
    name,
    metadata: asHostBytes(encodeSubscription({ topics: [...topics].sort(), generationId, rackId })),
  }),
})

export function assignRanges({ subscribers, partitions }: GroupPlan): Map<string, Slot[]> {
  const assigned = new Map(subscribers.map(({ memberId }): [string, Slot[]] => [memberId, []]))
  const inOrder = [...subscribers].sort(staticMembersFirst)
  for (const [topic, slots] of partitions) {
    const takers = inOrder.filter(({ topics }) => topics.has(topic))
    const each = Math.floor(slots.length / takers.length)
    const longer = slots.length % takers.length
    takers.forEach(({ memberId }, index) => {
      const start = each * index + Math.min(index, longer)
      assigned.get(memberId)?.push(...slots.slice(start, start + each + (index < longer ? 1 : 0)))
    })
  }
  return assigned
}

/** AbstractPartitionAssignor.MemberInfo: static members by their instance ids, so that a restart moves nothing; then the others. */
function staticMembersFirst(a: Subscriber, b: Subscriber): number {
  if (a.groupInstanceId !== null && b.groupInstanceId !== null) return compareText(a.groupInstanceId, b.groupInstanceId)
  if (a.groupInstanceId !== null) return -1
  if (b.groupInstanceId !== null) return 1
  return compareText(a.memberId, b.memberId)
}
