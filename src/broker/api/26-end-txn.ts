/**
 * EndTxn (key 26). TransactionCoordinator.handleEndTransaction.
 *
 * - Answered when the decision is in `__transaction_state`; the markers follow, and until they are all written the next transaction
 *   is CONCURRENT_TRANSACTIONS.
 * - The same question again is answered alike; the other one is INVALID_TXN_STATE, and so is one without anything to end.
 * - v5: the epoch is bumped with every transaction, and the answer has the new one (KIP-890).
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { tokenOf } from '../request.ts'
import { answer } from '../transactions/answers.ts'
import { endTransaction } from '../transactions/coordinator.ts'
import { transactionPlace } from '../transactions/shard.ts'
import { defineApi } from './handler.ts'

export const endTxn = defineApi({
  api: 'EndTxn',
  minVersion: 0,
  maxVersion: 5,
  handle(state, request, ctx, out) {
    const { transactionalId, producerId, producerEpoch, committed } = request.body
    const asked = { token: tokenOf(request), partitions: [] }
    const refuse = (errorCode: number) =>
      void out.replies.push({ token: request, body: answer(asked, errorCode, null) })
    if (transactionalId === '') return refuse(ErrorCode.INVALID_REQUEST)
    const place = transactionPlace(state, transactionalId)
    if (place.errorCode !== ErrorCode.NONE) return refuse(place.errorCode)
    const transaction = place.shard.transactions.get(transactionalId)
    if (transaction === undefined) return refuse(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
    const claimed = { producerId, epoch: producerEpoch }
    const version = request.apiVersion >= 5 && state.switches.epochBumpPerTxn ? 2 : 0
    endTransaction({ state, shard: place.shard, ctx, out }, transaction, claimed, committed, version, asked, true)
  },
})
