/** Transactions at a broker, as far as its logs go: Produce, Fetch and ListOffsets, markers, DescribeProducers (KIP-98, 664). */
import { describe, expect, test } from 'vitest'
import { abortedBetween, lastStableOffset } from '../../src/broker/index.ts'
import type { TxnMarker } from '../../src/broker/replication/messages.ts'
import { ErrorCode, errorName } from '../../src/protocol/errors.ts'
import {
  makeDescribeProducersRequest,
  makeFetchPartition,
  makeFetchRequest,
  makeListOffsetsRequest,
  makePartitionProduceData,
  makeProduceRequest,
  makeTopicProduceData,
  makeWriteTxnMarkersRequest,
} from '../../src/protocol/make.ts'
import type {
  FetchResponse,
  ProduceRequest,
  ProduceResponse,
  RequestOf,
  WriteTxnMarkersRequest,
  WriteTxnMarkersResponse,
} from '../../src/protocol/messages.ts'
import { encodeBatch, isControl } from '../../src/protocol/records.ts'
import type { TestCluster } from './controller-cluster.ts'
import { brokerAt, fence, logAt, replicated, start, tell } from './replication-support.ts'
import { createBench } from './support.ts'

interface Sent {
  readonly id?: number
  readonly epoch?: number
  readonly sequence?: number
  readonly transactional?: boolean
  readonly named?: boolean
  readonly control?: boolean
}

function produceOf(
  {
    id: producerId = 1,
    epoch = 0,
    sequence: baseSequence = 0,
    transactional = true,
    named = true,
    control = false,
  }: Sent,
  timestamp = 1_000_000,
): ProduceRequest {
  const flags = { producerId, producerEpoch: epoch, baseSequence, transactional, control }
  const records = [encodeBatch([{ key: 'k', value: 'x', timestamp }], flags)]
  const topicData = [
    makeTopicProduceData({ name: 'orders', partitionData: [makePartitionProduceData({ index: 0, records })] }),
  ]
  return makeProduceRequest({ acks: -1, timeoutMs: 1000, transactionalId: named ? 'tx' : null, topicData })
}

const fetchOf = (isolationLevel: number, fetchOffset = 0, maxWaitMs = 0): RequestOf<'Fetch'> =>
  makeFetchRequest({
    maxWaitMs,
    minBytes: 1,
    maxBytes: 1_000_000,
    isolationLevel,
    topics: [
      {
        topic: 'orders',
        topicId: '',
        partitions: [makeFetchPartition({ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 })],
      },
    ],
  })

interface MarkerGiven {
  readonly id?: number
  readonly epoch?: number
  readonly commit?: boolean
  readonly coordinatorEpoch?: number
  readonly topics?: Readonly<Record<string, readonly number[]>>
}

function markersOf(...markers: readonly MarkerGiven[]): WriteTxnMarkersRequest {
  return makeWriteTxnMarkersRequest({
    markers: markers.map(({ id = 1, epoch = 0, commit = true, coordinatorEpoch = 0, topics = { orders: [0] } }) => ({
      producerId: id,
      producerEpoch: epoch,
      transactionResult: commit,
      coordinatorEpoch,
      topics: Object.entries(topics).map(([name, partitionIndexes]) => ({ name, partitionIndexes })),
    })),
  })
}

const errorsIn = (response: WriteTxnMarkersResponse | undefined) =>
  response?.markers.flatMap(({ producerId, topics }) =>
    topics.flatMap(({ name, partitions }) =>
      partitions.map(
        ({ partitionIndex, errorCode }) => `${producerId} ${name}-${partitionIndex} ${errorName(errorCode)}`,
      ),
    ),
  )

