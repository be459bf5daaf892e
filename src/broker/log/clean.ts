/**
 * Compaction (LogCleaner.scala): of every key the last record stays, with its offset; tombstones stay for
 * delete.retention.ms from the first cleaning that finds nothing older under their key (KIP-534).
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import {
  batchSizeInBytes,
  deleteHorizonMs,
  emptiedBatch,
  isControl,
  lastOffsetOf,
  RecordCursor,
  retainRecords,
} from '../../protocol/records.ts'
import { type CleanedTransactions, cleanedTransactions } from './clean-transactions.ts'
import type { CleanableRange } from './cleanable.ts'
import type { PartitionLog } from './log.ts'
import { isLastOfProducer } from './producers.ts'
import { findBatch } from './read.ts'
import { countBatch, createSegment, type LogSegment } from './segment.ts'
import { abortedBetween, dropAbortedBefore } from './transactions.ts'

/** The records section of a batch, decompressed; null when that is not possible here. */
export type SectionOf = (batch: RecordBatch) => Uint8Array | null

export interface Cleaned {
  /** The log is clean up to here. */
  readonly upTo: number
  readonly removedRecords: number
  /** The records sections of batches that were written anew, before and after. */
  readonly rewritten: readonly (readonly [before: Uint8Array, after: Uint8Array])[]
}

/**
 * One round over everything before `range.endOffset`. Batches are replaced, never changed: others may hold them.
 *
 * @throws DecodeError for records that are none; the log is as it was
 */
export function cleanLog(log: PartitionLog, range: CleanableRange, now: number, sectionOf: SectionOf): Cleaned {
  const { endOffset } = range
  const count = findBatch(log, endOffset)
  const latest = latestOffsets(log, range, count, sectionOf)
  const horizon = now + (log.config.cleaner?.deleteRetentionMs ?? 0)
  const transactions = cleanedTransactions(abortedBetween(log, 0, endOffset))
  const kept: RecordBatch[] = []
  const rewritten: [Uint8Array, Uint8Array][] = []
  let removedRecords = 0
  for (const batch of log.batches.slice(0, count)) {
    const cleaned = cleanBatch(batch, { latest, transactions, now, horizon, sectionOf })
    removedRecords += batch.recordCount - (cleaned?.recordCount ?? 0)
    if (cleaned !== null) {
      kept.push(cleaned)
      if (cleaned !== batch) rewritten.push([batch.records, cleaned.records])
    } else if (lastOffsetOf(batch) + 1 === endOffset || isLastOfProducer(log, batch)) {
      // The last batch of the round stays, even empty: the next log end must not be forgotten (RecordFilter.RETAIN_EMPTY). So
      // does the last one of a producer: who reads the log has to find its sequence.
      kept.push(emptiedBatch(batch))
    }
  }
  replaceBefore(log, count, endOffset, kept)
  dropAbortedBefore(log, endOffset)
  log.transactions.aborted.unshift(...transactions.retained)
  log.cleanedOffset = endOffset
  return { upTo: endOffset, removedRecords, rewritten }
}

/** Cleaner.buildOffsetMap: the last offset of every key in the dirty part. */
function latestOffsets(
  log: PartitionLog,
  { firstDirtyOffset, endOffset }: CleanableRange,
  end: number,
  sectionOf: SectionOf,
): ReadonlyMap<string, number> {
  const latest = new Map<string, number>()
  const transactions = cleanedTransactions(abortedBetween(log, firstDirtyOffset, endOffset))
  for (let i = findBatch(log, firstDirtyOffset); i < end; i++) {
    const batch = log.batches[i] as RecordBatch
    if (isControl(batch)) {
      transactions.isOfNothing(batch)
      continue
    }
    // What was aborted supersedes nothing.
    const cursor = transactions.isAborted(batch) ? null : cursorOf(batch, sectionOf)
    while (cursor?.next()) {
      if (cursor.keyStart >= 0 && cursor.offset >= firstDirtyOffset) latest.set(keyOf(cursor), cursor.offset)
    }
  }
  return latest
}

interface Round {
  readonly latest: ReadonlyMap<string, number>
  readonly transactions: CleanedTransactions
  readonly now: number
  /** For what is found to be on its way out in this round. */
  readonly horizon: number
  readonly sectionOf: SectionOf
}

