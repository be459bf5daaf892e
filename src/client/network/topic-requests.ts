/** Requests about topics, partitions and records: typed bodies out, kafkajs's shapes and errors back. */
import {
  makeCreatableTopic,
  makeCreateTopicsRequest,
  makeDeleteTopicsRequest,
  makeListOffsetsPartition,
  makeListOffsetsRequest,
  makeMetadataRequest,
  makeMetadataRequestTopic,
} from '../../protocol/make.ts'
import { KafkaJSCreateTopicError } from '../errors/broker-errors.ts'
import { KafkaJSAggregateError } from '../errors/general.ts'
import { errorFromCode, throwOnError } from '../errors/protocol-errors.ts'
import type { ITopicConfig } from '../types/admin.ts'
import type { PartitionMetadata } from '../types/metadata.ts'
import type { BrokerClient } from './broker.ts'

/** Metadata v6 in kafkajs's shape. */
export interface ClusterMetadata {
  readonly brokers: { nodeId: number; host: string; port: number; rack?: string }[]
  readonly clusterId: string | null
  readonly controllerId: number
  readonly topicMetadata: {
    topicErrorCode: number
    topic: string
    isInternal: boolean
    partitionMetadata: PartitionMetadata[]
  }[]
}

/**
 * No topics means all topics. One topic's error, or one partition's, fails the whole request (LEADER_NOT_AVAILABLE
 * while a topic is being created or elects a leader): that is what makes the client wait.
 */
export async function requestMetadata(
  broker: BrokerClient,
  topics: readonly string[],
  allowAutoTopicCreation: boolean,
): Promise<ClusterMetadata> {
  const response = await broker.send(
    'Metadata',
    makeMetadataRequest({
      topics: topics.length === 0 ? null : topics.map((name) => makeMetadataRequestTopic({ name })),
      allowAutoTopicCreation,
    }),
    {
      check: ({ topics: answers }) => {
        for (const { errorCode } of answers) throwOnError(errorCode)
        for (const { partitions } of answers) for (const { errorCode } of partitions) throwOnError(errorCode)
      },
    },
  )
  return {
    brokers: response.brokers.map(({ nodeId, host, port, rack }) => ({ nodeId, host, port, rack: rack as string })),
    clusterId: response.clusterId,
    controllerId: response.controllerId,
    topicMetadata: response.topics.map((topic) => ({
      topicErrorCode: topic.errorCode,
      topic: topic.name ?? '',
      isInternal: topic.isInternal,
      partitionMetadata: topic.partitions.map((partition) => ({
        partitionErrorCode: partition.errorCode,
        partitionId: partition.partitionIndex,
        leader: partition.leaderId,
        replicas: [...partition.replicaNodes],
        isr: [...partition.isrNodes],
        offlineReplicas: [...partition.offlineReplicas],
      })),
    })),
  }
}

/** Timestamps are milliseconds, -1 for the end, -2 for the start. Answers in the broker's order. */
export async function requestOffsets(
  broker: BrokerClient,
  isolationLevel: number,
  topics: readonly { readonly topic: string; readonly timestamp: number; readonly partitions: readonly number[] }[],
): Promise<{ topic: string; partitions: { partition: number; offset: number }[] }[]> {
  const response = await broker.send(
    'ListOffsets',
    makeListOffsetsRequest({
      replicaId: -1,
      isolationLevel,
      topics: topics.map(({ topic, timestamp, partitions }) => ({
        name: topic,
        partitions: partitions.map((partitionIndex) => makeListOffsetsPartition({ partitionIndex, timestamp })),
      })),
    }),
    {
      check: ({ topics: answers }) => {
        for (const { partitions } of answers) for (const { errorCode } of partitions) throwOnError(errorCode)
      },
    },
  )
  return response.topics.map(({ name, partitions }) => ({
    topic: name,
    partitions: partitions.map(({ partitionIndex, offset }) => ({ partition: partitionIndex, offset })),
  }))
}

export async function requestCreateTopics(
  broker: BrokerClient,
  { topics, validateOnly, timeoutMs }: { topics: readonly ITopicConfig[]; validateOnly: boolean; timeoutMs: number },
): Promise<void> {
  await broker.send(
    'CreateTopics',
    makeCreateTopicsRequest({
      timeoutMs,
      validateOnly,
      topics: topics.map(
        ({ topic, numPartitions = -1, replicationFactor = -1, replicaAssignment = [], configEntries }) =>
          makeCreatableTopic({
            name: topic,
            numPartitions,
            replicationFactor,
            assignments: replicaAssignment.map(({ partition, replicas }) => ({
              partitionIndex: partition,
              brokerIds: replicas,
            })),
            configs: (configEntries ?? []).map(({ name, value }) => ({ name, value })),
          }),
      ),
    }),
    {
      check: (response) => {
        const failed = response.topics
          .filter(({ errorCode }) => errorCode !== 0)
          .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
        if (failed.length === 0) return
        throw new KafkaJSAggregateError(
          'Topic creation errors',
          failed.map(({ errorCode, name }) => new KafkaJSCreateTopicError(errorFromCode(errorCode), name)),
        )
      },
    },
  )
}

export async function requestDeleteTopics(
  broker: BrokerClient,
  { topics, timeoutMs }: { topics: readonly string[]; timeoutMs: number },
): Promise<void> {
  await broker.send('DeleteTopics', makeDeleteTopicsRequest({ topicNames: topics, timeoutMs }), {
    check: ({ responses }) => {
      for (const { errorCode } of responses) throwOnError(errorCode)
    },
  })
}
