import { describe, expect, test } from 'vitest'
import { type ClassicGroup, decodeCoordinatorBatch, loadShard } from '../../src/broker/index.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  makeDeleteTopicsRequest,
  makeDescribeGroupsRequest,
  makeFindCoordinatorRequest,
  makeHeartbeatRequest,
  makeLeaveGroupRequest,
  makeListGroupsRequest,
  makeMemberIdentity,
  makeOffsetFetchRequest,
  makeOffsetFetchRequestTopic,
} from '../../src/protocol/make.ts'
import {
  assignmentOf,
  commit,
  group,
  heartbeat,
  join,
  joinBody,
  METADATA,
  newBench,
  stable,
  sync,
} from './groups-support.ts'
import { type Bench, createBench, pendingTimers } from './support.ts'

describe('FindCoordinator', () => {
  test('the first question makes the offsets topic; until then COORDINATOR_NOT_AVAILABLE', () => {
    const bench = createBench()
    const ask = () => bench.ask('FindCoordinator', 2, makeFindCoordinatorRequest({ key: 'g' }))
    expect(ask()).toMatchObject({ errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE, nodeId: -1 })
    expect(ask()).toMatchObject({ errorCode: 0, nodeId: 1, host: 'localhost', port: 9092 })
    expect(bench.state.image.topics.get('__consumer_offsets')?.partitions).toHaveLength(50)
  })

  test('v4 asks for several at once', () => {
    const bench = newBench()
    const answer = bench.ask('FindCoordinator', 4, makeFindCoordinatorRequest({ coordinatorKeys: ['g', 'h'] }))
    expect(answer.coordinators.map(({ errorCode }) => errorCode)).toEqual([0, 0])
  })
})

