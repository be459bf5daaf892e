/** `groupProtocol: 'consumer'` (KIP-848) as a user has it: what stops in a rebalance, what is handled twice, what goes wrong. */
import { type ClientConfig, type Cluster, createCluster, type ProcessContext } from 'kafkarium'
import { describe, expect, test } from 'vitest'
import type { ConsumerConfig } from '../../src/client/index.ts'

type Context = ProcessContext<ReturnType<Cluster['kafka']>, ClientConfig>

/** What was handled, in order, as `orders-0@5`. */
function worker(
  handled: string[],
  options: Partial<ConsumerConfig> = {},
  work: (heartbeat: () => Promise<void>) => Promise<void> = async () => {},
) {
  return async ({ newKafka, onStop }: Context) => {
    const consumer = newKafka({ logLevel: 0 }).consumer({ groupId: 'g', groupProtocol: 'consumer', ...options })
    onStop(() => consumer.disconnect())
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ partition, message, heartbeat }) => {
        await work(heartbeat)
        handled.push(`orders-${partition}@${message.offset}`)
      },
    })
  }
}
const owners = (cluster: Cluster) =>
  Object.fromEntries(
    cluster
      .group('g')
      .members()
      .map(({ clientId, assignment }) => [clientId, assignment.map(({ partition }) => partition)]),
  )
const spread = (count: number, partitions: number) =>
  Array.from({ length: count }, (_, i) => ({ value: `${i}`, partition: i % partitions }))

