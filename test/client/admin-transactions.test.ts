/** The admin client and transactions: looking at them, and ending one that hangs (KIP-664). */
import { type Cluster, createCluster } from 'kafkarium'
import { afterEach, describe, expect, it } from 'vitest'
import type { Admin, ProducerConfig } from '../../src/client/index.ts'
import { rawCluster } from '../support/raw.ts'

const made: Cluster[] = []
const kept = <C extends Cluster>(cluster: C): C => {
  made.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})

const quiet = { logLevel: 0 } as const
const MINUTE = 60_000

async function create(options: Parameters<typeof createCluster>[0] = {}) {
  const cluster = kept(createCluster({ brokers: 3, topics: { orders: 2, bills: 1 }, ...options }))
  return { cluster, admin: await connect(cluster) }
}

async function connect(cluster: Cluster): Promise<Admin> {
  const admin = cluster.kafka(quiet).admin()
  await admin.connect()
  return admin
}

async function begin(cluster: Cluster, transactionalId: string, options: ProducerConfig = {}) {
  const producer = cluster.kafka(quiet).producer({ transactionalId, ...options })
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic: 'orders', messages: [{ value: 'a', partition: 0 }] })
  return transaction
}

/** A transaction that its coordinator knows nothing of: data from nowhere, as a late record leaves it. */
async function hanging(values: readonly string[] = ['hangs']) {
  const raw = rawCluster({
    brokers: 3,
    topics: { orders: { partitions: 1, replicationFactor: 3 } },
    config: { 'transaction.partition.verification.enable': false },
  })
  const cluster = kept(raw.cluster)
  await cluster.produce('orders', ['before'])
  expect(await raw.write('orders', { producerId: 4711, producerEpoch: 3, baseSequence: 0, values })).toBe(0)
  return { cluster, raw, admin: await connect(cluster) }
}

async function reader(cluster: Cluster): Promise<string[]> {
  const seen: string[] = []
  const consumer = cluster.kafka(quiet).consumer({ groupId: 'reader', maxWaitTimeInMs: 500 })
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => void seen.push(String(message.value)) })
  return seen
}

describe('a transaction that hangs', () => {
  it('is found and aborted, and the consumer behind it goes on', async () => {
    const { cluster, admin } = await hanging()
    await cluster.produce('orders', ['after'])
    const seen = await reader(cluster)
    await cluster.advance(14 * MINUTE)
    expect(seen).toEqual(['before'])
    // Not for longer than a transaction may be: it may still end.
    expect(await admin.findHangingTransactions()).toEqual([])
    await cluster.advance(2 * MINUTE)
    const found = await admin.findHangingTransactions({ topic: 'orders' })
    expect(found).toMatchObject([
      {
        topic: 'orders',
        partition: 0,
        producerId: '4711',
        producerEpoch: 3,
        lastSequence: 0,
        coordinatorEpoch: null,
        currentTransactionStartOffset: '1',
        transactionalId: null,
      },
    ])
    expect(found[0]?.durationMs).toBeGreaterThan(15 * MINUTE)
    expect(seen).toEqual(['before'])

    for (const transaction of found) await admin.abortTransaction(transaction)
    await cluster.until(() => seen.length === 2)
    expect(seen).toEqual(['before', 'after'])
    expect(await admin.findHangingTransactions()).toEqual([])
    const [partition] = await admin.describeProducers({ topic: 'orders' })
    expect(partition?.activeProducers.find(({ producerId }) => producerId === '4711')).toMatchObject({
      currentTransactionStartOffset: null,
      coordinatorEpoch: 0,
    })
  })

  it('is not one whose coordinator still has the partition, however long it is open', async () => {
    const { cluster, admin } = await create({ config: { 'transaction.max.timeout.ms': 3 * 60 * MINUTE } })
    const transaction = await begin(cluster, 'patient', { transactionTimeout: 2 * 60 * MINUTE })
    await cluster.advance(20 * MINUTE)
    expect(await admin.findHangingTransactions()).toEqual([])
    await transaction.commit()
  })

  it('is one of a transactional id whose coordinator has ended it elsewhere', async () => {
    const { cluster, raw, admin } = await hanging()
    const producer = cluster.kafka(quiet).producer({ transactionalId: 'tx' })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic: 'orders', messages: [{ value: 'x' }] })
    await transaction.commit()
    const { transactions } = await admin.describeTransactions(['tx'])
    const producerId = Number(transactions[0]?.producerId)
    expect(await raw.write('orders', { producerId, baseSequence: 1, values: ['late'] })).toBe(0)
    await cluster.advance(20 * MINUTE)
    const found = await admin.findHangingTransactions({ topic: 'orders', partitions: [0] })
    expect(found.map((one) => [one.producerId, one.transactionalId])).toEqual([
      ['4711', null],
      [String(producerId), 'tx'],
    ])
    // The marker of its coordinator has been here: an older one is refused.
    expect(found[1]?.coordinatorEpoch).toBe(0)
  })

  it('is aborted where the leader is now', async () => {
    const { cluster, admin } = await hanging()
    await admin.describeProducers({ topic: 'orders' })
    cluster.faults.moveLeader('orders', 0, 3)
    await cluster.settle()
    await admin.abortTransaction({ topic: 'orders', partition: 0, producerId: '4711', producerEpoch: 3 })
    const [partition] = cluster.topic('orders').partitions
    expect(partition).toMatchObject({ leader: 3, lastStableOffset: partition?.highWatermark })
  })

  it('is not aborted by an epoch that is over', async () => {
    const { cluster, admin } = await hanging()
    const stale = { topic: 'orders', partition: 0, producerId: '4711', producerEpoch: 2, coordinatorEpoch: null }
    await expect(admin.abortTransaction(stale)).rejects.toMatchObject({ type: 'INVALID_PRODUCER_EPOCH' })
    expect(cluster.topic('orders').partitions[0]).toMatchObject({ lastStableOffset: 1 })
  })
})

