/**
 * What compaction knows of transactions while it reads a log from its beginning (LogCleaner, CleanedTransactionMetadata):
 * records of aborted ones go at once, and a marker when nothing of its transaction is left.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import { isTransactional, lastOffsetOf, readTransactionMarker } from '../../protocol/records.ts'
import type { AbortedTxn } from './transactions.ts'

export interface CleanedTransactions {
  /** A batch of records comes by: whether its transaction was aborted. */
  readonly isAborted: (batch: RecordBatch) => boolean
  /** A control batch comes by: whether nothing of its transaction did. */
  readonly isOfNothing: (batch: RecordBatch) => boolean
  /** The aborted transactions of which something did: of the others readers need not know. */
  readonly retained: readonly AbortedTxn[]
}

/** @param aborted those that overlap what is read */
export function cleanedTransactions(aborted: readonly AbortedTxn[]): CleanedTransactions {
  const upcoming = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  const abortedNow = new Map<number, { readonly txn: AbortedTxn; seen: boolean }>()
  const committedNow = new Set<number>()
  const retained: AbortedTxn[] = []
  const goTo = (offset: number) => {
    for (let next = upcoming[0]; next !== undefined && next.firstOffset <= offset; next = upcoming[0]) {
      upcoming.shift()
      if (!abortedNow.has(next.producerId)) abortedNow.set(next.producerId, { txn: next, seen: false })
    }
  }
  return {
    retained,
    isAborted(batch) {
      goTo(lastOffsetOf(batch))
      if (!isTransactional(batch)) return false
      const known = abortedNow.get(batch.producerId)
      if (known === undefined) committedNow.add(batch.producerId)
      else known.seen = true
      return known !== undefined
    },
    isOfNothing(batch) {
      goTo(lastOffsetOf(batch))
      const { producerId } = batch
      // Emptied before: nothing was left of its transaction then.
      if (batch.recordCount === 0) return true
      const marker = readTransactionMarker(batch)
      if (marker === null) return false
      if (marker.type === 'COMMIT') return !committedNow.delete(producerId)
      const known = abortedNow.get(producerId)
      abortedNow.delete(producerId)
      if (known?.seen !== true) return true
      retained.push(known.txn)
      return false
    },
  }
}
