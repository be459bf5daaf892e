/** Replication: what acks mean when leaders die, because the mechanism is there. */
import { createCluster } from 'kafkarium'
import { describe, expect, test } from 'vitest'
import { partition, replicatedClusters, senderOf, values } from '../support/replicated.ts'

const create = replicatedClusters()

describe('a replicated partition', () => {
  test('deleted records are gone from every replica, also from one that was away and lacked them', async () => {
    const cluster = create()
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.crash(3)
    for (const value of ['b', 'c', 'd']) await send(value)
    const admin = cluster.kafka().admin()
    await admin.connect()
    await admin.fetchTopicMetadata({ topics: ['orders'] })
    await admin.deleteTopicRecords({ topic: 'orders', partitions: [{ partition: 0, offset: '3' }] })
    expect(values(cluster)).toEqual(['d'])
    await cluster.advance('1s')
    cluster.faults.restart(3)
    await cluster.until(() => partition(cluster)?.isr.length === 3)
    await send('e')
    await cluster.advance('1s')
    expect(partition(cluster)?.replicaLogs.map(({ logEndOffset }) => logEndOffset)).toEqual([5, 5, 5])
    // The one that was away knows nothing of what was deleted: as leader it shows the same.
    cluster.faults.crash(1)
    cluster.faults.crash(2)
    await cluster.until(() => partition(cluster)?.leader === 3)
    expect(values(cluster)).toEqual(['d', 'e'])
    expect(partition(cluster)).toMatchObject({ logStartOffset: 3 })
  })

  test('every replica gets the records from the leader, and the high watermark follows', async () => {
    const cluster = create()
    const send = await senderOf(cluster)
    for (const value of ['a', 'b', 'c']) await send(value)
    await cluster.advance('1s')
    expect(partition(cluster)).toMatchObject({ leader: 1, isr: [1, 2, 3], highWatermark: 3, logEndOffset: 3 })
    expect(partition(cluster)?.replicaLogs).toMatchObject([
      { node: 1, logEndOffset: 3, highWatermark: 3 },
      { node: 2, logEndOffset: 3, highWatermark: 3 },
      { node: 3, logEndOffset: 3, highWatermark: 3 },
    ])
  })

  test('acks=all waits for the followers, acks=1 does not: written is not yet readable', async () => {
    const cluster = create()
    const send = await senderOf(cluster)
    await send('warm')
    cluster.faults.cut(1, 2)
    await send('one', 1)
    expect(partition(cluster)).toMatchObject({ logEndOffset: 2, highWatermark: 1 })
    let acknowledged = false
    const all = send('all').then(() => {
      acknowledged = true
    })
    await cluster.until(() => partition(cluster)?.logEndOffset === 3)
    expect(acknowledged).toBe(false)
    cluster.faults.heal()
    await all
    expect(partition(cluster)).toMatchObject({ highWatermark: 3 })
  })

  test('a crash of the leader: another in-sync replica leads, nothing acknowledged with acks=all is lost', async () => {
    const cluster = create()
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.crash(1)
    await send('b')
    expect(partition(cluster)).toMatchObject({ leader: 2, leaderEpoch: 1, isr: [2, 3] })
    expect(values(cluster)).toEqual(['a', 'b'])
    cluster.faults.restart(1)
    await cluster.until(() => partition(cluster)?.isr.length === 3)
    await send('c')
    await cluster.advance('1s')
    expect(partition(cluster)?.replicaLogs.map(({ logEndOffset }) => logEndOffset)).toEqual([3, 3, 3])
  })

  test('acks=1 and a leader that dies before anybody copied: acknowledged, and gone; its offset is used again', async () => {
    const cluster = create({ topics: { orders: { partitions: 1, replicationFactor: 3 } } })
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.cut(1, 2)
    cluster.faults.cut(1, 3)
    const [metadata] = await send('lost', 1)
    expect(metadata?.baseOffset).toBe('1')
    cluster.faults.crash(1)
    const [again] = await send('b')
    expect(again?.baseOffset).toBe('1')
    cluster.faults.heal()
    cluster.faults.restart(1)
    await cluster.until(() => partition(cluster)?.isr.length === 3)
    expect(values(cluster)).toEqual(['a', 'b'])
    expect(cluster.trace.events().find((event) => event.type === 'truncated')).toMatchObject({
      node: 1,
      from: 2,
      to: 1,
    })
  })

  test('followers that lag leave the ISR after replica.lag.time.max.ms and come back when they have caught up', async () => {
    const cluster = create({ config: { 'replica.lag.time.max.ms': 10_000 } })
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.cut(1, 3)
    await send('b', 1)
    await cluster.advance('16s')
    expect(partition(cluster)).toMatchObject({ isr: [1, 2], highWatermark: 2 })
    await send('c')
    cluster.faults.heal(1, 3)
    await cluster.until(() => partition(cluster)?.isr.length === 3)
    await cluster.advance('1s')
    expect(partition(cluster)?.replicaLogs.map(({ logEndOffset }) => logEndOffset)).toEqual([3, 3, 3])
  })

  test('below min.insync.replicas acks=all is NOT_ENOUGH_REPLICAS and nothing is stored; acks=1 is stored, not readable', async () => {
    const cluster = create({
      topics: { orders: { partitions: 1, replicationFactor: 3, config: { 'min.insync.replicas': 2 } } },
    })
    const send = await senderOf(cluster)
    const impatient = cluster.kafka({ logLevel: 0, retry: { retries: 2 } }).producer()
    await impatient.connect()
    await send('a')
    cluster.faults.crash(2)
    cluster.faults.crash(3)
    await cluster.advance('10s')
    expect(partition(cluster)?.isr).toEqual([1])
    const failure = await impatient
      .send({ topic: 'orders', acks: -1, messages: [{ value: 'b' }] })
      .catch((error: unknown) => error)
    expect((failure as Error).message).toMatch(/fewer in-sync replicas|Messages are rejected/i)
    expect(partition(cluster)?.logEndOffset).toBe(1)
    await send('c', 1)
    expect(partition(cluster)).toMatchObject({ logEndOffset: 2, highWatermark: 1 })
    cluster.faults.restart(2)
    await cluster.until(() => partition(cluster)?.highWatermark === 2)
  })

  test('the group coordinator moves with its partition: offsets and members survive the crash of its broker', async () => {
    const cluster = create()
    await cluster.produce('orders', ['a', 'b', 'c'])
    const got: string[] = []
    const worker = cluster.process('worker', async ({ newKafka }) => {
      const consumer = newKafka({ logLevel: 0 }).consumer({ groupId: 'billing' })
      await consumer.connect()
      await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
      await consumer.run({ eachMessage: async ({ message }) => void got.push(String(message.value)) })
    })
    await worker.ready
    await cluster.until(() => cluster.group('billing').committed('orders', 0) === 3)
    const before = cluster.group('billing').view()
    cluster.faults.crash(before?.coordinator ?? 1)
    const send = await senderOf(cluster)
    await send('d')
    await cluster.until(() => got.includes('d'))
    await cluster.until(() => cluster.group('billing').committed('orders', 0) === 4)
    expect(cluster.group('billing').view()?.coordinator).not.toBe(before?.coordinator)
    expect(got.filter((value) => value !== 'd')).toEqual(['a', 'b', 'c'])
  })
})

describe('wrong use', () => {
  test('more replicas than brokers', () => {
    expect(() => createCluster({ topics: { orders: { replicationFactor: 3 } } })).toThrow(
      /topics\.orders: a replication factor of 3 needs 3 brokers, there are 1/,
    )
    const cluster = create()
    expect(() => cluster.faults.cut(1, 9)).toThrow(/there is no broker 9/)
    expect(() => cluster.faults.cut(2, 2)).toThrow(/the same broker/)
  })
})
