/** KIP-890 at a broker, request by request: what leaders ask coordinators before the first record, and transactions with an epoch each. */
import { describe, expect, test } from 'vitest'
import {
  type BrokerInfo,
  type Context,
  lastStableOffset,
  stepLinkRestored,
  stepMetadata,
  stepRestart,
} from '../../src/broker/index.ts'
import { ErrorCode, errorName } from '../../src/protocol/errors.ts'
import {
  makeAddPartitionsToTxnRequest,
  makePartitionProduceData,
  makeProduceRequest,
  makeTopicProduceData,
  makeTxnOffsetCommitRequest,
  makeWritableTxnMarker,
  makeWriteTxnMarkersRequest,
} from '../../src/protocol/make.ts'
import { encodeBatch } from '../../src/protocol/records.ts'
import { type Bench, pendingTimers } from './support.ts'
import {
  add,
  addOffsets,
  begin,
  end,
  errorOf,
  newBench,
  type Producer,
  producer,
  reload,
  stateOf,
} from './transactions-support.ts'

interface Sent {
  readonly version?: number
  readonly sequence?: number
  readonly partitions?: readonly number[]
  readonly id?: string
  readonly connection?: number
}

function send(bench: Bench, { producerId, epoch }: Producer, sent: Sent = {}): number {
  const { version = 9, sequence: baseSequence = 0, partitions = [0], id = 'tx', connection = 1 } = sent
  const records = () => [
    encodeBatch([{ key: 'k', value: 'v', timestamp: bench.now }], {
      producerId,
      producerEpoch: epoch,
      baseSequence,
      transactional: true,
    }),
  ]
  const partitionData = partitions.map((index) => makePartitionProduceData({ index, records: records() }))
  const topicData = [makeTopicProduceData({ name: 'orders', partitionData })]
  const body = makeProduceRequest({ acks: -1, timeoutMs: 1000, transactionalId: id, topicData })
  return bench.send('Produce', version, body, { connection })
}

const errorsOf = (bench: Bench, correlationId: number) =>
  bench
    .answerTo('Produce', correlationId)
    .responses.flatMap(({ partitionResponses }) => partitionResponses.map(({ errorCode }) => errorName(errorCode)))

const produce = (bench: Bench, who: Producer, sent: Sent = {}) => errorsOf(bench, send(bench, who, sent)).join()

const commitOf = ({ producerId, epoch: producerEpoch }: Producer, generationId = -1) =>
  makeTxnOffsetCommitRequest({
    transactionalId: 'tx',
    groupId: 'g',
    producerId,
    producerEpoch,
    generationId,
    topics: [
      {
        name: 'orders',
        partitions: [{ partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: -1, committedMetadata: '' }],
      },
    ],
  })

const commit = (bench: Bench, who: Producer, version = 3) => {
  const [answer] = bench.ask('TxnOffsetCommit', version, commitOf(who)).topics
  return errorName(answer?.partitions[0]?.errorCode ?? -1)
}

const log = (bench: Bench, partition = 0, topic = 'orders') => {
  const found = bench.state.logs.get(topic)?.[partition]
  if (found === undefined) throw new Error('no log')
  return found
}

/** The markers of a transaction are written and answered, as if by another broker. */
function finish(bench: Bench): void {
  for (const { message } of bench.sent.splice(0)) {
    if (message.type !== 'txn-markers') continue
    bench.hear(message)
  }
  for (const { message } of bench.sent.splice(0)) if (message.type === 'txn-markers-written') bench.hear(message)
}

/** One marker, as the coordinator would write it. */
const mark = (bench: Bench, { producerId, epoch: producerEpoch }: Producer, transactionResult: boolean) =>
  bench.ask(
    'WriteTxnMarkers',
    1,
    makeWriteTxnMarkersRequest({
      markers: [
        makeWritableTxnMarker({
          producerId,
          producerEpoch,
          transactionResult,
          coordinatorEpoch: 0,
          topics: [{ name: 'orders', partitionIndexes: [0] }],
        }),
      ],
    }),
  )

/** What was asked of coordinators and not looked at yet. */
const questions = (bench: Bench) =>
  bench.sent.splice(0).flatMap(({ to, message }) => (message.type === 'txn-partitions' ? [{ ...message, to }] : []))

function answer(bench: Bench, request: number, errorCode: number, names: readonly string[] = ['orders-0']): void {
  const results = new Map(names.map((name) => [name, errorCode]))
  bench.hear({ type: 'txn-partitions-answer', from: 1, request, results })
}

