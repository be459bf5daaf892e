import { describe, expect, it } from 'vitest'
import type { LogEntry } from '../../src/client/index.ts'
import { createKafka, logLevel } from '../../src/client/index.ts'
import { isoTime } from '../../src/client/sync/time.ts'
import { createScript } from './support/script-transport.ts'

describe('loggers', () => {
  it('write one readable line for warnings and errors by default', () => {
    const { transport, host, lines } = createScript({ answer: () => ({}) })
    const logger = createKafka(transport, host, { brokers: [] }).logger()
    const child = logger.namespace('Mine')
    child.info('not shown')
    child.warn('careful', { groupId: 'g', stack: 'long\nstack', nested: {} })
    child.error('a\n  b')
    logger.error('root')
    expect(lines).toEqual([
      'warn|kafkarium WARN Mine: careful (groupId=g)',
      'error|kafkarium ERROR Mine: a b',
      'error|kafkarium ERROR: root',
    ])
    child.namespace('Chatty', logLevel.DEBUG).debug('shown')
    logger.setLogLevel(logLevel.NOTHING)
    child.error('not shown any more')
    expect(lines).toHaveLength(4)
  })

  it('give a logCreator kafkajs’s entries', () => {
    const { transport, host } = createScript({ answer: () => ({}) })
    const entries: LogEntry[] = []
    const levels: number[] = []
    const config = {
      brokers: [],
      logCreator: (level: number) => {
        levels.push(level)
        return (entry: LogEntry) => void entries.push(entry)
      },
    }
    const producer = createKafka(transport, host, config).producer()
    producer.logger().info('hello', { extra: 1 })
    producer.logger().debug('not at INFO')
    expect(levels).toEqual([logLevel.INFO])
    expect(entries).toEqual([
      {
        namespace: 'Producer',
        level: 4,
        label: 'INFO',
        log: { timestamp: '2026-01-01T00:00:00.000Z', logger: 'kafkajs', message: 'hello', extra: 1 },
      },
    ])
  })

  it('obey KAFKAJS_LOG_LEVEL', () => {
    const { transport, host, lines } = createScript({ answer: () => ({}), env: { KAFKAJS_LOG_LEVEL: 'debug' } })
    createKafka(transport, host, { brokers: [], logLevel: logLevel.NOTHING }).logger().debug('shown')
    expect(lines).toEqual(['debug|kafkarium DEBUG: shown'])
  })

  it('name unknown options and the nearest known one', () => {
    const { transport, host, lines } = createScript({ answer: () => ({}) })
    const kafka = createKafka(transport, host, { brokers: [], clientID: 'x' } as never)
    kafka.consumer({ groupId: 'g', maxWaitTimeMs: 5 } as never)
    kafka.producer({ acks: 1 } as never)
    expect(lines).toEqual([
      'warn|kafkarium WARN: Unknown option "clientID" of Kafka is ignored; did you mean "clientId"?',
      'warn|kafkarium WARN: Unknown option "maxWaitTimeMs" of consumer is ignored; did you mean "maxWaitTimeInMs"?',
      expect.stringContaining('Unknown option "acks" of producer'),
    ])
  })

  it('format times without the host’s Date', () => {
    let epochMs = 0
    for (let i = 0; i < 5000; i += 1) {
      expect(isoTime(epochMs)).toBe(new Date(epochMs).toISOString())
      epochMs += 12_345_678_901 + i
    }
    expect(isoTime(1_709_164_800_000)).toBe('2024-02-29T00:00:00.000Z')
  })
})
