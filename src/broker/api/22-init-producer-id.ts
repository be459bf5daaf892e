/**
 * InitProducerId (key 22). KafkaApis.handleInitProducerIdRequest, TransactionCoordinator.handleInitProducerId (KIP-98, 360).
 *
 * - Without a transactional id any broker answers: a new producer id, epoch 0. Also to a producer that names its id and epoch
 *   (v3+): an idempotent producer bumps its epoch by itself.
 * - An id without an epoch, or the other way round, is INVALID_REQUEST.
 * - While the broker waits for a block of ids: COORDINATOR_LOAD_IN_PROGRESS, which clients retry.
 * - An empty transactional id is INVALID_REQUEST, a transaction timeout out of range INVALID_TRANSACTION_TIMEOUT. Any other
 *   transactional id is for its coordinator: it has the same producer id, with a new epoch that fences its former self; a transaction
 *   left open is aborted first (CONCURRENT_TRANSACTIONS, which clients retry).
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeInitProducerIdResponse } from '../../protocol/make.ts'
import type { InitProducerIdRequest } from '../../protocol/messages.ts'
import { intConfig } from '../config.ts'
import { claimProducerId } from '../producer-ids.ts'
import { tokenOf } from '../request.ts'
import type { BrokerState } from '../state.ts'
import { beginProducer } from '../transactions/coordinator.ts'
import { transactionPlace } from '../transactions/shard.ts'
import { defineApi } from './handler.ts'

export const initProducerId = defineApi({
  api: 'InitProducerId',
  minVersion: 0,
  maxVersion: 5,
  handle(state, request, ctx, out) {
    const { body } = request
    const refuse = (errorCode: number) => {
      out.replies.push({
        token: request,
        body: makeInitProducerIdResponse({ errorCode, producerId: -1, producerEpoch: -1 }),
      })
    }
    if ((body.producerId === -1) !== (body.producerEpoch === -1)) return refuse(ErrorCode.INVALID_REQUEST)
    if (body.transactionalId !== null) {
      const problem = problemOf(state, body.transactionalId, body)
      const place = transactionPlace(state, body.transactionalId)
      if (problem !== ErrorCode.NONE) return refuse(problem)
      if (place.errorCode !== ErrorCode.NONE) return refuse(place.errorCode)
      const claimed = body.producerId === -1 ? null : { producerId: body.producerId, epoch: body.producerEpoch }
      const asked = { token: tokenOf(request), partitions: [] }
      return beginProducer(
        { state, shard: place.shard, ctx, out },
        body.transactionalId,
        body.transactionTimeoutMs,
        claimed,
        asked,
      )
    }
    const { id, ids, asks } = claimProducerId(state.producerIds, ctx.now)
    out.changes.push({ op: 'producer-ids', ids, asks })
    if (id === null) return refuse(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    out.replies.push({ token: request, body: makeInitProducerIdResponse({ producerId: id, producerEpoch: 0 }) })
  },
})

function problemOf(
  { config }: BrokerState,
  transactionalId: string,
  { transactionTimeoutMs }: InitProducerIdRequest,
): number {
  if (transactionalId === '') return ErrorCode.INVALID_REQUEST
  if (transactionTimeoutMs <= 0 || transactionTimeoutMs > intConfig(config, 'transaction.max.timeout.ms'))
    return ErrorCode.INVALID_TRANSACTION_TIMEOUT
  return ErrorCode.NONE
}
