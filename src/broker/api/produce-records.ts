/**
 * What a leader finds out about the records of a batch before it stores them (LogValidator, DefaultRecordBatch), and the form in
 * which it stores them.
 *
 * - A batch from a wire is read whole: as many records as it says, one offset after the other, nothing behind them (INVALID_RECORD);
 *   what cannot be decompressed is UNKNOWN_SERVER_ERROR. Its largest timestamp is found anew. Batches of the own client are right.
 * - Keys where the topic is compacted, INVALID_RECORD; timestamps within the limits where they are set, INVALID_TIMESTAMP. Such an answer
 *   says which records they are (KIP-467, from v8 on).
 * - A topic with a `compression.type` of its own stores with that codec what came with another.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { DecodeError } from '../../protocol/fault.ts'
import type { BatchIndexAndErrorMessage } from '../../protocol/messages.ts'
import { batchSizeInBytes, compressionCode, RecordCursor, timestampType } from '../../protocol/records.ts'
import { type Context, sectionOf } from '../decision.ts'
import type { LogConfig } from '../log/config.ts'

export interface JudgedRecords {
  readonly errorCode: number
  readonly message: string | null
  /** Which records are to blame; empty when it is the batch. */
  readonly recordErrors: readonly BatchIndexAndErrorMessage[]
  /** As it is to be stored; meaningless with an error. */
  readonly batch: RecordBatch
}

export function judgeRecords(given: RecordBatch, config: LogConfig, ctx: Context): JudgedRecords {
  const { unverified = false } = given
  const limited = config.timestampBeforeMaxMs !== null || config.timestampAfterMaxMs !== null
  const wanted = config.compression === null ? compressionCode(given) : config.compression
  if (!unverified && !config.compact && !limited && wanted === compressionCode(given)) return fine(given)
  const section = sectionOf(given, ctx)
  if (section === null) {
    // A codec that a program brought itself is not here: its records are taken as they are.
    if (!unverified) return fine(given)
    return wrong(given, ErrorCode.UNKNOWN_SERVER_ERROR, 'The records cannot be decompressed, or are too many to hold.')
  }
  const judged = unverified || config.compact || limited ? readAll(given, section, config, ctx.now) : fine(given)
  if (judged.errorCode !== ErrorCode.NONE || wanted === compressionCode(given)) return judged
  return fine(recompressed(judged.batch, section, wanted, ctx))
}

/** Of a batch as it would be stored. */
export function sizeProblem(batch: RecordBatch, { maxMessageBytes, segmentBytes }: LogConfig): number {
  const size = batchSizeInBytes(batch)
  if (size > maxMessageBytes) return ErrorCode.MESSAGE_TOO_LARGE
  return size > segmentBytes ? ErrorCode.RECORD_LIST_TOO_LARGE : ErrorCode.NONE
}

const NONE: readonly BatchIndexAndErrorMessage[] = []

function fine(batch: RecordBatch): JudgedRecords {
  return { errorCode: ErrorCode.NONE, message: null, recordErrors: NONE, batch }
}

export function wrong(
  batch: RecordBatch,
  errorCode: number,
  message: string | null,
  recordErrors = NONE,
): JudgedRecords {
  return { errorCode, message, recordErrors, batch }
}

function readAll(batch: RecordBatch, section: Uint8Array, config: LogConfig, now: number): JudgedRecords {
  const recordErrors: BatchIndexAndErrorMessage[] = []
  let timestampsFail = false
  let maxTimestamp = -1
  try {
    const cursor = new RecordCursor(batch, section)
    for (let index = 0; cursor.next(); index++) {
      if (cursor.offset !== batch.baseOffset + index)
        return wrong(batch, ErrorCode.INVALID_RECORD, 'The offsets in a batch follow each other.')
      // Readers could not be told; Kafka's own limits (message.timestamp.after.max.ms) are far below.
      if (!Number.isSafeInteger(cursor.timestamp))
        return wrong(batch, ErrorCode.INVALID_TIMESTAMP, 'A timestamp lies beyond ±(2^53−1).')
      if (cursor.timestamp > maxTimestamp) maxTimestamp = cursor.timestamp
      const keyless = config.compact && cursor.keyStart < 0
      const message = keyless
        ? 'A compacted topic takes no record without a key.'
        : timestampProblem(batch, cursor.timestamp, config, now)
      if (message === null) continue
      timestampsFail ||= !keyless
      recordErrors.push({ batchIndex: index, batchIndexErrorMessage: message })
    }
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return wrong(batch, ErrorCode.INVALID_RECORD, `The records of the batch cannot be read: ${error.message}`)
  }
  if (recordErrors.length > 0) {
    const errorCode = timestampsFail ? ErrorCode.INVALID_TIMESTAMP : ErrorCode.INVALID_RECORD
    return wrong(batch, errorCode, `${recordErrors.length} of ${batch.recordCount} records are refused.`, recordErrors)
  }
  return fine(maxTimestamp === batch.maxTimestamp ? batch : { ...batch, maxTimestamp, crc: undefined })
}

function timestampProblem(batch: RecordBatch, timestamp: number, config: LogConfig, now: number): string | null {
  if (!config.logAppendTime && timestamp !== -1) {
    const { timestampBeforeMaxMs: before, timestampAfterMaxMs: after } = config
    if (before !== null && now - timestamp > before)
      return `Its timestamp ${timestamp} is more than ${before} ms before ${now}.`
    if (after !== null && timestamp - now > after)
      return `Its timestamp ${timestamp} is more than ${after} ms after ${now}.`
    return null
  }
  return timestampType(batch) === 'LogAppendTime' ? 'Brokers say when a record was appended, producers do not.' : null
}

/** The same records in another codec; as they are where the host cannot write it. */
function recompressed(batch: RecordBatch, section: Uint8Array, wanted: number, ctx: Context): RecordBatch {
  const records = wanted === 0 ? section : ctx.compress?.(wanted, section)
  if (records === undefined) return batch
  ctx.rewrote?.(batch.records, records)
  return { ...batch, attributes: (batch.attributes & ~7) | wanted, records, crc: undefined }
}
