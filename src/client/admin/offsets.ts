/** The admin client's functions about offsets, of topics and of groups. */
import { inCall } from '../call.ts'
import { EARLIEST_OFFSET, LATEST_OFFSET } from '../constants.ts'
import { PartitionAssigners } from '../consumer/assigners/index.ts'
import { createConsumer } from '../consumer/consumer.ts'
import { sortedAsText } from '../consumer/subscription.ts'
import { logLevel } from '../enums.ts'
import { KafkaJSNonRetriableError } from '../errors/base.ts'
import { viewError } from '../errors/classify.ts'
import { EventEmitter } from '../events/emitter.ts'
import { requestOffsetFetch } from '../network/group-requests.ts'
import { GiveUp, retryConfig } from '../retry.ts'
import type { FetchOffsetsPartition, SeekEntry } from '../types/admin.ts'
import type { Admin } from '../types/clients.ts'
import type { AdminScope } from './admin.ts'
import * as check from './arguments.ts'

type OffsetFunctions = Pick<
  Admin,
  'fetchOffsets' | 'fetchTopicOffsets' | 'fetchTopicOffsetsByTimestamp' | 'setOffsets' | 'resetOffsets'
>

export function createOffsetFunctions(scope: AdminScope): OffsetFunctions {
  const { context, cluster, retrier } = scope
  const { transport, host } = context
  const call = <T>(name: string, body: () => Promise<T>): Promise<T> => inCall(transport, `admin.${name}`, body)

  /** KJ15: sorted as text. */
  async function partitionsOf(topic: string): Promise<number[]> {
    await cluster.addTargetTopics([topic])
    await cluster.refreshMetadataIfNecessary()
    return sortedAsText(cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId))
  }

  /** One ListOffsets a timestamp, in their order. */
  function lookUp(topic: string, timestamps: readonly number[]): Promise<Map<number, number>[]> {
    return retrier(async () => {
      try {
        await cluster.addTargetTopics([topic])
        await cluster.refreshMetadataIfNecessary()
        const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
        const found: Map<number, number>[] = []
        for (const timestamp of timestamps) {
          const [answer] = await cluster.fetchTopicsOffset([{ topic, partitions, timestamp }])
          found.push(new Map(answer?.partitions.map(({ partition, offset }) => [partition, offset])))
        }
        return found
      } catch (error) {
        if (viewError(error).type === 'UNKNOWN_TOPIC_OR_PARTITION') {
          await cluster.refreshMetadata()
          throw error
        }
        throw new GiveUp(error)
      }
    })
  }

  async function lowAndHigh(topic: string): Promise<Array<SeekEntry & { high: string; low: string }>> {
    const [high, low] = await lookUp(topic, [LATEST_OFFSET, EARLIEST_OFFSET])
    return [...(high ?? [])].map(([partition, offset]) => ({
      partition,
      offset: String(offset),
      high: String(offset),
      low: String(low?.get(partition)),
    }))
  }

  /** A hidden consumer does it, so the group is really joined, committed to and left. */
  async function setOffsets({
    groupId,
    topic,
    partitions,
  }: {
    groupId: string
    topic: string
    partitions: SeekEntry[]
  }): Promise<void> {
    check.checkSetOffsets({ groupId, topic, partitions })
    const consumer = createConsumer({
      context: { ...context, rootLogger: context.rootLogger.namespace('Admin', logLevel.NOTHING) },
      cluster,
      emitter: new EventEmitter(transport),
      groupId,
      partitionAssigners: [PartitionAssigners.roundRobin],
      metadataMaxAgeMs: 0,
      sessionTimeoutMs: 30_000,
      rebalanceTimeoutMs: 60_000,
      heartbeatIntervalMs: 3000,
      maxBytesPerPartition: 1_048_576,
      minBytes: 1,
      maxBytes: 10_485_760,
      maxWaitMs: 5000,
      // kafkajs gives its hidden consumer no retry options: the defaults.
      retry: retryConfig(host),
      restartOnFailure: undefined,
      isolationLevel: cluster.isolationLevel,
      rackId: '',
      groupInstanceId: null,
      groupProtocol: 'classic',
      requireStable: false,
      groupRemoteAssignor: null,
      clientId: 'kafkajs',
    })

    await consumer.subscribe({ topic, fromBeginning: true })
    const { state } = await consumer.describeGroup()
    if (state !== 'Empty' && state !== 'Dead') {
      throw new KafkaJSNonRetriableError(`The consumer group must have no running instances, current state: ${state}`)
    }

    await new Promise<void>((resolve, reject) => {
      let stopping = false
      consumer.on(consumer.events.FETCH, () => {
        if (stopping) return
        stopping = true
        consumer.stop().then(resolve, reject)
      })
      consumer.run({ eachBatchAutoResolve: false, eachBatch: async () => {} }).catch(reject)
      // It is not to consume anything, only to commit: a seek is a commit (KJ10).
      consumer.pause([{ topic }])
      for (const { partition, offset } of partitions) consumer.seek({ topic, partition, offset })
    })
  }

  async function fetchOffsets({ groupId, topics = [], resolveOffsets = false }: Parameters<Admin['fetchOffsets']>[0]) {
    check.checkGroupId(groupId)
    const wanted: unknown = topics ?? []
    if (!Array.isArray(wanted)) check.refuseTopicsOfFetchOffsets()
    return call('fetchOffsets', async () => {
      const coordinator = await cluster.findGroupCoordinator(groupId)
      const toFetch: { topic: string; partitions: number[] }[] = []
      for (const topic of wanted as string[]) toFetch.push({ topic, partitions: await partitionsOf(topic) })
      const fetched = await requestOffsetFetch(coordinator, groupId, toFetch)

      const result: { topic: string; partitions: FetchOffsetsPartition[] }[] = []
      for (const { topic, partitions } of fetched) {
        const known = partitions.map(({ partition, offset, metadata }) => ({
          partition,
          offset: String(offset),
          metadata: metadata || null,
        }))
        result.push({ topic, partitions: resolveOffsets ? await resolve(groupId, topic, known) : known })
      }
      return result
    })
  }

  /** -1 and -2 become real offsets, and are committed as such. */
  async function resolve(
    groupId: string,
    topic: string,
    partitions: FetchOffsetsPartition[],
  ): Promise<FetchOffsetsPartition[]> {
    const limits = await lowAndHigh(topic)
    const resolved = partitions.map((entry) => {
      const limit = limits.find(({ partition }) => partition === entry.partition)
      const special = Number(entry.offset)
      const offset = special === EARLIEST_OFFSET ? limit?.low : special === LATEST_OFFSET ? limit?.high : entry.offset
      return { ...entry, offset: offset as string }
    })
    await setOffsets({ groupId, topic, partitions: resolved })
    return resolved
  }

  return {
    fetchOffsets,
    setOffsets: async (request) => {
      check.checkSetOffsets(request)
      return call('setOffsets', () => setOffsets(request))
    },
    async resetOffsets({ groupId, topic, earliest = false }) {
      check.checkGroupId(groupId)
      check.checkTopicName(topic)
      return call('resetOffsets', async () => {
        const offset = String(cluster.defaultOffset(earliest))
        const partitions = (await partitionsOf(topic)).map((partition) => ({ partition, offset }))
        await setOffsets({ groupId, topic, partitions })
      })
    },
    async fetchTopicOffsets(topic) {
      check.checkTopicName(topic)
      return call('fetchTopicOffsets', () => lowAndHigh(topic))
    },
    async fetchTopicOffsetsByTimestamp(topic, timestamp) {
      check.checkTopicName(topic)
      return call('fetchTopicOffsetsByTimestamp', async () => {
        const [high, found] = await lookUp(topic, [LATEST_OFFSET, timestamp ?? LATEST_OFFSET])
        // No record that late: the end.
        return [...(found ?? [])].map(([partition, offset]) => ({
          partition,
          offset: String(offset >= 0 ? offset : high?.get(partition)),
        }))
      })
    },
  }
}
