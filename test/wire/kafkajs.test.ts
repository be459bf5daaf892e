/** The unmodified kafkajs 2.2.4 through both doors: in process on virtual time, and over TCP at the wall's pace. */
import {
  CompressionTypes,
  ConfigResourceTypes,
  type Consumer,
  Kafka,
  type KafkaConfig,
  logLevel,
  Partitioners,
} from 'kafkajs'
import { afterEach, describe, expect, test } from 'vitest'
import { type Cluster, type ClusterOptions, createCluster } from '../../src/index.ts'

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'

interface Door {
  readonly cluster: Cluster
  kafka(config?: Partial<KafkaConfig>): Kafka
}

const closers: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const OPTIONS: ClusterOptions = {
  brokers: 3,
  seed: 1,
  laws: true,
  config: { 'group.initial.rebalance.delay.ms': 0, 'auto.create.topics.enable': false },
}

const DOORS: readonly (readonly [string, (options?: ClusterOptions) => Promise<Door>])[] = [
  [
    'in process, on virtual time',
    async (options) => {
      const cluster = createCluster({ ...OPTIONS, ...options })
      const control = cluster.controlTime()
      closers.push(() => cluster.dispose())
      closers.push(() => control.release())
      const { socketFactory } = cluster
      return {
        cluster,
        kafka: (config) =>
          new Kafka({
            clientId: 'app',
            brokers: [...cluster.brokers],
            socketFactory,
            logLevel: logLevel.NOTHING,
            ...config,
          }),
      }
    },
  ],
  [
    'over TCP',
    async (options) => {
      // Ten times as fast: kafkajs's disconnect waits for a long poll of five seconds.
      const cluster = createCluster({ ...OPTIONS, ...options, time: 'wall', speed: 10 })
      const server = await cluster.listen({ port: 0 })
      closers.push(() => cluster.dispose())
      closers.push(() => server.close())
      return {
        cluster,
        kafka: (config) =>
          new Kafka({ clientId: 'app', brokers: [...server.brokers], logLevel: logLevel.NOTHING, ...config }),
      }
    },
  ],
]

/** Resolves with the values a consumer got, once there are so many. */
function values(consumer: Consumer, count: number): Promise<string[]> {
  const got: string[] = []
  return new Promise((resolve, reject) => {
    consumer
      .run({
        eachMessage: async ({ message }) => {
          got.push(String(message.value))
          if (got.length === count) resolve(got)
        },
      })
      .catch(reject)
  })
}

