import { describe, expect, test } from 'vitest'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  makeCreatableTopic,
  makeCreatableTopicConfig,
  makeCreateTopicsRequest,
  makeDeleteTopicsRequest,
  makeFetchPartition,
  makeFetchRequest,
  makeFetchTopic,
  makeListOffsetsPartition,
  makeListOffsetsRequest,
  makeListOffsetsTopic,
  makeMetadataRequest,
  makeMetadataRequestTopic,
  makePartitionProduceData,
  makeProduceRequest,
  makeTopicProduceData,
} from '../../src/protocol/make.ts'
import { encodeBatch, readRecords } from '../../src/protocol/records.ts'
import { decodeUtf8 } from '../../src/protocol/utf8.ts'
import { type Bench, batchOf, createBench, pendingTimers } from './support.ts'

const produceBody = (topic: string, partition: number, records: ReturnType<typeof batchOf>[] | null, acks = -1) =>
  makeProduceRequest({
    acks,
    topicData: [
      makeTopicProduceData({ name: topic, partitionData: [makePartitionProduceData({ index: partition, records })] }),
    ],
  })
const produce = (bench: Bench, values: string[], { topic = 'orders', partition = 0 } = {}) =>
  bench.ask('Produce', 7, produceBody(topic, partition, [batchOf(values)])).responses[0]?.partitionResponses[0]
const fetchBody = (
  offset: number,
  more: Partial<ReturnType<typeof makeFetchRequest>> = {},
  partitionMaxBytes = 1_000_000,
) =>
  makeFetchRequest({
    maxWaitMs: 500,
    minBytes: 1,
    maxBytes: 10_000_000,
    topics: [
      makeFetchTopic({
        topic: 'orders',
        partitions: [makeFetchPartition({ partition: 0, fetchOffset: offset, partitionMaxBytes })],
      }),
    ],
    ...more,
  })
const valuesOf = (answer: {
  responses: readonly { partitions: readonly { records: readonly ReturnType<typeof batchOf>[] | null }[] }[]
}) =>
  answer.responses.flatMap(({ partitions }) =>
    partitions.flatMap(({ records }) =>
      (records ?? []).flatMap((batch) => readRecords(batch).map(({ value }) => decodeUtf8(value as Uint8Array))),
    ),
  )

