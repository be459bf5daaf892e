/**
 * ListTransactions (key 66). TransactionStateManager.listTransactionStates: what this broker coordinates, filtered by state, producer
 * and, in v1+, by how long it has been open (KIP-994), in v2+ by a pattern of the whole id (KIP-1152): INVALID_REGULAR_EXPRESSION for what
 * is none. States nobody knows are named. Clients ask every broker.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeListTransactionsResponse } from '../../protocol/make.ts'
import { wholeName } from '../groups/consumer/subscription.ts'
import { TRANSACTION_STATES } from '../transactions/transaction.ts'
import { defineApi } from './handler.ts'

export const listTransactions = defineApi({
  api: 'ListTransactions',
  minVersion: 0,
  maxVersion: 2,
  handle({ transactions }, request, ctx, out) {
    const { stateFilters, producerIdFilters, durationFilter, transactionalIdPattern } = request.body
    if (transactions.loading.size > 0) {
      const errorCode = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
      out.replies.push({ token: request, body: makeListTransactionsResponse({ errorCode }) })
      return
    }
    const pattern = wholeName(transactionalIdPattern ?? '')
    if (pattern === null) {
      const errorCode = ErrorCode.INVALID_REGULAR_EXPRESSION
      out.replies.push({ token: request, body: makeListTransactionsResponse({ errorCode }) })
      return
    }
    const known: readonly string[] = [...TRANSACTION_STATES, 'PrepareEpochFence']
    const unknownStateFilters = [...new Set(stateFilters)].filter((name) => !known.includes(name))
    const transactionStates = [...transactions.shards.values()]
      .flatMap((shard) => [...shard.transactions.values()])
      .filter(
        ({ id, state, producerId, startedAt }) =>
          (stateFilters.length === 0 || stateFilters.includes(state)) &&
          (producerIdFilters.length === 0 || producerIdFilters.includes(producerId)) &&
          (transactionalIdPattern === null || transactionalIdPattern === '' || pattern.test(id)) &&
          // Also what never began: its start is -1, and so long ago.
          (durationFilter < 0 || ctx.now - startedAt > durationFilter),
      )
      .map(({ id, producerId, state }) => ({ transactionalId: id, producerId, transactionState: state }))
    out.replies.push({ token: request, body: makeListTransactionsResponse({ unknownStateFilters, transactionStates }) })
  },
})
