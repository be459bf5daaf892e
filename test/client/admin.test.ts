/** The admin client's rarer functions against the simulated cluster. */
import { type Cluster, createCluster } from 'kafkarium'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Admin } from '../../src/client/index.ts'

const made: Cluster[] = []
const quiet = { logLevel: 0 } as const

async function create(
  topics: Record<string, number> = { orders: 1 },
  brokers = 3,
): Promise<{ cluster: Cluster; admin: Admin }> {
  const cluster = createCluster({ brokers, topics })
  made.push(cluster)
  const admin = cluster.kafka(quiet).admin()
  await admin.connect()
  return { cluster, admin }
}
afterEach(async () => {
  vi.restoreAllMocks()
  for (const cluster of made.splice(0)) await cluster.dispose()
})

describe('createPartitions', () => {
  it('makes a running consumer rejoin at its next metadata refresh and read the new partitions', async () => {
    const { cluster, admin } = await create()
    await cluster.produce('orders', ['a', 'b', 'c'])
    const consumer = cluster.kafka(quiet).consumer({ groupId: 'billing', maxWaitTimeInMs: 100, metadataMaxAge: 5000 })
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    const handled: string[] = []
    await consumer.run({
      eachMessage: async ({ partition, message }) => {
        handled.push(`${partition}:${String(message.value)}`)
      },
    })
    await cluster.until(() => handled.length === 3)
    const { generation } = cluster.group('billing').view() ?? { generation: -1 }

    await admin.createPartitions({ topicPartitions: [{ topic: 'orders', count: 3 }] })
    await cluster.settle()
    // Nothing was moved: the old records are where they were, and the group does not know yet.
    expect(
      cluster
        .topic('orders')
        .records()
        .map(({ partition }) => partition),
    ).toEqual([0, 0, 0])
    expect(cluster.topic('orders').partitions.map(({ leader }) => leader)).toEqual([1, 2, 3])
    expect(cluster.group('billing').view()).toMatchObject({ generation })

    await cluster.until(() => (cluster.group('billing').view()?.members[0]?.assignment.length ?? 0) === 3)
    expect(cluster.group('billing').view()?.generation).toBeGreaterThan(generation)
    await cluster.produce('orders', [{ value: 'new', partition: 2 }])
    await cluster.until(() => handled.length === 4)
    expect(handled).toEqual(['0:a', '0:b', '0:c', '2:new'])
    await consumer.disconnect()
  })

  it('rejects with the broker’s error, and validates only when asked to', async () => {
    const { cluster, admin } = await create({ orders: 2 })
    const orders = (count: number) => [{ topic: 'orders', count }]
    await expect(admin.createPartitions({ topicPartitions: orders(2) })).rejects.toMatchObject({
      type: 'INVALID_PARTITIONS',
    })
    await admin.createPartitions({ topicPartitions: orders(4), validateOnly: true })
    await cluster.settle()
    expect(cluster.topic('orders').partitions).toHaveLength(2)
    await expect(admin.createPartitions({ topicPartitions: [{ topic: 'nope', count: 2 }] })).rejects.toMatchObject({
      type: 'UNKNOWN_TOPIC_OR_PARTITION',
    })
  })

  it('says why the offsets topic does not grow', async () => {
    const { cluster, admin } = await create()
    const consumer = cluster.kafka(quiet).consumer({ groupId: 'billing' })
    await consumer.subscribe({ topic: 'orders' })
    await consumer.run({ eachMessage: async () => {} })
    const warn = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    await expect(
      admin.createPartitions({ topicPartitions: [{ topic: '__consumer_offsets', count: 60 }] }),
    ).rejects.toMatchObject({ type: 'INVALID_TOPIC_EXCEPTION' })
    expect(warn.mock.calls.flat().join()).toContain('offsets.topic.num.partitions')
    await consumer.disconnect()
  })
})

describe('deleteGroups', () => {
  async function consumed(cluster: Cluster, groupId: string) {
    const consumer = cluster.kafka(quiet).consumer({ groupId, maxWaitTimeInMs: 100 })
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    const handled: string[] = []
    await consumer.run({ eachMessage: async ({ message }) => void handled.push(String(message.value)) })
    await cluster.until(() => handled.length === 2)
    return { consumer, handled }
  }

  it('deletes empty groups wherever they live; one that comes back starts from its default', async () => {
    const { cluster, admin } = await create()
    await cluster.produce('orders', ['a', 'b'])
    const groupIds = ['billing', 'shipping', 'mail', 'audit']
    for (const groupId of groupIds) {
      const { consumer } = await consumed(cluster, groupId)
      await consumer.disconnect()
    }
    expect(new Set(groupIds.map((id) => cluster.group(id).view()?.coordinator)).size).toBeGreaterThan(1)
    expect(cluster.group('billing').committed('orders', 0)).toBe(2)

    const results = await admin.deleteGroups(groupIds)
    expect(results.map(({ groupId, errorCode }) => [groupId, errorCode]).sort()).toEqual(
      groupIds.map((id) => [id, 0]).sort(),
    )
    expect((await admin.listGroups()).groups).toEqual([])
    expect(cluster.group('billing').view()).toBeNull()
    expect(
      cluster
        .topic('__consumer_offsets')
        .records()
        .filter(({ value, key }) => value === null && key === 'billing'),
    ).toHaveLength(1)
    const { consumer, handled } = await consumed(cluster, 'billing')
    expect(handled).toEqual(['a', 'b'])
    await consumer.disconnect()
  })

  it('stays deleted when the coordinator is loaded anew', async () => {
    const { cluster, admin } = await create({ orders: 1 }, 1)
    await cluster.produce('orders', ['a', 'b'])
    const { consumer } = await consumed(cluster, 'billing')
    await consumer.disconnect()
    await admin.deleteGroups(['billing'])
    cluster.faults.crash(1)
    cluster.faults.restart(1)
    await cluster.settle()
    expect(cluster.group('billing').view()).toBeNull()
  })

  it('rejects with the groups that were not deleted; the others are', async () => {
    const { cluster, admin } = await create()
    await cluster.produce('orders', ['a', 'b'])
    const idle = await consumed(cluster, 'idle')
    await idle.consumer.disconnect()
    const { consumer } = await consumed(cluster, 'busy')
    const error = await admin.deleteGroups(['busy', 'idle', 'nope']).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'KafkaJSDeleteGroupsError', message: 'Error in DeleteGroups' })
    const { groups } = error as { groups: { groupId: string; error: { type: string } }[] }
    expect(groups.map((failed) => [failed.groupId, failed.error.type]).sort()).toEqual([
      ['busy', 'NON_EMPTY_GROUP'],
      ['nope', 'GROUP_ID_NOT_FOUND'],
    ])
    expect(cluster.group('idle').view()).toBeNull()
    expect(cluster.group('busy').view()).toMatchObject({ state: 'Stable' })
    await consumer.disconnect()
  })
})

