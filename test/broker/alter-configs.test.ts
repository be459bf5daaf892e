/** AlterConfigs and IncrementalAlterConfigs, a sentence of ConfigAdminManager and ConfigurationControlManager a test. */
import { describe, expect, test } from 'vitest'
import { stepMetadata, stepRestart } from '../../src/broker/index.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  makeAlterConfigsRequest,
  makeDescribeConfigsRequest,
  makeIncrementalAlterConfigsRequest,
  makeProduceRequest,
} from '../../src/protocol/make.ts'
import { type Bench, batchOf, createBench } from './support.ts'

const TOPIC = 2
const BROKER = 4
const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3

type Op = readonly [name: string, operation: number, value?: string | null]

function incremental(
  bench: Bench,
  resourceType: number,
  resourceName: string,
  ops: readonly Op[],
  validateOnly = false,
) {
  const configs = ops.map(([name, configOperation, value = null]) => ({ name, configOperation, value }))
  const body = makeIncrementalAlterConfigsRequest({
    resources: [{ resourceType, resourceName, configs }],
    validateOnly,
  })
  const { responses } = bench.ask('IncrementalAlterConfigs', 1, body)
  expect(responses).toMatchObject([{ resourceType, resourceName }])
  return responses[0] as (typeof responses)[number]
}

function replace(
  bench: Bench,
  resourceType: number,
  resourceName: string,
  entries: Readonly<Record<string, string | null>>,
) {
  const configs = Object.entries(entries).map(([name, value]) => ({ name, value }))
  const body = makeAlterConfigsRequest({ resources: [{ resourceType, resourceName, configs }] })
  return bench.ask('AlterConfigs', 2, body).responses[0]
}

/** Value and source of one configuration. */
function shown(bench: Bench, resourceType: number, resourceName: string, name: string) {
  const resources = [{ resourceType, resourceName, configurationKeys: [name] }]
  const { results } = bench.ask('DescribeConfigs', 4, makeDescribeConfigsRequest({ resources, includeSynonyms: true }))
  const entry = results[0]?.configs[0]
  return entry === undefined ? null : [entry.value, entry.configSource]
}

function produce(bench: Bench, text: string, timestamp?: number) {
  const partitionData = [{ index: 0, records: [batchOf([text], timestamp)] }]
  const topicData = [{ name: 'orders', topicId: 'AAAAAAAAAAAAAAAAAAAAAA', partitionData }]
  const { responses } = bench.ask('Produce', 9, makeProduceRequest({ acks: -1, timeoutMs: 1000, topicData }))
  return responses[0]?.partitionResponses[0]
}

const code = (name: keyof typeof ErrorCode) => ErrorCode[name]

describe('AlterConfigs', () => {
  test('replaces a topic’s whole configuration: what is not named falls back to its default', () => {
    const bench = createBench({ orders: 1 })
    expect(replace(bench, TOPIC, 'orders', { 'retention.ms': '5', 'cleanup.policy': 'compact' })?.errorCode).toBe(0)
    expect(shown(bench, TOPIC, 'orders', 'retention.ms')).toEqual(['5', 1])
    expect(replace(bench, TOPIC, 'orders', { 'segment.ms': '7' })?.errorCode).toBe(0)
    expect(shown(bench, TOPIC, 'orders', 'segment.ms')).toEqual(['7', 1])
    expect(shown(bench, TOPIC, 'orders', 'retention.ms')).toEqual(['604800000', 5])
    expect(shown(bench, TOPIC, 'orders', 'cleanup.policy')).toEqual(['delete', 5])
  })

  test('replaces a broker’s dynamic configuration', () => {
    const bench = createBench()
    expect(replace(bench, BROKER, '1', { 'message.max.bytes': '5000' })?.errorCode).toBe(0)
    expect(replace(bench, BROKER, '1', { 'log.segment.bytes': '2000000' })?.errorCode).toBe(0)
    expect(shown(bench, BROKER, '1', 'message.max.bytes')).toEqual(['1048588', 5])
    expect(shown(bench, BROKER, '1', 'log.segment.bytes')).toEqual(['2000000', 2])
  })

  test('without a value is INVALID_REQUEST', () => {
    const bench = createBench({ orders: 1 })
    expect(replace(bench, TOPIC, 'orders', { 'retention.ms': null })).toMatchObject({
      errorCode: code('INVALID_REQUEST'),
      errorMessage: 'A value is needed for: retention.ms.',
    })
  })
})