/** The batch without what is superseded or was aborted; itself when nothing is, null when nothing is left. */
function cleanBatch(batch: RecordBatch, round: Round): RecordBatch | null {
  const { latest, now } = round
  if (isControl(batch)) return cleanMarker(batch, round)
  if (round.transactions.isAborted(batch)) return null
  const section = round.sectionOf(batch)
  if (section === null) return batch
  const horizon = deleteHorizonMs(batch)
  return retainRecords(batch, section, { newHorizonMs: round.horizon }, (record) => {
    // A record without a key cannot be compacted: it goes (Cleaner.shouldRetainRecord).
    if (record.keyStart < 0 || record.offset < (latest.get(keyOf(record)) ?? -1)) return false
    return record.valueStart >= 0 || horizon === null || now < horizon
  })
}

/** A marker whose transaction is gone goes like a tombstone: after delete.retention.ms, for readers that are in the middle of it. */
function cleanMarker(batch: RecordBatch, { transactions, now, horizon }: Round): RecordBatch | null {
  const ofNothing = transactions.isOfNothing(batch)
  const known = deleteHorizonMs(batch)
  if (ofNothing && known !== null && known <= now) return null
  return retainRecords(batch, batch.records, { newHorizonMs: horizon, always: ofNothing }, () => true)
}

/**
 * Swaps the cleaned batches in. Neighbouring segments become one as long as they fitted into segment.bytes before
 * (Cleaner.groupSegmentsBySize), so that a log of much-overwritten keys does not keep many tiny ones.
 */
function replaceBefore(log: PartitionLog, count: number, endOffset: number, kept: readonly RecordBatch[]): void {
  const tail = log.batches.slice(count)
  log.batches.length = 0
  for (const batch of kept) log.batches.push(batch)
  for (const batch of tail) log.batches.push(batch)
  const closed = log.segments.filter(({ baseOffset }) => baseOffset < endOffset)
  const segments = grouped(closed, log.config.segmentBytes)
  let at = 0
  for (const [i, segment] of segments.entries()) {
    const end = segments[i + 1]?.baseOffset ?? endOffset
    for (let batch = kept[at]; batch !== undefined && batch.baseOffset < end; batch = kept[++at]) {
      countBatch(segment, batch, batchSizeInBytes(batch), segment.modifiedAt)
    }
  }
  log.segments.splice(0, closed.length, ...segments)
  dropSnapshotsOf(log, closed, segments)
  log.sizeInBytes = log.segments.reduce((sum, { sizeInBytes }) => sum + sizeInBytes, 0)
}

/** The snapshot at the beginning of a segment goes with it (UnifiedLog.replaceSegments). */
function dropSnapshotsOf(log: PartitionLog, before: readonly LogSegment[], after: readonly LogSegment[]): void {
  const kept = new Set(after.map(({ baseOffset }) => baseOffset))
  const gone = new Set(before.map(({ baseOffset }) => baseOffset).filter((offset) => !kept.has(offset)))
  if (gone.size > 0) log.producers.snapshots = log.producers.snapshots.filter(({ offset }) => !gone.has(offset))
}

/** Empty segments in place of these, still to be filled. */
function grouped(segments: readonly LogSegment[], mostBytes: number): LogSegment[] {
  const out: LogSegment[] = []
  let size = 0
  for (const { baseOffset, sizeInBytes, createdAt, modifiedAt } of segments) {
    const open = out[out.length - 1]
    if (open !== undefined && size + sizeInBytes <= mostBytes) {
      open.modifiedAt = modifiedAt
      size += sizeInBytes
      continue
    }
    out.push({ ...createSegment(baseOffset, createdAt), modifiedAt })
    size = sizeInBytes
  }
  return out
}

function cursorOf(batch: RecordBatch, sectionOf: SectionOf): RecordCursor | null {
  const section = sectionOf(batch)
  return section === null ? null : new RecordCursor(batch, section)
}

/** Bytes as text, one character a byte: something a Map can compare. */
function keyOf({ bytes, keyStart, keyEnd }: RecordCursor): string {
  let text = ''
  for (let i = keyStart; i < keyEnd; i++) text += String.fromCharCode(bytes[i] as number)
  return text
}