describe('describeCluster', () => {
  it('follows a broker that goes and comes back', async () => {
    const { cluster, admin } = await create({ orders: 1 }, 2)
    const ids = async () => (await admin.describeCluster()).brokers.map(({ nodeId }) => nodeId)
    expect(await ids()).toEqual([1, 2])
    cluster.faults.crash(2)
    await cluster.settle()
    expect(await ids()).toEqual([1])
    cluster.faults.restart(2)
    await cluster.settle()
    expect(await ids()).toEqual([1, 2])
  })
})

describe('deleteTopicRecords', () => {
  const partition = 0
  const values = (cluster: Cluster) =>
    cluster
      .topic('orders')
      .records()
      .map(({ value }) => value)

  async function withRecords() {
    const { cluster, admin } = await create()
    const producer = cluster.kafka(quiet).producer()
    await producer.connect()
    for (const batch of [
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]) {
      await producer.send({ topic: 'orders', messages: batch.map((value) => ({ value })) })
    }
    await producer.disconnect()
    // kafkajs looks leaders up in the metadata it has.
    await admin.fetchTopicOffsets('orders')
    return { cluster, admin }
  }

  it('makes records unreadable, up to an offset or up to the end', async () => {
    const { cluster, admin } = await withRecords()
    await admin.deleteTopicRecords({ topic: 'orders', partitions: [{ partition, offset: '2' }] })
    expect(values(cluster)).toEqual(['c', 'd', 'e'])
    expect(await cluster.topic('orders').next()).toMatchObject({ offset: 2, value: 'c' })
    expect(cluster.topic('orders').partitions[0]).toMatchObject({ logStartOffset: 2, logEndOffset: 5 })
    expect(await admin.fetchTopicOffsets('orders')).toEqual([{ partition, offset: '5', high: '5', low: '2' }])

    await admin.deleteTopicRecords({ topic: 'orders', partitions: [{ partition, offset: '-1' }] })
    expect(values(cluster)).toEqual([])
    expect(cluster.trace.events().flatMap((event) => (event.type === 'log-start' ? [event.offset] : []))).toEqual([
      2, 5,
    ])
    await cluster.produce('orders', ['f'])
    expect(cluster.topic('orders').records()).toMatchObject([{ offset: 5, value: 'f' }])
  })

  it('a consumer sees only what is left, and one that stands before it goes to its default offset', async () => {
    const { cluster, admin } = await withRecords()
    await admin.setOffsets({ groupId: 'late', topic: 'orders', partitions: [{ partition, offset: '1' }] })
    await admin.deleteTopicRecords({ topic: 'orders', partitions: [{ partition, offset: '2' }] })
    for (const groupId of ['new', 'late']) {
      const consumer = cluster.kafka(quiet).consumer({ groupId, maxWaitTimeInMs: 100 })
      await consumer.subscribe({ topic: 'orders', fromBeginning: true })
      const handled: string[] = []
      await consumer.run({ eachMessage: async ({ message }) => void handled.push(String(message.value)) })
      await cluster.until(() => handled.length === 3)
      expect(handled).toEqual(['c', 'd', 'e'])
      await consumer.disconnect()
    }
  })

  it('rejects beyond the end, with a KafkaJSDeleteTopicRecordsError as the cause', async () => {
    const { cluster, admin } = await withRecords()
    await expect(
      admin.deleteTopicRecords({ topic: 'orders', partitions: [{ partition, offset: '6' }] }),
    ).rejects.toMatchObject({
      // kafkajs wraps what is not worth a retry.
      name: 'KafkaJSNonRetriableError',
      cause: {
        name: 'KafkaJSDeleteTopicRecordsError',
        partitions: [{ partition, offset: '6', error: { type: 'OFFSET_OUT_OF_RANGE' } }],
      },
    })
    expect(values(cluster)).toHaveLength(5)
  })

  it('lasts beyond a restart of the broker', async () => {
    const { cluster, admin } = await withRecords()
    await admin.deleteTopicRecords({ topic: 'orders', partitions: [{ partition, offset: '4' }] })
    // The new start is saved once a minute (log.flush.start.offset.checkpoint.interval.ms).
    await cluster.advance('61s')
    cluster.faults.crash(1)
    cluster.faults.restart(1)
    await cluster.settle()
    expect(cluster.topic('orders').partitions[0]).toMatchObject({ logStartOffset: 4, leader: 1 })
    expect(values(cluster)).toEqual(['e'])
  })
})
