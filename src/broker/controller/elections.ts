/**
 * Elections somebody asks for (ElectLeaders, KIP-460) and elections the controller holds by itself: leadership goes back to
 * preferred replicas, and leaderless partitions get a leader once unclean ones are allowed.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeElectLeadersResponse } from '../../protocol/make.ts'
import type { ElectLeadersRequest, PartitionResult, ReplicaElectionResult } from '../../protocol/messages.ts'
import type { MetadataRecord, PartitionInfo, PartitionRecord, TopicInfo } from '../metadata.ts'
import { change, uncleanElectionAllowed } from './change.ts'
import { type ControllerState, commit } from './state.ts'

/** ElectionType.java. */
const PREFERRED = 0
const UNCLEAN = 1

/** ReplicationControlManager.electLeaders. */
export function electLeaders(state: ControllerState, request: ElectLeadersRequest, records: MetadataRecord[]) {
  const { electionType } = request
  if (electionType !== PREFERRED && electionType !== UNCLEAN) return unknownElection(request)
  const replicaElectionResults =
    request.topicPartitions === null
      ? electAll(state, electionType, records)
      : request.topicPartitions.map(({ topic, partitions }) => ({
          topic,
          partitionResult: partitions.map((partition) => electOne(state, topic, partition, electionType, records)),
        }))
  return makeElectLeadersResponse({ replicaElectionResults })
}

/** All partitions: those that need no election are not spoken of. */
function electAll(state: ControllerState, electionType: number, records: MetadataRecord[]): ReplicaElectionResult[] {
  return [...state.image.topics.values()].map(({ name, partitions }) => ({
    topic: name,
    partitionResult: partitions
      .map(({ partition }) => electOne(state, name, partition, electionType, records))
      .filter(({ errorCode }) => errorCode !== ErrorCode.ELECTION_NOT_NEEDED),
  }))
}

function electOne(
  state: ControllerState,
  name: string,
  partitionId: number,
  electionType: number,
  records: MetadataRecord[],
): PartitionResult {
  const answer = (errorCode: number, errorMessage: string | null = null) => ({ partitionId, errorCode, errorMessage })
  const topic = state.image.topics.get(name)
  if (topic === undefined) return answer(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `There is no topic '${name}'.`)
  const info = topic.partitions[partitionId]
  if (info === undefined) {
    return answer(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, `There is no partition ${partitionId} of topic '${name}'.`)
  }
  const unclean = electionType === UNCLEAN
  if (unclean ? info.leader >= 0 : info.leader === info.replicas[0]) return answer(ErrorCode.ELECTION_NOT_NEEDED)
  const record = change(state, topic, info, { election: unclean ? 'unclean' : 'preferred' })
  if (record === null) {
    return answer(unclean ? ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE : ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE)
  }
  records.push(record)
  return answer(ErrorCode.NONE)
}

/** ElectLeadersRequest.getErrorResponse: the error of the whole is the error of each. */
function unknownElection({ electionType, topicPartitions }: ElectLeadersRequest) {
  const errorCode = ErrorCode.INVALID_REQUEST
  const errorMessage = `There is no election type ${electionType}.`
  return makeElectLeadersResponse({
    errorCode,
    replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }) => ({
      topic,
      partitionResult: partitions.map((partitionId) => ({ partitionId, errorCode, errorMessage })),
    })),
  })
}

/** QuorumController.MAX_ELECTIONS_PER_IMBALANCE. */
const MAX_ELECTIONS = 1000

/**
 * Gives leadership back to the preferred replicas that are in sync (maybeBalancePartitionLeaders): what the controller does
 * every `leader.imbalance.check.interval.seconds`. At most 1000 elections at once: with that many, call again at once.
 */
export function rebalanceLeaders(state: ControllerState): readonly MetadataRecord[] {
  return electWhere(state, isImbalanced, 'preferred')
}

/** Every how many milliseconds that is looked at; null while there is nothing to give back, or nobody wants it. */
export function rebalanceDueInMs({ config, image }: ControllerState): number | null {
  if (config['auto.leader.rebalance.enable'] !== 'true') return null
  for (const { partitions } of image.topics.values()) {
    if (partitions.some(isImbalanced)) return Number(config['leader.imbalance.check.interval.seconds']) * 1000
  }
  return null
}

function isImbalanced({ leader, replicas }: PartitionInfo): boolean {
  return leader !== replicas[0]
}

/** Leaders for leaderless partitions whose topics allow unclean elections (maybeElectUncleanLeaders). */
export function electUncleanLeaders(state: ControllerState): readonly MetadataRecord[] {
  return electWhere(state, ({ leader }, topic) => leader < 0 && uncleanElectionAllowed(state, topic), 'unclean')
}

function electWhere(
  state: ControllerState,
  wanted: (info: PartitionInfo, topic: TopicInfo) => boolean,
  election: 'preferred' | 'unclean',
): readonly MetadataRecord[] {
  const records: PartitionRecord[] = []
  for (const topic of state.image.topics.values()) {
    for (const info of topic.partitions) {
      if (records.length >= MAX_ELECTIONS) break
      const record = wanted(info, topic) ? change(state, topic, info, { election }) : null
      if (record !== null) records.push(record)
    }
  }
  commit(state, records)
  return records
}
