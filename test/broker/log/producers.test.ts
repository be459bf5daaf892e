/** What a log knows of idempotent producers (ProducerStateManager, ProducerStateEntry, ProducerAppendInfo; KIP-98, 360). */
import { describe, expect, test } from 'vitest'
import {
  advanceLogStart,
  appendBatch,
  asStored,
  cleanableRange,
  cleanLog,
  crashLog,
  deleteOldSegments,
  findDuplicate,
  nextProducerExpiry,
  type PartitionLog,
  removeExpiredProducers,
  roll,
  sequenceProblem,
  setHighWatermark,
  startAnew,
  stopLog,
  truncateTo,
} from '../../../src/broker/index.ts'
import { ErrorCode, errorName } from '../../../src/protocol/errors.ts'
import { encodeBatch } from '../../../src/protocol/records.ts'
import { append, logWith, NOW } from './support.ts'

const MOST = 2 ** 31 - 1

function batchOf(producerId: number, producerEpoch: number, baseSequence: number, count = 1, timestamp = NOW) {
  const records = Array.from({ length: count }, () => ({ key: 'k', value: 'x', timestamp }))
  return encodeBatch(records, { producerId, producerEpoch, baseSequence })
}

/** Appends unchecked, as a follower does. */
function put(log: PartitionLog, ...batch: Parameters<typeof batchOf>): void {
  appendBatch(log, asStored(log, batchOf(...batch), NOW, false), NOW)
}

const entryOf = (log: PartitionLog, producerId = 1) => log.producers.entries.get(producerId)

/** What a leader would answer. */
function verdict(log: PartitionLog, ...batch: Parameters<typeof batchOf>): string | number {
  const made = batchOf(...batch)
  const entry = entryOf(log, made.producerId)
  const known = findDuplicate(entry, made)
  if (known !== undefined) return known.lastOffset - known.offsetDelta
  return errorName(sequenceProblem(entry, made, true))
}

const sequencesKnown = (log: PartitionLog, producerId = 1) =>
  entryOf(log, producerId)?.batches.map(({ lastSequence }) => lastSequence)

