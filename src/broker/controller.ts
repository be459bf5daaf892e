/**
 * The controller: owner of the metadata log (ReplicationControlManager.java, ClusterControlManager.java). It answers
 * forwarded requests, and every change is a record that brokers apply later.
 */
import { ErrorCode } from '../protocol/errors.ts'
import {
  makeCreatableTopicConfigs,
  makeCreatableTopicResult,
  makeCreatePartitionsResponse,
  makeCreatePartitionsTopicResult,
  makeCreateTopicsResponse,
  makeDeletableTopicResult,
  makeDeleteTopicsResponse,
} from '../protocol/make.ts'
import type {
  CreatableTopic,
  CreatableTopicResult,
  CreatePartitionsRequest,
  CreatePartitionsTopic,
  CreatePartitionsTopicResult,
  CreateTopicsRequest,
  DeletableTopicResult,
  DeleteTopicsRequest,
} from '../protocol/messages.ts'
import {
  type BrokerConfig,
  canonicalConfigValue,
  configProblem,
  intConfig,
  type TopicConfig,
  topicConfigConflict,
} from './config.ts'
import { alterConfigs } from './controller-configs.ts'
import type { ControllerRequest } from './decision.ts'
import {
  applyMetadata,
  createImage,
  isInternal,
  type MetadataImage,
  type MetadataRecord,
  NO_TOPIC_ID,
  OFFSETS_TOPIC,
  topicById,
  topicNameProblem,
} from './metadata.ts'
import type { AlterPartition } from './replication/messages.ts'
import type { Switches } from './switches.ts'

export interface ControllerState {
  readonly config: BrokerConfig
  readonly switches: Switches
  /** The metadata log. */
  readonly log: MetadataRecord[]
  readonly image: MetadataImage
}

export interface ControllerDecision {
  /** Appended to the log and sent to every broker. */
  readonly records: readonly MetadataRecord[]
  /** The typed answer to what was forwarded. */
  readonly response: unknown
}

export function createController(config: BrokerConfig, switches: Switches): ControllerState {
  return { config, switches, log: [], image: createImage() }
}

export function stepController(
  state: ControllerState,
  request: ControllerRequest,
  uuid: () => string,
): ControllerDecision {
  const records: MetadataRecord[] = []
  const response = decide(state, request, uuid, records)
  commit(state, records)
  return { records, response }
}

function decide(state: ControllerState, request: ControllerRequest, uuid: () => string, records: MetadataRecord[]) {
  switch (request.api) {
    case 'CreateTopics':
      return createTopics(state, request.body, request.internal, uuid, records)
    case 'DeleteTopics':
      return deleteTopics(state, request.body, records)
    case 'CreatePartitions':
      return createPartitions(state, request.body, records)
    case 'AlterConfigs':
    case 'IncrementalAlterConfigs':
      return alterConfigs(state.image, state.config, request, records)
  }
}

/**
 * A broker registered, was fenced or came back. Fenced, it leaves every ISR it is not the last member of, and what it led
 * goes to the first living in-sync replica (clean election); unfenced, it leads again what nobody else may lead.
 */
export function brokerChanged(
  state: ControllerState,
  broker: { readonly id: number; readonly host: string; readonly port: number; readonly fenced: boolean },
): readonly MetadataRecord[] {
  const records: MetadataRecord[] = [{ type: 'broker', ...broker }]
  const alive = (id: number) => (id === broker.id ? !broker.fenced : state.image.brokers.get(id)?.fenced === false)
  for (const topic of state.image.topics.values()) {
    for (const info of topic.partitions) {
      if (!info.replicas.includes(broker.id)) continue
      // The last in-sync replica stays in the ISR while it is away (law R2).
      const others = info.isr.filter((id) => id !== broker.id)
      const isr = broker.fenced && others.length > 0 ? others : info.isr
      const leader = alive(info.leader)
        ? info.leader
        : (info.replicas.find((id) => isr.includes(id) && alive(id)) ?? -1)
      if (leader === info.leader && isr.length === info.isr.length) continue
      records.push({
        type: 'partition',
        topicId: topic.id,
        partition: info.partition,
        replicas: info.replicas,
        isr,
        leader,
        leaderEpoch: leader === info.leader ? info.leaderEpoch : info.leaderEpoch + 1,
        partitionEpoch: info.partitionEpoch + 1,
      })
    }
  }
  commit(state, records)
  return records
}

