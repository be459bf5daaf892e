/** What `topic.records()` and `topic.next()` give of transactions: what a read_committed consumer gets, or everything when asked to. */
import { type Cluster, type ClusterOptions, createCluster, type DeadlockError } from 'kafkarium'
import { afterEach, describe, expect, test } from 'vitest'

const made: Cluster[] = []
const create = (options: ClusterOptions = {}) => {
  const cluster = createCluster({ topics: { orders: 1 }, laws: true, ...options })
  made.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})

const quiet = { logLevel: 0 } as const

async function begin(cluster: Cluster, value: string, transactionalId = 'shop') {
  const producer = cluster.kafka(quiet).producer({ transactionalId })
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic: 'orders', messages: [{ value }] })
  return transaction
}

const messageOf = (wait: Promise<unknown>): Promise<string> =>
  wait.then(
    () => 'it came',
    (error: DeadlockError) => error.message,
  )

const values = (cluster: Cluster, readUncommitted = false) =>
  cluster
    .topic('orders')
    .records({ readUncommitted })
    .map(({ value }) => value)

describe('records()', () => {
  test('has nothing of a transaction that was aborted; with readUncommitted all of it', async () => {
    const cluster = create()
    await cluster.produce('orders', ['before'])
    await (await begin(cluster, 'aborted')).abort()
    await cluster.produce('orders', ['after'])
    expect(values(cluster)).toEqual(['before', 'after'])
    expect(cluster.topic('orders').records(0)).toHaveLength(2)
    expect(values(cluster, true)).toEqual(['before', 'aborted', 'after'])
    expect(cluster.topic('orders').records(0, { readUncommitted: true })).toHaveLength(3)
    expect(cluster.topic('orders').log(0)).toHaveLength(4)
  })

  test('ends where a transaction is open, and goes on with its commit', async () => {
    const cluster = create()
    await cluster.produce('orders', ['before'])
    const open = await begin(cluster, 'open')
    await (await begin(cluster, 'committed', 'other')).commit()
    await cluster.produce('orders', ['after'])
    expect(values(cluster)).toEqual(['before'])
    expect(values(cluster, true)).toEqual(['before', 'open', 'committed', 'after'])
    await open.commit()
    expect(values(cluster)).toEqual(['before', 'open', 'committed', 'after'])
  })

  test('has only what is replicated, as a consumer has', async () => {
    const cluster = create({ brokers: 2, topics: { orders: { partitions: 1, replicationFactor: 2 } } })
    cluster.faults.cut(1, 2)
    const next = () => messageOf(cluster.topic('orders').next({ within: '2s' }))
    const producer = cluster.kafka(quiet).producer()
    await producer.connect()
    await producer.send({ topic: 'orders', acks: 1, messages: [{ value: 'a' }] })
    expect([values(cluster), values(cluster, true)]).toEqual([[], ['a']])
    expect(await next()).toContain('orders-0 has records from offset 0 on that are not replicated yet.')
    await cluster.heal()
    expect(values(cluster)).toEqual(['a'])
  })

  test('of the offsets topic: every commit but those of transactions that are open or aborted', async () => {
    const cluster = create()
    await cluster.produce('orders', ['a', 'b', 'c'])
    const producer = cluster.kafka(quiet).producer({ transactionalId: 'shop' })
    const admin = cluster.kafka(quiet).admin()
    await Promise.all([producer.connect(), admin.connect()])
    // Groups of one partition of the offsets topic: nobody's commits wait for another's.
    const config = { consumerGroupId: 'billing' }
    const sendOffset = async (offset: string) => {
      const transaction = await producer.transaction()
      await transaction.sendOffsets({
        ...config,
        topics: [{ topic: 'orders', partitions: [{ partition: 0, offset }] }],
      })
      return transaction
    }
    const commits = (readUncommitted = false) =>
      cluster
        .topic('__consumer_offsets')
        .records({ readUncommitted })
        .flatMap(({ value }) => /^offset \d+/.exec(value ?? '') ?? [])
    await (await sendOffset('1')).abort()
    const open = await sendOffset('2')
    await admin.setOffsets({ groupId: 'billing', topic: 'orders', partitions: [{ partition: 0, offset: '3' }] })
    expect(commits()).toEqual(['offset 3'])
    expect(commits(true)).toEqual(['offset 1', 'offset 2', 'offset 3'])
    await open.commit()
    expect(commits()).toEqual(['offset 2', 'offset 3'])
  })
})

describe('next()', () => {
  test('waits for the commit', async () => {
    const cluster = create()
    const transaction = await begin(cluster, 'a')
    let taken: string | null | undefined
    const next = cluster
      .topic('orders')
      .next()
      .then(({ value }) => {
        taken = value
      })
    await cluster.advance('10s')
    expect(taken).toBeUndefined()
    await transaction.commit()
    await next
    expect(taken).toBe('a')
  })

  test('passes over what was aborted', async () => {
    const cluster = create()
    await (await begin(cluster, 'aborted')).abort()
    await cluster.produce('orders', ['b'])
    expect((await cluster.topic('orders').next()).value).toBe('b')
  })

  test('with readUncommitted does neither', async () => {
    const cluster = create()
    await (await begin(cluster, 'aborted')).abort()
    await begin(cluster, 'open')
    const next = () => cluster.topic('orders').next({ readUncommitted: true })
    expect([(await next()).value, (await next()).value]).toEqual(['aborted', 'open'])
  })

  test('in vain: the error says what it waits behind, or which was aborted', async () => {
    const cluster = create()
    const next = () => messageOf(cluster.topic('orders').next({ within: '10s' }))
    const transaction = await begin(cluster, 'a')
    expect(await next()).toMatch(
      /This call reads committed records only and waits at orders-0 before offset 0, though the log end offset is 1: the transaction of "shop".*\{ readUncommitted: true \}/,
    )
    await transaction.abort()
    expect(await next()).toMatch(/This call never sees what transactional id "shop" wrote to orders-0 from offset 0 on/)
  })
})

test('options that do not exist are named', () => {
  const topic = create().topic('orders')
  const wrong = (call: () => unknown, text: string) =>
    expect(call).toThrow(
      expect.objectContaining({ code: 'KAFKARIUM_BAD_OPTION', message: expect.stringContaining(text) }),
    )
  wrong(() => topic.records({ readUncommited: true } as object), 'Did you mean "readUncommitted"?')
  wrong(() => topic.records(0, { readUncommited: true } as object), 'Did you mean "readUncommitted"?')
  wrong(() => topic.next({ readUncommited: true } as object), 'Did you mean "readUncommitted"?')
  wrong(() => topic.next({ wihtin: '1s' } as object), 'Did you mean "within"?')
  wrong(() => topic.records({ readUncommitted: 'yes' } as object), 'neither true nor false')
})