describe('P3: what may be appended (ProducerAppendInfo.checkSequence)', () => {
  test('the sequence after the last one, and no other', () => {
    const log = logWith()
    put(log, 1, 0, 0, 3)
    expect(verdict(log, 1, 0, 3)).toBe('NONE')
    for (const sequence of [1, 2, 4, 100, MOST])
      expect(verdict(log, 1, 0, sequence)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  })

  test('after 2^31−1 comes 0, between batches and within one', () => {
    const log = logWith()
    put(log, 1, 0, MOST - 1, 2)
    expect(entryOf(log)?.batches.at(-1)?.lastSequence).toBe(MOST)
    expect(verdict(log, 1, 0, 0)).toBe('NONE')
    expect(verdict(log, 1, 0, 1)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    put(log, 2, 0, MOST, 3)
    expect(sequencesKnown(log, 2)).toEqual([1])
    expect(verdict(log, 2, 0, MOST, 3)).toBe(2)
    expect(verdict(log, 2, 0, 2)).toBe('NONE')
  })

  test('an earlier epoch is INVALID_PRODUCER_EPOCH, whatever its sequence', () => {
    const log = logWith()
    put(log, 1, 5, 0)
    for (const sequence of [0, 1]) expect(verdict(log, 1, 4, sequence)).toBe('INVALID_PRODUCER_EPOCH')
  })

  test('a later epoch begins with 0', () => {
    const log = logWith()
    put(log, 1, 0, 0, 3)
    expect(verdict(log, 1, 1, 3)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(verdict(log, 1, 7, 0)).toBe('NONE')
  })

  test('of a producer it does not know any sequence is taken (KIP-360); before 2.5 only 0', () => {
    const log = logWith()
    const batch = batchOf(1, 3, 17)
    expect(sequenceProblem(entryOf(log), batch, true)).toBe(ErrorCode.NONE)
    expect(sequenceProblem(entryOf(log), batch, false)).toBe(ErrorCode.UNKNOWN_PRODUCER_ID)
    expect(sequenceProblem(entryOf(log), batchOf(1, 3, 0), false)).toBe(ErrorCode.NONE)
  })

  test('producers do not know of each other', () => {
    const log = logWith()
    put(log, 1, 0, 0, 3)
    put(log, 2, 4, 0)
    expect(verdict(log, 1, 0, 3)).toBe('NONE')
    expect(verdict(log, 2, 4, 1)).toBe('NONE')
  })
})

describe('P3: what is a repetition (ProducerStateEntry.findDuplicateBatch)', () => {
  test('one of the last five batches, by its exact range; the offset is that of its first record', () => {
    const log = logWith()
    append(log, 10)
    for (let i = 0; i < 7; i++) put(log, 1, 0, i * 2, 2)
    expect(sequencesKnown(log)).toEqual([5, 7, 9, 11, 13])
    for (let i = 2; i < 7; i++) expect(verdict(log, 1, 0, i * 2, 2)).toBe(10 + i * 2)
    expect(verdict(log, 1, 0, 2, 2)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(verdict(log, 1, 0, 12, 1)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(verdict(log, 1, 0, 11, 3)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(verdict(log, 1, 0, 10, 4)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  })

  test('it is told with the time of the batch', () => {
    const log = logWith()
    put(log, 1, 0, 0, 1, 123)
    expect(findDuplicate(entryOf(log), batchOf(1, 0, 0))?.timestamp).toBe(123)
  })

  test('of this epoch only: a new one forgets the batches before it (maybeUpdateProducerEpoch)', () => {
    const log = logWith()
    put(log, 1, 0, 0)
    put(log, 1, 1, 0)
    expect(entryOf(log)).toMatchObject({ epoch: 1, batches: [{ lastSequence: 0, lastOffset: 1 }] })
    expect(verdict(log, 1, 0, 0)).toBe('INVALID_PRODUCER_EPOCH')
  })

  test('batches without a producer id are nobody’s', () => {
    const log = logWith()
    append(log, 3)
    expect(log.producers.entries.size).toBe(0)
  })
})

describe('producer.id.expiration.ms (removeExpiredProducers)', () => {
  const EXPIRY = { 'producer.id.expiration.ms': '1000' }

  test('who has not written for so long is forgotten, by the time of the records', () => {
    const log = logWith({}, EXPIRY)
    put(log, 1, 0, 0, 1, NOW)
    put(log, 2, 0, 0, 1, NOW + 500)
    expect(nextProducerExpiry(log)).toBe(NOW + 1000)
    expect(removeExpiredProducers(log, NOW + 999)).toBe(false)
    expect(removeExpiredProducers(log, NOW + 1000)).toBe(true)
    expect([...log.producers.entries.keys()]).toEqual([2])
    expect(nextProducerExpiry(log)).toBe(NOW + 1500)
    expect(removeExpiredProducers(log, NOW + 1500)).toBe(true)
    expect(nextProducerExpiry(log)).toBe(Infinity)
  })

  test('each batch puts it off', () => {
    const log = logWith({}, EXPIRY)
    put(log, 1, 0, 0, 1, NOW)
    put(log, 1, 0, 1, 1, NOW + 600)
    expect(removeExpiredProducers(log, NOW + 1500)).toBe(false)
    expect(removeExpiredProducers(log, NOW + 1600)).toBe(true)
  })

  test('a truncation does not bring back who was forgotten, with nobody left to know (isEmptyBeforeTruncation)', () => {
    const log = logWith({}, EXPIRY)
    put(log, 1, 0, 0)
    append(log, 2)
    removeExpiredProducers(log, NOW + 2000)
    truncateTo(log, 1, NOW + 2000)
    expect(log.producers.entries.size).toBe(0)
  })

  test('a snapshot is read without those who are too old by now (loadFromSnapshot)', () => {
    const log = logWith({}, EXPIRY)
    put(log, 1, 0, 0)
    put(log, 2, 0, 0, 1, NOW + 900)
    roll(log, log.logEndOffset, NOW)
    append(log, 2)
    truncateTo(log, 3, NOW + 1100)
    expect([...log.producers.entries.keys()]).toEqual([2])
  })
})

describe('P4: what a log knows after its end was cut (truncateAndReload)', () => {
  test('what is gone is not known; what was before it is, all five', () => {
    const log = logWith()
    for (let i = 0; i < 8; i++) put(log, 1, 0, i)
    put(log, 2, 0, 0)
    truncateTo(log, 6, NOW)
    expect(sequencesKnown(log)).toEqual([1, 2, 3, 4, 5])
    expect(entryOf(log, 2)).toBeUndefined()
    expect(verdict(log, 1, 0, 6)).toBe('NONE')
  })

  test('an epoch that began behind the cut has not begun', () => {
    const log = logWith()
    put(log, 1, 0, 0)
    put(log, 1, 1, 0)
    truncateTo(log, 1, NOW)
    expect(verdict(log, 1, 0, 1)).toBe('NONE')
  })

  test('it is read from the last snapshot on, which has of each producer the last batch only', () => {
    const log = logWith()
    for (let i = 0; i < 4; i++) put(log, 1, 0, i)
    put(log, 2, 0, 0)
    roll(log, log.logEndOffset, NOW)
    put(log, 1, 0, 4)
    put(log, 1, 0, 5)
    expect(sequencesKnown(log)).toEqual([1, 2, 3, 4, 5])
    truncateTo(log, 6, NOW)
    expect(sequencesKnown(log)).toEqual([3, 4])
    expect(sequencesKnown(log, 2)).toEqual([0])
  })

  test('a snapshot of what is gone is not read', () => {
    const log = logWith()
    put(log, 1, 0, 0)
    put(log, 1, 0, 1)
    put(log, 1, 0, 2)
    roll(log, log.logEndOffset, NOW)
    truncateTo(log, 1, NOW)
    expect(log.producers.snapshots.map(({ offset }) => offset)).toEqual([1])
    expect(sequencesKnown(log)).toEqual([0])
  })

  test('a replica that begins anew knows nobody (truncateFullyAndStartAt)', () => {
    const log = logWith()
    put(log, 1, 0, 0)
    roll(log, log.logEndOffset, NOW)
    startAnew(log, 50, NOW)
    expect(log.producers).toMatchObject({ snapshots: [], oldestTimestamp: Infinity })
    expect(log.producers.entries.size).toBe(0)
    crashLog(log, 50, NOW)
    expect(log.producers.entries.size).toBe(0)
  })
})

describe('P4: what a broker knows when it starts again (LogLoader, UnifiedLog.close)', () => {
  test.each([
    ['a clean stop', (log: PartitionLog) => stopLog(log, NOW)],
    ['a crash', (log: PartitionLog) => crashLog(log, log.logEndOffset, NOW)],
  ])('after %s the last batch of each producer', (_, end) => {
    const log = logWith()
    for (let i = 0; i < 4; i++) put(log, 1, 0, i)
    put(log, 2, 7, 0, 2)
    append(log, 1)
    end(log)
    expect(sequencesKnown(log)).toEqual([3])
    expect(verdict(log, 1, 0, 3)).toBe(3)
    expect(verdict(log, 1, 0, 2)).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(verdict(log, 1, 0, 4)).toBe('NONE')
    expect(entryOf(log, 2)).toMatchObject({ epoch: 7, batches: [{ lastSequence: 1, lastOffset: 5, offsetDelta: 1 }] })
  })

  test('a crash that loses the end of the log loses what was known of it', () => {
    const log = logWith()
    for (let i = 0; i < 4; i++) put(log, 1, 0, i)
    crashLog(log, 2, NOW)
    expect(log.logEndOffset).toBe(2)
    expect(verdict(log, 1, 0, 2)).toBe('NONE')
  })

  test('a clean stop saves also who has no records left; a crash finds only what is in the log', () => {
    for (const [end, known] of [
      [(log: PartitionLog) => stopLog(log, NOW), [1, 2]],
      [(log: PartitionLog) => crashLog(log, log.logEndOffset, NOW), [2]],
    ] as const) {
      const log = logWith({}, { 'log.flush.start.offset.checkpoint.interval.ms': '1' })
      put(log, 1, 0, 0)
      put(log, 2, 0, 0)
      setHighWatermark(log, 2, NOW - 10)
      advanceLogStart(log, 1, NOW - 10)
      end(log)
      expect([...log.producers.entries.keys()].sort()).toEqual(known)
    }
  })

  test('where all records were deleted nothing is left to know by', () => {
    const log = logWith()
    put(log, 1, 0, 0)
    setHighWatermark(log, 1, NOW)
    advanceLogStart(log, 1, NOW)
    stopLog(log, NOW)
    expect(log.producers.entries.size).toBe(0)
  })
})

describe('what takes records does not take producers', () => {
  test('KIP-107: deleted records', () => {
    const log = logWith()
    put(log, 1, 0, 0)
    setHighWatermark(log, 1, NOW)
    advanceLogStart(log, 1, NOW)
    expect(verdict(log, 1, 0, 0)).toBe(0)
    expect(verdict(log, 1, 0, 1)).toBe('NONE')
  })

  test('retention: segments go, and their snapshots with them', () => {
    const log = logWith({ 'retention.ms': '1000' })
    put(log, 1, 0, 0)
    roll(log, log.logEndOffset, NOW)
    put(log, 1, 0, 1)
    roll(log, log.logEndOffset, NOW)
    setHighWatermark(log, 2, NOW)
    expect(log.producers.snapshots.map(({ offset }) => offset)).toEqual([1, 2])
    deleteOldSegments(log, NOW + 2000)
    expect(log.batches).toEqual([])
    expect(log.producers.snapshots.map(({ offset }) => offset)).toEqual([2])
    expect(sequencesKnown(log)).toEqual([0, 1])
  })

  test('compaction: the last batch of a producer stays, if only its header (LogCleaner, isBatchLastRecordOfProducer)', () => {
    const log = logWith({ 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0' })
    put(log, 1, 0, 0, 2)
    put(log, 1, 0, 2, 2)
    put(log, 2, 0, 0, 2)
    append(log, 1)
    put(log, 3, 0, 0, 1)
    roll(log, log.logEndOffset, NOW)
    setHighWatermark(log, log.logEndOffset, NOW)
    const range = cleanableRange(log, NOW)
    if (range === null) throw new Error('nothing to clean')
    cleanLog(log, range, NOW, ({ records }) => records)
    const left = log.batches.map(({ producerId, baseSequence, baseOffset, recordCount }) => [
      producerId,
      baseSequence,
      baseOffset,
      recordCount,
    ])
    expect(left).toEqual([
      [1, 2, 2, 0],
      [2, 0, 4, 0],
      [3, 0, 7, 1],
    ])
    const before = new Map(log.producers.entries)
    crashLog(log, log.logEndOffset, NOW)
    for (const [id, { epoch, batches }] of before)
      expect(entryOf(log, id)).toMatchObject({ epoch, batches: batches.slice(-1) })
  })

  test('compaction that makes one segment of two drops the snapshot between them', () => {
    const log = logWith({ 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0' })
    for (let i = 0; i < 3; i++) {
      put(log, 1, 0, i)
      roll(log, log.logEndOffset, NOW)
    }
    setHighWatermark(log, log.logEndOffset, NOW)
    const range = cleanableRange(log, NOW)
    if (range === null) throw new Error('nothing to clean')
    cleanLog(log, range, NOW, ({ records }) => records)
    expect(log.segments.map(({ baseOffset }) => baseOffset)).toEqual([0, 3])
    expect(log.producers.snapshots.map(({ offset }) => offset)).toEqual([3])
  })
})