/** ReplicationControlManager.alterPartition: accepted from the leader of now, over what is known now, with living brokers. */
export function alterPartition(
  state: ControllerState,
  from: number,
  request: AlterPartition,
): readonly MetadataRecord[] | null {
  const topic = topicById(state.image, request.topicId)
  const info = topic?.partitions[request.partition]
  if (topic === undefined || info === undefined || info.leader !== from) return null
  if (info.leaderEpoch !== request.leaderEpoch || info.partitionEpoch !== request.partitionEpoch) return null
  const valid = request.isr.every((id) => info.replicas.includes(id) && state.image.brokers.get(id)?.fenced === false)
  if (!valid || !request.isr.includes(from)) return null
  const records: MetadataRecord[] = [
    {
      type: 'partition',
      topicId: topic.id,
      partition: info.partition,
      replicas: info.replicas,
      isr: request.isr,
      leader: info.leader,
      leaderEpoch: info.leaderEpoch,
      partitionEpoch: info.partitionEpoch + 1,
    },
  ]
  commit(state, records)
  return records
}

function commit(state: ControllerState, records: readonly MetadataRecord[]): void {
  for (const record of records) {
    state.log.push(record)
    applyMetadata(state.image, record)
  }
}

function createTopics(
  state: ControllerState,
  request: CreateTopicsRequest,
  internal: boolean,
  uuid: () => string,
  records: MetadataRecord[],
) {
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
    const collision = [...state.image.topics.keys()].find(
      (other) => other.replaceAll('.', '_') === name.replaceAll('.', '_'),
    )
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
    const assignment = place(state, topic, records)
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
      configs: Object.entries(config).map(([key, value]) =>
        makeCreatableTopicConfigs({ name: key, value, configSource: 1 }),
      ),
    })
    topics.push(result)
    if (request.validateOnly) continue
    records.push({ type: 'topic', name, id: topicId, config: config as TopicConfig })
    for (const [partition, ids] of replicas.entries()) records.push(newPartition(state, topicId, partition, ids))
  }
  return makeCreateTopicsResponse({ topics })
}

function readConfig(topic: CreatableTopic, config: Record<string, string>): string | null {
  for (const { name, value } of topic.configs) {
    const problem = configProblem('topic', name, value)
    if (problem !== null) return problem
    config[name] = canonicalConfigValue('topic', name, value as string)
  }
  return null
}

function newPartition(
  state: ControllerState,
  topicId: string,
  partition: number,
  replicas: readonly number[],
): MetadataRecord {
  const leader = leaderOf(state, replicas)
  // Only brokers that are up begin in sync.
  const isr = replicas.filter((id) => state.image.brokers.get(id)?.fenced === false)
  return { type: 'partition', topicId, partition, replicas, isr, leader, leaderEpoch: 0, partitionEpoch: 0 }
}

function leaderOf(state: ControllerState, replicas: readonly number[]): number {
  return replicas.find((id) => state.image.brokers.get(id)?.fenced === false) ?? -1
}

type Placement =
  | { readonly replicas: readonly (readonly number[])[] }
  | { readonly errorCode: number; readonly message: string }

/** Successive partitions and topics go round the brokers (StripedReplicaPlacer without chance). */
function place(state: ControllerState, topic: CreatableTopic, records: readonly MetadataRecord[]): Placement {
  if (topic.assignments.length > 0) return manualPlacement(state, topic)
  const partitions =
    topic.numPartitions === -1
      ? intConfig(state.config, topic.name === OFFSETS_TOPIC ? 'offsets.topic.num.partitions' : 'num.partitions')
      : topic.numPartitions
  if (partitions < 1) {
    return {
      errorCode: ErrorCode.INVALID_PARTITIONS,
      message: 'Number of partitions was set to an invalid non-positive value.',
    }
  }
  const factor = topic.replicationFactor === -1 ? defaultFactor(state, topic.name) : topic.replicationFactor
  if (factor < 1) {
    return { errorCode: ErrorCode.INVALID_REPLICATION_FACTOR, message: 'Replication factor must be larger than 0.' }
  }
  return placeInTurn(state, isInternal(topic.name), partitions, factor, records)
}

