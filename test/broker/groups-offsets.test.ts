/** Committed offsets over time: expiry (KIP-211), the coordinator's log while it is read, and writes that are late. */
import { describe, expect, test } from 'vitest'
import { createDecision } from '../../src/broker/decision.ts'
import { beginLoading, finishLoading } from '../../src/broker/groups/tenure.ts'
import { encodeSubscription } from '../../src/protocol/consumer-protocol.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  makeDeleteGroupsRequest,
  makeDescribeGroupsRequest,
  makeListGroupsRequest,
  makeOffsetCommitRequest,
  makeOffsetCommitRequestPartition,
  makeOffsetCommitRequestTopic,
  makeOffsetDeleteRequest,
  makeOffsetFetchRequest,
  makeOffsetFetchRequestTopic,
} from '../../src/protocol/make.ts'
import {
  commit,
  group,
  heartbeat,
  join,
  joinBody,
  lastBatch,
  leave,
  newBench,
  offsetsLog,
  reload,
  stable,
  sync,
} from './groups-support.ts'
import { type Bench, createBench } from './support.ts'

const MINUTE = 60_000
/** Ten minutes of retention, looked at every minute. */
const SHORT = { 'offsets.retention.minutes': '10', 'offsets.retention.check.interval.ms': String(MINUTE) }
const subscribedTo = (...topics: string[]) => ({
  protocols: [{ name: 'RoundRobinAssigner', metadata: encodeSubscription({ topics }, 0) }],
})
const offsetsOf = (bench: Bench) => [...(bench.state.shards.get(0)?.offsets.get('g')?.keys() ?? [])]

/** Time passes while the member reports. */
function passAlive(bench: Bench, minutes: number, memberId: string, generation: number) {
  for (let i = 0; i < minutes * 4; i++) {
    bench.pass(15_000)
    expect(heartbeat(bench, memberId, generation)).toBe(0)
  }
}

describe('KIP-211: expiry', () => {
  test('offsets expire when the group has been empty for offsets.retention.minutes, and the group with them', () => {
    const bench = newBench(SHORT)
    const { leader, generation } = stable(bench, 1, subscribedTo('orders'))
    commit(bench, leader, generation, 5)
    passAlive(bench, 20, leader, generation)
    expect(offsetsOf(bench)).toEqual(['orders'])
    leave(bench, leader)
    bench.pass(10 * MINUTE - 1)
    expect(offsetsOf(bench)).toEqual(['orders'])
    bench.facts.length = 0
    bench.pass(MINUTE + 1)
    expect(group(bench)).toBeUndefined()
    expect(lastBatch(bench)).toEqual([
      { type: 'offset-commit', group: 'g', topic: 'orders', partition: 0, value: null },
      { type: 'group-metadata', group: 'g', value: null },
    ])
    expect(bench.facts.map(({ type }) => type)).toEqual(['offset.expired', 'group.state', 'append'])
    expect([reload(bench).groups.size, reload(bench).offsets.size]).toEqual([0, 0])
  })

  test('a simple group’s offsets expire by the time of their commit', () => {
    const bench = newBench(SHORT)
    commit(bench, '', -1, 5)
    bench.pass(8 * MINUTE)
    commit(bench, '', -1, 6)
    bench.pass(9 * MINUTE)
    expect(offsetsOf(bench)).toEqual(['orders'])
    bench.pass(2 * MINUTE)
    expect(group(bench)).toBeUndefined()
  })

  test('while the group is Stable, offsets of topics nobody subscribes to expire by the time of their commit', () => {
    const bench = createBench({ orders: 1, users: 1, __consumer_offsets: 1 }, SHORT)
    const { leader, generation } = stable(bench, 1, subscribedTo('users'))
    commit(bench, leader, generation, 5, { topic: 'orders' })
    commit(bench, leader, generation, 7, { topic: 'users' })
    passAlive(bench, 12, leader, generation)
    expect(offsetsOf(bench)).toEqual(['users'])
    expect(group(bench)?.state).toBe('Stable')
  })

  test('offsets of a group whose subscriptions cannot be read do not expire while it has members', () => {
    const bench = newBench(SHORT)
    const { leader, generation } = stable(bench, 1)
    commit(bench, leader, generation, 5)
    passAlive(bench, 12, leader, generation)
    expect(offsetsOf(bench)).toEqual(['orders'])
  })

  test('an empty group without offsets goes at the next look', () => {
    const bench = newBench(SHORT)
    const { leader } = stable(bench, 1)
    leave(bench, leader)
    expect(group(bench)?.state).toBe('Empty')
    bench.pass(MINUTE)
    expect(group(bench)).toBeUndefined()
  })

  test('retention goes on at another coordinator: it counts from the time in the record', () => {
    const bench = newBench(SHORT)
    const { leader, generation } = stable(bench, 1)
    commit(bench, leader, generation, 5)
    leave(bench, leader)
    bench.pass(9 * MINUTE)
    loadAgain(bench)
    expect(offsetsOf(bench)).toEqual(['orders'])
    bench.pass(2 * MINUTE)
    expect(group(bench)).toBeUndefined()
  })

  test('nothing is armed while nothing can expire', () => {
    const bench = newBench()
    const { leader, generation } = stable(bench, 1, subscribedTo('orders'))
    bench.pass(600_000)
    const again = stable(newBench(), 1)
    expect(again.generation).toBe(1)
    const quiet = newBench()
    const member = stable(quiet, 1, subscribedTo('orders'))
    passAlive(quiet, 11, member.leader, member.generation)
    commit(quiet, member.leader, member.generation, 5)
    expect(quiet.timers.has('group-expiry')).toBe(false)
    expect([leader, generation]).toHaveLength(2)
  })
})

