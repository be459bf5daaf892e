import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Fact, TraceEvent } from '../../src/index.ts'
import { generationRows, groupDetail } from '../../src/tui/models/group.ts'
import { goneRecords, OFFSETS_TOPIC, offsetsRows } from '../../src/tui/models/offsets.ts'
import { createPositions } from '../../src/tui/models/positions.ts'
import { chosenGroup, chosenMember } from '../../src/tui/models/selection.ts'
import { span, width } from '../../src/tui/term/text.ts'
import { tableLines } from '../../src/tui/views/table.ts'
import { sandboxState } from './fixture.ts'
import { groupSnapshot, history, offsets, offsetsRecord } from './group-fixture.ts'

const { view, startedAt } = groupSnapshot
const sources = { view, history, positions: new Map([['orders-0', 11]]) }

describe('the group model', () => {
  const detail = groupDetail('billing', sources)

  test('members: what they own, how far behind, how long silent, what became of their process', () => {
    expect(
      detail?.members.map(({ client, leads, process, partitions, lag, late }) => ({
        client,
        leads,
        process,
        partitions,
        lag,
        late,
      })),
    ).toEqual([
      {
        client: 'consumer-1',
        leads: true,
        process: 'running',
        partitions: ['orders-0', 'orders-2'],
        lag: 3,
        late: false,
      },
      { client: 'consumer-2', leads: false, process: 'gone', partitions: ['orders-1'], lag: 0, late: true },
      { client: 'consumer-3', leads: false, process: 'frozen', partitions: [], lag: null, late: false },
    ])
    expect(detail).toMatchObject({ type: 'classic', generation: 3, coordinator: 1, lag: 3 })
    // A classic group has neither: they are of KIP-848.
    expect(detail?.members.every(({ epoch, target }) => epoch === null && target === null)).toBe(true)
  })

  test('partitions: all of the topics that are owned or committed to, also those without a commit', () => {
    expect(detail?.partitions).toEqual([
      row('orders-0', 12, 10, 9, 11, 3, 'consumer-1'),
      row('orders-1', 17, 15, 17, null, 0, 'consumer-2'),
      row('orders-2', 22, 20, null, null, null, 'consumer-1'),
    ])
  })

  test('a partition nobody owns has no position, whoever was there', () => {
    const groups = view.groups.map((group) => ({ ...group, members: [] }))
    const empty = groupDetail('billing', { ...sources, view: { ...view, groups } })
    expect(empty?.partitions[0]).toEqual(row('orders-0', 12, 10, 9, null, 3, null))
    expect(empty?.partitions).toHaveLength(3)
  })

  test('the last rebalance began where the generation before ended', () => {
    const reason = 'a member joined'
    expect(detail?.rebalance).toEqual({ reason, at: startedAt + 69_000 })
    const at = (given: typeof history) => groupDetail('billing', { ...sources, history: given })?.rebalance
    expect(at(history.slice(0, 1))).toEqual({ reason, at: startedAt + 9_000 })
    expect(at(history.slice(2))).toEqual({ reason, at: startedAt + 70_000 })
    expect(at([])).toEqual({ reason, at: null })
    // A coordinator that took over has the group from the log, which holds no reasons.
    const groups = view.groups.map((group) => ({ ...group, lastRebalanceReason: '' }))
    const taken = (given: typeof history) =>
      groupDetail('billing', { ...sources, view: { ...view, groups }, history: given })?.rebalance
    expect(taken(history)?.reason).toContain('was not heard from')
    expect(taken([])).toBeNull()
  })

  test('no group, no model', () => {
    expect(groupDetail('shipping', sources)).toBeNull()
  })

  test('generations: the newest first, no more than asked for', () => {
    expect(generationRows(history, 2)).toEqual([
      { generation: 3, began: startedAt + 70_000, ended: null, endReason: null, owners: [] },
      {
        generation: 2,
        began: startedAt + 9_500,
        ended: startedAt + 69_000,
        endReason: history[1]?.endReason,
        owners: [
          { client: 'consumer-1', partitions: ['orders-0', 'orders-2'] },
          { client: 'consumer-2', partitions: ['orders-1'] },
        ],
      },
    ])
    expect(generationRows([], 5)).toEqual([])
    const [first] = history
    if (first === undefined) throw new Error('the fixture has a past')
    const owner = (member: string, clientId: string, partitions: string[]) => ({ member, clientId, partitions })
    const back = [owner('s-old', 's', ['orders-0']), owner('r', 'r', []), owner('s-new', 's', ['orders-0'])]
    expect(generationRows([{ ...first, owners: back }], 1)[0]?.owners).toEqual([
      { client: 'r', partitions: [] },
      { client: 's', partitions: ['orders-0'] },
    ])
  })
})

