/** Static members (KIP-345, KIP-814): a test a sentence of the KIP, or of the method of Kafka that says it. */
import { describe, expect, test } from 'vitest'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  makeHeartbeatRequest,
  makeLeaveGroupRequest,
  makeMemberIdentity,
  makeOffsetCommitRequest,
  makeOffsetCommitRequestPartition,
  makeOffsetCommitRequestTopic,
  makeSyncGroupRequest,
} from '../../src/protocol/make.ts'
import type { JoinGroupRequest } from '../../src/protocol/messages.ts'
import { assignmentOf, group, join, joinBody, METADATA, newBench, reload } from './groups-support.ts'
import type { Bench } from './support.ts'

const joinStatic = (bench: Bench, instance: string, more: Partial<JoinGroupRequest> = {}, version = 9) =>
  bench.send('JoinGroup', version, joinBody('', { groupInstanceId: instance, ...more }), { clientId: instance })
const joined = (bench: Bench, correlationId: number) => bench.answerTo('JoinGroup', correlationId)
const syncOf = (bench: Bench, memberId: string, generationId: number, instance: string | null, by: string[] = []) =>
  bench.send(
    'SyncGroup',
    3,
    makeSyncGroupRequest({
      groupId: 'g',
      generationId,
      memberId,
      groupInstanceId: instance,
      assignments: by.map((id, i) => ({ memberId: id, assignment: assignmentOf(i) })),
    }),
  )
const beat = (bench: Bench, memberId: string, generationId: number, groupInstanceId: string | null) =>
  bench.ask('Heartbeat', 3, makeHeartbeatRequest({ groupId: 'g', memberId, generationId, groupInstanceId })).errorCode
const commitAs = (bench: Bench, memberId: string, generation: number, groupInstanceId: string | null) =>
  bench.ask(
    'OffsetCommit',
    7,
    makeOffsetCommitRequest({
      groupId: 'g',
      memberId,
      groupInstanceId,
      generationIdOrMemberEpoch: generation,
      topics: [
        makeOffsetCommitRequestTopic({
          name: 'orders',
          partitions: [makeOffsetCommitRequestPartition({ partitionIndex: 0, committedOffset: 3 })],
        }),
      ],
    }),
  ).topics[0]?.partitions[0]?.errorCode
const leaveAs = (bench: Bench, ...members: { memberId?: string; groupInstanceId?: string | null }[]) =>
  bench
    .ask(
      'LeaveGroup',
      4,
      makeLeaveGroupRequest({ groupId: 'g', members: members.map((one) => makeMemberIdentity(one)) }),
    )
    .members.map(({ errorCode }) => errorCode)

/** A stable group of static members with the instance ids `i0`, `i1` …; the first leads. */
function stableStatic(bench: Bench, count: number, more: Partial<JoinGroupRequest> = {}) {
  const waiting = Array.from({ length: count }, (_, i) => joinStatic(bench, `i${i}`, more))
  bench.pass(6000)
  const answers = waiting.map((one) => joined(bench, one))
  const ids = answers.map(({ memberId }) => memberId)
  const generation = answers[0]?.generationId ?? -1
  ids.forEach((id, i) => {
    if (i > 0) syncOf(bench, id, generation, `i${i}`)
  })
  syncOf(bench, ids[0] as string, generation, 'i0', ids)
  expect(group(bench)?.state).toBe('Stable')
  return { ids, generation, leader: ids[0] as string }
}

