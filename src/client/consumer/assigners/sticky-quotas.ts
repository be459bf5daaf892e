/** The sticky assignment when all members subscribed to the same topics (AbstractStickyAssignor, ConstrainedAssignmentBuilder). */
import type { Claims } from './claims.ts'
import { compareText, type Partitions, type Slot } from './group-plan.ts'

/**
 * With P partitions and N members, P mod N members get one more than the others. A member keeps what it owns up to its share; who
 * owns more than the lower share keeps the one more as long as there are such shares.
 *
 * @param members by id
 */
export function fillQuotas(members: readonly string[], partitions: Partitions, claims: Claims): Map<string, Slot[]> {
  const all = [...partitions.values()].flat()
  const low = Math.floor(all.length / members.length)
  const high = Math.ceil(all.length / members.length)
  let highShares = all.length % members.length

  const owned = new Map(members.map((memberId): [string, Slot[]] => [memberId, []]))
  for (const slot of all) owned.get(claims.ownerOf.get(slot) ?? '')?.push(slot)

  const assigned = new Map<string, Slot[]>()
  const below: string[] = []
  let atLow: string[] = []
  for (const [memberId, mine] of owned) {
    mine.sort((a, b) => a.partition - b.partition || compareText(a.topic, b.topic))
    if (mine.length < low) {
      assigned.set(memberId, mine)
      below.push(memberId)
    } else if (mine.length >= high && highShares > 0) {
      assigned.set(memberId, mine.slice(0, high))
      highShares -= 1
    } else {
      assigned.set(memberId, mine.slice(0, low))
      atLow.push(memberId)
    }
  }

  const kept = new Set([...assigned.values()].flat())
  const free = all.filter((slot) => !kept.has(slot))
  // In turn to those below the lower share, until all have it; then one each for the higher shares left.
  let turn = 0
  for (const slot of free) {
    if (below.length === 0) {
      const memberId = atLow.shift() as string
      assigned.get(memberId)?.push(slot)
      continue
    }
    turn %= below.length
    const memberId = below[turn] as string
    const mine = assigned.get(memberId) as Slot[]
    mine.push(slot)
    if (mine.length < low) {
      turn += 1
      continue
    }
    below.splice(turn, 1)
    atLow = [...atLow, memberId]
  }
  return assigned
}
