/** OffsetForLeaderEpoch, log directories, ListConfigResources, DescribeTopicPartitions, and the oldest versions of some others. */
import { describe, expect, test } from 'vitest'
import { stepMetadata } from '../../src/broker/index.ts'
import { ErrorCode, errorName } from '../../src/protocol/errors.ts'
import {
  makeAlterReplicaLogDirsRequest,
  makeDescribeConfigsRequest,
  makeDescribeConfigsResource,
  makeDescribeLogDirsRequest,
  makeDescribeTopicPartitionsRequest,
  makeListConfigResourcesRequest,
  makeListOffsetsPartition,
  makeListOffsetsRequest,
  makeListOffsetsTopic,
  makeOffsetForLeaderEpochRequest,
  makeOffsetForLeaderPartition,
  makePartitionProduceData,
  makeProduceRequest,
  makeTopicProduceData,
} from '../../src/protocol/make.ts'
import type { DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse } from '../../src/protocol/messages.ts'
import { batchSizeInBytes } from '../../src/protocol/records.ts'
import { type Bench, batchOf, createBench } from './support.ts'

function produce(bench: Bench, topic: string, values: readonly string[], timestamp?: number) {
  const partitionData = [makePartitionProduceData({ index: 0, records: [batchOf(values, timestamp)] })]
  const topicData = [makeTopicProduceData({ name: topic, partitionData })]
  const answer = bench.ask('Produce', 9, makeProduceRequest({ acks: 1, topicData }))
  expect(answer.responses[0]?.partitionResponses[0]?.errorCode).toBe(0)
}

/** Broker 1 becomes the leader again, in a later epoch. */
function newEpoch(
  bench: Bench,
  topic: string,
  more: { readonly leader?: number; readonly elr?: readonly number[] } = {},
) {
  const known = bench.state.image.topics.get(topic)
  const info = known?.partitions[0]
  if (known === undefined || info === undefined) throw new Error(`no ${topic}`)
  const leaderEpoch = info.leaderEpoch + 1
  stepMetadata(bench.state, [{ type: 'partition', topicId: known.id, ...info, leaderEpoch, ...more }], {
    now: bench.now,
    uuid: () => '',
    memberUuid: () => '',
  })
}

describe('OffsetForLeaderEpoch', () => {
  const ask = (
    bench: Bench,
    leaderEpoch: number,
    { version = 4, topic = 'orders', partition = 0, believed = -1 } = {},
  ) => {
    const partitions = [makeOffsetForLeaderPartition({ partition, leaderEpoch, currentLeaderEpoch: believed })]
    const answer = bench.ask(
      'OffsetForLeaderEpoch',
      version,
      makeOffsetForLeaderEpochRequest({ topics: [{ topic, partitions }] }),
    )
    const [result] = answer.topics[0]?.partitions ?? []
    return result?.errorCode === 0 ? [result.leaderEpoch, result.endOffset] : errorName(result?.errorCode ?? -1)
  }
  /** Epoch 0: offsets 0 and 1; epoch 1: offset 2. */
  const twoEpochs = () => {
    const bench = createBench({ orders: 1 })
    produce(bench, 'orders', ['a', 'b'])
    newEpoch(bench, 'orders')
    produce(bench, 'orders', ['c'])
    return bench
  }

  test('an epoch ends where the next one begins, the last one at the end of the log', () => {
    const bench = twoEpochs()
    expect([ask(bench, 0), ask(bench, 1)]).toEqual([
      [0, 2],
      [1, 3],
    ])
  })

  test('nothing is known of an epoch to come, or of none', () => {
    const bench = twoEpochs()
    expect([ask(bench, 2), ask(bench, -1)]).toEqual([
      [-1, -1],
      [-1, -1],
    ])
  })

  test('who believes in another leader epoch is told so from v2 on', () => {
    const bench = twoEpochs()
    expect(ask(bench, 0, { believed: 0 })).toBe('FENCED_LEADER_EPOCH')
    expect(ask(bench, 0, { believed: 9 })).toBe('UNKNOWN_LEADER_EPOCH')
    expect(ask(bench, 0, { believed: 1 })).toEqual([0, 2])
  })

  test('only leaders answer', () => {
    const bench = twoEpochs()
    expect(ask(bench, 0, { topic: 'none' })).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    expect(ask(bench, 0, { partition: 5 })).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    newEpoch(bench, 'orders', { leader: 2 })
    expect(ask(bench, 0)).toBe('NOT_LEADER_OR_FOLLOWER')
  })
})

