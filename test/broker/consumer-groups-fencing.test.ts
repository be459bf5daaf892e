/** Who is fenced, and the waits that lead to it (throwIfConsumerGroupMemberEpochIsInvalid, throwIfInstanceId…, schedule…Timeout; KIP-848). */
import { describe, expect, test } from 'vitest'
import { preferredAssignor } from '../../src/broker/index.ts'
import { errorName } from '../../src/protocol/errors.ts'
import {
  makeConsumerGroupDescribeRequest,
  makeDeleteTopicsRequest,
  makeListGroupsRequest,
} from '../../src/protocol/make.ts'
import { beat, errorOf, group, Member, newBench, settle } from './consumer-groups-support.ts'
import { commit, stable } from './groups-support.ts'
import { type Bench, pendingTimers } from './support.ts'

const ids = (bench: Bench) => [...group(bench).members.keys()]
const timers = (bench: Bench, kind: string) => [...bench.timers.keys()].filter((key) => key.startsWith(kind))
/** Two members in epoch 2 whose epoch before was 1, with two partitions each. */
function two(bench: Bench, instances: [string?, string?] = []) {
  const [a, b] = ['a', 'b'].map(
    (name, i) => new Member(bench, name, instances[i] === undefined ? {} : { instanceId: instances[i] }),
  ) as [Member, Member]
  a.join()
  b.join()
  settle(a, b)
  expect(group(bench).members.get(a.id)).toMatchObject({ epoch: 2, previousEpoch: 1, state: 'stable' })
  return { a, b }
}

describe.each([
  ['testConsumerGroupMemberEpochValidation', null],
  ['testConsumerGroupMemberEpochValidationForStaticMember', 'one'],
] as const)('%s', (_name, instanceId) => {
  const part = (member: Member) =>
    [...member.owned].map(([topicId, partitions]) => ({ topicId, partitions: partitions.slice(0, 1) }))
  const other = (member: Member) => [...member.owned].map(([topicId]) => ({ topicId, partitions: [0, 1, 2, 3] }))
  const strange = () => [{ topicId: 'someOtherTopicIdAAAAAA', partitions: [0] }]

  test.each<
    [string, number, ((member: Member) => { topicId: string; partitions: readonly number[] }[]) | null, string]
  >([
    ['its epoch', 2, null, 'NONE'],
    ['a greater one', 3, null, 'FENCED_MEMBER_EPOCH'],
    ['the previous one, without what it owns', 1, null, 'FENCED_MEMBER_EPOCH'],
    ['the previous one, owning a part of its assignment', 1, part, 'NONE'],
    ['the previous one, owning nothing', 1, () => [], 'NONE'],
    ['the previous one, owning more', 1, other, 'FENCED_MEMBER_EPOCH'],
    ['the previous one, owning partitions of another topic', 1, strange, 'FENCED_MEMBER_EPOCH'],
  ])('%s', (_case, memberEpoch, owned, error) => {
    const bench = newBench()
    const { a } = two(bench, instanceId === null ? [] : [instanceId])
    const topicPartitions = owned === null ? null : owned(a)
    const answer = beat(bench, { memberId: a.id, memberEpoch, instanceId, topicPartitions })
    expect(errorOf(answer)).toBe(error)
    if (error !== 'NONE') expect(answer.errorMessage).toMatch(/must abandon all its partitions and rejoin/)
    expect(answer.memberEpoch).toBe(error === 'NONE' ? 2 : 0)
  })
})

describe('KIP-848: a member that joins with epoch 0 again', () => {
  test('… before it has moved on is answered anew; later it is FENCED_MEMBER_EPOCH, as a dynamic one', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    expect(a.join()).toMatchObject({ errorCode: 0, memberEpoch: 1 })
    const b = new Member(bench, 'b')
    b.join()
    settle(a, b)
    expect(errorOf(a.join())).toBe('FENCED_MEMBER_EPOCH')
    expect(ids(bench)).toEqual([a.id, b.id])
  })

  test('testConsumerGroupHeartbeatFullResponse: who tells everything is told everything, in any epoch', () => {
    const bench = newBench()
    const { a } = two(bench)
    expect(a.report().assignment).toBeNull()
    const full = { rebalanceTimeoutMs: 60_000, subscribedTopicNames: ['orders'] }
    const answer = a.report(full)
    expect(answer.assignment?.topicPartitions).toHaveLength(1)
    expect(a.report({ ...full, topicPartitions: null }).assignment).toBeNull()
    expect(group(bench).groupEpoch).toBe(2)
  })
})

