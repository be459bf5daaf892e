import { expect, test } from 'vitest'
import { ERRORS, ErrorCode, errorByCode, errorName, isRetriable } from '../../src/protocol/errors.ts'

test('the table is complete and in order: -1 to 133', () => {
  expect(ERRORS.map(({ code }) => code)).toEqual(Array.from({ length: 135 }, (_, i) => i - 1))
  expect(Object.entries(ErrorCode)).toEqual(ERRORS.map(({ name, code }) => [name, code]))
})

test('every error has a sentence of its own', () => {
  for (const { meaning } of ERRORS) expect(meaning).toMatch(/^\p{Lu}|^(acks|No)/u)
  for (const { meaning } of ERRORS) expect(meaning.endsWith('.')).toBe(true)
  expect(new Set(ERRORS.map(({ meaning }) => meaning)).size).toBe(ERRORS.length)
})

test('by code, also for codes newer than the table', () => {
  expect(errorByCode(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)).toMatchObject({
    name: 'UNKNOWN_TOPIC_OR_PARTITION',
    code: 3,
    retriable: true,
  })
  expect(errorName(-1)).toBe('UNKNOWN_SERVER_ERROR')
  expect(errorName(0)).toBe('NONE')
  for (const code of [134, -2, 1.5]) {
    expect(errorByCode(code)).toBeUndefined()
    expect(errorName(code)).toBe(`UNKNOWN_ERROR_${code}`)
    expect(isRetriable(code)).toBe(false)
  }
})

test('retriable as the Java client has it', () => {
  const {
    NOT_LEADER_OR_FOLLOWER,
    NOT_ENOUGH_REPLICAS,
    REQUEST_TIMED_OUT,
    CONCURRENT_TRANSACTIONS,
    FENCED_LEADER_EPOCH,
  } = ErrorCode
  for (const code of [
    NOT_LEADER_OR_FOLLOWER,
    NOT_ENOUGH_REPLICAS,
    REQUEST_TIMED_OUT,
    CONCURRENT_TRANSACTIONS,
    FENCED_LEADER_EPOCH,
  ]) {
    expect(isRetriable(code)).toBe(true)
  }
  const {
    NONE,
    MESSAGE_TOO_LARGE,
    REBALANCE_IN_PROGRESS,
    ILLEGAL_GENERATION,
    OUT_OF_ORDER_SEQUENCE_NUMBER,
    PRODUCER_FENCED,
  } = ErrorCode
  for (const code of [
    NONE,
    MESSAGE_TOO_LARGE,
    REBALANCE_IN_PROGRESS,
    ILLEGAL_GENERATION,
    OUT_OF_ORDER_SEQUENCE_NUMBER,
    PRODUCER_FENCED,
  ]) {
    expect(isRetriable(code)).toBe(false)
  }
})
