/** T4, T6 and V7: who owns a transactional id, what hangs, and that everything ends once all is healed. */
import { createCluster } from 'kafkarium'
import { describe, expect, test } from 'vitest'
import { appendBatch, asStored, logOf, type Switches, switchesOf } from '../../src/broker/index.ts'
import type { TransactionFact } from '../../src/broker/laws/transaction-laws.ts'
import { ownerProblem, VERIFICATION_LAWS } from '../../src/cluster/laws/coordinator-laws.ts'
import type { Ledger } from '../../src/cluster/laws/ledger.ts'
import type { PartitionScope } from '../../src/cluster/laws/replica-laws.ts'
import { encodeBatch } from '../../src/protocol/records.ts'
import type { Bench } from '../broker/support.ts'
import { add, end, newBench, producer, written } from '../broker/transactions-support.ts'
import { rawCluster } from '../support/raw.ts'

describe('T4', () => {
  const told = (transactionalId: string, producerId: number, epoch: number): TransactionFact => ({
    ...{ type: 'transaction', transactionalId, from: 'Empty', to: 'Empty', partitions: [], producerId, epoch },
  })
  const ledger: Pick<Ledger, 'owners' | 'producers'> = {
    owners: new Map([['tx', { producerId: 5, epoch: 3, partitions: [], former: new Set([4]) }]]),
    producers: new Map([
      [4, 'tx'],
      [5, 'tx'],
    ]),
  }
  test.each([
    [told('tx', 5, 3), null],
    [told('tx', 5, 4), null],
    [told('tx', 9, 0), null],
    [told('other', 9, 0), null],
    [told('tx', 5, 2), 'transactional id tx went from epoch 3 back to 2'],
    [told('tx', 4, 9), 'transactional id tx is that of producer 4 again'],
    [told('other', 5, 4), 'producer 5 is that of tx, and of other'],
  ])('%o: %s', (fact, problem) => {
    expect(ownerProblem(ledger, fact)).toBe(problem)
  })
})

describe('T6', () => {
  /** A record of a transaction gets into partition 0, as if nobody had asked whether it may. */
  const write = (bench: Bench, producerId: number, producerEpoch = 0) => {
    const log = logOf(bench.state, 'orders', 0)
    if (log === undefined) throw new Error('there is no such partition')
    const batch = encodeBatch([{ key: null, value: 'late', timestamp: bench.now }], {
      producerId,
      producerEpoch,
      transactional: true,
    })
    appendBatch(log, asStored(log, batch, bench.now, false), bench.now)
  }
  const idsOf = ({ transactions: { shards } }: Bench['state']) =>
    new Map(
      [...shards.values()].flatMap(({ transactions }) =>
        [...transactions.values()].map((of) => [of.producerId, of.id]),
      ),
    )
  const check = (
    { state }: Bench,
    {
      producers = idsOf(state),
      switches = state.switches,
    }: { producers?: Map<number, string>; switches?: Switches } = {},
  ) => {
    const log = logOf(state, 'orders', 0)
    const node = { id: 1, broker: { ...state, switches } }
    const world = {
      controller: { image: state.image },
      nodes: new Map([[1, node]]),
      ledger: { producers, partitions: new Map() },
    }
    const scope = { name: 'orders-0', world, current: { node, log }, ledger: { unsafe: null } }
    return VERIFICATION_LAWS.map((law) => law.check(scope as unknown as PartitionScope))[0]
  }
  const hangs = /orders-0: producer \d+ has a transaction open from \d+ on, and no coordinator has it/

  test('what its coordinator has open there does not hang, nor does what is about to get its marker', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    write(bench, it.producerId)
    expect(check(bench)).toBeNull()
    end(bench, it, false)
    expect(check(bench)).toBeNull()
  })

  test('a record before its partition was added, of another partition, or of a producer nobody knows', () => {
    const bench = newBench()
    const it = producer(bench)
    write(bench, it.producerId)
    expect(check(bench)).toMatch(hangs)
    add(bench, it, [1])
    expect(check(bench)).toMatch(hangs)
    expect(check(bench, { producers: new Map() })).toMatch(hangs)
    add(bench, it, [0])
    expect(check(bench)).toBeNull()
  })

  test('A24: a record that comes when the transaction is over', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    end(bench, it, false)
    written(bench)
    expect(check(bench)).toBeNull()
    write(bench, it.producerId)
    expect(check(bench)).toMatch(hangs)
    // Before 3.6 nobody asked.
    expect(check(bench, { switches: switchesOf('3.5') })).toBeNull()
    // A coordinator that is loading cannot be asked.
    const producers = idsOf(bench.state)
    bench.state.transactions.shards.clear()
    expect(check(bench, { producers })).toBeNull()
  })
})