/** Goes on where the last placement ended; an internal topic starts anew, so that it moves nothing. */
function placeInTurn(
  state: ControllerState,
  internal: boolean,
  count: number,
  factor: number,
  records: readonly MetadataRecord[],
): Placement {
  const usable = [...state.image.brokers.values()].filter(({ fenced }) => !fenced).map(({ id }) => id)
  if (factor > usable.length || usable.length === 0) {
    return {
      errorCode: ErrorCode.INVALID_REPLICATION_FACTOR,
      message: `The target replication factor of ${factor} cannot be reached: ${usable.length} broker(s) are up.`,
    }
  }
  let placed = records.filter(({ type }) => type === 'partition').length
  for (const other of state.image.topics.values()) if (!isInternal(other.name)) placed += other.partitions.length
  const start = internal ? 0 : placed
  const replicasOf = (partition: number) =>
    Array.from({ length: factor }, (_, i) => usable[(start + partition + i) % usable.length] as number)
  return { replicas: Array.from({ length: count }, (_, partition) => replicasOf(partition)) }
}

/** The offsets topic has as many replicas as it should and as there are brokers. */
function defaultFactor(state: ControllerState, topic: string): number {
  if (topic !== OFFSETS_TOPIC) return intConfig(state.config, 'default.replication.factor')
  return Math.min(intConfig(state.config, 'offsets.topic.replication.factor'), Math.max(state.image.brokers.size, 1))
}

function manualPlacement(state: ControllerState, topic: CreatableTopic): Placement {
  const bad = (message: string) => ({ errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT, message })
  if (topic.numPartitions !== -1 || topic.replicationFactor !== -1) {
    return {
      errorCode: ErrorCode.INVALID_REQUEST,
      message: 'With a manual assignment, partition count and replication factor must both be -1.',
    }
  }
  const replicas: number[][] = []
  for (const { partitionIndex, brokerIds } of topic.assignments) {
    if (replicas[partitionIndex] !== undefined)
      return bad(`Found multiple manual assignments for partition ${partitionIndex}.`)
    const unknown = brokerIds.find((id) => !state.image.brokers.has(id))
    if (brokerIds.length === 0) return bad('The manual partition assignment includes an empty replica list.')
    if (unknown !== undefined)
      return bad(`The manual partition assignment includes broker ${unknown}, but no such broker is registered.`)
    if (new Set(brokerIds).size !== brokerIds.length)
      return bad('The manual partition assignment includes duplicate brokers.')
    if (leaderOf(state, brokerIds) < 0)
      return bad(`All brokers of the manual assignment for partition ${partitionIndex} are down.`)
    replicas[partitionIndex] = [...brokerIds]
  }
  for (let i = 0; i < replicas.length; i++) {
    if (replicas[i] === undefined) return bad('Partitions should be a consecutive 0-based integer sequence.')
  }
  return { replicas }
}

/** The most records one request may lead to (QuorumController.MAX_RECORDS_PER_USER_OP). */
const MAX_RECORDS_PER_REQUEST = 10_000

/** ControllerApis.createPartitions, ReplicationControlManager.createPartitions. */
function createPartitions(state: ControllerState, request: CreatePartitionsRequest, records: MetadataRecord[]) {
  const times = new Map<string, number>()
  for (const { name } of request.topics) times.set(name, (times.get(name) ?? 0) + 1)
  const results: CreatePartitionsTopicResult[] = []
  for (const [name, count] of times) {
    if (count === 1) continue
    const errorMessage = 'Duplicate topic name.'
    results.push(makeCreatePartitionsTopicResult({ name, errorCode: ErrorCode.INVALID_REQUEST, errorMessage }))
  }
  const added: MetadataRecord[] = []
  for (const topic of request.topics) {
    const { name } = topic
    if ((times.get(name) ?? 0) > 1) continue
    const grown = growTopic(state, topic, added)
    if ('errorCode' in grown) {
      const { errorCode, message } = grown
      results.push(makeCreatePartitionsTopicResult({ name, errorCode, errorMessage: message }))
      continue
    }
    added.push(...grown.records)
    results.push(makeCreatePartitionsTopicResult({ name }))
  }
  if (!request.validateOnly) records.push(...added)
  return makeCreatePartitionsResponse({ results })
}

