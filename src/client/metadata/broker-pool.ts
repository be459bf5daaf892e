/** The brokers the client knows, their connections, and the metadata it last got from one of them. */
import type { ClientContext } from '../context.ts'
import { viewError } from '../errors/classify.ts'
import { KafkaJSBrokerNotFound } from '../errors/network.ts'
import { type BrokerAddress, BrokerClient } from '../network/broker.ts'
import type { NetworkOptions } from '../network/channel.ts'
import { type ClusterMetadata, requestMetadata } from '../network/topic-requests.ts'
import { GiveUp, type Retrier } from '../retry.ts'
import type { Logger } from '../types/logging.ts'
import type { PartitionMetadata } from '../types/metadata.ts'
import type { SeedBrokers } from './seed-brokers.ts'

export interface BrokerPoolOptions {
  readonly network: NetworkOptions
  readonly seeds: SeedBrokers
  readonly retrier: Retrier
  readonly allowAutoTopicCreation: boolean
  readonly metadataMaxAgeMs: number
}

const noPartitions: PartitionMetadata[] = []

export class BrokerPool {
  readonly #context: ClientContext
  readonly #options: BrokerPoolOptions
  readonly #logger: Logger
  readonly #brokers = new Map<string, BrokerClient>()
  #seed: BrokerClient | undefined
  #metadata: ClusterMetadata | null = null
  #partitionsByTopic = new Map<string, PartitionMetadata[]>()
  #expiresAt: number | null = null

  constructor(context: ClientContext, options: BrokerPoolOptions) {
    this.#context = context
    this.#options = options
    this.#logger = context.rootLogger.namespace('BrokerPool')
  }

  get metadata(): ClusterMetadata | null {
    return this.#metadata
  }

