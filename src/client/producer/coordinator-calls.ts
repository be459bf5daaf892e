/**
 * Requests to a coordinator that may move, load or be away: it is looked for once, and anew when it is not where it was. kafkajs looks
 * for it before every request, and fails with the first answer of a coordinator that has moved.
 */
import { viewError } from '../errors/classify.ts'
import type { Cluster } from '../metadata/cluster.ts'
import type { BrokerClient } from '../network/broker.ts'
import { GiveUp, type Retrier } from '../retry.ts'
import type { Logger } from '../types/logging.ts'

export type CoordinatorCall = <T>(ask: (coordinator: BrokerClient) => Promise<T>) => Promise<T>

export interface CoordinatorCallOptions {
  readonly cluster: Cluster
  readonly logger: Logger
  /** That of `Kafka`, not of the producer. */
  readonly retrier: Retrier
  readonly find: () => Promise<BrokerClient>
  /** Stands in the log. */
  readonly transactionalId: string
  /** Types of errors to wait out, besides those of every coordinator. */
  readonly alsoRetried?: readonly string[]
}

const MOVED: ReadonlySet<string> = new Set(['NOT_COORDINATOR_FOR_GROUP', 'GROUP_COORDINATOR_NOT_AVAILABLE'])
const BUSY: ReadonlySet<string> = new Set(['GROUP_LOAD_IN_PROGRESS', 'CONCURRENT_TRANSACTIONS'])
const AWAY: ReadonlySet<string> = new Set([
  'KafkaJSBrokerNotFound',
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
])

export function createCoordinatorCall(options: CoordinatorCallOptions): CoordinatorCall {
  const { cluster, logger, retrier, find, transactionalId, alsoRetried = [] } = options
  let coordinator: BrokerClient | undefined

  return (ask) =>
    retrier(async ({ retryCount, retryTime }) => {
      try {
        if (coordinator === undefined) {
          await cluster.refreshMetadataIfNecessary()
          coordinator = await find()
        }
        return await ask(coordinator)
      } catch (error) {
        const { name, type = '', message } = viewError(error)
        if (name === 'KafkaJSConnectionClosedError') cluster.removeBroker(error as { host: string; port: number })
        const isElsewhere = MOVED.has(type) || AWAY.has(name)
        if (isElsewhere) coordinator = undefined
        if (!isElsewhere && !BUSY.has(type) && !alsoRetried.includes(type)) throw new GiveUp(error)
        logger.debug('The coordinator did not answer as hoped, retrying', {
          error: message,
          transactionalId,
          retryCount,
          retryTime,
        })
        throw error
      }
    })
}
