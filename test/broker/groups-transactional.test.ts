/** Offsets committed within transactions, request by request (OffsetMetadataManagerTest: testTransactionalOffsetCommit…, testReplayTransactional…). */
import { describe, expect, test } from 'vitest'
import { ErrorCode, errorName } from '../../src/protocol/errors.ts'
import { makeOffsetFetchRequest, makeOffsetFetchRequestTopic } from '../../src/protocol/make.ts'
import { commit, newBench as createBench, join, reload, stable } from './groups-support.ts'
import type { Bench } from './support.ts'
import { end, txnCommit } from './transactional-offsets-support.ts'

/** There is no transaction coordinator: whether it has to agree is in transactions-verification.test.ts. */
const newBench = () => createBench({ 'transaction.partition.verification.enable': 'false' })

const fetched = (bench: Bench, requireStable = false) => {
  const topics = [makeOffsetFetchRequestTopic({ name: 'orders', partitionIndexes: [0] })]
  const answer = bench.ask('OffsetFetch', 7, makeOffsetFetchRequest({ groupId: 'g', topics, requireStable }))
  const found = answer.topics[0]?.partitions[0]
  if (found === undefined) throw new Error('no answer')
  return found.errorCode === ErrorCode.NONE ? found.committedOffset : errorName(found.errorCode)
}
const offsetsOf = ({ offsets, pendingOffsets }: ReturnType<typeof reload>) => ({ offsets, pendingOffsets })
/** What another coordinator makes of the log is what this one has. */
const expectReplay = (bench: Bench) =>
  expect(offsetsOf(reload(bench))).toEqual(offsetsOf(bench.state.shards.get(0) as ReturnType<typeof reload>))

describe('replay of transactional commits', () => {
  test('pending until the marker: committed it counts, aborted it is gone', () => {
    const bench = newBench()
    expect(txnCommit(bench, 5)).toBe('NONE')
    expect(fetched(bench)).toBe(-1)
    expectReplay(bench)
    expect(end(bench, true)).toEqual([ErrorCode.NONE])
    expect(fetched(bench)).toBe(5)
    expectReplay(bench)
    txnCommit(bench, 9)
    end(bench, false)
    expect(fetched(bench)).toBe(5)
    expectReplay(bench)
  })

  test('KIP-447: who requires stable offsets is told UNSTABLE_OFFSET_COMMIT meanwhile', () => {
    const bench = newBench()
    commit(bench, '', -1, 3)
    txnCommit(bench, 5)
    expect([fetched(bench), fetched(bench, true)]).toEqual([3, 'UNSTABLE_OFFSET_COMMIT'])
    end(bench, true)
    expect(fetched(bench, true)).toBe(5)
  })

  test('KAFKA-5247: the later record counts, not the later marker', () => {
    const bench = newBench()
    txnCommit(bench, 5)
    commit(bench, '', -1, 8)
    end(bench, true)
    expect(fetched(bench)).toBe(8)
    expectReplay(bench)
  })

  test('transactions of several producers end each for itself', () => {
    const bench = newBench()
    txnCommit(bench, 5, { producerId: 7 })
    txnCommit(bench, 6, { producerId: 8 })
    end(bench, true, { producerId: 8 })
    expect([fetched(bench), fetched(bench, true)]).toEqual([6, 'UNSTABLE_OFFSET_COMMIT'])
    end(bench, false, { producerId: 7 })
    expect(fetched(bench, true)).toBe(6)
    expectReplay(bench)
  })
})

describe('validateTransactionalOffsetCommit', () => {
  test('without a member it is accepted whatever the group does', () => {
    const bench = newBench()
    stable(bench, 1)
    expect(txnCommit(bench, 5, { version: 2 })).toBe('NONE')
    join(bench, 'other')
    expect(txnCommit(bench, 6)).toBe('NONE')
  })

  test('of an unknown group a generation is ILLEGAL_GENERATION', () => {
    expect(txnCommit(newBench(), 5, { generationId: 1, memberId: 'm' })).toBe('ILLEGAL_GENERATION')
  })

  test('a stranger is UNKNOWN_MEMBER_ID, another generation ILLEGAL_GENERATION, a member of this one accepted', () => {
    const bench = newBench()
    stable(bench, 1)
    const group = bench.state.shards.get(0)?.groups.get('g')
    if (group?.type !== 'classic') throw new Error('no group')
    const { generation: generationId } = group
    const memberId = [...group.members.keys()][0] ?? ''
    expect(txnCommit(bench, 5, { generationId, memberId: 'nobody' })).toBe('UNKNOWN_MEMBER_ID')
    expect(txnCommit(bench, 5, { generationId: generationId - 1, memberId })).toBe('ILLEGAL_GENERATION')
    expect(txnCommit(bench, 5, { generationId, memberId })).toBe('NONE')
  })

  test('checkProducerEpoch: an epoch older than the partition has seen is INVALID_PRODUCER_EPOCH, and nothing is written', () => {
    const bench = newBench()
    txnCommit(bench, 5, { producerEpoch: 1 })
    end(bench, true, { producerEpoch: 1 })
    expect(txnCommit(bench, 6, { producerEpoch: 0 })).toBe('INVALID_PRODUCER_EPOCH')
    expect(bench.state.shards.get(0)?.pendingOffsets.size).toBe(0)
  })

  test('an unknown topic and long metadata are refused each on its own', () => {
    const bench = newBench()
    expect(txnCommit(bench, 5, { topic: 'nowhere' })).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    expect(txnCommit(bench, 5, { metadata: 'x'.repeat(5000) })).toBe('OFFSET_METADATA_TOO_LARGE')
  })

  test('KAFKA-7296: versions before 2 are told COORDINATOR_NOT_AVAILABLE of one that loads', () => {
    const bench = newBench()
    bench.state.shards.delete(0)
    bench.state.loading.set(0, 1e9)
    expect([1, 2].map((version) => txnCommit(bench, 5, { version }))).toEqual([
      'COORDINATOR_NOT_AVAILABLE',
      'COORDINATOR_LOAD_IN_PROGRESS',
    ])
  })
})
