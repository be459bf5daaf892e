/** The two hashes that decide where things go: a group's coordinator, and a keyed record's partition. */

/** The partition of `__consumer_offsets` (or `__transaction_state`) for an id: Java's `String.hashCode`, absolute (Utils.abs), modulo. */
export function partitionForGroup(groupId: string, partitionCount: number): number {
  let hash = 0
  for (let i = 0; i < groupId.length; i++) hash = (Math.imul(hash, 31) + groupId.charCodeAt(i)) | 0
  return hash === -0x80000000 ? 0 : Math.abs(hash) % partitionCount
}

/** Murmur2 as Java's default partitioner has it (Utils.murmur2), a signed 32-bit number. */
export function murmur2(bytes: Uint8Array): number {
  const mix = 0x5bd1e995
  const { length } = bytes
  const whole = length & ~3
  let hash = 0x9747b28c ^ length
  for (let i = 0; i < whole; i += 4) {
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    k = Math.imul(k, mix)
    k ^= k >>> 24
    hash = Math.imul(hash, mix) ^ Math.imul(k, mix)
  }
  const rest = length - whole
  if (rest > 2) hash ^= bytes[whole + 2]! << 16
  if (rest > 1) hash ^= bytes[whole + 1]! << 8
  if (rest > 0) hash = Math.imul(hash ^ bytes[whole]!, mix)
  hash ^= hash >>> 13
  hash = Math.imul(hash, mix)
  return hash ^ (hash >>> 15)
}

/** The partition Java's default partitioner picks for a key. */
export function partitionForKey(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount
}
