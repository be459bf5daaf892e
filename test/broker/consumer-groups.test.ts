/** The consumer protocol at the coordinator (KIP-848), after GroupMetadataManager and its tests. */
import { describe, expect, test } from 'vitest'
import { decodeCoordinatorBatch, loadShard } from '../../src/broker/index.ts'
import {
  makeConsumerGroupDescribeRequest,
  makeCreatePartitionsRequest,
  makeCreatePartitionsTopic,
  makeDeleteGroupsRequest,
  makeDescribeGroupsRequest,
  makeListGroupsRequest,
} from '../../src/protocol/make.ts'
import { beat, errorOf, group, Member, newBench, settle } from './consumer-groups-support.ts'
import { commit } from './groups-support.ts'
import type { Bench } from './support.ts'

const reload = (bench: Bench) => loadShard(bench.state.logs.get('__consumer_offsets')?.[0] as never, bench.now)
const states = (bench: Bench) =>
  bench.facts.flatMap((fact) => (fact.type === 'group.state' ? [`${fact.from} → ${fact.to}`] : []))

describe('ConsumerGroupHeartbeat', () => {
  test('the first member joins with epoch 0, gets an id, epoch 1 and everything', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    const answer = a.join()
    expect(answer).toMatchObject({ errorCode: 0, memberEpoch: 1, heartbeatIntervalMs: 5000 })
    expect(a.id).not.toBe('')
    expect(a.partitions).toEqual(['orders-0', 'orders-1', 'orders-2', 'orders-3'])
    expect(group(bench)).toMatchObject({ state: 'Stable', groupEpoch: 1, assignmentEpoch: 1 })
  })

  test('a second member waits until the first has given up what it shall have', () => {
    const bench = newBench()
    const [a, b] = [new Member(bench, 'a'), new Member(bench, 'b')]
    a.join()
    expect(b.join()).toMatchObject({ memberEpoch: 2, assignment: { topicPartitions: [] } })
    expect(group(bench).state).toBe('Reconciling')
    // It learns what it keeps, in the epoch it is in.
    expect(a.report()).toMatchObject({ memberEpoch: 1 })
    expect(a.partitions).toEqual(['orders-0', 'orders-1'])
    expect(b.report().assignment).toBeNull()
    // Its next heartbeat says that it owns no more than that.
    expect(a.report()).toMatchObject({ memberEpoch: 2, assignment: null })
    expect(b.report().memberEpoch).toBe(2)
    expect(b.partitions).toEqual(['orders-2', 'orders-3'])
    expect(group(bench).state).toBe('Stable')
  })

  test('states follow: Empty, Stable, Reconciling, Stable, Assigning, …', () => {
    const bench = newBench()
    const [a, b] = [new Member(bench, 'a'), new Member(bench, 'b')]
    a.join()
    b.join()
    settle(a, b)
    b.leave()
    expect(group(bench).state).toBe('Assigning')
    settle(a)
    a.leave()
    expect(states(bench)).toEqual([
      'Empty → Stable',
      'Stable → Reconciling',
      'Reconciling → Stable',
      'Stable → Assigning',
      'Assigning → Stable',
      'Stable → Empty',
    ])
  })

  test('who leaves gives up everything at once, and the others get it with their next heartbeat', () => {
    const bench = newBench()
    const [a, b] = [new Member(bench, 'a'), new Member(bench, 'b')]
    a.join()
    b.join()
    settle(a, b)
    expect(b.leave()).toMatchObject({ errorCode: 0, memberEpoch: -1 })
    a.report()
    expect(a.partitions).toHaveLength(4)
    expect(group(bench)).toMatchObject({ groupEpoch: 3, assignmentEpoch: 3, state: 'Stable' })
  })

  test('an answer that was lost: the member says its previous epoch and a part of what it has, and is answered again', () => {
    const bench = newBench()
    const [a, b] = [new Member(bench, 'a'), new Member(bench, 'b')]
    a.join()
    b.join()
    a.report()
    a.report()
    expect(a.epoch).toBe(2)
    a.epoch = 1
    expect(a.report()).toMatchObject({ errorCode: 0, memberEpoch: 2 })
    a.epoch = 1
    expect(errorOf(a.report({ topicPartitions: null }))).toBe('FENCED_MEMBER_EPOCH')
    a.owned = new Map([...a.owned].map(([id]) => [id, [0, 1, 2, 3]]))
    expect(errorOf(a.report())).toBe('FENCED_MEMBER_EPOCH')
  })

  test('another epoch than the coordinator knows is FENCED_MEMBER_EPOCH, a stranger UNKNOWN_MEMBER_ID', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    expect(errorOf(a.report({ memberEpoch: 7 }))).toBe('FENCED_MEMBER_EPOCH')
    expect(errorOf(beat(bench, { memberId: 'ghost', memberEpoch: 3 }))).toBe('UNKNOWN_MEMBER_ID')
    expect(errorOf(beat(bench, { groupId: 'other', memberId: 'ghost', memberEpoch: 3 }))).toBe('GROUP_ID_NOT_FOUND')
    expect(errorOf(beat(bench, { memberId: 'ghost', memberEpoch: -1 }))).toBe('UNKNOWN_MEMBER_ID')
    expect(errorOf(a.report())).toBe('NONE')
  })

  test('a member that says nothing for its session timeout is fenced', () => {
    const bench = newBench({ 'group.consumer.session.timeout.ms': '45000' })
    const [a, b] = [new Member(bench, 'a'), new Member(bench, 'b')]
    a.join()
    b.join()
    settle(a, b)
    bench.pass(30_000)
    a.report()
    bench.pass(15_001)
    expect([...group(bench).members.keys()]).toEqual([a.id])
    expect(bench.facts).toContainEqual(expect.objectContaining({ type: 'group.leave', member: b.id, cause: 'expired' }))
    a.report()
    expect(a.partitions).toHaveLength(4)
    expect(errorOf(b.report())).toBe('UNKNOWN_MEMBER_ID')
  })

  test('a member that does not give up partitions within its rebalance timeout is fenced', () => {
    const bench = newBench()
    const a = new Member(bench, 'a', { rebalanceTimeoutMs: 20_000 })
    const b = new Member(bench, 'b')
    a.join()
    b.join()
    a.report()
    const stubborn = { topicPartitions: [...a.owned].map(([topicId]) => ({ topicId, partitions: [0, 1, 2, 3] })) }
    bench.pass(15_000)
    expect(a.report(stubborn).errorCode).toBe(0)
    bench.pass(5_001)
    expect([...group(bench).members.keys()]).toEqual([b.id])
    expect(bench.facts).toContainEqual(expect.objectContaining({ cause: 'not-revoked', member: a.id }))
    b.report()
    expect(b.partitions).toHaveLength(4)
  })

  test('no member has a partition twice, whoever joins and goes in whatever order', () => {
    const bench = newBench({}, { orders: 12 })
    const members = ['a', 'b', 'c', 'd', 'e'].map((name) => new Member(bench, name))
    for (const member of members) {
      member.join()
      for (const other of members) if (other.id !== '') other.report()
    }
    settle(...members)
    expect(members.map(({ partitions }) => partitions.length).sort()).toEqual([2, 2, 2, 3, 3])
    members[1]?.leave()
    members[4]?.leave()
    const rest = members.filter((_, i) => i !== 1 && i !== 4)
    settle(...rest)
    expect(rest.map(({ partitions }) => partitions.length)).toEqual([4, 4, 4])
    expect(new Set(rest.flatMap(({ partitions }) => partitions)).size).toBe(12)
  })

  test('new partitions of a topic: a new group epoch with the next heartbeat', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    const topics = [makeCreatePartitionsTopic({ name: 'orders', count: 6, assignments: null })]
    bench.ask('CreatePartitions', 0, makeCreatePartitionsRequest({ topics }))
    a.report()
    expect(a.partitions).toHaveLength(6)
    expect(group(bench)).toMatchObject({ groupEpoch: 2, reason: 'topics it subscribes to have changed' })
  })

  test('another subscription: what is not subscribed to any more is given up first', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    a.report({ subscribedTopicNames: ['users'] })
    expect(a.partitions).toEqual([])
    expect(group(bench).groupEpoch).toBe(2)
    settle(a)
    expect(a.partitions).toEqual(['users-0', 'users-1'])
  })

  test('a topic that does not exist yet is waited for', () => {
    const bench = newBench()
    const a = new Member(bench, 'a', { topics: ['later'] })
    expect(a.join()).toMatchObject({ errorCode: 0, memberEpoch: 1 })
    expect(a.partitions).toEqual([])
    expect(group(bench).state).toBe('Stable')
  })

  test('a regular expression finds topics, also those that come later; what is none is INVALID_REGULAR_EXPRESSION', () => {
    const bench = newBench()
    const answer = beat(
      bench,
      {
        memberId: 'own-id',
        memberEpoch: 0,
        rebalanceTimeoutMs: 1000,
        subscribedTopicRegex: 'orders|us.*',
        topicPartitions: [],
      },
      { version: 1 },
    )
    expect(answer).toMatchObject({ errorCode: 0, memberId: 'own-id' })
    expect(answer.assignment?.topicPartitions.map(({ partitions }) => partitions.length).sort()).toEqual([2, 4])
    const wrong = { memberId: 'x', rebalanceTimeoutMs: 1000, subscribedTopicRegex: '(', topicPartitions: [] }
    expect(errorOf(beat(bench, wrong, { version: 1 }))).toBe('INVALID_REGULAR_EXPRESSION')
  })
})

