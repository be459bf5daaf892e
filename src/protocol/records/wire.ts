/** A batch as bytes: the 61-byte header, with length and checksum, before the records section (DefaultRecordBatch.java). */
import type { RecordBatch } from '../batch.ts'
import type { Reader } from '../codec/reader.ts'
import type { Writer } from '../codec/writer.ts'
import { crc32c } from '../crc32c.ts'
import { BATCH_HEADER_SIZE } from './attributes.ts'

/** Base offset and batch length: the bytes the length does not count. */
const BEFORE_LENGTH_COUNTS = 12
/** Where the magic byte stands, in this format and in the two old ones alike. */
const MAGIC_AT = 16
const CRC_AT = 17
/** The checksum covers everything from here on. */
const ATTRIBUTES_AT = 21
const MAGIC = 2

/** Writes the batch with its checksum, which is computed here, where the bytes leave, unless it is known. */
export function writeBatch(w: Writer, batch: RecordBatch): void {
  const start = w.position
  w.reserve(BATCH_HEADER_SIZE + batch.records.length)
  w.position = start
  w.int64(batch.baseOffset, 'RecordBatch.baseOffset')
  w.int32(BATCH_HEADER_SIZE - BEFORE_LENGTH_COUNTS + batch.records.length, 'RecordBatch.batchLength')
  w.int32(batch.partitionLeaderEpoch, 'RecordBatch.partitionLeaderEpoch')
  w.int8(MAGIC, 'RecordBatch.magic')
  w.reserve(4)
  w.int16(batch.attributes, 'RecordBatch.attributes')
  w.int32(batch.lastOffsetDelta, 'RecordBatch.lastOffsetDelta')
  w.int64(batch.baseTimestamp, 'RecordBatch.baseTimestamp')
  w.int64(batch.maxTimestamp, 'RecordBatch.maxTimestamp')
  w.int64(batch.producerId, 'RecordBatch.producerId')
  w.int16(batch.producerEpoch, 'RecordBatch.producerEpoch')
  w.int32(batch.baseSequence, 'RecordBatch.baseSequence')
  w.int32(batch.recordCount, 'RecordBatch.recordCount')
  w.raw(batch.records)
  w.view.setUint32(start + CRC_AT, batch.crc ?? crc32c(w.bytes, start + ATTRIBUTES_AT, w.position))
}

/**
 * Reads the batch at the reader's position. Its records section is a view into the frame.
 *
 * @throws DecodeError: `TRUNCATED`, `BAD_BATCH` (a length that cannot be right), `UNSUPPORTED_MAGIC`, `BAD_CRC`
 */
export function readBatch(r: Reader): RecordBatch {
  const start = r.position
  const left = r.end - start
  if (left <= MAGIC_AT) r.fail('TRUNCATED', '', `only ${left} bytes of a record batch`, 'a whole batch')
  const magic = r.view.getInt8(start + MAGIC_AT)
  if (magic !== MAGIC) {
    const what =
      magic === 0 || magic === 1
        ? `a message set of the old format, magic ${magic}`
        : `a record batch of magic ${magic}`
    r.fail('UNSUPPORTED_MAGIC', '', what, 'magic 2, which Kafka has had since 0.11')
  }
  const length = r.view.getInt32(start + 8)
  const end = start + BEFORE_LENGTH_COUNTS + length
  if (length < BATCH_HEADER_SIZE - BEFORE_LENGTH_COUNTS) {
    r.fail('BAD_BATCH', '', `a batch length of ${length}`, `${BATCH_HEADER_SIZE - BEFORE_LENGTH_COUNTS} or more`)
  }
  if (end > r.end) r.fail('TRUNCATED', '', `only ${left} bytes of a record batch`, `${end - start} bytes`)

  const baseOffset = r.int64('baseOffset')
  r.position += 4
  const partitionLeaderEpoch = r.int32('partitionLeaderEpoch')
  r.position += 1
  const crc = r.uint32('crc')
  if (r.checkCrcs) {
    const actual = crc32c(r.bytes, start + ATTRIBUTES_AT, end)
    if (actual !== crc) {
      r.position = start + CRC_AT
      r.fail('BAD_CRC', '', `a batch with CRC ${hex(crc)}`, `${hex(actual)}, which its bytes have`)
    }
  }
  const attributes = r.int16('attributes')
  const lastOffsetDelta = r.int32('lastOffsetDelta')
  const baseTimestamp = r.int64('baseTimestamp')
  const maxTimestamp = r.int64('maxTimestamp')
  const producerId = r.int64('producerId')
  const producerEpoch = r.int16('producerEpoch')
  const baseSequence = r.int32('baseSequence')
  const recordCount = r.int32('recordCount')
  if (recordCount < 0 || lastOffsetDelta < 0) {
    r.fail(
      'BAD_BATCH',
      '',
      `a batch of ${recordCount} records with last offset delta ${lastOffsetDelta}`,
      'no negative number',
    )
  }
  const records = r.bytes.subarray(r.position, end)
  r.position = end
  return {
    baseOffset,
    partitionLeaderEpoch,
    attributes,
    lastOffsetDelta,
    baseTimestamp,
    maxTimestamp,
    producerId,
    producerEpoch,
    baseSequence,
    recordCount,
    records,
  }
}

/** Of a batch that stands at `start` and has been read: the checksum it came with. */
export function checksumAt(r: Reader, start: number): number {
  return r.view.getUint32(start + CRC_AT)
}

/** Whether a whole batch stands at the reader's position, as far as its length tells. */
export function hasWholeBatch(r: Reader): boolean {
  const left = r.end - r.position
  if (left < BEFORE_LENGTH_COUNTS) return false
  // A length that cannot be right is for `readBatch` to refuse, not for the caller to skip.
  return r.view.getInt32(r.position + 8) + BEFORE_LENGTH_COUNTS <= left
}

function hex(crc: number): string {
  return `0x${crc.toString(16).padStart(8, '0')}`
}
