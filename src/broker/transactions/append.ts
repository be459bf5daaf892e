/**
 * Writing to `__transaction_state` (TransactionStateManager.appendTransactionToLog): what a transaction is to become is pending until
 * its record is replicated, and then it is that.
 */

import type { RecordBatch } from '../../protocol/batch.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { intConfig } from '../config.ts'
import type { Context, Decision } from '../decision.ts'
import { TRANSACTION_TOPIC } from '../metadata.ts'
import { lacksReplicas } from '../replication/leader.ts'
import { type BrokerState, logOf, watchKey } from '../state.ts'
import { tell } from './answers.ts'
import { afterCompleted, afterDecided, retryCompletion } from './completion.ts'
import { encodeTransactionRecord } from './records.ts'
import type { TransactionWaiter } from './shard.ts'
import { armTimeouts } from './timeouts.ts'
import type { Transaction, TransactionValue } from './transaction.ts'
import type { AfterTransaction, TransactionTurn } from './turn.ts'

/** Carries out a `transaction-append`. `append` writes the batch to the partition's log. */
export function appendTransaction(
  turn: TransactionTurn,
  id: string,
  value: TransactionValue | null,
  after: AfterTransaction,
  append: (batch: RecordBatch) => void,
): void {
  const { state, shard, ctx, out } = turn
  const log = logOf(state, TRANSACTION_TOPIC, shard.partition)
  const leads = state.leading.has(watchKey(TRANSACTION_TOPIC, shard.partition))
  if (log === undefined || !leads) return notWritten(turn, id, after, ErrorCode.NOT_COORDINATOR)
  // Nothing is appended that could not be committed (NOT_ENOUGH_REPLICAS).
  if (lacksReplicas(state, TRANSACTION_TOPIC, shard.partition))
    return notWritten(turn, id, after, ErrorCode.COORDINATOR_NOT_AVAILABLE)
  const waiters = state.transactions.waiters.get(shard.partition) ?? []
  state.transactions.waiters.set(shard.partition, waiters)
  // It may take as long as the transaction; a tombstone as long as any request.
  const timeoutMs = value?.timeoutMs ?? intConfig(state.config, 'request.timeout.ms')
  const deadline = ctx.now + timeoutMs
  const isFirst = waiters.every((other) => other.deadline > deadline)
  waiters.push({ offset: log.logEndOffset + 1, deadline, id, value, after })
  if (isFirst) armWriteTimeout(state, shard.partition, out)
  append(encodeTransactionRecord({ id, value }, state.switches.epochBumpPerTxn ? 1 : 0, ctx.now))
}

/** The high watermark of a partition of `__transaction_state` has moved. */
export function releaseTransactions(
  state: BrokerState,
  partition: number,
  highWatermark: number,
  ctx: Context,
  out: Decision,
): void {
  const { waiters, shards } = state.transactions
  const waiting = waiters.get(partition)
  const first = waiting?.[0]
  for (let next = waiting?.[0]; waiting !== undefined && next !== undefined; next = waiting[0]) {
    if (next.offset > highWatermark) break
    waiting.shift()
    const shard = shards.get(partition)
    if (shard !== undefined) written({ state, shard, ctx, out }, next)
  }
  if (first !== undefined && first !== waiting?.[0]) armWriteTimeout(state, partition, out)
}

/** TransactionMetadata.completeTransitionTo, and what it was written for. */
function written(turn: TransactionTurn, { id, value, after }: TransactionWaiter): void {
  const { state, shard, out, ctx } = turn
  const known = shard.transactions.get(id)
  // It was given up meanwhile (the write was late), and something else may be on its way.
  if (known === undefined || known.pending !== (value?.state ?? 'Dead')) return
  if (value === null) {
    shard.transactions.delete(id)
    return
  }
  const transaction: Transaction = { ...value, id, pending: null, failedFence: false }
  shard.transactions.set(id, transaction)
  out.facts.push({
    type: 'transaction',
    transactionalId: id,
    from: known.state,
    to: transaction.state,
    producerId: transaction.producerId,
    epoch: transaction.epoch,
    partitions: transaction.partitions,
  })
  armTimeouts(state, transaction, ctx, out)
  switch (after.type) {
    case 'reply':
      tell(state, after.asked, ErrorCode.NONE, transaction, out)
      return
    case 'decided':
      if (after.asked !== null) {
        const code = after.isFence ? ErrorCode.CONCURRENT_TRANSACTIONS : ErrorCode.NONE
        tell(state, after.asked, code, transaction, out)
      }
      afterDecided(turn, transaction)
      return
    case 'completed':
      afterCompleted(turn, transaction)
  }
}

/** It cannot be written, or not in time: the transaction is what it was, and who asked may ask again. */
export function notWritten(turn: TransactionTurn, id: string, after: AfterTransaction, errorCode: number): void {
  const { shard, out, state } = turn
  const known = shard.transactions.get(id)
  if (known !== undefined) {
    const failedFence = after.type === 'decided' && after.isFence ? true : known.failedFence
    // A completion is tried again until it is written (txnLogAppendRetryQueue).
    const now = after.type === 'completed' ? known : { ...known, pending: null, failedFence }
    shard.transactions.set(id, now)
    // What is late or expired is looked at again.
    if (now.pending === null) armTimeouts(state, now, turn.ctx, out)
  }
  if (after.type === 'completed' && errorCode === ErrorCode.COORDINATOR_NOT_AVAILABLE)
    retryCompletion(state, id, out, turn.ctx)
  const asked = after.type === 'reply' || after.type === 'decided' ? after.asked : null
  if (asked !== null) tell(state, asked, errorCode, null, out)
}

export function writeKey(partition: number): string {
  return `transaction-write/${partition}`
}

function armWriteTimeout(state: BrokerState, partition: number, out: Decision): void {
  const deadlines = state.transactions.waiters.get(partition)?.map(({ deadline }) => deadline) ?? []
  const key = writeKey(partition)
  out.timers.push(
    deadlines.length === 0
      ? { key, at: null }
      : { key, at: Math.min(...deadlines), timer: { type: 'transaction-write', partition } },
  )
}

export function writeTimeout(state: BrokerState, partition: number, ctx: Context, out: Decision): void {
  const { waiters, shards } = state.transactions
  const waiting = waiters.get(partition) ?? []
  const shard = shards.get(partition)
  const late = waiting.filter(({ deadline }) => deadline <= ctx.now)
  waiters.set(
    partition,
    waiting.filter(({ deadline }) => deadline > ctx.now),
  )
  if (shard !== undefined)
    for (const { id, after } of late)
      notWritten({ state, shard, ctx, out }, id, after, ErrorCode.COORDINATOR_NOT_AVAILABLE)
  armWriteTimeout(state, partition, out)
}
