/**
 * Functions few programs use. Those whose API the cluster does not advertise reject with a
 * `KafkaJSServerDoesNotSupportApiKey` that names function and API, after the argument checks of kafkajs.
 */
import { API } from '../../protocol/apis.ts'
import type { ApiName } from '../../protocol/messages.ts'
import { inCall } from '../call.ts'
import { ConfigResourceTypes } from '../enums.ts'
import {
  type DeleteRecordsFailure,
  KafkaJSDeleteGroupsError,
  KafkaJSDeleteTopicRecordsError,
} from '../errors/broker-errors.ts'
import { isStaleMetadata, viewError } from '../errors/classify.ts'
import { KafkaJSBrokerNotFound, KafkaJSServerDoesNotSupportApiKey } from '../errors/network.ts'
import { errorFromCode } from '../errors/protocol-errors.ts'
import {
  requestAlterConfigs,
  requestAlterReassignments,
  requestCreatePartitions,
  requestDeleteGroups,
  requestDeleteRecords,
  requestDescribeConfigs,
  requestListReassignments,
} from '../network/admin-requests.ts'
import type { BrokerClient } from '../network/broker.ts'
import { GiveUp } from '../retry.ts'
import type { DeleteGroupsResult } from '../types/admin.ts'
import type { Admin } from '../types/clients.ts'
import type { AdminScope } from './admin.ts'
import * as check from './arguments.ts'

type Rarer = Pick<
  Admin,
  | 'createPartitions'
  | 'describeConfigs'
  | 'alterConfigs'
  | 'deleteGroups'
  | 'deleteTopicRecords'
  | 'createAcls'
  | 'describeAcls'
  | 'deleteAcls'
  | 'alterPartitionReassignments'
  | 'listPartitionReassignments'
>

