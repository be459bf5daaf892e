/**
 * The assignors of the coordinator (KIP-848): the cases of RangeAssignorTest, OptimizedUniformAssignmentBuilderTest and
 * UniformHeterogeneousAssignmentBuilderTest as facts, and what holds of any group.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Assignor, MemberSpec } from '../../src/broker/groups/consumer/assignors/assignor.ts'
import { assignRanges } from '../../src/broker/groups/consumer/assignors/range.ts'
import { assignUniformly } from '../../src/broker/groups/consumer/assignors/uniform.ts'

/** `1:0,2 3:1` is partitions 0 and 2 of topic 1 and partition 1 of topic 3. */
function parse(text: string): Map<string, number[]> {
  return new Map(
    text
      .split(' ')
      .filter((part) => part !== '')
      .map((part) => {
        const [topic = '', partitions = ''] = part.split(':')
        return [topic, partitions.split(',').map(Number)]
      }),
  )
}

interface Given {
  /** Topics it subscribes to, `1 3`. */
  readonly topics: string
  readonly had?: string
  readonly instance?: string
}

const specOf = (id: string, { topics, had = '', instance }: Given): MemberSpec => ({
  id,
  instanceId: instance ?? null,
  topicIds: topics === '' ? [] : topics.split(' '),
  target: parse(had),
})

/** `topics` as `1:3` means that topic 1 has three partitions. */
function assign(assignor: Assignor, topics: string, members: Readonly<Record<string, Given>>): Record<string, string> {
  const partitions = new Map([...parse(topics)].map(([topic, [count = 0]]) => [topic, count]))
  // Topics that do not exist are not told to an assignor.
  const specs = Object.entries(members).map(([id, given]) => {
    const spec = specOf(id, given)
    return { ...spec, topicIds: spec.topicIds.filter((topic) => partitions.has(topic)) }
  })
  const answer = assignor({ members: specs, partitions })
  return Object.fromEntries(
    specs.map(({ id }) => [
      id,
      [...(answer.get(id) ?? [])]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([topic, list]) => `${topic}:${list}`)
        .join(' '),
    ]),
  )
}

type Case = readonly [
  name: string,
  topics: string,
  members: Readonly<Record<string, Given>>,
  expected: Readonly<Record<string, string>>,
]

describe('RangeAssignor', () => {
  const both = '1 2'
  test.each<Case>([
    ['testOneMemberNoTopic', '1:3', { A: { topics: '' } }, { A: '' }],
    ['testOneMemberSubscribedToNonExistentTopic', '1:3', { A: { topics: '2' } }, { A: '' }],
    [
      'testFirstAssignmentTwoMembersTwoTopicsSameSubscriptions',
      '1:3 3:2',
      { A: { topics: '1 3' }, B: { topics: '1 3' } },
      { A: '1:0,1 3:0', B: '1:2 3:1' },
    ],
    [
      'testFirstAssignmentThreeMembersThreeTopicsDifferentSubscriptions',
      '1:3 2:3 3:2',
      { A: { topics: '1 2' }, B: { topics: '3' }, C: { topics: '2 3' } },
      { A: '1:0,1,2 2:0,1', B: '3:0', C: '2:2 3:1' },
    ],
    [
      'testFirstAssignmentNumMembersGreaterThanNumPartitions',
      '1:3 3:2',
      { A: { topics: '1 3' }, B: { topics: '1 3' }, C: { topics: '1 3' } },
      { A: '1:0 3:0', B: '1:1 3:1', C: '1:2' },
    ],
    [
      'testReassignmentNumMembersGreaterThanNumPartitionsWhenOneMemberAdded',
      '1:2 2:2',
      { A: { topics: both, had: '1:0 2:0' }, B: { topics: both, had: '1:1 2:1' }, C: { topics: both } },
      { A: '1:0 2:0', B: '1:1 2:1', C: '' },
    ],
    [
      'testReassignmentWhenOnePartitionAddedForTwoMembersTwoTopics',
      '1:4 2:4',
      { A: { topics: both, had: '1:0,1 2:0,1' }, B: { topics: both, had: '1:2 2:2' } },
      { A: '1:0,1 2:0,1', B: '1:2,3 2:2,3' },
    ],
    [
      'testReassignmentWhenOneMemberAddedAndOnePartitionAfterInitialAssignmentWithTwoMembersTwoTopics',
      '1:4 2:3',
      { A: { topics: both, had: '1:0,1 2:0,1' }, B: { topics: both, had: '1:2 2:2' }, C: { topics: '1' } },
      { A: '1:0,1 2:0,1', B: '1:2 2:2', C: '1:3' },
    ],
    [
      'testReassignmentWhenMultipleSubscriptionsRemovedAfterInitialAssignmentWithThreeMembersTwoTopics',
      '1:3 2:3 3:2',
      {
        A: { topics: '1', had: '1:0,1,2 2:0' },
        B: { topics: '1 2 3', had: '2:1' },
        C: { topics: '2', had: '2:2 3:0,1' },
      },
      { A: '1:0,1', B: '1:2 2:0,1 3:0,1', C: '2:2' },
    ],
  ])('%s', (_name, topics, members, expected) => {
    expect(assign(assignRanges, topics, members)).toEqual(expected)
  })

  test('testStaticMembership: a static member that comes back under another id gets the same range', () => {
    const before = assign(assignRanges, '1:3', {
      A: { topics: '1', instance: 'instanceA' },
      B: { topics: '1', instance: 'instanceB' },
    })
    const after = assign(assignRanges, '1:3', {
      B: { topics: '1', instance: 'instanceB' },
      Z: { topics: '1', instance: 'instanceA' },
    })
    expect([before, after]).toEqual([
      { A: '1:0,1', B: '1:2' },
      { Z: '1:0,1', B: '1:2' },
    ])
  })

  test('testMixedStaticMembership: static members come before dynamic ones, by their instance ids', () => {
    const after = assign(assignRanges, '1:5', {
      B: { topics: '1' },
      C: { topics: '1', instance: 'instanceC' },
      Z: { topics: '1', instance: 'instanceA' },
    })
    expect(after).toEqual({ Z: '1:0,1', C: '1:2,3', B: '1:4' })
  })
})

