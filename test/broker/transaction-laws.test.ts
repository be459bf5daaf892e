/** The laws of transactions at their coordinator notice what Kafka's rules forbid, and nothing where nothing is. */
import { describe, expect, test } from 'vitest'
import { LAWS, logOf } from '../../src/broker/index.ts'
import { COORDINATOR_LAWS, type TransactionFact, transactionScopes } from '../../src/broker/laws/transaction-laws.ts'
import type { TransactionShard } from '../../src/broker/transactions/shard.ts'
import { TRANSACTION_STATES, type Transaction } from '../../src/broker/transactions/transaction.ts'
import type { Bench } from './support.ts'
import { txnCommit as commitOffset, end as endOffsets } from './transactional-offsets-support.ts'
import { add, addOffsets, begin, end, newBench, type Producer, producer, written } from './transactions-support.ts'

const shardOf = (bench: Bench) => bench.state.transactions.shards.get(0) as TransactionShard
const now = (bench: Bench, id = 'tx') => shardOf(bench).transactions.get(id) as Transaction
const put = (bench: Bench, changes: Partial<Transaction>) =>
  shardOf(bench).transactions.set('tx', { ...now(bench), ...changes })
const facts = (bench: Bench) =>
  bench.facts.splice(0).filter((fact): fact is TransactionFact => fact.type === 'transaction')
const told = (bench: Bench, from: string, to: string): TransactionFact => ({
  ...{ type: 'transaction', transactionalId: 'tx', from, to, partitions: [] },
  ...{ producerId: now(bench).producerId, epoch: now(bench).epoch },
})

/** What the laws say after a decision, `id text` each. */
function broken(bench: Bench, of: readonly TransactionFact[], before?: Transaction): string[] {
  bench.state.touched?.transactions.add('tx')
  const found: string[] = []
  for (const scope of transactionScopes(bench.state, of, () => before))
    for (const { id, check } of COORDINATOR_LAWS) {
      const detail = check(scope)
      if (detail !== null) found.push(`${id} ${detail}`)
    }
  return found
}

/** Carries out a step, and lets the laws look at it. */
function sound(bench: Bench, step: () => unknown): void {
  const before = shardOf(bench).transactions.get('tx')
  step()
  expect(broken(bench, facts(bench), before)).toEqual([])
}

describe('a coordinator breaks none', () => {
  test.each(['3.9', '4.3'])(
    'as transactions begin, end, are fenced, take too long and are forgotten (%s)',
    (version) => {
      const bench = newBench({ 'transactional.id.expiration.ms': '7200000' }, version)
      let it: Producer = { producerId: -1, epoch: -1 }
      const begins = () => {
        it = producer(bench)
      }
      sound(bench, begins)
      sound(bench, begins)
      for (const committed of [true, false]) {
        sound(bench, () => add(bench, it, [0, 1]))
        sound(bench, () => add(bench, it, [2]))
        sound(bench, () => end(bench, it, committed))
        sound(bench, () => written(bench))
      }
      sound(bench, () => add(bench, it))
      // The fence: the open transaction is aborted first.
      sound(bench, () => begin(bench))
      sound(bench, () => written(bench))
      sound(bench, begins)
      sound(bench, () => add(bench, it))
      sound(bench, () => bench.pass(80_000))
      sound(bench, () => written(bench))
      sound(bench, () => bench.pass(14_400_000))
      sound(bench, begins)
    },
  )
})

describe('T1', () => {
  const legal: Readonly<Record<string, string>> = {
    Empty: 'Empty Ongoing Dead',
    Ongoing: 'Ongoing PrepareCommit PrepareAbort',
    PrepareCommit: 'CompleteCommit',
    PrepareAbort: 'CompleteAbort',
    CompleteCommit: 'Ongoing Empty Dead',
    CompleteAbort: 'Ongoing Empty Dead',
  }
  test.each(TRANSACTION_STATES)('validPreviousStates: from %s only to these', (from) => {
    for (const version of ['3.9', '4.3']) {
      const bench = newBench({}, version)
      producer(bench)
      const allowed = TRANSACTION_STATES.filter((to) => {
        put(bench, { state: to })
        return !broken(bench, [told(bench, from, to)]).some((text) => text.startsWith('T1'))
      })
      // Transactions version 2: an abort of what the coordinator knows nothing of.
      const isOver = from === 'Empty' || from.startsWith('Complete')
      const expected = [...(legal[from] ?? '').split(' '), ...(version === '4.3' && isOver ? ['PrepareAbort'] : [])]
      expect([...allowed].sort()).toEqual(expected.filter((state) => state !== '').sort())
    }
  })

  test('an edge that was not told, or does not begin where the last one ended', () => {
    const bench = newBench()
    producer(bench)
    const before = now(bench)
    facts(bench)
    put(bench, { state: 'Ongoing' })
    expect(broken(bench, [], before)).toEqual(['T1 transaction tx is Ongoing, and told Empty'])
    const edge = told(bench, 'CompleteCommit', 'Ongoing')
    expect(broken(bench, [edge], before)[0]).toBe(
      'T1 transaction tx was Empty, and went from CompleteCommit to Ongoing',
    )
  })

  test('what is on its way has to be an edge, too', () => {
    const bench = newBench()
    producer(bench)
    const before = now(bench)
    put(bench, { pending: 'CompleteCommit' })
    expect(broken(bench, [], before)).toEqual(['T1 transaction tx is Empty, and on its way to CompleteCommit'])
  })
})

