/** What holds of every assignment of Java's assignors, and of what moves between two. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GroupPlan, Slot } from '../../src/client/consumer/assigners/group-plan.ts'
import { assignRanges } from '../../src/client/consumer/assigners/range.ts'
import { assignCooperatively, assignSticky } from '../../src/client/consumer/assigners/sticky.ts'
import { keyOf, type Member, type Owned, owned, plan } from './support/plans.ts'

type Topics = Record<string, number>
type Members = Record<string, Member>

const TOPICS = ['a', 'b', 'c', 'd', 'e'] as const
const topics = fc.record(
  { a: fc.nat(8), b: fc.nat(8), c: fc.nat(8), d: fc.nat(8), e: fc.nat(8) },
  { requiredKeys: ['a'] },
) as fc.Arbitrary<Topics>
const memberIds = fc.uniqueArray(fc.integer({ min: 10, max: 99 }).map(String), { minLength: 1, maxLength: 8 })
const alike = memberIds.map((ids): Members => Object.fromEntries(ids.map((id) => [id, { topics: TOPICS }])))
const mixed = memberIds.chain((ids) =>
  fc
    .array(fc.subarray([...TOPICS]), { minLength: ids.length, maxLength: ids.length })
    .map((sets): Members => Object.fromEntries(ids.map((id, i) => [id, { topics: sets[i] ?? [] }]))),
)
/** Members that claim anything, of any generation: also what others claim, and what is not there. */
const claiming = fc
  .tuple(
    fc.oneof(alike, mixed),
    fc.array(fc.tuple(fc.nat(7), fc.constantFrom(...TOPICS), fc.nat(9)), { maxLength: 40 }),
  )
  .chain(([members, claims]) => {
    const ids = Object.keys(members)
    return fc.array(fc.integer({ min: -1, max: 3 }), { minLength: ids.length, maxLength: ids.length }).map(
      (generations): Members =>
        Object.fromEntries(
          ids.map((id, at) => {
            const owns = claims.filter(([who]) => who % ids.length === at).map(([, topic, p]) => `${topic}-${p}`)
            return [id, { topics: members[id]?.topics ?? [], owns, generation: generations[at] ?? -1 }]
          }),
        ),
    )
  })

const sizes = (assigned: Owned): number[] => Object.values(assigned).map(({ length }) => length)
const spread = (assigned: Owned): number => Math.max(...sizes(assigned)) - Math.min(...sizes(assigned))
const owning = (members: Members, assigned: Owned, generation: number): Members =>
  Object.fromEntries(
    Object.entries(members).map(([id, { topics: subscribed }]) => [
      id,
      { topics: subscribed, owns: assigned[id] ?? [], generation },
    ]),
  )
const moved = (before: Owned, now: Owned): string[] =>
  Object.entries(now).flatMap(([id, keys]) => keys.filter((key) => !(before[id] ?? []).includes(key)))

function checkComplete(group: GroupPlan, assigned: ReadonlyMap<string, readonly Slot[]>): void {
  const given = [...assigned.values()].flat().map(keyOf)
  const subscribed = new Set(group.subscribers.flatMap((one) => [...one.topics]))
  const wanted = [...group.partitions.values()].flat().filter(({ topic }) => subscribed.has(topic))
  expect(new Set(given).size).toBe(given.length)
  expect(given.sort()).toEqual(wanted.map(keyOf).sort())
  checkSubscribed(group, assigned)
}

function checkSubscribed(group: GroupPlan, assigned: ReadonlyMap<string, readonly Slot[]>): void {
  expect([...assigned.keys()].sort()).toEqual(group.subscribers.map(({ memberId }) => memberId).sort())
  for (const { memberId, topics: own } of group.subscribers)
    expect(assigned.get(memberId)?.every(({ topic }) => own.has(topic))).toBe(true)
}

/** No partition can move to somebody who has at least two fewer. */
function checkBalanced({ subscribers }: GroupPlan, assigned: ReadonlyMap<string, readonly Slot[]>): void {
  const load = (id: string) => assigned.get(id)?.length ?? 0
  for (const [owner, slots] of assigned)
    for (const { topic } of slots)
      for (const { memberId, topics: own } of subscribers)
        if (own.has(topic)) expect(load(owner) - load(memberId)).toBeLessThanOrEqual(1)
}

