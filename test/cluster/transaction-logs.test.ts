/** What consumers see of transactions, through the public API; their producers write request by request. */
import { afterEach, describe, expect, test } from 'vitest'
import { runSeed } from '../../src/cluster/run-seed.ts'
import { ErrorCode, errorName } from '../../src/protocol/errors.ts'
import { type RawCluster, rawCluster } from '../support/raw.ts'
import { HARMLESS } from '../support/storm.ts'

const made: RawCluster[] = []
const create = (options: Parameters<typeof rawCluster>[0] = {}) => {
  const raw = rawCluster({
    brokers: 3,
    topics: { orders: { partitions: 1, replicationFactor: 3 } },
    laws: true,
    trace: 'full',
    // Nobody coordinates these transactions.
    switches: { txnVerification: false },
    ...options,
  })
  made.push(raw)
  return raw
}
afterEach(async () => {
  for (const { cluster } of made.splice(0)) await cluster.dispose()
})

async function consume({ cluster }: RawCluster, groupId: string, readUncommitted = false) {
  const consumer = cluster.kafka({ logLevel: 0 }).consumer({ groupId, readUncommitted })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  const read: string[] = []
  // A commit a batch, also where there is nothing to see: by default kafkajs commits after handlers only.
  await consumer.run({
    autoCommitThreshold: 1,
    eachMessage: async ({ message }) => void read.push(String(message.value)),
  })
  return read
}
const partition = ({ cluster }: RawCluster) =>
  cluster.view().topics.find(({ name }) => name === 'orders')?.partitions[0]

describe('isolation (A19)', () => {
  test('read_committed, the default, waits for the end of a transaction and never shows what was aborted; read_uncommitted shows all', async () => {
    const raw = create()
    const { cluster, write, end } = raw
    const committed = await consume(raw, 'committed')
    const all = await consume(raw, 'all', true)
    await write('orders', { producerId: 1, baseSequence: 0, values: ['bad 1', 'bad 2'] })
    await cluster.produce('orders', ['plain'])
    await cluster.settle()
    expect(committed).toEqual([])
    expect(all).toEqual(['bad 1', 'bad 2', 'plain'])
    expect(partition(raw)).toMatchObject({ lastStableOffset: 0, highWatermark: 3 })
    expect(await end('orders', { producerId: 1, commit: false })).toBe(0)
    await cluster.settle()
    expect(committed).toEqual(['plain'])
    await write('orders', { producerId: 1, baseSequence: 2, values: ['good'] })
    expect(await end('orders', { producerId: 1, commit: true })).toBe(0)
    await cluster.settle()
    expect(committed).toEqual(['plain', 'good'])
    expect(all).toEqual(['bad 1', 'bad 2', 'plain', 'good'])
    expect(partition(raw)).toMatchObject({ lastStableOffset: 6, highWatermark: 6, logEndOffset: 6 })
  })

  test.each([true, false])('lag reaches 0 with markers at the end, read_uncommitted %s', async (readUncommitted) => {
    const raw = create()
    const { cluster, write, end } = raw
    await consume(raw, 'billing', readUncommitted)
    await write('orders', { producerId: 1, baseSequence: 0, values: ['a'] })
    await end('orders', { producerId: 1, commit: true })
    await write('orders', { producerId: 2, baseSequence: 0, values: ['b'] })
    await end('orders', { producerId: 2, commit: false })
    await cluster.advance('20s')
    expect(cluster.group('billing').lag()).toBe(0)
    const offsets = await cluster
      .kafka({ logLevel: 0 })
      .admin()
      .fetchOffsets({ groupId: 'billing', topics: ['orders'] })
    expect(offsets[0]?.partitions[0]?.offset).toBe('4')
  })

  test('transactions of two producers interleave; each is shown or hidden on its own (A20)', async () => {
    const raw = create()
    const { cluster, write, end } = raw
    const read = await consume(raw, 'billing')
    for (let i = 0; i < 3; i++) {
      await write('orders', { producerId: 1, baseSequence: i, values: [`kept ${i}`] })
      await write('orders', { producerId: 2, baseSequence: i, values: [`dropped ${i}`] })
    }
    await end('orders', { producerId: 1, commit: true })
    await cluster.settle()
    // The other one began behind the first record.
    expect(read).toEqual(['kept 0'])
    await end('orders', { producerId: 2, commit: false })
    await cluster.settle()
    expect(read).toEqual(['kept 0', 'kept 1', 'kept 2'])
  })

  test('records are shown in the order of the log, whichever transaction ended first', async () => {
    const raw = create()
    const { cluster, write, end } = raw
    const read = await consume(raw, 'billing')
    await write('orders', { producerId: 1, baseSequence: 0, values: ['first'] })
    await write('orders', { producerId: 2, baseSequence: 0, values: ['second'] })
    await end('orders', { producerId: 2, commit: true })
    await end('orders', { producerId: 1, commit: true })
    await cluster.settle()
    expect(read).toEqual(['first', 'second'])
  })

  test('an admin finds and aborts a transaction that hangs (KIP-664)', async () => {
    const raw = create()
    const { cluster, write, end, ask } = raw
    const read = await consume(raw, 'billing')
    await write('orders', { producerId: 5, producerEpoch: 2, baseSequence: 0, values: ['late'] })
    await cluster.produce('orders', ['stuck behind it'])
    await cluster.advance('10m')
    expect(read).toEqual([])
    const leader = partition(raw)?.leader as number
    const described = await ask(leader, 'DescribeProducers', 0, { topics: [{ name: 'orders', partitionIndexes: [0] }] })
    const hanging = described.topics[0]?.partitions[0]?.activeProducers.find((one) => one.currentTxnStartOffset >= 0)
    expect(hanging).toMatchObject({ producerId: 5, producerEpoch: 2, coordinatorEpoch: -1, currentTxnStartOffset: 0 })
    if (hanging === undefined) return
    const { producerId, producerEpoch, coordinatorEpoch } = hanging
    expect(await end('orders', { producerId, producerEpoch, coordinatorEpoch, commit: false })).toBe(0)
    await cluster.settle()
    expect(read).toEqual(['stuck behind it'])
  })
})

