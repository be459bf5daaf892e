/** What clients are answered about transactions, in the version they speak (KafkaApis). */
import { ErrorCode } from '../../protocol/errors.ts'
import {
  makeAddOffsetsToTxnResponse,
  makeAddPartitionsToTxnResponse,
  makeEndTxnResponse,
  makeInitProducerIdResponse,
} from '../../protocol/make.ts'
import type { Decision } from '../decision.ts'
import type { RequestToken } from '../request.ts'
import type { BrokerState } from '../state.ts'
import { type AskedInBatch, resultsOf, settle } from './batches.ts'
import { NO_PRODUCER, type Transaction } from './transaction.ts'

/** A request that waits for its answer. */
export interface AskedByClient {
  readonly token: RequestToken
  /** AddPartitionsToTxn answers for each of them. */
  readonly partitions: readonly string[]
}

/** Who waits: a client, or several transactions that are answered for at once. */
export type Asked = AskedByClient | AskedInBatch

/** @param transaction as it is now; null with an error */
export function tell(
  state: BrokerState,
  asked: Asked,
  errorCode: number,
  transaction: Transaction | null,
  out: Decision,
): void {
  if ('batch' in asked) settle(state, asked, errorCode, out)
  else out.replies.push({ token: asked.token, body: answer(asked, errorCode, transaction) })
}

/** @param transaction as it is now; null with an error */
export function answer(
  { token, partitions }: AskedByClient,
  errorCode: number,
  transaction: Transaction | null,
): unknown {
  const code = errorFor(token, errorCode)
  const producer =
    transaction === null || code !== ErrorCode.NONE ? { producerId: -1, producerEpoch: -1 } : nextIdentity(transaction)
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

/** As whom the producer goes on: when its epochs are used up, that is somebody else before the end is complete (KIP-890). */
function nextIdentity({ producerId, epoch, nextProducerId }: Transaction) {
  return nextProducerId === NO_PRODUCER
    ? { producerId, producerEpoch: epoch }
    : { producerId: nextProducerId, producerEpoch: 0 }
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
