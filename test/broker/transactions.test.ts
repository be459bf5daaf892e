/** The transaction coordinator, after TransactionCoordinator and its tests; the methods are named. */
import { describe, expect, test } from 'vitest'
import { createDecision } from '../../src/broker/decision.ts'
import {
  beginLoadingTransactions,
  finishLoadingTransactions,
  resignTransactions,
} from '../../src/broker/transactions/tenure.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { makeFindCoordinatorRequest, makeListTransactionsRequest } from '../../src/protocol/make.ts'
import type { Bench } from './support.ts'
import {
  add,
  addOffsets,
  begin,
  end,
  errorOf,
  markers,
  newBench,
  producer,
  reload,
  stateOf,
  written,
} from './transactions-support.ts'

const states = (bench: Bench) => bench.facts.flatMap((fact) => (fact.type === 'transaction' ? [fact.to] : []))

describe('handleInitProducerId', () => {
  test('a new transactional id gets a producer id and epoch 0', () => {
    const bench = newBench()
    expect(producer(bench)).toEqual({ producerId: expect.any(Number), epoch: 0 })
    expect(stateOf(bench)).toBe('Empty')
  })

  test('the same id again: the same producer id, the next epoch, and the former self is fenced', () => {
    const bench = newBench()
    const first = producer(bench)
    const second = producer(bench)
    expect(second).toEqual({ producerId: first.producerId, epoch: 1 })
    expect(add(bench, first)).toEqual(['PRODUCER_FENCED'])
    expect(add(bench, first, [0], { version: 1 })).toEqual(['INVALID_PRODUCER_EPOCH'])
    expect(add(bench, second)).toEqual(['NONE'])
  })

  test('a transaction that is open is aborted first, and the producer asks again (CONCURRENT_TRANSACTIONS)', () => {
    const bench = newBench({}, '3.9')
    const first = producer(bench)
    add(bench, first)
    expect(errorOf(begin(bench))).toBe('CONCURRENT_TRANSACTIONS')
    expect(stateOf(bench)).toBe('PrepareAbort')
    expect(errorOf(begin(bench))).toBe('CONCURRENT_TRANSACTIONS')
    expect(written(bench)).toMatchObject([{ commit: false, producerEpoch: 1 }])
    expect(stateOf(bench)).toBe('CompleteAbort')
    // The epoch of the fence is never told.
    expect(begin(bench)).toMatchObject({ errorCode: 0, producerId: first.producerId, epoch: 2 })
    expect(errorOf(end(bench, first, true))).toBe('PRODUCER_FENCED')
  })

  test('KIP-360: a producer that names its epoch gets the next one; asked again, the same; an older one is fenced', () => {
    const bench = newBench()
    const first = producer(bench)
    const again = begin(bench, { claims: first })
    expect(again).toMatchObject({ errorCode: 0, epoch: 1 })
    expect(begin(bench, { claims: first })).toMatchObject({ errorCode: 0, epoch: 1 })
    producer(bench)
    expect(errorOf(begin(bench, { claims: first }))).toBe('PRODUCER_FENCED')
    expect(errorOf(begin(bench, { claims: first, version: 3 }))).toBe('INVALID_PRODUCER_EPOCH')
    expect(errorOf(begin(bench, { claims: { producerId: 77, epoch: 2 } }))).toBe('PRODUCER_FENCED')
  })

  test('prepareProducerIdRotation: when the epochs are used up there is a new producer id', () => {
    const bench = newBench()
    const first = producer(bench)
    const shard = bench.state.transactions.shards.get(0)
    const known = shard?.transactions.get('tx')
    if (known !== undefined) shard?.transactions.set('tx', { ...known, epoch: 32_766 })
    const second = producer(bench)
    expect(second.epoch).toBe(0)
    expect(second.producerId).not.toBe(first.producerId)
  })

  test('a timeout beyond transaction.max.timeout.ms is INVALID_TRANSACTION_TIMEOUT, an empty id INVALID_REQUEST', () => {
    const bench = newBench()
    expect(errorOf(begin(bench, { timeoutMs: 900_001 }))).toBe('INVALID_TRANSACTION_TIMEOUT')
    expect(errorOf(begin(bench, { timeoutMs: 0 }))).toBe('INVALID_TRANSACTION_TIMEOUT')
    expect(errorOf(begin(bench, { id: '' }))).toBe('INVALID_REQUEST')
  })
})

