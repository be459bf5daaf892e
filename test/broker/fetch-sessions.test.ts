/** Fetch sessions (KIP-227), topic ids (KIP-516) and leader hints (KIP-951) of Fetch and Produce. */
import { describe, expect, test } from 'vitest'
import { stepMetadata, stepRestart } from '../../src/broker/index.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  makeFetchPartition,
  makeFetchRequest,
  makeFetchTopic,
  makePartitionProduceData,
  makeProduceRequest,
  makeTopicProduceData,
} from '../../src/protocol/make.ts'
import type { FetchResponse } from '../../src/protocol/messages.ts'
import { type Bench, batchOf, createBench } from './support.ts'

const idOf = (bench: Bench, topic: string) => bench.state.image.topics.get(topic)?.id as string

interface Ask {
  readonly id?: number
  readonly epoch?: number
  /** `topic-partition` by the offset it is read from. */
  readonly read?: Readonly<Record<string, number>>
  readonly forget?: readonly string[]
  readonly version?: number
  readonly maxWaitMs?: number
}

const split = (key: string) => {
  const dash = key.lastIndexOf('-')
  return { topic: key.slice(0, dash), partition: Number(key.slice(dash + 1)) }
}

function requestOf(bench: Bench, { id = 0, epoch = -1, read = {}, forget = [], maxWaitMs = 0 }: Ask) {
  const named = (topic: string) => ({ topic, topicId: bench.state.image.topics.get(topic)?.id ?? topic })
  return makeFetchRequest({
    sessionId: id,
    sessionEpoch: epoch,
    maxWaitMs,
    minBytes: 1,
    topics: Object.entries(read).map(([key, fetchOffset]) => {
      const { topic, partition } = split(key)
      const partitions = [makeFetchPartition({ partition, fetchOffset, partitionMaxBytes: 1_048_576 })]
      return makeFetchTopic({ ...named(topic), partitions })
    }),
    forgottenTopicsData: forget
      .map(split)
      .map(({ topic, partition }) => ({ ...named(topic), partitions: [partition] })),
  })
}

const fetch = (bench: Bench, ask: Ask) => bench.ask('Fetch', ask.version ?? 12, requestOf(bench, ask))

/** `topic-partition`s of an answer, with the error or the number of batches of each. */
const told = (bench: Bench, { responses }: FetchResponse) =>
  Object.fromEntries(
    responses.flatMap(({ topic, topicId, partitions }) =>
      partitions.map(({ partitionIndex, errorCode, records }) => [
        `${topic || (bench.state.image.topicNames.get(topicId) ?? topicId)}-${partitionIndex}`,
        errorCode === 0 ? (records?.length ?? 0) : -errorCode,
      ]),
    ),
  )

function produce(bench: Bench, topic: string, partition = 0, version = 9) {
  const partitionData = [makePartitionProduceData({ index: partition, records: [batchOf(['value'])] })]
  const topicData = [makeTopicProduceData({ name: topic, topicId: idOf(bench, topic) ?? topic, partitionData })]
  return bench.ask('Produce', version, makeProduceRequest({ acks: 1, timeoutMs: 1000, topicData }))
}

const BOTH = { 'orders-0': 0, 'orders-1': 0 }

