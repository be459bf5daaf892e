/** Offsets of consumer groups: commit, fetch, delete, expiry (OffsetMetadataManager, ConsumerGroup.validateOffset…; KIP-848, KIP-211). */
import { describe, expect, test } from 'vitest'
import { encodeSubscription } from '../../src/protocol/consumer-protocol.ts'
import { ErrorCode, errorName } from '../../src/protocol/errors.ts'
import {
  makeDeleteTopicsRequest,
  makeOffsetDeleteRequest,
  makeOffsetFetchRequest,
  makeOffsetFetchRequestGroup,
  makeOffsetFetchRequestTopics,
} from '../../src/protocol/make.ts'
import { beat, group, Member, newBench, settle } from './consumer-groups-support.ts'
import { commit, join, joinBody, lastBatch, reload } from './groups-support.ts'
import { type Bench, pendingTimers } from './support.ts'

const MINUTE = 60_000
const SHORT = { 'offsets.retention.minutes': '10', 'offsets.retention.check.interval.ms': String(MINUTE) }
const subscription = {
  protocols: [{ name: 'range', metadata: encodeSubscription({ topics: ['orders'], ownedPartitions: [] }, 1) }],
}
const committed = (bench: Bench, topic = 'orders') =>
  bench.state.shards.get(0)?.offsets.get('g')?.get(topic)?.get(0)?.offset
const commitAs = (bench: Bench, memberId: string, epoch: number, more: { version?: number; topic?: string } = {}) =>
  errorName(commit(bench, memberId, epoch, 5, { version: 9, ...more }) ?? -1)
const fetchAs = (bench: Bench, memberId: string | null, memberEpoch: number, topics: string[] | null = ['orders']) => {
  const asked = topics?.map((name) => makeOffsetFetchRequestTopics({ name, partitionIndexes: [0] })) ?? null
  const groups = [makeOffsetFetchRequestGroup({ groupId: 'g', memberId, memberEpoch, topics: asked })]
  const [answer] = bench.ask('OffsetFetch', 9, makeOffsetFetchRequest({ groups })).groups
  return { ...answer, error: errorName(answer?.errorCode ?? -1) }
}
const remove = (bench: Bench, topic: string) => {
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0 }] }]
  const { errorCode, topics: answers } = bench.ask('OffsetDelete', 0, makeOffsetDeleteRequest({ groupId: 'g', topics }))
  return [errorName(errorCode), errorName(answers[0]?.partitions[0]?.errorCode ?? -1)]
}
/** The member reports while time passes. */
function passAlive(member: Member, minutes: number) {
  for (let i = 0; i < minutes * 2; i++) {
    member.bench.pass(30_000)
    expect(member.report().errorCode).toBe(0)
  }
}
/** A classic member among those of the consumer protocol. */
function joinClassic(bench: Bench) {
  const { waiting } = join(bench, 'c', subscription)
  const { memberId, generationId } = bench.answerTo('JoinGroup', waiting)
  return { memberId, generationId }
}

