/** What producers ask of their transaction coordinator (TransactionCoordinator.scala). */
import { ErrorCode } from '../../protocol/errors.ts'
import { claimProducerId } from '../producer-ids.ts'
import { type Asked, tell } from './answers.ts'
import {
  createTransaction,
  decided,
  fenced,
  fencingEpoch,
  isEpochExhausted,
  LAST_EPOCH,
  NO_EPOCH,
  NO_PRODUCER,
  type Transaction,
  type TransactionValue,
  withNewProducer,
  withNextEpoch,
  withPartitions,
} from './transaction.ts'
import { type TransactionTurn, writeTransaction } from './turn.ts'

/** What a producer says of itself. */
export interface Claimed {
  readonly producerId: number
  readonly epoch: number
}

function refuse({ state, out }: TransactionTurn, asked: Asked, errorCode: number): void {
  tell(state, asked, errorCode, null, out)
}

/** Null = there is none now; clients ask again. */
function newProducerId({ state, ctx, out }: TransactionTurn): number | null {
  const { id, ids, asks } = claimProducerId(state.producerIds, ctx.now)
  out.changes.push({ op: 'producer-ids', ids, asks })
  return id
}

/**
 * handleInitProducerId: a producer begins. A transaction its former self left open is aborted first, and the producer asks again.
 *
 * @param claimed what it had, after an error that may be its own (KIP-360); null = nothing
 */
