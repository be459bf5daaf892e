/** The table of configurations: Kafka's names, types, defaults and checks. */
import { describe, expect, test } from 'vitest'
import { configDocsAreCurrent } from '../../scripts/generate-config-docs.ts'
import { BROKER_CONFIG, brokerSynonyms } from '../../src/broker/config/broker-definitions.ts'
import { canonicalValue, type Definition, valueProblem } from '../../src/broker/config/definition.ts'
import { TOPIC_CONFIG, type TopicDefinition } from '../../src/broker/config/topic-definitions.ts'
import {
  brokerConfig,
  brokerConfigConflict,
  configProblem,
  givenConfig,
  topicConfigConflict,
  topicConfigValue,
} from '../../src/broker/config.ts'
import { sourceFiles } from '../support/sources.ts'

test('docs/configuration.md is what the tables say (else run npx tsx scripts/generate-config-docs.ts)', () => {
  expect(configDocsAreCurrent()).toBe(true)
})

describe('the tables', () => {
  const all: [string, Definition][] = [...Object.entries(BROKER_CONFIG), ...Object.entries(TOPIC_CONFIG)]

  test('every default passes its own check and is written as it is shown', () => {
    for (const [name, definition] of all) {
      if (definition.default === null) continue
      expect(valueProblem(definition, name, definition.default)).toBeNull()
      expect(canonicalValue(definition, definition.default)).toBe(definition.default)
    }
  })

  test('a topic’s default is what its broker synonyms come to, and those are cluster-wide dynamic (DynamicLogConfig)', () => {
    const broker = brokerConfig({})
    for (const [name, { default: value, synonyms }] of Object.entries<TopicDefinition>(TOPIC_CONFIG)) {
      expect([name, topicConfigValue({}, broker, name as keyof typeof TOPIC_CONFIG)]).toEqual([name, value])
      if (synonyms[0] !== undefined) expect(BROKER_CONFIG[synonyms[0].name].update).toBe('cluster-wide')
    }
  })

  test('“has an effect” is said of what the code asks for, and of nothing else', () => {
    const code = sourceFiles('src')
      .filter(({ path }) => /^src\/(broker\/(?!config)|cluster\/)/.test(path))
      .map(({ text }) => text)
      .join('\n')
    const asked = (name: string) => code.includes(`'${name}'`)
    const topics = Object.entries<TopicDefinition>(TOPIC_CONFIG)
    for (const [name, definition] of topics) expect([name, definition.effect]).toEqual([name, asked(name)])
    const behind = new Set<string>(
      topics.flatMap(([name, { synonyms }]) => (asked(name) ? synonyms.map((synonym) => synonym.name) : [])),
    )
    for (const [name, definition] of Object.entries<Definition>(BROKER_CONFIG)) {
      expect([name, definition.effect]).toEqual([name, asked(name) || behind.has(name)])
    }
  })

  test('names for one setting stand in order of strength', () => {
    expect(brokerSynonyms('log.retention.hours')).toEqual([
      'log.retention.ms',
      'log.retention.minutes',
      'log.retention.hours',
    ])
    expect(brokerSynonyms('log.flush.interval.ms')).toEqual([
      'log.flush.interval.ms',
      'log.flush.scheduler.interval.ms',
    ])
    expect(brokerSynonyms('num.partitions')).toEqual(['num.partitions'])
  })
})

