/** What a log knows of transactions (ProducerStateManager, ProducerAppendInfo, TransactionIndex; KIP-98, 890). */
import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import {
  abortedBetween,
  advanceLogStart,
  appendBatch,
  asStored,
  cleanableRange,
  cleanLog,
  coordinatedProblem,
  crashLog,
  deleteOldSegments,
  lastStableOffset,
  markerProblem,
  nextProducerExpiry,
  type PartitionLog,
  readLog,
  removeExpiredProducers,
  roll,
  setHighWatermark,
  startAnew,
  stopLog,
  transactionProblem,
  truncateTo,
} from '../../../src/broker/index.ts'
import { errorName } from '../../../src/protocol/errors.ts'
import {
  deleteHorizonMs,
  encodeBatch,
  encodeTransactionMarker,
  isControl,
  lastOffsetOf,
  readTransactionMarker,
  type TransactionEnd,
} from '../../../src/protocol/records.ts'
import { append, logWith, NOW } from './support.ts'

const sequences = new Map<string, number>()
/** One record of a transaction. */
function data(log: PartitionLog, producerId: number, epoch = 0, key = 'k', now = NOW): void {
  const name = `${producerId}/${epoch}`
  const baseSequence = sequences.get(name) ?? 0
  sequences.set(name, baseSequence + 1)
  const flags = { producerId, producerEpoch: epoch, baseSequence, transactional: true }
  appendBatch(log, asStored(log, encodeBatch([{ key, value: 'x', timestamp: now }], flags), now, false), now)
}

function end(
  log: PartitionLog,
  type: TransactionEnd,
  producerId: number,
  { epoch = 0, coordinatorEpoch = 0, now = NOW } = {},
): void {
  const marker = encodeTransactionMarker({ type, producerId, producerEpoch: epoch, coordinatorEpoch, timestamp: now })
  appendBatch(log, asStored(log, marker, now, false), now)
}

const commitUpTo = (log: PartitionLog, offset = log.logEndOffset) => setHighWatermark(log, offset, NOW)
const entryOf = (log: PartitionLog, producerId = 1) => log.producers.entries.get(producerId)
const openIn = (log: PartitionLog) => [...log.transactions.open]
const abortedIn = (log: PartitionLog) =>
  log.transactions.aborted.map(({ producerId, firstOffset, lastOffset }) => [producerId, firstOffset, lastOffset])

describe('what opens and ends a transaction (ProducerAppendInfo)', () => {
  test('the first transactional batch opens it at its first offset, further ones go on with it', () => {
    const log = logWith()
    append(log, 3)
    data(log, 1)
    data(log, 1)
    expect(entryOf(log)?.currentTxnFirstOffset).toBe(3)
    expect(openIn(log)).toEqual([[3, 1]])
  })

  test('batches that are not transactional open none', () => {
    const log = logWith()
    const batch = encodeBatch([{ key: 'k', value: 'x', timestamp: NOW }], {
      producerId: 1,
      producerEpoch: 0,
      baseSequence: 0,
    })
    appendBatch(log, asStored(log, batch, NOW, false), NOW)
    expect(entryOf(log)?.currentTxnFirstOffset).toBe(-1)
    expect(openIn(log)).toEqual([])
  })

  test.each(['COMMIT', 'ABORT'] as const)('a %s ends that of its producer, and no other', (type) => {
    const log = logWith()
    data(log, 1)
    data(log, 2)
    end(log, type, 1)
    expect(openIn(log)).toEqual([[1, 2]])
    expect(entryOf(log)).toMatchObject({ currentTxnFirstOffset: -1, coordinatorEpoch: 0 })
    data(log, 1)
    expect(openIn(log)).toEqual([
      [1, 2],
      [3, 1],
    ])
  })

  test('a marker takes an offset and no sequence: the epoch goes on where it was', () => {
    const log = logWith()
    data(log, 1)
    const before = entryOf(log)?.batches
    end(log, 'COMMIT', 1)
    expect(log.logEndOffset).toBe(2)
    expect(entryOf(log)?.batches).toEqual(before)
  })

  test('a marker of a later epoch begins that epoch, and its sequences with 0 (KIP-890)', () => {
    const log = logWith()
    data(log, 1, 4)
    end(log, 'COMMIT', 1, { epoch: 5 })
    expect(entryOf(log)).toMatchObject({ epoch: 5, batches: [], currentTxnFirstOffset: -1 })
  })

  test('a marker where no transaction is open changes no transaction, but the producer is known from it', () => {
    const log = logWith()
    data(log, 2)
    end(log, 'ABORT', 1, { epoch: 3, coordinatorEpoch: 7 })
    expect(openIn(log)).toEqual([[0, 2]])
    expect(abortedIn(log)).toEqual([])
    expect(log.transactions.unreplicated).toEqual([])
    expect(entryOf(log)).toMatchObject({ epoch: 3, coordinatorEpoch: 7, batches: [] })
  })

  test('markers survive encoding: type, epochs and producer are read back', () => {
    const log = logWith()
    end(log, 'ABORT', 9, { epoch: 3, coordinatorEpoch: 7 })
    const [batch] = log.batches
    expect(batch && readTransactionMarker(batch)).toEqual({
      type: 'ABORT',
      producerId: 9,
      producerEpoch: 3,
      coordinatorEpoch: 7,
      timestamp: NOW,
    })
  })
})

