/**
 * Transactions as a log sees them: which are open, which have ended and may yet be lost, and which were aborted
 * (ProducerStateManager.ongoingTxns and unreplicatedTxns, TransactionIndex). From the first two follows how far a
 * read_committed reader gets, the last stable offset; the third tells it what to leave out.
 */
import type { PartitionLog } from './log.ts'

export interface CompletedTransaction {
  readonly producerId: number
  /** Of its first record in this log. */
  readonly firstOffset: number
  /** Of its marker. */
  readonly lastOffset: number
  readonly aborted: boolean
}

/** AbortedTxn. */
export interface AbortedTxn {
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
  /** What the last stable offset was when it had ended: everything that began before is decided from there on. */
  readonly lastStableOffset: number
}

export interface TransactionState {
  /** Producer ids by the first offsets of their open transactions, ascending. */
  readonly open: Map<number, number>
  /** Ended by markers that are not below the high watermark yet. */
  unreplicated: readonly CompletedTransaction[]
  /** On disk, by the offsets of their markers, ascending. */
  aborted: AbortedTxn[]
}

export function createTransactionState(): TransactionState {
  return { open: new Map(), unreplicated: [], aborted: [] }
}

/** Offsets only grow while a log is read; snapshots are in no order. */
export function beginTransaction({ open }: TransactionState, firstOffset: number, producerId: number): void {
  const later = [...open].filter(([offset]) => offset > firstOffset)
  open.set(firstOffset, producerId)
  for (const [offset, id] of later) {
    open.delete(offset)
    open.set(offset, id)
  }
}

/** ProducerStateManager.completeTxn: readers wait on until the marker is replicated. */
export function completeTransaction(transactions: TransactionState, completed: CompletedTransaction): void {
  transactions.open.delete(completed.firstOffset)
  transactions.unreplicated = [...transactions.unreplicated, completed]
}

/** Of what producers say; the index of aborted transactions is a file of its own, and stays. */
export function forgetTransactions(transactions: TransactionState): void {
  transactions.open.clear()
  transactions.unreplicated = []
}

/** The marker is in the log (LogSegment.updateTxnIndex, ProducerStateManager.lastStableOffset). */
export function indexAborted({ transactions }: PartitionLog, completed: CompletedTransaction): void {
  if (!completed.aborted) return
  const { producerId, firstOffset, lastOffset } = completed
  const lastStableOffset = firstOpen(transactions) ?? lastOffset + 1
  transactions.aborted.push({ producerId, firstOffset, lastOffset, lastStableOffset })
}

/** ProducerStateManager.onHighWatermarkUpdated: what ended below it is decided for good. */
export function settleTransactions({ transactions, highWatermark }: PartitionLog): void {
  if (transactions.unreplicated.length === 0) return
  transactions.unreplicated = transactions.unreplicated.filter(({ lastOffset }) => lastOffset >= highWatermark)
}

/** ProducerStateManager.firstUnstableOffset, UnifiedLog.lastStableOffset: read_committed readers see what is before it. */
export function lastStableOffset({ transactions, highWatermark, logStartOffset }: PartitionLog): number {
  const { open, unreplicated } = transactions
  if (open.size === 0 && unreplicated.length === 0) return highWatermark
  const unstable = unreplicated.reduce(
    (least, { firstOffset }) => Math.min(least, firstOffset),
    firstOpen(transactions) ?? Infinity,
  )
  // The log may start within a transaction (DeleteRecords, retention).
  return Math.min(Math.max(unstable, logStartOffset), highWatermark)
}

function firstOpen({ open }: TransactionState): number | undefined {
  for (const firstOffset of open.keys()) return firstOffset
  return undefined
}

/** The aborted transactions that overlap [from, upTo), by their markers (TransactionIndex.collectAbortedTxns). */
export function abortedBetween({ transactions: { aborted } }: PartitionLog, from: number, upTo: number): AbortedTxn[] {
  const found: AbortedTxn[] = []
  for (let i = firstEndingAt(aborted, from); i < aborted.length; i++) {
    const txn = aborted[i] as AbortedTxn
    if (txn.firstOffset < upTo) found.push(txn)
    // Whatever ends after this one began beyond the range.
    if (txn.lastStableOffset >= upTo) break
  }
  return found
}

/** The first one whose marker is at or after an offset. */
function firstEndingAt(aborted: readonly AbortedTxn[], offset: number): number {
  let low = 0
  let high = aborted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((aborted[middle] as AbortedTxn).lastOffset < offset) low = middle + 1
    else high = middle
  }
  return low
}

/** TransactionIndex.truncateTo: the marker is gone, so nothing is aborted yet. */
export function truncateAborted({ transactions: { aborted } }: PartitionLog, offset: number): void {
  aborted.length = firstEndingAt(aborted, offset)
}

/** The index goes with its segments: markers before an offset are not in the log any more. */
export function dropAbortedBefore({ transactions: { aborted } }: PartitionLog, offset: number): void {
  aborted.splice(0, firstEndingAt(aborted, offset))
}
