/** The consumer client. */

import { copyAsHostBytes } from '../bytes.ts'
import { inCall } from '../call.ts'
import { KafkaJSNonRetriableError } from '../errors/base.ts'
import { KafkaJSProtocolError } from '../errors/broker-errors.ts'
import { rootCause, toError, viewError } from '../errors/classify.ts'
import { createOn } from '../events/emitter.ts'
import { consumerEvents } from '../events/names.ts'
import { clusterForAssigners } from '../metadata/assigner-cluster.ts'
import { type OffsetToCommit, requestDescribeGroups } from '../network/group-requests.ts'
import { createRetrier } from '../retry.ts'
import { shared } from '../sync/shared.ts'
import type { Call, Timer } from '../transport.ts'
import type { GroupDescription } from '../types/admin.ts'
import type { Consumer, ConsumerRunConfig, ConsumerSubscribeTopic, ConsumerSubscribeTopics } from '../types/clients.ts'
import type { TopicPartitionOffset, TopicPartitionOffsetAndMetadata } from '../types/metadata.ts'
import { checkCommit, checkInstanceId, checkSeek, checkTopicPartitions, notRunning } from './arguments.ts'
import { GroupMembership } from './group.ts'
import { HandlerWatch } from './handler-watch.ts'
import type { ConsumerOptions } from './options.ts'
import { Runner } from './runner.ts'

interface Session {
  readonly group: GroupMembership
  readonly runner: Runner
}