describe('JoinGroup of static members', () => {
  test('classicGroupJoinNewStaticMember: no MEMBER_ID_REQUIRED, and the member id begins with the instance id', () => {
    const bench = newBench()
    const waiting = joinStatic(bench, 'billing-1')
    expect(bench.isWaiting(waiting)).toBe(true)
    bench.pass(3000)
    expect(joined(bench, waiting).memberId).toMatch(/^billing-1-/)
    expect(joined(bench, waiting).members).toMatchObject([{ groupInstanceId: 'billing-1' }])
  })

  test('a static member that comes back gets a new member id and its old assignment, without a rebalance', () => {
    const bench = newBench()
    const { ids, generation, leader } = stableStatic(bench, 2)
    bench.facts.length = 0
    const again = joined(bench, joinStatic(bench, 'i1'))
    expect(again).toMatchObject({ errorCode: 0, generationId: generation, leader, skipAssignment: false, members: [] })
    expect(again.memberId).not.toBe(ids[1])
    expect(group(bench)).toMatchObject({ state: 'Stable', generation })
    const answer = bench.answerTo('SyncGroup', syncOf(bench, again.memberId, generation, 'i1'))
    expect(answer.assignment).toEqual(assignmentOf(1))
    expect(bench.facts.filter(({ type }) => type === 'group.state')).toEqual([])
    expect(bench.facts).toContainEqual(
      expect.objectContaining({ type: 'group.leave', member: ids[1], cause: 'replaced' }),
    )
    // It is in the log: another coordinator knows the new id.
    const members = [...(reload(bench).groups.get('g')?.members.values() ?? [])]
    expect(members.map(({ id, instanceId }) => [id, instanceId])).toEqual([
      [leader, 'i0'],
      [again.memberId, 'i1'],
    ])
  })

  test('KIP-814: from v9 on a leader that comes back learns the members, and that it need not assign', () => {
    const bench = newBench()
    const { generation } = stableStatic(bench, 2)
    const again = joined(bench, joinStatic(bench, 'i0'))
    expect(again).toMatchObject({ generationId: generation, skipAssignment: true, leader: again.memberId })
    expect(again.members).toHaveLength(2)
    const answer = bench.answerTo('SyncGroup', syncOf(bench, again.memberId, generation, 'i0'))
    expect(answer.assignment).toEqual(assignmentOf(0))
  })

  test('before v9 it is told of the former leader, so that it does not assign', () => {
    const bench = newBench()
    const { leader, generation } = stableStatic(bench, 2)
    const again = joined(bench, joinStatic(bench, 'i0', {}, 5))
    expect(again).toMatchObject({ generationId: generation, leader, members: [], skipAssignment: false })
    expect(group(bench)?.leaderId).toBe(again.memberId)
  })

  test('a change of its protocols that changes the group’s triggers a rebalance', () => {
    const bench = newBench()
    const { generation } = stableStatic(bench, 1)
    const other = {
      protocols: [
        { name: 'Other', metadata: METADATA },
        { name: 'RoundRobinAssigner', metadata: METADATA },
      ],
    }
    const waiting = joinStatic(bench, 'i0', other)
    // Alone, it has joined already.
    expect(joined(bench, waiting)).toMatchObject({ generationId: generation + 1, protocolName: 'Other' })
  })

  test('while the assignment is made it triggers a rebalance: the leader may assign to the old member id', () => {
    const bench = newBench()
    const a = joinStatic(bench, 'i0')
    const b = joinStatic(bench, 'i1')
    bench.pass(6000)
    const old = syncOf(bench, joined(bench, b).memberId, 1, 'i1')
    const again = joinStatic(bench, 'i1')
    expect(bench.answerTo('SyncGroup', old).errorCode).toBe(ErrorCode.FENCED_INSTANCE_ID)
    expect(bench.isWaiting(again)).toBe(true)
    expect(group(bench)?.state).toBe('PreparingRebalance')
    const first = bench.send('JoinGroup', 9, joinBody(joined(bench, a).memberId, { groupInstanceId: 'i0' }))
    expect(joined(bench, first).members).toHaveLength(2)
    expect(joined(bench, again).generationId).toBe(2)
  })

  test('replaceStaticMember: a former self whose join still waits is FENCED_INSTANCE_ID', () => {
    const bench = newBench()
    const first = joinStatic(bench, 'i0')
    const second = joinStatic(bench, 'i0')
    expect(joined(bench, first).errorCode).toBe(ErrorCode.FENCED_INSTANCE_ID)
    bench.pass(6000)
    expect(joined(bench, second)).toMatchObject({ errorCode: 0, generationId: 1 })
    expect(group(bench)?.members.size).toBe(1)
  })

  test('a static member that does not join again keeps its place in the next generation, until its session ends', () => {
    const bench = newBench()
    const { ids } = stableStatic(bench, 2, { sessionTimeoutMs: 120_000 })
    const waiting = bench.send(
      'JoinGroup',
      9,
      joinBody(ids[0] as string, { groupInstanceId: 'i0', sessionTimeoutMs: 120_000 }),
    )
    bench.pass(60_000)
    expect(joined(bench, waiting)).toMatchObject({ generationId: 2 })
    expect(joined(bench, waiting).members.map(({ memberId }) => memberId)).toEqual(ids)
  })

  test('when no static member joins again within the rebalance timeout the group waits on', () => {
    const bench = newBench()
    const { ids } = stableStatic(bench, 2, { sessionTimeoutMs: 200_000 })
    leaveAs(bench, { memberId: ids[0] as string, groupInstanceId: 'i0' })
    expect(group(bench)?.state).toBe('PreparingRebalance')
    bench.pass(60_000)
    expect(group(bench)).toMatchObject({ state: 'PreparingRebalance', generation: 1 })
    const waiting = bench.send('JoinGroup', 9, joinBody(ids[1] as string, { groupInstanceId: 'i1' }))
    expect(joined(bench, waiting)).toMatchObject({ generationId: 2, leader: ids[1] })
  })

  test('an instance nobody knows with a member id is UNKNOWN_MEMBER_ID', () => {
    const bench = newBench()
    const { ids } = stableStatic(bench, 1)
    const error = (memberId: string, groupInstanceId: string) =>
      bench.ask('JoinGroup', 9, joinBody(memberId, { groupInstanceId })).errorCode
    expect(error(ids[0] as string, 'nobody')).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(error('an-older-id', 'i0')).toBe(ErrorCode.FENCED_INSTANCE_ID)
  })

  test('static and dynamic members share a group', () => {
    const bench = newBench()
    const a = joinStatic(bench, 'i0')
    const b = join(bench, 'c')
    bench.pass(6000)
    expect(joined(bench, a).members.map(({ groupInstanceId }) => groupInstanceId)).toEqual(['i0', null])
    expect(joined(bench, b.waiting).errorCode).toBe(0)
  })
})