/** One broker with one partition. */
function alone(
  topics: Readonly<Record<string, number>> = { orders: 1 },
  config: Readonly<Record<string, string>> = {},
) {
  // Nobody coordinates these transactions.
  const bench = createBench(topics, { 'transaction.partition.verification.enable': 'false', ...config })
  const log = () => {
    const found = bench.state.logs.get('orders')?.[0]
    if (found === undefined) throw new Error('no log')
    return found
  }
  return {
    bench,
    log,
    produce: (sent: Sent, version = 9) => {
      const answer = bench.ask('Produce', version, produceOf(sent, bench.now))
      return errorName(answer.responses[0]?.partitionResponses[0]?.errorCode ?? 0)
    },
    end: (...markers: readonly MarkerGiven[]) => errorsIn(bench.ask('WriteTxnMarkers', 1, markersOf(...markers))),
    fetch: (isolation: number, offset = 0) => {
      const [partition] = bench.ask('Fetch', 11, fetchOf(isolation, offset)).responses[0]?.partitions ?? []
      if (partition === undefined) throw new Error('no answer')
      return partition
    },
    latest: (isolationLevel: number, timestamp = -1, version = 5) =>
      bench.ask(
        'ListOffsets',
        version,
        makeListOffsetsRequest({
          isolationLevel,
          topics: [
            {
              name: 'orders',
              partitions: [{ partitionIndex: 0, timestamp, currentLeaderEpoch: -1, maxNumOffsets: 1 }],
            },
          ],
        }),
      ).topics[0]?.partitions[0]?.offset,
  }
}

describe('Produce', () => {
  test('a transactional batch opens a transaction, its repetition does not append it again', () => {
    const { produce, log } = alone()
    expect([produce({}), produce({}), produce({ sequence: 1 })]).toEqual(['NONE', 'NONE', 'NONE'])
    expect(log().logEndOffset).toBe(2)
    expect(log().producers.entries.get(1)?.currentTxnFirstOffset).toBe(0)
  })

  test('T7: while it is open, anything else of the producer is INVALID_TXN_STATE and not appended', () => {
    const { produce, end, log } = alone()
    produce({})
    expect(produce({ sequence: 1, transactional: false })).toBe('INVALID_TXN_STATE')
    expect(produce({ id: 2, transactional: false })).toBe('NONE')
    end({})
    expect(produce({ sequence: 1, transactional: false })).toBe('NONE')
    expect(log().batches.map(isControl)).toEqual([false, false, true, false])
  })

  test('without a transactional id no transactional batch is taken, nor anything else of the request', () => {
    const { produce, log } = alone()
    expect(produce({ named: false })).toBe('TRANSACTIONAL_ID_AUTHORIZATION_FAILED')
    expect(produce({ named: false, transactional: false })).toBe('NONE')
    expect(log().logEndOffset).toBe(1)
  })

  test('transactional batches of two producers in one request are refused with all of it', () => {
    const { bench } = alone({ orders: 2 })
    const bodies = [1, 2].map((id) => produceOf({ id }).topicData[0]?.partitionData[0]?.records ?? null)
    const partitionData = bodies.map((records, index) => makePartitionProduceData({ index, records }))
    const topicData = [makeTopicProduceData({ name: 'orders', partitionData })]
    const body = makeProduceRequest({ acks: -1, timeoutMs: 1000, transactionalId: 'tx', topicData })
    const answer = bench.ask('Produce', 9, body)
    expect(answer.responses[0]?.partitionResponses.map(({ errorCode }) => errorName(errorCode))).toEqual([
      'INVALID_PRODUCER_ID_MAPPING',
      'INVALID_PRODUCER_ID_MAPPING',
    ])
    expect(bench.state.logs.get('orders')?.map(({ logEndOffset }) => logEndOffset)).toEqual([0, 0])
  })

  test('clients write no control batches', () => {
    const { produce, log } = alone()
    expect(produce({ control: true })).toBe('INVALID_RECORD')
    expect(log().logEndOffset).toBe(0)
  })

  test('after a marker of the next epoch (KIP-890) that epoch begins with 0, the one before is over', () => {
    const { produce, end } = alone()
    produce({ epoch: 4 })
    end({ epoch: 5 })
    expect(produce({ epoch: 4, sequence: 1 })).toBe('INVALID_PRODUCER_EPOCH')
    expect(produce({ epoch: 5, sequence: 1 })).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(produce({ epoch: 5 })).toBe('NONE')
  })
})

