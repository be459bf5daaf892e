/** How a classic group goes from state to state (ClassicGroup.java, ClassicGroupState.java, GroupMetadataManager.java, and their tests). */
import { describe, expect, test } from 'vitest'
import {
  type ClassicGroup,
  copyClassicGroup,
  createClassicGroup,
  type GroupMember,
  LEGAL_TRANSITIONS,
  selectProtocol,
  supportsProtocols,
} from '../../src/broker/index.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { makeDescribeGroupsRequest } from '../../src/protocol/make.ts'
import type { JoinGroupRequest } from '../../src/protocol/messages.ts'
import {
  assignmentOf,
  commit,
  group,
  heartbeat,
  join,
  joinBody,
  lastBatch,
  leave,
  METADATA,
  newBench,
  reload,
  stable,
  sync,
} from './groups-support.ts'
import { type Bench, pendingTimers } from './support.ts'

const members = (bench: Bench) => [...(group(bench)?.members.keys() ?? [])]
const joined = (bench: Bench, correlationId: number) => bench.answerTo('JoinGroup', correlationId)
const rejoin = (bench: Bench, id: string, more: Partial<JoinGroupRequest> = {}) =>
  bench.send('JoinGroup', 9, joinBody(id, more))
const named = (...names: string[]) => names.map((name) => ({ name, metadata: METADATA }))
/** Members beat while time passes. */
function passAlive(bench: Bench, ms: number, generation: number, ...ids: string[]) {
  for (let past = 0; past < ms; past += 10_000) {
    for (const id of ids) heartbeat(bench, id, generation)
    bench.pass(Math.min(10_000, ms - past))
  }
}

describe('ClassicGroupState.validPreviousStates', () => {
  test.each([
    ['Empty', ['PreparingRebalance']],
    ['PreparingRebalance', ['CompletingRebalance', 'Empty', 'Stable']],
    ['CompletingRebalance', ['PreparingRebalance']],
    ['Stable', ['CompletingRebalance']],
    ['Dead', ['CompletingRebalance', 'Dead', 'Empty', 'PreparingRebalance', 'Stable']],
  ] as const)('to %s from %s', (to, from) => {
    const states = Object.entries(LEGAL_TRANSITIONS).filter(([, next]) => next.includes(to))
    expect(states.map(([state]) => state).sort()).toEqual(from)
  })

  test('a whole life: every edge is told, with its reason', () => {
    const bench = newBench()
    const { leader, ids } = stable(bench, 2)
    rejoin(bench, leader)
    rejoin(bench, ids[1] ?? '')
    for (const id of [...ids].reverse()) sync(bench, id, 2, { [leader]: assignmentOf(0) })
    for (const id of ids) leave(bench, id)
    const told = bench.facts.flatMap((fact) => (fact.type === 'group.state' ? [[fact.to, fact.generation]] : []))
    expect(told).toEqual([
      ['PreparingRebalance', 0],
      ['CompletingRebalance', 1],
      ['Stable', 1],
      ['PreparingRebalance', 1],
      ['CompletingRebalance', 2],
      ['Stable', 2],
      ['PreparingRebalance', 2],
      ['Empty', 3],
    ])
    const reasons = bench.facts.flatMap((fact) => (fact.type === 'group.state' ? [fact.reason] : []))
    expect(reasons.every((reason) => reason !== '')).toBe(true)
  })
})

