/**
 * Produce (key 0). KafkaApis.handleProduceRequest, ReplicaManager.appendRecords, LogValidator.
 *
 * - acks must be 0, 1 or -1 (INVALID_REQUIRED_ACKS).
 * - From v3 a partition carries exactly one record batch of magic 2 (ProduceRequest.validateRecords: INVALID_RECORD). Before, it may be a
 *   set of messages of format 0 or 1 (`produce-message-sets.ts`), and one without a whole message is no error: its offset is -1.
 * - A batch above `max.message.bytes` is MESSAGE_TOO_LARGE, one above `segment.bytes` RECORD_LIST_TOO_LARGE; nothing of it is
 *   stored. Of records and timestamps `produce-records.ts` knows.
 * - zstd takes v7 (UNSUPPORTED_COMPRESSION_TYPE); before v3 nobody looks.
 * - With acks=0 there is no answer at all; an error closes the connection.
 * - Only Kafka itself writes to internal topics (INVALID_TOPIC_EXCEPTION).
 * - A batch of an idempotent producer is checked last, against what the log knows of the producer (`log/producer-check.ts`). One that is
 *   in the log already is answered with the offset and time it got then, and is not appended; with acks=all once it is replicated.
 *   An earlier epoch is INVALID_PRODUCER_EPOCH in every version (PRODUCER_FENCED is the coordinator's), a sequence that does
 *   not follow OUT_OF_ORDER_SEQUENCE_NUMBER, one below 0 INVALID_RECORD.
 * - A transactional batch opens a transaction in its partition, or goes on with it; one that is not, of a producer that has one open, is
 *   INVALID_TXN_STATE. With any transactional batch the request names its transactional id, else all of it is
 *   TRANSACTIONAL_ID_AUTHORIZATION_FAILED; such batches of two producers are INVALID_PRODUCER_ID_MAPPING. Before the first batch of a
 *   transaction its coordinator is asked about the partition, and the request waits (KIP-890, `produce-verification.ts`).
 * - From v10 on NOT_LEADER_OR_FOLLOWER comes with the leader (KIP-951); from v13 on topics are named by id: UNKNOWN_TOPIC_ID (KIP-516).
 *
 * - acks=all needs `min.insync.replicas` (NOT_ENOUGH_REPLICAS: not appended) and is answered when the high watermark has passed the
 *   records; if the ISR shrank meanwhile, NOT_ENOUGH_REPLICAS_AFTER_APPEND: appended, and may commit later (law P1). After
 *   `timeoutMs` it is REQUEST_TIMED_OUT, whose outcome is unknown.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { makePartitionProduceResponse, makeProduceResponse } from '../../protocol/make.ts'
import type { PartitionProduceResponse, ProduceRequest, TopicProduceResponse } from '../../protocol/messages.ts'
import { compressionOf, isControl } from '../../protocol/records.ts'
import type { Context, Decision } from '../decision.ts'
import { withLeaderHints } from '../leader-hints.ts'
import { isInternal, NO_TOPIC_ID } from '../metadata.ts'
import { lacksReplicas } from '../replication/leader.ts'
import { type InboundRequest, tokenOf } from '../request.ts'
import { type BrokerState, logOf, type ReplicaWait, watchKey } from '../state.ts'
import { NOT_ASKED, type Verified } from '../verification/question.ts'
import { defineApi } from './handler.ts'
import { judgeMessageSet } from './produce-message-sets.ts'
import { judgeRecords, sizeProblem } from './produce-records.ts'
import { duplicateAnswer, judgeSequence } from './produce-sequences.ts'
import { questionOf, toldOfVerification, transactionProblemOf } from './produce-verification.ts'

export const produce = defineApi({
  api: 'Produce',
  minVersion: 0,
  maxVersion: 13,
  handle(state, request, ctx, out) {
    const question = request.body.transactionalId === null ? null : questionOf(state, request)
    if (question === null) append(state, request, NOT_ASKED, ctx, out)
    else out.changes.push({ op: 'ask-transaction', ...question })
  },
  resume: append,
})

function append(
  state: BrokerState,
  request: InboundRequest<ProduceRequest>,
  verified: Verified,
  ctx: Context,
  out: Decision,
): void {
  const { body } = request
  const badAcks = body.acks !== 0 && body.acks !== 1 && body.acks !== -1
  const wrongTransaction = transactionProblemOf(body)
  const waits: ReplicaWait[] = []
  let failed = false
  const responses = body.topicData.map((topic): TopicProduceResponse => {
    const name = request.apiVersion >= 13 ? (state.image.topicNames.get(topic.topicId) ?? '') : topic.name
    const unknownId = request.apiVersion >= 13 && name === ''
    return {
      name,
      topicId: request.apiVersion >= 13 ? topic.topicId : NO_TOPIC_ID,
      partitionResponses: topic.partitionData.map((data): PartitionProduceResponse => {
        const index = data.index
        const errorCode = badAcks
          ? ErrorCode.INVALID_REQUIRED_ACKS
          : wrongTransaction !== ErrorCode.NONE
            ? wrongTransaction
            : unknownId
              ? ErrorCode.UNKNOWN_TOPIC_ID
              : problemOf(state, name, index, data.records, body.acks, request.apiVersion)
        const refused = (errorCode: number, message = messageOf(errorCode)): PartitionProduceResponse => {
          failed = true
          return makePartitionProduceResponse({ index, errorCode, baseOffset: -1, errorMessage: message })
        }
        const unverified = verified.errors.size === 0 ? undefined : verified.errors.get(watchKey(name, index))
        if (unverified !== undefined) {
          const { errorCode, message } = toldOfVerification(unverified, request.apiVersion)
          return refused(errorCode, message ?? messageOf(errorCode))
        }
        if (errorCode !== ErrorCode.NONE) return refused(errorCode)
        const log = logOf(state, name, index)
        const given = data.records?.[0]
        // Whether the second of two follows cannot be said before the first is in the log.
        if (given !== undefined && given.producerId >= 0 && lastOffsetIn(waits, log?.key) !== undefined)
          return refused(ErrorCode.INVALID_RECORD)
        if (log === undefined || given === undefined) return makePartitionProduceResponse({ index, baseOffset: -1 })
        const judged =
          given.messageSet === true ? judgeMessageSet(given, log.config, ctx) : judgeRecords(given, log.config, ctx)
        if (judged === null) return makePartitionProduceResponse({ index, baseOffset: -1 })
        const { batch } = judged
        if (judged.errorCode !== ErrorCode.NONE)
          return { ...refused(judged.errorCode, judged.message), recordErrors: judged.recordErrors }
        const tooLarge = batch === given ? ErrorCode.NONE : sizeProblem(batch, log.config)
        if (tooLarge !== ErrorCode.NONE) return refused(tooLarge)
        if (batch.producerId >= 0) {
          const { errorCode, duplicate } = judgeSequence(state, log, batch, verified, request.clientId, out)
          if (errorCode !== ErrorCode.NONE) return refused(errorCode)
          if (duplicate !== null) {
            waits.push({ topic: name, partition: index, key: log.key, offset: duplicate.lastOffset + 1 })
            return duplicateAnswer(log, duplicate)
          }
        }
        // Two batches for one partition in one request: the second starts where the first ends.
        const baseOffset = Math.max(lastOffsetIn(waits, log.key) ?? 0, log.logEndOffset)
        const offset = baseOffset + batch.lastOffsetDelta + 1
        waits.push({ topic: name, partition: index, key: log.key, offset })
        out.changes.push({ op: 'append', topic: name, partition: index, batch, client: request.clientId })
        return makePartitionProduceResponse({
          index,
          baseOffset,
          logAppendTimeMs: log.config.logAppendTime ? ctx.now : -1,
          logStartOffset: log.logStartOffset,
        })
      }),
    }
  })
  if (body.acks === 0) {
    out.replies.push({ token: request, body: failed ? null : undefined })
    return
  }
  const response = withLeaderHints(state.image, request.apiVersion, makeProduceResponse({ responses }))
  if (body.acks === -1 && waits.length > 0) {
    const deadline = ctx.now + body.timeoutMs
    out.changes.push({
      op: 'await-replicas',
      produce: { after: { type: 'produce', token: tokenOf(request), response }, waits, deadline },
    })
  } else out.replies.push({ token: request, body: response })
}

function lastOffsetIn(waits: readonly ReplicaWait[], key: string | undefined): number | undefined {
  for (let i = waits.length - 1; i >= 0; i--) if (waits[i]?.key === key) return waits[i]?.offset
  return undefined
}

function problemOf(
  state: BrokerState,
  topic: string,
  partition: number,
  records: readonly RecordBatch[] | null,
  acks: number,
  apiVersion: number,
): number {
  const info = state.image.topics.get(topic)
  if (info === undefined) {
    return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  }
  if (isInternal(topic)) return ErrorCode.INVALID_TOPIC_EXCEPTION
  const partitionInfo = info.partitions[partition]
  if (partitionInfo === undefined) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  const log = logOf(state, topic, partition)
  if (partitionInfo.leader !== state.id || log === undefined) return ErrorCode.NOT_LEADER_OR_FOLLOWER
  const batch = records?.[0]
  // Before v3: looked into when it is clear that it may be stored.
  const isOld = apiVersion < 3 && records !== null && (batch === undefined || batch.messageSet === true)
  if (!isOld) {
    const problem = batchProblem(records, apiVersion)
    if (problem !== ErrorCode.NONE) return problem
  }
  if (!state.leading.has(log.key)) return ErrorCode.NOT_LEADER_OR_FOLLOWER
  // Partition.appendRecordsToLeader: nothing is appended.
  if (acks === -1 && lacksReplicas(state, topic, partition)) return ErrorCode.NOT_ENOUGH_REPLICAS
  return isOld || batch === undefined ? ErrorCode.NONE : sizeProblem(batch, log.config)
}

function batchProblem(records: readonly RecordBatch[] | null, apiVersion: number): number {
  const batch = records?.[0]
  if (records === null || batch === undefined || records.length !== 1 || batch.recordCount < 1) {
    return ErrorCode.INVALID_RECORD
  }
  if (batch.problem !== undefined) return batch.problem
  if (apiVersion >= 3 && apiVersion < 7 && compressionOf(batch) === 'zstd')
    return ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
  // Control batches are the brokers' own (LogValidator.validateBatch).
  if (batch.lastOffsetDelta !== batch.recordCount - 1 || isControl(batch)) return ErrorCode.INVALID_RECORD
  return batch.producerId >= 0 && batch.baseSequence < 0 ? ErrorCode.INVALID_RECORD : ErrorCode.NONE
}

function messageOf(errorCode: number): string | null {
  switch (errorCode) {
    case ErrorCode.INVALID_RECORD:
      return 'A partition carries exactly one non-empty record batch of magic 2, no control batch; a producer id goes with a sequence.'
    case ErrorCode.INVALID_TOPIC_EXCEPTION:
      return 'Internal topics are written by the brokers only.'
    case ErrorCode.INVALID_TXN_STATE:
      return 'The producer has a transaction open in the partition: until it has ended, nothing else can be written there.'
    case ErrorCode.INVALID_PRODUCER_ID_MAPPING:
      return 'A request has transactional batches of one producer and one epoch.'
    case ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return 'A request with transactional batches names its transactional id.'
    default:
      return null
  }
}
