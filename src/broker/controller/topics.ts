/** Topics are made and deleted (ReplicationControlManager.createTopics, deleteTopics). */
import { ErrorCode } from '../../protocol/errors.ts'
import {
  makeCreatableTopicConfigs,
  makeCreatableTopicResult,
  makeCreateTopicsResponse,
  makeDeletableTopicResult,
  makeDeleteTopicsResponse,
} from '../../protocol/make.ts'
import type {
  CreatableTopic,
  CreatableTopicResult,
  CreateTopicsRequest,
  DeletableTopicResult,
  DeleteTopicsRequest,
} from '../../protocol/messages.ts'
import { canonicalConfigValue, configProblem, type TopicConfig, topicConfigConflict } from '../config.ts'
import { isInternal, type MetadataRecord, NO_TOPIC_ID, topicNameProblem } from '../metadata.ts'
import { MAX_RECORDS_PER_REQUEST, newPartition, partitionsAsked, placeTopic } from './placement.ts'
import type { ControllerState } from './state.ts'

export function createTopics(
  state: ControllerState,
  request: CreateTopicsRequest,
  internal: boolean,
  uuid: () => string,
  records: MetadataRecord[],
) {
  const refuseAll = (errorMessage: string) => {
    const errorCode = ErrorCode.POLICY_VIOLATION
    return makeCreateTopicsResponse({
      topics: request.topics.map(({ name }) =>
        makeCreatableTopicResult({ name, errorCode, errorMessage, topicId: NO_TOPIC_ID }),
      ),
    })
  }
  // KAFKA-17870.
  const asked = request.topics.reduce((sum, topic) => sum + Math.max(partitionsAsked(state, topic), 0), 0)
  if (asked > MAX_RECORDS_PER_REQUEST)
    return refuseAll(`One request may make at most ${MAX_RECORDS_PER_REQUEST} partitions; this one asks for ${asked}.`)
  const before = records.length
  const known = new Map([...state.image.topics.keys()].map((name) => [withoutDots(name), name]))
  const names = new Map<string, number>()
  for (const { name } of request.topics) names.set(name, (names.get(name) ?? 0) + 1)
  const topics: CreatableTopicResult[] = []
  for (const topic of request.topics) {
    const { name } = topic
    const fail = (errorCode: number, errorMessage: string) =>
      topics.push(makeCreatableTopicResult({ name, errorCode, errorMessage, topicId: NO_TOPIC_ID }))
    if ((names.get(name) ?? 0) > 1) {
      fail(ErrorCode.INVALID_REQUEST, 'Duplicate topic name.')
      continue
    }
    const invalid = topicNameProblem(name)
    if (invalid !== null) {
      fail(ErrorCode.INVALID_TOPIC_EXCEPTION, `Topic name is invalid: ${invalid}`)
      continue
    }
    if (state.image.topics.has(name)) {
      fail(ErrorCode.TOPIC_ALREADY_EXISTS, `Topic '${name}' already exists.`)
      continue
    }
    const collision = known.get(withoutDots(name))
    if (collision !== undefined) {
      fail(ErrorCode.INVALID_TOPIC_EXCEPTION, `Topic '${name}' collides with existing topic: ${collision}`)
      continue
    }
    if (isInternal(name) && !internal) {
      fail(ErrorCode.INVALID_REQUEST, `Topic '${name}' is internal: the cluster makes it when it is first needed.`)
      continue
    }
    const config: Record<string, string> = {}
    const problem = readConfig(topic, config) ?? topicConfigConflict(config, state.config)
    if (problem !== null) {
      fail(ErrorCode.INVALID_CONFIG, problem)
      continue
    }
    const assignment = placeTopic(state, topic, records)
    if ('errorCode' in assignment) {
      fail(assignment.errorCode, assignment.message)
      continue
    }
    const { replicas } = assignment
    const topicId = uuid()
    const result = makeCreatableTopicResult({
      name,
      topicId,
      numPartitions: replicas.length,
      replicationFactor: replicas[0]?.length ?? 1,
      errorMessage: null,
      configs: Object.entries(config).map(([key, value]) =>
        makeCreatableTopicConfigs({ name: key, value, configSource: 1 }),
      ),
    })
    topics.push(result)
    if (request.validateOnly) continue
    records.push({ type: 'topic', name, id: topicId, config: config as TopicConfig })
    for (const [partition, ids] of replicas.entries()) records.push(newPartition(state, topicId, partition, ids))
  }
  if (records.length - before > MAX_RECORDS_PER_REQUEST) {
    records.length = before
    return refuseAll(`One request may lead to at most ${MAX_RECORDS_PER_REQUEST} records.`)
  }
  return makeCreateTopicsResponse({ topics })
}

/** Names that are the same so make the same metric (Topic.hasCollision). */
function withoutDots(name: string): string {
  return name.replaceAll('.', '_')
}

function readConfig(topic: CreatableTopic, config: Record<string, string>): string | null {
  for (const { name, value } of topic.configs) {
    const problem = configProblem('topic', name, value)
    if (problem !== null) return problem
    config[name] = canonicalConfigValue('topic', name, value as string)
  }
  return null
}

export function deleteTopics(state: ControllerState, request: DeleteTopicsRequest, records: MetadataRecord[]) {
  const wanted = [
    ...request.topicNames.map((name) => ({ name, topicId: NO_TOPIC_ID })),
    ...request.topics.map(({ name, topicId }) => ({ name, topicId })),
  ]
  const names = wanted.map(({ name, topicId }) => name ?? state.image.topicNames.get(topicId) ?? null)
  const times = new Map<string | null, number>()
  for (const name of names) times.set(name, (times.get(name) ?? 0) + 1)
  const responses = wanted.map(({ name, topicId }, i): DeletableTopicResult => {
    const resolved = names[i] ?? null
    if (resolved !== null && (times.get(resolved) ?? 0) > 1) {
      return makeDeletableTopicResult({
        name,
        topicId,
        errorCode: ErrorCode.INVALID_REQUEST,
        errorMessage: 'Duplicate topic name.',
      })
    }
    const topic = resolved === null ? undefined : state.image.topics.get(resolved)
    if (topic === undefined) {
      const errorCode = name === null ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      return makeDeletableTopicResult({
        name,
        topicId,
        errorCode,
        errorMessage: 'This server does not host this topic.',
      })
    }
    records.push({ type: 'remove-topic', topicId: topic.id, name: topic.name })
    return makeDeletableTopicResult({ name: topic.name, topicId: topic.id })
  })
  return makeDeleteTopicsResponse({ responses })
}
