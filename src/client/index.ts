/** The client: kafkajs 2.2.4's API over a `Transport` and a `Host`. */

export { CompressionCodecs } from './compression/codecs.ts'
export { AssignerProtocol } from './consumer/assigner-protocol.ts'
export { PartitionAssigners } from './consumer/round-robin.ts'
export * from './enums.ts'
export * from './errors/index.ts'
export { createKafka } from './kafka.ts'
export { Partitioners } from './producer/partitioners/index.ts'
export type {
  Call,
  ClientFact,
  Connection,
  ConnectOptions,
  Host,
  NetworkRequestEvent,
  RequestOptions,
  Timer,
  TimerKind,
  Transport,
  TransportError,
} from './transport.ts'
export type * from './types/index.ts'
