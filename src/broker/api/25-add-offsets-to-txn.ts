/**
 * AddOffsetsToTxn (key 25). KafkaApis.handleAddOffsetsToTxnRequest: takes the group's partition of `__consumer_offsets` into the
 * transaction, as AddPartitionsToTxn does with others.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { offsetsPartition } from '../groups/coordinator.ts'
import { OFFSETS_TOPIC } from '../metadata.ts'
import { tokenOf } from '../request.ts'
import { answer } from '../transactions/answers.ts'
import { addPartitions } from '../transactions/coordinator.ts'
import { transactionPlace } from '../transactions/shard.ts'
import { defineApi } from './handler.ts'

export const addOffsetsToTxn = defineApi({
  api: 'AddOffsetsToTxn',
  minVersion: 0,
  maxVersion: 4,
  handle(state, request, ctx, out) {
    const { transactionalId, producerId, producerEpoch, groupId } = request.body
    const asked = { token: tokenOf(request), partitions: [] }
    const place = transactionPlace(state, transactionalId)
    const problem = transactionalId === '' ? ErrorCode.INVALID_REQUEST : place.errorCode
    if (place.errorCode !== ErrorCode.NONE || problem !== ErrorCode.NONE) {
      out.replies.push({ token: request, body: answer(asked, problem, null) })
      return
    }
    const partition = `${OFFSETS_TOPIC}-${offsetsPartition(state, groupId)}`
    const claimed = { producerId, epoch: producerEpoch }
    addPartitions({ state, shard: place.shard, ctx, out }, transactionalId, claimed, [partition], asked)
  },
})