describe('what is refused', () => {
  const logWithOpen = (): PartitionLog => {
    const log = logWith()
    data(log, 1, 3)
    return log
  }
  const plain = (producerEpoch = 3, transactional = false) =>
    encodeBatch([{ key: 'k', value: 'x', timestamp: NOW }], { producerId: 1, producerEpoch, transactional })
  const markerVerdict = (log: PartitionLog, producerEpoch: number, coordinatorEpoch: number) =>
    errorName(markerProblem(entryOf(log), { producerEpoch, coordinatorEpoch }))

  test('T7: while a transaction is open, what is not part of it', () => {
    const log = logWithOpen()
    expect(errorName(transactionProblem(entryOf(log), plain()))).toBe('INVALID_TXN_STATE')
    expect(errorName(transactionProblem(entryOf(log), plain(3, true)))).toBe('NONE')
    end(log, 'COMMIT', 1, { epoch: 3 })
    expect(errorName(transactionProblem(entryOf(log), plain()))).toBe('NONE')
    expect(errorName(transactionProblem(undefined, plain(3, true)))).toBe('NONE')
  })

  test('what a coordinator writes for a producer of an earlier epoch; sequences do not count', () => {
    const log = logWithOpen()
    expect(errorName(coordinatedProblem(entryOf(log), plain(2, true)))).toBe('INVALID_PRODUCER_EPOCH')
    expect(errorName(coordinatedProblem(entryOf(log), plain(3, true)))).toBe('NONE')
    expect(errorName(coordinatedProblem(entryOf(log), plain(3)))).toBe('INVALID_TXN_STATE')
    expect(errorName(coordinatedProblem(undefined, plain(0, true)))).toBe('NONE')
  })

  test('T2: a marker of an earlier epoch than the records, but none of the same or a later one', () => {
    const log = logWithOpen()
    expect([2, 3, 4].map((epoch) => markerVerdict(log, epoch, 0))).toEqual(['INVALID_PRODUCER_EPOCH', 'NONE', 'NONE'])
  })

  test('T2: a marker of an earlier coordinator than the last one’s, but none of the same or a later one', () => {
    const log = logWithOpen()
    end(log, 'COMMIT', 1, { epoch: 3, coordinatorEpoch: 5 })
    expect([4, 5, 6].map((epoch) => markerVerdict(log, 3, epoch))).toEqual([
      'TRANSACTION_COORDINATOR_FENCED',
      'NONE',
      'NONE',
    ])
    expect(errorName(markerProblem(undefined, { producerEpoch: 0, coordinatorEpoch: 0 }))).toBe('NONE')
  })
})

describe('the last stable offset (ProducerStateManager.firstUnstableOffset)', () => {
  test('is the high watermark where no transaction is open', () => {
    const log = logWith()
    append(log, 5)
    commitUpTo(log, 3)
    expect(lastStableOffset(log)).toBe(3)
  })

  test('stands before the first open transaction, whoever else has ended', () => {
    const log = logWith()
    append(log, 1)
    data(log, 1)
    data(log, 2)
    end(log, 'COMMIT', 2)
    append(log, 4)
    commitUpTo(log)
    expect(lastStableOffset(log)).toBe(1)
    end(log, 'ABORT', 1)
    commitUpTo(log)
    expect(lastStableOffset(log)).toBe(9)
  })

  test('is the high watermark while that is before the transaction', () => {
    const log = logWith()
    append(log, 2)
    data(log, 1)
    commitUpTo(log, 1)
    expect(lastStableOffset(log)).toBe(1)
  })

  test('stays before a transaction whose marker is not below the high watermark: it may be lost', () => {
    const log = logWith()
    data(log, 1)
    end(log, 'COMMIT', 1)
    commitUpTo(log, 1)
    expect(lastStableOffset(log)).toBe(0)
    commitUpTo(log, 2)
    expect(lastStableOffset(log)).toBe(2)
  })

  test('is never before the log start', () => {
    const log = logWith()
    data(log, 1)
    append(log, 4)
    commitUpTo(log)
    advanceLogStart(log, 3, NOW)
    expect(lastStableOffset(log)).toBe(3)
  })
})

