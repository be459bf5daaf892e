import { describe, expect, test } from 'vitest'
import {
  brokerChanged,
  brokerConfig,
  createController,
  LAWS,
  stepController,
  switchesOf,
} from '../../src/broker/index.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  makeCreatableTopic,
  makeCreatableTopicConfig,
  makeCreatePartitionsRequest,
  makeCreateTopicsRequest,
  makeDeleteRecordsRequest,
  makeFetchPartition,
  makeFetchRequest,
  makeListOffsetsPartition,
  makeListOffsetsRequest,
  makePartitionProduceData,
  makeProduceRequest,
  makeTopicProduceData,
} from '../../src/protocol/make.ts'
import type { CreatePartitionsResponse } from '../../src/protocol/messages.ts'
import { type Bench, batchOf, createBench } from './support.ts'

const produce = (bench: Bench, values: readonly string[], index = 0, timestamp = 1_000_000) =>
  bench.ask(
    'Produce',
    7,
    makeProduceRequest({
      acks: -1,
      topicData: [
        makeTopicProduceData({
          name: 'orders',
          partitionData: [makePartitionProduceData({ index, records: [batchOf(values, timestamp)] })],
        }),
      ],
    }),
  ).responses[0]?.partitionResponses[0]

type Assignments = readonly (readonly number[])[] | null
const growth = (name: string, count: number, assignments: Assignments = null) => ({
  name,
  count,
  assignments: assignments?.map((brokerIds) => ({ brokerIds })) ?? null,
})
const grow = (bench: Bench, topics: ReturnType<typeof growth>[], validateOnly = false) =>
  bench.ask('CreatePartitions', 3, makeCreatePartitionsRequest({ topics, validateOnly, timeoutMs: 1000 })).results
const count = (bench: Bench, topic = 'orders') => bench.state.image.topics.get(topic)?.partitions.length

describe('CreateTopics', () => {
  const create = (bench: Bench, topics: Parameters<typeof makeCreatableTopic>[0][]) =>
    bench
      .ask('CreateTopics', 7, makeCreateTopicsRequest({ topics: topics.map((topic) => makeCreatableTopic(topic)) }))
      .topics.map(({ name, errorCode, numPartitions }) => [name, errorCode, numPartitions])

  test('KAFKA-17870: a request that asks for more than 10,000 partitions makes nothing at all', () => {
    const bench = createBench({})
    const one = { name: 'one', numPartitions: 1, replicationFactor: 1 }
    for (const numPartitions of [10_000, 2 ** 31 - 1]) {
      const big = { name: 'big', numPartitions, replicationFactor: 1 }
      expect(create(bench, [one, big]).map(([, errorCode]) => errorCode)).toEqual([
        ErrorCode.POLICY_VIOLATION,
        ErrorCode.POLICY_VIOLATION,
      ])
    }
    // As many records as may be: a topic is one, too.
    expect(create(bench, [{ name: 'big', numPartitions: 10_000, replicationFactor: 1 }])[0]?.[1]).toBe(
      ErrorCode.POLICY_VIOLATION,
    )
    expect(bench.state.image.topics.size).toBe(0)
    expect(create(bench, [one])).toEqual([['one', 0, 1]])
  })

  test('what was made has no error message, which is not an empty one', () => {
    const bench = createBench({})
    const topics = [makeCreatableTopic({ name: 'one', numPartitions: 1, replicationFactor: 1 })]
    const [made] = bench.ask('CreateTopics', 7, makeCreateTopicsRequest({ topics })).topics
    expect(made?.errorMessage).toBeNull()
  })
})

