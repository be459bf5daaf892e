/**
 * What a log knows of idempotent producers (ProducerStateManager, ProducerStateEntry, BatchMetadata; KIP-98): of each the epoch
 * and its last batches, by which a repeated batch is told from a new one. It follows from the batches alone, so every replica
 * has it, and whoever becomes leader knows what the former one knew.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import { lastOffsetOf, lastSequenceOf } from '../../protocol/records.ts'
import type { PartitionLog } from './log.ts'
import type { ProducerSnapshot } from './producer-snapshots.ts'

/** A batch that was appended. */
export interface BatchMetadata {
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  /** The batch's largest. */
  readonly timestamp: number
}

/** Never changed: snapshots share it. */
export interface ProducerEntry {
  readonly epoch: number
  /** The last ones of this epoch, oldest first; at least one. */
  readonly batches: readonly BatchMetadata[]
  /** From here its expiry counts. It is the records' time, not that of the append. */
  readonly lastTimestamp: number
}

export interface ProducerState {
  /** By producer id. */
  readonly entries: Map<number, ProducerEntry>
  /** On disk, by offset, ascending. */
  snapshots: ProducerSnapshot[]
  /** No entry is older than this; Infinity = there is none. */
  oldestTimestamp: number
}

/** ProducerStateEntry.NUM_BATCHES_TO_RETAIN: a producer may have as many batches unanswered. */
export const BATCHES_TO_RETAIN = 5

export function createProducerState(): ProducerState {
  return { entries: new Map(), snapshots: [], oldestTimestamp: Infinity }
}

/** A batch is in the log. Nothing is checked: a follower takes what its leader has taken. */
export function producerAppended(producers: ProducerState, batch: RecordBatch): void {
  if (batch.producerId < 0) return
  putEntry(producers, batch.producerId, afterBatch(producers.entries.get(batch.producerId), batch))
}

export function putEntry(producers: ProducerState, producerId: number, entry: ProducerEntry): void {
  producers.entries.set(producerId, entry)
  if (entry.lastTimestamp < producers.oldestTimestamp) producers.oldestTimestamp = entry.lastTimestamp
}

/** ProducerStateEntry.addBatch: another epoch forgets the batches of the one before. */
export function afterBatch(known: ProducerEntry | undefined, batch: RecordBatch): ProducerEntry {
  const added: BatchMetadata = {
    lastSequence: lastSequenceOf(batch),
    lastOffset: lastOffsetOf(batch),
    offsetDelta: batch.lastOffsetDelta,
    timestamp: batch.maxTimestamp,
  }
  const sameEpoch = known !== undefined && known.epoch === batch.producerEpoch
  const batches = sameEpoch ? withLast(known.batches, added) : [added]
  return { epoch: batch.producerEpoch, batches, lastTimestamp: batch.maxTimestamp }
}

/** A loop, and one array of the right size: this runs with every batch. */
function withLast(batches: readonly BatchMetadata[], added: BatchMetadata): readonly BatchMetadata[] {
  const dropped = batches.length === BATCHES_TO_RETAIN ? 1 : 0
  const kept = batches.length - dropped
  const out = new Array<BatchMetadata>(kept + 1)
  for (let i = 0; i < kept; i++) out[i] = batches[i + dropped] as BatchMetadata
  out[kept] = added
  return out
}

export function forgetProducers(producers: ProducerState): void {
  producers.entries.clear()
  producers.oldestTimestamp = Infinity
}

/** Forgets who has not written for producer.id.expiration.ms; whether there was one (removeExpiredProducers). */
export function removeExpiredProducers({ producers, config }: PartitionLog, now: number): boolean {
  const { entries } = producers
  const before = entries.size
  let oldest = Infinity
  for (const [producerId, entry] of entries) {
    if (isExpired(entry, config.producerExpiryMs, now)) entries.delete(producerId)
    else oldest = Math.min(oldest, entry.lastTimestamp)
  }
  producers.oldestTimestamp = oldest
  return entries.size < before
}

/** ProducerStateManager.isProducerExpired. */
export function isExpired({ lastTimestamp }: ProducerEntry, expiryMs: number, now: number): boolean {
  return now - lastTimestamp >= expiryMs
}

/** Before this time no producer of the log can expire. */
export function nextProducerExpiry({ producers, config }: PartitionLog): number {
  return producers.oldestTimestamp + config.producerExpiryMs
}

/** Whether a batch is the last of its producer: compaction keeps it, if only its header (LogCleaner, isBatchLastRecordOfProducer). */
export function isLastOfProducer({ producers }: PartitionLog, batch: RecordBatch): boolean {
  return (
    batch.producerId >= 0 && producers.entries.get(batch.producerId)?.batches.at(-1)?.lastOffset === lastOffsetOf(batch)
  )
}