describe('aborted transactions (TransactionIndex)', () => {
  test('the index holds what was aborted, by the offsets of the markers; what was committed it does not', () => {
    const log = logWith()
    data(log, 1)
    data(log, 2)
    data(log, 3)
    end(log, 'ABORT', 2)
    end(log, 'COMMIT', 3)
    end(log, 'ABORT', 1)
    expect(abortedIn(log)).toEqual([
      [2, 1, 3],
      [1, 0, 5],
    ])
    expect(log.transactions.aborted.map(({ lastStableOffset }) => lastStableOffset)).toEqual([0, 6])
  })

  test('those that overlap a range are found: marker at or after its beginning, first record before its end', () => {
    const log = logWith()
    data(log, 1)
    data(log, 1)
    end(log, 'ABORT', 1)
    append(log, 2)
    data(log, 2)
    end(log, 'ABORT', 2)
    const found = (from: number, upTo: number) => abortedBetween(log, from, upTo).map(({ producerId }) => producerId)
    expect(found(0, 1)).toEqual([1])
    expect(found(1, 2)).toEqual([1])
    expect(found(2, 3)).toEqual([1])
    expect(found(3, 5)).toEqual([])
    expect(found(3, 6)).toEqual([2])
    expect(found(0, 7)).toEqual([1, 2])
    expect(found(7, 9)).toEqual([])
  })

  test('one that began early and ended late is found behind those that ended before it', () => {
    const log = logWith()
    data(log, 1)
    data(log, 2)
    end(log, 'ABORT', 2)
    append(log, 3)
    end(log, 'ABORT', 1)
    expect(abortedBetween(log, 0, 2).map(({ producerId }) => producerId)).toEqual([2, 1])
    expect(abortedBetween(log, 3, 5).map(({ producerId }) => producerId)).toEqual([1])
  })

  property.prop([
    fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom('data', 'COMMIT', 'ABORT')), { maxLength: 60 }),
  ])(
    'whatever is written: the index, the open transactions and the last stable offset are what the log says',
    (steps) => {
      const log = logWith()
      const open = new Map<number, number>()
      const aborted: [number, number, number][] = []
      for (const [producerId, step] of steps) {
        if (step === 'data') {
          if (!open.has(producerId)) open.set(producerId, log.logEndOffset)
          data(log, producerId)
          continue
        }
        const first = open.get(producerId)
        if (first !== undefined && step === 'ABORT') aborted.push([producerId, first, log.logEndOffset])
        open.delete(producerId)
        end(log, step as TransactionEnd, producerId)
      }
      commitUpTo(log)
      expect(abortedIn(log)).toEqual(aborted)
      expect(new Map(openIn(log).map(([first, id]) => [id, first]))).toEqual(open)
      expect(lastStableOffset(log)).toBe(Math.min(...open.values(), log.highWatermark))
      for (let from = 0; from < log.logEndOffset; from++) {
        for (const upTo of [from + 1, from + 5]) {
          const overlapping = aborted.filter(([, first, last]) => last >= from && first < upTo)
          expect(abortedBetween(log, from, upTo).map(({ lastOffset }) => lastOffset)).toEqual(
            overlapping.map(([, , last]) => last),
          )
        }
      }
    },
  )
})

