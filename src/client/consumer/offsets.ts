/**
 * Where a member stands in each of its partitions: what the group has committed, what the handlers have resolved,
 * and what to commit (KJ7, KJ13, KJ14).
 */

import { viewError } from '../errors/classify.ts'
import type { EventEmitter } from '../events/emitter.ts'
import { consumerEvents } from '../events/names.ts'
import type { Cluster } from '../metadata/cluster.ts'
import type { BrokerClient } from '../network/broker.ts'
import { type OffsetToCommit, requestOffsetCommit, requestOffsetFetch } from '../network/group-requests.ts'
import type { Transport } from '../transport.ts'
import type { OffsetsByTopicPartition } from '../types/metadata.ts'
import { Positions, type Progress } from './positions.ts'
import type { Assigned } from './subscription.ts'

export interface AutoCommit {
  readonly enabled: boolean
  readonly intervalMs: number | null
  readonly threshold: number | null
}

export interface OffsetsOptions {
  readonly transport: Transport
  readonly cluster: Cluster
  readonly emitter: EventEmitter
  readonly groupId: string
  readonly groupInstanceId: string | null
  readonly groupProtocol: 'classic' | 'consumer'
  /** What a transaction is about to commit for is asked for again at the next fetch, and not read until then. */
  readonly requireStable: boolean
  /** As whom to commit, and where: of the assignment that came last. */
  readonly identity: () => MemberIdentity
  readonly fromBeginning: (topic: string) => boolean | undefined
  readonly autoCommit: AutoCommit
}

export interface MemberIdentity {
  readonly coordinator: BrokerClient
  readonly generationId: number
  readonly memberId: string
}

const isNoOffset = (offset: number | undefined): boolean => offset === undefined || offset < 0

export class Offsets {
  readonly #options: OffsetsOptions
  readonly #positions = new Positions()
  #assignment: Assigned = new Map()
  #lastCommit: number
  #resolving: Promise<void> | undefined
  /** Partitions whose committed offset changed since the open question was asked: its answer is old for them. */
  #changedSince = new Set<string>()

  constructor(options: OffsetsOptions) {
    this.#options = options
    this.#lastCommit = options.transport.now()
  }

