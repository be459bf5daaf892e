/**
 * The hash of kafkajs's LegacyPartitioner: murmur2 computed in floating point without reducing to 32 bits between
 * the multiplications, and with the last incomplete word mixed in twice. Both are mistakes that existing data depends
 * on, so the order of the operations below is the specification; Java's murmur2 is in `src/protocol`.
 */
const MULTIPLIER = 0x5bd1e995
const SEED = 0x9747b28c

export function legacyMurmur2(data: Uint8Array): number {
  const { length } = data
  // Beyond the end there is nothing, which counts as 0.
  const byte = (index: number): number => data[index] ?? 0

  let hash = SEED ^ length
  for (let at = 0; at < length; at += 4) {
    let word = byte(at) + (byte(at + 1) << 8) + (byte(at + 2) << 16) + (byte(at + 3) << 24)
    word *= MULTIPLIER
    word ^= word >>> 24
    word *= MULTIPLIER
    hash *= MULTIPLIER
    hash ^= word
  }

  const rest = length % 4
  const tail = length - rest
  if (rest >= 3) hash ^= byte(tail + 2) << 16
  if (rest >= 2) hash ^= byte(tail + 1) << 8
  if (rest >= 1) {
    hash ^= byte(tail)
    hash *= MULTIPLIER
  }

  hash ^= hash >>> 13
  hash *= MULTIPLIER
  return hash ^ (hash >>> 15)
}
