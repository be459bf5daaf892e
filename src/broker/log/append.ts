/** How a log grows, on leaders and followers alike (UnifiedLog.append). */
import type { RecordBatch } from '../../protocol/batch.ts'
import { batchSizeInBytes } from '../../protocol/records.ts'
import { flushUpTo, settleFlush } from './flush.ts'
import type { PartitionLog } from './log.ts'
import { producerAppended } from './producers.ts'
import { activeSegment, countBatch, roll, shouldRoll } from './segment.ts'
import { indexAborted } from './transactions.ts'

/** The batch as the leader stores it: at its offset, in its epoch, stamped by the log where the topic says so. */
export function asStored(log: PartitionLog, batch: RecordBatch, now: number, logAppendTime: boolean): RecordBatch {
  const attributes = logAppendTime ? batch.attributes | 8 : batch.attributes & ~8
  return {
    baseOffset: log.logEndOffset,
    partitionLeaderEpoch: log.leaderEpoch,
    attributes,
    lastOffsetDelta: batch.lastOffsetDelta,
    baseTimestamp: batch.baseTimestamp,
    maxTimestamp: logAppendTime ? now : batch.maxTimestamp,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    recordCount: batch.recordCount,
    records: batch.records,
    crc: logAppendTime || attributes !== batch.attributes ? undefined : batch.crc,
  }
}

/** Appends a batch that already has its offset: the log end, or above it where the leader's log has a gap. */
export function appendBatch(log: PartitionLog, batch: RecordBatch, now: number): void {
  const size = batchSizeInBytes(batch)
  settleFlush(log, now)
  const segment = shouldRoll(log, batch, size, now) ? roll(log, batch.baseOffset, now) : activeSegment(log)
  countBatch(segment, batch, size, now)
  log.batches.push(batch)
  const completed = producerAppended(log, batch)
  if (completed !== null) indexAborted(log, completed)
  log.logEndOffset = batch.baseOffset + batch.lastOffsetDelta + 1
  log.sizeInBytes += size
  log.appendedAt = now
  if (log.logEndOffset - log.flushedOffset >= log.config.flushMessages) flushUpTo(log, log.logEndOffset, now)
}
