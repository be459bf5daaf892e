/** A running consumer: joins, fetches, hands batches to the user's handlers, commits, heartbeats, rejoins. */
import { isRebalancing, viewError } from '../errors/classify.ts'
import { consumerEvents } from '../events/names.ts'
import type { OffsetToCommit } from '../network/group-requests.ts'
import { createRetrier, GiveUp, type Retrier } from '../retry.ts'
import type { Logger } from '../types/logging.ts'
import type { EachBatchHandler, EachMessageHandler } from '../types/messages.ts'
import { FetchLoops } from './fetch-loops.ts'
import { Fetcher, type OwnedBatch } from './fetcher.ts'
import type { GroupMembership } from './group.ts'
import { handleBatch } from './handle-batch.ts'
import type { HandlerWatch } from './handler-watch.ts'
import { Stopped } from './joiner.ts'
import type { ConsumerOptions } from './options.ts'
import { createWorkerQueue } from './worker-queue.ts'

export interface RunnerOptions extends ConsumerOptions {
  readonly group: GroupMembership
  readonly autoCommit: boolean
  readonly eachBatchAutoResolve: boolean
  readonly eachBatch: EachBatchHandler | null
  readonly eachMessage: EachMessageHandler | null
  readonly concurrency: number
  /** Called once, when the runner gives up; the runner has ended by then, but for leaving the group. */
  readonly onCrash: (error: unknown) => Promise<void>
  readonly handlers: HandlerWatch
}

export class Runner {
  readonly group: GroupMembership
  readonly options: RunnerOptions
  readonly logger: Logger
  readonly #retrier: Retrier
  readonly #fetcher: Fetcher
  readonly #loops: FetchLoops<OwnedBatch>
  #running = false
  #stopping = false
  #crashed = false
  #starting: Promise<void> | undefined
  #consuming: Promise<void> | undefined

  /**
   * After a seek or a resume. It takes effect at the next fetch: at the latest when the sleep or long poll under way ends, which
   * time waits for, although either alone would not move it.
   */
  fetchesSoon(): void {
    const { context, maxWaitMs } = this.options
    context.transport.timer(maxWaitMs, 'loop', () => {})
  }

