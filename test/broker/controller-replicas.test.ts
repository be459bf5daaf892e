/** What the controller's decisions do to replicas: data that moves, brokers that stop in order, readers that are sent away. */
import { describe, expect, test } from 'vitest'
import {
  beginControlledShutdown,
  fenceBroker,
  mayShutDown,
  newControllerEpoch,
  stepController,
} from '../../src/broker/index.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { makeAlterPartitionReassignmentsRequest } from '../../src/protocol/make.ts'
import { ends, fetched, type TestCluster, type TestClusterOptions, testCluster } from './controller-cluster.ts'
import { addTopic, brokerOf, partitionOf } from './controller-support.ts'

const create = (
  replicas: readonly number[],
  options: TestClusterOptions = {},
  config: Readonly<Record<string, string>> = {},
) => {
  const cluster = testCluster(options)
  addTopic(cluster.controller, [replicas], config)
  cluster.publish(cluster.controller.log.slice(-1))
  cluster.settle()
  return cluster
}
const reassign = (cluster: TestCluster, replicas: readonly number[] | null) => {
  const partitions = [{ partitionIndex: 0, replicas }]
  const body = makeAlterPartitionReassignmentsRequest({ topics: [{ name: 'orders', partitions }] })
  const request = { api: 'AlterPartitionReassignments', body } as const
  cluster.publish(stepController(cluster.controller, request, () => '').records)
}
const fence = (cluster: TestCluster, id: number) => {
  cluster.down.add(id)
  cluster.publish(fenceBroker(cluster.controller, id))
  cluster.settle()
}