/** Whether the partition is in the transaction is not known. */
const NOT_TOLD = {
  responses: [{ partitionResponses: [{ errorCode: ErrorCode.NOT_ENOUGH_REPLICAS, baseOffset: -1 }] }],
}
const contextOf = ({ now }: Bench): Context => ({ now, uuid: () => '', memberUuid: () => '' })

describe('verification', () => {
  test('the first record of a transaction asks the coordinator, the next ones do not', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    bench.holdsQuestions = true
    const first = send(bench, it)
    const [question] = questions(bench)
    expect(question).toMatchObject({
      to: 1,
      transaction: { transactionalId: 'tx', producerId: it.producerId, verifyOnly: true, partitions: ['orders-0'] },
    })
    expect([bench.isWaiting(first), log(bench).logEndOffset]).toEqual([true, 0])
    answer(bench, question?.request ?? -1, ErrorCode.NONE)
    expect([errorsOf(bench, first), log(bench).logEndOffset]).toEqual([['NONE'], 1])
    expect(produce(bench, it, { sequence: 1 })).toBe('NONE')
    expect(questions(bench)).toEqual([])
    expect(bench.facts.filter(({ type }) => type.startsWith('verification'))).toMatchObject([
      { node: 1, coordinator: 1, transactionalId: 'tx', adds: false, partitions: ['orders-0'] },
    ])
  })

  test('A24: a record that comes after the abort is refused; without verification it hangs, whatever time passes', () => {
    const late = (config: Record<string, string>, version?: string) => {
      const bench = newBench(config, version)
      const it = producer(bench, { timeoutMs: 10_000 })
      add(bench, it)
      end(bench, it, false)
      finish(bench)
      expect(stateOf(bench)).toBe('CompleteAbort')
      const told = produce(bench, it)
      bench.pass(3_600_000)
      finish(bench)
      return { told, lag: log(bench).highWatermark - lastStableOffset(log(bench)) }
    }
    expect(late({}, '3.9')).toEqual({ told: 'INVALID_TXN_STATE', lag: 0 })
    expect(late({}, '3.5')).toEqual({ told: 'NONE', lag: 1 })
    expect(late({ 'transaction.partition.verification.enable': 'false' }, '3.9')).toEqual({ told: 'NONE', lag: 1 })
  })

  test('what is not in the transaction: INVALID_TXN_STATE, from v11 on TRANSACTION_ABORTABLE', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it, [1])
    expect([10, 11].map((version) => produce(bench, it, { version }))).toEqual([
      'INVALID_TXN_STATE',
      'TRANSACTION_ABORTABLE',
    ])
    expect(log(bench).logEndOffset).toBe(0)
    expect(bench.facts.filter(({ type }) => type === 'verification.refused')).toMatchObject([
      { name: 'orders-0', transactionalId: 'tx', errorCode: ErrorCode.INVALID_TXN_STATE, final: true },
      { errorCode: ErrorCode.TRANSACTION_ABORTABLE, final: true },
    ])
  })

  test('each partition for itself: what is in the transaction is written, the other is not', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it, [1])
    expect(produce(bench, it, { partitions: [0, 1] })).toBe('INVALID_TXN_STATE,NONE')
    expect([log(bench).logEndOffset, log(bench, 1).logEndOffset]).toEqual([0, 1])
  })

  test.each([
    ['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'],
    ['INVALID_PRODUCER_ID_MAPPING', 'INVALID_PRODUCER_ID_MAPPING'],
    ['CONCURRENT_TRANSACTIONS', 'NOT_ENOUGH_REPLICAS'],
    ['COORDINATOR_LOAD_IN_PROGRESS', 'NOT_ENOUGH_REPLICAS'],
    ['COORDINATOR_NOT_AVAILABLE', 'NOT_ENOUGH_REPLICAS'],
    ['NOT_COORDINATOR', 'NOT_ENOUGH_REPLICAS'],
    ['NETWORK_EXCEPTION', 'NOT_ENOUGH_REPLICAS'],
  ] as const)('the coordinator says %s: producers are told %s', (said, told) => {
    const bench = newBench()
    const it = producer(bench)
    bench.holdsQuestions = true
    for (const version of [7, 11]) {
      const waiting = send(bench, it, { version })
      answer(bench, questions(bench)[0]?.request ?? -1, ErrorCode[said])
      expect(errorsOf(bench, waiting)).toEqual([told])
    }
    const adds = send(bench, it, { version: 12 })
    answer(bench, questions(bench)[0]?.request ?? -1, ErrorCode[said])
    while (bench.isWaiting(adds)) {
      bench.pass(20)
      answer(bench, questions(bench)[0]?.request ?? -1, ErrorCode[said])
    }
    expect(errorsOf(bench, adds)).toEqual([said === 'CONCURRENT_TRANSACTIONS' ? said : told])
    expect(log(bench).logEndOffset).toBe(0)
  })

  test('VerificationGuard: the transaction ends while the coordinator is asked, and its answer counts for nothing', () => {
    const bench = newBench({}, '3.9')
    const it = producer(bench)
    add(bench, it)
    bench.holdsQuestions = true
    const waiting = send(bench, it)
    const [question] = questions(bench)
    mark(bench, it, false)
    answer(bench, question?.request ?? -1, ErrorCode.NONE)
    expect(errorsOf(bench, waiting)).toEqual(['INVALID_TXN_STATE'])
    expect(bench.facts.filter(({ type }) => type === 'transaction.over')).toMatchObject([
      { node: 1, topic: 'orders', partition: 0, producer: { id: it.producerId } },
    ])
    expect(log(bench).transactions.open.size).toBe(0)
  })

  test('VerificationGuard: an answer about the last transaction says nothing of the next (ABA)', () => {
    const bench = newBench({}, '3.9')
    const it = producer(bench)
    add(bench, it)
    bench.holdsQuestions = true
    const waiting = send(bench, it)
    const [first] = questions(bench)
    mark(bench, it, false)
    const next = send(bench, it, { connection: 2 })
    const [second] = questions(bench)
    answer(bench, first?.request ?? -1, ErrorCode.NONE)
    expect(errorsOf(bench, waiting)).toEqual(['INVALID_TXN_STATE'])
    answer(bench, second?.request ?? -1, ErrorCode.NONE)
    expect(errorsOf(bench, next)).toEqual(['NONE'])
  })

  test('a partition that was open when others were asked about, and is not any more: refused, too', () => {
    const bench = newBench({}, '3.9')
    const it = producer(bench)
    add(bench, it, [0, 1])
    expect(produce(bench, it)).toBe('NONE')
    bench.holdsQuestions = true
    bench.sent.length = 0
    const waiting = send(bench, it, { partitions: [0, 1], sequence: 1 })
    const [question] = questions(bench)
    expect(question?.transaction.partitions).toEqual(['orders-1'])
    mark(bench, it, false)
    answer(bench, question?.request ?? -1, ErrorCode.NONE, ['orders-1'])
    expect(errorsOf(bench, waiting)).toEqual(['INVALID_TXN_STATE', 'NONE'])
  })

  test('a repetition is told what the first one was, though both were asked about', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    bench.holdsQuestions = true
    const both = [send(bench, it), send(bench, it, { connection: 2 })]
    const asked = questions(bench)
    expect(asked).toHaveLength(2)
    for (const { request } of asked) answer(bench, request, ErrorCode.NONE)
    expect(both.flatMap((id) => errorsOf(bench, id))).toEqual(['NONE', 'NONE'])
    expect(log(bench).logEndOffset).toBe(1)
  })

  test('the lowest sequence that was asked about goes first (VerificationStateEntry.lowestSequence)', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    bench.holdsQuestions = true
    const [first, second] = [send(bench, it), send(bench, it, { sequence: 1, connection: 2 })]
    const asked = questions(bench)
    answer(bench, asked[0]?.request ?? -1, ErrorCode.NOT_COORDINATOR)
    answer(bench, asked[1]?.request ?? -1, ErrorCode.NONE)
    expect([first, second].flatMap((id) => errorsOf(bench, id ?? -1))).toEqual([
      'NOT_ENOUGH_REPLICAS',
      'OUT_OF_ORDER_SEQUENCE_NUMBER',
    ])
    bench.holdsQuestions = false
    expect([produce(bench, it), produce(bench, it, { sequence: 1 })]).toEqual(['NONE', 'NONE'])
  })

  test('without an answer the request goes on after request.timeout.ms, and a late answer is nothing', () => {
    const bench = newBench({ 'request.timeout.ms': '5000' })
    const it = producer(bench, { timeoutMs: 600_000 })
    add(bench, it)
    bench.holdsQuestions = true
    const waiting = send(bench, it)
    const [question] = questions(bench)
    bench.pass(4999)
    expect(bench.isWaiting(waiting)).toBe(true)
    bench.pass(1)
    expect(errorsOf(bench, waiting)).toEqual(['NOT_ENOUGH_REPLICAS'])
    answer(bench, question?.request ?? -1, ErrorCode.NONE)
    expect([log(bench).logEndOffset, bench.state.questions.size]).toEqual([0, 0])
    expect([...bench.timers.keys()].filter((key) => key.startsWith('verification'))).toEqual([])
  })

  test.each([
    ['is fenced', (info: BrokerInfo) => ({ ...info, fenced: true })],
    ['has started anew', (info: BrokerInfo) => ({ ...info, epoch: info.epoch + 7 })],
  ])('a coordinator that %s is not waited for', (_, changed) => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    bench.holdsQuestions = true
    const waiting = send(bench, it)
    const info = bench.state.image.brokers.get(1)
    if (info === undefined) throw new Error('no broker')
    const same = stepMetadata(bench.state, [{ type: 'broker', ...info }], contextOf(bench))
    expect(same.replies).toEqual([])
    const { replies, timers } = stepMetadata(bench.state, [{ type: 'broker', ...changed(info) }], contextOf(bench))
    expect(replies).toMatchObject([{ token: { correlationId: waiting }, body: NOT_TOLD }])
    expect(timers).toContainEqual({ key: 'verification/1', at: null })
    expect(bench.state.questions.size).toBe(0)
  })

  test('over a link that works again nothing comes that was asked before', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    bench.holdsQuestions = true
    send(bench, it)
    expect(stepLinkRestored(bench.state, 2, contextOf(bench)).replies).toEqual([])
    expect(stepLinkRestored(bench.state, 1, contextOf(bench)).replies).toMatchObject([{ body: NOT_TOLD }])
  })

  test('a restart forgets what was asked, and what for', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    bench.holdsQuestions = true
    send(bench, it)
    stepRestart(bench.state, bench.now)
    expect([bench.state.questions.size, log(bench).producers.verifications.size]).toEqual([0, 0])
  })

  test('no coordinator: COORDINATOR_NOT_AVAILABLE at once, as NOT_ENOUGH_REPLICAS', () => {
    const bench = newBench()
    const it = producer(bench)
    const known = bench.state.image.topics.get('__transaction_state')
    if (known === undefined) throw new Error('no topic')
    const partitions = known.partitions.map((info) => ({ ...info, leader: -1 }))
    bench.state.image.topics.set('__transaction_state', { ...known, partitions })
    expect(produce(bench, it)).toBe('NOT_ENOUGH_REPLICAS')
    expect(bench.state.questions.size).toBe(0)
  })

  test('an answered question leaves no timer behind', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    const before = pendingTimers(bench)
    expect(produce(bench, it)).toBe('NONE')
    expect(pendingTimers(bench)).toBe(before)
  })

  test('questions that never led to a record are forgotten with the producers (removeExpiredProducers)', () => {
    const bench = newBench({ 'producer.id.expiration.ms': '60000' })
    const it = producer(bench)
    expect(produce(bench, it)).toBe('INVALID_TXN_STATE')
    expect(log(bench).producers.verifications.size).toBe(1)
    bench.pass(1_200_000)
    expect(log(bench).producers.verifications.size).toBe(0)
  })
})

