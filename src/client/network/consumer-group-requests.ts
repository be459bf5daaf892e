/** Requests of the consumer protocol (KIP-848), which kafkajs does not speak. */
import { errorByCode } from '../../protocol/errors.ts'
import { makeConsumerGroupHeartbeatRequest, makeMetadataRequest } from '../../protocol/make.ts'
import type { ConsumerGroupHeartbeatRequest, OwnedTopicPartitions } from '../../protocol/messages.ts'
import { KafkaJSProtocolError } from '../errors/broker-errors.ts'
import { errorFromCode } from '../errors/protocol-errors.ts'
import type { BrokerClient } from './broker.ts'

/** The first version that tells topic ids and can be asked by name (KIP-516). */
const METADATA_WITH_IDS = 12
/** Where kafkajs's list of errors ends. */
const KAFKAJS_KNOWS_UP_TO = 88

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
      check: ({ errorCode, errorMessage }) => throwOnGroupError(errorCode, errorMessage),
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

/** kafkajs's errors where it has them, Kafka's for the codes of this protocol. */
export function throwOnGroupError(code: number, message: string | null = null): void {
  if (code === 0) return
  const known = code > KAFKAJS_KNOWS_UP_TO ? errorByCode(code) : undefined
  if (known === undefined) throw errorFromCode(code)
  const { name: type, retriable, meaning } = known
  throw new KafkaJSProtocolError({ type, code, retriable, message: message ?? meaning })
}
