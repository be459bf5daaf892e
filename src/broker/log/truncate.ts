/** Taking back what was appended (UnifiedLog.truncateTo). */
import type { RecordBatch } from '../../protocol/batch.ts'
import { batchSizeInBytes, lastOffsetOf } from '../../protocol/records.ts'
import { setHighWatermark, setLogStart } from './checkpoint.ts'
import type { PartitionLog } from './log.ts'
import { truncateProducers } from './producer-snapshots.ts'
import { findBatch } from './read.ts'
import { activeSegment, countBatch, createSegment } from './segment.ts'
import { truncateAborted } from './transactions.ts'

/** Drops everything from `offset` on; a batch that reaches over it goes whole. The high watermark comes down with it. */
export function truncateTo(log: PartitionLog, offset: number, now: number): void {
  const { batches, epochs, logEndOffset: before } = log
  for (;;) {
    const last = batches[batches.length - 1]
    if (last === undefined || lastOffsetOf(last) < offset) break
    batches.pop()
    log.sizeInBytes -= batchSizeInBytes(last)
    log.logEndOffset = last.baseOffset
  }
  log.logEndOffset = Math.min(log.logEndOffset, offset)
  while ((epochs[epochs.length - 1]?.startOffset ?? -1) >= log.logEndOffset) epochs.pop()
  truncateSegments(log, now)
  // The recovery point lies within the log, the cleaner's checkpoint before the active segment
  // (LocalLog.updateLogEndOffset, LogManager.maybeTruncateCleanerCheckpointToActiveSegmentBaseOffset).
  log.flushedOffset = Math.min(log.flushedOffset, log.logEndOffset)
  log.cleanedOffset = Math.min(log.cleanedOffset, activeSegment(log).baseOffset)
  if (log.logStartOffset > log.logEndOffset) setLogStart(log, log.logEndOffset, now)
  setHighWatermark(log, log.highWatermark, now)
  if (log.logEndOffset < before) {
    truncateAborted(log, log.logEndOffset)
    truncateProducers(log, now)
  }
}

/** Drops the segments that begin beyond the log's end; the last that is left is open again, and counted anew. */
function truncateSegments(log: PartitionLog, now: number): void {
  const { segments, batches, logEndOffset } = log
  const end = batches.length === 0 ? -1 : lastOffsetOf(batches[batches.length - 1] as RecordBatch)
  while (segments.length > 1 && activeSegment(log).baseOffset > logEndOffset) segments.pop()
  const { baseOffset, createdAt } = activeSegment(log)
  const segment = createSegment(Math.min(baseOffset, logEndOffset), createdAt)
  if (end >= segment.baseOffset) {
    for (let i = findBatch(log, segment.baseOffset); i < batches.length; i++) {
      const batch = batches[i] as RecordBatch
      countBatch(segment, batch, batchSizeInBytes(batch), now)
    }
  }
  segments[segments.length - 1] = segment
}
