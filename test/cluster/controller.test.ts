/** What users see of the controller: elections, reassignments and racks, through clients. */
import { type Cluster, createCluster } from 'kafkarium'
import { describe, expect, test } from 'vitest'
import { PATIENT, partition, replicatedClusters, senderOf, values } from '../support/replicated.ts'

const create = replicatedClusters()
const adminOf = async (cluster: Cluster) => {
  const admin = cluster.kafka(PATIENT).admin()
  await admin.connect()
  return admin
}

describe('A4: unclean election', () => {
  /** 'b' is committed on broker 1 alone; then only broker 2, which lacks it, is alive. */
  const onlyTheStaleReplicaIsAlive = async (allowed: boolean) => {
    const config = { 'unclean.leader.election.enable': allowed }
    const cluster = create({ topics: { orders: { partitions: 1, replicationFactor: 3, config } } })
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.crash(2)
    cluster.faults.crash(3)
    await cluster.until(() => partition(cluster)?.isr.length === 1)
    await send('b')
    cluster.faults.crash(1)
    cluster.faults.restart(2)
    return { cluster, send }
  }

  test('allowed: the partition goes on, and an acknowledged record is gone', async () => {
    const { cluster, send } = await onlyTheStaleReplicaIsAlive(true)
    await cluster.until(() => partition(cluster)?.leader === 2)
    await send('c')
    expect(values(cluster)).toEqual(['a', 'c'])
    cluster.faults.restart(1)
    await cluster.until(() => partition(cluster)?.isr.length === 2)
    expect(values(cluster)).toEqual(['a', 'c'])
    expect(partition(cluster)).toMatchObject({ leader: 2, logEndOffset: 2 })
  })

  test('not allowed: the partition is offline until the one that has everything is back', async () => {
    const { cluster, send } = await onlyTheStaleReplicaIsAlive(false)
    await cluster.advance('60s')
    expect(partition(cluster)?.leader).toBe(-1)
    cluster.faults.restart(1)
    await send('c')
    expect(values(cluster)).toEqual(['a', 'b', 'c'])
  })
})

describe('A29: controlled shutdown without a gap', () => {
  /** The longest virtual time a send took while the leader went away. */
  const longestSend = async (leave: (cluster: Cluster) => void, config: Record<string, boolean> = {}) => {
    const cluster = create({ config })
    const send = await senderOf(cluster)
    await send('a')
    leave(cluster)
    let longest = 0
    for (let i = 0; i < 20; i++) {
      const before = cluster.now
      await send(`${i}`)
      longest = Math.max(longest, cluster.now - before)
      await cluster.advance('50ms')
    }
    expect(values(cluster)).toHaveLength(21)
    expect(partition(cluster)).toMatchObject({ leader: 2, isr: [2, 3] })
    expect(cluster.nodes()[0]?.state).not.toBe('up')
    return longest
  }
  test('a broker that stops in order is not missed; one that crashes is, for its session', async () => {
    expect(await longestSend((cluster) => cluster.faults.stop(1))).toBeLessThan(1500)
    expect(await longestSend((cluster) => cluster.faults.crash(1))).toBeGreaterThan(8000)
  })
  test('with controlled.shutdown.enable=false it just ends, and is missed', async () => {
    const off = { 'controlled.shutdown.enable': false }
    expect(await longestSend((cluster) => cluster.faults.stop(1), off)).toBeGreaterThan(8000)
  })
  test('one after the other, all brokers are replaced; no send fails and nothing is lost', async () => {
    const cluster = create({
      topics: { orders: { partitions: 1, replicationFactor: 3, config: { 'min.insync.replicas': 2 } } },
    })
    const send = await senderOf(cluster)
    const sent: string[] = []
    for (const id of [1, 2, 3]) {
      cluster.faults.stop(id)
      for (let i = 0; i < 5; i++) {
        await send(`${id}-${i}`)
        sent.push(`${id}-${i}`)
      }
      await cluster.until(() => cluster.nodes()[id - 1]?.state !== 'up')
      cluster.faults.restart(id)
      await cluster.until(() => partition(cluster)?.isr.length === 3)
    }
    expect(values(cluster)).toEqual(sent)
  })
  test('the last broker of a partition stops, too, and comes back with its data', async () => {
    const cluster = create({ brokers: 1, topics: { orders: { partitions: 1, replicationFactor: 1 } } })
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.stop(1)
    await cluster.until(() => cluster.nodes()[0]?.state !== 'up')
    expect(partition(cluster)).toMatchObject({ leader: -1, isr: [], elr: [1] })
    cluster.faults.restart(1)
    await send('b')
    expect(values(cluster)).toEqual(['a', 'b'])
  })
  test('who is down, paused or stopping cannot be stopped', () => {
    const cluster = create()
    cluster.faults.stop(1)
    expect(() => cluster.faults.stop(1)).toThrow(/broker 1 is stopping already/)
    cluster.faults.pause(2)
    expect(() => cluster.faults.stop(2)).toThrow(/broker 2 is paused/)
    cluster.faults.crash(3)
    expect(() => cluster.faults.stop(3)).toThrow(/broker 3 is down already/)
  })
})

