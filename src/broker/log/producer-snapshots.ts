/**
 * Producer state on disk (ProducerStateManager.takeSnapshot, UnifiedLog.rebuildProducerState). A snapshot is taken where a segment
 * ends and when a log is closed; what comes after it is read from the log again. It holds of each producer the last batch only,
 * so after a restart an earlier one of the five is no longer known.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import type { PartitionLog } from './log.ts'
import { forgetProducers, isExpired, loadEntry, type ProducerEntry, producerAppended, putEntry } from './producers.ts'
import { findBatch } from './read.ts'
import { settleTransactions } from './transactions.ts'

export interface ProducerSnapshot {
  /** It stands for everything before this offset. */
  readonly offset: number
  readonly entries: ReadonlyMap<number, ProducerEntry>
}

/** Takes one, unless there is one already. */
export function takeProducerSnapshot({ producers, logStartOffset }: PartitionLog, offset: number): void {
  if (offset <= (producers.snapshots.at(-1)?.offset ?? logStartOffset)) return
  const entries = new Map([...producers.entries].map(([producerId, entry]) => [producerId, lastBatchOnly(entry)]))
  producers.snapshots.push({ offset, entries })
}

function lastBatchOnly(entry: ProducerEntry): ProducerEntry {
  return entry.batches.length <= 1 ? entry : { ...entry, batches: entry.batches.slice(-1) }
}

/**
 * The end of the log is gone: what was known of it is known no more, what was before it is (truncateAndReload). Where nobody was
 * known before, the log is not read: an expired producer stays forgotten.
 */
export function truncateProducers(log: PartitionLog, now: number): void {
  rebuild(log, now, log.producers.entries.size > 0)
}

/** A broker starts: it knows what snapshots and log say, and nothing else (LogLoader.load). */
export function reloadProducers(log: PartitionLog, now: number): void {
  rebuild(log, now, true)
  // Recovery leaves a snapshot at the log end, and that is what is loaded in the end.
  for (const [producerId, entry] of log.producers.entries) putEntry(log.producers, producerId, lastBatchOnly(entry))
}

/** The log has not got what snapshots before an offset would be the beginning of. */
export function dropSnapshotsBefore({ producers }: PartitionLog, offset: number): void {
  if (producers.snapshots.length > 0) producers.snapshots = producers.snapshots.filter((one) => one.offset >= offset)
}

function rebuild(log: PartitionLog, now: number, readsLog: boolean): void {
  const { producers, batches, segments, logStartOffset, logEndOffset, config } = log
  producers.snapshots = producers.snapshots.filter(({ offset }) => offset > logStartOffset && offset <= logEndOffset)
  forgetProducers(log)
  const snapshot = producers.snapshots.at(-1)
  for (const [producerId, entry] of snapshot?.entries ?? [])
    if (!isExpired(entry, config.producerExpiryMs, now)) loadEntry(log, producerId, entry)
  if (readsLog) {
    const ends = segments.slice(-2).map(({ baseOffset }) => baseOffset)
    for (let i = findBatch(log, snapshot?.offset ?? logStartOffset); i < batches.length; i++) {
      const batch = batches[i] as RecordBatch
      for (const end of ends) if (end <= batch.baseOffset) takeProducerSnapshot(log, end)
      producerAppended(log, batch)
    }
  }
  settleTransactions(log)
  takeProducerSnapshot(log, logEndOffset)
}
