/**
 * Static members that change protocols, and groups that change with their members (convertToClassicGroup, convertToConsumerGroup;
 * KIP-848, online upgrade and downgrade).
 */
import { describe, expect, test } from 'vitest'
import { makeSyncGroupRequest } from '../../src/protocol/make.ts'
import { beatAs, ids, joinAs, mixed, partitionsIn, subscribed, syncAs } from './consumer-groups-classic-support.ts'
import { beat, errorOf, group, Member, newBench, settle } from './consumer-groups-support.ts'
import { group as classicGroup, compacted, join, joinBody, reload } from './groups-support.ts'
import type { Bench } from './support.ts'

describe('static members that change protocols', () => {
  test('testConsumerGroupHeartbeatFromExistingClassicStaticMember: to the consumer protocol, in the place of its classic self', () => {
    const bench = newBench()
    const { memberId } = mixed(bench)
    const held = group(bench).members.get(memberId)?.assigned
    const again = new Member(bench, 'i', { instanceId: 'i' })
    expect(again.join()).toMatchObject({ errorCode: 0, memberEpoch: 2 })
    expect(again.partitions).toHaveLength(2)
    expect(group(bench).members.get(again.id)).toMatchObject({ classic: null, instanceId: 'i', assigned: held })
    expect(ids(bench)).not.toContain(memberId)
    expect(beatAs(bench, memberId, 2, 'i')).toBe('FENCED_INSTANCE_ID')
  })

  test('testConsumerGroupHeartbeatToClassicGroupFromExistingStaticMember: the group becomes a consumer group with it', () => {
    const bench = newBench()
    const waiting = bench.send('JoinGroup', 9, joinBody('', { groupInstanceId: 'i', ...subscribed() }))
    bench.pass(3000)
    const { memberId } = bench.answerTo('JoinGroup', waiting)
    syncAs(bench, memberId, 1)
    const again = new Member(bench, 'i', { instanceId: 'i' })
    expect(again.join().errorCode).toBe(0)
    expect(ids(bench)).toEqual([again.id])
    settle(again)
    expect(again.partitions).toHaveLength(4)
    expect(group(bench).state).toBe('Stable')
  })

  test('testLastStaticConsumerProtocolMemberReplacedByClassicProtocolMember: to the classic one; the group is Stable at once', () => {
    const bench = newBench()
    const a = new Member(bench, 'a', { instanceId: 'i' })
    a.join()
    const { memberId: other } = joinAs(bench, '', {}, 3)
    settle(a)
    joinAs(bench, other)
    syncAs(bench, other, 2)
    const had = a.partitions
    const again = joinAs(bench, '', { groupInstanceId: 'i' })
    expect(again).toMatchObject({ errorCode: 0, generationId: 2, protocolType: 'consumer', protocolName: 'range' })
    expect(classicGroup(bench)).toMatchObject({
      state: 'Stable',
      generation: 2,
      protocolName: 'range',
      leaderId: other,
    })
    expect([...(classicGroup(bench)?.members.keys() ?? [])]).toEqual([other, again.memberId])
    expect(partitionsIn(syncAs(bench, again.memberId, 2, { groupInstanceId: 'i' }).assignment)).toEqual(had)
    expect(beatAs(bench, other, 2)).toBe('NONE')
    expect(beatAs(bench, again.memberId, 2, 'i')).toBe('NONE')
    expect(reload(bench).groups.get('g')).toMatchObject({ type: 'classic', state: 'Stable', generation: 2 })
    // Its former self is fenced by its instance, and has no session that could expire.
    expect(errorOf(beat(bench, { memberId: a.id, memberEpoch: 2, instanceId: 'i' }))).toBe('GROUP_ID_NOT_FOUND')
  })

  test('validateOnlineDowngradeWithReplacedMemberId: also when it is alone; not when the policy or group.max.size forbid it', () => {
    const alone = (config: Record<string, string>) => {
      const bench = newBench(config)
      new Member(bench, 'a', { instanceId: 'i' }).join()
      expect(joinAs(bench, '', { groupInstanceId: 'i' })).toMatchObject({ errorCode: 0, generationId: 1 })
      return bench.state.shards.get(0)?.groups.get('g')?.type
    }
    expect(alone({})).toBe('classic')
    expect(alone({ 'group.consumer.migration.policy': 'downgrade' })).toBe('classic')
    expect(alone({ 'group.consumer.migration.policy': 'upgrade' })).toBe('consumer')
    expect(alone({ 'group.consumer.migration.policy': 'disabled' })).toBe('consumer')
    const bench = newBench({ 'group.max.size': '1' })
    new Member(bench, 'a', { instanceId: 'i' }).join()
    joinAs(bench, '', {}, 3)
    joinAs(bench, '', { groupInstanceId: 'i' })
    expect(group(bench).members.size).toBe(2)
  })

  test('another consumer member is left: the group stays what it is', () => {
    const bench = newBench()
    const [a, b] = [new Member(bench, 'a', { instanceId: 'i' }), new Member(bench, 'b')]
    a.join()
    b.join()
    settle(a, b)
    const again = joinAs(bench, '', { groupInstanceId: 'i' })
    expect(ids(bench)).toEqual([b.id, again.memberId])
    expect(group(bench)).toMatchObject({ state: 'Stable', groupEpoch: 2 })
  })
})

