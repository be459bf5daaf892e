/** The entry of the client: kafkajs's `new Kafka(config)` over a transport and a host. */
import { createAdmin } from './admin/admin.ts'
import { rememberHostBytes } from './bytes.ts'
import {
  CONNECTION_TIMEOUT_MS,
  METADATA_MAX_AGE_MS,
  READ_COMMITTED,
  READ_UNCOMMITTED,
  REQUEST_TIMEOUT_MS,
} from './constants.ts'
import { PartitionAssigners } from './consumer/assigners/index.ts'
import { createConsumer } from './consumer/consumer.ts'
import { checkGroupProtocol } from './consumer/group-protocol.ts'
import type { ClientContext } from './context.ts'
import { EventEmitter } from './events/emitter.ts'
import { adminEvents, consumerEvents, type NetworkEventNames, producerEvents } from './events/names.ts'
import { createOptionWatch } from './known-options.ts'
import { createLogger } from './logger.ts'
import { Cluster } from './metadata/cluster.ts'
import { CommittedOffsets } from './metadata/committed-offsets.ts'
import { createSeedBrokers } from './metadata/seed-brokers.ts'
import { createProducer } from './producer/producer.ts'
import { retryConfig } from './retry.ts'
import type { Host, Transport } from './transport.ts'
import type { Kafka } from './types/clients.ts'
import type { AdminConfig, ConsumerConfig, KafkaConfig, ProducerConfig } from './types/config.ts'

interface ClusterNeeds {
  readonly emitter: EventEmitter
  readonly events: NetworkEventNames
  readonly metadataMaxAgeMs: number
  readonly allowAutoTopicCreation: boolean
  readonly maxInFlightRequests: number | null
  readonly isolationLevel: number
}

/**
 * Makes a client with the API of kafkajs 2.2.4.
 *
 * @param transport the simulated network, time and chance: one a simulated process
 * @param host what the JavaScript engine around us gives; Node's is `src/host/node.ts`
 *
 * ```ts
 * const kafka = createKafka(transport, nodeHost, { brokers: ['broker-1:9092'], clientId: 'shop' })
 * const producer = kafka.producer()
 * ```
 */
export function createKafka(transport: Transport, host: Host, config: KafkaConfig): Kafka {
  rememberHostBytes(host)
  const rootLogger = createLogger({ transport, host, level: config.logLevel, logCreator: config.logCreator })
  const watchOptions = createOptionWatch(rootLogger)
  const context: ClientContext = { transport, host, rootLogger, watchOptions }
  watchOptions('Kafka', config)
  watchOptions('quirks', config.quirks)
  watchOptions('retry', config.retry)
  const committedOffsets = new CommittedOffsets()

  /** Every client has connections and metadata of its own, as in kafkajs. */
  function createCluster(needs: ClusterNeeds): Cluster {
    return new Cluster(context, {
      network: {
        clientId: config.clientId ?? 'kafkajs',
        connectionTimeoutMs: config.connectionTimeout ?? CONNECTION_TIMEOUT_MS,
        requestTimeoutMs: config.requestTimeout ?? REQUEST_TIMEOUT_MS,
        enforceRequestTimeout: config.enforceRequestTimeout ?? true,
        maxInFlightRequests: needs.maxInFlightRequests,
        emitter: needs.emitter,
        events: needs.events,
      },
      seeds: createSeedBrokers(config.brokers),
      retry: retryConfig(host, config.retry),
      metadataMaxAgeMs: needs.metadataMaxAgeMs,
      allowAutoTopicCreation: needs.allowAutoTopicCreation,
      isolationLevel: needs.isolationLevel,
      committedOffsets,
    })
  }

  return {
    producer(options: ProducerConfig = {}) {
      watchOptions('producer', options)
      watchOptions('retry', options.retry)
      const emitter = new EventEmitter(transport)
      return createProducer({
        context,
        emitter,
        cluster: createCluster({
          emitter,
          events: producerEvents,
          metadataMaxAgeMs: options.metadataMaxAge ?? METADATA_MAX_AGE_MS,
          allowAutoTopicCreation: options.allowAutoTopicCreation ?? true,
          maxInFlightRequests: options.maxInFlightRequests ?? null,
          isolationLevel: READ_COMMITTED,
        }),
        // KJ2: an idempotent producer's unlimited retries never take effect, because there always is a retry object.
        retry: retryConfig(host, { ...config.retry, ...options.retry }),
        givenRetries: { ...config.retry, ...options.retry }.retries,
        createPartitioner: options.createPartitioner,
        kafkaRetry: retryConfig(host, config.retry),
        idempotent: options.idempotent ?? false,
        transactionalId: options.transactionalId,
        transactionTimeoutMs: options.transactionTimeout ?? 60_000,
        transactionsV2: options.transactionsV2 ?? false,
        reusesSequences: config.quirks?.kafkajsSequenceReuse ?? false,
      })
    },

    consumer(options: ConsumerConfig) {
      const given: Partial<ConsumerConfig> = options ?? {}
      watchOptions('consumer', given)
      watchOptions('retry', given.retry)
      checkGroupProtocol(given)
      const emitter = new EventEmitter(transport)
      const isolationLevel = given.readUncommitted ? READ_UNCOMMITTED : READ_COMMITTED
      const metadataMaxAgeMs = given.metadataMaxAge ?? METADATA_MAX_AGE_MS
      const retry = { ...config.retry, ...(given.retry ?? { retries: 5 }) }
      return createConsumer({
        context,
        emitter,
        cluster: createCluster({
          emitter,
          events: consumerEvents,
          metadataMaxAgeMs,
          allowAutoTopicCreation: given.allowAutoTopicCreation ?? true,
          maxInFlightRequests: given.maxInFlightRequests ?? null,
          isolationLevel,
        }),
        groupId: given.groupId ?? '',
        partitionAssigners: given.partitionAssigners ?? [PartitionAssigners.roundRobin],
        metadataMaxAgeMs,
        sessionTimeoutMs: given.sessionTimeout ?? 30_000,
        rebalanceTimeoutMs: given.rebalanceTimeout ?? 60_000,
        heartbeatIntervalMs: given.heartbeatInterval ?? 3000,
        maxBytesPerPartition: given.maxBytesPerPartition ?? 1_048_576,
        minBytes: given.minBytes ?? 1,
        maxBytes: given.maxBytes ?? 10_485_760,
        maxWaitMs: given.maxWaitTimeInMs ?? 5000,
        retry: retryConfig(host, retry),
        restartOnFailure: retry.restartOnFailure,
        isolationLevel,
        rackId: given.rackId ?? '',
        groupInstanceId: given.groupInstanceId ?? null,
        groupProtocol: given.groupProtocol ?? 'classic',
        groupRemoteAssignor: given.groupRemoteAssignor ?? null,
        requireStable: given.requireStable ?? false,
        clientId: config.clientId ?? 'kafkajs',
      })
    },

    admin(options: AdminConfig = {}) {
      watchOptions('admin', options)
      watchOptions('retry', options.retry)
      const emitter = new EventEmitter(transport)
      return createAdmin({
        context,
        emitter,
        cluster: createCluster({
          emitter,
          events: adminEvents,
          // kafkajs gives its admin no age, which makes metadata old at the next millisecond.
          metadataMaxAgeMs: 0,
          allowAutoTopicCreation: false,
          maxInFlightRequests: null,
          isolationLevel: READ_COMMITTED,
        }),
        retry: retryConfig(host, { ...config.retry, ...options.retry }),
      })
    },

    logger: () => rootLogger,
  }
}
