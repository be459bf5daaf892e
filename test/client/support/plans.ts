/** Groups as leaders see them, written short: topics by size, members by what they subscribe to and own. */
import type { GroupPlan, Slot, Subscriber } from '../../../src/client/consumer/assigners/group-plan.ts'
import { encodeStickyUserData } from '../../../src/protocol/consumer-protocol.ts'

export interface Member {
  readonly topics: readonly string[]
  /** `topic-partition` each. */
  readonly owns?: readonly string[]
  readonly generation?: number
  readonly instance?: string
}

export type Owned = Record<string, readonly string[]>

export function plan(topics: Readonly<Record<string, number>>, members: Readonly<Record<string, Member>>): GroupPlan {
  const subscribers = Object.keys(members)
    .sort()
    .map((memberId) => subscriber(memberId, members[memberId] as Member))
  const subscribed = Object.keys(topics)
    .filter((topic) => subscribers.some((one) => one.topics.has(topic)))
    .sort()
  const slots = (topic: string) => Array.from({ length: topics[topic] ?? 0 }, (_, partition) => ({ topic, partition }))
  return { subscribers, partitions: new Map(subscribed.map((topic) => [topic, slots(topic)])) }
}

/** What a member owns stands in its subscription, for the cooperative assignor, and in the user data, for the eager one. */
function subscriber(memberId: string, { topics, owns = [], generation, instance }: Member): Subscriber {
  const byTopic = new Map<string, number[]>()
  for (const key of owns) {
    const at = key.lastIndexOf('-')
    const topic = key.slice(0, at)
    byTopic.set(topic, [...(byTopic.get(topic) ?? []), Number(key.slice(at + 1))])
  }
  const ownedPartitions = [...byTopic].map(([topic, partitions]) => ({ topic, partitions }))
  const generationId = generation ?? (owns.length > 0 ? 1 : -1)
  return {
    memberId,
    groupInstanceId: instance ?? null,
    topics: new Set(topics),
    ownedPartitions,
    generationId,
    rackId: null,
    userData: encodeStickyUserData({ previousAssignment: ownedPartitions, generation: generationId }),
  }
}

export const keyOf = ({ topic, partition }: Slot): string => `${topic}-${partition}`

export function owned(assigned: ReadonlyMap<string, readonly Slot[]>): Owned {
  return Object.fromEntries([...assigned].map(([memberId, slots]) => [memberId, slots.map(keyOf).sort()]))
}