describe('static members', () => {
  test.each<[string, (a: Member, b: Member) => Parameters<typeof beat>[1], string]>([
    ['an instance nobody knows', (a) => ({ memberId: a.id, memberEpoch: 2, instanceId: 'x' }), 'UNKNOWN_MEMBER_ID'],
    ['… that leaves', (a) => ({ memberId: a.id, memberEpoch: -1, instanceId: 'x' }), 'UNKNOWN_MEMBER_ID'],
    ['… that leaves for a while', (a) => ({ memberId: a.id, memberEpoch: -2, instanceId: 'x' }), 'UNKNOWN_MEMBER_ID'],
    ['another’s instance', (a) => ({ memberId: a.id, memberEpoch: 2, instanceId: 'two' }), 'FENCED_INSTANCE_ID'],
    ['… that leaves', (a) => ({ memberId: a.id, memberEpoch: -1, instanceId: 'two' }), 'FENCED_INSTANCE_ID'],
    ['… for a while', (a) => ({ memberId: a.id, memberEpoch: -2, instanceId: 'two' }), 'FENCED_INSTANCE_ID'],
  ])('%s: refused, and the members stay', (_name, body, error) => {
    const bench = newBench()
    const { a, b } = two(bench, ['one', 'two'])
    expect(errorOf(beat(bench, body(a, b)))).toBe(error)
    expect(ids(bench)).toEqual([a.id, b.id])
    expect(group(bench).groupEpoch).toBe(2)
  })

  test('testShouldThrownUnreleasedInstanceIdException…: also for the same member id, until it has left', () => {
    const bench = newBench()
    const { a } = two(bench, ['one', 'two'])
    const answer = a.join()
    expect(errorOf(answer)).toBe('UNRELEASED_INSTANCE_ID')
    expect(answer.errorMessage).toMatch(`the instance id is owned by ${a.id} member`)
    a.leave(-2)
    expect(a.join()).toMatchObject({ errorCode: 0, memberEpoch: 2, memberId: a.id })
    expect(a.partitions).toHaveLength(2)
  })

  test('testLeavingStaticMemberBumpsGroupEpoch: with -1 it goes for good', () => {
    const bench = newBench()
    const { a, b } = two(bench, ['one', 'two'])
    expect(a.leave(-1)).toMatchObject({ errorCode: 0, memberEpoch: -1 })
    expect(ids(bench)).toEqual([b.id])
    expect(group(bench).groupEpoch).toBe(3)
    expect(timers(bench, 'session/')).toEqual([`session/g/${b.id}`])
  })

  test('testNoGroupEpochBumpWhenStaticMemberTemporarilyLeaves: it gives up what it was asked to, and keeps the rest', () => {
    const bench = newBench()
    const a = new Member(bench, 'a', { instanceId: 'one' })
    a.join()
    const b = new Member(bench, 'b')
    b.join()
    a.report()
    expect(group(bench).members.get(a.id)?.revoking.size).toBe(1)
    a.leave(-2)
    expect(group(bench)).toMatchObject({ groupEpoch: 2 })
    expect(group(bench).members.get(a.id)).toMatchObject({ epoch: -2, revoking: new Map() })
    b.report()
    expect(b.partitions).toHaveLength(2)
    // Its rebalance timeout was for the epoch it was in: it goes with its session.
    bench.pass(44_999)
    b.report()
    expect(ids(bench)).toHaveLength(2)
    bench.pass(1)
    expect(ids(bench)).toEqual([b.id])
  })

  test('testStaticMemberRejoinsWithNewSubscribedTopics: that is a new group epoch', () => {
    const bench = newBench()
    const { a, b } = two(bench, ['one', 'two'])
    a.leave(-2)
    const again = new Member(bench, 'a', { instanceId: 'one', topics: ['orders', 'users'] })
    expect(again.join()).toMatchObject({ errorCode: 0, memberEpoch: 3 })
    expect(group(bench)).toMatchObject({ groupEpoch: 3, assignmentEpoch: 3 })
    settle(again, b)
    expect(again.partitions).toEqual(expect.arrayContaining(['users-0', 'users-1']))
    expect([...group(bench).target.keys()].sort()).toEqual([again.id, b.id].sort())
  })

  test('a group that is full takes no new id for a static member either', () => {
    const bench = newBench({ 'group.consumer.max.size': '2' })
    const { a } = two(bench, ['one', 'two'])
    a.leave(-2)
    expect(errorOf(new Member(bench, 'a', { instanceId: 'one' }).join())).toBe('GROUP_MAX_SIZE_REACHED')
  })
})

