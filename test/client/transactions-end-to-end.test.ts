/** Transactions from end to end: what readers see of them, and what a processor that reads and writes keeps through faults. */
import { type Cluster, checkHistory, createCluster } from 'kafkarium'
import { afterEach, describe, expect, it } from 'vitest'
import type { Producer, ProducerConfig } from '../../src/client/index.ts'

const made: Cluster[] = []
function create(options: Parameters<typeof createCluster>[0] = {}): Cluster {
  const cluster = createCluster({
    brokers: 3,
    topics: { in: { partitions: 1 }, out: { partitions: 2 } },
    ...options,
  })
  made.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})

const quiet = { logLevel: 0 } as const
const say = (...values: string[]) => ({
  topic: 'out',
  messages: values.map((value) => ({ value, partition: Number(value.length > 1) })),
})

async function connect(cluster: Cluster, options: ProducerConfig = {}): Promise<Producer> {
  const producer = cluster.kafka(quiet).producer({ transactionalId: 'tx', ...options })
  await producer.connect()
  return producer
}

/** Everything a new group gets to see within a minute, sorted. */
async function read(cluster: Cluster, topic = 'out', readUncommitted = false): Promise<string[]> {
  const seen: string[] = []
  const consumer = cluster.kafka(quiet).consumer({ groupId: `reader-${made.length}-${readers++}`, readUncommitted })
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => void seen.push(message.value?.toString() ?? '') })
  await cluster.advance(60_000)
  await consumer.disconnect()
  return seen.sort()
}
let readers = 0

async function fill(cluster: Cluster, values: readonly string[]): Promise<void> {
  const producer = cluster.kafka(quiet).producer()
  await producer.connect()
  await producer.send({ topic: 'in', messages: values.map((value) => ({ value })) })
  await producer.disconnect()
}

async function committed(cluster: Cluster, groupId: string): Promise<string | undefined> {
  const admin = cluster.kafka(quiet).admin()
  await admin.connect()
  const [topic] = await admin.fetchOffsets({ groupId, topics: ['in'] })
  await admin.disconnect()
  return topic?.partitions[0]?.offset
}

const offset = (value: string) => [{ topic: 'in', partitions: [{ partition: 0, offset: value }] }]

describe('readers of transactions', () => {
  it('see what was committed, in all partitions, and nothing that was aborted', async () => {
    const cluster = create()
    const producer = await connect(cluster)
    for (const [end, ...values] of [
      ['commit', 'a', 'aa'],
      ['abort', 'b', 'bb'],
      ['commit', 'c', 'cc'],
    ] as const) {
      const transaction = await producer.transaction()
      await transaction.send(say(...values))
      await transaction[end]()
    }
    expect(await read(cluster)).toEqual(['a', 'aa', 'c', 'cc'])
    expect(await read(cluster, 'out', true)).toEqual(['a', 'aa', 'b', 'bb', 'c', 'cc'])
  })

  it('do not see what is open, nor what came after it in the same partition, until it is aborted for its age', async () => {
    const cluster = create()
    const open = await (await connect(cluster, { transactionTimeout: 120_000 })).transaction()
    await open.send(say('open'))
    const other = await (await connect(cluster, { transactionalId: 'other' })).transaction()
    await other.send(say('x', 'later'))
    await other.commit()
    expect(await read(cluster)).toEqual(['x'])
    await cluster.advance(120_000)
    expect(await read(cluster)).toEqual(['later', 'x'])
    await expect(open.commit()).rejects.toMatchObject({ type: 'INVALID_PRODUCER_EPOCH' })
  })

  it('see nothing of a producer that another one has fenced', async () => {
    const cluster = create()
    const old = await (await connect(cluster)).transaction()
    await old.send(say('old'))
    const next = await (await connect(cluster)).transaction()
    await next.send(say('new'))
    await next.commit()
    await expect(old.send(say('zombie'))).rejects.toMatchObject({ type: 'INVALID_PRODUCER_EPOCH' })
    await expect(old.abort()).rejects.toMatchObject({ type: 'INVALID_PRODUCER_EPOCH' })
    expect(await read(cluster)).toEqual(['new'])
  })
})

describe('a recorded run', () => {
  it('counts a record as acknowledged when its transaction is committed, not when it is aborted', async () => {
    const cluster = create({ history: true })
    const producer = await connect(cluster)
    for (const end of ['commit', 'abort', 'commit'] as const) {
      const transaction = await producer.transaction()
      await transaction.send(say('a', 'aa'))
      await transaction[end]()
    }
    expect(await read(cluster)).toEqual(['a', 'a', 'aa', 'aa'])
    expect(cluster.history().sends.map(({ outcome }) => outcome)).toEqual([
      'ok',
      'ok',
      'aborted',
      'aborted',
      'ok',
      'ok',
    ])
    // What was aborted is in the log, and nobody misses it.
    expect(checkHistory(cluster.history()).findings).toEqual([])
  })
})