describe('IncrementalAlterConfigs', () => {
  test('sets and deletes single entries and leaves the others', () => {
    const bench = createBench({ orders: 1 })
    incremental(bench, TOPIC, 'orders', [
      ['retention.ms', SET, '5'],
      ['segment.ms', SET, '7'],
    ])
    expect(incremental(bench, TOPIC, 'orders', [['retention.ms', DELETE]])).toMatchObject({
      errorCode: 0,
      errorMessage: null,
    })
    expect(shown(bench, TOPIC, 'orders', 'retention.ms')).toEqual(['604800000', 5])
    expect(shown(bench, TOPIC, 'orders', 'segment.ms')).toEqual(['7', 1])
  })

  test('appends to a list, starting from the default, without repeating; subtracts from it', () => {
    const bench = createBench({ orders: 1 })
    incremental(bench, TOPIC, 'orders', [['cleanup.policy', APPEND, 'compact']])
    incremental(bench, TOPIC, 'orders', [['cleanup.policy', APPEND, 'compact']])
    expect(shown(bench, TOPIC, 'orders', 'cleanup.policy')).toEqual(['delete,compact', 1])
    incremental(bench, TOPIC, 'orders', [['cleanup.policy', SUBTRACT, 'delete']])
    expect(shown(bench, TOPIC, 'orders', 'cleanup.policy')).toEqual(['compact', 1])
  })

  test('appends to lists only', () => {
    const bench = createBench({ orders: 1 })
    for (const name of ['retention.ms', 'no.such.thing']) {
      expect(incremental(bench, TOPIC, 'orders', [[name, APPEND, '5']]).errorCode).toBe(code('INVALID_CONFIG'))
    }
    expect(incremental(bench, BROKER, '1', [['message.max.bytes', SUBTRACT, '5']]).errorCode).toBe(
      code('INVALID_CONFIG'),
    )
  })

  test('an unknown operation is INVALID_REQUEST', () => {
    const bench = createBench({ orders: 1 })
    expect(incremental(bench, TOPIC, 'orders', [['retention.ms', 4, '5']]).errorCode).toBe(code('INVALID_REQUEST'))
  })

  test('a key named twice is INVALID_REQUEST', () => {
    const bench = createBench({ orders: 1 })
    const ops: Op[] = [
      ['retention.ms', SET, '5'],
      ['retention.ms', DELETE],
    ]
    expect(incremental(bench, TOPIC, 'orders', ops)).toMatchObject({
      errorCode: code('INVALID_REQUEST'),
      errorMessage: 'Configuration retention.ms is named twice.',
    })
  })

  test('validateOnly answers as if, and changes nothing', () => {
    const bench = createBench({ orders: 1 })
    expect(incremental(bench, TOPIC, 'orders', [['retention.ms', SET, '5']], true).errorCode).toBe(0)
    expect(incremental(bench, TOPIC, 'orders', [['retention.ms', SET, 'x']], true).errorCode).toBe(
      code('INVALID_CONFIG'),
    )
    expect(shown(bench, TOPIC, 'orders', 'retention.ms')).toEqual(['604800000', 5])
  })

  test('a resource named twice is INVALID_REQUEST both times; the others are changed, answers stand in order', () => {
    const bench = createBench({ orders: 1, bills: 1 })
    const configs = [{ name: 'retention.ms', configOperation: SET, value: '5' }]
    const resources = ['bills', 'orders', 'bills', 'nothing'].map((resourceName) => ({
      resourceType: TOPIC,
      resourceName,
      configs,
    }))
    const { responses } = bench.ask('IncrementalAlterConfigs', 1, makeIncrementalAlterConfigsRequest({ resources }))
    expect(responses.map(({ resourceName, errorCode }) => [resourceName, errorCode])).toEqual([
      ['bills', code('INVALID_REQUEST')],
      ['orders', 0],
      ['bills', code('INVALID_REQUEST')],
      ['nothing', code('UNKNOWN_TOPIC_OR_PARTITION')],
    ])
    expect(shown(bench, TOPIC, 'orders', 'retention.ms')).toEqual(['5', 1])
    expect(shown(bench, TOPIC, 'bills', 'retention.ms')).toEqual(['604800000', 5])
  })
})

