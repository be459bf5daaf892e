/** Requests of the consumer protocol (KIP-848), which kafkajs does not speak. */
import { makeConsumerGroupHeartbeatRequest, makeMetadataRequest } from '../../protocol/make.ts'
import type { ConsumerGroupHeartbeatRequest, OwnedTopicPartitions } from '../../protocol/messages.ts'
import { throwOnNewerError } from '../errors/newer-errors.ts'
import type { BrokerClient } from './broker.ts'

/** The first version that tells topic ids and can be asked by name (KIP-516). */
const METADATA_WITH_IDS = 12

export interface HeartbeatAnswer {
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  /** Null: as before. */
  readonly assignment: readonly OwnedTopicPartitions[] | null
}

export async function requestConsumerHeartbeat(
  broker: BrokerClient,
  request: Partial<ConsumerGroupHeartbeatRequest>,
): Promise<HeartbeatAnswer> {
  const { memberEpoch, heartbeatIntervalMs, assignment } = await broker.send(
    'ConsumerGroupHeartbeat',
    makeConsumerGroupHeartbeatRequest(request),
    {
      isApart: true,
      check: ({ errorCode, errorMessage }) => throwOnNewerError(errorCode, errorMessage),
    },
  )
  return { memberEpoch, heartbeatIntervalMs, assignment: assignment?.topicPartitions ?? null }
}

/** Topics that do not exist are left out. */
export async function requestTopicIds(
  broker: BrokerClient,
  names: readonly string[],
): Promise<{ readonly topicId: string; readonly name: string }[]> {
  const { topics } = await broker.send(
    'Metadata',
    makeMetadataRequest({ topics: names.map((name) => ({ name, topicId: NO_ID })), allowAutoTopicCreation: false }),
    { maxVersion: METADATA_WITH_IDS },
  )
  return topics.flatMap(({ errorCode, topicId, name }) => (errorCode === 0 && name !== null ? [{ topicId, name }] : []))
}

const NO_ID = 'A'.repeat(22)
