import { describe, expect, test } from 'vitest'
import { brokerChanged, brokerConfig, createController, stepController } from '../../src/broker/index.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  makeCreatableTopic,
  makeCreatePartitionsRequest,
  makeCreateTopicsRequest,
  makeProduceRequest,
} from '../../src/protocol/make.ts'
import type { CreatePartitionsResponse } from '../../src/protocol/messages.ts'
import { type Bench, batchOf, createBench } from './support.ts'

type Assignments = readonly (readonly number[])[] | null
const growth = (name: string, count: number, assignments: Assignments = null) => ({
  name,
  count,
  assignments: assignments?.map((brokerIds) => ({ brokerIds })) ?? null,
})
const grow = (bench: Bench, topics: ReturnType<typeof growth>[], validateOnly = false) =>
  bench.ask('CreatePartitions', 3, makeCreatePartitionsRequest({ topics, validateOnly, timeoutMs: 1000 })).results
const count = (bench: Bench, topic = 'orders') => bench.state.image.topics.get(topic)?.partitions.length

describe('CreatePartitions', () => {
  test('adds partitions with empty logs; records stay where they are', () => {
    const bench = createBench({ orders: 1 })
    const body = (index: number) =>
      makeProduceRequest({
        acks: -1,
        topicData: [{ name: 'orders', topicId: '', partitionData: [{ index, records: [batchOf(['a'])] }] }],
      })
    bench.ask('Produce', 7, body(0))
    expect(grow(bench, [growth('orders', 3)])).toEqual([{ name: 'orders', errorCode: 0, errorMessage: null }])
    expect(bench.state.logs.get('orders')?.map(({ logEndOffset }) => logEndOffset)).toEqual([1, 0, 0])
    expect(bench.state.image.topics.get('orders')?.partitions[2]).toMatchObject({
      partition: 2,
      replicas: [1],
      isr: [1],
      leader: 1,
      leaderEpoch: 0,
    })
    expect(bench.ask('Produce', 7, body(2)).responses[0]?.partitionResponses[0]).toMatchObject({
      errorCode: 0,
      baseOffset: 0,
    })
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
      const state = createController(brokerConfig({}))
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