describe('preferred leaders', () => {
  test('a broker that is back leads again within leader.imbalance.check.interval.seconds', async () => {
    const cluster = create()
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.crash(1)
    await cluster.until(() => partition(cluster)?.leader === 2)
    cluster.faults.restart(1)
    await cluster.until(() => partition(cluster)?.isr.length === 3)
    expect(partition(cluster)?.leader).toBe(2)
    await cluster.advance('5m')
    await cluster.advance('5m')
    expect(partition(cluster)).toMatchObject({ leader: 1, leaderEpoch: 2, isr: [2, 3, 1] })
    await send('b')
    expect(values(cluster)).toEqual(['a', 'b'])
  })

  test('not with auto.leader.rebalance.enable=false', async () => {
    const cluster = create({ config: { 'auto.leader.rebalance.enable': false } })
    cluster.faults.crash(1)
    await cluster.until(() => partition(cluster)?.leader === 2)
    cluster.faults.restart(1)
    await cluster.advance('20m')
    expect(partition(cluster)).toMatchObject({ leader: 2, isr: [2, 3, 1] })
  })
})

describe('reassignment by the admin client', () => {
  const moved = [{ topic: 'orders', partitionAssignment: [{ partition: 0, replicas: [3, 4] }] }]

  test('data moves to other brokers; nothing is lost, writers and readers go on', async () => {
    const cluster = create({ brokers: 4, topics: { orders: { partitions: 1, replicationFactor: 2 } } })
    const send = await senderOf(cluster)
    for (const value of ['a', 'b']) await send(value)
    const admin = await adminOf(cluster)
    await admin.alterPartitionReassignments({ topics: moved })
    await cluster.until(() => partition(cluster)?.replicas.join() === '3,4')
    expect(partition(cluster)).toMatchObject({ leader: 3, isr: [3, 4], logEndOffset: 2 })
    await send('c')
    expect(values(cluster)).toEqual(['a', 'b', 'c'])
    expect(await admin.listPartitionReassignments({})).toEqual({ topics: [] })
    const got: string[] = []
    const consumer = cluster.kafka(PATIENT).consumer({ groupId: 'billing' })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({ eachMessage: async ({ message }) => void got.push(String(message.value)) })
    await cluster.until(() => got.length === 3)
    expect(got).toEqual(['a', 'b', 'c'])
  })

  test('while a new replica cannot copy it is under way, and shown as kafkajs shows it', async () => {
    const cluster = create({ brokers: 4, topics: { orders: { partitions: 1, replicationFactor: 2 } } })
    cluster.faults.crash(4)
    const admin = await adminOf(cluster)
    await admin.alterPartitionReassignments({ topics: moved })
    await cluster.until(() => partition(cluster)?.isr.includes(3) === true)
    const ongoing = { partition: 0, replicas: [3, 4, 1, 2], addingReplicas: [3, 4], removingReplicas: [1, 2] }
    expect(await admin.listPartitionReassignments({})).toEqual({ topics: [{ name: 'orders', partitions: [ongoing] }] })
    expect(await admin.listPartitionReassignments({ topics: [{ topic: 'orders', partitions: [1] }] })).toEqual({
      topics: [],
    })
    cluster.faults.restart(4)
    await cluster.until(() => partition(cluster)?.replicas.join() === '3,4')
  })

  test('what cannot be done rejects with kafkajs’s errors, one a partition', async () => {
    const cluster = create()
    const admin = await adminOf(cluster)
    const partitionAssignment = [
      { partition: 0, replicas: [1, 9] },
      { partition: 7, replicas: [1] },
    ]
    const failure = await admin
      .alterPartitionReassignments({ topics: [{ topic: 'orders', partitionAssignment }] })
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({
      name: 'KafkaJSAggregateError',
      message: 'Errors altering partition reassignments',
      errors: [
        {
          name: 'KafkaJSAlterPartitionReassignmentsError',
          type: 'INVALID_REPLICA_ASSIGNMENT',
          topic: 'orders',
          partition: 0,
        },
        { type: 'UNKNOWN_TOPIC_OR_PARTITION', topic: 'orders', partition: 7 },
      ],
    })
    expect(partition(cluster)?.replicas).toEqual([1, 2, 3])
  })
})

describe('racks', () => {
  test('replicas are spread over racks', () => {
    const cluster = create({
      brokers: 4,
      racks: ['a', 'a', 'b', 'b'],
      topics: { orders: { partitions: 4, replicationFactor: 2 } },
    })
    const rack = (id: number) => (id <= 2 ? 'a' : 'b')
    for (const { replicas } of cluster.topic('orders').partitions) {
      expect(new Set(replicas.map(rack)).size).toBe(2)
    }
  })

  test('KIP-392: a consumer with a rackId reads from the replica in its rack, and gets everything', async () => {
    const cluster = create({
      racks: ['a', 'b', 'c'],
      config: { 'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector' },
    })
    const send = await senderOf(cluster)
    for (const value of ['a', 'b', 'c']) await send(value)
    const got: string[] = []
    const consumer = cluster.kafka({ ...PATIENT, clientId: 'reader' }).consumer({ groupId: 'billing', rackId: 'c' })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({ eachMessage: async ({ message }) => void got.push(String(message.value)) })
    await cluster.until(() => got.length === 3)
    await send('d')
    await cluster.until(() => got.length === 4)
    expect(got).toEqual(['a', 'b', 'c', 'd'])
    const fetches = cluster.trace
      .events()
      .filter((event) => event.type === 'request' && event.client === 'reader' && event.api === 'Fetch')
      .map((event) => (event.type === 'request' ? event.node : 0))
    expect(fetches).toContain(3)
    // The leader is asked first, and whenever the preference is old.
    expect(fetches.filter((node) => node === 3).length).toBeGreaterThan(1)
  })

  test('the option is checked', () => {
    expect(() => createCluster({ brokers: 3, racks: ['a'] })).toThrow(/there are 3 brokers and 1 racks/)
    expect(() => createCluster({ brokers: 1, racks: [''] })).toThrow(/racks\[0\]: '' is not the name of a rack/)
    expect(() => createCluster({ racks: 'a' as never })).toThrow(/racks: 'a' is not an array/)
  })
})
