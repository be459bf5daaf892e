/**
 * Records of the coordinator that its replicas do not take in time (CoordinatorRuntime.CoordinatorWriteEvent,
 * CoordinatorOperationExceptionHelper, GroupMetadataManager.appendGroupMetadataErrorToResponseError), or never, because it resigns.
 */
import { describe, expect, test } from 'vitest'
import { createDecision } from '../../src/broker/decision.ts'
import { resign } from '../../src/broker/groups/tenure.ts'
import { encodeSubscription } from '../../src/protocol/consumer-protocol.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  makeConsumerGroupHeartbeatRequest,
  makeDeleteGroupsRequest,
  makeLeaveGroupRequest,
  makeMemberIdentity,
  makeOffsetCommitRequest,
  makeOffsetCommitRequestPartition,
  makeOffsetCommitRequestTopic,
  makeOffsetDeleteRequest,
} from '../../src/protocol/make.ts'
import { assignmentOf, group, heartbeat, join, joinBody, METADATA, sync } from './groups-support.ts'
import { type Bench, createBench } from './support.ts'

const OFFSETS = '__consumer_offsets'
const LATE = ErrorCode.COORDINATOR_NOT_AVAILABLE
/** Nothing is committed until the follower is told to fetch. */
const lateBench = (config: Record<string, string> = {}) =>
  createBench({ orders: 2, [OFFSETS]: 1 }, { 'offsets.commit.timeout.ms': '5000', ...config }, { silentFollower: true })

const sendCommit = (bench: Bench, memberId: string, generation: number, version = 5, metadata = '') =>
  bench.send(
    'OffsetCommit',
    version,
    makeOffsetCommitRequest({
      groupId: 'g',
      memberId,
      generationIdOrMemberEpoch: generation,
      topics: [
        makeOffsetCommitRequestTopic({
          name: 'orders',
          partitions: [0, 1].map((partitionIndex) =>
            makeOffsetCommitRequestPartition({
              partitionIndex,
              committedOffset: 7,
              committedMetadata: partitionIndex === 1 ? metadata : '',
            }),
          ),
        }),
      ],
    }),
  )
const sendJoin = (bench: Bench, instance: string, more = {}, version = 9) =>
  bench.send('JoinGroup', version, joinBody('', { groupInstanceId: instance, ...more }))
const sendBeat = (bench: Bench, body: object) =>
  bench.send('ConsumerGroupHeartbeat', 0, makeConsumerGroupHeartbeatRequest({ groupId: 'g', ...body }))
const joining = {
  memberEpoch: 0,
  rebalanceTimeoutMs: 60_000,
  subscribedTopicNames: ['orders'],
  topicPartitions: [],
}
const subscription = {
  protocols: [{ name: 'range', metadata: encodeSubscription({ topics: ['orders'], ownedPartitions: [] }, 1) }],
}

/** A stable group of two static members, `i0` leading. */
function stableStatic(bench: Bench) {
  const waiting = ['i0', 'i1'].map((instance) => sendJoin(bench, instance))
  bench.pass(6000)
  const ids = waiting.map((one) => bench.answerTo('JoinGroup', one).memberId)
  const [leader = '', other = ''] = ids
  sync(bench, other, 1)
  sync(bench, leader, 1, { [leader]: assignmentOf(0), [other]: assignmentOf(1) })
  bench.replicate(OFFSETS)
  expect(group(bench)?.state).toBe('Stable')
  return { leader, other }
}