describe('a topic', () => {
  test.each([
    ['an unknown name', 'retention', '5', /Unknown topic configuration "retention"/],
    ['a name of objects', '__proto__', '5', /Unknown topic configuration "__proto__"/],
    ['a wrong value', 'min.insync.replicas', '0', /must be at least 1/],
    ['a conflict', 'max.compaction.lag.ms', '5', /min\.compaction\.lag\.ms \(10\) must not be above/],
    ['tiered storage', 'remote.storage.enable', 'true', /no tiered storage/],
  ])('%s is INVALID_CONFIG, and nothing of the resource changes', (_what, name, value, why) => {
    const bench = createBench({ orders: 1 })
    incremental(bench, TOPIC, 'orders', [['min.compaction.lag.ms', SET, '10']])
    const answer = incremental(bench, TOPIC, 'orders', [
      ['segment.ms', SET, '9'],
      [name, SET, value],
    ])
    expect(answer).toMatchObject({ errorCode: code('INVALID_CONFIG'), errorMessage: expect.stringMatching(why) })
    expect(shown(bench, TOPIC, 'orders', 'segment.ms')).toEqual(['604800000', 5])
  })

  test('that cannot exist is INVALID_TOPIC_EXCEPTION; the values are looked at before whether it exists', () => {
    const bench = createBench()
    expect(incremental(bench, TOPIC, 'no spaces', [['segment.ms', SET, '9']]).errorCode).toBe(
      code('INVALID_TOPIC_EXCEPTION'),
    )
    expect(incremental(bench, TOPIC, '', [['segment.ms', SET, '9']]).errorCode).toBe(code('INVALID_REQUEST'))
    expect(incremental(bench, TOPIC, 'orders', [['segment.ms', SET, 'x']]).errorCode).toBe(code('INVALID_CONFIG'))
  })

  test('a changed max.message.bytes and message.timestamp.type hold for the next produce', () => {
    const bench = createBench({ orders: 1 })
    expect(produce(bench, 'x'.repeat(500), 5)).toMatchObject({ errorCode: 0, logAppendTimeMs: -1 })
    incremental(bench, TOPIC, 'orders', [
      ['max.message.bytes', SET, '100'],
      ['message.timestamp.type', SET, 'LogAppendTime'],
    ])
    expect(produce(bench, 'x'.repeat(500))?.errorCode).toBe(code('MESSAGE_TOO_LARGE'))
    expect(produce(bench, 'x', 5)).toMatchObject({ errorCode: 0, logAppendTimeMs: bench.now })
  })

  test('keeps its partitions, its records and its place in the metadata', () => {
    const bench = createBench({ orders: 2, bills: 1 })
    produce(bench, 'x')
    incremental(bench, TOPIC, 'orders', [['retention.ms', SET, '5']])
    expect([...bench.state.image.topics.keys()]).toEqual(['orders', 'bills'])
    expect(bench.state.image.topics.get('orders')?.partitions).toHaveLength(2)
    expect(bench.state.logs.get('orders')?.[0]?.logEndOffset).toBe(1)
  })
})

