/**
 * The cache of committed offsets (KJ13): one per `Kafka` instance, shared by its consumers of the same group and
 * written to by `transaction.sendOffsets`. Every new assignment clears its group's part, so two consumers of
 * one group on one `Kafka` make each other ask the coordinator again.
 */
export class CommittedOffsets {
  readonly #groups = new Map<string, Map<string, Map<number, number>>>()

  /** Topic to partition to offset; a negative offset means none. */
  ofGroup(groupId: string): Map<string, Map<number, number>> {
    let group = this.#groups.get(groupId)
    if (group === undefined) {
      group = new Map()
      this.#groups.set(groupId, group)
    }
    return group
  }

  mark(groupId: string, topic: string, partition: number, offset: number): void {
    const group = this.ofGroup(groupId)
    const partitions = group.get(topic)
    if (partitions === undefined) group.set(topic, new Map([[partition, offset]]))
    else partitions.set(partition, offset)
  }
}