describe('TxnOffsetCommit', () => {
  test('the group has to be in the transaction: INVALID_TXN_STATE, from v4 on TRANSACTION_ABORTABLE', () => {
    const bench = newBench()
    const it = producer(bench)
    add(bench, it)
    expect([commit(bench, it), commit(bench, it, 4)]).toEqual(['INVALID_TXN_STATE', 'TRANSACTION_ABORTABLE'])
    expect(log(bench, 0, '__consumer_offsets').transactions.open.size).toBe(0)
    expect(addOffsets(bench, it)).toBe('NONE')
    expect(commit(bench, it)).toBe('NONE')
  })

  test('once the log knows the transaction nobody is asked', () => {
    const bench = newBench()
    const it = producer(bench)
    addOffsets(bench, it)
    commit(bench, it)
    bench.sent.length = 0
    expect(commit(bench, it)).toBe('NONE')
    expect(questions(bench)).toEqual([])
  })

  test.each([
    [3, 'NETWORK_EXCEPTION', 'COORDINATOR_LOAD_IN_PROGRESS'],
    [1, 'NETWORK_EXCEPTION', 'COORDINATOR_NOT_AVAILABLE'],
    [3, 'CONCURRENT_TRANSACTIONS', 'CONCURRENT_TRANSACTIONS'],
    [3, 'NOT_COORDINATOR', 'NOT_COORDINATOR'],
    [3, 'PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'],
  ] as const)('v%i: the coordinator says %s, the answer is %s', (version, said, told) => {
    const bench = newBench()
    const it = producer(bench)
    bench.holdsQuestions = true
    const waiting = bench.send('TxnOffsetCommit', version, commitOf(it))
    answer(bench, questions(bench)[0]?.request ?? -1, ErrorCode[said], ['__consumer_offsets-0'])
    const [found] = bench.answerTo('TxnOffsetCommit', waiting).topics
    expect(errorName(found?.partitions[0]?.errorCode ?? -1)).toBe(told)
  })

  test('the marker comes while the coordinator is asked: INVALID_TXN_STATE, and nothing is pending', () => {
    const bench = newBench()
    const it = producer(bench)
    addOffsets(bench, it)
    bench.holdsQuestions = true
    const waiting = bench.send('TxnOffsetCommit', 3, commitOf(it))
    const [question] = questions(bench)
    const topics = [{ name: '__consumer_offsets', partitionIndexes: [0] }]
    const { producerId, epoch: producerEpoch } = it
    const marker = { producerId, producerEpoch, transactionResult: false, coordinatorEpoch: 0, topics }
    bench.ask('WriteTxnMarkers', 1, makeWriteTxnMarkersRequest({ markers: [makeWritableTxnMarker(marker)] }))
    answer(bench, question?.request ?? -1, ErrorCode.NONE, ['__consumer_offsets-0'])
    const [found] = bench.answerTo('TxnOffsetCommit', waiting).topics
    expect(errorName(found?.partitions[0]?.errorCode ?? -1)).toBe('INVALID_TXN_STATE')
    expect(log(bench, 0, '__consumer_offsets').transactions.open.size).toBe(0)
  })
})