interface Refusal {
  readonly errorCode: number
  readonly message: string
}

/** The records that bring a topic to its new number of partitions. */
function growTopic(
  state: ControllerState,
  { name, count, assignments }: CreatePartitionsTopic,
  added: readonly MetadataRecord[],
): Refusal | { readonly records: readonly MetadataRecord[] } {
  const refuse = (errorCode: number, message: string): Refusal => ({ errorCode, message })
  const topic = state.image.topics.get(name)
  if (topic === undefined) {
    return refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `There is no topic '${name}'.`)
  }
  if (isInternal(name)) return refuse(ErrorCode.INVALID_TOPIC_EXCEPTION, internalGrowthMessage(name))
  const has = topic.partitions.length
  if (count === has) return refuse(ErrorCode.INVALID_PARTITIONS, `Topic '${name}' has ${has} partition(s) already.`)
  if (count < has) {
    return refuse(
      ErrorCode.INVALID_PARTITIONS,
      `Topic '${name}' has ${has} partition(s); their number can only grow, and ${count} is less.`,
    )
  }
  const more = count - has
  if (assignments !== null && assignments.length !== more) {
    return refuse(
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      `Topic '${name}' would get ${more} new partition(s), but ${assignments.length} assignment(s) came with the request.`,
    )
  }
  if (added.length + more > MAX_RECORDS_PER_REQUEST) {
    return refuse(
      ErrorCode.POLICY_VIOLATION,
      `One request may add at most ${MAX_RECORDS_PER_REQUEST} partitions; topic ${name} asks for ${more}.`,
    )
  }
  const factor = topic.partitions[0]?.replicas.length ?? 1
  const placement =
    assignments === null
      ? placeInTurn(state, false, more, factor, added)
      : assignedByHand(state, has, factor, assignments)
  if ('errorCode' in placement) return placement
  return { records: placement.replicas.map((ids, i) => newPartition(state, topic.id, has + i, ids)) }
}

/**
 * Kafka lets `__consumer_offsets` grow. Its brokers count the partitions when they start (GroupCoordinatorService.startup): a
 * broker that restarts then looks for groups where they are not.
 */
function internalGrowthMessage(name: string): string {
  return `Topic '${name}' is internal: more partitions would send its groups to other coordinators, away from their offsets. Set "offsets.topic.num.partitions" before it is made.`
}

/** ReplicationControlManager.validateManualPartitionAssignment, for partitions from `first` on. */
function assignedByHand(
  state: ControllerState,
  first: number,
  factor: number,
  assignments: readonly { readonly brokerIds: readonly number[] }[],
): Placement {
  const bad = (what: string) => ({
    errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT,
    message: `The assignment of a new partition ${what}`,
  })
  const replicas: (readonly number[])[] = []
  for (const [i, { brokerIds }] of assignments.entries()) {
    if (brokerIds.length === 0) return bad('names no broker.')
    for (const id of [...brokerIds].sort((a, b) => a - b)) {
      if (!state.image.brokers.has(id)) return bad(`names broker ${id}, which is not registered.`)
      if (brokerIds.indexOf(id) !== brokerIds.lastIndexOf(id)) {
        return bad(`names broker ${id} twice.`)
      }
    }
    if (brokerIds.length !== factor) {
      return bad(`has ${brokerIds.length} replica(s), the topic's other partitions have ${factor}.`)
    }
    if (leaderOf(state, brokerIds) < 0) {
      return bad(`leaves partition ${first + i} without a broker that is up.`)
    }
    replicas.push([...brokerIds])
  }
  return { replicas }
}

function deleteTopics(state: ControllerState, request: DeleteTopicsRequest, records: MetadataRecord[]) {
  const wanted = [
    ...request.topicNames.map((name) => ({ name, topicId: NO_TOPIC_ID })),
    ...request.topics.map(({ name, topicId }) => ({ name, topicId })),
  ]
  const names = wanted.map(({ name, topicId }) => name ?? state.image.topicNames.get(topicId) ?? null)
  const responses = wanted.map(({ name, topicId }, i): DeletableTopicResult => {
    const resolved = names[i] ?? null
    if (resolved !== null && names.indexOf(resolved) !== names.lastIndexOf(resolved)) {
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