describe('throwIfConsumerGroupHeartbeatRequestIsInvalid', () => {
  const first = { memberEpoch: 0, rebalanceTimeoutMs: 1000, subscribedTopicNames: ['orders'], topicPartitions: [] }
  test.each([
    ['an empty group id', { ...first, groupId: '' }, "GroupId can't be empty."],
    ['an empty instance id', { ...first, instanceId: '' }, "InstanceId can't be empty."],
    ['an empty rack', { ...first, rackId: ' ' }, "RackId can't be empty."],
    ['no member id', { memberEpoch: 1 }, "MemberId can't be empty."],
    ['no member id on leaving', { memberEpoch: -1 }, "MemberId can't be empty."],
    ['an epoch there is not', { memberId: 'm', memberEpoch: -3 }, 'MemberEpoch -3 is invalid.'],
    ['a static leave without an instance', { memberId: 'm', memberEpoch: -2 }, "InstanceId can't be null."],
    [
      'no rebalance timeout',
      { ...first, rebalanceTimeoutMs: -1 },
      'RebalanceTimeoutMs must be provided in first request.',
    ],
    [
      'nothing about what it owns',
      { ...first, topicPartitions: null },
      'TopicPartitions must be empty when (re-)joining.',
    ],
    [
      'no subscription',
      { ...first, subscribedTopicNames: null },
      'Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.',
    ],
  ])('%s is INVALID_REQUEST', (_name, body, message) => {
    const answer = beat(newBench(), body)
    expect([errorOf(answer), answer.errorMessage]).toEqual(['INVALID_REQUEST', message])
  })

  test('from version 1 on members bring their id (KIP-1082)', () => {
    expect(errorOf(beat(newBench(), first, { version: 1 }))).toBe('INVALID_REQUEST')
  })

  test('an assignor nobody offers is UNSUPPORTED_ASSIGNOR, and the answer names those there are', () => {
    const answer = beat(newBench(), { ...first, serverAssignor: 'sticky' })
    expect(errorOf(answer)).toBe('UNSUPPORTED_ASSIGNOR')
    expect(answer.errorMessage).toBe('ServerAssignor sticky is not supported. Supported assignors: uniform, range.')
    const one = beat(newBench({ 'group.consumer.assignors': 'range' }), { ...first, serverAssignor: 'uniform' })
    expect(errorOf(one)).toBe('UNSUPPORTED_ASSIGNOR')
  })

  test('a broker that does not offer the protocol says UNSUPPORTED_VERSION', () => {
    const bench = newBench({ 'group.coordinator.rebalance.protocols': 'classic' })
    expect(errorOf(beat(bench, first))).toBe('UNSUPPORTED_VERSION')
  })

  test('a full group is GROUP_MAX_SIZE_REACHED, and stays usable', () => {
    const bench = newBench({ 'group.consumer.max.size': '1' })
    const a = new Member(bench, 'a')
    a.join()
    expect(errorOf(new Member(bench, 'b').join())).toBe('GROUP_MAX_SIZE_REACHED')
    expect(a.report().errorCode).toBe(0)
  })
})

