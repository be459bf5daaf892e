/**
 * What of a log is on disk for sure (UnifiedLog.flush, its recovery point): everything before the active segment, and more
 * where flush.messages or flush.ms say so. The rest lies in the page cache, which a power failure empties.
 */
import type { PartitionLog } from './log.ts'

/** The recovery point only grows (LocalLog.markFlushed). */
export function flushUpTo(log: PartitionLog, offset: number, now: number): void {
  if (offset <= log.flushedOffset) return
  log.flushedOffset = offset
  log.flushedAt = now
}

/**
 * What LogManager.flushDirtyLogs has flushed by now. The broker looks every log.flush.scheduler.interval.ms, at multiples
 * of it; nothing changed since the last append, so the first look after it settles everything, and no timer is needed.
 * Without that interval (the default) flush.ms has no effect, in Kafka neither.
 */
export function settleFlush(log: PartitionLog, now: number): void {
  const look = nextFlush(log)
  if (look <= now) flushUpTo(log, log.logEndOffset, look)
}

/** The recovery point as it is now. */
export function flushedOffsetAt(log: PartitionLog, now: number): number {
  return nextFlush(log) <= now ? log.logEndOffset : log.flushedOffset
}

/** When the broker finds something to flush for flush.ms; Infinity when there is nothing. */
function nextFlush(log: PartitionLog): number {
  const { flushCheckMs: every, flushMs } = log.config
  if (log.flushedOffset >= log.logEndOffset || every <= 0 || every > FAR || flushMs > FAR) return Infinity
  const ripe = Math.ceil((log.flushedAt + flushMs) / every) * every
  return Math.max(Math.floor(log.appendedAt / every) * every + every, ripe)
}

/** Beyond any date: "never". */
const FAR = Number.MAX_SAFE_INTEGER
