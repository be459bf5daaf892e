/** What clients are answered about transactions, in the version they speak (KafkaApis). */
import { ErrorCode } from '../../protocol/errors.ts'
import {
  makeAddOffsetsToTxnResponse,
  makeAddPartitionsToTxnResponse,
  makeEndTxnResponse,
  makeInitProducerIdResponse,
} from '../../protocol/make.ts'
import type { AddPartitionsToTxnTopicResult } from '../../protocol/messages.ts'
import type { RequestToken } from '../request.ts'
import { partitionOf } from './records.ts'
import type { Transaction } from './transaction.ts'

/** A request that waits for its answer. */
export interface Asked {
  readonly token: RequestToken
  /** AddPartitionsToTxn answers for each of them. */
  readonly partitions: readonly string[]
}

/** @param transaction as it is now; null with an error */
export function answer({ token, partitions }: Asked, errorCode: number, transaction: Transaction | null): unknown {
  const code = errorFor(token, errorCode)
  const producer =
    transaction === null || code !== ErrorCode.NONE
      ? { producerId: -1, producerEpoch: -1 }
      : { producerId: transaction.producerId, producerEpoch: transaction.epoch }
  switch (token.api) {
    case 'InitProducerId':
      return makeInitProducerIdResponse({ errorCode: code, ...producer })
    case 'EndTxn':
      return makeEndTxnResponse({ errorCode: code, ...producer })
    case 'AddOffsetsToTxn':
      return makeAddOffsetsToTxnResponse({ errorCode: code })
    default:
      return makeAddPartitionsToTxnResponse({
        resultsByTopicV3AndBelow: resultsOf(new Map(partitions.map((name) => [name, code]))),
      })
  }
}

export function resultsOf(errors: ReadonlyMap<string, number>): AddPartitionsToTxnTopicResult[] {
  const topics = new Map<string, { partitionIndex: number; partitionErrorCode: number }[]>()
  for (const [name, partitionErrorCode] of errors) {
    const { topic, partition } = partitionOf(name)
    const known = topics.get(topic) ?? []
    topics.set(topic, known)
    known.push({ partitionIndex: partition, partitionErrorCode })
  }
  return [...topics].map(([name, resultsByPartition]) => ({ name, resultsByPartition }))
}

/** The first versions that know PRODUCER_FENCED (KIP-588); before, it is INVALID_PRODUCER_EPOCH. */
const KNOWS_FENCED: Readonly<Record<string, number>> = {
  InitProducerId: 4,
  AddPartitionsToTxn: 2,
  AddOffsetsToTxn: 2,
  EndTxn: 2,
}

export function errorFor({ api, apiVersion }: RequestToken, errorCode: number): number {
  return errorCode === ErrorCode.PRODUCER_FENCED && apiVersion < (KNOWS_FENCED[api] ?? 0)
    ? ErrorCode.INVALID_PRODUCER_EPOCH
    : errorCode
}