  hasConnectedBrokers(): boolean {
    for (const broker of this.#brokers.values()) if (broker.isConnected()) return true
    return this.#seed?.isConnected() ?? false
  }

  /** Ascending, as strings: kafkajs keeps them as keys of an object. */
  nodeIds(): string[] {
    return [...this.#brokers.keys()].sort((a, b) => Number(a) - Number(b))
  }

  /** The live array of the cached metadata; `undefined` for a topic it does not hold. */
  partitionsOf(topic: string): PartitionMetadata[] | undefined {
    return this.#partitionsByTopic.get(topic)
  }

  async connect(): Promise<void> {
    if (this.hasConnectedBrokers()) return
    if (this.#seed === undefined) await this.#nextSeed()

    return this.#options.retrier(async ({ retryCount, retryTime }) => {
      try {
        await this.#seed?.connect()
      } catch (error) {
        const { name, message, retriable } = viewError(error)
        if (name === 'KafkaJSConnectionError') {
          await this.#nextSeed()
          this.#logger.error(`Failed to connect to seed broker, trying another broker from the list: ${message}`, {
            retryCount,
            retryTime,
          })
        } else {
          this.#logger.error(message, { retryCount, retryTime })
        }
        throw retriable ? error : new GiveUp(error)
      }
    })
  }

  async #nextSeed(): Promise<void> {
    await this.#seed?.disconnect()
    this.#seed = this.#createBroker(await this.#options.seeds())
  }

  #createBroker(address: BrokerAddress, nodeId?: string): BrokerClient {
    return new BrokerClient(this.#context, this.#options.network, address, nodeId)
  }

  async disconnect(): Promise<void> {
    await this.#seed?.disconnect()
    await Promise.all([...this.#brokers.values()].map((broker) => broker.disconnect()))
    this.#brokers.clear()
    this.#setMetadata(null)
  }

  removeBroker({ host, port }: { host: string; port: number }): void {
    for (const [nodeId, broker] of this.#brokers) {
      if (broker.host !== host || broker.port !== port) continue
      this.#brokers.delete(nodeId)
      this.#expiresAt = null
      if (this.#seed?.nodeId === nodeId) this.#seed = this.#rotated([...this.#brokers.values()])[0]
      // Its other connection may still be open. Nobody waits for its end.
      broker.disconnect().catch(() => {})
      return
    }
  }

  #setMetadata(metadata: ClusterMetadata | null): void {
    this.#metadata = metadata
    this.#partitionsByTopic = new Map(
      metadata?.topicMetadata.map(({ topic, partitionMetadata }) => [topic, partitionMetadata]) ?? [],
    )
  }

  async refreshMetadata(topics: readonly string[]): Promise<void> {
    const broker = await this.findConnectedBroker()
    return this.#options.retrier(async () => {
      try {
        const metadata = await this.requestMetadata(broker, topics)
        this.#setMetadata(metadata)
        this.#expiresAt = this.#context.transport.now() + this.#options.metadataMaxAgeMs
        await this.#adoptBrokers(metadata)
      } catch (error) {
        // The only error worth waiting for here; callers decide about the others.
        throw viewError(error).type === 'LEADER_NOT_AVAILABLE' ? error : new GiveUp(error)
      }
    })
  }

  requestMetadata(broker: BrokerClient, topics: readonly string[]): Promise<ClusterMetadata> {
    return requestMetadata(broker, topics, this.#options.allowAutoTopicCreation)
  }

  async #adoptBrokers(metadata: ClusterMetadata): Promise<void> {
    const leaving: BrokerClient[] = []
    const known = new Set<string>()
    for (const { nodeId, host, port, rack = null } of metadata.brokers) {
      const id = String(nodeId)
      known.add(id)
      const present = this.#brokers.get(id)
      if (present?.host === host && present.port === port && (present.rack ?? null) === rack) continue
      if (present !== undefined) leaving.push(present)
      const seed = this.#seed
      if (seed !== undefined && seed.host === host && seed.port === port) {
        seed.nodeId = id
        seed.rack = rack
        this.#brokers.set(id, seed)
      } else {
        this.#brokers.set(id, this.#createBroker({ host, port, rack }, id))
      }
    }
    for (const [id, broker] of this.#brokers) {
      if (known.has(id)) continue
      this.#brokers.delete(id)
      leaving.push(broker)
    }
    await Promise.all(leaving.filter((broker) => broker !== this.#seed).map((broker) => broker.disconnect()))
  }

  /** Fresh means: there is metadata, it is not older than `metadataMaxAge`, and it holds every one of the topics. */
  isFresh(topics: Iterable<string>): boolean {
    if (this.#metadata === null || this.#expiresAt === null) return false
    if (this.#context.transport.now() > this.#expiresAt) return false
    for (const topic of topics) if (!this.#partitionsByTopic.has(topic)) return false
    return true
  }

  async findBroker(nodeId: string): Promise<BrokerClient> {
    const broker = this.#brokers.get(nodeId)
    if (broker === undefined) throw new KafkaJSBrokerNotFound(`Broker ${nodeId} not found in the cached metadata`)
    if (!broker.isConnected()) await this.#connectBroker(broker)
    return broker
  }

  async #connectBroker(broker: BrokerClient): Promise<void> {
    return this.#options.retrier(async ({ retryCount, retryTime }) => {
      try {
        await broker.connect()
      } catch (error) {
        const { name, message, retriable, stack } = viewError(error)
        // An unreachable address is not tried again: callers refresh metadata first.
        if (name === 'KafkaJSConnectionError') {
          await broker.disconnect()
          throw new GiveUp(error)
        }
        if (retriable) throw error
        this.#logger.error(message, { retryCount, retryTime, stack })
        throw new GiveUp(error)
      }
    })
  }

  /**
   * Asks one broker after the other until one answers; `null` if every answer failed. Failing to CONNECT to one of
   * them rejects at once, as in kafkajs.
   */
  async withBroker<T>(
    ask: (broker: BrokerClient) => Promise<T>,
    onFailure?: (error: unknown) => void,
  ): Promise<T | null> {
    const nodeIds = this.#rotated(this.nodeIds())
    if (nodeIds.length === 0) throw new KafkaJSBrokerNotFound('No brokers in the broker pool')
    for (const nodeId of nodeIds) {
      const broker = await this.findBroker(nodeId)
      try {
        return await ask(broker)
      } catch (error) {
        onFailure?.(error)
      }
    }
    return null
  }

  async findConnectedBroker(): Promise<BrokerClient> {
    const nodeIds = this.#rotated(this.nodeIds())
    for (const nodeId of nodeIds) {
      const broker = this.#brokers.get(nodeId)
      if (broker?.isConnected()) return broker
    }
    for (const nodeId of nodeIds) {
      try {
        return await this.findBroker(nodeId)
      } catch {
        // Try the next; if all fail, the seeds are asked again.
      }
    }
    await this.connect()
    if (this.#seed === undefined) throw new KafkaJSBrokerNotFound('No brokers in the broker pool')
    return this.#seed
  }

  /** kafkajs shuffles; one choice of where to start is enough to spread load, and 0 keeps the order. */
  #rotated<T>(items: T[]): T[] {
    if (items.length < 2) return items
    const start = this.#context.transport.choose('client.broker', items.length)
    return start === 0 ? items : [...items.slice(start), ...items.slice(0, start)]
  }
}

export function partitionsOrNone(partitions: PartitionMetadata[] | undefined): PartitionMetadata[] {
  return partitions ?? noPartitions
}
