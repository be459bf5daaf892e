/** The producer client. */
import { inCall } from '../call.ts'
import type { ClientContext } from '../context.ts'
import { KafkaJSError, KafkaJSNonRetriableError } from '../errors/base.ts'
import { KafkariumNotAvailableYet } from '../errors/general.ts'
import { createOn, type EventEmitter } from '../events/emitter.ts'
import { producerEvents } from '../events/names.ts'
import type { Cluster } from '../metadata/cluster.ts'
import { createRetrier, type RetryConfig } from '../retry.ts'
import type { Producer } from '../types/clients.ts'
import type { ICustomPartitioner, Message, ProducerBatch, ProducerRecord } from '../types/messages.ts'
import { createIdempotentSequencer } from './idempotent-sequencer.ts'
import { createKafkajsSequencer } from './kafkajs-sequencer.ts'
import { Partitioners } from './partitioners/index.ts'
import type { PartitionerFactory } from './partitioners/partitioner.ts'
import { createProducerIds } from './producer-ids.ts'
import { createSender } from './send.ts'
import { plainSequencer } from './sequencer.ts'

export interface ProducerOptions {
  readonly context: ClientContext
  readonly cluster: Cluster
  readonly emitter: EventEmitter
  readonly retry: RetryConfig
  /** That of `Kafka`, not of the producer. */
  readonly kafkaRetry: RetryConfig
  readonly createPartitioner: ICustomPartitioner | undefined
  readonly idempotent: boolean
  readonly transactionalId: string | undefined
  readonly transactionTimeoutMs: number
  /** `quirks.kafkajsSequenceReuse`. */
  readonly reusesSequences: boolean
}

type Status = 'connected' | 'disconnecting' | 'disconnected'

export function createProducer(options: ProducerOptions): Producer {
  const { context, cluster, emitter, retry, idempotent, transactionalId, transactionTimeoutMs } = options
  const { transport } = context
  if (idempotent && retry.retries < 1) {
    throw new KafkaJSNonRetriableError('Idempotent producer must allow retries to protect against transient errors')
  }
  const logger = context.rootLogger.namespace('Producer')
  if (idempotent && retry.retries < Number.MAX_SAFE_INTEGER)
    logger.warn('Limiting retries for the idempotent producer may invalidate EoS guarantees')
  let status: Status = 'disconnected'

  // Factories written for kafkajs take no argument; ours take where chance comes from.
  const createPartitioner = (options.createPartitioner ?? Partitioners.DefaultPartitioner) as PartitionerFactory
  const partitioner = createPartitioner({ choose: (site, n) => transport.choose(site, n) })
  const retrier = createRetrier(transport, retry)
  const ids = createProducerIds({
    cluster,
    logger,
    retrier: createRetrier(transport, options.kafkaRetry),
    transactionTimeoutMs,
  })
  const sequencer = !idempotent
    ? plainSequencer
    : options.reusesSequences
      ? createKafkajsSequencer(ids)
      : createIdempotentSequencer(ids)
  const sendMessages = createSender({ context, cluster, logger, partitioner, retrier, idempotent, sequencer })

  function checkAvailable(): void {
    if (transactionalId) throw new KafkariumNotAvailableYet('transactions (`transactionalId`)')
  }

  function checkStatus(): void {
    if (status === 'disconnecting') {
      throw new KafkaJSNonRetriableError(
        "The producer is disconnecting; therefore, it can't safely accept messages anymore",
      )
    }
    if (status === 'disconnected') throw new KafkaJSError('The producer is disconnected')
  }

  async function sendBatch(
    name: string,
    { acks = -1, timeout = 30_000, compression = 0, topicMessages = [] }: ProducerBatch,
  ) {
    checkTopicMessages(topicMessages)
    if (idempotent && acks !== -1) {
      throw new KafkaJSNonRetriableError(
        "Not requiring ack for all messages invalidates the idempotent producer's EoS guarantees",
      )
    }
    checkMessages(topicMessages)
    checkStatus()
    checkAvailable()
    return inCall(transport, name, () =>
      sendMessages({ acks, timeoutMs: timeout, compression, topicMessages: mergeTopics(topicMessages) }),
    )
  }

  return {
    connect: () =>
      inCall(transport, 'producer.connect', async () => {
        checkAvailable()
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
    send: ({ topic, messages, acks, timeout, compression }: ProducerRecord) =>
      sendBatch('producer.send', {
        topicMessages: [{ topic, messages }],
        ...(acks === undefined ? {} : { acks }),
        ...(timeout === undefined ? {} : { timeout }),
        ...(compression === undefined ? {} : { compression }),
      }),
    sendBatch: (batch) => sendBatch('producer.sendBatch', batch),
    transaction: async () => {
      if (!transactionalId)
        throw new KafkaJSNonRetriableError('Must provide transactional id for transactional producer')
      throw new KafkariumNotAvailableYet('transactions (`producer.transaction()`)')
    },
    logger: () => logger,
  }
}

type TopicMessages = readonly { readonly topic: string; readonly messages: readonly Message[] }[]

function checkTopicMessages(topicMessages: TopicMessages): void {
  for (const { topic } of topicMessages) if (!topic) throw new KafkaJSNonRetriableError('Invalid topic')
}

function checkMessages(topicMessages: TopicMessages): void {
  for (const { topic, messages } of topicMessages) {
    if (!messages)
      throw new KafkaJSNonRetriableError(`Invalid messages array [${String(messages)}] for topic "${topic}"`)
    for (const message of messages) {
      if (message.value === undefined) {
        throw new KafkaJSNonRetriableError(
          `Invalid message without value for topic "${topic}": ${JSON.stringify(message)}`,
        )
      }
    }
  }
}

function mergeTopics(topicMessages: TopicMessages): TopicMessages {
  if (topicMessages.length < 2) return topicMessages
  const merged = new Map<string, readonly Message[]>()
  for (const { topic, messages } of topicMessages) {
    const before = merged.get(topic)
    merged.set(topic, before === undefined ? messages : [...before, ...messages])
  }
  return [...merged].map(([topic, messages]) => ({ topic, messages }))
}
