/** What producers ask of their transaction coordinator (TransactionCoordinator.scala). */
import { ErrorCode } from '../../protocol/errors.ts'
import { claimProducerId } from '../producer-ids.ts'
import { type Asked, tell } from './answers.ts'
import {
  createTransaction,
  decided,
  endedWith,
  fenced,
  isEpochExhausted,
  isOver,
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
    case 'Ongoing': {
      const { producerId, epoch } = fenced(transaction)
      return endTransaction(turn, fenced(transaction), { producerId, epoch }, false, serverVersion(turn), asked, false)
    }
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

/**
 * The error that keeps a producer from adding to its transaction, or NONE. What is pending comes first: it may make the producer that
 * asks the right one, when its epochs are used up (KIP-890).
 */
function addProblem(transaction: Transaction | undefined, { producerId, epoch }: Claimed): number {
  if (transaction === undefined) return ErrorCode.INVALID_PRODUCER_ID_MAPPING
  if (transaction.pending !== null) return ErrorCode.CONCURRENT_TRANSACTIONS
  if (transaction.producerId !== producerId) return ErrorCode.INVALID_PRODUCER_ID_MAPPING
  if (transaction.epoch !== epoch) return ErrorCode.PRODUCER_FENCED
  const { state } = transaction
  return state === 'PrepareCommit' || state === 'PrepareAbort' ? ErrorCode.CONCURRENT_TRANSACTIONS : ErrorCode.NONE
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
  const problem = addProblem(transaction, claimed)
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
  if (version >= 2 && !isFence && isEpochExhausted(transaction.epoch)) {
    const producerId = newProducerId(turn)
    if (producerId === null)
      return asked === null ? undefined : refuse(turn, asked, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    nextProducerId = producerId
  }
  const open: Transaction = { ...transaction, pending: null }
  const next = decided(open, commit, version, nextProducerId, ctx.now)
  writeTransaction(turn, open, next, { type: 'decided', asked, isFence })
}

/** Null = it may be decided now; NONE = it has been. */
function endProblem(
  transaction: Transaction,
  { producerId, epoch }: Claimed,
  commit: boolean,
  version: number,
  isFromClient: boolean,
): number | null {
  const isFence = transaction.pending === 'PrepareEpochFence'
  if (transaction.pending !== null && !isFence) return ErrorCode.CONCURRENT_TRANSACTIONS
  const bumps = !isFence && transaction.version >= 2
  const asksAgainAfterRotation =
    bumps && transaction.previousProducerId === producerId && isEpochExhausted(epoch) && transaction.epoch === 0
  if (transaction.producerId !== producerId && !asksAgainAfterRotation) return ErrorCode.INVALID_PRODUCER_ID_MAPPING
  const asksAgain = bumps && (endedWith(transaction, epoch) || (isOver(transaction) && asksAgainAfterRotation))
  // While it ends, the same epoch is that of the next one.
  const mayGoOn = !bumps || isOver(transaction)
  const isItsEpoch = mayGoOn && (epoch === transaction.epoch || (!isFromClient && epoch > transaction.epoch))
  if (!asksAgain && !isItsEpoch) return ErrorCode.PRODUCER_FENCED
  switch (transaction.state) {
    case 'Ongoing':
      return null
    case 'CompleteCommit':
    case 'CompleteAbort':
      if (bumps && !asksAgain) return emptyProblem(commit, version)
      return (transaction.state === 'CompleteCommit') === commit ? ErrorCode.NONE : ErrorCode.INVALID_TXN_STATE
    case 'PrepareCommit':
    case 'PrepareAbort':
      return (transaction.state === 'PrepareCommit') === commit
        ? ErrorCode.CONCURRENT_TRANSACTIONS
        : ErrorCode.INVALID_TXN_STATE
    default:
      return emptyProblem(commit, version)
  }
}

/**
 * Nothing is open. A producer that has an epoch for every transaction does not know whether its records began one, and aborts to be
 * sure: it gets another epoch, which fences what may still come.
 */
function emptyProblem(commit: boolean, version: number): number | null {
  return version >= 2 && !commit ? null : ErrorCode.INVALID_TXN_STATE
}

/** `transaction.version`: what the coordinator aborts by itself with. */
export function serverVersion({ state }: Pick<TransactionTurn, 'state'>): number {
  return state.switches.epochBumpPerTxn ? 2 : 0
}