describe('a static member’s new id that is not stored (updateStaticMemberThenRebalanceOrCompleteJoin)', () => {
  const changed = {
    sessionTimeoutMs: 20_000,
    rebalanceTimeoutMs: 50_000,
    protocols: ['RoundRobinAssigner', 'range'].map((name) => ({ name, metadata: METADATA })),
  }

  test('testReplaceStaticMemberInStableStateErrors: the former id is in its place again, the join is COORDINATOR_NOT_AVAILABLE', () => {
    const bench = lateBench()
    const { leader, other } = stableStatic(bench)
    const again = sendJoin(bench, 'i1', changed)
    expect(group(bench)?.members.has(other)).toBe(false)
    bench.pass(4999)
    expect(bench.isWaiting(again)).toBe(true)
    bench.pass(1)
    expect(bench.answerTo('JoinGroup', again)).toMatchObject({
      errorCode: LATE,
      memberId: '',
      generationId: 1,
      leader,
      protocolName: 'RoundRobinAssigner',
      protocolType: 'consumer',
      members: [],
      skipAssignment: false,
    })
    expect(group(bench)).toMatchObject({ state: 'Stable', generation: 1, leaderId: leader })
    expect(group(bench)?.members.get(other)).toMatchObject({
      instanceId: 'i1',
      sessionTimeoutMs: 30_000,
      rebalanceTimeoutMs: 60_000,
      awaitingJoin: null,
      protocols: [{ name: 'RoundRobinAssigner', metadata: METADATA }],
    })
    expect(heartbeat(bench, other, 1)).toBe(0)
  })

  test('the leader leads again under its former id', () => {
    const bench = lateBench()
    const { leader } = stableStatic(bench)
    const again = sendJoin(bench, 'i0')
    expect(group(bench)?.leaderId).not.toBe(leader)
    bench.pass(5000)
    expect(bench.answerTo('JoinGroup', again)).toMatchObject({ errorCode: LATE, leader })
    expect(group(bench)?.leaderId).toBe(leader)
  })

  test('the former id has a session again, the new one has none', () => {
    const bench = lateBench()
    const { other } = stableStatic(bench)
    sendJoin(bench, 'i1')
    bench.pass(5000)
    expect([...bench.timers.keys()].filter((key) => key.startsWith('session/'))).toHaveLength(2)
    bench.pass(29_999)
    expect(group(bench)?.members.has(other)).toBe(true)
    bench.pass(1)
    expect(group(bench)?.members.has(other)).toBe(false)
  })

  test('a rebalance that began meanwhile answers the join; what is committed afterwards answers it no more', () => {
    const bench = lateBench()
    const { leader } = stableStatic(bench)
    const again = sendJoin(bench, 'i1')
    const first = bench.send('JoinGroup', 9, joinBody(leader, { groupInstanceId: 'i0' }))
    expect(bench.answerTo('JoinGroup', again)).toMatchObject({ errorCode: 0, generationId: 2 })
    expect(bench.answerTo('JoinGroup', first).members).toHaveLength(2)
    const { memberId } = bench.answerTo('JoinGroup', again)
    bench.pass(5000)
    expect(group(bench)?.members.has(memberId)).toBe(true)
    bench.replicate(OFFSETS)
    expect(bench.answerTo('JoinGroup', again).errorCode).toBe(0)
  })

  test('stored in time it is answered, and stays', () => {
    const bench = lateBench()
    const { other } = stableStatic(bench)
    const again = sendJoin(bench, 'i1')
    bench.pass(4999)
    bench.replicate(OFFSETS)
    const { memberId, errorCode } = bench.answerTo('JoinGroup', again)
    expect(errorCode).toBe(0)
    bench.pass(5000)
    expect([...(group(bench)?.members.keys() ?? [])]).toContain(memberId)
    expect(heartbeat(bench, other, 1)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })
})

describe('an assignment that is not stored (classicGroupSyncToClassicGroup)', () => {
  test('testSyncGroupAsLeaderAppendFailureTransformsError: everybody who waits is told, forgets it and joins again', () => {
    const bench = lateBench()
    const [a, b] = [join(bench, 'a'), join(bench, 'b')]
    bench.pass(6000)
    const follower = sync(bench, b.id, 1)
    const leader = sync(bench, a.id, 1, { [a.id]: assignmentOf(0), [b.id]: assignmentOf(1) })
    bench.pass(4999)
    expect([bench.isWaiting(leader), bench.isWaiting(follower)]).toEqual([true, true])
    expect(group(bench)?.state).toBe('CompletingRebalance')
    bench.pass(1)
    for (const one of [leader, follower])
      expect(bench.answerTo('SyncGroup', one)).toMatchObject({ errorCode: LATE, protocolName: null })
    expect(group(bench)).toMatchObject({ state: 'PreparingRebalance', generation: 1 })
    expect([...(group(bench)?.members.values() ?? [])].map(({ assignment }) => assignment.length)).toEqual([0, 0])
  })

  test('of another generation it changes nothing, be it late or not', () => {
    const bench = lateBench()
    const a = join(bench, 'a')
    bench.pass(3000)
    sync(bench, a.id, 1, { [a.id]: assignmentOf(0) })
    const again = bench.send(
      'JoinGroup',
      5,
      joinBody(a.id, { protocols: [{ name: 'RoundRobinAssigner', metadata: new Uint8Array([9]) }] }),
    )
    expect(bench.answerTo('JoinGroup', again).generationId).toBe(2)
    bench.replicate(OFFSETS)
    expect(group(bench)).toMatchObject({ state: 'CompletingRebalance', generation: 2 })
    expect(group(bench)?.members.get(a.id)?.assignment).toHaveLength(0)
    bench.pass(5000)
    expect(group(bench)).toMatchObject({ state: 'CompletingRebalance', generation: 2 })
  })
})

describe('handleOperationException: REQUEST_TIMED_OUT is COORDINATOR_NOT_AVAILABLE', () => {
  test('OffsetCommit: of each partition, but what was refused for itself stays so', () => {
    const bench = lateBench()
    const waiting = sendCommit(bench, '', -1, 5, 'x'.repeat(5000))
    bench.pass(5000)
    const { topics } = bench.answerTo('OffsetCommit', waiting)
    expect(topics[0]?.partitions.map(({ errorCode }) => errorCode)).toEqual([LATE, ErrorCode.OFFSET_METADATA_TOO_LARGE])
    // It stays written, and counts when it is replicated.
    expect(bench.state.shards.get(0)?.offsets.get('g')?.get('orders')?.get(0)?.offset).toBe(7)
  })

  test('OffsetDelete: of the request, without topics', () => {
    const bench = lateBench()
    sendCommit(bench, '', -1)
    bench.replicate(OFFSETS)
    const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }]
    const waiting = bench.send('OffsetDelete', 0, makeOffsetDeleteRequest({ groupId: 'g', topics }))
    bench.pass(5000)
    expect(bench.answerTo('OffsetDelete', waiting)).toMatchObject({ errorCode: LATE, topics: [] })
  })

  test('DeleteGroups: of each group', () => {
    const bench = lateBench()
    sendCommit(bench, '', -1)
    bench.replicate(OFFSETS)
    const waiting = bench.send('DeleteGroups', 2, makeDeleteGroupsRequest({ groupsNames: ['g', 'nope'] }))
    bench.pass(5000)
    expect(bench.answerTo('DeleteGroups', waiting).results.map(({ errorCode }) => errorCode)).toEqual([
      LATE,
      ErrorCode.GROUP_ID_NOT_FOUND,
    ])
  })

  test('ConsumerGroupHeartbeat: nothing of the epoch or the assignment is told, and the member may come again', () => {
    const bench = lateBench()
    const waiting = sendBeat(bench, { ...joining, memberId: 'a' })
    expect(bench.isWaiting(waiting)).toBe(true)
    bench.pass(5000)
    expect(bench.answerTo('ConsumerGroupHeartbeat', waiting)).toEqual({
      throttleTimeMs: 0,
      errorCode: LATE,
      errorMessage: null,
      memberId: null,
      memberEpoch: 0,
      heartbeatIntervalMs: 0,
      assignment: null,
    })
    bench.replicate(OFFSETS)
    const again = sendBeat(bench, { ...joining, memberId: 'a' })
    // It is a member already: epoch 0 is the one before its own.
    expect(bench.answerTo('ConsumerGroupHeartbeat', again)).toMatchObject({ errorCode: 0, memberEpoch: 1 })
  })

  test('JoinGroup, SyncGroup and LeaveGroup of a classic member in a consumer group: the error alone', () => {
    const bench = lateBench()
    sendBeat(bench, { ...joining, memberId: 'a' })
    bench.replicate(OFFSETS)
    const { memberId } = bench.ask('JoinGroup', 5, joinBody('', subscription))
    const joined = bench.send('JoinGroup', 5, joinBody(memberId, subscription))
    const synced = sync(bench, memberId, 2)
    expect([bench.isWaiting(joined), bench.isWaiting(synced)]).toEqual([true, true])
    bench.pass(5000)
    expect(bench.answerTo('JoinGroup', joined)).toMatchObject({
      errorCode: LATE,
      memberId: '',
      generationId: -1,
      protocolName: '',
    })
    expect(bench.answerTo('SyncGroup', synced)).toMatchObject({ errorCode: LATE, assignment: new Uint8Array(0) })
    const left = bench.send(
      'LeaveGroup',
      4,
      makeLeaveGroupRequest({ groupId: 'g', members: [makeMemberIdentity({ memberId })] }),
    )
    bench.pass(5000)
    expect(bench.answerTo('LeaveGroup', left)).toMatchObject({ errorCode: LATE, members: [] })
  })

  test('an answer that writes nothing does not overtake what was written before it', () => {
    const bench = lateBench()
    const first = sendBeat(bench, { ...joining, memberId: 'a' })
    const second = sendBeat(bench, { memberId: 'a', memberEpoch: 1, topicPartitions: [] })
    expect([bench.isWaiting(first), bench.isWaiting(second)]).toEqual([true, true])
    bench.replicate(OFFSETS)
    expect(bench.answerTo('ConsumerGroupHeartbeat', second)).toMatchObject({ errorCode: 0, memberEpoch: 1 })
    expect(bench.answerTo('ConsumerGroupHeartbeat', first).assignment).not.toBeNull()
  })

  test('… and has offsets.commit.timeout.ms of its own to wait', () => {
    const bench = lateBench()
    const first = sendBeat(bench, { ...joining, memberId: 'a' })
    bench.pass(3000)
    const second = sendBeat(bench, { memberId: 'a', memberEpoch: 1, topicPartitions: [] })
    bench.pass(2000)
    expect(bench.answerTo('ConsumerGroupHeartbeat', first).errorCode).toBe(LATE)
    bench.pass(2999)
    expect(bench.isWaiting(second)).toBe(true)
    bench.pass(1)
    expect(bench.answerTo('ConsumerGroupHeartbeat', second).errorCode).toBe(LATE)
  })
})

