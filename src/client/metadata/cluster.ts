/** The cluster as one client sees it: target topics, metadata, leaders, coordinators, the controller. */
import { EARLIEST_OFFSET, LATEST_OFFSET } from '../constants.ts'
import type { ClientContext } from '../context.ts'
import { KafkaJSError } from '../errors/base.ts'
import { viewError } from '../errors/classify.ts'
import {
  KafkaJSGroupCoordinatorNotFound,
  KafkaJSMetadataNotLoaded,
  KafkaJSTopicMetadataNotLoaded,
} from '../errors/general.ts'
import type { BrokerClient } from '../network/broker.ts'
import type { NetworkOptions } from '../network/channel.ts'
import { CoordinatorKey, type CoordinatorKeyType, requestCoordinator } from '../network/group-requests.ts'
import { type ClusterMetadata, requestOffsets } from '../network/topic-requests.ts'
import { createRetrier, GiveUp, type Retrier, type RetryConfig } from '../retry.ts'
import { createSerial, type Serial } from '../sync/serial.ts'
import { shared } from '../sync/shared.ts'
import type { Logger } from '../types/logging.ts'
import type { CoordinatorMetadata, PartitionMetadata } from '../types/metadata.ts'
import { BrokerPool, partitionsOrNone } from './broker-pool.ts'
import type { CommittedOffsets } from './committed-offsets.ts'
import type { SeedBrokers } from './seed-brokers.ts'

export interface ClusterOptions {
  readonly network: NetworkOptions
  readonly seeds: SeedBrokers
  /** The retry options of `Kafka`, not of the single client. */
  readonly retry: RetryConfig
  readonly metadataMaxAgeMs: number
  readonly allowAutoTopicCreation: boolean
  readonly isolationLevel: number
  /** KJ13: shared by all clients of one `Kafka`. */
  readonly committedOffsets: CommittedOffsets
}

export interface TopicToLookUp {
  readonly topic: string
  readonly partitions: readonly number[]
  /** Milliseconds, or -1 (end), -2 (start). */
  readonly timestamp: number
}

export class Cluster {
  readonly targetTopics = new Set<string>()
  readonly committedOffsets: CommittedOffsets
  readonly isolationLevel: number
  readonly #logger: Logger
  readonly #pool: BrokerPool
  readonly #retrier: Retrier
  readonly #inTurn: Serial
  readonly #connect: () => Promise<void>
  readonly #refresh: () => Promise<void>
  readonly #refreshIfNecessary: () => Promise<void>
  #targetsChanging = 0

