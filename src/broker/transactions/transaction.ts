/**
 * A transaction as its coordinator has it (TransactionMetadata.scala), and the steps it may take. Immutable: a step answers what the
 * transaction is to become, which counts once that is in the log.
 */
import { always } from '../../kernel/laws.ts'

/** TransactionState.scala, by their numbers in the log. PrepareEpochFence (7) is only ever pending. */
export const TRANSACTION_STATES = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
] as const
export type TransactionStateName = (typeof TRANSACTION_STATES)[number] | 'PrepareEpochFence'

/** TransactionState.validPreviousStates. To PrepareAbort from where nothing is open: KIP-890, when a producer cannot know that. */
const PREVIOUS: Readonly<Record<TransactionStateName, readonly TransactionStateName[]>> = {
  Empty: ['Empty', 'CompleteCommit', 'CompleteAbort'],
  Ongoing: ['Ongoing', 'Empty', 'CompleteCommit', 'CompleteAbort'],
  PrepareCommit: ['Ongoing'],
  PrepareAbort: ['Ongoing', 'PrepareEpochFence', 'Empty', 'CompleteCommit', 'CompleteAbort'],
  CompleteCommit: ['PrepareCommit'],
  CompleteAbort: ['PrepareAbort'],
  Dead: ['Empty', 'CompleteAbort', 'CompleteCommit'],
  PrepareEpochFence: ['Ongoing'],
}

/** What is in the log of it. */
export interface TransactionValue {
  readonly producerId: number
  /** -1 = none. */
  readonly previousProducerId: number
  /** What the producer gets when this transaction is over, -1 = the same. */
  readonly nextProducerId: number
  readonly epoch: number
  /** The one before, for a producer that asks again; -1 = none. */
  readonly lastEpoch: number
  readonly timeoutMs: number
  readonly state: TransactionStateName
  /** `topic-partition` names, in the order in which they were added. */
  readonly partitions: readonly string[]
  /** -1 = none is open. */
  readonly startedAt: number
  readonly updatedAt: number
  /** KIP-890: 2 = the epoch is bumped with every transaction. */
  readonly version: number
}

export interface Transaction extends TransactionValue {
  readonly id: string
  /** It is on its way into the log; nothing else may happen meanwhile (CONCURRENT_TRANSACTIONS). */
  readonly pending: TransactionStateName | null
  /** A fence could not be written: the epoch was bumped and nobody told (KAFKA-8803). */
  readonly failedFence: boolean
}

export const NO_EPOCH = -1
export const NO_PRODUCER = -1
const MAX_EPOCH = 32_767
/** The last one a producer gets: the next one is for fencing. */
export const LAST_EPOCH = MAX_EPOCH - 1

export function createTransaction(id: string, producerId: number, timeoutMs: number, now: number): Transaction {
  return {
    id,
    producerId,
    previousProducerId: NO_PRODUCER,
    nextProducerId: NO_PRODUCER,
    epoch: NO_EPOCH,
    lastEpoch: NO_EPOCH,
    timeoutMs,
    state: 'Empty',
    partitions: [],
    startedAt: -1,
    updatedAt: now,
    version: 0,
    pending: null,
    failedFence: false,
  }
}

/** TransactionMetadata.isEpochExhausted: the last epoch is kept for fencing. */
export function isEpochExhausted(epoch: number): boolean {
  return epoch >= LAST_EPOCH
}

function step(
  from: Transaction,
  to: Partial<TransactionValue> & { readonly state: TransactionStateName },
): TransactionValue {
  always(
    from.pending === null,
    'T5',
    `transaction ${from.id} is on its way to ${from.pending} and shall go to ${to.state}`,
  )
  always(
    PREVIOUS[to.state].includes(from.state),
    'T5',
    `transaction ${from.id} must not go from ${from.state} to ${to.state}`,
  )
  const { id: _id, pending: _pending, failedFence: _fence, ...value } = from
  return { ...value, previousProducerId: from.producerId, nextProducerId: NO_PRODUCER, version: 0, ...to }
}

/** prepareIncrementProducerEpoch: a producer begins, or begins anew. Null = another one has fenced it. */
export function withNextEpoch(
  from: Transaction,
  timeoutMs: number,
  expectedEpoch: number | null,
  now: number,
): TransactionValue | null {
  const begin = (epoch: number, lastEpoch: number) =>
    step(from, { state: 'Empty', epoch, lastEpoch, timeoutMs, partitions: [], startedAt: -1, updatedAt: now })
  if (expectedEpoch === null) return begin(from.epoch + 1, NO_EPOCH)
  if (from.epoch === NO_EPOCH || expectedEpoch === from.epoch) return begin(from.epoch + 1, from.epoch)
  // It asks again, the answer was lost.
  return expectedEpoch === from.lastEpoch ? begin(from.epoch, from.lastEpoch) : null
}

/** prepareProducerIdRotation: the epochs of the id are used up. */
export function withNewProducer(
  from: Transaction,
  producerId: number,
  timeoutMs: number,
  keepsLastEpoch: boolean,
  now: number,
): TransactionValue {
  return step(from, {
    state: 'Empty',
    producerId,
    epoch: 0,
    lastEpoch: keepsLastEpoch ? from.epoch : NO_EPOCH,
    timeoutMs,
    partitions: [],
    startedAt: -1,
    updatedAt: now,
  })
}

/** prepareFenceProducerEpoch: the transaction as it is while it is fenced. */
export function fenced(from: Transaction): Transaction {
  always(
    from.pending === null && from.state === 'Ongoing',
    'T5',
    `transaction ${from.id} is ${from.state}, and shall be fenced`,
  )
  return { ...from, pending: 'PrepareEpochFence' }
}

/** The epoch that fences, which is never told to anybody: one that could not be written is used again. */
export function fencingEpoch({ epoch, failedFence }: Transaction): number {
  return failedFence || epoch === MAX_EPOCH ? epoch : epoch + 1
}

export function withPartitions(from: Transaction, added: readonly string[], now: number): TransactionValue {
  return step(from, {
    state: 'Ongoing',
    partitions: [...new Set([...from.partitions, ...added])],
    startedAt: from.state === 'Ongoing' ? from.startedAt : now,
    updatedAt: now,
  })
}

/** prepareAbortOrCommit. With version 2 the end bumps the epoch, and fences with it (KAFKA-19367). */
export function decided(
  from: Transaction,
  commit: boolean,
  version: number,
  nextProducerId: number,
  now: number,
): TransactionValue {
  const bumps = version >= 2
  return step(from, {
    state: commit ? 'PrepareCommit' : 'PrepareAbort',
    nextProducerId,
    epoch: bumps ? Math.min(from.epoch + 1, MAX_EPOCH) : from.epoch,
    lastEpoch: bumps ? from.epoch : from.lastEpoch,
    version,
    startedAt: from.state === 'Ongoing' ? from.startedAt : now,
    updatedAt: now,
  })
}

/** prepareComplete: every partition has its marker. */
export function completed(from: Transaction, now: number): TransactionValue {
  const rotates = from.version >= 2 && from.nextProducerId !== NO_PRODUCER
  return step(from, {
    state: from.state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort',
    producerId: rotates ? from.nextProducerId : from.producerId,
    epoch: rotates ? 0 : from.epoch,
    // The last one the producer has seen, also when the id is another one now.
    lastEpoch: from.lastEpoch,
    partitions: [],
    version: from.version,
    updatedAt: now,
  })
}

export function isOver({ state }: Transaction): boolean {
  return state === 'Empty' || state === 'CompleteCommit' || state === 'CompleteAbort'
}