describe('what is known survives', () => {
  /** Producer 1 open from 0, producer 2 aborted 1–2, producer 3 open from 4. */
  function busy(): PartitionLog {
    const log = logWith()
    data(log, 1)
    data(log, 2)
    end(log, 'ABORT', 2, { coordinatorEpoch: 6 })
    append(log, 1)
    data(log, 3)
    return log
  }
  const OPEN = [
    [0, 1],
    [4, 3],
  ]

  test('a truncation: what was opened behind it is not open, what was ended behind it is open again', () => {
    const log = busy()
    truncateTo(log, 4, NOW)
    expect(openIn(log)).toEqual([[0, 1]])
    expect(abortedIn(log)).toEqual([[2, 1, 2]])
    truncateTo(log, 2, NOW)
    expect(openIn(log)).toEqual([
      [0, 1],
      [1, 2],
    ])
    expect(abortedIn(log)).toEqual([])
    end(log, 'COMMIT', 2)
    expect(abortedIn(log)).toEqual([])
  })

  test('a truncation behind the marker keeps it; one to the marker does not', () => {
    for (const [offset, left] of [
      [3, 1],
      [2, 0],
    ] as const) {
      const log = busy()
      truncateTo(log, offset, NOW)
      expect(abortedIn(log)).toHaveLength(left)
    }
  })

  test('a clean stop, from the snapshot at its end', () => {
    const log = busy()
    commitUpTo(log)
    stopLog(log, NOW)
    expect(openIn(log)).toEqual(OPEN)
    expect(entryOf(log, 2)).toMatchObject({ coordinatorEpoch: 6, currentTxnFirstOffset: -1 })
    expect(abortedIn(log)).toEqual([[2, 1, 2]])
    expect(lastStableOffset(log)).toBe(0)
  })

  test('a crash, from the log', () => {
    const log = busy()
    commitUpTo(log)
    crashLog(log, log.logEndOffset, NOW)
    expect(openIn(log)).toEqual(OPEN)
    expect(abortedIn(log)).toEqual([[2, 1, 2]])
  })

  test.each([
    [3, [[1, 2]]],
    [
      2,
      [
        [0, 1],
        [1, 2],
      ],
    ],
    [1, [[0, 1]]],
  ])('a crash that loses the end from %i on, from a snapshot within the log', (kept, open) => {
    const log = logWith()
    data(log, 1)
    roll(log, log.logEndOffset, NOW)
    data(log, 2)
    end(log, 'COMMIT', 1)
    crashLog(log, kept, NOW)
    expect(openIn(log)).toEqual(open)
  })

  test('retention, as far as its segments are there: open ones stay open, the index goes with its segments', () => {
    const log = logWith({ 'retention.ms': '1000' })
    data(log, 1)
    data(log, 2)
    end(log, 'ABORT', 2)
    roll(log, log.logEndOffset, NOW)
    data(log, 3)
    end(log, 'ABORT', 3)
    commitUpTo(log)
    log.segments[1] = { ...(log.segments[1] as (typeof log.segments)[number]), maxTimestamp: NOW + 10_000 }
    deleteOldSegments(log, NOW + 2000)
    expect(log.logStartOffset).toBe(3)
    expect(openIn(log)).toEqual([[0, 1]])
    expect(abortedIn(log)).toEqual([[3, 3, 4]])
    expect(lastStableOffset(log)).toBe(3)
  })

  test('not a log that begins anew', () => {
    const log = busy()
    startAnew(log, 100, NOW)
    expect([openIn(log), abortedIn(log), log.producers.entries.size]).toEqual([[], [], 0])
    expect(lastStableOffset(log)).toBe(100)
  })

  test('a producer with a transaction open does not expire; with its marker its time begins (isProducerExpired)', () => {
    const log = logWith({}, { 'producer.id.expiration.ms': '1000' })
    data(log, 1)
    expect(removeExpiredProducers(log, NOW + 5000)).toBe(false)
    expect(nextProducerExpiry(log)).toBe(Infinity)
    end(log, 'COMMIT', 1, { now: NOW + 5000 })
    expect(nextProducerExpiry(log)).toBe(NOW + 6000)
    expect(removeExpiredProducers(log, NOW + 5999)).toBe(false)
    expect(removeExpiredProducers(log, NOW + 6000)).toBe(true)
    expect(log.producers.entries.size).toBe(0)
  })
})

