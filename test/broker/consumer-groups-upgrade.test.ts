/** A group goes from the classic protocol to the consumer protocol and back while it works (KIP-848, online upgrade and downgrade). */
import { describe, expect, test } from 'vitest'
import { decodeAssignment, encodeSubscription } from '../../src/protocol/consumer-protocol.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { makeSyncGroupRequest } from '../../src/protocol/make.ts'
import { errorOf, group, Member, newBench, settle } from './consumer-groups-support.ts'
import {
  group as classicGroup,
  commit,
  heartbeat,
  join,
  joinBody,
  leave,
  reload,
  stable,
  sync,
} from './groups-support.ts'
import type { Bench } from './support.ts'

const subscription = (owned: readonly number[] = [], version = 1) => ({
  protocols: [
    {
      name: 'range',
      metadata: encodeSubscription(
        { topics: ['orders'], ownedPartitions: [{ topic: 'orders', partitions: [...owned] }] },
        version,
      ),
    },
  ],
})
/** What a classic member reads in a SyncGroup's answer. */
const partitionsIn = (bytes: Uint8Array) =>
  decodeAssignment(bytes).assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((p) => `${topic}-${p}`))
const rejoin = (bench: Bench, id: string, owned: readonly number[] = []) =>
  bench.ask('JoinGroup', 5, joinBody(id, subscription(owned)))
const assigned = (bench: Bench, memberId: string, generationId: number) =>
  partitionsIn(
    bench.ask('SyncGroup', 3, makeSyncGroupRequest({ groupId: 'g', generationId, memberId, assignments: [] }))
      .assignment,
  )
const stableClassic = (bench: Bench, members: number) => stable(bench, members, subscription())

describe('upgrade', () => {
  test('convertToConsumerGroup: a consumer member makes the classic group a consumer group, its members stay with what they have', () => {
    const bench = newBench()
    const { ids, generation } = stableClassic(bench, 2)
    const a = new Member(bench, 'a')
    expect(a.join()).toMatchObject({ errorCode: 0, memberEpoch: generation + 1 })
    // They have one of the four each: what nobody had is free, and one of it is for the newcomer.
    expect(a.partitions).toEqual(['orders-3'])
    expect(group(bench)).toMatchObject({ groupEpoch: generation + 1, state: 'Reconciling' })
    expect([...group(bench).members.keys()]).toEqual([...ids, a.id])
    expect([...group(bench).members.values()].map(({ epoch, classic }) => [epoch, classic !== null])).toEqual([
      [generation, true],
      [generation, true],
      [generation + 1, false],
    ])
  })

  test('a classic member is told to join again, gives up, and works on under its member epoch as generation', () => {
    const bench = newBench()
    const { ids, generation } = stableClassic(bench, 1)
    const id = ids[0] ?? ''
    // In the classic group it had partition 0 only: the target has been made from that.
    const a = new Member(bench, 'a')
    a.join()
    expect(heartbeat(bench, id, generation)).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    const joined = rejoin(bench, id)
    expect(joined).toMatchObject({ errorCode: 0, generationId: generation + 1, protocolName: 'range', members: [] })
    const has = assigned(bench, id, joined.generationId)
    settle(a)
    expect([...has, ...a.partitions].sort()).toEqual(['orders-0', 'orders-1', 'orders-2', 'orders-3'])
    expect(heartbeat(bench, id, joined.generationId)).toBe(0)
    expect(commit(bench, id, joined.generationId, 3)).toBe(0)
    expect(commit(bench, id, generation, 3)).toBe(ErrorCode.ILLEGAL_GENERATION)
    expect(group(bench).state).toBe('Stable')
  })

  test('scheduleConsumerGroupJoinTimeoutIfAbsent: one that is told to and does not join again goes', () => {
    const bench = newBench()
    const { ids, generation } = stableClassic(bench, 1)
    const a = new Member(bench, 'a')
    a.join()
    for (let i = 0; i < 7; i++) {
      heartbeat(bench, ids[0] ?? '', generation)
      a.report()
      bench.pass(10_000)
    }
    expect([...group(bench).members.keys()]).toEqual([a.id])
    expect(bench.facts).toContainEqual(expect.objectContaining({ type: 'group.leave', cause: 'not-rejoined' }))
  })

  test('scheduleConsumerGroupSyncTimeout: one that joined and does not ask for its assignment goes', () => {
    const bench = newBench()
    const { ids, generation } = stableClassic(bench, 1)
    const a = new Member(bench, 'a')
    a.join()
    const { generationId } = rejoin(bench, ids[0] ?? '')
    expect(generationId).toBe(generation + 1)
    for (let i = 0; i < 7; i++) {
      heartbeat(bench, ids[0] ?? '', generationId)
      a.report()
      bench.pass(10_000)
    }
    expect(bench.facts).toContainEqual(expect.objectContaining({ type: 'group.leave', cause: 'not-synced' }))
  })

  test('members that wait in a classic rebalance are told REBALANCE_IN_PROGRESS', () => {
    const bench = newBench()
    stableClassic(bench, 1)
    const { waiting } = join(bench, 'late', subscription())
    expect(bench.isWaiting(waiting)).toBe(true)
    new Member(bench, 'a').join()
    expect(errorOf(bench.answerTo('JoinGroup', waiting))).toBe('REBALANCE_IN_PROGRESS')
  })

  test('validateOnlineUpgrade: the policy may forbid it, another protocol type cannot, malformed subscriptions cannot', () => {
    const forbidden = newBench({ 'group.consumer.migration.policy': 'downgrade' })
    stableClassic(forbidden, 1)
    expect(errorOf(new Member(forbidden, 'a').join())).toBe('GROUP_ID_NOT_FOUND')
    const malformed = newBench()
    stable(malformed, 1)
    expect(errorOf(new Member(malformed, 'a').join())).toBe('GROUP_ID_NOT_FOUND')
    expect(classicGroup(malformed)?.state).toBe('Stable')
    const full = newBench({ 'group.consumer.max.size': '1' })
    stableClassic(full, 2)
    expect(errorOf(new Member(full, 'a').join())).toBe('GROUP_ID_NOT_FOUND')
  })

  test('maybeDeleteEmptyClassicGroup: an empty classic group gives way, its offsets stay', () => {
    const bench = newBench()
    commit(bench, '', -1, 7)
    const a = new Member(bench, 'a')
    expect(a.join().errorCode).toBe(0)
    expect(group(bench).state).toBe('Stable')
    expect(bench.state.shards.get(0)?.offsets.get('g')?.get('orders')?.get(0)?.offset).toBe(7)
  })
})