describe('describeProducers', () => {
  it('says per partition who has written, and what is open', async () => {
    const { cluster, admin } = await create()
    const transaction = await begin(cluster, 'tx')
    await transaction.send({ topic: 'orders', messages: [{ value: 'b', partition: 0 }] })
    const sentAt = String(cluster.now)
    const producers = await admin.describeProducers({ topic: 'orders' })
    expect(producers).toMatchObject([
      {
        partition: 0,
        activeProducers: [
          { producerEpoch: 0, lastSequence: 1, coordinatorEpoch: null, currentTransactionStartOffset: '0' },
        ],
      },
      { partition: 1, activeProducers: [] },
    ])
    expect(Number(producers[0]?.activeProducers[0]?.lastTimestamp)).toBeLessThanOrEqual(Number(sentAt))
    expect(await admin.describeProducers({ topic: 'orders', partitions: [1] })).toEqual([producers[1]])
    await transaction.commit()
    const [after] = await admin.describeProducers({ topic: 'orders', partitions: [0] })
    expect(after?.activeProducers).toMatchObject([{ coordinatorEpoch: 0, currentTransactionStartOffset: null }])
  })

  it('finds the new leader when one has died', async () => {
    const { cluster, admin } = await create({ topics: { orders: { partitions: 1, replicationFactor: 3 } } })
    const transaction = await begin(cluster, 'tx')
    await admin.describeProducers({ topic: 'orders' })
    const { leader = -1 } = cluster.topic('orders').partitions[0] ?? {}
    cluster.faults.crash(leader)
    const [partition] = await admin.describeProducers({ topic: 'orders' })
    expect(partition?.activeProducers).toMatchObject([{ currentTransactionStartOffset: '0' }])
    await transaction.abort()
  })

  it('rejects for what does not exist', async () => {
    const { admin } = await create()
    const unknown = { cause: { type: 'UNKNOWN_TOPIC_OR_PARTITION' } }
    await expect(admin.describeProducers({ topic: 'orders', partitions: [7] })).rejects.toMatchObject(unknown)
    await expect(admin.describeProducers({ topic: 'nope' })).rejects.toMatchObject(unknown)
  })
})

describe('describeTransactions and listTransactions', () => {
  it('tell what is open since when, in which partitions, and who coordinates it', async () => {
    const { cluster, admin } = await create()
    const before = cluster.now
    const open = await begin(cluster, 'open', { transactionTimeout: 45_000 })
    await open.send({ topic: 'bills', messages: [{ value: 'b' }] })
    await (await begin(cluster, 'over')).commit()
    const { transactions } = await admin.describeTransactions(['open', 'over'])
    expect(transactions).toMatchObject([
      {
        transactionalId: 'open',
        state: 'Ongoing',
        producerEpoch: 0,
        transactionTimeoutMs: 45_000,
        topicPartitions: [
          { topic: 'orders', partitions: [0] },
          { topic: 'bills', partitions: [0] },
        ],
      },
      { transactionalId: 'over', state: 'CompleteCommit', topicPartitions: [] },
    ])
    expect(Number(transactions[0]?.transactionStartTimeMs)).toBeGreaterThanOrEqual(before)

    const ids = async (filters?: Parameters<Admin['listTransactions']>[0]) =>
      (await admin.listTransactions(filters)).transactions.map(({ transactionalId }) => transactionalId).sort()
    expect(await ids()).toEqual(['open', 'over'])
    expect(await ids({ states: ['CompleteCommit', 'CompleteAbort'] })).toEqual(['over'])
    expect(await ids({ producerIds: [transactions[1]?.producerId ?? ''] })).toEqual(['over'])
    expect(await ids({ durationMs: 30_000, states: ['Ongoing'] })).toEqual([])
    await cluster.advance(31_000)
    expect(await ids({ durationMs: 30_000, states: ['Ongoing'] })).toEqual(['open'])
  })

  it('know every broker’s, while one of them dies', async () => {
    const { cluster, admin } = await create({ topics: { orders: { partitions: 1, replicationFactor: 3 } } })
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    for (const name of names) await (await begin(cluster, name)).commit()
    const { transactions } = await admin.listTransactions()
    expect(transactions.map(({ transactionalId }) => transactionalId).sort()).toEqual(names)
    expect(new Set(transactions.map(({ coordinatorId }) => coordinatorId)).size).toBeGreaterThan(1)
    const described = await admin.describeTransactions(names)
    for (const { transactionalId, coordinatorId } of described.transactions) {
      expect(transactions.find((one) => one.transactionalId === transactionalId)?.coordinatorId).toBe(coordinatorId)
    }
    cluster.faults.crash(2)
    const left = (await admin.listTransactions()).transactions
    expect(left.map(({ transactionalId }) => transactionalId).sort()).toEqual(names)
    expect(left.map(({ coordinatorId }) => coordinatorId)).not.toContain(2)
  })

  it('reject for an id that nobody has used, and name it', async () => {
    const { admin } = await create()
    await expect(admin.describeTransactions(['nobody'])).rejects.toMatchObject({
      type: 'TRANSACTIONAL_ID_NOT_FOUND',
      code: 105,
      message: expect.stringContaining('"nobody"'),
    })
  })
})

