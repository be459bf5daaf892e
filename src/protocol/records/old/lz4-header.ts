/**
 * The LZ4 frames of format 0, whose header has a wrong checksum: Kafka computed it over the magic number, too (KAFKA-3160). Brokers
 * do not look at it there, and write it wrong for readers that do.
 */
import { xxHash32 } from '../../xxhash32.ts'

const FLAGS_AT = 4
const CONTENT_SIZE = 0x08

/** The frame with the checksum that LZ4 asks for; itself when it is too short to have one. */
export function withRightChecksum(frame: Uint8Array): Uint8Array {
  return withChecksum(frame, FLAGS_AT)
}

/** The frame with the checksum as format 0 has it. */
export function withWrongChecksum(frame: Uint8Array): Uint8Array {
  return withChecksum(frame, 0)
}

function withChecksum(frame: Uint8Array, from: number): Uint8Array {
  const at = 6 + ((frame[FLAGS_AT] ?? 0) & CONTENT_SIZE)
  if (at >= frame.length) return frame
  // Not `slice`: that of Node's Buffer is a view.
  const mended = new Uint8Array(frame)
  mended[at] = (xxHash32(frame.subarray(from, at)) >>> 8) & 0xff
  return mended
}