function row(
  name: string,
  logEndOffset: number,
  highWatermark: number,
  committed: number | null,
  position: number | null,
  lag: number | null,
  owner: string | null,
) {
  return { name, logEndOffset, highWatermark, committed, position, lag, owner }
}

describe('positions', () => {
  const where = { topic: 'orders', partition: 0 }
  const positionsAfter = (...facts: Fact[]) => {
    const positions = createPositions()
    for (const [index, fact] of facts.entries()) positions.note({ index, time: index, ...fact } as TraceEvent)
    return [...positions.of('A')]
  }
  const assigned = (member: string, partitions: string[]): Fact => ({
    type: 'group.assignment',
    group: 'A',
    generation: 1,
    member,
    partitions,
  })
  const handed = (member: string, firstOffset: number, lastOffset: number): Fact => ({
    type: 'handler.start',
    client: 'c',
    group: 'A',
    member,
    ...where,
    firstOffset,
    lastOffset,
  })
  const committed = (member: string, offset: number): Fact => ({
    type: 'offset.commit',
    group: 'A',
    member,
    generation: 1,
    ...where,
    offset,
  })

  test('behind what the owner was handed; before that, at the commit; without one, nowhere yet', () => {
    expect(positionsAfter(assigned('m', ['orders-0']))).toEqual([])
    expect(positionsAfter(assigned('m', ['orders-0']), handed('m', 0, 4))).toEqual([['orders-0', 5]])
    expect(positionsAfter(committed('m', 3), assigned('m', ['orders-0']))).toEqual([['orders-0', 3]])
  })

  test('a new owner starts from the commit, not where the old one was', () => {
    const moved = [
      assigned('m', ['orders-0']),
      handed('m', 0, 9),
      committed('m', 4),
      assigned('n', ['orders-0']),
    ] as const
    expect(positionsAfter(...moved)).toEqual([['orders-0', 4]])
    // What the old one goes on with is nobody's position.
    expect(positionsAfter(...moved, handed('m', 10, 10))).toEqual([['orders-0', 4]])
    expect(positionsAfter(...moved, handed('n', 4, 4))).toEqual([['orders-0', 5]])
  })

  test('who keeps a partition over a rebalance keeps the position', () => {
    expect(
      positionsAfter(assigned('m', ['orders-0']), handed('m', 0, 2), assigned('m', ['orders-0', 'orders-1'])),
    ).toEqual([['orders-0', 3]])
  })

  test('without an owner there is none: given back, left, deleted', () => {
    const owned = [committed('m', 2), assigned('m', ['orders-0'])] as const
    expect(positionsAfter(...owned, assigned('m', []))).toEqual([])
    const leave: Fact = { type: 'group.leave', group: 'A', member: 'm', cause: 'expired', reason: '' }
    expect(positionsAfter(...owned, leave)).toEqual([])
    const dead: Fact = { type: 'group.state', group: 'A', from: 'Empty', to: 'Dead', generation: 1, reason: '' }
    expect(positionsAfter(...owned, dead, assigned('n', ['orders-0']))).toEqual([])
  })
})

