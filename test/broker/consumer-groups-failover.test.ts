/** A consumer group at another coordinator: what its records say, and the timers that begin anew (GroupMetadataManager.onLoaded, replay; KIP-848). */
import { describe, expect, test } from 'vitest'
import { createDecision } from '../../src/broker/decision.ts'
import { replay } from '../../src/broker/groups/coordinator.ts'
import { beginLoading, finishLoading, resign } from '../../src/broker/groups/tenure.ts'
import {
  type ConsumerGroup,
  type CoordinatorRecord,
  createMember,
  decodeCoordinatorBatch,
} from '../../src/broker/index.ts'
import type { CoordinatorShard } from '../../src/broker/state.ts'
import { encodeSubscription } from '../../src/protocol/consumer-protocol.ts'
import { makeCreatePartitionsRequest, makeCreatePartitionsTopic } from '../../src/protocol/make.ts'
import { beat, errorOf, group, Member, newBench, settle } from './consumer-groups-support.ts'
import { commit, join, joinBody, offsetsLog, reload } from './groups-support.ts'
import type { Bench } from './support.ts'

const contextOf = ({ now }: Bench) => ({ now, uuid: () => 'u', memberUuid: () => 'm' })
const keep = (bench: Bench, out: ReturnType<typeof createDecision>) => {
  for (const change of out.timers)
    if (change.at === null) bench.timers.delete(change.key)
    else bench.timers.set(change.key, { at: change.at, timer: change.timer })
}
/** This broker ceases to be the coordinator and becomes it again; `whileLoading` is asked in between. */
function failOver(bench: Bench, whileLoading: () => void = () => {}) {
  const out = createDecision()
  resign(bench.state, 0, out)
  beginLoading(bench.state, 0, contextOf(bench), out)
  keep(bench, out)
  whileLoading()
  bench.pass(1)
}
const subscription = {
  protocols: [{ name: 'range', metadata: encodeSubscription({ topics: ['orders'], ownedPartitions: [] }, 1) }],
}
const timersOf = (bench: Bench) => [...bench.timers.keys()].filter((key) => /^(session|member-)/.test(key)).sort()
const ids = (bench: Bench) => [...group(bench).members.keys()]
/** What is in the records. */
const persisted = ({ members, ...rest }: ConsumerGroup) => ({
  ...rest,
  reason: '',
  stateSince: 0,
  members: [...members.values()].map((one) => ({ ...one, connection: 0, lastHeartbeat: 0, joinAwaited: false })),
})

