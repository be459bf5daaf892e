/** From kafkajs's messages to encoded batches: one pass, grouped by partition, each partition encoded once. */
import type { RecordBatch } from '../../protocol/batch.ts'
import { encodeBatch, type RecordHeaderInput, type RecordInput } from '../../protocol/records.ts'
import { codecFor } from '../compression/codecs.ts'
import { KafkaJSNonRetriableError } from '../errors/base.ts'
import type { Host } from '../transport.ts'
import type { IHeaders, Message } from '../types/messages.ts'
import type { PartitionMetadata } from '../types/metadata.ts'
import type { PartitionFunction } from './partitioners/partitioner.ts'

/** Records by partition, in the order the messages were given; partitions the topic has come first, ascending. */
export function groupByPartition(
  topic: string,
  messages: readonly Message[],
  partitionMetadata: PartitionMetadata[],
  partitioner: PartitionFunction,
  now: number,
): [partition: number, records: RecordInput[]][] {
  // An array finds a group faster than a map, and keyless messages change the partition every time.
  const known: (RecordInput[] | undefined)[] = new Array(partitionMetadata.length)
  let others: Map<number, RecordInput[]> | undefined
  for (let i = 0; i < messages.length; i += 1) {
    const message = messages[i] as Message
    // kafkajs keeps partitions as keys of an object, so `'1'` and 1 are the same one.
    const partition = Number(partitioner({ topic, partitionMetadata, message }))
    const record = toRecord(message, now)
    if (partition >= 0 && partition < known.length && Number.isInteger(partition)) {
      const group = known[partition]
      if (group === undefined) known[partition] = [record]
      else group.push(record)
    } else {
      others ??= new Map()
      const group = others.get(partition)
      if (group === undefined) others.set(partition, [record])
      else group.push(record)
    }
  }
  const groups: [number, RecordInput[]][] = []
  for (let partition = 0; partition < known.length; partition += 1) {
    const records = known[partition]
    if (records !== undefined) groups.push([partition, records])
  }
  if (others !== undefined) groups.push(...others)
  return groups
}

function toRecord(message: Message, now: number): RecordInput {
  const { key = null, value, headers, timestamp } = message
  if (!isText(key) && key !== null) checkBytes(key)
  if (!isText(value)) checkBytes(value)
  const at = timestamp ? toTimestamp(timestamp) : now
  // Two shapes, of which a program uses one: the encoder's loop stays monomorphic.
  if (headers === undefined || headers === null) return { key, value, timestamp: at }
  return { key, value, timestamp: at, headers: toHeaders(headers) }
}

const isText = (value: unknown): boolean => typeof value === 'string'

function toHeaders(headers: IHeaders): RecordHeaderInput[] {
  const list: RecordHeaderInput[] = []
  for (const name of Object.keys(headers)) {
    const given = headers[name]
    for (const value of Array.isArray(given) ? given : [given]) {
      if (value === null || value === undefined) throw invalidBytes(value)
      checkBytes(value)
      list.push([name, value])
    }
  }
  return list
}

function toTimestamp(given: unknown): number {
  const timestamp = Number(given)
  if (!Number.isSafeInteger(timestamp)) {
    throw new KafkaJSNonRetriableError(
      `Invalid timestamp, expected milliseconds since the epoch, received ${String(given)}`,
    )
  }
  return timestamp
}

function checkBytes(value: unknown): void {
  if (typeof value === 'string' || value === null || value instanceof Uint8Array) return
  // A Buffer of another realm (jest) is no instance of this realm's class.
  if (ArrayBuffer.isView(value)) return
  throw invalidBytes(value)
}

/** What Node's `Buffer.byteLength` throws, which is what users of kafkajs get to see. */
function invalidBytes(value: unknown): TypeError {
  const text = `The "string" argument must be of type string or an instance of Buffer or ArrayBuffer. Received ${describe(value)}`
  return Object.assign(new TypeError(text), { code: 'ERR_INVALID_ARG_TYPE' })
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'function') return `function ${value.name}`
  if (typeof value === 'object') {
    const name = (value as { constructor?: { name?: string } }).constructor?.name
    return name ? `an instance of ${name}` : '[Object: null prototype] {}'
  }
  const shown = typeof value === 'bigint' ? `${value}n` : String(value)
  return `type ${typeof value} (${shown})`
}

/** kafkajs leaves the fields of idempotence at these values; they show in a consumer's `batchContext`. */
const plain = { producerId: -1, producerEpoch: 0, baseSequence: 0, partitionLeaderEpoch: 0 } as const
const inTransaction = { ...plain, transactional: true } as const

/** A promise only for codecs users bring; the built-in way must not yield before the batch is encoded. */
export function encodeRecords(
  records: readonly RecordInput[],
  { compression, transactional }: { readonly compression: number; readonly transactional: boolean },
  host: Host,
): RecordBatch | Promise<RecordBatch> {
  const batch = encodeBatch(records, transactional ? inTransaction : plain)
  if (compression === 0) return batch
  const compressed = codecFor(compression, host).compress({ buffer: batch.records })
  const finish = (bytes: Uint8Array): RecordBatch => ({
    ...batch,
    attributes: batch.attributes | (compression & 7),
    records: bytes,
  })
  return ArrayBuffer.isView(compressed) ? finish(compressed) : compressed.then(finish)
}

/** The caller may change its messages as soon as `send` has returned, so waiting sends keep their own copy. */
export function copyMessages(messages: readonly Message[]): Message[] {
  return messages.map((message) => {
    const copy = { ...message }
    if (isBytes(copy.key)) copy.key = copyBytes(copy.key)
    if (isBytes(copy.value)) copy.value = copyBytes(copy.value)
    if (copy.headers) {
      copy.headers = Object.fromEntries(
        Object.entries(copy.headers).map(([name, value]) => [
          name,
          Array.isArray(value)
            ? value.map((one) => (isBytes(one) ? copyBytes(one) : one))
            : isBytes(value)
              ? copyBytes(value)
              : value,
        ]),
      )
    }
    return copy
  })
}

function isBytes(value: unknown): value is NonNullable<Exclude<Message['value'], string>> {
  return ArrayBuffer.isView(value)
}

/** Keeps the class (custom partitioners may want a Buffer); the copy is of its own memory. */
function copyBytes<T extends Uint8Array>(bytes: T): T {
  const copy = new Uint8Array(bytes)
  return Object.setPrototypeOf(copy, Object.getPrototypeOf(bytes) as object) as T
}