describe('log directories', () => {
  const LOG_DIR = '/tmp/kafka-logs'

  test('DescribeLogDirs tells what lies in the one there is', () => {
    const bench = createBench({ orders: 2, clicks: 1 })
    produce(bench, 'orders', ['a', 'b'])
    const { errorCode, results } = bench.ask('DescribeLogDirs', 4, makeDescribeLogDirsRequest({ topics: null }))
    expect(errorCode).toBe(0)
    const partition = { offsetLag: 0, isFutureKey: false }
    expect(results).toEqual([
      {
        errorCode: 0,
        logDir: LOG_DIR,
        topics: [
          {
            name: 'orders',
            partitions: [
              { partitionIndex: 0, partitionSize: batchSizeInBytes(batchOf(['a', 'b'])), ...partition },
              { partitionIndex: 1, partitionSize: 0, ...partition },
            ],
          },
          { name: 'clicks', partitions: [{ partitionIndex: 0, partitionSize: 0, ...partition }] },
        ],
        totalBytes: -1,
        usableBytes: -1,
        isCordoned: false,
      },
    ])
  })

  test('DescribeLogDirs of some: what is not here is left out', () => {
    const bench = createBench({ orders: 2, clicks: 1 })
    const topics = [
      { topic: 'orders', partitions: [1, 9] },
      { topic: 'none', partitions: [0] },
    ]
    const { results } = bench.ask('DescribeLogDirs', 4, makeDescribeLogDirsRequest({ topics }))
    const shown = results[0]?.topics.map(({ name, partitions }) => [name, partitions.map((one) => one.partitionIndex)])
    expect(shown).toEqual([['orders', [1]]])
  })

  test('AlterReplicaLogDirs moves nothing', () => {
    const bench = createBench({ orders: 1 })
    const dirs = [
      { path: LOG_DIR, topics: [{ name: 'orders', partitions: [0, 9] }] },
      { path: '/other', topics: [{ name: 'orders', partitions: [0] }] },
    ]
    const { results } = bench.ask('AlterReplicaLogDirs', 2, makeAlterReplicaLogDirsRequest({ dirs }))
    expect(results).toEqual([
      {
        topicName: 'orders',
        partitions: [
          { partitionIndex: 0, errorCode: ErrorCode.NONE },
          { partitionIndex: 9, errorCode: ErrorCode.REPLICA_NOT_AVAILABLE },
          { partitionIndex: 0, errorCode: ErrorCode.LOG_DIR_NOT_FOUND },
        ],
      },
    ])
  })
})

describe('ListConfigResources', () => {
  const ask = (version: number, resourceTypes: readonly number[] = []) => {
    const bench = createBench({ orders: 1, clicks: 1 })
    const answer = bench.ask('ListConfigResources', version, makeListConfigResourcesRequest({ resourceTypes }))
    return answer.errorCode === 0
      ? answer.configResources.map(({ resourceType, resourceName }) => `${resourceType} ${resourceName}`)
      : errorName(answer.errorCode)
  }

  test('v1 lists topics and brokers', () => {
    expect(ask(1)).toEqual(['2 orders', '2 clicks', '4 1', '8 1'])
    expect(ask(1, [4])).toEqual(['4 1'])
    expect(ask(1, [16, 32])).toEqual([])
  })

  test('a type that is none is UNSUPPORTED_VERSION', () => {
    expect(ask(1, [2, 3])).toBe('UNSUPPORTED_VERSION')
  })

  test('v0 asks for client metrics, of which there are none', () => {
    expect(ask(0)).toEqual([])
  })
})

