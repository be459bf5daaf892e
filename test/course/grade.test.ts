import { describe, expect, test } from 'vitest'
import { grade } from '../../src/course/grade.ts'
import { translator } from '../../src/course/i18n/catalog.ts'
import type { Goal, Lesson } from '../../src/course/lesson.ts'
import { play } from '../../src/course/player.ts'
import { memberNames, sentence } from '../../src/course/sentences.ts'
import { createCluster, type TraceEvent } from '../../src/index.ts'
import { emptyView, framesOf, recording } from '../tui/fixture.ts'

const trace = framesOf([
  { type: 'mark', text: 'a' },
  { type: 'mark', text: 'b' },
  { type: 'mark', text: 'c' },
]).map((frame) => frame.event)
const moments = [1, 2, 3].map((length) => ({ length, view: emptyView }))

/** Passes while the last mark is this one, fails otherwise. */
const lastIs = (text: string, kind: Goal['kind']): Goal => ({
  id: text,
  kind,
  check: (events) => {
    const last = events.at(-1)
    const here = last?.type === 'mark' && last.text === text
    return { status: here ? 'pass' : kind === 'always' ? 'fail' : 'open', evidence: here ? [last.index] : [] }
  },
})

describe('grade', () => {
  test('a latch stays passed, with the evidence of the first pass', () => {
    const result = grade([lastIs('b', 'latch')], [], trace, moments)
    expect(result).toEqual({ verdict: 'pass', goals: [{ id: 'b', status: 'pass', evidence: [1] }], mistake: null })
  })

  test('what must always hold stays broken', () => {
    expect(grade([lastIs('a', 'always')], [], trace, moments).goals[0]?.status).toBe('fail')
    expect(grade([lastIs('a', 'always')], [], trace, moments.slice(0, 1)).goals[0]?.status).toBe('pass')
    expect(grade([lastIs('c', 'always')], [], trace, moments).goals[0]?.status).toBe('fail')
  })

  test('the latest mistake is told, and none once everything is met', () => {
    const mistakes = [
      { id: 'early', evidence: () => [0] },
      { id: 'late', evidence: () => [0, 2] },
      { id: 'none', evidence: () => [] },
    ]
    expect(grade([lastIs('x', 'latch')], mistakes, trace, moments).mistake).toBe('late')
    expect(grade([lastIs('c', 'latch')], mistakes, trace, moments).mistake).toBeNull()
  })
})

describe('play', () => {
  const lesson: Lesson<null> = {
    id: 'test',
    number: 99,
    minutes: 1,
    prose: { en: '', ko: '' },
    world: {},
    stage: { topic: 't', partition: 0, groups: [] },
    prediction: { choices: ['a'], right: 'a' },
    run: async () => {},
    task: {
      setup: async () => null,
      moves: [
        { id: 'mark', code: '', make: async (cluster) => cluster.mark('a') },
        { id: 'throw', code: '', make: () => Promise.reject(new Error('thrown outside')) },
        { id: 'blocked', code: '', blocked: () => 'because', make: async () => {} },
      ],
      goals: [lastIs('a', 'latch')],
      mistakes: [{ id: 'm', evidence: () => [0] }],
      hints: 0,
      solution: ['mark'],
      alternatives: [],
      wrong: {},
    },
  }

  test('what throws outside the lesson is "could not check", never a wrong answer', async () => {
    const played = await play(lesson, ['mark', 'throw'], createCluster)
    expect(played).toMatchObject({ verdict: 'could-not-check', mistake: null, error: 'thrown outside' })
    const broken = await play(lesson, [], () => {
      throw new Error('no engine')
    }).catch((error: Error) => error.message)
    expect(broken).toBe('no engine')
  })

  test('a blocked or unknown move ends the list', async () => {
    expect((await play(lesson, ['mark', 'blocked', 'mark'], createCluster)).moves).toEqual(['mark'])
    expect((await play(lesson, ['nothing', 'mark'], createCluster)).moves).toEqual([])
    expect((await play(lesson, [], createCluster)).blocked).toEqual({ blocked: 'because' })
  })
})

test('every event has a sentence in both languages', () => {
  const facts = framesOf([
    { type: 'connect', client: 'c', node: 1 },
    { type: 'disconnect', client: 'c', node: 1, reason: 'r' },
    { type: 'request', client: 'c', node: 1, api: 'Fetch', version: 1, correlationId: 1 },
    { type: 'response', client: 'c', node: 1, api: 'Fetch', correlationId: 1, errorCode: 0 },
    { type: 'high-watermark', node: 1, topic: 't', partition: 0, offset: 3 },
    { type: 'topic.created', topic: 't', partitions: 1, replicationFactor: 1 },
    { type: 'topic.deleted', topic: 't' },
    { type: 'leader', topic: 't', partition: 0, leader: -1, epoch: 1, unclean: false },
    { type: 'leader', topic: 't', partition: 0, leader: 2, epoch: 1, unclean: false },
    { type: 'group.state', group: 'g', from: 'Empty', to: 'Stable', generation: 1, reason: 'r' },
    { type: 'group.leave', group: 'g', member: 'm', cause: 'left', reason: 'r' },
    { type: 'group.assignment', group: 'g', generation: 1, member: 'm', partitions: [] },
    { type: 'consumer.crash', client: 'c', group: 'g', member: 'm', error: 'e', restart: true },
    { type: 'process', name: 'p', change: 'crash', reason: 'r' },
    { type: 'node', node: 1, change: 'fenced' },
    { type: 'law.broken', law: 'K1', sentence: 's', detail: 'd' },
    { type: 'mark', text: 'here' },
  ]).map((frame) => frame.event)
  const all: TraceEvent[] = [...facts, ...recording.frames.map((frame) => frame.event)]
  for (const locale of ['en', 'ko'] as const) {
    for (const event of all) expect(sentence(event, memberNames(all), translator(locale))).toMatch(/\S/)
  }
  expect(sentence(all[10] as TraceEvent, new Map([['m', 'worker']]), translator('en'))).toBe('worker left group g: r')
})