describe('testOnLoaded', () => {
  test('epochs, members, targets and states are as they were, and members go on as if nothing had been', () => {
    const bench = newBench()
    const [a, b] = [new Member(bench, 'a', { instanceId: 'one' }), new Member(bench, 'b', { assignor: 'uniform' })]
    a.join()
    b.join()
    settle(a, b)
    const before = persisted(group(bench))
    failOver(bench)
    expect(persisted(group(bench))).toEqual(before)
    expect(a.report()).toMatchObject({ errorCode: 0, memberEpoch: 2, assignment: null })
    expect(b.report()).toMatchObject({ errorCode: 0, memberEpoch: 2, assignment: null })
    expect(group(bench)).toMatchObject({ groupEpoch: 2, state: 'Stable' })
    expect(commit(bench, a.id, 2, 3, { version: 9 })).toBe(0)
  })

  test('COORDINATOR_LOAD_IN_PROGRESS while its log is read', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    failOver(bench, () => {
      expect(errorOf(beat(bench, { memberId: a.id, memberEpoch: 1 }))).toBe('COORDINATOR_LOAD_IN_PROGRESS')
      expect(errorOf(beat(bench, { memberId: a.id, memberEpoch: -1 }))).toBe('COORDINATOR_LOAD_IN_PROGRESS')
    })
    expect(a.report().errorCode).toBe(0)
  })

  test('scheduleConsumerGroupSessionTimeout: every member has a full session to be heard of', () => {
    const bench = newBench()
    const [a, b] = [new Member(bench, 'a'), new Member(bench, 'b')]
    a.join()
    b.join()
    settle(a, b)
    bench.pass(40_000)
    failOver(bench)
    expect(timersOf(bench)).toEqual([`session/g/${a.id}`, `session/g/${b.id}`].sort())
    bench.pass(44_000)
    a.report()
    bench.pass(999)
    expect(ids(bench)).toEqual([a.id, b.id])
    bench.pass(1)
    expect(ids(bench)).toEqual([a.id])
  })

  test('a static member that left for a while has one, too', () => {
    const bench = newBench()
    const a = new Member(bench, 'a', { instanceId: 'one' })
    a.join()
    a.leave(-2)
    failOver(bench)
    expect(group(bench).members.get(a.id)?.epoch).toBe(-2)
    const again = new Member(bench, 'a', { instanceId: 'one' })
    expect(again.join()).toMatchObject({ errorCode: 0, memberEpoch: 1 })
    expect(again.partitions).toHaveLength(4)
  })

  test('scheduleConsumerGroupRebalanceTimeout: who has yet to give up partitions has its whole rebalance timeout again', () => {
    const bench = newBench()
    const a = new Member(bench, 'a', { rebalanceTimeoutMs: 20_000 })
    const b = new Member(bench, 'b', { rebalanceTimeoutMs: 20_000 })
    a.join()
    b.join()
    a.report()
    expect(group(bench).members.get(a.id)?.state).toBe('unrevoked-partitions')
    bench.pass(15_000)
    failOver(bench)
    expect(timersOf(bench)).toContain(`member-rebalance/g/${a.id}`)
    expect(timersOf(bench)).not.toContain(`member-rebalance/g/${b.id}`)
    bench.pass(19_999)
    expect(ids(bench)).toEqual([a.id, b.id])
    bench.pass(1)
    expect(ids(bench)).toEqual([b.id])
  })

  test('who gave them up while there was no coordinator goes on with the next epoch', () => {
    const bench = newBench()
    const [a, b] = [new Member(bench, 'a'), new Member(bench, 'b')]
    a.join()
    b.join()
    a.report()
    failOver(bench)
    expect(a.report()).toMatchObject({ memberEpoch: 2 })
    expect(timersOf(bench).filter((key) => key.startsWith('member-'))).toEqual([])
    b.report()
    expect(b.partitions).toHaveLength(2)
  })

  test('a group whose target is behind its epoch makes it with the next heartbeat', () => {
    const bench = newBench()
    const [a, b] = [new Member(bench, 'a'), new Member(bench, 'b')]
    a.join()
    b.join()
    settle(a, b)
    b.leave()
    failOver(bench)
    expect(group(bench)).toMatchObject({ state: 'Assigning', groupEpoch: 3, assignmentEpoch: 2 })
    a.report()
    expect(a.partitions).toHaveLength(4)
    expect(group(bench)).toMatchObject({ state: 'Stable', assignmentEpoch: 3 })
  })

  test('testSubscriptionMetadataRefreshedAfterGroupIsLoaded: a topic that grew meanwhile is seen with the first heartbeat', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    failOver(bench, () => {
      const topics = [makeCreatePartitionsTopic({ name: 'orders', count: 6, assignments: null })]
      bench.ask('CreatePartitions', 0, makeCreatePartitionsRequest({ topics }))
    })
    expect(a.report()).toMatchObject({ errorCode: 0, memberEpoch: 2 })
    expect(a.partitions).toHaveLength(6)
  })

  test('a classic member is told again to join, and is waited for from then on', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    const { waiting } = join(bench, 'c', { ...subscription, rebalanceTimeoutMs: 10_000 })
    const { memberId, generationId } = bench.answerTo('JoinGroup', waiting)
    failOver(bench)
    expect(group(bench).members.get(memberId)).toMatchObject({
      classic: { sessionTimeoutMs: 30_000 },
      joinAwaited: false,
    })
    expect(timersOf(bench).filter((key) => key.startsWith('member-'))).toEqual([])
    settle(a)
    const again = bench.ask('JoinGroup', 5, joinBody(memberId, subscription))
    expect(again).toMatchObject({ errorCode: 0, generationId })
  })

  test('finishLoading without a log loads nothing', () => {
    const bench = newBench()
    const out = createDecision()
    bench.state.loading.set(7, 0)
    finishLoading(bench.state, contextOf(bench), out)
    expect(bench.state.shards.has(7)).toBe(false)
    expect(bench.state.loading.size).toBe(0)
  })
})

