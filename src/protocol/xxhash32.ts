/** XXH32 with seed 0, the checksum in LZ4 frames. */
const P1 = 0x9e3779b1
const P2 = 0x85ebca77
const P3 = 0xc2b2ae3d
const P4 = 0x27d4eb2f
const P5 = 0x165667b1

/** Unsigned. */
export function xxHash32(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  let hash = P5
  if (bytes.length >= 16) {
    const lanes = [P1 + P2, P2, 0, -P1]
    for (; at + 16 <= bytes.length; at += 16) {
      for (let i = 0; i < 4; i++) {
        const mixed = ((lanes[i] as number) + Math.imul(view.getUint32(at + 4 * i, true), P2)) | 0
        lanes[i] = Math.imul(rotated(mixed, 13), P1)
      }
    }
    const [a = 0, b = 0, c = 0, d = 0] = lanes
    hash = rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18)
  }
  hash = (hash + bytes.length) | 0
  for (; at + 4 <= bytes.length; at += 4) {
    hash = Math.imul(rotated((hash + Math.imul(view.getUint32(at, true), P3)) | 0, 17), P4)
  }
  for (; at < bytes.length; at++) {
    hash = Math.imul(rotated((hash + Math.imul(view.getUint8(at), P5)) | 0, 11), P1)
  }
  hash = Math.imul(hash ^ (hash >>> 15), P2)
  hash = Math.imul(hash ^ (hash >>> 13), P3)
  return (hash ^ (hash >>> 16)) >>> 0
}

function rotated(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}
