/** Which partitions the member was assigned, and which of them are paused (KJ11). */
import type { TopicPartitions } from '../types/metadata.ts'

/** Topic to partitions. */
export type Assigned = ReadonlyMap<string, readonly number[]>

interface Located {
  readonly topic: string
  readonly partition: number
}

interface Pauses {
  /** Pausing a whole topic and pausing single partitions are kept apart. */
  all: boolean
  readonly paused: Set<number>
  /** Partitions resumed while the whole topic is paused. */
  readonly resumed: Set<number>
}

/** KJ15: kafkajs sorts partition ids as text, so 10 comes before 2. */
export function sortedAsText(partitions: readonly number[]): number[] {
  return [...partitions].sort()
}

export class Subscription {
  #assigned = new Map<string, readonly number[]>()
  readonly #pauses = new Map<string, Pauses>()
  /** Assigned, but on the way out: nothing more of them goes to a handler. */
  readonly #revoked = new Set<string>()

  /** Pauses outlive a rebalance, as in kafkajs. */
  assign(assignment: Assigned): void {
    this.#assigned = new Map([...assignment].map(([topic, partitions]) => [topic, sortedAsText(partitions)]))
    this.#revoked.clear()
  }

  assigned(): Assigned {
    return this.#assigned
  }

  /** What would go if this were the assignment. */
  without(target: Assigned): Located[] {
    return [...this.#assigned].flatMap(([topic, partitions]) =>
      partitions
        .filter((partition) => !target.get(topic)?.includes(partition))
        .map((partition) => ({ topic, partition })),
    )
  }

  revoke(partitions: readonly Located[]): void {
    for (const { topic, partition } of partitions) this.#revoked.add(`${topic}|${partition}`)
  }

  isRevoked(topic: string, partition: number): boolean {
    return this.#revoked.size > 0 && this.#revoked.has(`${topic}|${partition}`)
  }

  isAssigned(topic: string, partition: number): boolean {
    return this.#assigned.get(topic)?.includes(partition) ?? false
  }

  pause(topicPartitions: readonly { readonly topic: string; readonly partitions?: readonly number[] }[]): void {
    for (const { topic, partitions } of topicPartitions) {
      const pauses = this.#of(topic)
      if (partitions === undefined) {
        pauses.paused.clear()
        pauses.resumed.clear()
        pauses.all = true
        continue
      }
      for (const partition of partitions) {
        pauses.paused.add(partition)
        pauses.resumed.delete(partition)
      }
      pauses.all = false
    }
  }

  resume(topicPartitions: readonly { readonly topic: string; readonly partitions?: readonly number[] }[]): void {
    for (const { topic, partitions } of topicPartitions) {
      const pauses = this.#of(topic)
      if (partitions === undefined) {
        pauses.paused.clear()
        pauses.resumed.clear()
        pauses.all = false
        continue
      }
      for (const partition of partitions) {
        pauses.paused.delete(partition)
        if (pauses.all) pauses.resumed.add(partition)
      }
    }
  }

  isPaused(topic: string, partition: number): boolean {
    const pauses = this.#pauses.get(topic)
    if (pauses === undefined) return false
    return pauses.paused.has(partition) || (pauses.all && !pauses.resumed.has(partition))
  }

  /** Assigned topics with at least one paused partition. */
  paused(): TopicPartitions[] {
    const result: TopicPartitions[] = []
    for (const [topic, partitions] of this.#assigned) {
      const paused = partitions.filter((partition) => this.isPaused(topic, partition))
      if (paused.length > 0) result.push({ topic, partitions: paused })
    }
    return result
  }

  #of(topic: string): Pauses {
    let pauses = this.#pauses.get(topic)
    if (pauses === undefined) {
      pauses = { all: false, paused: new Set(), resumed: new Set() }
      this.#pauses.set(topic, pauses)
    }
    return pauses
  }
}
