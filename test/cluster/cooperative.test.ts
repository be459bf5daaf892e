/** The cooperative protocol (KIP-429): what stays with its member is worked on while the group rebalances. */
import { type Cluster, checkHistory, createCluster } from 'kafkarium'
import { afterEach, describe, expect, test } from 'vitest'
import { type PartitionAssigner, PartitionAssigners } from '../../src/client/index.ts'
import { GroupWork } from './group-work.ts'

const { roundRobin, sticky, cooperativeSticky } = PartitionAssigners
const PARTITIONS = 12
const MEMBERS = ['a', 'b', 'c', 'd'] as const
/** They hear of a rebalance at different times. */
const BEATS = { a: 300, b: 500, c: 700, d: 900 } as const

const made: Cluster[] = []
const create = (options: Parameters<typeof createCluster>[0] = {}) => {
  const topics = { orders: { partitions: PARTITIONS } }
  const cluster = createCluster({ brokers: 3, topics, laws: true, history: true, ...options })
  made.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})

async function rollingRestart(assigner: PartitionAssigner) {
  const cluster = create()
  const work = new GroupWork(cluster, PARTITIONS)
  for (const name of MEMBERS) work.start(name, { assigners: [assigner], heartbeatInterval: BEATS[name] })
  await cluster.group('billing').stable({ members: 4 })
  await work.feed(2000)
  const from = work.moments.length
  for (const name of MEMBERS) {
    const handle = work.processes.get(name)
    const stopping = handle?.stop()
    await work.feed(2000)
    await stopping
    void handle?.restart()
    await work.feed(3500)
  }
  await work.caughtUp()
  expect(work.moments.length).toBeGreaterThan(from)
  return { cluster, work }
}

describe('a rolling restart of four members with twelve partitions', () => {
  test('eager members stop at every rebalance; cooperative ones never stop what they keep', async () => {
    const [eager, cooperative] = [await rollingRestart(sticky), await rollingRestart(cooperativeSticky)]
    for (const { cluster, work } of [eager, cooperative]) {
      // A member that leaves commits first, so nothing is handled twice either.
      expect(work.handled).toHaveLength(work.produced * PARTITIONS)
      expect(work.seen()).toBe(work.produced * PARTITIONS)
      expect(work.checkHandovers()).toBeGreaterThan(12)
      const report = checkHistory(cluster.history(), { finalPolls: true })
      expect(report.findings, report.text).toEqual([])
    }
    const [stopped, went] = [eager.work.rebalances(), cooperative.work.rebalances()]
    expect(stopped.length).toBeGreaterThanOrEqual(24)
    expect(went.length).toBeGreaterThanOrEqual(24)
    // Between hearing of the rebalance and being back.
    expect(stopped.every(({ worked }) => worked === 0)).toBe(true)
    expect(went.reduce((sum, { worked }) => sum + worked, 0)).toBeGreaterThan(100)
    // A record comes every 100 ms.
    const pauses = (of: typeof went) => of.filter(({ longestPauseMs }) => longestPauseMs > 125).length
    expect(pauses(went)).toBe(0)
    expect(pauses(stopped)).toBeGreaterThan(12)
  })
})

test('a long handler holds up the group’s next generation, not the others’ work', async () => {
  for (const [assigner, goesOn] of [
    [cooperativeSticky, true],
    [sticky, false],
  ] as const) {
    const cluster = create()
    const work = new GroupWork(cluster, PARTITIONS)
    let release: (() => void) | undefined
    let slow = false
    const long = new Promise<void>((resolve) => {
      release = resolve
    })
    for (const name of ['a', 'b'])
      work.start(name, { assigners: [assigner], work: (client) => (client === 'a' && slow ? long : undefined) })
    await cluster.group('billing').stable({ members: 2 })
    await work.feed(500)
    slow = true
    await work.feed(100)
    const { generation } = cluster.group('billing').view() ?? {}
    work.start('c', { assigners: [assigner] })
    await work.feed(1500)
    const count = () => work.handled.filter(({ client }) => client === 'b').length
    const before = count()
    await work.feed(3000)
    expect(cluster.group('billing').view()).toMatchObject({ state: 'PreparingRebalance', generation })
    // 6 partitions, 30 records each.
    if (goesOn) expect(count() - before).toBe(180)
    else expect(count()).toBe(before)
    slow = false
    release?.()
    await work.feed(3000)
    await work.caughtUp()
    expect(cluster.group('billing').members()).toHaveLength(3)
    expect(work.handled).toHaveLength(work.produced * PARTITIONS)
  }
})

