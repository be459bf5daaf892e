/**
 * A rolling 64-bit digest in two 32-bit lanes (FNV-1a and a multiply-xorshift), integers only, so that every host
 * computes the same. It tells runs apart; it is not cryptographic.
 */
export interface Digest {
  a: number
  b: number
}

export function createDigest(): Digest {
  return { a: 0x811c9dc5 | 0, b: 0x9e3779b9 | 0 }
}

/** Mixes an integer of any safe size. */
export function mixNumber(digest: Digest, value: number): void {
  mix32(digest, value | 0)
  // Above 32 bits `| 0` keeps only the low word: mix the high one too.
  if (value > 0x7fffffff || value < -0x80000000) mix32(digest, Math.floor(value / 0x100000000) | 0)
}

export function mixString(digest: Digest, text: string): void {
  mix32(digest, hashOf(text))
}

/** 32 bits that stand for bytes, four at a time. */
export function digestOfBytes(bytes: Uint8Array): number {
  const { length } = bytes
  let h = Math.imul(0x811c9dc5 ^ length, 0x01000193)
  let i = 0
  for (; i + 4 <= length; i += 4) {
    const word =
      (bytes[i] as number) |
      ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) |
      ((bytes[i + 3] as number) << 24)
    h = Math.imul(h ^ word, 0x01000193)
    h ^= h >>> 15
  }
  for (; i < length; i++) h = Math.imul(h ^ (bytes[i] as number), 0x01000193)
  return h
}

/** 16 hexadecimal digits. */
export function digestText(digest: Digest): string {
  return hex32(digest.a) + hex32(digest.b)
}

/** FNV-1a over the UTF-16 code units. */
export function hashText(text: string): number {
  let h = 0x811c9dc5 | 0
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h
}

function mix32(digest: Digest, value: number): void {
  digest.a = Math.imul(digest.a ^ value, 0x01000193)
  let b = Math.imul(digest.b + value, 0x85ebca6b)
  b ^= b >>> 15
  digest.b = b | 0
}

// Names recur millions of times in a run; their hashes are remembered, up to a bound.
const remembered = new Map<string, number>()
const REMEMBERED_MOST = 20_000

function hashOf(text: string): number {
  const known = remembered.get(text)
  if (known !== undefined) return known
  const hash = hashText(text)
  if (text.length <= 256) {
    if (remembered.size >= REMEMBERED_MOST) remembered.clear()
    remembered.set(text, hash)
  }
  return hash
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0')
}