describe('T2', () => {
  test('what is told before it is replicated, or is not what the log says', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    const before = now(bench)
    facts(bench)
    put(bench, { state: 'PrepareCommit' })
    expect(broken(bench, [told(bench, 'Ongoing', 'PrepareCommit')], before)).toEqual([
      'T2 transaction tx is PrepareCommit with epoch 0, below the high watermark it is Ongoing with epoch 0',
    ])
    const log = logOf(bench.state, '__transaction_state', 0)
    if (log !== undefined) log.highWatermark = 0
    put(bench, { state: 'Ongoing' })
    expect(broken(bench, [told(bench, 'Empty', 'Ongoing')])).toEqual([
      'T2 transaction tx is Ongoing with epoch 0, below the high watermark it is not there',
    ])
  })
})

test('T6: a transaction of version 2 that ends in the epoch in which it was open', () => {
  const bench = newBench()
  const it = producer(bench)
  add(bench, it)
  const before = now(bench)
  facts(bench)
  end(bench, it, true, { version: 5 })
  expect(broken(bench, facts(bench), before)).toEqual([])
  const late = { ...before, epoch: now(bench).epoch }
  expect(broken(bench, [told(bench, 'Ongoing', 'PrepareCommit')], late)).toEqual([
    'T6 transaction tx was open in epoch 1, it ends in epoch 1',
  ])
})

describe('T5', () => {
  const T5 = LAWS.find(({ id }) => id === 'T5')
  const check = (bench: Bench) => {
    bench.state.touched?.groups.add('g')
    return T5?.check(bench.state)
  }
  const offsets = (bench: Bench) => bench.state.shards.get(0)
  const txnCommit = (bench: Bench, { producerId, epoch: producerEpoch }: Producer, offset: number) =>
    expect(commitOffset(bench, offset, { producerId, producerEpoch })).toBe('NONE')
  const marker = (bench: Bench, { producerId, epoch: producerEpoch }: Producer, commit: boolean) =>
    expect(endOffsets(bench, commit, { producerId, producerEpoch })).toEqual([0])
  /** A commit of offset 5 in a transaction, by its producer. */
  const committing = (bench: Bench, offset = 5) => {
    const it = producer(bench)
    expect(addOffsets(bench, it)).toBe('NONE')
    txnCommit(bench, it, offset)
    expect(check(bench)).toBeNull()
    return it
  }

  test('an offset that counts before its transaction has ended', () => {
    const bench = newBench()
    const { producerId } = committing(bench)
    const shard = offsets(bench)
    for (const [group, topics] of shard?.pendingOffsets.get(producerId) ?? []) shard?.offsets.set(group, topics)
    txnCommit(bench, { producerId, epoch: 0 }, 6)
    expect(check(bench)).toMatch(/group g, orders-0: the log says none, the coordinator 6/)
  })

  test('a commit that is held back no longer, or not any more', () => {
    const bench = newBench()
    const { producerId } = committing(bench)
    offsets(bench)?.pendingOffsets.delete(producerId)
    txnCommit(bench, { producerId, epoch: 0 }, 6)
    offsets(bench)?.pendingOffsets.get(producerId)?.clear()
    expect(check(bench)).toMatch(
      /in the transaction of producer \d+, group g, orders-0: the log says 6, the coordinator none/,
    )
  })

  test.each([true, false])('an outcome that is not carried out (commit: %s)', (commit) => {
    const bench = newBench()
    const it = committing(bench)
    marker(bench, it, commit)
    expect(check(bench)).toBeNull()
    txnCommit(bench, it, 7)
    expect(check(bench)).toBeNull()
    marker(bench, it, commit)
    const shard = offsets(bench)
    if (commit) shard?.offsets.clear()
    else shard?.pendingOffsets.set(it.producerId, new Map())
    expect(check(bench)).toMatch(commit ? /the log says 7, the coordinator none/ : /has ended and is still pending/)
  })

  test('KAFKA-5247: of two commits the later record counts, whichever transaction ended later', () => {
    // Both commit under one transactional id, which a leader that asks the coordinator would refuse.
    const bench = newBench({ 'transaction.partition.verification.enable': 'false' })
    const early = producer(bench)
    const late = producer(bench, { id: 'late' })
    addOffsets(bench, early)
    addOffsets(bench, late, { id: 'late' })
    txnCommit(bench, early, 1)
    txnCommit(bench, late, 2)
    marker(bench, late, true)
    marker(bench, early, true)
    expect(check(bench)).toBeNull()
    const shard = offsets(bench)
    const partitions = shard?.offsets.get('g')?.get('orders')
    const known = partitions?.get(0)
    expect(known?.offset).toBe(2)
    addOffsets(bench, early)
    txnCommit(bench, early, 3)
    marker(bench, early, true)
    // What it would be if the earlier record had counted, by its marker.
    if (known !== undefined) partitions?.set(0, { ...known, offset: 1 })
    expect(check(bench)).toMatch(/the log says 3, the coordinator 1/)
  })

  test('a coordinator that has loaded something else than what is in the log', () => {
    const bench = newBench()
    const it = committing(bench)
    marker(bench, it, true)
    expect(check(bench)).toBeNull()
    const shard = offsets(bench)
    if (shard === undefined) throw new Error('nobody coordinates it')
    bench.state.shards.set(0, { ...shard, offsets: new Map() })
    expect(check(bench)).toMatch(/the log says 5, the coordinator none/)
  })
})
