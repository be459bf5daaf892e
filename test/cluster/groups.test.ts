/** Groups in a whole cluster: static members, coordinators that die, what a group's handle tells. */
import { type ClientConfig, type Cluster, createCluster, type ProcessContext } from 'kafkarium'
import { afterEach, describe, expect, test } from 'vitest'

const made: Cluster[] = []
const create = (options: Parameters<typeof createCluster>[0] = {}) => {
  const cluster = createCluster({ topics: { orders: { partitions: 4 } }, laws: true, trace: 'full', ...options })
  made.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})

/** A process that reads `orders`, as a static member when told an instance id. */
const reader =
  (groupInstanceId?: string) =>
  async ({ newKafka, onStop }: ProcessContext<ReturnType<Cluster['kafka']>, ClientConfig>) => {
    const consumer = newKafka({ clientId: groupInstanceId ?? 'reader', logLevel: 0 }).consumer({
      groupId: 'billing',
      ...(groupInstanceId === undefined ? {} : { groupInstanceId }),
    })
    onStop(() => consumer.disconnect())
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({ eachMessage: async () => {} })
  }
const crashes = (cluster: Cluster) => cluster.trace.events().filter(({ type }) => type === 'consumer.crash')
const changes = (cluster: Cluster) => cluster.trace.events().filter(({ type }) => type === 'group.state').length

/** Two stable readers, `a` and `b`. */
async function twoReaders(cluster: Cluster, isStatic: boolean) {
  const a = cluster.process('a', reader(isStatic ? 'a' : undefined))
  const b = cluster.process('b', reader(isStatic ? 'b' : undefined))
  await Promise.all([a.ready, b.ready])
  await cluster.group('billing').stable({ members: 2 })
  return { a, b }
}

describe('the start', () => {
  test('two consumers on three brokers join at once, also while the offsets topic spreads (250 seeds)', async () => {
    for (let seed = 0; seed < 250; seed++) {
      const cluster = createCluster({ seed, brokers: 3, topics: { orders: 2 }, trace: 'full' })
      const consumers = ['a', 'b'].map((clientId) =>
        cluster.kafka({ clientId, logLevel: 0 }).consumer({ groupId: 'billing' }),
      )
      for (const consumer of consumers) {
        await consumer.connect()
        await consumer.subscribe({ topic: 'orders' })
      }
      await Promise.all(consumers.map((consumer) => consumer.run({ eachMessage: async () => {} })))
      await cluster.group('billing').stable({ members: 2 })
      expect(crashes(cluster), `seed ${seed}`).toEqual([])
      await cluster.dispose()
    }
  }, 60_000)
})

describe('static members', () => {
  test('a member that restarts within its session is back without a rebalance; for a dynamic one the group rebalances', async () => {
    for (const [isStatic, expected] of [
      [true, 0],
      [false, 3],
    ] as const) {
      const cluster = create()
      const { b } = await twoReaders(cluster, isStatic)
      const before = changes(cluster)
      await b.restart()
      await cluster.advance('2m')
      await cluster.group('billing').stable({ members: 2 })
      expect(changes(cluster) - before).toBe(expected)
      expect(
        cluster
          .group('billing')
          .members()
          .map(({ groupInstanceId }) => groupInstanceId),
      ).toEqual(isStatic ? ['a', 'b'] : [null, null])
    }
  })

  test('the leader restarts without a rebalance, too, and goes on leading (KIP-814)', async () => {
    const cluster = create()
    const { a } = await twoReaders(cluster, true)
    const before = changes(cluster)
    await a.restart()
    await cluster.advance('1m')
    expect(changes(cluster)).toBe(before)
    const { leader, members } = cluster.group('billing').view() ?? {}
    expect(leader).toMatch(/^a-/)
    expect(members?.map(({ assignment }) => assignment.length)).toEqual([2, 2])
  })

  test('it does not leave when it stops: its session has to end', async () => {
    const cluster = create()
    const { b } = await twoReaders(cluster, true)
    await b.stop()
    expect(cluster.group('billing').members()).toHaveLength(2)
    await cluster.group('billing').stable({ members: 1 })
    expect(cluster.trace.events()).toContainEqual(expect.objectContaining({ type: 'group.leave', cause: 'expired' }))
  })

  test('a second consumer with the same id fences the first, whose run ends', async () => {
    const cluster = create()
    const a = cluster.process('a', reader('same'))
    await a.ready
    const b = cluster.process('b', reader('same'))
    await b.ready
    await cluster.until(() => crashes(cluster).length > 0)
    expect(crashes(cluster)).toMatchObject([{ restart: false, error: expect.stringMatching(/same group instance id/) }])
    await cluster.advance('1m')
    expect(cluster.group('billing').members()).toMatchObject([{ groupInstanceId: 'same' }])
    expect(crashes(cluster)).toHaveLength(1)
  })

  test('an instance id that is no name is refused at once', () => {
    const kafka = create().kafka()
    for (const groupInstanceId of ['', '..', 'a b', 'x'.repeat(250)]) {
      expect(() => kafka.consumer({ groupId: 'billing', groupInstanceId })).toThrow(/Invalid groupInstanceId/)
    }
  })
})

