/** Every error of the classic protocol, state by state (GroupMetadataManager.classicGroup…, ClassicGroup.validate…). */
import { describe, expect, test } from 'vitest'
import { encodeSubscription } from '../../src/protocol/consumer-protocol.ts'
import { ErrorCode, errorName } from '../../src/protocol/errors.ts'
import {
  makeConsumerGroupDescribeRequest,
  makeConsumerGroupHeartbeatRequest,
  makeDeleteGroupsRequest,
  makeDescribeGroupsRequest,
  makeHeartbeatRequest,
  makeLeaveGroupRequest,
  makeListGroupsRequest,
  makeMemberIdentity,
  makeOffsetCommitRequest,
  makeOffsetCommitRequestPartition,
  makeOffsetCommitRequestTopic,
  makeOffsetDeleteRequest,
  makeOffsetFetchRequest,
  makeOffsetFetchRequestTopic,
  makeSyncGroupRequest,
} from '../../src/protocol/make.ts'
import { assignmentOf, commit, group, join, joinBody, METADATA, newBench, stable, sync } from './groups-support.ts'
import { type Bench, createBench } from './support.ts'

type Who = { readonly memberId: string; readonly instance?: string | null; readonly generation: number }

const joinAs = (bench: Bench, { memberId, instance = null }: Omit<Who, 'generation'>) => {
  const id = bench.send('JoinGroup', 9, joinBody(memberId, { groupInstanceId: instance }))
  return bench.isWaiting(id) ? 'waits' : errorName(bench.answerTo('JoinGroup', id).errorCode)
}
const syncAs = (bench: Bench, { memberId, instance = null, generation }: Who) => {
  const body = makeSyncGroupRequest({ groupId: 'g', memberId, groupInstanceId: instance, generationId: generation })
  const id = bench.send('SyncGroup', 3, body)
  return bench.isWaiting(id) ? 'waits' : errorName(bench.answerTo('SyncGroup', id).errorCode)
}
const beatAs = (bench: Bench, { memberId, instance = null, generation }: Who) => {
  const body = makeHeartbeatRequest({ groupId: 'g', memberId, groupInstanceId: instance, generationId: generation })
  return errorName(bench.ask('Heartbeat', 3, body).errorCode)
}
const leaveAs = (bench: Bench, { memberId, instance = null }: Omit<Who, 'generation'>) => {
  const members = [makeMemberIdentity({ memberId, groupInstanceId: instance })]
  return errorName(
    bench.ask('LeaveGroup', 3, makeLeaveGroupRequest({ groupId: 'g', members })).members[0]?.errorCode ?? -1,
  )
}
const commitAs = (bench: Bench, { memberId, instance = null, generation }: Who, version = 8) => {
  const partitions = [makeOffsetCommitRequestPartition({ partitionIndex: 0, committedOffset: 1 })]
  const body = makeOffsetCommitRequest({
    groupId: 'g',
    memberId,
    groupInstanceId: instance,
    generationIdOrMemberEpoch: generation,
    topics: [makeOffsetCommitRequestTopic({ name: 'orders', partitions })],
  })
  return errorName(bench.ask('OffsetCommit', version, body).topics[0]?.partitions[0]?.errorCode ?? -1)
}

/** A group of a dynamic member that leads and a static one, `i`, in each of its states. */
const STATES = ['Empty', 'PreparingRebalance', 'CompletingRebalance', 'Stable'] as const
type State = (typeof STATES)[number]
function groupIn(state: State, bench = newBench()) {
  const { id, waiting } = join(bench, 'a')
  const other = bench.send('JoinGroup', 9, joinBody('', { groupInstanceId: 'i' }))
  bench.pass(6000)
  const { memberId } = bench.answerTo('JoinGroup', other)
  expect(bench.answerTo('JoinGroup', waiting).generationId).toBe(1)
  if (state !== 'CompletingRebalance') {
    sync(bench, memberId, 1)
    sync(bench, id, 1, { [id]: assignmentOf(0), [memberId]: assignmentOf(1) })
  }
  if (state === 'PreparingRebalance') bench.send('JoinGroup', 5, joinBody(id))
  if (state === 'Empty') {
    leaveAs(bench, { memberId: id })
    leaveAs(bench, { memberId, instance: 'i' })
    bench.pass(60_000)
  }
  expect(group(bench)?.state).toBe(state)
  return { bench, id, staticId: memberId, generation: group(bench)?.generation ?? -1 }
}

