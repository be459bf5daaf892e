/** Every class of finding on histories written by hand: what it sees, what it does not, and what explains it. */
import { checkHistory, type Finding, type FindingClass } from 'kafkarium'
import { describe, expect, test } from 'vitest'
import { story } from './builder.ts'

type Story = ReturnType<typeof story>
const found = (it: Story, setting = {}) => checkHistory(it.history, setting).findings
const of = (it: Story, name: FindingClass, setting = {}): Finding[] =>
  found(it, setting).filter((finding) => finding.class === name)

test('an empty history and a good one have no findings', () => {
  expect(found(story())).toEqual([])
  const good = story().sent(1, 0).sent(2, 1).handled(1, 0).handled(2, 1).committed(2)
  expect(checkHistory(good.history)).toEqual({
    ok: true,
    findings: [],
    counts: {},
    text: 'Nothing lost, nothing twice, nothing out of place.',
  })
})

describe('lost-write', () => {
  test('acknowledged with acks=all and not in the log: nothing explains it', () => {
    const [finding] = of(story().sent(1, 0).sent(2, 1, { stored: [] }), 'lost-write')
    expect(finding).toMatchObject({ offsets: [1], sends: [2], legal: null, topic: 'orders', partition: 0 })
    expect(finding?.sentence).toBe('send 2 (shop, acks=all) was acknowledged at orders-0@1 and is not in the log')
  })

  test('what has no known outcome, or failed, is not lost', () => {
    expect(found(story().unknown(1).failed(2))).toEqual([])
  })

  test.each([
    [0, 'acks=0'],
    [1, 'acks=1'],
  ])('acks=%i explains it', (acks, reason) => {
    const [finding] = of(story().sent(1, 0, { acks, stored: [] }), 'lost-write')
    expect(finding?.legal).toContain(reason)
  })

  test('an unclean election explains it, and lossy crashes of as many replicas as had to have it', () => {
    const lost = () => story().sent(1, 0, { stored: [] })
    expect(of(lost().end({ uncleanElections: 1 }), 'lost-write')[0]?.legal).toContain('unclean election')
    expect(of(lost().end({ lossyCrashes: 2, minIsr: 2 }), 'lost-write')[0]?.legal).toContain('2 crashes')
    expect(of(lost().end({ lossyCrashes: 1, minIsr: 2 }), 'lost-write')[0]?.legal).toBeNull()
    expect(of(lost().end({ compacted: true }), 'lost-write')[0]?.legal).toContain('compacted')
  })

  test('what was deleted from the log on purpose is not lost', () => {
    expect(found(story().sent(1, 0, { stored: [] }).sent(2, 1).end({ logStartOffset: 1 }))).toEqual([])
  })

  test('from afar: lost is what lies below a read and nobody read', () => {
    const it = () => story().fromAfar().sent(1, 0).sent(2, 1).sent(3, 2)
    expect(of(it().polled(1, 0).polled(3, 2), 'lost-write')).toMatchObject([{ sends: [2] }])
    expect(of(it().polled(1, 0), 'lost-write'), 'not read yet').toEqual([])
    expect(of(it().polled(1, 0).polled(2, 1).polled(3, 2), 'lost-write')).toEqual([])
  })

  test('from afar: a value at several offsets proves its lowest one only', () => {
    const it = story().fromAfar().sent(1, 0).sent(2, 5).sent(3, 1).polled(1, 0).polled(3, 1).polled(3, 9)
    expect(of(it, 'lost-write')).toEqual([])
  })
})

describe('unseen', () => {
  const three = () => story().sent(1, 0).sent(2, 1).sent(3, 2)

  test('readers passed over it', () => {
    expect(of(three().polled(1, 0).polled(3, 2), 'unseen')).toMatchObject([{ sends: [2], offsets: [1], legal: null }])
  })

  test('nobody has got there yet, or anybody saw it: nothing', () => {
    expect(of(three().polled(1, 0), 'unseen')).toEqual([])
    expect(of(three().polled(1, 0, 'a').polled(3, 2, 'a').polled(2, 1, 'b'), 'unseen')).toEqual([])
    expect(of(three().polled(1, 0, 'a').polled(3, 2, 'b'), 'unseen'), 'two readers, each in its place').toEqual([])
  })

  test('after final polls everything has to have been read', () => {
    expect(of(three().polled(1, 0), 'unseen', { finalPolls: true })).toMatchObject([{ sends: [2] }, { sends: [3] }])
    expect(of(three().polled(1, 0).polled(2, 1).polled(3, 2), 'unseen', { finalPolls: true })).toEqual([])
  })

  test('the high watermark, seeks and the log start explain it', () => {
    const final = { finalPolls: true }
    expect(of(story().sent(1, 0).end({ highWatermark: 0 }), 'unseen', final)[0]?.legal).toContain('high watermark')
    const moved = three().handled(1, 0).moved('seek', 2).handled(3, 2)
    expect(of(moved, 'unseen')[0]?.legal).toContain('seek')
    expect(of(story().sent(1, 0).end({ logStartOffset: 1 }), 'unseen', final)).toEqual([])
  })

  test('what is lost is not unseen as well; from afar acks explain it', () => {
    expect(found(story().sent(1, 0, { stored: [] }), { finalPolls: true }).map((finding) => finding.class)).toEqual([
      'lost-write',
    ])
    const afar = story().fromAfar().sent(1, 0, { acks: 0 })
    expect(of(afar, 'unseen', { finalPolls: true })[0]?.legal).toContain('acks=0')
  })
})