describe('a broker', () => {
  test('its own setting wins over the one for all, that over what it was started with, that over the default', () => {
    const bench = createBench({}, { 'message.max.bytes': '1000' })
    const now = () => [shown(bench, BROKER, '1', 'message.max.bytes'), bench.state.config['message.max.bytes']]
    expect(now()).toEqual([['1000', 4], '1000'])
    incremental(bench, BROKER, '', [['message.max.bytes', SET, '2000']])
    expect(now()).toEqual([['2000', 3], '2000'])
    incremental(bench, BROKER, '1', [['message.max.bytes', SET, '3000']])
    expect(now()).toEqual([['3000', 2], '3000'])
    expect(shown(bench, BROKER, '', 'message.max.bytes')).toEqual(['2000', 3])
    incremental(bench, BROKER, '1', [['message.max.bytes', DELETE]])
    incremental(bench, BROKER, '', [['message.max.bytes', DELETE]])
    expect(now()).toEqual([['1000', 4], '1000'])
    expect(shown(bench, BROKER, '', 'message.max.bytes')).toBeNull()
  })

  test('that reads the metadata log anew has the settings of topics that came after a setting of its own', () => {
    const topic = { type: 'topic', name: 'bills', id: 'bills-id', config: { 'max.message.bytes': '5000' } } as const
    const partition = {
      type: 'partition',
      topicId: 'bills-id',
      partition: 0,
      replicas: [1],
      isr: [1],
      elr: [],
      lastKnownElr: [],
      leader: 1,
      leaderRecoveryState: 'recovered',
      leaderEpoch: 0,
      partitionEpoch: 0,
      addingReplicas: [],
      removingReplicas: [],
    } as const
    const setting = {
      type: 'config',
      resource: 'broker',
      name: '',
      key: 'log.retention.ms',
      value: '1000',
    } as const
    const { state, now } = createBench()
    const ctx = { now, uuid: () => 'id', memberUuid: () => 'id' }
    for (const again of [false, true]) {
      if (again) stepRestart(state, now)
      stepMetadata(state, [setting, topic, partition], ctx)
      expect(state.logs.get('bills')?.[0]?.config).toMatchObject({ maxMessageBytes: 5000, retentionMs: 1000 })
    }
  })

  test('that restarts works with what it was started with, until it has read the metadata log', () => {
    const bench = createBench({}, { 'message.max.bytes': '1000' })
    incremental(bench, BROKER, '1', [['message.max.bytes', SET, '3000']])
    stepRestart(bench.state, bench.now)
    expect(bench.state.config['message.max.bytes']).toBe('1000')
    expect(bench.state.image.brokerConfigs.size).toBe(0)
  })

  test('a changed message.max.bytes holds for topics without a setting of their own', () => {
    const bench = createBench({ orders: 1 })
    incremental(bench, BROKER, '', [['message.max.bytes', SET, '100']])
    expect(produce(bench, 'x'.repeat(500))?.errorCode).toBe(code('MESSAGE_TOO_LARGE'))
    expect(shown(bench, TOPIC, 'orders', 'max.message.bytes')).toEqual(['100', 3])
    incremental(bench, TOPIC, 'orders', [['max.message.bytes', SET, '1000']])
    expect(produce(bench, 'x'.repeat(500))?.errorCode).toBe(0)
  })

  test.each([
    ['what is read-only', '1', 'num.partitions', '3', /cannot be changed while the broker runs/],
    ['an unknown name', '1', 'message.max.byte', '3', /Did you mean "message\.max\.bytes"\?/],
    ['a wrong value', '1', 'message.max.bytes', '-1', /must be at least 0/],
    ['a conflict', '1', 'log.cleaner.min.compaction.lag.ms', '9223372036854775807', null],
    ['what a broker could not start with', '1', 'log.retention.ms', '0', /0 ms is not possible/],
    ['what is a broker’s own, for all', '', 'sasl.enabled.mechanisms', 'PLAIN', /only be changed for one broker/],
    ['another broker', '2', 'message.max.bytes', '3', /This is broker 1/],
    ['no broker', 'one', 'message.max.bytes', '3', /must be a whole number/],
  ])('%s is INVALID_REQUEST', (_what, id, name, value, why) => {
    const bench = createBench({}, { 'log.cleaner.max.compaction.lag.ms': '1000' })
    expect(incremental(bench, BROKER, id, [[name, SET, value]])).toMatchObject({
      errorCode: code('INVALID_REQUEST'),
      errorMessage: expect.stringMatching(why ?? /must not be above/),
    })
    expect(bench.state.image.brokerConfigs.size).toBe(0)
  })

  test('what is per broker can be set for one', () => {
    const bench = createBench()
    expect(incremental(bench, BROKER, '1', [['sasl.enabled.mechanisms', APPEND, 'PLAIN']]).errorCode).toBe(0)
    expect(shown(bench, BROKER, '1', 'sasl.enabled.mechanisms')).toEqual(['GSSAPI,PLAIN', 2])
  })
})

test('loggers, client metrics and groups have nothing to change here', () => {
  const bench = createBench()
  for (const type of [8, 16, 32, 99]) {
    expect(incremental(bench, type, '1', [['x', SET, 'y']]).errorCode).toBe(code('INVALID_REQUEST'))
  }
})