describe('ConsumerGroup.validateOffsetCommit', () => {
  test('testConsumerGroupOffsetCommitWithStaleMemberEpoch: one too high as well as one too low', () => {
    const bench = newBench()
    const [a, b] = [new Member(bench, 'a'), new Member(bench, 'b')]
    a.join()
    b.join()
    settle(a, b)
    expect([1, 2, 3].map((epoch) => commitAs(bench, a.id, epoch))).toEqual([
      'STALE_MEMBER_EPOCH',
      'NONE',
      'STALE_MEMBER_EPOCH',
    ])
  })

  test('testConsumerGroupOffsetCommitWithIllegalGenerationId: of a classic member, which may also use older versions', () => {
    const bench = newBench()
    new Member(bench, 'a').join()
    const { memberId, generationId } = joinClassic(bench)
    for (const version of [5, 9]) {
      expect(commitAs(bench, memberId, generationId, { version })).toBe('NONE')
      expect(commitAs(bench, memberId, generationId - 1, { version })).toBe('ILLEGAL_GENERATION')
      expect(commitAs(bench, memberId, generationId + 1, { version })).toBe('ILLEGAL_GENERATION')
    }
  })

  test('testConsumerGroupOffsetCommitFromAdminClient: while the group is empty', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    expect(commitAs(bench, '', -1)).toBe('UNKNOWN_MEMBER_ID')
    a.leave()
    expect([commitAs(bench, '', -1), commitAs(bench, '', 1)]).toEqual(['NONE', 'UNKNOWN_MEMBER_ID'])
  })

  test('a member that gives partitions up may commit them in the epoch it is in', () => {
    const bench = newBench()
    const [a, b] = [new Member(bench, 'a'), new Member(bench, 'b')]
    a.join()
    b.join()
    a.report()
    expect(group(bench).members.get(a.id)).toMatchObject({ state: 'unrevoked-partitions', epoch: 1 })
    expect(commitAs(bench, a.id, 1)).toBe('NONE')
  })

  test('KIP-848: a commit is no sign of life', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    bench.pass(30_000)
    expect(commitAs(bench, a.id, 1)).toBe('NONE')
    bench.pass(15_000)
    expect(group(bench).members.size).toBe(0)
  })

  test('a static member that left for a while does not commit', () => {
    const bench = newBench()
    const a = new Member(bench, 'a', { instanceId: 'one' })
    a.join()
    a.leave(-2)
    expect(commitAs(bench, a.id, 1)).toBe('STALE_MEMBER_EPOCH')
  })
})

describe('ConsumerGroup.validateOffsetFetch', () => {
  test('testConsumerGroupOffsetFetchWithMemberIdAndEpoch, …FromAdminClient', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    commitAs(bench, a.id, 1)
    const found = { error: 'NONE', topics: [{ name: 'orders', partitions: [{ committedOffset: 5, errorCode: 0 }] }] }
    expect(fetchAs(bench, a.id, 1)).toMatchObject(found)
    expect(fetchAs(bench, null, -1)).toMatchObject(found)
    expect(fetchAs(bench, a.id, 1, null)).toMatchObject(found)
  })

  test.each<[string, (id: string) => [string | null, number], string]>([
    ['testConsumerGroupOffsetFetchWithUnknownMemberId', () => ['ghost', 1], 'UNKNOWN_MEMBER_ID'],
    ['… that is empty', () => ['', 1], 'UNKNOWN_MEMBER_ID'],
    ['testConsumerGroupOffsetFetchWithStaleMemberEpoch', (id) => [id, 0], 'STALE_MEMBER_EPOCH'],
    ['… in an epoch to come', (id) => [id, 2], 'STALE_MEMBER_EPOCH'],
    ['… without its epoch', (id) => [id, -1], 'STALE_MEMBER_EPOCH'],
  ])('%s: no topic is told', (_name, who, error) => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    commitAs(bench, a.id, 1)
    expect(fetchAs(bench, ...who(a.id))).toMatchObject({ error, topics: [] })
    expect(fetchAs(bench, ...who(a.id), null)).toMatchObject({ error, topics: [] })
  })

  test('testConsumerGroupOffsetFetchWithIllegalGenerationId: of a classic member', () => {
    const bench = newBench()
    new Member(bench, 'a').join()
    const { memberId, generationId } = joinClassic(bench)
    expect(fetchAs(bench, memberId, generationId).error).toBe('NONE')
    expect(fetchAs(bench, memberId, generationId - 1).error).toBe('ILLEGAL_GENERATION')
  })

  test('testFetchOffsetsWithUnknownGroup: who asks does not matter', () => {
    expect(fetchAs(newBench(), 'ghost', 3)).toMatchObject({
      error: 'NONE',
      topics: [{ partitions: [{ committedOffset: -1, committedLeaderEpoch: -1, metadata: '' }] }],
    })
    expect(fetchAs(newBench(), 'ghost', 3, null)).toMatchObject({ error: 'NONE', topics: [] })
  })

  test('several groups at once, each with an error of its own', () => {
    const bench = newBench()
    new Member(bench, 'a').join()
    const groups = ['g', 'nope'].map((groupId) =>
      makeOffsetFetchRequestGroup({ groupId, memberId: 'ghost', memberEpoch: 1, topics: null }),
    )
    const answers = bench.ask('OffsetFetch', 9, makeOffsetFetchRequest({ groups })).groups
    expect(answers.map(({ groupId, errorCode }) => [groupId, errorName(errorCode)])).toEqual([
      ['g', 'UNKNOWN_MEMBER_ID'],
      ['nope', 'NONE'],
    ])
  })
})