/** The broker becomes the coordinator once more. */
function startLoading(bench: Bench) {
  bench.state.shards.clear()
  for (const key of [...bench.timers.keys()]) if (key !== 'cleaner' && key !== 'retention') bench.timers.delete(key)
  bench.state.groupExpiry = Infinity
  const out = createDecision()
  beginLoading(bench.state, 0, contextOf(bench), out)
  return out
}

function contextOf({ now }: Bench) {
  return { now, uuid: () => 'u', memberUuid: () => 'm' }
}

function loadAgain(bench: Bench) {
  startLoading(bench)
  bench.now += 1
  const out = createDecision()
  finishLoading(bench.state, contextOf(bench), out)
  for (const change of out.timers) if (change.at !== null) bench.timers.set(change.key, change)
}

describe('COORDINATOR_LOAD_IN_PROGRESS', () => {
  const code = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS

  test('while its log is read every request of a group gets it, but a heartbeat, which is answered', () => {
    const bench = newBench()
    const { leader, generation } = stable(bench, 1)
    commit(bench, leader, generation, 5)
    const out = startLoading(bench)
    expect(out.timers).toMatchObject([{ key: 'load', at: bench.now + 1, timer: { type: 'load' } }])
    expect(bench.ask('JoinGroup', 5, joinBody('')).errorCode).toBe(code)
    expect(bench.answerTo('SyncGroup', sync(bench, leader, generation)).errorCode).toBe(code)
    expect(heartbeat(bench, leader, generation)).toBe(0)
    expect(leave(bench, leader).errorCode).toBe(code)
    expect(commit(bench, leader, generation, 6)).toBe(code)
    const ask = (version: number) =>
      bench.ask(
        'OffsetFetch',
        version,
        makeOffsetFetchRequest({
          groupId: 'g',
          topics: [makeOffsetFetchRequestTopic({ name: 'orders', partitionIndexes: [0] })],
        }),
      )
    expect(ask(4)).toMatchObject({ errorCode: code, topics: [] })
    expect(ask(1).topics[0]?.partitions[0]).toMatchObject({ errorCode: code, committedOffset: -1 })
    expect(bench.ask('DescribeGroups', 2, makeDescribeGroupsRequest({ groups: ['g'] })).groups[0]?.errorCode).toBe(code)
    expect(bench.ask('ListGroups', 4, makeListGroupsRequest())).toMatchObject({ errorCode: code, groups: [] })
    expect(bench.ask('DeleteGroups', 1, makeDeleteGroupsRequest({ groupsNames: ['g'] })).results[0]?.errorCode).toBe(
      code,
    )
    const remove = makeOffsetDeleteRequest({
      groupId: 'g',
      topics: [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }],
    })
    expect(bench.ask('OffsetDelete', 0, remove).errorCode).toBe(code)
  })

  test('onLoaded: the group is as it was, and every member has a full session to be heard of', () => {
    const bench = newBench()
    const { leader, generation, ids } = stable(bench, 2)
    bench.pass(20_000)
    loadAgain(bench)
    expect(group(bench)).toMatchObject({ state: 'Stable', generation, leaderId: leader, protocolType: 'consumer' })
    expect([...(group(bench)?.members.keys() ?? [])]).toEqual(ids)
    bench.pass(29_000)
    expect(heartbeat(bench, leader, generation)).toBe(0)
    bench.pass(1000)
    expect([...(group(bench)?.members.keys() ?? [])]).toEqual([leader])
  })

  test('onLoaded: a group over group.max.size rebalances, and the last ones are refused', () => {
    const bench = newBench()
    const { ids } = stable(bench, 2)
    bench.state.config = { ...bench.state.config, 'group.max.size': '1' }
    startLoading(bench)
    bench.pass(0)
    bench.now += 1
    const out = createDecision()
    finishLoading(bench.state, contextOf(bench), out)
    expect(out.changes).toMatchObject([{ op: 'group', group: { state: 'PreparingRebalance' } }])
    for (const change of out.changes)
      if (change.op === 'group') bench.state.shards.get(0)?.groups.set('g', change.group)
    bench.send('JoinGroup', 5, joinBody(ids[0] as string))
    expect(bench.ask('JoinGroup', 5, joinBody(ids[1] as string)).errorCode).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED)
  })
})

