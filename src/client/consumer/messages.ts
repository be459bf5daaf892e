/**
 * From fetched record batches to kafkajs's messages. This is the consumer's hottest loop: one copy of each batch's
 * records section, keys and values as views into it, one `batchContext` a batch, message objects of one shape.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import {
  compressionCode,
  type DecodedHeader,
  isControl,
  isTransactional,
  RecordCursor,
  timestampType,
} from '../../protocol/records.ts'
import { asHostBytes, copyAsHostBytes } from '../bytes.ts'
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
    appendMessages(batch, section, host, messages, offsets)
  }
  return { messages, offsets, hasControl }
}

async function finishLater(
  batches: readonly RecordBatch[],
  from: number,
  first: Promise<Uint8Array>,
  { messages, offsets, hasControl: before }: DecodedRecords,
  host: Host,
): Promise<DecodedRecords> {
  let hasControl = before
  appendMessages(batches[from] as RecordBatch, await first, host, messages, offsets)
  for (const batch of batches.slice(from + 1)) {
    hasControl ||= isControl(batch)
    appendMessages(batch, await sectionOf(batch, host), host, messages, offsets)
  }
  return { messages, offsets, hasControl }
}

/** The records section in memory of its own: user code can never reach the log's bytes. */
function sectionOf(batch: RecordBatch, host: Host): Uint8Array | Promise<Uint8Array> {
  const code = compressionCode(batch)
  // The constructor copies; a Buffer's own `slice` would not.
  if (code === 0) return new Uint8Array(batch.records)
  const plain = codecFor(code, host).decompress(copyAsHostBytes(batch.records, host.bytes.view))
  return ArrayBuffer.isView(plain) ? new Uint8Array(plain) : plain.then((bytes) => new Uint8Array(bytes))
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

function appendMessages(
  batch: RecordBatch,
  section: Uint8Array,
  host: Host,
  messages: FetchedMessage[],
  offsets: number[],
): void {
  // `view` is the fastest way Node has to make a Buffer over existing memory: half the time of `subarray`.
  const { view } = host.bytes
  const { buffer } = section
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
      key: keyStart < 0 ? null : (view(buffer, keyStart, cursor.keyEnd - keyStart) as Bytes),
      value: valueStart < 0 ? null : (view(buffer, valueStart, cursor.valueEnd - valueStart) as Bytes),
      headers: cursor.headerCount === 0 ? {} : headersOf(cursor.headers(), host),
      isControlRecord,
      batchContext,
    })
    offsets.push(offset)
  }
}

/** A name that repeats holds a list. */
function headersOf(decoded: readonly DecodedHeader[], host: Host): IHeaders {
  const headers: IHeaders = {}
  for (const [name, given] of decoded) {
    const value = given === null ? (null as unknown as Bytes) : asHostBytes(given, host.bytes.view)
    const before = headers[name]
    if (before === undefined) headers[name] = value
    else if (Array.isArray(before)) before.push(value)
    else headers[name] = [before, value]
  }
  return headers
}