/** Where Kafka's test leaves it to the order of a hash set which of the free partitions a member gets, only numbers are facts. */
const sizes = (assignment: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(assignment).map(([id, text]) => [
      id,
      [...parse(text).values()].reduce((n, list) => n + list.length, 0),
    ]),
  )

describe('UniformAssignor, equal subscriptions', () => {
  const both = '1 2'
  test.each<Case>([
    ['testOneMemberNoTopicSubscription', '1:3', { A: { topics: '' } }, { A: '' }],
    ['testOneMemberSubscribedToNonexistentTopic', '1:3', { A: { topics: '2' } }, { A: '' }],
    [
      'testFirstAssignmentNumMembersGreaterThanTotalNumPartitions',
      '3:2',
      { A: { topics: '3' }, B: { topics: '3' }, C: { topics: '3' } },
      { A: '3:0', B: '3:1', C: '' },
    ],
    [
      'testReassignmentForTwoMembersTwoTopicsGivenUnbalancedPrevAssignment',
      '1:3 2:3',
      { A: { topics: both, had: '1:0,1 2:0,1' }, B: { topics: both, had: '1:2 2:2' } },
      { A: '1:0,1 2:0', B: '1:2 2:1,2' },
    ],
    [
      'testReassignmentWhenPartitionsAreAddedForTwoMembersTwoTopics',
      '1:6 2:5',
      { A: { topics: both, had: '1:0,2 2:0' }, B: { topics: both, had: '1:1 2:1,2' } },
      { A: '1:0,2,3,4,5 2:0', B: '1:1 2:1,2,3,4' },
    ],
    [
      'testReassignmentWhenOneMemberAddedAfterInitialAssignmentWithTwoMembersTwoTopics',
      '1:3 2:3',
      { A: { topics: both, had: '1:0,2 2:0' }, B: { topics: both, had: '1:1 2:1,2' }, C: { topics: both } },
      { A: '1:0,2', B: '1:1 2:1', C: '2:0,2' },
    ],
    [
      'testReassignmentWhenOneMemberRemovedAfterInitialAssignmentWithThreeMembersTwoTopics',
      '1:3 2:3',
      { A: { topics: both, had: '1:0 2:0' }, B: { topics: both, had: '1:1 2:1' } },
      { A: '1:0,2 2:0', B: '1:1 2:1,2' },
    ],
    [
      'testReassignmentWhenOneSubscriptionRemovedAfterInitialAssignmentWithTwoMembersTwoTopics',
      '1:2 2:2',
      { A: { topics: '2', had: '1:0 2:0' }, B: { topics: '2', had: '1:1 2:1' } },
      { A: '2:0', B: '2:1' },
    ],
  ])('%s', (_name, topics, members, expected) => {
    expect(assign(assignUniformly, topics, members)).toEqual(expected)
  })

  test('testFirstAssignmentTwoMembersTwoTopicsNoMemberRacks: three and two', () => {
    const given = { A: { topics: '1 3' }, B: { topics: '1 3' } }
    expect(sizes(assign(assignUniformly, '1:3 3:2', given))).toEqual({ A: 3, B: 2 })
  })
})

