/** Transactions as people see them: the read model, and what errors say when somebody waits behind one. */
import { setTimeout as realSleep } from 'node:timers/promises'
import { type Cluster, type ClusterOptions, createCluster, type DeadlockError } from 'kafkarium'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { rawCluster } from '../support/raw.ts'

const made: Cluster[] = []
const kept = <C extends Cluster>(cluster: C): C => {
  made.push(cluster)
  return cluster
}
const create = (options: ClusterOptions = {}) => kept(createCluster({ topics: { orders: 1 }, laws: true, ...options }))
afterEach(async () => {
  vi.restoreAllMocks()
  for (const cluster of made.splice(0)) await cluster.dispose()
})

const quiet = { logLevel: 0 } as const

async function begin(cluster: Cluster, value = 'a', transactionTimeout = 60_000) {
  const producer = cluster.kafka(quiet).producer({ transactionalId: 'shop', transactionTimeout })
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic: 'orders', messages: [{ value }] })
  return transaction
}

async function read(cluster: Cluster, readUncommitted = false): Promise<string[]> {
  const consumer = cluster.kafka(quiet).consumer({ groupId: 'billing', readUncommitted })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  const seen: string[] = []
  await consumer.run({ eachMessage: async ({ message }) => void seen.push(String(message.value)) })
  return seen
}

/** Data of a producer that no coordinator has ever heard of. */
async function hanging(): Promise<Cluster> {
  const raw = rawCluster({
    topics: { orders: 1 },
    config: { 'transaction.partition.verification.enable': false },
  })
  kept(raw.cluster)
  expect(await raw.write('orders', { producerId: 4711, producerEpoch: 3, baseSequence: 0, values: ['x'] })).toBe(0)
  return raw.cluster
}

const messageOf = async (wait: Promise<unknown>): Promise<string> => {
  const error = await wait.then(
    () => new Error('it came to an end'),
    (thrown: DeadlockError) => thrown,
  )
  return error.message
}

describe('the view', () => {
  test('has every transaction as its coordinator has it', async () => {
    const cluster = create({ brokers: 3, topics: { orders: 1, bills: 2 } })
    expect(cluster.view().transactions).toEqual([])
    const transaction = await begin(cluster, 'a', 45_000)
    await transaction.send({ topic: 'bills', messages: [{ value: 'b', partition: 1 }] })
    const [open, ...others] = cluster.view().transactions
    expect(others).toEqual([])
    expect(open).toMatchObject({
      transactionalId: 'shop',
      epoch: 0,
      state: 'Ongoing',
      pending: null,
      partitions: [
        { topic: 'orders', partition: 0 },
        { topic: 'bills', partition: 1 },
      ],
      timeoutMs: 45_000,
    })
    expect(cluster.nodes().map(({ id }) => id)).toContain(open?.coordinator)
    expect(cluster.now - (open?.startedAt ?? 0)).toBeLessThan(1000)
    await transaction.commit()
    await cluster.settle()
    expect(cluster.view().transactions).toMatchObject([{ state: 'CompleteCommit', partitions: [] }])
  })

  test('says of a partition whose transactions hold its readers up, and since when', async () => {
    const cluster = create()
    await cluster.produce('orders', ['before'])
    const transaction = await begin(cluster)
    await cluster.produce('orders', ['after'])
    const [partition] = cluster.topic('orders').partitions
    const [open] = cluster.view().transactions
    expect(partition).toMatchObject({
      lastStableOffset: 1,
      highWatermark: 3,
      openTransactions: [
        {
          transactionalId: 'shop',
          producerId: open?.producerId,
          producerEpoch: 0,
          firstOffset: 1,
          since: open?.startedAt,
          ended: false,
          hangs: false,
        },
      ],
    })
    await transaction.abort()
    expect(cluster.topic('orders').partitions[0]).toMatchObject({ lastStableOffset: 4, openTransactions: [] })
  })

  test('follows the coordinator to another broker, and knows what hangs only when all coordinators are known', async () => {
    const cluster = create({ brokers: 3, topics: { orders: { partitions: 1, replicationFactor: 3 } } })
    await begin(cluster)
    const { coordinator = -1 } = cluster.view().transactions[0] ?? {}
    cluster.faults.crash(coordinator)
    // Nobody knows of it now, and it does not hang for that.
    expect(cluster.view().transactions).toEqual([])
    expect(cluster.topic('orders').partitions[0]?.openTransactions[0]?.hangs ?? false).toBe(false)
    await cluster.advance('20s')
    expect(cluster.view().transactions).toMatchObject([{ transactionalId: 'shop', state: 'Ongoing' }])
    expect(cluster.view().transactions[0]?.coordinator).not.toBe(coordinator)
    expect(cluster.topic('orders').partitions[0]?.openTransactions).toMatchObject([{ hangs: false }])
  })

  test('shows what hangs', async () => {
    const cluster = await hanging()
    expect(cluster.topic('orders').partitions[0]?.openTransactions).toMatchObject([
      { producerId: 4711, producerEpoch: 3, transactionalId: null, firstOffset: 0, ended: false, hangs: true },
    ])
  })
})

