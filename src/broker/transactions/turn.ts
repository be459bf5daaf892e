/** What a transaction coordinator works with while it decides, and how it says what is to be written. */
import type { Context, Decision } from '../decision.ts'
import type { BrokerState } from '../state.ts'
import type { Asked } from './answers.ts'
import type { TransactionShard } from './shard.ts'
import type { Transaction, TransactionStateName, TransactionValue } from './transaction.ts'

/** What happens when a record is replicated: data, as with groups. */
export type AfterTransaction =
  | { readonly type: 'reply'; readonly asked: Asked }
  /** It is decided: who asked is answered, and the markers leave. */
  | { readonly type: 'decided'; readonly asked: Asked | null; readonly isFence: boolean }
  | { readonly type: 'completed' }
  | { readonly type: 'expired' }

export interface TransactionTurn {
  readonly state: BrokerState
  readonly shard: TransactionShard
  readonly ctx: Context
  readonly out: Decision
}

/** @param transaction as it is, but for what is pending */
export function writeTransaction(
  { shard, out }: TransactionTurn,
  transaction: Transaction,
  value: TransactionValue | null,
  after: AfterTransaction,
): void {
  const pending: TransactionStateName = value?.state ?? 'Dead'
  const { partition } = shard
  out.changes.push({ op: 'transaction', partition, transaction: { ...transaction, pending } })
  out.changes.push({ op: 'transaction-append', partition, id: transaction.id, value, after })
}