describe('onUnloaded: who waits at a coordinator that resigns is told NOT_COORDINATOR', () => {
  const code = ErrorCode.NOT_COORDINATOR
  const leave = (bench: Bench) => {
    const out = createDecision()
    resign(bench.state, 0, out)
    for (const { token, body } of out.replies) bench.answers.set(token.correlationId, body)
    return out
  }

  test('testClassicGroupOnUnloadedEmptyAndPreparingRebalance: joins, with the member id', () => {
    const bench = lateBench()
    const { id, waiting } = join(bench, 'a')
    const out = leave(bench)
    expect(bench.answerTo('JoinGroup', waiting)).toMatchObject({ errorCode: code, memberId: id })
    expect(out.timers).toContainEqual({ key: 'join/g', at: null })
    expect(out.timers).toContainEqual({ key: `session/g/${id}`, at: null })
    expect(heartbeat(bench, id, 1)).toBe(code)
  })

  test('testClassicGroupOnUnloadedCompletingRebalance: syncs', () => {
    const bench = lateBench()
    const a = join(bench, 'a')
    const b = join(bench, 'b')
    bench.pass(6000)
    const syncs = [sync(bench, b.id, 1), sync(bench, a.id, 1, { [a.id]: assignmentOf(0) })]
    leave(bench)
    for (const one of syncs) expect(bench.answerTo('SyncGroup', one).errorCode).toBe(code)
  })

  test('commits and heartbeats whose records are not replicated', () => {
    const bench = lateBench()
    const beat = sendBeat(bench, { ...joining, memberId: 'a' })
    const commit = sendCommit(bench, 'a', 1, 9)
    const out = leave(bench)
    expect(bench.answerTo('ConsumerGroupHeartbeat', beat)).toMatchObject({ errorCode: code, memberEpoch: 0 })
    expect(bench.answerTo('OffsetCommit', commit).topics[0]?.partitions.map(({ errorCode }) => errorCode)).toEqual([
      code,
      code,
    ])
    expect(out.timers).toContainEqual({ key: 'commit/0', at: null })
    expect(out.timers).toContainEqual({ key: 'session/g/a', at: null })
    expect(bench.state.commitWaiters.size).toBe(0)
  })
})
