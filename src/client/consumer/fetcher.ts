/** One fetch from one node, and what to do when it fails. */
import { makeFetchPartition, makeFetchRequest, makeFetchTopic } from '../../protocol/make.ts'
import type { FetchResponse, FetchTopic } from '../../protocol/messages.ts'
import { KafkaJSOffsetOutOfRange } from '../errors/broker-errors.ts'
import { viewError } from '../errors/classify.ts'
import { errorFromCode, throwOnError } from '../errors/protocol-errors.ts'
import { sleep } from '../sync/time.ts'
import type { Logger } from '../types/logging.ts'
import type { FetchedPartition } from './batch.ts'
import type { GroupMembership } from './group.ts'
import type { ConsumerOptions } from './options.ts'
import type { Progress } from './positions.ts'
import { ReadReplicas } from './read-replicas.ts'

const OFFSET_OUT_OF_RANGE = 1
/** kafkajs's margin over the broker's longest wait, milliseconds. */
const FETCH_MARGIN_MS = 100

const staleMetadataTypes = new Set([
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'UNKNOWN_TOPIC_OR_PARTITION',
])

/** What was fetched, and for which time of ownership: the partition may go and come back while it waits. */
export interface OwnedBatch extends FetchedPartition {
  readonly tenure: Progress
}

interface Request {
  readonly topics: readonly FetchTopic[]
  /** As the partitions stand in `topics`. */
  readonly tenures: ReadonlyMap<string, Progress>
}

export class Fetcher {
  readonly #options: ConsumerOptions
  readonly #group: GroupMembership
  readonly #logger: Logger
  readonly #replicas: ReadReplicas
  /** Where the next fetch starts in its list of partitions: fair when `maxBytes` is too small for all (KIP-74). */
  #turn = 0
  /** Nodes without partitions of ours sleep; what comes in wakes them up. */
  readonly #sleeping = new Set<() => void>()

  constructor(options: ConsumerOptions, group: GroupMembership) {
    this.#options = options
    this.#group = group
    this.#logger = options.context.rootLogger.namespace('ConsumerGroup')
    this.#replicas = new ReadReplicas(options.context.transport, options.cluster, options.metadataMaxAgeMs)
  }

