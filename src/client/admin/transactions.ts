/** What the admin client knows of transactions and can do about them (KIP-664, KIP-994). */
import { refuseUnknown } from '../../protocol/unknown-options.ts'
import { inCall } from '../call.ts'
import { isStaleMetadata, viewError } from '../errors/classify.ts'
import { newerErrorFromCode } from '../errors/newer-errors.ts'
import type { BrokerClient } from '../network/broker.ts'
import {
  requestAbortMarker,
  requestDescribeProducers,
  requestDescribeTransaction,
  requestListTransactions,
  type TransactionFilters,
} from '../network/transaction-admin-requests.ts'
import { requestTransactionalProducer } from '../network/transaction-requests.ts'
import { createCoordinatorCall } from '../producer/coordinator-calls.ts'
import { GiveUp } from '../retry.ts'
import type {
  AbortTransactionSpec,
  HangingTransaction,
  PartitionProducers,
  TransactionAdmin,
  TransactionDescription,
  TransactionListing,
} from '../types/admin-transactions.ts'
import type { AdminScope } from './admin.ts'
import { findHangingTransactions } from './hanging-transactions.ts'
import * as check from './transaction-arguments.ts'

const UNKNOWN_TOPIC_OR_PARTITION = 3
/** Java's request.timeout.ms, which its Admin sends here (FenceProducersHandler). */
const FENCE_TIMEOUT_MS = 30_000
/** The default of the brokers' transaction.max.timeout.ms, and of the tool. */
const MAX_TRANSACTION_TIMEOUT_MS = 900_000
/** AbortTransactionHandler and DescribeProducersHandler look for the leader again. */
const LEADER_ELSEWHERE: ReadonlySet<string> = new Set(['REPLICA_NOT_AVAILABLE', 'BROKER_NOT_AVAILABLE'])
const AWAY: ReadonlySet<string> = new Set([
  'KafkaJSBrokerNotFound',
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
])

/** A hanging transaction is a spec as it is, so all it says may stand there. */
const ABORT_NAMES = Object.keys({
  topic: true,
  partition: true,
  producerId: true,
  producerEpoch: true,
  coordinatorEpoch: true,
  lastSequence: true,
  lastTimestamp: true,
  currentTransactionStartOffset: true,
  transactionalId: true,
  durationMs: true,
} satisfies Record<keyof AbortTransactionSpec | keyof HangingTransaction, true>)

/** The functions without their checks and frames. */
export interface TransactionQueries {
  partitionsOf(topic: string): Promise<number[]>
  producers(topic: string, partitions: readonly number[]): Promise<PartitionProducers[]>
  list(filters: Partial<TransactionFilters>): Promise<TransactionListing[]>
  describe(transactionalId: string): Promise<TransactionDescription>
}