export function beginProducer(
  turn: TransactionTurn,
  id: string,
  timeoutMs: number,
  claimed: Claimed | null,
  asked: Asked,
): void {
  const { shard, ctx } = turn
  let transaction = shard.transactions.get(id)
  if (transaction === undefined) {
    const producerId = newProducerId(turn)
    if (producerId === null) return refuse(turn, asked, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    transaction = createTransaction(id, producerId, timeoutMs, ctx.now)
  }
  if (transaction.pending !== null) return refuse(turn, asked, ErrorCode.CONCURRENT_TRANSACTIONS)
  if (claimed !== null && !isItsProducer(transaction, claimed)) return refuse(turn, asked, ErrorCode.PRODUCER_FENCED)
  switch (transaction.state) {
    case 'PrepareAbort':
    case 'PrepareCommit':
      return refuse(turn, asked, ErrorCode.CONCURRENT_TRANSACTIONS)
    case 'Ongoing':
      return fence(turn, transaction, asked)
  }
  let next: TransactionValue | null
  if (isEpochExhausted(transaction.epoch) && (claimed === null || claimed.epoch === transaction.epoch)) {
    const producerId = newProducerId(turn)
    if (producerId === null) return refuse(turn, asked, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    next = withNewProducer(transaction, producerId, timeoutMs, claimed !== null, ctx.now)
  } else next = withNextEpoch(transaction, timeoutMs, claimed?.epoch ?? null, ctx.now)
  if (next === null) return refuse(turn, asked, ErrorCode.PRODUCER_FENCED)
  writeTransaction(turn, transaction, next, { type: 'reply', asked })
}

/** prepareInitProducerIdTransit.isValidProducerId. */
function isItsProducer(transaction: Transaction, { producerId, epoch }: Claimed): boolean {
  return (
    transaction.epoch === NO_EPOCH ||
    producerId === transaction.producerId ||
    (producerId === transaction.previousProducerId && isEpochExhausted(epoch))
  )
}

/** The coordinator aborts what is open, so that nobody who had it can go on with it. */
export function fence(turn: TransactionTurn, transaction: Transaction, asked: Asked | null): void {
  const claimed = { producerId: transaction.producerId, epoch: fencingEpoch(transaction) }
  endTransaction(turn, fenced(transaction), claimed, false, serverVersion(turn), asked, false)
}

/**
 * The error that keeps a producer from adding to its transaction, or NONE. Since KIP-890 what is pending comes first: it may make the
 * producer that asks the right one, when its epochs are used up (KAFKA-18660).
 */
function addProblem(transaction: Transaction | undefined, claimed: Claimed, pendingFirst: boolean): number {
  if (transaction === undefined) return ErrorCode.INVALID_PRODUCER_ID_MAPPING
  const { pending, producerId, epoch, state } = transaction
  if (pendingFirst && pending !== null) return ErrorCode.CONCURRENT_TRANSACTIONS
  if (producerId !== claimed.producerId) return ErrorCode.INVALID_PRODUCER_ID_MAPPING
  if (epoch !== claimed.epoch) return ErrorCode.PRODUCER_FENCED
  const isBusy = pending !== null || state === 'PrepareCommit' || state === 'PrepareAbort'
  return isBusy ? ErrorCode.CONCURRENT_TRANSACTIONS : ErrorCode.NONE
}

/** handleAddPartitionsToTransaction. */
export function addPartitions(
  turn: TransactionTurn,
  id: string,
  claimed: Claimed,
  partitions: readonly string[],
  asked: Asked,
): void {
  const { state, shard, out, ctx } = turn
  const transaction = shard.transactions.get(id)
  const problem = addProblem(transaction, claimed, state.switches.epochBumpPerTxn)
  if (transaction === undefined || problem !== ErrorCode.NONE) return refuse(turn, asked, problem)
  if (transaction.state === 'Ongoing' && partitions.every((name) => transaction.partitions.includes(name))) {
    tell(state, asked, ErrorCode.NONE, transaction, out)
    return
  }
  writeTransaction(turn, transaction, withPartitions(transaction, partitions, ctx.now), { type: 'reply', asked })
}

/** handleVerifyPartitionsInTransaction (KIP-890): is each of them in the transaction? */
export function verifyPartitions(
  transaction: Transaction | undefined,
  { producerId, epoch }: Claimed,
  partitions: readonly string[],
): ReadonlyMap<string, number> {
  const everywhere = (code: number) => new Map(partitions.map((name) => [name, code]))
  if (transaction === undefined || transaction.producerId !== producerId)
    return everywhere(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
  if (transaction.epoch !== epoch) return everywhere(ErrorCode.PRODUCER_FENCED)
  if (transaction.state === 'PrepareCommit' || transaction.state === 'PrepareAbort')
    return everywhere(ErrorCode.CONCURRENT_TRANSACTIONS)
  return new Map(
    partitions.map((name) => [
      name,
      transaction.partitions.includes(name) ? ErrorCode.NONE : ErrorCode.TRANSACTION_ABORTABLE,
    ]),
  )
}

/**
 * endTransaction: the producer commits or aborts, or the coordinator aborts what took too long or is fenced.
 *
 * @param transaction as it is; with a fence pending when the coordinator itself aborts
 * @param version 2 = the epoch is bumped with it (KIP-890)
 */
export function endTransaction(
  turn: TransactionTurn,
  transaction: Transaction,
  claimed: Claimed,
  commit: boolean,
  version: number,
  asked: Asked | null,
  isFromClient: boolean,
): void {
  const { ctx } = turn
  const isFence = transaction.pending === 'PrepareEpochFence'
  const problem = endProblem(transaction, claimed, commit, version, isFromClient)
  if (problem !== null) {
    if (asked === null) return
    return tell(turn.state, asked, problem, problem === ErrorCode.NONE ? transaction : null, turn.out)
  }
  let nextProducerId = NO_PRODUCER
  // Also when it is fenced, or nobody could go on with its id (KAFKA-20090).
  if (version >= 2 && isEpochExhausted(transaction.epoch)) {
    const producerId = newProducerId(turn)
    if (producerId === null)
      return asked === null ? undefined : refuse(turn, asked, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    nextProducerId = producerId
  }
  const bumped = isFence && version < 2 ? { epoch: claimed.epoch, lastEpoch: NO_EPOCH } : {}
  const open: Transaction = { ...transaction, pending: null, ...bumped }
  const next = decided(open, commit, version, nextProducerId, ctx.now)
  writeTransaction(turn, open, next, { type: 'decided', asked, isFence })
}

/** Null = it may be decided now; NONE = it has been. */
function endProblem(
  transaction: Transaction,
  claimed: Claimed,
  commit: boolean,
  version: number,
  isFromClient: boolean,
): number | null {
  return version >= 2
    ? problemWithEpochs(transaction, claimed, commit, isFromClient)
    : problemWithoutEpochs(transaction, claimed, commit, isFromClient)
}

/** endTransactionWithTV1: one epoch for all transactions of a producer. */
function problemWithoutEpochs(
  { producerId, epoch, pending, state }: Transaction,
  claimed: Claimed,
  commit: boolean,
  isFromClient: boolean,
): number | null {
  if (producerId !== claimed.producerId) return ErrorCode.INVALID_PRODUCER_ID_MAPPING
  if (claimed.epoch < epoch || (isFromClient && claimed.epoch !== epoch)) return ErrorCode.PRODUCER_FENCED
  if (pending !== null && pending !== 'PrepareEpochFence') return ErrorCode.CONCURRENT_TRANSACTIONS
  switch (state) {
    case 'Ongoing':
      return null
    case 'CompleteCommit':
    case 'CompleteAbort':
      return (state === 'CompleteCommit') === commit ? ErrorCode.NONE : ErrorCode.INVALID_TXN_STATE
    case 'PrepareCommit':
    case 'PrepareAbort':
      return endingProblem(state, commit)
    default:
      return ErrorCode.INVALID_TXN_STATE
  }
}

/**
 * endTransaction (KIP-890): an epoch for every transaction. The same epoch is that of the next one, and the one before that of a
 * producer that asks again.
 */
function problemWithEpochs(
  transaction: Transaction,
  claimed: Claimed,
  commit: boolean,
  isFromClient: boolean,
): number | null {
  const { producerId, previousProducerId, epoch, pending, state } = transaction
  const isFence = pending === 'PrepareEpochFence'
  if (pending !== null && !isFence) return ErrorCode.CONCURRENT_TRANSACTIONS
  const asksAgainAfterRotation =
    !isFence && previousProducerId === claimed.producerId && claimed.epoch === LAST_EPOCH && epoch === 0
  if (producerId !== claimed.producerId && !asksAgainAfterRotation) return ErrorCode.INVALID_PRODUCER_ID_MAPPING
  const asksAgainAfterBump = !isFence && epoch === claimed.epoch + 1
  const asksAgain = asksAgainAfterBump || asksAgainAfterRotation
  const isItsEpoch = isFence && !isFromClient ? claimed.epoch >= epoch : claimed.epoch === epoch
  const orFenced = (isFine: boolean, answer: number | null) => (isFine ? answer : ErrorCode.PRODUCER_FENCED)
  switch (state) {
    case 'PrepareCommit':
    case 'PrepareAbort':
      return orFenced(asksAgainAfterBump, endingProblem(state, commit))
    case 'CompleteCommit':
    case 'CompleteAbort': {
      const asDecided = (state === 'CompleteCommit') === commit ? ErrorCode.NONE : ErrorCode.INVALID_TXN_STATE
      return orFenced(asksAgain || isItsEpoch, asksAgain ? asDecided : emptyProblem(commit))
    }
    case 'Ongoing':
      return orFenced(isItsEpoch, null)
    default:
      return orFenced(isItsEpoch, emptyProblem(commit))
  }
}

/** It is on its way: to what is asked for, or to the contrary. */
function endingProblem(state: 'PrepareCommit' | 'PrepareAbort', commit: boolean): number {
  return (state === 'PrepareCommit') === commit ? ErrorCode.CONCURRENT_TRANSACTIONS : ErrorCode.INVALID_TXN_STATE
}

/**
 * Nothing is open. A producer that has an epoch for every transaction does not know whether its records began one, and aborts to be
 * sure: it gets another epoch, which fences what may still come.
 */
function emptyProblem(commit: boolean): number | null {
  return commit ? ErrorCode.INVALID_TXN_STATE : null
}

/** `transaction.version`: what the coordinator aborts by itself with. */
export function serverVersion({ state }: Pick<TransactionTurn, 'state'>): number {
  return state.switches.epochBumpPerTxn ? 2 : 0
}