describe('DescribeTopicPartitions', () => {
  const ask = (bench: Bench, body: Partial<DescribeTopicPartitionsRequest> = {}) =>
    bench.ask('DescribeTopicPartitions', 0, makeDescribeTopicPartitionsRequest(body))
  const shown = ({ topics, nextCursor }: DescribeTopicPartitionsResponse) => [
    ...topics.map(({ name, partitions }) => `${name} ${partitions.map((one) => one.partitionIndex).join()}`),
    nextCursor === null ? 'end' : `next ${nextCursor.topicName} ${nextCursor.partitionIndex}`,
  ]
  const TOPICS = { c: 2, a: 3, b: 1 }
  const named = (...names: readonly string[]) => names.map((name) => ({ name }))

  test('all topics, by name', () => {
    expect(shown(ask(createBench(TOPICS)))).toEqual(['a 0,1,2', 'b 0', 'c 0,1', 'end'])
  })

  test('page by page: every partition once', () => {
    const bench = createBench(TOPICS)
    const page = (topicName: string, partitionIndex: number, limit = 2) =>
      shown(ask(bench, { responsePartitionLimit: limit, cursor: { topicName, partitionIndex } }))
    expect(shown(ask(bench, { responsePartitionLimit: 2 }))).toEqual(['a 0,1', 'next a 2'])
    expect(page('a', 2)).toEqual(['a 2', 'b 0', 'next c 0'])
    expect(page('c', 0)).toEqual(['c 0,1', 'end'])
    // At least one, whatever is asked for.
    expect(page('a', 0, 0)).toEqual(['a 0', 'next a 1'])
    // A topic that went meanwhile: on with the next one.
    expect(page('bb', 5, 9)).toEqual(['c 0,1', 'end'])
    expect(page('a', 9, 9)).toEqual(['a ', 'b 0', 'c 0,1', 'end'])
  })

  test('not more than max.request.partition.size.limit', () => {
    const bench = createBench(TOPICS, { 'max.request.partition.size.limit': '4' })
    expect(shown(ask(bench))).toEqual(['a 0,1,2', 'b 0', 'next c 0'])
  })

  test('named topics, each once; those nobody knows', () => {
    const answer = ask(createBench(TOPICS), { topics: named('c', 'none', 'a', 'c', 'not a name') })
    expect(answer.topics.map(({ name, errorCode }) => [name, errorName(errorCode)])).toEqual([
      ['a', 'NONE'],
      ['c', 'NONE'],
      ['none', 'UNKNOWN_TOPIC_OR_PARTITION'],
      ['not a name', 'INVALID_TOPIC_EXCEPTION'],
    ])
  })

  test.each([
    ['its topic is not asked for', { topicName: 'b', partitionIndex: 0 }],
    ['its partition is below 0', { topicName: 'a', partitionIndex: -1 }],
  ])('a cursor of which %s is INVALID_REQUEST', (_, cursor) => {
    const { topics } = ask(createBench(TOPICS), { topics: named('a', 'c'), cursor })
    expect(topics.map(({ name, errorCode }) => [name, errorName(errorCode)])).toEqual([
      ['a', 'INVALID_REQUEST'],
      ['c', 'INVALID_REQUEST'],
    ])
  })

  test('eligible leaders are lists; a partition without a leader is no error', () => {
    const bench = createBench({ orders: 1 })
    newEpoch(bench, 'orders', { leader: -1, elr: [1] })
    const { topics } = ask(bench)
    expect(topics[0]?.partitions[0]).toMatchObject({
      errorCode: 0,
      leaderId: -1,
      eligibleLeaderReplicas: [1],
      lastKnownElr: [],
    })
  })
})

