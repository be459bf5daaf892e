/** OffsetCommit and OffsetFetch by topic id (v10, KIP-848), and JoinGroup of the time before rebalance time-outs. */
import { describe, expect, test } from 'vitest'
import { stepMetadata } from '../../src/broker/index.ts'
import { errorName } from '../../src/protocol/errors.ts'
import {
  makeOffsetCommitRequest,
  makeOffsetCommitRequestPartition,
  makeOffsetCommitRequestTopic,
  makeOffsetFetchRequest,
  makeOffsetFetchRequestGroup,
  makeOffsetFetchRequestTopics,
} from '../../src/protocol/make.ts'
import { group, joinBody, newBench } from './groups-support.ts'
import { type Bench, createBench } from './support.ts'

const NOBODYS = 'bbbbbbbbbbbbbbbbbbbbbA'
const idOf = (bench: Bench, topic: string) => bench.state.image.topics.get(topic)?.id as string

function commit(bench: Bench, topics: readonly (readonly [id: string, partition: number, offset: number])[]) {
  const answer = bench.ask(
    'OffsetCommit',
    10,
    makeOffsetCommitRequest({
      groupId: 'g',
      topics: topics.map(([topicId, partitionIndex, committedOffset]) =>
        makeOffsetCommitRequestTopic({
          topicId,
          partitions: [makeOffsetCommitRequestPartition({ partitionIndex, committedOffset })],
        }),
      ),
    }),
  )
  return answer.topics.map(({ topicId, partitions }) => [topicId, errorName(partitions[0]?.errorCode ?? -1)])
}

/** Null = all. */
function fetch(bench: Bench, topicIds: readonly string[] | null) {
  const topics = topicIds?.map((topicId) => makeOffsetFetchRequestTopics({ topicId, partitionIndexes: [0] })) ?? null
  const groups = [makeOffsetFetchRequestGroup({ groupId: 'g', topics })]
  const [found] = bench.ask('OffsetFetch', 10, makeOffsetFetchRequest({ groups })).groups
  expect(found?.errorCode).toBe(0)
  return found?.topics.map(({ topicId, partitions }) => [
    topicId,
    partitions[0]?.committedOffset,
    errorName(partitions[0]?.errorCode ?? -1),
  ])
}

describe('topic ids', () => {
  test('what is committed is found again', () => {
    const bench = newBench()
    const id = idOf(bench, 'orders')
    expect(commit(bench, [[id, 0, 7]])).toEqual([[id, 'NONE']])
    expect(fetch(bench, [id])).toEqual([[id, 7, 'NONE']])
    expect(fetch(bench, null)).toEqual([[id, 7, 'NONE']])
  })

  test('an id that nobody knows, alone and beside one that is known', () => {
    const bench = newBench()
    const id = idOf(bench, 'orders')
    expect(commit(bench, [[NOBODYS, 0, 7]])).toEqual([[NOBODYS, 'UNKNOWN_TOPIC_ID']])
    expect(
      commit(bench, [
        [NOBODYS, 0, 7],
        [id, 0, 8],
        [id, 9, 9],
      ]),
    ).toEqual([
      [NOBODYS, 'UNKNOWN_TOPIC_ID'],
      [id, 'NONE'],
      [id, 'UNKNOWN_TOPIC_OR_PARTITION'],
    ])
    expect(fetch(bench, [id, NOBODYS])).toEqual([
      [id, 8, 'NONE'],
      [NOBODYS, -1, 'UNKNOWN_TOPIC_ID'],
    ])
  })

  test('an id of a topic that is gone', () => {
    const bench = createBench({ orders: 4, clicks: 1, __consumer_offsets: 1 })
    const [orders, clicks] = [idOf(bench, 'orders'), idOf(bench, 'clicks')]
    commit(bench, [
      [orders, 0, 7],
      [clicks, 0, 8],
    ])
    const context = { now: bench.now, uuid: () => '', memberUuid: () => '' }
    stepMetadata(bench.state, [{ type: 'remove-topic', topicId: orders, name: 'orders' }], context)
    expect(fetch(bench, null)).toEqual([[clicks, 8, 'NONE']])
    expect(fetch(bench, [orders])).toEqual([[orders, -1, 'UNKNOWN_TOPIC_ID']])
  })
})

test('JoinGroup v0 has no rebalance time-out: it is the session time-out', () => {
  const bench = newBench()
  bench.send('JoinGroup', 0, joinBody('', { rebalanceTimeoutMs: -1, sessionTimeoutMs: 30_000 }))
  bench.pass(6000)
  expect([...(group(bench)?.members.values() ?? [])].map((member) => member.rebalanceTimeoutMs)).toEqual([30_000])
})
