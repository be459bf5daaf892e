/**
 * What a leader asks a coordinator before it takes the first record of a transaction (KIP-890; ReplicaManager
 * .maybeStartTransactionVerificationForPartitions): whether the partition is in it, or, of producers that leave that to brokers, to take
 * it in. So a record that comes after the end of its transaction opens none that nobody ends (A24).
 */
import { boolConfig } from '../config.ts'
import { hasOpenTransaction, type PartitionLog } from '../log/index.ts'
import type { InboundRequest } from '../request.ts'
import type { BrokerState } from '../state.ts'

/** What the client understands (TransactionSupportedOperation). */
export type Understood =
  /** Neither of the others: INVALID_TXN_STATE. */
  | 'old-errors'
  | 'abortable'
  /** TRANSACTION_ABORTABLE, too, and it leaves it to the leader to take its partitions into the transaction. */
  | 'adds'

export interface Question {
  /** Waits for the answer, and is handled then. */
  readonly request: InboundRequest<unknown>
  readonly transactionalId: string
  readonly producerId: number
  readonly epoch: number
  readonly understood: Understood
  readonly partitions: readonly AskedPartition[]
  /** What is wrong with others of the request, by `topic-partition`. */
  readonly errors: ReadonlyMap<string, number>
}

export interface AskedPartition {
  readonly topic: string
  readonly partition: number
  /** Of the first record; -1 = they have none. */
  readonly sequence: number
}

/** What came of it, by `topic-partition`. */
export interface Verified {
  readonly guards: ReadonlyMap<string, number>
  readonly errors: ReadonlyMap<string, number>
}

export const NOT_ASKED: Verified = { guards: new Map(), errors: new Map() }

/** Whether what was not verified is refused. */
export function verifies({ switches, config }: BrokerState): boolean {
  return switches.txnVerification && boolConfig(config, 'transaction.partition.verification.enable')
}

/** Whether the coordinator is to be asked before a producer's next record in this log. */
export function isQuestionable(
  state: BrokerState,
  { producers }: PartitionLog,
  producerId: number,
  epoch: number,
  understood: Understood,
): boolean {
  return (understood === 'adds' || verifies(state)) && !hasOpenTransaction(producers.entries.get(producerId), epoch)
}

/** UnifiedLog.batchMissingRequiredVerification: the log has none open, and nobody has just said that it is. */
export function lacksVerification(
  state: BrokerState,
  { producers, key }: PartitionLog,
  producerId: number,
  epoch: number,
  { guards }: Verified,
): boolean {
  if (hasOpenTransaction(producers.entries.get(producerId), epoch) || !verifies(state)) return false
  const guard = producers.verifications.get(producerId)?.guard
  return guard === undefined || guard !== guards.get(key)
}
