/**
 * What a group coordinator decides while too few replicas of its partition are in sync: it is not written and does not hold
 * (CoordinatorRuntime, CoordinatorPartitionWriter.append).
 */
import { describe, expect, test } from 'vitest'
import { errorName } from '../../src/protocol/errors.ts'
import {
  makeDeleteGroupsRequest,
  makeOffsetCommitRequest,
  makeOffsetCommitRequestPartition,
  makeOffsetCommitRequestTopic,
  makeOffsetFetchRequest,
  makeTxnOffsetCommitRequest,
} from '../../src/protocol/make.ts'
import { newBench as consumerBench, group as consumerGroup, Member } from './consumer-groups-support.ts'
import { assignmentOf, newBench as classicBench, group, join, sync } from './groups-support.ts'
import { type Bench, createBench } from './support.ts'

const OFFSETS = '__consumer_offsets'
const newBench = (config: Record<string, string> = {}) =>
  createBench(
    { orders: 4, [OFFSETS]: 1, __transaction_state: 1 },
    { 'min.insync.replicas': '2', ...config },
    {
      silentFollower: true,
    },
  )

function inSync(bench: Bench, isr: readonly number[]): void {
  const leader = bench.state.leading.get(`${OFFSETS}-0`)
  if (leader !== undefined) Object.assign(leader, { isr })
}

const logEnd = (bench: Bench) => bench.state.logs.get(OFFSETS)?.[0]?.logEndOffset

function commit(bench: Bench, memberId = '', generation = -1): string {
  const partitions = [makeOffsetCommitRequestPartition({ partitionIndex: 0, committedOffset: 7 })]
  const topics = [makeOffsetCommitRequestTopic({ name: 'orders', partitions })]
  const body = makeOffsetCommitRequest({ groupId: 'g', memberId, generationIdOrMemberEpoch: generation, topics })
  return errorName(bench.ask('OffsetCommit', 8, body).topics[0]?.partitions[0]?.errorCode ?? -1)
}

const fetched = (bench: Bench) => {
  const body = makeOffsetFetchRequest({ groupId: 'g', topics: [{ name: 'orders', partitionIndexes: [0] }] })
  return bench.ask('OffsetFetch', 5, body).topics[0]?.partitions[0]?.committedOffset
}

test('a commit is refused at once, and nothing of it remains', () => {
  const bench = newBench()
  inSync(bench, [1])
  expect(commit(bench)).toBe('COORDINATOR_NOT_AVAILABLE')
  expect([logEnd(bench), fetched(bench), bench.state.shards.get(0)?.groups.size]).toEqual([0, -1, 0])
  expect(bench.facts.filter(({ type }) => type === 'offset.commit')).toEqual([])
})

test('so is one in a transaction', () => {
  const bench = newBench({ 'transaction.partition.verification.enable': 'false' })
  inSync(bench, [1])
  const body = makeTxnOffsetCommitRequest({
    ...{ transactionalId: 'tx', groupId: 'g', producerId: 5, producerEpoch: 0 },
    topics: [
      {
        name: 'orders',
        partitions: [{ partitionIndex: 0, committedOffset: 7, committedLeaderEpoch: -1, committedMetadata: '' }],
      },
    ],
  })
  const answer = bench.ask('TxnOffsetCommit', 3, body)
  expect(errorName(answer.topics[0]?.partitions[0]?.errorCode ?? -1)).toBe('COORDINATOR_NOT_AVAILABLE')
  expect(logEnd(bench)).toBe(0)
  expect(bench.state.logs.get(OFFSETS)?.[0]?.producers.entries.size).toBe(0)
  expect(bench.facts.filter(({ type }) => type === 'offset.pending')).toEqual([])
})

test('a group that was to be deleted is there', () => {
  const bench = newBench()
  inSync(bench, [1, 2])
  const body = makeOffsetCommitRequest({
    groupId: 'g',
    topics: [
      makeOffsetCommitRequestTopic({
        name: 'orders',
        partitions: [makeOffsetCommitRequestPartition({ partitionIndex: 0, committedOffset: 7 })],
      }),
    ],
  })
  bench.send('OffsetCommit', 8, body)
  bench.replicate(OFFSETS)
  inSync(bench, [1])
  const { results } = bench.ask('DeleteGroups', 2, makeDeleteGroupsRequest({ groupsNames: ['g', 'none'] }))
  expect(results.map(({ errorCode }) => errorName(errorCode))).toEqual([
    'COORDINATOR_NOT_AVAILABLE',
    'GROUP_ID_NOT_FOUND',
  ])
  expect(fetched(bench)).toBe(7)
  expect(bench.facts.filter((fact) => fact.type === 'group.state' && fact.to === 'Dead')).toEqual([])
})

describe('a consumer group (KIP-848)', () => {
  test('a heartbeat that would change it is refused and changes nothing; once it can be written it counts', () => {
    const bench = consumerBench()
    const first = new Member(bench, 'first')
    first.join()
    const before = structuredClone({ end: logEnd(bench), epoch: consumerGroup(bench).groupEpoch })
    bench.facts.length = 0
    inSync(bench, [])
    const second = new Member(bench, 'second')
    expect(errorName(second.join({ memberId: 'second' }).errorCode)).toBe('COORDINATOR_NOT_AVAILABLE')
    expect(bench.facts).toEqual([])
    expect({ end: logEnd(bench), epoch: consumerGroup(bench).groupEpoch }).toEqual(before)
    // One that changes nothing is answered.
    expect(first.report().errorCode).toBe(0)
    inSync(bench, [1])
    expect(second.join({ memberId: 'second' }).errorCode).toBe(0)
    expect(consumerGroup(bench).members.size).toBe(2)
  })

  test('a member whose session is over goes as soon as that can be written', () => {
    const bench = consumerBench()
    const member = new Member(bench, 'first')
    member.join()
    inSync(bench, [])
    bench.pass(60_000)
    expect(consumerGroup(bench).members.size).toBe(1)
    expect(bench.facts.filter(({ type }) => type === 'group.leave')).toEqual([])
    inSync(bench, [1])
    bench.pass(500)
    expect(consumerGroup(bench).members.size).toBe(0)
  })
})

describe('a classic group', () => {
  test('an assignment that is not stored is nobody’s, and the group rebalances', () => {
    const bench = classicBench()
    const { id, waiting } = join(bench, 'one')
    bench.pass(6000)
    expect(bench.answerTo('JoinGroup', waiting).errorCode).toBe(0)
    inSync(bench, [])
    const asked = sync(bench, id, 1, { [id]: assignmentOf(0) })
    expect(errorName(bench.answerTo('SyncGroup', asked).errorCode)).toBe('COORDINATOR_NOT_AVAILABLE')
    expect(group(bench)?.state).toBe('PreparingRebalance')
  })

  test('offsets that have expired go when that can be written', () => {
    const bench = classicBench({ 'offsets.retention.minutes': '60' })
    expect(commit(bench)).toBe('NONE')
    inSync(bench, [])
    bench.pass(7_200_000)
    expect(fetched(bench)).toBe(7)
    expect(bench.facts.filter(({ type }) => type === 'offset.expired')).toEqual([])
    inSync(bench, [1])
    bench.pass(600_000)
    expect(fetched(bench)).toBe(-1)
  })
})