describe('AddPartitionsToTxn v4+', () => {
  const ask = (bench: Bench, given: readonly (Producer & { readonly id: string; readonly verifyOnly: boolean })[]) =>
    bench
      .ask(
        'AddPartitionsToTxn',
        5,
        makeAddPartitionsToTxnRequest({
          transactions: given.map(({ id: transactionalId, producerId, epoch: producerEpoch, verifyOnly }) => ({
            transactionalId,
            producerId,
            producerEpoch,
            verifyOnly,
            topics: [{ name: 'orders', partitions: [0, 1] }],
          })),
        }),
      )
      .resultsByTransaction.map(({ transactionalId, topicResults }) => [
        transactionalId,
        ...topicResults.flatMap(({ resultsByPartition }) =>
          resultsByPartition.map(({ partitionErrorCode }) => errorName(partitionErrorCode)),
        ),
      ])

  test('several transactions at once: some are asked about, some added to, each has its answer', () => {
    const bench = newBench()
    const [one, other] = [producer(bench), producer(bench, { id: 'other' })]
    add(bench, one, [1])
    expect(
      ask(bench, [
        { ...one, id: 'tx', verifyOnly: true },
        { ...other, id: 'other', verifyOnly: false },
        { ...other, id: 'nobody', verifyOnly: false },
        { ...other, id: '', verifyOnly: true },
      ]),
    ).toEqual([
      ['tx', 'TRANSACTION_ABORTABLE', 'NONE'],
      ['other', 'NONE', 'NONE'],
      ['nobody', 'INVALID_PRODUCER_ID_MAPPING', 'INVALID_PRODUCER_ID_MAPPING'],
      ['', 'INVALID_REQUEST', 'INVALID_REQUEST'],
    ])
    expect(reload(bench).transactions.get('other')?.partitions).toEqual(['orders-0', 'orders-1'])
    expect(bench.state.transactions.batches.size).toBe(0)
  })

  test('asked again after a lost answer it is the same', () => {
    const bench = newBench()
    const it = { ...producer(bench), id: 'tx', verifyOnly: false }
    expect([ask(bench, [it]), ask(bench, [it])]).toEqual([[['tx', 'NONE', 'NONE']], [['tx', 'NONE', 'NONE']]])
  })
})

