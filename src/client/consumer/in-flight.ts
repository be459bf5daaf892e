/** Which partitions have a batch in the hands of a worker. A partition that is given up is waited for. */

interface Located {
  readonly topic: string
  readonly partition: number
}

export class InFlight {
  readonly #counts = new Map<string, number>()
  readonly #waiting = new Set<{ readonly keys: readonly string[]; readonly resolve: () => void }>()

  enter(where: Located): void {
    const key = keyOf(where)
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  leave(where: Located): void {
    const key = keyOf(where)
    const left = (this.#counts.get(key) ?? 0) - 1
    if (left > 0) this.#counts.set(key, left)
    else this.#counts.delete(key)
    if (this.#waiting.size === 0) return
    for (const waiter of this.#waiting) {
      if (waiter.keys.some((one) => this.#counts.has(one))) continue
      this.#waiting.delete(waiter)
      waiter.resolve()
    }
  }

  /** Resolves once nobody works on any of them. */
  idle(partitions: readonly Located[]): Promise<void> {
    const keys = partitions.map(keyOf)
    if (!keys.some((key) => this.#counts.has(key))) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.add({ keys, resolve })
    })
  }
}

const keyOf = ({ topic, partition }: Located): string => `${topic}|${partition}`