describe('offsets of transactions', () => {
  it('count when the transaction is committed', async () => {
    const cluster = create()
    await fill(cluster, ['1', '2', '3'])
    const producer = await connect(cluster)
    const first = await producer.transaction()
    await first.sendOffsets({ consumerGroupId: 'g', topics: offset('2') })
    await first.commit()
    await cluster.advance(1000)
    expect(await committed(cluster, 'g')).toBe('2')
    const second = await producer.transaction()
    await second.sendOffsets({ consumerGroupId: 'g', topics: offset('3') })
    await second.abort()
    await cluster.advance(1000)
    expect(await committed(cluster, 'g')).toBe('2')
  })

  it('of a member that is none any more are refused when it says who it is (KIP-447)', async () => {
    const cluster = create()
    await fill(cluster, ['1'])
    const consumer = cluster.kafka(quiet).consumer({ groupId: 'g' })
    await consumer.subscribe({ topic: 'in', fromBeginning: true })
    await consumer.run({ autoCommit: false, eachMessage: async () => {} })
    const groupMetadata = consumer.groupMetadata()
    const producer = await connect(cluster)
    const first = await producer.transaction()
    await first.sendOffsets({ consumerGroupId: 'g', topics: offset('1'), groupMetadata })
    await first.commit()
    await consumer.disconnect()
    const second = await producer.transaction()
    await expect(
      second.sendOffsets({ consumerGroupId: 'g', topics: offset('0'), groupMetadata }),
    ).rejects.toMatchObject({ type: 'UNKNOWN_MEMBER_ID' })
    await second.abort()
    await cluster.advance(1000)
    expect(await committed(cluster, 'g')).toBe('1')
  })
})

describe('read, process, write', () => {
  /** One processor: every batch of messages is a transaction with its results and its offsets. */
  async function process(cluster: Cluster, options: ProducerConfig = {}) {
    const aborts: string[] = []
    const producer = await connect(cluster, options)
    const consumer = cluster.kafka(quiet).consumer({ groupId: 'processor', sessionTimeout: 10_000 })
    await consumer.subscribe({ topic: 'in', fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachMessage: async ({ topic, partition, message }) => {
        const groupMetadata = consumer.groupMetadata()
        const transaction = await producer.transaction()
        try {
          await transaction.send({ topic: 'out', messages: [{ value: `<${message.value?.toString()}>` }] })
          await transaction.sendOffsets({
            consumerGroupId: 'processor',
            topics: [{ topic, partitions: [{ partition, offset: String(Number(message.offset) + 1) }] }],
            groupMetadata,
          })
          await transaction.commit()
        } catch (error) {
          aborts.push((error as Error).name)
          if (transaction.isActive()) await transaction.abort()
          throw error
        }
      },
    })
    return { stop: () => consumer.disconnect(), aborts }
  }

  const inputs = Array.from({ length: 12 }, (_, i) => String(i).padStart(2, '0'))
  const outputs = inputs.map((value) => `<${value}>`)

  it('gives every result once', async () => {
    const cluster = create()
    await fill(cluster, inputs)
    const { stop } = await process(cluster)
    await cluster.advance(60_000)
    await stop()
    expect(await read(cluster)).toEqual(outputs)
  })

  it.each([1, 2, 3])('gives every result once when broker %i crashes and comes back', async (id) => {
    const cluster = create()
    await fill(cluster, inputs)
    const { stop } = await process(cluster)
    await cluster.advance(500)
    await cluster.faults.crash(id)
    await cluster.advance(30_000)
    await cluster.faults.restart(id)
    await cluster.advance(120_000)
    await stop()
    expect(await read(cluster)).toEqual(outputs)
  })

  it('gives every result once when batches are given up with an unknown outcome', async () => {
    const cluster = create({
      topics: { in: { partitions: 1 }, out: { partitions: 2, replicationFactor: 3 } },
      trace: 'full',
    })
    await fill(cluster, inputs)
    const { stop, aborts } = await process(cluster, { retry: { retries: 0 } })
    // The answer waits for the replicas: now is the time to lose it.
    for (let lost = 0; lost < 4; lost += 1) {
      const before = appended(cluster)
      await cluster.until(() => appended(cluster) > before)
      cluster.faults.disconnect(1)
      cluster.faults.disconnect(2)
      cluster.faults.disconnect(3)
      await cluster.advance(50)
    }
    await cluster.advance('5m')
    await stop()
    expect(aborts.length).toBeGreaterThan(1)
    expect(await read(cluster)).toEqual(outputs)
  })

  /** Batches on all replicas of `out`, markers among them. */
  function appended(cluster: Cluster): number {
    return cluster.trace.events().filter((event) => event.type === 'append' && event.topic === 'out').length
  }
})

describe('requireStable (KIP-447)', () => {
  /** The first worker dwells between its offsets and the end of its transaction until another one has its partition. */
  async function billsAfterTakeover(requireStable: boolean): Promise<string[]> {
    const cluster = create()
    await fill(cluster, ['1'])
    let release = () => {}
    const dwelling = new Promise<void>((resolve) => {
      release = resolve
    })
    const work = async (name: string, dwell: boolean) => {
      const producer = await connect(cluster, { transactionalId: name, transactionTimeout: 60_000 })
      const consumer = cluster.kafka(quiet).consumer({ groupId: 'billing', sessionTimeout: 6000, requireStable })
      await consumer.subscribe({ topic: 'in', fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachMessage: async ({ message }) => {
          const groupMetadata = consumer.groupMetadata()
          const transaction = await producer.transaction()
          await transaction.send({ topic: 'out', messages: [{ value: `<${message.value}>` }] })
          const topics = offset(String(Number(message.offset) + 1))
          await transaction.sendOffsets({ consumerGroupId: 'billing', topics, groupMetadata })
          if (dwell) await dwelling
          await transaction.commit()
        },
      })
    }
    await work('first', true)
    await cluster.advance(3000)
    await work('second', false)
    await cluster.advance(30_000)
    release()
    await cluster.advance(60_000)
    return read(cluster)
  }

  it('who takes over waits for what is about to be committed', async () => {
    expect(await billsAfterTakeover(true)).toEqual(['<1>'])
  })

  it('without it the record is processed again, whoever is fenced', async () => {
    expect(await billsAfterTakeover(false)).toEqual(['<1>', '<1>'])
  })
})
