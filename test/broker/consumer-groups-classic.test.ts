/**
 * Members of the classic protocol in a consumer group: their errors, and how they join, give up and leave
 * (GroupMetadataManager.classicGroup…ToConsumerGroup; KIP-848, KIP-345).
 */
import { describe, expect, test } from 'vitest'
import { encodeSubscription } from '../../src/protocol/consumer-protocol.ts'
import { makeLeaveGroupRequest } from '../../src/protocol/make.ts'
import {
  beatAs,
  ids,
  joinAs,
  leaveAs,
  mixed,
  partitionsIn,
  subscribed,
  syncAs,
} from './consumer-groups-classic-support.ts'
import { errorOf, group, Member, newBench } from './consumer-groups-support.ts'
import { lastBatch, reload } from './groups-support.ts'
import type { Bench } from './support.ts'

describe('validateConsumerGroupMember and what follows it', () => {
  const answers = (bench: Bench, ask: (memberId: string, instance: string | null, generation: number) => string) => {
    const { a, memberId } = mixed(bench)
    return [
      ask(memberId, 'i', 2),
      ask(memberId, null, 2),
      ask(memberId, 'i', 1),
      ask(memberId, 'i', 3),
      ask('ghost', null, 2),
      ask('older', 'i', 2),
      ask(memberId, 'nobody', 2),
      ask(a.id, null, 2),
    ]
  }
  const expected = [
    'NONE',
    'NONE',
    'ILLEGAL_GENERATION',
    'ILLEGAL_GENERATION',
    'UNKNOWN_MEMBER_ID',
    'FENCED_INSTANCE_ID',
    'UNKNOWN_MEMBER_ID',
    'UNKNOWN_MEMBER_ID',
  ]

  test('classicGroupHeartbeatToConsumerGroup', () => {
    const bench = newBench()
    expect(answers(bench, (id, instance, generation) => beatAs(bench, id, generation, instance))).toEqual(expected)
  })

  test('classicGroupSyncToConsumerGroup', () => {
    const bench = newBench()
    const ask = (id: string, instance: string | null, generation: number) =>
      errorOf(syncAs(bench, id, generation, { groupInstanceId: instance }))
    expect(answers(bench, ask)).toEqual(expected)
  })

  test('testClassicGroupSyncToConsumerGroupWithInconsistentGroupProtocol: another type, another name; none is fine', () => {
    const bench = newBench()
    const { memberId } = mixed(bench)
    const error = (protocolType: string | null, protocolName: string | null) =>
      errorOf(syncAs(bench, memberId, 2, { protocolType, protocolName }))
    expect(error('consumer', 'range')).toBe('NONE')
    expect(error(null, null)).toBe('NONE')
    expect(error('connect', 'range')).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(error('consumer', 'sticky')).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(syncAs(bench, memberId, 2, { protocolType: 'consumer', protocolName: 'range' })).toMatchObject({
      protocolType: 'consumer',
      protocolName: 'range',
    })
  })

  test('throwIfRebalanceInProgress: behind the group epoch it has to join again first, and is waited for', () => {
    const bench = newBench()
    const { memberId } = mixed(bench)
    new Member(bench, 'b').join()
    expect(errorOf(syncAs(bench, memberId, 2))).toBe('REBALANCE_IN_PROGRESS')
    expect([...bench.timers.keys()]).toContain(`member-join/g/${memberId}`)
  })

  test.each([0, 1, 2, 3])('testClassicGroupSyncToConsumerGroupWithAllConsumerProtocolVersions: %d', (version) => {
    const bench = newBench()
    const metadata = encodeSubscription({ topics: ['orders'], ownedPartitions: [] }, version)
    new Member(bench, 'a', { topics: ['users'] }).join()
    const { memberId, generationId } = joinAs(bench, '', { protocols: [{ name: 'range', metadata }] }, 3)
    const { assignment } = syncAs(bench, memberId, generationId)
    expect(assignment[1]).toBe(version)
    expect(partitionsIn(assignment)).toEqual(['orders-0', 'orders-1', 'orders-2', 'orders-3'])
  })

  test('testClassicGroupHeartbeatToConsumerGroupMaintainsSession: its own session timeout counts', () => {
    const bench = newBench()
    const { a, memberId } = mixed(bench)
    for (const _ of [1, 2, 3]) {
      bench.pass(29_000)
      a.report()
      expect(beatAs(bench, memberId, 2, 'i')).toBe('NONE')
    }
    bench.pass(29_999)
    expect(ids(bench)).toContain(memberId)
    bench.pass(1)
    expect(ids(bench)).toEqual([a.id])
    expect(bench.facts).toContainEqual(expect.objectContaining({ member: memberId, cause: 'expired' }))
  })

  test('testClassicGroupSyncToConsumerGroup…: a sync is a sign of life', () => {
    const bench = newBench()
    const { a, memberId } = mixed(bench)
    bench.pass(20_000)
    syncAs(bench, memberId, 2)
    bench.pass(20_000)
    a.report()
    expect(ids(bench)).toContain(memberId)
  })
})