describe('handleAddPartitionsToTransaction', () => {
  test('the first partition begins the transaction, more join it, known ones are answered at once', () => {
    const bench = newBench()
    const it = producer(bench)
    expect(add(bench, it, [0, 1])).toEqual(['NONE', 'NONE'])
    expect(stateOf(bench)).toBe('Ongoing')
    const written = bench.state.logs.get('__transaction_state')?.[0]?.logEndOffset
    expect(add(bench, it, [1])).toEqual(['NONE'])
    expect(bench.state.logs.get('__transaction_state')?.[0]?.logEndOffset).toBe(written)
    expect(addOffsets(bench, it)).toBe('NONE')
    expect(reload(bench).transactions.get('tx')?.partitions).toEqual(['orders-0', 'orders-1', '__consumer_offsets-0'])
  })

  test('a stranger is INVALID_PRODUCER_ID_MAPPING, another epoch PRODUCER_FENCED', () => {
    const bench = newBench()
    const it = producer(bench)
    expect(add(bench, { ...it, producerId: 99 })).toEqual(['INVALID_PRODUCER_ID_MAPPING'])
    expect(add(bench, it, [0], { id: 'other' })).toEqual(['INVALID_PRODUCER_ID_MAPPING'])
    expect(add(bench, { ...it, epoch: 7 })).toEqual(['PRODUCER_FENCED'])
    expect(add(bench, it, [0], { id: '' })).toEqual(['INVALID_REQUEST'])
    expect(stateOf(bench)).toBe('Empty')
  })

  test('one partition that does not exist: the others are OPERATION_NOT_ATTEMPTED, and nothing has begun', () => {
    const bench = newBench()
    expect(add(bench, producer(bench), [0, 9])).toEqual(['OPERATION_NOT_ATTEMPTED', 'UNKNOWN_TOPIC_OR_PARTITION'])
    expect(stateOf(bench)).toBe('Empty')
  })

  test('while the last transaction ends it is CONCURRENT_TRANSACTIONS', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    end(bench, it, true)
    expect(add(bench, it)).toEqual(['CONCURRENT_TRANSACTIONS'])
    written(bench)
    expect(add(bench, it)).toEqual(['NONE'])
  })
})

describe('handleEndTransaction', () => {
  test('a commit is answered when it is decided, and complete when every partition has its marker', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it, [0, 2])
    expect(errorOf(end(bench, it, true))).toBe('NONE')
    expect(stateOf(bench)).toBe('PrepareCommit')
    const marker = {
      commit: true,
      ...{ producerId: it.producerId, producerEpoch: it.epoch, coordinatorEpoch: 0, version: 0 },
      partitions: [
        { topic: 'orders', partition: 0 },
        { topic: 'orders', partition: 2 },
      ],
    }
    expect(written(bench)).toEqual([marker])
    expect(stateOf(bench)).toBe('CompleteCommit')
    expect(states(bench)).toEqual(['Empty', 'Ongoing', 'PrepareCommit', 'CompleteCommit'])
  })

  test.each([
    [true, 'CompleteCommit', 'NONE', 'INVALID_TXN_STATE'],
    [false, 'CompleteAbort', 'INVALID_TXN_STATE', 'NONE'],
  ])(
    'asked again after %s: the same is answered alike, the other is INVALID_TXN_STATE',
    (committed, state, commit, abort) => {
      const bench = newBench()
      const it = producer(bench)
      add(bench, it)
      end(bench, it, committed)
      expect(errorOf(end(bench, it, committed))).toBe('CONCURRENT_TRANSACTIONS')
      expect(errorOf(end(bench, it, !committed))).toBe('CONCURRENT_TRANSACTIONS')
      written(bench)
      expect(stateOf(bench)).toBe(state)
      expect([errorOf(end(bench, it, true)), errorOf(end(bench, it, false))]).toEqual([commit, abort])
    },
  )

  test('nothing to end is INVALID_TXN_STATE; a stranger and another epoch as when adding', () => {
    const bench = newBench()
    const it = producer(bench)
    expect(errorOf(end(bench, it, true))).toBe('INVALID_TXN_STATE')
    add(bench, it)
    expect(errorOf(end(bench, { ...it, producerId: 5 }, true))).toBe('INVALID_PRODUCER_ID_MAPPING')
    expect(errorOf(end(bench, { ...it, epoch: 5 }, true))).toBe('PRODUCER_FENCED')
    expect(errorOf(end(bench, { ...it, epoch: 5 }, true, { version: 1 }))).toBe('INVALID_PRODUCER_EPOCH')
    expect(errorOf(end(bench, it, true, { id: 'other' }))).toBe('INVALID_PRODUCER_ID_MAPPING')
    expect(errorOf(end(bench, it, true, { id: '' }))).toBe('INVALID_REQUEST')
    expect(stateOf(bench)).toBe('Ongoing')
  })

  test('KIP-890: with version 5 the epoch is bumped, the markers have it, and a repeated request is recognised', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    const v5 = { version: 5 }
    expect(end(bench, it, true, v5)).toMatchObject({ errorCode: 0, producerId: it.producerId, producerEpoch: 1 })
    expect(errorOf(end(bench, it, true, v5))).toBe('CONCURRENT_TRANSACTIONS')
    expect(written(bench)).toMatchObject([{ producerEpoch: 1 }])
    expect(end(bench, it, true, v5)).toMatchObject({ errorCode: 0, producerEpoch: 1 })
    // The next transaction has the new epoch; what is late of the old one is fenced.
    expect(add(bench, { ...it, epoch: 1 })).toEqual(['NONE'])
    expect(errorOf(end(bench, it, true, v5))).toBe('PRODUCER_FENCED')
  })

  test('KIP-890 off: a late EndTxn ends the next transaction (A23)', () => {
    const bench = newBench({}, '3.9')
    const it = producer(bench)
    add(bench, it)
    end(bench, it, true, { version: 4 })
    written(bench)
    add(bench, it)
    expect(errorOf(end(bench, it, true, { version: 4 }))).toBe('NONE')
    expect(stateOf(bench)).toBe('PrepareCommit')
  })
})