describe('a log', () => {
  test('says of every offset what it is, and what became of its transaction', async () => {
    const cluster = create()
    await cluster.produce('orders', ['plain'])
    await (await begin(cluster, 'kept')).commit()
    await cluster.settle()
    await (await begin(cluster, 'dropped')).abort()
    await cluster.settle()
    await begin(cluster, 'undecided')
    await cluster.produce('orders', ['behind'])
    const log = cluster.topic('orders').log(0)
    expect(log.map(({ offset, type, transaction }) => `${offset} ${type} ${transaction ?? ''}`.trim())).toEqual([
      '0 record',
      '1 record committed',
      '2 commit',
      '3 record aborted',
      '4 abort',
      '5 record open',
      '6 record',
    ])
    const [id] = cluster.view().transactions.map(({ producerId }) => producerId)
    expect(log.map(({ producerId }) => producerId === id)).toEqual([false, true, true, true, true, true, false])
    expect(() => cluster.topic('orders').log(1)).toThrow('Topic "orders" has the partitions 0 to 0, not 1.')
  })
})

describe('a wait behind a transaction', () => {
  test('that was forgotten: the error says where, whose, since when, and what to do', async () => {
    const cluster = create()
    const transaction = await begin(cluster)
    const seen = await read(cluster)
    await cluster.produce('orders', ['b'])
    const before = cluster.now - (cluster.view().transactions[0]?.startedAt ?? 0)
    const message = await messageOf(cluster.until(() => seen.length === 2, { within: '10s' }))
    const lines = message.split('\n')
    const at = lines.findIndex((line) => line.includes('committed records only'))
    expect(lines[at]).toMatch(
      /^ {2}group billing reads committed records only and waits at orders-0 before offset 0, though the log end offset is 2: the transaction of "shop" \(producer id \d+, epoch 0\) is open there for [\d.]+ s\.$/,
    )
    const openFor = Number(/open there for ([\d.]+) s/.exec(message)?.[1])
    expect(openFor).toBeCloseTo(before / 1000 + 10, 1)
    expect(lines[at + 1]).toMatch(
      /^ {4}Commit or abort it, or call admin\.fenceProducers\(\['shop'\]\)\. .*transactionTimeout of 1 m, in [\d.]+ s of virtual time; a shorter one/,
    )
    await transaction.commit()
    await cluster.until(() => seen.length === 2)
  })

  // What somebody new to it writes: the time-out has aborted the transaction long before the wait is given up.
  test('that ran into its time-out meanwhile: the error says that too', async () => {
    const cluster = create()
    const seen = await read(cluster)
    await begin(cluster)
    const message = await messageOf(cluster.until(() => seen.includes('a')))
    expect(message).toMatch(
      /group billing never sees what transactional id "shop" wrote to orders-0 from offset 0 on: the transaction was aborted at offset 1\. It was open for longer than its transactionTimeout of 1 m\./,
    )
    expect(message).not.toContain('waits at')
  })

  test('that was aborted in time: no time-out is blamed', async () => {
    const cluster = create()
    const seen = await read(cluster)
    await (await begin(cluster)).abort()
    const message = await messageOf(cluster.until(() => seen.includes('a')))
    expect(message).toContain('the transaction was aborted at offset 1.\n')
  })

  test('that hangs: the call that ends it is in the error, and it does end it', async () => {
    const cluster = await hanging()
    const seen = await read(cluster)
    await cluster.produce('orders', ['after'])
    const message = await messageOf(cluster.until(() => seen.length === 1, { within: '2m' }))
    expect(message).toContain('a transaction of producer id 4711, epoch 3, that no transactional id has, is open there')
    const call =
      /admin\.abortTransaction\(\{ topic: '(.*?)', partition: (\d), producerId: '(\d+)', producerEpoch: (\d) \}\)/
    const [, topic = '', partition, producerId = '', producerEpoch] = call.exec(message) ?? []
    const admin = cluster.kafka(quiet).admin()
    await admin.connect()
    await admin.abortTransaction({
      topic,
      partition: Number(partition),
      producerId,
      producerEpoch: Number(producerEpoch),
    })
    await cluster.until(() => seen.length === 1)
  })

  test('that is decided, and whose marker a leader cannot get: the error says who is to send it', async () => {
    const cluster = create({
      brokers: 3,
      topics: { orders: { partitions: 1, replicationFactor: 3 } },
      // That leader has a replica of the coordinator's log, too: the decision waits until it is out of sync.
      config: { 'replica.lag.time.max.ms': '5000' },
    })
    const transaction = await begin(cluster)
    const seen = await read(cluster)
    const { coordinator = -1 } = cluster.view().transactions[0] ?? {}
    const leader = (coordinator % 3) + 1
    cluster.faults.moveLeader('orders', 0, leader)
    await cluster.settle()
    expect(cluster.topic('orders').partitions[0]).toMatchObject({ leader })
    cluster.faults.cut(coordinator, leader)
    await transaction.commit()
    const message = await messageOf(cluster.until(() => seen.length === 1, { within: '5s' }))
    expect(message).toContain(`It is PrepareCommit: its marker is still to come from broker ${coordinator}.`)
  })

  test('says nothing of who reads uncommitted records, or of partitions nobody reads', async () => {
    const cluster = create()
    await begin(cluster)
    expect(await messageOf(cluster.until(() => false, { within: '5s' }))).not.toContain('committed records only')
    const seen = await read(cluster, true)
    await cluster.until(() => seen.length === 1)
    expect(await messageOf(cluster.until(() => false, { within: '5s' }))).not.toContain('committed records only')
  })

  test('in many partitions: some are named, the others counted', async () => {
    const cluster = create({ topics: { orders: 6 } })
    const producer = cluster.kafka(quiet).producer({ transactionalId: 'shop' })
    await producer.connect()
    const transaction = await producer.transaction()
    const messages = [0, 1, 2, 3, 4, 5].map((partition) => ({ value: 'a', partition }))
    await transaction.send({ topic: 'orders', messages })
    const seen = await read(cluster)
    const waits = await messageOf(cluster.until(() => seen.length > 0, { within: '10s' }))
    expect(waits.match(/committed records only/g)).toHaveLength(3)
    expect(waits).toContain('  and so in 3 more partition(s)\n')
    await transaction.abort()
    const aborted = await messageOf(cluster.until(() => seen.length > 0, { within: '10s' }))
    expect(aborted.match(/never sees/g)).toHaveLength(3)
  })

  test('while time stands still: the one line says it', async () => {
    const warnings = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const cluster = create()
    await read(cluster)
    await begin(cluster)
    await cluster.settle()
    await realSleep(3300)
    const lines = warnings.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('[kafkarium]'))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(
      /Virtual time stands still.* Group billing reads committed records only and waits at orders-0 before offset 0, though the log end offset is 1: .*"shop".*Commit or abort it.* Next: /,
    )
  })
})
