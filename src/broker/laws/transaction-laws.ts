/** The laws of transactions at their coordinator: what it may make of one, in view of what it was, and of what is in the log. */
import type { Law } from '../../kernel/laws.ts'
import type { Fact } from '../../kernel/trace-event.ts'
import { findBatch, type PartitionLog } from '../log/index.ts'
import { TRANSACTION_TOPIC } from '../metadata.ts'
import { type BrokerState, logOf } from '../state.ts'
import { decodeTransactionBatch, type TransactionRecord } from '../transactions/records.ts'
import { type TransactionShard, transactionPartition } from '../transactions/shard.ts'
import type { Transaction, TransactionStateName } from '../transactions/transaction.ts'

export type TransactionFact = Extract<Fact, { readonly type: 'transaction' }>

/** A transactional id at the coordinator that has decided about it. */
export interface TransactionScope {
  readonly broker: BrokerState
  readonly shard: TransactionShard
  readonly id: string
  /** After its last decision; undefined = it is new to this coordinator, or was about to be forgotten. */
  readonly before: Transaction | undefined
  /** Undefined = it is forgotten. */
  readonly now: Transaction | undefined
  /** What was told of it meanwhile, in order. */
  readonly facts: readonly TransactionFact[]
}

/** TransactionState.validPreviousStates, read forwards; a table of its own, so that it notices when the coordinator's is wrong. */
const NEXT: Readonly<Record<TransactionStateName, readonly TransactionStateName[]>> = {
  Empty: ['Empty', 'Ongoing', 'Dead'],
  // The fence is a state on the way, which no log ever holds.
  Ongoing: ['Ongoing', 'PrepareCommit', 'PrepareAbort', 'PrepareEpochFence'],
  PrepareEpochFence: ['PrepareAbort'],
  PrepareCommit: ['CompleteCommit'],
  PrepareAbort: ['CompleteAbort'],
  CompleteCommit: ['Ongoing', 'Empty', 'Dead'],
  CompleteAbort: ['Ongoing', 'Empty', 'Dead'],
  Dead: [],
}

export const COORDINATOR_LAWS: readonly Law<TransactionScope>[] = [
  {
    id: 'T1',
    sentence: 'A transaction goes only from state to state as Kafka’s transactions do, and its coordinator tells each.',
    check({ broker, id, before, now, facts }) {
      let at = before?.state
      for (const { from, to } of facts) {
        if (at !== undefined && at !== from) return `transaction ${id} was ${at}, and went from ${from} to ${to}`
        if (!mayFollow(broker, from as TransactionStateName, to as TransactionStateName))
          return `transaction ${id} went from ${from} to ${to}`
        at = to as TransactionStateName
      }
      if (now === undefined) return null
      if (at !== undefined && now.state !== at) return `transaction ${id} is ${now.state}, and told ${at}`
      return now.pending === null || mayFollow(broker, now.state, now.pending)
        ? null
        : `transaction ${id} is ${now.state}, and on its way to ${now.pending}`
    },
  },
  {
    id: 'T2',
    sentence:
      'What a coordinator says a transaction has become is in its log, on enough replicas: no outcome can be forgotten.',
    check({ broker, shard, id, facts }) {
      const last = facts.at(-1)
      const log = logOf(broker, TRANSACTION_TOPIC, shard.partition)
      if (last === undefined || log === undefined) return null
      const value = lastReplicated(log, id)?.value
      if (value?.state === last.to && value.producerId === last.producerId && value.epoch === last.epoch) return null
      return `transaction ${id} is ${last.to} with epoch ${last.epoch}, below the high watermark it is ${value === undefined || value === null ? 'not there' : `${value.state} with epoch ${value.epoch}`}`
    },
  },
  {
    id: 'T6',
    sentence:
      'Where epochs are bumped with every transaction (KIP-890), it ends in a later one than that in which it was open.',
    check({ id, before, now, facts }) {
      if (before?.state !== 'Ongoing' || now === undefined || now.version < 2) return null
      const end = facts.find(({ from }) => from === 'Ongoing')
      if (end === undefined || end.to === 'Ongoing' || end.producerId !== before.producerId) return null
      return end.epoch > before.epoch
        ? null
        : `transaction ${id} was open in epoch ${before.epoch}, it ends in epoch ${end.epoch}`
    },
  },
]

function mayFollow({ switches }: BrokerState, from: TransactionStateName, to: TransactionStateName): boolean {
  // Transactions version 2: a producer may abort what the coordinator knows nothing of (KIP-890).
  const endsNothing =
    to === 'PrepareAbort' && (from === 'Empty' || from === 'CompleteCommit' || from === 'CompleteAbort')
  return NEXT[from]?.includes(to) === true || (endsNothing && switches.epochBumpPerTxn)
}

function lastReplicated(log: PartitionLog, id: string): TransactionRecord | undefined {
  for (let i = findBatch(log, log.highWatermark) - 1; i >= 0; i--) {
    const batch = log.batches[i]
    const found = batch === undefined ? undefined : decodeTransactionBatch(batch).find((record) => record.id === id)
    if (found !== undefined) return found
  }
  return undefined
}

/** What a broker has just decided about, and told of, a transactional id each. */
export function* transactionScopes(
  broker: BrokerState,
  facts: readonly Fact[],
  before: (shard: TransactionShard, id: string) => Transaction | undefined,
): Iterable<TransactionScope> {
  const told = new Map<string, TransactionFact[]>()
  for (const id of broker.touched?.transactions ?? []) told.set(id, [])
  for (const fact of facts) {
    if (fact.type !== 'transaction') continue
    const known = told.get(fact.transactionalId)
    if (known === undefined) told.set(fact.transactionalId, [fact])
    else known.push(fact)
  }
  for (const [id, ofId] of told) {
    const shard = broker.transactions.shards.get(transactionPartition(broker, id))
    if (shard === undefined) continue
    const known = before(shard, id)
    const now = shard.transactions.get(id)
    yield { broker, shard, id, before: known?.pending === 'Dead' ? undefined : known, now, facts: ofId }
  }
}