describe('old versions, where a release has them', () => {
  test('DescribeConfigs v0 tells defaults instead of sources', () => {
    const bench = createBench({ orders: 1 }, {}, { version: '3.9' })
    const resources = [
      makeDescribeConfigsResource({ resourceType: 2, resourceName: 'orders', configurationKeys: null }),
    ]
    const { results } = bench.ask('DescribeConfigs', 0, makeDescribeConfigsRequest({ resources }))
    const isDefault = (name: string) => results[0]?.configs.find((config) => config.name === name)?.isDefault
    expect(isDefault('cleanup.policy')).toBe(true)
    const offsets = [makeDescribeConfigsResource({ resourceType: 4, resourceName: '1', configurationKeys: null })]
    const given = createBench({}, { 'num.partitions': '7' }, { version: '3.9' })
    const broker = given.ask('DescribeConfigs', 0, makeDescribeConfigsRequest({ resources: offsets })).results[0]
    expect(broker?.configs.find(({ name }) => name === 'num.partitions')).toMatchObject({
      isDefault: false,
      value: '7',
    })
  })

  test('KIP-207: a new leader whose high watermark lags behind its own beginning does not say what is latest', () => {
    const bench = createBench({ orders: 1 })
    for (const value of ['a', 'b', 'c', 'd']) {
      bench.pass(1000)
      produce(bench, 'orders', [value], bench.now)
    }
    const log = bench.state.logs.get('orders')?.[0]
    const leader = bench.state.leading.get('orders-0')
    if (log === undefined || leader === undefined) throw new Error('there is no partition')
    log.highWatermark = 3
    Object.assign(leader, { epochStartOffset: 4 })
    const ask = (timestamp: number, version = 5, isolationLevel = 0) => {
      const partitions = [makeListOffsetsPartition({ partitionIndex: 0, timestamp })]
      const topics = [makeListOffsetsTopic({ name: 'orders', partitions })]
      const body = makeListOffsetsRequest({ topics, isolationLevel })
      const answer = bench.ask('ListOffsets', version, body).topics[0]?.partitions[0]
      return answer?.errorCode === 0 ? answer.offset : errorName(answer?.errorCode ?? -1)
    }
    expect([ask(-1), ask(-1, 5, 1), ask(-1, 4)]).toEqual([
      'OFFSET_NOT_AVAILABLE',
      'OFFSET_NOT_AVAILABLE',
      'LEADER_NOT_AVAILABLE',
    ])
    // What readers see already is found; what lies beyond, or nowhere, may yet be.
    expect([ask(-2), ask(bench.now - 1000), ask(bench.now), ask(bench.now + 1), ask(-3, 7)]).toEqual([
      0,
      2,
      'OFFSET_NOT_AVAILABLE',
      'OFFSET_NOT_AVAILABLE',
      'OFFSET_NOT_AVAILABLE',
    ])
    log.highWatermark = 4
    expect([ask(-1), ask(bench.now), ask(bench.now + 1), ask(-3, 7)]).toEqual([4, 3, -1, 3])
  })

  test('ListOffsets: what is in remote storage, or on its way there, is nothing', () => {
    const bench = createBench({ orders: 1 })
    produce(bench, 'orders', ['a'])
    const ask = (version: number, timestamp: number) => {
      const partitions = [makeListOffsetsPartition({ partitionIndex: 0, timestamp })]
      const topics = [makeListOffsetsTopic({ name: 'orders', partitions })]
      const answer = bench.ask('ListOffsets', version, makeListOffsetsRequest({ topics })).topics[0]?.partitions[0]
      return answer?.errorCode === 0 ? answer.offset : errorName(answer?.errorCode ?? -1)
    }
    expect([ask(8, -5), ask(9, -5), ask(10, -6), ask(11, -6), ask(11, -7)]).toEqual([
      'UNSUPPORTED_VERSION',
      -1,
      'UNSUPPORTED_VERSION',
      -1,
      'UNSUPPORTED_VERSION',
    ])
  })
})