describe('failures', () => {
  test.each(['crash', 'stop'] as const)(
    'a leader that goes (%s) with a transaction open: the next one knows of it',
    async (how) => {
      const raw = create()
      const { cluster, write, end } = raw
      const read = await consume(raw, 'billing')
      await write('orders', { producerId: 1, baseSequence: 0, values: ['a'] })
      const leader = partition(raw)?.leader as number
      if (how === 'crash') cluster.faults.crash(leader)
      else cluster.faults.stop(leader)
      await cluster.until(() => ![leader, -1].includes(partition(raw)?.leader as number))
      await write('orders', { producerId: 1, baseSequence: 1, values: ['b'] })
      await cluster.advance('1s')
      expect(read).toEqual([])
      expect(await end('orders', { producerId: 1, commit: true, coordinatorEpoch: 1 })).toBe(0)
      cluster.faults.restart(leader)
      await cluster.heal()
      // The broker that went may have been the group's coordinator, too: what was handled is handled again.
      expect([...new Set(read)]).toEqual(['a', 'b'])
      expect(partition(raw)?.lastStableOffset).toBe(3)
    },
  )

  const SEEDS = Number(process.env.KAFKARIUM_SEARCH_SEEDS ?? 500) / 5
  test('storms: whatever happens to leaders, read_committed ends up with what was committed, once and in order', async () => {
    let transactions = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      const raw = create({
        seed,
        config: { 'replica.lag.time.max.ms': 5000, 'broker.session.timeout.ms': 3000 },
        topics: { orders: { partitions: 1, replicationFactor: 3, config: { 'min.insync.replicas': 2 } } },
      })
      const { cluster } = raw
      let work: Promise<string[][]> | null = null
      const run = await runSeed(cluster, { kinds: HARMLESS }, async () => {
        work = Promise.all([1, 2, 3].map((producerId) => transact(raw, producerId, seed)))
        work.catch(() => {})
        await cluster.advance('10s')
      })
      expect([run.law, run.stall, run.failure], run.describe()).toEqual([null, null, null])
      // What the storm has not let through comes through now.
      const expected: string[][] = (await work) ?? []
      const read = await consume(raw, 'auditor')
      await cluster.advance('10s')
      for (const [i, committed] of expected.entries()) {
        const own = read.filter((value) => value.startsWith(`${i + 1}:`))
        expect(own, `producer ${i + 1}\n${run.describe()}`).toEqual(committed)
        transactions += committed.length
      }
      expect(cluster.group('auditor').lag()).toBe(0)
      made.pop()
      await cluster.dispose()
    }
    console.log(`${transactions} committed records in ${SEEDS} storms`)
    expect(transactions).toBeGreaterThan(SEEDS * 5)
  }, 120_000)
})

/** No answer, and errors that a later attempt may not meet. */
const PASSING: ReadonlySet<number> = new Set([
  -1,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
])

/** Six transactions, every other one committed; each request is repeated until its outcome is known. What was committed. */
async function transact({ cluster, write, end }: RawCluster, producerId: number, seed: number): Promise<string[]> {
  const committed: string[] = []
  const insist = async (ask: () => Promise<number>) => {
    for (let code = await ask(); code !== ErrorCode.NONE; code = await ask()) {
      if (!PASSING.has(code)) throw new Error(`producer ${producerId}: ${errorName(code)}`)
      await cluster.advance(200)
    }
  }
  let baseSequence = 0
  for (let txn = 0; txn < 6; txn++) {
    const values = Array.from({ length: 1 + ((seed + txn) % 2) }, (_, i) => `${producerId}:${txn}/${i}`)
    const batch = { producerId, baseSequence, values }
    await insist(() => write('orders', batch))
    baseSequence += values.length
    const commit = (txn + seed + producerId) % 2 === 0
    await insist(() => end('orders', { producerId, commit }))
    if (commit) committed.push(...values)
    await cluster.advance(100)
  }
  return committed
}
