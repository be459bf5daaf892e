/** From which node each partition is read: its leader, or the replica the leader prefers for our rack (KIP-392). */
import type { Cluster } from '../metadata/cluster.ts'
import type { Transport } from '../transport.ts'

interface Preference {
  readonly nodeId: number
  /** Virtual milliseconds since the epoch. */
  readonly expiresAt: number
}

export class ReadReplicas {
  readonly #transport: Transport
  readonly #cluster: Cluster
  readonly #maxAgeMs: number
  readonly #preferred = new Map<string, Map<number, Preference>>()

  constructor(transport: Transport, cluster: Cluster, maxAgeMs: number) {
    this.#transport = transport
    this.#cluster = cluster
    this.#maxAgeMs = maxAgeMs
  }

  prefer(topic: string, partition: number, nodeId: number): void {
    let partitions = this.#preferred.get(topic)
    if (partitions === undefined) {
      partitions = new Map()
      this.#preferred.set(topic, partitions)
    }
    partitions.set(partition, { nodeId, expiresAt: this.#transport.now() + this.#maxAgeMs })
  }

  /** Says whether there was a preference. */
  forget(topic: string, partition: number): boolean {
    return this.#preferred.get(topic)?.delete(partition) ?? false
  }

  /** Those of the partitions that are to be read from the node. Partitions without metadata are read from nowhere. */
  ofNode(nodeId: string, topic: string, partitions: readonly number[]): number[] {
    const metadata = this.#cluster.findTopicPartitionMetadata(topic)
    return partitions.filter((partition) => {
      // Ids are positions as a rule; anything else is searched for.
      const at =
        metadata[partition]?.partitionId === partition
          ? metadata[partition]
          : metadata.find((m) => m.partitionId === partition)
      if (at === undefined) return false
      return String(this.#preference(topic, partition, at.offlineReplicas) ?? at.leader) === nodeId
    })
  }

  #preference(topic: string, partition: number, offline: readonly number[] | undefined): number | undefined {
    const preference = this.#preferred.get(topic)?.get(partition)
    if (preference === undefined) return undefined
    if (this.#transport.now() >= preference.expiresAt) {
      this.forget(topic, partition)
      return undefined
    }
    return offline?.includes(preference.nodeId) ? undefined : preference.nodeId
  }
}