describe('ClassicGroup', () => {
  const member = (id: string, ...protocols: string[]): GroupMember => ({
    id,
    instanceId: null,
    clientId: '',
    clientHost: '',
    connection: 1,
    rebalanceTimeoutMs: 1,
    sessionTimeoutMs: 1,
    protocols: named(...protocols),
    assignment: new Uint8Array(0),
    awaitingJoin: null,
    awaitingSync: null,
    isNew: false,
    lastHeartbeat: 0,
  })
  const groupOf = (...all: GroupMember[]): ClassicGroup => ({
    ...createClassicGroup('g', 0),
    state: 'PreparingRebalance',
    protocolType: 'consumer',
    members: new Map(all.map((one) => [one.id, one])),
  })

  test('testSelectProtocol: most votes among those all know', () => {
    const a = member('a', 'range', 'roundrobin')
    const b = member('b', 'roundrobin', 'range')
    const c = member('c', 'roundrobin', 'range')
    expect(selectProtocol(groupOf(a))).toBe('range')
    expect(['range', 'roundrobin']).toContain(selectProtocol(groupOf(a, b)))
    expect(selectProtocol(groupOf(a, b, c))).toBe('roundrobin')
  })

  test('testSelectProtocolChoosesCompatibleProtocol: a favourite that one does not know is out', () => {
    expect(selectProtocol(groupOf(member('a', 'range', 'roundrobin'), member('b', 'roundrobin', 'blah')))).toBe(
      'roundrobin',
    )
  })

  test('testSupportsProtocols: of an empty group any, of another its type and one that all know', () => {
    const empty = createClassicGroup('g', 0)
    expect(supportsProtocols(empty, 'consumer', ['range'])).toBe(true)
    expect(supportsProtocols(empty, '', ['range'])).toBe(false)
    expect(supportsProtocols(empty, 'consumer', [])).toBe(false)
    const two = groupOf(member('a', 'range', 'roundrobin'), member('b', 'roundrobin', 'blah'))
    expect(supportsProtocols(two, 'consumer', ['roundrobin', 'foo'])).toBe(true)
    expect(supportsProtocols(two, 'invalid', ['roundrobin', 'foo'])).toBe(false)
    expect(supportsProtocols(two, 'consumer', ['range', 'foo'])).toBe(false)
  })

  test('a copy shares nothing that is changed', () => {
    const original = groupOf(member('a', 'range'))
    const copy = copyClassicGroup(original)
    ;(copy.members.get('a') as GroupMember).sessionTimeoutMs = 9
    copy.members.delete('b')
    copy.pendingMembers.add('p')
    copy.pendingSync.add('s')
    expect(original.members.get('a')?.sessionTimeoutMs).toBe(1)
    expect([original.pendingMembers.size, original.pendingSync.size]).toEqual([0, 0])
  })
})

