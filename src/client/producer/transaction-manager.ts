/**
 * A transactional producer's side of the protocol (kafkajs's eosManager, Java's TransactionManager): its id and epoch, what belongs to
 * the transaction under way, and how it ends.
 *
 * A batch or an addition whose outcome stays unknown is where it goes beyond kafkajs. The sequence number of such a batch cannot be
 * used again nor left out, so the transaction has to be aborted, and the next one begins in the next epoch (KIP-360).
 *
 * With `transactionsV2` (KIP-890) every transaction has an epoch of its own: the end of one answers with that of the next. Partitions
 * are taken in by their leaders, so what has been sent and not answered may have begun a transaction; abort then ends whatever there is.
 */
import { KafkaJSNonRetriableError } from '../errors/base.ts'
import { KafkaJSProtocolError } from '../errors/broker-errors.ts'
import { viewError } from '../errors/classify.ts'
import { errorFromCode } from '../errors/protocol-errors.ts'
import type { Cluster } from '../metadata/cluster.ts'
import type { BrokerClient } from '../network/broker.ts'
import type { OffsetToCommit } from '../network/group-requests.ts'
import type { ProducerIdentity } from '../network/producer-requests.ts'
import {
  type CommittingMember,
  requestAddOffsets,
  requestAddPartitions,
  requestEndTransaction,
  requestTransactionalCommit,
  requestTransactionalProducer,
  type TransactionalProducer,
  V2,
} from '../network/transaction-requests.ts'
import type { Retrier } from '../retry.ts'
import { createSerial } from '../sync/serial.ts'
import { shared } from '../sync/shared.ts'
import type { Logger } from '../types/logging.ts'
import { createCoordinatorCall } from './coordinator-calls.ts'
import type { ProducerIds } from './producer-ids.ts'
import type { Outgoing } from './sequencer.ts'
import { TransactionStates } from './transaction-states.ts'

export interface TransactionManagerOptions {
  readonly cluster: Cluster
  readonly logger: Logger
  /** That of `Kafka`, not of the producer. */
  readonly retrier: Retrier
  readonly transactionalId: string
  readonly transactionTimeoutMs: number
  readonly isV2: boolean
}

/** One transaction. */
export interface Ongoing {
  /** `topic-partition`: what the coordinator has confirmed. */
  readonly partitions: Set<string>
  hasOffsets: boolean
  /** A leader has taken records. */
  hasRecords: boolean
  /** The coordinator may know of something it has not confirmed. */
  isUnsure: boolean
}

export interface TransactionManager {
  /** The current id and epoch; `renew` asks the coordinator. */
  readonly ids: ProducerIds
  isInTransaction(): boolean
  /** @throws KafkaJSNonRetriableError when one is under way */
  begin(): Promise<Ongoing>
  /** Before a produce to them; `undefined` when the coordinator knows them all. */
  add(transaction: Ongoing, batches: readonly Outgoing[]): Promise<void> | undefined
  sendOffsets(
    transaction: Ongoing,
    groupId: string,
    topics: readonly OffsetToCommit[],
    member?: CommittingMember,
  ): Promise<void>
  end(transaction: Ongoing, committed: boolean): Promise<void>
  /**
   * A batch was given up without knowing whether it is in the log, or the broker is out of step: this epoch's numbers cannot go on.
   * @param fatal the error code that ended the epoch for certain, 0 for none: it is what every further step fails with
   */
  loseTrack(fatal: number): void
}

const slotOf = ({ topic, partition }: Outgoing) => `${topic}-${partition}`