describe('TransactionMarkerChannelManager', () => {
  test('a leader that says NOT_LEADER_OR_FOLLOWER is asked again', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    end(bench, it, true)
    written(bench, ErrorCode.NOT_LEADER_OR_FOLLOWER)
    expect(stateOf(bench)).toBe('PrepareCommit')
    bench.pass(100)
    expect(written(bench)).toHaveLength(1)
    expect(stateOf(bench)).toBe('CompleteCommit')
  })

  test('an answer that does not come is waited for, then asked for again', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    end(bench, it, true)
    expect(markers(bench)).toHaveLength(1)
    bench.pass(29_000)
    expect(markers(bench)).toHaveLength(0)
    bench.pass(1200)
    expect(written(bench)).toHaveLength(1)
    expect(stateOf(bench)).toBe('CompleteCommit')
  })

  test('an answer to an older request counts no more', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    end(bench, it, true)
    const [old] = markers(bench)
    bench.pass(31_000)
    const answer = (request: number) =>
      bench.hear({
        type: 'txn-markers-written',
        from: 1,
        request,
        results: [{ producerId: it.producerId, topic: 'orders', partition: 0, errorCode: 0 }],
      })
    answer(old?.request ?? -1)
    expect(stateOf(bench)).toBe('PrepareCommit')
    written(bench)
    expect(stateOf(bench)).toBe('CompleteCommit')
  })
})

describe('abortTimedOutTransactions', () => {
  test('what takes longer than its timeout is aborted, and its producer fenced', () => {
    const bench = newBench({}, '3.9')
    const it = producer(bench, { timeoutMs: 20_000 })
    add(bench, it)
    bench.pass(19_000)
    expect(stateOf(bench)).toBe('Ongoing')
    bench.pass(12_000)
    expect(stateOf(bench)).toBe('PrepareAbort')
    expect(written(bench)).toMatchObject([{ commit: false, producerEpoch: it.epoch + 1 }])
    expect(errorOf(end(bench, it, true))).toBe('PRODUCER_FENCED')
    expect(bench.facts).toContainEqual({ type: 'transaction.timeout', transactionalId: 'tx', afterMs: 20_000 })
  })

  test('one that ends in time is left alone', () => {
    const bench = newBench()
    const it = producer(bench, { timeoutMs: 20_000 })
    add(bench, it)
    end(bench, it, true)
    written(bench)
    bench.pass(60_000)
    expect(stateOf(bench)).toBe('CompleteCommit')
  })

  test('removeExpiredTransactionalIds: an id nobody uses for transactional.id.expiration.ms is forgotten', () => {
    const bench = newBench({ 'transactional.id.expiration.ms': '7200000' })
    const it = producer(bench)
    bench.pass(7_000_000)
    expect(stateOf(bench)).toBe('Empty')
    bench.pass(7_200_000)
    expect(stateOf(bench)).toBe('TRANSACTIONAL_ID_NOT_FOUND')
    expect(add(bench, it)).toEqual(['INVALID_PRODUCER_ID_MAPPING'])
    expect(reload(bench).transactions.size).toBe(0)
  })
})