describe('completeClassicGroupJoin', () => {
  test('testCompleteJoinRemoveNotYetRejoinedDynamicMembers: who did not join again is gone, the others are answered', () => {
    const bench = newBench()
    const { leader, ids, generation } = stable(bench, 2, { sessionTimeoutMs: 120_000 })
    const waiting = rejoin(bench, ids[1] ?? '', {
      protocols: named('RoundRobinAssigner', 'other'),
      sessionTimeoutMs: 120_000,
    })
    bench.pass(59_999)
    expect(bench.isWaiting(waiting)).toBe(true)
    bench.pass(1)
    expect(joined(bench, waiting)).toMatchObject({ generationId: generation + 1, leader: ids[1] })
    expect(members(bench)).toEqual([ids[1]])
    expect(bench.facts).toContainEqual(
      expect.objectContaining({ type: 'group.leave', member: leader, cause: 'not-rejoined' }),
    )
  })

  test('testElectNewJoinedLeader: a static leader that does not join again keeps its place, but leads no more', () => {
    const bench = newBench()
    const both = ['i0', 'i1'].map((groupInstanceId) =>
      bench.send('JoinGroup', 9, joinBody('', { groupInstanceId, sessionTimeoutMs: 120_000 })),
    )
    bench.pass(6000)
    const ids = both.map((one) => joined(bench, one).memberId)
    const changed = { groupInstanceId: 'i1', sessionTimeoutMs: 120_000, protocols: named('RoundRobinAssigner', 'x') }
    sync(bench, ids[1] ?? '', 1)
    sync(bench, ids[0] ?? '', 1, {})
    const waiting = rejoin(bench, ids[1] ?? '', changed)
    bench.pass(60_000)
    expect(joined(bench, waiting)).toMatchObject({ generationId: 2, leader: ids[1] })
    expect(joined(bench, waiting).members.map(({ memberId }) => memberId)).toEqual(ids)
    expect(group(bench)?.leaderId).toBe(ids[1])
  })

  test('the last one gone: a generation of nobody is written, and the next one goes on counting', () => {
    const bench = newBench()
    const { leader } = stable(bench, 1)
    leave(bench, leader)
    expect(lastBatch(bench)).toMatchObject([
      {
        type: 'group-metadata',
        value: { generation: 2, protocol: null, leader: null, protocolType: 'consumer', members: [] },
      },
    ])
    expect(reload(bench).groups.get('g')).toMatchObject({ state: 'Empty', generation: 2, protocolType: 'consumer' })
    expect(stable(bench, 1).generation).toBe(3)
  })

  test('testSecondMemberPartiallyJoinAndTimeout: an id that was handed out holds a rebalance up for its session timeout', () => {
    const bench = newBench()
    const { leader } = stable(bench, 1)
    const waiting = rejoin(bench, leader)
    expect(joined(bench, waiting).generationId).toBe(2)
    sync(bench, leader, 2, { [leader]: assignmentOf(0) })
    bench.ask('JoinGroup', 5, joinBody('', { sessionTimeoutMs: 8000 }))
    expect(group(bench)?.state).toBe('Stable')
    const again = rejoin(bench, leader)
    bench.pass(7999)
    expect(bench.isWaiting(again)).toBe(true)
    bench.pass(1)
    expect(joined(bench, again).members).toHaveLength(1)
  })

  test('testGroupStuckInRebalanceTimeoutDueToNonjoinedStaticMember: its session ends, and the others go on', () => {
    const bench = newBench()
    const waiting = bench.send('JoinGroup', 9, joinBody('', { groupInstanceId: 'i0', sessionTimeoutMs: 20_000 }))
    bench.pass(3000)
    const { memberId } = joined(bench, waiting)
    sync(bench, memberId, 1, { [memberId]: assignmentOf(0) })
    const { waiting: late } = join(bench, 'c', { rebalanceTimeoutMs: 300_000 })
    bench.pass(19_999)
    expect(bench.isWaiting(late)).toBe(true)
    bench.pass(1)
    expect(joined(bench, late)).toMatchObject({ generationId: 2, errorCode: 0 })
    expect(joined(bench, late).members).toHaveLength(1)
  })
})

