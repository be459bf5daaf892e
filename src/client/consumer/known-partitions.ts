/** Which partitions the subscribed topics had when the member joined: new ones need another join. */
import type { Cluster } from '../metadata/cluster.ts'
import type { PartitionMetadata } from '../types/metadata.ts'
import { sortedAsText } from './subscription.ts'

interface Known {
  /** The metadata array the set was made from: as long as it is the same there is nothing to compare. */
  source: PartitionMetadata[]
  readonly ids: ReadonlySet<number>
}

export class KnownPartitions {
  readonly #cluster: Cluster
  readonly #topics: readonly string[]
  #known: Map<string, Known> | undefined

  constructor(cluster: Cluster, topics: readonly string[]) {
    this.#cluster = cluster
    this.#topics = topics
  }

  remember(): void {
    this.#known = new Map(
      this.#topics.map((topic) => {
        const source = this.#cluster.findTopicPartitionMetadata(topic)
        return [topic, { source, ids: new Set(source.map(({ partitionId }) => partitionId)) }]
      }),
    )
  }

  of(topic: string): ReadonlySet<number> | undefined {
    return this.#known?.get(topic)?.ids
  }

  /** The first topic that has partitions which were not there; `undefined` before the first join. */
  grown(): { topic: string; unknownPartitions: number[] } | undefined {
    for (const [topic, known] of this.#known ?? []) {
      const current = this.#cluster.findTopicPartitionMetadata(topic)
      if (current === known.source) continue
      const unknown = current.map(({ partitionId }) => partitionId).filter((id) => !known.ids.has(id))
      if (unknown.length > 0) return { topic, unknownPartitions: sortedAsText(unknown) }
      known.source = current
    }
    return undefined
  }
}