/** Who asks, in the order of the columns below. */
const callers = ({ id, staticId, generation }: ReturnType<typeof groupIn>): Who[] => [
  { memberId: id, generation },
  { memberId: id, generation: generation - 1 },
  { memberId: id, generation: generation + 1 },
  { memberId: 'ghost', generation },
  { memberId: staticId, instance: 'i', generation },
  { memberId: 'older', instance: 'i', generation },
  { memberId: staticId, instance: 'nobody', generation },
]
const NAMES = ['the member', 'generation - 1', 'generation + 1', 'a stranger', 'static', 'fenced', 'unknown instance']
const UNKNOWN = 'UNKNOWN_MEMBER_ID'
const ILLEGAL = 'ILLEGAL_GENERATION'
const FENCED = 'FENCED_INSTANCE_ID'
const REBALANCE = 'REBALANCE_IN_PROGRESS'
const nobody = [UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]
const row = (member: string, ofStatic = member) => [member, ILLEGAL, ILLEGAL, UNKNOWN, ofStatic, FENCED, UNKNOWN]

describe.each([
  ['classicGroupSync, validateSyncGroup', syncAs, [nobody, row(REBALANCE), row('NONE', 'waits'), row('NONE')]],
  ['classicGroupHeartbeat, validateClassicGroupHeartbeat', beatAs, [nobody, row(REBALANCE), row('NONE'), row('NONE')]],
  ['ClassicGroup.validateOffsetCommit', commitAs, [nobody, row('NONE'), row(REBALANCE), row('NONE')]],
] as const)('%s', (_name, ask, expected) => {
  test.each(STATES.map((state, i) => [state, expected[i] ?? []] as const))('in %s', (state, errors) => {
    const answers = NAMES.map((name, i) => {
      const made = groupIn(state)
      return [name, ask(made.bench, callers(made)[i] as Who)]
    })
    expect(answers).toEqual(NAMES.map((name, i) => [name, errors[i]]))
  })
})

describe('classicGroupJoinExistingMember', () => {
  test.each<[State, (string | undefined)[]]>([
    ['Empty', [UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]],
    ['PreparingRebalance', ['waits', UNKNOWN, 'NONE', FENCED, UNKNOWN]],
    ['CompletingRebalance', ['NONE', UNKNOWN, 'NONE', FENCED, UNKNOWN]],
    ['Stable', ['waits', UNKNOWN, 'NONE', FENCED, UNKNOWN]],
  ])('in %s: leader, stranger, static, fenced, unknown instance', (state, errors) => {
    const answers = [0, 3, 4, 5, 6].map((who) => {
      const made = groupIn(state)
      return joinAs(made.bench, callers(made)[who] as Who)
    })
    expect(answers).toEqual(errors)
  })

  test('testJoinGroupExistingPendingMemberWithGroupInstanceIdThrowsException: UNKNOWN_SERVER_ERROR', () => {
    const bench = newBench()
    const { memberId } = bench.ask('JoinGroup', 5, joinBody(''))
    expect(joinAs(bench, { memberId, instance: 'i' })).toBe('UNKNOWN_SERVER_ERROR')
    expect(joinAs(bench, { memberId })).toBe('waits')
  })

  test.each([
    ['testJoinGroupWithEmptyProtocolType', { protocolType: '' }],
    ['testJoinGroupWithEmptyGroupProtocol', { protocols: [] }],
  ])('%s: INCONSISTENT_GROUP_PROTOCOL, also of the first member', (_name, more) => {
    const bench = newBench()
    const error = (memberId: string) => errorName(bench.ask('JoinGroup', 5, joinBody(memberId, more)).errorCode)
    expect(error('')).toBe('INCONSISTENT_GROUP_PROTOCOL')
    const { leader } = stable(bench, 1)
    expect([error(''), error(leader)]).toEqual(['INCONSISTENT_GROUP_PROTOCOL', 'INCONSISTENT_GROUP_PROTOCOL'])
    expect(group(bench)?.state).toBe('Stable')
  })

  test('testJoinGroupSecondJoinInconsistentProtocol: a member must not change to protocols of its own', () => {
    const bench = newBench()
    const { ids } = stable(bench, 2)
    const other = { protocols: [{ name: 'other', metadata: METADATA }] }
    const answer = bench.ask('JoinGroup', 5, joinBody(ids[1] ?? '', other))
    expect(answer).toMatchObject({ errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL, memberId: ids[1] })
  })

  test('testJoinGroupProtocolTypeIsNotProvidedWhenAnErrorOccurs', () => {
    const bench = newBench()
    const answer = bench.ask('JoinGroup', 7, joinBody('ghost'))
    expect(answer).toMatchObject({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID, protocolType: null, protocolName: null })
  })
})