describe('Fetch', () => {
  test('L8: read_committed gets what is before the last stable offset, read_uncommitted all that is committed to the log', () => {
    const { produce, fetch } = alone()
    produce({ id: 7, transactional: false })
    produce({})
    produce({ id: 7, sequence: 1, transactional: false })
    expect(fetch(1)).toMatchObject({ highWatermark: 3, lastStableOffset: 1, abortedTransactions: [] })
    expect(fetch(1).records).toHaveLength(1)
    expect(fetch(0)).toMatchObject({ highWatermark: 3, lastStableOffset: 1, abortedTransactions: null })
    expect(fetch(0).records).toHaveLength(3)
  })

  test('markers are given, for clients to leave out, and with them what was aborted', () => {
    const { produce, end, fetch } = alone()
    produce({})
    end({ commit: false })
    produce({ id: 2 })
    end({ id: 2 })
    const { records, abortedTransactions, lastStableOffset } = fetch(1)
    expect(records?.map(isControl)).toEqual([false, true, false, true])
    expect(abortedTransactions).toEqual([{ producerId: 1, firstOffset: 0 }])
    expect(lastStableOffset).toBe(4)
    expect(fetch(0).abortedTransactions).toBeNull()
  })

  test('of aborted transactions those that overlap what is given', () => {
    const { produce, end, fetch } = alone()
    produce({})
    end({ commit: false })
    produce({ sequence: 1 })
    end({ commit: false })
    expect(fetch(1, 1).abortedTransactions).toHaveLength(2)
    expect(fetch(1, 2).abortedTransactions).toEqual([{ producerId: 1, firstOffset: 2 }])
    expect(fetch(1, 4).abortedTransactions).toEqual([])
  })

  test('a reader that waits behind an open transaction is answered when it ends; one that reads uncommitted at once', () => {
    const { bench, produce, end } = alone()
    produce({})
    const waiting = bench.send('Fetch', 11, fetchOf(1, 0, 500))
    expect(bench.isWaiting(waiting)).toBe(true)
    expect(bench.isWaiting(bench.send('Fetch', 11, fetchOf(0, 0, 500), { connection: 2 }))).toBe(false)
    produce({ id: 7, transactional: false })
    expect(bench.isWaiting(waiting)).toBe(true)
    end({})
    expect(bench.answerTo('Fetch', waiting).responses[0]?.partitions[0]?.records).toHaveLength(3)
  })

  test('an offset between the last stable one and the log end is no error: it waits', () => {
    const { produce, fetch } = alone()
    produce({})
    produce({ sequence: 1 })
    expect(fetch(1, 1)).toMatchObject({ errorCode: 0, records: [], lastStableOffset: 0 })
  })
})

describe('ListOffsets', () => {
  test('the latest offset is the last stable one for read_committed, the high watermark otherwise and before v2', () => {
    const { produce, end, latest } = alone()
    produce({ id: 7, transactional: false })
    produce({})
    expect([latest(1), latest(0), latest(1, -1, 1)]).toEqual([1, 2, 2])
    end({})
    expect([latest(1), latest(0)]).toEqual([3, 3])
  })

  test('by time read_committed is shown nothing at or behind the last stable offset', () => {
    const { bench, produce, latest } = alone()
    produce({ id: 7, transactional: false })
    bench.pass(1000)
    produce({})
    expect([latest(1, bench.now), latest(0, bench.now)]).toEqual([-1, 1])
    expect([latest(1, -3, 7), latest(0, -3, 7)]).toEqual([-1, 1])
    expect(latest(1, bench.now - 1000)).toBe(0)
  })
})

