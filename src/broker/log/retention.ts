/** Old segments go: for their age, for the size of the log, or because the log starts behind them (UnifiedLog.deleteOldSegments). */
import type { PartitionLog } from './log.ts'
import { largestTimestamp, roll } from './segment.ts'
import { advanceLogStart, dropSegments } from './start.ts'

/** Deletes what may go now; whether the log start moved. */
export function deleteOldSegments(log: PartitionLog, now: number): boolean {
  const before = log.logStartOffset
  deleteWhile(log, now, (index) => isObsolete(log, index))
  if (log.config.delete) {
    const { retentionBytes, retentionMs } = log.config
    let over = retentionBytes < 0 ? -1 : log.sizeInBytes - retentionBytes
    deleteWhile(log, now, (index) => {
      over -= sizeOf(log, index)
      return over >= 0
    })
    if (retentionMs >= 0) deleteWhile(log, now, (index) => now >= expiry(log, index))
  }
  return log.logStartOffset > before
}

/** When the oldest segment may go, as far as is known now; in the past when it may already, Infinity when nothing ends it. */
export function nextDeletion(log: PartitionLog): number {
  if (!isDeletable(log, 0)) return Infinity
  if (isObsolete(log, 0)) return 0
  const { retentionBytes, retentionMs, delete: deletes } = log.config
  if (!deletes) return Infinity
  if (retentionBytes >= 0 && log.sizeInBytes - retentionBytes >= sizeOf(log, 0)) return 0
  return retentionMs < 0 ? Infinity : expiry(log, 0)
}

/**
 * The oldest segments that satisfy the predicate go. If they are all there are, a new one is opened first: also the active
 * segment can go (UnifiedLog.deletableSegments, deleteSegments).
 */
function deleteWhile(log: PartitionLog, now: number, shouldGo: (index: number) => boolean): void {
  let count = 0
  while (count < log.segments.length && isDeletable(log, count) && shouldGo(count)) count++
  if (count === 0) return
  if (count === log.segments.length) roll(log, log.logEndOffset, now)
  const first = log.segments[count]
  if (first === undefined) return
  advanceLogStart(log, first.baseOffset, now)
  dropSegments(log, count)
}

/** Not at or beyond the high watermark, which the log start must not pass; an empty active segment has nothing to give. */
function isDeletable(log: PartitionLog, index: number): boolean {
  const next = log.segments[index + 1]
  if (log.highWatermark < (next?.baseOffset ?? log.logEndOffset)) return false
  return next !== undefined || sizeOf(log, index) > 0
}

function isObsolete(log: PartitionLog, index: number): boolean {
  const next = log.segments[index + 1]
  return next !== undefined && next.baseOffset <= log.logStartOffset
}

function sizeOf(log: PartitionLog, index: number): number {
  return log.segments[index]?.sizeInBytes ?? 0
}

/** The first moment at which a segment is older than retention.ms. */
function expiry(log: PartitionLog, index: number): number {
  const segment = log.segments[index]
  return segment === undefined ? Infinity : largestTimestamp(segment) + log.config.retentionMs + 1
}