describe('sessions', () => {
  test('a first request with epoch 0 gets a session, and all of its partitions', () => {
    const bench = createBench({ orders: 2 })
    const answer = fetch(bench, { epoch: 0, read: BOTH })
    expect(answer.sessionId).toBeGreaterThan(0)
    expect(told(bench, answer)).toEqual({ 'orders-0': 0, 'orders-1': 0 })
    expect(fetch(bench, { epoch: 0, read: BOTH }).sessionId).not.toBe(answer.sessionId)
  })

  test('epoch -1, and any version before 7, wants none', () => {
    const bench = createBench({ orders: 2 })
    expect(fetch(bench, { epoch: -1, read: BOTH }).sessionId).toBe(0)
    expect(fetch(bench, { version: 4, read: BOTH }).sessionId).toBe(0)
    expect(bench.state.fetchSessions.size).toBe(0)
  })

  test('an incremental fetch is told of what has changed, and of nothing else', () => {
    const bench = createBench({ orders: 2 })
    const { sessionId: id } = fetch(bench, { epoch: 0, read: BOTH })
    expect(told(bench, fetch(bench, { id, epoch: 1 }))).toEqual({})
    produce(bench, 'orders', 1)
    const answer = fetch(bench, { id, epoch: 2 })
    expect(answer.sessionId).toBe(id)
    expect(told(bench, answer)).toEqual({ 'orders-1': 1 })
    // The client has read it and says from where it goes on.
    expect(told(bench, fetch(bench, { id, epoch: 3, read: { 'orders-1': 1 } }))).toEqual({})
  })

  test('what brings records goes behind the others', () => {
    const bench = createBench({ orders: 2 })
    const { sessionId: id } = fetch(bench, { epoch: 0, read: BOTH })
    produce(bench, 'orders', 0)
    fetch(bench, { id, epoch: 1 })
    const order = [...(bench.state.fetchSessions.get(id)?.partitions.keys() ?? [])]
    expect(order).toEqual(['orders-1', 'orders-0'])
  })

  test('partitions come and go', () => {
    const bench = createBench({ orders: 2 })
    const { sessionId: id } = fetch(bench, { epoch: 0, read: { 'orders-0': 0 } })
    expect(told(bench, fetch(bench, { id, epoch: 1, read: { 'orders-1': 0 }, forget: ['orders-0'] }))).toEqual({
      'orders-1': 0,
    })
    produce(bench, 'orders', 0)
    produce(bench, 'orders', 1)
    expect(told(bench, fetch(bench, { id, epoch: 2 }))).toEqual({ 'orders-1': 1 })
    // The last one gone, so is the session.
    expect(fetch(bench, { id, epoch: 3, forget: ['orders-1'] })).toMatchObject({
      errorCode: 0,
      sessionId: 0,
      responses: [],
    })
    expect(bench.state.fetchSessions.size).toBe(0)
  })

  test('an error is told as long as it holds, and its end too', () => {
    const bench = createBench({ orders: 2 })
    const { sessionId: id } = fetch(bench, { epoch: 0, read: { 'orders-0': 0, 'orders-1': 7 } })
    for (const epoch of [1, 2])
      expect(told(bench, fetch(bench, { id, epoch }))).toEqual({ 'orders-1': -ErrorCode.OFFSET_OUT_OF_RANGE })
    expect(told(bench, fetch(bench, { id, epoch: 3, read: { 'orders-1': 0 } }))).toEqual({ 'orders-1': 0 })
    expect(told(bench, fetch(bench, { id, epoch: 4 }))).toEqual({})
  })

  test('a long poll in a session is answered with what came', () => {
    const bench = createBench({ orders: 2 })
    const { sessionId: id } = fetch(bench, { epoch: 0, read: BOTH })
    const waiting = bench.send('Fetch', 12, requestOf(bench, { id, epoch: 1, maxWaitMs: 500 }))
    expect(bench.isWaiting(waiting)).toBe(true)
    produce(bench, 'orders', 1)
    expect(told(bench, bench.answerTo('Fetch', waiting))).toEqual({ 'orders-1': 1 })
    const idle = bench.send('Fetch', 12, requestOf(bench, { id, epoch: 2, read: { 'orders-1': 1 }, maxWaitMs: 500 }))
    bench.pass(500)
    expect(bench.answerTo('Fetch', idle)).toMatchObject({ sessionId: id, responses: [] })
  })

  test('FETCH_SESSION_ID_NOT_FOUND: nobody knows it, also after a restart', () => {
    const bench = createBench({ orders: 1 })
    const unknown = { errorCode: ErrorCode.FETCH_SESSION_ID_NOT_FOUND, sessionId: 0, responses: [] }
    expect(fetch(bench, { id: 77, epoch: 1 })).toMatchObject(unknown)
    const { sessionId: id } = fetch(bench, { epoch: 0, read: { 'orders-0': 0 } })
    stepRestart(bench.state, bench.now)
    expect(fetch(bench, { id, epoch: 1 })).toMatchObject(unknown)
    expect(fetch(bench, { epoch: 0, read: { 'orders-0': 0 } }).sessionId).not.toBe(id)
  })

  test('INVALID_FETCH_SESSION_EPOCH: a request twice, or one too many', () => {
    const bench = createBench({ orders: 1 })
    const { sessionId: id } = fetch(bench, { epoch: 0, read: { 'orders-0': 0 } })
    expect(fetch(bench, { id, epoch: 2 }).errorCode).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
    expect(fetch(bench, { id, epoch: 1 }).errorCode).toBe(0)
    expect(fetch(bench, { id, epoch: 1 }).errorCode).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
    // While one waits another one goes on: the answer to the first is void.
    const waiting = bench.send('Fetch', 12, requestOf(bench, { id, epoch: 2, maxWaitMs: 500 }))
    fetch(bench, { id, epoch: 3 })
    bench.pass(500)
    expect(bench.answerTo('Fetch', waiting)).toMatchObject({
      errorCode: ErrorCode.INVALID_FETCH_SESSION_EPOCH,
      responses: [],
    })
  })

  test('a full fetch that names a session closes it', () => {
    const bench = createBench({ orders: 1 })
    const { sessionId: id } = fetch(bench, { epoch: 0, read: { 'orders-0': 0 } })
    expect(fetch(bench, { id, epoch: -1, read: { 'orders-0': 0 } }).sessionId).toBe(0)
    expect(fetch(bench, { id, epoch: 1 }).errorCode).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
  })

  test('FETCH_SESSION_TOPIC_ID_ERROR: names and ids do not mix', () => {
    const bench = createBench({ orders: 1 })
    const { sessionId: id } = fetch(bench, { epoch: 0, read: { 'orders-0': 0 } })
    expect(fetch(bench, { id, epoch: 1, version: 13 }).errorCode).toBe(ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR)
  })
})

