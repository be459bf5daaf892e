/** The client: kafkajs 2.2.4's API over a `Transport` and a `Host`. */
export { createKafka } from './kafka.ts'
export * from './names.ts'
export type { Host, Transport } from './transport.ts'