/** Options are complete; `Kafka.consumer()` fills in the defaults. */
export function createConsumer(options: ConsumerOptions): Consumer {
  const { context, cluster, emitter, groupId, sessionTimeoutMs, heartbeatIntervalMs } = options
  const { transport } = context
  if (!groupId) throw new KafkaJSNonRetriableError('Consumer groupId must be a non-empty string.')
  if (options.groupInstanceId !== null) checkInstanceId(options.groupInstanceId)
  const logger = context.rootLogger.namespace('Consumer')
  const assigners = options.partitionAssigners.map((create) =>
    create({ groupId, logger, cluster: clusterForAssigners(cluster) }),
  )
  if (heartbeatIntervalMs >= sessionTimeoutMs) {
    throw new KafkaJSNonRetriableError(
      `Consumer heartbeatInterval (${heartbeatIntervalMs}) must be lower than sessionTimeout (${sessionTimeoutMs}). It is recommended to set heartbeatInterval to approximately a third of the sessionTimeout.`,
    )
  }

  const handlers = new HandlerWatch()
  /** Topic to `fromBeginning`. */
  const topics = new Map<string, boolean>()
  let session: Session | undefined
  let restart: Timer | undefined
  let userStops = 0

  /** A call that waits for the consumer to end moves virtual time, except while it waits for the user's handler. */
  async function endingCall(name: string, body: () => Promise<void>): Promise<void> {
    userStops += 1
    await inCall(transport, name, async (call: Call) => {
      const unwatch = handlers.watch((busy) => call.waitsForUser(busy))
      try {
        await body()
      } finally {
        unwatch()
      }
    })
  }

  const stop = shared(async () => {
    try {
      if (session !== undefined) {
        await session.runner.stop()
        session = undefined
        emitter.emit(consumerEvents.STOP)
      }
      restart?.cancel()
      restart = undefined
      logger.info('Stopped', { groupId })
    } catch (error) {
      const { message, stack } = viewError(error)
      logger.error(`Caught error when stopping the consumer: ${message}`, { stack, groupId })
      throw error
    }
  })

  async function disconnect(): Promise<void> {
    try {
      await stop()
      logger.debug('consumer has stopped, disconnecting', { groupId })
      await cluster.disconnect()
      emitter.emit(consumerEvents.DISCONNECT)
    } catch (error) {
      const { message, stack } = viewError(error)
      logger.error(`Caught error when disconnecting the consumer: ${message}`, { stack, groupId })
      throw error
    }
  }

  async function subscribe(subscription: ConsumerSubscribeTopics | ConsumerSubscribeTopic): Promise<void> {
    context.watchOptions('consumer.subscribe', subscription)
    const given = subscription as { topic?: string | RegExp; topics?: unknown; fromBeginning?: boolean }
    if (session !== undefined) throw new KafkaJSNonRetriableError('Cannot subscribe to topic while consumer is running')
    if (!given.topic && !given.topics) throw new KafkaJSNonRetriableError('Missing required argument "topics"')
    if (given.topics != null && !Array.isArray(given.topics)) {
      throw new KafkaJSNonRetriableError('Argument "topics" must be an array')
    }
    const wanted: unknown[] = given.topics ?? [given.topic]
    for (const topic of wanted) {
      if (typeof topic === 'string' || isRegExp(topic)) continue
      throw new KafkaJSNonRetriableError(
        `Invalid topic ${String(topic)} (${typeof topic}), the topic name has to be a String or a RegExp`,
      )
    }

    await inCall(transport, 'consumer.subscribe', async () => {
      const existing = wanted.some(isRegExp) ? (await cluster.metadata()).topicMetadata.map(({ topic }) => topic) : []
      const matched = wanted.flatMap((topic) => {
        if (!isRegExp(topic)) return [topic as string]
        const matchedTopics = existing.filter((name) => topic.test(name))
        logger.debug('Subscription based on RegExp', { groupId, topicRegExp: String(topic), matchedTopics })
        return matchedTopics
      })
      for (const topic of matched) topics.set(topic, given.fromBeginning ?? false)
      try {
        await cluster.addTargetTopics(matched)
      } catch (error) {
        const unknown = error instanceof KafkaJSProtocolError && error.type === 'UNKNOWN_TOPIC_OR_PARTITION'
        // It is only to help: the error is the answer.
        if (unknown) await nameUnknown(matched).catch(() => {})
        throw error
      }
    })
  }

  /** The error is kafkajs's and names no topic; a line of ours does. */
  async function nameUnknown(wanted: readonly string[]): Promise<void> {
    const { topicMetadata } = await cluster.metadata()
    const known = topicMetadata.map(({ topic }) => topic).filter((topic) => !topic.startsWith('__'))
    const missing = wanted.filter((topic) => !known.includes(topic))
    const which = missing.length === 0 ? `${wanted.join(', ')} (made on demand just now)` : missing.join(', ')
    logger.warn(
      `subscribe: there was no topic ${which}. Make it first, with createCluster({ topics: { … } }) or admin.createTopics. ` +
        `Known: ${known.join(', ') || 'none'}`,
      { groupId },
    )
  }

  async function run(config: ConsumerRunConfig = {}): Promise<void> {
    context.watchOptions('consumer.run', config)
    if (session !== undefined) {
      logger.warn('consumer#run was called, but the consumer is already running', { groupId })
      return
    }
    await inCall(transport, 'consumer.run', () => start(config))
  }

  async function start(config: ConsumerRunConfig): Promise<void> {
    logger.info('Starting', { groupId })
    const { autoCommit = true, autoCommitInterval = null, autoCommitThreshold = null } = config
    // The two know each other: the group's retries end when the runner is stopped.
    let runner: Runner | undefined
    const group = new GroupMembership({
      ...options,
      topics: [...topics.keys()],
      fromBeginning: (topic) => topics.get(topic),
      assigners,
      autoCommit: { enabled: autoCommit, intervalMs: autoCommitInterval, threshold: autoCommitThreshold },
      isStopping: () => runner?.isStopping ?? false,
      onFailure: (error) => runner?.interrupt(error),
      onAdded: () => runner?.onAdded(),
    })
    runner = new Runner({
      ...options,
      group,
      autoCommit,
      eachBatchAutoResolve: config.eachBatchAutoResolve ?? true,
      eachBatch: config.eachBatch ?? null,
      eachMessage: config.eachMessage ?? null,
      concurrency: config.partitionsConsumedConcurrently ?? 1,
      onCrash: (error) => crash(error, group, config),
      handlers,
    })
    session = { group, runner }
    await runner.start()
  }

  /** KJ8. */
  async function crash(error: unknown, group: GroupMembership, config: ConsumerRunConfig): Promise<void> {
    const { name, message, stack, retryCount, retryTime } = viewCrash(error)
    const memberId = group.memberId ?? ''
    const stopsBefore = userStops
    logger.error(`Crash: ${name}: ${message}`, { groupId, retryCount, stack })
    if (name === 'KafkaJSConnectionClosedError') cluster.removeBroker(error as { host: string; port: number })

    await disconnect()

    const restartable = name === 'KafkaJSNumberOfRetriesExceeded' || viewError(rootCause(error)).retriable === true
    const wanted = restartable && (await wantsRestart(error))
    // kafkajs restarts a consumer that was stopped while it crashed; here the user's word counts.
    const shouldRestart = wanted && userStops === stopsBefore
    transport.note({ type: 'client.crash', groupId, memberId, error: `${name}: ${message}`, restart: shouldRestart })
    emitter.emit(consumerEvents.CRASH, { error, groupId, restart: shouldRestart })

    if (shouldRestart) {
      const wait = retryTime || options.retry.initialRetryTime
      logger.error(`Restarting the consumer in ${wait}ms`, { retryCount, retryTime: wait, groupId })
      restart = transport.timer(Math.max(1, Math.trunc(wait)), 'loop', () => {
        restart = undefined
        // Never rejects: a failed join comes back to `crash`, which logs what it cannot handle.
        start(config).catch((failure: unknown) => {
          logger.error(`Failed to restart the consumer: ${viewError(failure).message}`, { groupId })
        })
      })
    }
  }

  async function wantsRestart(error: unknown): Promise<boolean> {
    if (options.restartOnFailure === undefined) return true
    try {
      return await options.restartOnFailure(toError(error))
    } catch (failure) {
      logger.error('Caught error when invoking user-provided "restartOnFailure" callback. Defaulting to restarting.', {
        error: viewError(failure).message,
        cause: viewError(error).message,
        groupId,
      })
      return true
    }
  }

  async function commitOffsets(positions: readonly TopicPartitionOffsetAndMetadata[] = []): Promise<void> {
    const byTopic = new Map<string, { partition: number; offset: number; metadata: string | null }[]>()
    for (const position of positions) {
      const offset = checkCommit(position)
      const entry = { partition: Number(position.partition), offset, metadata: position.metadata ?? null }
      const others = byTopic.get(position.topic)
      if (others === undefined) byTopic.set(position.topic, [entry])
      else others.push(entry)
    }
    const { runner } = session ?? fail()
    const topicsToCommit: OffsetToCommit[] = [...byTopic].map(([topic, partitions]) => ({ topic, partitions }))
    await inCall(transport, 'consumer.commitOffsets', () => runner.commitOffsets(topicsToCommit))
  }

  return {
    connect: () =>
      inCall(transport, 'consumer.connect', async () => {
        await cluster.connect()
        emitter.emit(consumerEvents.CONNECT)
      }),
    disconnect: () => endingCall('consumer.disconnect', disconnect),
    subscribe,
    stop: () => endingCall('consumer.stop', stop),
    run,
    commitOffsets,
    seek: (position: TopicPartitionOffset) => {
      const offset = checkSeek(position)
      const { group, runner } = session ?? fail()
      group.seeks.set(position.topic, Number(position.partition), offset)
      runner.fetchesSoon()
    },
    describeGroup: () =>
      inCall(transport, 'consumer.describeGroup', async () => {
        const coordinator = await cluster.findGroupCoordinator(groupId)
        const retrier = createRetrier(transport, options.retry)
        const groups = await retrier(() =>
          requestDescribeGroups(coordinator, [groupId], (bytes) => copyAsHostBytes(bytes, context.host.bytes.view)),
        )
        return groups.find((group) => group.groupId === groupId) as unknown as GroupDescription
      }),
    groupMetadata: () => {
      const { generationId, memberId } = (session ?? fail()).group.assignedAs()
      return { groupId, memberId, generationId, groupInstanceId: options.groupInstanceId }
    },
    pause: (topicPartitions = []) => {
      checkTopicPartitions('pause', topicPartitions)
      const { group } = session ?? fail()
      group.subscription.pause(topicPartitions)
    },
    paused: () => session?.group.subscription.paused() ?? [],
    resume: (topicPartitions = []) => {
      checkTopicPartitions('resume', topicPartitions)
      const { group, runner } = session ?? fail()
      group.subscription.resume(topicPartitions)
      runner.fetchesSoon()
    },
    on: createOn('consumer', consumerEvents, emitter, logger) as Consumer['on'],
    events: consumerEvents,
    logger: () => logger,
  }
}

function fail(): never {
  throw notRunning()
}

/** Also for a RegExp of another realm. */
function isRegExp(value: unknown): value is RegExp {
  return Object.prototype.toString.call(value) === '[object RegExp]'
}

function viewCrash(error: unknown) {
  const { retryCount, retryTime } = (error ?? {}) as { retryCount?: number; retryTime?: number }
  return { ...viewError(error), retryCount, retryTime }
}