describe('replay of a consumer group’s records', () => {
  const empty = (): CoordinatorShard => ({
    partition: 0,
    groups: new Map(),
    offsets: new Map(),
    pendingOffsets: new Map(),
  })
  const replayed = (shard: CoordinatorShard, ...records: CoordinatorRecord[]) => {
    for (const record of records) replay(shard, record, { offset: 0, producerId: -1 }, 5)
    return shard.groups.get('g') as ConsumerGroup | undefined
  }
  const metadata = { ...createMember('m', 0), subscribedTopicNames: ['orders'] }
  const current = {
    epoch: 3,
    previousEpoch: 2,
    state: 'stable',
    assigned: new Map([['t', [1]]]),
    revoking: new Map([['t', [2]]]),
  } as const

  test.each<CoordinatorRecord>([
    { type: 'consumer-group', group: 'g', value: null },
    { type: 'consumer-group-topics', group: 'g', value: null },
    { type: 'consumer-member', group: 'g', member: 'm', value: null },
    { type: 'target-epoch', group: 'g', value: null },
    { type: 'target-assignment', group: 'g', member: 'm', value: null },
    { type: 'current-assignment', group: 'g', member: 'm', value: null },
  ])('“if the group does not exist, we can ignore the tombstone”: $type', (record) => {
    expect(replayed(empty(), record)).toBeUndefined()
  })

  test.each<CoordinatorRecord>([
    { type: 'consumer-group', group: 'g', value: { epoch: 3, reason: '' } },
    { type: 'consumer-group-topics', group: 'g', value: new Map() },
    { type: 'consumer-member', group: 'g', member: 'm', value: metadata },
    { type: 'target-epoch', group: 'g', value: 3 },
    { type: 'target-assignment', group: 'g', member: 'm', value: new Map() },
    { type: 'current-assignment', group: 'g', member: 'm', value: current },
  ])(
    'getOrMaybeCreatePersistedConsumerGroup: $type makes the group, whichever comes first after a compaction',
    (record) => {
      expect(replayed(empty(), record)).toMatchObject({ type: 'consumer', id: 'g' })
    },
  )

  test('… also in the place of a simple group, whose offsets stay', () => {
    const shard = empty()
    const value = { offset: 1, leaderEpoch: -1, metadata: '', commitTimestamp: 0 }
    replayed(shard, { type: 'offset-commit', group: 'g', topic: 'orders', partition: 0, value })
    expect(shard.groups.get('g')?.type).toBe('classic')
    expect(replayed(shard, { type: 'consumer-group', group: 'g', value: { epoch: 1, reason: '' } })?.type).toBe(
      'consumer',
    )
    expect(shard.offsets.get('g')?.get('orders')?.size).toBe(1)
  })

  test('testReplayConsumerGroupCurrentMemberAssignmentTombstone: epoch -1, and nothing is owned any more', () => {
    const shard = empty()
    replayed(shard, { type: 'consumer-member', group: 'g', member: 'm', value: metadata })
    replayed(shard, { type: 'current-assignment', group: 'g', member: 'm', value: current })
    const made = replayed(shard, { type: 'current-assignment', group: 'g', member: 'm', value: null })
    expect(made?.members.get('m')).toMatchObject({
      epoch: -1,
      previousEpoch: -1,
      assigned: new Map(),
      revoking: new Map(),
      subscribedTopicNames: ['orders'],
    })
  })

  test('testReplayConsumerGroupMemberMetadata: what a member tells of itself leaves its assignment alone', () => {
    const shard = empty()
    replayed(shard, { type: 'current-assignment', group: 'g', member: 'm', value: current })
    const made = replayed(shard, { type: 'consumer-member', group: 'g', member: 'm', value: metadata })
    expect(made?.members.get('m')).toMatchObject({ ...current, subscribedTopicNames: ['orders'] })
  })

  test('testReplayConsumerGroupTargetAssignmentMetadataTombstone, …MemberTombstone, …PartitionMetadataTombstone', () => {
    const shard = empty()
    const topics = new Map([['orders', { id: 't', partitions: 4 }]])
    const full = replayed(
      shard,
      { type: 'target-epoch', group: 'g', value: 7 },
      { type: 'target-assignment', group: 'g', member: 'm', value: new Map([['t', [1]]]) },
      { type: 'consumer-group-topics', group: 'g', value: topics },
    )
    expect(full).toMatchObject({ assignmentEpoch: 7, topics, target: new Map([['m', new Map([['t', [1]]])]]) })
    const made = replayed(
      shard,
      { type: 'target-assignment', group: 'g', member: 'm', value: null },
      { type: 'target-epoch', group: 'g', value: null },
      { type: 'consumer-group-topics', group: 'g', value: null },
    )
    expect(made).toMatchObject({ assignmentEpoch: -1, topics: new Map(), target: new Map() })
  })

  test('the log of a long life, replayed, is the group; its members’ states come back by their numbers (MemberState.java)', () => {
    const bench = newBench({}, { orders: 12, users: 3 })
    const members = ['a', 'b', 'c'].map((name) => new Member(bench, name, { topics: ['orders', 'users'] }))
    const [a, b, c] = members as [Member, Member, Member]
    a.join()
    b.join()
    settle(a, b)
    c.join()
    a.report()
    // One has to give up, one waits for it, one has done.
    expect([...group(bench).members.values()].map(({ state }) => state).sort()).toEqual([
      'stable',
      'unreleased-partitions',
      'unrevoked-partitions',
    ])
    expect(persisted(reload(bench).groups.get('g') as ConsumerGroup)).toEqual(persisted(group(bench)))
    const states = (offsetsLog(bench)?.batches ?? [])
      .flatMap(decodeCoordinatorBatch)
      .flatMap((record) => (record.type === 'current-assignment' ? [record.value?.state] : []))
    expect(new Set(states)).toEqual(new Set(['stable', 'unrevoked-partitions', 'unreleased-partitions']))
  })
})