describe('duplicate', () => {
  test('one send at two offsets; idempotence off explains it', () => {
    const [finding] = of(story().sent(1, 1, { stored: [0, 1], attempts: 2 }), 'duplicate')
    expect(finding).toMatchObject({ offsets: [0, 1], sends: [1], legal: expect.stringContaining('idempotence is off') })
    expect(finding?.sentence).toBe('send 1 (shop) is there 2 times: orders-0@0 and orders-0@1')
  })

  test('an idempotent producer must not', () => {
    expect(of(story().sent(1, 1, { stored: [0, 1], idempotent: true }), 'duplicate')[0]?.legal).toBeNull()
  })

  test('equal values in two sends are two records', () => {
    expect(of(story().sent(1, 0).sent(2, 1), 'duplicate')).toEqual([])
  })

  test('from afar it is seen by its readers', () => {
    expect(of(story().fromAfar().unknown(1).polled(1, 0).polled(1, 3), 'duplicate')).toMatchObject([
      { offsets: [0, 3] },
    ])
  })

  test('the same offset read by many is no duplicate', () => {
    expect(of(story().sent(1, 0).polled(1, 0, 'a').polled(1, 0, 'b'), 'duplicate')).toEqual([])
  })
})

describe('inconsistent-offsets', () => {
  test('an acknowledged offset was given again: legal where the first may be lost', () => {
    const again = (acks: number) => story().sent(1, 0, { acks, stored: [] }).sent(2, 0)
    expect(of(again(1), 'inconsistent-offsets')).toMatchObject([
      { sends: [1, 2], offsets: [0], legal: expect.stringContaining('acks=1') },
    ])
    expect(of(again(-1), 'inconsistent-offsets')[0]?.legal).toBeNull()
  })

  test('two readers saw different records: acks explain nothing, for what is read is committed', () => {
    const it = () => story().sent(1, 0, { acks: 1, stored: [] }).polled(1, 0, 'a').sent(2, 0).polled(2, 0, 'b')
    expect(of(it(), 'inconsistent-offsets')[0]?.legal).toBeNull()
    expect(of(it().end({ uncleanElections: 1 }), 'inconsistent-offsets')[0]?.legal).toContain('unclean')
  })

  test('one record an offset is how it should be', () => {
    expect(of(story().sent(1, 0).polled(1, 0).sent(2, 1).polled(2, 1), 'inconsistent-offsets')).toEqual([])
  })
})

describe('consume-loss', () => {
  const two = () => story().sent(1, 0).sent(2, 1)

  test.each(['failed', 'died'] as const)('the commit is past a record whose handler %s', (outcome) => {
    const [finding] = of(two().committed(1).handled(1, 0, outcome).handled(2, 1).committed(2), 'consume-loss')
    expect(finding).toMatchObject({ sends: [1], offsets: [0], group: 'billing', legal: null })
    expect(finding?.sentence).toContain(`its handler never completed (${outcome})`)
  })

  test('a record that a handler still holds, or another run completed, is not lost', () => {
    expect(of(two().committed(1).handled(1, 0, 'running').committed(2).handled(2, 1), 'consume-loss')).toEqual([])
    const again = two().handled(1, 0, 'died').handled(1, 0, 'completed', 'billing#2').handled(2, 1).committed(2)
    expect(of(again, 'consume-loss')).toEqual([])
  })

  test('a record no handler was ever given', () => {
    const it = story().sent(1, 0).sent(2, 1).sent(3, 2).handled(1, 0).handled(3, 2).committed(3)
    expect(of(it, 'consume-loss')).toMatchObject([{ sends: [2], legal: null }])
  })

  test('before where the group began, and behind its commit, nothing is its business', () => {
    const it = story().sent(1, 0).sent(2, 1).sent(3, 2).handled(2, 1).committed(2)
    expect(of(it, 'consume-loss')).toEqual([])
  })

  test('what a batch handler resolved counts as done, unless it is not to be trusted', () => {
    const it = () => two().handled(1, 0, 'resolved').handled(2, 1).committed(2)
    expect(of(it(), 'consume-loss')).toEqual([])
    expect(of(it(), 'consume-loss', { resolvedIsHandled: false })).toMatchObject([{ sends: [1] }])
  })

  test('a seek, a reset, a commit from outside and retention explain it', () => {
    const skipped = () => story().sent(1, 0).sent(2, 1).sent(3, 2).handled(1, 0)
    expect(of(skipped().moved('seek', 2).handled(3, 2).committed(3), 'consume-loss')[0]?.legal).toContain('sought')
    expect(of(skipped().moved('reset', -1).handled(3, 2).committed(3), 'consume-loss')[0]?.legal).toContain(
      'out of range',
    )
    expect(of(skipped().committed(2, '').handled(3, 2).committed(3), 'consume-loss')[0]?.legal).toContain('outside')
    expect(of(skipped().moved('seek', 0).handled(3, 2).committed(3), 'consume-loss')[0]?.legal).toBeNull()
    const gone = story().sent(1, 0).sent(2, 1, { stored: [] }).sent(3, 2).end({ logStartOffset: 2 })
    expect(of(gone.handled(1, 0).handled(3, 2).committed(3), 'consume-loss')[0]?.legal).toContain(
      'deleted from the log',
    )
  })
})