describe('static members (KIP-345 in KIP-848)', () => {
  test('one that left with -2 comes back under another id to the same partitions, without a new epoch', () => {
    const bench = newBench()
    const a = new Member(bench, 'a', { instanceId: 'one' })
    const b = new Member(bench, 'b', { instanceId: 'two' })
    a.join()
    b.join()
    settle(a, b)
    const before = { partitions: a.partitions, epoch: group(bench).groupEpoch }
    expect(a.leave(-2)).toMatchObject({ errorCode: 0, memberEpoch: -2 })
    b.report()
    expect(b.partitions).toHaveLength(2)
    const again = new Member(bench, 'a', { instanceId: 'one' })
    expect(again.join()).toMatchObject({ errorCode: 0, memberEpoch: before.epoch })
    expect(again.partitions).toEqual(before.partitions)
    expect(group(bench)).toMatchObject({ groupEpoch: before.epoch, state: 'Stable' })
    expect(again.id).not.toBe(a.id)
    expect(errorOf(a.report())).toBe('FENCED_INSTANCE_ID')
  })

  test('an instance id somebody has is UNRELEASED_INSTANCE_ID', () => {
    const bench = newBench()
    const a = new Member(bench, 'a', { instanceId: 'one' })
    a.join()
    expect(errorOf(new Member(bench, 'b', { instanceId: 'one' }).join())).toBe('UNRELEASED_INSTANCE_ID')
    expect(errorOf(beat(bench, { memberId: 'b', memberEpoch: 1, instanceId: 'two' }))).toBe('UNKNOWN_MEMBER_ID')
    expect(errorOf(beat(bench, { memberId: 'b', memberEpoch: -2, instanceId: 'one' }))).toBe('FENCED_INSTANCE_ID')
  })

  test('one that does not come back within its session goes', () => {
    const bench = newBench()
    const a = new Member(bench, 'a', { instanceId: 'one' })
    a.join()
    a.leave(-2)
    bench.pass(45_001)
    expect(group(bench)).toMatchObject({ state: 'Empty' })
  })
})