  constructor(context: ClientContext, options: ClusterOptions) {
    this.#logger = context.rootLogger.namespace('Cluster')
    this.#retrier = createRetrier(context.transport, options.retry)
    this.committedOffsets = options.committedOffsets
    this.isolationLevel = options.isolationLevel
    this.#pool = new BrokerPool(context, {
      network: options.network,
      seeds: options.seeds,
      retrier: this.#retrier,
      allowAutoTopicCreation: options.allowAutoTopicCreation,
      metadataMaxAgeMs: options.metadataMaxAgeMs,
    })
    this.#inTurn = createSerial()
    this.#connect = shared(() => this.#pool.connect())
    this.#refresh = shared(() => this.#pool.refreshMetadata([...this.targetTopics]))
    this.#refreshIfNecessary = shared(async () => {
      if (!this.#pool.isFresh(this.targetTopics)) await this.#pool.refreshMetadata([...this.targetTopics])
    })
  }

  isConnected(): boolean {
    return this.#pool.hasConnectedBrokers()
  }

  connect(): Promise<void> {
    return this.#connect()
  }

  disconnect(): Promise<void> {
    return this.#pool.disconnect()
  }

  removeBroker(address: { host: string; port: number }): void {
    this.#pool.removeBroker(address)
  }

  refreshMetadata(): Promise<void> {
    return this.#refresh()
  }

  /** `undefined` when nothing is to be done, so that hot paths need not wait for a promise. */
  refreshMetadataIfNecessary(): Promise<void> | undefined {
    return this.#pool.isFresh(this.targetTopics) ? undefined : this.#refreshIfNecessary()
  }

  nodeIds(): string[] {
    return this.#pool.nodeIds()
  }

  /** The metadata of the given topics (all without any), asked for anew. */
  metadata(topics: readonly string[] = []): Promise<ClusterMetadata> {
    return this.#retrier(async () => {
      try {
        if (!this.#pool.isFresh(topics)) await this.#pool.refreshMetadata(topics)
        let failure: unknown = new KafkaJSMetadataNotLoaded('Topic metadata not loaded')
        const metadata = await this.#pool.withBroker(
          (broker) => this.#pool.requestMetadata(broker, topics),
          (error) => {
            failure = error
          },
        )
        // kafkajs goes on with `null` here and fails with a TypeError.
        if (metadata === null) throw failure
        return metadata
      } catch (error) {
        throw viewError(error).type === 'LEADER_NOT_AVAILABLE' ? error : new GiveUp(error)
      }
    })
  }

  /** `undefined` when all topics are targets already and metadata is there. */
  addTargetTopics(topics: readonly string[]): Promise<void> | undefined {
    if (
      this.#targetsChanging === 0 &&
      this.#pool.metadata !== null &&
      topics.every((topic) => this.targetTopics.has(topic))
    ) {
      return undefined
    }
    return this.#changeTargets(topics)
  }

  async #changeTargets(topics: readonly string[]): Promise<void> {
    this.#targetsChanging += 1
    try {
      await this.#inTurn(async () => {
        const before = [...this.targetTopics]
        for (const topic of topics) this.targetTopics.add(topic)
        if (before.length === this.targetTopics.size && this.#pool.metadata !== null) return
        try {
          await this.refreshMetadata()
          // The refresh may have been under way before these topics were wanted.
          if (topics.some((topic) => this.#pool.partitionsOf(topic) === undefined)) {
            await this.#pool.refreshMetadata([...this.targetTopics])
          }
        } catch (error) {
          const { type } = viewError(error)
          if (
            type === 'INVALID_TOPIC_EXCEPTION' ||
            type === 'UNKNOWN_TOPIC_OR_PARTITION' ||
            type === 'TOPIC_AUTHORIZATION_FAILED'
          ) {
            // One bad topic would fail the metadata of all.
            this.targetTopics.clear()
            for (const topic of before) this.targetTopics.add(topic)
          }
          throw error
        }
      })
    } finally {
      this.#targetsChanging -= 1
    }
  }

  async findBroker(nodeId: string): Promise<BrokerClient> {
    try {
      return await this.#pool.findBroker(nodeId)
    } catch (error) {
      const { name } = viewError(error)
      // The metadata is probably old.
      if (name === 'KafkaJSBrokerNotFound' || name === 'KafkaJSConnectionError') await this.refreshMetadata()
      throw error
    }
  }

  async findControllerBroker(): Promise<BrokerClient> {
    const { metadata } = this.#pool
    if (metadata === null || metadata.controllerId == null)
      throw new KafkaJSMetadataNotLoaded('Topic metadata not loaded')
    return await this.findBroker(String(metadata.controllerId))
  }

  /** Empty for a topic the metadata does not hold. */
  findTopicPartitionMetadata(topic: string): PartitionMetadata[] {
    if (this.#pool.metadata === null) throw new KafkaJSTopicMetadataNotLoaded('Topic metadata not loaded', { topic })
    return partitionsOrNone(this.#pool.partitionsOf(topic))
  }

  /** Partitions grouped by their leader's node id, leaders ascending. Partitions without metadata are left out (KJ17). */
  findLeaders(topic: string, partitions: Iterable<number>): Map<string, number[]> {
    const byId = new Map(this.findTopicPartitionMetadata(topic).map((metadata) => [metadata.partitionId, metadata]))
    const byLeader = new Map<string, number[]>()
    for (const partition of partitions) {
      const metadata = byId.get(partition)
      if (metadata === undefined) continue
      if (metadata.leader == null) throw new KafkaJSError('Invalid partition metadata')
      const leader = String(metadata.leader)
      const led = byLeader.get(leader)
      if (led === undefined) byLeader.set(leader, [partition])
      else led.push(partition)
    }
    return new Map([...byLeader].sort(([a], [b]) => Number(a) - Number(b)))
  }

  findGroupCoordinator(groupId: string): Promise<BrokerClient> {
    return this.#findCoordinator(groupId, CoordinatorKey.GROUP)
  }

  findTransactionCoordinator(transactionalId: string): Promise<BrokerClient> {
    return this.#findCoordinator(transactionalId, CoordinatorKey.TRANSACTION)
  }

  findGroupCoordinatorMetadata(groupId: string): Promise<CoordinatorMetadata> {
    return this.#findCoordinatorMetadata(groupId, CoordinatorKey.GROUP)
  }

  /** The log calls both kinds of keys group ids, as kafkajs does. */
  async #findCoordinator(groupId: string, keyType: CoordinatorKeyType): Promise<BrokerClient> {
    return this.#retrier(async ({ retryCount, retryTime }) => {
      try {
        const { coordinator } = await this.#findCoordinatorMetadata(groupId, keyType)
        return await this.findBroker(String(coordinator.nodeId))
      } catch (error) {
        const { name, type, code, message } = viewError(error)
        // The coordinator may be a broker that joined after the last metadata.
        if (name === 'KafkaJSBrokerNotFound' || type === 'GROUP_COORDINATOR_NOT_AVAILABLE') {
          this.#logger.debug(`${message}, refreshing metadata and trying again...`, { groupId, retryCount, retryTime })
          await this.refreshMetadata()
          throw error
        }
        // The coordinator is down: `findBroker` has refreshed the metadata, the next attempt asks who took over.
        throw code === 'ECONNREFUSED' ? error : new GiveUp(error)
      }
    })
  }

  async #findCoordinatorMetadata(groupId: string, keyType: CoordinatorKeyType): Promise<CoordinatorMetadata> {
    const found = await this.#pool.withBroker((broker) =>
      this.#retrier(async () => {
        try {
          return await requestCoordinator(broker, groupId, keyType)
        } catch (error) {
          const { type, message } = viewError(error)
          this.#logger.debug('Tried to find group coordinator', { nodeId: broker.nodeId, groupId, error: message })
          throw type === 'GROUP_COORDINATOR_NOT_AVAILABLE' ? error : new GiveUp(error)
        }
      }),
    )
    if (found === null) throw new KafkaJSGroupCoordinatorNotFound('Failed to find group coordinator')
    return found
  }

  defaultOffset(fromBeginning: boolean | undefined): number {
    return fromBeginning ? EARLIEST_OFFSET : LATEST_OFFSET
  }

  /** ListOffsets at every partition's leader. Partitions without metadata are left out. */
  async fetchTopicsOffset(
    topics: readonly TopicToLookUp[],
  ): Promise<{ topic: string; partitions: { partition: number; offset: number }[] }[]> {
    const byBroker = new Map<string, { topic: string; timestamp: number; partitions: number[] }[]>()
    for (const { topic, partitions, timestamp } of topics) {
      for (const [nodeId, led] of this.findLeaders(topic, partitions)) {
        const request = { topic, timestamp, partitions: led }
        const requests = byBroker.get(nodeId)
        if (requests === undefined) byBroker.set(nodeId, [request])
        else requests.push(request)
      }
    }
    const answers = await Promise.all(
      [...byBroker].map(async ([nodeId, requests]) =>
        requestOffsets(await this.findBroker(nodeId), this.isolationLevel, requests),
      ),
    )
    const byTopic = new Map<string, { partition: number; offset: number }[]>()
    for (const { topic, partitions } of answers.flat()) {
      byTopic.set(topic, [...(byTopic.get(topic) ?? []), ...partitions])
    }
    return [...byTopic].map(([topic, partitions]) => ({ topic, partitions }))
  }
}