describe('Produce', () => {
  test('answers the offset of the first record; offsets run on without gaps', () => {
    const bench = createBench({ orders: 2 })
    expect(produce(bench, ['a', 'b', 'c'])).toMatchObject({
      errorCode: 0,
      baseOffset: 0,
      logAppendTimeMs: -1,
      logStartOffset: 0,
    })
    expect(produce(bench, ['d'])).toMatchObject({ baseOffset: 3 })
    expect(produce(bench, ['x'], { partition: 1 })).toMatchObject({ baseOffset: 0 })
    expect(bench.facts.filter(({ type }) => type === 'append')).toMatchObject([
      { baseOffset: 0, count: 3 },
      { baseOffset: 3, count: 1 },
      { partition: 1, baseOffset: 0 },
    ])
  })

  test('an unknown topic or partition is UNKNOWN_TOPIC_OR_PARTITION, whatever its name', () => {
    const bench = createBench({ orders: 1 })
    expect(produce(bench, ['a'], { topic: 'nope' })?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(produce(bench, ['a'], { partition: 7 })?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(produce(bench, ['a'], { topic: 'no spaces' })?.errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  })

  test('acks other than 0, 1 and -1 are INVALID_REQUIRED_ACKS', () => {
    const bench = createBench({ orders: 1 })
    const answer = bench.ask('Produce', 7, produceBody('orders', 0, [batchOf(['a'])], 2))
    expect(answer.responses[0]?.partitionResponses[0]?.errorCode).toBe(ErrorCode.INVALID_REQUIRED_ACKS)
    expect(bench.state.logs.get('orders')?.[0]?.logEndOffset).toBe(0)
  })

  test('a batch above max.message.bytes is MESSAGE_TOO_LARGE and nothing of it is stored', () => {
    const bench = createBench({ orders: 1 }, { 'message.max.bytes': '100' })
    expect(produce(bench, ['short'])?.errorCode).toBe(0)
    expect(produce(bench, ['x'.repeat(100)])?.errorCode).toBe(ErrorCode.MESSAGE_TOO_LARGE)
    expect(bench.state.logs.get('orders')?.[0]?.logEndOffset).toBe(1)
  })

  test('a batch that no segment can hold is RECORD_LIST_TOO_LARGE (UnifiedLog.append)', () => {
    const bench = createBench({ orders: 1 }, { 'message.max.bytes': '9000000', 'log.segment.bytes': '1048576' })
    expect(produce(bench, ['x'.repeat(1_048_576)])?.errorCode).toBe(ErrorCode.RECORD_LIST_TOO_LARGE)
    expect(produce(bench, ['x'.repeat(1_000_000)])?.errorCode).toBe(ErrorCode.NONE)
    expect(bench.state.logs.get('orders')?.[0]?.logEndOffset).toBe(1)
  })

  test('a partition carries exactly one batch', () => {
    const bench = createBench({ orders: 1 })
    for (const records of [null, [], [batchOf(['a']), batchOf(['b'])]]) {
      const answer = bench.ask('Produce', 7, produceBody('orders', 0, records))
      expect(answer.responses[0]?.partitionResponses[0]?.errorCode).toBe(ErrorCode.INVALID_RECORD)
    }
  })

  test('control batches, transactions without a name, and keyless records of a compacted topic are refused, nothing of them is stored', () => {
    const bench = createBench({ orders: 1 })
    const records = [{ key: null, value: 'x', timestamp: 1 }]
    const error = (batch: ReturnType<typeof batchOf>, topic = 'orders') =>
      bench.ask('Produce', 7, produceBody(topic, 0, [batch])).responses[0]?.partitionResponses[0]?.errorCode
    expect(error(encodeBatch(records, { control: true }))).toBe(ErrorCode.INVALID_RECORD)
    expect(error(encodeBatch(records, { producerId: 1, producerEpoch: 0, baseSequence: 0, transactional: true }))).toBe(
      ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    )
    expect(bench.state.logs.get('orders')?.[0]?.logEndOffset).toBe(0)
    const compact = makeCreatableTopicConfig({ name: 'cleanup.policy', value: 'compact' })
    bench.ask(
      'CreateTopics',
      5,
      makeCreateTopicsRequest({
        topics: [makeCreatableTopic({ name: 'users', numPartitions: 1, replicationFactor: 1, configs: [compact] })],
      }),
    )
    expect(error(encodeBatch(records), 'users')).toBe(ErrorCode.INVALID_RECORD)
    expect(error(encodeBatch([{ key: 'k', value: 'x', timestamp: 1 }]), 'users')).toBe(ErrorCode.NONE)
  })

  test('with acks=0 there is no answer; an error closes the connection', () => {
    const bench = createBench({ orders: 1 })
    expect(bench.ask('Produce', 7, produceBody('orders', 0, [batchOf(['a'])], 0))).toBeUndefined()
    expect(bench.state.logs.get('orders')?.[0]?.logEndOffset).toBe(1)
    expect(bench.ask('Produce', 7, produceBody('nope', 0, [batchOf(['a'])], 0))).toBeNull()
  })

  test('LogAppendTime stamps the records with the time of the append', () => {
    const bench = createBench({ orders: 1 }, { 'log.message.timestamp.type': 'LogAppendTime' })
    bench.now = 5_000_000
    expect(produce(bench, ['a', 'b'])).toMatchObject({ logAppendTimeMs: 5_000_000 })
    const answer = bench.ask('Fetch', 11, fetchBody(0))
    const batch = answer.responses[0]?.partitions[0]?.records?.[0]
    expect(readRecords(batch as ReturnType<typeof batchOf>).map(({ timestamp }) => timestamp)).toEqual([
      5_000_000, 5_000_000,
    ])
  })

  test('clients cannot write to internal topics', () => {
    const bench = createBench({ __consumer_offsets: 1 })
    expect(produce(bench, ['a'], { topic: '__consumer_offsets' })?.errorCode).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION)
  })

  test('a version outside the advertised range closes the connection', () => {
    const bench = createBench({ orders: 1 })
    expect(bench.ask('Produce', 2, produceBody('orders', 0, [batchOf(['a'])]))).toBeNull()
  })
})

describe('Fetch', () => {
  test('answers whole batches from the one that holds the offset on', () => {
    const bench = createBench({ orders: 1 })
    produce(bench, ['a', 'b'])
    produce(bench, ['c', 'd'])
    produce(bench, ['e'])
    expect(valuesOf(bench.ask('Fetch', 11, fetchBody(0)))).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(valuesOf(bench.ask('Fetch', 11, fetchBody(3)))).toEqual(['c', 'd', 'e'])
    expect(bench.ask('Fetch', 11, fetchBody(4)).responses[0]?.partitions[0]).toMatchObject({
      highWatermark: 5,
      lastStableOffset: 5,
    })
  })

  test('waits at the end for a record, and answers the moment it is there', () => {
    const bench = createBench({ orders: 1 })
    const fetch = bench.send('Fetch', 11, fetchBody(0))
    expect(bench.isWaiting(fetch)).toBe(true)
    bench.pass(100)
    produce(bench, ['late'])
    expect(valuesOf(bench.answerTo('Fetch', fetch))).toEqual(['late'])
    expect(pendingTimers(bench)).toBe(0)
  })

  test('waits at most maxWaitMs and then answers nothing', () => {
    const bench = createBench({ orders: 1 })
    const fetch = bench.send('Fetch', 11, fetchBody(0))
    bench.pass(499)
    expect(bench.isWaiting(fetch)).toBe(true)
    bench.pass(1)
    expect(bench.answerTo('Fetch', fetch).responses[0]?.partitions[0]).toMatchObject({ errorCode: 0, records: [] })
    expect(bench.state.parkedFetches.size + bench.state.fetchWatchers.size).toBe(0)
  })

  test('waits for minBytes', () => {
    const bench = createBench({ orders: 1 })
    const fetch = bench.send('Fetch', 11, fetchBody(0, { minBytes: 200 }))
    produce(bench, ['a'])
    produce(bench, ['b'])
    expect(bench.isWaiting(fetch)).toBe(true)
    produce(bench, ['c'])
    expect(valuesOf(bench.answerTo('Fetch', fetch))).toEqual(['a', 'b', 'c'])
  })

  test('maxBytes and the partition limit bound the answer, but the first batch always comes (KIP-74)', () => {
    const bench = createBench({ orders: 1 })
    produce(bench, ['a'.repeat(300)])
    produce(bench, ['b'])
    produce(bench, ['c'])
    expect(valuesOf(bench.ask('Fetch', 11, fetchBody(0, {}, 10)))).toEqual(['a'.repeat(300)])
    expect(valuesOf(bench.ask('Fetch', 11, fetchBody(0, { maxBytes: 10 })))).toEqual(['a'.repeat(300)])
    expect(valuesOf(bench.ask('Fetch', 11, fetchBody(1, {}, 100)))).toEqual(['b'])
  })

  test('an offset outside the log is OFFSET_OUT_OF_RANGE at once; the log end itself is fine', () => {
    const bench = createBench({ orders: 1 })
    produce(bench, ['a'])
    expect(bench.ask('Fetch', 11, fetchBody(2)).responses[0]?.partitions[0]?.errorCode).toBe(
      ErrorCode.OFFSET_OUT_OF_RANGE,
    )
    expect(bench.ask('Fetch', 11, fetchBody(-1)).responses[0]?.partitions[0]?.errorCode).toBe(
      ErrorCode.OFFSET_OUT_OF_RANGE,
    )
    expect(bench.isWaiting(bench.send('Fetch', 11, fetchBody(1)))).toBe(true)
  })

  test('from v9 on a reader says which leader epoch it believes in (KIP-320)', () => {
    const bench = createBench({ orders: 1 })
    const error = (currentLeaderEpoch: number, version = 11) =>
      bench.ask(
        'Fetch',
        version,
        makeFetchRequest({
          maxWaitMs: 0,
          topics: [
            makeFetchTopic({
              topic: 'orders',
              partitions: [makeFetchPartition({ partition: 0, fetchOffset: 0, currentLeaderEpoch })],
            }),
          ],
        }),
      ).responses[0]?.partitions[0]?.errorCode
    expect(error(-1)).toBe(ErrorCode.NONE)
    expect(error(0)).toBe(ErrorCode.NONE)
    expect(error(7)).toBe(ErrorCode.UNKNOWN_LEADER_EPOCH)
    expect(error(7, 8)).toBe(ErrorCode.NONE)
  })

  test('minBytes above maxBytes counts as maxBytes', () => {
    const bench = createBench({ orders: 1 })
    produce(bench, ['a'])
    expect(valuesOf(bench.ask('Fetch', 11, fetchBody(0, { minBytes: 1000, maxBytes: 10 })))).toEqual(['a'])
  })

  test('two waiting readers both get the record', () => {
    const bench = createBench({ orders: 1 })
    const first = bench.send('Fetch', 11, fetchBody(0), { connection: 1 })
    const second = bench.send('Fetch', 11, fetchBody(0), { connection: 2 })
    produce(bench, ['a'])
    expect([valuesOf(bench.answerTo('Fetch', first)), valuesOf(bench.answerTo('Fetch', second))]).toEqual([
      ['a'],
      ['a'],
    ])
  })
})

describe('ListOffsets', () => {
  const list = (bench: Bench, timestamp: number, version = 3) =>
    bench.ask(
      'ListOffsets',
      version,
      makeListOffsetsRequest({
        topics: [
          makeListOffsetsTopic({
            name: 'orders',
            partitions: [makeListOffsetsPartition({ partitionIndex: 0, timestamp })],
          }),
        ],
      }),
    ).topics[0]?.partitions[0]

  test('-1 is the high watermark, -2 the log start', () => {
    const bench = createBench({ orders: 1 })
    produce(bench, ['a', 'b', 'c'])
    expect(list(bench, -1)).toMatchObject({ offset: 3, errorCode: 0 })
    expect(list(bench, -2)).toMatchObject({ offset: 0, errorCode: 0 })
  })

  test('a timestamp finds the first record at or after it, with its own timestamp', () => {
    const bench = createBench({ orders: 1 })
    const records = [10, 30, 20, 40].map((timestamp) => ({ key: null, value: 'x', timestamp }))
    bench.ask('Produce', 7, produceBody('orders', 0, [encodeBatch(records)]))
    expect(list(bench, 5)).toMatchObject({ offset: 0, timestamp: 10 })
    expect(list(bench, 15)).toMatchObject({ offset: 1, timestamp: 30 })
    expect(list(bench, 35)).toMatchObject({ offset: 3, timestamp: 40 })
    expect(list(bench, 41)).toMatchObject({ offset: -1, timestamp: -1, leaderEpoch: -1, errorCode: 0 })
  })

  test('-3 is the record with the largest timestamp, from v7 on (KIP-734)', () => {
    const bench = createBench({ orders: 1 })
    const records = [10, 30, 20].map((timestamp) => ({ key: null, value: 'x', timestamp }))
    bench.ask('Produce', 7, produceBody('orders', 0, [encodeBatch(records)]))
    expect(list(bench, -3, 7)).toMatchObject({ offset: 1, timestamp: 30 })
    expect(list(bench, -3, 3)?.errorCode).toBe(ErrorCode.UNSUPPORTED_VERSION)
  })
})

describe('Metadata and topics', () => {
  const ask = (bench: Bench, names: string[] | null, allow = true, version = 6) =>
    bench.ask(
      'Metadata',
      version,
      makeMetadataRequest({
        topics: names?.map((name) => makeMetadataRequestTopic({ name })) ?? null,
        allowAutoTopicCreation: allow,
      }),
    )
  const create = (bench: Bench, topics: Parameters<typeof makeCreatableTopic>[0][], validateOnly = false) =>
    bench.ask(
      'CreateTopics',
      5,
      makeCreateTopicsRequest({ topics: topics.map((topic) => makeCreatableTopic(topic)), validateOnly }),
    )

  test('null asks for all topics, an empty list for none', () => {
    const bench = createBench({ orders: 2, mails: 1 })
    expect(ask(bench, null).topics.map(({ name }) => name)).toEqual(['orders', 'mails'])
    expect(ask(bench, []).topics).toEqual([])
    expect(ask(bench, null).brokers).toMatchObject([{ nodeId: 1, host: 'localhost', port: 9092 }])
  })

  test('an unknown topic is made on demand: first UNKNOWN_TOPIC_OR_PARTITION, then it is there', () => {
    const bench = createBench()
    expect(ask(bench, ['fresh']).topics[0]).toMatchObject({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION })
    expect(ask(bench, ['fresh']).topics[0]).toMatchObject({ errorCode: 0, partitions: [{ leaderId: 1 }] })
  })

  test('not when the request or the broker forbids it', () => {
    const bench = createBench()
    ask(bench, ['fresh'], false)
    expect(bench.state.image.topics.size).toBe(0)
    const strict = createBench({}, { 'auto.create.topics.enable': 'false' })
    ask(strict, ['fresh'])
    expect(strict.state.image.topics.size).toBe(0)
  })

  test('an impossible name is INVALID_TOPIC_EXCEPTION and never made', () => {
    const bench = createBench()
    expect(ask(bench, ['a/b']).topics[0]?.errorCode).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION)
    expect(bench.state.image.topics.size).toBe(0)
  })

  test('CreateTopics refuses what Kafka refuses, each topic on its own', () => {
    const bench = createBench({ orders: 1 })
    const answer = create(bench, [
      { name: 'fine', numPartitions: 3, replicationFactor: 1 },
      { name: 'orders', numPartitions: 1, replicationFactor: 1 },
      { name: 'bad name', numPartitions: 1, replicationFactor: 1 },
      { name: 'none', numPartitions: 0, replicationFactor: 1 },
      { name: 'three', numPartitions: 1, replicationFactor: 3 },
      { name: 'zero', numPartitions: 1, replicationFactor: 0 },
      {
        name: 'config',
        numPartitions: 1,
        replicationFactor: 1,
        configs: [makeCreatableTopicConfig({ name: 'retention.ms', value: 'soon' })],
      },
      {
        name: 'unknown',
        numPartitions: 1,
        replicationFactor: 1,
        configs: [makeCreatableTopicConfig({ name: 'colour', value: 'red' })],
      },
      { name: 'twice', numPartitions: 1, replicationFactor: 1 },
      { name: 'twice', numPartitions: 1, replicationFactor: 1 },
      { name: '__consumer_offsets', numPartitions: 1, replicationFactor: 1 },
    ])
    expect(answer.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ['fine', ErrorCode.NONE],
      ['orders', ErrorCode.TOPIC_ALREADY_EXISTS],
      ['bad name', ErrorCode.INVALID_TOPIC_EXCEPTION],
      ['none', ErrorCode.INVALID_PARTITIONS],
      ['three', ErrorCode.INVALID_REPLICATION_FACTOR],
      ['zero', ErrorCode.INVALID_REPLICATION_FACTOR],
      ['config', ErrorCode.INVALID_CONFIG],
      ['unknown', ErrorCode.INVALID_CONFIG],
      ['twice', ErrorCode.INVALID_REQUEST],
      ['twice', ErrorCode.INVALID_REQUEST],
      ['__consumer_offsets', ErrorCode.INVALID_REQUEST],
    ])
    expect(answer.topics[4]?.errorMessage).toMatch(/replication factor of 3 cannot be reached: 1 broker/)
    expect([...bench.state.image.topics.keys()]).toEqual(['orders', 'fine'])
  })

  test('names that differ only in . and _ collide', () => {
    const bench = createBench()
    create(bench, [{ name: 'my.topic', numPartitions: 1, replicationFactor: 1 }])
    const answer = create(bench, [{ name: 'my_topic', numPartitions: 1, replicationFactor: 1 }])
    expect(answer.topics[0]).toMatchObject({
      errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION,
      errorMessage: expect.stringMatching(/collides/),
    })
  })

  test('validateOnly makes nothing', () => {
    const bench = createBench()
    expect(create(bench, [{ name: 'fine', numPartitions: 3, replicationFactor: 1 }], true).topics[0]).toMatchObject({
      errorCode: 0,
      numPartitions: 3,
    })
    expect(bench.state.image.topics.size).toBe(0)
  })

  test('a deleted topic is gone with its records; readers that wait hear of it', () => {
    const bench = createBench({ orders: 1 })
    produce(bench, ['a'])
    const fetch = bench.send('Fetch', 11, fetchBody(1))
    const answer = bench.ask('DeleteTopics', 3, makeDeleteTopicsRequest({ topicNames: ['orders', 'nope'] }))
    expect(answer.responses.map(({ errorCode }) => errorCode)).toEqual([0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION])
    expect(bench.answerTo('Fetch', fetch).responses[0]?.partitions[0]?.errorCode).toBe(
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    )
    expect(bench.state.logs.has('orders')).toBe(false)
    const twice = bench.ask('DeleteTopics', 3, makeDeleteTopicsRequest({ topicNames: ['orders', 'orders'] }))
    expect(twice.responses.map(({ errorCode }) => errorCode)).toEqual([
      ErrorCode.INVALID_REQUEST,
      ErrorCode.INVALID_REQUEST,
    ])
  })
})
