/**
 * The `uniform` assignor, the default (UniformAssignor.java): numbers of partitions that differ by one at most, then as few moves as
 * possible.
 */
import type { Assignment } from '../group.ts'
import { type Assignor, type AssignorInput, subscribesAlike } from './assignor.ts'

export const assignUniformly: Assignor = (input) =>
  subscribesAlike(input.members) ? assignAlike(input) : assignUnlike(input)

type Mutable = Map<string, Set<number>>

/** UniformHomogeneousAssignmentBuilder.java: quotas; what exceeds a member's is taken from it, and fills the others up. */
function assignAlike({ members, partitions }: AssignorInput): ReadonlyMap<string, Assignment> {
  const topicIds = members[0]?.topicIds ?? []
  const assigned = new Set<string>()
  for (const { target } of members)
    for (const [topicId, held] of target) for (const partition of held) assigned.add(`${topicId}/${partition}`)
  const free: (readonly [topicId: string, partition: number])[] = []
  let total = 0
  for (const topicId of topicIds) {
    const count = partitions.get(topicId) ?? 0
    total += count
    for (let partition = 0; partition < count; partition++)
      if (!assigned.has(`${topicId}/${partition}`)) free.push([topicId, partition])
  }
  const least = Math.floor(total / members.length)
  const extra = total % members.length
  const plan = members.map(({ id, target }, rank) => {
    let quota = rank < extra ? least + 1 : least
    const kept: Mutable = new Map()
    for (const [topicId, held] of target) {
      if (!topicIds.includes(topicId)) continue
      for (const partition of held) {
        if (quota > 0) {
          quota -= 1
          give(kept, topicId, partition)
        } else free.push([topicId, partition])
      }
    }
    return { id, kept, quota }
  })
  let next = 0
  for (const { kept, quota } of plan) {
    for (const [topicId, partition] of free.slice(next, next + quota)) give(kept, topicId, partition)
    next += quota
  }
  return finished(plan.map(({ id, kept }) => [id, kept]))
}

/** How often the topics are gone through at most, as in Kafka: chains of overlapping subscriptions may take long to even out. */
const MAX_ROUNDS = 16

interface Load {
  readonly id: string
  readonly rank: number
  readonly held: Mutable
  count: number
}

/**
 * UniformHeterogeneousAssignmentBuilder.java: what is free goes to the subscriber with the least, topics with the most partitions a
 * subscriber first; then partitions move from the subscriber with the most to the one with the least.
 */
function assignUnlike({ members, partitions }: AssignorInput): ReadonlyMap<string, Assignment> {
  const loads = members.map(({ id, topicIds, target }, rank): Load => {
    const held: Mutable = new Map()
    let count = 0
    for (const [topicId, list] of target) {
      if (!topicIds.includes(topicId)) continue
      for (const partition of list) give(held, topicId, partition)
      count += list.length
    }
    return { id, rank, held, count }
  })
  const subscribers = new Map<string, Load[]>()
  for (const [rank, { topicIds }] of members.entries()) {
    for (const topicId of topicIds) {
      const those = subscribers.get(topicId)
      if (those === undefined) subscribers.set(topicId, [loads[rank] as Load])
      else those.push(loads[rank] as Load)
    }
  }
  const perSubscriber = (topicId: string) =>
    (partitions.get(topicId) ?? 0) / (subscribers.get(topicId)?.length ?? Infinity)
  const size = (topicId: string) => subscribers.get(topicId)?.length ?? 0
  const topicIds = [...subscribers.keys()].sort(
    (a, b) => perSubscriber(b) - perSubscriber(a) || size(a) - size(b) || (a < b ? -1 : 1),
  )
  for (const topicId of topicIds) {
    // Who had less before the topic comes first among those that have as much (MemberAssignmentBalancer).
    const those = [...(subscribers.get(topicId) ?? [])].sort((a, b) => a.count - b.count || a.rank - b.rank)
    for (let partition = 0; partition < (partitions.get(topicId) ?? 0); partition++) {
      if (those.some(({ held }) => held.get(topicId)?.has(partition) === true)) continue
      const to = least(those)
      give(to.held, topicId, partition)
      to.count += 1
    }
  }
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const moved = topicIds.filter((topicId) => balanceTopic(topicId, subscribers.get(topicId) ?? []))
    if (moved.length === 0) break
  }
  return finished(loads.map(({ id, held }) => [id, held]))
}

/** True when a partition of the topic moved. */
function balanceTopic(topicId: string, subscribers: readonly Load[]): boolean {
  let moved = false
  for (;;) {
    const to = least(subscribers)
    const from = subscribers
      .filter(({ held }) => (held.get(topicId)?.size ?? 0) > 0)
      .reduce<Load | null>((most, one) => (most === null || one.count > most.count ? one : most), null)
    if (from === null || from.count - to.count <= 1) return moved
    const partition = Math.max(...(from.held.get(topicId) ?? []))
    take(from.held, topicId, partition)
    give(to.held, topicId, partition)
    from.count -= 1
    to.count += 1
    moved = true
  }
}

/** The first of those with the least partitions. */
function least(loads: readonly Load[]): Load {
  return loads.reduce((best, one) => (one.count < best.count ? one : best))
}

function give(held: Mutable, topicId: string, partition: number): void {
  const partitions = held.get(topicId)
  if (partitions === undefined) held.set(topicId, new Set([partition]))
  else partitions.add(partition)
}

function take(held: Mutable, topicId: string, partition: number): void {
  const partitions = held.get(topicId)
  partitions?.delete(partition)
  if (partitions?.size === 0) held.delete(topicId)
}

function finished(plans: readonly (readonly [string, Mutable])[]): ReadonlyMap<string, Assignment> {
  return new Map(
    plans.map(([id, held]) => [
      id,
      new Map([...held].map(([topicId, partitions]) => [topicId, [...partitions].sort((a, b) => a - b)])),
    ]),
  )
}
