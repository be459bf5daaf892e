/**
 * Produce with transactional batches (ReplicaManager.handleProduceAppend, KIP-890). Before the first batch of a transaction in a
 * partition the leader asks the coordinator, whatever else may be wrong with the batch.
 *
 * - Not in the transaction: TRANSACTION_ABORTABLE from v11 on, before that INVALID_TXN_STATE. From v12 on the coordinator takes the
 *   partition into the transaction instead.
 * - PRODUCER_FENCED is told as INVALID_PRODUCER_EPOCH.
 * - What may pass (CONCURRENT_TRANSACTIONS, a coordinator that moves, loads or does not answer) is NOT_ENOUGH_REPLICAS, which clients of
 *   any age retry; from v12 on CONCURRENT_TRANSACTIONS is told as it is.
 * - The transaction ended while the coordinator was asked: INVALID_TXN_STATE in every version (UnifiedLog).
 */
import { ErrorCode, errorName } from '../../protocol/errors.ts'
import type { ProduceRequest } from '../../protocol/messages.ts'
import { isTransactional } from '../../protocol/records.ts'
import type { InboundRequest } from '../request.ts'
import { type BrokerState, logOf, watchKey } from '../state.ts'
import { type AskedPartition, isQuestionable, type Question, type Understood } from '../verification/question.ts'

/** Versions from which on clients know TRANSACTION_ABORTABLE, and leave it to brokers to add partitions. */
const KNOWS_ABORTABLE = 11
export const PRODUCE_ADDS = 12
const NAMES_BY_ID = 13

/** Null = nobody has to be asked, or the request is refused as it is. */
export function questionOf(state: BrokerState, request: InboundRequest<ProduceRequest>): Question | null {
  const { body, apiVersion } = request
  if (body.transactionalId === null || transactionProblemOf(body) !== ErrorCode.NONE) return null
  const understood: Understood =
    apiVersion >= PRODUCE_ADDS ? 'adds' : apiVersion >= KNOWS_ABORTABLE ? 'abortable' : 'old-errors'
  const partitions: AskedPartition[] = []
  const errors = new Map<string, number>()
  let producer: { readonly producerId: number; readonly producerEpoch: number } | null = null
  for (const { name: given, topicId, partitionData } of body.topicData) {
    const topic = apiVersion >= NAMES_BY_ID ? state.image.topicNames.get(topicId) : given
    if (topic === undefined) continue
    for (const { index: partition, records } of partitionData) {
      const batch = records?.find((one) => one.producerId >= 0 && isTransactional(one))
      if (batch === undefined) continue
      const { producerId, producerEpoch, baseSequence: sequence } = batch
      const log = logOf(state, topic, partition)
      const key = watchKey(topic, partition)
      if (log === undefined || !state.leading.has(key)) errors.set(key, absence(state, topic, partition))
      else if (isQuestionable(state, log, producerId, producerEpoch, understood)) {
        partitions.push({ topic, partition, sequence })
        producer = batch
      }
    }
  }
  if (producer === null) return null
  const { producerId, producerEpoch: epoch } = producer
  return { request, transactionalId: body.transactionalId, producerId, epoch, understood, partitions, errors }
}

/** ReplicaManager.getPartitionOrException: said now, although it may be otherwise when the others are answered for. */
function absence({ image }: BrokerState, topic: string, partition: number): number {
  return image.topics.get(topic)?.partitions[partition] === undefined
    ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    : ErrorCode.NOT_LEADER_OR_FOLLOWER
}

const WORTH_RETRYING: readonly number[] = [
  ErrorCode.CONCURRENT_TRANSACTIONS,
  ErrorCode.NETWORK_EXCEPTION,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
]

/** ReplicaManager.handleProduceAppend: what came of the question, as clients of a version are told. */
export function toldOfVerification(
  errorCode: number,
  apiVersion: number,
): { readonly errorCode: number; readonly message?: string } {
  if (errorCode === ErrorCode.INVALID_TXN_STATE)
    return { errorCode, message: 'The partition was not added to the transaction.' }
  const isTold = errorCode === ErrorCode.CONCURRENT_TRANSACTIONS && apiVersion >= PRODUCE_ADDS
  if (isTold || !WORTH_RETRYING.includes(errorCode)) return { errorCode }
  return {
    errorCode: ErrorCode.NOT_ENOUGH_REPLICAS,
    message: `Whether the partition is in the transaction is not known: ${errorName(errorCode)}.`,
  }
}

/** What is wrong with all of a request that has transactional batches (KafkaApis, ReplicaManager.handleProduceAppend). */
export function transactionProblemOf({ transactionalId, topicData }: ProduceRequest): number {
  let producer = ''
  for (const { partitionData } of topicData) {
    for (const batch of partitionData.flatMap(({ records }) => records ?? [])) {
      if (!isTransactional(batch)) continue
      if (transactionalId === null) return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
      if (batch.producerId < 0) continue
      const name = `${batch.producerId}/${batch.producerEpoch}`
      if (producer !== '' && name !== producer) return ErrorCode.INVALID_PRODUCER_ID_MAPPING
      producer = name
    }
  }
  return ErrorCode.NONE
}
