/**
 * AddPartitionsToTxn (key 24). KafkaApis.handleAddPartitionsToTxnRequest, TransactionCoordinator.handleAddPartitionsToTransaction.
 *
 * - Before a producer writes to a partition it takes it into its transaction; the first one begins it.
 * - If one of the partitions does not exist it is UNKNOWN_TOPIC_OR_PARTITION, and the others OPERATION_NOT_ATTEMPTED.
 * - INVALID_PRODUCER_ID_MAPPING, PRODUCER_FENCED (v0-1: INVALID_PRODUCER_EPOCH), CONCURRENT_TRANSACTIONS while the last one ends.
 * - v4+ is between brokers: several transactions at once, or merely the question whether partitions are in one (KIP-890).
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeAddPartitionsToTxnResponse } from '../../protocol/make.ts'
import type { AddPartitionsToTxnTopic } from '../../protocol/messages.ts'
import { tokenOf } from '../request.ts'
import type { BrokerState } from '../state.ts'
import { answer, resultsOf } from '../transactions/answers.ts'
import { addPartitions, verifyPartitions } from '../transactions/coordinator.ts'
import { transactionPlace } from '../transactions/shard.ts'
import { defineApi } from './handler.ts'

export const addPartitionsToTxn = defineApi({
  api: 'AddPartitionsToTxn',
  minVersion: 0,
  maxVersion: 5,
  handle(state, request, ctx, out) {
    const { body } = request
    if (request.apiVersion >= 4) {
      const resultsByTransaction = body.transactions.map(({ transactionalId, topics, ...one }) => ({
        transactionalId,
        topicResults: resultsOf(verified(state, transactionalId, one, namesOf(topics))),
      }))
      out.replies.push({ token: request, body: makeAddPartitionsToTxnResponse({ resultsByTransaction }) })
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
    const missing = partitions.filter((name) => !exists(state, name))
    if (missing.length > 0)
      return refuse(
        new Map(
          partitions.map((name) => [
            name,
            missing.includes(name) ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.OPERATION_NOT_ATTEMPTED,
          ]),
        ),
      )
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

function namesOf(topics: readonly AddPartitionsToTxnTopic[]): string[] {
  return topics.flatMap(({ name, partitions }) => partitions.map((partition) => `${name}-${partition}`))
}

function exists({ image }: BrokerState, name: string): boolean {
  const dash = name.lastIndexOf('-')
  return image.topics.get(name.slice(0, dash))?.partitions[Number(name.slice(dash + 1))] !== undefined
}

function verified(
  state: BrokerState,
  id: string,
  { producerId, producerEpoch }: { readonly producerId: number; readonly producerEpoch: number },
  partitions: readonly string[],
): ReadonlyMap<string, number> {
  const place = transactionPlace(state, id)
  if (place.errorCode !== ErrorCode.NONE) return new Map(partitions.map((name) => [name, place.errorCode]))
  const claimed = { producerId, epoch: producerEpoch }
  return verifyPartitions(place.shard.transactions.get(id), claimed, partitions)
}
