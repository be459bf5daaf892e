/** Rules of the transaction coordinator that show themselves when something is late, is repeated or goes wrong (TransactionCoordinator). */
import { describe, expect, test } from 'vitest'
import { createDecision } from '../../src/broker/decision.ts'
import {
  beginLoadingTransactions,
  finishLoadingTransactions,
  resignTransactions,
} from '../../src/broker/transactions/tenure.ts'
import { ErrorCode, errorName } from '../../src/protocol/errors.ts'
import {
  makeAddPartitionsToTxnRequest,
  makeDescribeProducersRequest,
  makeEndTxnRequest,
  makeInitProducerIdRequest,
  makeWritableTxnMarker,
  makeWriteTxnMarkersRequest,
} from '../../src/protocol/make.ts'
import { readRecords } from '../../src/protocol/records.ts'
import { type Bench, createBench } from './support.ts'
import {
  add,
  begin,
  end,
  errorOf,
  markers,
  newBench,
  type Producer,
  producer,
  reload,
  stateOf,
  written,
} from './transactions-support.ts'

const transactionOf = (bench: Bench) => bench.state.transactions.shards.get(0)?.transactions.get('tx')

describe('time', () => {
  test('the timeout counts from the first partition, not from the last one that was added', () => {
    const bench = newBench({}, '3.9')
    const it = producer(bench, { timeoutMs: 20_000 })
    add(bench, it, [0])
    bench.pass(15_000)
    add(bench, it, [1])
    bench.pass(16_000)
    expect(stateOf(bench)).toBe('PrepareAbort')
  })

  test('an id whose transaction is open is not forgotten, however long that is', () => {
    const config = { 'transactional.id.expiration.ms': '7200000', 'transaction.max.timeout.ms': '100000000' }
    const bench = newBench(config)
    producer(bench, { id: 'idle' })
    const it = producer(bench, { timeoutMs: 50_000_000 })
    add(bench, it)
    bench.pass(14_400_000)
    expect(stateOf(bench, 'idle')).toBe('TRANSACTIONAL_ID_NOT_FOUND')
    expect(stateOf(bench)).toBe('Ongoing')
    expect(errorOf(end(bench, it, true))).toBe('NONE')
  })
})

describe('partitions', () => {
  test('a request with a partition that is in it and one that is not adds the latter', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it, [0])
    expect(add(bench, it, [0, 1])).toEqual(['NONE', 'NONE'])
    expect(reload(bench).transactions.get('tx')?.partitions).toEqual(['orders-0', 'orders-1'])
  })

  test('handleVerifyPartitionsInTransaction: only what was added is in it (TRANSACTION_ABORTABLE)', () => {
    const bench = newBench()
    const { producerId, epoch: producerEpoch } = producer(bench)
    add(bench, { producerId, epoch: producerEpoch }, [1])
    const topics = [{ name: 'orders', partitions: [0, 1] }]
    const one = { transactionalId: 'tx', producerId, producerEpoch, verifyOnly: true, topics }
    const answer = bench.ask('AddPartitionsToTxn', 4, makeAddPartitionsToTxnRequest({ transactions: [one] }))
    const results = answer.resultsByTransaction[0]?.topicResults.flatMap(({ resultsByPartition }) => resultsByPartition)
    expect(results?.map(({ partitionErrorCode }) => errorName(partitionErrorCode))).toEqual([
      'TRANSACTION_ABORTABLE',
      'NONE',
    ])
  })
})

test('KIP-890: when a transaction ends with the last epoch, its producer goes on with another id', () => {
  const bench = newBench()
  const { producerId } = producer(bench)
  const shard = bench.state.transactions.shards.get(0)
  const known = transactionOf(bench)
  if (known === undefined) throw new Error('there is no transaction')
  const it: Producer = { producerId, epoch: 32_766 }
  shard?.transactions.set('tx', { ...known, epoch: it.epoch })
  add(bench, it)
  end(bench, it, true, { version: 5 })
  expect(written(bench)).toMatchObject([{ producerId, producerEpoch: 32_767 }])
  expect(transactionOf(bench)).toMatchObject({ state: 'CompleteCommit', epoch: 0, previousProducerId: producerId })
  expect(transactionOf(bench)?.producerId).not.toBe(producerId)
})