describe('onElection, onResignation', () => {
  const moveTo = (bench: Bench) => {
    const ctx = { now: bench.now, uuid: () => '', memberUuid: () => '' }
    const out = createDecision()
    resignTransactions(bench.state, 0, ctx, out)
    beginLoadingTransactions(bench.state, 0, ctx, out)
    const during = begin(bench)
    finishLoadingTransactions(bench.state, { ...ctx, now: bench.now + 1000 }, out)
    bench.sent.push(...out.sends)
    return during
  }

  test.each([
    ['Empty', [] as const],
    ['Ongoing', ['add'] as const],
    ['PrepareCommit', ['add', 'commit'] as const],
    ['PrepareAbort', ['add', 'abort'] as const],
    ['CompleteCommit', ['add', 'commit', 'written'] as const],
  ])('in %s: the next coordinator goes on where the last one was', (state, steps) => {
    const bench = newBench()
    const it = producer(bench)
    for (const step of steps) {
      if (step === 'add') add(bench, it)
      else if (step === 'written') written(bench)
      else end(bench, it, step === 'commit')
    }
    bench.sent.length = 0
    expect(errorOf(moveTo(bench))).toBe('COORDINATOR_LOAD_IN_PROGRESS')
    expect(stateOf(bench)).toBe(state)
    const sent = written(bench)
    expect(sent.map(({ commit }) => commit)).toEqual(state.startsWith('Prepare') ? [state === 'PrepareCommit'] : [])
    if (state === 'Ongoing') expect(errorOf(end(bench, it, true))).toBe('NONE')
    if (state.startsWith('Prepare')) expect(stateOf(bench)).toBe(state.replace('Prepare', 'Complete'))
  })

  test('FindCoordinator names it, and the first question makes __transaction_state', () => {
    const bench = newBench()
    const body = makeFindCoordinatorRequest({ key: 'tx', keyType: 1 })
    expect(bench.ask('FindCoordinator', 2, body)).toMatchObject({ errorCode: 0, nodeId: 1 })
    expect(errorOf(bench.ask('FindCoordinator', 2, makeFindCoordinatorRequest({ key: 'tx', keyType: 7 })))).toBe(
      'INVALID_REQUEST',
    )
  })

  test('ListTransactions filters by state, producer and duration, and names states it does not know', () => {
    const bench = newBench()
    const it = producer(bench)
    producer(bench, { id: 'other' })
    add(bench, it)
    bench.pass(5000)
    const list = (more: Parameters<typeof makeListTransactionsRequest>[0]) => {
      const answer = bench.ask('ListTransactions', 1, makeListTransactionsRequest(more))
      return [...answer.transactionStates.map(({ transactionalId }) => transactionalId), ...answer.unknownStateFilters]
    }
    expect(list({})).toEqual(['tx', 'other'])
    expect(list({ stateFilters: ['Ongoing'] })).toEqual(['tx'])
    expect(list({ stateFilters: ['Asleep', 'Empty'] })).toEqual(['other', 'Asleep'])
    expect(list({ producerIdFilters: [it.producerId] })).toEqual(['tx'])
    // One that never began did so at -1, as Kafka sees it.
    expect(list({ durationFilter: 4000 })).toEqual(['tx', 'other'])
    expect(list({ durationFilter: 6000 })).toEqual(['other'])
    expect(list({ stateFilters: ['Nope', 'Nope', 'PrepareEpochFence'] })).toEqual(['Nope'])
  })

  test('ListTransactions v2 filters by a pattern of the whole id', () => {
    const bench = newBench()
    for (const id of ['shop-1', 'shop-2', 'bank-1']) producer(bench, { id })
    const list = (transactionalIdPattern: string | null) => {
      const answer = bench.ask('ListTransactions', 2, makeListTransactionsRequest({ transactionalIdPattern }))
      return answer.errorCode === 0
        ? answer.transactionStates.map(({ transactionalId }) => transactionalId)
        : errorOf(answer)
    }
    expect(list('shop-.*')).toEqual(['shop-1', 'shop-2'])
    expect(list('shop')).toEqual([])
    expect(list(null)).toEqual(list(''))
    expect(list('')).toHaveLength(3)
    expect(list('(')).toBe('INVALID_REGULAR_EXPRESSION')
  })
})
