/** What `send` and `sendBatch` are given, of a producer or of a transaction: checked with kafkajs's texts, and handed on. */
import { inCall } from '../call.ts'
import { KafkaJSNonRetriableError } from '../errors/base.ts'
import type { WatchOptions } from '../known-options.ts'
import type { Transport } from '../transport.ts'
import type { Sender } from '../types/clients.ts'
import type { Message, ProducerBatch, ProducerRecord, RecordMetadata } from '../types/messages.ts'
import type { SendRequest } from './send.ts'

export interface MessagesInOptions {
  readonly transport: Transport
  readonly watchOptions: WatchOptions
  /** Names the calls: `producer.send`. */
  readonly owner: 'producer' | 'transaction'
  readonly needsAllAcks: boolean
  /** @throws when nothing can be sent now */
  readonly checkStatus: () => void
  readonly sendMessages: (request: SendRequest) => Promise<RecordMetadata[]>
}

export function createMessagesIn(options: MessagesInOptions): Sender {
  const { transport, watchOptions, owner, needsAllAcks, checkStatus, sendMessages } = options

  async function sendBatch(
    name: string,
    { acks = -1, timeout = 30_000, compression = 0, topicMessages = [] }: ProducerBatch,
  ) {
    checkTopicMessages(topicMessages)
    if (needsAllAcks && acks !== -1) {
      throw new KafkaJSNonRetriableError(
        "Not requiring ack for all messages invalidates the idempotent producer's EoS guarantees",
      )
    }
    checkMessages(topicMessages)
    checkStatus()
    return inCall(transport, name, () =>
      sendMessages({ acks, timeoutMs: timeout, compression, topicMessages: mergeTopics(topicMessages) }),
    )
  }

  const [sendName, batchName] = [`${owner}.send`, `${owner}.sendBatch`] as const
  return {
    send(record: ProducerRecord) {
      watchOptions(sendName, record)
      const { topic, messages, acks, timeout, compression } = record
      return sendBatch(sendName, {
        topicMessages: [{ topic, messages }],
        ...(acks === undefined ? {} : { acks }),
        ...(timeout === undefined ? {} : { timeout }),
        ...(compression === undefined ? {} : { compression }),
      })
    },
    sendBatch(batch) {
      watchOptions(batchName, batch)
      const entries: unknown = batch?.topicMessages
      if (Array.isArray(entries)) for (const entry of entries) watchOptions(`${batchName}.topicMessages`, entry)
      return sendBatch(batchName, batch)
    },
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