describe('CreatePartitions', () => {
  test('adds partitions with empty logs; records stay where they are', () => {
    const bench = createBench({ orders: 1 })
    produce(bench, ['a'])
    expect(grow(bench, [growth('orders', 3)])).toEqual([{ name: 'orders', errorCode: 0, errorMessage: null }])
    expect(bench.state.logs.get('orders')?.map(({ logEndOffset }) => logEndOffset)).toEqual([1, 0, 0])
    expect(bench.state.image.topics.get('orders')?.partitions[2]).toMatchObject({
      partition: 2,
      replicas: [1],
      isr: [1],
      leader: 1,
      leaderEpoch: 0,
    })
    expect(produce(bench, ['b'], 2)).toMatchObject({ errorCode: 0, baseOffset: 0 })
  })

  test('an unknown topic is UNKNOWN_TOPIC_OR_PARTITION', () => {
    expect(grow(createBench(), [growth('nope', 3)])[0]?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  })

  test('as many partitions as there are, or fewer, is INVALID_PARTITIONS', () => {
    const bench = createBench({ orders: 3 })
    expect(grow(bench, [growth('orders', 3)])[0]).toMatchObject({
      errorCode: ErrorCode.INVALID_PARTITIONS,
      errorMessage: "Topic 'orders' has 3 partition(s) already.",
    })
    for (const less of [2, 0, -1]) {
      expect(grow(bench, [growth('orders', less)])[0]?.errorCode).toBe(ErrorCode.INVALID_PARTITIONS)
    }
    expect(count(bench)).toBe(3)
  })

  test('a topic named twice is INVALID_REQUEST, once in the answer, and comes before the others', () => {
    const bench = createBench({ orders: 1, users: 1 })
    const results = grow(bench, [growth('users', 2), growth('orders', 2), growth('orders', 3)])
    expect(results).toMatchObject([
      { name: 'orders', errorCode: ErrorCode.INVALID_REQUEST },
      { name: 'users', errorCode: 0 },
    ])
    expect([count(bench), count(bench, 'users')]).toEqual([1, 2])
  })

  test('validateOnly answers the same and changes nothing', () => {
    const bench = createBench({ orders: 1 })
    const before = bench.state.image.offset
    expect(grow(bench, [growth('orders', 2), growth('nope', 2)], true).map(({ errorCode }) => errorCode)).toEqual([
      0,
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ])
    expect(count(bench)).toBe(1)
    expect(bench.state.image.offset).toBe(before)
  })

  test('a manual assignment has to fit: one entry a new partition, known brokers, the topic’s replication factor', () => {
    const bench = createBench({ orders: 1 })
    const bad: Assignments[] = [[[1]], [[1], [1], [1]], [[1], []], [[1], [9]], [[1], [1, 1]]]
    for (const assignments of bad) {
      expect(grow(bench, [growth('orders', 3, assignments)])[0]?.errorCode).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT)
    }
    expect(count(bench)).toBe(1)
    expect(grow(bench, [growth('orders', 3, [[1], [1]])])[0]?.errorCode).toBe(0)
    expect(count(bench)).toBe(3)
  })

  test('an internal topic does not grow: INVALID_TOPIC_EXCEPTION with a text that says why', () => {
    const bench = createBench({ __consumer_offsets: 2 })
    expect(grow(bench, [growth('__consumer_offsets', 3)])[0]).toMatchObject({
      errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION,
      errorMessage: expect.stringContaining('offsets.topic.num.partitions') as string,
    })
    expect(count(bench, '__consumer_offsets')).toBe(2)
  })

  test('one request adds at most 10 000 partitions: POLICY_VIOLATION', () => {
    const bench = createBench({ orders: 1 })
    expect(grow(bench, [growth('orders', 2_147_483_647)])[0]?.errorCode).toBe(ErrorCode.POLICY_VIOLATION)
    expect(count(bench)).toBe(1)
  })

  describe('with three brokers, one of them fenced', () => {
    const controller = () => {
      const state = createController(brokerConfig({}), switchesOf('4.3'))
      for (const id of [1, 2, 3]) brokerChanged(state, { id, host: 'h', port: 9091 + id, fenced: false })
      const topics = [makeCreatableTopic({ name: 'orders', numPartitions: 1, replicationFactor: 1 })]
      stepController(
        state,
        { api: 'CreateTopics', body: makeCreateTopicsRequest({ topics }), internal: false },
        () => 'orders-id',
      )
      return state
    }
    const growAt = (state: ReturnType<typeof controller>, total: number, assignments: Assignments = null) => {
      const body = makeCreatePartitionsRequest({ topics: [growth('orders', total, assignments)] })
      const { records, response } = stepController(state, { api: 'CreatePartitions', body }, () => '')
      return { records, result: (response as CreatePartitionsResponse).results[0] }
    }

    test('new partitions go round the brokers from where the last placement ended', () => {
      const state = controller()
      growAt(state, 4)
      expect(state.image.topics.get('orders')?.partitions.map(({ leader }) => leader)).toEqual([1, 2, 3, 1])
    })

    test('brokers that are fenced get none, and cannot be named alone', () => {
      const state = controller()
      brokerChanged(state, { id: 2, host: 'h', port: 9093, fenced: true })
      expect(growAt(state, 2, [[2]])).toMatchObject({
        records: [],
        result: { errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT },
      })
      growAt(state, 4)
      expect(state.image.topics.get('orders')?.partitions.map(({ leader }) => leader)).not.toContain(2)
    })

    test('without any broker up it is INVALID_REPLICATION_FACTOR', () => {
      const state = controller()
      for (const id of [1, 2, 3]) brokerChanged(state, { id, host: 'h', port: 9091 + id, fenced: true })
      expect(growAt(state, 2)).toMatchObject({
        records: [],
        result: { errorCode: ErrorCode.INVALID_REPLICATION_FACTOR },
      })
    })
  })
})

