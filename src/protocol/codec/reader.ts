/**
 * Reads Kafka's wire types (ByteBufferAccessor.java, ByteUtils.java) from one frame and refuses what cannot be
 * right: every read is checked against the frame's end, a count against the bytes that are left, so nothing is
 * read out of bounds and nothing is allocated because a length lies.
 *
 * `flexible` switches strings, bytes and arrays to their compact forms (KIP-482).
 */
import { EMPTY_BYTES } from '../defaults.ts'
import { DecodeError, type DecodeErrorCode } from '../fault.ts'
import { decodeUtf8 } from '../utf8.ts'
import { uuidToString } from '../uuid.ts'

const TWO_32 = 4294967296

export interface ReaderOptions {
  /** Verify the checksum of record batches. Default: true. */
  readonly checkCrcs?: boolean
  /** A batch cut off at the end of a `records` field is dropped instead of refused (Fetch answers may end so). */
  readonly allowPartialBatch?: boolean
  /**
   * What stands in a `records` field and is no batch becomes a `RecordBatch` with a `problem`, instead of making the whole request
   * unreadable: a broker answers about that partition, and takes the others.
   */
  readonly keepBadBatches?: boolean
}

export class Reader {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly checkCrcs: boolean
  readonly allowPartialBatch: boolean
  readonly keepBadBatches: boolean
  position = 0
  /** Exclusive. */
  end: number
  flexible = false
  // The way to the field being read, for error texts only.
  readonly #names: string[] = []
  readonly #items: number[] = []
  #depth = 0

  constructor(bytes: Uint8Array, options: ReaderOptions = {}) {
    // A host's own subclass (Node's Buffer) would leak into every view handed out.
    this.bytes = bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.checkCrcs = options.checkCrcs ?? true
    this.allowPartialBatch = options.allowPartialBatch ?? false
    this.keepBadBatches = options.keepBadBatches ?? false
    this.end = bytes.length
  }

  bool(label: string): boolean {
    return this.int8(label) !== 0
  }

