/**
 * Snappy: blocks of its raw format, alone (as librdkafka and others send them) or in the framing of xerial's snappy-java,
 * which the Java clients and brokers write and of which they read both (SnappyInputStream).
 */
import { BytesOut, TooLongError } from './bytes-out.ts'
import { createTable, findMatches } from './matches.ts'

const MAGIC = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]
/** Magic, version, the least version that can read it. */
const HEADER_SIZE = 16
/** What snappy-java puts into one block (`org.xerial.snappy.SnappyOutputStream`). */
const BLOCK_SIZE = 32 * 1024

export function compressSnappy(bytes: Uint8Array): Uint8Array {
  const out = new BytesOut(HEADER_SIZE + (bytes.length >> 1) + 64)
  for (const byte of MAGIC) out.byte(byte)
  out.big32(1)
  out.big32(1)
  for (let at = 0; at < bytes.length; at += BLOCK_SIZE) {
    const block = new BytesOut(BLOCK_SIZE)
    writeBlock(bytes.subarray(at, at + BLOCK_SIZE), block)
    out.big32(block.length)
    out.put(block.taken())
  }
  return out.taken()
}

export function decompressSnappy(bytes: Uint8Array, limit: number): Uint8Array {
  const out = new BytesOut(bytes.length * 2, limit)
  if (!MAGIC.every((byte, i) => bytes[i] === byte)) {
    readBlock(bytes, out, limit)
    return out.taken()
  }
  if (bytes.length < HEADER_SIZE) throw new Error('A snappy header that is not whole.')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = HEADER_SIZE
  while (at < bytes.length) {
    const size = at + 4 <= bytes.length ? view.getInt32(at) : -1
    at += 4
    if (size < 0 || at + size > bytes.length) throw new Error('A snappy block that is not whole.')
    readBlock(bytes.subarray(at, at + size), out, limit)
    at += size
  }
  return out.taken()
}

function writeBlock(bytes: Uint8Array, out: BytesOut): void {
  let length = bytes.length
  for (; length > 0x7f; length >>>= 7) out.byte((length & 0x7f) | 0x80)
  out.byte(length)
  const limits = { farthest: BLOCK_SIZE, startsBefore: bytes.length, endsBy: bytes.length }
  const rest = findMatches(bytes, 0, limits, createTable(bytes.length), (from, to, distance, repeated) => {
    writeLiterals(bytes, from, to, out)
    for (let left = repeated; left > 0; ) {
      const count = Math.min(left, 64)
      out.byte(((count - 1) << 2) | 2)
      out.little(distance, 2)
      left -= count
    }
  })
  writeLiterals(bytes, rest, bytes.length, out)
}

function writeLiterals(bytes: Uint8Array, from: number, to: number, out: BytesOut): void {
  const last = to - from - 1
  if (last < 0) return
  if (last < 60) out.byte(last << 2)
  else if (last < 256) out.little((60 << 2) | (last << 8), 2)
  else out.little((61 << 2) | (last << 8), 3)
  out.put(bytes, from, to)
}

function readBlock(bytes: Uint8Array, out: BytesOut, limit: number): void {
  let at = 0
  const next = () => {
    const byte = bytes[at++]
    if (byte === undefined) throw new Error('A snappy block that ends too early.')
    return byte
  }
  const number = (count: number) => {
    let value = 0
    for (let i = 0; i < count; i++) value += next() * 2 ** (8 * i)
    return value
  }
  let length = 0
  for (let power = 1, more = true; more; power *= 128) {
    const byte = next()
    length += (byte & 0x7f) * power
    more = byte >= 0x80
    if (more && power >= 2 ** 28) throw new Error('A snappy block whose length is none.')
  }
  const begin = out.length
  if (begin + length > limit) throw new TooLongError(limit)
  const end = begin + length
  while (at < bytes.length) {
    const tag = next()
    const kind = tag & 3
    if (kind === 0) {
      const short = tag >>> 2
      const count = 1 + (short < 60 ? short : number(short - 59))
      if (at + count > bytes.length || out.length + count > end) throw new Error('Snappy literals that do not fit.')
      out.put(bytes, at, at + count)
      at += count
      continue
    }
    const count = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1
    const distance = kind === 1 ? ((tag >>> 5) << 8) | next() : number(kind === 2 ? 2 : 4)
    if (out.length + count > end) throw new Error('A snappy block that is longer than it says.')
    out.repeat(distance, count, begin)
  }
  if (out.length !== end) throw new Error('A snappy block that is shorter than it says.')
}