  /** Empty after an error that was dealt with; rejects with one that was not. */
  async fetch(nodeId: string): Promise<OwnedBatch[]> {
    const { generationId } = this.#group
    try {
      return await this.#fetch(nodeId)
    } catch (error) {
      if (this.#group.absorbs(error, generationId)) await this.#backOff()
      else await this.#recover(error)
      return []
    }
  }

  wake(): void {
    for (const wake of this.#sleeping) wake()
  }

  /** A cooperative member that owns nothing yet is needed for the next round: it must hear of it in time. */
  #sleep(): Promise<void> {
    const { context, maxWaitMs, heartbeatIntervalMs } = this.#options
    const waitMs = this.#group.isCooperative ? Math.min(maxWaitMs, heartbeatIntervalMs) : maxWaitMs
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel()
        this.#sleeping.delete(wake)
        resolve()
      }
      const timer = context.transport.timer(waitMs, 'daemon', wake)
      this.#sleeping.add(wake)
    })
  }

  #backOff(): Promise<void> {
    return sleep(this.#options.context.transport, this.#options.retry.initialRetryTime, 'loop')
  }

  async #fetch(nodeId: string): Promise<OwnedBatch[]> {
    const { cluster, maxWaitMs, minBytes, maxBytes, isolationLevel, rackId } = this.#options
    await cluster.refreshMetadataIfNecessary()
    this.#group.checkForStaleAssignment()

    const mine: [string, number][] = []
    for (const [topic, partitions] of this.#group.subscription.assigned()) {
      for (const partition of this.#replicas.ofNode(nodeId, topic, partitions)) mine.push([topic, partition])
    }
    await this.#applySeeks(mine)

    const request = this.#toFetch(mine)
    const { topics } = request
    if (topics.length === 0) {
      await this.#sleep()
      return []
    }

    const broker = await cluster.findBroker(nodeId)
    const response = await broker.send(
      'Fetch',
      makeFetchRequest({
        replicaId: -1,
        maxWaitMs,
        minBytes,
        maxBytes,
        isolationLevel,
        sessionId: 0,
        sessionEpoch: -1,
        topics,
        rackId,
      }),
      { atLeastMs: maxWaitMs + FETCH_MARGIN_MS, check: throwOnFetchError },
    )
    return this.#toBatches(response, request)
  }

  async #applySeeks(mine: readonly [string, number][]): Promise<void> {
    const { seeks, offsets } = this.#group
    for (const [topic, partition] of mine) {
      const offset = seeks.take(topic, partition)
      if (offset !== undefined) await this.#seek(topic, partition, offset)
    }
    await offsets.resolveCommitted()
  }

  /** A seek the coordinator does not take while the group rebalances is still to be done. */
  async #seek(topic: string, partition: number, offset: number): Promise<void> {
    const { seeks, offsets, isCooperative } = this.#group
    try {
      await offsets.seek(topic, partition, offset)
    } catch (error) {
      if (isCooperative && !seeks.has(topic, partition)) seeks.set(topic, partition, offset)
      throw error
    }
  }

  #toFetch(mine: readonly [string, number][]): Request {
    const { offsets, subscription } = this.#group
    const ready = mine.filter(
      ([topic, partition]) =>
        offsets.isInitialized(topic, partition) &&
        !subscription.isPaused(topic, partition) &&
        !subscription.isRevoked(topic, partition),
    )
    const tenures = new Map<string, Progress>()
    const start = ready.length === 0 ? 0 : this.#turn++ % ready.length
    const topics: { topic: string; partitions: FetchTopic['partitions'][number][] }[] = []
    for (let i = 0; i < ready.length; i += 1) {
      const [topic, partition] = ready[(start + i) % ready.length] as [string, number]
      const tenure = offsets.progress(topic, partition)
      if (tenure === undefined) continue
      tenures.set(`${topic}|${partition}`, tenure)
      const entry = makeFetchPartition({
        partition,
        fetchOffset: offsets.next(topic, partition),
        partitionMaxBytes: this.#options.maxBytesPerPartition,
      })
      const last = topics[topics.length - 1]
      if (last?.topic === topic) last.partitions.push(entry)
      else topics.push({ topic, partitions: [entry] })
    }
    return { topics: topics.map((topic) => makeFetchTopic(topic)), tenures }
  }

  #toBatches({ responses }: FetchResponse, { topics: requested, tenures }: Request): OwnedBatch[] {
    const { seeks, subscription } = this.#group
    const batches: OwnedBatch[] = []
    for (const { topic, partitions } of responses) {
      for (const data of partitions) {
        const partition = data.partitionIndex
        // Sought or paused while the fetch was under way: dropped (KJ10, KJ11).
        if (seeks.has(topic, partition) || subscription.isPaused(topic, partition)) continue
        if (data.preferredReadReplica !== -1) this.#prefer(topic, partition, data.preferredReadReplica)
        const fetchedOffset = requestedOffset(requested, topic, partition)
        const tenure = tenures.get(`${topic}|${partition}`)
        if (fetchedOffset === undefined || tenure === undefined) continue
        batches.push({
          tenure,
          topic,
          partition,
          fetchedOffset,
          highWatermark: data.highWatermark,
          abortedTransactions: data.abortedTransactions,
          records: data.records ?? [],
        })
      }
    }
    return batches
  }

  #prefer(topic: string, partition: number, nodeId: number): void {
    const { groupId, memberId } = this.#group
    this.#logger.debug(`Preferred read replica is now ${nodeId}`, { groupId, memberId, topic, partition })
    this.#replicas.prefer(topic, partition, nodeId)
  }

  async #recover(error: unknown): Promise<void> {
    const { cluster } = this.#options
    const { groupId, memberId } = this.#group
    const { name, type, message } = viewError(error)

    if ((type !== undefined && staleMetadataTypes.has(type)) || name === 'KafkaJSTopicMetadataNotLoaded') {
      this.#logger.debug('Stale cluster metadata, refreshing...', { groupId, memberId, error: message })
      await cluster.refreshMetadata()
      // A leader that moved is no reason to join again: kafkajs does all the same.
      if (this.#group.isCooperative) await this.#backOff()
      else await this.#group.joinAndSync()
      return
    }
    if (name === 'KafkaJSStaleTopicMetadataAssignment') {
      const { topic, unknownPartitions } = error as { topic?: string; unknownPartitions?: number[] }
      this.#logger.warn(`${message}, resync group`, { groupId, memberId, topic, unknownPartitions })
      await this.#group.joinAndSync()
      return
    }
    if (error instanceof KafkaJSOffsetOutOfRange) {
      await this.#recoverFromOutOfRange(error.topic, error.partition)
      return
    }
    if (name === 'KafkaJSConnectionClosedError') {
      cluster.removeBroker(error as { host: string; port: number })
      return
    }
    if (name === 'KafkaJSBrokerNotFound') {
      this.#logger.debug(`${message}, refreshing metadata and retrying...`)
      await cluster.refreshMetadata()
      return
    }
    throw error
  }

  /** KJ14. A follower may merely be behind, so the leader is asked before the offset is given up. */
  async #recoverFromOutOfRange(topic: string, partition: number): Promise<void> {
    const { groupId, memberId } = this.#group
    if (this.#replicas.forget(topic, partition)) {
      this.#logger.info('Offset out of range while fetching from follower, retrying with leader', {
        topic,
        partition,
        groupId,
        memberId,
      })
      return
    }
    this.#logger.error('Offset out of range, resetting to default offset', { topic, partition, groupId, memberId })
    await this.#group.offsets.setDefault(topic, partition)
  }
}

function throwOnFetchError({ errorCode, responses }: FetchResponse): void {
  throwOnError(errorCode)
  for (const { topic, partitions } of responses) {
    for (const { partitionIndex, errorCode: code } of partitions) {
      if (code === OFFSET_OUT_OF_RANGE)
        throw new KafkaJSOffsetOutOfRange(errorFromCode(code), { topic, partition: partitionIndex })
      throwOnError(code)
    }
  }
}

function requestedOffset(requested: readonly FetchTopic[], topic: string, partition: number): number | undefined {
  for (const entry of requested) {
    if (entry.topic !== topic) continue
    const found = entry.partitions.find((candidate) => candidate.partition === partition)
    if (found !== undefined) return found.fetchOffset
  }
  return undefined
}
