/**
 * AlterPartition (KIP-497, 704, 841, 903; ReplicationControlManager.alterPartition): the leader of now proposes who is in
 * sync. Checks and their order are Kafka's.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { type MetadataRecord, type PartitionInfo, topicById } from '../metadata.ts'
import type { AlterPartition } from '../replication/messages.ts'
import { change, electionOf } from './change.ts'
import { type ControllerState, commit } from './state.ts'

export interface AlterPartitionResult {
  readonly errorCode: number
  /** May be there together with NEW_LEADER_ELECTED: the change completed a reassignment and took the leader's place away. */
  readonly records: readonly MetadataRecord[]
}

export function alterPartition(state: ControllerState, from: number, request: AlterPartition): AlterPartitionResult {
  const refuse = (errorCode: number): AlterPartitionResult => ({ errorCode, records: [] })
  if (isStaleSender(state, from, request.brokerEpoch)) return refuse(ErrorCode.STALE_BROKER_EPOCH)
  const topic = topicById(state.image, request.topicId)
  if (topic === undefined) return refuse(ErrorCode.UNKNOWN_TOPIC_ID)
  const info = topic.partitions[request.partition]
  if (info === undefined) return refuse(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  const errorCode = problemWith(state, from, request, info)
  if (errorCode !== ErrorCode.NONE) return refuse(errorCode)
  const record = change(state, topic, info, {
    isr: request.isr.map(({ brokerId }) => brokerId),
    leaderRecoveryState: request.leaderRecoveryState,
    election: electionOf(state, topic),
  })
  if (record === null) return { errorCode: ErrorCode.NONE, records: [] }
  commit(state, [record])
  // The leader may be among the replicas that a completed reassignment removed.
  return { errorCode: record.leader === from ? ErrorCode.NONE : ErrorCode.NEW_LEADER_ELECTED, records: [record] }
}

/** ClusterControlManager.checkBrokerEpoch; -1 = the sender does not say. */
function isStaleSender({ image, switches }: ControllerState, from: number, brokerEpoch: number): boolean {
  const broker = image.brokers.get(from)
  if (broker === undefined) return true
  return switches.brokerEpochFencing && brokerEpoch !== -1 && brokerEpoch !== broker.epoch
}

/** ReplicationControlManager.validateAlterPartitionData. */
function problemWith(state: ControllerState, from: number, request: AlterPartition, info: PartitionInfo): number {
  // The leader knows of a later decision: it is this controller that is out of date.
  if (request.leaderEpoch > info.leaderEpoch || request.partitionEpoch > info.partitionEpoch) {
    return ErrorCode.NOT_CONTROLLER
  }
  if (request.leaderEpoch < info.leaderEpoch) return ErrorCode.FENCED_LEADER_EPOCH
  if (from !== info.leader) return ErrorCode.INVALID_REQUEST
  if (request.partitionEpoch < info.partitionEpoch) return ErrorCode.INVALID_UPDATE_VERSION
  const isr = request.isr.map(({ brokerId }) => brokerId)
  const valid = new Set(isr).size === isr.length && isr.every((id) => info.replicas.includes(id))
  if (!valid || !isr.includes(info.leader)) return ErrorCode.INVALID_REQUEST
  if (request.leaderRecoveryState === 'recovering' && (isr.length > 1 || info.leaderRecoveryState === 'recovered')) {
    return ErrorCode.INVALID_REQUEST
  }
  const ineligible = request.isr.some(({ brokerId, brokerEpoch }) => isIneligible(state, brokerId, brokerEpoch))
  return ineligible ? ErrorCode.INELIGIBLE_REPLICA : ErrorCode.NONE
}

/** KIP-841 and 903: on its way out, out, or another incarnation than the one the leader has seen. */
function isIneligible({ image, switches }: ControllerState, id: number, brokerEpoch: number): boolean {
  const broker = image.brokers.get(id)
  if (broker === undefined || broker.inControlledShutdown || broker.fenced) return true
  return switches.brokerEpochFencing && brokerEpoch !== -1 && brokerEpoch !== broker.epoch
}
