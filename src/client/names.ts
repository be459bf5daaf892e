/** The names kafkajs exports, all but `Kafka` itself, which an entry makes: it has to know the cluster. */
export { CompressionCodecs } from './compression/codecs.ts'
export { AssignerProtocol } from './consumer/assigner-protocol.ts'
export { PartitionAssigners } from './consumer/assigners/index.ts'
export * from './enums.ts'
export * from './errors/index.ts'
export { Partitioners } from './producer/partitioners/index.ts'
export type * from './types/index.ts'