describe('complete, disjoint, within subscriptions', () => {
  it('range, for any members; each topic is even', () => {
    fc.assert(
      fc.property(topics, fc.oneof(alike, mixed), (sizesOf, members) => {
        const group = plan(sizesOf, members)
        const assigned = assignRanges(group)
        checkComplete(group, assigned)
        for (const topic of group.partitions.keys()) {
          const counts = group.subscribers
            .filter((one) => one.topics.has(topic))
            .map(({ memberId }) => assigned.get(memberId)?.filter((slot) => slot.topic === topic).length ?? 0)
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
        }
      }),
    )
  })

  it('sticky, whatever members claim; as even as subscriptions allow', () => {
    fc.assert(
      fc.property(topics, claiming, (sizesOf, members) => {
        const group = plan(sizesOf, members)
        const assigned = assignSticky(group)
        checkComplete(group, assigned)
        checkBalanced(group, assigned)
      }),
      { numRuns: 500 },
    )
  })

  it('cooperative-sticky: nobody gets what somebody else owns, and after rounds of revoking it is complete and even', () => {
    fc.assert(
      fc.property(topics, claiming, (sizesOf, claimed) => {
        let members = claimed
        let group = plan(sizesOf, members)
        let assigned = assignCooperatively(group)
        for (let round = 4; ; round++) {
          checkSubscribed(group, assigned)
          const now = owned(assigned)
          const before = Object.fromEntries(Object.entries(members).map(([id, { owns = [] }]) => [id, owns]))
          const given = new Set(moved(before, now))
          // Newest claims count; an older one may be passed over, its member has been replaced.
          const newest = Math.max(...Object.values(members).map(({ generation = -1 }) => generation))
          for (const [id, { owns = [], generation = -1 }] of Object.entries(members)) {
            if (generation !== newest) continue
            for (const key of owns) if (!now[id]?.includes(key)) expect(given.has(key)).toBe(false)
          }
          const next = owning(members, now, round)
          const done = Object.values(now).flat().length === [...group.partitions.values()].flat().length
          if (done && moved(before, now).length === 0) break
          expect(round).toBeLessThan(9)
          members = next
          group = plan(sizesOf, members)
          assigned = assignCooperatively(group)
        }
        checkComplete(group, assigned)
        checkBalanced(group, assigned)
      }),
      { numRuns: 500 },
    )
  })
})

describe('sticky', () => {
  const settled = (sizesOf: Topics, members: Members) => owned(assignSticky(plan(sizesOf, members)))

  it('equal subscriptions: within one of each other; asked again, nothing moves', () => {
    fc.assert(
      fc.property(topics, alike, (sizesOf, members) => {
        const first = settled(sizesOf, members)
        expect(spread(first)).toBeLessThanOrEqual(1)
        expect(settled(sizesOf, owning(members, first, 1))).toEqual(first)
      }),
    )
  })

  it('mixed subscriptions: asked again, nothing moves', () => {
    fc.assert(
      fc.property(topics, mixed, (sizesOf, members) => {
        const first = settled(sizesOf, members)
        expect(settled(sizesOf, owning(members, first, 1))).toEqual(first)
      }),
    )
  })

  it('equal subscriptions: when a member leaves, only what it had moves', () => {
    fc.assert(
      fc.property(topics, alike, fc.nat(), (sizesOf, members, pick) => {
        const ids = Object.keys(members)
        fc.pre(ids.length > 1)
        const gone = ids[pick % ids.length] as string
        const first = settled(sizesOf, members)
        const { [gone]: _, ...rest } = owning(members, first, 1)
        expect(moved(first, settled(sizesOf, rest)).sort()).toEqual(first[gone])
      }),
    )
  })

  it('equal subscriptions: when members join, they get their shares and nothing else moves', () => {
    fc.assert(
      fc.property(topics, alike, fc.integer({ min: 1, max: 3 }), (sizesOf, members, count) => {
        const first = settled(sizesOf, members)
        const joining = Array.from({ length: count }, (_, i): [string, Member] => [`new-${i}`, { topics: TOPICS }])
        const now = settled(sizesOf, { ...owning(members, first, 1), ...Object.fromEntries(joining) })
        const total = Object.values(first).flat().length
        const low = Math.floor(total / (Object.keys(members).length + count))
        for (const id of moved(first, now).map((key) => Object.keys(now).find((one) => now[one]?.includes(key))))
          expect(id).toMatch(/^new-/)
        // The least that makes it even: those who joined get the lower share, or the higher one where nobody else can keep it.
        const tooMuch = Object.values(first).reduce((sum, { length }) => sum + Math.max(0, length - low), 0)
        const higher = total - low * (Object.keys(members).length + count)
        const kept = Object.values(first).filter(({ length }) => length > low).length
        expect(moved(first, now)).toHaveLength(tooMuch - Math.min(higher, kept))
      }),
    )
  })

  it('mixed subscriptions: who leaves takes nothing from others that it need not', () => {
    fc.assert(
      fc.property(topics, mixed, fc.nat(), (sizesOf, members, pick) => {
        const ids = Object.keys(members)
        fc.pre(ids.length > 1)
        const gone = ids[pick % ids.length] as string
        const first = settled(sizesOf, members)
        const { [gone]: _, ...rest } = owning(members, first, 1)
        const now = settled(sizesOf, rest)
        // No two members swapped partitions of one topic.
        const swaps = moved(first, now).filter((key) => !first[gone]?.includes(key))
        const from = (key: string) => Object.keys(first).find((id) => first[id]?.includes(key))
        const to = (key: string) => Object.keys(now).find((id) => now[id]?.includes(key))
        for (const one of swaps)
          for (const other of swaps)
            if (one.slice(0, 1) === other.slice(0, 1))
              expect(from(one) === to(other) && from(other) === to(one)).toBe(false)
      }),
    )
  })
})
