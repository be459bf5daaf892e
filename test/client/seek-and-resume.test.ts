/** Positions that users set: they hold whatever else is under way, and they take effect by themselves. */
import { type Cluster, createCluster } from 'kafkarium'
import { afterEach, describe, expect, test } from 'vitest'

const made: Cluster[] = []
const create = (options: Parameters<typeof createCluster>[0]) => {
  const cluster = createCluster({ laws: true, ...options })
  made.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})
const ten = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']

/** A consumer of `orders` that has read everything there is. */
async function idleConsumer(cluster: Cluster) {
  const consumer = cluster.kafka().consumer({ groupId: 'billing' })
  const seen: string[] = []
  let wake: (() => void) | undefined
  const more = (count: number) =>
    new Promise<void>((resolve) => {
      wake = () => seen.length >= count && resolve()
      wake()
    })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      seen.push(`${partition}:${message.offset}`)
      wake?.()
    },
  })
  return { consumer, seen, more }
}

describe('seek', () => {
  test('on three brokers, from GROUP_JOIN: no fetch loop brings the default offset back (200 seeds)', async () => {
    const lost: number[] = []
    for (let seed = 0; seed < 200; seed++) {
      const cluster = create({ seed, brokers: 3, topics: { orders: { partitions: 3 } } })
      for (let partition = 0; partition < 3; partition++)
        await cluster.produce(
          'orders',
          ten.map((value) => ({ value, partition })),
        )
      const consumer = cluster.kafka().consumer({ groupId: 'billing' })
      const first = new Map<number, string>()
      await consumer.connect()
      await consumer.subscribe({ topic: 'orders', fromBeginning: true })
      consumer.on('consumer.group_join', () => {
        for (let partition = 0; partition < 3; partition++) consumer.seek({ topic: 'orders', partition, offset: '7' })
      })
      await consumer.run({
        eachMessage: async ({ partition, message }) => {
          if (!first.has(partition)) first.set(partition, message.offset)
        },
      })
      await cluster.until(() => first.size === 3)
      if ([...first.values()].some((offset) => offset !== '7')) lost.push(seed)
      await cluster.dispose()
    }
    expect(lost).toEqual([])
  })

  test('an idle consumer: it takes effect while the test awaits its own promise', async () => {
    const cluster = create({ brokers: 3, topics: { orders: { partitions: 3 } } })
    for (let partition = 0; partition < 3; partition++)
      await cluster.produce(
        'orders',
        ten.map((value) => ({ value, partition })),
      )
    const { consumer, more, seen } = await idleConsumer(cluster)
    await more(30)
    for (let partition = 0; partition < 3; partition++) consumer.seek({ topic: 'orders', partition, offset: '7' })
    await more(39)
    expect(seen.slice(30).sort()).toEqual(['0:7', '0:8', '0:9', '1:7', '1:8', '1:9', '2:7', '2:8', '2:9'])
  })
})

test('resume from a real timer: it takes effect while the test awaits its own promise', async () => {
  const cluster = create({ topics: { orders: { partitions: 1 } } })
  await cluster.produce('orders', ten)
  const consumer = cluster.kafka().consumer({ groupId: 'billing' })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  const all = new Promise<number>((resolve) => {
    let count = 0
    void consumer.run({
      eachMessage: async ({ pause }) => {
        count++
        if (count === 10) resolve(count)
        if (count === 1) setTimeout(pause(), 20)
      },
    })
  })
  expect(await all).toBe(10)
})

test('on the wall clock a handler that takes long is heard: heartbeat() sends when it is due', async () => {
  const cluster = create({ time: 'wall', topics: { orders: { partitions: 1 } } })
  await cluster.produce('orders', ['a'])
  const consumer = cluster.kafka().consumer({ groupId: 'billing', heartbeatInterval: 50 })
  let beats = 0
  consumer.on('consumer.heartbeat', () => {
    beats++
  })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  const sent = await new Promise<number>((resolve) => {
    void consumer.run({
      eachMessage: async ({ heartbeat }) => {
        const before = beats
        for (let i = 0; i < 6; i++) {
          await new Promise((slept) => setTimeout(slept, 60))
          await heartbeat()
        }
        resolve(beats - before)
      },
    })
  })
  expect(sent).toBe(6)
})

test('commitOffsetsIfNecessary({}) commits what is not; the event tells what the user committed as the user gave it', async () => {
  const cluster = create({ topics: { orders: { partitions: 1 } } })
  await cluster.produce('orders', ['a', 'b'])
  const consumer = cluster.kafka().consumer({ groupId: 'billing' })
  const commits: unknown[] = []
  consumer.on('consumer.commit_offsets', ({ payload }) => {
    commits.push(...payload.topics.flatMap(({ partitions }) => partitions))
  })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: async ({ resolveOffset, commitOffsetsIfNecessary }) => {
      resolveOffset('0')
      await commitOffsetsIfNecessary({} as never)
      resolveOffset('1')
    },
  })
  await cluster.until(() => cluster.group('billing').committed('orders', 0) === 1)
  await consumer.commitOffsets([{ topic: 'orders', partition: 0, offset: '2' }])
  expect(commits).toEqual([
    { partition: '0', offset: '1' },
    { partition: 0, offset: '2', metadata: null },
  ])
})

test('nobody need await the next record, and an internal topic is empty before it is made', async () => {
  const cluster = create({ topics: { orders: { partitions: 1 } } })
  expect(cluster.topic('__consumer_offsets').records()).toEqual([])
  void cluster.topic('orders').next()
  await cluster.dispose()
})

test('a wait that fails says how far the groups are', async () => {
  const cluster = create({ topics: { orders: { partitions: 1 } } })
  await cluster.produce('orders', ['a'])
  const consumer = cluster.kafka().consumer({ groupId: 'billing' })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders' })
  await consumer.run({ eachMessage: async () => {} })
  await expect(cluster.until(() => false, { within: '10s' })).rejects.toThrow(
    /group billing: Stable, 1 member\(s\), reads orders-0, nothing committed/,
  )
})
