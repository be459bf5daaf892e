/**
 * Becoming the coordinator of a partition of `__transaction_state`, and ceasing to be (TransactionCoordinator.onElection,
 * onResignation): what was decided and not completed is gone on with.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import type { Context, Decision } from '../decision.ts'
import { TRANSACTION_TOPIC } from '../metadata.ts'
import { type BrokerState, logOf } from '../state.ts'
import { notWritten, writeKey } from './append.ts'
import { afterDecided } from './completion.ts'
import { loadTransactions } from './shard.ts'
import { armTimeouts } from './timeouts.ts'

/** How much of a log is read in a virtual millisecond, as with groups. */
const BYTES_A_MS = 64 * 1024

export function beginLoadingTransactions(state: BrokerState, partition: number, ctx: Context, out: Decision): void {
  const { shards, loading } = state.transactions
  const log = logOf(state, TRANSACTION_TOPIC, partition)
  if (log === undefined || loading.has(partition)) return
  shards.delete(partition)
  if (log.logEndOffset === log.logStartOffset) return load(state, partition, ctx, out)
  loading.set(partition, ctx.now + Math.ceil(log.sizeInBytes / BYTES_A_MS))
  armLoading(state, out)
}

function armLoading({ transactions: { loading } }: BrokerState, out: Decision): void {
  const at = loading.size === 0 ? null : Math.min(...loading.values())
  out.timers.push(at === null ? { key: 'txn-load', at } : { key: 'txn-load', at, timer: { type: 'txn-load' } })
}

export function finishLoadingTransactions(state: BrokerState, ctx: Context, out: Decision): void {
  const { loading } = state.transactions
  for (const [partition, at] of [...loading]) {
    if (at > ctx.now) continue
    loading.delete(partition)
    load(state, partition, ctx, out)
  }
  if (loading.size > 0) armLoading(state, out)
}

function load(state: BrokerState, partition: number, ctx: Context, out: Decision): void {
  const log = logOf(state, TRANSACTION_TOPIC, partition)
  if (log === undefined) return
  const shard = loadTransactions(log)
  state.transactions.shards.set(partition, shard)
  const turn = { state, shard, ctx, out }
  for (const transaction of [...shard.transactions.values()]) {
    armTimeouts(state, shard, transaction, ctx, out)
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