describe('validateOnlineDowngradeWithFencedMember', () => {
  test.each([
    ['testLastConsumerProtocolMemberSessionTimeoutInConsumerGroup', (bench: Bench) => bench.pass(45_000), 45_000],
    ['testLastConsumerProtocolMemberLeavingConsumerGroup', (_: Bench, a: Member) => a.leave(), 0],
  ] as const)('%s: a classic group that rebalances', (_name, go, lasts) => {
    const bench = newBench()
    const { a, memberId } = mixed(bench)
    joinAs(bench, memberId, { groupInstanceId: 'i', sessionTimeoutMs: 300_000 })
    syncAs(bench, memberId, 2)
    go(bench, a)
    expect(classicGroup(bench)).toMatchObject({ state: 'PreparingRebalance', generation: 2, leaderId: memberId })
    expect([...bench.timers.keys()].filter((key) => key.startsWith('member-'))).toEqual([])
    expect(beatAs(bench, memberId, 2, 'i')).toBe('REBALANCE_IN_PROGRESS')
    bench.pass(299_999 - lasts)
    expect(classicGroup(bench)?.members.size).toBe(1)
  })

  test('testLastConsumerProtocolMemberRebalanceTimeoutInConsumerGroup', () => {
    const bench = newBench()
    const a = new Member(bench, 'a', { rebalanceTimeoutMs: 10_000 })
    a.join()
    const { memberId } = joinAs(bench, '', { sessionTimeoutMs: 60_000 }, 3)
    syncAs(bench, memberId, 2)
    a.report()
    bench.pass(10_000)
    expect(classicGroup(bench)).toMatchObject({ state: 'PreparingRebalance' })
    expect([...(classicGroup(bench)?.members.keys() ?? [])]).toEqual([memberId])
    expect(bench.facts).toContainEqual(expect.objectContaining({ member: a.id, cause: 'not-revoked' }))
  })

  test('testNoConversionWhenSizeExceedsClassicMaxGroupSize', () => {
    const bench = newBench({ 'group.max.size': '1' })
    const { a } = mixed(bench)
    joinAs(bench, '', {}, 3)
    a.leave()
    expect(group(bench).members.size).toBe(2)
  })

  test('the assignment a classic member takes along is its target, in the version of its subscription', () => {
    const bench = newBench()
    const { a, memberId } = mixed(bench)
    const target = [...(group(bench).target.get(memberId)?.values() ?? [])].flat()
    a.leave()
    const made = reload(bench).groups.get('g')
    expect(made).toMatchObject({ type: 'classic', generation: 2, leaderId: memberId, protocolType: 'consumer' })
    const assignment = made?.type === 'classic' ? made.members.get(memberId)?.assignment : undefined
    expect(partitionsIn(assignment ?? new Uint8Array(0))).toEqual(target.map((partition) => `orders-${partition}`))
    expect(assignment?.[1]).toBe(1)
  })
})

