/** The producer client. */
import { inCall } from '../call.ts'
import type { ClientContext } from '../context.ts'
import { KafkaJSError, KafkaJSNonRetriableError } from '../errors/base.ts'
import { createOn, type EventEmitter } from '../events/emitter.ts'
import { producerEvents } from '../events/names.ts'
import type { Cluster } from '../metadata/cluster.ts'
import { V2 } from '../network/transaction-requests.ts'
import { createRetrier, type RetryConfig } from '../retry.ts'
import type { Producer, Transaction } from '../types/clients.ts'
import type { ICustomPartitioner } from '../types/messages.ts'
import { createIdempotentSequencer, type OnLostTrack } from './idempotent-sequencer.ts'
import { createKafkajsSequencer } from './kafkajs-sequencer.ts'
import { createMessagesIn } from './messages-in.ts'
import { Partitioners } from './partitioners/index.ts'
import type { PartitionerFactory } from './partitioners/partitioner.ts'
import { createProducerIds, type ProducerIds } from './producer-ids.ts'
import { createSender } from './send.ts'
import { plainSequencer, type Sequencer } from './sequencer.ts'
import { createTransaction } from './transaction.ts'
import { createTransactionManager, type TransactionManager } from './transaction-manager.ts'

export interface ProducerOptions {
  readonly context: ClientContext
  readonly cluster: Cluster
  readonly emitter: EventEmitter
  readonly retry: RetryConfig
  /** What the user said; `undefined` = the default, which limits nothing in the eyes of kafkajs. */
  readonly givenRetries: number | undefined
  /** That of `Kafka`, not of the producer. */
  readonly kafkaRetry: RetryConfig
  readonly createPartitioner: ICustomPartitioner | undefined
  readonly idempotent: boolean
  readonly transactionalId: string | undefined
  readonly transactionTimeoutMs: number
  readonly transactionsV2: boolean
  /** `quirks.kafkajsSequenceReuse`. */
  readonly reusesSequences: boolean
}

type Status = 'connected' | 'disconnecting' | 'disconnected'

export function createProducer(options: ProducerOptions): Producer {
  const { context, cluster, emitter, retry, idempotent, transactionalId, transactionTimeoutMs, transactionsV2 } =
    options
  const { transport } = context
  const retries = options.givenRetries ?? Number.MAX_SAFE_INTEGER
  if (idempotent && retries < 1) {
    throw new KafkaJSNonRetriableError('Idempotent producer must allow retries to protect against transient errors')
  }
  if (transactionsV2 && !transactionalId) {
    throw new KafkaJSNonRetriableError('transactionsV2 is for transactions: the producer needs a transactionalId, too')
  }
  const logger = context.rootLogger.namespace('Producer')
  if (idempotent && retries < Number.MAX_SAFE_INTEGER)
    logger.warn('Limiting retries for the idempotent producer may invalidate EoS guarantees')
  let status: Status = 'disconnected'

  // Factories written for kafkajs take no argument; ours take where chance comes from.
  const createPartitioner = (options.createPartitioner ?? Partitioners.DefaultPartitioner) as PartitionerFactory
  const partitioner = createPartitioner({ choose: (site, n) => transport.choose(site, n) })
  const retrier = createRetrier(transport, retry)
  const kafkaRetrier = createRetrier(transport, options.kafkaRetry)
  const ids = createProducerIds({ cluster, logger, retrier: kafkaRetrier, transactionTimeoutMs })
  const sending = { context, cluster, logger, partitioner, retrier }

  function createSequencer(numbers: boolean, from: ProducerIds, onLostTrack?: OnLostTrack): Sequencer {
    if (!numbers) return plainSequencer
    return options.reusesSequences ? createKafkajsSequencer(from) : createIdempotentSequencer(from, onLostTrack)
  }

  function checkStatus(): void {
    if (status === 'disconnecting') {
      throw new KafkaJSNonRetriableError(
        "The producer is disconnecting; therefore, it can't safely accept messages anymore",
      )
    }
    if (status === 'disconnected') throw new KafkaJSError('The producer is disconnected')
  }

  const { send, sendBatch } = createMessagesIn({
    transport,
    watchOptions: context.watchOptions,
    owner: 'producer',
    needsAllAcks: idempotent,
    checkStatus,
    sendMessages: createSender({ ...sending, idempotent, sequencer: createSequencer(idempotent, ids) }),
  })

  let transactional: { readonly manager: TransactionManager; readonly sequencer: Sequencer } | undefined

  async function transaction(): Promise<Transaction> {
    if (!transactionalId) throw new KafkaJSNonRetriableError('Must provide transactional id for transactional producer')
    if (transactional === undefined) {
      const manager = createTransactionManager({
        cluster,
        logger,
        retrier: kafkaRetrier,
        transactionalId,
        transactionTimeoutMs,
        isV2: transactionsV2,
      })
      transactional = { manager, sequencer: createSequencer(true, manager.ids, (code) => manager.loseTrack(code)) }
    }
    const { manager, sequencer } = transactional
    const ongoing = await manager.begin()
    const waiting: ((ok: boolean) => void)[] = []
    const sender = createMessagesIn({
      transport,
      watchOptions: context.watchOptions,
      owner: 'transaction',
      needsAllAcks: true,
      checkStatus,
      sendMessages: createSender({
        ...sending,
        idempotent: true,
        sequencer,
        transaction: {
          transactionalId,
          add: (batches) => manager.add(ongoing, batches),
          onTaken: () => {
            ongoing.hasRecords = true
          },
          produceVersion: transactionsV2 ? V2.Produce : undefined,
          onSent: (tell) => waiting.push(tell),
        },
      }),
    })
    return createTransaction({
      transport,
      watchOptions: context.watchOptions,
      manager,
      ongoing,
      sender,
      committedOffsets: cluster.committedOffsets,
      onEnded: (committed) => {
        for (const tell of waiting) tell(committed)
      },
    })
  }

  return {
    connect: () =>
      inCall(transport, 'producer.connect', async () => {
        await cluster.connect()
        status = 'connected'
        emitter.emit(producerEvents.CONNECT)
        if (idempotent && ids.current() === undefined) await ids.renew()
      }),
    disconnect: () =>
      inCall(transport, 'producer.disconnect', async () => {
        status = 'disconnecting'
        await cluster.disconnect()
        status = 'disconnected'
        emitter.emit(producerEvents.DISCONNECT)
      }),
    isIdempotent: () => idempotent,
    events: producerEvents,
    on: createOn('producer', producerEvents, emitter, logger) as Producer['on'],
    send,
    sendBatch,
    transaction: () => inCall(transport, 'producer.transaction', transaction),
    logger: () => logger,
  }
}
