/** What of a log survives: flush points, checkpoints, clean stops and crashes (UnifiedLog.flush, LogLoader, ReplicaManager). */
import { describe, expect, test } from 'vitest'
import {
  advanceLogStart,
  crashLog,
  crashPoints,
  flushedOffsetAt,
  setHighWatermark,
  stopLog,
  truncateTo,
} from '../../../src/broker/index.ts'
import { append, logWith, NOW } from './support.ts'

describe('the recovery point', () => {
  test('nothing is flushed by itself but what lies before a new segment (UnifiedLog.roll)', () => {
    const log = logWith({ 'segment.ms': '1000' })
    append(log, 2)
    append(log, 2)
    expect(flushedOffsetAt(log, NOW)).toBe(0)
    append(log, 1, NOW + 1001)
    expect(log.segments.map(({ baseOffset }) => baseOffset)).toEqual([0, 4])
    expect(flushedOffsetAt(log, NOW + 1001)).toBe(4)
  })

  test('flush.messages flushes at the append that reaches it (LogConfig.flushInterval)', () => {
    const log = logWith({ 'flush.messages': '3' })
    append(log, 2)
    expect(log.flushedOffset).toBe(0)
    append(log, 1)
    expect(log.flushedOffset).toBe(3)
    append(log, 1)
    expect(log.flushedOffset).toBe(3)
  })

  test('flush.ms is looked at every log.flush.scheduler.interval.ms (LogManager.flushDirtyLogs)', () => {
    const log = logWith({ 'flush.ms': '3000' }, { 'log.flush.scheduler.interval.ms': '2000' })
    append(log, 1, NOW + 100)
    expect(flushedOffsetAt(log, NOW + 3999)).toBe(0)
    expect(flushedOffsetAt(log, NOW + 4000)).toBe(1)
    append(log, 1, NOW + 4500)
    expect(log).toMatchObject({ flushedOffset: 1, flushedAt: NOW + 4000 })
    expect(flushedOffsetAt(log, NOW + 7999)).toBe(1)
    expect(flushedOffsetAt(log, NOW + 8000)).toBe(2)
  })

  test('flush.ms alone does nothing: nobody looks', () => {
    const log = logWith({ 'flush.ms': '1' })
    append(log, 1)
    expect(flushedOffsetAt(log, NOW + 1e12)).toBe(0)
  })
})

describe('crashLog', () => {
  test('crash points are the batch boundaries from the recovery point to the log end', () => {
    const log = logWith({ 'flush.messages': '4' })
    append(log, 2)
    expect(crashPoints(log, NOW)).toEqual([0, 2])
    append(log, 2)
    append(log, 1)
    append(log, 2)
    expect(crashPoints(log, NOW)).toEqual([4, 5, 7])
  })

  test('keeps a prefix of whole batches, never less than what was flushed', () => {
    for (const [keepTo, end] of [
      [0, 4],
      [4, 4],
      [6, 5],
      [7, 7],
      [99, 7],
    ] as const) {
      const log = logWith({ 'flush.messages': '4' })
      for (const count of [2, 2, 1, 2]) append(log, count)
      crashLog(log, keepTo, NOW)
      expect(log).toMatchObject({ logEndOffset: end, flushedOffset: end })
      expect(log.sizeInBytes).toBe(log.segments.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0))
      expect(crashPoints(log, NOW)).toEqual([end])
    }
  })

  test('a batch that reaches over the log start is the least that is kept', () => {
    const log = logWith()
    append(log, 4)
    append(log, 1)
    setHighWatermark(log, 5, NOW)
    advanceLogStart(log, 2, NOW)
    expect(crashPoints(log, NOW)).toEqual([4, 5])
  })

  test('the high watermark goes back to the last checkpoint (replica.high.watermark.checkpoint.interval.ms)', () => {
    const log = logWith()
    append(log, 3)
    setHighWatermark(log, 1, NOW + 1000)
    setHighWatermark(log, 2, NOW + 6000)
    setHighWatermark(log, 3, NOW + 7000)
    crashLog(log, 3, NOW + 9000)
    expect(log).toMatchObject({ highWatermark: 1, logEndOffset: 3 })
  })

  test('a high watermark that stood still at a checkpoint is saved, but never above the log end', () => {
    const log = logWith()
    append(log, 2)
    append(log, 1)
    setHighWatermark(log, 3, NOW + 1000)
    crashLog(log, 2, NOW + 5000)
    expect(log).toMatchObject({ highWatermark: 2, logEndOffset: 2 })
  })

  test('deleted records may come back (log.flush.start.offset.checkpoint.interval.ms)', () => {
    const log = logWith()
    append(log, 2)
    append(log, 2)
    setHighWatermark(log, 4, NOW)
    advanceLogStart(log, 1, NOW + 10)
    advanceLogStart(log, 3, NOW + 60_000 + 40_000)
    crashLog(log, 4, NOW + 60_000 + 50_000)
    expect(log).toMatchObject({ logStartOffset: 1, logEndOffset: 4 })
  })

  test('a clean stop flushes everything and saves both offsets (LogManager.shutdown)', () => {
    const log = logWith()
    append(log, 3)
    append(log, 1)
    setHighWatermark(log, 3, NOW + 1)
    advanceLogStart(log, 2, NOW + 2)
    stopLog(log, NOW + 3)
    crashLog(log, 0, NOW + 3)
    expect(log).toMatchObject({ logStartOffset: 2, highWatermark: 3, logEndOffset: 4, flushedOffset: 4 })
  })
})

test('L1: the log start never passes the high watermark, and never goes back (maybeIncrementLogStartOffset)', () => {
  const log = logWith()
  append(log, 5)
  setHighWatermark(log, 3, NOW)
  expect(advanceLogStart(log, 4, NOW)).toBe(false)
  expect(advanceLogStart(log, 3, NOW)).toBe(true)
  expect(advanceLogStart(log, 2, NOW)).toBe(false)
  expect(log.logStartOffset).toBe(3)
})

describe('truncateTo', () => {
  test('segments beyond go, the last one is open again, and the recovery point follows', () => {
    const log = logWith({ 'segment.ms': '10' })
    append(log, 2, NOW)
    append(log, 2, NOW + 20)
    append(log, 2, NOW + 40)
    setHighWatermark(log, 6, NOW + 50)
    truncateTo(log, 3, NOW + 60)
    expect(log).toMatchObject({ logEndOffset: 2, flushedOffset: 2, highWatermark: 2 })
    expect(log.segments.map(({ baseOffset, sizeInBytes }) => [baseOffset, sizeInBytes > 0])).toEqual([
      [0, true],
      [2, false],
    ])
    append(log, 1, NOW + 70)
    expect(log.segments).toHaveLength(2)
    truncateTo(log, 1, NOW + 80)
    expect(log.segments.map(({ baseOffset, sizeInBytes }) => [baseOffset, sizeInBytes])).toEqual([[0, 0]])
    expect(log).toMatchObject({ sizeInBytes: 0, logEndOffset: 0 })
  })
})