describe('room for sessions', () => {
  const slots = (n: number) => ({ 'max.incremental.fetch.session.cache.slots': String(n) })

  test('without room there is none', () => {
    const bench = createBench({ orders: 2 }, slots(1))
    const first = fetch(bench, { epoch: 0, read: BOTH })
    expect(fetch(bench, { epoch: 0, read: BOTH })).toMatchObject({ errorCode: 0, sessionId: 0 })
    expect([...bench.state.fetchSessions.keys()]).toEqual([first.sessionId])
    expect(fetch(createBench({ orders: 2 }, slots(0)), { epoch: 0, read: BOTH }).sessionId).toBe(0)
  })

  test('one that nobody has used for two minutes goes', () => {
    const bench = createBench({ orders: 2 }, slots(1))
    fetch(bench, { epoch: 0, read: BOTH })
    bench.pass(120_000)
    expect(fetch(bench, { epoch: 0, read: { 'orders-0': 0 } }).sessionId).toBe(0)
    bench.pass(1)
    const { sessionId } = fetch(bench, { epoch: 0, read: { 'orders-0': 0 } })
    expect([...bench.state.fetchSessions.keys()]).toEqual([sessionId])
  })

  test('a larger one takes the place of a smaller one that is not new', () => {
    const bench = createBench({ orders: 2 }, slots(1))
    const { sessionId: id } = fetch(bench, { epoch: 0, read: { 'orders-0': 0 } })
    expect(fetch(bench, { epoch: 0, read: BOTH }).sessionId).toBe(0)
    bench.pass(100_000)
    fetch(bench, { id, epoch: 1 })
    bench.pass(20_001)
    fetch(bench, { id, epoch: 2 })
    expect(fetch(bench, { epoch: 0, read: { 'orders-1': 0 } }).sessionId).toBe(0)
    expect(fetch(bench, { epoch: 0, read: BOTH }).sessionId).toBeGreaterThan(id)
    expect(bench.state.fetchSessions.size).toBe(1)
  })
})

