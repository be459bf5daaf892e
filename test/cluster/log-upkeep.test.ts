/** What happens to records as time goes by: retention, compaction, deletion; seen through the public API (anomaly A30). */
import { type Cluster, checkHistory, createCluster, type TopicOptions } from 'kafkarium'
import { afterEach, describe, expect, test } from 'vitest'

const made: Cluster[] = []
const create = (topic: TopicOptions = {}, options: Parameters<typeof createCluster>[0] = {}) => {
  const cluster = createCluster({
    brokers: 3,
    topics: { orders: { partitions: 1, replicationFactor: 3, ...topic } },
    laws: true,
    history: true,
    trace: 'full',
    ...options,
  })
  made.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})
const partition = (cluster: Cluster) => {
  const [only] = cluster.topic('orders').partitions
  if (only === undefined) throw new Error('no partition')
  return only
}
const stored = (cluster: Cluster) =>
  cluster
    .topic('orders')
    .records()
    .map(({ offset, key, value }) => `${offset}:${key}=${value}`)
const produce = (cluster: Cluster, key: string, value: string | null) => cluster.produce('orders', [{ key, value }])
/** One record after another, a second apart: with segment.ms=500 each gets a segment of its own. */
const produceApart = async (cluster: Cluster, records: readonly (readonly [string, string | null])[]) => {
  for (const [key, value] of records) {
    await produce(cluster, key, value)
    await cluster.advance('1s')
  }
}
/** Subscribes from the beginning; what it reads piles up. */
async function consume(cluster: Cluster, groupId = 'billing') {
  const consumer = cluster.kafka({ logLevel: 0 }).consumer({ groupId })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  const read: string[] = []
  await consumer.run({
    eachMessage: async ({ message }) => {
      read.push(`${message.offset}:${message.key?.toString()}=${message.value?.toString() ?? null}`)
    },
  })
  return { consumer, read }
}
const factsOf = (cluster: Cluster, type: 'log-start' | 'compacted') =>
  cluster.trace.events().filter((event) => event.type === type)

