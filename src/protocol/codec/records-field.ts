/** A field of type `records`: batches one after the other behind one length in bytes, or a set of messages from before there were batches. */
import type { RecordBatch } from '../batch.ts'
import { EMPTY_BYTES } from '../defaults.ts'
import { ErrorCode } from '../errors.ts'
import { DecodeError, EncodeError } from '../fault.ts'
import { batchSizeInBytes } from '../records/attributes.ts'
import { asMessageSet, beginsMessageSet } from '../records/old/message-set.ts'
import { checksumAt, hasWholeBatch, readBatch, writeBatch } from '../records/wire.ts'
import type { Reader } from './reader.ts'
import type { Writer } from './writer.ts'

/** The batches of a field that may be null. */
export function readNullableBatches(r: Reader, label: string): readonly RecordBatch[] | null {
  const length = r.recordsLength(label, true)
  return length < 0 ? null : readAll(r, label, length)
}

/**
 * The batches of a field that may not be null in this version. The generator emits calls of it where a schema has such a field.
 *
 * @public
 */
export function readBatches(r: Reader, label: string): readonly RecordBatch[] {
  return readAll(r, label, r.recordsLength(label, false))
}

function readAll(r: Reader, label: string, length: number): readonly RecordBatch[] {
  const batches: RecordBatch[] = []
  const outer = r.end
  r.end = r.position + length
  r.enter(label)
  if (beginsMessageSet(r.view, r.position, r.end)) {
    batches.push(asMessageSet(r.bytes.subarray(r.position, r.end)))
    r.position = r.end
  }
  while (r.position < r.end) {
    if (r.allowPartialBatch && !hasWholeBatch(r)) {
      r.position = r.end
      break
    }
    r.item(batches.length)
    if (!r.keepBadBatches) batches.push(readBatch(r))
    else if (!readOrKeep(r, batches)) break
  }
  r.leave()
  r.end = outer
  return batches
}

/** False when the rest of the field cannot be read: it is skipped. */
function readOrKeep(r: Reader, batches: RecordBatch[]): boolean {
  const start = r.position
  try {
    const batch = readBatch(r)
    batches.push({ ...batch, crc: r.checkCrcs ? checksumAt(r, start) : undefined, unverified: true })
    return true
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    r.position = r.end
    // An incomplete batch is none (ByteBufferLogInputStream.nextBatch).
    if (error.code !== 'TRUNCATED') batches.push({ ...NO_BATCH, problem: problemOf(error) })
    return false
  }
}

/** ProduceRequest.validateRecords, DefaultRecordBatch.ensureValid. */
function problemOf(error: DecodeError): number {
  return error.code === 'UNSUPPORTED_MAGIC' ? ErrorCode.INVALID_RECORD : ErrorCode.CORRUPT_MESSAGE
}

const NO_BATCH: RecordBatch = {
  baseOffset: 0,
  partitionLeaderEpoch: -1,
  attributes: 0,
  lastOffsetDelta: 0,
  baseTimestamp: -1,
  maxTimestamp: -1,
  producerId: -1,
  producerEpoch: -1,
  baseSequence: -1,
  recordCount: 1,
  records: EMPTY_BYTES,
}

/** Writes the field; `nullable` says whether null is allowed in this version. */
export function writeNullableBatches(
  w: Writer,
  batches: readonly RecordBatch[] | null,
  nullable: boolean,
  label: string,
): void {
  if (batches === null) {
    if (!nullable) throw new EncodeError('NULL_NOT_ALLOWED', label, 'null, which this version does not allow')
    w.nullCount()
    return
  }
  let size = 0
  for (const batch of batches) size += batch.messageSet === true ? batch.records.length : batchSizeInBytes(batch)
  w.count(size)
  for (const batch of batches)
    if (batch.messageSet === true) w.raw(batch.records)
    else writeBatch(w, batch)
}