describe('group.history()', () => {
  test('tells every generation, who owned what, and why it ended', async () => {
    const cluster = create()
    const a = cluster.process('a', reader())
    await a.ready
    await cluster.group('billing').stable({ members: 1 })
    const b = cluster.process('b', reader())
    await b.ready
    await cluster.group('billing').stable({ members: 2 })
    b.crash()
    await cluster.group('billing').stable({ members: 1 })
    const history = cluster.group('billing').history()
    expect(
      history.map(({ generation, owners }) => [generation, owners.map(({ partitions }) => partitions.length)]),
    ).toEqual([
      [1, [4]],
      [2, [2, 2]],
      [3, [4]],
    ])
    expect(history[0]?.endReason).toMatch(/joined$/)
    expect(history[1]?.endReason).toMatch(/was not heard from for its session timeout/)
    expect(history[2]).toMatchObject({ ended: null, endReason: null, reason: history[1]?.endReason })
    expect((history[1]?.began ?? 0) >= (history[0]?.ended ?? Infinity)).toBe(true)
    expect(cluster.group('nobody').history()).toEqual([])
    expect(cluster.group('nobody').members()).toEqual([])
  })
})

describe('another coordinator', () => {
  const three = { brokers: 3, topics: { orders: { partitions: 4, replicationFactor: 3 } } } as const

  test('replays the log: members, static ids, assignment and offsets are as they were', async () => {
    const cluster = create({ ...three, seed: 3 })
    await twoReaders(cluster, true)
    await cluster.produce('orders', ['1', '2', '3', '4'])
    await cluster.until(
      () => cluster.group('billing').lag() === 0 && (cluster.group('billing').view()?.offsets.length ?? 0) > 0,
    )
    const before = cluster.group('billing').view()
    const coordinator = before?.coordinator ?? 0
    cluster.faults.crash(coordinator)
    await cluster.until(() => (cluster.group('billing').view()?.coordinator ?? coordinator) !== coordinator)
    const after = cluster.group('billing').view()
    expect(after).toMatchObject({ state: 'Stable', generation: before?.generation, leader: before?.leader })
    const identity = (view: typeof before) =>
      view?.members.map(({ id, groupInstanceId, assignment }) => ({ id, groupInstanceId, assignment }))
    expect(identity(after)).toEqual(identity(before))
    expect(after?.offsets.map(({ committed }) => committed)).toEqual(before?.offsets.map(({ committed }) => committed))
    cluster.faults.restart(coordinator)
    await cluster.advance('1m')
    expect(cluster.group('billing').members()).toHaveLength(2)
  })

  test('a member that died with the coordinator expires at the next one', async () => {
    const cluster = create({ ...three, seed: 4 })
    const { b } = await twoReaders(cluster, false)
    b.crash()
    cluster.faults.crash(cluster.group('billing').view()?.coordinator ?? 0)
    await cluster.group('billing').stable({ members: 1 })
    expect(cluster.group('billing').members()[0]?.assignment).toHaveLength(4)
  })

  test('a commit that is not replicated within offsets.commit.timeout.ms is COORDINATOR_NOT_AVAILABLE', async () => {
    const cluster = create({ ...three, config: { 'offsets.topic.num.partitions': 1 } })
    const consumer = cluster.kafka({ logLevel: 0 }).consumer({ groupId: 'billing' })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders' })
    await consumer.run({ autoCommit: false, eachMessage: async () => {} })
    const coordinator = cluster.group('billing').view()?.coordinator
    for (const { id } of cluster.nodes()) if (id !== coordinator) cluster.faults.pause(id)
    const began = cluster.now
    // kafkajs tries again until the others have left the ISR.
    await consumer.commitOffsets([{ topic: 'orders', partition: 0, offset: '1' }])
    const told = cluster.trace.events().filter(({ time }) => time >= began)
    const commits = told.filter(({ type }) => type === 'offset.commit').map(({ time }) => time - began)
    expect(commits).toHaveLength(2)
    expect((commits[1] ?? 0) - (commits[0] ?? 0)).toBeGreaterThanOrEqual(5000)
    expect((commits[1] ?? 0) - (commits[0] ?? 0)).toBeLessThan(6000)
    expect(cluster.group('billing').committed('orders', 0)).toBe(1)
  })
})
