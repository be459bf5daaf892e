/**
 * Segments: which part of a log is closed, and which is still written to (LogSegment.java, LocalLog.roll). A segment is
 * bookkeeping over the log's batches, from its base offset to the next segment's; it holds no records itself.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import { flushUpTo } from './flush.ts'
import type { PartitionLog } from './log.ts'
import { takeProducerSnapshot } from './producer-snapshots.ts'

export interface LogSegment {
  readonly baseOffset: number
  sizeInBytes: number
  /** The largest timestamp of its records; -1 = none. */
  maxTimestamp: number
  /** The largest timestamp of the first batch written to it, from which segment.ms counts; -1 = none. */
  firstTimestamp: number
  /** When it was opened, and last written to, by the broker's clock: what counts for records without a timestamp. */
  readonly createdAt: number
  modifiedAt: number
}

export function createSegment(baseOffset: number, now: number): LogSegment {
  return { baseOffset, sizeInBytes: 0, maxTimestamp: -1, firstTimestamp: -1, createdAt: now, modifiedAt: now }
}

/** The one that is written to. There always is one. */
export function activeSegment(log: PartitionLog): LogSegment {
  return log.segments[log.segments.length - 1] as LogSegment
}

/** LogSegment.largestTimestamp: what retention and compaction go by. */
export function largestTimestamp(segment: LogSegment): number {
  return segment.maxTimestamp >= 0 ? segment.maxTimestamp : segment.modifiedAt
}

/** LogSegment.shouldRoll: it would become too large, or its first and this batch are too far apart in time. */
export function shouldRoll(log: PartitionLog, batch: RecordBatch, size: number, now: number): boolean {
  const segment = activeSegment(log)
  const { segmentBytes, segmentMs } = log.config
  if (segment.sizeInBytes > segmentBytes - size) return true
  const since = segment.firstTimestamp
  // Timestamps of records count, where there are some: records from the past do not make old segments.
  return segment.sizeInBytes > 0 && (since >= 0 ? batch.maxTimestamp - since : now - segment.createdAt) > segmentMs
}

/** Opens the next segment; what lies before it is flushed (UnifiedLog.roll). */
export function roll(log: PartitionLog, baseOffset: number, now: number): LogSegment {
  const active = activeSegment(log)
  // An empty segment that begins here is as good as a new one (LocalLog.roll).
  if (active.baseOffset === baseOffset) return active
  const segment = createSegment(baseOffset, now)
  log.segments.push(segment)
  takeProducerSnapshot(log, baseOffset)
  flushUpTo(log, Math.min(baseOffset, log.logEndOffset), now)
  return segment
}

/** Counts a batch that was written to a segment. */
export function countBatch(segment: LogSegment, batch: RecordBatch, size: number, now: number): void {
  if (segment.sizeInBytes === 0) segment.firstTimestamp = batch.maxTimestamp
  if (batch.maxTimestamp > segment.maxTimestamp) segment.maxTimestamp = batch.maxTimestamp
  segment.sizeInBytes += size
  segment.modifiedAt = now
}