describe('markers', () => {
  test('when a partition has another leader it is asked at once, whatever the former one was asked', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    end(bench, it, true)
    expect(markers(bench)).toMatchObject([{ to: 1 }])
    const info = bench.state.image.topics.get('orders')?.partitions[0]
    if (info !== undefined) Object.assign(info, { leader: 2, leaderEpoch: info.leaderEpoch + 1 })
    bench.pass(100)
    expect(markers(bench)).toMatchObject([{ to: 2 }])
  })

  test.each([ErrorCode.TRANSACTION_COORDINATOR_FENCED, ErrorCode.INVALID_PRODUCER_EPOCH])(
    'abortSending: one that is refused because there is somebody newer (%i) completes nothing',
    (errorCode) => {
      const bench = newBench()
      const it = producer(bench)
      add(bench, it, [0, 1])
      end(bench, it, true)
      written(bench, errorCode)
      bench.pass(60_000)
      expect(markers(bench)).toEqual([])
      expect(stateOf(bench)).toBe('PrepareCommit')
    },
  )
})

describe('another coordinator', () => {
  /** The partition's next leadership, on a broker that knows nothing yet. */
  function elect(bench: Bench): void {
    const { state } = bench
    const ctx = { now: bench.now, uuid: () => '', memberUuid: () => '' }
    const out = createDecision()
    resignTransactions(state, 0, ctx, out)
    bench.timers.delete('txn-timeout')
    state.transactions.timeoutAt = Infinity
    const log = state.logs.get('__transaction_state')?.[0]
    if (log !== undefined) log.leaderEpoch += 1
    beginLoadingTransactions(state, 0, ctx, out)
    finishLoadingTransactions(state, { ...ctx, now: bench.now + 1000 }, out)
    bench.sent.push(...out.sends)
    for (const { key, ...armed } of out.timers) if (armed.at !== null) bench.timers.set(key, armed)
  }

  test('aborts what was open when it became one', () => {
    const bench = newBench({}, '3.9')
    add(bench, producer(bench, { timeoutMs: 20_000 }))
    elect(bench)
    bench.pass(31_000)
    expect(stateOf(bench)).toBe('PrepareAbort')
  })

  test('says in its markers which one it is, so that leaders know the former one', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    end(bench, it, true)
    expect(markers(bench)).toMatchObject([{ marker: { coordinatorEpoch: 0 } }])
    elect(bench)
    expect(markers(bench)).toMatchObject([{ marker: { coordinatorEpoch: 1 } }])
  })
})

