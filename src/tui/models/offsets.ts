/** The offsets topic, record by record: what each says, and which of them compaction would keep. */
import { withoutMemberTails } from '../../course/sentences.ts'
import type { RecordView, TopicView } from '../../index.ts'

export const OFFSETS_TOPIC = '__consumer_offsets'

/** The records of a consumer group (KIP-848). */
const CONSUMER_GROUP_KINDS = [
  'consumer-group',
  'consumer-group-topics',
  'consumer-member',
  'target-epoch',
  'target-assignment',
  'current-assignment',
] as const
type ConsumerGroupKind = (typeof CONSUMER_GROUP_KINDS)[number]

export interface OffsetsRow {
  readonly partition: number
  readonly offset: number
  /** Virtual milliseconds since the Unix epoch. */
  readonly time: number
  /** What the key names; `other` where this program cannot read it. */
  readonly kind: 'offset-commit' | 'group-metadata' | ConsumerGroupKind | 'other'
  /** Null where the key cannot be read. */
  readonly group: string | null
  /** `orders-0` for a commit, the member for a record of one. */
  readonly where: string | null
  readonly value: OffsetsValue
  /** The newest record of its key: compaction keeps it. A tombstone is kept for a while, then it goes too. */
  readonly kept: boolean
}

export type OffsetsValue =
  | { readonly type: 'tombstone' }
  | { readonly type: 'commit'; readonly offset: number }
  | {
      readonly type: 'generation'
      readonly generation: number
      readonly members: number
      readonly protocol: string | null
    }
  | { readonly type: 'text'; readonly text: string }

/** Newest last. Records of one partition stay in their order. */
export function offsetsRows(records: readonly RecordView[]): OffsetsRow[] {
  const newest = new Map<string, number>()
  for (const record of records) {
    const key = keyOf(record)
    newest.set(key, Math.max(newest.get(key) ?? -1, record.offset))
  }
  return records
    .map((record) => rowOf(record, newest.get(keyOf(record)) === record.offset))
    .sort((a, b) => a.time - b.time || a.partition - b.partition || a.offset - b.offset)
}

function keyOf({ partition, keyBytes, offset }: RecordView): string {
  // A record without a key is superseded by none.
  return `${partition} ${keyBytes === null ? `no key ${offset}` : keyBytes.join()}`
}

/** The decoded form, as far as this view knows it. */
interface Decoded {
  readonly type: string
  readonly group: string
  readonly topic?: string
  readonly partition?: number
  readonly member?: string
  readonly value: {
    readonly offset?: number
    readonly generation?: number
    readonly protocol?: string | null
    readonly members?: readonly unknown[]
  } | null
}

function rowOf(record: RecordView, kept: boolean): OffsetsRow {
  const decoded = decodedOf(record)
  const isCommit = decoded?.type === 'offset-commit'
  return {
    partition: record.partition,
    offset: record.offset,
    time: record.timestamp,
    kind: kindOf(decoded),
    group: decoded?.group ?? null,
    where: isCommit
      ? `${decoded.topic}-${decoded.partition}`
      : decoded?.member === undefined
        ? null
        : withoutMemberTails(decoded.member),
    value: offsetsValue(record, decoded),
    kept,
  }
}

function kindOf(decoded: Decoded | null): OffsetsRow['kind'] {
  const type = decoded?.type
  if (type === 'offset-commit' || type === 'group-metadata') return type
  return CONSUMER_GROUP_KINDS.find((kind) => kind === type) ?? 'other'
}

function decodedOf({ decoded }: RecordView): Decoded | null {
  if (typeof decoded !== 'object' || decoded === null) return null
  return 'type' in decoded && 'group' in decoded && 'value' in decoded ? (decoded as Decoded) : null
}

function offsetsValue(record: RecordView, decoded: Decoded | null): OffsetsValue {
  if (record.valueBytes === null) return { type: 'tombstone' }
  const value = decoded?.value ?? null
  if (decoded?.type === 'offset-commit' && value?.offset !== undefined) return { type: 'commit', offset: value.offset }
  if (decoded?.type === 'group-metadata' && value?.generation !== undefined) {
    const { generation, members = [], protocol = null } = value
    return { type: 'generation', generation, members: members.length, protocol }
  }
  return { type: 'text', text: decoded === null ? '' : (record.value ?? '') }
}

/** How many offsets of these partitions hold no record any more: what compaction has taken. */
export function goneRecords(topic: TopicView | undefined, records: readonly RecordView[]): number {
  const partitions = new Set(records.map(({ partition }) => partition))
  let gone = 0
  for (const { partition, logEndOffset } of topic?.partitions ?? []) {
    if (partitions.has(partition)) gone += logEndOffset
  }
  return Math.max(0, gone - records.length)
}