describe('topic ids', () => {
  const gone = (bench: Bench, name: string) => {
    const topicId = idOf(bench, name)
    stepMetadata(bench.state, [{ type: 'remove-topic', topicId, name }], context(bench))
    return topicId
  }
  const context = (bench: Bench) => ({ now: bench.now, uuid: () => 'x'.repeat(22), memberUuid: () => 'm' })
  const again = (bench: Bench, name: string) => {
    const id = 'bbbbbbbbbbbbbbbbbbbbbA'
    const info = { replicas: [1], isr: [1], elr: [], lastKnownElr: [], leader: 1, leaderEpoch: 0, partitionEpoch: 0 }
    const rest = { leaderRecoveryState: 'recovered', addingReplicas: [], removingReplicas: [] } as const
    stepMetadata(
      bench.state,
      [
        { type: 'topic', name, id, config: {} },
        { type: 'partition', topicId: id, partition: 0, ...info, ...rest },
      ],
      context(bench),
    )
  }

  test('Fetch v13 names topics by id', () => {
    const bench = createBench({ orders: 1 })
    produce(bench, 'orders')
    const answer = fetch(bench, { version: 13, read: { 'orders-0': 0 } })
    expect(answer.responses[0]?.topicId).toBe(idOf(bench, 'orders'))
    expect(told(bench, answer)).toEqual({ 'orders-0': 1 })
  })

  test('UNKNOWN_TOPIC_ID, until the broker has heard of it', () => {
    const bench = createBench({ orders: 1 })
    const id = 'bbbbbbbbbbbbbbbbbbbbbA'
    const answer = fetch(bench, { version: 13, epoch: 0, read: { 'orders-0': 0, [`${id}-0`]: 0 } })
    expect(told(bench, answer)).toEqual({ 'orders-0': 0, [`${id}-0`]: -ErrorCode.UNKNOWN_TOPIC_ID })
    again(bench, 'late')
    expect(told(bench, fetch(bench, { version: 13, id: answer.sessionId, epoch: 1 }))).toEqual({ 'late-0': 0 })
  })

  test('INCONSISTENT_TOPIC_ID: a topic was made anew under the name that a session knows', () => {
    const bench = createBench({ orders: 1 })
    const { sessionId: id } = fetch(bench, { version: 13, epoch: 0, read: { 'orders-0': 0 } })
    const old = gone(bench, 'orders')
    expect(told(bench, fetch(bench, { version: 13, id, epoch: 1 }))).toEqual({
      'orders-0': -ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    })
    again(bench, 'orders')
    const answer = fetch(bench, { version: 13, id, epoch: 2 })
    expect(answer.responses).toMatchObject([
      { topicId: old, partitions: [{ errorCode: ErrorCode.INCONSISTENT_TOPIC_ID }] },
    ])
    // The new one is another topic beside it.
    expect(fetch(bench, { version: 13, id, epoch: 3, read: { 'orders-0': 0 } }).responses).toMatchObject([
      { topicId: old, partitions: [{ errorCode: ErrorCode.INCONSISTENT_TOPIC_ID }] },
      { topicId: idOf(bench, 'orders'), partitions: [{ errorCode: 0 }] },
    ])
  })

  test('Produce v13', () => {
    const bench = createBench({ orders: 1 })
    const [answer] = produce(bench, 'orders', 0, 13).responses
    expect(answer).toMatchObject({
      topicId: idOf(bench, 'orders'),
      partitionResponses: [{ errorCode: 0, baseOffset: 0 }],
    })
    const partitionData = [makePartitionProduceData({ index: 0, records: [batchOf(['value'])] })]
    const topicData = [makeTopicProduceData({ topicId: 'bbbbbbbbbbbbbbbbbbbbbA', partitionData })]
    const refused = bench.ask('Produce', 13, makeProduceRequest({ acks: 1, timeoutMs: 1000, topicData }))
    expect(refused.responses[0]?.partitionResponses[0]?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_ID)
  })
})

