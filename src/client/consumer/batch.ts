/** What one fetch brought for one partition: several record batches as one `Batch` of kafkajs. */
import type { RecordBatch } from '../../protocol/batch.ts'
import type { AbortedTransaction } from '../../protocol/messages.ts'
import type { Host } from '../transport.ts'
import { type DecodedRecords, decodeRecords, type FetchedMessage } from './messages.ts'

export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  /** The offset that was asked for; a batch may begin before it. */
  readonly fetchedOffset: number
  readonly highWatermark: number
  readonly abortedTransactions: readonly AbortedTransaction[] | null
  readonly records: readonly RecordBatch[]
}

/**
 * Decodes what was fetched. Done only when a handler is about to get it: the messages of all partitions of a fetch at
 * once would outlive the young generation of the garbage collector, which costs more than the decoding.
 */
export function decodeBatch(fetched: FetchedPartition, host: Host): FetchedBatch | Promise<FetchedBatch> {
  const decoded = decodeRecords(fetched.records, host)
  return decoded instanceof Promise
    ? decoded.then((records) => new FetchedBatch(fetched, records))
    : new FetchedBatch(fetched, decoded)
}

export class FetchedBatch {
  readonly fetchedOffset: string
  readonly topic: string
  readonly partition: number
  readonly highWatermark: string
  readonly rawMessages: FetchedMessage[]
  readonly messagesWithinOffset: FetchedMessage[]
  /** Without control records and what aborted transactions wrote. */
  readonly messages: FetchedMessage[]
  readonly #highWatermark: number
  readonly #fetchedOffset: number
  /** Of `messagesWithinOffset`; -1 for none. */
  readonly #first: number
  readonly #last: number
  readonly #offsets: readonly number[]
  /** Of the last record batch, also when compaction emptied it; -1 for none. */
  readonly #lastOfBatches: number

  constructor(
    { topic, partition, fetchedOffset, highWatermark, abortedTransactions, records }: FetchedPartition,
    { messages, offsets, hasControl }: DecodedRecords,
  ) {
    this.fetchedOffset = String(fetchedOffset)
    this.topic = topic
    this.partition = partition
    this.highWatermark = String(highWatermark)
    this.#fetchedOffset = fetchedOffset
    this.#highWatermark = highWatermark
    const last = records[records.length - 1]
    this.#lastOfBatches = last === undefined ? -1 : last.baseOffset + last.lastOffsetDelta

    this.rawMessages = messages
    let skipped = 0
    while (skipped < offsets.length && (offsets[skipped] as number) < fetchedOffset) skipped += 1
    this.messagesWithinOffset = skipped === 0 ? messages.slice() : messages.slice(skipped)
    const within = skipped === 0 ? offsets : offsets.slice(skipped)
    this.#first = within[0] ?? -1
    this.#last = within[within.length - 1] ?? -1

    const visible = visibleMessages(this.messagesWithinOffset, within, abortedTransactions, hasControl)
    this.messages = visible.messages
    this.#offsets = visible.offsets
  }

  /** The offset of `messages[index]` as a number. For the client itself: users may change the list. */
  static offsetAt(batch: FetchedBatch, index: number): number {
    return batch.#offsets[index] as number
  }

  /** Of all messages users see. */
  static visibleOffsets(batch: FetchedBatch): readonly number[] {
    return batch.#offsets
  }

  static lastOffsetAsNumber(batch: FetchedBatch): number {
    return batch.#lastOffset()
  }

  /** The offset of the last message users see, -1 for none. */
  static lastVisibleOffset(batch: FetchedBatch): number {
    return batch.#offsets[batch.#offsets.length - 1] ?? -1
  }

  isEmpty(): boolean {
    return this.messages.length === 0
  }

  isEmptyIncludingFiltered(): boolean {
    return this.messagesWithinOffset.length === 0
  }

  /** Something was fetched, but control records, aborted transactions or compaction left nothing to see. */
  isEmptyDueToFiltering(): boolean {
    // kafkajs stands still before a batch that compaction emptied.
    return this.isEmpty() && this.#lastOfBatches >= 0
  }

  isEmptyControlRecord(): boolean {
    return this.isEmpty() && this.messagesWithinOffset.some(({ isControlRecord }) => isControlRecord)
  }

  /** Everything fetched lies before the offset asked for: compaction removed the rest of the batch. */
  isEmptyDueToLogCompactedMessages(): boolean {
    return this.rawMessages.length > 0 && this.isEmptyIncludingFiltered()
  }

  firstOffset(): string | null {
    return this.#first < 0 ? null : String(this.#first)
  }

  lastOffset(): string {
    return String(this.#lastOffset())
  }

  #lastOffset(): number {
    if (this.isEmptyDueToLogCompactedMessages()) return this.#fetchedOffset
    if (this.isEmptyIncludingFiltered() && this.#lastOfBatches >= 0) return this.#lastOfBatches
    return this.isEmptyIncludingFiltered() ? this.#highWatermark - 1 : this.#last
  }

  offsetLag(): string {
    return String(this.#highWatermark - 1 - this.#lastOffset())
  }

  offsetLagLow(): string {
    return this.isEmptyIncludingFiltered() ? '0' : String(this.#highWatermark - 1 - this.#first)
  }
}

const isAbortMarker = (key: Uint8Array | null): boolean =>
  key !== null && key.length === 4 && key[0] === 0 && key[1] === 0 && key[2] === 0 && key[3] === 0

/** KJ23: an aborted transaction's records go from its first offset to its producer's abort marker. */
function visibleMessages(
  messages: FetchedMessage[],
  offsets: number[],
  abortedTransactions: readonly AbortedTransaction[] | null,
  hasControl: boolean,
): { messages: FetchedMessage[]; offsets: readonly number[] } {
  const upcoming = [...(abortedTransactions ?? [])].sort((a, b) => a.firstOffset - b.firstOffset)
  if (!hasControl && upcoming.length === 0) return { messages: messages.slice(), offsets }

  const aborting = new Set<string>()
  const seen: { messages: FetchedMessage[]; offsets: number[] } = { messages: [], offsets: [] }
  for (const [index, message] of messages.entries()) {
    const offset = offsets[index] as number
    for (let next = upcoming[0]; next !== undefined && offset >= next.firstOffset; next = upcoming[0]) {
      aborting.add(String(next.producerId))
      upcoming.shift()
    }
    const { producerId, inTransaction } = message.batchContext
    if (message.isControlRecord) {
      if (isAbortMarker(message.key)) aborting.delete(producerId)
      continue
    }
    if (inTransaction && aborting.has(producerId)) continue
    seen.messages.push(message)
    seen.offsets.push(offset)
  }
  return seen
}
