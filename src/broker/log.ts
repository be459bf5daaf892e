/**
 * One replica's log: immutable batches in offset order (UnifiedLog.scala). Appending replaces nothing, so copies share
 * the batches.
 */

import type { RecordBatch } from '../protocol/batch.ts'
import { batchSizeInBytes, lastOffsetOf } from '../protocol/records.ts'
import type { EpochEntry } from './replication/epochs.ts'

export interface PartitionLog {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  /** By base offset, ascending, without overlap. */
  readonly batches: RecordBatch[]
  /** The first offset readers may ask for; records before it in the first batch are still there, and never shown. */
  logStartOffset: number
  /** LEO: the offset the next record gets. */
  logEndOffset: number
  highWatermark: number
  leaderEpoch: number
  /** The first offset of every leader epoch, ascending (KIP-101). */
  readonly epochs: EpochEntry[]
  /** Encoded bytes of all batches, headers included. */
  sizeInBytes: number
}

export function createLog(topic: string, topicId: string, partition: number): PartitionLog {
  return {
    topic,
    topicId,
    partition,
    batches: [],
    logStartOffset: 0,
    logEndOffset: 0,
    highWatermark: 0,
    leaderEpoch: 0,
    epochs: [],
    sizeInBytes: 0,
  }
}

/** The batch as the leader stores it: at its offset, in its epoch, stamped by the log where the topic says so. */
export function asStored(log: PartitionLog, batch: RecordBatch, now: number, logAppendTime: boolean): RecordBatch {
  return {
    baseOffset: log.logEndOffset,
    partitionLeaderEpoch: log.leaderEpoch,
    attributes: logAppendTime ? batch.attributes | 8 : batch.attributes & ~8,
    lastOffsetDelta: batch.lastOffsetDelta,
    baseTimestamp: batch.baseTimestamp,
    maxTimestamp: logAppendTime ? now : batch.maxTimestamp,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    recordCount: batch.recordCount,
    records: batch.records,
  }
}

/** Appends a batch that already has its offset. */
export function appendBatch(log: PartitionLog, batch: RecordBatch): void {
  log.batches.push(batch)
  log.logEndOffset = batch.baseOffset + batch.lastOffsetDelta + 1
  log.sizeInBytes += batchSizeInBytes(batch)
}

/**
 * Moves the log's start up (UnifiedLog.maybeIncrementLogStartOffset); false when it is there already. Batches that end
 * before it go at once, where Kafka waits until a whole segment does.
 */
export function advanceLogStart(log: PartitionLog, offset: number): boolean {
  if (offset <= log.logStartOffset || offset > log.highWatermark) return false
  log.logStartOffset = offset
  const gone = log.batches.splice(0, findBatch(log, offset))
  for (const batch of gone) log.sizeInBytes -= batchSizeInBytes(batch)
  return true
}

/** Drops everything: the log goes on at an offset (LocalLog.truncateFullyAndStartAt). */
export function startAnew(log: PartitionLog, offset: number): void {
  log.batches.length = 0
  log.epochs.length = 0
  log.sizeInBytes = 0
  log.logStartOffset = offset
  log.logEndOffset = offset
  log.highWatermark = offset
}

/** Index of the first batch whose last offset is ≥ offset; `batches.length` if there is none. */
export function findBatch(log: PartitionLog, offset: number): number {
  const { batches } = log
  // Readers are mostly near the end: look there first.
  const last = batches[batches.length - 1]
  if (last === undefined || lastOffsetOf(last) < offset) return batches.length
  let low = 0
  let high = batches.length - 1
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
  const out: RecordBatch[] = []
  let bytes = 0
  for (let i = findBatch(log, offset); i < log.batches.length; i++) {
    const batch = log.batches[i] as RecordBatch
    if (batch.baseOffset >= upTo) break
    const size = batchSizeInBytes(batch)
    if (bytes + size > maxBytes && !(atLeastOne && out.length === 0)) break
    out.push(batch)
    bytes += size
  }
  return { batches: out, bytes }
}
