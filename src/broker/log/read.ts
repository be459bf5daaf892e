/** Finding and reading batches (LocalLog.read). Compaction leaves gaps: an offset may lie between two batches. */
import type { RecordBatch } from '../../protocol/batch.ts'
import { batchSizeInBytes, lastOffsetOf } from '../../protocol/records.ts'
import type { PartitionLog } from './log.ts'

/** Index of the first batch whose last offset is ≥ offset; `batches.length` if there is none. */
export function findBatch(log: PartitionLog, offset: number): number {
  const { batches } = log
  let high = batches.length - 1
  const last = batches[high]
  if (last === undefined || lastOffsetOf(last) < offset) return batches.length
  // Readers are mostly near the end: from there in growing steps, then by halves.
  let low = high
  for (let step = 1; low > 0 && lastOffsetOf(batches[low - 1] as RecordBatch) >= offset; step *= 2) {
    high = low - 1
    low = Math.max(0, high - step)
  }
  while (low < high) {
    const middle = (low + high) >> 1
    if (lastOffsetOf(batches[middle] as RecordBatch) < offset) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Batches from `offset` on that end below `upTo`, at most `maxBytes` of them; with `atLeastOne` the first batch is
 * given even when it is larger (KIP-74).
 */
export function readLog(
  log: PartitionLog,
  offset: number,
  upTo: number,
  maxBytes: number,
  atLeastOne: boolean,
): { readonly batches: RecordBatch[]; readonly bytes: number } {
  const first = findBatch(log, offset)
  let bytes = 0
  let end = first
  for (; end < log.batches.length; end++) {
    const batch = log.batches[end] as RecordBatch
    if (batch.baseOffset >= upTo) break
    const size = batchSizeInBytes(batch)
    if (bytes + size > maxBytes && !(atLeastOne && end === first)) break
    bytes += size
  }
  return { batches: log.batches.slice(first, end), bytes }
}