  int8(label: string): number {
    return this.view.getInt8(this.#advance(1, label))
  }

  int16(label: string): number {
    return this.view.getInt16(this.#advance(2, label))
  }

  int32(label: string): number {
    return this.view.getInt32(this.#advance(4, label))
  }

  uint32(label: string): number {
    return this.view.getUint32(this.#advance(4, label))
  }

  /** A safe integer; a wire value beyond ±(2^53−1) is refused. */
  int64(label: string): number {
    const at = this.#advance(8, label)
    const value = this.view.getInt32(at) * TWO_32 + this.view.getUint32(at + 4)
    if (!Number.isSafeInteger(value)) {
      this.position = at
      this.fail('BAD_VALUE', label, 'an int64 beyond ±(2^53−1)', 'a number kafkarium can hold exactly')
    }
    return value
  }

  uuid(label: string): string {
    return uuidToString(this.bytes, this.#advance(16, label))
  }

  /** An unsigned varint of at most 32 bits. */
  uvarint(label: string): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.bytes[this.#advance(1, label)]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        if (shift === 28 && byte > 15) break
        return value >>> 0
      }
    }
    return this.fail('BAD_VALUE', label, 'a varint of more than 32 bits', 'an unsigned varint of at most five bytes')
  }

  string(label: string): string {
    return this.#text(this.#length(this.flexible ? 0 : 2, label, false), label)
  }

  nullableString(label: string): string | null {
    const length = this.#length(this.flexible ? 0 : 2, label, true)
    return length < 0 ? null : this.#text(length, label)
  }

  /** The old form with a two-byte length, whatever `flexible` says: the header's client id. */
  plainNullableString(label: string): string | null {
    const length = this.#length(2, label, true)
    return length < 0 ? null : this.#text(length, label)
  }

  /** A view into the frame, not a copy. */
  byteString(label: string): Uint8Array {
    return this.#view(this.#length(this.flexible ? 0 : 4, label, false), label)
  }

  /** A view into the frame, not a copy. */
  nullableByteString(label: string): Uint8Array | null {
    const length = this.#length(this.flexible ? 0 : 4, label, true)
    return length < 0 ? null : this.#view(length, label)
  }

  /** The size in bytes of a `records` field, or -1 for null. */
  recordsLength(label: string, nullable: boolean): number {
    return this.#length(this.flexible ? 0 : 4, label, nullable)
  }

  /** The number of items of an array, or -1 for null. Every item takes a byte at least, so a larger count lies. */
  arrayLength(label: string, nullable: boolean): number {
    return this.#length(this.flexible ? 0 : 4, label, nullable)
  }

  /** The number of tagged fields that follow. */
  tagCount(): number {
    const count = this.uvarint('tagged fields')
    // A tagged field takes two bytes at least.
    if (count * 2 > this.end - this.position) this.fail('BAD_LENGTH', '', `${count} tagged fields`, this.#left())
    return count
  }

  /** Reads the size of a tagged field and returns the position after it. */
  tagEnd(): number {
    const size = this.uvarint('tagged field')
    if (size > this.end - this.position) this.fail('TRUNCATED', '', `a tagged field of ${size} bytes`, this.#left())
    return this.position + size
  }

  /** A known tagged field has been read: it must end where its size said. */
  endTag(end: number, label: string): void {
    if (this.position !== end)
      this.fail(
        'BAD_VALUE',
        label,
        `a tagged field that is ${this.position > end ? 'longer' : 'shorter'} than its size`,
        `its end at byte ${end}`,
      )
  }

  /** Skips all tagged fields of a struct that has none in this version. Unknown ones are dropped, as the protocol allows. */
  skipTags(): void {
    for (let n = this.tagCount(); n > 0; n--) {
      this.uvarint('tagged field')
      this.position = this.tagEnd()
    }
  }

  enter(label: string): void {
    this.#names[this.#depth] = label
    this.#items[this.#depth++] = -1
  }

  item(index: number): void {
    this.#items[this.#depth - 1] = index
  }

  leave(): void {
    this.#depth--
  }

  /** @throws DecodeError with the position and the path of the field being read */
  fail(code: DecodeErrorCode, label: string, found: string, expected: string): never {
    let path = ''
    for (let i = 0; i < this.#depth; i++) {
      const item = this.#items[i]!
      path += (path === '' ? '' : '.') + this.#names[i]! + (item < 0 ? '' : `[${item}]`)
    }
    if (label !== '') path += (path === '' ? '' : '.') + label
    throw new DecodeError(code, this.position, path, found, expected)
  }

  /** @throws DecodeError unless everything was read */
  finish(): void {
    if (this.position !== this.end)
      this.fail('TRAILING_BYTES', '', `${this.end - this.position} bytes too many`, 'the end of the frame')
  }

  #advance(count: number, label: string): number {
    const at = this.position
    if (at + count > this.end)
      this.fail('TRUNCATED', label, `only ${this.end - at} of ${count} bytes`, 'the whole value')
    this.position = at + count
    return at
  }

  /** A length in `width` bytes, or as a compact one for width 0, checked against what is left; -1 is null. */
  #length(width: number, label: string, nullable: boolean): number {
    const at = this.position
    const length = width === 0 ? this.uvarint(label) - 1 : width === 2 ? this.int16(label) : this.int32(label)
    if (length > this.end - this.position) {
      const left = this.#left()
      this.position = at
      this.fail('BAD_LENGTH', label, `a length of ${length}`, left)
    }
    if (length < 0 && !(nullable && length === -1)) {
      this.position = at
      if (length === -1) this.fail('BAD_VALUE', label, 'null', 'a value: the field is not nullable in this version')
      this.fail('BAD_LENGTH', label, `a length of ${length}`, nullable ? '-1 (null) or more' : '0 or more')
    }
    return length
  }

  #text(length: number, label: string): string {
    const at = this.#advance(length, label)
    return decodeUtf8(this.bytes, at, at + length)
  }

  #view(length: number, label: string): Uint8Array {
    const at = this.#advance(length, label)
    return length === 0 ? EMPTY_BYTES : this.bytes.subarray(at, at + length)
  }

  #left(): string {
    return `at most the ${this.end - this.position} that are left`
  }
}

export type ItemReader<T> = (r: Reader, version: number) => T

/** An array that may not be null. */
export function readArray<T>(r: Reader, version: number, label: string, item: ItemReader<T>): readonly T[] {
  return readItems(r, version, label, r.arrayLength(label, false), item)
}

/** An array that may be null. */
export function readNullableArray<T>(
  r: Reader,
  version: number,
  label: string,
  item: ItemReader<T>,
): readonly T[] | null {
  const count = r.arrayLength(label, true)
  return count < 0 ? null : readItems(r, version, label, count, item)
}

function readItems<T>(r: Reader, version: number, label: string, count: number, item: ItemReader<T>): readonly T[] {
  const items: T[] = []
  r.enter(label)
  for (let i = 0; i < count; i++) {
    r.item(i)
    items.push(item(r, version))
  }
  r.leave()
  return items
}

/** A struct in a field of its own. */
export function readStruct<T>(r: Reader, version: number, label: string, struct: ItemReader<T>): T {
  r.enter(label)
  const value = struct(r, version)
  r.leave()
  return value
}

/** A struct that may be null: a byte before it says so, below 0 for null (MessageDataGenerator.java). */
export function readNullableStruct<T>(r: Reader, version: number, label: string, struct: ItemReader<T>): T | null {
  return r.int8(label) < 0 ? null : readStruct(r, version, label, struct)
}

export const readInt8Item: ItemReader<number> = (r) => r.int8('')
export const readInt32Item: ItemReader<number> = (r) => r.int32('')
export const readInt64Item: ItemReader<number> = (r) => r.int64('')
export const readStringItem: ItemReader<string> = (r) => r.string('')
