/** DescribeTransactions (key 65). TransactionCoordinator.handleDescribeTransactions (KIP-664). */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeDescribeTransactionsResponse, makeTransactionDescription } from '../../protocol/make.ts'
import type { TransactionDescription } from '../../protocol/messages.ts'
import type { BrokerState } from '../state.ts'
import { partitionOf } from '../transactions/records.ts'
import { transactionPlace } from '../transactions/shard.ts'
import { defineApi } from './handler.ts'

export const describeTransactions = defineApi({
  api: 'DescribeTransactions',
  minVersion: 0,
  maxVersion: 0,
  handle(state, request, _ctx, out) {
    const transactionStates = request.body.transactionalIds.map((id) => describe(state, id))
    out.replies.push({ token: request, body: makeDescribeTransactionsResponse({ transactionStates }) })
  },
})

function describe(state: BrokerState, transactionalId: string): TransactionDescription {
  const failed = (errorCode: number) => makeTransactionDescription({ transactionalId, errorCode })
  if (transactionalId === '') return failed(ErrorCode.INVALID_REQUEST)
  const place = transactionPlace(state, transactionalId)
  if (place.errorCode !== ErrorCode.NONE) return failed(place.errorCode)
  const transaction = place.shard.transactions.get(transactionalId)
  if (transaction === undefined) return failed(ErrorCode.TRANSACTIONAL_ID_NOT_FOUND)
  const topics = new Map<string, number[]>()
  for (const name of transaction.partitions) {
    const { topic, partition } = partitionOf(name)
    topics.set(topic, [...(topics.get(topic) ?? []), partition])
  }
  return makeTransactionDescription({
    transactionalId,
    transactionState: transaction.state,
    transactionTimeoutMs: transaction.timeoutMs,
    transactionStartTimeMs: transaction.startedAt,
    producerId: transaction.producerId,
    producerEpoch: transaction.epoch,
    topics: [...topics].map(([topic, partitions]) => ({ topic, partitions })),
  })
}