describe('testSessionTimeoutLifecycle', () => {
  test('armed with the first heartbeat, anew with every one, gone with the member', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    const at = () => bench.timers.get(`session/g/${a.id}`)?.at
    expect(at()).toBe(bench.now + 45_000)
    bench.pass(10_000)
    a.report()
    expect(at()).toBe(bench.now + 45_000)
    expect(errorOf(beat(bench, { memberId: a.id, memberEpoch: 9 }))).toBe('FENCED_MEMBER_EPOCH')
    bench.pass(10_000)
    expect(errorOf(beat(bench, { memberId: a.id, memberEpoch: 9 }))).toBe('FENCED_MEMBER_EPOCH')
    expect(at()).toBe(bench.now + 35_000)
    a.leave()
    expect(pendingTimers(bench)).toBe(0)
  })

  test('testSessionTimeoutExpiration: a new group epoch for those who stay, and its records are gone', () => {
    const bench = newBench()
    const { a, b } = two(bench)
    bench.pass(30_000)
    a.report()
    bench.pass(15_000)
    expect(ids(bench)).toEqual([a.id])
    expect(group(bench)).toMatchObject({ state: 'Assigning', groupEpoch: 3, assignmentEpoch: 2 })
    expect(group(bench).target.has(b.id)).toBe(false)
    expect(group(bench).reason).toMatch(/was not heard from for its session timeout of 45000 ms/)
  })
})

describe('testRebalanceTimeoutLifecycle', () => {
  test('armed when partitions are to be given up, not moved by heartbeats, gone when they are', () => {
    const bench = newBench()
    const a = new Member(bench, 'a', { rebalanceTimeoutMs: 12_000 })
    const b = new Member(bench, 'b', { rebalanceTimeoutMs: 90_000 })
    a.join()
    b.join()
    expect(timers(bench, 'member-rebalance')).toEqual([])
    a.report()
    const at = () => bench.timers.get(`member-rebalance/g/${a.id}`)?.at
    const due = bench.now + 12_000
    expect(at()).toBe(due)
    bench.pass(3000)
    beat(bench, { memberId: a.id, memberEpoch: 1 })
    expect(at()).toBe(due)
    a.report()
    expect(at()).toBeUndefined()
    bench.pass(12_000)
    expect(ids(bench)).toEqual([a.id, b.id])
  })

  test('one of an epoch the member has left does nothing', () => {
    const bench = newBench()
    const { a, b } = two(bench)
    const key = `member-rebalance/g/${a.id}`
    bench.timers.set(key, {
      at: bench.now + 1,
      timer: { type: 'member-rebalance', groupId: 'g', memberId: a.id, epoch: 1 },
    })
    bench.pass(1)
    expect(ids(bench)).toEqual([a.id, b.id])
  })

  test('to be given up anew in the next epoch: a whole rebalance timeout again', () => {
    const bench = newBench({}, { orders: 12 })
    const [a, b, c] = ['a', 'b', 'c'].map((name) => new Member(bench, name, { rebalanceTimeoutMs: 20_000 })) as [
      Member,
      Member,
      Member,
    ]
    a.join()
    b.join()
    a.report()
    bench.pass(10_000)
    c.join()
    b.report()
    a.report()
    expect(group(bench).members.get(a.id)).toMatchObject({ state: 'unrevoked-partitions', epoch: 2 })
    expect(bench.timers.get(`member-rebalance/g/${a.id}`)?.at).toBe(bench.now + 20_000)
  })
})

