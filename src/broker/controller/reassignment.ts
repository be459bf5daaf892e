/**
 * Reassignment (KIP-455; ReplicationControlManager.alterPartitionReassignments): replicas are added first, and once all that
 * are to stay are in sync the others go (`completeReassignment` in partition-change.ts). It may be cancelled meanwhile.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeAlterPartitionReassignmentsResponse, makeListPartitionReassignmentsResponse } from '../../protocol/make.ts'
import type {
  AlterPartitionReassignmentsRequest,
  ListPartitionReassignmentsRequest,
  OngoingPartitionReassignment,
  OngoingTopicReassignment,
  ReassignablePartition,
} from '../../protocol/messages.ts'
import type { MetadataRecord, PartitionInfo, PartitionRecord, TopicInfo } from '../metadata.ts'
import { change, electionOf, uncleanElectionAllowed } from './change.ts'
import { without } from './partition-change.ts'
import type { ControllerState } from './state.ts'

interface Refusal {
  readonly errorCode: number
  readonly message: string
}
/** The record of an accepted change; null = there is nothing to do. */
type Outcome = Refusal | PartitionRecord | null

/** Partitions stand for themselves: one that is refused does not hold up the others. */
export function alterReassignments(
  state: ControllerState,
  { topics, allowReplicationFactorChange }: AlterPartitionReassignmentsRequest,
  records: MetadataRecord[],
) {
  const responses = topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((target) => {
      const outcome = reassign(state, name, target, allowReplicationFactorChange)
      const { partitionIndex } = target
      if (outcome !== null && 'errorCode' in outcome) {
        return { partitionIndex, errorCode: outcome.errorCode, errorMessage: outcome.message }
      }
      if (outcome !== null) records.push(outcome)
      return { partitionIndex, errorCode: ErrorCode.NONE, errorMessage: null }
    }),
  }))
  return makeAlterPartitionReassignmentsResponse({ errorMessage: null, allowReplicationFactorChange, responses })
}

function reassign(
  state: ControllerState,
  name: string,
  { partitionIndex, replicas }: ReassignablePartition,
  allowFactorChange: boolean,
): Outcome {
  const topic = state.image.topics.get(name)
  const info = topic?.partitions[partitionIndex]
  if (topic === undefined || info === undefined) {
    const what = topic === undefined ? `topic '${name}'` : `partition ${partitionIndex} of topic '${name}'`
    return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message: `There is no ${what}.` }
  }
  if (replicas === null) return cancel(state, topic, info)
  return problemWith(state, info, replicas, allowFactorChange) ?? begin(state, topic, info, replicas)
}

/** validateManualPartitionAssignment, and for v1 validatePartitionReplicationFactorUnchanged (KIP-860). */
function problemWith(
  { image }: ControllerState,
  info: PartitionInfo,
  replicas: readonly number[],
  allowFactorChange: boolean,
): Refusal | null {
  const bad = (what: string) => ({
    errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT,
    message: `The assignment ${what}`,
  })
  if (replicas.length === 0) return bad('names no broker.')
  for (const id of [...replicas].sort((a, b) => a - b)) {
    if (!image.brokers.has(id)) return bad(`names broker ${id}, which is not registered.`)
    if (replicas.indexOf(id) !== replicas.lastIndexOf(id)) return bad(`names broker ${id} twice.`)
  }
  const after = without(info.replicas, info.removingReplicas).length
  if (!allowFactorChange && replicas.length !== after) {
    return {
      errorCode: ErrorCode.INVALID_REPLICATION_FACTOR,
      message: `The replication factor would change from ${after} to ${replicas.length}, and the request does not allow that.`,
    }
  }
  return null
}

/**
 * changePartitionReassignment: a new target replaces the one there may be. As in Kafka, replicas that the former one removes
 * are still removed when the new one names all replicas there are.
 */
function begin(
  state: ControllerState,
  topic: TopicInfo,
  info: PartitionInfo,
  target: readonly number[],
): PartitionRecord | null {
  const removing = without(info.replicas, target).sort((a, b) => a - b)
  const adding = without(target, info.replicas).sort((a, b) => a - b)
  return change(state, topic, info, {
    replicas: [...target, ...removing],
    ...(removing.length > 0 ? { removing } : {}),
    ...(adding.length > 0 ? { adding } : {}),
  })
}

/** PartitionReassignmentRevert: what was being added goes, what was being removed stays. */
function cancel(state: ControllerState, topic: TopicInfo, info: PartitionInfo): Outcome {
  const { addingReplicas, removingReplicas } = info
  if (addingReplicas.length === 0 && removingReplicas.length === 0) {
    return {
      errorCode: ErrorCode.NO_REASSIGNMENT_IN_PROGRESS,
      message: 'No partition reassignment is in progress.',
    }
  }
  const replicas = without(info.replicas, addingReplicas)
  const isr = without(info.isr, addingReplicas)
  // Nobody is in sync but those that go: the first that stays would have to lead, whatever it lacks.
  if (isr.length === 0 && !uncleanElectionAllowed(state, topic)) {
    return {
      errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      message: `The reassignment of ${topic.name}-${info.partition} cannot be undone without an unclean election.`,
    }
  }
  return change(state, topic, info, {
    replicas,
    isr: isr.length > 0 ? isr : replicas.slice(0, 1),
    adding: [],
    removing: [],
    election: electionOf(state, topic),
  })
}

export function listReassignments(state: ControllerState, { topics }: ListPartitionReassignmentsRequest) {
  const wanted =
    topics ??
    [...state.image.topics].map(([name, { partitions }]) => ({ name, partitionIndexes: [...partitions.keys()] }))
  const ongoing: OngoingTopicReassignment[] = []
  for (const { name, partitionIndexes } of wanted) {
    const partitions = partitionIndexes
      .map((index) => ongoingAt(state.image.topics.get(name), index))
      .filter((partition) => partition !== null)
    if (partitions.length > 0) ongoing.push({ name, partitions })
  }
  return makeListPartitionReassignmentsResponse({ errorMessage: null, topics: ongoing })
}

function ongoingAt(topic: TopicInfo | undefined, partitionIndex: number): OngoingPartitionReassignment | null {
  const info = topic?.partitions[partitionIndex]
  if (info === undefined) return null
  const { replicas, addingReplicas, removingReplicas } = info
  if (addingReplicas.length === 0 && removingReplicas.length === 0) return null
  return { partitionIndex, replicas, addingReplicas, removingReplicas }
}
