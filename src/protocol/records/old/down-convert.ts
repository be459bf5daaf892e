/** Records of a batch as messages of formats 0 and 1 (RecordsUtil.downConvert, MemoryRecordsBuilder.appendLegacyRecord). */
import type { RecordBatch } from '../../batch.ts'
import { crc32 } from '../../crc32.ts'
import { compressionCode, timestampType } from '../attributes.ts'
import { RecordCursor } from '../cursor.ts'
import { withWrongChecksum } from './lz4-header.ts'
import { BEFORE_SIZE_COUNTS, MAGIC_AT, type OldMagic, OVERHEAD, STAMPED } from './message-set.ts'

const TWO_32 = 4294967296
const LZ4 = 3

/**
 * A batch as a message set; null when nothing is left. Headers have no place in it. With a codec it is one wrapper with all
 * records, without one those from `firstOffset` on: older readers do not skip.
 *
 * @param section the records section, decompressed
 * @param compress the batch's own codec; null for messages as they are
 */
export function downConvert(
  batch: RecordBatch,
  section: Uint8Array,
  magic: OldMagic,
  firstOffset: number,
  compress: ((bytes: Uint8Array) => Uint8Array) | null,
): Uint8Array | null {
  const from = compress === null ? firstOffset : 0
  const { size, first, last, maxTimestamp } = measure(batch, section, magic, from)
  if (size === 0) return null
  const stamped = magic === 1 && timestampType(batch) === 'LogAppendTime' ? STAMPED : 0
  const set = new MessageWriter(size, magic)
  const cursor = new RecordCursor(batch, section)
  const relativeTo = magic === 1 && compress !== null ? first : 0
  while (cursor.next())
    if (cursor.offset >= from)
      set.put(cursor.offset - relativeTo, stamped, cursor.timestamp, cursor.key(), cursor.value())
  if (compress === null) return set.bytes
  const code = compressionCode(batch)
  const packed = compress(set.bytes)
  const value = magic === 0 && code === LZ4 ? withWrongChecksum(packed) : packed
  const wrapper = new MessageWriter(OVERHEAD[magic] + value.length, magic)
  wrapper.put(last, stamped | code, maxTimestamp, null, value)
  return wrapper.bytes
}

function measure(batch: RecordBatch, section: Uint8Array, magic: OldMagic, from: number) {
  let size = 0
  let first = -1
  let last = -1
  let maxTimestamp = -1
  const cursor = new RecordCursor(batch, section)
  while (cursor.next()) {
    if (cursor.offset < from) continue
    if (first < 0) first = cursor.offset
    last = cursor.offset
    if (cursor.timestamp > maxTimestamp) maxTimestamp = cursor.timestamp
    size += OVERHEAD[magic] + cursor.keyEnd - cursor.keyStart + cursor.valueEnd - cursor.valueStart
  }
  return { size, first, last, maxTimestamp }
}

class MessageWriter {
  readonly bytes: Uint8Array
  private readonly view: DataView
  private readonly magic: OldMagic
  private position = 0

  constructor(size: number, magic: OldMagic) {
    this.bytes = new Uint8Array(size)
    this.view = new DataView(this.bytes.buffer)
    this.magic = magic
  }

  put(offset: number, attributes: number, timestamp: number, key: Uint8Array | null, value: Uint8Array | null): void {
    const { bytes, view, magic } = this
    const start = this.position
    const end = start + OVERHEAD[magic] + (key?.length ?? 0) + (value?.length ?? 0)
    this.int64(start, offset)
    view.setInt32(start + 8, end - start - BEFORE_SIZE_COUNTS)
    let at = start + MAGIC_AT
    bytes[at++] = magic
    bytes[at++] = attributes
    if (magic === 1) {
      this.int64(at, timestamp)
      at += 8
    }
    at = this.part(at, key)
    this.part(at, value)
    view.setUint32(start + MAGIC_AT - 4, crc32(bytes, start + MAGIC_AT, end))
    this.position = end
  }

  private part(at: number, part: Uint8Array | null): number {
    this.view.setInt32(at, part === null ? -1 : part.length)
    if (part === null) return at + 4
    this.bytes.set(part, at + 4)
    return at + 4 + part.length
  }

  private int64(at: number, value: number): void {
    this.view.setInt32(at, Math.floor(value / TWO_32))
    this.view.setUint32(at + 4, value >>> 0)
  }
}