describe('UniformAssignor, different subscriptions', () => {
  test.each<Case>([
    [
      'testFirstAssignmentTwoMembersTwoTopics',
      '1:3 3:6',
      { A: { topics: '1 3' }, B: { topics: '3' } },
      { A: '1:0,1,2 3:4', B: '3:0,1,2,3,5' },
    ],
    [
      'testFirstAssignmentNumMembersGreaterThanTotalNumPartitions',
      '3:1 1:2',
      { A: { topics: '3' }, B: { topics: '3' }, C: { topics: '1' } },
      { A: '3:0', B: '', C: '1:0,1' },
    ],
    [
      'testReassignmentForTwoMembersThreeTopicsGivenUnbalancedPrevAssignment',
      '1:6 2:4 3:4',
      {
        A: { topics: '1', had: '1:0,1,2' },
        B: { topics: '1 2', had: '1:3 2:0' },
        C: { topics: '1 2 3', had: '1:4,5 2:1,2,3 3:0,1,2,3' },
      },
      { A: '1:0,1,2,5', B: '1:3 2:0,1,2,3', C: '1:4 3:0,1,2,3' },
    ],
    [
      'testReassignmentWhenPartitionsAreAddedForTwoMembers',
      '1:6 2:5 3:3 4:3',
      {
        A: { topics: '1 3', had: '1:0,1,2,3 3:0,1' },
        B: { topics: '1 2 3 4', had: '2:0,1,2 4:0,1,2' },
      },
      { A: '1:0,1,2,3,4,5 3:0,1,2', B: '2:0,1,2,3,4 4:0,1,2' },
    ],
    [
      'testReassignmentWhenOneMemberRemovedAfterInitialAssignmentWithThreeMembersThreeTopics',
      '1:3 2:8 3:3',
      { A: { topics: '1 3', had: '1:0,1,2 3:0,1' }, B: { topics: '2', had: '2:3,4,5,6' } },
      { A: '1:0,1,2 3:0,1,2', B: '2:0,1,2,3,4,5,6,7' },
    ],
    [
      'testReassignmentWhenOneSubscriptionRemovedAfterInitialAssignmentWithTwoMembersTwoTopics',
      '1:3 2:5',
      { A: { topics: '1', had: '1:0,2 2:1,3' }, B: { topics: '1 2', had: '1:1 2:0,2,4' } },
      { A: '1:0,1,2', B: '2:0,1,2,3,4' },
    ],
    [
      'testFirstAssignmentWithTwoMembersIncludingOneWithoutSubscriptions',
      '1:3',
      { A: { topics: '1' }, B: { topics: '' } },
      { A: '1:0,1,2', B: '' },
    ],
  ])('%s', (_name, topics, members, expected) => {
    expect(assign(assignUniformly, topics, members)).toEqual(expected)
  })

  test('testReassignmentWhenOneMemberAddedAndPartitionsAddedTwoMembersTwoTopics: who may have less gets more of what is new', () => {
    const after = assign(assignUniformly, '1:6 2:7', {
      A: { topics: '1', had: '1:0,2 2:0' },
      B: { topics: '1 2', had: '1:1 2:1,2' },
      C: { topics: '1 2' },
    })
    expect(sizes(after)).toEqual({ A: 5, B: 4, C: 4 })
    expect(after).toMatchObject({ A: '1:0,2,3,4,5' })
    expect(String(after.B)).toMatch(/^1:1 2:1,2/)
  })
})

/** Up to six members and five topics; each member had a part of an earlier assignment by the same assignor. */
const groups = fc
  .record({
    topics: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
    members: fc.array(fc.integer({ min: 1, max: 31 }), { minLength: 2, maxLength: 6 }),
  })
  .map(({ topics, members }) => ({
    partitions: new Map(topics.map((count, i) => [`t${i}`, count])),
    members: members.map(
      (bits, i): MemberSpec => ({
        id: `m${i}`,
        instanceId: null,
        topicIds: topics.flatMap((_, topic) => (bits & (1 << topic) ? [`t${topic}`] : [])),
        target: new Map(),
      }),
    ),
  }))
