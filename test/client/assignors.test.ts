/** Java's assignors: outcomes its own tests state (RangeAssignorTest, AbstractStickyAssignorTest, CooperativeStickyAssignorTest). */
import { describe, expect, it, test } from 'vitest'
import { assignRanges } from '../../src/client/consumer/assigners/range.ts'
import { assignCooperatively, assignSticky } from '../../src/client/consumer/assigners/sticky.ts'
import { AssignerProtocol, createKafka, type MemberMetadata, PartitionAssigners } from '../../src/client/index.ts'
import {
  decodeCooperativeUserData,
  decodeStickyUserData,
  decodeSubscription,
} from '../../src/protocol/consumer-protocol.ts'
import { type Member, owned, plan } from './support/plans.ts'
import { createScript } from './support/script-transport.ts'

const { transport, host } = createScript({ answer: () => ({}) })
createKafka(transport, host, { brokers: ['b:1'] })

type Topics = Readonly<Record<string, number>>
type Members = Readonly<Record<string, Member>>
const ranges = (topics: Topics, members: Members) => owned(assignRanges(plan(topics, members)))
const stickily = (topics: Topics, members: Members) => owned(assignSticky(plan(topics, members)))
const cooperatively = (topics: Topics, members: Members) => owned(assignCooperatively(plan(topics, members)))
const all = (...topics: string[]) => ({ topics })

describe('range', () => {
  it('gives each member one run of every topic, the first ones the longer runs', () => {
    expect(ranges({ t1: 3, t2: 3 }, { c1: all('t1', 't2'), c2: all('t1', 't2') })).toEqual({
      c1: ['t1-0', 't1-1', 't2-0', 't2-1'],
      c2: ['t1-2', 't2-2'],
    })
    expect(ranges({ t1: 1 }, { c1: all('t1'), c2: all('t1') })).toEqual({ c1: ['t1-0'], c2: [] })
  })

  it('counts only those who subscribed to the topic', () => {
    expect(ranges({ t1: 3, t2: 2, other: 3 }, { c1: all('t1'), c2: all('t1', 't2'), c3: all('t1') })).toEqual({
      c1: ['t1-0'],
      c2: ['t1-1', 't2-0', 't2-1'],
      c3: ['t1-2'],
    })
    expect(ranges({}, { c1: all('gone') })).toEqual({ c1: [] })
  })

  it('goes by instance ids where there are some, static members first: a new member id moves nothing', () => {
    const both = ['t1', 't2']
    expect(
      ranges({ t1: 3, t2: 3 }, { b: { topics: both, instance: 'i1' }, a: { topics: both, instance: 'i2' } }),
    ).toEqual({ a: ['t1-2', 't2-2'], b: ['t1-0', 't1-1', 't2-0', 't2-1'] })
    expect(ranges({ t1: 3 }, { b: { topics: ['t1'], instance: 'i1' }, a: all('t1') })).toEqual({
      a: ['t1-2'],
      b: ['t1-0', 't1-1'],
    })
  })
})

