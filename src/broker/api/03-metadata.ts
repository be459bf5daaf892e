/**
 * Metadata (key 3). KafkaApis.handleTopicMetadataRequest, DefaultAutoTopicCreationManager.
 *
 * - v1+: null asks for all topics, an empty list for none.
 * - An unknown topic is made when both the request (v4+) and `auto.create.topics.enable` allow it; the answer about it is
 *   UNKNOWN_TOPIC_OR_PARTITION in KRaft (4.x) and LEADER_NOT_AVAILABLE with ZooKeeper (before), so clients ask again.
 * - v13 has room for an error of the whole, REBOOTSTRAP_REQUIRED (KIP-1102), which brokers of one cluster never answer.
 * - A partition without a leader is LEADER_NOT_AVAILABLE.
 * - In KRaft `controllerId` names any broker that is up: requests to the controller are forwarded.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import {
  makeCreatableTopic,
  makeCreatableTopicConfig,
  makeCreateTopicsRequest,
  makeMetadataResponse,
  makeMetadataResponseTopic,
} from '../../protocol/make.ts'
import type { CreatableTopicConfig, MetadataResponseTopic } from '../../protocol/messages.ts'
import type { BrokerConfig } from '../config.ts'
import type { Decision } from '../decision.ts'
import {
  isInternal,
  type MetadataImage,
  NO_TOPIC_ID,
  OFFSETS_TOPIC,
  type TopicInfo,
  TRANSACTION_TOPIC,
  topicNameProblem,
} from '../metadata.ts'
import type { BrokerState } from '../state.ts'
import { defineApi } from './handler.ts'

/** "Not asked for" (MetadataResponse.AUTHORIZED_OPERATIONS_OMITTED). */
const OPERATIONS_OMITTED = -2147483648

export const metadata = defineApi({
  api: 'Metadata',
  minVersion: 0,
  maxVersion: 13,
  handle(state, request, _ctx, out) {
    const { body, apiVersion } = request
    const all = body.topics === null || (apiVersion === 0 && body.topics.length === 0)
    const topics: MetadataResponseTopic[] = []
    if (apiVersion < 12 && body.topics?.some(({ name, topicId }) => name === null || topicId !== NO_TOPIC_ID)) {
      // v10 and v11 have the field, and no meaning for it: all of the request is refused.
      for (const { name, topicId } of body.topics) topics.push(unknown(name ?? '', topicId, ErrorCode.INVALID_REQUEST))
      out.replies.push({ token: request, body: makeMetadataResponse({ topics }) })
      return
    }
    if (all) for (const topic of state.image.topics.values()) topics.push(describe(state.image, topic))
    else {
      const allowed = apiVersion < 4 || body.allowAutoTopicCreation
      const missing: string[] = []
      for (const wanted of body.topics ?? []) {
        const byId = wanted.topicId !== NO_TOPIC_ID
        const name = byId ? state.image.topicNames.get(wanted.topicId) : (wanted.name ?? '')
        const topic = name === undefined ? undefined : state.image.topics.get(name)
        if (topic !== undefined) topics.push(describe(state.image, topic))
        else if (byId) topics.push(unknown(null, wanted.topicId, ErrorCode.UNKNOWN_TOPIC_ID))
        else if (topicNameProblem(name ?? '') !== null)
          topics.push(unknown(name ?? '', NO_TOPIC_ID, ErrorCode.INVALID_TOPIC_EXCEPTION))
        else {
          if (allowed && state.config['auto.create.topics.enable'] === 'true') missing.push(name as string)
          topics.push(unknown(name as string, NO_TOPIC_ID, missingTopicError(state, missing.length > 0)))
        }
      }
      if (missing.length > 0) requestTopics(out, missing, state.config)
    }
    const brokers = [...state.image.brokers.values()]
      .filter((broker) => !broker.fenced)
      .map(({ id, host, port, rack }) => ({ nodeId: id, host, port, rack }))
    out.replies.push({
      token: request,
      body: makeMetadataResponse({
        brokers,
        clusterId: CLUSTER_ID,
        controllerId: brokers[0]?.nodeId ?? -1,
        topics,
        clusterAuthorizedOperations: OPERATIONS_OMITTED,
      }),
    })
  },
})

/** The same for every cluster, so that traces repeat. */
export const CLUSTER_ID = 'kafkarium-cluster-0001'

/** Asks the controller for topics with the brokers' defaults, once a request; a second asking is harmless. */
export function requestTopics(out: Decision, names: readonly string[], config: BrokerConfig): void {
  out.forwards.push({
    replyTo: null,
    request: {
      api: 'CreateTopics',
      internal: names.some(isInternal),
      body: makeCreateTopicsRequest({
        topics: names.map((name) =>
          makeCreatableTopic({ name, numPartitions: -1, replicationFactor: -1, configs: configsOf(name, config) }),
        ),
        timeoutMs: 30_000,
      }),
    },
  })
}

/** groupMetadataTopicConfigs, transactionTopicConfigs: of a group, a commit and a transaction only the last record counts. */
function configsOf(name: string, config: BrokerConfig): CreatableTopicConfig[] {
  if (name === TRANSACTION_TOPIC) return transactionConfigs(config)
  if (name !== OFFSETS_TOPIC) return []
  // The topic's setting has a lower limit which the broker's has not.
  const segmentBytes = Math.max(Number(config['offsets.topic.segment.bytes']), 1_048_576)
  return [
    makeCreatableTopicConfig({ name: 'cleanup.policy', value: 'compact' }),
    makeCreatableTopicConfig({ name: 'segment.bytes', value: String(segmentBytes) }),
  ]
}

function transactionConfigs(config: BrokerConfig): CreatableTopicConfig[] {
  const values = {
    'cleanup.policy': 'compact',
    'unclean.leader.election.enable': 'false',
    'min.insync.replicas': config['transaction.state.log.min.isr'],
    'segment.bytes': String(Math.max(Number(config['transaction.state.log.segment.bytes']), 1_048_576)),
  }
  return Object.entries(values).map(([name, value]) => makeCreatableTopicConfig({ name, value }))
}

function missingTopicError(state: BrokerState, beingMade: boolean): number {
  return beingMade && state.zooKeeper ? ErrorCode.LEADER_NOT_AVAILABLE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
}

function unknown(name: string | null, topicId: string, errorCode: number): MetadataResponseTopic {
  return makeMetadataResponseTopic({
    errorCode,
    name,
    topicId,
    isInternal: name !== null && isInternal(name),
    topicAuthorizedOperations: OPERATIONS_OMITTED,
  })
}

function describe(image: MetadataImage, topic: TopicInfo): MetadataResponseTopic {
  return {
    errorCode: ErrorCode.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: isInternal(topic.name),
    partitions: topic.partitions.map((partition) => ({
      errorCode: partition.leader < 0 ? ErrorCode.LEADER_NOT_AVAILABLE : ErrorCode.NONE,
      partitionIndex: partition.partition,
      leaderId: partition.leader,
      leaderEpoch: partition.leaderEpoch,
      replicaNodes: partition.replicas,
      isrNodes: partition.isr,
      offlineReplicas: partition.replicas.filter((id) => image.brokers.get(id)?.fenced !== false),
    })),
    topicAuthorizedOperations: OPERATIONS_OMITTED,
  }
}
