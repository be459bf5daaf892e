/**
 * How a log comes through the end of its broker (LogManager.shutdown, LogLoader.java): a clean stop saves everything, a crash
 * leaves what was flushed, as much more as the disk happened to have, and the offsets that were last saved.
 */
import { lastOffsetOf } from '../../protocol/records.ts'
import { savedHighWatermark, savedLogStart, setHighWatermark, setLogStart } from './checkpoint.ts'
import { flushUpTo, settleFlush } from './flush.ts'
import type { PartitionLog } from './log.ts'
import { reloadProducers, takeProducerSnapshot } from './producer-snapshots.ts'
import { findBatch } from './read.ts'
import { startAnew } from './start.ts'
import { truncateTo } from './truncate.ts'

/** A clean stop: everything is flushed, high watermark, log start and producers are saved as they are. */
export function stopLog(log: PartitionLog, now: number): void {
  takeProducerSnapshot(log, log.logEndOffset)
  reloadProducers(log, now)
  flushUpTo(log, log.logEndOffset, now)
  resetCheckpoints(log, now)
}

/**
 * The log ends a crash may leave behind, ascending: batch boundaries from the recovery point to the log end, both included.
 * The last one loses nothing (a process that is killed: the page cache survives), the first one everything unflushed.
 */
export function crashPoints(log: PartitionLog, now: number): number[] {
  settleFlush(log, now)
  const floor = Math.max(log.flushedOffset, log.logStartOffset)
  const points: number[] = []
  const add = (offset: number) => {
    if (offset >= floor && offset > (points[points.length - 1] ?? -1)) points.push(offset)
  }
  const from = findBatch(log, floor)
  const first = log.batches[from]
  if (first === undefined || first.baseOffset >= floor) add(floor)
  for (let i = from; i < log.batches.length; i++) {
    const batch = log.batches[i]
    if (batch !== undefined) add(lastOffsetOf(batch) + 1)
  }
  add(log.logEndOffset)
  return points
}

/**
 * A crash: records from `keepTo` on are lost, rounded down to a batch boundary and never below the recovery point. High
 * watermark and log start go back to what was last saved; what is left is on disk.
 */
export function crashLog(log: PartitionLog, keepTo: number, now: number): void {
  const points = crashPoints(log, now)
  const end = points.reduce((best, point) => (point <= keepTo ? point : best), points[0] ?? log.logEndOffset)
  const highWatermark = savedHighWatermark(log, now)
  const logStart = Math.max(savedLogStart(log, now), log.segments[0]?.baseOffset ?? 0)
  if (end < log.logEndOffset) truncateTo(log, end, now)
  // A log that ends before it starts begins anew there (LogLoader.recoverLog).
  if (logStart > log.logEndOffset) startAnew(log, logStart, now)
  setLogStart(log, logStart, now)
  setHighWatermark(log, highWatermark, now)
  log.flushedOffset = log.logEndOffset
  resetCheckpoints(log, now)
  reloadProducers(log, now)
}

function resetCheckpoints(log: PartitionLog, now: number): void {
  Object.assign(log.highWatermarkCheckpoint, { saved: log.highWatermark, changedAt: now })
  Object.assign(log.logStartCheckpoint, { saved: log.logStartOffset, changedAt: now })
}
