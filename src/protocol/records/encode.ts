/** Makes a record batch from records (DefaultRecord.java, MemoryRecordsBuilder.java): sized first, then written once. */
import type { RecordBatch } from '../batch.ts'
import { EncodeError } from '../fault.ts'
import { utf8Length, writeAscii, writeUtf8 } from '../utf8.ts'
import { attributesOf, type CompressionCode } from './attributes.ts'

export type RecordHeaderInput = readonly [name: string, value: string | Uint8Array | null]

/**
 * A record as an application has it; strings become UTF-8.
 *
 * Where it counts, make these with a literal that names all four: V8 gives every object made as
 * `{ ...rest, timestamp }` a shape of its own, and encoding those is ten times slower.
 */
export interface RecordInput {
  readonly key: string | Uint8Array | null
  readonly value: string | Uint8Array | null
  readonly headers?: readonly RecordHeaderInput[] | undefined
  /** Milliseconds since the epoch; -1 for none. */
  readonly timestamp: number
}

export interface BatchOptions {
  /** Default -1: no idempotence. */
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly transactional?: boolean
  readonly control?: boolean
  /** Default 0. Producers leave it so, the log assigns it. */
  readonly baseOffset?: number
  /** Default -1, as a producer sends it. */
  readonly partitionLeaderEpoch?: number
  /** What the attributes say; the bytes are compressed by `compress`. Default 0. */
  readonly compression?: CompressionCode
  /** Compresses the records section. Needed exactly when `compression` is not 0. */
  readonly compress?: (records: Uint8Array) => Uint8Array
}

/** Up to here, zigzag fits the engine's small integers. */
const SMALL = 0x3fffffff
/** Below this length a loop is faster than a call of `Uint8Array.set`. */
const LOOP_BELOW = 32

/**
 * Encodes records into one batch, in their order, at offsets from `baseOffset` on.
 *
 * @throws EncodeError without records, for a timestamp that is no safe integer, or when
 *   `compression` and `compress` do not go together
 */
export function encodeBatch(records: readonly RecordInput[], options: BatchOptions = {}): RecordBatch {
  const first = records[0]
  if (first === undefined) throw new EncodeError('OUT_OF_RANGE', 'records', 'a batch holds at least one record')
  const compression = options.compression ?? 0
  if ((compression === 0) !== (options.compress === undefined)) {
    throw new EncodeError('OUT_OF_RANGE', 'compression', 'a compression type and `compress` go together')
  }
  // Nearly all text is ASCII, where a character is a byte; the first that is not starts the exact way.
  const section = encodeRecords(records, first.timestamp, false) ?? encodeRecords(records, first.timestamp, true)!
  let maxTimestamp = first.timestamp
  for (let i = 1; i < records.length; i++) {
    const { timestamp } = records[i]!
    if (timestamp > maxTimestamp) maxTimestamp = timestamp
  }
  return {
    baseOffset: options.baseOffset ?? 0,
    partitionLeaderEpoch: options.partitionLeaderEpoch ?? -1,
    attributes: attributesOf({
      compression,
      transactional: options.transactional ?? false,
      control: options.control ?? false,
    }),
    lastOffsetDelta: records.length - 1,
    baseTimestamp: first.timestamp,
    maxTimestamp,
    producerId: options.producerId ?? -1,
    producerEpoch: options.producerEpoch ?? -1,
    baseSequence: options.baseSequence ?? -1,
    recordCount: records.length,
    records: options.compress === undefined ? section : options.compress(section),
  }
}

/** The records section, or `null` when `exact` is false and some text is not ASCII. */
function encodeRecords(records: readonly RecordInput[], baseTimestamp: number, exact: boolean): Uint8Array | null {
  const sizes = new Int32Array(records.length)
  let total = 0
  for (let i = 0; i < records.length; i++) {
    const size = bodySize(records[i]!, i, baseTimestamp, exact)
    sizes[i] = size
    total += varintSize(size) + size
  }
  const out = new Uint8Array(total)
  let at = 0
  for (let i = 0; i < records.length; i++) {
    const record = records[i]!
    at = putVarint(out, at, sizes[i]!)
    out[at++] = 0
    at = putVarlong(out, at, record.timestamp - baseTimestamp)
    at = putVarint(out, at, i)
    at = putBytes(out, at, record.key, exact)
    if (at < 0) return null
    at = putBytes(out, at, record.value, exact)
    if (at < 0) return null
    at = putHeaders(out, at, record.headers, exact)
    if (at < 0) return null
  }
  return out
}