describe.each([
  ['sticky', stickily],
  ['cooperative-sticky', cooperatively],
])('%s, where nothing has to be revoked', (_, assign) => {
  it('starts as round robin over topics and partitions', () => {
    const members = { c1: all('t1', 't2'), c2: all('t1', 't2') }
    expect(assign({ t1: 3, t2: 3 }, members)).toEqual({ c1: ['t1-0', 't1-2', 't2-1'], c2: ['t1-1', 't2-0', 't2-2'] })
    expect(assign({ t: 2 }, { c1: all('t'), c2: all('t') })).toEqual({ c1: ['t-0'], c2: ['t-1'] })
  })

  it('who has the lower share gets the one more', () => {
    const topics = ['t1', 't2']
    expect(
      assign({ t1: 2, t2: 3 }, { c1: { topics, owns: ['t1-0', 't2-1'] }, c2: { topics, owns: ['t1-1', 't2-2'] } }),
    ).toEqual({ c1: ['t1-0', 't2-0', 't2-1'], c2: ['t1-1', 't2-2'] })
    expect(
      assign(
        { t1: 2, t2: 3 },
        { c1: { topics, owns: ['t1-0'] }, c2: { topics, owns: ['t1-1'] }, c3: { topics, owns: [], generation: 1 } },
      ),
    ).toEqual({ c1: ['t1-0', 't2-1'], c2: ['t1-1', 't2-2'], c3: ['t2-0'] })
  })

  it('a member that has its share keeps it, whoever else has none', () => {
    const topics = ['t']
    const members = { c1: { topics, owns: ['t-0', 't-1'] }, c2: { topics, owns: ['t-2'] }, c3: { topics } }
    expect(assign({ t: 4 }, members)).toEqual({ c1: ['t-0', 't-1'], c2: ['t-2'], c3: ['t-3'] })
  })

  it('what leaves with its member goes to those who have least', () => {
    const topics = ['t1', 't2']
    expect(
      assign({ t1: 3, t2: 4 }, { c3: { topics, owns: ['t1-2', 't2-3'] }, c4: { topics, owns: ['t2-2'] } }),
    ).toEqual({ c3: ['t1-0', 't1-2', 't2-1', 't2-3'], c4: ['t1-1', 't2-0', 't2-2'] })
  })

  it('mixed subscriptions: a topic few can take comes first', () => {
    expect(assign({ t1: 3, t2: 2 }, { c1: all('t1'), c2: all('t1', 't2'), c3: all('t1') })).toEqual({
      c1: ['t1-0', 't1-2'],
      c2: ['t2-0', 't2-1'],
      c3: ['t1-1'],
    })
    const everything = ['t1', 't2', 't3', 't4', 't5']
    const odd = ['t1', 't3', 't5']
    expect(
      assign(
        { t1: 2, t2: 1, t3: 2, t4: 1, t5: 2 },
        { c1: all(...everything), c2: all(...odd), c3: all(...odd), c4: all(...everything) },
      ),
    ).toEqual({ c1: ['t2-0', 't3-0'], c2: ['t1-0', 't3-1'], c3: ['t1-1', 't5-0'], c4: ['t4-0', 't5-1'] })
  })

  it('the claim of the higher generation counts', () => {
    const topics = ['t', 't2']
    const same = ['t-0', 't-2', 't2-1']
    for (const older of [9, -1]) {
      expect(
        assign(
          { t: 3, t2: 3 },
          { c1: { topics, owns: same, generation: 10 }, c2: { topics, owns: same, generation: older } },
        ),
      ).toEqual({ c1: same, c2: ['t-1', 't2-0', 't2-2'] })
    }
    const three = ['t', 't2', 't3']
    expect(
      assign(
        { t: 3, t2: 3, t3: 3 },
        {
          c1: { topics: three, owns: ['t-0', 't2-0', 't3-0'], generation: 10 },
          c2: { topics: three, owns: ['t-1', 't2-1', 't3-1'], generation: 9 },
          c3: { topics: three, owns: ['t2-1', 't3-0', 't3-2'], generation: 8 },
        },
      ),
    ).toEqual({ c1: ['t-0', 't2-0', 't3-0'], c2: ['t-1', 't2-1', 't3-1'], c3: ['t-2', 't2-2', 't3-2'] })
  })

  it('older claims are as good as newer ones where nobody else claims', () => {
    const topics = ['t', 't1', 't2', 't3']
    expect(
      assign(
        { t: 3, t1: 3, t2: 3, t3: 3 },
        {
          c1: { topics },
          c2: { topics, owns: ['t-0', 't2-0', 't1-0'], generation: 9 },
          c3: { topics, owns: ['t3-2', 't2-2', 't1-1'], generation: 8 },
          c4: { topics, owns: ['t3-1', 't-1', 't-2'], generation: 7 },
        },
      ).c1,
    ).toEqual(['t1-2', 't2-1', 't3-0'])
  })

  it('partitions and topics that are no more are nobody’s', () => {
    expect(assign({ t: 1 }, { c1: { topics: ['t', 'gone'], owns: ['gone-0', 't-0', 't-7'] } })).toEqual({ c1: ['t-0'] })
    expect(assign({}, { c1: { topics: ['gone'], owns: ['gone-0'] } })).toEqual({ c1: [] })
  })
})

