/** A running consumer: joins, fetches, hands batches to the user's handlers, commits, heartbeats, rejoins. */
import { isRebalancing, viewError } from '../errors/classify.ts'
import { consumerEvents } from '../events/names.ts'
import type { OffsetToCommit } from '../network/group-requests.ts'
import { createRetrier, GiveUp, type Retrier } from '../retry.ts'
import type { Logger } from '../types/logging.ts'
import type { EachBatchHandler, EachMessageHandler } from '../types/messages.ts'
import { decodeBatch, FetchedBatch, type FetchedPartition } from './batch.ts'
import { handleEachBatch } from './each-batch.ts'
import { handleEachMessage } from './each-message.ts'
import { FetchLoops } from './fetch-loops.ts'
import { Fetcher } from './fetcher.ts'
import { type GroupMembership, Stopped } from './group.ts'
import type { HandlerWatch } from './handler-watch.ts'
import type { ConsumerOptions } from './options.ts'
import { recordedHandler } from './recorded-handler.ts'
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
  readonly #loops: FetchLoops<FetchedPartition>
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
      await this.#loops.run()
    } catch (error) {
      const { message, type, name, stack } = viewError(error)
      if (isRebalancing(error)) {
        logger.warn('The group is rebalancing, re-joining', { groupId, memberId, error: message })
        this.options.emitter.emit(consumerEvents.REBALANCING, { groupId, memberId })
        await group.joinAndSync()
        return
      }
      if (type === 'UNKNOWN_MEMBER_ID') {
        logger.error('The coordinator is not aware of this member, re-joining the group', {
          groupId,
          memberId,
          error: message,
        })
        group.memberId = null
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

  async #fetch(nodeId: string): Promise<FetchedPartition[]> {
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

  async #handle(fetched: FetchedPartition): Promise<void> {
    if (!this.#running) return
    const decoding = decodeBatch(fetched, this.options.context.host)
    const batch = decoding instanceof Promise ? await decoding : decoding
    if (batch.isEmpty() && !batch.isEmptyDueToFiltering()) {
      await this.heartbeat()
      return
    }
    const { emitter, context, eachMessage, eachBatch } = this.options
    const startedAt = context.transport.now()
    const listened =
      emitter.hasListeners(consumerEvents.START_BATCH_PROCESS) || emitter.hasListeners(consumerEvents.END_BATCH_PROCESS)
    const payload = listened ? batchPayload(batch) : undefined
    emitter.emit(consumerEvents.START_BATCH_PROCESS, payload)
    const ended = (): void => {
      if (!emitter.hasListeners(consumerEvents.END_BATCH_PROCESS)) return
      emitter.emit(consumerEvents.END_BATCH_PROCESS, {
        ...(payload ?? batchPayload(batch)),
        duration: context.transport.now() - startedAt,
      })
    }

    // KJ9: nothing to see, but the position has to move on.
    if (batch.isEmptyDueToFiltering()) {
      this.group.offsets.resolve(batch.topic, batch.partition, FetchedBatch.lastOffsetAsNumber(batch))
      const commit = this.commitIfDue()
      if (commit !== undefined) await commit
      ended()
      await this.heartbeat()
      return
    }

    const { recorder } = context.transport
    if (eachMessage) {
      // Chosen here, so that the loop over the messages costs nothing more where nothing is recorded.
      const handler = recorder === undefined ? eachMessage : recordedHandler(recorder, this.group, eachMessage, fetched)
      await handleEachMessage(this, handler, batch)
    } else if (eachBatch) await handleEachBatch(this, eachBatch, batch, fetched.records)
    ended()

    const commit = this.commitResolved()
    if (commit !== undefined) await commit
    const beat = this.heartbeat()
    if (beat !== undefined) await beat
  }

  /** KJ5: `undefined` when none is due. A rebalance found this way commits first (KJ7). */
  heartbeat(): Promise<void> | undefined {
    const beat = this.group.heartbeat(this.options.heartbeatIntervalMs)
    return beat === undefined ? undefined : this.#watchBeat(beat)
  }

  async #watchBeat(beat: Promise<void>): Promise<void> {
    try {
      await beat
    } catch (error) {
      if (isRebalancing(error)) await this.commitResolved()
      throw error
    }
  }

  /** With auto-commit only; `undefined` when there is nothing to commit. */
  commitResolved(): Promise<void> | undefined {
    return this.options.autoCommit ? this.group.offsets.commitResolved() : undefined
  }

  /** With auto-commit only; `undefined` when neither interval nor threshold is reached. */
  commitIfDue(): Promise<void> | undefined {
    return this.options.autoCommit ? this.group.offsets.commitIfDue() : undefined
  }

  /** `consumer.commitOffsets`: with retries; does nothing once the consumer has stopped. */
  async commitOffsets(topics: readonly OffsetToCommit[]): Promise<void> {
    if (!this.#running) return
    const { groupId, memberId } = this.group
    await this.#retrier(async ({ retryCount, retryTime }) => {
      try {
        await this.group.offsets.commit(topics)
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

function batchPayload(batch: FetchedBatch) {
  return {
    topic: batch.topic,
    partition: batch.partition,
    highWatermark: batch.highWatermark,
    offsetLag: batch.offsetLag(),
    offsetLagLow: batch.offsetLagLow(),
    batchSize: batch.messages.length,
    firstOffset: batch.firstOffset(),
    lastOffset: batch.lastOffset(),
  }
}
