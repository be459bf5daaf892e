/** What brokers forward to the controller: one request in, the records it leads to and the answer out. */
import type { ControllerRequest } from '../decision.ts'
import type { MetadataRecord } from '../metadata.ts'
import { alterConfigs } from './configs.ts'
import { electLeaders, electUncleanLeaders } from './elections.ts'
import { updateFeatures } from './features.ts'
import { createPartitions } from './partitions.ts'
import { alterReassignments, listReassignments } from './reassignment.ts'
import { type ControllerState, commit } from './state.ts'
import { createTopics, deleteTopics } from './topics.ts'

export interface ControllerDecision {
  /** Appended to the log and sent to every broker. */
  readonly records: readonly MetadataRecord[]
  /** The typed answer to what was forwarded. */
  readonly response: unknown
}

export function stepController(
  state: ControllerState,
  request: ControllerRequest,
  uuid: () => string,
): ControllerDecision {
  const records: MetadataRecord[] = []
  const response = decide(state, request, uuid, records)
  commit(state, records)
  return { records: [...records, ...consequences(state, records)], response }
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
    case 'ElectLeaders':
      return electLeaders(state, request.body, records)
    case 'AlterPartitionReassignments':
      return alterReassignments(state, request.body, records)
    case 'UpdateFeatures':
      return updateFeatures(state.image, request, records)
    case 'ListPartitionReassignments':
      return listReassignments(state, request.body)
  }
}

/** What a changed configuration means for partitions as they are. */
function consequences(state: ControllerState, records: readonly MetadataRecord[]): readonly MetadataRecord[] {
  const changed = (key: string) => records.some((record) => record.type === 'config' && record.key === key)
  const forgotten = changed('min.insync.replicas') ? forgetEligible(state, records) : []
  // Kafka looks every unclean.leader.election.interval.ms (5 minutes); there is nothing to see in that wait.
  const elected = changed('unclean.leader.election.enable') ? electUncleanLeaders(state) : []
  return [...forgotten, ...elected]
}

/**
 * Who is eligible was worked out with the former min.insync.replicas, and may lack what was committed under the new one
 * (ConfigurationControlManager.createClearElrRecordsAsNeeded, ClearElrRecord).
 */
function forgetEligible(state: ControllerState, records: readonly MetadataRecord[]): readonly MetadataRecord[] {
  const topics = new Set<string>()
  for (const record of records) {
    if (record.type !== 'config' || record.key !== 'min.insync.replicas') continue
    if (record.resource === 'topic') topics.add(record.name)
    else if (record.name === '') for (const name of state.image.topics.keys()) topics.add(name)
  }
  const forgotten: MetadataRecord[] = []
  for (const [name, { id, partitions }] of state.image.topics) {
    if (!topics.has(name)) continue
    for (const info of partitions) {
      if (info.elr.length === 0 && info.lastKnownElr.length === 0) continue
      const partitionEpoch = info.partitionEpoch + 1
      forgotten.push({ type: 'partition', topicId: id, ...info, elr: [], lastKnownElr: [], partitionEpoch })
    }
  }
  commit(state, forgotten)
  return forgotten
}