describe('classic members of a consumer group', () => {
  test('a new one joins with MEMBER_ID_REQUIRED and its id, as ever', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    const { waiting } = join(bench, 'c', subscription())
    const answer = bench.answerTo('JoinGroup', waiting)
    expect(answer).toMatchObject({ errorCode: 0, generationId: 2 })
    settle(a)
    // It has to join again for what the other has given up meanwhile.
    expect(heartbeat(bench, answer.memberId, 2)).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    rejoin(bench, answer.memberId)
    expect(assigned(bench, answer.memberId, 2)).toEqual(['orders-2', 'orders-3'])
  })

  test('supportsClassicProtocols: one that no other classic member knows is INCONSISTENT_GROUP_PROTOCOL', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    join(bench, 'c', subscription())
    const other = {
      protocols: [{ name: 'sticky', metadata: subscription().protocols[0]?.metadata ?? new Uint8Array() }],
    }
    expect(errorOf(bench.ask('JoinGroup', 5, joinBody('', other)))).toBe('INCONSISTENT_GROUP_PROTOCOL')
    expect(errorOf(bench.ask('JoinGroup', 5, joinBody('', { ...subscription(), protocolType: 'connect' })))).toBe(
      'INCONSISTENT_GROUP_PROTOCOL',
    )
  })

  test('throwIfMemberDoesNotUseClassicProtocol: a consumer member is UNKNOWN_MEMBER_ID to classic requests', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    expect(heartbeat(bench, a.id, 1)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(errorOf(bench.answerTo('SyncGroup', sync(bench, a.id, 1)))).toBe('UNKNOWN_MEMBER_ID')
  })

  test('classicGroupLeaveToConsumerGroup: it goes, the others get what it had', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    const { waiting } = join(bench, 'c', subscription())
    const { memberId } = bench.answerTo('JoinGroup', waiting)
    settle(a)
    leave(bench, memberId)
    settle(a)
    expect(a.partitions).toHaveLength(4)
    expect(group(bench).members.size).toBe(1)
  })
})

describe('downgrade', () => {
  test('convertToClassicGroup: when the last consumer member goes, the classic ones are a classic group that rebalances', () => {
    const bench = newBench()
    const { ids, generation } = stableClassic(bench, 2)
    const a = new Member(bench, 'a')
    a.join()
    for (const id of ids) {
      rejoin(bench, id)
      assigned(bench, id, generation + 1)
    }
    a.leave()
    expect(classicGroup(bench)).toMatchObject({ state: 'PreparingRebalance', generation: generation + 1 })
    for (const id of ids) expect(heartbeat(bench, id, generation + 1)).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    const waiting = ids.map((id) => bench.send('JoinGroup', 5, joinBody(id, subscription())))
    expect(waiting.map((one) => bench.answerTo('JoinGroup', one).generationId)).toEqual([
      generation + 2,
      generation + 2,
    ])
  })

  test('validateOnlineDowngradeWithFencedMember: the policy may forbid it, and alone it merely empties', () => {
    const bench = newBench({ 'group.consumer.migration.policy': 'upgrade' })
    stableClassic(bench, 1)
    const a = new Member(bench, 'a')
    a.join()
    a.leave()
    expect(group(bench).members.size).toBe(1)
    const alone = newBench()
    const b = new Member(alone, 'b')
    b.join()
    b.leave()
    expect(group(alone).state).toBe('Empty')
  })

  test('maybeDeleteEmptyConsumerGroup: a classic member makes an empty consumer group a classic one', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    a.leave()
    stableClassic(bench, 1)
    expect(classicGroup(bench)).toMatchObject({ state: 'Stable', generation: 1 })
  })
})

describe('a hole of Kafka’s', () => {
  test('convertToClassicGroup: a failover before the rebalance is over leaves partitions to nobody until somebody joins', () => {
    const bench = newBench()
    const { ids, generation } = stableClassic(bench, 1)
    const id = ids[0] ?? ''
    const a = new Member(bench, 'a')
    a.join()
    rejoin(bench, id)
    settle(a)
    a.leave()
    expect(classicGroup(bench)?.state).toBe('PreparingRebalance')
    // What another coordinator makes of the log.
    const loaded = reload(bench).groups.get('g')
    if (loaded?.type !== 'classic') throw new Error('not a classic group')
    expect(loaded).toMatchObject({ state: 'Stable', generation: generation + 1 })
    expect(partitionsIn(loaded.members.get(id)?.assignment ?? new Uint8Array())).toHaveLength(2)
  })
})
