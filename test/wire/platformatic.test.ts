/** @platformatic/kafka over TCP: flexible versions and topic ids, in the classic and in the new group protocol. */
import {
  Admin,
  Consumer,
  MessagesStreamModes,
  ProduceAcks,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { afterEach, expect, test } from 'vitest'
import { type ClusterOptions, createCluster } from '../../src/index.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function open(options: ClusterOptions = {}) {
  const cluster = createCluster({
    brokers: 3,
    config: { 'group.initial.rebalance.delay.ms': 0, 'auto.create.topics.enable': false },
    time: 'wall',
    ...options,
  })
  closers.push(() => cluster.dispose())
  const server = await cluster.listen({ port: 0 })
  closers.push(() => server.close())
  const bootstrapBrokers = [...server.brokers]
  const producer = (more = {}) => {
    const made = new Producer({
      clientId: 'app',
      bootstrapBrokers,
      serializers: stringSerializers,
      retries: 3,
      retryDelay: 20,
      ...more,
    })
    closers.push(() => made.close(true))
    return made
  }
  const consumer = (groupId: string, more = {}) => {
    const made = new Consumer({
      clientId: 'app',
      bootstrapBrokers,
      groupId,
      deserializers: stringDeserializers,
      ...more,
    })
    closers.push(() => made.close(true))
    return made
  }
  const admin = () => {
    const made = new Admin({ clientId: 'app', bootstrapBrokers, retries: 0 })
    closers.push(() => made.close())
    return made
  }
  return { cluster, producer, consumer, admin }
}

test('topics, groups, offsets and settings through its admin', async () => {
  const { admin: open_, producer } = await open({ topics: { orders: 2 } })
  const admin = open_()
  const [created] = await admin.createTopics({ topics: ['made'], partitions: 2, replicas: 3 })
  expect(created).toMatchObject({ name: 'made', partitions: 2, replicas: 3 })
  await admin.createPartitions({ topics: [{ name: 'made', count: 4 }] })
  expect((await admin.listTopics()).sort()).toEqual(['made', 'orders'])
  await producer().send({ messages: [{ topic: 'orders', key: 'k', value: 'v', partition: 0 }], acks: ProduceAcks.ALL })
  await admin.deleteRecords({ topics: [{ name: 'orders', partitions: [{ partition: 0, offset: 1n }] }] })
  const [described] = await admin.describeConfigs({
    resources: [{ resourceType: 2, resourceName: 'orders', configurationKeys: ['cleanup.policy'] }],
    includeSynonyms: false,
    includeDocumentation: false,
  })
  expect(described?.configs[0]).toMatchObject({ name: 'cleanup.policy', value: 'delete' })
  await admin.deleteTopics({ topics: ['made'] })
  expect(await admin.listTopics()).toEqual(['orders'])
  await expect(admin.deleteTopics({ topics: ['made'] })).rejects.toThrow()
})

test.each(['classic', 'consumer'] as const)(
  'reads by group, protocol %s, commits, and goes on where it was',
  async (groupProtocol) => {
    const { cluster, producer, consumer } = await open({ topics: { orders: 3 } })
    const writer = producer({ idempotent: true })
    const messages = Array.from({ length: 30 }, (_, i) => ({
      topic: 'orders',
      key: `k${i}`,
      value: `v${i}`,
      headers: { h: String(i) },
    }))
    await writer.send({ messages })
    await writer.send({ messages: [{ topic: 'orders', value: 'packed' }], compression: 'gzip' })

    const reader = consumer('billing', { groupProtocol })
    const stream = await reader.consume({
      topics: ['orders'],
      mode: MessagesStreamModes.EARLIEST,
      autocommit: false,
      maxWaitTime: 100,
    })
    const read: string[] = []
    for await (const message of stream) {
      read.push(String(message.value))
      await message.commit()
      if (read.length === 31) break
    }
    expect([...read].sort()).toEqual([...messages.map(({ value }) => value), 'packed'].sort())
    await reader.close(true)
    await cluster.until(() => cluster.group('billing').lag() === 0, { within: '10s' })

    await writer.send({ messages: [{ topic: 'orders', value: 'later' }] })
    const successor = consumer('billing', { groupProtocol })
    const rest = await successor.consume({
      topics: ['orders'],
      mode: MessagesStreamModes.COMMITTED,
      autocommit: true,
      maxWaitTime: 100,
    })
    for await (const message of rest) {
      expect(message.value).toBe('later')
      break
    }
  },
)

test('two members share the partitions, and one takes over', async () => {
  const { cluster, consumer } = await open({ topics: { orders: 4 } })
  const first = consumer('g')
  await first.consume({ topics: ['orders'], maxWaitTime: 100, heartbeatInterval: 200, sessionTimeout: 6000 })
  const second = consumer('g')
  await second.consume({ topics: ['orders'], maxWaitTime: 100, heartbeatInterval: 200, sessionTimeout: 6000 })
  const owned = () =>
    cluster
      .group('g')
      .members()
      .map(({ assignment }) => assignment.length)
      .sort()
  await cluster.until(() => owned().join() === '2,2', { within: '20s' })
  await second.close(true)
  await cluster.until(() => owned().join() === '4', { within: '20s' })
})

test('transactions: what is aborted is not seen by who reads committed', async () => {
  const { producer, consumer } = await open({ topics: { orders: 1 } })
  const writer = producer({ idempotent: true, transactionalId: 'tx' })
  const aborted = await writer.beginTransaction()
  await aborted.send({ messages: [{ topic: 'orders', value: 'never' }] })
  await aborted.abort()
  const committed = await writer.beginTransaction()
  await committed.send({ messages: [{ topic: 'orders', value: 'seen' }] })
  await committed.commit()
  const reader = consumer('g', { isolationLevel: 1 })
  const stream = await reader.consume({ topics: ['orders'], mode: MessagesStreamModes.EARLIEST, maxWaitTime: 100 })
  for await (const message of stream) {
    expect(message.value).toBe('seen')
    break
  }
})

test('a topic that is not there is an error that names it', async () => {
  const { producer } = await open()
  const sent = producer({ retries: 0 }).send({ messages: [{ topic: 'nowhere', value: 'x' }] })
  await expect(sent).rejects.toThrow('Unknown topic nowhere')
})