describe('cooperative-sticky, where an owner has to go first', () => {
  const topics = ['t1', 't2']

  it('the next owner gets nothing yet, and in the next round what was left out', () => {
    const first = { c1: { topics, owns: ['t1-0', 't2-0'] }, c2: { topics, owns: ['t1-1', 't2-1'] }, c3: { topics } }
    // Which of the two owners is left the larger share goes by member id here, by Java's hash order there.
    expect(stickily({ t1: 2, t2: 2 }, first)).toEqual({ c1: ['t1-0', 't2-0'], c2: ['t1-1'], c3: ['t2-1'] })
    expect(cooperatively({ t1: 2, t2: 2 }, first)).toEqual({ c1: ['t1-0', 't2-0'], c2: ['t1-1'], c3: [] })
    const second = { ...first, c2: { topics, owns: ['t1-1'] } }
    expect(cooperatively({ t1: 2, t2: 2 }, second)).toEqual({ c1: ['t1-0', 't2-0'], c2: ['t1-1'], c3: ['t2-1'] })
  })

  it('two join two: three partitions wait', () => {
    const members = {
      c1: { topics, owns: ['t1-0', 't1-2', 't2-1', 't2-3'] },
      c2: { topics, owns: ['t1-1', 't2-0', 't2-2'] },
      c3: { topics },
      c4: { topics },
    }
    expect(cooperatively({ t1: 3, t2: 4 }, members)).toEqual({
      c1: ['t1-0', 't2-1'],
      c2: ['t1-1', 't2-0'],
      c3: [],
      c4: [],
    })
    expect(stickily({ t1: 3, t2: 4 }, members)).toMatchObject({ c3: ['t1-2', 't2-3'], c4: ['t2-2'] })
  })

  it('what two of one generation claim is taken from both before somebody gets it', () => {
    const one = { topics: ['t'], owns: ['t-0', 't-1'] }
    const two = { topics: ['t'], owns: ['t-0', 't-2'] }
    expect(cooperatively({ t: 3 }, { c1: one, c2: two, c3: { topics: ['t'] } })).toEqual({
      c1: ['t-1'],
      c2: ['t-2'],
      c3: [],
    })
    expect(cooperatively({ t: 4 }, { c1: one, c2: two, c3: { topics: ['t'] } })).toEqual({
      c1: ['t-1', 't-3'],
      c2: ['t-2'],
      c3: [],
    })
  })

  it('who claims by an older generation does not get it past its owner, whatever others subscribe to', () => {
    // b owns the topic by the newest generation, a believes to own t-0, and c makes subscriptions differ.
    const members = {
      a: { topics: ['t'], owns: ['t-0'], generation: 4 },
      b: { topics: ['t'], owns: ['t-0', 't-1', 't-2', 't-3'], generation: 5 },
      c: { topics: ['x'], owns: ['x-0'], generation: 5 },
    }
    const assigned = cooperatively({ t: 4, x: 1 }, members)
    expect(assigned.a?.filter((key) => members.b.owns.includes(key))).toEqual([])
  })
})