export function createTransactionFunctions(scope: AdminScope): TransactionAdmin {
  const { context, cluster, logger, retrier } = scope
  const { transport } = context
  const call = <T>(name: string, body: () => Promise<T>): Promise<T> => inCall(transport, `admin.${name}`, body)

  /** Tries again while leaders move or brokers are away, with new metadata. */
  function retrying<T>(complaint: string, body: () => Promise<T>): Promise<T> {
    return retrier(async ({ retryCount, retryTime }) => {
      try {
        return await body()
      } catch (error) {
        const { name, type = '', message } = viewError(error)
        if (name === 'KafkaJSConnectionClosedError') cluster.removeBroker(error as { host: string; port: number })
        const isElsewhere = isStaleMetadata(error) || LEADER_ELSEWHERE.has(type) || AWAY.has(name)
        if (!isElsewhere && type !== 'GROUP_LOAD_IN_PROGRESS') throw new GiveUp(error)
        logger.debug(complaint, { error: message, retryCount, retryTime })
        if (isElsewhere) await cluster.refreshMetadata()
        throw error
      }
    })
  }

  /** @throws KafkaJSProtocolError UNKNOWN_TOPIC_OR_PARTITION for a partition the topic does not have */
  async function leadersOf(topic: string, partitions: readonly number[]): Promise<Map<string, number[]>> {
    await cluster.addTargetTopics([topic])
    await cluster.refreshMetadataIfNecessary()
    const leaders = cluster.findLeaders(topic, partitions)
    const led = new Set([...leaders.values()].flat())
    const missing = partitions.find((partition) => !led.has(partition))
    if (missing === undefined) return leaders
    throw newerErrorFromCode(UNKNOWN_TOPIC_OR_PARTITION)
  }

  const coordinatorCall = (transactionalId: string) =>
    createCoordinatorCall({
      cluster,
      logger,
      retrier,
      transactionalId,
      find: () => cluster.findTransactionCoordinator(transactionalId),
    })

  const queries: TransactionQueries = {
    partitionsOf: (topic) =>
      retrying('Could not find the partitions', async () => {
        await cluster.addTargetTopics([topic])
        await cluster.refreshMetadataIfNecessary()
        return cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
      }),
    producers: (topic, partitions) =>
      retrying('Could not describe producers', async () => {
        const leaders = await leadersOf(topic, partitions)
        const answers = await Promise.all(
          [...leaders].map(async ([nodeId, led]) =>
            requestDescribeProducers(await cluster.findBroker(nodeId), topic, led),
          ),
        )
        return answers.flat().sort((a, b) => a.partition - b.partition)
      }),
    list: ({ states = [], producerIds = [], durationMs = -1 }) =>
      retrying('Could not list transactions', async () => {
        await cluster.refreshMetadata()
        const brokers: BrokerClient[] = []
        for (const nodeId of cluster.nodeIds()) brokers.push(await cluster.findBroker(nodeId))
        const answers = await Promise.all(
          brokers.map((broker) => requestListTransactions(broker, { states, producerIds, durationMs })),
        )
        return answers.flat()
      }),
    describe: (transactionalId) =>
      coordinatorCall(transactionalId)((coordinator) => requestDescribeTransaction(coordinator, transactionalId)),
  }

  return {
    async describeProducers(options) {
      refuseUnknown(options, ['topic', 'partitions'], 'admin.describeProducers')
      const { topic, partitions } = options
      check.checkTopicPartitions({ topic, partitions })
      return call('describeProducers', async () =>
        queries.producers(topic, partitions ?? (await queries.partitionsOf(topic))),
      )
    },
    async describeTransactions(transactionalIds) {
      check.checkTransactionalIds(transactionalIds)
      return call('describeTransactions', async () => ({
        transactions: await Promise.all(transactionalIds.map(queries.describe)),
      }))
    },
    async listTransactions(options = {}) {
      refuseUnknown(options, ['states', 'producerIds', 'durationMs'], 'admin.listTransactions')
      const { states = [], producerIds = [], durationMs } = options
      check.checkStates(states)
      if (durationMs !== undefined) check.checkDuration(durationMs, 'durationMs')
      const filters = { states, producerIds: check.producerIdsOf(producerIds), durationMs: durationMs ?? -1 }
      return call('listTransactions', async () => ({ transactions: await queries.list(filters) }))
    },
    async abortTransaction(spec) {
      refuseUnknown(spec, ABORT_NAMES, 'admin.abortTransaction')
      check.checkAbort(spec)
      const { topic, partition, producerEpoch } = spec
      const producerId = check.producerIdOf(spec.producerId)
      const coordinatorEpoch = spec.coordinatorEpoch ?? 0
      const marker = { topic, partition, producerId, producerEpoch, coordinatorEpoch }
      return call('abortTransaction', () =>
        retrying('Could not abort the transaction', async () => {
          const [leader = ''] = (await leadersOf(topic, [partition])).keys()
          await requestAbortMarker(await cluster.findBroker(leader), marker)
        }),
      )
    },
    async fenceProducers(transactionalIds, options = {}) {
      refuseUnknown(options, ['timeout'], 'admin.fenceProducers')
      const { timeout = FENCE_TIMEOUT_MS } = options
      check.checkTransactionalIds(transactionalIds)
      check.checkDuration(timeout, 'timeout')
      return call('fenceProducers', async () => ({
        producers: await Promise.all(
          transactionalIds.map(async (transactionalId) => {
            const request = { transactionalId, transactionTimeoutMs: timeout }
            const { producerId, producerEpoch } = await coordinatorCall(transactionalId)((coordinator) =>
              requestTransactionalProducer(coordinator, request),
            )
            return { transactionalId, producerId: String(producerId), producerEpoch }
          }),
        ),
      }))
    },
    async findHangingTransactions(options = {}) {
      refuseUnknown(options, ['topic', 'partitions', 'maxTransactionTimeoutMs'], 'admin.findHangingTransactions')
      const { topic, partitions, maxTransactionTimeoutMs = MAX_TRANSACTION_TIMEOUT_MS } = options
      if (topic !== undefined || partitions !== undefined) check.checkTopicPartitions({ topic, partitions })
      check.checkDuration(maxTransactionTimeoutMs, 'maxTransactionTimeoutMs')
      return call('findHangingTransactions', async () => {
        const topics =
          topic === undefined ? (await cluster.metadata()).topicMetadata.map((metadata) => metadata.topic) : [topic]
        return findHangingTransactions(queries, {
          topics,
          partitions,
          now: () => transport.now(),
          maxTransactionTimeoutMs,
        })
      })
    },
  }
}
