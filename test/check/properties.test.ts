/** A correct history has no findings; one wrong op in it is found, as what it is. */
import fc from 'fast-check'
import {
  checkHistory,
  type FindingClass,
  type HandledOp,
  type History,
  type SendOp,
  type StoredRecord,
} from 'kafkarium'
import { expect, test } from 'vitest'

/** A run without faults: producers send in turn, groups read everything in order and commit behind what they completed. */
const correct = fc
  .record({
    sends: fc.array(
      fc.record({ partition: fc.nat(2), acks: fc.constantFrom(-1, 1, 0), fate: fc.constantFrom('ok', 'fail', 'info') }),
      { minLength: 1, maxLength: 40 },
    ),
    groups: fc.array(fc.nat(5), { maxLength: 2 }),
  })
  .map(({ sends: given, groups }): History => {
    let order = 0
    const moment = () => ({ order: order++, time: 0 })
    const sends: SendOp[] = []
    const stored: StoredRecord[] = []
    for (const [id, { partition, acks, fate }] of given.entries()) {
      const at = { topic: 'orders', partition }
      const offset = stored.filter((record) => record.partition === partition).length
      const ok = fate === 'ok'
      const base = {
        ...moment(),
        ...at,
        id,
        client: 'shop',
        acks,
        idempotent: false,
        attempts: 1,
        reason: ok ? '' : 'no',
      }
      sends.push({ ...base, outcome: fate as SendOp['outcome'], offset: ok && acks !== 0 ? offset : null })
      if (ok) stored.push({ ...at, send: id, offset })
    }
    const history: History = { sends, stored, reads: [], handled: [], commits: [], moves: [], partitions: [] }
    const [reads, handled, commits] = [[...history.reads], [...history.handled], [...history.commits]]
    for (const [index, every] of groups.entries()) {
      const group = `group ${index}`
      for (const { send, topic, partition, offset } of stored) {
        const read = { ...moment(), send, client: group, process: `${group}#1`, group, topic, partition, offset }
        reads.push(read)
        handled.push({ ...read, member: 'm', outcome: 'completed' })
        if (offset % (every + 1) === every)
          commits.push({ ...moment(), group, member: 'm', topic, partition, offset: offset + 1 })
      }
    }
    return { ...history, reads, handled, commits }
  })

const classesOf = (history: History) => new Set(checkHistory(history).findings.map((finding) => finding.class))
const unexplained = (history: History) =>
  new Set(
    checkHistory(history)
      .findings.filter(({ legal }) => legal === null)
      .map((finding) => finding.class),
  )

test('a correct history has no findings, in whatever order its lists are', () => {
  fc.assert(
    fc.property(correct, fc.boolean(), (history, reversed) => {
      const turn = <T>(list: readonly T[]) => (reversed ? [...list].reverse() : list)
      const { sends, stored, reads, handled, commits } = history
      const turned = {
        ...history,
        sends: turn(sends),
        stored: stored === null ? null : turn(stored),
        reads: turn(reads),
        handled: turn(handled),
        commits: turn(commits),
      }
      expect(checkHistory(turned).findings).toEqual([])
      expect(checkHistory({ ...turned, stored: null }).findings).toEqual([])
    }),
  )
})

type Change = (history: History, pick: number) => History | null
const at = <T>(list: readonly T[], pick: number): T | undefined => list[pick % Math.max(list.length, 1)]
const without = <T>(list: readonly T[], one: T): T[] => list.filter((other) => other !== one)

const changes: readonly [name: string, finding: FindingClass, change: Change][] = [
  [
    'a record is taken out of the log',
    'lost-write',
    (history, pick) => {
      const record = at(history.stored ?? [], pick)
      return record === undefined ? null : { ...history, stored: without(history.stored ?? [], record) }
    },
  ],
  [
    'a record is written twice',
    'duplicate',
    (history, pick) => {
      const record = at(history.stored ?? [], pick)
      return record === undefined
        ? null
        : { ...history, stored: [...(history.stored ?? []), { ...record, offset: 1000 }] }
    },
  ],
  [
    'a reader gets another record at an offset',
    'inconsistent-offsets',
    (history, pick) => {
      const read = at(history.reads, pick)
      return read === undefined ? null : { ...history, reads: [...history.reads, { ...read, send: 1000 }] }
    },
  ],
  [
    'a record that was reported as failed is in the log',
    'ambiguous',
    (history, pick) => {
      const send = at(
        history.sends.filter(({ outcome }) => outcome !== 'ok'),
        pick,
      )
      if (send === undefined) return null
      const record = { send: send.id, topic: send.topic, partition: send.partition, offset: 1000 }
      return { ...history, stored: [...(history.stored ?? []), record] }
    },
  ],
  [
    'a handler of a committed record did not complete',
    'consume-loss',
    (history, pick) => {
      const op = at(handledAndCommitted(history), pick)
      return op === undefined
        ? null
        : { ...history, handled: [...without(history.handled, op), { ...op, outcome: 'died' }] }
    },
  ],
  [
    'a record is handled again',
    'consume-duplicate',
    (history, pick) => {
      const op = at(history.handled, pick)
      return op === undefined ? null : { ...history, handled: [...history.handled, { ...op, order: 100_000 }] }
    },
  ],
  [
    'nobody was given a record that others lie around',
    'unseen',
    (history, pick) => {
      const inner = (history.stored ?? []).filter(
        ({ partition, offset }) =>
          offset > 0 && history.stored?.some((other) => other.partition === partition && other.offset > offset),
      )
      const record = history.reads.length === 0 ? undefined : at(inner, pick)
      if (record === undefined) return null
      const others = <T extends { readonly send: number }>(ops: readonly T[]) =>
        ops.filter((op) => op.send !== record.send)
      return { ...history, reads: others(history.reads), handled: others(history.handled) }
    },
  ],
]

function handledAndCommitted({ handled, commits }: History): HandledOp[] {
  return handled.filter(({ group, partition, offset }) =>
    commits.some((commit) => commit.group === group && commit.partition === partition && commit.offset > offset),
  )
}

test.each(changes)('%s: %s', (_, name, change) => {
  let hits = 0
  fc.assert(
    fc.property(correct, fc.nat(1000), (history, pick) => {
      const changed = change(history, pick)
      if (changed === null) return
      hits += 1
      expect([...classesOf(changed)]).toContain(name)
    }),
    { numRuns: 300 },
  )
  expect(hits, 'not vacuous').toBeGreaterThan(10)
})

test('what acks=all acknowledged is lost without an explanation, and a record that failed must not be there', () => {
  fc.assert(
    fc.property(correct, fc.nat(1000), (history, pick) => {
      const safe = { ...history, sends: history.sends.map((send) => ({ ...send, acks: -1, idempotent: true })) }
      for (const [name, finding, change] of changes.slice(0, 2)) {
        const changed = change(safe, pick)
        if (changed !== null) expect([...unexplained(changed)], name).toContain(finding)
      }
    }),
  )
})
