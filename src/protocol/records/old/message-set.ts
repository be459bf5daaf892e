/**
 * Messages of formats 0 and 1, as they were before Kafka 0.11 (LegacyRecord.java, AbstractLegacyRecordBatch.java): one behind the
 * other, each with an offset and a checksum of its own. What is compressed is such a set as the value of one more message, its
 * wrapper. Format 1 has timestamps (KIP-32), and in a wrapper offsets that count from the first message's (KIP-31).
 */
import type { RecordBatch } from '../../batch.ts'
import { crc32 } from '../../crc32.ts'
import { DecodeError } from '../../fault.ts'

export type OldMagic = 0 | 1

/** Offset and size, which the size does not count. */
export const BEFORE_SIZE_COUNTS = 12
const CRC_AT = 12
/** The checksum covers everything from here on. */
export const MAGIC_AT = 16
const ATTRIBUTES_AT = 17
const TIMESTAMP_AT = 18
/** Bytes of a message with neither key nor value, offset and size included. */
export const OVERHEAD = [26, 34] as const
/** Bit 3 of a message's attributes in format 1: the timestamp is the broker's. */
export const STAMPED = 1 << 3
const TWO_32 = 4294967296

/** A set of messages where a batch is expected: its bytes as they came. */
export function asMessageSet(bytes: Uint8Array, baseOffset = 0, lastOffset = 0): RecordBatch {
  return {
    baseOffset,
    partitionLeaderEpoch: -1,
    attributes: 0,
    lastOffsetDelta: lastOffset - baseOffset,
    baseTimestamp: -1,
    maxTimestamp: -1,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    recordCount: 0,
    records: bytes,
    messageSet: true,
  }
}

/** Whether what stands there begins as a message of format 0 or 1 does. */
export function beginsMessageSet(view: DataView, start: number, end: number): boolean {
  return end - start > MAGIC_AT && (view.getUint8(start + MAGIC_AT) | 1) === 1
}

/**
 * A position in a set of messages, on one level: a wrapper is a message like any other. After `next()` returned true, the fields
 * describe the message; starts and ends are indexes into `bytes`, -1 for null. Nothing is allocated for a message.
 */
export class MessageCursor {
  readonly bytes: Uint8Array
  /** Of all messages: the first one's, or what was asked for. -1 = there was none yet. */
  magic: number
  /** Bits 0–2 compression, 3 timestamp type (format 1; 1 = LogAppendTime). */
  attributes = 0
  /** Of a wrapper the last message's. Not exact beyond ±(2^53−1): of what is sent here offsets do not count. */
  offset = 0
  /** Milliseconds since the epoch; -1 = none, as always in format 0. */
  timestamp = -1
  keyStart = -1
  keyEnd = -1
  valueStart = -1
  valueEnd = -1
  /** Bytes of the message with offset and size. */
  size = 0
  private position = 0
  private readonly view: DataView

  /** @param magic that of the wrapper, when these are the messages inside it */
  constructor(bytes: Uint8Array, magic = -1) {
    this.bytes = bytes
    this.magic = magic
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  get compression(): number {
    return this.attributes & 7
  }

  /** Whether the broker has set the timestamp. */
  get isStamped(): boolean {
    return this.magic === 1 && (this.attributes & STAMPED) !== 0
  }

  /**
   * Moves to the next message. False after the last whole one: a set may end in a part of a message.
   *
   * @throws DecodeError: `BAD_BATCH` (a length that cannot be right), `BAD_CRC`, `BAD_RECORD` (another format than the first one's)
   */
  next(): boolean {
    const { view } = this
    const start = this.position
    const left = this.bytes.length - start
    if (left < BEFORE_SIZE_COUNTS) return false
    const size = view.getInt32(start + 8) + BEFORE_SIZE_COUNTS
    if (size < OVERHEAD[0]) this.fail('BAD_BATCH', `a message of ${size} bytes`, `${OVERHEAD[0]} or more`)
    if (size > left) return false
    const magic = view.getInt8(start + MAGIC_AT)
    if (magic < 0 || magic > 2) this.fail('BAD_BATCH', `a message of magic ${magic}`, 'magic 0 or 1')
    if (this.magic >= 0 && magic !== this.magic)
      this.fail('BAD_RECORD', `a message of magic ${magic}`, `magic ${this.magic}, as those before it`)
    const end = start + size
    if (view.getUint32(start + CRC_AT) !== crc32(this.bytes, start + MAGIC_AT, end))
      this.fail('BAD_CRC', 'a message with a wrong CRC', 'that of its bytes')
    this.magic = magic
    this.size = size
    this.attributes = view.getInt8(start + ATTRIBUTES_AT)
    this.offset = this.int64(start)
    let at = start + TIMESTAMP_AT
    if (magic === 0) this.timestamp = -1
    else {
      if (size < OVERHEAD[1]) this.fail('BAD_BATCH', `a message of ${size} bytes`, `${OVERHEAD[1]} or more`)
      this.timestamp = this.int64(at)
      // One less than can be held: between it and -1, which is none, lies a number that can.
      if (this.timestamp < -1 || this.timestamp >= Number.MAX_SAFE_INTEGER)
        this.fail('BAD_RECORD', `a timestamp of about ${this.timestamp} ms`, '-1, or 0 to 2^53−2')
      at += 8
    }
    const keyLength = view.getInt32(at)
    at += 4
    if (keyLength > end - 4 - at) this.fail('BAD_BATCH', `a key of ${keyLength} bytes`, 'a key within the message')
    this.keyStart = keyLength < 0 ? -1 : at
    at += Math.max(keyLength, 0)
    this.keyEnd = keyLength < 0 ? -1 : at
    const valueLength = view.getInt32(at)
    at += 4
    if (valueLength > end - at) this.fail('BAD_BATCH', `a value of ${valueLength} bytes`, 'a value within the message')
    this.valueStart = valueLength < 0 ? -1 : at
    this.valueEnd = valueLength < 0 ? -1 : at + valueLength
    this.position = end
    return true
  }

  /** The value as a view, or null. */
  value(): Uint8Array | null {
    return this.valueStart < 0 ? null : this.bytes.subarray(this.valueStart, this.valueEnd)
  }

  private int64(at: number): number {
    return this.view.getInt32(at) * TWO_32 + this.view.getUint32(at + 4)
  }

  private fail(code: 'BAD_BATCH' | 'BAD_CRC' | 'BAD_RECORD', found: string, expected: string): never {
    throw new DecodeError(code, this.position, 'records', found, expected)
  }
}