describe('JoinGroup', () => {
  test('a new member is told its id first (KIP-394), before v4 it joins at once', () => {
    const bench = newBench()
    join(bench, 'shop')
    expect([...(group(bench)?.members.keys() ?? [])][0]).toMatch(/^shop-/)
    const old = newBench()
    expect(old.isWaiting(old.send('JoinGroup', 3, joinBody('')))).toBe(true)
  })

  test('a new group waits group.initial.rebalance.delay.ms, and longer when somebody else comes', () => {
    const bench = newBench()
    const a = join(bench, 'a')
    bench.pass(2999)
    expect(bench.isWaiting(a.waiting)).toBe(true)
    const b = join(bench, 'b')
    bench.pass(1)
    // Extended once by the delay, since a member joined meanwhile.
    expect(bench.isWaiting(a.waiting)).toBe(true)
    bench.pass(3000)
    expect(bench.answerTo('JoinGroup', a.waiting)).toMatchObject({
      errorCode: 0,
      generationId: 1,
      leader: a.id,
      memberId: a.id,
    })
    expect(bench.answerTo('JoinGroup', a.waiting).members.map(({ memberId }) => memberId)).toEqual([a.id, b.id])
    expect(bench.answerTo('JoinGroup', b.waiting)).toMatchObject({
      leader: a.id,
      members: [],
      protocolName: 'RoundRobinAssigner',
    })
  })

  test('the session timeout must lie within the bounds', () => {
    const bench = newBench()
    for (const sessionTimeoutMs of [5999, 1_800_001]) {
      expect(bench.ask('JoinGroup', 5, joinBody('', { sessionTimeoutMs })).errorCode).toBe(
        ErrorCode.INVALID_SESSION_TIMEOUT,
      )
    }
  })

  test('an id nobody handed out is UNKNOWN_MEMBER_ID', () => {
    const bench = newBench()
    expect(bench.ask('JoinGroup', 5, joinBody('ghost')).errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    stable(bench, 1)
    expect(bench.ask('JoinGroup', 5, joinBody('ghost')).errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  test('protocols nobody else supports are INCONSISTENT_GROUP_PROTOCOL; the group stays usable', () => {
    const bench = newBench()
    const { leader, generation } = stable(bench, 1)
    const strange = joinBody('', { protocols: [{ name: 'other', metadata: METADATA }] })
    expect(bench.ask('JoinGroup', 5, strange).errorCode).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    expect(bench.ask('JoinGroup', 5, joinBody('', { protocolType: 'connect' })).errorCode).toBe(
      ErrorCode.INCONSISTENT_GROUP_PROTOCOL,
    )
    expect(heartbeat(bench, leader, generation)).toBe(0)
  })

  test('group.max.size is the most members; an id that was handed out is not waited for', () => {
    const bench = newBench({ 'group.max.size': '1' })
    const late = bench.ask('JoinGroup', 5, joinBody('')).memberId
    stable(bench, 1)
    expect(bench.ask('JoinGroup', 5, joinBody('')).errorCode).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED)
    expect(bench.ask('JoinGroup', 5, joinBody(late)).errorCode).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED)
    expect(group(bench)?.pendingMembers.size).toBe(0)
  })

  test('members need a group id', () => {
    const bench = newBench()
    expect(bench.ask('JoinGroup', 5, joinBody('', { groupId: '' })).errorCode).toBe(ErrorCode.INVALID_GROUP_ID)
    expect(bench.ask('Heartbeat', 3, makeHeartbeatRequest({ groupId: '', memberId: 'm' })).errorCode).toBe(
      ErrorCode.INVALID_GROUP_ID,
    )
  })

  test('the protocol most members prefer among those all support wins', () => {
    const bench = newBench()
    const protocols = (...names: string[]) => ({ protocols: names.map((name) => ({ name, metadata: METADATA })) })
    const a = join(bench, 'a', protocols('x', 'y'))
    join(bench, 'b', protocols('y', 'x'))
    join(bench, 'c', protocols('z', 'y', 'x'))
    bench.pass(6000)
    expect(bench.answerTo('JoinGroup', a.waiting).protocolName).toBe('y')
  })

  test('a follower that joins a stable group again with nothing new is told the generation; a leader starts a rebalance', () => {
    const bench = newBench()
    const { ids, generation, leader } = stable(bench, 2)
    const follower = bench.ask('JoinGroup', 5, joinBody(ids[1] as string))
    expect(follower).toMatchObject({ errorCode: 0, generationId: generation, members: [] })
    expect(bench.isWaiting(bench.send('JoinGroup', 5, joinBody(leader)))).toBe(true)
    expect(group(bench)?.state).toBe('PreparingRebalance')
  })

  test('who does not join again within the rebalance timeout is removed', () => {
    const bench = newBench()
    const { leader, ids } = stable(bench, 2)
    const waiting = bench.send('JoinGroup', 5, joinBody(leader))
    for (let s = 0; s < 60; s += 10) {
      bench.pass(10_000)
      heartbeat(bench, ids[1] as string, 1)
    }
    const answer = bench.answerTo('JoinGroup', waiting)
    expect(answer).toMatchObject({ errorCode: 0, generationId: 2 })
    expect(answer.members.map(({ memberId }) => memberId)).toEqual([leader])
  })

  test('when the leader does not join again another member leads', () => {
    const bench = newBench()
    const { leader, ids, generation } = stable(bench, 2)
    const second = ids[1] as string
    bench.ask(
      'LeaveGroup',
      3,
      makeLeaveGroupRequest({ groupId: 'g', members: [makeMemberIdentity({ memberId: leader })] }),
    )
    expect(heartbeat(bench, second, generation)).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    const answer = bench.ask('JoinGroup', 5, joinBody(second))
    expect(answer).toMatchObject({ leader: second, generationId: 2 })
  })
})

describe('SyncGroup', () => {
  test('followers wait for the leader; everybody gets what it said; the record is written first', () => {
    const bench = newBench()
    const a = join(bench, 'a')
    const b = join(bench, 'b')
    bench.pass(6000)
    const follower = sync(bench, b.id, 1)
    expect(bench.isWaiting(follower)).toBe(true)
    const leader = sync(bench, a.id, 1, { [a.id]: assignmentOf(0, 1), [b.id]: assignmentOf(2, 3) })
    expect(bench.answerTo('SyncGroup', leader).assignment).toEqual(assignmentOf(0, 1))
    expect(bench.answerTo('SyncGroup', follower).assignment).toEqual(assignmentOf(2, 3))
    expect(bench.facts.filter(({ type }) => type === 'group.assignment')).toMatchObject([
      { partitions: ['orders-0', 'orders-1'] },
      { partitions: ['orders-2', 'orders-3'] },
    ])
    const log = bench.state.logs.get('__consumer_offsets')?.[0]
    const last = decodeCoordinatorBatch(log?.batches.at(-1) as never)[0]
    expect(last).toMatchObject({
      type: 'group-metadata',
      group: 'g',
      value: { generation: 1, leader: a.id, members: [{ memberId: a.id }, { memberId: b.id }] },
    })
  })

  test('a member the leader forgot gets an empty assignment', () => {
    const bench = newBench()
    const a = join(bench, 'a')
    bench.pass(3000)
    expect(bench.answerTo('SyncGroup', sync(bench, a.id, 1)).assignment).toHaveLength(0)
  })

  test('unknown members, other generations, a rebalance under way: UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS', () => {
    const bench = newBench()
    const { leader, generation } = stable(bench, 2)
    const error = (id: string, at: number) => bench.answerTo('SyncGroup', sync(bench, id, at)).errorCode
    expect(error('ghost', generation)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(error(leader, generation + 1)).toBe(ErrorCode.ILLEGAL_GENERATION)
    bench.send('JoinGroup', 5, joinBody(leader))
    expect(error(leader, generation)).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
  })

  test('in Stable a member gets its assignment again', () => {
    const bench = newBench()
    const { ids, generation } = stable(bench, 2)
    expect(bench.answerTo('SyncGroup', sync(bench, ids[1] as string, generation)).assignment).toEqual(assignmentOf(1))
  })

  test('who waits for an assignment when a rebalance begins is told REBALANCE_IN_PROGRESS', () => {
    const bench = newBench()
    const a = join(bench, 'a')
    const b = join(bench, 'b')
    bench.pass(6000)
    const follower = sync(bench, b.id, 1)
    join(bench, 'c')
    expect(bench.answerTo('SyncGroup', follower).errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    expect(bench.answerTo('JoinGroup', a.waiting).generationId).toBe(1)
  })

  test('members that never sync are removed after the rebalance timeout', () => {
    const bench = newBench()
    const a = join(bench, 'a')
    join(bench, 'b')
    bench.pass(6000)
    sync(bench, a.id, 1, { [a.id]: assignmentOf(0) })
    // The other one never syncs, though it heartbeats.
    const other = [...(group(bench)?.members.keys() ?? [])][1] as string
    for (let s = 0; s < 60; s += 10) {
      heartbeat(bench, other, 1)
      heartbeat(bench, a.id, 1)
      bench.pass(10_000)
    }
    expect(group(bench)?.members.has(other)).toBe(false)
    expect(group(bench)?.state).toBe('PreparingRebalance')
  })
})

describe('sessions', () => {
  test('a member expires after its session timeout without a sign of life, not before (law G7)', () => {
    const bench = newBench()
    const { ids, generation } = stable(bench, 2)
    bench.pass(29_999)
    expect(heartbeat(bench, ids[0] as string, generation)).toBe(0)
    expect(group(bench)?.members.size).toBe(2)
    bench.pass(1)
    expect([...(group(bench)?.members.keys() ?? [])]).toEqual([ids[0]])
    expect(group(bench)?.reason).toMatch(/was not heard from for its session timeout of 30000 ms/)
  })

  test('a commit is a sign of life', () => {
    const bench = newBench()
    const { ids, generation } = stable(bench, 1)
    bench.pass(20_000)
    expect(commit(bench, ids[0] as string, generation, 1)).toBe(0)
    bench.pass(20_000)
    expect(group(bench)?.members.size).toBe(1)
    bench.pass(10_000)
    expect(group(bench)).toMatchObject({ state: 'Empty', generation: generation + 1 })
  })

  test('an id handed out and never used is forgotten', () => {
    const bench = newBench()
    const first = bench.ask('JoinGroup', 5, joinBody(''))
    expect(group(bench)?.pendingMembers.has(first.memberId)).toBe(true)
    bench.pass(30_000)
    expect(group(bench)?.pendingMembers.size).toBe(0)
  })

  test('heartbeats of strangers and of other generations are refused', () => {
    const bench = newBench()
    expect(heartbeat(bench, 'ghost', 1)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    const { leader, generation } = stable(bench, 1)
    expect(heartbeat(bench, 'ghost', generation)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(heartbeat(bench, leader, generation - 1)).toBe(ErrorCode.ILLEGAL_GENERATION)
  })
})

describe('LeaveGroup', () => {
  test('who leaves triggers a rebalance of those who stay; the last one leaves the group Empty', () => {
    const bench = newBench()
    const { ids, generation } = stable(bench, 2)
    const leave = (id: string) =>
      bench.ask(
        'LeaveGroup',
        3,
        makeLeaveGroupRequest({ groupId: 'g', members: [makeMemberIdentity({ memberId: id })] }),
      ).members[0]?.errorCode
    expect(leave(ids[1] as string)).toBe(0)
    expect(heartbeat(bench, ids[0] as string, generation)).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    expect(leave('ghost')).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(leave(ids[0] as string)).toBe(0)
    expect(group(bench)).toMatchObject({ state: 'Empty', leaderId: null })
  })

  test('of a group nobody knows every member is unknown', () => {
    const bench = newBench()
    const answer = bench.ask(
      'LeaveGroup',
      3,
      makeLeaveGroupRequest({ groupId: 'nope', members: [makeMemberIdentity({ memberId: 'm' })] }),
    )
    expect(answer).toMatchObject({ errorCode: 0, members: [{ memberId: 'm', errorCode: ErrorCode.UNKNOWN_MEMBER_ID }] })
  })

  test('before v3 one member is named at the top', () => {
    const bench = newBench()
    const { leader } = stable(bench, 1)
    expect(bench.ask('LeaveGroup', 1, makeLeaveGroupRequest({ groupId: 'g', memberId: 'ghost' })).errorCode).toBe(
      ErrorCode.UNKNOWN_MEMBER_ID,
    )
    expect(bench.ask('LeaveGroup', 1, makeLeaveGroupRequest({ groupId: 'g', memberId: leader })).errorCode).toBe(0)
  })
})

describe('offsets', () => {
  const fetchOffset = (bench: Bench, partitionIndexes = [0], topic = 'orders') =>
    bench.ask(
      'OffsetFetch',
      4,
      makeOffsetFetchRequest({
        groupId: 'g',
        topics: [makeOffsetFetchRequestTopic({ name: topic, partitionIndexes })],
      }),
    ).topics[0]?.partitions

  test('a commit is there for everybody who asks; without one it is -1 without an error', () => {
    const bench = newBench()
    expect(fetchOffset(bench)).toMatchObject([{ committedOffset: -1, metadata: '', errorCode: 0 }])
    const { leader, generation } = stable(bench, 1)
    expect(commit(bench, leader, generation, 42, { metadata: 'note' })).toBe(0)
    expect(fetchOffset(bench, [0, 1])).toMatchObject([
      { committedOffset: 42, metadata: 'note' },
      { committedOffset: -1 },
    ])
    const all = bench.ask('OffsetFetch', 4, makeOffsetFetchRequest({ groupId: 'g', topics: null }))
    expect(all.topics).toMatchObject([{ name: 'orders', partitions: [{ partitionIndex: 0, committedOffset: 42 }] }])
  })

  test('validateOffsetCommit: members and generations are checked', () => {
    const bench = newBench()
    expect(commit(bench, 'm', 3, 1)).toBe(ErrorCode.ILLEGAL_GENERATION)
    const { leader, generation } = stable(bench, 2)
    expect(commit(bench, 'ghost', generation, 1)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(commit(bench, leader, generation - 1, 1)).toBe(ErrorCode.ILLEGAL_GENERATION)
    expect(commit(bench, '', -1, 1)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  test('a simple consumer commits while the group is empty, and makes the group', () => {
    const bench = newBench()
    expect(commit(bench, '', -1, 5)).toBe(0)
    expect(group(bench)?.state).toBe('Empty')
    expect(commit(bench, '', -1, 6)).toBe(0)
    expect(fetchOffset(bench)?.[0]?.committedOffset).toBe(6)
  })

  test('in PreparingRebalance a commit IS accepted, in CompletingRebalance it is REBALANCE_IN_PROGRESS', () => {
    const bench = newBench()
    const { ids, generation, leader } = stable(bench, 2)
    const again = bench.send('JoinGroup', 5, joinBody(leader))
    expect(commit(bench, ids[1] as string, generation, 7)).toBe(0)
    bench.send('JoinGroup', 5, joinBody(ids[1] as string))
    expect(bench.answerTo('JoinGroup', again).generationId).toBe(generation + 1)
    expect(commit(bench, leader, generation + 1, 8)).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
  })

  test('unknown topics and long metadata are refused, each on its own', () => {
    const bench = newBench()
    expect(commit(bench, '', -1, 1, { topic: 'nope' })).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(commit(bench, '', -1, 1, { metadata: 'x'.repeat(4097) })).toBe(ErrorCode.OFFSET_METADATA_TOO_LARGE)
    expect(fetchOffset(bench)?.[0]?.committedOffset).toBe(-1)
  })

  test('a simple group survives a replay; a deleted offsets topic leaves nothing behind', () => {
    const bench = newBench()
    commit(bench, '', -1, 5)
    const loaded = loadShard(bench.state.logs.get('__consumer_offsets')?.[0] as never, bench.now)
    expect(loaded.groups.get('g')?.state).toBe('Empty')
    const { leader, generation } = stable(bench, 1)
    bench.ask('DeleteTopics', 3, makeDeleteTopicsRequest({ topicNames: ['__consumer_offsets'] }))
    expect([bench.state.shards.size, pendingTimers(bench)]).toEqual([0, 0])
    expect(heartbeat(bench, leader, generation)).toBe(ErrorCode.NOT_COORDINATOR)
  })

  test('a replay of the log gives the same offsets and the same stable group', () => {
    const bench = newBench()
    const { ids, generation, leader } = stable(bench, 2)
    commit(bench, leader, generation, 5)
    commit(bench, leader, generation, 9)
    const loaded = loadShard(bench.state.logs.get('__consumer_offsets')?.[0] as never, bench.now)
    expect(loaded.offsets).toEqual(bench.state.shards.get(0)?.offsets)
    const again = loaded.groups.get('g') as ClassicGroup
    expect(again).toMatchObject({ state: 'Stable', generation, leaderId: leader, protocolName: 'RoundRobinAssigner' })
    expect([...again.members.values()].map(({ id, assignment }) => [id, assignment])).toEqual(
      ids.map((id, i) => [id, assignmentOf(i)]),
    )
  })
})

describe('DescribeGroups and ListGroups', () => {
  test('a group nobody knows is Dead; in Stable members show metadata and assignment', () => {
    const bench = newBench()
    const describeGroup = (id: string) =>
      bench.ask('DescribeGroups', 2, makeDescribeGroupsRequest({ groups: [id] })).groups[0]
    expect(describeGroup('nope')).toMatchObject({ groupState: 'Dead', errorCode: 0 })
    const { ids, leader } = stable(bench, 2)
    expect(describeGroup('g')).toMatchObject({
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'RoundRobinAssigner',
      members: [
        { memberId: ids[0], clientId: 'c0', memberMetadata: METADATA, memberAssignment: assignmentOf(0) },
        { memberId: ids[1] },
      ],
    })
    bench.send('JoinGroup', 5, joinBody(leader))
    expect(describeGroup('g')?.members[0]?.memberAssignment).toHaveLength(0)
  })

  test('lists by state from v4 on', () => {
    const bench = newBench()
    stable(bench, 1)
    const list = (version: number, statesFilter: string[]) =>
      bench.ask('ListGroups', version, makeListGroupsRequest({ statesFilter })).groups.map(({ groupId }) => groupId)
    expect(list(2, [])).toEqual(['g'])
    expect(list(4, ['Stable'])).toEqual(['g'])
    expect(list(4, ['empty'])).toEqual([])
  })
})
