/** What becomes of a batch of an idempotent producer, as far as its sequence and its transaction say; the other checks are in `00-produce.ts`. */
import type { RecordBatch } from '../../protocol/batch.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { makePartitionProduceResponse } from '../../protocol/make.ts'
import type { PartitionProduceResponse } from '../../protocol/messages.ts'
import { isTransactional } from '../../protocol/records.ts'
import type { Decision } from '../decision.ts'
import {
  type BatchMetadata,
  expectedSequence,
  findDuplicate,
  firstSequenceProblem,
  type PartitionLog,
  type ProducerEntry,
  sequenceProblem,
  transactionProblem,
} from '../log/index.ts'
import type { BrokerState } from '../state.ts'
import { lacksVerification, type Verified } from '../verification/question.ts'

export interface Sequenced {
  readonly errorCode: number
  /** It is in the log already. */
  readonly duplicate: BatchMetadata | null
}

const FOLLOWS: Sequenced = { errorCode: ErrorCode.NONE, duplicate: null }

/** Whether the batch is to be appended; if not, the trace is told. */
export function judgeSequence(
  state: BrokerState,
  log: PartitionLog,
  batch: RecordBatch,
  verified: Verified,
  client: string,
  out: Decision,
): Sequenced {
  const entry = log.producers.entries.get(batch.producerId)
  const duplicate = findDuplicate(entry, batch)
  if (duplicate !== undefined) {
    const baseOffset = duplicate.lastOffset - duplicate.offsetDelta
    out.facts.push({ type: 'duplicate', ...about(state, log, batch, client), baseOffset, count: batch.recordCount })
    return { errorCode: ErrorCode.NONE, duplicate }
  }
  if (isTransactional(batch) && lacksVerification(state, log, batch.producerId, batch.producerEpoch, verified)) {
    out.facts.push({ type: 'transaction.over', ...about(state, log, batch, client) })
    return { errorCode: ErrorCode.INVALID_TXN_STATE, duplicate: null }
  }
  const errorCode = sequenceProblem(entry, batch, state.switches.kip360) || firstSequenceProblem(log, entry, batch)
  if (errorCode === ErrorCode.NONE) {
    const errorCode = transactionProblem(entry, batch)
    return errorCode === ErrorCode.NONE ? FOLLOWS : { errorCode, duplicate: null }
  }
  const expected = expectedOf(entry, batch)
  out.facts.push({ type: 'sequence.refused', ...about(state, log, batch, client), errorCode, expected })
  return { errorCode, duplicate: null }
}

/** The epoch the log knows goes on; a later one begins. */
function expectedOf(entry: ProducerEntry | undefined, { producerEpoch }: RecordBatch): number {
  return entry === undefined ? -1 : expectedSequence(entry, Math.max(producerEpoch, entry.epoch))
}

function about({ id }: BrokerState, { topic, partition }: PartitionLog, batch: RecordBatch, client: string) {
  const { producerId, producerEpoch: epoch, baseSequence: sequence } = batch
  return { node: id, topic, partition, client, producer: { id: producerId, epoch, sequence } }
}

/** The answer it would have got: the first offset, and as its time that of the batch (UnifiedLog.append, maybeDuplicate). */
export function duplicateAnswer(
  log: PartitionLog,
  { lastOffset, offsetDelta, timestamp }: BatchMetadata,
): PartitionProduceResponse {
  return makePartitionProduceResponse({
    index: log.partition,
    baseOffset: lastOffset - offsetDelta,
    logAppendTimeMs: timestamp,
    logStartOffset: log.logStartOffset,
  })
}
