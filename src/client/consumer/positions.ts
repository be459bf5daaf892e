/** How far the handlers are in each assigned partition. */
import type { Assigned } from './subscription.ts'

/** One partition's progress for as long as it is assigned without a break: the object stands for that time, too. */
export interface Progress {
  /** The next offset to handle; `undefined` until something was resolved or fetched. */
  resolved: number | undefined
}

export class Positions {
  #progress = new Map<string, ReadonlyMap<number, Progress>>()

  clear(): void {
    this.#progress.clear()
  }

  /** What stays assigned stands where it stood. `onChange` is told of what comes and of what goes. */
  assign(assignment: Assigned, onChange: (topic: string, partition: number) => void): void {
    const before = this.#progress
    this.#progress = new Map()
    for (const [topic, partitions] of assignment) {
      const progress = new Map<number, Progress>()
      for (const partition of partitions) {
        const kept = before.get(topic)?.get(partition)
        if (kept === undefined) onChange(topic, partition)
        progress.set(partition, kept ?? { resolved: undefined })
      }
      this.#progress.set(topic, progress)
    }
    for (const [topic, partitions] of before) {
      for (const partition of partitions.keys()) if (this.of(topic, partition) === undefined) onChange(topic, partition)
    }
  }

  /** `undefined` for a partition that is not assigned. */
  of(topic: string, partition: number): Progress | undefined {
    return this.#progress.get(topic)?.get(partition)
  }

  inTopic(topic: string): Iterable<readonly [number, Progress]> {
    return this.#progress.get(topic) ?? []
  }
}
