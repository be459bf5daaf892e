/** Assignors in a whole cluster: who gets what, and what assigners of one's own may do. */
import { type ClientConfig, type Cluster, createCluster, type ProcessContext } from 'kafkarium'
import { afterEach, describe, expect, test } from 'vitest'
import { type Assigner, AssignerProtocol, type PartitionAssigner, PartitionAssigners } from '../../src/client/index.ts'

const { range, sticky, cooperativeSticky, roundRobin } = PartitionAssigners

const made: Cluster[] = []
const create = (topics: Record<string, number>) => {
  const cluster = createCluster({ brokers: 3, topics, laws: true, trace: 'full' })
  made.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})

interface ReaderOptions {
  readonly topics: readonly string[]
  readonly assigners: readonly PartitionAssigner[]
  readonly instance?: string
}

function reader(cluster: Cluster, name: string, { topics, assigners, instance }: ReaderOptions) {
  return cluster.process(
    name,
    async ({ newKafka, onStop }: ProcessContext<ReturnType<Cluster['kafka']>, ClientConfig>) => {
      const consumer = newKafka({ clientId: name, logLevel: 0 }).consumer({
        groupId: 'g',
        partitionAssigners: [...assigners],
        heartbeatInterval: 500,
        maxWaitTimeInMs: 250,
        ...(instance === undefined ? {} : { groupInstanceId: instance }),
      })
      onStop(() => consumer.disconnect())
      await consumer.connect()
      await consumer.subscribe({ topics: [...topics], fromBeginning: true })
      await consumer.run({ eachMessage: async () => {} })
    },
  )
}

const owners = (cluster: Cluster) =>
  Object.fromEntries(
    cluster
      .group('g')
      .members()
      .map(({ clientId, assignment }) => [
        clientId,
        assignment.map(({ topic, partition }) => `${topic}-${partition}`).sort(),
      ]),
  )
/** The group is at rest, follow-up rebalances included. */
async function settled(cluster: Cluster, members: number) {
  await cluster.group('g').stable({ members })
  await cluster.advance('5s')
  await cluster.group('g').stable({ members })
}

describe.each([
  ['range', range, { a: ['x-0', 'x-1'], b: ['x-2', 'x-3', 'y-0', 'y-1'], c: ['y-2'] }],
  ['sticky', sticky, undefined],
  ['cooperative-sticky', cooperativeSticky, undefined],
])('%s with differing subscriptions', (_, assigner, expected) => {
  test('nobody gets what it did not ask for, and the leader knows topics it does not read', async () => {
    const cluster = create({ x: 4, y: 3 })
    await reader(cluster, 'a', { topics: ['x'], assigners: [assigner] }).ready
    await reader(cluster, 'b', { topics: ['x', 'y'], assigners: [assigner] }).ready
    await reader(cluster, 'c', { topics: ['y'], assigners: [assigner] }).ready
    await settled(cluster, 3)
    const now = owners(cluster)
    expect(Object.values(now).flat().sort()).toEqual(['x-0', 'x-1', 'x-2', 'x-3', 'y-0', 'y-1', 'y-2'])
    expect(now.a?.every((key) => key.startsWith('x'))).toBe(true)
    expect(now.c?.every((key) => key.startsWith('y'))).toBe(true)
    if (expected !== undefined) expect(now).toEqual(expected)
    else
      expect(
        Object.values(now)
          .map(({ length }) => length)
          .sort(),
      ).toEqual([2, 2, 3])
  })

  test('partitions added later are given out', async () => {
    const cluster = create({ x: 2, y: 2 })
    await reader(cluster, 'a', { topics: ['x'], assigners: [assigner] }).ready
    await reader(cluster, 'b', { topics: ['y'], assigners: [assigner] }).ready
    await settled(cluster, 2)
    const admin = cluster.kafka({ logLevel: 0 }).admin()
    await admin.connect()
    await admin.createPartitions({ topicPartitions: [{ topic: 'y', count: 5 }] })
    // Members look at their metadata every five minutes.
    await cluster.advance('6m')
    await settled(cluster, 2)
    expect(owners(cluster)).toEqual({ a: ['x-0', 'x-1'], b: ['y-0', 'y-1', 'y-2', 'y-3', 'y-4'] })
  })
})

