/**
 * LZ4 frames as Kafka has them in magic 2 (Lz4BlockOutputStream, Lz4BlockInputStream): version 1, independent blocks. A checksum
 * of the content is skipped, those of the header and of blocks are verified. Blocks that depend on each other Kafka does not read.
 */

import { xxHash32 } from '../../protocol/xxhash32.ts'
import { BytesOut } from './bytes-out.ts'
import { createTable, findMatches } from './matches.ts'

const MAGIC = 0x184d2204
const VERSION_1 = 0x40
const INDEPENDENT = 0x20
const BLOCK_CHECKSUM = 0x10
const CONTENT_SIZE = 0x08
const CONTENT_CHECKSUM = 0x04
const DICTIONARY = 0x01
const STORED = 0x80000000
/** Block sizes are 64 KiB (4), 256 KiB, 1 MiB, 4 MiB (7); Kafka writes 4. */
const SIZE_CODE = 4
const BLOCK_SIZE = 64 * 1024
/** A block ends with at least so many literals, and its last repeat starts so long before its end. */
const LAST_LITERALS = 5
const LAST_MATCH = 12

export function compressLz4(bytes: Uint8Array): Uint8Array {
  const out = new BytesOut((bytes.length >> 1) + 64)
  const header = Uint8Array.of(VERSION_1 | INDEPENDENT, SIZE_CODE << 4)
  out.little(MAGIC, 4)
  out.put(header)
  out.byte((xxHash32(header) >>> 8) & 0xff)
  for (let at = 0; at < bytes.length; at += BLOCK_SIZE) {
    const plain = bytes.subarray(at, at + BLOCK_SIZE)
    const block = new BytesOut(BLOCK_SIZE)
    writeBlock(plain, block)
    const pays = block.length < plain.length
    out.little(pays ? block.length : (plain.length | STORED) >>> 0, 4)
    out.put(pays ? block.taken() : plain)
  }
  out.little(0, 4)
  return out.taken()
}

export function decompressLz4(bytes: Uint8Array, limit: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (view.getUint32(0, true) !== MAGIC) throw new Error('No LZ4 frame.')
  const flags = view.getUint8(4)
  const sizeCode = view.getUint8(5) >>> 4
  if ((flags & 0xc0) !== VERSION_1 || (flags & (DICTIONARY | 2)) !== 0 || sizeCode < 4 || sizeCode > 7)
    throw new Error('An LZ4 frame of a kind that Kafka does not know.')
  if ((flags & INDEPENDENT) === 0) throw new Error('An LZ4 frame of blocks that depend on each other.')
  let at = 6 + ((flags & CONTENT_SIZE) !== 0 ? 8 : 0)
  if (view.getUint8(at) !== ((xxHash32(bytes.subarray(4, at)) >>> 8) & 0xff))
    throw new Error('An LZ4 frame with a damaged header.')
  at += 1
  const out = new BytesOut(bytes.length * 2, limit)
  const largest = 1 << (8 + 2 * sizeCode)
  for (;;) {
    const word = view.getUint32(at, true)
    at += 4
    if (word === 0) break
    const size = word & 0x7fffffff
    if (size > largest || at + size > bytes.length) throw new Error('An LZ4 block that is not whole.')
    const block = bytes.subarray(at, at + size)
    at += size
    if ((flags & BLOCK_CHECKSUM) !== 0) {
      if (view.getUint32(at, true) !== xxHash32(block)) throw new Error('An LZ4 block with a wrong checksum.')
      at += 4
    }
    if (word >= STORED) out.put(block)
    else readBlock(block, out, out.length + largest)
  }
  if ((flags & CONTENT_CHECKSUM) !== 0) at += 4
  if (at > bytes.length) throw new Error('An LZ4 frame that ends too early.')
  return out.taken()
}

function writeBlock(bytes: Uint8Array, out: BytesOut): void {
  const { length } = bytes
  const limits = { farthest: 0xffff, startsBefore: length - LAST_MATCH + 1, endsBy: length - LAST_LITERALS }
  const rest = findMatches(bytes, 0, limits, createTable(length), (from, to, distance, repeated) => {
    const beyond = repeated - 4
    out.byte((Math.min(to - from, 15) << 4) | Math.min(beyond, 15))
    writeLength(to - from, out)
    out.put(bytes, from, to)
    out.little(distance, 2)
    writeLength(beyond, out)
  })
  out.byte(Math.min(length - rest, 15) << 4)
  writeLength(length - rest, out)
  out.put(bytes, rest, length)
}

/** What four bits did not hold. */
function writeLength(length: number, out: BytesOut): void {
  if (length < 15) return
  let left = length - 15
  for (; left >= 255; left -= 255) out.byte(255)
  out.byte(left)
}

function readBlock(bytes: Uint8Array, out: BytesOut, end: number): void {
  const begin = out.length
  let at = 0
  const next = () => {
    const byte = bytes[at++]
    if (byte === undefined) throw new Error('An LZ4 block that ends too early.')
    return byte
  }
  const more = (short: number) => {
    let length = short
    if (short === 15) for (let byte = 255; byte === 255; length += byte) byte = next()
    return length
  }
  for (;;) {
    const token = next()
    const literals = more(token >>> 4)
    if (at + literals > bytes.length || out.length + literals > end) throw new Error('LZ4 literals that do not fit.')
    out.put(bytes, at, at + literals)
    at += literals
    if (at === bytes.length) return
    const distance = next() | (next() << 8)
    const repeated = more(token & 15) + 4
    if (out.length + repeated > end) throw new Error('An LZ4 block that is longer than blocks may be.')
    out.repeat(distance, repeated, begin)
  }
}