describe('convertToConsumerGroup', () => {
  const upgradeOf = (assignment: Uint8Array | null) => {
    const bench = newBench()
    const { id } = join(bench, 'c', subscribed())
    bench.pass(3000)
    if (assignment !== null) syncAs(bench, id, 1, { assignments: [{ memberId: id, assignment }] })
    return { bench, id, answer: new Member(bench, 'a').join() }
  }

  test('an assignment that is none: GROUP_ID_NOT_FOUND, and the classic group stays as it is', () => {
    const { bench, id, answer } = upgradeOf(new Uint8Array([7]))
    expect(errorOf(answer)).toBe('GROUP_ID_NOT_FOUND')
    expect(answer.errorMessage).toMatch(/embedded consumer protocol is malformed/)
    expect(classicGroup(bench)).toMatchObject({ state: 'Stable', generation: 1 })
    expect(beatAs(bench, id, 1)).toBe('NONE')
  })

  test('testConsumerGroupHeartbeatWithCompletingRebalanceClassicGroup: who has no assignment yet begins with none', () => {
    const { bench, id, answer } = upgradeOf(null)
    expect(answer).toMatchObject({ errorCode: 0, memberEpoch: 2 })
    expect(group(bench).members.get(id)).toMatchObject({ epoch: 1, assigned: new Map(), state: 'stable' })
    expect([...bench.timers.keys()]).not.toContain('sync/g')
  })

  test('a member that awaits its assignment is told REBALANCE_IN_PROGRESS', () => {
    const bench = newBench()
    const [a, b] = [join(bench, 'a', subscribed()), join(bench, 'b', subscribed())]
    bench.pass(6000)
    const waiting = bench.send('SyncGroup', 3, makeSyncGroupRequest({ groupId: 'g', memberId: b.id, generationId: 1 }))
    new Member(bench, 'x').join()
    expect(errorOf(bench.answerTo('SyncGroup', waiting))).toBe('REBALANCE_IN_PROGRESS')
    expect(ids(bench)).toContain(a.id)
  })

  test('a group in its first rebalance has no protocol yet: GROUP_ID_NOT_FOUND, and it goes on', () => {
    const bench = newBench()
    const { waiting } = join(bench, 'c', subscribed())
    expect(errorOf(new Member(bench, 'a').join())).toBe('GROUP_ID_NOT_FOUND')
    bench.pass(3000)
    expect(bench.answerTo('JoinGroup', waiting)).toMatchObject({ errorCode: 0, generationId: 1 })
  })

  test('validateOnlineUpgrade: a group of another protocol type is GROUP_ID_NOT_FOUND', () => {
    const bench = newBench()
    const { id } = join(bench, 'c', { protocolType: 'connect' })
    bench.pass(3000)
    expect(errorOf(new Member(bench, 'a').join())).toBe('GROUP_ID_NOT_FOUND')
    expect(classicGroup(bench)?.members.has(id)).toBe(true)
  })

  test('every classic member has a session of its own length from then on', () => {
    const bench = newBench()
    const { waiting } = join(bench, 'c', { ...subscribed(), sessionTimeoutMs: 60_000 })
    bench.pass(3000)
    const { memberId } = bench.answerTo('JoinGroup', waiting)
    syncAs(bench, memberId, 1)
    bench.pass(50_000)
    const a = new Member(bench, 'a')
    a.join()
    bench.pass(40_000)
    a.report()
    bench.pass(19_999)
    expect(ids(bench)).toContain(memberId)
    bench.pass(1)
    expect(ids(bench)).toEqual([a.id])
  })
})

describe('what is left of a group in the log', () => {
  const types = (bench: Bench) => [...new Set(compacted(bench).map(({ type }) => type))].sort()

  test('ClassicGroup.createGroupTombstoneRecords: after an upgrade nothing of the classic group', () => {
    const bench = newBench()
    const { id } = join(bench, 'c', subscribed())
    bench.pass(3000)
    syncAs(bench, id, 1)
    expect(types(bench)).toEqual(['group-metadata'])
    new Member(bench, 'a').join()
    expect(types(bench)).not.toContain('group-metadata')
  })

  test('ConsumerGroup.createGroupTombstoneRecords: after a downgrade nothing of the consumer group', () => {
    const bench = newBench()
    mixed(bench).a.leave()
    expect(types(bench)).toEqual(['group-metadata'])
  })

  test('testCreateGroupTombstoneRecordsWithReplacedMember: neither of the member that was replaced nor of the one that came', () => {
    const bench = newBench()
    new Member(bench, 'a', { instanceId: 'i' }).join()
    joinAs(bench, '', { groupInstanceId: 'i' })
    expect(classicGroup(bench)?.members.size).toBe(1)
    expect(types(bench)).toEqual(['group-metadata'])
  })
})
