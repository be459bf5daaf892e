/** Compaction of one log (LogCleaner.scala, LogCleanerManager.scala, MemoryRecords.filterTo, KIP-534). */
import { gunzipSync, gzipSync } from 'node:zlib'
import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import {
  appendBatch,
  asStored,
  cleanableRange,
  cleanLog,
  configureLog,
  createDecision,
  nextCleaning,
  type PartitionLog,
  readLog,
  roll,
  type SectionOf,
  setHighWatermark,
} from '../../../src/broker/index.ts'
import { maintain } from '../../../src/broker/maintenance.ts'
import { compressionCode, deleteHorizonMs, encodeBatch, readRecords } from '../../../src/protocol/records.ts'
import { decodeUtf8 } from '../../../src/protocol/utf8.ts'
import { createBench } from '../support.ts'
import { appendRecords, logWith, NOW } from './support.ts'

type Pair = readonly [key: string | null, value: string | null]

const COMPACT = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0' }
const none: SectionOf = (batch) => (compressionCode(batch) === 0 ? batch.records : null)

/** A log of segments, of batches, of records; all of it below the high watermark, the active segment empty. */
function logOf(segments: readonly (readonly (readonly Pair[])[])[], topic: Record<string, string> = {}): PartitionLog {
  const log = logWith({ ...COMPACT, ...topic })
  let at = NOW
  for (const batches of segments) {
    for (const pairs of batches) {
      appendRecords(
        log,
        pairs.map(([key, value]) => ({ key, value, timestamp: at })),
        at,
      )
      at += 10
    }
    roll(log, log.logEndOffset, at)
  }
  setHighWatermark(log, log.logEndOffset, at)
  return log
}

function clean(log: PartitionLog, now: number, sectionOf: SectionOf = none): number {
  const range = cleanableRange(log, now)
  return range === null ? -1 : cleanLog(log, range, now, sectionOf).removedRecords
}

const text = (bytes: Uint8Array | null) => (bytes === null ? null : decodeUtf8(bytes))
const contents = (log: PartitionLog) =>
  log.batches.flatMap((batch) =>
    readRecords(batch).map(({ offset, key, value, timestamp }) => ({
      offset,
      key: text(key),
      value: text(value),
      timestamp,
    })),
  )
const shown = (log: PartitionLog) => contents(log).map(({ offset, key, value }) => `${offset}:${key}=${value}`)