describe('ModernGroup.isSubscribedToTopic', () => {
  test('testConsumerGroupOffsetDeleteWithErrors: GROUP_SUBSCRIBED_TO_TOPIC for a topic some member subscribes to', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    commitAs(bench, a.id, 1)
    commitAs(bench, a.id, 1, { topic: 'users' })
    expect(remove(bench, 'orders')).toEqual(['NONE', 'GROUP_SUBSCRIBED_TO_TOPIC'])
    expect(remove(bench, 'users')).toEqual(['NONE', 'NONE'])
    expect(remove(bench, 'nope')).toEqual(['NONE', 'UNKNOWN_TOPIC_OR_PARTITION'])
    expect([committed(bench), committed(bench, 'users')]).toEqual([5, undefined])
  })

  test('what a regular expression finds is subscribed to', () => {
    const bench = newBench()
    const joining = { memberId: 'm', rebalanceTimeoutMs: 1000, subscribedTopicRegex: 'ord.*', topicPartitions: [] }
    beat(bench, joining, { version: 1 })
    commitAs(bench, 'm', 1)
    commitAs(bench, 'm', 1, { topic: 'users' })
    expect([remove(bench, 'orders')[1], remove(bench, 'users')[1]]).toEqual(['GROUP_SUBSCRIBED_TO_TOPIC', 'NONE'])
  })

  test('testConsumerGroupOffsetDelete: of an empty group everything; it stays, also after a replay', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    commitAs(bench, a.id, 1)
    a.leave()
    expect(remove(bench, 'orders')).toEqual(['NONE', 'NONE'])
    expect(lastBatch(bench)).toEqual([
      { type: 'offset-commit', group: 'g', topic: 'orders', partition: 0, value: null },
    ])
    expect(reload(bench).groups.get('g')).toMatchObject({ type: 'consumer', state: 'Empty' })
  })
})

describe('ConsumerGroup.offsetExpirationCondition', () => {
  test('offsets of topics somebody subscribes to stay, however old', () => {
    const bench = newBench(SHORT)
    const a = new Member(bench, 'a')
    a.join()
    commitAs(bench, a.id, 1)
    passAlive(a, 30)
    expect(committed(bench)).toBe(5)
  })

  test('others go by the time of their commit, also while the group has members', () => {
    const bench = newBench(SHORT)
    const a = new Member(bench, 'a')
    a.join()
    commitAs(bench, a.id, 1, { topic: 'users' })
    passAlive(a, 10)
    expect(committed(bench, 'users')).toBe(5)
    passAlive(a, 1)
    expect(committed(bench, 'users')).toBeUndefined()
    expect(bench.facts).toContainEqual(expect.objectContaining({ type: 'offset.expired', topic: 'users', offset: 5 }))
    expect(group(bench).state).toBe('Stable')
  })

  test('another subscription starts nothing anew: the commit may be older than the retention', () => {
    const bench = newBench(SHORT)
    const a = new Member(bench, 'a')
    a.join()
    commitAs(bench, a.id, 1)
    passAlive(a, 20)
    a.report({ subscribedTopicNames: ['users'] })
    settle(a)
    passAlive(a, 1)
    expect(committed(bench)).toBeUndefined()
  })

  test('an empty group goes with its last offset: tombstones for both', () => {
    const bench = newBench(SHORT)
    const a = new Member(bench, 'a')
    a.join()
    bench.pass(5000)
    commitAs(bench, a.id, 1)
    a.leave()
    bench.pass(9 * MINUTE)
    expect(committed(bench)).toBe(5)
    bench.pass(2 * MINUTE)
    expect(bench.state.shards.get(0)?.groups.size).toBe(0)
    expect(lastBatch(bench)).toEqual([
      { type: 'offset-commit', group: 'g', topic: 'orders', partition: 0, value: null },
      { type: 'target-epoch', group: 'g', value: null },
      { type: 'consumer-group-topics', group: 'g', value: null },
      { type: 'consumer-group', group: 'g', value: null },
    ])
    expect(reload(bench).groups.size).toBe(0)
    expect(pendingTimers(bench)).toBe(0)
  })

  test('testConsumerGroupMaybeDelete: an empty group without offsets goes at the next look, one with members never', () => {
    const bench = newBench(SHORT)
    const a = new Member(bench, 'a')
    a.join()
    passAlive(a, 3)
    expect(group(bench).members.size).toBe(1)
    a.leave()
    bench.pass(MINUTE)
    expect(bench.state.shards.get(0)?.groups.size).toBe(0)
  })
})

