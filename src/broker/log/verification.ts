/**
 * What a leader remembers of a transaction while it asks the coordinator about it (VerificationStateEntry, VerificationGuard; KIP-890).
 * A guard stands for one transaction in one log: whatever ends the transaction takes it away, so an answer that comes after that finds
 * it gone. It is in memory only, and goes with the first record as well: from then on the log itself says that a transaction is open.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import type { PartitionLog } from './log.ts'
import type { ProducerEntry } from './producers.ts'

export interface VerificationEntry {
  /** No two of a log have the same. */
  readonly guard: number
  readonly since: number
  /** The lowest sequence somebody has asked for: until that is in the log, what comes after it waits. */
  readonly lowestSequence: number
  readonly epoch: number
  /** Its producer has an epoch for every transaction. */
  readonly bumps: boolean
}

/** Whether the log has a transaction of this producer and epoch open: then nobody has to be asked. */
export function hasOpenTransaction(entry: ProducerEntry | undefined, epoch: number): boolean {
  return entry !== undefined && entry.currentTxnFirstOffset >= 0 && entry.epoch === epoch
}

/** ProducerStateManager.maybeCreateVerificationStateEntry; answers with the guard. Questions that are under way at once share one. */
export function beginVerification(
  { producers }: PartitionLog,
  producerId: number,
  epoch: number,
  sequence: number,
  bumps: boolean,
  now: number,
): number {
  const known = producers.verifications.get(producerId)
  const entry: VerificationEntry =
    known === undefined
      ? { guard: ++producers.lastGuard, since: now, lowestSequence: sequence, epoch, bumps }
      : lowered(known, epoch, sequence)
  producers.verifications.set(producerId, entry)
  if (entry.since < producers.oldestTimestamp) producers.oldestTimestamp = entry.since
  return entry.guard
}

/** VerificationStateEntry.maybeUpdateLowestSequenceAndEpoch: a later epoch begins anew. */
function lowered(entry: VerificationEntry, epoch: number, sequence: number): VerificationEntry {
  if (epoch > entry.epoch) return { ...entry, epoch, lowestSequence: sequence }
  return epoch === entry.epoch && sequence < entry.lowestSequence ? { ...entry, lowestSequence: sequence } : entry
}

/**
 * What is wrong with the sequence of a batch that begins a transaction, or NONE (ProducerAppendInfo.checkSequence): one before it is
 * still to come, or, with an epoch for every transaction, it is not the first of one the log knows nothing of.
 */
export function firstSequenceProblem(
  { producers }: PartitionLog,
  entry: ProducerEntry | undefined,
  { producerId, baseSequence }: RecordBatch,
): number {
  const asked = producers.verifications.get(producerId)
  if (asked === undefined) return ErrorCode.NONE
  const isOutrun = baseSequence > asked.lowestSequence || (asked.bumps && entry === undefined && baseSequence !== 0)
  return isOutrun ? ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER : ErrorCode.NONE
}
