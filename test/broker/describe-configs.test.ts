/** DescribeConfigs, a sentence of ConfigHelper.describeConfigs a test. */
import { describe, expect, test } from 'vitest'
import { BROKER_CONFIG } from '../../src/broker/config/broker-definitions.ts'
import { TOPIC_CONFIG } from '../../src/broker/config/topic-definitions.ts'
import { makeDescribeConfigsRequest } from '../../src/protocol/make.ts'
import type { DescribeConfigsRequest } from '../../src/protocol/messages.ts'
import { type Bench, createBench } from './support.ts'

const TOPIC = 2
const BROKER = 4
const LOGGER = 8

function ask(
  bench: Bench,
  resourceType: number,
  resourceName: string,
  keys: readonly string[] | null = null,
  wish: Partial<DescribeConfigsRequest> = {},
) {
  const resources = [{ resourceType, resourceName, configurationKeys: keys }]
  const { results } = bench.ask('DescribeConfigs', 4, makeDescribeConfigsRequest({ resources, ...wish }))
  return results[0] as (typeof results)[number]
}

function only(...args: Parameters<typeof ask>) {
  const { configs } = ask(...args)
  expect(configs).toHaveLength(1)
  return configs[0]
}

describe('a topic', () => {
  test('shows every topic configuration with its effective value, writable, without synonyms and documentation', () => {
    const bench = createBench({ orders: 1 })
    const { errorCode, errorMessage, configs } = ask(bench, TOPIC, 'orders')
    expect([errorCode, errorMessage]).toEqual([0, null])
    expect(configs.map(({ name }) => name)).toEqual(Object.keys(TOPIC_CONFIG))
    expect(configs.find(({ name }) => name === 'cleanup.policy')).toEqual({
      name: 'cleanup.policy',
      value: 'delete',
      readOnly: false,
      isDefault: false,
      configSource: 5,
      isSensitive: false,
      synonyms: [],
      configType: 7,
      documentation: null,
    })
  })

  test('a key filter, null and empty meaning all, leaves out what does not exist', () => {
    const bench = createBench({ orders: 1 })
    expect(ask(bench, TOPIC, 'orders', []).configs).toHaveLength(Object.keys(TOPIC_CONFIG).length)
    const { configs } = ask(bench, TOPIC, 'orders', ['segment.ms', 'no.such.thing', 'flush.ms'])
    expect(configs.map(({ name }) => name)).toEqual(['segment.ms', 'flush.ms'])
  })

  test('what the broker was started with is a static source, under the broker’s name', () => {
    const bench = createBench({ orders: 1 }, { 'message.max.bytes': '2000' })
    const entry = only(bench, TOPIC, 'orders', ['max.message.bytes'], { includeSynonyms: true })
    expect(entry).toMatchObject({ value: '2000', configSource: 4 })
    expect(entry?.synonyms).toEqual([
      { name: 'message.max.bytes', value: '2000', source: 4 },
      { name: 'message.max.bytes', value: '1048588', source: 5 },
    ])
  })

  test('a value from a broker configuration of another unit is shown converted, but as a default without synonyms', () => {
    const bench = createBench({ orders: 1 }, { 'log.retention.hours': '1' })
    const entry = only(bench, TOPIC, 'orders', ['retention.ms'], { includeSynonyms: true })
    expect(entry).toMatchObject({ value: '3600000', configSource: 5, synonyms: [] })
  })

  test('documentation comes when asked for', () => {
    const bench = createBench({ orders: 1 })
    const entry = only(bench, TOPIC, 'orders', ['max.message.bytes'], { includeDocumentation: true })
    expect(entry?.documentation).toBe(TOPIC_CONFIG['max.message.bytes'].about)
  })

  test('that does not exist is UNKNOWN_TOPIC_OR_PARTITION, one that cannot exist INVALID_TOPIC_EXCEPTION', () => {
    const bench = createBench()
    expect(ask(bench, TOPIC, 'orders')).toMatchObject({ errorCode: 3, errorMessage: null, configs: [] })
    expect(ask(bench, TOPIC, 'no spaces')).toMatchObject({ errorCode: 17, configs: [] })
  })
})

describe('a broker', () => {
  test('shows every broker configuration; what is not dynamic is read-only', () => {
    const bench = createBench({}, { 'num.partitions': '1' })
    const { configs } = ask(bench, BROKER, '1')
    expect(configs.map(({ name }) => name)).toEqual(Object.keys(BROKER_CONFIG))
    const byName = new Map(configs.map((entry) => [entry.name, entry]))
    expect(byName.get('num.partitions')).toMatchObject({ value: '1', readOnly: true, configSource: 4, configType: 3 })
    expect(byName.get('message.max.bytes')).toMatchObject({ value: '1048588', readOnly: false, configSource: 5 })
    expect(byName.get('log.retention.ms')).toMatchObject({ value: null, configSource: 5, configType: 5 })
  })

  test('synonyms start with the name that was asked for', () => {
    const bench = createBench({}, { 'log.retention.ms': '5', 'log.retention.hours': '2' })
    const wish = { includeSynonyms: true }
    expect(only(bench, BROKER, '1', ['log.retention.ms'], wish)?.synonyms).toEqual([
      { name: 'log.retention.ms', value: '5', source: 4 },
      { name: 'log.retention.hours', value: '2', source: 4 },
      { name: 'log.retention.hours', value: '168', source: 5 },
    ])
    expect(only(bench, BROKER, '1', ['log.retention.hours'], wish)?.synonyms).toEqual([
      { name: 'log.retention.hours', value: '2', source: 4 },
      { name: 'log.retention.hours', value: '168', source: 5 },
    ])
  })

  test('answers for itself only', () => {
    const bench = createBench()
    expect(ask(bench, BROKER, '2')).toMatchObject({
      errorCode: 42,
      errorMessage: 'This is broker 1, but the request is about 2.',
      configs: [],
    })
    expect(ask(bench, BROKER, 'one')).toMatchObject({
      errorCode: 42,
      errorMessage: expect.stringMatching(/whole number/),
    })
  })

  test('without a name it is what was set for all brokers: nothing yet', () => {
    expect(ask(createBench({}, { 'num.partitions': '3' }), BROKER, '')).toMatchObject({ errorCode: 0, configs: [] })
  })
})

test('there are no loggers; who asks for them has to name this broker', () => {
  const bench = createBench()
  expect(ask(bench, LOGGER, '1')).toMatchObject({ errorCode: 0, configs: [] })
  expect(ask(bench, LOGGER, '2').errorCode).toBe(42)
  expect(ask(bench, LOGGER, '').errorCode).toBe(42)
})

test('client metrics and groups have no configuration here; an unknown type fails the whole request', () => {
  const bench = createBench({ orders: 1 })
  expect(ask(bench, 16, 'x').errorCode).toBe(42)
  expect(ask(bench, 32, 'g').errorCode).toBe(42)
  const resources = [TOPIC, 99].map((resourceType) => ({
    resourceType,
    resourceName: 'orders',
    configurationKeys: null,
  }))
  const { results } = bench.ask('DescribeConfigs', 4, makeDescribeConfigsRequest({ resources }))
  expect(results.map(({ errorCode }) => errorCode)).toEqual([42, 42])
})