describe.each(DOORS)('kafkajs %s', (_name, open) => {
  test('topics: created, described, enlarged, deleted; a second creation is refused', async () => {
    const { kafka } = await open()
    const admin = kafka().admin()
    await admin.connect()
    const topics = [{ topic: 'orders', numPartitions: 2, replicationFactor: 3 }]
    expect(await admin.createTopics({ topics, waitForLeaders: true })).toBe(true)
    expect(await admin.createTopics({ topics })).toBe(false)
    await admin.createPartitions({ topicPartitions: [{ topic: 'orders', count: 3 }] })
    const { topics: described } = await admin.fetchTopicMetadata({ topics: ['orders'] })
    expect(described[0]?.partitions.map(({ replicas }) => replicas.length)).toEqual([3, 3, 3])
    await admin.deleteTopics({ topics: ['orders'] })
    expect(await admin.listTopics()).toEqual([])
    await expect(admin.createTopics({ topics: [{ topic: 'abc)(*&^%' }] })).rejects.toMatchObject({
      errors: [{ type: 'INVALID_TOPIC_EXCEPTION' }],
    })
    await admin.disconnect()
  })

  test('records: with and without keys, headers, tombstones, gzip, at the end of a partition', async () => {
    const { kafka, cluster } = await open({ topics: { orders: 2 } })
    const producer = kafka().producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await producer.connect()
    const timestamp = String(cluster.now)
    await producer.send({
      topic: 'orders',
      messages: [{ key: 'k', value: '하나', headers: { h: 'v' }, partition: 0, timestamp }],
    })
    await producer.send({
      topic: 'orders',
      compression: CompressionTypes.GZIP,
      messages: [
        { key: 'k', value: null, partition: 0 },
        { value: 'three', partition: 0 },
      ],
    })
    await producer.disconnect()
    const records = cluster.topic('orders').records(0)
    expect(records.map(({ offset, key, value }) => [offset, key, value])).toEqual([
      [0, 'k', '하나'],
      [1, 'k', null],
      [2, null, 'three'],
    ])
    const consumer = kafka().consumer({ groupId: 'g' })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    expect(await values(consumer, 3)).toEqual(['하나', 'null', 'three'])
    await consumer.disconnect()
  })

  test('a group: two members share, one leaves, offsets are committed, and a seek reads again', async () => {
    const { kafka, cluster } = await open({ topics: { orders: 4 } })
    const producer = kafka().producer()
    await producer.connect()
    const send = (from: number) =>
      producer.send({
        topic: 'orders',
        messages: Array.from({ length: 8 }, (_, i) => ({ value: `v${from + i}`, partition: i % 4 })),
      })
    await send(0)
    const got: string[] = []
    const join = async () => {
      const consumer = kafka().consumer({ groupId: 'g', heartbeatInterval: 500, maxWaitTimeInMs: 200 })
      await consumer.connect()
      await consumer.subscribe({ topic: 'orders', fromBeginning: true })
      const joined = new Promise<number>((resolve) => {
        consumer.on('consumer.group_join', ({ payload }) => {
          const partitions = payload.memberAssignment.orders?.length ?? 0
          if (partitions === 2) resolve(partitions)
        })
      })
      await consumer.run({ eachMessage: async ({ message }) => void got.push(String(message.value)) })
      return { consumer, joined }
    }
    const first = await join()
    const second = await join()
    expect(await Promise.all([first.joined, second.joined])).toEqual([2, 2])
    await send(8)
    await cluster.until(() => new Set(got).size === 16)
    await second.consumer.disconnect()
    await send(16)
    await cluster.until(() => new Set(got).size === 24)
    first.consumer.seek({ topic: 'orders', partition: 0, offset: '0' })
    await cluster.until(() => got.filter((value) => value === 'v0').length === 2)
    await first.consumer.disconnect()
    await producer.disconnect()
    const admin = kafka().admin()
    await admin.connect()
    const [committed] = await admin.fetchOffsets({ groupId: 'g', topics: ['orders'] })
    expect(committed?.partitions.map(({ offset }) => offset).sort()).toEqual(['6', '6', '6', '6'])
    const { groups } = await admin.describeGroups(['g'])
    expect(groups[0]).toMatchObject({ groupId: 'g', state: 'Empty', members: [] })
    await admin.deleteGroups(['g'])
    await admin.disconnect()
  })

  test('idempotent and transactional: what is aborted is not seen, offsets are part of it', async () => {
    const { kafka, cluster } = await open({ topics: { input: 1, output: 1 } })
    const idempotent = kafka().producer({ idempotent: true, maxInFlightRequests: 1 })
    await idempotent.connect()
    await idempotent.send({ topic: 'input', messages: [{ value: 'a' }, { value: 'b' }] })
    await idempotent.disconnect()

    const producer = kafka().producer({ transactionalId: 'tx', idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const aborted = await producer.transaction()
    await aborted.send({ topic: 'output', messages: [{ value: 'never' }] })
    await aborted.abort()
    const committed = await producer.transaction()
    await committed.send({ topic: 'output', messages: [{ value: 'A' }, { value: 'B' }] })
    await committed.sendOffsets({
      consumerGroupId: 'pipe',
      topics: [{ topic: 'input', partitions: [{ partition: 0, offset: '2' }] }],
    })
    await committed.commit()
    await producer.disconnect()
    // Offsets count once the marker is in their partition, which is after the commit is answered.
    await cluster.until(() => cluster.group('pipe').committed('input', 0) === 2)

    const reader = kafka().consumer({ groupId: 'reader' })
    await reader.connect()
    await reader.subscribe({ topic: 'output', fromBeginning: true })
    expect(await values(reader, 2)).toEqual(['A', 'B'])
    await reader.disconnect()
  })

  test('the rest of the admin', async () => {
    const { kafka } = await open({ topics: { orders: 1 } })
    const producer = kafka().producer()
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ value: 'a' }, { value: 'b' }, { value: 'c' }] })
    await producer.disconnect()
    const admin = kafka().admin()
    await admin.connect()
    const { brokers, controller } = await admin.describeCluster()
    expect(brokers.map(({ nodeId }) => nodeId)).toContain(controller)
    expect(await admin.fetchTopicOffsets('orders')).toEqual([{ partition: 0, offset: '3', high: '3', low: '0' }])
    expect(await admin.fetchTopicOffsetsByTimestamp('orders', 0)).toEqual([{ partition: 0, offset: '0' }])
    await admin.deleteTopicRecords({ topic: 'orders', partitions: [{ partition: 0, offset: '2' }] })
    expect((await admin.fetchTopicOffsets('orders'))[0]).toMatchObject({ low: '2' })
    const resource = { type: ConfigResourceTypes.TOPIC, name: 'orders' }
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ ...resource, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }],
    })
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ ...resource, configNames: ['cleanup.policy'] }],
    })
    expect(resources[0]?.configEntries[0]).toMatchObject({ configName: 'cleanup.policy', configValue: 'compact' })
    await admin.setOffsets({ groupId: 'g', topic: 'orders', partitions: [{ partition: 0, offset: '2' }] })
    expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).toContain('g')
    await admin.alterPartitionReassignments({
      topics: [{ topic: 'orders', partitionAssignment: [{ partition: 0, replicas: [2] }] }],
    })
    const { topics } = await admin.listPartitionReassignments({})
    expect(topics.length).toBeLessThanOrEqual(1)
    await admin.disconnect()
  })

  test('errors have their names', async () => {
    const { kafka, cluster } = await open({ topics: { orders: 1, small: { config: { 'max.message.bytes': 100 } } } })
    const client = kafka({ retry: { retries: 1, initialRetryTime: 10 } })
    const producer = client.producer({ allowAutoTopicCreation: false })
    await producer.connect()
    await expect(producer.send({ topic: 'nowhere', messages: [{ value: 'x' }] })).rejects.toThrow(
      'This server does not host this topic-partition',
    )
    await expect(producer.send({ topic: 'small', messages: [{ value: 'x'.repeat(200) }] })).rejects.toMatchObject({
      type: 'MESSAGE_TOO_LARGE',
    })
    const admin = client.admin()
    await admin.connect()
    await expect(admin.deleteGroups(['none'])).rejects.toMatchObject({ name: 'KafkaJSDeleteGroupsError' })
    await expect(admin.createPartitions({ topicPartitions: [{ topic: 'orders', count: 1 }] })).rejects.toMatchObject({
      type: 'INVALID_PARTITIONS',
    })

    for (const { id } of cluster.nodes()) cluster.faults.crash(id)
    await expect(producer.send({ topic: 'orders', messages: [{ value: 'x' }] })).rejects.toThrow()
    await Promise.all([producer.disconnect(), admin.disconnect()])
  })
})