export function createRarerFunctions(
  scope: AdminScope,
  { fetchTopicOffsets }: Pick<Admin, 'fetchTopicOffsets'>,
): Rarer {
  const { context, cluster, logger, retrier } = scope
  const call = <T>(name: string, body: () => Promise<T>): Promise<T> => inCall(context.transport, `admin.${name}`, body)

  /** kafkajs's frame around everything the controller does. */
  function atController<T>(complaint: string, body: (controller: BrokerClient) => Promise<T>): Promise<T> {
    return retrier(async ({ retryCount, retryTime }) => {
      try {
        await cluster.refreshMetadata()
        return await body(await cluster.findControllerBroker())
      } catch (error) {
        const { type, message } = viewError(error)
        if (type !== 'NOT_CONTROLLER') throw new GiveUp(error)
        logger.warn(complaint, { error: message, retryCount, retryTime })
        throw error
      }
    })
  }

  function requireApi(broker: BrokerClient, method: string, api: ApiName): void {
    if (!broker.hasApi(api)) throw notOffered(method, api, API[api].key)
  }

  /** Checks first, then the same answer for every cluster: no version of kafkarium speaks these APIs yet. */
  function neverOffered(method: string, api: string, apiKey: number): () => Promise<never> {
    return () => call(method, async () => Promise.reject(notOffered(method, api, apiKey)))
  }

  /** Brokers answer for their own configuration only; everything else is the controller's. */
  async function groupByBroker<T extends { type: number; name: string }>(
    resources: readonly T[],
    controller: BrokerClient,
  ): Promise<Map<BrokerClient, T[]>> {
    const groups = new Map<BrokerClient, T[]>()
    for (const resource of resources) {
      const ofBroker =
        resource.type === ConfigResourceTypes.BROKER || resource.type === ConfigResourceTypes.BROKER_LOGGER
      const broker = ofBroker ? await cluster.findBroker(String(resource.name)) : controller
      const group = groups.get(broker)
      if (group === undefined) groups.set(broker, [resource])
      else group.push(resource)
    }
    return groups
  }

  async function deleteGroups(groupIds: string[]): Promise<DeleteGroupsResult[]> {
    check.checkDeleteGroups(groupIds)
    let left = [...groupIds]
    return call('deleteGroups', () =>
      retrier(async ({ retryCount, retryTime }) => {
        try {
          if (left.length === 0) return []
          await cluster.refreshMetadata()
          const byCoordinator = new Map<BrokerClient, string[]>()
          for (const groupId of left) {
            const coordinator = await cluster.findGroupCoordinator(groupId)
            requireApi(coordinator, 'deleteGroups', 'DeleteGroups')
            byCoordinator.set(coordinator, [...(byCoordinator.get(coordinator) ?? []), groupId])
          }
          const answers = await Promise.all([...byCoordinator].map(([broker, ids]) => requestDeleteGroups(broker, ids)))
          const results = answers.flat()
          const errors = results
            .filter(({ errorCode }) => errorCode !== 0)
            .map(({ groupId, errorCode }) => ({ groupId, errorCode, error: errorFromCode(errorCode) }))
          left = errors.map(({ groupId }) => groupId)
          if (errors.length > 0) throw new KafkaJSDeleteGroupsError('Error in DeleteGroups', errors)
          return results
        } catch (error) {
          const { type, message } = viewError(error)
          if (type !== 'NOT_CONTROLLER' && type !== 'COORDINATOR_NOT_AVAILABLE') throw new GiveUp(error)
          logger.warn('Could not delete groups', { error: message, retryCount, retryTime })
          throw error
        }
      }),
    )
  }

  async function deleteTopicRecords({ topic, partitions }: Parameters<Admin['deleteTopicRecords']>[0]): Promise<void> {
    check.checkDeleteTopicRecords({ topic, partitions })
    return call('deleteTopicRecords', async () => {
      const leaders = cluster.findLeaders(
        topic,
        partitions.map(({ partition }) => partition),
      )
      const led = new Set([...leaders.values()].flat())
      const limits = await fetchTopicOffsets(topic)
      const leaderless: DeleteRecordsFailure[] = []
      for (const { partition, offset } of partitions) {
        if (!led.has(partition)) {
          const error = new KafkaJSBrokerNotFound('Could not find the leader for the partition', { retriable: false })
          leaderless.push({ partition, offset, error })
          continue
        }
        const low = limits.find((limit) => limit.partition === partition)?.low
        if (Number(offset) < Number(low) && Number(offset) !== -1) {
          logger.warn(
            'The requested offset is before the earliest offset maintained on the partition - no records will be deleted from this partition',
            { topic, partition, offset },
          )
        }
      }
      if (leaderless.length > 0) throw new KafkaJSDeleteTopicRecordsError({ topic, partitions: leaderless })

      const open = new Map(
        [...leaders].map(([nodeId, ids]) => [nodeId, partitions.filter(({ partition }) => ids.includes(partition))]),
      )
      await retrier(async () => {
        const failed: DeleteRecordsFailure[] = []
        await Promise.all(
          [...open].map(async ([nodeId, entries]) => {
            const broker = await cluster.findBroker(nodeId)
            requireApi(broker, 'deleteTopicRecords', 'DeleteRecords')
            const failures = await requestDeleteRecords(broker, topic, entries)
            failed.push(...failures)
            if (failures.length === 0) open.delete(nodeId)
          }),
        )
        if (failed.length === 0) return
        const error = new KafkaJSDeleteTopicRecordsError({ topic, partitions: failed })
        if (error.retriable && failed.some((failure) => isStaleMetadata(failure.error))) await cluster.refreshMetadata()
        throw error
      })
    })
  }

  return {
    async createPartitions({ topicPartitions, validateOnly = false, timeout = 5000 }) {
      check.checkCreatePartitions(topicPartitions)
      return call('createPartitions', () =>
        atController('Could not create topics', async (controller) => {
          requireApi(controller, 'createPartitions', 'CreatePartitions')
          await requestCreatePartitions(controller, { topicPartitions, validateOnly, timeoutMs: timeout })
          // kafkajs declares a boolean and resolves nothing.
          return undefined as unknown as boolean
        }),
      )
    },
    async describeConfigs({ resources, includeSynonyms = false }) {
      check.checkDescribeConfigs(resources)
      return call('describeConfigs', () =>
        atController('Could not describe configs', async (controller) => {
          const groups = await groupByBroker(resources, controller)
          const answers = await Promise.all(
            [...groups].map(([broker, group]) => {
              requireApi(broker, 'describeConfigs', 'DescribeConfigs')
              return requestDescribeConfigs(broker, group, includeSynonyms)
            }),
          )
          return { resources: answers.flat() } as Awaited<ReturnType<Admin['describeConfigs']>>
        }),
      )
    },
    async alterConfigs({ resources, validateOnly = false }) {
      check.checkAlterConfigs(resources)
      return call('alterConfigs', () =>
        atController('Could not alter configs', async (controller) => {
          const groups = await groupByBroker(resources, controller)
          const answers = await Promise.all(
            [...groups].map(([broker, group]) => {
              requireApi(broker, 'alterConfigs', 'AlterConfigs')
              return requestAlterConfigs(broker, group, validateOnly)
            }),
          )
          return { resources: answers.flat() }
        }),
      )
    },
    deleteGroups,
    deleteTopicRecords,
    async createAcls({ acl }) {
      check.checkCreateAcls(acl)
      return neverOffered('createAcls', 'CreateAcls', 30)()
    },
    async describeAcls(filter) {
      check.checkDescribeAcls({ ...filter })
      return neverOffered('describeAcls', 'DescribeAcls', 29)()
    },
    async deleteAcls({ filters }) {
      check.checkDeleteAcls(filters)
      return neverOffered('deleteAcls', 'DeleteAcls', 31)()
    },
    async alterPartitionReassignments({ topics, timeout = 5000 }) {
      check.checkAlterReassignments(topics)
      return call('alterPartitionReassignments', () =>
        atController('Could not reassign partitions', async (controller) => {
          requireApi(controller, 'alterPartitionReassignments', 'AlterPartitionReassignments')
          await requestAlterReassignments(controller, topics, timeout)
        }),
      )
    },
    async listPartitionReassignments({ topics, timeout = 5000 }) {
      check.checkListReassignments(topics)
      return call('listPartitionReassignments', () =>
        atController('Could not reassign partitions', async (controller) => {
          requireApi(controller, 'listPartitionReassignments', 'ListPartitionReassignments')
          return { topics: await requestListReassignments(controller, topics ?? null, timeout) }
        }),
      )
    },
  }
}

function notOffered(method: string, apiName: string, apiKey: number): KafkaJSServerDoesNotSupportApiKey {
  return new KafkaJSServerDoesNotSupportApiKey(
    `The Kafka server does not support the requested API version: admin.${method}() needs ${apiName} (API key ${apiKey}), which this cluster does not offer`,
    { apiKey, apiName },
  )
}
