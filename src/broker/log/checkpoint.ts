/**
 * The two offsets a broker saves now and then: the high watermark (ReplicaManager.checkpointHighWatermarks) and the log start
 * (LogManager.checkpointLogStartOffsets). After a crash the saved values count. They are saved at multiples of their interval;
 * to know what was saved it is enough to remember when a value changed last, so there is no timer for it.
 */
import type { PartitionLog } from './log.ts'
import { settleTransactions } from './transactions.ts'

export interface Checkpoint {
  /** What was saved before the last change. */
  saved: number
  changedAt: number
}

/** Whether a save lies between the last change and now. */
function isSaved({ changedAt }: Checkpoint, now: number, everyMs: number): boolean {
  return everyMs <= 0 || Math.floor(now / everyMs) * everyMs > changedAt
}

/** The one way the high watermark moves: it stays between log start and log end (UnifiedLog.updateHighWatermark). */
export function setHighWatermark(log: PartitionLog, offset: number, now: number): void {
  const next = Math.max(log.logStartOffset, Math.min(offset, log.logEndOffset))
  if (next === log.highWatermark) return
  const checkpoint = log.highWatermarkCheckpoint
  if (isSaved(checkpoint, now, log.config.highWatermarkCheckpointMs)) checkpoint.saved = log.highWatermark
  checkpoint.changedAt = now
  log.highWatermark = next
  settleTransactions(log)
}

/** Moves the log start as it is told; what is valid is for the caller to know. */
export function setLogStart(log: PartitionLog, offset: number, now: number): void {
  if (offset === log.logStartOffset) return
  const checkpoint = log.logStartCheckpoint
  if (isSaved(checkpoint, now, log.config.logStartCheckpointMs)) checkpoint.saved = log.logStartOffset
  checkpoint.changedAt = now
  log.logStartOffset = offset
}

/** What a broker that dies now would find in its high watermark checkpoint. */
export function savedHighWatermark(log: PartitionLog, now: number): number {
  const checkpoint = log.highWatermarkCheckpoint
  return isSaved(checkpoint, now, log.config.highWatermarkCheckpointMs) ? log.highWatermark : checkpoint.saved
}

/** The same for the log start. */
export function savedLogStart(log: PartitionLog, now: number): number {
  const checkpoint = log.logStartCheckpoint
  return isSaved(checkpoint, now, log.config.logStartCheckpointMs) ? log.logStartOffset : checkpoint.saved
}
