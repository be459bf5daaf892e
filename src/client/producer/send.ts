/** One `send` or `sendBatch`: partition, encode, produce at the leaders, retry what failed. */
import type { RecordBatch } from '../../protocol/batch.ts'
import { makePartitionProduceData, makeProduceRequest, makeTopicProduceData } from '../../protocol/make.ts'
import type { ProduceResponse } from '../../protocol/messages.ts'
import type { RecordedSend } from '../../protocol/recorder.ts'
import type { ClientContext } from '../context.ts'
import { KafkaJSProtocolError } from '../errors/broker-errors.ts'
import { type ErrorView, isStaleMetadata, viewError } from '../errors/classify.ts'
import { KafkaJSMetadataNotLoaded } from '../errors/general.ts'
import { throwOnError } from '../errors/protocol-errors.ts'
import type { Cluster } from '../metadata/cluster.ts'
import type { BrokerClient } from '../network/broker.ts'
import { GiveUp, type Retrier } from '../retry.ts'
import type { Logger } from '../types/logging.ts'
import type { Message, RecordMetadata } from '../types/messages.ts'
import type { PartitionFunction } from './partitioners/partitioner.ts'
import { copyMessages, encodeRecords, groupByPartition } from './records.ts'
import type { Lane, Outgoing, Sequencer } from './sequencer.ts'

export interface SenderOptions {
  readonly context: ClientContext
  readonly cluster: Cluster
  readonly logger: Logger
  readonly retrier: Retrier
  readonly partitioner: PartitionFunction
  readonly idempotent: boolean
  readonly sequencer: Sequencer
  /** What is sent belongs to it. */
  readonly transaction?: {
    readonly transactionalId: string
    /** Before a produce to these; `undefined` when nothing is to be waited for. */
    readonly add: (batches: readonly Outgoing[]) => Promise<void> | undefined
    /** A leader has taken some of it. */
    readonly onTaken: () => void
    /** Instead of kafkajs's version of Produce. */
    readonly produceVersion: number | undefined
    /** The broker has the batches: whether they count is told when the transaction ends. Only in a recorded run. */
    readonly onSent: (tell: (ok: boolean) => void) => void
  }
}

export interface SendRequest {
  /** Topics are distinct. */
  readonly topicMessages: readonly { readonly topic: string; readonly messages: readonly Message[] }[]
  /** As given. */
  readonly acks: unknown
  readonly timeoutMs: number
  readonly compression: number
}

interface PartitionBatch extends Outgoing {
  /** Only in a recorded run. */
  readonly recorded: RecordedSend | undefined
  done: boolean
}

/**
 * What is worth knowing about retries: a broker's answer with one failed partition has everything sent to that
 * broker sent again, as in kafkajs, so its other partitions get duplicates unless the producer is idempotent. Unlike
 * in kafkajs a message keeps the partition it was given at the first attempt, and a partition whose leader moves is
 * not forgotten.
 */
