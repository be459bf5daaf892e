/** `transactionsV2`: the protocol of KIP-890 as a client speaks it, and what verification and an epoch each are for, by script. */
import { type Cluster, createCluster } from 'kafkarium'
import { afterEach, describe, expect, it } from 'vitest'
import type { ProducerConfig } from '../../src/client/index.ts'

const made: Cluster[] = []
function create(options: Parameters<typeof createCluster>[0] = {}): Cluster {
  const cluster = createCluster({
    brokers: 3,
    topics: { in: 1, out: 3 },
    laws: true,
    trace: 'full',
    config: { 'transaction.state.log.num.partitions': 1 },
    ...options,
  })
  made.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})

async function connect(cluster: Cluster, options: ProducerConfig = {}) {
  const kafka = cluster.kafka({ logLevel: 0, clientId: 'writer', requestTimeout: 5000 })
  const producer = kafka.producer({ transactionalId: 'tx', transactionsV2: true, ...options })
  await producer.connect()
  return producer
}

const say = (...values: string[]) => ({
  topic: 'out',
  messages: values.map((value) => ({ value, partition: Number(value.length > 1) })),
})

async function read(cluster: Cluster): Promise<string[]> {
  const seen: string[] = []
  const consumer = cluster.kafka({ logLevel: 0 }).consumer({ groupId: `reader-${readers++}` })
  await consumer.connect()
  await consumer.subscribe({ topic: 'out', fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => void seen.push(String(message.value)) })
  await cluster.advance(60_000)
  await consumer.disconnect()
  return seen.sort()
}
let readers = 0

/** `api version`, of the writer, without how it finds its way. */
const asked = (cluster: Cluster) =>
  cluster.trace
    .events()
    .flatMap((event) =>
      event.type === 'request' && event.client === 'writer' && !['Metadata', 'ApiVersions'].includes(event.api)
        ? [`${event.api} ${event.version}`]
        : [],
    )

describe('transactionsV2', () => {
  it('commits and aborts as ever, without AddPartitionsToTxn and AddOffsetsToTxn', async () => {
    const cluster = create()
    const producer = await connect(cluster)
    for (const values of [['a', 'bb'], ['c'], ['d']]) {
      const transaction = await producer.transaction()
      await transaction.send(say(...values))
      const topics = [{ topic: 'in', partitions: [{ partition: 0, offset: '7' }] }]
      await transaction.sendOffsets({ consumerGroupId: 'g', topics })
      if (values.includes('c')) await transaction.abort()
      else await transaction.commit()
    }
    expect(await read(cluster)).toEqual(['a', 'bb', 'd'])
    const apis = new Set(asked(cluster))
    expect([...apis].filter((api) => /Txn|Produce /.test(api)).sort()).toEqual([
      'EndTxn 5',
      'Produce 12',
      'TxnOffsetCommit 5',
    ])
    const first = asked(cluster).findIndex((api) => api.startsWith('Produce'))
    expect(
      asked(cluster)
        .slice(first)
        .filter((api) => api.startsWith('InitProducerId')),
    ).toEqual([])
    const epochs = cluster.trace
      .events()
      .flatMap((event) => (event.type === 'transaction' && event.to === 'Ongoing' ? [event.epoch] : []))
    expect([...new Set(epochs)]).toEqual([0, 1, 2])
  })

  it('asks for nothing when nothing was sent', async () => {
    const cluster = create()
    const producer = await connect(cluster)
    await (await producer.transaction()).commit()
    await (await producer.transaction()).abort()
    expect(asked(cluster).filter((api) => api.startsWith('EndTxn'))).toEqual([])
  })

  it('says what it needs where brokers pose as older, and without a transactional id', async () => {
    const cluster = create({ kafkaVersion: '3.9' })
    const producer = await connect(cluster)
    await expect(producer.transaction()).rejects.toThrow(/Kafka 4\.0 or later.*kafkaVersion/)
    expect(() => cluster.kafka({ logLevel: 0 }).producer({ transactionsV2: true })).toThrow(/transactionalId/)
    const plain = await connect(cluster, { transactionsV2: false })
    const transaction = await plain.transaction()
    await transaction.send(say('a'))
    await transaction.commit()
    expect(await read(cluster)).toEqual(['a'])
  })

  it('after records whose fate is unknown abort gives the next epoch, and nothing late gets into the next transaction', async () => {
    const cluster = create()
    const producer = await connect(cluster, { retry: { retries: 0 } })
    const first = await producer.transaction()
    await first.send(say('a'))
    const { leader, elsewhere, late } = apart(cluster)
    cluster.faults.slow('clients', leader, '20s', { oneWay: true })
    await expect(first.send(late)).rejects.toThrow()
    cluster.faults.heal()
    await first.abort()
    const second = await producer.transaction()
    await second.send({ topic: 'out', messages: [{ value: 'b', partition: elsewhere }] })
    await cluster.advance(30_000)
    await second.commit()
    expect(await read(cluster)).toEqual(['b'])
    expect(stuck(cluster)).toEqual([])
  })
})

const leaders = (cluster: Cluster, topic: string) =>
  cluster
    .view()
    .topics.find(({ name }) => name === topic)
    ?.partitions.map(({ leader }) => leader) ?? []

/** A partition whose leader does not coordinate: what is late on the way to it delays nothing else. */
function apart(cluster: Cluster) {
  const [coordinator] = leaders(cluster, '__transaction_state')
  const partition = leaders(cluster, 'out').findIndex((leader) => leader !== coordinator)
  const leader = leaders(cluster, 'out')[partition] ?? -1
  const elsewhere = leaders(cluster, 'out').findIndex((one) => one !== leader)
  return {
    leader,
    elsewhere,
    late: { topic: 'out', messages: [{ value: 'late', partition }] },
    name: `out-${partition}`,
  }
}

/** Partitions in which a transaction is open. */
const stuck = (cluster: Cluster) =>
  cluster
    .view()
    .topics.flatMap(({ name, partitions }) =>
      partitions.flatMap((one, i) => (one.lastStableOffset < one.highWatermark ? [`${name}-${i}`] : [])),
    )

describe('A24: records that come after the abort', () => {
  it.each([
    [true, 0],
    [false, 1],
  ])('with txnVerification %s, partitions that are stuck for ever: %i', async (txnVerification, expected) => {
    const cluster = create({ switches: { txnVerification } })
    const producer = await connect(cluster, {
      transactionsV2: false,
      retry: { retries: 0 },
      transactionTimeout: 30_000,
    })
    const transaction = await producer.transaction()
    await transaction.send(say('a'))
    const { leader, late, name } = apart(cluster)
    // It takes its time to the leader of another partition, while the coordinator and its markers do not.
    cluster.faults.slow('clients', leader, '20s', { oneWay: true })
    await expect(transaction.send(late)).rejects.toThrow()
    cluster.faults.heal('clients', leader)
    await transaction.abort()
    await cluster.advance(3_600_000)
    expect(stuck(cluster)).toEqual(expected === 0 ? [] : [name])
    expect(await read(cluster)).toEqual([])
  })
})
