import { createRequire } from 'node:module'
import { describe, expect, it, vi } from 'vitest'
import * as ours from '../../src/client/errors/index.ts'
import { errorFromCode, protocolErrors } from '../../src/client/errors/protocol-errors.ts'

const require = createRequire(import.meta.url)
const theirTable = require('kafkajs/src/protocol/error.js') as {
  errorCodes: readonly object[]
  createErrorFromCode: (code: number) => Error
}

const kafkajs = require('kafkajs') as Record<string, unknown>

type ErrorClass = new (...args: readonly unknown[]) => Error
const theirs = Object.fromEntries(Object.entries(kafkajs).filter(([name]) => name.startsWith('KafkaJS'))) as Record<
  string,
  ErrorClass
>
const mine = ours as unknown as Record<string, ErrorClass>

/** Arguments that show every field; classes not named take a text. */
const coded = { type: 'T', code: 7, retriable: true, message: 'coded' }
const argumentsOf: Record<string, readonly unknown[]> = {
  KafkaJSError: ['text', { retriable: false, cause: new Error('cause') }],
  KafkaJSProtocolError: [coded],
  KafkaJSOffsetOutOfRange: [coded, { topic: 't', partition: 3 }],
  KafkaJSMemberIdRequired: [coded, { memberId: 'm' }],
  KafkaJSCreateTopicError: [coded, 't'],
  KafkaJSAlterPartitionReassignmentsError: [coded, 't', 3],
  KafkaJSNumberOfRetriesExceeded: [new Error('cause'), { retryCount: 5, retryTime: 300 }],
  KafkaJSConnectionError: ['text', { broker: 'b:1', code: 'ECONNREFUSED' }],
  KafkaJSConnectionClosedError: ['text', { host: 'b', port: 1 }],
  KafkaJSRequestTimeoutError: [
    'text',
    { broker: 'b:1', correlationId: 1, createdAt: 2, sentAt: 3, pendingDuration: 1, clientId: 'c' },
  ],
  KafkaJSTopicMetadataNotLoaded: ['text', { topic: 't' }],
  KafkaJSStaleTopicMetadataAssignment: ['text', { topic: 't', unknownPartitions: [1] }],
  KafkaJSServerDoesNotSupportApiKey: ['text', { apiKey: 1, apiName: 'Fetch' }],
  KafkaJSDeleteGroupsError: ['text', [{ groupId: 'g' }]],
  KafkaJSDeleteTopicRecordsError: [
    { topic: 't', partitions: [{ partition: 1, offset: '2', error: { retriable: false } }] },
  ],
  KafkaJSAggregateError: ['text', ['a']],
}

describe('error classes', () => {
  it('are the 31 of kafkajs', () => {
    const names = Object.keys(mine).filter((name) => name.startsWith('KafkaJS'))
    expect(names.sort()).toEqual(Object.keys(theirs).sort())
    expect(names).toHaveLength(31)
  })

  it.each(Object.keys(theirs))('%s has kafkajs’s fields and parents', (name) => {
    const given = argumentsOf[name] ?? ['text']
    const expected = new (theirs[name] as ErrorClass)(...given)
    const actual = new (mine[name] as ErrorClass)(...given)
    expect({ ...actual, message: actual.message, name: actual.name }).toEqual({
      ...expected,
      message: expected.message,
      name: expected.name,
    })
    expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort())
    for (const [parent, theirClass] of Object.entries(theirs)) {
      expect([parent, actual instanceof (mine[parent] as ErrorClass)]).toEqual([parent, expected instanceof theirClass])
    }
  })

  it('show the innermost cause in the stack of used-up retries', () => {
    const error = new ours.KafkaJSNumberOfRetriesExceeded(new TypeError('why'), { retryCount: 1, retryTime: 2 })
    expect(error.stack).toMatch(/^KafkaJSNonRetriableError\n {2}Caused by: TypeError: why/)
  })

  it('know instances of another copy of the package, but not of unrelated or users’ classes', async () => {
    vi.resetModules()
    const copy = await import('../../src/client/errors/index.ts')
    expect(copy.KafkaJSConnectionError).not.toBe(ours.KafkaJSConnectionError)
    const foreign = new copy.KafkaJSConnectionClosedError('text', { host: 'b', port: 1 })
    expect(foreign instanceof ours.KafkaJSConnectionError).toBe(true)
    expect(foreign instanceof ours.KafkaJSProtocolError).toBe(false)
    class Mine extends ours.KafkaJSError {}
    expect(foreign instanceof Mine).toBe(false)
    expect(new Mine('x') instanceof Mine).toBe(true)
    expect(new Mine('x') instanceof copy.KafkaJSError).toBe(true)
    expect(Object.create(null) instanceof ours.KafkaJSError).toBe(false)
    expect((null as unknown) instanceof ours.KafkaJSError).toBe(false)
  })
})

describe('the protocol error table', () => {
  it('is kafkajs’s, entry by entry', () => {
    expect(protocolErrors).toEqual(theirTable.errorCodes)
    expect(protocolErrors).toHaveLength(89)
  })

  it.each([-1, 5, 27, 79, 88, 89, 91, 133])('makes the same error for code %i', (code) => {
    const expected = theirTable.createErrorFromCode(code)
    expect({ ...errorFromCode(code) }).toEqual({ ...expected })
  })

  it.each([
    [90, 'PRODUCER_FENCED'],
    [120, 'TRANSACTION_ABORTABLE'],
  ])('names code %i, which comes only with versions kafkajs does not speak', (code, type) => {
    expect(errorFromCode(code)).toMatchObject({ name: 'KafkaJSProtocolError', type, code, retriable: false })
  })
})
