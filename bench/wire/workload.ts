/**
 * The measured program, in a process of its own: the real kafkajs produces 200,000 × 100 B in batches of 1,000 with acks −1, then
 * a group of one consumes them. Where to, by its arguments: `tcp ADDRESSES PARTITIONS-ARE-MADE-BY`, `socket` or `controlled`.
 */

import { Kafka, logLevel } from 'kafkajs'
import { createCluster } from 'kafkarium'

const MESSAGES = 200_000
const BATCH = 1000
const PARTITIONS = 4

// Taken before time is anybody's.
const now = performance.now.bind(performance)
const [how = 'socket', bootstrap = '', topic = 'measured'] = process.argv.slice(2)
const common = { clientId: 'bench', logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20 } }

if (how === 'tcp') {
  await measure(new Kafka({ ...common, brokers: bootstrap.split(',') }))
} else {
  const cluster = createCluster({
    seed: 1,
    config: { 'group.initial.rebalance.delay.ms': '0' },
    internalTopics: 'atStart',
  })
  const control = how === 'controlled' ? cluster.controlTime() : undefined
  await measure(new Kafka({ ...common, brokers: [...cluster.brokers], socketFactory: cluster.socketFactory }))
  await cluster.dispose()
  control?.[Symbol.dispose]()
}

async function measure(kafka: Kafka): Promise<void> {
  await makeTopic(kafka)
  const producer = kafka.producer()
  await producer.connect()
  const messages = Array.from({ length: BATCH }, () => ({ value: Buffer.alloc(100, 'x') }))
  const started = now()
  for (let sent = 0; sent < MESSAGES; sent += BATCH) await producer.send({ topic, acks: -1, messages })
  const produced = now()
  await producer.disconnect()
  const ends = await endOffsets(kafka)

  const consumer = kafka.consumer({ groupId: `group-${topic}` })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  const joining = now()
  let joined = 0
  let first = 0
  let seen = 0
  consumer.on(consumer.events.GROUP_JOIN, () => {
    joined = now()
  })
  await new Promise<void>((resolve, reject) => {
    const read = async ({ batch }: { batch: { partition: number; messages: unknown[]; lastOffset(): string } }) => {
      if (first === 0) first = now()
      seen += batch.messages.length
      if (Number(batch.lastOffset()) + 1 >= (ends.get(batch.partition) ?? 0)) ends.delete(batch.partition)
      if (ends.size === 0) resolve()
    }
    consumer.run({ eachBatch: read }).catch(reject)
  })
  const consumed = now()
  await consumer.disconnect()
  process.stdout.write(
    `${JSON.stringify({
      produce: (MESSAGES * 1000) / (produced - started),
      consume: (seen * 1000) / (consumed - joined),
      first: first - joining,
      seen,
    })}\n`,
  )
}

/** librdkafka's mock cluster has no CreateTopics: there a topic is made by asking for it, with as many partitions. */
async function makeTopic(kafka: Kafka): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  try {
    await admin.createTopics({
      topics: [{ topic, numPartitions: PARTITIONS, replicationFactor: 1 }],
      waitForLeaders: true,
    })
  } catch {
    const producer = kafka.producer()
    await producer.connect()
    await producer.send({ topic, messages: [{ value: 'makes the topic' }] })
    await producer.disconnect()
  }
  await admin.disconnect()
}

async function endOffsets(kafka: Kafka): Promise<Map<number, number>> {
  const admin = kafka.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  return new Map(offsets.filter(({ high }) => high !== '0').map(({ partition, high }) => [partition, Number(high)]))
}