describe('classicGroupLeave', () => {
  test.each(STATES)('in %s: a stranger, a fenced and an unknown instance, then both members', (state) => {
    const made = groupIn(state)
    const { bench, id, staticId } = made
    expect(leaveAs(bench, { memberId: 'ghost' })).toBe(UNKNOWN)
    expect(leaveAs(bench, { memberId: 'older', instance: 'i' })).toBe(state === 'Empty' ? UNKNOWN : FENCED)
    expect(leaveAs(bench, { memberId: '', instance: 'nobody' })).toBe(UNKNOWN)
    expect(leaveAs(bench, { memberId: '' })).toBe(UNKNOWN)
    const answers = [{ memberId: id }, { memberId: staticId, instance: 'i' }].map((who) => leaveAs(bench, who))
    expect(answers).toEqual(state === 'Empty' ? [UNKNOWN, UNKNOWN] : ['NONE', 'NONE'])
  })

  test('removeCurrentMemberFromClassicGroup: a join that waits is UNKNOWN_MEMBER_ID', () => {
    const bench = newBench()
    const { id, waiting } = join(bench, 'a')
    expect(leaveAs(bench, { memberId: id })).toBe('NONE')
    expect(bench.answerTo('JoinGroup', waiting)).toMatchObject({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID, memberId: '' })
  })

  test('testPendingMembersLeaveGroup: the rebalance waits for it no more', () => {
    const { bench, staticId } = groupIn('PreparingRebalance')
    const { memberId } = bench.ask('JoinGroup', 5, joinBody(''))
    const waiting = bench.send('JoinGroup', 9, joinBody(staticId, { groupInstanceId: 'i' }))
    expect(bench.isWaiting(waiting)).toBe(true)
    expect(leaveAs(bench, { memberId })).toBe('NONE')
    expect(bench.answerTo('JoinGroup', waiting).generationId).toBe(2)
  })
})