/** Three batches: offsets 0–2, 3–5 and 6. */
function filled(config: Record<string, string> = {}): Bench {
  const bench = createBench({ orders: 2, __consumer_offsets: 1 }, config)
  produce(bench, ['a', 'b', 'c'], 0, 1000)
  produce(bench, ['d', 'e', 'f'], 0, 2000)
  produce(bench, ['g'], 0, 3000)
  bench.facts.length = 0
  return bench
}
const remove = (bench: Bench, offset: number, { topic = 'orders', partitionIndex = 0 } = {}) =>
  bench.ask(
    'DeleteRecords',
    2,
    makeDeleteRecordsRequest({ topics: [{ name: topic, partitions: [{ partitionIndex, offset }] }] }),
  ).topics[0]?.partitions[0]
const log = (bench: Bench) => bench.state.logs.get('orders')?.[0] as NonNullable<ReturnType<typeof logs>>[number]
const logs = (bench: Bench) => bench.state.logs.get('orders')
const laws = (bench: Bench) => LAWS.map((law) => law.check(bench.state)).filter((problem) => problem !== null)
const fetchBody = (fetchOffset: number, minBytes = 1) =>
  makeFetchRequest({
    maxWaitMs: 500,
    minBytes,
    maxBytes: 1_000_000,
    topics: [
      {
        topic: 'orders',
        topicId: '',
        partitions: [makeFetchPartition({ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 })],
      },
    ],
  })
const offsetAt = (bench: Bench, timestamp: number) =>
  bench.ask(
    'ListOffsets',
    7,
    makeListOffsetsRequest({
      topics: [{ name: 'orders', partitions: [makeListOffsetsPartition({ partitionIndex: 0, timestamp })] }],
    }),
  ).topics[0]?.partitions[0]?.offset

