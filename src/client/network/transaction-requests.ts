/** Requests of transactional producers to their coordinator, and to the coordinator of the group whose offsets they commit. */
import {
  makeAddOffsetsToTxnRequest,
  makeAddPartitionsToTxnRequest,
  makeEndTxnRequest,
  makeInitProducerIdRequest,
  makeTxnOffsetCommitRequest,
  makeTxnOffsetCommitRequestPartition,
  makeTxnOffsetCommitRequestTopic,
} from '../../protocol/make.ts'
import { throwOnError } from '../errors/protocol-errors.ts'
import type { BrokerClient } from './broker.ts'
import type { OffsetToCommit } from './group-requests.ts'
import type { ProducerIdentity } from './producer-requests.ts'

const OPERATION_NOT_ATTEMPTED = 55
/** The first version that names who asks for the next epoch (KIP-360). */
const INIT_WITH_EPOCH = 3
/** The first version that names the member (KIP-447). */
const COMMIT_WITH_MEMBER = 3

/** KIP-890: with these versions brokers add partitions by themselves, and the end of a transaction gives the next epoch. */
export const V2 = { Produce: 12, TxnOffsetCommit: 5, EndTxn: 5 } as const

/** As whom a transactional producer speaks. */
export interface TransactionalProducer extends ProducerIdentity {
  readonly transactionalId: string
}

/**
 * The id and epoch to write under; whoever had the transactional id before is fenced, and what it left open is aborted.
 *
 * @param known the producer asks for its own next epoch, which it gets only if nobody has taken over
 */
export async function requestTransactionalProducer(
  broker: BrokerClient,
  request: { readonly transactionalId: string; readonly transactionTimeoutMs: number },
  known?: ProducerIdentity,
): Promise<ProducerIdentity> {
  const { producerId, producerEpoch } = await broker.send(
    'InitProducerId',
    makeInitProducerIdRequest({ ...request, ...known }),
    {
      ...(known === undefined ? {} : { maxVersion: INIT_WITH_EPOCH }),
      check: ({ errorCode }) => throwOnError(errorCode),
    },
  )
  return { producerId, producerEpoch }
}

export async function requestAddPartitions(
  broker: BrokerClient,
  { transactionalId, producerId, producerEpoch }: TransactionalProducer,
  topics: readonly { readonly name: string; readonly partitions: readonly number[] }[],
): Promise<void> {
  await broker.send(
    'AddPartitionsToTxn',
    makeAddPartitionsToTxnRequest({
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: topics,
    }),
    {
      check: ({ resultsByTopicV3AndBelow }) => {
        const codes = resultsByTopicV3AndBelow.flatMap(({ resultsByPartition }) =>
          resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode),
        )
        // All are added or none; the partition that is why says more than the others.
        throwOnError(codes.find((code) => code !== 0 && code !== OPERATION_NOT_ATTEMPTED) ?? 0)
        for (const code of codes) throwOnError(code)
      },
    },
  )
}

export async function requestAddOffsets(
  broker: BrokerClient,
  { transactionalId, producerId, producerEpoch }: TransactionalProducer,
  groupId: string,
): Promise<void> {
  await broker.send(
    'AddOffsetsToTxn',
    makeAddOffsetsToTxnRequest({ transactionalId, producerId, producerEpoch, groupId }),
    { check: ({ errorCode }) => throwOnError(errorCode) },
  )
}

/** @returns as whom the producer goes on */
export async function requestEndTransaction(
  broker: BrokerClient,
  { transactionalId, producerId, producerEpoch }: TransactionalProducer,
  committed: boolean,
  isV2: boolean,
): Promise<ProducerIdentity> {
  const next = await broker.send(
    'EndTxn',
    makeEndTxnRequest({ transactionalId, producerId, producerEpoch, committed }),
    {
      ...(isV2 ? { maxVersion: V2.EndTxn } : {}),
      check: ({ errorCode }) => throwOnError(errorCode),
    },
  )
  return isV2 && next.producerId >= 0
    ? { producerId: next.producerId, producerEpoch: next.producerEpoch }
    : { producerId, producerEpoch }
}

/** The member whose offsets are committed: the coordinator refuses them when its generation is over (KIP-447). */
export interface CommittingMember {
  readonly memberId: string
  readonly generationId: number
  readonly groupInstanceId: string | null
}

/** @param member without one the coordinator takes the offsets of anybody, as kafkajs's */
export async function requestTransactionalCommit(
  groupCoordinator: BrokerClient,
  { transactionalId, producerId, producerEpoch }: TransactionalProducer,
  groupId: string,
  topics: readonly OffsetToCommit[],
  member: CommittingMember | undefined,
  isV2: boolean,
): Promise<void> {
  await groupCoordinator.send(
    'TxnOffsetCommit',
    makeTxnOffsetCommitRequest({
      transactionalId,
      producerId,
      producerEpoch,
      groupId,
      ...(member === undefined
        ? {}
        : {
            memberId: member.memberId,
            generationId: member.generationId,
            groupInstanceId: member.groupInstanceId,
          }),
      topics: topics.map(({ topic, partitions }) =>
        makeTxnOffsetCommitRequestTopic({
          name: topic,
          partitions: partitions.map(({ partition, offset, metadata = null }) =>
            makeTxnOffsetCommitRequestPartition({
              partitionIndex: partition,
              committedOffset: offset,
              committedMetadata: metadata,
            }),
          ),
        }),
      ),
    }),
    {
      ...(isV2 ? { maxVersion: V2.TxnOffsetCommit } : member === undefined ? {} : { maxVersion: COMMIT_WITH_MEMBER }),
      check: (response) => {
        for (const { partitions } of response.topics) for (const { errorCode } of partitions) throwOnError(errorCode)
      },
    },
  )
}
