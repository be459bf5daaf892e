/**
 * Transactions that take too long are aborted, and transactional ids nobody uses are forgotten
 * (TransactionCoordinator.abortTimedOutTransactions, TransactionStateManager.removeExpiredTransactionalIds). Kafka looks every so
 * often; here a timer is armed for the first look that finds something.
 */
import { intConfig } from '../config.ts'
import type { Context, Decision } from '../decision.ts'
import { nextLook } from '../looks.ts'
import type { BrokerState } from '../state.ts'
import { fence } from './coordinator.ts'
import { isOver, type Transaction } from './transaction.ts'
import { writeTransaction } from './turn.ts'

const ABORT_EVERY = 'transaction.abort.timed.out.transaction.cleanup.interval.ms'
const EXPIRE_EVERY = 'transaction.remove.expired.transaction.cleanup.interval.ms'

/** Arms the look that finds something in this transaction, if it comes before the one that is armed. */
export function armTimeouts(state: BrokerState, transaction: Transaction, { now }: Context, out: Decision): void {
  const { transactions, config } = state
  if (transaction.state === 'Ongoing') {
    const at = abortedBy(state, transaction, now)
    if (at >= transactions.timeoutAt) return
    transactions.timeoutAt = at
    out.timers.push({ key: 'txn-timeout', at, timer: { type: 'txn-timeout' } })
  } else if (isOver(transaction)) {
    const due = transaction.updatedAt + intConfig(config, 'transactional.id.expiration.ms')
    const at = nextLook(due, intConfig(config, EXPIRE_EVERY), now)
    if (at >= transactions.expiryAt || at > Number.MAX_SAFE_INTEGER) return
    transactions.expiryAt = at
    out.timers.push({ key: 'txn-expiry', at, timer: { type: 'txn-expiry' } })
  }
}

/** The first look after `now`, in ms, that finds that an open transaction takes too long. */
export function abortedBy({ config }: BrokerState, { startedAt, timeoutMs }: Transaction, now = 0): number {
  // It has to take longer, not as long.
  return nextLook(startedAt + timeoutMs + 1, intConfig(config, ABORT_EVERY), now)
}

export function abortTimedOut(state: BrokerState, ctx: Context, out: Decision): void {
  state.transactions.timeoutAt = Infinity
  for (const shard of state.transactions.shards.values()) {
    for (const transaction of [...shard.transactions.values()]) {
      const isLate = transaction.state === 'Ongoing' && transaction.startedAt + transaction.timeoutMs < ctx.now
      if (!isLate || transaction.pending !== null) {
        armTimeouts(state, transaction, ctx, out)
        continue
      }
      out.facts.push({ type: 'transaction.timeout', transactionalId: transaction.id, afterMs: transaction.timeoutMs })
      fence({ state, shard, ctx, out }, transaction, null)
    }
  }
}

export function expireTransactionalIds(state: BrokerState, ctx: Context, out: Decision): void {
  state.transactions.expiryAt = Infinity
  const expiryMs = intConfig(state.config, 'transactional.id.expiration.ms')
  for (const shard of state.transactions.shards.values()) {
    for (const transaction of [...shard.transactions.values()]) {
      const isExpired = isOver(transaction) && transaction.updatedAt <= ctx.now - expiryMs
      if (isExpired && transaction.pending === null)
        writeTransaction({ state, shard, ctx, out }, transaction, null, { type: 'expired' })
      else armTimeouts(state, transaction, ctx, out)
    }
  }
}
