/** Which partitions a balancing has moved, and between whom (AbstractStickyAssignor.PartitionMovements). */
import type { Slot } from './group-plan.ts'

interface Movement {
  readonly from: string
  readonly to: string
}

export class Movements {
  readonly #of = new Map<Slot, Movement>()

  /** A partition that comes back to where it was has not moved. */
  add(slot: Slot, from: string, to: string): void {
    const start = this.#of.get(slot)?.from ?? from
    if (start === to) this.#of.delete(slot)
    else this.#of.set(slot, { from: start, to })
  }

  /**
   * Two members should not swap partitions of a topic: one that went from `to` to where this one was at first.
   */
  toTakeBack(slot: Slot, owner: string, to: string): Slot | undefined {
    const start = this.#of.get(slot)?.from ?? owner
    for (const [other, movement] of this.#of) {
      if (other.topic === slot.topic && movement.from === to && movement.to === start) return other
    }
    return undefined
  }
}
