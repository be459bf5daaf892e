/** The id an idempotent producer writes under (kafkajs's eosManager, initProducerId). */
import { viewError } from '../errors/classify.ts'
import type { Cluster } from '../metadata/cluster.ts'
import { type ProducerIdentity, requestProducerId } from '../network/producer-requests.ts'
import { GiveUp, type Retrier } from '../retry.ts'
import { shared } from '../sync/shared.ts'
import type { Logger } from '../types/logging.ts'

export interface ProducerIds {
  /** Undefined until the broker has given one. */
  current(): ProducerIdentity | undefined
  /** Asks for a new one, which replaces the current one. Callers that come meanwhile get the same. */
  renew(): Promise<ProducerIdentity>
}

export interface ProducerIdsOptions {
  readonly cluster: Cluster
  readonly logger: Logger
  /** That of `Kafka`, not of the producer. */
  readonly retrier: Retrier
  readonly transactionTimeoutMs: number
}

const RETRIED: ReadonlySet<string | undefined> = new Set([
  'NOT_COORDINATOR_FOR_GROUP',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  // The broker waits for a block of ids from the controller.
  'GROUP_LOAD_IN_PROGRESS',
  'CONCURRENT_TRANSACTIONS',
])

export function createProducerIds({ cluster, logger, retrier, transactionTimeoutMs }: ProducerIdsOptions): ProducerIds {
  let identity: ProducerIdentity | undefined
  const renew = shared(() =>
    retrier(async () => {
      try {
        await cluster.refreshMetadataIfNecessary()
        const broker = await cluster.findControllerBroker()
        identity = await requestProducerId(broker, transactionTimeoutMs)
        logger.debug('Initialized producer id & epoch', { ...identity })
        return identity
      } catch (error) {
        throw RETRIED.has(viewError(error).type) ? error : new GiveUp(error)
      }
    }),
  )
  return { current: () => identity, renew }
}
