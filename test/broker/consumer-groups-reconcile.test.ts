/** One step of a member towards its target: the cases of CurrentAssignmentBuilderTest as facts (KIP-848). */
import { describe, expect, test } from 'vitest'
import { reconcile } from '../../src/broker/groups/consumer/reconcile.ts'
import { type Assignment, type ConsumerMember, createMember, type MemberState } from '../../src/broker/index.ts'

type Parts = Readonly<Record<string, readonly number[]>>
const assignment = (parts: Parts): Assignment => new Map(Object.entries(parts))
const at = (state: MemberState, epoch: number, previousEpoch: number, assigned: Parts, revoking: Parts = {}) => ({
  ...createMember('m', 0),
  state,
  epoch,
  previousEpoch,
  assigned: assignment(assigned),
  revoking: assignment(revoking),
})
const everywhere = () => true
const nowhere = () => false
type Owned = (topicId: string, partition: number) => boolean

const A = { t1: [1, 2, 3], t2: [4, 5, 6] }
const more = { t1: [1, 2, 3, 4], t2: [4, 5, 6, 7] }
const less = { t1: [2, 3], t2: [5, 6] }
const gone = { t1: [1], t2: [4] }

describe('CurrentAssignmentBuilder', () => {
  test.each<
    [
      name: string,
      from: ConsumerMember,
      to: { epoch: number; target: Parts; isOwned: Owned; reported?: Parts | null },
      expected: ConsumerMember,
    ]
  >([
    [
      'testStableToStable',
      at('stable', 10, 10, A),
      { epoch: 11, target: A, isOwned: everywhere },
      at('stable', 11, 10, A),
    ],
    [
      'testStableToStableWithNewPartitions',
      at('stable', 10, 10, A),
      { epoch: 11, target: more, isOwned: nowhere },
      at('stable', 11, 10, more),
    ],
    [
      'testStableToUnrevokedPartitions',
      at('stable', 10, 10, A),
      { epoch: 11, target: { t1: [2, 3, 4], t2: [5, 6, 7] }, isOwned: nowhere },
      at('unrevoked-partitions', 10, 10, less, gone),
    ],
    [
      'testStableToUnreleasedPartitions',
      at('stable', 10, 10, A),
      { epoch: 11, target: more, isOwned: everywhere },
      at('unreleased-partitions', 11, 10, A),
    ],
    [
      'testStableToUnreleasedPartitionsWithOwnedPartitionsNotHavingRevokedPartitions',
      at('stable', 10, 10, A),
      {
        epoch: 11,
        target: { t1: [1, 2, 3], t2: [4, 5, 7] },
        isOwned: (topicId) => topicId === 't2',
        reported: {},
      },
      at('unreleased-partitions', 11, 10, { t1: [1, 2, 3], t2: [4, 5] }),
    ],
    [
      'testUnrevokedPartitionsToStable',
      at('unrevoked-partitions', 10, 10, less, gone),
      { epoch: 11, target: less, isOwned: nowhere, reported: less },
      at('stable', 11, 10, less),
    ],
    [
      'testUnrevokedPartitionsToUnrevokedPartitions',
      at('unrevoked-partitions', 10, 10, less, gone),
      { epoch: 12, target: { t1: [3], t2: [6] }, isOwned: nowhere, reported: less },
      at('unrevoked-partitions', 11, 10, { t1: [3], t2: [6] }, { t1: [2], t2: [5] }),
    ],
    [
      'testUnrevokedPartitionsToUnreleasedPartitions',
      at('unrevoked-partitions', 11, 10, less, {}),
      { epoch: 11, target: { t1: [2, 3, 4], t2: [5, 6, 7] }, isOwned: everywhere, reported: less },
      at('unreleased-partitions', 11, 11, less),
    ],
    [
      'testUnreleasedPartitionsToStable',
      at('unreleased-partitions', 11, 11, less),
      { epoch: 12, target: less, isOwned: everywhere },
      at('stable', 12, 11, less),
    ],
    [
      'testUnreleasedPartitionsToStableWithNewPartitions',
      at('unreleased-partitions', 11, 11, less),
      { epoch: 11, target: { t1: [2, 3, 4], t2: [5, 6, 7] }, isOwned: nowhere },
      at('stable', 11, 11, { t1: [2, 3, 4], t2: [5, 6, 7] }),
    ],
    [
      'testUnreleasedPartitionsToUnreleasedPartitions',
      at('unreleased-partitions', 11, 11, less),
      { epoch: 11, target: { t1: [2, 3, 4], t2: [5, 6, 7] }, isOwned: everywhere },
      at('unreleased-partitions', 11, 11, less),
    ],
    [
      'testUnreleasedPartitionsToUnrevokedPartitions',
      at('unreleased-partitions', 11, 11, less),
      { epoch: 12, target: { t1: [3], t2: [6] }, isOwned: everywhere },
      at('unrevoked-partitions', 11, 11, { t1: [3], t2: [6] }, { t1: [2], t2: [5] }),
    ],
  ])('%s', (_name, from, { epoch, target, isOwned, reported = null }, expected) => {
    const owned = reported === null ? null : assignment(reported)
    expect(reconcile(from, { epoch, target: assignment(target), isOwned, reported: owned })).toEqual(expected)
  })

  test.each<[string, Parts | null]>([
    ['it does not say what it owns', null],
    ['it still owns one of the first topic', { t1: [1, 2, 3], t2: [5, 6] }],
    ['it still owns one of the second topic', { t1: [2, 3], t2: [4, 5, 6] }],
  ])('testRemainsInUnrevokedPartitions: %s', (_name, reported) => {
    const member = at('unrevoked-partitions', 10, 10, less, gone)
    const owned = reported === null ? null : assignment(reported)
    const to = { epoch: 12, target: assignment({ t1: [3], t2: [6] }), isOwned: nowhere, reported: owned }
    expect(reconcile(member, to)).toBe(member)
  })

  test('isReconciledTo: a stable member in the epoch of the target is left alone', () => {
    const member = at('stable', 11, 10, A)
    expect(reconcile(member, { epoch: 11, target: assignment(more), isOwned: nowhere, reported: null })).toBe(member)
  })
})
