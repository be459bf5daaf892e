/** Reads the records of a batch (DefaultRecord.java) one after the other without allocating anything for them. */
import type { RecordBatch } from '../batch.ts'
import { DecodeError } from '../fault.ts'
import { decodeUtf8 } from '../utf8.ts'
import { compressionCode, compressionOf, timestampType } from './attributes.ts'

export interface DecodedRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly DecodedHeader[]
}

/** Name as text, value as a view. Names may repeat. */
export type DecodedHeader = readonly [name: string, value: Uint8Array | null]

/**
 * A position in the records of a batch. After `next()` returned true, the fields describe the record;
 * starts and ends are indexes into `bytes`, -1 for null.
 *
 * ```ts
 * const cursor = new RecordCursor(batch)
 * while (cursor.next()) total += cursor.valueEnd - cursor.valueStart
 * ```
 */
export class RecordCursor {
  /** The records section, decompressed. */
  readonly bytes: Uint8Array
  offset = -1
  /** Milliseconds since the epoch; the batch's `maxTimestamp` under LogAppendTime. */
  timestamp = -1
  /** Of the record; Kafka uses none yet. */
  attributes = 0
  keyStart = -1
  keyEnd = -1
  valueStart = -1
  valueEnd = -1
  headerCount = 0
  private headersStart = 0
  private position = 0
  /** Records not yet read. */
  private left: number
  private readonly baseOffset: number
  private readonly baseTimestamp: number
  private readonly maxTimestamp: number
  /** All records have the batch's `maxTimestamp`. */
  private readonly logAppendTime: boolean

  /**
   * @param section the records section decompressed; needed when the batch is compressed
   * @throws DecodeError (`BAD_BATCH`) for a compressed batch without it
   */
  constructor(batch: RecordBatch, section?: Uint8Array) {
    if (section === undefined && compressionCode(batch) !== 0) {
      const found = `a section compressed with ${compressionOf(batch) ?? `type ${compressionCode(batch)}`}`
      throw new DecodeError('BAD_BATCH', 0, 'records', found, 'the decompressed section as second argument')
    }
    this.bytes = section ?? batch.records
    this.left = batch.recordCount
    this.baseOffset = batch.baseOffset
    this.baseTimestamp = batch.baseTimestamp
    this.maxTimestamp = batch.maxTimestamp
    this.logAppendTime = timestampType(batch) === 'LogAppendTime'
  }

  /**
   * Moves to the next record. False after the last.
   *
   * @throws DecodeError (`BAD_RECORD`) where the section does not hold what the header promised
   */
  next(): boolean {
    const bytes = this.bytes
    let p = this.position
    if (this.left === 0) {
      if (p !== bytes.length) this.fail(`${bytes.length - p} bytes after the last record`, 'the end of the section')
      return false
    }
    // Every varint is read in place when it is one byte, as most are. Beyond the end a byte is undefined,
    // which is not less than anything, so the slow way finds out.
    let byte = bytes[p]!
    let length = 0
    if (byte < 0x80) {
      length = (byte >>> 1) ^ -(byte & 1)
      p++
    } else {
      length = this.varint(p)
      p = this.position
    }
    const end = p + length
    if (length < 0 || end > bytes.length)
      this.fail(`a record of ${length} bytes`, `at most the ${bytes.length - p} left`)
    this.attributes = bytes[p++]!

    byte = bytes[p]!
    let timestampDelta = 0
    if (byte < 0x80) {
      timestampDelta = (byte >>> 1) ^ -(byte & 1)
      p++
    } else {
      timestampDelta = this.varint(p)
      p = this.position
    }
    this.timestamp = this.logAppendTime ? this.maxTimestamp : this.baseTimestamp + timestampDelta

    byte = bytes[p]!
    let offsetDelta = 0
    if (byte < 0x80) {
      offsetDelta = (byte >>> 1) ^ -(byte & 1)
      p++
    } else {
      offsetDelta = this.varint(p)
      p = this.position
    }
    this.offset = this.baseOffset + offsetDelta

    byte = bytes[p]!
    if (byte < 0x80) {
      length = (byte >>> 1) ^ -(byte & 1)
      p++
    } else {
      length = this.varint(p)
      p = this.position
    }
    if (length < 0) {
      this.keyStart = this.keyEnd = this.nothing(length, 'key')
    } else {
      this.keyStart = p
      this.keyEnd = p += length
    }

    byte = bytes[p]!
    if (byte < 0x80) {
      length = (byte >>> 1) ^ -(byte & 1)
      p++
    } else {
      length = this.varint(p)
      p = this.position
    }
    if (length < 0) {
      this.valueStart = this.valueEnd = this.nothing(length, 'value')
    } else {
      this.valueStart = p
      this.valueEnd = p += length
    }

    byte = bytes[p]!
    if (byte === 0) {
      this.headerCount = 0
      p++
    } else {
      p = this.skipHeaders(p, end)
    }
    if (p !== end) this.fail('a record whose parts do not fill it', `its end at byte ${end}, not ${p}`)
    this.position = p
    this.left--
    return true
  }

