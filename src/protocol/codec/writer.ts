/**
 * Writes Kafka's wire types (ByteBufferAccessor.java, ByteUtils.java) into a buffer that grows.
 * Numbers and lengths that do not fit their field are refused with an `EncodeError`, never cut.
 *
 * `flexible` switches strings, bytes and arrays to their compact forms (KIP-482).
 */
import { EncodeError } from '../fault.ts'
import { utf8Length, writeUtf8 } from '../utf8.ts'
import { writeUuid } from '../uuid.ts'

const TWO_32 = 4294967296

export class Writer {
  bytes: Uint8Array
  view: DataView
  position = 0
  flexible = false

  /** @param capacity bytes to start with; a good guess saves copies */
  constructor(capacity = 512) {
    this.bytes = new Uint8Array(capacity)
    this.view = new DataView(this.bytes.buffer)
  }

  /** What was written, as a view: the buffer is given away and the writer must not be used again. */
  finish(): Uint8Array {
    return this.bytes.subarray(0, this.position)
  }

  /** Makes room for `count` more bytes, moves the position behind them and returns where they start. */
  reserve(count: number): number {
    const at = this.position
    const needed = at + count
    if (needed > this.bytes.length) this.#grow(needed)
    this.position = needed
    return at
  }

  bool(value: boolean, _label: string): void {
    const at = this.reserve(1)
    this.bytes[at] = value ? 1 : 0
  }

  int8(value: number, label: string): void {
    if ((value << 24) >> 24 !== value) outOfRange(label, value, 'an int8')
    const at = this.reserve(1)
    this.bytes[at] = value
  }

  int16(value: number, label: string): void {
    if ((value << 16) >> 16 !== value) outOfRange(label, value, 'an int16')
    const at = this.reserve(2)
    this.view.setInt16(at, value)
  }

  int32(value: number, label: string): void {
    if ((value | 0) !== value) outOfRange(label, value, 'an int32')
    const at = this.reserve(4)
    this.view.setInt32(at, value)
  }

  int64(value: number, label: string): void {
    if (!Number.isSafeInteger(value)) outOfRange(label, value, 'an integer within ±(2^53−1)')
    const at = this.reserve(8)
    const high = Math.floor(value / TWO_32)
    this.view.setInt32(at, high)
    this.view.setUint32(at + 4, value - high * TWO_32)
  }

  uvarint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      const at = this.reserve(1)
      this.bytes[at] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    const at = this.reserve(1)
    this.bytes[at] = rest
  }

  uuid(value: string, label: string): void {
    const at = this.reserve(16)
    if (!writeUuid(value, this.bytes, at)) outOfRange(label, JSON.stringify(value), 'a UUID of 22 base64url characters')
  }

  string(value: string, label: string): void {
    const length = utf8Length(value)
    if (this.flexible) this.uvarint(length + 1)
    else this.#shortLength(length, label)
    // The room first: growing replaces `bytes`.
    const at = this.reserve(length)
    writeUtf8(value, this.bytes, at)
  }

  nullableString(value: string | null, nullable: boolean, label: string): void {
    if (value !== null) this.string(value, label)
    else if (!nullable) nullRefused(label)
    else if (this.flexible) this.uvarint(0)
    else this.int16(-1, label)
  }

  /** The old form with a two-byte length, whatever `flexible` says: the header's client id. */
  plainNullableString(value: string | null, label: string): void {
    const flexible = this.flexible
    this.flexible = false
    this.nullableString(value, true, label)
    this.flexible = flexible
  }

  byteString(value: Uint8Array, _label: string): void {
    this.count(value.length)
    this.raw(value)
  }

  nullableByteString(value: Uint8Array | null, nullable: boolean, label: string): void {
    if (value !== null) this.byteString(value, label)
    else if (!nullable) nullRefused(label)
    else this.nullCount()
  }

  /** Bytes as they are, without a length. */
  raw(value: Uint8Array): void {
    const at = this.reserve(value.length)
    this.bytes.set(value, at)
  }

  /** The length of an array, of bytes or of a `records` field. */
  count(length: number): void {
    if (this.flexible) this.uvarint(length + 1)
    else this.int32(length, 'length')
  }

  nullCount(): void {
    if (this.flexible) this.uvarint(0)
    else this.int32(-1, 'length')
  }

  /** Starts a tagged field; give what it returns to `endTag`. */
  beginTag(tag: number): number {
    this.uvarint(tag)
    return this.reserve(1)
  }

  /** Ends a tagged field: its size goes before it, and what was written moves back if one byte is too few. */
  endTag(start: number): void {
    const size = this.position - start - 1
    const extra =
      (size > 0x7f ? 1 : 0) + (size > 0x3fff ? 1 : 0) + (size > 0x1fffff ? 1 : 0) + (size > 0xfffffff ? 1 : 0)
    if (extra > 0) {
      this.reserve(extra)
      this.bytes.copyWithin(start + 1 + extra, start + 1, start + 1 + size)
    }
    const end = this.position
    this.position = start
    this.uvarint(size)
    this.position = end
  }

  #shortLength(length: number, label: string): void {
    if (length > 32767) outOfRange(label, `${length} bytes`, 'a string of at most 32767 bytes in this version')
    this.int16(length, label)
  }

  #grow(needed: number): void {
    const bytes = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    bytes.set(this.bytes.subarray(0, this.position))
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
  }
}

export type ItemWriter<T> = (w: Writer, version: number, item: T) => void

/** An array that may not be null. */
export function writeArray<T>(w: Writer, version: number, items: readonly T[], item: ItemWriter<T>): void {
  w.count(items.length)
  for (let i = 0; i < items.length; i++) item(w, version, items[i]!)
}

/** An array that is null in some versions; `nullable` says whether in this one. */
export function writeNullableArray<T>(
  w: Writer,
  version: number,
  items: readonly T[] | null,
  nullable: boolean,
  label: string,
  item: ItemWriter<T>,
): void {
  if (items !== null) writeArray(w, version, items, item)
  else if (!nullable) nullRefused(label)
  else w.nullCount()
}

/** A struct that may be null: a byte before it says so. */
export function writeNullableStruct<T>(w: Writer, version: number, value: T | null, struct: ItemWriter<T>): void {
  w.int8(value === null ? -1 : 1, 'presence of a struct')
  if (value !== null) struct(w, version, value)
}

export const writeInt8Item: ItemWriter<number> = (w, _version, item) => w.int8(item, 'item of an array')
export const writeInt32Item: ItemWriter<number> = (w, _version, item) => w.int32(item, 'item of an array')
export const writeInt64Item: ItemWriter<number> = (w, _version, item) => w.int64(item, 'item of an array')
export const writeStringItem: ItemWriter<string> = (w, _version, item) => w.string(item, 'item of an array')

/** A field the version lacks has a value that may not be dropped (not `ignorable`). */
export function unsupported(label: string, version: number): never {
  throw new EncodeError(
    'UNSUPPORTED_FIELD',
    label,
    `version ${version} has no such field, and only its default may be left out`,
  )
}

function nullRefused(label: string): never {
  throw new EncodeError('NULL_NOT_ALLOWED', label, 'null, which this version does not allow')
}

function outOfRange(label: string, value: number | string, expected: string): never {
  throw new EncodeError('OUT_OF_RANGE', label, `${value} is not ${expected}`)
}
