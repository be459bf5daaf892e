/** What a transaction says once it is lost: our client and the real kafkajs over the same cluster, step by step. */
import { createRequire } from 'node:module'
import { type Cluster, createCluster } from 'kafkarium'
import { afterEach, expect, test } from 'vitest'

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
// biome-ignore lint/suspicious/noExplicitAny: two clients of different types.
type Client = any
const { Kafka } = createRequire(import.meta.url)('kafkajs') as Client

const made: Cluster[] = []
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})

async function outcomeOf(asked: Promise<unknown>): Promise<string> {
  try {
    await asked
    return 'fine'
  } catch (error) {
    const { name, type, code, message } = error as Client
    return `${name} ${type} ${code}: ${message}`
  }
}

async function story(own: boolean, lose: (cluster: Cluster, other: Client) => Promise<unknown>): Promise<string[]> {
  const cluster = createCluster({ topics: { orders: 2 } })
  made.push(cluster)
  using _ = cluster.controlTime()
  const kafka: Client = own
    ? cluster.kafka({ logLevel: 0 })
    : new Kafka({ brokers: cluster.brokers, socketFactory: cluster.socketFactory, logLevel: 0 })
  const options = { transactionalId: 'a', idempotent: true, maxInFlightRequests: 1, transactionTimeout: 5000 }
  const [producer, other]: Client[] = [kafka.producer(options), kafka.producer(options)]
  await producer.connect()
  await other.connect()
  const transaction = await producer.transaction()
  const send = (partition: number) => transaction.send({ topic: 'orders', messages: [{ value: 'x', partition }] })
  await send(0)
  await lose(cluster, other)
  const told = [
    await outcomeOf(send(0)),
    await outcomeOf(send(1)),
    `${transaction.isActive()}`,
    await outcomeOf(transaction.commit()),
    `${transaction.isActive()}`,
    await outcomeOf(transaction.abort()),
    await outcomeOf(producer.transaction()),
  ]
  await producer.disconnect()
  await other.disconnect()
  return told
}

test.each([
  ['another producer fenced', (_: Cluster, other: Client) => other.transaction()],
  ['timed out', () => new Promise((resolve) => setTimeout(resolve, 20_000))],
])('a transaction that %s says so as kafkajs does', async (_, lose) => {
  const own = await story(true, lose)
  expect(own).toEqual(await story(false, lose))
  expect(own[3]).toMatch(/^KafkaJSProtocolError INVALID_PRODUCER_EPOCH 47: /)
})