describe('leader hints', () => {
  /** Broker 2 leads orders-0 from epoch 3 on. */
  function moved() {
    const bench = createBench({ orders: 2 }, {}, { silentFollower: true })
    const [info] = bench.state.image.topics.get('orders')?.partitions ?? []
    if (info === undefined) throw new Error('no partition')
    const record = { type: 'partition', topicId: idOf(bench, 'orders'), ...info, leader: 2, leaderEpoch: 3 } as const
    stepMetadata(bench.state, [record], { now: bench.now, uuid: () => '', memberUuid: () => '' })
    return bench
  }
  const leader = { leaderId: 2, leaderEpoch: 3 }
  const endpoints = [{ nodeId: 2, host: 'localhost', port: 9093, rack: null }]
  const none = { leaderId: -1, leaderEpoch: -1 }

  test('Produce v10 and later, NOT_LEADER_OR_FOLLOWER', () => {
    const bench = moved()
    const turnedAway = { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER }
    for (const version of [10, 13]) {
      const answer = produce(bench, 'orders', 0, version)
      expect(answer.responses[0]?.partitionResponses[0]).toMatchObject({ ...turnedAway, currentLeader: leader })
      expect(answer.nodeEndpoints).toEqual(endpoints)
    }
    const older = produce(bench, 'orders', 0, 9)
    expect(older.responses[0]?.partitionResponses[0]).toMatchObject({ ...turnedAway, currentLeader: none })
    expect(older.nodeEndpoints).toEqual([])
    // Any other error sends nobody anywhere.
    const unknown = produce(bench, 'orders', 7, 13)
    expect(unknown.responses[0]?.partitionResponses[0]).toMatchObject({ errorCode: 3, currentLeader: none })
    expect(unknown.nodeEndpoints).toEqual([])
  })

  test('a produce that waited when the leader changed', () => {
    const bench = createBench({ orders: 1 }, {}, { silentFollower: true })
    const partitionData = [makePartitionProduceData({ index: 0, records: [batchOf(['value'])] })]
    const topicData = [makeTopicProduceData({ name: 'orders', partitionData })]
    const waiting = makeProduceRequest({ acks: -1, timeoutMs: 1000, topicData })
    const sent = bench.send('Produce', 10, waiting)
    const [info] = bench.state.image.topics.get('orders')?.partitions ?? []
    if (info === undefined) throw new Error('no partition')
    const record = { type: 'partition', topicId: idOf(bench, 'orders'), ...info, leader: 2, leaderEpoch: 3 } as const
    const context = { now: bench.now, uuid: () => '', memberUuid: () => '' }
    const [reply] = stepMetadata(bench.state, [record], context).replies
    expect(reply?.token.correlationId).toBe(sent)
    expect(reply?.body).toMatchObject({ nodeEndpoints: endpoints })
  })

  test('Fetch v16 and later, also FENCED_LEADER_EPOCH', () => {
    const bench = moved()
    const ask = (version: number, key: string, currentLeaderEpoch = -1) => {
      const { topic, partition } = split(key)
      const partitions = [makeFetchPartition({ partition, currentLeaderEpoch, partitionMaxBytes: 1000 })]
      const topics = [makeFetchTopic({ topic, topicId: idOf(bench, topic), partitions })]
      return bench.ask('Fetch', version, makeFetchRequest({ maxWaitMs: 0, rackId: '', topics }))
    }
    const first = ({ responses }: FetchResponse) => responses[0]?.partitions[0]
    // A follower serves readers, but not those that believe in an older leader.
    const fenced = ask(16, 'orders-0', 1)
    expect(first(fenced)).toMatchObject({ errorCode: ErrorCode.FENCED_LEADER_EPOCH, currentLeader: leader })
    expect(fenced.nodeEndpoints).toEqual(endpoints)
    expect(first(ask(15, 'orders-0', 1))).toMatchObject({
      errorCode: ErrorCode.FENCED_LEADER_EPOCH,
      currentLeader: none,
    })
    // An epoch that is yet to come is no reason to go elsewhere.
    expect(ask(16, 'orders-0', 9)).toMatchObject({ nodeEndpoints: [] })
  })
})