describe('classicGroupJoinToConsumerGroup', () => {
  test('testJoiningConsumerGroupWithNewStaticMember: no MEMBER_ID_REQUIRED; before v4 nobody gets it', () => {
    const bench = newBench()
    new Member(bench, 'a').join()
    expect(joinAs(bench, '', { groupInstanceId: 'i' })).toMatchObject({
      errorCode: 0,
      generationId: 2,
      protocolName: 'range',
    })
    expect(joinAs(bench, '', {}, 3)).toMatchObject({ errorCode: 0, generationId: 3 })
    expect(errorOf(joinAs(bench, '', {}, 4))).toBe('MEMBER_ID_REQUIRED')
    expect(group(bench).members.size).toBe(3)
  })

  test('testJoiningConsumerGroupReplacingExistingStaticMember: the new id has what the former had, without a new epoch', () => {
    const bench = newBench()
    const { memberId } = mixed(bench)
    const former = group(bench).members.get(memberId)
    const again = joinAs(bench, '', { groupInstanceId: 'i' })
    expect(again).toMatchObject({ errorCode: 0, generationId: 2 })
    expect(again.memberId).not.toBe(memberId)
    expect(group(bench)).toMatchObject({ groupEpoch: 2, state: 'Stable' })
    expect(group(bench).members.get(again.memberId)).toMatchObject({
      assigned: former?.assigned,
      instanceId: 'i',
      epoch: 2,
    })
    expect(ids(bench)).not.toContain(memberId)
    expect(bench.facts).toContainEqual(expect.objectContaining({ member: memberId, cause: 'replaced' }))
    expect(partitionsIn(syncAs(bench, again.memberId, 2).assignment)).toHaveLength(2)
    expect(beatAs(bench, memberId, 2, 'i')).toBe('FENCED_INSTANCE_ID')
    expect(beatAs(bench, memberId, 2)).toBe('UNKNOWN_MEMBER_ID')
    expect([...(reload(bench).groups.get('g')?.members.keys() ?? [])].sort()).toEqual(ids(bench).sort())
  })

  test('testJoiningConsumerGroupWithExistingStaticMemberAndNewSubscription: that is a new epoch', () => {
    const bench = newBench()
    const { memberId } = mixed(bench)
    const again = joinAs(bench, memberId, { groupInstanceId: 'i', ...subscribed([], ['orders', 'users']) })
    expect(again.errorCode).toBe(0)
    expect(group(bench)).toMatchObject({ groupEpoch: 3 })
    expect(group(bench).members.get(memberId)?.subscribedTopicNames).toEqual(['orders', 'users'])
  })

  test('testStaticMemberJoiningConsumerGroupWithUnknownInstanceId, …WithUnmatchedMemberId: and no member id is told', () => {
    const bench = newBench()
    const { memberId } = mixed(bench)
    const answer = joinAs(bench, memberId, { groupInstanceId: 'nobody' })
    expect([errorOf(answer), answer.memberId]).toEqual(['UNKNOWN_MEMBER_ID', ''])
    expect(errorOf(joinAs(bench, 'older', { groupInstanceId: 'i' }))).toBe('FENCED_INSTANCE_ID')
  })

  test('testJoiningConsumerGroupThrowsExceptionIfGroupOverMaxSize: also in the place of a former self', () => {
    const bench = newBench({ 'group.consumer.max.size': '2' })
    const { memberId } = mixed(bench)
    expect(errorOf(joinAs(bench, ''))).toBe('GROUP_MAX_SIZE_REACHED')
    expect(errorOf(joinAs(bench, '', { groupInstanceId: 'i' }))).toBe('GROUP_MAX_SIZE_REACHED')
    expect(joinAs(bench, memberId, { groupInstanceId: 'i' }).errorCode).toBe(0)
  })

  test('testJoiningConsumerGroupThrowsExceptionIfProtocolIsNotSupported', () => {
    const bench = newBench()
    const { memberId } = mixed(bench)
    for (const more of [{ protocolType: 'connect' }, { protocols: [] }, subscribed([], ['orders'], 'sticky')])
      expect(errorOf(joinAs(bench, 'other', more))).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(ids(bench)).toContain(memberId)
  })

  test('deserializeSubscription: a subscription that is none is UNKNOWN_SERVER_ERROR, and changes nothing', () => {
    const bench = newBench()
    mixed(bench)
    const before = group(bench)
    const protocols = [{ name: 'range', metadata: new Uint8Array([1]) }]
    expect(errorOf(joinAs(bench, '', { groupInstanceId: 'i2', protocols }))).toBe('UNKNOWN_SERVER_ERROR')
    expect(group(bench)).toBe(before)
  })

  test('testReconciliationInJoiningConsumerGroupWithCooperativeProtocol: in its epoch until it has given up, then in the next', () => {
    const bench = newBench()
    const { memberId } = mixed(bench)
    const b = new Member(bench, 'b')
    b.join()
    const rejoin = (owned: readonly number[]) => joinAs(bench, memberId, { groupInstanceId: 'i', ...subscribed(owned) })
    expect(beatAs(bench, memberId, 2, 'i')).toBe('REBALANCE_IN_PROGRESS')
    expect(rejoin([2, 3])).toMatchObject({ errorCode: 0, generationId: 2 })
    expect(group(bench)).toMatchObject({ groupEpoch: 3 })
    expect(group(bench).members.get(memberId)).toMatchObject({ state: 'unrevoked-partitions', epoch: 2 })
    // Its assignment is what it keeps: it has joined already, so SyncGroup is answered, and the next heartbeat has it join again.
    expect(partitionsIn(syncAs(bench, memberId, 2).assignment)).toEqual(['orders-2'])
    b.report()
    expect(b.partitions).toEqual([])
    expect(beatAs(bench, memberId, 2, 'i')).toBe('REBALANCE_IN_PROGRESS')
    expect(rejoin([2])).toMatchObject({ generationId: 3 })
    expect(partitionsIn(syncAs(bench, memberId, 3).assignment)).toEqual(['orders-2'])
    expect(beatAs(bench, memberId, 3, 'i')).toBe('NONE')
    b.report()
    expect(b.partitions).toEqual(['orders-3'])
  })

  test('testReconciliationInJoiningConsumerGroupWithEagerProtocol: who owns nothing any more is in the next epoch at once', () => {
    const bench = newBench()
    const { memberId } = mixed(bench)
    const b = new Member(bench, 'b')
    b.join()
    expect(joinAs(bench, memberId, { groupInstanceId: 'i' })).toMatchObject({ generationId: 3 })
    expect(partitionsIn(syncAs(bench, memberId, 3).assignment)).toEqual(['orders-2'])
    b.report()
    expect(b.partitions).toEqual(['orders-3'])
  })

  test('a join that tells nothing new writes nothing of the member', () => {
    const bench = newBench()
    const { memberId } = mixed(bench)
    const end = bench.state.logs.get('__consumer_offsets')?.[0]?.logEndOffset
    joinAs(bench, memberId, { groupInstanceId: 'i' })
    expect(bench.state.logs.get('__consumer_offsets')?.[0]?.logEndOffset).toBe(end)
    joinAs(bench, memberId, { groupInstanceId: 'i', sessionTimeoutMs: 20_000 })
    expect(lastBatch(bench)).toMatchObject([
      { type: 'consumer-member', value: { classic: { sessionTimeoutMs: 20_000 } } },
    ])
  })
})

