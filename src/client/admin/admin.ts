/** The admin client. */

import { copyAsHostBytes } from '../bytes.ts'
import { inCall } from '../call.ts'
import type { ClientContext } from '../context.ts'
import { viewError } from '../errors/classify.ts'
import { KafkaJSAggregateError } from '../errors/general.ts'
import { createOn, type EventEmitter } from '../events/emitter.ts'
import { adminEvents } from '../events/names.ts'
import type { Cluster } from '../metadata/cluster.ts'
import { requestDescribeGroups, requestListGroups } from '../network/group-requests.ts'
import { requestCreateTopics, requestDeleteTopics, requestMetadata } from '../network/topic-requests.ts'
import { createRetrier, GiveUp, type Retrier, type RetryConfig } from '../retry.ts'
import type { GroupDescriptions } from '../types/admin.ts'
import type { Admin } from '../types/clients.ts'
import type { Logger } from '../types/logging.ts'
import * as check from './arguments.ts'
import { createOffsetFunctions } from './offsets.ts'
import { createRarerFunctions } from './rarer.ts'
import { createTransactionFunctions } from './transactions.ts'
import { waitForLeaders } from './wait-for-leaders.ts'
import { withWatchedOptions } from './watched.ts'

export interface AdminOptions {
  readonly context: ClientContext
  readonly cluster: Cluster
  readonly emitter: EventEmitter
  readonly retry: RetryConfig
}

/** What the files of the admin client share. */
export interface AdminScope extends AdminOptions {
  readonly logger: Logger
  readonly retrier: Retrier
}

export function createAdmin(options: AdminOptions): Admin {
  const { context, cluster, emitter } = options
  const { transport } = context
  const logger = context.rootLogger.namespace('Admin')
  const retrier = createRetrier(transport, options.retry)
  const scope: AdminScope = { ...options, logger, retrier }
  const call = <T>(name: string, body: () => Promise<T>): Promise<T> => inCall(transport, `admin.${name}`, body)

  const offsets = createOffsetFunctions(scope)
  const rarer = createRarerFunctions(scope, offsets)
  const transactions = createTransactionFunctions(scope)

  async function createTopics({
    topics,
    validateOnly,
    timeout,
    waitForLeaders: wait = true,
  }: Parameters<Admin['createTopics']>[0]) {
    check.checkCreateTopics(topics)
    return call('createTopics', () =>
      retrier(async ({ retryCount, retryTime }) => {
        try {
          await cluster.refreshMetadata()
          const broker = await cluster.findControllerBroker()
          await requestCreateTopics(broker, { topics, validateOnly: validateOnly ?? false, timeoutMs: timeout ?? 5000 })
          if (wait) {
            const names = topics.map(({ topic }) => topic)
            await waitForLeaders(transport, timeout, () => requestMetadata(broker, names, false))
          }
          return true
        } catch (error) {
          const { type, message } = viewError(error)
          if (type === 'NOT_CONTROLLER') {
            logger.warn('Could not create topics', { error: message, retryCount, retryTime })
            throw error
          }
          if (
            error instanceof KafkaJSAggregateError &&
            error.errors.every((one) => viewError(one).type === 'TOPIC_ALREADY_EXISTS')
          ) {
            return false
          }
          throw new GiveUp(error)
        }
      }),
    )
  }

  async function deleteTopics({ topics, timeout }: Parameters<Admin['deleteTopics']>[0]): Promise<void> {
    check.checkDeleteTopics(topics)
    return call('deleteTopics', () =>
      retrier(async ({ retryCount, retryTime }) => {
        try {
          await cluster.refreshMetadata()
          const broker = await cluster.findControllerBroker()
          await requestDeleteTopics(broker, { topics, timeoutMs: timeout ?? 5000 })
          for (const topic of topics) cluster.targetTopics.delete(topic)
          await cluster.refreshMetadata()
        } catch (error) {
          const { type, message } = viewError(error)
          if (type === 'NOT_CONTROLLER' || type === 'UNKNOWN_TOPIC_OR_PARTITION') {
            logger.warn('Could not delete topics', { error: message, retryCount, retryTime })
            throw error
          }
          if (type === 'REQUEST_TIMED_OUT') {
            logger.error(
              'Could not delete topics, check if "delete.topic.enable" is set to "true" (the default value is "false") or increase the timeout',
              { error: message, retryCount, retryTime },
            )
          }
          throw new GiveUp(error)
        }
      }),
    )
  }

  async function fetchTopicMetadata({ topics = [] }: { topics?: string[] } = {}) {
    for (const topic of topics) check.checkTopicName(topic)
    return call('fetchTopicMetadata', async () => {
      const { topicMetadata } = await cluster.metadata(topics)
      return {
        topics: topicMetadata.map(({ topic, partitionMetadata }) => ({ name: topic, partitions: partitionMetadata })),
      }
    })
  }

  async function describeGroups(groupIds: string[]): Promise<GroupDescriptions> {
    return call('describeGroups', async () => {
      const located = await Promise.all(
        groupIds.map(async (groupId) => ({ groupId, coordinator: await cluster.findGroupCoordinator(groupId) })),
      )
      const coordinators = [...new Set(located.map(({ coordinator }) => coordinator))].sort(
        (a, b) => Number(a.nodeId) - Number(b.nodeId),
      )
      const answers = await Promise.all(
        coordinators.map((coordinator) => {
          const ids = located.filter((entry) => entry.coordinator === coordinator).map(({ groupId }) => groupId)
          return retrier(() =>
            requestDescribeGroups(coordinator, ids, (bytes) => copyAsHostBytes(bytes, context.host.bytes.view)),
          )
        }),
      )
      return { groups: answers.flat() } as unknown as GroupDescriptions
    })
  }

  const admin: Admin = {
    connect: () =>
      call('connect', async () => {
        await cluster.connect()
        emitter.emit(adminEvents.CONNECT)
      }),
    disconnect: () =>
      call('disconnect', async () => {
        await cluster.disconnect()
        emitter.emit(adminEvents.DISCONNECT)
      }),
    listTopics: () =>
      call('listTopics', async () => (await cluster.metadata()).topicMetadata.map(({ topic }) => topic)),
    createTopics,
    deleteTopics,
    fetchTopicMetadata,
    describeCluster: () =>
      call('describeCluster', async () => {
        const { brokers, clusterId, controllerId } = await cluster.metadata()
        return {
          brokers: brokers.map(({ nodeId, host, port }) => ({ nodeId, host, port })),
          controller: controllerId == null || controllerId === -1 ? null : controllerId,
          clusterId: clusterId as string,
        }
      }),
    listGroups: () =>
      call('listGroups', async () => {
        await cluster.refreshMetadata()
        const groups: { groupId: string; protocolType: string }[] = []
        for (const nodeId of cluster.nodeIds())
          groups.push(...(await requestListGroups(await cluster.findBroker(nodeId))))
        return { groups }
      }),
    describeGroups,
    fetchOffsets: offsets.fetchOffsets,
    fetchTopicOffsets: offsets.fetchTopicOffsets,
    fetchTopicOffsetsByTimestamp: offsets.fetchTopicOffsetsByTimestamp,
    setOffsets: offsets.setOffsets,
    resetOffsets: offsets.resetOffsets,
    ...rarer,
    ...transactions,
    on: createOn('admin', adminEvents, emitter, logger) as Admin['on'],
    events: adminEvents,
    logger: () => logger,
  }
  return withWatchedOptions(admin, context.watchOptions)
}
