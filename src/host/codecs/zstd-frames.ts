/**
 * A walk over zstd frames without decompressing them (RFC 8878, 3.1): whether they are whole, how much memory their windows take, and
 * whether they hold what fzstd would read for ever. What somebody sent must neither stop nor fill the process.
 */
import { TooLongError } from './bytes-out.ts'
import { BlockChecker, MOST_OF_A_BLOCK } from './zstd-blocks.ts'

const MAGIC = 0xfd2fb528
const SKIPPABLE = 0x184d2a5

/** @throws Error for what is no row of whole frames, TooLongError for a window above the limit. */
export function checkFrames(bytes: Uint8Array, limit: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const windows = { left: limit }
  let at = 0
  while (at < bytes.length) {
    const magic = view.getUint32(at, true)
    if (magic === MAGIC) at = afterFrame(view, bytes, at + 4, limit, windows)
    else if (magic >>> 4 === SKIPPABLE) at += 8 + view.getUint32(at + 4, true)
    else throw new Error('No zstd frame.')
  }
  if (at !== bytes.length || at === 0) throw new Error('A zstd frame that ends too early.')
}

function afterFrame(
  view: DataView,
  bytes: Uint8Array,
  start: number,
  limit: number,
  windows: { left: number },
): number {
  // All of them together: each is memory that is made anew.
  const take = (size: number) => {
    windows.left -= size
    if (windows.left < 0) throw new TooLongError(limit)
  }
  const blocks = new BlockChecker(bytes)
  const descriptor = view.getUint8(start)
  const single = (descriptor & 0x20) !== 0
  const sizeCode = descriptor >>> 6
  let at = start + 1
  if (!single) {
    const window = view.getUint8(at++)
    const base = 2 ** (10 + (window >>> 3))
    take(base + (base / 8) * (window & 7))
  }
  at += [0, 1, 2, 4][descriptor & 3] as number
  const sizeBytes = sizeCode === 0 ? Number(single) : 1 << sizeCode
  const size = sizeBytes === 4 ? view.getUint32(at, true) : sizeBytes === 8 ? Number(view.getBigUint64(at, true)) : 0
  if (size > limit) throw new TooLongError(limit)
  if (single) take(size)
  at += sizeBytes
  for (let last = false; !last; ) {
    const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16)
    last = (header & 1) === 1
    const kind = (header >>> 1) & 3
    at += 3
    if (header >>> 3 > MOST_OF_A_BLOCK) throw new Error('A zstd block that is too long.')
    if (kind === 2) {
      checkLiterals(view, at, at + (header >>> 3))
      blocks.check(at, at + (header >>> 3))
    }
    // One byte stands for all of a run.
    at += kind === 1 ? 1 : header >>> 3
  }
  return at + ((descriptor & 4) !== 0 ? 4 : 0)
}

/**
 * Weights of a Huffman tree are in finite state entropy. Where one of them has all the probability there is, its state takes
 * no bits and leads to itself, and a reader that waits for the bits to end waits for ever.
 */
function checkLiterals(view: DataView, start: number, end: number): void {
  const first = view.getUint8(start)
  if ((first & 3) !== 2) return
  const sizes = (first >>> 2) & 3
  let at = start + (sizes < 2 ? 3 : sizes + 2)
  if (view.getUint8(at++) >= 128) return
  const byteAt = (place: number) => (place < end && place < view.byteLength ? view.getUint8(place) : 0)
  const log = (byteAt(at) & 15) + 5
  const whole = 1 << log
  let bit = at * 8 + 4
  const take = (count: number) => {
    const place = bit >>> 3
    const word = byteAt(place) | (byteAt(place + 1) << 8) | (byteAt(place + 2) << 16)
    return (word >>> (bit & 7)) & ((1 << count) - 1)
  }
  // While nothing is given away, a number has log + 1 bits, the small ones one less (RFC 8878, 4.1.1).
  while (bit < end * 8) {
    const small = take(log)
    const short = small < whole - 2
    const value = short ? small : take(log + 1)
    bit += short ? log : log + 1
    const share = (short || value < whole ? value : value - (whole - 2)) - 1
    if (share === whole) throw new Error('A zstd block whose literals cannot be read.')
    if (share !== 0) return
    for (let repeats = 3; repeats === 3 && bit < end * 8; bit += 2) repeats = take(2)
  }
}