describe('transactions with an epoch each', () => {
  test('Produce v12 takes its partition into the transaction, TxnOffsetCommit v5 the group; the end answers with the next epoch', () => {
    const bench = newBench()
    const it = producer(bench)
    expect(produce(bench, it, { version: 12, partitions: [0, 2] })).toBe('NONE,NONE')
    expect(commit(bench, it, 5)).toBe('NONE')
    expect([...(reload(bench).transactions.get('tx')?.partitions ?? [])].sort()).toEqual([
      '__consumer_offsets-0',
      'orders-0',
      'orders-2',
    ])
    const ended = end(bench, it, true, { version: 5 })
    expect(ended).toMatchObject({ errorCode: 0, producerId: it.producerId, producerEpoch: it.epoch + 1 })
    finish(bench)
    expect(stateOf(bench)).toBe('CompleteCommit')
    expect(lastStableOffset(log(bench))).toBe(2)
    const next = { ...it, epoch: ended.producerEpoch }
    expect(produce(bench, next, { version: 12 })).toBe('NONE')
  })

  test('the next transaction waits for the end of the last, for 100 ms, and is told CONCURRENT_TRANSACTIONS then', () => {
    const bench = newBench()
    const it = producer(bench)
    produce(bench, it, { version: 12 })
    const { producerEpoch: epoch } = end(bench, it, true, { version: 5 })
    const next = { ...it, epoch }
    const first = send(bench, next, { version: 12, partitions: [1] })
    bench.pass(99)
    expect(bench.isWaiting(first)).toBe(true)
    bench.pass(1)
    expect(errorsOf(bench, first)).toEqual(['CONCURRENT_TRANSACTIONS'])
    const second = send(bench, next, { version: 12, partitions: [1] })
    bench.pass(30)
    finish(bench)
    expect(bench.isWaiting(second)).toBe(true)
    bench.pass(10)
    expect(errorsOf(bench, second)).toEqual(['NONE'])
    expect([bench.state.questions.size, log(bench, 1).logEndOffset]).toEqual([0, 1])
  })

  test('a repetition that waited for the end of the last transaction is told what the first one was, and nothing stays behind', () => {
    const bench = newBench()
    const it = producer(bench)
    produce(bench, it, { version: 12 })
    const next = { ...it, epoch: end(bench, it, true, { version: 5 }).producerEpoch }
    const first = send(bench, next, { version: 12 })
    bench.pass(10)
    const second = send(bench, next, { version: 12, connection: 2 })
    finish(bench)
    bench.pass(50)
    expect([first, second].flatMap((id) => errorsOf(bench, id))).toEqual(['NONE', 'NONE'])
    expect(log(bench).producers.verifications.size).toBe(0)
    expect(produce(bench, next, { version: 12, sequence: 1 })).toBe('NONE')
  })

  test('A23: an end that comes late does not end the next transaction; without an epoch each it does', () => {
    const late = (epochBumpPerTxn: boolean) => {
      const bench = newBench()
      Object.assign(bench.state.switches, { epochBumpPerTxn })
      const it = producer(bench)
      produce(bench, it, { version: 12 })
      const { producerEpoch: epoch } = end(bench, it, true, { version: 5 })
      finish(bench)
      const sequence = epoch === it.epoch ? 1 : 0
      expect(produce(bench, { ...it, epoch }, { version: 12, sequence })).toBe('NONE')
      const told = errorOf(end(bench, it, true, { version: 5 }))
      finish(bench)
      return [told, stateOf(bench)]
    }
    expect(late(true)).toEqual(['PRODUCER_FENCED', 'Ongoing'])
    // Half of a transaction is committed, and its producer does not know.
    expect(late(false)).toEqual(['NONE', 'CompleteCommit'])
  })

  test('asked again, as after a lost answer, the end answers the same, once it is complete', () => {
    const bench = newBench()
    const it = producer(bench)
    produce(bench, it, { version: 12 })
    const first = end(bench, it, true, { version: 5 })
    expect(errorOf(end(bench, it, true, { version: 5 }))).toBe('CONCURRENT_TRANSACTIONS')
    finish(bench)
    expect(end(bench, it, true, { version: 5 })).toEqual(first)
    expect(errorOf(end(bench, it, false, { version: 5 }))).toBe('INVALID_TXN_STATE')
  })

  test('a record of the last transaction that comes late is refused, with or without verification', () => {
    for (const enable of ['true', 'false']) {
      const bench = newBench({ 'transaction.partition.verification.enable': enable })
      const it = producer(bench)
      produce(bench, it, { version: 12 })
      end(bench, it, false, { version: 5 })
      finish(bench)
      expect(produce(bench, it, { version: 12, sequence: 1 })).toBe('INVALID_PRODUCER_EPOCH')
      expect(produce(bench, it, { version: 12, partitions: [1] })).toBe('INVALID_PRODUCER_EPOCH')
    }
  })

  test('abort where nothing is open, which the producer cannot know: it gets another epoch; commit is INVALID_TXN_STATE', () => {
    const bench = newBench()
    const it = producer(bench)
    expect(errorOf(end(bench, it, true, { version: 5 }))).toBe('INVALID_TXN_STATE')
    const first = end(bench, it, false, { version: 5 })
    expect([first.errorCode, first.producerEpoch]).toEqual([0, it.epoch + 1])
    expect(stateOf(bench)).toBe('CompleteAbort')
    const next = { ...it, epoch: first.producerEpoch }
    expect(errorOf(end(bench, next, true, { version: 5 }))).toBe('INVALID_TXN_STATE')
    expect(end(bench, next, false, { version: 5 })).toMatchObject({ errorCode: 0, producerEpoch: it.epoch + 2 })
    // A client that knows nothing of epochs asks what has been decided (endTransactionWithTV1).
    expect(errorOf(end(bench, { ...it, epoch: it.epoch + 2 }, false, { version: 3 }))).toBe('NONE')
    expect(errorOf(end(bench, { ...it, epoch: it.epoch + 2 }, true, { version: 3 }))).toBe('INVALID_TXN_STATE')
    expect(produce(bench, it, { version: 12 })).toBe('INVALID_PRODUCER_EPOCH')
  })

  test('the epochs are used up: the end answers with a new producer id, asked again with the same', () => {
    const bench = newBench()
    const it = { ...producer(bench), epoch: 32_766 }
    const { transactions } = bench.state.transactions.shards.get(0) ?? {}
    const known = transactions?.get('tx')
    if (known !== undefined) transactions?.set('tx', { ...known, epoch: it.epoch })
    produce(bench, it, { version: 12 })
    const ended = end(bench, it, true, { version: 5 })
    expect(ended).toMatchObject({ errorCode: 0, producerEpoch: 0 })
    expect(ended.producerId).not.toBe(it.producerId)
    const next = { producerId: ended.producerId, epoch: 0 }
    // Who it will be is known before it is that.
    const early = send(bench, next, { version: 12, partitions: [1] })
    bench.pass(100)
    expect(errorsOf(bench, early)).toEqual(['CONCURRENT_TRANSACTIONS'])
    finish(bench)
    expect(end(bench, it, true, { version: 5 })).toEqual(ended)
    expect(produce(bench, next, { version: 12 })).toBe('NONE')
    expect(produce(bench, it, { version: 12, partitions: [2] })).toBe('INVALID_PRODUCER_ID_MAPPING')
    expect(begin(bench).producerId).toBe(-1)
  })

  test('a log that knows nothing of the producer begins a transaction with sequence 0 only', () => {
    const bench = newBench()
    const it = producer(bench)
    expect(produce(bench, it, { version: 12, sequence: 3 })).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(produce(bench, it, { version: 12, sequence: 0 })).toBe('NONE')
  })

  test('KIP-1228: the marker of the last transaction that comes late does not end the next one', () => {
    const bench = newBench()
    const it = producer(bench)
    produce(bench, it, { version: 12 })
    const { producerEpoch: epoch } = end(bench, it, true, { version: 5 })
    const [late] = bench.sent.flatMap(({ message }) => (message.type === 'txn-markers' ? [message] : []))
    if (late === undefined) throw new Error('no marker')
    expect(late.markers).toMatchObject([{ producerEpoch: epoch, version: 2 }])
    finish(bench)
    // Once more while nothing is open, it does no harm.
    bench.hear(late)
    expect(bench.facts.filter(({ type }) => type === 'marker.refused')).toEqual([])
    produce(bench, { ...it, epoch }, { version: 12 })
    const open = lastStableOffset(log(bench))
    bench.hear(late)
    expect(bench.facts.filter(({ type }) => type === 'marker.refused')).toHaveLength(1)
    expect([stateOf(bench), lastStableOffset(log(bench))]).toEqual(['Ongoing', open])
  })
})