describe('DeleteRecords', () => {
  test('moves the log start and answers it as the low watermark', () => {
    const bench = filled()
    expect(remove(bench, 3)).toEqual({ partitionIndex: 0, lowWatermark: 3, errorCode: 0 })
    expect(log(bench)).toMatchObject({ logStartOffset: 3, highWatermark: 7, logEndOffset: 7 })
    expect(laws(bench)).toEqual([])
    expect(produce(bench, ['h'])).toMatchObject({ baseOffset: 7, logStartOffset: 3 })
  })

  test('what lies before it stays in its segment, unseen', () => {
    const bench = filled()
    remove(bench, 4)
    expect(log(bench).batches.map(({ baseOffset }) => baseOffset)).toEqual([0, 3, 6])
    expect(laws(bench)).toEqual([])
    const answer = bench.ask('Fetch', 11, fetchBody(4)).responses[0]?.partitions[0]
    expect(answer).toMatchObject({ errorCode: 0, logStartOffset: 4 })
    // Whole batches, as ever: the reader passes over offset 3.
    expect(answer?.records?.map(({ baseOffset }) => baseOffset)).toEqual([3, 6])
  })

  test('−1 stands for the high watermark: nothing is left to read, and offsets run on', () => {
    const bench = filled()
    expect(remove(bench, -1)).toMatchObject({ lowWatermark: 7, errorCode: 0 })
    expect(log(bench)).toMatchObject({ logStartOffset: 7, logEndOffset: 7, highWatermark: 7 })
    expect(offsetAt(bench, 0)).toBe(-1)
    expect(laws(bench)).toEqual([])
    expect(produce(bench, ['h'])).toMatchObject({ baseOffset: 7 })
    expect(laws(bench)).toEqual([])
  })

  test('never moves back: an offset below the start is no error and changes nothing', () => {
    const bench = filled()
    remove(bench, 4)
    bench.facts.length = 0
    expect(remove(bench, 2)).toEqual({ partitionIndex: 0, lowWatermark: 4, errorCode: 0 })
    expect(log(bench).logStartOffset).toBe(4)
    expect(bench.facts).toEqual([])
  })

  test('beyond the high watermark, or below −1, is OFFSET_OUT_OF_RANGE', () => {
    const bench = filled()
    for (const offset of [8, -2]) {
      expect(remove(bench, offset)).toEqual({
        partitionIndex: 0,
        lowWatermark: -1,
        errorCode: ErrorCode.OFFSET_OUT_OF_RANGE,
      })
    }
    expect(log(bench).logStartOffset).toBe(0)
  })

  test('unknown partitions, internal topics, partitions led elsewhere', () => {
    const bench = filled()
    expect(remove(bench, 0, { topic: 'nope' })?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(remove(bench, 0, { partitionIndex: 9 })?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(remove(bench, 0, { topic: '__consumer_offsets' })?.errorCode).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION)
    bench.state.logs.delete('orders')
    expect(remove(bench, 0)?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  })

  test('a topic that is only compacted is POLICY_VIOLATION; compact,delete is not', () => {
    const bench = createBench()
    for (const [name, value] of [
      ['table', 'compact'],
      ['both', 'compact,delete'],
    ] as const) {
      const configs = [makeCreatableTopicConfig({ name: 'cleanup.policy', value })]
      const topics = [makeCreatableTopic({ name, numPartitions: 1, replicationFactor: 1, configs })]
      bench.ask('CreateTopics', 5, makeCreateTopicsRequest({ topics }))
    }
    expect(remove(bench, 0, { topic: 'table' })?.errorCode).toBe(ErrorCode.POLICY_VIOLATION)
    expect(remove(bench, 0, { topic: 'both' })?.errorCode).toBe(ErrorCode.NONE)
  })

  test('a partition named twice gets the last offset, and one answer', () => {
    const bench = filled()
    const partitions = [5, 2].map((offset) => ({ partitionIndex: 0, offset }))
    const answer = bench.ask('DeleteRecords', 2, makeDeleteRecordsRequest({ topics: [{ name: 'orders', partitions }] }))
    expect(answer.topics).toEqual([
      { name: 'orders', partitions: [{ partitionIndex: 0, lowWatermark: 2, errorCode: 0 }] },
    ])
    expect(log(bench).logStartOffset).toBe(2)
  })

  test('the trace tells it', () => {
    const bench = filled()
    remove(bench, 4)
    expect(bench.facts).toEqual([{ type: 'log-start', node: 1, topic: 'orders', partition: 0, offset: 4 }])
  })

  test('a fetch below the start is OFFSET_OUT_OF_RANGE; one that waits there is answered at once', () => {
    const bench = filled()
    const waiting = bench.send('Fetch', 11, fetchBody(5, 100_000))
    const further = bench.send('Fetch', 11, fetchBody(6, 100_000))
    expect(bench.isWaiting(waiting)).toBe(true)
    remove(bench, 6)
    expect(bench.answerTo('Fetch', waiting).responses[0]?.partitions[0]?.errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(bench.isWaiting(further)).toBe(true)
    expect(bench.ask('Fetch', 11, fetchBody(5)).responses[0]?.partitions[0]?.errorCode).toBe(
      ErrorCode.OFFSET_OUT_OF_RANGE,
    )
    expect(bench.state.parkedFetches.size).toBe(1)
  })

  test('ListOffsets points at nothing before the start', () => {
    const bench = filled()
    expect([-2, 1000, 2000, -3].map((timestamp) => offsetAt(bench, timestamp))).toEqual([0, 0, 3, 6])
    remove(bench, 4)
    expect([-2, 1000, 2000, -3, -1].map((timestamp) => offsetAt(bench, timestamp))).toEqual([4, 4, 4, 6, 7])
    remove(bench, 7)
    expect([-2, 1000, -3, -1].map((timestamp) => offsetAt(bench, timestamp))).toEqual([7, -1, -1, 7])
  })
})
