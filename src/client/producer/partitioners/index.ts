/** kafkajs's partitioners. */
import { murmur2 } from '../../../protocol/hash.ts'
import { legacyMurmur2 } from './legacy-hash.ts'
import { createPartitionerFactory } from './partitioner.ts'

/** The same partitions as Java's producer: murmur2 of the key; keyless messages in turn. */
const DefaultPartitioner = createPartitionerFactory(murmur2)

/** kafkajs's default before 2.0. */
const LegacyPartitioner = createPartitionerFactory(legacyMurmur2)

export const Partitioners = {
  DefaultPartitioner,
  LegacyPartitioner,
  /** @deprecated the former name of `DefaultPartitioner` */
  JavaCompatiblePartitioner: DefaultPartitioner,
}
