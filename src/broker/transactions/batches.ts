/**
 * AddPartitionsToTxn v4+ (KIP-890): the leaders of partitions ask about several transactions at once, and are answered when all of them
 * are answered for (KafkaApis.handleAddPartitionsToTxnRequest). Between the brokers of a cluster it is a message, with one transaction.
 */
import { makeAddPartitionsToTxnResponse } from '../../protocol/make.ts'
import type { AddPartitionsToTxnTopicResult } from '../../protocol/messages.ts'
import type { Decision } from '../decision.ts'
import type { RequestToken } from '../request.ts'
import type { BrokerState } from '../state.ts'
import { partitionOf } from './records.ts'

export type BatchAsker =
  | { readonly type: 'client'; readonly token: RequestToken }
  | { readonly type: 'leader'; readonly broker: number; readonly request: number }

export interface TransactionBatch {
  readonly asker: BatchAsker
  /** By transactional id, in the order of the request; null = not known yet. */
  readonly results: Map<string, ReadonlyMap<string, number> | null>
}

/** One transaction of a batch waits. */
export interface AskedInBatch {
  readonly batch: number
  readonly transactionalId: string
  readonly partitions: readonly string[]
}

/** One error for all of the partitions. */
export function settle(
  state: BrokerState,
  { batch, transactionalId, partitions }: AskedInBatch,
  errorCode: number,
  out: Decision,
): void {
  settleEach(state, batch, transactionalId, new Map(partitions.map((name) => [name, errorCode])), out)
}

/** The last one releases the answer. */
export function settleEach(
  { id, transactions: { batches } }: BrokerState,
  number: number,
  transactionalId: string,
  errors: ReadonlyMap<string, number>,
  out: Decision,
): void {
  const batch = batches.get(number)
  if (batch === undefined) return
  batch.results.set(transactionalId, errors)
  const results = [...batch.results]
  if (results.some(([, found]) => found === null)) return
  batches.delete(number)
  const { asker } = batch
  if (asker.type === 'client') {
    const resultsByTransaction = results.map(([transactionalId, found]) => ({
      transactionalId,
      topicResults: resultsOf(found ?? new Map()),
    }))
    out.replies.push({ token: asker.token, body: makeAddPartitionsToTxnResponse({ resultsByTransaction }) })
    return
  }
  const { broker: to, request } = asker
  out.sends.push({ to, message: { type: 'txn-partitions-answer', from: id, request, results: errors } })
}

export function resultsOf(errors: ReadonlyMap<string, number>): AddPartitionsToTxnTopicResult[] {
  const topics = new Map<string, { partitionIndex: number; partitionErrorCode: number }[]>()
  for (const [name, partitionErrorCode] of errors) {
    const { topic, partition } = partitionOf(name)
    const known = topics.get(topic) ?? []
    topics.set(topic, known)
    known.push({ partitionIndex: partition, partitionErrorCode })
  }
  return [...topics].map(([name, resultsByPartition]) => ({ name, resultsByPartition }))
}
