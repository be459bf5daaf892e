/**
 * Repeats in bytes, found greedily with one table of hashes: what the compressors of this folder write is a matter of the
 * input alone, on every version of the host.
 */
const HASH_BITS = 14
const SHORTEST = 4

/** Told of each run of literals `[from, to)` and the repeat behind it: `length` bytes as they stand `distance` before. */
export type OnMatch = (from: number, to: number, distance: number, length: number) => void

export interface MatchLimits {
  /** How far back a repeat may lie. */
  readonly farthest: number
  /** A repeat starts before this place … */
  readonly startsBefore: number
  /** … and ends no later than here. */
  readonly endsBy: number
}

/** What has been seen, by hash; as large as small inputs need, since most batches are small. */
export function createTable(size: number): Int32Array {
  const bits = Math.min(HASH_BITS, Math.max(8, 32 - Math.clz32(size)))
  return new Int32Array(1 << bits).fill(-1)
}

/**
 * Finds repeats from `start` on; answers where the literals begin that are left over. Positions before `start` that are in
 * the table already can be repeated.
 */
export function findMatches(
  bytes: Uint8Array,
  start: number,
  { farthest, startsBefore, endsBy }: MatchLimits,
  table: Int32Array,
  onMatch: OnMatch,
): number {
  const shift = 32 - (31 - Math.clz32(table.length))
  let literals = start
  let at = start
  const last = Math.min(startsBefore, endsBy - SHORTEST + 1)
  while (at < last) {
    const word = wordAt(bytes, at)
    const slot = Math.imul(word, 0x9e3779b1) >>> shift
    const before = table[slot] as number
    table[slot] = at
    if (before < 0 || at - before > farthest || wordAt(bytes, before) !== word) {
      // The longer nothing is found, the larger the steps.
      at += 1 + ((at - literals) >> 6)
      continue
    }
    let length = SHORTEST
    while (at + length < endsBy && bytes[before + length] === bytes[at + length]) length++
    onMatch(literals, at, at - before, length)
    at += length
    literals = at
  }
  return literals
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  )
}
