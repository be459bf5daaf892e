/** DeleteGroups (KIP-229) and OffsetDelete (KIP-496) of classic groups. */
import { describe, expect, test } from 'vitest'
import { encodeSubscription } from '../../src/protocol/consumer-protocol.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  makeDeleteGroupsRequest,
  makeOffsetCommitRequest,
  makeOffsetCommitRequestPartition,
  makeOffsetCommitRequestTopic,
  makeOffsetDeleteRequest,
} from '../../src/protocol/make.ts'
import {
  assignmentOf,
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
import { type Bench, createBench, pendingTimers } from './support.ts'

describe('DeleteGroups', () => {
  const remove = (bench: Bench, ...groupsNames: string[]) =>
    bench
      .ask('DeleteGroups', 2, makeDeleteGroupsRequest({ groupsNames }))
      .results.map(({ groupId, errorCode }) => [groupId, errorCode])

  test('deletes an empty group and its offsets: a tombstone each, also after a replay', () => {
    const bench = newBench()
    const { leader, generation } = stable(bench, 1)
    commit(bench, leader, generation, 5)
    leave(bench, leader)
    bench.facts.length = 0
    expect(remove(bench, 'g')).toEqual([['g', 0]])
    expect(lastBatch(bench)).toEqual([
      { type: 'offset-commit', group: 'g', topic: 'orders', partition: 0, value: null },
      { type: 'group-metadata', group: 'g', value: null },
    ])
    expect(group(bench)).toBeUndefined()
    expect(bench.state.shards.get(0)?.offsets.size).toBe(0)
    expect(pendingTimers(bench)).toBe(0)
    expect(bench.facts).toContainEqual(expect.objectContaining({ type: 'group.state', from: 'Empty', to: 'Dead' }))
    const { groups, offsets } = reload(bench)
    expect([groups.size, offsets.size]).toEqual([0, 0])
  })

  test('a group with members is NON_EMPTY_GROUP in every state, and nothing of it is touched', () => {
    const bench = newBench()
    const { id, waiting } = join(bench, 'c0')
    expect(group(bench)?.state).toBe('PreparingRebalance')
    expect(remove(bench, 'g')).toEqual([['g', ErrorCode.NON_EMPTY_GROUP]])
    bench.pass(6000)
    const { generationId } = bench.answerTo('JoinGroup', waiting)
    expect(group(bench)?.state).toBe('CompletingRebalance')
    expect(remove(bench, 'g')).toEqual([['g', ErrorCode.NON_EMPTY_GROUP]])
    sync(bench, id, generationId, { [id]: assignmentOf(0) })
    commit(bench, id, generationId, 5)
    const end = offsetsLog(bench)?.logEndOffset
    expect(remove(bench, 'g')).toEqual([['g', ErrorCode.NON_EMPTY_GROUP]])
    expect(offsetsLog(bench)?.logEndOffset).toBe(end)
    expect(heartbeat(bench, id, generationId)).toBe(ErrorCode.NONE)
  })

  test('a group nobody knows is GROUP_ID_NOT_FOUND; so is one deleted before', () => {
    const bench = newBench()
    commit(bench, '', -1, 5)
    expect(remove(bench, 'nope', 'g')).toEqual([
      ['nope', ErrorCode.GROUP_ID_NOT_FOUND],
      ['g', 0],
    ])
    expect(remove(bench, 'g')).toEqual([['g', ErrorCode.GROUP_ID_NOT_FOUND]])
  })

  test('a group named twice is answered once', () => {
    const bench = newBench()
    commit(bench, '', -1, 5)
    expect(remove(bench, 'g', 'g')).toEqual([['g', 0]])
  })

  test('an id that was handed out is forgotten with its timer', () => {
    const bench = newBench()
    const { memberId } = bench.ask('JoinGroup', 5, joinBody(''))
    expect(group(bench)?.state).toBe('Empty')
    expect(pendingTimers(bench)).toBe(1)
    expect(remove(bench, 'g')).toEqual([['g', 0]])
    expect(pendingTimers(bench)).toBe(0)
    expect(bench.ask('JoinGroup', 5, joinBody(memberId)).errorCode).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  test('a deleted group can be made again, from nothing', () => {
    const bench = newBench()
    const first = stable(bench, 1)
    commit(bench, first.leader, first.generation, 5)
    leave(bench, first.leader)
    remove(bench, 'g')
    expect(stable(bench, 1).generation).toBe(1)
    expect(bench.state.shards.get(0)?.offsets.size).toBe(0)
    expect(reload(bench).groups.get('g')).toMatchObject({ state: 'Stable', generation: 1 })
  })

  test('groups on several partitions of the offsets topic are one answer, which comes once', () => {
    const bench = createBench({ orders: 1, __consumer_offsets: 5 })
    const ids = ['a', 'b', 'c', 'd', 'e', 'f']
    for (const groupId of ids) {
      bench.ask(
        'OffsetCommit',
        5,
        makeOffsetCommitRequest({
          groupId,
          generationIdOrMemberEpoch: -1,
          topics: [
            makeOffsetCommitRequestTopic({
              name: 'orders',
              partitions: [makeOffsetCommitRequestPartition({ partitionIndex: 0, committedOffset: 1 })],
            }),
          ],
        }),
      )
    }
    const answers = bench.answers.size
    expect(remove(bench, ...ids)).toEqual(ids.map((id) => [id, 0]))
    expect(bench.answers.size).toBe(answers + 1)
    expect(bench.state.committedParts.size).toBe(0)
    expect([...bench.state.shards.values()].map(({ groups }) => groups.size)).toEqual([0, 0, 0, 0, 0])
    expect([0, 1, 2, 3, 4].every((partition) => lastBatch(bench, partition).at(-1)?.value === null)).toBe(true)
  })

  test('a broker that coordinates no such group is NOT_COORDINATOR, also while there is no offsets topic', () => {
    expect(remove(createBench(), 'g')).toEqual([['g', ErrorCode.NOT_COORDINATOR]])
    const bench = newBench()
    bench.state.shards.clear()
    expect(remove(bench, 'g')).toEqual([['g', ErrorCode.NOT_COORDINATOR]])
  })
})

describe('OffsetDelete', () => {
  const remove = (bench: Bench, topic = 'orders', partitionIndex = 0, groupId = 'g') =>
    bench.ask(
      'OffsetDelete',
      0,
      makeOffsetDeleteRequest({ groupId, topics: [{ name: topic, partitions: [{ partitionIndex }] }] }),
    )
  const errorOf = ({ topics }: ReturnType<typeof remove>) => topics[0]?.partitions[0]?.errorCode
  const subscribedTo = (...topics: string[]) => ({
    protocols: [{ name: 'RoundRobinAssigner', metadata: encodeSubscription({ topics }, 0) }],
  })

  test('deletes a committed offset with a tombstone; the group stays, also after a replay', () => {
    const bench = newBench()
    commit(bench, '', -1, 5)
    expect(remove(bench)).toMatchObject({
      errorCode: 0,
      topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, errorCode: 0 }] }],
    })
    expect(lastBatch(bench)).toEqual([
      { type: 'offset-commit', group: 'g', topic: 'orders', partition: 0, value: null },
    ])
    for (const { groups, offsets } of [bench.state.shards.get(0) as ReturnType<typeof reload>, reload(bench)]) {
      expect(groups.get('g')?.state).toBe('Empty')
      expect(offsets.size).toBe(0)
    }
  })

  test('a partition without a commit is no error and writes nothing', () => {
    const bench = newBench()
    commit(bench, '', -1, 5)
    const end = offsetsLog(bench)?.logEndOffset
    expect(errorOf(remove(bench, 'orders', 1))).toBe(0)
    expect(offsetsLog(bench)?.logEndOffset).toBe(end)
  })

  test('an unknown partition is UNKNOWN_TOPIC_OR_PARTITION', () => {
    const bench = newBench()
    commit(bench, '', -1, 5)
    expect(errorOf(remove(bench, 'nope'))).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(errorOf(remove(bench, 'orders', 9))).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  })

  test('an unknown group is GROUP_ID_NOT_FOUND, an empty id INVALID_GROUP_ID, both without topics', () => {
    const bench = newBench()
    expect(remove(bench)).toMatchObject({ errorCode: ErrorCode.GROUP_ID_NOT_FOUND, topics: [] })
    expect(remove(bench, 'orders', 0, '')).toMatchObject({ errorCode: ErrorCode.INVALID_GROUP_ID, topics: [] })
  })

  test('a topic the group subscribes to is GROUP_SUBSCRIBED_TO_TOPIC, another one is not', () => {
    const bench = createBench({ orders: 4, users: 1, __consumer_offsets: 1 })
    const { leader, generation } = stable(bench, 1, subscribedTo('users'))
    commit(bench, leader, generation, 5)
    expect(errorOf(remove(bench, 'users'))).toBe(ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC)
    expect(errorOf(remove(bench, 'orders'))).toBe(0)
    expect(bench.state.shards.get(0)?.offsets.size).toBe(0)
    expect(reload(bench).groups.get('g')).toHaveProperty('subscribedTopics', new Set(['users']))
    leave(bench, leader)
    expect(errorOf(remove(bench, 'users'))).toBe(0)
  })

  test('the version in front of a subscription does not matter: kafkajs writes any', () => {
    const bench = newBench()
    const metadata = encodeSubscription({ topics: ['users'] }, 0)
    metadata[1] = 7
    stable(bench, 1, { protocols: [{ name: 'RoundRobinAssigner', metadata }] })
    expect(errorOf(remove(bench, 'orders'))).toBe(0)
  })

  test('subscriptions that cannot be read, or are not known yet, count as all topics', () => {
    const bench = newBench()
    join(bench, 'c0', subscribedTo('users'))
    expect(group(bench)).toMatchObject({ state: 'PreparingRebalance', generation: 0 })
    expect(errorOf(remove(bench, 'orders'))).toBe(ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC)
    const unreadable = newBench()
    stable(unreadable, 1)
    expect(errorOf(remove(unreadable, 'orders'))).toBe(ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC)
  })

  test('an active group that is no consumer group is NON_EMPTY_GROUP', () => {
    const bench = newBench()
    stable(bench, 1, { protocolType: 'connect' })
    expect(remove(bench)).toMatchObject({ errorCode: ErrorCode.NON_EMPTY_GROUP, topics: [] })
  })
})