describe('validateOffsetCommit', () => {
  test.each([
    ['Empty', 'NONE'],
    ['PreparingRebalance', UNKNOWN],
    ['CompletingRebalance', UNKNOWN],
    ['Stable', UNKNOWN],
  ] as const)('testGenericGroupOffsetCommitWithoutMemberIdAndGeneration: in %s %s', (state, error) => {
    expect(commitAs(groupIn(state).bench, { memberId: '', generation: -1 })).toBe(error)
  })

  test('testSimpleGroupOffsetCommitWithInstanceId: while the group is empty who it says it is does not matter', () => {
    expect(commitAs(groupIn('Empty').bench, { memberId: 'm', instance: 'i', generation: -1 })).toBe('NONE')
  })

  test('testOffsetCommitWithUnknownGroup: ILLEGAL_GENERATION, from v9 on GROUP_ID_NOT_FOUND', () => {
    const who = { memberId: 'm', generation: 10 }
    expect([8, 9].map((version) => commitAs(newBench(), who, version))).toEqual([ILLEGAL, 'GROUP_ID_NOT_FOUND'])
  })

  test('a commit that is refused makes no group', () => {
    const bench = newBench()
    commitAs(bench, { memberId: 'm', generation: 10 }, 9)
    expect(group(bench)).toBeUndefined()
  })
})

/** Every API of groups, asked about a group. */
const APIS: readonly [api: string, ask: (bench: Bench, groupId: string) => number | undefined][] = [
  ['JoinGroup', (bench, groupId) => bench.ask('JoinGroup', 5, joinBody('', { groupId })).errorCode],
  ['SyncGroup', (bench, groupId) => bench.ask('SyncGroup', 3, makeSyncGroupRequest({ groupId })).errorCode],
  ['Heartbeat', (bench, groupId) => bench.ask('Heartbeat', 3, makeHeartbeatRequest({ groupId })).errorCode],
  ['LeaveGroup', (bench, groupId) => bench.ask('LeaveGroup', 3, makeLeaveGroupRequest({ groupId })).errorCode],
  [
    'OffsetDelete',
    (bench, groupId) => {
      const topics = [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }]
      return bench.ask('OffsetDelete', 0, makeOffsetDeleteRequest({ groupId, topics })).errorCode
    },
  ],
  [
    'ConsumerGroupDescribe',
    (bench, groupId) =>
      bench.ask('ConsumerGroupDescribe', 0, makeConsumerGroupDescribeRequest({ groupIds: [groupId] })).groups[0]
        ?.errorCode,
  ],
  [
    'OffsetCommit',
    (bench, groupId) => {
      const partitions = [makeOffsetCommitRequestPartition({ partitionIndex: 0, committedOffset: 1 })]
      const topics = [makeOffsetCommitRequestTopic({ name: 'orders', partitions })]
      const body = makeOffsetCommitRequest({ groupId, generationIdOrMemberEpoch: -1, topics })
      return bench.ask('OffsetCommit', 5, body).topics[0]?.partitions[0]?.errorCode
    },
  ],
  [
    'OffsetFetch',
    (bench, groupId) => {
      const topics = [makeOffsetFetchRequestTopic({ name: 'orders', partitionIndexes: [0] })]
      return bench.ask('OffsetFetch', 5, makeOffsetFetchRequest({ groupId, topics })).errorCode
    },
  ],
  [
    'DescribeGroups',
    (bench, groupId) =>
      bench.ask('DescribeGroups', 5, makeDescribeGroupsRequest({ groups: [groupId] })).groups[0]?.errorCode,
  ],
  [
    'DeleteGroups',
    (bench, groupId) =>
      bench.ask('DeleteGroups', 2, makeDeleteGroupsRequest({ groupsNames: [groupId] })).results[0]?.errorCode,
  ],
]
const MEMBERS_ONLY = APIS.slice(0, 6)
const heartbeat68 = (bench: Bench, groupId: string) =>
  bench.ask(
    'ConsumerGroupHeartbeat',
    0,
    makeConsumerGroupHeartbeatRequest({
      groupId,
      rebalanceTimeoutMs: 1000,
      subscribedTopicNames: ['orders'],
      topicPartitions: [],
    }),
  ).errorCode