export function createTransactionManager(options: TransactionManagerOptions): TransactionManager {
  const { cluster, logger, retrier, transactionalId, transactionTimeoutMs, isV2 } = options
  const states = new TransactionStates(logger)
  const inTurn = createSerial()
  const call = createCoordinatorCall({
    cluster,
    logger,
    retrier,
    transactionalId,
    find: () => cluster.findTransactionCoordinator(transactionalId),
  })
  let identity: ProducerIdentity | undefined
  let hasLostTrack = false
  /** The error code that ended this epoch, 0 = none. */
  let fatal = 0
  let current: Ongoing | undefined

  const renew = shared(async () => {
    states.check('initProducerId')
    const request = { transactionalId, transactionTimeoutMs }
    const next = await call(async (coordinator) => {
      const answer = await requestTransactionalProducer(coordinator, request, identity)
      if (isV2) checkOffersV2(coordinator)
      return answer
    })
    states.to('READY')
    identity = next
    keepTrack()
    logger.debug('Initialized producer id & epoch', { ...next })
    return next
  })

  function whoWrites(): TransactionalProducer {
    if (identity === undefined) throw new KafkaJSNonRetriableError('The transactional producer has no producer id yet')
    return { transactionalId, ...identity }
  }

  function checkOngoing(transaction: Ongoing): void {
    if (transaction !== current) throw ended()
    // The broker would say it again, as it does to kafkajs.
    if (fatal !== 0) throw errorFromCode(fatal)
    if (hasLostTrack) {
      throw new KafkaJSNonRetriableError(
        'A batch of this transaction failed in a way that leaves only abort: its sequence cannot go on',
      )
    }
  }

  /** Whether the coordinator took it is unknown unless it has answered. */
  async function noted<T>(transaction: Ongoing, asking: Promise<T>): Promise<T> {
    try {
      return await asking
    } catch (error) {
      if (!(error instanceof KafkaJSProtocolError)) transaction.isUnsure = true
      throw error
    }
  }

  async function addFresh(transaction: Ongoing, batches: readonly Outgoing[]): Promise<void> {
    states.check('addPartitionsToTransaction')
    checkOngoing(transaction)
    const fresh = batches.filter((batch) => !transaction.partitions.has(slotOf(batch)))
    if (fresh.length === 0) return
    const byTopic = new Map<string, number[]>()
    for (const { topic, partition } of fresh) byTopic.set(topic, [...(byTopic.get(topic) ?? []), partition])
    const topics = [...byTopic].map(([name, partitions]) => ({ name, partitions }))
    await call((coordinator) => noted(transaction, requestAddPartitions(coordinator, whoWrites(), topics)))
    for (const batch of fresh) transaction.partitions.add(slotOf(batch))
  }

  async function endAtCoordinator(transaction: Ongoing, committed: boolean): Promise<void> {
    const isKnown = transaction.partitions.size > 0 || transaction.hasOffsets || transaction.hasRecords
    if (!isKnown && !transaction.isUnsure) {
      logger.debug('No partitions or offsets registered, not sending EndTxn')
      return
    }
    try {
      const before = whoWrites()
      const next = await call((coordinator) => requestEndTransaction(coordinator, before, committed, isV2))
      identity = next
      // What may still come is of an epoch that is over.
      if (next.producerId !== before.producerId || next.producerEpoch !== before.producerEpoch) keepTrack()
    } catch (error) {
      // What we were unsure of did not arrive: there is nothing to end.
      if (isKnown || viewError(error).type !== 'INVALID_TXN_STATE') throw error
    }
  }

  return {
    ids: { current: () => identity, renew },
    isInTransaction: () => states.current === 'TRANSACTING',
    async begin() {
      checkNoneOngoing()
      if (identity !== undefined) states.check('beginTransaction')
      if (identity === undefined || hasLostTrack) await renew()
      // Another call may have begun one meanwhile.
      checkNoneOngoing()
      states.check('beginTransaction')
      states.to('TRANSACTING')
      current = { partitions: new Set(), hasOffsets: false, hasRecords: false, isUnsure: false }
      return current
    },
    add(transaction, batches) {
      states.check('addPartitionsToTransaction')
      checkOngoing(transaction)
      if (isV2) {
        transaction.isUnsure = true
        return undefined
      }
      if (batches.every((batch) => transaction.partitions.has(slotOf(batch)))) return undefined
      return inTurn(() => addFresh(transaction, batches))
    },
    async sendOffsets(transaction, groupId, topics, member) {
      states.check('sendOffsets')
      checkOngoing(transaction)
      if (isV2) transaction.isUnsure = true
      else {
        await call((coordinator) => noted(transaction, requestAddOffsets(coordinator, whoWrites(), groupId)))
        transaction.hasOffsets = true
      }
      const atGroup = createCoordinatorCall({
        cluster,
        logger,
        retrier,
        transactionalId,
        find: () => cluster.findGroupCoordinator(groupId),
        alsoRetried: ['UNKNOWN_TOPIC_OR_PARTITION'],
      })
      await atGroup((coordinator) =>
        requestTransactionalCommit(coordinator, whoWrites(), groupId, topics, member, isV2),
      )
      transaction.hasOffsets = true
    },
    async end(transaction, committed) {
      states.check(committed ? 'commit' : 'abort')
      // A commit that cannot be is over with its error, as in kafkajs; what is merely unknown can still be aborted.
      if (committed && fatal === 0) checkOngoing(transaction)
      states.to(committed ? 'COMMITTING' : 'ABORTING')
      if (committed && fatal !== 0) throw errorFromCode(fatal)
      await endAtCoordinator(transaction, committed)
      current = undefined
      states.to('READY')
    },
    loseTrack: (code) => {
      hasLostTrack = true
      if (code === 0 || fatal !== 0) return
      fatal = code
      logger.warn(
        `This transaction cannot be committed any more (${errorFromCode(code).type}): a newer producer took over, or it was open for too long. Make a new producer to go on`,
        { transactionalId },
      )
    },
  }

  function keepTrack(): void {
    hasLostTrack = false
    fatal = 0
  }

  function checkNoneOngoing(): void {
    if (states.current !== 'TRANSACTING') return
    throw new KafkaJSNonRetriableError(
      'There is already an ongoing transaction for this producer. Please end the transaction before beginning another.',
    )
  }
}

function checkOffersV2(broker: BrokerClient): void {
  const offers = Object.entries(V2).every(([api, version]) => broker.hasVersion(api as keyof typeof V2, version))
  if (offers) return
  throw new KafkaJSNonRetriableError(
    `transactionsV2 needs brokers of Kafka 4.0 or later; broker ${broker.nodeId} offers less (kafkaVersion in createCluster says which). Leave the option out for transactions as kafkajs has them.`,
  )
}

export function ended(): KafkaJSNonRetriableError {
  return new KafkaJSNonRetriableError('Cannot continue to use transaction once ended')
}