describe('WriteTxnMarkers', () => {
  test('writes one marker a partition and answers by producer and topic', () => {
    const { bench, produce, end } = alone({ orders: 2, audit: 1 })
    produce({})
    expect(end({ topics: { orders: [0, 1], audit: [0] } }, { id: 2, topics: { orders: [1] } })).toEqual([
      '1 orders-0 NONE',
      '1 orders-1 NONE',
      '1 audit-0 NONE',
      '2 orders-1 NONE',
    ])
    expect([0, 1].map((p) => bench.state.logs.get('orders')?.[p]?.logEndOffset)).toEqual([2, 2])
    expect(bench.state.logs.get('orders')?.[1]?.batches.every(isControl)).toBe(true)
  })

  test('without markers the answer is empty', () => {
    expect(alone().end()).toEqual([])
  })

  test('each partition has its own error, and the others are written', () => {
    const { produce, end, log } = alone({ orders: 1 })
    produce({ epoch: 3 })
    expect(end({ epoch: 3, topics: { nowhere: [0], orders: [7, 0] } })).toEqual([
      '1 nowhere-0 UNKNOWN_TOPIC_OR_PARTITION',
      '1 orders-7 UNKNOWN_TOPIC_OR_PARTITION',
      '1 orders-0 NONE',
    ])
    expect(log().logEndOffset).toBe(2)
  })

  test('T2: a producer or a coordinator of an earlier epoch writes nothing', () => {
    const { bench, produce, end, log } = alone()
    produce({ epoch: 3 })
    expect(end({ epoch: 2 })).toEqual(['1 orders-0 INVALID_PRODUCER_EPOCH'])
    expect(end({ epoch: 3, coordinatorEpoch: 5, commit: false })).toEqual(['1 orders-0 NONE'])
    expect(end({ epoch: 3, coordinatorEpoch: 4 })).toEqual(['1 orders-0 TRANSACTION_COORDINATOR_FENCED'])
    expect(log().logEndOffset).toBe(2)
    expect(bench.facts.filter(({ type }) => type === 'marker.refused')).toMatchObject([
      { errorCode: ErrorCode.INVALID_PRODUCER_EPOCH, producerEpoch: 2, outcome: 'commit' },
      { errorCode: ErrorCode.TRANSACTION_COORDINATOR_FENCED, coordinatorEpoch: 4, outcome: 'commit' },
    ])
  })

  test('a marker that comes again is written again and ends nothing', () => {
    const { produce, end, log } = alone()
    produce({})
    end({ commit: false })
    expect(end({ commit: false })).toEqual(['1 orders-0 NONE'])
    expect(log().logEndOffset).toBe(3)
    expect(abortedBetween(log(), 0, 9)).toHaveLength(1)
    expect(lastStableOffset(log())).toBe(3)
  })

  test('two for one producer in one request are judged one after the other', () => {
    const { produce, end, log } = alone()
    produce({})
    expect(end({ epoch: 1 }, { epoch: 0 })).toEqual(['1 orders-0 INVALID_PRODUCER_EPOCH'])
    expect(log().logEndOffset).toBe(2)
  })

  test('the trace says what ended where', () => {
    const { bench, produce, end } = alone()
    produce({})
    end({ commit: false, coordinatorEpoch: 2 })
    expect(bench.facts.find(({ type }) => type === 'marker')).toEqual({
      type: 'marker',
      node: 1,
      topic: 'orders',
      partition: 0,
      offset: 1,
      producerId: 1,
      producerEpoch: 0,
      coordinatorEpoch: 2,
      outcome: 'abort',
    })
  })
})