describe('retention', () => {
  const SHORT = { 'segment.ms': 500, 'retention.ms': 60_000 }

  test('old records go on every replica by itself, at the next look (log.retention.check.interval.ms)', async () => {
    const cluster = create({ config: SHORT })
    await produceApart(cluster, [
      ['a', '1'],
      ['b', '2'],
    ])
    expect(partition(cluster).replicaLogs.map(({ segments }) => segments)).toEqual([2, 2, 2])
    await cluster.advance('4m')
    expect(stored(cluster)).toEqual(['0:a=1', '1:b=2'])
    await cluster.advance('1m')
    expect(stored(cluster)).toEqual([])
    for (const log of partition(cluster).replicaLogs) {
      expect(log).toMatchObject({ logStartOffset: 2, logEndOffset: 2, highWatermark: 2, segments: 1, sizeInBytes: 0 })
    }
    expect(new Set(factsOf(cluster, 'log-start').map((event) => 'node' in event && event.node))).toEqual(
      new Set([1, 2, 3]),
    )
    await produce(cluster, 'c', '3')
    expect(stored(cluster)).toEqual(['2:c=3'])
  })

  test('nobody looks where nothing can go', async () => {
    const cluster = create({ replicationFactor: 1, config: { 'retention.ms': -1 } }, { brokers: 1 })
    await produce(cluster, 'a', '1')
    await cluster.advance('1s')
    const before = cluster.trace.count
    expect(cluster.pendingTimers().filter((line) => /segments|compacts/.test(line))).toEqual([])
    await cluster.advance('1d')
    expect(cluster.trace.count).toBe(before)
  })

  test('a topic that gets a retention later is looked at (UnifiedLog.updateConfig)', async () => {
    const cluster = create({ config: { 'retention.ms': -1 } })
    await produce(cluster, 'a', '1')
    await cluster.advance('10m')
    const admin = cluster.kafka().admin()
    await admin.connect()
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: 2, name: 'orders', configEntries: [{ name: 'retention.ms', value: '1000' }] }],
    })
    await cluster.advance('5m')
    expect(stored(cluster)).toEqual([])
  })

  test('a broker that was away does its own when it is back', async () => {
    const cluster = create({ config: SHORT })
    await produce(cluster, 'a', '1')
    await cluster.advance('1s')
    cluster.faults.crash(3)
    await cluster.advance('10m')
    expect(partition(cluster).replicaLogs.map(({ logStartOffset }) => logStartOffset)).toEqual([1, 1, 0])
    cluster.faults.restart(3)
    await cluster.advance('10s')
    expect(partition(cluster).replicaLogs.map(({ logStartOffset }) => logStartOffset)).toEqual([1, 1, 1])
  })

  // A30: a consumer slower than retention. The unsafe configuration first, then its safe twin.
  test.each([
    ['60 s of retention: what it did not read in time is lost to it', 60_000, ['0:k=0', '3:k=3'], [[1], [2]]],
    ['an hour of retention: it reads everything', 3_600_000, ['0:k=0', '1:k=1', '2:k=2', '3:k=3'], []],
  ])('A30 a consumer that was away for ten minutes, %s', async (_title, retention, expected, lost) => {
    const cluster = create({ config: { 'segment.ms': 500, 'retention.ms': retention } })
    const first = await consume(cluster)
    await produce(cluster, 'k', '0')
    await cluster.until(() => first.read.length === 1)
    await first.consumer.disconnect()
    expect(cluster.group('billing').committed('orders', 0)).toBe(1)
    await produceApart(cluster, [
      ['k', '1'],
      ['k', '2'],
    ])
    await cluster.advance('10m')
    await produce(cluster, 'k', '3')
    const second = await consume(cluster)
    await cluster.until(() => second.read.some((record) => record.endsWith('=3')))
    expect([...first.read, ...second.read]).toEqual(expected)
    await second.consumer.disconnect()
    const { findings, ok } = checkHistory(cluster.history())
    // Explained: retention took them before the group came.
    expect(findings.filter((finding) => finding.class === 'consume-loss').map(({ offsets }) => offsets)).toEqual(lost)
    expect(ok).toBe(true)
  })
})

