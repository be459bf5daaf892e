/** Seeks waiting for the next fetch; the latest for a partition wins (KJ10). */
export class SeekQueue {
  readonly #offsets = new Map<string, Map<number, number>>()
  #size = 0

  set(topic: string, partition: number, offset: number): void {
    let partitions = this.#offsets.get(topic)
    if (partitions === undefined) {
      partitions = new Map()
      this.#offsets.set(topic, partitions)
    }
    if (!partitions.has(partition)) this.#size += 1
    partitions.set(partition, offset)
  }

  has(topic: string, partition: number): boolean {
    return this.#size > 0 && (this.#offsets.get(topic)?.has(partition) ?? false)
  }

  take(topic: string, partition: number): number | undefined {
    if (this.#size === 0) return undefined
    const partitions = this.#offsets.get(topic)
    const offset = partitions?.get(partition)
    if (offset !== undefined && partitions?.delete(partition)) this.#size -= 1
    return offset
  }
}