test('a partition that is taken away is finished and committed first, and nobody else begins before', async () => {
  const cluster = create()
  const work = new GroupWork(cluster, PARTITIONS)
  let release: (() => void) | undefined
  const blocked = new Map<number, Promise<void>>()
  work.start('a', { assigners: [cooperativeSticky], work: (_, partition) => blocked.get(partition) })
  await cluster.group('billing').stable({ members: 1 })
  await work.feed(200)
  // The one of the highest number goes to whoever joins.
  const long = new Promise<void>((resolve) => {
    release = resolve
  })
  blocked.set(11, long)
  await work.feed(100)
  work.start('b', { assigners: [cooperativeSticky] })
  await work.feed(4000)
  const ofLast = () => work.handled.filter(({ partition }) => partition === 11)
  const sofar = ofLast().length
  // The other nodes' loops go on, and the group is at rest, but the partition is nobody else's.
  expect(cluster.group('billing').view()?.state).toBe('Stable')
  expect(new Set(ofLast().map(({ client }) => client))).toEqual(new Set(['a']))
  blocked.clear()
  release?.()
  await work.feed(2000)
  await work.caughtUp()
  expect(
    ofLast()
      .slice(sofar)
      .map(({ client }) => client),
  ).toEqual(
    ofLast()
      .slice(sofar)
      .map(() => 'b'),
  )
  // Finished there, so not begun again here.
  expect(work.handled).toHaveLength(work.produced * PARTITIONS)
  expect(
    cluster
      .group('billing')
      .members()
      .map(({ assignment }) => assignment.length),
  ).toEqual([6, 6])
})

test('who gets partitions while it sleeps wakes up for them', async () => {
  const cluster = create()
  const work = new GroupWork(cluster, PARTITIONS)
  work.start('a', { assigners: [cooperativeSticky] })
  await cluster.group('billing').stable({ members: 1 })
  await work.feed(200)
  // It owns nothing at first: its loops sleep, but not past a heartbeat, nor past the first partition.
  work.start('b', { assigners: [cooperativeSticky], maxWaitTimeInMs: 20_000, heartbeatInterval: 2000 })
  await work.feed(4000)
  const got = work.moments.find(({ client, partitions }) => client === 'b' && partitions.length > 0)?.at ?? Number.NaN
  const first = work.handled.find(({ client }) => client === 'b')?.at ?? Number.NaN
  expect(first - got).toBeLessThan(150)
})

test('what is paused stays paused, what is sought is read from there, and positions of kept partitions are not asked for again', async () => {
  const cluster = create({ topics: { orders: 4 }, trace: 'full' })
  const seen: string[] = []
  const consumer = cluster.kafka({ clientId: 'a', logLevel: 0 }).consumer({
    groupId: 'billing',
    partitionAssigners: [cooperativeSticky],
    maxWaitTimeInMs: 200,
    heartbeatInterval: 500,
  })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  // Without auto-commit a position is the member's alone: asked for again it would be the beginning.
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => void seen.push(`${partition}-${message.offset}`),
  })
  const work = new GroupWork(cluster, 4)
  await work.feed(400)
  await cluster.until(() => seen.length === 16)
  consumer.pause([{ topic: 'orders', partitions: [0] }])
  const joined = new Promise<void>((resolve) => {
    const remove = consumer.on(consumer.events.REBALANCING, () => {
      remove()
      consumer.seek({ topic: 'orders', partition: 1, offset: '2' })
      resolve()
    })
  })
  work.start('b', { assigners: [cooperativeSticky] })
  await cluster.group('billing').stable({ members: 2 })
  await joined
  await cluster.advance('3s')
  expect(
    cluster
      .group('billing')
      .members()[0]
      ?.assignment.map(({ partition }) => partition),
  ).toEqual([0, 1])
  expect(consumer.paused()).toEqual([{ topic: 'orders', partitions: [0] }])
  await work.feed(200)
  await cluster.advance('2s')
  expect(seen.slice(16)).toEqual(['1-2', '1-3', '1-4', '1-5'])
  consumer.resume([{ topic: 'orders', partitions: [0] }])
  await cluster.advance('2s')
  expect(seen.slice(20)).toEqual(['0-4', '0-5'])
})

