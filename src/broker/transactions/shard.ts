/** Which broker coordinates a transactional id, and what it knows of it (TransactionStateManager.scala). */
import { ErrorCode } from '../../protocol/errors.ts'
import { partitionForGroup } from '../../protocol/hash.ts'
import { intConfig } from '../config.ts'
import type { PartitionLog } from '../log/index.ts'
import { TRANSACTION_TOPIC } from '../metadata.ts'
import type { BrokerState } from '../state.ts'
import type { TransactionBatch } from './batches.ts'
import type { Outgoing } from './completion.ts'
import { decodeTransactionBatch } from './records.ts'
import type { Transaction, TransactionValue } from './transaction.ts'
import type { AfterTransaction } from './turn.ts'

/** One partition of `__transaction_state` that this broker coordinates. */
export interface TransactionShard {
  readonly partition: number
  /** The leader epoch: markers of an older coordinator are refused (TRANSACTION_COORDINATOR_FENCED). */
  readonly coordinatorEpoch: number
  /** By transactional id. */
  readonly transactions: Map<string, Transaction>
}

/** Waits until the high watermark of its partition reaches `offset`. */
export interface TransactionWaiter {
  readonly offset: number
  readonly deadline: number
  readonly id: string
  readonly value: TransactionValue | null
  readonly after: AfterTransaction
}

export interface Coordination {
  readonly shards: Map<number, TransactionShard>
  /** Partitions that are being read, and when each will have been. */
  readonly loading: Map<number, number>
  readonly waiters: Map<number, TransactionWaiter[]>
  /** Decided transactions whose markers are on their way, by transactional id. */
  readonly outgoing: Map<string, Outgoing>
  /** What leaders have asked and is not answered yet, by a number of ours. */
  readonly batches: Map<number, TransactionBatch>
  lastBatch: number
  /** Of the next request for markers. */
  nextRequest: number
  /** When open transactions are looked at next, Infinity = there is none. */
  timeoutAt: number
  expiryAt: number
}

export function createCoordination(): Coordination {
  return {
    shards: new Map(),
    loading: new Map(),
    waiters: new Map(),
    outgoing: new Map(),
    batches: new Map(),
    lastBatch: 0,
    nextRequest: 1,
    timeoutAt: Infinity,
    expiryAt: Infinity,
  }
}

/** The broker starts again: all of it is in the log. */
export function forgetCoordination(coordination: Coordination): void {
  coordination.shards.clear()
  coordination.loading.clear()
  coordination.waiters.clear()
  coordination.outgoing.clear()
  coordination.batches.clear()
  coordination.timeoutAt = Infinity
  coordination.expiryAt = Infinity
}

/** TransactionStateManager.partitionFor. */
export function transactionPartition(state: BrokerState, id: string): number {
  const count =
    state.image.topics.get(TRANSACTION_TOPIC)?.partitions.length ??
    intConfig(state.config, 'transaction.state.log.num.partitions')
  return partitionForGroup(id, count)
}

export type TransactionPlace =
  | { readonly errorCode: typeof ErrorCode.NONE; readonly shard: TransactionShard }
  | { readonly errorCode: typeof ErrorCode.COORDINATOR_LOAD_IN_PROGRESS | typeof ErrorCode.NOT_COORDINATOR }

export function transactionPlace(state: BrokerState, id: string): TransactionPlace {
  const partition = transactionPartition(state, id)
  const { shards, loading } = state.transactions
  const shard = shards.get(partition)
  if (shard !== undefined) return { errorCode: ErrorCode.NONE, shard }
  return {
    errorCode: loading.has(partition) ? ErrorCode.COORDINATOR_LOAD_IN_PROGRESS : ErrorCode.NOT_COORDINATOR,
  }
}

export function loadTransactions(log: PartitionLog): TransactionShard {
  const shard: TransactionShard = {
    partition: log.partition,
    coordinatorEpoch: log.leaderEpoch,
    transactions: new Map(),
  }
  for (const batch of log.batches) {
    for (const { id, value } of decodeTransactionBatch(batch)) {
      if (value === null) shard.transactions.delete(id)
      else shard.transactions.set(id, { ...value, id, pending: null, failedFence: false })
    }
  }
  return shard
}
