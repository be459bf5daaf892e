/** Where a log starts: it moves up, and what lies before it goes a whole segment at a time (UnifiedLog.scala). */
import { setHighWatermark, setLogStart } from './checkpoint.ts'
import type { PartitionLog } from './log.ts'
import { dropSnapshotsBefore } from './producer-snapshots.ts'
import { forgetProducers } from './producers.ts'
import { findBatch } from './read.ts'
import { createSegment } from './segment.ts'
import { dropAbortedBefore } from './transactions.ts'

/**
 * Moves the log's start up (UnifiedLog.maybeIncrementLogStartOffset); false when it is there already. The records before it
 * stay where they are until retention finds their segment obsolete.
 */
export function advanceLogStart(log: PartitionLog, offset: number, now: number): boolean {
  if (offset <= log.logStartOffset || offset > log.highWatermark) return false
  setLogStart(log, offset, now)
  // Nobody needs what lies before it, so nothing of it is unflushed (UnifiedLog.updateLogStartOffset).
  log.flushedOffset = Math.max(log.flushedOffset, offset)
  return true
}

/** Drops the oldest segments: as many as are asked for, but never the active one (LocalLog.removeAndDeleteSegments). */
export function dropSegments(log: PartitionLog, count: number): void {
  const first = log.segments[count]
  if (count === 0 || first === undefined) return
  for (const { sizeInBytes } of log.segments.splice(0, count)) log.sizeInBytes -= sizeInBytes
  log.batches.splice(0, findBatch(log, first.baseOffset))
  dropSnapshotsBefore(log, first.baseOffset)
  dropAbortedBefore(log, first.baseOffset)
}

/** Drops everything: the log goes on at an offset (UnifiedLog.truncateFullyAndStartAt). */
export function startAnew(log: PartitionLog, offset: number, now: number): void {
  log.batches.length = 0
  log.epochs.length = 0
  forgetProducers(log)
  log.transactions.aborted = []
  log.producers.snapshots = []
  log.segments.length = 0
  log.segments.push(createSegment(offset, now))
  log.sizeInBytes = 0
  log.logEndOffset = offset
  log.flushedOffset = offset
  log.cleanedOffset = offset
  setLogStart(log, offset, now)
  setHighWatermark(log, offset, now)
}