  /** KJ13: the cache belongs to the `Kafka` and the group. */
  get #committed(): Map<string, Map<number, number>> {
    return this.#options.cluster.committedOffsets.ofGroup(this.#options.groupId)
  }

  /** All that was known belongs to an assignment that is over. KJ13: the cache is emptied for every member. */
  restart(assignment: Assigned): void {
    this.#positions.clear()
    this.#committed.clear()
    this.assign(assignment)
  }

  /** What stays assigned stands where it stood; of what comes and goes nothing is known. */
  assign(assignment: Assigned): void {
    this.#positions.assign(assignment, (topic, partition) => this.#forget(topic, partition))
    this.#assignment = assignment
    this.#lastCommit = this.#options.transport.now()
  }

  /** What is committed has to be asked for. */
  #forget(topic: string, partition: number): void {
    this.#changedSince.add(`${topic}-${partition}`)
    this.#committed.get(topic)?.delete(partition)
  }

  /** `undefined` for a partition that is not assigned. */
  progress(topic: string, partition: number): Progress | undefined {
    return this.#positions.of(topic, partition)
  }

  /** Does nothing for a partition that is not assigned. */
  resolve(topic: string, partition: number, offset: number): void {
    const progress = this.progress(topic, partition)
    if (progress !== undefined) progress.resolved = offset + 1
  }

  /** Whether there is an offset to fetch from. */
  isInitialized(topic: string, partition: number): boolean {
    return this.#committed.get(topic)?.get(partition) !== undefined
  }

  /** The offset to fetch next. */
  next(topic: string, partition: number): number {
    const committed = this.#committed.get(topic)?.get(partition)
    const progress = this.progress(topic, partition)
    if (progress !== undefined) progress.resolved ??= committed
    const resolved = progress === undefined ? committed : progress.resolved
    return resolved === undefined || resolved < 0 ? 0 : resolved
  }

  async #connectedCoordinator(): Promise<BrokerClient> {
    const { coordinator } = this.#options.identity()
    return coordinator.isConnected() ? coordinator : await this.#options.cluster.findBroker(coordinator.nodeId ?? '')
  }

  async #commit(topics: readonly OffsetToCommit[]): Promise<void> {
    const { groupId, groupInstanceId, groupProtocol, identity } = this.#options
    const coordinator = await this.#connectedCoordinator()
    const { generationId, memberId } = identity()
    await requestOffsetCommit(coordinator, { groupId, generationId, memberId, groupInstanceId, groupProtocol, topics })
  }

  #clear(topic: string, partition: number): void {
    this.#forget(topic, partition)
    const progress = this.progress(topic, partition)
    if (progress !== undefined) progress.resolved = undefined
  }

  /** KJ14: after OFFSET_OUT_OF_RANGE. */
  async setDefault(topic: string, partition: number): Promise<void> {
    const { cluster, fromBeginning, groupId, transport } = this.#options
    const offset = cluster.defaultOffset(fromBeginning(topic))
    transport.recorder?.moved('reset', groupId, topic, partition, offset)
    await this.#commit([{ topic, partitions: [{ partition, offset }] }])
    this.#clear(topic, partition)
  }

  /** KJ10: with auto-commit a seek is a commit; without, it only moves the member's own position. */
  async seek(topic: string, partition: number, offset: number): Promise<void> {
    const { groupId, transport } = this.#options
    if (this.progress(topic, partition) === undefined) return
    transport.recorder?.moved('seek', groupId, topic, partition, offset)
    if (!this.#options.autoCommit.enabled) {
      this.resolve(topic, partition, offset - 1)
      return
    }
    await this.#commit([{ topic, partitions: [{ partition, offset }] }])
    this.#clear(topic, partition)
  }

  /**
   * KJ13: asks the coordinator for what is not cached, and the leaders where nothing is committed. `undefined` when
   * all is known. One question is open at a time (in kafkajs each fetch loop asks its own): who comes in between waits for
   * it, and asks for what it did not settle, as what was sought since.
   */
  resolveCommitted(): Promise<void> | undefined {
    if (this.#resolving !== undefined) return this.#resolving.then(() => this.resolveCommitted())
    const missing = this.#unknownPartitions()
    if (missing.length === 0) return undefined
    this.#resolving = this.#resolve(missing).finally(() => {
      this.#resolving = undefined
    })
    return this.#resolving
  }

  #unknownPartitions(): { topic: string; partitions: number[] }[] {
    const missing: { topic: string; partitions: number[] }[] = []
    for (const [topic, partitions] of this.#assignment) {
      const committed = this.#committed.get(topic)
      const unknown = partitions.filter((partition) => isNoOffset(committed?.get(partition)))
      if (unknown.length > 0) missing.push({ topic, partitions: unknown })
    }
    return missing
  }

  async #resolve(
    missing: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
  ): Promise<void> {
    const { cluster, groupId, fromBeginning, requireStable } = this.#options
    const changed = new Set<string>()
    this.#changedSince = changed
    const fetched = await requestOffsetFetch(await this.#connectedCoordinator(), groupId, missing, requireStable)
    const uncommitted = fetched
      .map(({ topic, partitions }) => ({
        topic,
        timestamp: cluster.defaultOffset(fromBeginning(topic)),
        partitions: partitions.filter(({ offset }) => isNoOffset(offset)).map(({ partition }) => partition),
      }))
      .filter(({ partitions }) => partitions.length > 0)
    const defaults = uncommitted.length === 0 ? [] : await cluster.fetchTopicsOffset(uncommitted)

    for (const { topic, partitions } of fetched) {
      for (const { partition, offset } of partitions) {
        const known = isNoOffset(offset)
          ? defaults.find((entry) => entry.topic === topic)?.partitions.find((entry) => entry.partition === partition)
              ?.offset
          : offset
        if (known !== undefined && !changed.has(`${topic}-${partition}`)) this.#remember(topic, partition, known)
      }
    }
  }

  #remember(topic: string, partition: number, offset: number): void {
    this.#options.cluster.committedOffsets.mark(this.#options.groupId, topic, partition, offset)
  }

  /** What is resolved but not known to be committed. Partition ids are strings at run time, as in kafkajs. */
  uncommitted(): OffsetsByTopicPartition {
    return {
      topics: this.#toCommit().map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition, offset }) => ({
          partition: String(partition) as unknown as number,
          offset: String(offset),
        })),
      })),
    }
  }

  #toCommit(): OffsetToCommit[] {
    const topics: OffsetToCommit[] = []
    for (const topic of this.#assignment.keys()) {
      const committed = this.#committed.get(topic)
      const partitions: { partition: number; offset: number }[] = []
      for (const [partition, { resolved }] of this.#positions.inTopic(topic)) {
        if (resolved === undefined || resolved < 0 || resolved === committed?.get(partition)) continue
        partitions.push({ partition, offset: resolved })
      }
      if (partitions.length > 0)
        topics.push({ topic, partitions: partitions.sort((a, b) => a.partition - b.partition) })
    }
    return topics
  }

  /** `undefined` when neither interval nor threshold is reached: the common case in a message loop. */
  commitIfDue(): Promise<void> | undefined {
    const { intervalMs, threshold } = this.#options.autoCommit
    const due =
      (intervalMs != null && this.#options.transport.now() >= this.#lastCommit + intervalMs) ||
      (threshold != null && this.#countResolved() >= threshold)
    return due ? this.commitResolved() : undefined
  }

  #countResolved(): number {
    let count = 0
    for (const topic of this.#assignment.keys()) {
      const committed = this.#committed.get(topic)
      for (const [partition, { resolved }] of this.#positions.inTopic(topic)) {
        if (resolved === undefined) continue
        const base = committed?.get(partition)
        count += base === undefined || base < 0 ? resolved : resolved - base
      }
    }
    return count
  }

  /** `undefined` when there is nothing to commit. */
  commitResolved(): Promise<void> | undefined {
    const topics = this.#toCommit()
    if (topics.length === 0) {
      this.#lastCommit = this.#options.transport.now()
      return undefined
    }
    return this.commit(topics, String)
  }

  /** The partition ids of the event are strings for what the client chose to commit, as given for what the user did. */
  async commit(
    topics: readonly OffsetToCommit[],
    told: (partition: number) => number | string = (partition) => partition,
  ): Promise<void> {
    const { emitter, groupId, identity, transport, cluster } = this.#options
    if (topics.length === 0) {
      this.#lastCommit = transport.now()
      return
    }
    const { generationId, memberId } = identity()
    try {
      await this.#commit(topics)
    } catch (error) {
      // The coordinator moved.
      if (viewError(error).type === 'NOT_COORDINATOR_FOR_GROUP') await cluster.refreshMetadata()
      throw error
    }
    if (emitter.hasListeners(consumerEvents.COMMIT_OFFSETS)) {
      emitter.emit(consumerEvents.COMMIT_OFFSETS, {
        groupId,
        memberId,
        groupGenerationId: generationId,
        topics: topics.map(({ topic, partitions }) => ({
          topic,
          partitions: partitions.map(({ partition, offset, ...rest }) => ({
            partition: told(partition),
            offset: String(offset),
            ...rest,
          })),
        })),
      })
    }
    for (const { topic, partitions } of topics) {
      for (const { partition, offset } of partitions) {
        this.#changedSince.add(`${topic}-${partition}`)
        this.#remember(topic, partition, offset)
      }
    }
    this.#lastCommit = transport.now()
  }
}