describe('cleanLog', () => {
  test('of every key the last record stays, at its offset', () => {
    const log = logOf([
      [
        [
          ['a', '1'],
          ['b', '1'],
          ['a', '2'],
        ],
        [['b', '2']],
        [
          ['c', '1'],
          ['a', '3'],
        ],
      ],
    ])
    expect(clean(log, NOW + 100)).toBe(3)
    expect(shown(log)).toEqual(['3:b=2', '4:c=1', '5:a=3'])
    expect(log).toMatchObject({ logStartOffset: 0, logEndOffset: 6, cleanedOffset: 6 })
  })

  test('batches keep their span, epoch and sequence, so that nothing moves (filterTo, overrideLastOffset)', () => {
    const log = logOf([
      [
        [
          ['a', '1'],
          ['b', '1'],
          ['a', '2'],
          ['b', '2'],
          ['a', '3'],
        ],
      ],
    ])
    const before = log.batches[0]
    clean(log, NOW + 100)
    expect(log.batches[0]).toMatchObject({ baseOffset: 0, lastOffsetDelta: 4, recordCount: 2, partitionLeaderEpoch: 0 })
    expect(shown(log)).toEqual(['3:b=2', '4:a=3'])
    // The old batch is untouched: a follower or a snapshot may hold it.
    expect(before).toMatchObject({ recordCount: 5 })
    expect(readLog(log, 1, 5, 1e6, true).batches).toHaveLength(1)
  })

  test('what does not change is not written anew', () => {
    const log = logOf([[[['a', '1']], [['b', '1']]]])
    const batches = [...log.batches]
    expect(clean(log, NOW + 100)).toBe(0)
    expect(log.batches[0]).toBe(batches[0])
    expect(log.batches[1]).toBe(batches[1])
  })

  test('a batch without records goes, but the last of the round stays, empty (RETAIN_EMPTY)', () => {
    const log = logOf([[[['a', '1']], [['a', '2']], [[null, 'x']]]])
    clean(log, NOW + 100)
    expect(log.batches.map(({ baseOffset, recordCount }) => [baseOffset, recordCount])).toEqual([
      [1, 1],
      [2, 0],
    ])
    expect(log).toMatchObject({ logEndOffset: 3 })
    expect(log.segments.map(({ baseOffset }) => baseOffset)).toEqual([0, 3])
  })

  test('timestamps and headers survive a rewrite', () => {
    const log = logWith(COMPACT)
    appendRecords(log, [
      { key: 'a', value: '1', timestamp: NOW },
      { key: 'ключ', value: 'è', timestamp: NOW - 5, headers: [['h', 'v'] as const] },
      { key: 'a', value: '2', timestamp: NOW + 7 },
    ])
    roll(log, 3, NOW)
    setHighWatermark(log, 3, NOW)
    clean(log, NOW)
    expect(contents(log)).toEqual([
      { offset: 1, key: 'ключ', value: 'è', timestamp: NOW - 5 },
      { offset: 2, key: 'a', value: '2', timestamp: NOW + 7 },
    ])
    const batch = log.batches[0]
    expect(batch).toMatchObject({ baseTimestamp: NOW - 5, maxTimestamp: NOW + 7 })
    expect(readRecords(batch as NonNullable<typeof batch>)[0]?.headers[0]?.[0]).toBe('h')
  })

  test('a tombstone stays for delete.retention.ms from its first cleaning, then goes (KIP-534)', () => {
    const log = logOf([[[['a', '1']], [['a', null]], [['b', '1']]]], { 'delete.retention.ms': '1000' })
    clean(log, NOW + 100)
    expect(shown(log)).toEqual(['1:a=null', '2:b=1'])
    expect(deleteHorizonMs(log.batches[0] as NonNullable<(typeof log.batches)[0]>)).toBe(NOW + 1100)
    expect(contents(log)[0]?.timestamp).toBe(NOW + 10)
    const again = (now: number) => {
      appendRecords(log, [{ key: 'c', value: String(now), timestamp: now }], now)
      roll(log, log.logEndOffset, now)
      setHighWatermark(log, log.logEndOffset, now)
      clean(log, now)
      return shown(log).filter((record) => record.includes('a='))
    }
    expect(again(NOW + 1099)).toEqual(['1:a=null'])
    expect(again(NOW + 1100)).toEqual([])
  })

  test('small segments become one (groupSegmentsBySize)', () => {
    const log = logOf([[[['a', '1']]], [[['a', '2']]], [[['b', '1']]], [[['a', '3']]]])
    expect(log.segments).toHaveLength(5)
    clean(log, NOW + 100)
    expect(log.segments.map(({ baseOffset }) => baseOffset)).toEqual([0, 4])
    expect(log.segments[0]).toMatchObject({ sizeInBytes: log.sizeInBytes, maxTimestamp: NOW + 30 })
  })

  test('compressed batches are looked into where there is a codec, else they are left whole', () => {
    const compressed = (values: readonly string[]) =>
      encodeBatch(
        values.map((value) => ({ key: 'a', value, timestamp: NOW })),
        { compression: 1, compress: (bytes) => gzipSync(bytes) },
      )
    const make = () => {
      const log = logWith(COMPACT)
      for (const batch of [compressed(['1', '2']), compressed(['3'])]) {
        appendBatch(log, asStored(log, batch, NOW, false), NOW)
      }
      roll(log, 3, NOW)
      setHighWatermark(log, 3, NOW)
      return log
    }
    const without = make()
    expect(clean(without, NOW)).toBe(0)
    expect(without.batches).toHaveLength(2)
    const log = make()
    expect(clean(log, NOW, (batch) => new Uint8Array(gunzipSync(batch.records)))).toBe(2)
    expect(log.batches.map(({ baseOffset, recordCount }) => [baseOffset, recordCount])).toEqual([[2, 1]])
  })
})

test('records that are none are left alone, and so is their log from then on (markPartitionUncleanable)', () => {
  const bench = createBench({ orders: 1 }, { 'log.roll.ms': '10', 'log.cleaner.min.cleanable.ratio': '0' })
  const log = bench.state.logs.get('orders')?.[0] as PartitionLog
  appendRecords(log, [{ key: 'a', value: '1', timestamp: NOW }])
  const batch = encodeBatch([{ key: 'a', value: '2', timestamp: NOW }])
  appendBatch(log, asStored(log, { ...batch, records: new Uint8Array([200]) }, NOW, false), NOW)
  roll(log, 2, NOW)
  configureLog(log, { ...log.config, compact: true, delete: false })
  setHighWatermark(log, 2, NOW)
  const before = [...log.batches]
  const out = createDecision()
  maintain(bench.state, 'cleaner', { now: NOW + 100, uuid: String, memberUuid: String }, out, () => {})
  expect(log.batches).toEqual(before)
  expect(log).toMatchObject({ cleanedOffset: 0, uncleanable: true })
  expect([out.facts, out.timers]).toEqual([[], []])
})