describe('expirePendingSync', () => {
  const two = (bench: Bench) => {
    const [a, b] = [join(bench, 'a', { sessionTimeoutMs: 300_000 }), join(bench, 'b', { sessionTimeoutMs: 300_000 })]
    bench.pass(6000)
    return [a.id, b.id] as const
  }

  test('testRebalanceTimesOutWhenSyncRequestIsNotReceivedFromFollowers: also when the group is Stable by then', () => {
    const bench = newBench()
    const [leader, other] = two(bench)
    sync(bench, leader, 1, { [leader]: assignmentOf(0) })
    expect(group(bench)?.state).toBe('Stable')
    bench.pass(59_999)
    expect(members(bench)).toEqual([leader, other])
    bench.pass(1)
    expect(members(bench)).toEqual([leader])
    expect(group(bench)).toMatchObject({
      state: 'PreparingRebalance',
      reason: `Removing ${other} on pending sync request expiration`,
    })
  })

  test('testRebalanceTimesOutWhenSyncRequestIsNotReceivedFromLeaders: followers that wait are told to join again', () => {
    const bench = newBench()
    const [leader, other] = two(bench)
    const waiting = sync(bench, other, 1)
    bench.pass(60_000)
    expect(members(bench)).toEqual([other])
    expect(bench.answerTo('SyncGroup', waiting).errorCode).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    expect(group(bench)?.leaderId).toBe(other)
    expect(bench.facts).toContainEqual(expect.objectContaining({ member: leader, cause: 'not-synced' }))
  })

  test('testRebalanceTimesOutWhenSyncRequestIsNotReceived: of nobody; the group is empty', () => {
    const bench = newBench()
    two(bench)
    bench.pass(60_000)
    expect(group(bench)).toMatchObject({ state: 'Empty', generation: 2 })
    expect(pendingTimers(bench)).toBe(0)
  })

  test('testRebalanceDoesNotTimeOutWhenAllSyncAreReceived', () => {
    const bench = newBench()
    const [leader, other] = two(bench)
    sync(bench, other, 1)
    sync(bench, leader, 1, { [leader]: assignmentOf(0) })
    expect([...bench.timers.keys()]).not.toContain('sync/g')
    bench.pass(120_000)
    expect(group(bench)).toMatchObject({ state: 'Stable', generation: 1 })
  })

  test('removeSyncExpiration: a rebalance ends the wait of the generation before', () => {
    const bench = newBench()
    const [leader, other] = two(bench)
    sync(bench, leader, 1, { [leader]: assignmentOf(0) })
    rejoin(bench, leader, { sessionTimeoutMs: 300_000 })
    expect([...bench.timers.keys()]).not.toContain('sync/g')
    rejoin(bench, other, { sessionTimeoutMs: 300_000 })
    expect(group(bench)).toMatchObject({ generation: 2, pendingSync: new Set([leader, other]) })
  })
})

describe('acceptJoiningMember', () => {
  const small = { 'group.max.size': '2' }

  test('testDynamicMembersCanRejoinGroupWithMaxSizeWhileRebalancing: who waits already is accepted', () => {
    const bench = newBench(small)
    const [a] = [join(bench, 'a'), join(bench, 'b')]
    expect(bench.isWaiting(rejoin(bench, a.id))).toBe(true)
    expect(bench.ask('JoinGroup', 5, joinBody('')).errorCode).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED)
  })

  test('testStaticMembersJoinGroupWithMaxSize: one too many; a former self may be replaced', () => {
    const bench = newBench(small)
    const sendStatic = (groupInstanceId: string) => bench.send('JoinGroup', 9, joinBody('', { groupInstanceId }))
    const both = ['i0', 'i1'].map(sendStatic)
    expect(joined(bench, sendStatic('i2')).errorCode).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED)
    bench.pass(6000)
    const ids = both.map((one) => joined(bench, one).memberId)
    sync(bench, ids[1] ?? '', 1)
    sync(bench, ids[0] ?? '', 1, {})
    expect(joined(bench, sendStatic('i2')).errorCode).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED)
    const known = bench.ask('JoinGroup', 9, joinBody(ids[1] ?? '', { groupInstanceId: 'i1' }))
    expect(known).toMatchObject({ errorCode: 0, generationId: 1 })
  })

  test('testLastJoiningMembersAreKickedOutWhenRejoiningGroupWithMaxSize', () => {
    const bench = newBench()
    const { ids } = stable(bench, 3)
    bench.state.config = { ...bench.state.config, ...small }
    const [first, second, third] = ids.map((id) => rejoin(bench, id))
    expect(joined(bench, third ?? 0)).toMatchObject({ errorCode: ErrorCode.GROUP_MAX_SIZE_REACHED, memberId: '' })
    expect(members(bench)).toEqual(ids.slice(0, 2))
    // Nobody looks whether all are there now: the rebalance timeout does.
    bench.pass(60_000)
    expect(joined(bench, first ?? 0)).toMatchObject({ errorCode: 0, generationId: 2 })
    expect(joined(bench, second ?? 0).generationId).toBe(2)
  })
})