describe('compaction (LogCleaner, CleanedTransactionMetadata)', () => {
  const COMPACT = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0', 'delete.retention.ms': '1000' }
  const clean = (log: PartitionLog, now = NOW): number => {
    const range = cleanableRange(log, now)
    return range === null ? -1 : cleanLog(log, range, now, ({ records }) => records).removedRecords
  }
  const offsets = (log: PartitionLog) => log.batches.filter(({ recordCount }) => recordCount > 0).map(lastOffsetOf)
  /** A closed segment behind everything, so that the next round finds something dirty. */
  const go = (log: PartitionLog) => {
    data(log, 99)
    end(log, 'COMMIT', 99)
    roll(log, log.logEndOffset, NOW)
    commitUpTo(log)
  }

  test('leaves alone what is not before the last stable offset', () => {
    const log = logWith(COMPACT)
    data(log, 1, 0, 'a')
    roll(log, log.logEndOffset, NOW)
    append(log, 1)
    roll(log, log.logEndOffset, NOW)
    commitUpTo(log)
    expect(cleanableRange(log, NOW)).toBeNull()
    end(log, 'COMMIT', 1)
    commitUpTo(log)
    expect(cleanableRange(log, NOW)?.endOffset).toBe(2)
  })

  test('takes aborted records at once, and they supersede nothing', () => {
    const log = logWith(COMPACT)
    data(log, 1, 0, 'a')
    end(log, 'COMMIT', 1)
    data(log, 2, 0, 'a')
    end(log, 'ABORT', 2)
    data(log, 2, 0, 'b')
    end(log, 'COMMIT', 2)
    roll(log, log.logEndOffset, NOW)
    commitUpTo(log)
    clean(log)
    expect(offsets(log)).toEqual([0, 1, 3, 4, 5])
  })

  test('keeps a marker while a record of its transaction is left', () => {
    const log = logWith(COMPACT)
    data(log, 1, 0, 'a')
    end(log, 'COMMIT', 1)
    roll(log, log.logEndOffset, NOW)
    commitUpTo(log)
    clean(log)
    go(log)
    clean(log, NOW + 5000)
    go(log)
    clean(log, NOW + 50_000)
    expect(offsets(log)).toContain(1)
  })

  test('a marker without records goes like a tombstone: after delete.retention.ms', () => {
    const log = logWith(COMPACT)
    data(log, 1, 0, 'a')
    end(log, 'ABORT', 1)
    data(log, 1, 0, 'b')
    end(log, 'COMMIT', 1)
    roll(log, log.logEndOffset, NOW)
    commitUpTo(log)
    clean(log)
    const marker = () => log.batches.find((batch) => batch.baseOffset === 1 && isControl(batch))
    expect(marker() && deleteHorizonMs(marker() as never)).toBeNull()
    expect(abortedIn(log)).toEqual([[1, 0, 1]])
    go(log)
    clean(log, NOW + 10)
    expect(marker() && deleteHorizonMs(marker() as never)).toBe(NOW + 1010)
    // Readers need not be told of it any more: there is nothing to leave out.
    expect(abortedIn(log)).toEqual([])
    go(log)
    clean(log, NOW + 1009)
    expect(marker()).toBeDefined()
    go(log)
    clean(log, NOW + 1010)
    expect(marker()).toBeUndefined()
    expect(offsets(log)).toEqual(expect.arrayContaining([2, 3]))
  })

  test('keeps the marker by which an epoch is known that has no records', () => {
    const log = logWith(COMPACT)
    data(log, 1, 0, 'a')
    end(log, 'ABORT', 1, { epoch: 1 })
    roll(log, log.logEndOffset, NOW)
    commitUpTo(log)
    for (const later of [0, 10, 2000, 4000]) {
      clean(log, NOW + later)
      go(log)
    }
    expect(log.batches.some((batch) => batch.producerId === 1 && batch.producerEpoch === 1)).toBe(true)
    crashLog(log, log.logEndOffset, NOW)
    expect(entryOf(log)?.epoch).toBe(1)
  })

  test('a read_committed reader reads the same before and after', () => {
    const log = logWith(COMPACT)
    for (let i = 0; i < 12; i++) {
      data(log, (i % 3) + 1, 0, `key${i % 5}`)
      if (i % 4 === 3) for (const id of [1, 2, 3]) end(log, (i + id) % 2 === 0 ? 'ABORT' : 'COMMIT', id)
    }
    for (const id of [1, 2, 3]) end(log, 'COMMIT', id)
    roll(log, log.logEndOffset, NOW)
    commitUpTo(log)
    const before = latestVisible(log)
    clean(log)
    expect(latestVisible(log)).toEqual(before)
  })
})

/** The offsets a read_committed reader ends up with, by key. */
function latestVisible(log: PartitionLog): Map<string, number> {
  const latest = new Map<string, number>()
  const { batches } = readLog(log, 0, lastStableOffset(log), 1e9, true)
  for (const batch of batches) {
    if (isControl(batch) || batch.recordCount === 0) continue
    const hidden = abortedBetween(log, batch.baseOffset, batch.baseOffset + 1).some(
      ({ producerId }) => producerId === batch.producerId,
    )
    if (!hidden) latest.set(String.fromCharCode(...batch.records.slice(5, 9)), batch.baseOffset)
  }
  return latest
}
