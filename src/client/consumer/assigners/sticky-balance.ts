/** The sticky assignment when members subscribed to different topics (AbstractStickyAssignor, GeneralAssignmentBuilder). */
import type { Claimant, Claims } from './claims.ts'
import { compareText, type Partitions, type Slot } from './group-plan.ts'
import { Movements } from './sticky-movements.ts'

/** @param members by id */
export function balanceSubscriptions(
  members: readonly Pick<Claimant, 'memberId' | 'topics'>[],
  partitions: Partitions,
  claims: Claims,
): Map<string, Slot[]> {
  return new Balance(members, partitions, claims).assign()
}

class Balance {
  readonly #partitions: Partitions
  readonly #claims: Claims
  readonly #topicsOf: ReadonlyMap<string, readonly string[]>
  readonly #takersOf: ReadonlyMap<string, readonly string[]>
  readonly #assigned: Map<string, Slot[]>
  readonly #ownerOf = new Map<Slot, string>()
  readonly #movements = new Movements()
  /** Members among whom something can be moved at all. */
  #movable: string[] = []

  constructor(members: readonly Pick<Claimant, 'memberId' | 'topics'>[], partitions: Partitions, claims: Claims) {
    this.#partitions = partitions
    this.#claims = claims
    const topics = [...partitions.keys()]
    this.#topicsOf = new Map(
      members.map((member) => [member.memberId, topics.filter((topic) => member.topics.has(topic))]),
    )
    this.#takersOf = new Map(
      topics.map((topic) => [
        topic,
        members.filter((member) => member.topics.has(topic)).map(({ memberId }) => memberId),
      ]),
    )
    this.#assigned = new Map(members.map(({ memberId }) => [memberId, []]))
  }

  assign(): Map<string, Slot[]> {
    // Topics that few can take come first: their partitions have the least choice.
    const takers = (topic: string) => this.#takersOf.get(topic) ?? []
    const topics = [...this.#partitions.keys()].sort((a, b) => takers(a).length - takers(b).length || compareText(a, b))
    const all = topics.flatMap((topic) => this.#partitions.get(topic) ?? [])

    const revoking = this.#keepOwned(all)
    const free = all.filter((slot) => !this.#ownerOf.has(slot))
    for (const slot of free) {
      const taker = this.#leastLoaded(takers(slot.topic))
      if (taker !== undefined) this.#give(slot, taker)
    }

    const shared = (slots: readonly Slot[]) => slots.filter(({ topic }) => takers(topic).length >= 2)
    this.#movable = [...this.#assigned.keys()].filter((memberId) => this.#canTakePart(memberId))
    // What is new is moved first; what was owned only if that is not enough.
    if (!revoking) this.#move(shared(free))
    this.#move(shared(all))
    return this.#assigned
  }

  /** Says whether somebody owns what it no longer subscribes to. */
  #keepOwned(all: readonly Slot[]): boolean {
    let revoking = false
    for (const slot of all) {
      const owner = this.#claims.ownerOf.get(slot)
      if (owner === undefined) continue
      if (this.#takersOf.get(slot.topic)?.includes(owner)) this.#give(slot, owner)
      else revoking = true
    }
    return revoking
  }

  #give(slot: Slot, memberId: string): void {
    this.#assigned.get(memberId)?.push(slot)
    this.#ownerOf.set(slot, memberId)
  }

  #load(memberId: string): number {
    return this.#assigned.get(memberId)?.length ?? 0
  }

  /** The first by id of several. */
  #leastLoaded(memberIds: readonly string[]): string | undefined {
    let least: string | undefined
    for (const memberId of memberIds) {
      if (least === undefined || this.#load(memberId) < this.#load(least)) least = memberId
    }
    return least
  }

  /** Not when it has all it can have and nobody else could have any of it. */
  #canTakePart(memberId: string): boolean {
    const topics = this.#topicsOf.get(memberId) ?? []
    const most = topics.reduce((sum, topic) => sum + (this.#partitions.get(topic)?.length ?? 0), 0)
    return this.#load(memberId) < most || topics.some((topic) => (this.#takersOf.get(topic)?.length ?? 0) >= 2)
  }

  /**
   * Moves partitions until no move makes it more even. Every move is from a member to one that has at least two fewer, so it ends, and
   * the result is never less even than before.
   */
  #move(slots: readonly Slot[]): void {
    for (let moved = true; moved; ) {
      moved = false
      for (const slot of slots) {
        if (this.#isBalanced()) return
        const target = this.#betterOwner(slot)
        if (target === undefined) continue
        this.#moveTo(slot, target)
        moved = true
      }
    }
  }

  #betterOwner(slot: Slot): string | undefined {
    const takers = this.#takersOf.get(slot.topic) ?? []
    const enough = this.#load(this.#ownerOf.get(slot) as string) - 1
    const previous = this.#claims.previousOwnerOf.get(slot)
    if (previous !== undefined && takers.includes(previous) && this.#load(previous) < enough) return previous
    const least = this.#leastLoaded(takers)
    return least !== undefined && this.#load(least) < enough ? least : undefined
  }

  /** Rather than this one the other way, a partition of the topic goes back that went this way before. */
  #moveTo(slot: Slot, target: string): void {
    const owner = this.#ownerOf.get(slot) as string
    const instead = this.#movements.toTakeBack(slot, owner, target)
    const source = instead === undefined ? owner : (this.#ownerOf.get(instead) as string)
    const moving = instead !== undefined && this.#load(source) - 1 > this.#load(target) ? instead : slot
    const from = this.#ownerOf.get(moving) as string
    this.#movements.add(moving, from, target)
    const left = this.#assigned.get(from) as Slot[]
    left.splice(left.indexOf(moving), 1)
    this.#give(moving, target)
  }

  /** Even, or as even as the subscriptions allow. */
  #isBalanced(): boolean {
    const loads = this.#movable.map((memberId) => this.#load(memberId))
    if (Math.min(...loads) >= Math.max(...loads) - 1) return true
    return this.#movable.every((memberId) => {
      const load = this.#load(memberId)
      return (this.#topicsOf.get(memberId) ?? []).every((topic) =>
        (this.#partitions.get(topic) ?? []).every((slot) => {
          const owner = this.#ownerOf.get(slot) as string
          return owner === memberId || load + 1 >= this.#load(owner)
        }),
      )
    })
  }
}