const all = (members: readonly MemberSpec[], partitions: ReadonlyMap<string, number>) =>
  members.map((member) => ({ ...member, topicIds: [...partitions.keys()] }))
const owners = (assignments: ReturnType<Assignor>) => {
  const found = new Map<string, string[]>()
  for (const [id, assignment] of assignments) {
    for (const [topic, partitions] of assignment)
      for (const partition of partitions)
        found.set(`${topic}-${partition}`, [...(found.get(`${topic}-${partition}`) ?? []), id])
  }
  return found
}
const count = (assignments: ReturnType<Assignor>, id: string) =>
  [...(assignments.get(id) ?? [])].reduce((n, [, partitions]) => n + partitions.length, 0)

describe.each([
  ['range', assignRanges],
  ['uniform', assignUniformly],
] as const)('any group, %s', (_name, assignor) => {
  test('every partition that somebody subscribes to has one owner, who subscribes to it', () => {
    fc.assert(
      fc.property(groups, ({ members, partitions }) => {
        const found = owners(assignor({ members, partitions }))
        for (const [topic, number] of partitions) {
          const subscribers = members.filter(({ topicIds }) => topicIds.includes(topic)).map(({ id }) => id)
          for (let partition = 0; partition < number; partition++) {
            const those = found.get(`${topic}-${partition}`) ?? []
            expect(those).toHaveLength(subscribers.length === 0 ? 0 : 1)
            if (those[0] !== undefined) expect(subscribers).toContain(those[0])
          }
        }
        const total = [...partitions].filter(([topic]) => members.some(({ topicIds }) => topicIds.includes(topic)))
        expect(found.size).toBe(total.reduce((n, [, number]) => n + number, 0))
      }),
      { seed: 848, numRuns: 500 },
    )
  })
})

describe('any group, uniform', () => {
  const again = (members: readonly MemberSpec[], before: ReturnType<Assignor>) =>
    members.map((member) => ({ ...member, target: before.get(member.id) ?? new Map() }))

  test('equal subscriptions: numbers differ by one at most, also after others have come and gone', () => {
    fc.assert(
      fc.property(groups, fc.nat(5), ({ members, partitions }, leaver) => {
        const equal = all(members, partitions)
        const before = assignUniformly({ members: equal, partitions })
        const rest = again(equal, before).filter((_, i) => i !== leaver % equal.length)
        const after = assignUniformly({ members: rest, partitions })
        for (const [assignments, those] of [
          [before, equal],
          [after, rest],
        ] as const) {
          const numbers = those.map(({ id }) => count(assignments, id))
          expect(Math.max(...numbers) - Math.min(...numbers)).toBeLessThanOrEqual(1)
        }
      }),
      { seed: 848, numRuns: 500 },
    )
  })

  test('equal subscriptions: no partition moves between two members that stay when a third leaves', () => {
    fc.assert(
      fc.property(groups, fc.nat(5), ({ members, partitions }, leaver) => {
        const equal = all(members, partitions)
        const before = assignUniformly({ members: equal, partitions })
        const rest = again(equal, before).filter((_, i) => i !== leaver % equal.length)
        const after = owners(assignUniformly({ members: rest, partitions }))
        for (const [partition, [former = '']] of owners(before))
          if (rest.some(({ id }) => id === former)) expect(after.get(partition)).toEqual([former])
      }),
      { seed: 848, numRuns: 500 },
    )
  })

  test('what is balanced stays as it is', () => {
    fc.assert(
      fc.property(groups, ({ members, partitions }) => {
        const before = assignUniformly({ members, partitions })
        expect(assignUniformly({ members: again(members, before), partitions })).toEqual(before)
      }),
      { seed: 848, numRuns: 500 },
    )
  })

  test('different subscriptions: nobody has two more than a member that could take one of them', () => {
    fc.assert(
      fc.property(groups, ({ members, partitions }) => {
        const assignments = assignUniformly({ members, partitions })
        for (const [id, assignment] of assignments) {
          for (const topic of assignment.keys()) {
            const others = members.filter(({ topicIds }) => topicIds.includes(topic))
            for (const other of others)
              expect(count(assignments, id) - count(assignments, other.id)).toBeLessThanOrEqual(1)
          }
        }
      }),
      { seed: 848, numRuns: 500 },
    )
  })
})
