/**
 * FindCoordinator (key 10). KafkaApis.handleFindCoordinatorRequest.
 *
 * The coordinator of a group is the leader of its partition of `__consumer_offsets` (Java's String.hashCode modulo the
 * partition count), that of a transactional id (key type 1) the leader of its partition of `__transaction_state`. While that topic
 * does not exist or has no leader the answer is COORDINATOR_NOT_AVAILABLE, and the first question makes the topic.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeCoordinator, makeFindCoordinatorResponse } from '../../protocol/make.ts'
import type { Coordinator } from '../../protocol/messages.ts'
import { offsetsPartition } from '../groups/coordinator.ts'
import { OFFSETS_TOPIC, TRANSACTION_TOPIC } from '../metadata.ts'
import type { BrokerState } from '../state.ts'
import { transactionPartition } from '../transactions/shard.ts'
import { requestTopics } from './03-metadata.ts'
import { defineApi } from './handler.ts'

export const findCoordinator = defineApi({
  api: 'FindCoordinator',
  minVersion: 0,
  maxVersion: 6,
  handle(state, request, _ctx, out) {
    const { body, apiVersion } = request
    const keys = apiVersion >= 4 ? body.coordinatorKeys : [body.key]
    const found = keys.map((key) => find(state, key, body.keyType))
    const topic = TOPICS[body.keyType]
    if (topic !== undefined && !state.image.topics.has(topic)) requestTopics(out, [topic], state.config)
    if (apiVersion >= 4) {
      out.replies.push({ token: request, body: makeFindCoordinatorResponse({ coordinators: found }) })
      return
    }
    const { errorCode, errorMessage, nodeId, host, port } = found[0] as Coordinator
    out.replies.push({
      token: request,
      body: makeFindCoordinatorResponse({ errorCode, errorMessage, nodeId, host, port }),
    })
  },
})

/** By key type. */
const TOPICS: readonly string[] = [OFFSETS_TOPIC, TRANSACTION_TOPIC]

function find(state: BrokerState, key: string, keyType: number): Coordinator {
  const none = (errorCode: number, errorMessage: string) =>
    makeCoordinator({ key, errorCode, errorMessage, nodeId: -1, host: '', port: -1 })
  const name = TOPICS[keyType]
  if (name === undefined)
    return none(ErrorCode.INVALID_REQUEST, `Key type ${keyType} is neither a group (0) nor a transaction (1).`)
  const index = keyType === 0 ? offsetsPartition(state, key) : transactionPartition(state, key)
  const partition = state.image.topics.get(name)?.partitions[index]
  const broker = partition === undefined ? undefined : state.image.brokers.get(partition.leader)
  if (broker === undefined || broker.fenced) {
    return none(ErrorCode.COORDINATOR_NOT_AVAILABLE, 'The coordinator is not available.')
  }
  return makeCoordinator({ key, nodeId: broker.id, host: broker.host, port: broker.port, errorMessage: '' })
}
