/** What brokers forward to the controller: one request in, the records it leads to and the answer out. */
import type { ControllerRequest } from '../decision.ts'
import type { MetadataRecord } from '../metadata.ts'
import { alterConfigs } from './configs.ts'
import { createPartitions } from './partitions.ts'
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