test('sticky: who comes back after a crash moves little; round robin deals anew', async () => {
  const kept: number[] = []
  for (const assigner of [sticky, roundRobin]) {
    const cluster = create({ x: 12 })
    for (const name of ['a', 'b', 'c']) await reader(cluster, name, { topics: ['x'], assigners: [assigner] }).ready
    await settled(cluster, 3)
    const before = owners(cluster)
    await reader(cluster, '0-first-by-id', { topics: ['x'], assigners: [assigner] }).ready
    await settled(cluster, 4)
    const now = owners(cluster)
    kept.push(['a', 'b', 'c'].flatMap((name) => now[name]?.filter((key) => before[name]?.includes(key)) ?? []).length)
  }
  expect(kept[0]).toBe(9)
  expect(kept[1]).toBeLessThan(9)
})

test('range goes by instance ids: static members keep theirs when all have new member ids', async () => {
  const cluster = create({ x: 5 })
  for (const name of ['p', 'q'])
    await reader(cluster, name, { topics: ['x'], assigners: [range], instance: name === 'p' ? 'i2' : 'i1' }).ready
  await settled(cluster, 2)
  expect(owners(cluster)).toEqual({ p: ['x-3', 'x-4'], q: ['x-0', 'x-1', 'x-2'] })
})

describe('an assigner of one’s own', () => {
  /** All to the first member; it may say more of itself than kafkajs's interface has. */
  const greedy =
    (more: Partial<Assigner>, seen: unknown[] = []): PartitionAssigner =>
    ({ cluster }) => ({
      name: 'greedy',
      version: 1,
      async assign({ members, topics }) {
        seen.push(members.map(({ memberMetadata }) => AssignerProtocol.MemberMetadata.decode(memberMetadata)))
        const topic = topics[0] as string
        // The last to join gets all.
        const last = members.at(-1)?.memberId as string
        const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
        const memberAssignment = AssignerProtocol.MemberAssignment.encode({
          version: 1,
          assignment: { [topic]: partitions },
        })
        return [{ memberId: last, memberAssignment }]
      },
      protocol: ({ topics, ownedPartitions, generationId }) => ({
        name: 'greedy',
        metadata: AssignerProtocol.MemberMetadata.encode(
          more.rebalanceProtocol === 'cooperative'
            ? {
                version: 2,
                topics,
                userData: Buffer.alloc(0),
                ownedPartitions: ownedPartitions ?? {},
                generationId: generationId ?? -1,
              }
            : { version: 1, topics },
        ),
      }),
      ...more,
    })

  test('kafkajs’s interface alone: eager, as ever', async () => {
    const cluster = create({ x: 3 })
    await reader(cluster, 'a', { topics: ['x'], assigners: [greedy({})] }).ready
    await reader(cluster, 'b', { topics: ['x'], assigners: [greedy({})] }).ready
    await settled(cluster, 2)
    expect(
      Object.values(owners(cluster))
        .map(({ length }) => length)
        .sort(),
    ).toEqual([0, 3])
  })

  test('told of every assignment, with its generation', async () => {
    const cluster = create({ x: 3 })
    const told: unknown[] = []
    const onAssignment: Assigner['onAssignment'] = ({ assignment, generationId }) =>
      told.push({ generationId, ...assignment })
    await reader(cluster, 'a', { topics: ['x'], assigners: [greedy({ onAssignment })] }).ready
    expect(told).toEqual([{ generationId: 1, x: [0, 1, 2] }])
  })

  test('a cooperative one sees what members own; one that takes it from them at once is refused', async () => {
    const cluster = create({ x: 3 })
    const seen: unknown[] = []
    const assigners = [greedy({ rebalanceProtocol: 'cooperative' }, seen)]
    await reader(cluster, 'a', { topics: ['x'], assigners }).ready
    void reader(cluster, 'b', { topics: ['x'], assigners })
    const crashed = () => cluster.trace.events().filter(({ type }) => type === 'consumer.crash')
    await cluster.until(() => crashed().length > 0)
    expect(crashed()[0]).toMatchObject({
      error: expect.stringContaining(
        'The cooperative assigner "greedy" gives x-0, x-1, x-2 to one member while another still owns it',
      ),
      restart: false,
    })
    expect(seen[1]).toContainEqual(
      expect.objectContaining({ generationId: 1, ownedPartitions: expect.objectContaining({ x: [0, 1, 2] }) }),
    )
  })
})
