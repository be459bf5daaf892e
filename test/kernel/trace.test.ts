import { describe, expect, test } from 'vitest'
import { createTrace, type Fact, firstDifference, firstViolation, record, traceEvents, traceHash } from '../../src/kernel/index.ts'

const append = (baseOffset: number): Fact => ({
  type: 'append',
  node: 1,
  topic: 'orders',
  partition: 0,
  baseOffset,
  count: 1,
  bytes: 10,
  digest: 99,
  client: 'shop',
})
const state = (to: 'Stable' | 'Empty'): Fact => ({
  type: 'group.state',
  group: 'g',
  from: 'CompletingRebalance',
  to,
  generation: 1,
  reason: 'because',
})

const traceOf = (facts: Fact[], capacity = 100) => {
  const trace = createTrace(capacity)
  facts.forEach((fact, i) => record(trace, i * 10, fact))
  return trace
}

describe('the trace', () => {
  test('the hash covers every field, every time and the order', () => {
    const base = traceHash(traceOf([append(0), state('Stable')]))
    expect(traceHash(traceOf([append(0), state('Stable')]))).toBe(base)
    const changed = [
      traceOf([append(1), state('Stable')]),
      traceOf([append(0), state('Empty')]),
      traceOf([state('Stable'), append(0)]),
      traceOf([{ ...append(0), client: 'other' } as Fact, state('Stable')]),
      traceOf([{ ...append(0), digest: 98 } as Fact, state('Stable')]),
      traceOf([append(0), state('Stable'), append(1)]),
    ]
    expect(new Set(changed.map(traceHash)).add(base).size).toBe(7)
    const later = createTrace(10)
    record(later, 1, append(0))
    record(later, 10, state('Stable'))
    expect(traceHash(later)).not.toBe(base)
  })

  test('offsets above 32 bits count whole', () => {
    expect(traceHash(traceOf([append(2 ** 40)]))).not.toBe(traceHash(traceOf([append(2 ** 41)])))
  })

  test('a ring keeps the last events, the hash and the count all of them', () => {
    const facts = Array.from({ length: 57 }, (_, i) => append(i))
    const ring = traceOf(facts, 10)
    const whole = traceOf(facts.map((fact) => ({ ...fact })), Number.POSITIVE_INFINITY)
    expect(traceEvents(ring).map((event) => event.index)).toEqual([47, 48, 49, 50, 51, 52, 53, 54, 55, 56])
    expect(traceEvents(whole)).toHaveLength(57)
    expect(traceHash(ring)).toBe(traceHash(whole))
    expect(ring.count).toBe(57)
  })

  test('the first difference of two runs is found', () => {
    const a = traceEvents(traceOf([append(0), append(1), append(2)]))
    const b = traceEvents(traceOf([append(0), append(9), append(2)]))
    expect(firstDifference(a, a)).toBeNull()
    expect(firstDifference(a, b)).toMatchObject({ index: 1, first: { baseOffset: 1 }, second: { baseOffset: 9 } })
    expect(firstDifference(a, a.slice(0, 2))).toMatchObject({ index: 2, second: undefined })
  })

  test('laws answer the first violation with id and sentence', () => {
    const laws = [
      { id: 'X1', sentence: 'Small.', check: (world: number) => (world < 10 ? null : `${world} is not small`) },
      { id: 'X2', sentence: 'Even.', check: (world: number) => (world % 2 === 0 ? null : `${world} is odd`) },
    ]
    expect(firstViolation(laws, 4)).toBeNull()
    expect(firstViolation(laws, 5)).toEqual({ law: 'X2', sentence: 'Even.', detail: '5 is odd' })
    expect(firstViolation(laws, 11)?.law).toBe('X1')
  })
})