  constructor(options: RunnerOptions) {
    const { context, group, retry, concurrency, handlers, cluster, maxWaitMs } = options
    this.options = options
    this.group = group
    this.logger = context.rootLogger.namespace('Runner')
    this.#retrier = createRetrier(context.transport, retry)
    this.#fetcher = new Fetcher(options, group)
    this.#loops = new FetchLoops({
      logger: context.rootLogger,
      nodeIds: () => cluster.nodeIds(),
      fetch: (nodeId) => this.#fetch(nodeId),
      workers: createWorkerQueue(concurrency, (batch) => this.#handle(batch)),
      whileEnding: (ending) => handlers.movingTime(context.transport, Math.max(1, maxWaitMs), ending),
    })
  }

  get isRunning(): boolean {
    return this.#running
  }

  get isStopping(): boolean {
    return this.#stopping
  }

  /** KJ4: resolves after the join and never rejects; a failed join goes to `onCrash`. */
  async start(): Promise<void> {
    if (this.#running || this.#starting !== undefined) return
    this.#starting = this.#join()
    await this.#starting
  }

  async #join(): Promise<void> {
    try {
      await this.group.connect()
      await this.group.joinAndSync()
    } catch (error) {
      if (error instanceof Stopped || this.#stopping) return
      this.#crashed = true
      await this.options.onCrash(error)
      return
    }
    // Stopped while joining: kafkajs goes on consuming in this case; here the member leaves again (`stop`).
    if (this.#stopping) return
    this.#running = true
    this.#consuming = this.#consume()
  }

  async #consume(): Promise<void> {
    while (this.#running) {
      try {
        await this.#retrier((attempt) => this.#consumeOnce(attempt))
      } catch (error) {
        // Being stopped already, there is nothing to restart and nobody to tell.
        if (error instanceof Stopped || this.#stopping) {
          this.#running = false
          return
        }
        this.#crashed = true
        // In the background: whatever goes wrong in the crash handling must not become an unhandled rejection.
        this.options.onCrash(error).catch((failure: unknown) => {
          this.logger.error(`Failed to handle a crash: ${viewError(failure).message}`)
        })
        this.#running = false
      }
    }
  }

  /** Returning means: start over with fresh retries. */
  async #consumeOnce({ retryCount, retryTime }: { retryCount: number; retryTime: number }): Promise<void> {
    if (!this.#running) return
    const { group, logger } = this
    const { groupId, memberId } = group
    try {
      group.resume()
      await this.#loops.run()
    } catch (error) {
      const { message, type, name, stack } = viewError(error)
      if (isRebalancing(error)) {
        logger.warn('The group is rebalancing, re-joining', { groupId, memberId, error: message })
        this.options.emitter.emit(consumerEvents.REBALANCING, { groupId, memberId })
        await group.lose()
        await group.joinAndSync()
        return
      }
      if (type === 'UNKNOWN_MEMBER_ID') {
        logger.error('The coordinator is not aware of this member, re-joining the group', {
          groupId,
          memberId,
          error: message,
        })
        await group.lose()
        group.forgetMemberId()
        await group.joinAndSync()
        return
      }
      if (name === 'KafkaJSNotImplemented' || name === 'KafkaJSNoBrokerAvailableError') throw new GiveUp(error)
      logger.debug('Error while scheduling fetch manager, trying again...', {
        groupId,
        memberId,
        error: message,
        stack,
        retryCount,
        retryTime,
      })
      throw error
    }
  }

  /** A join in the background failed: all ends, and what follows is decided where loops' failures are. */
  interrupt(error: unknown): void {
    this.#loops.interrupt(error)
  }

  /** Partitions came in while the loops run; time waits for a long poll that does not hold them yet. */
  onAdded(): void {
    this.#fetcher.wake()
    this.fetchesSoon()
  }

  /** KJ12: waits for every loop and handler, then leaves the group; errors are swallowed. */
  async stop(): Promise<void> {
    this.#stopping = true
    if (!this.#crashed) {
      await this.#starting
      this.#running = false
      await this.#loops.stop()
      await this.#consuming
    }
    this.#running = false
    try {
      await this.group.leave()
    } catch {
      // The session timeout removes a member that could not say goodbye.
    }
  }

  async #fetch(nodeId: string): Promise<OwnedBatch[]> {
    if (!this.#running) return []
    const { context, emitter } = this.options
    const startedAt = context.transport.now()
    emitter.emit(consumerEvents.FETCH_START, { nodeId })
    const batches = await this.#fetcher.fetch(nodeId)
    if (emitter.hasListeners(consumerEvents.FETCH)) {
      emitter.emit(consumerEvents.FETCH, { numberOfBatches: 0, duration: context.transport.now() - startedAt, nodeId })
    }
    if (batches.length === 0) await this.heartbeat()
    return batches
  }

  async #handle(fetched: OwnedBatch): Promise<void> {
    if (!this.#running || !this.group.owns(fetched)) return
    const { inFlight } = this.group
    inFlight.enter(fetched)
    try {
      await handleBatch(this, fetched)
    } finally {
      inFlight.leave(fetched)
    }
  }

  /** KJ5: `undefined` when none is due. A rebalance found this way commits first (KJ7). */
  heartbeat(): Promise<void> | undefined {
    const beat = this.group.heartbeat(this.options.heartbeatIntervalMs)
    return beat === undefined ? undefined : this.#watchBeat(beat)
  }

  async #watchBeat(beat: Promise<void>): Promise<void> {
    const { generationId } = this.group
    try {
      await beat
    } catch (error) {
      if (this.group.absorbs(error, generationId)) return
      if (isRebalancing(error)) await this.commitResolved()
      throw error
    }
  }

  /** With auto-commit only; `undefined` when there is nothing to commit. */
  commitResolved(): Promise<void> | undefined {
    return this.options.autoCommit ? this.watchCommit(this.group.offsets.commitResolved()) : undefined
  }

  /** With auto-commit only; `undefined` when neither interval nor threshold is reached. */
  commitIfDue(): Promise<void> | undefined {
    return this.options.autoCommit ? this.watchCommit(this.group.offsets.commitIfDue()) : undefined
  }

  /** A member that works during a rebalance commits then, or, where the coordinator does not take it, after it. */
  watchCommit(commit: Promise<void> | undefined): Promise<void> | undefined {
    if (commit === undefined || !this.group.isCooperative) return commit
    const { generationId } = this.group
    return commit.catch((error: unknown) => {
      if (!this.group.absorbs(error, generationId)) throw error
    })
  }

  /** What the user wants committed now: with the next generation if this one has just ended. */
  async commitNow(topics: readonly OffsetToCommit[]): Promise<void> {
    const { group } = this
    for (;;) {
      const { generationId } = group
      try {
        await group.offsets.commit(topics)
        return
      } catch (error) {
        if (!group.absorbs(error, generationId)) throw error
        await group.assignedAnew(generationId)
      }
    }
  }

  /** `consumer.commitOffsets`: with retries; does nothing once the consumer has stopped. */
  async commitOffsets(topics: readonly OffsetToCommit[]): Promise<void> {
    if (!this.#running) return
    const { groupId, memberId } = this.group
    await this.#retrier(async ({ retryCount, retryTime }) => {
      try {
        await this.commitNow(topics)
      } catch (error) {
        if (!this.#running) return
        const { name, message, stack } = viewError(error)
        if (name === 'KafkaJSNotImplemented') throw new GiveUp(error)
        this.logger.debug('Error while committing offsets, trying again...', {
          groupId,
          memberId,
          error: message,
          stack,
          retryCount,
          retryTime,
        })
        throw error
      }
    })
  }
}