describe('compaction', () => {
  const COMPACT = { 'cleanup.policy': 'compact', 'segment.ms': 500, 'min.cleanable.dirty.ratio': 0.01 }

  test('A30 older values go on every replica, offsets stay; the last segment is left alone', async () => {
    const cluster = create({ config: COMPACT })
    await produceApart(cluster, [
      ['a', '1'],
      ['b', '1'],
      ['a', '2'],
      ['a', '3'],
    ])
    await cluster.advance('20s')
    expect(stored(cluster)).toEqual(['1:b=1', '2:a=2', '3:a=3'])
    expect(new Set(factsOf(cluster, 'compacted').map((event) => 'node' in event && event.node))).toEqual(
      new Set([1, 2, 3]),
    )
    expect(partition(cluster)).toMatchObject({ logStartOffset: 0, highWatermark: 4, logEndOffset: 4 })
  })

  test('A30 a consumer gets over the gaps: it sees the last value of every key and ends without lag', async () => {
    const cluster = create({ config: COMPACT })
    await produceApart(cluster, [
      ['a', '1'],
      ['a', '2'],
      ['b', '1'],
      ['a', '3'],
      ['c', '1'],
    ])
    await cluster.advance('20s')
    const { consumer, read } = await consume(cluster)
    await cluster.until(() => read.length === 3)
    expect(read).toEqual(['2:b=1', '3:a=3', '4:c=1'])
    await consumer.disconnect()
    expect(cluster.group('billing').lag()).toBe(0)
    const { findings, ok } = checkHistory(cluster.history())
    expect(findings.filter(({ legal }) => legal === null)).toEqual([])
    expect(ok).toBe(true)
  })

  test('A30 a tombstone deletes its key, and vanishes delete.retention.ms after', async () => {
    const cluster = create({ config: { ...COMPACT, 'delete.retention.ms': 60_000 } })
    await produceApart(cluster, [
      ['a', '1'],
      ['a', null],
      ['b', '1'],
    ])
    await cluster.advance('30s')
    expect(stored(cluster)).toEqual(['1:a=null', '2:b=1'])
    await cluster.advance('2m')
    // The cleaner comes back when there is something dirty again.
    await produceApart(cluster, [
      ['c', '1'],
      ['d', '1'],
    ])
    await cluster.advance('30s')
    expect(stored(cluster)).toEqual(['2:b=1', '3:c=1', '4:d=1'])
  })

  test('a replica that was away copies what is left, with the gaps', async () => {
    const cluster = create({ config: COMPACT })
    await produce(cluster, 'a', '0')
    await cluster.advance('1s')
    cluster.faults.crash(3)
    await cluster.advance('10s')
    await produceApart(cluster, [
      ['b', '1'],
      ['a', '1'],
      ['a', '2'],
      ['a', '3'],
      ['c', '1'],
    ])
    await cluster.advance('20s')
    expect(stored(cluster)).toEqual(['1:b=1', '4:a=3', '5:c=1'])
    cluster.faults.restart(3)
    await cluster.until(() => partition(cluster).isr.length === 3)
    cluster.faults.crash(1)
    cluster.faults.crash(2)
    await cluster.until(() => partition(cluster).leader === 3)
    const last = new Map(
      cluster
        .topic('orders')
        .records()
        .map(({ key, value }) => [key, value]),
    )
    expect(Object.fromEntries(last)).toEqual({ a: '3', b: '1', c: '1' })
    expect(partition(cluster)).toMatchObject({ logEndOffset: 6 })
  })

  test('compact,delete does both', async () => {
    const cluster = create({ config: { ...COMPACT, 'cleanup.policy': 'compact,delete', 'retention.ms': 60_000 } })
    await produceApart(cluster, [
      ['a', '1'],
      ['a', '2'],
      ['b', '1'],
    ])
    await cluster.advance('20s')
    expect(stored(cluster)).toEqual(['1:a=2', '2:b=1'])
    await cluster.advance('1m')
    expect(stored(cluster)).toEqual([])
    expect(partition(cluster)).toMatchObject({ logStartOffset: 3 })
  })

  test('compressed records are compacted as well', async () => {
    const cluster = create({ config: COMPACT })
    const producer = cluster.kafka().producer()
    await producer.connect()
    for (const value of ['1', '2', '3']) {
      await producer.send({ topic: 'orders', compression: 1, messages: [{ key: 'a', value }] })
      await cluster.advance('1s')
    }
    await cluster.advance('20s')
    expect(stored(cluster)).toEqual(['1:a=2', '2:a=3'])
  })

  test('a compacted __consumer_offsets loads into the same groups', async () => {
    const cluster = create({}, { config: { 'log.roll.ms': 500, 'log.cleaner.min.cleanable.ratio': 0.01 } })
    const { consumer, read } = await consume(cluster)
    for (const value of ['1', '2', '3', '4']) {
      await produce(cluster, 'k', value)
      await cluster.until(() => read.length === Number(value))
      await cluster.advance('6s')
    }
    await consumer.disconnect()
    await cluster.advance('1m')
    const commits = cluster
      .topic('__consumer_offsets')
      .records()
      .filter(({ value }) => value?.startsWith('offset'))
    expect(commits.length).toBeLessThan(4)
    const coordinator = cluster.group('billing').view()?.coordinator ?? 0
    cluster.faults.crash(coordinator)
    await cluster.advance('15s')
    expect(cluster.group('billing').view()?.coordinator).not.toBe(coordinator)
    expect(cluster.group('billing').committed('orders', 0)).toBe(4)
  })
})

