/** Requests only the admin client makes: typed bodies out, kafkajs's shapes and errors back. */
import {
  makeAlterConfigsRequest,
  makeAlterPartitionReassignmentsRequest,
  makeCreatePartitionsRequest,
  makeDeleteGroupsRequest,
  makeDeleteRecordsRequest,
  makeDescribeConfigsRequest,
  makeListPartitionReassignmentsRequest,
} from '../../protocol/make.ts'
import { type DeleteRecordsFailure, KafkaJSAlterPartitionReassignmentsError } from '../errors/broker-errors.ts'
import { KafkaJSAggregateError } from '../errors/general.ts'
import { errorFromCode, throwOnError } from '../errors/protocol-errors.ts'
import { parseInt64 } from '../int64.ts'
import type {
  IResourceConfig,
  ITopicPartitionConfig,
  OngoingTopicReassignment,
  PartitionReassignment,
  ResourceConfigQuery,
  SeekEntry,
} from '../types/admin.ts'
import type { TopicPartitions } from '../types/metadata.ts'
import type { BrokerClient } from './broker.ts'

/** kafkajs's own timeout for DeleteRecords, milliseconds. */
const DELETE_RECORDS_TIMEOUT_MS = 5000

export async function requestCreatePartitions(
  broker: BrokerClient,
  request: { topicPartitions: readonly ITopicPartitionConfig[]; validateOnly: boolean; timeoutMs: number },
): Promise<void> {
  const { topicPartitions, validateOnly, timeoutMs } = request
  await broker.send(
    'CreatePartitions',
    makeCreatePartitionsRequest({
      validateOnly,
      timeoutMs,
      topics: topicPartitions.map(({ topic, count, assignments }) => ({
        name: topic,
        count,
        assignments: assignments?.map((brokerIds) => ({ brokerIds })) ?? null,
      })),
    }),
    {
      check: ({ results }) => {
        for (const { errorCode } of results) throwOnError(errorCode)
      },
    },
  )
}

export async function requestDescribeConfigs(
  broker: BrokerClient,
  resources: readonly ResourceConfigQuery[],
  includeSynonyms: boolean,
) {
  const { results } = await broker.send(
    'DescribeConfigs',
    makeDescribeConfigsRequest({
      includeSynonyms,
      resources: resources.map(({ type, name, configNames }) => ({
        resourceType: type,
        resourceName: name,
        configurationKeys: configNames && configNames.length > 0 ? configNames : null,
      })),
    }),
    {
      check: (response) => {
        for (const { errorCode } of response.results) throwOnError(errorCode)
      },
    },
  )
  return results.map(({ errorCode, errorMessage, resourceType, resourceName, configs }) => ({
    errorCode,
    errorMessage,
    resourceType,
    resourceName,
    configEntries: configs.map(({ name, value, readOnly, configSource, isSensitive, isDefault, synonyms }) => ({
      configName: name,
      configValue: value,
      readOnly,
      isDefault: isDefault || configSource === 5,
      configSource,
      isSensitive,
      configSynonyms: synonyms.map((synonym) => ({
        configName: synonym.name,
        configValue: synonym.value,
        configSource: synonym.source,
      })),
    })),
  }))
}

export async function requestAlterConfigs(
  broker: BrokerClient,
  resources: readonly IResourceConfig[],
  validateOnly: boolean,
) {
  const { responses } = await broker.send(
    'AlterConfigs',
    makeAlterConfigsRequest({
      validateOnly,
      resources: resources.map(({ type, name, configEntries }) => ({
        resourceType: type,
        resourceName: name,
        configs: configEntries.map((entry) => ({ name: entry.name, value: entry.value })),
      })),
    }),
    {
      check: (response) => {
        for (const { errorCode } of response.responses) throwOnError(errorCode)
      },
    },
  )
  return responses.map(({ errorCode, errorMessage, resourceType, resourceName }) => ({
    errorCode,
    errorMessage,
    resourceType,
    resourceName,
  }))
}

/** The answer as it is: the caller sorts out which groups failed. */
export async function requestDeleteGroups(broker: BrokerClient, groupIds: readonly string[]) {
  const { results } = await broker.send('DeleteGroups', makeDeleteGroupsRequest({ groupsNames: groupIds }))
  return results.map(({ groupId, errorCode }) => ({ groupId, errorCode }))
}

/** The partitions that failed, with the offsets that were asked for. */
export async function requestDeleteRecords(
  broker: BrokerClient,
  topic: string,
  partitions: readonly SeekEntry[],
): Promise<DeleteRecordsFailure[]> {
  const { topics } = await broker.send(
    'DeleteRecords',
    makeDeleteRecordsRequest({
      timeoutMs: DELETE_RECORDS_TIMEOUT_MS,
      topics: [
        {
          name: topic,
          partitions: partitions.map(({ partition, offset }) => ({
            partitionIndex: partition,
            offset: parseInt64(offset) ?? -1,
          })),
        },
      ],
    }),
  )
  return topics.flatMap((answer) =>
    answer.partitions
      .filter(({ errorCode }) => errorCode !== 0)
      .map(({ partitionIndex, errorCode }) => ({
        partition: partitionIndex,
        offset: partitions.find(({ partition }) => partition === partitionIndex)?.offset ?? '',
        error: errorFromCode(errorCode),
      })),
  )
}

export async function requestAlterReassignments(
  broker: BrokerClient,
  topics: readonly PartitionReassignment[],
  timeoutMs: number,
): Promise<void> {
  await broker.send(
    'AlterPartitionReassignments',
    makeAlterPartitionReassignmentsRequest({
      timeoutMs,
      topics: topics.map(({ topic, partitionAssignment }) => ({
        name: topic,
        partitions: partitionAssignment.map(({ partition, replicas }) => ({ partitionIndex: partition, replicas })),
      })),
    }),
    {
      check: ({ errorCode, responses }) => {
        if (errorCode !== 0) throw new KafkaJSAlterPartitionReassignmentsError(errorFromCode(errorCode))
        const failed = responses.flatMap(({ name, partitions }) =>
          partitions
            .filter((partition) => partition.errorCode !== 0)
            .map(
              (partition) =>
                new KafkaJSAlterPartitionReassignmentsError(
                  errorFromCode(partition.errorCode),
                  name,
                  partition.partitionIndex,
                ),
            ),
        )
        if (failed.length > 0) throw new KafkaJSAggregateError('Errors altering partition reassignments', failed)
      },
    },
  )
}

export async function requestListReassignments(
  broker: BrokerClient,
  topics: readonly TopicPartitions[] | null,
  timeoutMs: number,
): Promise<OngoingTopicReassignment[]> {
  const response = await broker.send(
    'ListPartitionReassignments',
    makeListPartitionReassignmentsRequest({
      timeoutMs,
      topics: topics?.map(({ topic, partitions }) => ({ name: topic, partitionIndexes: partitions })) ?? null,
    }),
    { check: ({ errorCode }) => throwOnError(errorCode) },
  )
  // kafkajs declares `topic` and `partitionIndex`, and resolves `name` and `partition`.
  return response.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, replicas, addingReplicas, removingReplicas }) => ({
      partition: partitionIndex,
      replicas: [...replicas],
      addingReplicas: [...addingReplicas],
      removingReplicas: [...removingReplicas],
    })),
  })) as unknown as OngoingTopicReassignment[]
}