describe('rescheduleClassicGroupMemberHeartbeat', () => {
  test('testHeartbeatDuringCompletingRebalance: it counts like any other', () => {
    const bench = newBench()
    const { id, waiting } = join(bench, 'a')
    bench.pass(3000)
    expect(joined(bench, waiting).generationId).toBe(1)
    passAlive(bench, 50_000, 1, id)
    expect(members(bench)).toEqual([id])
  })

  test('hasSatisfiedHeartbeat: who waits for its assignment does not expire, and has a session again with the answer', () => {
    const bench = newBench()
    const [a, b] = [join(bench, 'a'), join(bench, 'b')]
    bench.pass(6000)
    sync(bench, b.id, 1)
    passAlive(bench, 40_000, 1, a.id)
    expect(members(bench)).toEqual([a.id, b.id])
    sync(bench, a.id, 1, { [a.id]: assignmentOf(0) })
    passAlive(bench, 29_000, 1, a.id)
    expect(members(bench)).toEqual([a.id, b.id])
    passAlive(bench, 1000, 1, a.id)
    expect(members(bench)).toEqual([a.id])
  })

  test('hasSatisfiedHeartbeat: who waits for the others to join does not expire, and has a session again with the answer', () => {
    const bench = newBench()
    const { ids, leader } = stable(bench, 2, { sessionTimeoutMs: 20_000 })
    rejoin(bench, leader, { sessionTimeoutMs: 20_000 })
    passAlive(bench, 50_000, 1, ids[1] ?? '')
    expect(members(bench)).toEqual(ids)
    rejoin(bench, ids[1] ?? '', { sessionTimeoutMs: 20_000 })
    expect(group(bench)?.generation).toBe(2)
    bench.pass(19_999)
    expect(members(bench)).toEqual(ids)
    bench.pass(1)
    expect(members(bench)).toEqual([])
  })

  test('testGenericGroupOffsetCommitMaintainsSession: in Stable and PreparingRebalance', () => {
    const bench = newBench()
    const { ids, leader } = stable(bench, 2)
    bench.pass(20_000)
    heartbeat(bench, leader, 1)
    rejoin(bench, leader)
    expect(commit(bench, ids[1] ?? '', 1, 4)).toBe(0)
    bench.pass(29_999)
    expect(members(bench)).toEqual(ids)
    bench.pass(1)
    expect(members(bench)).toEqual([leader])
  })

  test('testGenericGroupOffsetCommitWhileInCompletingRebalanceState: not while the assignment is made', () => {
    const bench = newBench()
    const { id } = join(bench, 'a')
    bench.pass(3000)
    bench.pass(20_000)
    expect(commit(bench, id, 1, 4)).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    bench.pass(10_000)
    expect(members(bench)).toEqual([])
  })

  test('updateMember: the session and rebalance timeouts are those of the last join', () => {
    const bench = newBench()
    const { leader } = stable(bench, 1)
    rejoin(bench, leader, { sessionTimeoutMs: 50_000, rebalanceTimeoutMs: 90_000 })
    expect(group(bench)?.members.get(leader)).toMatchObject({ sessionTimeoutMs: 50_000, rebalanceTimeoutMs: 90_000 })
    bench.pass(49_999)
    expect(members(bench)).toEqual([leader])
    bench.pass(1)
    expect(members(bench)).toEqual([])
  })
})

describe('describe', () => {
  test('testDescribeGroupRebalancing: neither protocol nor metadata nor assignments', () => {
    const bench = newBench()
    const { leader, ids } = stable(bench, 2)
    rejoin(bench, leader)
    const [described] = bench.ask('DescribeGroups', 5, makeDescribeGroupsRequest({ groups: ['g'] })).groups
    expect(described).toMatchObject({ groupState: 'PreparingRebalance', protocolType: 'consumer', protocolData: '' })
    expect(
      described?.members.map(({ memberId, memberMetadata, memberAssignment }) => [
        memberId,
        memberMetadata.length,
        memberAssignment.length,
      ]),
    ).toEqual(ids.map((id) => [id, 0, 0]))
  })
})
