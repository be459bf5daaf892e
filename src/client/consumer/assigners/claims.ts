/** Who owns what when a sticky assignment is made: several members may say they own the same partition. */
import type { Partitions, Slot } from './group-plan.ts'

/** What one member says of itself. */
export interface Claimant {
  readonly memberId: string
  readonly topics: ReadonlySet<string>
  readonly owned: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
  /** Of the assignment it owns that by; -1 for none. */
  readonly generation: number
}

export interface Claims {
  readonly ownerOf: ReadonlyMap<Slot, string>
  /** Claimed by several members of the same generation, which cannot be: nobody keeps it (KIP-792). */
  readonly disputed: ReadonlySet<Slot>
  /** Who had it before the owner, as far as members of older generations say. */
  readonly previousOwnerOf: ReadonlyMap<Slot, string>
}

/** The claim of the highest generation counts. Partitions that are no more are nobody's. */
export function settleClaims(claimants: readonly Claimant[], partitions: Partitions): Claims {
  const newest = claimants.reduce((max, { generation }) => Math.max(max, generation), -1)
  const ownerOf = new Map<Slot, string>()
  const disputed = new Set<Slot>()
  const previousOwnerOf = new Map<Slot, string>()
  for (const [slot, claims] of claimsBySlot(claimants, partitions)) {
    const best = newestOf(claims)
    const [first, another] = claims.filter(({ generation }) => generation === best)
    if (another !== undefined) disputed.add(slot)
    else if (first !== undefined) ownerOf.set(slot, first.memberId)
    const older = claims.filter(({ generation }) => generation < newest)
    const previous = older.find(({ generation }) => generation === newestOf(older))
    if (previous !== undefined) previousOwnerOf.set(slot, previous.memberId)
  }
  return { ownerOf, disputed, previousOwnerOf }
}

const newestOf = (claims: readonly Claimant[]): number =>
  claims.reduce((max, { generation }) => Math.max(max, generation), Number.NEGATIVE_INFINITY)

function claimsBySlot(claimants: readonly Claimant[], partitions: Partitions): Map<Slot, Claimant[]> {
  const claims = new Map<Slot, Claimant[]>()
  for (const claimant of claimants) {
    for (const { topic, partitions: ids } of claimant.owned) {
      for (const id of new Set(ids)) {
        const slot = partitions.get(topic)?.find(({ partition }) => partition === id)
        if (slot === undefined) continue
        const others = claims.get(slot)
        if (others === undefined) claims.set(slot, [claimant])
        else others.push(claimant)
      }
    }
  }
  return claims
}