/** Bytes of a record without its own length. */
function bodySize(record: RecordInput, index: number, baseTimestamp: number, exact: boolean): number {
  const { headers } = record
  let size = 1 + varlongSize(record.timestamp - baseTimestamp) + varintSize(index)
  size += sizeOf(record.key, exact) + sizeOf(record.value, exact)
  if (headers === undefined) return size + 1
  size += varintSize(headers.length)
  for (let i = 0; i < headers.length; i++) {
    const header = headers[i]!
    size += sizeOf(header[0], exact) + sizeOf(header[1], exact)
  }
  return size
}

function sizeOf(value: string | Uint8Array | null, exact: boolean): number {
  if (value === null) return 1
  const length = exact && typeof value === 'string' ? utf8Length(value) : value.length
  return varintSize(length) + length
}

function putHeaders(
  out: Uint8Array,
  position: number,
  headers: readonly RecordHeaderInput[] | undefined,
  exact: boolean,
): number {
  if (headers === undefined) {
    out[position] = 0
    return position + 1
  }
  let at = putVarint(out, position, headers.length)
  for (let i = 0; i < headers.length; i++) {
    const header = headers[i]!
    at = putBytes(out, at, header[0], exact)
    if (at < 0) return -1
    at = putBytes(out, at, header[1], exact)
    if (at < 0) return -1
  }
  return at
}

/** Writes length and bytes; -1 when `exact` is false and the text is not ASCII. */
function putBytes(out: Uint8Array, position: number, value: string | Uint8Array | null, exact: boolean): number {
  if (value === null) {
    out[position] = 1
    return position + 1
  }
  if (typeof value === 'string') {
    if (exact) return writeUtf8(value, out, putVarint(out, position, utf8Length(value)))
    return writeAscii(value, out, putVarint(out, position, value.length))
  }
  const { length } = value
  const at = putVarint(out, position, length)
  if (length < LOOP_BELOW) for (let i = 0; i < length; i++) out[at + i] = value[i]!
  else out.set(value, at)
  return at + length
}

/** Size of the zigzag varint of a number from 0 to 2^31−1. */
export function varintSize(value: number): number {
  return value < 64 ? 1 : value < 8192 ? 2 : value < 1048576 ? 3 : value < 134217728 ? 4 : 5
}

/** Writes the zigzag varint of a number from 0 to 2^31−1. */
export function putVarint(out: Uint8Array, position: number, value: number): number {
  if (value < 64) {
    out[position] = value << 1
    return position + 1
  }
  let at = position
  let rest = value << 1
  while (rest > 0x7f || rest < 0) {
    out[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  out[at++] = rest
  return at
}

function zigzag(value: number): number {
  // Twice as much has to be exact, too.
  if (!Number.isInteger(value) || Math.abs(value) > 2 ** 52)
    throw new EncodeError(
      'OUT_OF_RANGE',
      'timestamp',
      `${value} milliseconds from the first record's is no safe integer, doubled`,
    )
  return value < 0 ? -2 * value - 1 : 2 * value
}

export function varlongSize(value: number): number {
  if (value >= 0 && value <= SMALL) return varintSize(value)
  let size = 1
  for (let rest = zigzag(value); rest > 0x7f; rest = Math.floor(rest / 128)) size++
  return size
}

export function putVarlong(out: Uint8Array, position: number, value: number): number {
  if (value >= 0 && value <= SMALL) return putVarint(out, position, value)
  let at = position
  let rest = zigzag(value)
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) out[at++] = (rest % 128) | 0x80
  out[at++] = rest
  return at
}
