/** What the header of a batch says (DefaultRecordBatch.java), and the few changes a log makes to it. */
import type { RecordBatch } from '../batch.ts'

/** Bytes of a batch's header on the wire, base offset to record count. */
export const BATCH_HEADER_SIZE = 61

/** Compression types by their number in the attributes (CompressionType.java). */
export const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Compression = (typeof COMPRESSIONS)[number]
/** Bits 0–2 of the attributes. */
export type CompressionCode = 0 | 1 | 2 | 3 | 4

const TIMESTAMP_TYPE = 1 << 3
const TRANSACTIONAL = 1 << 4
const CONTROL = 1 << 5
const DELETE_HORIZON = 1 << 6
const MAX_SEQUENCE = 0x7fffffff

export interface BatchFlags {
  readonly compression?: CompressionCode
  readonly logAppendTime?: boolean
  readonly transactional?: boolean
  readonly control?: boolean
}

/** The attributes of a batch with these flags. */
export function attributesOf(flags: BatchFlags): number {
  return (
    (flags.compression ?? 0) |
    (flags.logAppendTime === true ? TIMESTAMP_TYPE : 0) |
    (flags.transactional === true ? TRANSACTIONAL : 0) |
    (flags.control === true ? CONTROL : 0)
  )
}

/** The number of the compression type; 5 to 7 are not assigned. */
export function compressionCode(batch: RecordBatch): number {
  return batch.attributes & 7
}

/** The name of the compression type, or `undefined` for a number Kafka has not assigned. */
export function compressionOf(batch: RecordBatch): Compression | undefined {
  return COMPRESSIONS[batch.attributes & 7]
}

/** Whether the batch belongs to a transaction (its marker does, too). */
export function isTransactional(batch: RecordBatch): boolean {
  return (batch.attributes & TRANSACTIONAL) !== 0
}

/** Whether the batch holds a control record, which consumers never see. */
export function isControl(batch: RecordBatch): boolean {
  return (batch.attributes & CONTROL) !== 0
}

/** The same attributes, saying that the base timestamp is the delete horizon of the batch's tombstones (KIP-534). */
export function withDeleteHorizon(attributes: number): number {
  return attributes | DELETE_HORIZON
}

/** Who set the records' timestamps: the producer, or the broker (then all have the batch's `maxTimestamp`). */
export function timestampType(batch: RecordBatch): 'CreateTime' | 'LogAppendTime' {
  return (batch.attributes & TIMESTAMP_TYPE) === 0 ? 'CreateTime' : 'LogAppendTime'
}

/** Bytes the batch takes on the wire and, in Kafka, on disk. */
export function batchSizeInBytes(batch: RecordBatch): number {
  return BATCH_HEADER_SIZE + batch.records.length
}

/** The offset of the last record (also when compaction removed that record). */
export function lastOffsetOf(batch: RecordBatch): number {
  return batch.baseOffset + batch.lastOffsetDelta
}

/** The sequence number of the last record, which wraps from 2^31−1 to 0; -1 when there is none. */
export function lastSequenceOf(batch: RecordBatch): number {
  return batch.baseSequence < 0 ? -1 : sequenceAfter(batch.baseSequence, batch.lastOffsetDelta)
}

/** So many sequence numbers on: after 2^31−1 comes 0 (DefaultRecordBatch.incrementSequence). */
export function sequenceAfter(sequence: number, by = 1): number {
  const sum = sequence + by
  return sum > MAX_SEQUENCE ? sum - MAX_SEQUENCE - 1 : sum
}

/** So many sequence numbers back (DefaultRecordBatch.decrementSequence). */
export function sequenceBefore(sequence: number, by = 1): number {
  const difference = sequence - by
  return difference < 0 ? difference + MAX_SEQUENCE + 1 : difference
}

/** The same records at another place of a log. Both fields are outside the checksum. */
export function withBaseOffset(batch: RecordBatch, baseOffset: number, partitionLeaderEpoch: number): RecordBatch {
  return changed(batch, baseOffset, partitionLeaderEpoch, batch.attributes, batch.maxTimestamp)
}

/** The batch as a broker stores it under `message.timestamp.type=LogAppendTime`. */
export function withLogAppendTime(batch: RecordBatch, timestamp: number): RecordBatch {
  const attributes = batch.attributes | TIMESTAMP_TYPE
  return changed(batch, batch.baseOffset, batch.partitionLeaderEpoch, attributes, timestamp)
}

/** The same records as a batch of an idempotent producer. `baseSequence` is that of the first record. */
export function withProducer(
  batch: RecordBatch,
  producerId: number,
  producerEpoch: number,
  baseSequence: number,
): RecordBatch {
  return {
    baseOffset: batch.baseOffset,
    partitionLeaderEpoch: batch.partitionLeaderEpoch,
    attributes: batch.attributes,
    lastOffsetDelta: batch.lastOffsetDelta,
    baseTimestamp: batch.baseTimestamp,
    maxTimestamp: batch.maxTimestamp,
    producerId,
    producerEpoch,
    baseSequence,
    recordCount: batch.recordCount,
    records: batch.records,
  }
}

/** Field by field: a spread makes an object of another shape in V8, and what reads logs is faster with one. */
function changed(
  batch: RecordBatch,
  baseOffset: number,
  partitionLeaderEpoch: number,
  attributes: number,
  maxTimestamp: number,
): RecordBatch {
  return {
    baseOffset,
    partitionLeaderEpoch,
    attributes,
    lastOffsetDelta: batch.lastOffsetDelta,
    baseTimestamp: batch.baseTimestamp,
    maxTimestamp,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    recordCount: batch.recordCount,
    records: batch.records,
  }
}