test('DescribeProducers: epoch, last sequence, coordinator epoch and where a transaction is open (KIP-664)', () => {
  const { bench, produce, end } = alone()
  produce({ id: 7, transactional: false })
  produce({ epoch: 2 })
  produce({ epoch: 2, sequence: 1 })
  const describe = (name: string, partition: number) =>
    bench.ask(
      'DescribeProducers',
      0,
      makeDescribeProducersRequest({ topics: [{ name, partitionIndexes: [partition] }] }),
    ).topics[0]?.partitions[0]
  const known = { lastTimestamp: bench.now, coordinatorEpoch: -1, currentTxnStartOffset: -1 }
  expect(describe('orders', 0)).toMatchObject({
    errorCode: 0,
    activeProducers: [
      { ...known, producerId: 7, producerEpoch: 0, lastSequence: 0 },
      { ...known, producerId: 1, producerEpoch: 2, lastSequence: 1, currentTxnStartOffset: 1 },
    ],
  })
  end({ epoch: 3, coordinatorEpoch: 4 })
  expect(describe('orders', 0)?.activeProducers[1]).toEqual({
    producerId: 1,
    producerEpoch: 3,
    lastSequence: -1,
    lastTimestamp: bench.now,
    coordinatorEpoch: 4,
    currentTxnStartOffset: -1,
  })
  expect(describe('orders', 9)?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  expect(describe('nowhere', 0)?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  const replicas = replicated({ brokers: 4 })
  const id = replicas.send(4, 'DescribeProducers', 0, { topics: [{ name: 'orders', partitionIndexes: [0] }] })
  expect(replicas.answers.get(id)).toMatchObject({
    topics: [{ partitions: [{ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, activeProducers: [] }] }],
  })
})

describe('on three brokers', () => {
  const produce = (cluster: TestCluster, to: number, sent: Sent) => {
    const id = cluster.send(to, 'Produce', 9, produceOf(sent))
    cluster.settle()
    return errorName((cluster.answers.get(id) as ProduceResponse).responses[0]?.partitionResponses[0]?.errorCode ?? 0)
  }
  const ask = (cluster: TestCluster, to: number, ...markers: readonly MarkerGiven[]) =>
    cluster.send(to, 'WriteTxnMarkers', 1, markersOf(...markers))
  const answered = (cluster: TestCluster, id: number) =>
    errorsIn(cluster.answers.get(id) as WriteTxnMarkersResponse | undefined)
  const fetch = (cluster: TestCluster, to: number, isolation: number) => {
    const id = cluster.send(to, 'Fetch', 11, fetchOf(isolation))
    return (cluster.answers.get(id) as FetchResponse).responses[0]?.partitions[0]
  }

  test('the answer comes when the marker is replicated, and until then readers wait', () => {
    const cluster = replicated({ switches: { txnVerification: false } })
    produce(cluster, 1, {})
    const id = ask(cluster, 1, {})
    expect([answered(cluster, id), lastStableOffset(logAt(cluster, 1))]).toEqual([undefined, 0])
    cluster.settle()
    expect([answered(cluster, id), lastStableOffset(logAt(cluster, 1))]).toEqual([['1 orders-0 NONE'], 2])
    expect([2, 3].map((broker) => logAt(cluster, broker).transactions.open.size)).toEqual([0, 0])
  })

  test('a coordinator on a broker asks with a message and is answered with one, also by itself', () => {
    const cluster = replicated({ switches: { txnVerification: false } })
    produce(cluster, 1, {})
    const marker: TxnMarker = {
      producerId: 1,
      producerEpoch: 0,
      commit: false,
      version: 0,
      coordinatorEpoch: 3,
      partitions: [
        { topic: 'orders', partition: 0 },
        { topic: 'nowhere', partition: 0 },
      ],
    }
    for (const from of [2, 1]) {
      cluster.queue.push({
        type: 'peer',
        to: 1,
        message: { type: 'txn-markers', from, request: 40 + from, markers: [marker] },
      })
      let answer: unknown
      while (cluster.queue.length > 0) {
        const [next] = cluster.queue
        if (next?.type === 'peer' && next.message.type === 'txn-markers-written') answer = next.message
        cluster.deliver()
      }
      expect(answer).toEqual({
        type: 'txn-markers-written',
        from: 1,
        request: 40 + from,
        results: [
          { producerId: 1, topic: 'orders', partition: 0, errorCode: ErrorCode.NONE },
          { producerId: 1, topic: 'nowhere', partition: 0, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION },
        ],
      })
    }
  })

  test('a broker that has no replica does not know the partition', () => {
    const cluster = replicated({ brokers: 4, switches: { txnVerification: false } })
    const id = ask(cluster, 4, {})
    expect(answered(cluster, id)).toEqual(['1 orders-0 UNKNOWN_TOPIC_OR_PARTITION'])
  })

  test('what is refused altogether is answered at once', () => {
    const cluster = replicated({ switches: { txnVerification: false } })
    const partitions = [{ topic: 'orders', partition: 0 }]
    const marker = { producerId: 1, producerEpoch: 0, commit: true, coordinatorEpoch: 0, version: 0, partitions }
    const { sends } = tell(cluster, 2, { type: 'txn-markers', from: 3, request: 5, markers: [marker] })
    expect(sends).toEqual([
      {
        to: 3,
        message: {
          type: 'txn-markers-written',
          from: 2,
          request: 5,
          results: [{ producerId: 1, topic: 'orders', partition: 0, errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER }],
        },
      },
    ])
  })

  test('with too few in sync nothing is written: NOT_ENOUGH_REPLICAS', () => {
    const cluster = replicated({}, { 'min.insync.replicas': '2' })
    produce(cluster, 1, {})
    fence(cluster, 2)
    fence(cluster, 3)
    const end = logAt(cluster, 1).logEndOffset
    const id = ask(cluster, 1, {})
    expect(answered(cluster, id)).toEqual(['1 orders-0 NOT_ENOUGH_REPLICAS'])
    expect(logAt(cluster, 1).logEndOffset).toBe(end)
  })

  test('a leader that is one no longer says so to who waits; its successor has the transaction open and takes the marker', () => {
    const cluster = replicated({ switches: { txnVerification: false } })
    produce(cluster, 1, {})
    // The marker never leaves broker 1.
    const id = ask(cluster, 1, {})
    cluster.queue.length = 0
    fence(cluster, 1)
    cluster.down.delete(1)
    expect(logAt(cluster, 2).producers.entries.get(1)?.currentTxnFirstOffset).toBe(0)
    expect(fetch(cluster, 2, 1)).toMatchObject({ lastStableOffset: 0, records: [] })
    const again = ask(cluster, 2, { coordinatorEpoch: 1, commit: false })
    cluster.settle()
    expect(answered(cluster, again)).toEqual(['1 orders-0 NONE'])
    expect(fetch(cluster, 2, 1)?.abortedTransactions).toEqual([{ producerId: 1, firstOffset: 0 }])
    start(cluster, 1)
    expect(abortedBetween(logAt(cluster, 1), 0, 9)).toEqual(abortedBetween(logAt(cluster, 2), 0, 9))
    expect(errorsIn(cluster.answers.get(id) as WriteTxnMarkersResponse | undefined)).toBeUndefined()
  })

  test('who waits at a leader that hears of its successor is told NOT_LEADER_OR_FOLLOWER', () => {
    const cluster = replicated({ switches: { txnVerification: false } })
    produce(cluster, 1, {})
    const id = ask(cluster, 1, {})
    // Fetches of the followers get lost; the controller takes broker 1 out of service, and it hears of that.
    cluster.queue.length = 0
    cluster.down.add(2)
    cluster.down.add(3)
    fence(cluster, 1)
    cluster.down.delete(1)
    cluster.publish(cluster.controller.log.slice(-1))
    cluster.settle()
    expect(answered(cluster, id)).toEqual(['1 orders-0 NOT_LEADER_OR_FOLLOWER'])
  })

  test('a follower answers read_committed readers up to its own last stable offset (KIP-392)', () => {
    const cluster = replicated({ switches: { txnVerification: false } })
    produce(cluster, 1, {})
    produce(cluster, 1, { id: 7, transactional: false })
    cluster.settle()
    expect(fetch(cluster, 2, 1)).toMatchObject({ lastStableOffset: 0, records: [] })
    const { highWatermark } = logAt(cluster, 2)
    expect(fetch(cluster, 2, 0)?.records).toHaveLength(highWatermark)
  })

  test('a restart finds open transactions, and readers go on waiting', () => {
    const cluster = replicated({ switches: { txnVerification: false } })
    produce(cluster, 1, {})
    cluster.down.add(1)
    start(cluster, 1)
    const leader = [...brokerAt(cluster, 1).image.topics.values()].find(({ name }) => name === 'orders')?.partitions[0]
      ?.leader as number
    for (const broker of [1, 2, 3]) expect([...logAt(cluster, broker).transactions.open]).toEqual([[0, 1]])
    expect(fetch(cluster, leader, 1)?.records).toEqual([])
  })
})