describe('static members whose protocols change', () => {
  const known = (...names: string[]) => ({ protocols: names.map((name) => ({ name, metadata: METADATA })) })

  test('testStaticMemberRejoinWithUnknownMemberIdAndChangeOfProtocolWhileSelectProtocolUnchanged: no rebalance, and it is stored', () => {
    const bench = newBench()
    const { generation } = stableStatic(bench, 2)
    const again = joined(bench, joinStatic(bench, 'i1', known('RoundRobinAssigner', 'range')))
    expect(again).toMatchObject({ errorCode: 0, generationId: generation, protocolName: 'RoundRobinAssigner' })
    expect(group(bench)).toMatchObject({ state: 'Stable', generation })
    expect(
      group(bench)
        ?.members.get(again.memberId)
        ?.protocols.map(({ name }) => name),
    ).toEqual(['RoundRobinAssigner', 'range'])
    expect(reload(bench).groups.get('g')?.members.has(again.memberId)).toBe(true)
  })

  test('testStaticMemberRejoinWithFollowerIdAndChangeOfProtocol: under its member id that is a rebalance', () => {
    const bench = newBench()
    const { ids } = stableStatic(bench, 2)
    const rejoin = (i: number, more: Partial<JoinGroupRequest> = {}) =>
      bench.send('JoinGroup', 9, joinBody(ids[i] as string, { groupInstanceId: `i${i}`, ...more }))
    const follower = rejoin(1, known('RoundRobinAssigner', 'range'))
    expect(bench.isWaiting(follower)).toBe(true)
    expect(group(bench)?.state).toBe('PreparingRebalance')
    const leader = rejoin(0)
    expect(joined(bench, leader)).toMatchObject({ generationId: 2, leader: ids[0] })
    expect(joined(bench, follower)).toMatchObject({ generationId: 2, members: [] })
  })

  test('testStaticMemberRejoinAsFollowerWithKnownMemberIdAndNoProtocolChange: it is told the generation', () => {
    const bench = newBench()
    const { ids, generation, leader } = stableStatic(bench, 2)
    const answer = bench.ask('JoinGroup', 9, joinBody(ids[1] as string, { groupInstanceId: 'i1' }))
    expect(answer).toMatchObject({ errorCode: 0, generationId: generation, leader, memberId: ids[1], members: [] })
    expect(group(bench)?.state).toBe('Stable')
  })

  test('testStaticMemberFenceDuplicateRejoiningFollowerAfterMemberIdChanged: of two with one instance the later one stays', () => {
    const bench = newBench()
    const { ids } = stableStatic(bench, 2)
    const leader = bench.send('JoinGroup', 9, joinBody(ids[0] as string, { groupInstanceId: 'i0' }))
    const again = joinStatic(bench, 'i1')
    const { memberId, generationId } = joined(bench, again)
    expect(joined(bench, leader).generationId).toBe(generationId)
    const former = bench.ask('JoinGroup', 9, joinBody(ids[1] as string, { groupInstanceId: 'i1' }))
    expect(former.errorCode).toBe(ErrorCode.FENCED_INSTANCE_ID)
    expect(beat(bench, memberId, generationId, 'i1')).toBe(0)
  })

  test('testGetDifferentStaticMemberIdAfterEachRejoin', () => {
    const bench = newBench()
    const { ids } = stableStatic(bench, 1)
    const seen = [...ids, ...Array.from({ length: 5 }, () => joined(bench, joinStatic(bench, 'i0')).memberId)]
    expect(new Set(seen).size).toBe(6)
    expect([...(group(bench)?.members.keys() ?? [])]).toEqual(seen.slice(-1))
  })
})