describe('cleanableRange', () => {
  const segments = [[[['a', '1']]], [[['a', '2']]]] as const

  test('never the active segment, never beyond the high watermark', () => {
    const log = logOf(segments)
    appendRecords(log, [{ key: 'a', value: '3', timestamp: NOW + 50 }], NOW + 50)
    expect(cleanableRange(log, NOW + 100)).toEqual({ firstDirtyOffset: 0, endOffset: 2 })
    const behind = logWith(COMPACT)
    for (const at of [0, 1, 2]) {
      appendRecords(behind, [{ key: 'a', value: 'x', timestamp: NOW }], NOW)
      roll(behind, at + 1, NOW)
    }
    expect(cleanableRange(behind, NOW)).toBeNull()
    setHighWatermark(behind, 2, NOW)
    expect(cleanableRange(behind, NOW)).toEqual({ firstDirtyOffset: 0, endOffset: 2 })
  })

  test('whole segments only: one that holds the high watermark is left alone', () => {
    const log = logWith(COMPACT)
    for (const value of ['1', '2']) appendRecords(log, [{ key: 'a', value, timestamp: NOW }], NOW)
    roll(log, 2, NOW)
    setHighWatermark(log, 1, NOW)
    expect(cleanableRange(log, NOW + 100)).toBeNull()
    setHighWatermark(log, 2, NOW)
    expect(cleanableRange(log, NOW + 100)).toEqual({ firstDirtyOffset: 0, endOffset: 2 })
  })

  test('only when the dirty part is above min.cleanable.dirty.ratio', () => {
    const log = logOf([[[['a', '1']]]], { 'min.cleanable.dirty.ratio': '0.5' })
    expect(clean(log, NOW + 100)).toBe(0)
    appendRecords(log, [{ key: 'b', value: '1', timestamp: NOW }], NOW)
    roll(log, 2, NOW)
    setHighWatermark(log, 2, NOW)
    // As much dirty as clean: not above.
    expect(cleanableRange(log, NOW + 100)).toBeNull()
    appendRecords(log, [{ key: 'b', value: '2', timestamp: NOW }], NOW)
    roll(log, 3, NOW)
    setHighWatermark(log, 3, NOW)
    expect(cleanableRange(log, NOW + 100)).toEqual({ firstDirtyOffset: 1, endOffset: 3 })
  })

  test('not what is younger than min.compaction.lag.ms', () => {
    const log = logOf(segments, { 'min.compaction.lag.ms': '1000' })
    expect(cleanableRange(log, NOW + 999)).toBeNull()
    expect(nextCleaning(log, NOW + 999)).toBe(NOW + 1000)
    expect(cleanableRange(log, NOW + 1000)).toEqual({ firstDirtyOffset: 0, endOffset: 1 })
  })

  test('whatever the ratio, once a record is older than max.compaction.lag.ms', () => {
    const log = logOf(segments, { 'min.cleanable.dirty.ratio': '1', 'max.compaction.lag.ms': '5000' })
    expect(cleanableRange(log, NOW + 5000)).toBeNull()
    expect(nextCleaning(log, NOW + 5000)).toBe(NOW + 5001)
    expect(cleanableRange(log, NOW + 5001)).toEqual({ firstDirtyOffset: 0, endOffset: 2 })
  })

  test('a clean log has nothing to wait for', () => {
    const log = logOf(segments)
    expect(nextCleaning(log, NOW + 100)).toBe(NOW + 100)
    clean(log, NOW + 100)
    expect(nextCleaning(log, NOW + 100)).toBe(Infinity)
  })
})

const pair = fc.tuple(
  fc.constantFrom('a', 'b', 'c', 'd', ''),
  fc.option(fc.string({ maxLength: 3 }), { nil: null, freq: 4 }),
)
const history = fc.array(fc.array(fc.array(pair, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 4,
})

property.prop([history])(
  'the last value of every key survives, survivors stay as they were, twice is once',
  (given) => {
    const log = logOf(given)
    const before = contents(log)
    const end = log.logEndOffset
    clean(log, NOW + 1000)
    const after = contents(log)
    const last = new Map(before.map((record) => [record.key, record]))
    expect(new Set(after.map(({ key }) => key))).toEqual(new Set(last.keys()))
    expect(after).toEqual(before.filter((record) => last.get(record.key) === record))
    expect(log).toMatchObject({ logEndOffset: end, highWatermark: end, cleanedOffset: end })
    const spans = log.batches.map((batch) => [batch.baseOffset, batch.baseOffset + batch.lastOffsetDelta] as const)
    for (const [i, [base]] of spans.entries()) if (i > 0) expect(base).toBeGreaterThan(spans[i - 1]?.[1] ?? -1)
    expect(spans[spans.length - 1]?.[1]).toBe(end - 1)
    expect(log.sizeInBytes).toBe(log.batches.reduce((sum, { records }) => sum + 61 + records.length, 0))
    const batches = [...log.batches]
    cleanLog(log, { firstDirtyOffset: 0, endOffset: end }, NOW + 1000, none)
    expect(log.batches.map(({ records }) => records)).toEqual(batches.map(({ records }) => records))
  },
)