export function createSender(options: SenderOptions) {
  const { context, cluster, logger, retrier, partitioner, idempotent, sequencer, transaction } = options
  const { transport, host } = context
  const { recorder } = transport
  /** Somebody wants to know what becomes of each batch. */
  const isFollowed = idempotent || recorder !== undefined

  return async function send(request: SendRequest): Promise<RecordMetadata[]> {
    let { topicMessages } = request
    const acks = asNumber(request.acks)
    const topics = topicMessages.map(({ topic }) => topic)
    const answers = new Map<BrokerClient, RecordMetadata[]>()
    const lane: Lane = sequencer.lane(topics)
    let batches: PartitionBatch[] | undefined
    let copied = false

    /** Before the first wait, unless everything is encoded by then. */
    function keepOwnMessages(): void {
      if (copied || batches !== undefined) return
      topicMessages = topicMessages.map(({ topic, messages }) => ({ topic, messages: copyMessages(messages) }))
      copied = true
    }

    async function encodeAll(): Promise<PartitionBatch[]> {
      const now = transport.now()
      const encoding = { compression: request.compression, transactional: transaction !== undefined }
      const encoded: { topic: string; partition: number; batch: RecordBatch | Promise<RecordBatch> }[] = []
      for (const { topic, messages } of topicMessages) {
        const partitionMetadata = cluster.findTopicPartitionMetadata(topic)
        if (partitionMetadata.length === 0) {
          logger.debug('Producing to topic without metadata', { topic, targetTopics: [...cluster.targetTopics] })
          throw new KafkaJSMetadataNotLoaded('Producing to topic without metadata')
        }
        for (const [partition, records] of groupByPartition(topic, messages, partitionMetadata, partitioner, now)) {
          encoded.push({ topic, partition, batch: encodeRecords(records, encoding, host) })
        }
      }
      const ready = await Promise.all(encoded.map(async (entry) => ({ ...entry, batch: await entry.batch })))
      return ready.map(({ topic, partition, batch }) => ({
        topic,
        partition,
        batch,
        recorded: recorder?.sending(batch, { topic, partition, acks, idempotent }),
        done: false,
      }))
    }

    async function attempt(): Promise<RecordMetadata[]> {
      const refreshing = cluster.refreshMetadataIfNecessary()
      if (refreshing !== undefined) {
        keepOwnMessages()
        await refreshing
      }
      if (batches === undefined) {
        if (lane.admitted !== undefined) {
          keepOwnMessages()
          await lane.admitted
        }
        batches = await encodeAll()
        const turn = lane.queue(batches)
        if (turn !== undefined) await turn
      }

      const byBroker = new Map<BrokerClient, PartitionBatch[]>()
      for (const topic of topics) {
        const open = batches.filter((entry) => entry.topic === topic && !entry.done)
        if (open.length === 0) continue
        const byPartition = new Map(open.map((entry) => [entry.partition, entry]))
        const ascending = [...byPartition.keys()].sort((a, b) => a - b)
        for (const [nodeId, partitions] of cluster.findLeaders(topic, ascending)) {
          const broker = await cluster.findBroker(nodeId)
          const entries = partitions.map((partition) => byPartition.get(partition) as PartitionBatch)
          const others = byBroker.get(broker)
          if (others === undefined) byBroker.set(broker, entries)
          else others.push(...entries)
        }
      }
      if (transaction !== undefined) await transaction.add([...byBroker.values()].flat())
      for (const broker of byBroker.keys()) if (!answers.has(broker)) answers.set(broker, [])

      await Promise.all([...byBroker].map(([broker, entries]) => produce(broker, entries)))
      return [...answers.values()].flat()
    }

    async function produce(broker: BrokerClient, entries: readonly PartitionBatch[]): Promise<void> {
      const byTopic = new Map<string, PartitionBatch[]>()
      for (const entry of entries) {
        const others = byTopic.get(entry.topic)
        if (others === undefined) byTopic.set(entry.topic, [entry])
        else others.push(entry)
      }
      const response = await lane.request(broker, entries, () => requestProduce(broker, entries, byTopic))
      transaction?.onTaken()
      const fresh = entries.some((entry) => !entry.done)
      for (const entry of entries) entry.done = true
      if (acks !== 0 && fresh) answers.get(broker)?.push(...toRecordMetadata(response))
    }

    function requestProduce(
      broker: BrokerClient,
      entries: readonly PartitionBatch[],
      byTopic: ReadonlyMap<string, readonly PartitionBatch[]>,
    ): Promise<ProduceResponse> {
      if (recorder !== undefined) for (const { recorded } of entries) recorded?.attempt()
      return broker.send(
        'Produce',
        makeProduceRequest({
          transactionalId: transaction?.transactionalId ?? null,
          acks,
          timeoutMs: request.timeoutMs,
          topicData: [...byTopic].map(([name, partitions]) =>
            makeTopicProduceData({
              name,
              partitionData: partitions.map(({ partition, batch }) =>
                makePartitionProduceData({ index: partition, records: [batch] }),
              ),
            }),
          ),
        }),
        {
          noResponse: acks === 0,
          ...(transaction?.produceVersion === undefined ? {} : { maxVersion: transaction.produceVersion }),
          check: isFollowed ? (answer) => followAnswer(lane, entries, answer) : throwOnFailedPartition,
        },
      )
    }

    const sent = retrier(async ({ retryCount, retryTime }) => {
      // Outside the handling below, as in kafkajs: its errors go straight to the retry core.
      const adding = cluster.addTargetTopics(topics)
      if (adding !== undefined) {
        keepOwnMessages()
        await adding
      }
      try {
        return await attempt()
      } catch (error) {
        const view = viewError(error)
        if (view.name === 'KafkaJSConnectionClosedError') {
          const { host: brokerHost, port } = error as { host: string; port: number }
          cluster.removeBroker({ host: brokerHost, port })
        }
        if (!cluster.isConnected()) {
          logger.debug(`Cluster has disconnected, reconnecting: ${view.message}`, { retryCount, retryTime })
          await cluster.connect()
          await cluster.refreshMetadata()
          throw error
        }
        if (mayHelpToRefresh(error)) {
          logger.error(`Failed to send messages: ${view.message}`, { retryCount, retryTime })
          await cluster.refreshMetadata()
          throw error
        }
        logger.error(view.message, { retryCount, retryTime })
        if (view.retriable) throw error
        throw new GiveUp(view.type === 'INVALID_REQUIRED_ACKS' ? namingAcks(view, request.acks) : error)
      }
    })
    if (isFollowed) {
      const end = (ok: boolean) => {
        lane.end()
        const tell = (counts: boolean) => {
          for (const { recorded } of batches ?? []) recorded?.end(counts)
        }
        if (ok && transaction !== undefined && recorder !== undefined) transaction.onSent(tell)
        else tell(ok)
      }
      // Beside the promise the caller gets, so that following it changes nothing.
      sent.then(
        () => end(true),
        () => end(false),
      )
    }
    return sent
  }
}