describe('values', () => {
  const wrong: readonly [kind: 'broker' | 'topic', name: string, value: string | null, why: RegExp][] = [
    ['topic', 'retention.ms', 'soon', /not a whole number\./],
    ['topic', 'retention.ms', '-2', /value must be at least -1/],
    ['topic', 'retention.ms', '9223372036854775808', /not a whole number of 64 bits/],
    ['topic', 'segment.bytes', '2147483648', /not a whole number of 32 bits/],
    ['topic', 'segment.bytes', '1048575', /value must be at least 1048576/],
    ['topic', 'cleanup.policy', 'delete,archive', /"archive" is not one of compact, delete/],
    ['topic', 'message.timestamp.type', 'createtime', /must be one of CreateTime, LogAppendTime/],
    ['topic', 'min.cleanable.dirty.ratio', '1.5', /value must be no more than 1/],
    ['topic', 'min.cleanable.dirty.ratio', 'half', /not a number/],
    ['topic', 'preallocate', 'yes', /must be true or false/],
    ['topic', 'compression.gzip.level', '0', /value must be at least 1/],
    ['topic', 'leader.replication.throttled.replicas', '0:1,all', /"all" is not understood/],
    ['broker', 'num.partitions', null, /Invalid value null/],
    [
      'broker',
      'num.partition',
      '1',
      /Unknown broker configuration "num\.partition"\. Did you mean "num\.partitions"\?/,
    ],
    ['broker', 'max.message.bytes', '1', /Did you mean "message\.max\.bytes"\?/],
    ['topic', 'log.retention.hours', '1', /Unknown topic configuration.*Did you mean "retention\.ms"\?/],
    ['topic', 'colour.of.the.bikeshed', 'red', /docs\/configuration\.md/],
  ]
  test.each(wrong)('%s %s = %s is refused', (kind, name, value, why) => {
    expect(configProblem(kind, name, value)).toMatch(why)
  })

  const right: readonly [name: keyof typeof TOPIC_CONFIG, value: string, stored: string][] = [
    ['preallocate', ' TRUE ', 'true'],
    ['retention.ms', '+5', '5'],
    ['max.compaction.lag.ms', '9223372036854775807', '9223372036854775807'],
    ['cleanup.policy', 'compact, delete', 'compact,delete'],
    ['cleanup.policy', '', ''],
    ['compression.gzip.level', '-1', '-1'],
    ['min.cleanable.dirty.ratio', '0.10', '0.1'],
    ['follower.replication.throttled.replicas', '*', '*'],
  ]
  test.each(right)('%s = %s is accepted', (name, value, stored) => {
    expect(configProblem('topic', name, value)).toBeNull()
    expect(canonicalValue(TOPIC_CONFIG[name], value)).toBe(stored)
  })
})

describe('a topic’s effective value', () => {
  test('is its own, else the strongest broker configuration that is set, in the topic’s unit', () => {
    const hours = brokerConfig({ 'log.retention.hours': '2' })
    const minutes = brokerConfig({ 'log.retention.hours': '2', 'log.retention.minutes': '3' })
    const ms = brokerConfig({ 'log.retention.minutes': '3', 'log.retention.ms': '4' })
    expect(topicConfigValue({}, hours, 'retention.ms')).toBe('7200000')
    expect(topicConfigValue({}, minutes, 'retention.ms')).toBe('180000')
    expect(topicConfigValue({}, ms, 'retention.ms')).toBe('4')
    expect(topicConfigValue({ 'retention.ms': '1' }, ms, 'retention.ms')).toBe('1')
    expect(topicConfigValue({}, brokerConfig({ 'log.retention.hours': '-5' }), 'retention.ms')).toBe('-1')
  })

  test('must make sense together with the others', () => {
    const broker = brokerConfig({ 'log.cleaner.max.compaction.lag.ms': '10' })
    expect(topicConfigConflict({ 'min.compaction.lag.ms': '10' }, broker)).toBeNull()
    expect(topicConfigConflict({ 'min.compaction.lag.ms': '11' }, broker)).toMatch(/min\.compaction\.lag\.ms \(11\)/)
    expect(topicConfigConflict({ 'remote.storage.enable': 'true' }, broker)).toMatch(/no tiered storage/)
  })
})

test.each([
  [{ 'log.retention.ms': '0' }, /log\.retention\.ms: 0 ms is not possible/],
  [{ 'log.roll.ms': '0' }, /log\.roll\.ms: 0 ms is not possible/],
  [{ 'log.roll.jitter.ms': '-1' }, /log\.roll\.jitter\.ms/],
  [{ 'replica.lag.time.max.ms': '100' }, /replica\.fetch\.wait\.max\.ms \(500\) must not be above/],
  [
    { 'group.consumer.max.session.timeout.ms': '100' },
    /group\.consumer\.session\.timeout\.ms \(45000\) must not be above/,
  ],
  [{ 'log.cleaner.max.compaction.lag.ms': '1', 'log.cleaner.min.compaction.lag.ms': '2' }, /max\.compaction\.lag/],
] as const)('a broker cannot start with %j', (given, why) => {
  expect(brokerConfigConflict(brokerConfig(given))).toMatch(why)
})

test('a broker starts with the defaults, and with retention for ever', () => {
  expect(brokerConfigConflict(brokerConfig({}))).toBeNull()
  expect(brokerConfigConflict(brokerConfig({ 'log.retention.hours': '-1' }))).toBeNull()
  expect(brokerConfigConflict(brokerConfig({ 'log.retention.ms': '-5' }))).toBeNull()
})

test('a broker’s configuration remembers what was given, also when that is the default', () => {
  const config = brokerConfig({ 'num.partitions': '1', 'auto.create.topics.enable': 'False' })
  expect(givenConfig(config)).toEqual({ 'num.partitions': '1', 'auto.create.topics.enable': 'false' })
  expect(config['num.partitions']).toBe('1')
  expect(config['message.max.bytes']).toBe('1048588')
  expect(config['log.retention.ms']).toBeUndefined()
})
