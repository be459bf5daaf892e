/** The rule both of kafkajs's partitioners follow (KJ17); they differ in their hash. */

import type { PartitionerArgs } from '../../types/messages.ts'
import type { PartitionMetadata } from '../../types/metadata.ts'
import { encodeUtf8 } from '../../utf8.ts'

/** What `createProducer` hands to a partitioner's factory beyond kafkajs: where chance comes from. */
export interface PartitionerChance {
  choose(site: string, n: number): number
}

export type PartitionFunction = (args: PartitionerArgs) => number
export type PartitionerFactory = (chance?: PartitionerChance) => PartitionFunction

interface RoundRobin {
  next: number
  /** The metadata `available` was computed from. */
  metadata: PartitionMetadata[]
  available: PartitionMetadata[]
}

const positive = (hash: number): number => hash & 0x7fffffff

export function createPartitionerFactory(hash: (key: Uint8Array) => number): PartitionerFactory {
  return (chance) => {
    const turns = new Map<string, RoundRobin>()

    return ({ topic, partitionMetadata, message: { partition, key } }) => {
      // Not checked: a message for a partition that does not exist is silently lost (KJ17).
      if (partition !== null && partition !== undefined) return partition
      if (key !== null && key !== undefined) return positive(hash(bytesOf(key))) % partitionMetadata.length

      let turn = turns.get(topic)
      if (turn === undefined) {
        const available = withLeader(partitionMetadata)
        const partitions = available.length || partitionMetadata.length
        // kafkajs starts at a crypto-random counter; the benign choice is the first partition.
        const next = chance === undefined || partitions < 2 ? 0 : chance.choose('client.partitioner.start', partitions)
        turn = { next, metadata: partitionMetadata, available }
        turns.set(topic, turn)
      } else if (turn.metadata !== partitionMetadata) {
        turn.metadata = partitionMetadata
        turn.available = withLeader(partitionMetadata)
      }
      const count = turn.next
      turn.next = positive(count + 1)
      const { available } = turn
      // Without any leader the message goes to a partition all the same, and waits for one there.
      if (available.length === 0) return count % partitionMetadata.length
      return (available[count % available.length] as PartitionMetadata).partitionId
    }
  }
}

function withLeader(partitions: readonly PartitionMetadata[]): PartitionMetadata[] {
  return partitions.filter(({ leader }) => leader >= 0)
}

function bytesOf(key: unknown): Uint8Array {
  return ArrayBuffer.isView(key) ? (key as Uint8Array) : encodeUtf8(String(key))
}