describe('validateMember', () => {
  test('the older member id of an instance is FENCED_INSTANCE_ID in Heartbeat, SyncGroup, OffsetCommit and LeaveGroup', () => {
    const bench = newBench()
    const { ids, generation } = stableStatic(bench, 1)
    const old = ids[0] as string
    const { memberId } = joined(bench, joinStatic(bench, 'i0'))
    expect(beat(bench, old, generation, 'i0')).toBe(ErrorCode.FENCED_INSTANCE_ID)
    expect(bench.answerTo('SyncGroup', syncOf(bench, old, generation, 'i0')).errorCode).toBe(
      ErrorCode.FENCED_INSTANCE_ID,
    )
    expect(commitAs(bench, old, generation, 'i0')).toBe(ErrorCode.FENCED_INSTANCE_ID)
    expect(leaveAs(bench, { memberId: old, groupInstanceId: 'i0' })).toEqual([ErrorCode.FENCED_INSTANCE_ID])
    expect(beat(bench, memberId, generation, 'i0')).toBe(ErrorCode.NONE)
    expect(commitAs(bench, memberId, generation, 'i0')).toBe(ErrorCode.NONE)
  })

  test('without its instance id the older member id is merely unknown', () => {
    const bench = newBench()
    const { ids, generation } = stableStatic(bench, 1)
    joinStatic(bench, 'i0')
    expect(beat(bench, ids[0] as string, generation, null)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(beat(bench, ids[0] as string, generation, 'nobody')).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })
})

describe('LeaveGroup v3+', () => {
  test('several members leave at once, each with an answer of its own', () => {
    const bench = newBench()
    const { ids } = stableStatic(bench, 3)
    const pending = bench.ask('JoinGroup', 5, joinBody('')).memberId
    const answers = leaveAs(
      bench,
      { memberId: ids[1] as string, groupInstanceId: 'i1' },
      { memberId: 'ghost' },
      { memberId: pending },
      { memberId: '', groupInstanceId: 'nobody' },
    )
    expect(answers).toEqual([0, ErrorCode.UNKNOWN_MEMBER_ID, 0, ErrorCode.UNKNOWN_MEMBER_ID])
    expect([...(group(bench)?.members.keys() ?? [])]).toEqual([ids[0], ids[2]])
    expect(group(bench)?.pendingMembers.size).toBe(0)
    expect(group(bench)?.state).toBe('PreparingRebalance')
  })

  test('an operator removes a static member by its instance id alone', () => {
    const bench = newBench()
    const { ids } = stableStatic(bench, 2)
    expect(leaveAs(bench, { memberId: '', groupInstanceId: 'i1' })).toEqual([0])
    expect([...(group(bench)?.members.keys() ?? [])]).toEqual([ids[0]])
  })
})

describe('sessions of static members', () => {
  test('the session of the new member id counts, not that of the old one (law G7)', () => {
    const bench = newBench()
    const { generation } = stableStatic(bench, 1)
    bench.pass(20_000)
    const { memberId } = joined(bench, joinStatic(bench, 'i0'))
    bench.pass(15_000)
    expect(group(bench)?.members.has(memberId)).toBe(true)
    expect(beat(bench, memberId, generation, 'i0')).toBe(0)
    bench.pass(30_000)
    expect(group(bench)?.members.size).toBe(0)
  })
})
