/** What leaders ask a coordinator about partitions: are they in a transaction, or to take them into it (KIP-890). */
import { ErrorCode } from '../../protocol/errors.ts'
import type { Context, Decision } from '../decision.ts'
import { isInternal } from '../metadata.ts'
import type { AskedTransaction } from '../replication/messages.ts'
import type { BrokerState } from '../state.ts'
import { type BatchAsker, settle, settleEach } from './batches.ts'
import { addPartitions, verifyPartitions } from './coordinator.ts'
import { partitionOf } from './records.ts'
import { transactionPlace } from './shard.ts'

export interface PartitionsAsked {
  readonly asker: BatchAsker
  readonly transactions: readonly AskedTransaction[]
}

/** Carries out `transaction-partitions`. */
export function answerForPartitions(
  state: BrokerState,
  { asker, transactions }: PartitionsAsked,
  ctx: Context,
  out: Decision,
): void {
  const { batches } = state.transactions
  const batch = ++state.transactions.lastBatch
  batches.set(batch, { asker, results: new Map(transactions.map(({ transactionalId }) => [transactionalId, null])) })
  for (const transaction of transactions) answerForOne(state, batch, transaction, ctx, out)
}

function answerForOne(state: BrokerState, batch: number, one: AskedTransaction, ctx: Context, out: Decision): void {
  const { transactionalId, producerId, producerEpoch: epoch, partitions } = one
  const asked = { batch, transactionalId, partitions }
  if (transactionalId === '') return settle(state, asked, ErrorCode.INVALID_REQUEST, out)
  const refused = refusedPartitions(state, partitions, false)
  if (refused !== null) return settleEach(state, batch, transactionalId, refused, out)
  const place = transactionPlace(state, transactionalId)
  if (place.errorCode !== ErrorCode.NONE) return settle(state, asked, place.errorCode, out)
  const { shard } = place
  const claimed = { producerId, epoch }
  if (!one.verifyOnly) return addPartitions({ state, shard, ctx, out }, transactionalId, claimed, partitions, asked)
  const errors = verifyPartitions(shard.transactions.get(transactionalId), claimed, partitions)
  settleEach(state, batch, transactionalId, errors, out)
}

/**
 * If one of them does not exist, or is of Kafka's own topics and asked for by a client, none is added; null = all may be
 * (KafkaApis.handleAddPartitionsToTxnRequest).
 */
export function refusedPartitions(
  { image }: BrokerState,
  partitions: readonly string[],
  isFromClient: boolean,
): Map<string, number> | null {
  const problemOf = (name: string) => {
    const { topic, partition } = partitionOf(name)
    if (isFromClient && isInternal(topic)) return ErrorCode.TOPIC_AUTHORIZATION_FAILED
    const exists = image.topics.get(topic)?.partitions[partition] !== undefined
    return exists ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  }
  const problems = partitions.map((name) => [name, problemOf(name)] as const)
  if (problems.every(([, problem]) => problem === ErrorCode.NONE)) return null
  return new Map(
    problems.map(([name, problem]) => [name, problem === ErrorCode.NONE ? ErrorCode.OPERATION_NOT_ATTEMPTED : problem]),
  )
}