test('a member whose membership is over loses everything and starts anew', async () => {
  const cluster = create()
  const work = new GroupWork(cluster, PARTITIONS)
  for (const name of ['a', 'b']) work.start(name, { assigners: [cooperativeSticky], sessionTimeout: 6000 })
  await cluster.group('billing').stable({ members: 2 })
  await work.feed(500)
  const ids = cluster
    .group('billing')
    .members()
    .map(({ id }) => id)
  work.processes.get('a')?.freeze()
  await work.feed(15_000)
  await cluster.group('billing').stable({ members: 1 })
  work.processes.get('a')?.thaw()
  await work.feed(5000)
  await cluster.group('billing').stable({ members: 2 })
  await work.caughtUp()
  const now = cluster.group('billing').members()
  expect(now.filter(({ id }) => ids.includes(id))).toHaveLength(1)
  expect(now.map(({ assignment }) => assignment.length)).toEqual([6, 6])
})

test('static members: a restart within the session moves nothing and rebalances nobody', async () => {
  const cluster = create()
  const work = new GroupWork(cluster, PARTITIONS)
  const options = { assigners: [cooperativeSticky], isStatic: true }
  for (const name of ['a', 'b', 'c']) work.start(name, options)
  await cluster.group('billing').stable({ members: 3 })
  await work.feed(1000)
  const owners = () =>
    cluster
      .group('billing')
      .members()
      .map(({ clientId, assignment }) => [clientId, assignment.map(({ partition }) => partition)])
  const [before, { generation }] = [owners(), cluster.group('billing').view() ?? { generation: -1 }]
  for (const name of ['a', 'b', 'c']) {
    await work.processes.get(name)?.restart()
    await work.feed(2000)
  }
  await work.caughtUp()
  expect(owners()).toEqual(before)
  expect(cluster.group('billing').view()?.generation).toBe(generation)
})

test('changing over: round robin, then both, then cooperative alone, one member at a time', async () => {
  const cluster = create()
  const work = new GroupWork(cluster, PARTITIONS)
  const protocolOf = () => cluster.group('billing').view()?.protocol
  for (const name of MEMBERS) work.start(name, { assigners: [roundRobin], heartbeatInterval: BEATS[name] })
  await cluster.group('billing').stable({ members: 4 })
  await work.feed(500)
  expect(protocolOf()).toBe('RoundRobinAssigner')
  const seen: (string | null | undefined)[] = []
  for (const [bounce, assigners] of [
    ['first', [cooperativeSticky, roundRobin]],
    ['second', [cooperativeSticky]],
  ] as const) {
    for (const name of MEMBERS) {
      await work.processes.get(name)?.stop()
      work.start(`${name}-${bounce}`, { assigners, heartbeatInterval: BEATS[name] })
      work.processes.set(name, work.processes.get(`${name}-${bounce}`) as never)
      await work.feed(3000)
      await cluster.group('billing').stable({ members: 4 })
      seen.push(protocolOf())
    }
  }
  await work.caughtUp()
  // The group takes what all support; with the last of the first bounce all know the new one, and it is what most name first.
  expect(seen.slice(0, 3)).toEqual(Array.from({ length: 3 }, () => 'RoundRobinAssigner'))
  expect(seen.slice(3)).toEqual(Array.from({ length: 5 }, () => 'cooperative-sticky'))
  expect(work.handled).toHaveLength(work.produced * PARTITIONS)
  work.checkHandovers()
  expect(
    cluster
      .group('billing')
      .members()
      .map(({ assignment }) => assignment.length),
  ).toEqual([3, 3, 3, 3])
  // While both are named the members are eager, as ConsumerCoordinator is; afterwards they work through rebalances.
  const worked = (bounce: string) =>
    work
      .rebalances()
      .filter(({ client }) => client.endsWith(bounce))
      .reduce((sum, one) => sum + one.worked, 0)
  expect(worked('first')).toBe(0)
  expect(worked('second')).toBeGreaterThan(0)
})
