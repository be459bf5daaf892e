/** Requests about other people's transactions, for the admin client (KIP-664). */
import {
  makeDescribeProducersRequest,
  makeDescribeTransactionsRequest,
  makeListTransactionsRequest,
  makeWritableTxnMarker,
  makeWriteTxnMarkersRequest,
} from '../../protocol/make.ts'
import { newerErrorFromCode, throwOnNewerError } from '../errors/newer-errors.ts'
import type {
  PartitionProducers,
  TransactionDescription,
  TransactionListing,
  TransactionState,
} from '../types/admin-transactions.ts'
import type { BrokerClient } from './broker.ts'

const TRANSACTIONAL_ID_NOT_FOUND = 105

export async function requestDescribeProducers(
  leader: BrokerClient,
  topic: string,
  partitions: readonly number[],
): Promise<PartitionProducers[]> {
  const { topics } = await leader.send(
    'DescribeProducers',
    makeDescribeProducersRequest({ topics: [{ name: topic, partitionIndexes: partitions }] }),
    {
      check: (response) => {
        for (const { errorCode, errorMessage } of response.topics.flatMap((answer) => answer.partitions)) {
          throwOnNewerError(errorCode, errorMessage)
        }
      },
    },
  )
  return topics.flatMap((answer) =>
    answer.partitions.map(({ partitionIndex, activeProducers }) => ({
      partition: partitionIndex,
      activeProducers: activeProducers.map((producer) => ({
        producerId: String(producer.producerId),
        producerEpoch: producer.producerEpoch,
        lastSequence: producer.lastSequence,
        lastTimestamp: String(producer.lastTimestamp),
        coordinatorEpoch: producer.coordinatorEpoch < 0 ? null : producer.coordinatorEpoch,
        currentTransactionStartOffset:
          producer.currentTxnStartOffset < 0 ? null : String(producer.currentTxnStartOffset),
      })),
    })),
  )
}

export async function requestDescribeTransaction(
  coordinator: BrokerClient,
  transactionalId: string,
): Promise<TransactionDescription> {
  const { transactionStates } = await coordinator.send(
    'DescribeTransactions',
    makeDescribeTransactionsRequest({ transactionalIds: [transactionalId] }),
    {
      check: ({ transactionStates: [answer] }) => {
        const code = answer?.errorCode ?? TRANSACTIONAL_ID_NOT_FOUND
        if (code !== TRANSACTIONAL_ID_NOT_FOUND) throwOnNewerError(code)
        else throw newerErrorFromCode(code, `No transaction of transactional id "${transactionalId}" is known`)
      },
    },
  )
  // The check has seen it.
  const [answer] = transactionStates as [(typeof transactionStates)[number]]
  return {
    transactionalId,
    coordinatorId: Number(coordinator.nodeId),
    state: answer.transactionState as TransactionState,
    producerId: String(answer.producerId),
    producerEpoch: answer.producerEpoch,
    transactionTimeoutMs: answer.transactionTimeoutMs,
    transactionStartTimeMs: answer.transactionStartTimeMs < 0 ? null : String(answer.transactionStartTimeMs),
    topicPartitions: answer.topics.map(({ topic, partitions }) => ({ topic, partitions: [...partitions] })),
  }
}

export interface TransactionFilters {
  readonly states: readonly string[]
  readonly producerIds: readonly number[]
  /** Milliseconds, -1 = all. */
  readonly durationMs: number
}

export async function requestListTransactions(
  broker: BrokerClient,
  { states, producerIds, durationMs }: TransactionFilters,
): Promise<TransactionListing[]> {
  const { transactionStates } = await broker.send(
    'ListTransactions',
    makeListTransactionsRequest({ stateFilters: states, producerIdFilters: producerIds, durationFilter: durationMs }),
    { check: ({ errorCode }) => throwOnNewerError(errorCode) },
  )
  return transactionStates.map(({ transactionalId, producerId, transactionState }) => ({
    transactionalId,
    producerId: String(producerId),
    state: transactionState as TransactionState,
    coordinatorId: Number(broker.nodeId),
  }))
}

export interface AbortMarker {
  readonly topic: string
  readonly partition: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly coordinatorEpoch: number
}

export async function requestAbortMarker(leader: BrokerClient, marker: AbortMarker): Promise<void> {
  const { topic, partition, ...ofProducer } = marker
  await leader.send(
    'WriteTxnMarkers',
    makeWriteTxnMarkersRequest({
      markers: [
        makeWritableTxnMarker({
          ...ofProducer,
          transactionResult: false,
          topics: [{ name: topic, partitionIndexes: [partition] }],
        }),
      ],
    }),
    {
      check: ({ markers }) => {
        for (const { errorCode } of markers.flatMap(({ topics }) => topics).flatMap((answer) => answer.partitions)) {
          throwOnNewerError(errorCode)
        }
      },
    },
  )
}