test('three generations claim one partition, in any order: nobody gets it twice, and all is even', () => {
  for (const [g1, g2, g3] of [
    [1, 2, 3],
    [1, 3, 2],
    [2, 1, 3],
    [2, 3, 1],
    [3, 1, 2],
    [3, 2, 1],
  ] as const) {
    const assigned = stickily(
      { t: 6, t1: 1 },
      {
        c1: { topics: ['t'], owns: ['t-0', 't-2'], generation: g1 },
        c2: { topics: ['t'], owns: ['t-1', 't-2', 't-3'], generation: g2 },
        c3: { topics: ['t'], owns: ['t-2', 't-4', 't-5'], generation: g3 },
        c4: { topics: ['t1'], owns: ['t1-0'], generation: 2 },
      },
    )
    expect(Object.values(assigned).map(({ length }) => length)).toEqual([2, 2, 2, 1])
    expect(new Set(Object.values(assigned).flat()).size).toBe(7)
  }
})

describe('on the wire', () => {
  const config = { cluster: {} as never, groupId: 'g', logger: {} as never }
  const received = { assignment: { t1: [1, 0] }, userData: null, generationId: 6, memberId: 'm', groupInstanceId: null }
  const subscription = { topics: ['t2', 't1'], ownedPartitions: { t1: [1, 0] }, generationId: 6, rackId: 'r' }

  it.each([
    ['range', PartitionAssigners.range, 'eager'],
    ['sticky', PartitionAssigners.sticky, 'eager'],
    ['cooperative-sticky', PartitionAssigners.cooperativeSticky, 'cooperative'],
  ] as const)('%s has Java’s name and subscription version 3, topics sorted', (name, make, rebalanceProtocol) => {
    const assigner = make(config)
    expect(assigner).toMatchObject({ name, rebalanceProtocol })
    const { metadata } = assigner.protocol(subscription)
    expect(decodeSubscription(metadata)).toMatchObject({
      version: 3,
      topics: ['t1', 't2'],
      generationId: 6,
      rackId: 'r',
    })
  })

  it('sticky says in its user data what it had and since when, once it had something', () => {
    const assigner = PartitionAssigners.sticky(config)
    expect(decodeSubscription(assigner.protocol({ topics: ['t1'] }).metadata).userData).toBeNull()
    assigner.onAssignment?.(received)
    const { userData, ownedPartitions } = decodeSubscription(assigner.protocol({ topics: ['t1'] }).metadata)
    expect(ownedPartitions).toEqual([])
    expect(decodeStickyUserData(userData as Uint8Array)).toEqual({
      previousAssignment: [{ topic: 't1', partitions: [0, 1] }],
      generation: 6,
    })
    expect(Buffer.from(userData as Uint8Array).toString('hex')).toBe(
      '00000001' + '0002' + '7431' + '00000002' + '00000000' + '00000001' + '00000006',
    )
    // Version 0 ended before the generation.
    expect(decodeStickyUserData((userData as Uint8Array).slice(0, -4)).generation).toBe(-1)
  })

  it('cooperative-sticky says what it owns in the subscription, and the generation in both places', () => {
    const assigner = PartitionAssigners.cooperativeSticky(config)
    assigner.onAssignment?.(received)
    const decoded = decodeSubscription(assigner.protocol(subscription).metadata)
    expect(decoded).toMatchObject({ generationId: 6, ownedPartitions: [{ topic: 't1', partitions: [0, 1] }] })
    expect(decodeCooperativeUserData(decoded.userData as Uint8Array)).toBe(6)
  })

  it('AssignerProtocol carries what members own for custom assigners, and kafkajs’s bytes without it', () => {
    const { encode, decode } = AssignerProtocol.MemberMetadata
    const metadata = {
      version: 3,
      topics: ['t1'],
      userData: Buffer.from('x'),
      ownedPartitions: { t1: [2, 0] },
      generationId: 9,
    }
    const read = decode(encode(metadata)) as MemberMetadata
    expect({ ...read, ownedPartitions: { ...read.ownedPartitions } }).toEqual({
      ...metadata,
      ownedPartitions: { t1: [0, 2] },
      rackId: null,
    })
    expect(decode(encode({ version: 3, topics: ['t1'] }))).toEqual({
      version: 3,
      topics: ['t1'],
      userData: Buffer.alloc(0),
    })
  })
})