test('T1, T2: many transactions at one coordinator, whose followers are never done: each counts when it is replicated', async () => {
  for (const seed of [1, 2, 3]) {
    await using cluster = createCluster({
      ...{ brokers: 3, seed, laws: true, topics: { orders: { partitions: 2, replicationFactor: 3 } } },
      config: { 'transaction.state.log.num.partitions': 1 },
    })
    const kafka = cluster.kafka({ logLevel: 0 })
    const work = async (id: number) => {
      const own = kafka.producer({ transactionalId: `tx-${id}` })
      await own.connect()
      for (let i = 0; i < 5; i++) {
        const transaction = await own.transaction()
        await transaction.send({ topic: 'orders', messages: [{ value: `${id}-${i}` }] })
        await transaction[i % 2 === 0 ? 'commit' : 'abort']()
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, id) => work(id)))
    await cluster.heal()
    expect(cluster.topic('orders').records({ readUncommitted: true })).toHaveLength(40)
  }
})

describe('V7', () => {
  const create = () =>
    createCluster({ brokers: 3, laws: true, topics: { orders: { partitions: 2, replicationFactor: 3 } } })
  const stable = (cluster: ReturnType<typeof create>) =>
    cluster
      .view()
      .topics.find(({ name }) => name === 'orders')
      ?.partitions.every(({ lastStableOffset, highWatermark }) => lastStableOffset === highWatermark)

  test.each(['crash', 'freeze'] as const)(
    'a producer goes (%s) in the middle: heal waits for its timeout and the look that finds it, and no longer',
    async (how) => {
      await using cluster = create()
      const shop = cluster.process('shop', async ({ newKafka }) => {
        const own = newKafka({ logLevel: 0 }).producer({ transactionalId: 'shop', transactionTimeout: 30_000 })
        await own.connect()
        const transaction = await own.transaction()
        const messages = [0, 1].map((partition) => ({ partition, value: 'half' }))
        await transaction.send({ topic: 'orders', messages })
      })
      await shop.ready
      shop[how]()
      const { now } = cluster
      expect(stable(cluster)).toBe(false)
      await expect(cluster.heal({ within: '10s' })).rejects.toThrow(
        /V7 Every transaction is complete[^\n]*transaction shop is Ongoing, and is aborted at \d+ ms at the latest/,
      )
      await cluster.heal()
      expect(stable(cluster)).toBe(true)
      expect(cluster.now - now).toBeGreaterThan(29_000)
      // transaction.abort.timed.out.transaction.cleanup.interval.ms, and a follower's fetch.
      expect(cluster.now - now).toBeLessThan(30_000 + 10_000 + 500)
    },
  )

  test('a transaction no coordinator knows of is a stall, whatever the time', async () => {
    const { cluster, write } = rawCluster({
      switches: { txnVerification: false },
      topics: { orders: { partitions: 2, replicationFactor: 1 } },
    })
    expect(await write('orders', { producerId: 7, baseSequence: 0, values: ['late'] })).toBe(0)
    await expect(cluster.heal({ within: '10m' })).rejects.toThrow(
      /V7 [^\n]* orders-0 is stable up to 0 of 1: producer 7 has a transaction open from 0 on that no coordinator knows/,
    )
    await cluster.dispose()
  })
})
