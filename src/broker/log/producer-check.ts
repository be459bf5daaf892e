/** Whether a leader may append what an idempotent producer sends (UnifiedLog.analyzeAndValidateProducerState, ProducerAppendInfo). */
import type { RecordBatch } from '../../protocol/batch.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import {
  isTransactional,
  lastSequenceOf,
  sequenceAfter,
  sequenceBefore,
  type TransactionMarker,
} from '../../protocol/records.ts'
import type { BatchMetadata, ProducerEntry } from './producers.ts'

/** The batch as it was appended before, if it is one of the last of this epoch (ProducerStateEntry.findDuplicateBatch). */
export function findDuplicate(entry: ProducerEntry | undefined, batch: RecordBatch): BatchMetadata | undefined {
  if (entry === undefined || entry.epoch !== batch.producerEpoch) return undefined
  const last = lastSequenceOf(batch)
  return entry.batches.find(
    ({ lastSequence, offsetDelta }) =>
      lastSequence === last && sequenceBefore(lastSequence, offsetDelta) === batch.baseSequence,
  )
}

/**
 * What is wrong with the batch's epoch or sequence, or NONE.
 *
 * @param entry undefined = this log does not know the producer
 * @param acceptsUnknown KIP-360: of a producer that is not known any sequence is taken. Before, it was UNKNOWN_PRODUCER_ID,
 *   whose safe handling was more than producers could do.
 */
export function sequenceProblem(entry: ProducerEntry | undefined, batch: RecordBatch, acceptsUnknown: boolean): number {
  if (entry === undefined)
    return acceptsUnknown || batch.baseSequence === 0 ? ErrorCode.NONE : ErrorCode.UNKNOWN_PRODUCER_ID
  if (batch.producerEpoch < entry.epoch) return ErrorCode.INVALID_PRODUCER_EPOCH
  return batch.baseSequence === expectedSequence(entry, batch.producerEpoch)
    ? ErrorCode.NONE
    : ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
}

/**
 * What is wrong with a batch of records as to transactions (ProducerAppendInfo.appendDataBatch), or NONE: while a producer has a
 * transaction open it writes nothing else (law T7). A transactional batch without one begins it.
 */
export function transactionProblem(entry: ProducerEntry | undefined, batch: RecordBatch): number {
  const open = (entry?.currentTxnFirstOffset ?? -1) >= 0
  return open && !isTransactional(batch) ? ErrorCode.INVALID_TXN_STATE : ErrorCode.NONE
}

/**
 * What is wrong with a batch that a coordinator writes for a transactional producer, which has no sequence (AppendOrigin.COORDINATOR):
 * only the epoch counts.
 */
export function coordinatedProblem(entry: ProducerEntry | undefined, batch: RecordBatch): number {
  if (entry !== undefined && batch.producerEpoch < entry.epoch) return ErrorCode.INVALID_PRODUCER_EPOCH
  return transactionProblem(entry, batch)
}

/**
 * What is wrong with a marker (ProducerAppendInfo.appendEndTxnMarker), or NONE: a producer of a later epoch has been here, or the
 * coordinator that writes it is no longer the coordinator. A marker of a later epoch, as KIP-890 has it, is right; with an epoch for
 * every transaction one of the same epoch is late, and must not end the next transaction, though it may come again while none is open
 * (KIP-1228).
 */
export function markerProblem(
  entry: ProducerEntry | undefined,
  marker: Pick<TransactionMarker, 'producerEpoch' | 'coordinatorEpoch'> & { readonly version?: number },
): number {
  if (entry === undefined) return ErrorCode.NONE
  if (marker.producerEpoch < entry.epoch) return ErrorCode.INVALID_PRODUCER_EPOCH
  const isOfTheNext = marker.producerEpoch === entry.epoch && entry.currentTxnFirstOffset >= 0
  if ((marker.version ?? 0) >= 2 && isOfTheNext) return ErrorCode.INVALID_PRODUCER_EPOCH
  return marker.coordinatorEpoch < entry.coordinatorEpoch ? ErrorCode.TRANSACTION_COORDINATOR_FENCED : ErrorCode.NONE
}

/** The sequence an epoch of a known producer goes on with: a new one begins with 0. */
export function expectedSequence({ epoch, batches }: ProducerEntry, ofEpoch: number): number {
  const last = batches.at(-1)
  return ofEpoch !== epoch || last === undefined ? 0 : sequenceAfter(last.lastSequence)
}