describe('OffsetCommit', () => {
  const commitMany = (bench: Bench, memberId: string, generation: number, topics: string[]) =>
    bench
      .ask(
        'OffsetCommit',
        8,
        makeOffsetCommitRequest({
          groupId: 'g',
          memberId,
          generationIdOrMemberEpoch: generation,
          topics: topics.map((name) =>
            makeOffsetCommitRequestTopic({
              name,
              partitions: [makeOffsetCommitRequestPartition({ committedOffset: 1, committedLeaderEpoch: 3 })],
            }),
          ),
        }),
      )
      .topics.map(({ partitions }) => partitions[0]?.errorCode)

  test('handleOffsetCommitRequest: what does not exist is UNKNOWN_TOPIC_OR_PARTITION whatever the group says', () => {
    const bench = newBench()
    expect(commitMany(bench, 'm', 3, ['nope'])).toEqual([ErrorCode.UNKNOWN_TOPIC_OR_PARTITION])
    expect(commitMany(bench, 'm', 3, ['nope', 'orders'])).toEqual([
      ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
      ErrorCode.ILLEGAL_GENERATION,
    ])
    expect(group(bench)).toBeUndefined()
  })

  test('the leader epoch of a commit comes back with it (KIP-320), also after a replay', () => {
    const bench = newBench()
    expect(commitMany(bench, '', -1, ['orders'])).toEqual([0])
    loadAgain(bench)
    const answer = bench.ask('OffsetFetch', 5, makeOffsetFetchRequest({ groupId: 'g', topics: null }))
    expect(answer.topics[0]?.partitions[0]).toMatchObject({ committedOffset: 1, committedLeaderEpoch: 3 })
  })

  test('validateOffsetCommit: generation -1 with a member id is a member’s while the group has members', () => {
    const bench = newBench()
    const { leader } = stable(bench, 1)
    expect(commit(bench, leader, -1, 1)).toBe(ErrorCode.ILLEGAL_GENERATION)
    expect(commit(bench, '', -1, 1)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    leave(bench, leader)
    expect(commit(bench, leader, -1, 1)).toBe(0)
    expect(commit(bench, leader, 1, 1)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })
})

describe('the classic protocol at its edges', () => {
  test('tryCompleteInitialRebalanceElseSchedule: the delay is extended at most to the rebalance timeout', () => {
    const bench = newBench()
    const first = join(bench, 'c', { rebalanceTimeoutMs: 7000 })
    bench.pass(2000)
    join(bench, 'd', { rebalanceTimeoutMs: 7000 })
    bench.pass(3000)
    join(bench, 'e', { rebalanceTimeoutMs: 7000 })
    bench.pass(1999)
    expect(bench.isWaiting(first.waiting)).toBe(true)
    bench.pass(1)
    expect(bench.answerTo('JoinGroup', first.waiting).members).toHaveLength(3)
  })

  test('removePendingMemberAndUpdateClassicGroup: a rebalance waits for an id that was handed out, until it expires', () => {
    const bench = newBench()
    const { leader, generation } = stable(bench, 1)
    expect(bench.ask('JoinGroup', 5, joinBody('')).errorCode).toBe(ErrorCode.MEMBER_ID_REQUIRED)
    expect(group(bench)?.state).toBe('Stable')
    const waiting = bench.send('JoinGroup', 5, joinBody(leader))
    expect(bench.isWaiting(waiting)).toBe(true)
    bench.pass(30_000)
    expect(bench.answerTo('JoinGroup', waiting)).toMatchObject({ errorCode: 0, generationId: generation + 1 })
  })

  test('classicGroupJoinExistingMember: the same metadata again while the assignment is made is told the generation', () => {
    const bench = newBench()
    const { id, waiting } = join(bench, 'c')
    bench.pass(6000)
    expect(bench.answerTo('JoinGroup', waiting).generationId).toBe(1)
    expect(bench.ask('JoinGroup', 5, joinBody(id))).toMatchObject({ generationId: 1, members: [{ memberId: id }] })
    const changed = joinBody(id, { protocols: [{ name: 'RoundRobinAssigner', metadata: new Uint8Array([9]) }] })
    expect(bench.ask('JoinGroup', 5, changed).generationId).toBe(2)
  })

  test('areMandatoryProtocolTypeAndNamePresent: SyncGroup v5 names the protocol, and the right one (KIP-559)', () => {
    const bench = newBench()
    const { id } = join(bench, 'c')
    bench.pass(6000)
    const named = (protocolType: string | null, protocolName: string | null) =>
      bench.ask('SyncGroup', 5, {
        groupId: 'g',
        generationId: 1,
        memberId: id,
        groupInstanceId: null,
        protocolType,
        protocolName,
        assignments: [],
      }).errorCode
    expect(named(null, null)).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    expect(named('connect', 'RoundRobinAssigner')).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    expect(named('consumer', 'other')).toBe(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    expect(named('consumer', 'RoundRobinAssigner')).toBe(0)
  })

  test('a new member that waits longer than CLASSIC_GROUP_NEW_MEMBER_JOIN_TIMEOUT_MS is removed and told so', () => {
    const bench = newBench()
    const { ids } = stable(bench, 1, { rebalanceTimeoutMs: 600_000 })
    const late = join(bench, 'late', { rebalanceTimeoutMs: 600_000 })
    expect(group(bench)?.state).toBe('PreparingRebalance')
    for (let i = 0; i < 300; i += 10) {
      bench.pass(10_000)
      heartbeat(bench, ids[0] as string, 1)
    }
    expect(bench.answerTo('JoinGroup', late.waiting).errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect([...(group(bench)?.members.keys() ?? [])]).toEqual(ids)
  })

  test('ListGroups filters by type and state, in upper or lower case (KIP-518, KIP-848)', () => {
    const bench = newBench()
    stable(bench, 1)
    const list = (more: Partial<ReturnType<typeof makeListGroupsRequest>>) =>
      bench.ask('ListGroups', 5, makeListGroupsRequest(more)).groups
    expect(list({ typesFilter: ['Classic'] })).toMatchObject([
      { groupId: 'g', groupType: 'classic', groupState: 'Stable' },
    ])
    expect(list({ typesFilter: ['consumer'] })).toEqual([])
    expect(list({ typesFilter: ['classic'], statesFilter: ['STABLE '] })).toHaveLength(1)
    expect(offsetsLog(bench)?.logEndOffset).toBeGreaterThan(0)
  })

  test('DescribeGroups v3 tells what may be done with the group when asked', () => {
    const bench = newBench()
    stable(bench, 1)
    const ask = (includeAuthorizedOperations: boolean) =>
      bench.ask('DescribeGroups', 3, makeDescribeGroupsRequest({ groups: ['g'], includeAuthorizedOperations }))
        .groups[0]
    expect(ask(true)?.authorizedOperations).toBe((1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11))
    expect(ask(false)?.authorizedOperations).toBe(-2147483648)
  })
})
