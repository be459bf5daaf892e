/**
 * What clients from before Kafka 0.11 send: a set of messages of format 0 or 1, which a leader stores as one batch of format 2
 * (LogValidator, for logs of message format 3.0).
 *
 * - A set may end in a part of a message, which is left out.
 * - Messages have a checksum each, inside a wrapper as well: CORRUPT_MESSAGE, as for lengths that cannot be right.
 * - A wrapper stands alone, holds at least one message, all of its own format, and no wrapper: INVALID_RECORD. Offsets inside it do not
 *   count, but in format 1 its own is 0 or no less than the last one inside. zstd came too late for either format.
 * - What cannot be decompressed is UNKNOWN_SERVER_ERROR.
 * - A message above `max.message.bytes` is MESSAGE_TOO_LARGE, and so is the batch that all of them become.
 * - Keys and timestamps are asked for as in any batch. Format 0 has no timestamps: -1.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { DecodeError } from '../../protocol/fault.ts'
import {
  COMPRESSIONS,
  type ConvertedMessages,
  convertMessages,
  MessageCursor,
  withRightChecksum,
} from '../../protocol/records.ts'
import type { Context } from '../decision.ts'
import type { LogConfig } from '../log/config.ts'
import { type JudgedRecords, judgeRecords, wrong } from './produce-records.ts'

const LZ4 = COMPRESSIONS.indexOf('lz4')

/** Null when there is not one whole message. */
export function judgeMessageSet(given: RecordBatch, config: LogConfig, ctx: Context): JudgedRecords | null {
  try {
    const outer = survey(given.records)
    if (outer === null) return null
    if (outer.largest > config.maxMessageBytes) return wrong(given, ErrorCode.MESSAGE_TOO_LARGE, null)
    const { wrapper } = outer
    if (wrapper === null) return stored(given, 0, convertMessages(new MessageCursor(given.records)), config, ctx)
    const invalid = (message: string) => wrong(given, ErrorCode.INVALID_RECORD, message)
    if (outer.count > 1) return invalid('A compressed message stands alone in its set.')
    const { compression, magic } = wrapper
    const value = wrapper.value()
    if (compression > LZ4 || value === null) return invalid('Messages of formats 0 and 1 come in gzip, snappy or lz4.')
    const section = ctx.decompress?.(compression, magic === 0 && compression === LZ4 ? withRightChecksum(value) : value)
    if (section === undefined || section === null)
      return wrong(
        given,
        ErrorCode.UNKNOWN_SERVER_ERROR,
        'The messages cannot be decompressed, or are too many to hold.',
      )
    const inner = convertMessages(new MessageCursor(section, magic), wrapper.isStamped ? wrapper.timestamp : null)
    if (inner.recordCount === 0) return invalid('A compressed message holds at least one.')
    if (inner.nested) return invalid('A compressed message holds none that is compressed.')
    if (magic === 1 && wrapper.offset !== 0 && wrapper.offset < inner.lastOffset)
      return invalid('The offset of a compressed message is 0, or no less than the last one inside it.')
    return stored(given, compression, { ...inner, stamped: wrapper.isStamped }, config, ctx)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    const errorCode = error.code === 'BAD_RECORD' ? ErrorCode.INVALID_RECORD : ErrorCode.CORRUPT_MESSAGE
    return wrong(given, errorCode, `The messages cannot be read: ${error.message}`)
  }
}

/** Checks all messages of the outer level; null without any. */
function survey(set: Uint8Array) {
  const messages = new MessageCursor(set)
  let count = 0
  let largest = 0
  let compressed = false
  while (messages.next()) {
    count += 1
    largest = Math.max(largest, messages.size)
    compressed ||= messages.compression !== 0
  }
  // With one message alone, where the cursor stands is there.
  return count === 0 ? null : { count, largest, wrapper: compressed ? messages : null }
}

function stored(
  given: RecordBatch,
  compression: number,
  converted: ConvertedMessages,
  config: LogConfig,
  ctx: Context,
): JudgedRecords {
  const { section, recordCount, baseTimestamp, maxTimestamp, stamped } = converted
  if (stamped && (config.logAppendTime || baseTimestamp === -1))
    return wrong(given, ErrorCode.INVALID_TIMESTAMP, 'Brokers say when a message was appended, producers do not.')
  const batch: RecordBatch = {
    baseOffset: 0,
    partitionLeaderEpoch: -1,
    attributes: 0,
    lastOffsetDelta: recordCount - 1,
    baseTimestamp,
    maxTimestamp,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    recordCount,
    records: section,
  }
  const judged = judgeRecords(batch, config.compression === null ? config : { ...config, compression: null }, ctx)
  if (judged.errorCode !== ErrorCode.NONE) return judged
  const wanted = config.compression ?? compression
  const records = wanted === 0 ? undefined : ctx.compress?.(wanted, section)
  return records === undefined ? judged : { ...judged, batch: { ...batch, attributes: wanted, records } }
}
