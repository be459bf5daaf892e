/** Which records of a log readers get: by default those of a read_committed consumer, as kafkajs's consumers are unless told otherwise. */
import { abortedBetween, isInternal, lastStableOffset, type PartitionLog } from '../broker/index.ts'
import { isControl, isTransactional } from '../protocol/records.ts'

type Batch = PartitionLog['batches'][number]

export interface ReadOptions {
  /**
   * Everything in the leader's log: records of aborted and of open transactions as well, and those that are not replicated yet. The option of
   * kafkajs's consumer. Default false.
   */
  readonly readUncommitted?: boolean
}

export const READ_OPTION_NAMES: readonly (keyof ReadOptions)[] = ['readUncommitted']

export interface Readable {
  /** Nothing at or behind this offset. */
  readonly upTo: number
  /** Whether any record of a batch is among them. */
  has(batch: Batch): boolean
}

export function readableOf(log: PartitionLog, { readUncommitted = false }: ReadOptions): Readable {
  if (readUncommitted) return { upTo: log.logEndOffset, has: (batch) => !isControl(batch) }
  // A coordinator reads its own log to the end and takes up each transaction as it ends: nobody's commits wait for another's.
  if (isInternal(log.topic)) {
    return {
      upTo: log.logEndOffset,
      has: (batch) => !isControl(batch) && !wasAborted(log, batch) && !isOpen(log, batch),
    }
  }
  const upTo = lastStableOffset(log)
  return { upTo, has: (batch) => batch.baseOffset < upTo && !isControl(batch) && !wasAborted(log, batch) }
}

export function wasAborted(log: PartitionLog, batch: Batch): boolean {
  if (!isTransactional(batch)) return false
  const { baseOffset, producerId } = batch
  return abortedBetween(log, baseOffset, baseOffset + 1).some(
    (txn) => txn.producerId === producerId && txn.firstOffset <= baseOffset,
  )
}

function isOpen({ transactions }: PartitionLog, batch: Batch): boolean {
  if (!isTransactional(batch)) return false
  for (const [firstOffset, producerId] of transactions.open) {
    if (producerId === batch.producerId && firstOffset <= batch.baseOffset) return true
  }
  return false
}
