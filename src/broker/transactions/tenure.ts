/**
 * Becoming the coordinator of a partition of `__transaction_state`, and ceasing to be (TransactionCoordinator.onElection,
 * onResignation): what was decided and not completed is gone on with.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import type { Context, Decision } from '../decision.ts'
import { armLoading, loadedAt, takeLoaded } from '../loading.ts'
import { TRANSACTION_TOPIC } from '../metadata.ts'
import { type BrokerState, logOf } from '../state.ts'
import { notWritten, writeKey } from './append.ts'
import { afterDecided } from './completion.ts'
import { loadTransactions } from './shard.ts'
import { armTimeouts } from './timeouts.ts'

export function beginLoadingTransactions(state: BrokerState, partition: number, ctx: Context, out: Decision): void {
  const { shards, loading } = state.transactions
  const log = logOf(state, TRANSACTION_TOPIC, partition)
  if (log === undefined || loading.has(partition)) return
  shards.delete(partition)
  if (log.logEndOffset === log.logStartOffset) return load(state, partition, ctx, out)
  loading.set(partition, loadedAt(log, ctx.now))
  armLoading(loading, 'txn-load', out)
}

export function finishLoadingTransactions(state: BrokerState, ctx: Context, out: Decision): void {
  const { loading } = state.transactions
  for (const partition of takeLoaded(loading, ctx.now)) load(state, partition, ctx, out)
  if (loading.size > 0) armLoading(loading, 'txn-load', out)
}

function load(state: BrokerState, partition: number, ctx: Context, out: Decision): void {
  const log = logOf(state, TRANSACTION_TOPIC, partition)
  if (log === undefined) return
  const shard = loadTransactions(log)
  state.transactions.shards.set(partition, shard)
  const turn = { state, shard, ctx, out }
  for (const transaction of [...shard.transactions.values()]) {
    armTimeouts(state, transaction, ctx, out)
    if (transaction.state === 'PrepareCommit' || transaction.state === 'PrepareAbort') afterDecided(turn, transaction)
  }
}

export function resignTransactions(state: BrokerState, partition: number, ctx: Context, out: Decision): void {
  const { shards, loading, waiters, outgoing } = state.transactions
  loading.delete(partition)
  const shard = shards.get(partition)
  if (shard !== undefined)
    for (const { id, after } of waiters.get(partition) ?? [])
      notWritten({ state, shard, ctx, out }, id, after, ErrorCode.NOT_COORDINATOR)
  for (const { id, shard: held } of [...outgoing.values()]) if (held === partition) outgoing.delete(id)
  shards.delete(partition)
  waiters.delete(partition)
  out.timers.push({ key: writeKey(partition), at: null })
}
