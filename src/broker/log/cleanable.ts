/** Which part of a compacted log the cleaner may work on, and when it is worth it (LogCleanerManager.scala). */
import type { CleanerConfig } from './config.ts'
import type { PartitionLog } from './log.ts'
import { activeSegment, type LogSegment, largestTimestamp } from './segment.ts'
import { lastStableOffset } from './transactions.ts'

export interface CleanableRange {
  readonly firstDirtyOffset: number
  /** Always the base offset of a segment. */
  readonly endOffset: number
}

/** What to clean now; null when there is nothing, or too little. */
export function cleanableRange(log: PartitionLog, now: number): CleanableRange | null {
  const { cleaner } = log.config
  if (cleaner === null || !isCompactable(log)) return null
  const firstDirtyOffset = firstDirty(log)
  const limit = Math.min(lastStableOffset(log), activeSegment(log).baseOffset)
  const young = dirtySegments(log, firstDirtyOffset).find((segment) => isYoung(segment, cleaner, now))
  const endOffset = segmentAt(log, Math.max(firstDirtyOffset, Math.min(limit, young?.baseOffset ?? limit))).baseOffset
  let clean = 0
  let cleanable = 0
  const from = segmentAt(log, Math.min(firstDirtyOffset, endOffset)).baseOffset
  for (const { baseOffset, sizeInBytes } of log.segments) {
    if (baseOffset < firstDirtyOffset) clean += sizeInBytes
    if (baseOffset >= from && baseOffset < endOffset) cleanable += sizeInBytes
  }
  if (cleanable === 0 || endOffset <= firstDirtyOffset) return null
  const overdue = dirtySegments(log, firstDirtyOffset).some((segment) => isOverdue(segment, cleaner, now))
  return overdue || cleanable / (clean + cleanable) > cleaner.minDirtyRatio ? { firstDirtyOffset, endOffset } : null
}

/**
 * When a log may become worth cleaning though nothing is written to it: a segment is no longer too young, or overdue.
 * Infinity: not before its next segment, or before its last stable offset has moved.
 */
export function nextCleaning(log: PartitionLog, now: number): number {
  const { cleaner } = log.config
  if (cleaner === null || !isCompactable(log)) return Infinity
  if (cleanableRange(log, now) !== null) return now
  let next = Infinity
  for (const segment of dirtySegments(log, firstDirty(log))) {
    // Nothing behind the segment that holds the last stable offset is cleaned.
    if (segment.baseOffset >= lastStableOffset(log)) break
    const ripe = largestTimestamp(segment) + cleaner.minLagMs
    const overdue = segment.firstTimestamp > 0 ? segment.firstTimestamp + cleaner.maxLagMs + 1 : Infinity
    for (const time of [ripe, overdue]) if (time > now && time < next) next = time
  }
  return next
}

/** The active segment is never compacted. */
function isCompactable({ config, segments, uncleanable }: PartitionLog): boolean {
  return config.compact && segments.length > 1 && !uncleanable
}

/** LogCleanerManager.cleanableOffsets: a checkpoint outside the log does not count. */
function firstDirty({ cleanedOffset, logStartOffset, logEndOffset }: PartitionLog): number {
  return cleanedOffset < logStartOffset || cleanedOffset > logEndOffset ? logStartOffset : cleanedOffset
}

/** The closed segments from the one that holds an offset on (UnifiedLog.nonActiveLogSegmentsFrom). */
function dirtySegments(log: PartitionLog, offset: number): readonly LogSegment[] {
  const { baseOffset: from } = segmentAt(log, offset)
  return log.segments.slice(0, -1).filter(({ baseOffset }) => baseOffset >= from)
}

/** The last segment that begins at or before an offset. */
function segmentAt(log: PartitionLog, offset: number): LogSegment {
  let found = log.segments[0] as LogSegment
  for (const segment of log.segments) if (segment.baseOffset <= offset) found = segment
  return found
}

/** min.compaction.lag.ms. */
function isYoung(segment: LogSegment, { minLagMs }: CleanerConfig, now: number): boolean {
  return minLagMs > 0 && largestTimestamp(segment) > now - minLagMs
}

/** max.compaction.lag.ms. */
function isOverdue({ firstTimestamp }: LogSegment, { maxLagMs }: CleanerConfig, now: number): boolean {
  return firstTimestamp > 0 && firstTimestamp < now - maxLagMs
}
