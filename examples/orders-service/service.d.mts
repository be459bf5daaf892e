import type { Kafka } from 'kafkajs'

export declare function createInvoicing(dependencies: {
  readonly kafka: Kafka
  readonly rates?: Readonly<Record<string, number>>
}): {
  start(): Promise<void>
  stop(): Promise<void>
}
