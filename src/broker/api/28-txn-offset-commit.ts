/**
 * TxnOffsetCommit (key 28). OffsetMetadataManager.commitTransactionalOffset, GroupCoordinatorService.commitTransactionalOffsets.
 *
 * - Commits offsets of a group within a transaction: they count when its marker comes (`groups/transactional.ts`).
 * - v0–2 say nothing of the member, and may always commit: whoever has the producer id is believed. v3+ says who commits (KIP-447),
 *   and is checked as any commit: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, ILLEGAL_GENERATION, also for a stale member epoch.
 *   Other than with OffsetCommit the state of the group is of no account.
 * - Before the first commit in a transaction its coordinator is asked about the group's partition, and the request waits (KIP-890); with
 *   v5+ the coordinator takes it into the transaction, so nobody needs AddOffsetsToTxn. Not in the transaction: TRANSACTION_ABORTABLE,
 *   before v4 INVALID_TXN_STATE. Without an answer: COORDINATOR_LOAD_IN_PROGRESS.
 * - INVALID_PRODUCER_EPOCH: the partition has seen a newer epoch of the producer.
 * - Unknown partitions are UNKNOWN_TOPIC_OR_PARTITION, long metadata OFFSET_METADATA_TOO_LARGE, each on its own.
 * - v0–1 are told COORDINATOR_NOT_AVAILABLE of a coordinator that loads (KAFKA-7296).
 * - Answered when the records are committed in `__consumer_offsets`.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeTxnOffsetCommitResponse, makeTxnOffsetCommitResponseTopic } from '../../protocol/make.ts'
import type { TxnOffsetCommitRequest } from '../../protocol/messages.ts'
import { intConfig } from '../config.ts'
import type { Context, Decision } from '../decision.ts'
import { createClassicGroup, memberProblem } from '../groups/classic/group.ts'
import { memberEpochProblem } from '../groups/consumer/group.ts'
import { coordinateMembers } from '../groups/coordinator.ts'
import type { Group } from '../groups/group.ts'
import type { CoordinatorRecord } from '../groups/records.ts'
import { OFFSETS_TOPIC } from '../metadata.ts'
import { type InboundRequest, tokenOf } from '../request.ts'
import { type BrokerState, logOf, watchKey } from '../state.ts'
import { isQuestionable, lacksVerification, NOT_ASKED, type Question, type Verified } from '../verification/question.ts'
import { defineApi } from './handler.ts'

export const txnOffsetCommit = defineApi({
  api: 'TxnOffsetCommit',
  minVersion: 0,
  maxVersion: 5,
  handle(state, request, ctx, out) {
    const question = questionOf(state, request)
    if (question === null) commit(state, request, NOT_ASKED, ctx, out)
    else out.changes.push({ op: 'ask-transaction', ...question })
  },
  resume: commit,
})

function commit(
  state: BrokerState,
  request: InboundRequest<TxnOffsetCommitRequest>,
  verified: Verified,
  ctx: Context,
  out: Decision,
): void {
  const { body } = request
  const { groupId, producerId, producerEpoch } = body
  const exists = (topic: string, partition: number) =>
    state.image.topics.get(topic)?.partitions[partition] !== undefined
  const place = coordinateMembers(state, groupId)
  const known = place.errorCode === ErrorCode.NONE ? place.shard.groups.get(groupId) : undefined
  const problem =
    place.errorCode !== ErrorCode.NONE
      ? told(place.errorCode, request.apiVersion)
      : verificationError(place.shard.partition, verified, request.apiVersion) ||
        commitProblem(known, body) ||
        logProblem(state, place.shard.partition, body, verified)

  const records: CoordinatorRecord[] = []
  const longest = intConfig(state.config, 'offset.metadata.max.bytes')
  const topics = body.topics.map(({ name, partitions }) =>
    makeTxnOffsetCommitResponseTopic({
      name,
      partitions: partitions.map(({ partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata }) => {
        if (!exists(name, partitionIndex)) return { partitionIndex, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }
        if (problem !== ErrorCode.NONE) return { partitionIndex, errorCode: problem }
        const metadata = committedMetadata ?? ''
        if (metadata.length > longest) return { partitionIndex, errorCode: ErrorCode.OFFSET_METADATA_TOO_LARGE }
        records.push({
          type: 'offset-commit',
          group: groupId,
          topic: name,
          partition: partitionIndex,
          value: { offset: committedOffset, leaderEpoch: committedLeaderEpoch, metadata, commitTimestamp: ctx.now },
        })
        return { partitionIndex, errorCode: ErrorCode.NONE }
      }),
    }),
  )
  const answer = makeTxnOffsetCommitResponse({ topics })
  if (place.errorCode !== ErrorCode.NONE || records.length === 0) {
    out.replies.push({ token: request, body: answer })
    return
  }
  const { partition } = place.shard
  if (known === undefined) out.changes.push({ op: 'group', partition, group: createClassicGroup(groupId, ctx.now) })
  for (const record of records) {
    if (record.type !== 'offset-commit' || record.value === null) continue
    const { group, topic, partition: of, value } = record
    out.facts.push({ type: 'offset.pending', group, producerId, topic, partition: of, offset: value.offset })
  }
  const after = { type: 'reply', token: tokenOf(request), body: answer } as const
  out.changes.push({ op: 'coordinator-append', partition, records, after, producer: { producerId, producerEpoch } })
}

/** Versions from which on clients know TRANSACTION_ABORTABLE, and leave it to brokers to add the group's partition. */
const KNOWS_ABORTABLE = 4
const COMMIT_ADDS = 5