describe('the group', () => {
  test('testUnknownGroupId: only epoch 0 makes it', () => {
    const bench = newBench()
    for (const memberEpoch of [-2, -1, 1])
      expect(errorOf(beat(bench, { memberId: 'm', memberEpoch, instanceId: 'i' }))).toBe('GROUP_ID_NOT_FOUND')
    expect(bench.state.shards.get(0)?.groups.size).toBe(0)
  })

  test('testConsumerGroupHeartbeatWithNonEmptyClassicGroup: any epoch but 0 is GROUP_ID_NOT_FOUND', () => {
    const bench = newBench()
    const { leader } = stable(bench, 1)
    for (const memberEpoch of [-1, 1])
      expect(errorOf(beat(bench, { memberId: leader, memberEpoch }))).toBe('GROUP_ID_NOT_FOUND')
    expect(bench.state.shards.get(0)?.groups.get('g')?.state).toBe('Stable')
  })

  test('testLeavingMemberBumpsGroupEpoch: the last one leaves it Empty, in the next epoch, and it goes on from there', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    a.leave()
    expect(group(bench)).toMatchObject({ state: 'Empty', groupEpoch: 2, assignmentEpoch: 1, topics: new Map() })
    const b = new Member(bench, 'b')
    expect(b.join()).toMatchObject({ memberEpoch: 3 })
    expect(b.partitions).toHaveLength(4)
  })

  test('a heartbeat that tells nothing new writes nothing', () => {
    const bench = newBench()
    const { a } = two(bench)
    const log = bench.state.logs.get('__consumer_offsets')?.[0]
    const end = log?.logEndOffset
    a.report({ subscribedTopicNames: ['orders', 'orders'], rebalanceTimeoutMs: 60_000 })
    expect(log?.logEndOffset).toBe(end)
  })

  test('testPreferredServerAssignor: the one most members ask for, else the first that is offered', () => {
    const bench = newBench()
    const of = (...assignors: (string | null)[]) =>
      preferredAssignor(
        assignors.map((serverAssignor) => ({ ...group(bench).members.values().next().value, serverAssignor }) as never),
        ['uniform', 'range'],
      )
    new Member(bench, 'a').join()
    expect(of()).toBe('uniform')
    expect(of(null, null)).toBe('uniform')
    expect(of(null, 'range')).toBe('range')
    expect(of('uniform', 'range', 'range')).toBe('range')
  })

  test('an assignor that is asked for assigns: ranges of two topics side by side', () => {
    const bench = newBench({}, { orders: 3, users: 3 })
    const [a, b] = ['a', 'b'].map(
      (name) => new Member(bench, name, { topics: ['orders', 'users'], assignor: 'range' }),
    ) as [Member, Member]
    a.join()
    b.join()
    settle(a, b)
    const [first, second] = [a, b].sort((x, y) => (x.id < y.id ? -1 : 1)).map(({ partitions }) => partitions.sort())
    expect(first).toEqual(['orders-0', 'orders-1', 'users-0', 'users-1'])
    expect(second).toEqual(['orders-2', 'users-2'])
  })
})

describe('consumerGroupDescribe, listGroups', () => {
  const describeGroup = (bench: Bench, groupId: string) =>
    bench.ask('ConsumerGroupDescribe', 1, makeConsumerGroupDescribeRequest({ groupIds: [groupId] })).groups[0]

  test('testConsumerGroupDescribeWithErrors: nobody’s group, a classic one, a simple one', () => {
    const bench = newBench()
    expect(describeGroup(bench, 'g')).toMatchObject({ errorMessage: 'Group g not found.' })
    stable(bench, 1)
    const answer = describeGroup(bench, 'g')
    expect([errorName(answer?.errorCode ?? -1), answer?.errorMessage]).toEqual([
      'GROUP_ID_NOT_FOUND',
      'Group g is not a consumer group.',
    ])
    const simple = newBench()
    commit(simple, '', -1, 5)
    expect(errorName(describeGroup(simple, 'g')?.errorCode ?? -1)).toBe('GROUP_ID_NOT_FOUND')
  })

  test('UNSUPPORTED_VERSION where the protocol is not offered', () => {
    const bench = newBench({ 'group.coordinator.rebalance.protocols': 'classic' })
    expect(errorName(describeGroup(bench, 'g')?.errorCode ?? -1)).toBe('UNSUPPORTED_VERSION')
  })

  test('topics that are gone are left out', () => {
    const bench = newBench()
    const a = new Member(bench, 'a', { topics: ['orders', 'users'] })
    a.join()
    bench.ask('DeleteTopics', 3, makeDeleteTopicsRequest({ topicNames: ['users'] }))
    const [member] = describeGroup(bench, 'g')?.members ?? []
    expect(member?.assignment.topicPartitions.map(({ topicName }) => topicName)).toEqual(['orders'])
    expect(member?.targetAssignment.topicPartitions.map(({ topicName }) => topicName)).toEqual(['orders'])
  })

  test('testListGroups: by the states of KIP-848, in upper or lower case', () => {
    const bench = newBench()
    const { b } = two(bench)
    const listed = (...statesFilter: string[]) =>
      bench
        .ask('ListGroups', 5, makeListGroupsRequest({ statesFilter }))
        .groups.map((one) => [one.groupState, one.groupType])
    expect(listed('stable')).toEqual([['Stable', 'consumer']])
    b.leave()
    expect([listed('Stable'), listed(' ASSIGNING ')]).toEqual([[], [['Assigning', 'consumer']]])
  })
})