  /** The key as a view, or null. */
  key(): Uint8Array | null {
    return this.keyStart < 0 ? null : this.bytes.subarray(this.keyStart, this.keyEnd)
  }

  /** The value as a view, or null. */
  value(): Uint8Array | null {
    return this.valueStart < 0 ? null : this.bytes.subarray(this.valueStart, this.valueEnd)
  }

  /** The headers of the record, parsed anew at every call. */
  headers(): readonly DecodedHeader[] {
    if (this.headerCount === 0) return []
    const after = this.position
    const headers: DecodedHeader[] = []
    let p = this.headersStart
    for (let i = 0; i < this.headerCount; i++) {
      let length = this.varint(p)
      p = this.position
      const name = decodeUtf8(this.bytes, p, p + length)
      length = this.varint(p + length)
      p = this.position
      headers.push([name, length < 0 ? null : this.bytes.subarray(p, p + length)])
      if (length > 0) p += length
    }
    this.position = after
    return headers
  }

  /** Checks the headers from `start` on and returns where they end. */
  private skipHeaders(start: number, end: number): number {
    const count = this.varint(start)
    let p = this.position
    // A header takes two bytes at least.
    if (count < 0 || count * 2 > end - p)
      this.fail(`${count} headers`, `headers in the ${end - p} bytes left of the record`)
    this.headerCount = count
    this.headersStart = p
    for (let i = 0; i < count; i++) {
      let length = this.varint(p)
      p = this.position + length
      if (length < 0 || p >= end) this.fail(`a header's name of ${length} bytes`, 'a name within the record')
      length = this.varint(p)
      p = this.position + Math.max(0, length)
      if (length < -1 || p > end) this.fail(`a header's value of ${length} bytes`, 'a value within the record')
    }
    return p
  }

  /** Reads a zigzag varint at `start` and leaves `position` behind it. Up to three bytes are worth a short cut. */
  private varint(start: number): number {
    const { bytes } = this
    const first = bytes[start]!
    if (first < 0x80) {
      this.position = start + 1
      return (first >>> 1) ^ -(first & 1)
    }
    const second = bytes[start + 1]!
    if (second < 0x80) {
      this.position = start + 2
      const raw = (first & 0x7f) | (second << 7)
      return (raw >>> 1) ^ -(raw & 1)
    }
    const third = bytes[start + 2]!
    if (third < 0x80) {
      this.position = start + 3
      const raw = (first & 0x7f) | ((second & 0x7f) << 7) | (third << 14)
      return (raw >>> 1) ^ -(raw & 1)
    }
    return this.longVarint(start)
  }

  private longVarint(start: number): number {
    const { bytes } = this
    let p = start
    let value = 0
    let scale = 1
    for (;;) {
      if (p >= bytes.length || scale > 2 ** 63) {
        this.position = start
        this.fail('a varint without end', 'a varint of at most ten bytes within the section')
      }
      const byte = bytes[p++]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) break
      scale *= 128
    }
    this.position = p
    const isExact = value <= Number.MAX_SAFE_INTEGER
    const decoded = isExact ? (value % 2 === 0 ? value / 2 : -(value + 1) / 2) : exactly(bytes, start, p)
    if (!Number.isSafeInteger(decoded)) this.fail('a number beyond ±(2^53−1)', 'a number kafkarium can hold exactly')
    return decoded
  }

  private nothing(length: number, what: string): -1 {
    if (length !== -1) this.fail(`a ${what} of ${length} bytes`, '-1 (null) or more')
    return -1
  }

  private fail(found: string, expected: string): never {
    throw new DecodeError('BAD_RECORD', this.position, `records[offset after ${this.offset}]`, found, expected)
  }
}

/** A zigzag varint whose parity would be lost in a number. */
function exactly(bytes: Uint8Array, start: number, end: number): number {
  let raw = 0n
  for (let p = end - 1; p >= start; p--) raw = (raw << 7n) | BigInt(bytes[p]! & 0x7f)
  return Number((raw >> 1n) ^ -(raw & 1n))
}

/**
 * All records of a batch; keys, values and header values are views into its section.
 *
 * @param section the records section decompressed; needed when the batch is compressed
 * @throws DecodeError (`BAD_RECORD`, `BAD_BATCH`)
 */
export function readRecords(batch: RecordBatch, section?: Uint8Array): DecodedRecord[] {
  const cursor = new RecordCursor(batch, section)
  const records: DecodedRecord[] = []
  while (cursor.next()) {
    const { offset, timestamp } = cursor
    records.push({ offset, timestamp, key: cursor.key(), value: cursor.value(), headers: cursor.headers() })
  }
  return records
}
