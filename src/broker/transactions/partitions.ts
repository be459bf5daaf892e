/** What leaders ask a coordinator about partitions: are they in a transaction, or to take them into it (KIP-890). */
import { ErrorCode } from '../../protocol/errors.ts'
import type { Context, Decision } from '../decision.ts'
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
  const missing = missingErrors(state, partitions)
  if (missing !== null) return settleEach(state, batch, transactionalId, missing, out)
  const place = transactionPlace(state, transactionalId)
  if (place.errorCode !== ErrorCode.NONE) return settle(state, asked, place.errorCode, out)
  const { shard } = place
  const claimed = { producerId, epoch }
  if (!one.verifyOnly) return addPartitions({ state, shard, ctx, out }, transactionalId, claimed, partitions, asked)
  const errors = verifyPartitions(shard.transactions.get(transactionalId), claimed, partitions)
  settleEach(state, batch, transactionalId, errors, out)
}

/** If one of them does not exist none is added; null = all of them do. */
export function missingErrors({ image }: BrokerState, partitions: readonly string[]): Map<string, number> | null {
  const isMissing = (name: string) => {
    const { topic, partition } = partitionOf(name)
    return image.topics.get(topic)?.partitions[partition] === undefined
  }
  if (!partitions.some(isMissing)) return null
  return new Map(
    partitions.map((name) => [
      name,
      isMissing(name) ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.OPERATION_NOT_ATTEMPTED,
    ]),
  )
}