describe('a topic that is deleted under a consumer group', () => {
  const drop = (bench: Bench, name: string) =>
    bench.ask('DeleteTopics', 3, makeDeleteTopicsRequest({ topicNames: [name] }))

  test('testOnPartitionsDeleted: its offsets go, those of others stay', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    commitAs(bench, a.id, 1)
    commitAs(bench, a.id, 1, { topic: 'users' })
    drop(bench, 'orders')
    expect([committed(bench), committed(bench, 'users')]).toEqual([undefined, 5])
    expect(reload(bench).offsets.get('g')?.has('orders')).toBe(false)
  })

  test('testOnNewMetadataImage: with the next heartbeat a new group epoch without it; what is gone is given up', () => {
    const bench = newBench()
    const a = new Member(bench, 'a', { topics: ['orders', 'users'] })
    const b = new Member(bench, 'b', { topics: ['orders', 'users'] })
    a.join()
    b.join()
    settle(a, b)
    drop(bench, 'users')
    expect(a.report()).toMatchObject({ errorCode: 0 })
    expect(group(bench)).toMatchObject({ groupEpoch: 3, reason: 'topics it subscribes to have changed' })
    settle(a, b)
    expect(group(bench)).toMatchObject({ state: 'Stable', groupEpoch: 3 })
    expect([...a.partitions, ...b.partitions].sort()).toEqual(['orders-0', 'orders-1', 'orders-2', 'orders-3'])
    expect([...group(bench).topics.keys()]).toEqual(['orders'])
  })

  test('the same name again is another topic: what was assigned of the old one is not taken for it', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    const before = [...a.owned.keys()]
    drop(bench, 'orders')
    settle(a)
    expect(a.owned.size).toBe(0)
    expect(before).toHaveLength(1)
    expect(group(bench).members.get(a.id)).toMatchObject({ state: 'stable', epoch: 2 })
  })
})

describe('offsets across the two protocols', () => {
  test('what a classic group committed is there for the consumer group it becomes, and after a replay', () => {
    const bench = newBench()
    const { id } = join(bench, 'c', subscription)
    bench.pass(6000)
    bench.ask('SyncGroup', 3, {
      groupId: 'g',
      generationId: 1,
      memberId: id,
      groupInstanceId: null,
      protocolType: null,
      protocolName: null,
      assignments: [],
    })
    expect(commitAs(bench, id, 1)).toBe('NONE')
    new Member(bench, 'a').join()
    expect(group(bench).members.size).toBe(2)
    expect(fetchAs(bench, id, 1)).toMatchObject({ topics: [{ partitions: [{ committedOffset: 5 }] }] })
    expect(reload(bench).offsets).toEqual(bench.state.shards.get(0)?.offsets)
  })

  test('a classic member of another generation may not commit, one that joined again may', () => {
    const bench = newBench()
    const a = new Member(bench, 'a')
    a.join()
    const { memberId, generationId } = joinClassic(bench)
    new Member(bench, 'b').join()
    expect(commitAs(bench, memberId, generationId)).toBe('NONE')
    const again = bench.ask('JoinGroup', 5, joinBody(memberId, subscription))
    expect(again.generationId).toBeGreaterThan(generationId)
    expect(commitAs(bench, memberId, generationId)).toBe(errorName(ErrorCode.ILLEGAL_GENERATION))
    expect(commitAs(bench, memberId, again.generationId)).toBe('NONE')
  })
})
