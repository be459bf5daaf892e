/**
 * AddPartitionsToTxn (key 24). KafkaApis.handleAddPartitionsToTxnRequest, TransactionCoordinator.handleAddPartitionsToTransaction.
 *
 * - Before a producer writes to a partition it takes it into its transaction; the first one begins it.
 * - If one of the partitions does not exist it is UNKNOWN_TOPIC_OR_PARTITION, in v0-3 one of Kafka's own topics TOPIC_AUTHORIZATION_FAILED,
 *   and the others OPERATION_NOT_ATTEMPTED.
 * - INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED (v0-1: INVALID_PRODUCER_EPOCH), CONCURRENT_TRANSACTIONS while the last one ends.
 * - v4+ is between brokers: several transactions at once, or merely the question whether partitions are in one (KIP-890):
 *   TRANSACTION_ABORTABLE where one is not. The answer comes when all of them are answered for.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeAddPartitionsToTxnResponse } from '../../protocol/make.ts'
import type {
  AddPartitionsToTxnRequest,
  AddPartitionsToTxnResponse,
  AddPartitionsToTxnTopic,
} from '../../protocol/messages.ts'
import { tokenOf } from '../request.ts'
import { answer } from '../transactions/answers.ts'
import { resultsOf } from '../transactions/batches.ts'
import { addPartitions } from '../transactions/coordinator.ts'
import { refusedPartitions } from '../transactions/partitions.ts'
import { transactionPlace } from '../transactions/shard.ts'
import { defineApi } from './handler.ts'

export const addPartitionsToTxn = defineApi({
  api: 'AddPartitionsToTxn',
  minVersion: 0,
  maxVersion: 5,
  handle(state, request, ctx, out) {
    const { body } = request
    const impossible = withImpossible(body)
    if (impossible !== null) {
      out.replies.push({ token: request, body: impossible })
      return
    }
    if (request.apiVersion >= 4) {
      const transactions = body.transactions.map(({ topics, ...one }) => ({ ...one, partitions: namesOf(topics) }))
      if (transactions.length === 0) out.replies.push({ token: request, body: makeAddPartitionsToTxnResponse({}) })
      else {
        const asker = { type: 'client', token: tokenOf(request) } as const
        out.changes.push({ op: 'transaction-partitions', asker, transactions })
      }
      return
    }
    const id = body.v3AndBelowTransactionalId
    const partitions = namesOf(body.v3AndBelowTopics)
    const asked = { token: tokenOf(request), partitions }
    const refuse = (errors: ReadonlyMap<string, number>) =>
      void out.replies.push({
        token: request,
        body: makeAddPartitionsToTxnResponse({ resultsByTopicV3AndBelow: resultsOf(errors) }),
      })
    const refused = refusedPartitions(state, partitions, true)
    if (refused !== null) return refuse(refused)
    const place = transactionPlace(state, id)
    const problem = id === '' ? ErrorCode.INVALID_REQUEST : place.errorCode
    if (place.errorCode !== ErrorCode.NONE || problem !== ErrorCode.NONE) {
      out.replies.push({ token: request, body: answer(asked, problem, null) })
      return
    }
    const claimed = { producerId: body.v3AndBelowProducerId, epoch: body.v3AndBelowProducerEpoch }
    addPartitions({ state, shard: place.shard, ctx, out }, id, claimed, partitions, asked)
  },
})

/** Partitions below 0 have no name: they are told apart before names are made. */
function withImpossible(body: AddPartitionsToTxnRequest): AddPartitionsToTxnResponse | null {
  const isThere = (topics: readonly AddPartitionsToTxnTopic[]) =>
    topics.some(({ partitions }) => partitions.some((partition) => partition < 0))
  const refused = (topics: readonly AddPartitionsToTxnTopic[]) =>
    topics.map(({ name, partitions }) => ({
      name,
      resultsByPartition: partitions.map((partitionIndex) => ({
        partitionIndex,
        partitionErrorCode:
          partitionIndex < 0 ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.OPERATION_NOT_ATTEMPTED,
      })),
    }))
  const { transactions, v3AndBelowTopics } = body
  if (!isThere(v3AndBelowTopics) && !transactions.some(({ topics }) => isThere(topics))) return null
  return makeAddPartitionsToTxnResponse({
    resultsByTransaction: transactions.map(({ transactionalId, topics }) => ({
      transactionalId,
      topicResults: refused(topics),
    })),
    resultsByTopicV3AndBelow: refused(v3AndBelowTopics),
  })
}

function namesOf(topics: readonly AddPartitionsToTxnTopic[]): string[] {
  return topics.flatMap(({ name, partitions }) => partitions.map((partition) => `${name}-${partition}`))
}