describe('writes', () => {
  /** Nothing is replicated unless the test says so. */
  const silentBench = (config: Record<string, string> = {}) =>
    createBench({ orders: 4, __transaction_state: 1 }, config, { silentFollower: true, version: '3.9' })
  const replicate = (bench: Bench) => bench.replicate('__transaction_state')
  const body = makeInitProducerIdRequest({ transactionalId: 'tx', transactionTimeoutMs: 20_000 })
  const asks = (bench: Bench) => bench.send('InitProducerId', 4, body)
  function started(bench: Bench): Producer {
    // A block of producer ids comes when it is asked for.
    expect(errorOf(begin(bench))).toBe('COORDINATOR_LOAD_IN_PROGRESS')
    const correlationId = asks(bench)
    expect(bench.isWaiting(correlationId)).toBe(true)
    replicate(bench)
    const { producerId, producerEpoch } = bench.answerTo('InitProducerId', correlationId)
    return { producerId, epoch: producerEpoch }
  }
  const added = (bench: Bench, { producerId, epoch }: Producer) =>
    bench.send(
      'AddPartitionsToTxn',
      3,
      makeAddPartitionsToTxnRequest({
        ...{ v3AndBelowTransactionalId: 'tx', v3AndBelowProducerId: producerId, v3AndBelowProducerEpoch: epoch },
        v3AndBelowTopics: [{ name: 'orders', partitions: [0] }],
      }),
    )

  test('one that takes longer than the transaction may is given up, and who asks again is heard', () => {
    const bench = silentBench()
    const it = started(bench)
    const first = added(bench, it)
    bench.pass(19_999)
    expect(bench.isWaiting(first)).toBe(true)
    bench.pass(1)
    const code = (id: number) =>
      bench.answerTo('AddPartitionsToTxn', id).resultsByTopicV3AndBelow[0]?.resultsByPartition[0]?.partitionErrorCode
    expect(code(first)).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    const second = added(bench, it)
    expect(bench.isWaiting(second)).toBe(true)
    replicate(bench)
    expect(code(second)).toBe(ErrorCode.NONE)
  })

  test('KAFKA-8803: a fence that could not be written keeps its epoch for the next try', () => {
    const bench = silentBench({ 'transaction.abort.timed.out.transaction.cleanup.interval.ms': '3600000' })
    const it = started(bench)
    added(bench, it)
    replicate(bench)
    for (const _ of [1, 2, 3]) {
      const fence = asks(bench)
      bench.pass(20_000)
      expect(errorOf(bench.answerTo('InitProducerId', fence))).toBe('COORDINATOR_NOT_AVAILABLE')
    }
    asks(bench)
    replicate(bench)
    expect(markers(bench)).toMatchObject([{ marker: { producerEpoch: it.epoch + 1, commit: false } }])
  })

  test('nothing is written that could not be committed: with too few in sync it is COORDINATOR_NOT_AVAILABLE', () => {
    const bench = silentBench({ 'transaction.state.log.min.isr': '2', 'min.insync.replicas': '2' })
    const it = started(bench)
    const leader = bench.state.leading.get('__transaction_state-0')
    if (leader !== undefined) Object.assign(leader, { isr: [1] })
    const log = bench.state.logs.get('__transaction_state')?.[0]
    const before = log?.logEndOffset
    const { resultsByTopicV3AndBelow } = bench.answerTo('AddPartitionsToTxn', added(bench, it))
    expect(resultsByTopicV3AndBelow[0]?.resultsByPartition[0]?.partitionErrorCode).toBe(
      ErrorCode.COORDINATOR_NOT_AVAILABLE,
    )
    expect(log?.logEndOffset).toBe(before)
  })

  test('a deadline that comes before those of others is kept, too', () => {
    const bench = silentBench()
    const it = started(bench)
    added(bench, it)
    const slow = { transactionalId: 'slow', transactionTimeoutMs: 600_000 }
    const first = bench.send('InitProducerId', 4, makeInitProducerIdRequest(slow))
    const quick = { transactionalId: 'quick', transactionTimeoutMs: 1000 }
    const second = bench.send('InitProducerId', 4, makeInitProducerIdRequest(quick))
    bench.pass(1000)
    expect(errorOf(bench.answerTo('InitProducerId', second))).toBe('COORDINATOR_NOT_AVAILABLE')
    bench.pass(598_000)
    expect(bench.isWaiting(first)).toBe(true)
    bench.pass(1000)
    expect(errorOf(bench.answerTo('InitProducerId', first))).toBe('COORDINATOR_NOT_AVAILABLE')
  })

  describe('what the coordinator decides by itself is decided again until it is written', () => {
    const inSync = (bench: Bench, isr: readonly number[]) => {
      const leader = bench.state.leading.get('__transaction_state-0')
      if (leader !== undefined) Object.assign(leader, { isr })
    }

    test('the abort of one that takes too long: too few in sync, then none that answers in time', () => {
      const bench = silentBench({ 'transaction.state.log.min.isr': '2', 'min.insync.replicas': '2' })
      const it = started(bench)
      added(bench, it)
      replicate(bench)
      inSync(bench, [1])
      bench.pass(60_000)
      expect(stateOf(bench)).toBe('Ongoing')
      inSync(bench, [1, 2])
      bench.pass(10_000)
      // It is written, and nobody replicates it.
      bench.pass(25_000)
      expect(stateOf(bench)).toBe('Ongoing')
      bench.pass(10_000)
      replicate(bench)
      expect(stateOf(bench)).toBe('PrepareAbort')
      // Each try fences with the same epoch.
      expect(markers(bench)).toMatchObject([{ marker: { producerEpoch: it.epoch + 1, commit: false } }])
    })

    test('forgetting an id', () => {
      const bench = silentBench({ 'transactional.id.expiration.ms': '3600000', 'min.insync.replicas': '2' })
      started(bench)
      inSync(bench, [1])
      bench.pass(10_800_000)
      expect(stateOf(bench)).toBe('Empty')
      inSync(bench, [1, 2])
      // Up to the next look, every hour on the hour.
      bench.pass(3_600_000 - (bench.now % 3_600_000))
      replicate(bench)
      expect(stateOf(bench)).toBe('TRANSACTIONAL_ID_NOT_FOUND')
    })
  })
})

