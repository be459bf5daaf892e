/** Messages of formats 0 and 1 as the records section of a batch (LogValidator.convertAndAssignOffsetsNonCompressed). */
import { putVarint, putVarlong, varintSize, varlongSize } from '../encode.ts'
import type { MessageCursor } from './message-set.ts'

export interface ConvertedMessages {
  readonly section: Uint8Array
  readonly recordCount: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  /** The offset that the last message had; -1 without any. */
  readonly lastOffset: number
  /** Whether a message is itself compressed. */
  readonly nested: boolean
  /** Whether a timestamp is said to be a broker's. */
  readonly stamped: boolean
}

/**
 * All messages that are left. They get new offsets, one after the other.
 *
 * @param timestamp for all of them: that of a wrapper which the broker has stamped
 * @throws DecodeError as the cursor does
 */
export function convertMessages(messages: MessageCursor, timestamp: number | null = null): ConvertedMessages {
  // A record is never longer than the message it was, so this is enough, and all the memory it takes.
  const out = new Uint8Array(messages.bytes.length)
  let at = 0
  let recordCount = 0
  let baseTimestamp = -1
  let maxTimestamp = -1
  let nested = false
  let stamped = false
  while (messages.next()) {
    const own = timestamp ?? messages.timestamp
    if (recordCount === 0) baseTimestamp = own
    if (own > maxTimestamp || recordCount === 0) maxTimestamp = own
    nested ||= messages.compression !== 0
    stamped ||= messages.isStamped
    at = putRecord(out, at, messages, own - baseTimestamp, recordCount)
    recordCount += 1
  }
  const lastOffset = recordCount === 0 ? -1 : messages.offset
  return { section: out.subarray(0, at), recordCount, baseTimestamp, maxTimestamp, lastOffset, nested, stamped }
}

function putRecord(
  out: Uint8Array,
  start: number,
  { bytes, keyStart, keyEnd, valueStart, valueEnd }: MessageCursor,
  timestampDelta: number,
  offsetDelta: number,
): number {
  const size =
    1 +
    varlongSize(timestampDelta) +
    varintSize(offsetDelta) +
    sizeOf(keyStart, keyEnd) +
    sizeOf(valueStart, valueEnd) +
    1
  let at = putVarint(out, start, size)
  out[at++] = 0
  at = putVarlong(out, at, timestampDelta)
  at = putVarint(out, at, offsetDelta)
  at = putPart(out, at, bytes, keyStart, keyEnd)
  at = putPart(out, at, bytes, valueStart, valueEnd)
  out[at++] = 0
  return at
}

function sizeOf(start: number, end: number): number {
  return start < 0 ? 1 : varintSize(end - start) + end - start
}

function putPart(out: Uint8Array, position: number, bytes: Uint8Array, start: number, end: number): number {
  if (start < 0) {
    out[position] = 1
    return position + 1
  }
  const at = putVarint(out, position, end - start)
  if (end > start) out.set(bytes.subarray(start, end), at)
  return at + end - start
}
