/** Whether a leader may append what an idempotent producer sends (UnifiedLog.analyzeAndValidateProducerState, ProducerAppendInfo). */
import type { RecordBatch } from '../../protocol/batch.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { lastSequenceOf, sequenceAfter, sequenceBefore } from '../../protocol/records.ts'
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

/** The sequence an epoch of a known producer goes on with: a new one begins with 0. */
export function expectedSequence({ epoch, batches }: ProducerEntry, ofEpoch: number): number {
  const last = batches.at(-1)
  return ofEpoch !== epoch || last === undefined ? 0 : sequenceAfter(last.lastSequence)
}