describe('fencing with an epoch for every transaction', () => {
  function open(bench: Bench, epoch: number): Producer {
    const { producerId } = producer(bench, { timeoutMs: 20_000 })
    const known = transactionOf(bench)
    if (known === undefined) throw new Error('there is no transaction')
    bench.state.transactions.shards.get(0)?.transactions.set('tx', { ...known, epoch })
    expect(add(bench, { producerId, epoch })).toEqual(['NONE'])
    return { producerId, epoch }
  }

  test('KAFKA-19367: the epoch is bumped once', () => {
    const bench = newBench()
    open(bench, 5)
    expect(errorOf(begin(bench))).toBe('CONCURRENT_TRANSACTIONS')
    expect(written(bench)).toMatchObject([{ producerEpoch: 6, commit: false }])
    expect(begin(bench)).toMatchObject({ errorCode: 0, producerEpoch: 7 })
  })

  test.each([
    ['somebody begins with its id', (bench: Bench) => void begin(bench)],
    ['it takes too long', (bench: Bench) => bench.pass(31_000)],
  ])('KAFKA-20090: with the last epoch, when %s, the next producer has another id', (_why, fences) => {
    const bench = newBench()
    const { producerId } = open(bench, 32_766)
    fences(bench)
    expect(written(bench)).toMatchObject([{ producerId, producerEpoch: 32_767, commit: false }])
    expect(transactionOf(bench)).toMatchObject({ state: 'CompleteAbort', epoch: 0, previousProducerId: producerId })
    const next = begin(bench)
    expect(next).toMatchObject({ errorCode: 0, producerEpoch: 1 })
    expect(next.producerId).not.toBe(producerId)
  })

  test('KIP-360: a producer that never heard of the end of its transaction goes on with the epoch it has now', () => {
    const bench = newBench()
    const it = open(bench, 5)
    end(bench, it, true, { version: 5 })
    written(bench)
    expect(begin(bench, { claims: it })).toMatchObject({ errorCode: 0, producerEpoch: 6 })
  })
})

describe('ending with an epoch for every transaction', () => {
  test('who asks again after the next one has ended is told that it is over, not how that went', () => {
    const bench = newBench()
    const it = producer(bench)
    for (const epoch of [it.epoch, it.epoch + 1]) {
      expect(add(bench, { ...it, epoch })).toEqual(['NONE'])
      end(bench, { ...it, epoch }, true, { version: 5 })
      written(bench)
    }
    const again = (epoch: number) => errorOf(end(bench, { ...it, epoch }, true, { version: 5 }))
    expect([again(it.epoch + 1), again(it.epoch)]).toEqual(['NONE', 'PRODUCER_FENCED'])
  })

  test('while its end is on its way into the log it is not decided again', () => {
    const bench = createBench({ orders: 4, __transaction_state: 1 }, {}, { silentFollower: true })
    expect(errorOf(begin(bench))).toBe('COORDINATOR_LOAD_IN_PROGRESS')
    const body = makeInitProducerIdRequest({ transactionalId: 'tx', transactionTimeoutMs: 20_000 })
    const begun = bench.send('InitProducerId', 4, body)
    bench.replicate('__transaction_state')
    const { producerId, producerEpoch } = bench.answerTo('InitProducerId', begun)
    const adding = makeAddPartitionsToTxnRequest({
      ...{ v3AndBelowTransactionalId: 'tx', v3AndBelowProducerId: producerId, v3AndBelowProducerEpoch: producerEpoch },
      v3AndBelowTopics: [{ name: 'orders', partitions: [0] }],
    })
    bench.send('AddPartitionsToTxn', 3, adding)
    bench.replicate('__transaction_state')
    const ending = makeEndTxnRequest({ transactionalId: 'tx', producerId, producerEpoch, committed: true })
    const first = bench.send('EndTxn', 5, ending)
    expect(bench.isWaiting(first)).toBe(true)
    const log = bench.state.logs.get('__transaction_state')?.[0]
    const before = log?.logEndOffset
    expect(errorOf(bench.ask('EndTxn', 5, ending))).toBe('CONCURRENT_TRANSACTIONS')
    expect(log?.logEndOffset).toBe(before)
  })
})

