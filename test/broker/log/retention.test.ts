/** Which segments go, and when somebody has to look (UnifiedLog.deleteOldSegments). */
import { describe, expect, test } from 'vitest'
import {
  advanceLogStart,
  deleteOldSegments,
  nextDeletion,
  type PartitionLog,
  setHighWatermark,
} from '../../../src/broker/index.ts'
import { append, appendRecords, logWith, NOW } from './support.ts'

/** Three segments of two records each, 100 ms apart. */
function threeSegments(topic: Record<string, string>): PartitionLog {
  const log = logWith({ 'segment.ms': '50', ...topic })
  for (const at of [0, 100, 200]) append(log, 2, NOW + at)
  setHighWatermark(log, 6, NOW + 200)
  return log
}
const bases = (log: PartitionLog) => log.segments.map(({ baseOffset }) => baseOffset)

describe('segments', () => {
  test('a segment is closed when a batch would make it larger than segment.bytes (LogSegment.shouldRoll)', () => {
    const log = logWith({ 'segment.bytes': '1048576' })
    for (let i = 0; i < 3; i++) append(log, 1, NOW, 400_000)
    expect(bases(log)).toEqual([0, 2])
    expect(log.segments.every(({ sizeInBytes }) => sizeInBytes <= 1_048_576)).toBe(true)
  })

  test('segment.ms counts between the timestamps of records, not by the clock', () => {
    const log = logWith({ 'segment.ms': '1000' })
    append(log, 1, NOW)
    appendRecords(log, [{ key: null, value: 'x', timestamp: NOW + 1000 }], NOW + 9999)
    expect(bases(log)).toEqual([0])
    appendRecords(log, [{ key: null, value: 'x', timestamp: NOW + 1001 }], NOW + 9999)
    expect(bases(log)).toEqual([0, 2])
  })

  test('records without a timestamp count from when their segment was opened', () => {
    const log = logWith({ 'segment.ms': '1000' })
    const record = { key: null, value: 'x', timestamp: -1 }
    appendRecords(log, [record], NOW + 900)
    appendRecords(log, [record], NOW + 1000)
    appendRecords(log, [record], NOW + 1001)
    expect(bases(log)).toEqual([0, 2])
  })

  test('a compacted topic closes segments also after max.compaction.lag.ms (LogConfig.maxSegmentMs)', () => {
    const log = logWith({ 'cleanup.policy': 'compact', 'max.compaction.lag.ms': '10' })
    append(log, 1, NOW)
    append(log, 1, NOW + 11)
    expect(bases(log)).toEqual([0, 1])
  })
})

describe('retention.ms', () => {
  test('a segment goes when its newest record is older; the log start moves with it', () => {
    const log = threeSegments({ 'retention.ms': '1000' })
    expect(nextDeletion(log)).toBe(NOW + 1001)
    expect(deleteOldSegments(log, NOW + 1000)).toBe(false)
    expect(deleteOldSegments(log, NOW + 1001)).toBe(true)
    expect(log.logStartOffset).toBe(2)
    expect(bases(log)).toEqual([2, 4])
    expect(log.batches.map(({ baseOffset }) => baseOffset)).toEqual([2, 4])
    expect(log.sizeInBytes).toBe(log.segments.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0))
    expect(nextDeletion(log)).toBe(NOW + 1101)
  })

  test('the active segment goes, too: a new one is opened in its place', () => {
    const log = threeSegments({ 'retention.ms': '1000' })
    deleteOldSegments(log, NOW + 99_999)
    expect(log).toMatchObject({ logStartOffset: 6, logEndOffset: 6, sizeInBytes: 0, batches: [], flushedOffset: 6 })
    expect(bases(log)).toEqual([6])
    expect(nextDeletion(log)).toBe(Infinity)
    append(log, 1, NOW + 99_999)
    expect(log.batches.map(({ baseOffset }) => baseOffset)).toEqual([6])
  })

  test('never beyond the high watermark', () => {
    const log = logWith({ 'segment.ms': '50', 'retention.ms': '1000' })
    for (const at of [0, 100, 200]) append(log, 2, NOW + at)
    setHighWatermark(log, 3, NOW + 200)
    deleteOldSegments(log, NOW + 99_999)
    expect(log.logStartOffset).toBe(2)
    expect(nextDeletion(log)).toBe(Infinity)
  })

  test('a young record keeps its whole segment, and every later one', () => {
    const log = logWith({ 'segment.ms': '50', 'retention.ms': '1000' })
    appendRecords(log, [{ key: null, value: 'x', timestamp: NOW + 5000 }], NOW)
    setHighWatermark(log, 1, NOW)
    expect(deleteOldSegments(log, NOW + 6000)).toBe(false)
    expect(deleteOldSegments(log, NOW + 6001)).toBe(true)
  })

  test('−1 is for ever', () => {
    const log = threeSegments({ 'retention.ms': '-1' })
    expect(nextDeletion(log)).toBe(Infinity)
    expect(deleteOldSegments(log, NOW + 1e12)).toBe(false)
  })
})

describe('retention.bytes', () => {
  test('as many of the oldest segments go as fit above the limit', () => {
    const one = threeSegments({}).sizeInBytes / 3
    for (const [limit, start] of [
      [3 * one, 0],
      [2 * one + 1, 0],
      [2 * one, 2],
      [one - 1, 4],
      [0, 6],
    ] as const) {
      const log = threeSegments({ 'retention.bytes': String(limit) })
      expect(nextDeletion(log) === 0).toBe(start > 0)
      deleteOldSegments(log, NOW + 300)
      expect(log.logStartOffset).toBe(start)
    }
  })
})

test('a segment wholly before the log start goes whatever the policy (deleteLogStartOffsetBreachedSegments)', () => {
  const log = threeSegments({ 'cleanup.policy': 'compact' })
  advanceLogStart(log, 3, NOW)
  expect(log.batches).toHaveLength(3)
  expect(nextDeletion(log)).toBe(0)
  expect(deleteOldSegments(log, NOW)).toBe(false)
  expect(bases(log)).toEqual([2, 4])
  expect(log).toMatchObject({ logStartOffset: 3 })
})
