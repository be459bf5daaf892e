/** Topics grow (ControllerApis.createPartitions, ReplicationControlManager.createPartitions). */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeCreatePartitionsResponse, makeCreatePartitionsTopicResult } from '../../protocol/make.ts'
import type {
  CreatePartitionsRequest,
  CreatePartitionsTopic,
  CreatePartitionsTopicResult,
} from '../../protocol/messages.ts'
import { isActive, isInternal, type MetadataRecord } from '../metadata.ts'
import { MAX_RECORDS_PER_REQUEST, newPartition, type Placement, placeInTurn } from './placement.ts'
import type { ControllerState } from './state.ts'

/** ControllerApis.createPartitions, ReplicationControlManager.createPartitions. */
export function createPartitions(state: ControllerState, request: CreatePartitionsRequest, records: MetadataRecord[]) {
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
    if (!brokerIds.some((id) => isActive(state.image, id))) {
      return bad(`leaves partition ${first + i} without a broker that is up.`)
    }
    replicas.push([...brokerIds])
  }
  return { replicas }
}
