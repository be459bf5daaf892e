/** What the transactions view shows: the transactions, and each partition's log with what they made of it. */
import type { ClusterView, LogEntryView, OpenTransactionView, TransactionView } from '../../index.ts'
import { ownPartitions } from './cluster.ts'

export interface TransactionRow {
  readonly id: string
  readonly producerId: number
  readonly epoch: number
  readonly state: TransactionView['state']
  readonly partitions: readonly string[]
  /** Virtual milliseconds; null: none is open. */
  readonly openForMs: number | null
  readonly timeoutMs: number
  readonly coordinator: number
}

/** Cells are offsets. `gap` = compaction has emptied it. */
export type LogCell = 'record' | 'open' | 'aborted' | 'commit-marker' | 'abort-marker' | 'gap'

export interface PartitionLogRow {
  readonly name: string
  /** Of the first cell. */
  readonly first: number
  readonly cells: readonly LogCell[]
  readonly lastStableOffset: number
  readonly highWatermark: number
  readonly logEndOffset: number
  /** The transaction that readers wait behind, at the last stable offset; null: none, or they are not as far as that yet. */
  readonly open: (OpenTransactionView & { readonly openForMs: number }) | null
}

export function transactionRows({ transactions, now }: ClusterView): TransactionRow[] {
  return transactions
    .map(({ transactionalId, startedAt, state, partitions, ...rest }) => ({
      id: transactionalId,
      producerId: rest.producerId,
      epoch: rest.epoch,
      state,
      partitions: partitions.map(({ topic, partition }) => `${topic}-${partition}`).sort(),
      openForMs: isOpen(state) && startedAt !== null ? now - startedAt : null,
      timeoutMs: rest.timeoutMs,
      coordinator: rest.coordinator,
    }))
    .sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

function isOpen(state: TransactionView['state']): boolean {
  return state === 'Ongoing' || state.startsWith('Prepare')
}

/** The last `most` offsets of every partition. */
export function partitionLogRows(
  view: ClusterView,
  logs: ReadonlyMap<string, readonly LogEntryView[]>,
  most: number,
): PartitionLogRow[] {
  return ownPartitions(view).map((partition) => {
    const { topic, logStartOffset, logEndOffset, lastStableOffset, highWatermark } = partition
    const name = `${topic}-${partition.partition}`
    const first = Math.max(logStartOffset, logEndOffset - most)
    const known = new Map((logs.get(name) ?? []).map((entry) => [entry.offset, entry]))
    const [open] = partition.openTransactions
    return {
      name,
      first,
      cells: Array.from({ length: logEndOffset - first }, (_unused, index) => cellOf(known.get(first + index))),
      lastStableOffset,
      highWatermark,
      logEndOffset,
      open:
        open === undefined || open.firstOffset > lastStableOffset
          ? null
          : { ...open, openForMs: view.now - open.since },
    }
  })
}

function cellOf(entry: LogEntryView | undefined): LogCell {
  if (entry === undefined) return 'gap'
  if (entry.type !== 'record') return entry.type === 'commit' ? 'commit-marker' : 'abort-marker'
  return entry.transaction === 'open' || entry.transaction === 'aborted' ? entry.transaction : 'record'
}