/** Null = nobody has to be asked (CoordinatorRuntime.scheduleTransactionalWriteOperation). */
function questionOf(state: BrokerState, request: InboundRequest<TxnOffsetCommitRequest>): Question | null {
  const { groupId, transactionalId, producerId, producerEpoch: epoch } = request.body
  const { apiVersion } = request
  const place = coordinateMembers(state, groupId)
  if (place.errorCode !== ErrorCode.NONE) return null
  const { partition } = place.shard
  const log = logOf(state, OFFSETS_TOPIC, partition)
  const understood = apiVersion >= COMMIT_ADDS ? 'adds' : apiVersion >= KNOWS_ABORTABLE ? 'abortable' : 'old-errors'
  if (log === undefined || !isQuestionable(state, log, producerId, epoch, understood)) return null
  const partitions = [{ topic: OFFSETS_TOPIC, partition, sequence: -1 }]
  return { request, transactionalId, producerId, epoch, understood, partitions, errors: new Map() }
}

/** CoordinatorOperationExceptionHelper.handleOperationException. */
function verificationError(partition: number, { errors }: Verified, apiVersion: number): number {
  const errorCode = errors.get(watchKey(OFFSETS_TOPIC, partition)) ?? ErrorCode.NONE
  return told(
    errorCode === ErrorCode.NETWORK_EXCEPTION ? ErrorCode.COORDINATOR_LOAD_IN_PROGRESS : errorCode,
    apiVersion,
  )
}

/** KafkaApis.handleTxnOffsetCommitRequest. */
function told(errorCode: number, apiVersion: number): number {
  return apiVersion < 2 && errorCode === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    ? ErrorCode.COORDINATOR_NOT_AVAILABLE
    : errorCode
}

/** OffsetMetadataManager.validateTransactionalOffsetCommit, ClassicGroup and ConsumerGroup.validateOffsetCommit. */
function commitProblem(group: Group | undefined, body: TxnOffsetCommitRequest): number {
  const { generationId, memberId, groupInstanceId } = body
  if (group === undefined) return generationId < 0 ? ErrorCode.NONE : ErrorCode.ILLEGAL_GENERATION
  if (group.type === 'consumer') {
    if (generationId < 0 && group.members.size === 0) return ErrorCode.NONE
    const member = group.members.get(memberId)
    if (member === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
    const problem = memberEpochProblem(member, generationId)
    return problem === ErrorCode.STALE_MEMBER_EPOCH ? ErrorCode.ILLEGAL_GENERATION : problem
  }
  if (group.state === 'Dead') return ErrorCode.COORDINATOR_NOT_AVAILABLE
  if (generationId < 0 && group.state === 'Empty') return ErrorCode.NONE
  if (generationId < 0 && memberId === '' && groupInstanceId === null) return ErrorCode.NONE
  const problem = memberProblem(group, memberId, groupInstanceId)
  if (problem !== ErrorCode.NONE) return problem
  return generationId === group.generation ? ErrorCode.NONE : ErrorCode.ILLEGAL_GENERATION
}

/** UnifiedLog.analyzeAndValidateProducerState: what the log says. */
function logProblem(state: BrokerState, partition: number, body: TxnOffsetCommitRequest, verified: Verified): number {
  const { producerId, producerEpoch } = body
  const log = logOf(state, OFFSETS_TOPIC, partition)
  if (log === undefined) return ErrorCode.NOT_COORDINATOR
  if (lacksVerification(state, log, producerId, producerEpoch, verified)) return ErrorCode.INVALID_TXN_STATE
  const entry = log.producers.entries.get(producerId)
  return entry !== undefined && producerEpoch < entry.epoch ? ErrorCode.INVALID_PRODUCER_EPOCH : ErrorCode.NONE
}