describe('the group id', () => {
  test.each(MEMBERS_ONLY)('isGroupIdNotEmpty: %s without one is INVALID_GROUP_ID', (_api, ask) => {
    expect(errorName(ask(newBench(), '') ?? -1)).toBe('INVALID_GROUP_ID')
  })

  test.each(APIS.slice(6))('“for backwards compatibility”: %s takes the empty one', (api, ask) => {
    const bench = newBench()
    expect(errorName(ask(bench, '') ?? -1)).toBe(api === 'DeleteGroups' ? 'GROUP_ID_NOT_FOUND' : 'NONE')
  })

  test('a simple consumer may commit for the empty group, which can be described and deleted', () => {
    const bench = newBench()
    for (const [api, ask] of APIS.slice(6)) expect([api, ask(bench, '')]).toEqual([api, 0])
    expect(bench.state.shards.get(0)?.groups.size).toBe(0)
  })

  test('any other name will do, up to what a string of the log can hold', () => {
    const bench = newBench()
    const long = 'g'.repeat(32_767)
    for (const [api, ask] of APIS.slice(6)) expect([api, ask(bench, long)]).toEqual([api, 0])
  })

  test.each([...APIS, ['ConsumerGroupHeartbeat', heartbeat68] as const])(
    '%s: a longer one is INVALID_GROUP_ID, and nothing is made of it',
    (_api, ask) => {
      const bench = newBench()
      expect(errorName(ask(bench, 'ü'.repeat(16_384)) ?? -1)).toBe('INVALID_GROUP_ID')
      expect(bench.state.shards.get(0)?.groups.size).toBe(0)
    },
  )
})

describe('KafkaApis: a broker that is not the coordinator', () => {
  test.each([...APIS, ['ConsumerGroupHeartbeat', heartbeat68] as const])('%s is NOT_COORDINATOR', (_api, ask) => {
    const bench = newBench()
    bench.state.shards.clear()
    expect(errorName(ask(bench, 'g') ?? -1)).toBe('NOT_COORDINATOR')
  })

  test('testListGroupsFailedWithNotCoordinatorException: ListGroups of none is no error', () => {
    expect(createBench().ask('ListGroups', 4, makeListGroupsRequest())).toMatchObject({ errorCode: 0, groups: [] })
  })
})

describe('testSyncGroupEmptyAssignment, and other assignments of a leader', () => {
  const subscribed = { protocols: [{ name: 'range', metadata: encodeSubscription({ topics: ['orders'] }, 0) }] }
  test('bytes that are no assignment are handed out as they are, and stored', () => {
    const bench = newBench()
    const { id } = join(bench, 'a', subscribed)
    bench.pass(6000)
    const junk = new Uint8Array([1, 2])
    expect(bench.answerTo('SyncGroup', sync(bench, id, 1, { [id]: junk })).assignment).toEqual(junk)
    expect(group(bench)?.state).toBe('Stable')
    expect(commit(bench, id, 1, 3)).toBe(0)
  })

  test('who is no member gets nothing; a member that is left out gets an empty one', () => {
    const bench = newBench()
    const [a, b] = [join(bench, 'a', subscribed), join(bench, 'b', subscribed)]
    bench.pass(6000)
    const follower = sync(bench, b.id, 1)
    sync(bench, a.id, 1, { ghost: assignmentOf(0), [a.id]: assignmentOf(1) })
    expect(bench.answerTo('SyncGroup', follower)).toMatchObject({ errorCode: 0, assignment: new Uint8Array(0) })
    expect([...(group(bench)?.members.keys() ?? [])]).toEqual([a.id, b.id])
  })

  test('what a follower sends along is not looked at', () => {
    const bench = newBench()
    const [a, b] = [join(bench, 'a', subscribed), join(bench, 'b', subscribed)]
    bench.pass(6000)
    const follower = sync(bench, b.id, 1, { [b.id]: assignmentOf(0, 1, 2, 3) })
    expect(bench.isWaiting(follower)).toBe(true)
    sync(bench, a.id, 1, { [a.id]: assignmentOf(0), [b.id]: assignmentOf(1) })
    expect(bench.answerTo('SyncGroup', follower).assignment).toEqual(assignmentOf(1))
  })
})