describe('DeleteRecords', () => {
  const adminOf = async (cluster: Cluster, retries = 0) => {
    const admin = cluster.kafka({ logLevel: 0, retry: { retries } }).admin()
    await admin.connect()
    await admin.fetchTopicMetadata({ topics: ['orders'] })
    return (offset: string) => admin.deleteTopicRecords({ topic: 'orders', partitions: [{ partition: 0, offset }] })
  }
  const starts = (cluster: Cluster) => partition(cluster).replicaLogs.map(({ logStartOffset }) => logStartOffset)

  test('is answered when every living replica has moved its log start (DelayedDeleteRecords)', async () => {
    const cluster = create()
    for (const value of ['1', '2', '3']) await produce(cluster, 'k', value)
    await cluster.advance('2s')
    const remove = await adminOf(cluster)
    await remove('2')
    expect(starts(cluster)).toEqual([2, 2, 2])
  })

  test('a follower that cannot be reached: REQUEST_TIMED_OUT, although the records are gone', async () => {
    const cluster = create()
    for (const value of ['1', '2', '3']) await produce(cluster, 'k', value)
    await cluster.advance('2s')
    const remove = await adminOf(cluster)
    cluster.faults.cut(1, 2)
    await expect(remove('2')).rejects.toThrow()
    expect(starts(cluster)).toEqual([2, 0, 2])
    expect(stored(cluster)).toEqual(['2:k=3'])
    cluster.faults.heal()
    await cluster.advance('2s')
    expect(starts(cluster)).toEqual([2, 2, 2])
  })

  test('a topic that goes meanwhile ends the wait', async () => {
    const cluster = create()
    for (const value of ['1', '2', '3']) await produce(cluster, 'k', value)
    await cluster.advance('2s')
    const remove = await adminOf(cluster)
    cluster.faults.cut(1, 2)
    const answers: number[] = []
    cluster.trace.onEvent((event) => {
      if (event.type === 'response' && event.api === 'DeleteRecords') answers.push(event.time)
    })
    const removing = remove('2').catch(() => 'refused')
    await cluster.advance('1s')
    const admin = cluster.kafka().admin()
    await admin.connect()
    await admin.deleteTopics({ topics: ['orders'] })
    const deletedAt = cluster.trace.events().find((event) => event.type === 'topic.deleted')?.time ?? 0
    expect(await removing).toBe('refused')
    // Not when its time is up.
    expect((answers[0] ?? Infinity) - deletedAt).toBeLessThan(10)
  })

  test('a dead broker is not waited for, once it is known to be dead', async () => {
    const cluster = create()
    for (const value of ['1', '2', '3']) await produce(cluster, 'k', value)
    await cluster.advance('2s')
    // The client gives up on a request after 5 s and asks again; the broker's session ends after 9 s.
    const remove = await adminOf(cluster, 5)
    cluster.faults.crash(3)
    await remove('2')
    expect(starts(cluster)).toEqual([2, 2, 0])
  })
})

describe('a batch that compaction emptied', () => {
  test('does not stop a consumer, even when a fetch brings nothing else', async () => {
    const cluster = create({ config: { 'segment.ms': 500, 'min.cleanable.dirty.ratio': 0.01 } })
    for (const value of ['1', '2', '3']) {
      await cluster.produce('orders', [value])
      await cluster.advance('1s')
    }
    const admin = cluster.kafka().admin()
    await admin.connect()
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: 2, name: 'orders', configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }],
    })
    await cluster.advance('20s')
    // Records without a key go; the last of the closed ones leaves its batch behind, the active segment is not touched.
    expect(stored(cluster)).toEqual(['2:null=3'])
    expect(partition(cluster).replicaLogs[0]).toMatchObject({ logEndOffset: 3, segments: 2 })
    const consumer = cluster.kafka({ logLevel: 0 }).consumer({ groupId: 'billing', maxBytesPerPartition: 61 })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    const read: string[] = []
    await consumer.run({ eachMessage: async ({ message }) => void read.push(message.offset) })
    await cluster.until(() => read.length === 1)
    expect(read).toEqual(['2'])
  })
})