describe('consume-duplicate', () => {
  const one = () => story().sent(1, 0)

  test('handled again by the next run, before the commit', () => {
    const [finding] = of(one().handled(1, 0).handled(1, 0, 'completed', 'billing#2'), 'consume-duplicate')
    expect(finding).toMatchObject({ sends: [1], group: 'billing', legal: expect.stringContaining('before its offset') })
    expect(finding?.sentence).toBe('group billing handled send 1 twice, at orders-0@0')
  })

  test('another group, and a handler that did not complete, are no duplicate', () => {
    expect(of(one().handled(1, 0).handled(1, 0, 'completed', 'b#1', 'audit'), 'consume-duplicate')).toEqual([])
    expect(of(one().handled(1, 0, 'died').handled(1, 0), 'consume-duplicate')).toEqual([])
  })

  test.each([
    [
      'the log itself',
      story()
        .sent(1, 1, { stored: [0, 1] })
        .handled(1, 0)
        .handled(1, 1),
    ],
    ['a seek or an offset reset', one().handled(1, 0).committed(1).moved('seek', 0).handled(1, 0)],
    ['the committed offset went back', one().handled(1, 0).committed(1).committed(0).handled(1, 0)],
    ['two consumers', one().handled(1, 0).committed(1).handled(1, 0, 'completed', 'other#1')],
    ['another consumer took over', one().handled(1, 0).handled(1, 0, 'completed', 'other#1')],
  ])('the reason: %s', (reason, it) => {
    expect(of(it, 'consume-duplicate')[0]?.legal).toContain(reason)
  })
})

describe('ambiguous', () => {
  test('an unknown outcome whose record is there: a report', () => {
    expect(of(story().unknown(1, [0]), 'ambiguous')).toMatchObject([
      { sends: [1], offsets: [0], legal: expect.stringContaining('must not take it for failed') },
    ])
  })

  test('reported as failed, and there: nothing explains it', () => {
    expect(of(story().failed(1, [0]), 'ambiguous')[0]?.legal).toBeNull()
    expect(of(story().fromAfar().failed(1).polled(1, 0), 'ambiguous')[0]?.legal).toBeNull()
  })

  test('an unknown outcome whose record is not there, and an acknowledged one', () => {
    expect(of(story().unknown(1).sent(2, 0), 'ambiguous')).toEqual([])
  })
})

describe('the report', () => {
  test('unexplained first; a table; at most twenty', () => {
    const it = story()
      .sent(1, 1, { stored: [0, 1] })
      .sent(2, 2, { stored: [] })
    expect(checkHistory(it.history).text).toBe(`2 findings: 1 unexplained, 1 explained by the configuration.
✗ lost-write  orders-0@2    send 2 (shop, acks=all) was acknowledged at orders-0@2 and is not in the log
                            shop sent it with acks=all, one request, and was told offset 2
· duplicate   orders-0@0,1  send 1 (shop) is there 2 times: orders-0@0 and orders-0@1
                            explained: idempotence is off: to the broker a retried send is a new one`)
    const many = story()
    for (let id = 0; id < 30; id++) many.sent(id, id, { stored: [] })
    expect(checkHistory(many.history).text).toContain('… and 10 more.')
    expect(checkHistory(many.history).counts).toEqual({ 'lost-write': 30 })
  })
})