describe('the consumer protocol', () => {
  test('members come and go, every record is handled once', async () => {
    await using cluster = createCluster({ seed: 1, brokers: 3, topics: { orders: 6 } })
    const handled: string[] = []
    const a = cluster.process('a', worker(handled))
    await cluster.group('g').stable({ members: 1 })
    expect(cluster.group('g').view()).toMatchObject({ type: 'consumer', protocol: 'uniform', generation: 1 })
    await cluster.produce('orders', spread(12, 6))
    cluster.process('b', worker(handled))
    await cluster.group('g').stable({ members: 2 })
    expect(owners(cluster)).toEqual({ a: [0, 1, 2], b: [3, 4, 5] })
    await cluster.produce('orders', spread(12, 6))
    await cluster.until(() => handled.length >= 24)
    await a.stop()
    await cluster.group('g').stable({ members: 1 })
    await cluster.produce('orders', spread(12, 6))
    await cluster.until(() => handled.length >= 36)
    expect(new Set(handled).size).toBe(36)
    expect(
      cluster
        .group('g')
        .history()
        .map(({ reason }) => reason.replace(/-0{8}\S+/, '')),
    ).toEqual(['member a joined', 'member b joined', 'a left the group'])
  })

  test('a member dies: its partitions are taken over when its session is over', async () => {
    await using cluster = createCluster({ seed: 2, topics: { orders: 4 } })
    const handled: string[] = []
    const a = cluster.process('a', worker(handled))
    cluster.process('b', worker(handled))
    await cluster.group('g').stable({ members: 2 })
    const since = cluster.now
    a.crash()
    await cluster.group('g').stable({ members: 1 })
    expect(owners(cluster)).toEqual({ b: [0, 1, 2, 3] })
    // group.consumer.session.timeout.ms, and the other's next heartbeat.
    expect(cluster.now - since).toBeGreaterThan(39_000)
    expect(cluster.now - since).toBeLessThan(51_000)
  })

  test('what stays does not stop: a rebalance is no pause for partitions that do not change hands', async () => {
    const longestPause = async (options: Partial<ConsumerConfig>) => {
      await using cluster = createCluster({ seed: 3, topics: { orders: 4 } })
      const times: number[] = []
      cluster.process('a', async ({ newKafka }: Context) => {
        const consumer = newKafka({ logLevel: 0 }).consumer({ groupId: 'g', ...options })
        await consumer.connect()
        await consumer.subscribe({ topic: 'orders', fromBeginning: true })
        await consumer.run({ eachMessage: async ({ partition }) => void (partition === 0 && times.push(cluster.now)) })
      })
      await cluster.group('g').stable({ members: 1 })
      const other = cluster.process('b', worker([], options))
      for (let i = 0; i < 150; i++) {
        if (i === 60) void other.restart()
        await cluster.produce('orders', [{ value: `${i}`, partition: 0 }])
        await cluster.advance(200)
      }
      await cluster.until(() => times.length === 150)
      return Math.max(...times.slice(1).map((time, i) => time - (times[i] as number)))
    }
    const eager = await longestPause({ groupProtocol: 'classic', partitionAssigners: undefined as never })
    const server = await longestPause({ groupProtocol: 'consumer' })
    expect(server).toBeLessThanOrEqual(400)
    expect(eager).toBeGreaterThan(1000)
  })

  test('a partition that goes is finished and committed before anybody else gets it', async () => {
    await using cluster = createCluster({ seed: 4, topics: { orders: 2 } })
    const handled: string[] = []
    cluster.process(
      'a',
      worker(handled, {}, () => cluster.advance(3000)),
    )
    await cluster.group('g').stable({ members: 1 })
    await cluster.produce('orders', spread(8, 2))
    cluster.process(
      'b',
      worker(handled, {}, () => cluster.advance(3000)),
    )
    await cluster.until(() => handled.length >= 8, { within: '5m' })
    expect(new Set(handled).size).toBe(8)
    expect(handled).toHaveLength(8)
    expect(owners(cluster)).toEqual({ a: [0], b: [1] })
  })

  test('a handler that holds on for longer than the rebalance timeout loses its place, and comes back', async () => {
    await using cluster = createCluster({ seed: 5, topics: { orders: 2 } })
    const handled: string[] = []
    const work = async (heartbeat: () => Promise<void>) => {
      await cluster.advance(6000)
      // It learns that it has to give up a partition, and works on.
      await heartbeat()
      await cluster.advance(25_000)
    }
    cluster.process('slow', worker(handled, { rebalanceTimeout: 10_000 }, work))
    await cluster.group('g').stable({ members: 1 })
    // Of the two partitions this is the one that will go.
    await cluster.produce('orders', [{ value: 'x', partition: 1 }])
    await cluster.advance(1000)
    cluster.process('b', worker(handled))
    const left = () =>
      cluster.trace.events().some((event) => event.type === 'group.leave' && event.cause === 'not-revoked')
    await cluster.until(left, { within: '2m' })
    await cluster.until(
      () => cluster.group('g').members().length === 2 && cluster.group('g').view()?.state === 'Stable',
      {
        within: '5m',
      },
    )
    expect(Object.keys(owners(cluster)).sort()).toEqual(['b', 'slow'])
  })

  test('the coordinator dies: the group goes on where it was, in the epoch it was in', async () => {
    await using cluster = createCluster({
      seed: 6,
      brokers: 3,
      topics: { orders: { partitions: 4, replicationFactor: 3 } },
    })
    const handled: string[] = []
    // Patient enough for an election; kafkajs's defaults restart the consumer.
    const patient = { retry: { retries: 30 } }
    cluster.process('a', worker(handled, patient))
    cluster.process('b', worker(handled, patient))
    await cluster.group('g').stable({ members: 2 })
    const before = { owners: owners(cluster), generation: cluster.group('g').view()?.generation }
    cluster.faults.crash(cluster.group('g').view()?.coordinator ?? -1)
    await cluster.advance('20s')
    await cluster.produce('orders', spread(8, 4))
    await cluster.heal({ caughtUp: ['g'] })
    expect(owners(cluster)).toEqual(before.owners)
    expect(cluster.group('g').view()?.generation).toBe(before.generation)
    expect(new Set(handled).size).toBe(8)
  })

  test('a static member that stops and comes back within its session has its partitions, in the same epoch', async () => {
    await using cluster = createCluster({ seed: 7, topics: { orders: 4 } })
    const a = cluster.process('a', worker([], { groupInstanceId: 'one' }))
    cluster.process('b', worker([], { groupInstanceId: 'two' }))
    await cluster.group('g').stable({ members: 2 })
    const before = { owners: owners(cluster), generation: cluster.group('g').view()?.generation }
    await a.stop()
    await cluster.advance('10s')
    expect(cluster.group('g').members()).toHaveLength(2)
    await a.restart()
    await cluster.group('g').stable({ members: 2 })
    expect(owners(cluster)).toEqual(before.owners)
    expect(cluster.group('g').view()?.generation).toBe(before.generation)
  })

  test('a group changes over while it works: classic members one by one become consumer members', async () => {
    await using cluster = createCluster({ seed: 8, topics: { orders: 6 } })
    const handled: string[] = []
    const classic = ['a', 'b', 'c'].map((name) => cluster.process(name, worker(handled, { groupProtocol: 'classic' })))
    await cluster.group('g').stable({ members: 3 })
    expect(cluster.group('g').view()?.type).toBe('classic')
    for (const [i, one] of classic.entries()) {
      await cluster.produce('orders', spread(6, 6))
      await one.stop()
      cluster.process(`new-${i}`, worker(handled))
      await cluster.group('g').stable({ members: 3, within: '5m' })
      expect(cluster.group('g').view()?.type).toBe('consumer')
    }
    await cluster.produce('orders', spread(6, 6))
    await cluster.heal({ caughtUp: ['g'] })
    expect(new Set(handled).size).toBe(24)
    expect(Object.values(owners(cluster)).map(({ length }) => length)).toEqual([2, 2, 2])
  })

  test('what the coordinator decides is no option: the error says where it is set', () => {
    using cluster = createCluster()
    const kafka = cluster.kafka()
    const make = (options: Partial<ConsumerConfig>) => () => kafka.consumer({ groupId: 'g', ...options })
    expect(make({ groupProtocol: 'consumer', sessionTimeout: 10_000 })).toThrow(
      'sessionTimeout does not go with groupProtocol "consumer": the coordinator decides. Use the broker\'s group.consumer.session.timeout.ms',
    )
    expect(make({ groupRemoteAssignor: 'range' })).toThrow(
      'groupRemoteAssignor goes with groupProtocol "consumer" only',
    )
    expect(make({ groupProtocol: 'share' as never })).toThrow('Invalid groupProtocol "share"')
  })

  test('an assignor the coordinator does not have ends the consumer, and the error names those it has', async () => {
    await using cluster = createCluster({ topics: { orders: 1 } })
    const consumer = cluster
      .kafka({ logLevel: 0 })
      .consumer({ groupId: 'g', groupProtocol: 'consumer', groupRemoteAssignor: 'sticky' })
    const crashes: string[] = []
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      crashes.push(`${payload.error.message} ${payload.restart}`)
    })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders' })
    await consumer.run({ eachMessage: async () => {} })
    expect(crashes).toEqual(['ServerAssignor sticky is not supported. Supported assignors: uniform, range. false'])
  })
})
