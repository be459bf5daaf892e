/** `kafkarium/kafkajs` in the place of kafkajs: application code that makes its own client. */
import { createCluster } from 'kafkarium'
import { currentCluster, Kafka, KafkaJSNonRetriableError, KafkaJSProtocolError } from 'kafkarium/kafkajs'
import { expect, test, vi } from 'vitest'

vi.mock('kafkajs', () => import('kafkarium/kafkajs'))

// As in an application: made when the module loads, with production's addresses.
const kafka = new Kafka({ clientId: 'shop', brokers: ['kafka-1.example:9092'] })

test('a client made before the cluster talks to it', async () => {
  using cluster = createCluster({ topics: { orders: 1 } })
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic: 'orders', messages: [{ value: 'x' }] })
  expect(
    cluster
      .topic('orders')
      .records()
      .map(({ value }) => value),
  ).toEqual(['x'])
  expect(cluster.trace.events().some((event) => event.type === 'connect' && event.client === 'shop')).toBe(true)
})

test('the next test has the next cluster', async () => {
  using cluster = createCluster({ topics: { orders: 2 } })
  const admin = kafka.admin()
  await admin.connect()
  expect(await admin.listTopics()).toEqual(['orders'])
  expect(currentCluster()).toBe(cluster)
})

test('without a cluster one is made', async () => {
  using cluster = currentCluster()
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic: 'on-demand', messages: [{ value: 'x' }] })
  expect(cluster.topic('on-demand').records()).toHaveLength(1)
})

test('a client that finds no cluster says so once, and what to do; asking for one is no accident', async () => {
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  const lines = () => write.mock.calls.map(([text]) => String(text)).filter((text) => text.includes('found no cluster'))
  try {
    {
      using _asked = currentCluster()
      new Kafka({ brokers: [] }).producer()
    }
    expect(lines()).toEqual([])
    // The test above made its cluster, and it is gone.
    for (let i = 0; i < 2; i += 1) {
      new Kafka({ brokers: [] }).producer()
      currentCluster()[Symbol.dispose]()
    }
    {
      using _made = createCluster()
      kafka.producer()
    }
    expect(lines()).toEqual([
      expect.stringMatching(
        /^\[kafkarium\] .*disposed already\. .*Call createCluster\(\) first and dispose it last[^\n]*\n$/,
      ),
    ])
  } finally {
    write.mockRestore()
  }
})

test('code that imports kafkajs gets this module, and its errors are of the classes it knows', async () => {
  const mocked = await import('kafkajs')
  expect(mocked.Kafka).toBe(Kafka)
  using _cluster = createCluster({ topics: { orders: 1 } })
  const producer = new mocked.Kafka({ brokers: [], logLevel: 0 }).producer({ retry: { retries: 0 } })
  await producer.connect()
  const error = await producer
    .send({ topic: 'no spaces', messages: [{ value: 'x' }] })
    .catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(mocked.KafkaJSNonRetriableError)
  expect(error).toBeInstanceOf(KafkaJSNonRetriableError)
  expect((error as { cause?: unknown }).cause).toBeInstanceOf(KafkaJSProtocolError)
})
