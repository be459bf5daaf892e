/**
 * Zstandard. Decompression is fzstd's. Compression is the format's simplest whole form (RFC 8878): literals as they are,
 * repeats in the predefined tables; each version of Node's or of the reference library gives bytes of its own, and a run would not repeat.
 */
import { Decompress } from 'fzstd'
import { BytesOut, TooLongError } from './bytes-out.ts'
import { createTable, findMatches } from './matches.ts'
import { checkFrames } from './zstd-frames.ts'
import { Sequences } from './zstd-sequences.ts'

const MAGIC = 0xfd2fb528
/** One segment, as long as four bytes say; no checksum, as Kafka's zstd-jni writes it. */
const DESCRIPTOR = 0xa0
const BLOCK_SIZE = 128 * 1024
const RAW = 0
const COMPRESSED = 2

export function compressZstd(bytes: Uint8Array): Uint8Array {
  const out = new BytesOut((bytes.length >> 1) + 64)
  out.little(MAGIC, 4)
  out.byte(DESCRIPTOR)
  out.little(bytes.length, 4)
  const table = createTable(bytes.length)
  let at = 0
  do {
    const end = Math.min(at + BLOCK_SIZE, bytes.length)
    const block = compressedBlock(bytes, at, end, table)
    const last = end === bytes.length ? 1 : 0
    const pays = block.length < end - at
    out.little(last | ((pays ? COMPRESSED : RAW) << 1) | ((pays ? block.length : end - at) << 3), 3)
    if (pays) out.put(block)
    else out.put(bytes, at, end)
    at = end
  } while (at < bytes.length)
  return out.taken()
}

export function decompressZstd(bytes: Uint8Array, limit: number): Uint8Array {
  checkFrames(bytes, limit)
  const out = new BytesOut(bytes.length * 2, limit)
  let ended = false
  const stream = new Decompress((chunk, final) => {
    if (out.length + chunk.length > limit) throw new TooLongError(limit)
    out.put(chunk)
    ended = final ?? false
  })
  stream.push(bytes, true)
  if (!ended) throw new Error('A zstd frame that ends too early.')
  return out.taken()
}

function compressedBlock(bytes: Uint8Array, start: number, end: number, table: Int32Array): Uint8Array {
  const literals = new BytesOut(end - start)
  const sequences = new Sequences()
  const limits = { farthest: 0x7ffffff, startsBefore: end, endsBy: end }
  const rest = findMatches(bytes, start, limits, table, (from, to, distance, length) => {
    literals.put(bytes, from, to)
    sequences.add(to - from, distance, length)
  })
  literals.put(bytes, rest, end)
  const out = new BytesOut(literals.length + 64)
  // Raw literals; the second pair of bits says how long their length is.
  if (literals.length < 32) out.byte(literals.length << 3)
  else if (literals.length < 4096) out.little((1 << 2) | (literals.length << 4), 2)
  else out.little((3 << 2) | (literals.length << 4), 3)
  out.put(literals.taken())
  sequences.write(out)
  return out.taken()
}
