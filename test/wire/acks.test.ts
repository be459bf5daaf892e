/** `acks` as people write it: what the real kafkajs takes, our client takes. */
import { createRequire } from 'node:module'
import { createCluster } from 'kafkarium'
import { expect, test } from 'vitest'

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
// biome-ignore lint/suspicious/noExplicitAny: two clients of different types, and values of wrong ones.
type Client = any
const { Kafka } = createRequire(import.meta.url)('kafkajs') as Client

async function outcomes(own: boolean, values: readonly unknown[], config: object = {}): Promise<object[]> {
  using cluster = createCluster({ topics: { orders: 1 } })
  using _ = cluster.controlTime()
  const { brokers, socketFactory } = cluster
  const kafka: Client = own ? cluster.kafka({ logLevel: 0 }) : new Kafka({ brokers, socketFactory, logLevel: 0 })
  const producer = kafka.producer(config)
  await producer.connect()
  const told: object[] = []
  for (const acks of values) {
    const sent = producer.send({ topic: 'orders', acks, messages: [{ value: 'x' }] })
    told.push(
      await sent.then(
        (answer: { errorCode: number }[]) => ({ partitions: answer.length }),
        ({ name, type, code, message }: Client) => ({ name, type, code, message }),
      ),
    )
  }
  told.push({ records: cluster.topic('orders').records().length })
  await producer.disconnect()
  return told
}

test('numbers may be texts', async () => {
  const values = ['1', '-1', -1, 1, 0, undefined]
  const own = await outcomes(true, values)
  expect(own).toEqual(await outcomes(false, values))
  expect(own.at(-1)).toEqual({ records: values.length })
})

test('an idempotent producer wants the number', async () => {
  const own = await outcomes(true, ['-1'], { idempotent: true })
  expect(own).toEqual(await outcomes(false, ['-1'], { idempotent: true }))
  expect(own[0]).toMatchObject({ message: expect.stringContaining('Not requiring ack for all messages') })
})

test('what is neither is refused with kafkajs’s error, and named', async () => {
  const [own, ...more] = (await outcomes(true, [2])) as Client[]
  const [real, ...others] = (await outcomes(false, [2])) as Client[]
  expect(own).toEqual({
    ...real,
    message: `${real.message}: 2. Allowed: -1 (all in-sync replicas), 1 (the leader), 0 (no answer)`,
  })
  expect(own).toMatchObject({ name: 'KafkaJSProtocolError', type: 'INVALID_REQUIRED_ACKS', code: 21 })
  expect(more).toEqual(others)
  for (const [acks, shown] of [
    ['all', '"all"'],
    ['0', '"0"'],
    [null, 'null'],
  ] as const) {
    expect(await outcomes(true, [acks])).toEqual([
      expect.objectContaining({
        type: 'INVALID_REQUIRED_ACKS',
        message: expect.stringContaining(`: ${shown}. Allowed`),
      }),
      { records: 0 },
    ])
  }
})