describe('reassignment moves data (KIP-455)', () => {
  test('new replicas copy everything, then the old ones drop their logs; readers and writers go on', () => {
    const cluster = create([1, 2], { brokers: 4 })
    cluster.produce(1, ['a', 'b'])
    reassign(cluster, [3, 4])
    cluster.settle()
    expect(partitionOf(cluster.controller)).toMatchObject({ replicas: [3, 4], isr: [3, 4], leader: 3 })
    expect(ends(cluster)).toEqual([undefined, undefined, 2, 2])
    expect(cluster.produce(3, ['c'])).toMatchObject({ errorCode: 0, baseOffset: 2 })
    expect(ends(cluster)).toEqual([undefined, undefined, 3, 3])
    expect(fetched(cluster, cluster.fetch(3, 0))).toMatchObject({ errorCode: 0, highWatermark: 3 })
  })

  test('a broker that holds the partition no more answers NOT_LEADER_OR_FOLLOWER', () => {
    const cluster = create([1, 2], { brokers: 4 })
    reassign(cluster, [3, 4])
    cluster.settle()
    expect(fetched(cluster, cluster.fetch(1, 0))?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    expect(cluster.produce(1, ['a'])?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  })

  test('acks=all waits for the new replicas only once they are in sync', () => {
    const cluster = create([1, 2], { brokers: 3 })
    cluster.down.add(3)
    reassign(cluster, [1, 2, 3])
    expect(cluster.produce(1, ['a'])).toMatchObject({ errorCode: 0 })
    expect(partitionOf(cluster.controller)).toMatchObject({ isr: [1, 2], addingReplicas: [3] })
    cluster.start(3)
    cluster.settle()
    expect(partitionOf(cluster.controller)).toMatchObject({ isr: [1, 2, 3], addingReplicas: [] })
    expect(ends(cluster)).toEqual([1, 1, 1])
  })

  test('a replica that is removed and added again starts empty and copies everything', () => {
    const cluster = create([1, 2])
    cluster.produce(1, ['a', 'b'])
    reassign(cluster, [1])
    cluster.settle()
    expect(ends(cluster)).toEqual([2, undefined, undefined])
    reassign(cluster, [1, 2])
    cluster.settle()
    expect(ends(cluster)).toEqual([2, 2, undefined])
    expect(partitionOf(cluster.controller)).toMatchObject({ replicas: [1, 2], isr: [1, 2] })
  })

  test('a broker that was away while its replica was taken from it drops the log when it is back', () => {
    const cluster = create([1, 2])
    cluster.produce(1, ['a'])
    fence(cluster, 2)
    reassign(cluster, [1, 3])
    cluster.settle()
    cluster.start(2)
    cluster.settle()
    expect(ends(cluster)).toEqual([1, undefined, 1])
  })

  test('cancelled, the half-copied replicas are dropped', () => {
    const cluster = create([1, 2], { brokers: 4 })
    cluster.produce(1, ['a'])
    cluster.down.add(4)
    reassign(cluster, [3, 4])
    cluster.settle()
    expect(ends(cluster)).toEqual([1, 1, 1, undefined])
    reassign(cluster, null)
    cluster.settle()
    expect(ends(cluster)).toEqual([1, 1, undefined, undefined])
    expect(partitionOf(cluster.controller)).toMatchObject({ replicas: [1, 2], isr: [1, 2], leader: 1 })
  })
})

describe('A29: controlled shutdown without a gap (KIP-841)', () => {
  test('until the others lead, the broker serves; after that they do: no write is refused for want of a leader', () => {
    const cluster = create([1, 2, 3])
    cluster.publish(beginControlledShutdown(cluster.controller, 1))
    // Nobody has heard of it yet: broker 1 still appends, and answers when the others have copied.
    expect(cluster.brokers.get(1)?.leading.size).toBe(1)
    expect(mayShutDown(cluster.controller, 1, brokersOffset(cluster))).toBe(false)
    cluster.settle()
    expect(mayShutDown(cluster.controller, 1, brokersOffset(cluster))).toBe(true)
    expect(cluster.produce(2, ['a'])).toMatchObject({ errorCode: 0 })
    cluster.publish(fenceBroker(cluster.controller, 1))
    cluster.down.add(1)
    expect(cluster.produce(2, ['b'])).toMatchObject({ errorCode: 0, baseOffset: 1 })
  })
  test('on its way out it does not come back into the ISR, although it still copies', () => {
    const cluster = create([1, 2, 3])
    cluster.publish(beginControlledShutdown(cluster.controller, 1))
    cluster.settle()
    cluster.produce(2, ['a'])
    expect(ends(cluster)).toEqual([1, 1, 1])
    expect(partitionOf(cluster.controller).isr).toEqual([2, 3])
  })
  test('started again, it is back in the ISR', () => {
    const cluster = create([1, 2, 3])
    cluster.publish(beginControlledShutdown(cluster.controller, 1))
    cluster.settle()
    fence(cluster, 1)
    cluster.start(1)
    cluster.settle()
    expect(partitionOf(cluster.controller)).toMatchObject({ leader: 2, isr: [2, 3, 1] })
  })
})

function brokersOffset({ brokers, down }: TestCluster): number {
  return Math.min(
    ...[...brokers.values()].filter(({ id }) => id !== 1 && !down.has(id)).map(({ image }) => image.offset),
  )
}

describe('A4: unclean election', () => {
  const lastLeaderDies = (allowed: boolean) => {
    const cluster = create([1, 2], {}, { 'unclean.leader.election.enable': String(allowed) })
    cluster.produce(1, ['kept'])
    fence(cluster, 2)
    cluster.produce(1, ['committed'])
    fence(cluster, 1)
    cluster.start(2)
    cluster.settle()
    return cluster
  }
  test('allowed: what was committed without the new leader is lost, also for the old one when it is back', () => {
    const cluster = lastLeaderDies(true)
    expect(cluster.produce(2, ['new'])).toMatchObject({ errorCode: 0, baseOffset: 1 })
    cluster.start(1)
    cluster.settle()
    expect(ends(cluster)).toEqual([2, 2, undefined])
    const [first, second] = [1, 2].map((id) => cluster.brokers.get(id)?.logs.get('orders')?.[0]?.batches[1])
    expect(first?.records).toBe(second?.records)
    // The leader said that it has recovered when it let the other one in (KIP-704).
    expect(partitionOf(cluster.controller)).toMatchObject({ isr: [2, 1], leaderRecoveryState: 'recovered' })
  })
  test('not allowed: no leader, and nothing lost once the last one is back', () => {
    const cluster = lastLeaderDies(false)
    expect(cluster.produce(2, ['new'])?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    cluster.start(1)
    cluster.settle()
    expect(ends(cluster)).toEqual([2, 2, undefined])
    expect(partitionOf(cluster.controller)).toMatchObject({ leader: 1, isr: [1, 2] })
  })
})

describe('KIP-903: a fetch of an earlier incarnation does not bring a replica into the ISR', () => {
  /** Broker 2 restarts with an empty log after the leader saw it caught up; the proposal is made from the earlier fetch. */
  const staleProposal = (brokerEpochFencing: boolean) => {
    const cluster = create([1, 2, 3], { switches: { brokerEpochFencing } })
    fence(cluster, 2)
    cluster.produce(1, ['a'])
    cluster.start(2)
    // Up to the leader's proposal, which is on its way.
    while (cluster.queue.every(({ type }) => type !== 'alter')) cluster.deliver()
    const proposal = cluster.queue.splice(
      cluster.queue.findIndex(({ type }) => type === 'alter'),
      1,
    )
    // It loses its disk and is back before the controller hears the proposal.
    cluster.down.add(2)
    cluster.brokers.get(2)?.logs.clear()
    cluster.start(2, { cleanShutdown: false })
    cluster.queue.splice(0, cluster.queue.length, ...proposal)
    cluster.deliver()
    return cluster
  }
  test('on: INELIGIBLE_REPLICA, the ISR stays', () => {
    const cluster = staleProposal(true)
    expect(partitionOf(cluster.controller).isr).toEqual([1, 3])
    expect(cluster.queue).toMatchObject([{ type: 'peer', message: { errorCode: ErrorCode.INELIGIBLE_REPLICA } }])
  })
  test('off: a replica without the data is in sync, and electable', () => {
    const cluster = staleProposal(false)
    expect(partitionOf(cluster.controller).isr).toEqual([1, 3, 2])
    expect(ends(cluster)[1]).not.toBe(1)
  })
  test('a broker whose epoch changes tells its leaders', () => {
    const cluster = create([1, 2, 3])
    fence(cluster, 2)
    cluster.start(2)
    cluster.settle()
    expect(partitionOf(cluster.controller).isr).toEqual([1, 3, 2])
    const seen = cluster.brokers.get(1)?.leading.get('orders-0')?.followers.get(2)?.brokerEpoch
    expect(seen).toBe(brokerOf(cluster.controller, 2).epoch)
  })
})

describe('KIP-392: fetch from a follower', () => {
  const racks = ['a', 'b', 'c']
  const config = { 'replica.selector.class': 'org.apache.kafka.common.replica.RackAwareReplicaSelector' }
  const withData = (options: TestClusterOptions = { racks, config }) => {
    const cluster = create([1, 2, 3], options)
    cluster.produce(1, ['a', 'b'])
    return cluster
  }
  const ask = (cluster: TestCluster, to: number, offset: number, options?: { version?: number; rackId?: string }) =>
    fetched(cluster, cluster.fetch(to, offset, options))

  test('the leader sends a consumer to the in-sync replica in its rack, with no records', () => {
    expect(ask(withData(), 1, 0, { rackId: 'b' })).toMatchObject({
      errorCode: 0,
      preferredReadReplica: 2,
      highWatermark: 2,
      records: [],
    })
  })
  test('who is in the leader’s rack, in a rack without replicas or in none reads from the leader', () => {
    const cluster = withData()
    for (const rackId of ['a', 'z', '']) {
      const answer = ask(cluster, 1, 0, { rackId })
      expect(answer?.preferredReadReplica).toBe(-1)
      expect(answer?.records).toHaveLength(1)
    }
  })
  test('without replica.selector.class nobody is sent away', () => {
    expect(ask(withData({ racks }), 1, 0, { rackId: 'b' })?.preferredReadReplica).toBe(-1)
  })
  test('a replica that is out of sync, or does not have the offset yet, is not proposed', () => {
    const cluster = withData()
    fence(cluster, 2)
    expect(ask(cluster, 1, 0, { rackId: 'b' })?.preferredReadReplica).toBe(-1)
    const behind = withData()
    behind.down.add(3)
    behind.produce(1, ['c'], 1)
    // It waits at the leader.
    expect(ask(behind, 1, 3, { rackId: 'c' })).toBeUndefined()
  })
  test('nor one that is alive and has the offset, but has left the ISR', () => {
    const cluster = withData()
    cluster.down.add(2)
    cluster.produce(1, ['c'], 1)
    cluster.now += 60_000
    cluster.isrChecks()
    expect(partitionOf(cluster.controller).isr).toEqual([1, 3])
    expect(ask(cluster, 1, 0, { rackId: 'b' })?.preferredReadReplica).toBe(-1)
  })
  test('of several in the rack the one that is furthest', () => {
    const cluster = withData({ racks: ['a', 'b', 'b'], config })
    expect(ask(cluster, 1, 0, { rackId: 'b' })?.preferredReadReplica).toBe(3)
    cluster.down.add(3)
    cluster.produce(1, ['c'], 1)
    expect(ask(cluster, 1, 0, { rackId: 'b' })?.preferredReadReplica).toBe(2)
  })
  test('a follower serves up to the high watermark it knows (law L8), and only to readers of v11 on', () => {
    const cluster = withData()
    const { highWatermark } = cluster.brokers.get(2)?.logs.get('orders')?.[0] ?? { highWatermark: -1 }
    expect(ask(cluster, 2, 0, { version: 10 })?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    const id = cluster.fetch(2, 0)
    // Told of the high watermark with the next records.
    cluster.produce(1, ['c'])
    const answer = fetched(cluster, id)
    expect(answer).toMatchObject({ errorCode: 0, preferredReadReplica: -1 })
    expect(answer?.highWatermark).toBeGreaterThanOrEqual(highWatermark)
    expect(answer?.records?.length).toBeGreaterThan(0)
  })
  test('beyond its log a follower says OFFSET_OUT_OF_RANGE: the reader asks the leader', () => {
    expect(ask(withData(), 2, 9)?.errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
  })
  test('nobody but a replica answers', () => {
    const cluster = create([1, 2], { racks, config })
    expect(ask(cluster, 3, 0)?.errorCode).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  })
})

test('R1: every broker’s image is what the metadata log says, in whatever steps it read it', () => {
  const cluster = create([1, 2, 3], { brokers: 4 }, { 'min.insync.replicas': '2' })
  reassign(cluster, [4, 1, 2])
  cluster.settle()
  for (const id of [1, 2]) fence(cluster, id)
  cluster.start(1, { cleanShutdown: false })
  cluster.settle()
  const rebuilt = newControllerEpoch(cluster.controller).image
  for (const broker of cluster.brokers.values()) {
    if (!cluster.down.has(broker.id)) expect(broker.image).toEqual(rebuilt)
  }
})
