/**
 * A batch with some of its records gone (MemoryRecords.filterTo): offsets, span, sequence and epoch stay what they were, so
 * the offsets of the records that are left have gaps between them.
 */
import type { RecordBatch } from '../batch.ts'
import { attributesOf, isControl, isTransactional, timestampType, withDeleteHorizon } from './attributes.ts'
import { RecordCursor } from './cursor.ts'
import { putVarint, putVarlong, varintSize, varlongSize } from './encode.ts'

interface Kept {
  readonly offset: number
  readonly timestamp: number
  readonly attributes: number
  /** Key, value and headers as they stand in the section. */
  readonly rest: Uint8Array
}

export interface Horizon {
  /** Milliseconds since the epoch. */
  readonly newHorizonMs: number
  readonly always?: boolean
}

/**
 * The batch with the records `keep` says; itself when nothing changes, null when nothing is left.
 *
 * Where tombstones are left for the first time, the batch gets `newHorizonMs` as its delete horizon (KIP-534), and with `always`
 * if it has none: a marker without its transaction goes like a tombstone. A batch that
 * was compressed and changes comes out uncompressed: this layer has no codecs.
 *
 * @param section the records section, decompressed
 */
export function retainRecords(
  batch: RecordBatch,
  section: Uint8Array,
  { newHorizonMs, always = false }: Horizon,
  keep: (record: RecordCursor) => boolean,
): RecordBatch | null {
  const cursor = new RecordCursor(batch, section)
  const kept: Kept[] = []
  let leaving = always
  for (let start = 0; cursor.next(); ) {
    const body = skipVarint(section, start)
    const end = body + lengthAt(section, start)
    if (keep(cursor)) {
      const { offset, timestamp, attributes } = cursor
      // Behind the attributes stand two varints, timestamp and offset, then what is the record's own.
      const rest = section.subarray(skipVarint(section, skipVarint(section, body + 1)), end)
      kept.push({ offset, timestamp, attributes, rest })
      if (cursor.valueStart < 0) leaving = true
    }
    start = end
  }
  const first = kept[0]
  if (first === undefined) return null
  const known = deleteHorizonMs(batch)
  const horizon = known ?? (leaving ? newHorizonMs : null)
  if (kept.length === batch.recordCount && horizon === known) return batch
  // With a horizon, the base timestamp is that; records' own times count from it all the same.
  const baseTimestamp = horizon ?? first.timestamp
  const flags = flagsOf(batch)
  return {
    baseOffset: batch.baseOffset,
    partitionLeaderEpoch: batch.partitionLeaderEpoch,
    attributes: horizon === null ? flags : withDeleteHorizon(flags),
    lastOffsetDelta: batch.lastOffsetDelta,
    baseTimestamp,
    maxTimestamp:
      timestampType(batch) === 'LogAppendTime'
        ? batch.maxTimestamp
        : kept.reduce((most, { timestamp }) => Math.max(most, timestamp), first.timestamp),
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    recordCount: kept.length,
    records: encode(kept, batch.baseOffset, baseTimestamp),
  }
}

/** The batch without any record, which still says where it ended (DefaultRecordBatch.writeEmptyHeader). */
export function emptiedBatch(batch: RecordBatch): RecordBatch {
  return {
    baseOffset: batch.baseOffset,
    partitionLeaderEpoch: batch.partitionLeaderEpoch,
    attributes: flagsOf(batch),
    lastOffsetDelta: batch.lastOffsetDelta,
    baseTimestamp: -1,
    maxTimestamp: batch.maxTimestamp,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    recordCount: 0,
    records: new Uint8Array(0),
  }
}

/** From this time on the tombstones of a batch may go; null = no cleaning has seen them yet (KIP-534). */
export function deleteHorizonMs(batch: RecordBatch): number | null {
  return withDeleteHorizon(batch.attributes) === batch.attributes ? batch.baseTimestamp : null
}

function flagsOf(batch: RecordBatch): number {
  return attributesOf({
    logAppendTime: timestampType(batch) === 'LogAppendTime',
    transactional: isTransactional(batch),
    control: isControl(batch),
  })
}

function encode(kept: readonly Kept[], baseOffset: number, baseTimestamp: number): Uint8Array {
  const sizes = kept.map(
    ({ offset, timestamp, rest }) =>
      1 + varlongSize(timestamp - baseTimestamp) + varintSize(offset - baseOffset) + rest.length,
  )
  const out = new Uint8Array(sizes.reduce((sum, size) => sum + varintSize(size) + size, 0))
  let at = 0
  for (const [i, { offset, timestamp, attributes, rest }] of kept.entries()) {
    at = putVarint(out, at, sizes[i] as number)
    out[at++] = attributes
    at = putVarlong(out, at, timestamp - baseTimestamp)
    at = putVarint(out, at, offset - baseOffset)
    out.set(rest, at)
    at += rest.length
  }
  return out
}

/** Where the varint that starts here ends. The cursor has checked the section. */
function skipVarint(bytes: Uint8Array, start: number): number {
  let at = start
  while ((bytes[at] as number) >= 0x80) at++
  return at + 1
}

/** A record's length, which is not negative. */
function lengthAt(bytes: Uint8Array, start: number): number {
  let value = 0
  let scale = 1
  for (let at = start; ; at++) {
    const byte = bytes[at] as number
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return value / 2
    scale *= 128
  }
}
