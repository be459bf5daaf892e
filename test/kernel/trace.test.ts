import { describe, expect, test } from 'vitest'
import {
  createTrace,
  type Fact,
  firstDifference,
  firstViolation,
  record,
  recordHandler,
  traceEvents,
  traceHash,
} from '../../src/kernel/index.ts'

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
  for (const [i, fact] of facts.entries()) record(trace, i * 10, fact)
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
    const whole = traceOf(
      facts.map((fact) => ({ ...fact })),
      Number.POSITIVE_INFINITY,
    )
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

describe('handler facts', () => {
  const handle = (trace: ReturnType<typeof createTrace>, offsets: number[], time = 5) => {
    for (const offset of offsets) {
      recordHandler(trace, time, 'handler.start', 'a', 'g', 'm', 'orders', 0, offset, offset)
      recordHandler(trace, time, 'handler.done', 'a', 'g', 'm', 'orders', 0, offset, offset)
    }
  }
  const seen = (trace: ReturnType<typeof createTrace>) =>
    traceEvents(trace).map((event) =>
      event.type === 'handler.start' || event.type === 'handler.done'
        ? `${event.index} ${event.type} ${event.firstOffset} @${event.time}`
        : event.type,
    )

  test('come back one by one, in order, though they are kept together', () => {
    const trace = createTrace(100)
    handle(trace, [3, 4])
    handle(trace, [9], 6)
    recordHandler(trace, 6, 'handler.start', 'a', 'g', 'm', 'orders', 1, 0, 0)
    record(trace, 7, { type: 'mark', text: 'x' })
    expect(seen(trace)).toEqual([
      '0 handler.start 3 @5',
      '1 handler.done 3 @5',
      '2 handler.start 4 @5',
      '3 handler.done 4 @5',
      '4 handler.start 9 @6',
      '5 handler.done 9 @6',
      '6 handler.start 0 @6',
      'mark',
    ])
    expect(trace.entries.length).toBeLessThan(trace.count)
  })

  test('hash alike whether or not somebody listens', () => {
    const quiet = createTrace(100)
    const watched = createTrace(100)
    const heard: number[] = []
    watched.listeners.add(({ index }) => heard.push(index))
    for (const trace of [quiet, watched]) handle(trace, [0, 1, 2])
    expect(traceHash(watched)).toBe(traceHash(quiet))
    expect(heard).toEqual([0, 1, 2, 3, 4, 5])
    expect(traceEvents(watched)).toEqual(traceEvents(quiet))
    const other = createTrace(100)
    handle(other, [0, 1, 3])
    expect(traceHash(other)).not.toBe(traceHash(quiet))
  })

  test('a ring keeps no more events than it should', () => {
    const trace = createTrace(4)
    handle(trace, [0, 1, 2, 3, 4, 5])
    expect(seen(trace)).toEqual([
      '8 handler.start 4 @5',
      '9 handler.done 4 @5',
      '10 handler.start 5 @5',
      '11 handler.done 5 @5',
    ])
  })
})