describe('the offsets topic', () => {
  const rows = offsetsRows(offsets)

  test('newest last, in the order of the log where the time is the same', () => {
    expect(rows.map(({ partition, offset }) => `${partition}:${offset}`)).toEqual([
      '5:3',
      '9:2',
      '9:3',
      '9:4',
      '5:4',
      '9:5',
      '9:6',
    ])
  })

  test('every record says what its key and its value are', () => {
    expect(rows.map(({ kind, group, where, value }) => [kind, group, where, value])).toEqual([
      ['group-metadata', 'audit', null, { type: 'generation', generation: 1, members: 0, protocol: null }],
      [
        'group-metadata',
        'billing',
        null,
        { type: 'generation', generation: 1, members: 1, protocol: 'RoundRobinAssigner' },
      ],
      ['offset-commit', 'billing', 'orders-0', { type: 'commit', offset: 7 }],
      [
        'group-metadata',
        'billing',
        null,
        { type: 'generation', generation: 2, members: 2, protocol: 'RoundRobinAssigner' },
      ],
      ['group-metadata', 'audit', null, { type: 'tombstone' }],
      ['offset-commit', 'billing', 'orders-0', { type: 'commit', offset: 9 }],
      ['offset-commit', 'billing', 'orders-1', { type: 'commit', offset: 17 }],
    ])
  })

  test('of every key the newest record is kept', () => {
    expect(rows.filter(({ kept }) => kept).map(({ partition, offset }) => `${partition}:${offset}`)).toEqual([
      '9:4',
      '5:4',
      '9:5',
      '9:6',
    ])
    // The same key bytes in another partition are another key.
    const twice = [1, 2].map((partition) => offsetsRecord({ offset: 0, at: 0, group: 'A', value: {}, partition }))
    expect(offsetsRows(twice).every(({ kept }) => kept)).toBe(true)
  })

  test('a kind that is not known yet shows as what it says of itself, one that cannot be read as such', () => {
    const known = offsetsRecord({ offset: 0, at: 0, group: 'A', value: {} })
    const [member] = offsetsRows([
      { ...known, decoded: { type: 'consumer-member', group: 'A', member: 'm', value: {} } },
    ])
    expect(member).toMatchObject({ kind: 'consumer-member', group: 'A', where: 'm' })
    const [other] = offsetsRows([{ ...known, decoded: { type: 'share-group', group: 'A', value: {} } }])
    expect(other).toMatchObject({ kind: 'other', group: 'A', value: { type: 'text', text: 'text' } })
    const { decoded: _decoded, ...raw } = known
    const [unreadable] = offsetsRows([raw])
    expect(unreadable).toMatchObject({ kind: 'other', group: null, value: { type: 'text', text: '' } })
  })

  test('what compaction took is the offsets without a record', () => {
    const topic = view.topics.find(({ name }) => name === OFFSETS_TOPIC)
    expect(
      goneRecords(
        topic,
        offsets.filter(({ partition }) => partition === 9),
      ),
    ).toBe(2)
    expect(goneRecords(topic, offsets)).toBe(5)
    expect(goneRecords(undefined, [])).toBe(0)
  })
})

describe('what is chosen', () => {
  test('the group by its name, else the first; none while there is none', () => {
    expect(chosenGroup(groupSnapshot, { group: null })).toBe('billing')
    expect(chosenGroup(groupSnapshot, { group: 'shipping' })).toBe('shipping')
    expect(chosenGroup(groupSnapshot, { group: 'deleted' })).toBe('billing')
    expect(chosenGroup({ ...groupSnapshot, groups: [] }, { group: 'billing' })).toBeNull()
  })

  test('the member by its place, the last one when there are fewer now; only where the pointer is seen', () => {
    const at = (member: number) => chosenMember(groupSnapshot, sandboxState({ pane: 'groups', member }))?.client
    expect([at(0), at(1), at(2), at(7)]).toEqual(['consumer-1', 'consumer-2', 'consumer-3', 'consumer-3'])
    expect(chosenMember(groupSnapshot, sandboxState({ pane: 'all' }))).toBeNull()
    expect(chosenMember(groupSnapshot, sandboxState({ pane: 'groups', group: 'shipping' }))).toBeNull()
  })
})

describe('a table', () => {
  const texts = (columns: Parameters<typeof tableLines>[0], room: number) =>
    tableLines(columns, room, '…').map((line) =>
      line
        .map(({ text }) => text)
        .join('')
        .trimEnd(),
    )
  const columns = [
    { head: '이름', cells: [[span('가나다라')], [span('b')]], least: 5 },
    { head: 'N', cells: [[span('1')], [span('100')]], right: true },
    { head: 'Host', cells: [[span('h1')], [span('h2')]], drop: 1 },
    { head: 'Id', cells: [[span('i1')], [span('i2')]], drop: 2 },
  ]

  test('columns stand under their headings, in every script', () => {
    expect(texts(columns, 40)).toEqual([
      '이름        N  Host  Id',
      '가나다라    1  h1    i1',
      'b         100  h2    i2',
    ])
  })

  test('the least needed columns go first, then text is cut', () => {
    expect(texts(columns, 20)).toEqual(['이름        N  Host', '가나다라    1  h1', 'b         100  h2'])
    expect(texts(columns, 14)).toEqual(['이름        N', '가나다라    1', 'b         100'])
    expect(texts(columns, 11)).toEqual(['이름      N', '가나…     1', 'b       100'])
  })

  test('never wider than its room', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.array(fc.string(), { maxLength: 4 }), (room, cells) => {
        const table = [
          ...columns,
          { head: 'x', cells: cells.map((text) => [span(text.replaceAll(/[\p{C}\p{Z}]/gu, ' '))]), least: 3 },
        ]
        for (const line of texts(table, room)) expect(width(line)).toBeLessThanOrEqual(room)
      }),
    )
  })
})
