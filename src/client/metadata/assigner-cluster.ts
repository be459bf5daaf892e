/** The cluster and its brokers as custom assigners get them: kafkajs's methods and shapes over ours. */

import { copyAsHostBytes } from '../bytes.ts'
import { EARLIEST_OFFSET, LATEST_OFFSET } from '../constants.ts'
import { KafkaJSNotImplemented } from '../errors/general.ts'
import type { BrokerClient } from '../network/broker.ts'
import { requestDescribeGroups, requestOffsetCommit, requestOffsetFetch } from '../network/group-requests.ts'
import { requestMetadata } from '../network/topic-requests.ts'
import type * as Public from '../types/assigners.ts'
import type { Cluster } from './cluster.ts'

export function clusterForAssigners(cluster: Cluster): Public.Cluster {
  return {
    // Strings at run time, as in kafkajs, whatever its types say.
    getNodeIds: () => cluster.nodeIds() as unknown as number[],
    metadata: () => cluster.metadata(),
    removeBroker: (address) => cluster.removeBroker(address),
    addMultipleTargetTopics: async (topics) => cluster.addTargetTopics(topics),
    addTargetTopic: async (topic) => cluster.addTargetTopics([topic]),
    isConnected: () => cluster.isConnected(),
    connect: () => cluster.connect(),
    disconnect: () => cluster.disconnect(),
    refreshMetadata: () => cluster.refreshMetadata(),
    refreshMetadataIfNecessary: async () => cluster.refreshMetadataIfNecessary(),
    findBroker: async ({ nodeId }) => brokerForAssigners(await cluster.findBroker(nodeId)),
    findControllerBroker: async () => brokerForAssigners(await cluster.findControllerBroker()),
    findTopicPartitionMetadata: (topic) => cluster.findTopicPartitionMetadata(topic),
    findLeaderForPartitions: (topic, partitions) =>
      Object.fromEntries(cluster.findLeaders(topic, partitions.map(Number))),
    findGroupCoordinator: async ({ groupId }) => brokerForAssigners(await cluster.findGroupCoordinator(groupId)),
    findGroupCoordinatorMetadata: ({ groupId }) => cluster.findGroupCoordinatorMetadata(groupId),
    defaultOffset: ({ fromBeginning }) => cluster.defaultOffset(fromBeginning),
    fetchTopicsOffset: async (topics) => {
      const found = await cluster.fetchTopicsOffset(
        topics.map(({ topic, partitions, fromBeginning, fromTimestamp }) => ({
          topic,
          partitions: partitions.map(({ partition }) => partition),
          timestamp: fromTimestamp ?? (fromBeginning ? EARLIEST_OFFSET : LATEST_OFFSET),
        })),
      )
      return found.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition, offset }) => ({ partition, offset: String(offset) })),
      }))
    },
  }
}

const notOffered = (method: string) => async (): Promise<never> => {
  throw new KafkaJSNotImplemented(`kafkarium does not offer broker.${method}() to assigners`)
}

function brokerForAssigners(broker: BrokerClient): Public.Broker {
  return {
    isConnected: () => broker.isConnected(),
    connect: () => broker.connect(),
    disconnect: () => broker.disconnect(),
    apiVersions: () => broker.apiVersions(),
    metadata: (topics) => requestMetadata(broker, topics, false),
    describeGroups: async ({ groupIds }) => ({
      groups: await requestDescribeGroups(broker, groupIds, (bytes) => copyAsHostBytes(bytes)),
    }),
    offsetCommit: ({ groupId, groupGenerationId, memberId, topics }) =>
      requestOffsetCommit(broker, {
        groupId,
        generationId: groupGenerationId,
        memberId,
        groupInstanceId: null,
        topics: topics.map(({ topic, partitions }) => ({
          topic,
          partitions: partitions.map(({ partition, offset }) => ({ partition, offset: Number(offset) })),
        })),
      }),
    offsetFetch: async ({ groupId, topics }) => {
      const found = await requestOffsetFetch(
        broker,
        groupId,
        topics.map(({ topic, partitions }) => ({ topic, partitions: partitions.map(({ partition }) => partition) })),
      )
      return {
        responses: found.map(({ topic, partitions }) => ({
          topic,
          partitions: partitions.map(({ partition, offset, metadata }) => ({
            partition,
            offset: String(offset),
            metadata,
          })),
        })),
      }
    },
    fetch: notOffered('fetch'),
    produce: notOffered('produce'),
    alterPartitionReassignments: notOffered('alterPartitionReassignments'),
    listPartitionReassignments: notOffered('listPartitionReassignments'),
  }
}
