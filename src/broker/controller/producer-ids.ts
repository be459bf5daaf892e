/**
 * AllocateProducerIds (KIP-730, ProducerIdControlManager): blocks of producer ids for brokers. The log says where the next one
 * begins, so no id is given twice, whichever controller gives it.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import type { MetadataRecord } from '../metadata.ts'
import type { AllocateProducerIds, ProducerIdsAllocated } from '../replication/messages.ts'
import { type ControllerState, commit } from './state.ts'

/** ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE. */
export const PRODUCER_ID_BLOCK_SIZE = 1000

export interface ProducerIdsResult {
  readonly records: readonly MetadataRecord[]
  readonly answer: ProducerIdsAllocated
}

export function allocateProducerIds(
  state: ControllerState,
  from: number,
  { brokerEpoch }: AllocateProducerIds,
): ProducerIdsResult {
  const broker = state.image.brokers.get(from)
  if (broker === undefined) return refused(ErrorCode.BROKER_ID_NOT_REGISTERED)
  if (broker.epoch !== brokerEpoch) return refused(ErrorCode.STALE_BROKER_EPOCH)
  const first = state.image.nextProducerId
  const nextProducerId = first + PRODUCER_ID_BLOCK_SIZE
  const record: MetadataRecord = { type: 'producer-ids', brokerId: from, brokerEpoch, nextProducerId }
  commit(state, [record])
  const answer = { type: 'producer-ids', errorCode: ErrorCode.NONE, first, count: PRODUCER_ID_BLOCK_SIZE } as const
  return { records: [record], answer }
}

function refused(errorCode: number): ProducerIdsResult {
  return { records: [], answer: { type: 'producer-ids', errorCode, first: -1, count: 0 } }
}