describe('commits of members', () => {
  const commitNine = (bench: Bench, memberId: string, epoch: number, version = 9) =>
    commit(bench, memberId, epoch, 5, { version })

  test('STALE_MEMBER_EPOCH for another epoch, UNSUPPORTED_VERSION before v9, UNKNOWN_MEMBER_ID for a stranger', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    expect(commitNine(bench, a.id, 1)).toBe(0)
    expect(errorOf({ errorCode: commitNine(bench, a.id, 2) ?? -1 })).toBe('STALE_MEMBER_EPOCH')
    expect(errorOf({ errorCode: commitNine(bench, a.id, 1, 8) ?? -1 })).toBe('UNSUPPORTED_VERSION')
    expect(errorOf({ errorCode: commitNine(bench, 'ghost', 1) ?? -1 })).toBe('UNKNOWN_MEMBER_ID')
    expect(errorOf({ errorCode: commitNine(bench, '', -1) ?? -1 })).toBe('UNKNOWN_MEMBER_ID')
    a.leave()
    expect(commitNine(bench, '', -1)).toBe(0)
  })
})

describe('what is written and read', () => {
  test('a replay of the log gives the same group', () => {
    const bench = newBench()
    const [a, b] = [new Member(bench, 'a', { instanceId: 'one' }), new Member(bench, 'b', { assignor: 'range' })]
    a.join()
    b.join()
    a.report()
    const again = reload(bench).groups.get('g')
    if (again?.type !== 'consumer') throw new Error('not a consumer group')
    const own = group(bench)
    expect(again).toMatchObject({
      state: own.state,
      groupEpoch: own.groupEpoch,
      assignmentEpoch: own.assignmentEpoch,
      topics: own.topics,
      target: own.target,
    })
    const persisted = ({ members }: typeof own) =>
      [...members.values()].map(({ connection: _c, lastHeartbeat: _l, joinAwaited: _j, ...rest }) => rest)
    expect(persisted(again)).toEqual(persisted(own))
  })

  test('DeleteGroups refuses a group with members, then leaves nothing behind', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    const remove = () => bench.ask('DeleteGroups', 2, makeDeleteGroupsRequest({ groupsNames: ['g'] })).results[0]
    expect(errorOf(remove() ?? { errorCode: -1 })).toBe('NON_EMPTY_GROUP')
    a.leave()
    expect(remove()?.errorCode).toBe(0)
    expect(bench.state.shards.get(0)?.groups.size).toBe(0)
    expect(reload(bench).groups.size).toBe(0)
    const records = (bench.state.logs.get('__consumer_offsets')?.[0]?.batches ?? []).flatMap(decodeCoordinatorBatch)
    const last = new Map(records.map((record) => [JSON.stringify({ ...record, value: undefined }), record.value]))
    expect([...last.values()].every((value) => value === null)).toBe(true)
  })

  test('ConsumerGroupDescribe tells what members have and shall have; DescribeGroups calls the group dead', () => {
    const bench = newBench()
    const [a, b] = [new Member(bench, 'a'), new Member(bench, 'b')]
    a.join()
    b.join()
    const ask = (groupId: string) =>
      bench.ask('ConsumerGroupDescribe', 1, makeConsumerGroupDescribeRequest({ groupIds: [groupId] })).groups[0]
    const described = ask('g')
    expect(described).toMatchObject({
      groupState: 'Reconciling',
      groupEpoch: 2,
      assignmentEpoch: 2,
      assignorName: 'uniform',
    })
    expect(described?.members.map(({ memberEpoch, memberType }) => [memberEpoch, memberType])).toEqual([
      [1, 1],
      [2, 1],
    ])
    const named = (parts: { topicPartitions: readonly { topicName: string; partitions: readonly number[] }[] }) =>
      parts.topicPartitions.map(({ topicName, partitions }) => `${topicName} ${partitions}`)
    expect(described?.members.map(({ assignment }) => named(assignment))).toEqual([['orders 0,1,2,3'], []])
    expect(described?.members.map(({ targetAssignment }) => named(targetAssignment))).toEqual([
      ['orders 0,1'],
      ['orders 2,3'],
    ])
    expect(errorOf(ask('nobody') ?? { errorCode: -1 })).toBe('GROUP_ID_NOT_FOUND')
    const classic = (version: number) =>
      bench.ask('DescribeGroups', version, makeDescribeGroupsRequest({ groups: ['g'] })).groups[0]
    expect(classic(5)).toMatchObject({ groupState: 'Dead', errorCode: 0 })
    expect(errorOf(classic(6) ?? { errorCode: -1 })).toBe('GROUP_ID_NOT_FOUND')
    const listed = (typesFilter: string[]) =>
      bench.ask('ListGroups', 5, makeListGroupsRequest({ typesFilter })).groups.map(({ groupId }) => groupId)
    expect([listed(['Consumer']), listed(['classic'])]).toEqual([['g'], []])
  })
})
