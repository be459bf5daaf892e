/**
 * What a log knows of producers with an id (ProducerStateManager, ProducerStateEntry, BatchMetadata; KIP-98): of each the epoch
 * and its last batches, by which a repeated batch is told from a new one, and where its open transaction begins. It follows from
 * the batches alone, so every replica has it, and whoever becomes leader knows what the former one knew.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import {
  isControl,
  isTransactional,
  lastOffsetOf,
  lastSequenceOf,
  readTransactionMarker,
  type TransactionMarker,
} from '../../protocol/records.ts'
import type { PartitionLog } from './log.ts'
import type { ProducerSnapshot } from './producer-snapshots.ts'
import { beginTransaction, type CompletedTransaction, completeTransaction, forgetTransactions } from './transactions.ts'
import type { VerificationEntry } from './verification.ts'

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
  /** The last ones of this epoch, oldest first; none when a marker began the epoch. */
  readonly batches: readonly BatchMetadata[]
  /** From here its expiry counts. It is the records' time, not that of the append. */
  readonly lastTimestamp: number
  /** Of the transaction coordinator that wrote its last marker; -1 = there was none. */
  readonly coordinatorEpoch: number
  /** Where its open transaction begins; -1 = none is open. */
  readonly currentTxnFirstOffset: number
}

export interface ProducerState {
  /** By producer id. */
  readonly entries: Map<number, ProducerEntry>
  /** By producer id: about whose transactions the coordinator is asked. */
  readonly verifications: Map<number, VerificationEntry>
  lastGuard: number
  /** On disk, by offset, ascending. */
  snapshots: ProducerSnapshot[]
  /** No entry is older than this; Infinity = there is none. */
  oldestTimestamp: number
}

/** ProducerStateEntry.NUM_BATCHES_TO_RETAIN: a producer may have as many batches unanswered. */
export const BATCHES_TO_RETAIN = 5

export function createProducerState(): ProducerState {
  return { entries: new Map(), verifications: new Map(), lastGuard: 0, snapshots: [], oldestTimestamp: Infinity }
}

/**
 * A batch is in the log. Nothing is checked: a follower takes what its leader has taken. Answers with the transaction it ended:
 * a marker that finds none open changes nothing for readers (ProducerAppendInfo.appendEndTxnMarker).
 */
export function producerAppended(log: PartitionLog, batch: RecordBatch): CompletedTransaction | null {
  const { producerId } = batch
  if (producerId < 0) return null
  const { producers, transactions } = log
  const known = producers.entries.get(producerId)
  // Its first record, or its end: no answer about it counts any more (UnifiedLog.updateProducers).
  if (producers.verifications.size > 0 && isTransactional(batch)) producers.verifications.delete(producerId)
  const open = known?.currentTxnFirstOffset ?? -1
  if (!isControl(batch)) {
    const entry = afterBatch(known, batch)
    putEntry(producers, producerId, entry)
    if (open < 0 && entry.currentTxnFirstOffset >= 0)
      beginTransaction(transactions, entry.currentTxnFirstOffset, producerId)
    return null
  }
  const marker = readTransactionMarker(batch)
  // A marker that compaction emptied: its whole transaction is gone from the log.
  if (marker === null) return null
  putEntry(producers, producerId, afterMarker(known, marker))
  if (open < 0) return null
  const completed = { producerId, firstOffset: open, lastOffset: batch.baseOffset, aborted: marker.type === 'ABORT' }
  completeTransaction(transactions, completed)
  return completed
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
  const open = known?.currentTxnFirstOffset ?? -1
  return {
    epoch: batch.producerEpoch,
    batches,
    lastTimestamp: batch.maxTimestamp,
    coordinatorEpoch: known?.coordinatorEpoch ?? -1,
    currentTxnFirstOffset: open < 0 && isTransactional(batch) ? batch.baseOffset : open,
  }
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

/** ProducerStateEntry.update: a marker of another epoch, as of a fence or of KIP-890's bump, forgets the batches as well. */
function afterMarker(
  known: ProducerEntry | undefined,
  { producerEpoch: epoch, coordinatorEpoch, timestamp: lastTimestamp }: TransactionMarker,
): ProducerEntry {
  const batches = known?.epoch === epoch ? known.batches : []
  return { epoch, batches, lastTimestamp, coordinatorEpoch, currentTxnFirstOffset: -1 }
}

export function forgetProducers({ producers, transactions }: PartitionLog): void {
  producers.entries.clear()
  producers.oldestTimestamp = Infinity
  forgetTransactions(transactions)
}

/** As read from a snapshot, which says of an open transaction where it begins (ProducerStateManager.loadProducerEntry). */
export function loadEntry({ producers, transactions }: PartitionLog, producerId: number, entry: ProducerEntry): void {
  putEntry(producers, producerId, entry)
  if (entry.currentTxnFirstOffset >= 0) beginTransaction(transactions, entry.currentTxnFirstOffset, producerId)
}

/** Forgets who has not written for producer.id.expiration.ms; whether there was one (removeExpiredProducers). */
export function removeExpiredProducers({ producers, config }: PartitionLog, now: number): boolean {
  const { entries, verifications } = producers
  const before = entries.size
  let oldest = Infinity
  for (const [producerId, entry] of entries) {
    if (isExpired(entry, config.producerExpiryMs, now)) entries.delete(producerId)
    // What has a transaction open does not age: its marker makes it young again.
    else if (entry.currentTxnFirstOffset < 0) oldest = Math.min(oldest, entry.lastTimestamp)
  }
  // Questions that never led to a record.
  for (const [producerId, { since }] of verifications) {
    if (now - since >= config.producerExpiryMs) verifications.delete(producerId)
    else oldest = Math.min(oldest, since)
  }
  producers.oldestTimestamp = oldest
  return entries.size < before
}

/** ProducerStateManager.isProducerExpired: never while a transaction is open. */
export function isExpired(
  { lastTimestamp, currentTxnFirstOffset }: ProducerEntry,
  expiryMs: number,
  now: number,
): boolean {
  return currentTxnFirstOffset < 0 && now - lastTimestamp >= expiryMs
}

/** Before this time no producer of the log can expire. */
export function nextProducerExpiry({ producers, config }: PartitionLog): number {
  return producers.oldestTimestamp + config.producerExpiryMs
}

/**
 * Whether a batch is what its producer is known by: compaction keeps it, if only its header. That is the last one with records, or,
 * where the epoch has none, its marker, which fences earlier epochs (LogCleaner, isBatchLastRecordOfProducer).
 */
export function isLastOfProducer({ producers }: PartitionLog, batch: RecordBatch): boolean {
  const entry = batch.producerId < 0 ? undefined : producers.entries.get(batch.producerId)
  if (entry === undefined) return false
  const last = entry.batches.at(-1)
  return last === undefined
    ? isControl(batch) && batch.producerEpoch === entry.epoch
    : last.lastOffset === lastOffsetOf(batch)
}