describe('before KIP-890', () => {
  test('who somebody is comes before what is on its way', () => {
    const codes = (version: string) => {
      const bench = newBench({}, version)
      const it = producer(bench)
      add(bench, it)
      end(bench, it, true)
      const stranger = { producerId: it.producerId + 1, epoch: it.epoch }
      const former = { producerId: it.producerId, epoch: it.epoch - 1 }
      return [stranger, former, it].flatMap((who) => [add(bench, who)[0], errorOf(end(bench, who, true))])
    }
    const last = ['CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS']
    const ended = ['INVALID_PRODUCER_ID_MAPPING', 'PRODUCER_FENCED']
    expect(codes('3.9')).toEqual([ended[0], ended[0], ended[1], ended[1], ...last])
    expect(codes('4.3')).toEqual([last[0], ended[0], last[0], ended[1], ...last])
  })

  test('the log has the older form of a value, which knows of one producer id', () => {
    const versionOf = (version: string) => {
      const bench = newBench({}, version)
      producer(bench)
      const batch = bench.state.logs.get('__transaction_state')?.[0]?.batches[0]
      return batch === undefined ? null : [...readRecords(batch)][0]?.value?.[1]
    }
    expect([versionOf('3.9'), versionOf('4.3')]).toEqual([0, 1])
  })
})

describe("Kafka's own topics", () => {
  test('clients cannot take them into a transaction, and nothing else with them', () => {
    const bench = newBench()
    const it = producer(bench)
    const topics = ['__transaction_state', 'orders', '__consumer_offsets', 'none']
    const { resultsByTopicV3AndBelow } = bench.ask(
      'AddPartitionsToTxn',
      3,
      makeAddPartitionsToTxnRequest({
        ...{ v3AndBelowTransactionalId: 'tx', v3AndBelowProducerId: it.producerId, v3AndBelowProducerEpoch: it.epoch },
        v3AndBelowTopics: topics.map((name) => ({ name, partitions: [0] })),
      }),
    )
    const codes = resultsByTopicV3AndBelow.map(({ name, resultsByPartition: [result] }) => [
      name,
      errorName(result?.partitionErrorCode ?? 0),
    ])
    expect(Object.fromEntries(codes)).toEqual({
      __transaction_state: 'TOPIC_AUTHORIZATION_FAILED',
      orders: 'OPERATION_NOT_ATTEMPTED',
      __consumer_offsets: 'TOPIC_AUTHORIZATION_FAILED',
      none: 'UNKNOWN_TOPIC_OR_PARTITION',
    })
    expect(stateOf(bench)).toBe('Empty')
  })

  test('a partition below 0 is none of any topic', () => {
    const bench = newBench()
    const it = producer(bench)
    const topics = [{ name: 'orders', partitions: [-1, 0] }]
    const body = makeAddPartitionsToTxnRequest({
      ...{ v3AndBelowTransactionalId: 'tx', v3AndBelowProducerId: it.producerId, v3AndBelowProducerEpoch: it.epoch },
      v3AndBelowTopics: topics,
    })
    const codes = [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.OPERATION_NOT_ATTEMPTED]
    const results = [-1, 0].map((partitionIndex, i) => ({ partitionIndex, partitionErrorCode: codes[i] }))
    expect(bench.ask('AddPartitionsToTxn', 3, body).resultsByTopicV3AndBelow).toEqual([
      { name: 'orders', resultsByPartition: results },
    ])
    const { producerId, epoch: producerEpoch } = it
    const one = { transactionalId: 'tx', producerId, producerEpoch, verifyOnly: true, topics }
    const many = makeAddPartitionsToTxnRequest({ transactions: [one] })
    expect(bench.ask('AddPartitionsToTxn', 4, many).resultsByTransaction[0]?.topicResults).toEqual([
      { name: 'orders', resultsByPartition: results },
    ])
    expect(stateOf(bench)).toBe('Empty')
  })

  test('a marker that an admin had written into __transaction_state does not confuse the next coordinator', () => {
    const bench = newBench()
    const { producerId } = producer(bench)
    const topics = [{ name: '__transaction_state', partitionIndexes: [0] }]
    const marker = makeWritableTxnMarker({ producerId: 999, producerEpoch: 0, topics })
    bench.ask('WriteTxnMarkers', 1, makeWriteTxnMarkersRequest({ markers: [marker] }))
    expect(reload(bench).transactions.get('tx')).toMatchObject({ producerId, state: 'Empty' })
  })
})

test('DescribeProducers: a topic whose name is none', () => {
  const topics = ['a b', '', 'none'].map((name) => ({ name, partitionIndexes: [0] }))
  const answer = newBench().ask('DescribeProducers', 0, makeDescribeProducersRequest({ topics }))
  const codes = answer.topics.map(({ partitions }) => errorName(partitions[0]?.errorCode ?? 0))
  expect(codes).toEqual(['INVALID_TOPIC_EXCEPTION', 'INVALID_TOPIC_EXCEPTION', 'UNKNOWN_TOPIC_OR_PARTITION'])
})