describe('classicGroupLeaveToConsumerGroup', () => {
  test('testConsumerGroupMemberUsingClassicProtocolBatchLeaveGroup, …WithoutValidLeaveGroupMember', () => {
    const bench = newBench()
    const { a, memberId } = mixed(bench)
    const { memberId: dynamic } = joinAs(bench, '', {}, 3)
    const epoch = group(bench).groupEpoch
    const refused = [
      { memberId: 'ghost' },
      { memberId: a.id },
      { memberId: 'older', groupInstanceId: 'i' },
      { memberId: '', groupInstanceId: 'nobody' },
    ]
    expect(leaveAs(bench, ...refused).map(([, error]) => error)).toEqual([
      'UNKNOWN_MEMBER_ID',
      'UNKNOWN_MEMBER_ID',
      'FENCED_INSTANCE_ID',
      'UNKNOWN_MEMBER_ID',
    ])
    expect(group(bench).groupEpoch).toBe(epoch)
    // An operator names a static member by its instance; the answer has its member id.
    expect(leaveAs(bench, { memberId: dynamic }, { groupInstanceId: 'i' }, { memberId: 'ghost' })).toEqual([
      [dynamic, 'NONE'],
      [memberId, 'NONE'],
      ['ghost', 'UNKNOWN_MEMBER_ID'],
    ])
    expect(ids(bench)).toEqual([a.id])
    expect(group(bench).groupEpoch).toBe(epoch + 1)
    expect([...bench.timers.keys()].filter((key) => key.includes(dynamic) || key.includes(memberId))).toEqual([])
  })

  test('…UpdatingSubscriptionMetadata: topics only it subscribed to are no topics of the group', () => {
    const bench = newBench()
    const { memberId } = mixed(bench)
    joinAs(bench, memberId, { groupInstanceId: 'i', ...subscribed([], ['users']) })
    expect([...group(bench).topics.keys()]).toEqual(['orders', 'users'])
    leaveAs(bench, { memberId, groupInstanceId: 'i' })
    expect([...group(bench).topics.keys()]).toEqual(['orders'])
  })

  test('before v3 one member, and its error at the top', () => {
    const bench = newBench()
    const { a, memberId } = mixed(bench)
    const old = (id: string) =>
      errorOf(bench.ask('LeaveGroup', 1, makeLeaveGroupRequest({ groupId: 'g', memberId: id })))
    expect([old('ghost'), old(a.id), old(memberId)]).toEqual(['UNKNOWN_MEMBER_ID', 'UNKNOWN_MEMBER_ID', 'NONE'])
    expect(ids(bench)).toEqual([a.id])
  })
})