/** kafkajs's buffers take '1' and '-1', too. With '0' it would wait for an answer that never comes: the broker refuses it here. */
function asNumber(acks: unknown): number {
  return (typeof acks === 'string' && Number(acks) !== 0 ? Number(acks) : acks) as number
}

/** The broker does not say which value it got. */
function namingAcks({ message, type = '', code }: ErrorView, acks: unknown): KafkaJSProtocolError {
  const given = JSON.stringify(acks) ?? String(acks)
  return new KafkaJSProtocolError({
    message: `${message}: ${given}. Allowed: -1 (all in-sync replicas), 1 (the leader), 0 (no answer)`,
    type,
    code: Number(code),
    retriable: false,
  })
}

const namesWorthRefreshing = new Set([
  'KafkaJSMetadataNotLoaded',
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
])

function mayHelpToRefresh(error: unknown): boolean {
  const { name, retriable } = viewError(error)
  return (
    isStaleMetadata(error) || namesWorthRefreshing.has(name) || (name === 'KafkaJSProtocolError' && Boolean(retriable))
  )
}

function throwOnFailedPartition({ responses }: ProduceResponse): void {
  for (const { partitionResponses } of responses)
    for (const { errorCode } of partitionResponses) throwOnError(errorCode)
}

/** Tells the sequencer and a recorded run of every partition's answer, then fails as ever. */
function followAnswer(lane: Lane, entries: readonly PartitionBatch[], answer: ProduceResponse): void {
  for (const { name, partitionResponses } of answer.responses) {
    for (const { index, errorCode, baseOffset } of partitionResponses) {
      const entry = entries.find(({ topic, partition }) => topic === name && partition === index)
      if (entry === undefined) continue
      lane.answered(entry, errorCode)
      entry.recorded?.answered(errorCode, baseOffset)
    }
  }
  throwOnFailedPartition(answer)
}

function toRecordMetadata({ responses }: ProduceResponse): RecordMetadata[] {
  return responses.flatMap(({ name, partitionResponses }) =>
    partitionResponses.map(({ index, errorCode, baseOffset, logAppendTimeMs, logStartOffset }) => ({
      topicName: name,
      partition: index,
      errorCode,
      baseOffset: String(baseOffset),
      logAppendTime: String(logAppendTimeMs),
      logStartOffset: String(logStartOffset),
    })),
  )
}
