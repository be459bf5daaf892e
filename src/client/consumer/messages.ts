/**
 * From fetched record batches to kafkajs's messages. This is the consumer's hottest loop: one copy of each batch's
 * records section, keys and values as views into it, one `batchContext` a batch, message objects of one shape.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import { compressionCode, type DecodedHeader, isControl, isTransactional, RecordCursor, timestampType } from '../../protocol/records.ts'
import { copyAsHostBytes } from '../bytes.ts'
import { codecFor } from '../compression/codecs.ts'
import type { Host } from '../transport.ts'
import type { Bytes } from '../types/bytes.ts'
import type { IHeaders } from '../types/messages.ts'

/** What the header of a record batch says, shared by its messages. int64 as strings. */
export interface BatchContext {
  readonly firstOffset: string
  readonly firstTimestamp: string
  readonly partitionLeaderEpoch: number
  readonly inTransaction: boolean
  readonly isControlBatch: boolean
  readonly lastOffsetDelta: number
  readonly producerId: string
  readonly producerEpoch: number
  readonly firstSequence: number
  readonly maxTimestamp: string
  /** 0 CreateTime, 1 LogAppendTime. */
  readonly timestampType: number
  readonly magicByte: 2
}

/** A message as it is at run time. */
export interface FetchedMessage {
  magicByte: 2
  attributes: number
  /** Milliseconds since the epoch. */
  timestamp: string
  offset: string
  key: Bytes | null
  value: Bytes | null
  headers: IHeaders
  isControlRecord: boolean
  batchContext: BatchContext
}

export interface DecodedRecords {
  readonly messages: FetchedMessage[]
  /** The same offsets as numbers. */
  readonly offsets: number[]
  readonly hasControl: boolean
}

/** A promise only where a codec of the user's takes its time. */
export function decodeRecords(batches: readonly RecordBatch[], host: Host): DecodedRecords | Promise<DecodedRecords> {
  const messages: FetchedMessage[] = []
  const offsets: number[] = []
  let hasControl = false
  for (let i = 0; i < batches.length; i += 1) {
    const batch = batches[i] as RecordBatch
    hasControl ||= isControl(batch)
    const section = sectionOf(batch, host)
    if (!ArrayBuffer.isView(section)) return finishLater(batches, i, section, { messages, offsets, hasControl }, host)
    appendMessages(batch, section, messages, offsets)
  }
  return { messages, offsets, hasControl }
}

async function finishLater(
  batches: readonly RecordBatch[],
  from: number,
  first: Promise<Bytes>,
  { messages, offsets, hasControl: before }: DecodedRecords,
  host: Host,
): Promise<DecodedRecords> {
  let hasControl = before
  appendMessages(batches[from] as RecordBatch, await first, messages, offsets)
  for (const batch of batches.slice(from + 1)) {
    hasControl ||= isControl(batch)
    appendMessages(batch, await sectionOf(batch, host), messages, offsets)
  }
  return { messages, offsets, hasControl }
}

/** The records section in memory of its own: user code can never reach the log's bytes. */
function sectionOf(batch: RecordBatch, host: Host): Bytes | Promise<Bytes> {
  const { view } = host.bytes
  const code = compressionCode(batch)
  if (code === 0) return copyAsHostBytes(batch.records, view)
  const plain = codecFor(code, host).decompress(copyAsHostBytes(batch.records, view))
  return ArrayBuffer.isView(plain) ? copyAsHostBytes(plain, view) : plain.then((bytes) => copyAsHostBytes(bytes, view))
}

function contextOf(batch: RecordBatch): BatchContext {
  return {
    firstOffset: String(batch.baseOffset),
    firstTimestamp: String(batch.baseTimestamp),
    partitionLeaderEpoch: batch.partitionLeaderEpoch,
    inTransaction: isTransactional(batch),
    isControlBatch: isControl(batch),
    lastOffsetDelta: batch.lastOffsetDelta,
    producerId: String(batch.producerId),
    producerEpoch: batch.producerEpoch,
    firstSequence: batch.baseSequence,
    maxTimestamp: String(batch.maxTimestamp),
    timestampType: timestampType(batch) === 'LogAppendTime' ? 1 : 0,
    magicByte: 2,
  }
}

function appendMessages(batch: RecordBatch, section: Bytes, messages: FetchedMessage[], offsets: number[]): void {
  const batchContext = contextOf(batch)
  const isControlRecord = batchContext.isControlBatch
  const cursor = new RecordCursor(batch, section)
  // Most records of a batch have the same timestamp; its text is made once.
  let lastTimestamp = batch.baseTimestamp
  let timestamp = batchContext.firstTimestamp
  while (cursor.next()) {
    if (cursor.timestamp !== lastTimestamp) {
      lastTimestamp = cursor.timestamp
      timestamp = String(lastTimestamp)
    }
    const { offset, keyStart, valueStart } = cursor
    messages.push({
      magicByte: 2,
      attributes: cursor.attributes,
      timestamp,
      offset: String(offset),
      key: keyStart < 0 ? null : (section.subarray(keyStart, cursor.keyEnd) as Bytes),
      value: valueStart < 0 ? null : (section.subarray(valueStart, cursor.valueEnd) as Bytes),
      headers: cursor.headerCount === 0 ? {} : headersOf(cursor.headers()),
      isControlRecord,
      batchContext,
    })
    offsets.push(offset)
  }
}

/** A name that repeats holds a list. */
function headersOf(decoded: readonly DecodedHeader[]): IHeaders {
  const headers: IHeaders = {}
  for (const [name, given] of decoded) {
    const value = given as Bytes
    const before = headers[name]
    if (before === undefined) headers[name] = value
    else if (Array.isArray(before)) before.push(value)
    else headers[name] = [before, value]
  }
  return headers
}