describe('fenceProducers', () => {
  it('takes the id over: what is open is aborted, and who had it is fenced', async () => {
    const { cluster, admin } = await create()
    const transaction = await begin(cluster, 'tx')
    const seen = await reader(cluster)
    const { producers } = await admin.fenceProducers(['tx', 'never-used'])
    expect(producers).toMatchObject([{ transactionalId: 'tx' }, { transactionalId: 'never-used', producerEpoch: 0 }])
    const epoch = producers[0]?.producerEpoch
    expect(epoch).toBeGreaterThan(0)
    await expect(transaction.commit()).rejects.toMatchObject({ type: 'INVALID_PRODUCER_EPOCH' })
    await cluster.advance(10_000)
    expect(seen).toEqual([])
    expect((await admin.describeTransactions(['tx'])).transactions).toMatchObject([
      { state: 'Empty', transactionTimeoutMs: 30_000, producerEpoch: epoch },
    ])
    const [partition] = cluster.topic('orders').partitions
    expect(partition?.lastStableOffset).toBe(partition?.highWatermark)
  })

  it('is refused with a timeout that brokers do not allow', async () => {
    const { admin } = await create()
    await expect(admin.fenceProducers(['tx'], { timeout: 900_001 })).rejects.toMatchObject({
      type: 'INVALID_TRANSACTION_TIMEOUT',
    })
  })
})

describe('wrong arguments', () => {
  // biome-ignore lint/suspicious/noExplicitAny: wrong arguments on purpose.
  type Loose = any
  const abort = { topic: 'orders', partition: 0, producerId: '1', producerEpoch: 0 }
  const calls: [string, (admin: Loose) => Promise<unknown>, string][] = [
    ['a topic that is none', (a) => a.describeProducers({}), 'Invalid topic undefined'],
    ['partitions', (a) => a.describeProducers({ topic: 'orders', partitions: 0 }), 'Invalid partitions array 0'],
    [
      'a partition',
      (a) => a.describeProducers({ topic: 'orders', partitions: [-1] }),
      'Invalid partition -1 of topic "orders"',
    ],
    ['ids', (a) => a.describeTransactions('tx'), 'Invalid transactionalIds array tx'],
    ['an id', (a) => a.fenceProducers(['']), 'Invalid transactionalId ""'],
    ['a timeout', (a) => a.fenceProducers(['tx'], { timeout: '30s' }), 'Invalid timeout 30s, it has to be whole'],
    ['a state', (a) => a.listTransactions({ states: ['Open'] }), 'Invalid transaction state "Open", known are Empty'],
    ['a producer id', (a) => a.listTransactions({ producerIds: ['x'] }), 'Invalid producerId x'],
    ['a duration', (a) => a.listTransactions({ durationMs: -1 }), 'Invalid durationMs -1'],
    ['an epoch', (a) => a.abortTransaction({ ...abort, producerEpoch: undefined }), 'Invalid producerEpoch undefined'],
    [
      'a coordinator epoch',
      (a) => a.abortTransaction({ ...abort, coordinatorEpoch: 'x' }),
      'Invalid coordinatorEpoch x',
    ],
    ['partitions of no topic', (a) => a.findHangingTransactions({ partitions: [0] }), 'Invalid topic undefined'],
  ]
  it.each(calls)('%s', async (_what, call, message) => {
    const { admin } = await create()
    await expect(call(admin)).rejects.toMatchObject({
      name: 'KafkaJSNonRetriableError',
      message: expect.stringContaining(message),
    })
  })
})
