/** The cluster view, cell by cell: both sizes, both languages, without colour. */
import { afterEach, describe, expect, test } from 'vitest'
import type { ClusterView } from '../../src/index.ts'
import type { SandboxSnapshot } from '../../src/tui/sandbox/controller.ts'
import type { Size, State } from '../../src/tui/state.ts'
import { paint } from '../../src/tui/term/color.ts'
import { ASCII, type Glyphs, UNICODE } from '../../src/tui/term/glyphs.ts'
import { screenLines } from '../../src/tui/views/screen.ts'
import { homeState, liveView, replicaLog as log, sandboxState, snapshot } from './fixture.ts'
import { type Headless, openHeadless } from './headless.ts'

const SIZES = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
] as const

/** Broker 2 was cut off and fell behind, broker 3 died: one partition leads on, one has nobody. */
const view: ClusterView = {
  ...liveView,
  topics: [
    {
      name: 'orders',
      internal: false,
      partitions: [
        { leader: 1, leaderEpoch: 4, isr: [1, 3], replicaLogs: [log(1, 12, 9), log(2, 5, 5), log(3, 10, 9)] },
        { leader: -1, leaderEpoch: 7, isr: [3], replicaLogs: [log(3, 3, 3), log(1, 2, 2), log(2, 2, 2)] },
      ].map((given, partition) => ({
        ...given,
        topic: 'orders',
        partition,
        replicas: given.replicaLogs.map(({ node }) => node),
        elr: [],
        addingReplicas: [],
        removingReplicas: [],
        logStartOffset: 0,
        highWatermark: 0,
        lastStableOffset: 0,
        openTransactions: [],
        logEndOffset: 0,
      })),
    },
  ],
}

function frame(
  size: Size,
  locale: 'en' | 'ko',
  glyphs: Glyphs = UNICODE,
  change: Partial<SandboxSnapshot> = {},
  selected = 3,
): string[] {
  const state: State = {
    ...homeState(size, locale),
    screen: 'sandbox',
    sandbox: sandboxState({ pane: 'partitions', selected, snapshot: { ...snapshot, view, ...change } }),
  }
  return screenLines(state, glyphs).map((line) => paint(line, 0).trimEnd())
}

test('80×24, English: every replica with its role, its strip and its numbers', () => {
  expect(frame(SIZES[0], 'en').slice(2, 13)).toEqual([
    ' Brokers ──────────────────────────────────────────────────────────────────────',
    '   1 up, leads 1   2 up, leads 1   3 down, leads 0',
    '   cut: 1-2  under way: requests 1, answers 2, brokers 3, controller 0',
    ' Partitions ───────────────────────────────── █ committed  ▒ written  ░ missing',
    ' ▸ orders-0  leader 1  epoch 4  in sync 1, 3',
    '     1 leader  │█████████▒▒▒                               │  HW    9  LEO   12',
    '     2 behind  │█████░░░░░░░                               │  HW    5  LEO    5',
    '     3 down    │█████████▒░░                               │  HW    9  LEO   10',
    '   orders-1  no leader  epoch 7  in sync 3',
    '     3 down    │███                                        │  HW    3  LEO    3',
    '     1 behind  │██░                                        │  HW    2  LEO    2',
  ])
})

test('the last stable offset stands where it is below the high watermark, and only there', () => {
  const topics = view.topics.map((topic) => ({
    ...topic,
    partitions: topic.partitions.map((partition) => ({
      ...partition,
      highWatermark: 9,
      lastStableOffset: 9 - partition.partition,
    })),
  }))
  const lines = frame(SIZES[0], 'en', UNICODE, { view: { ...view, topics } })
  expect(lines[6]).toBe(' ▸ orders-0  leader 1  epoch 4  in sync 1, 3')
  expect(lines[10]).toBe('   orders-1  no leader  epoch 7  in sync 3  LSO 8')
})

test('80×24, Korean: the same cells at the same columns', () => {
  expect(frame(SIZES[0], 'ko').slice(2, 12)).toEqual([
    ' 브로커 ───────────────────────────────────────────────────────────────────────',
    '   1 동작 중, 리더 1개   2 동작 중, 리더 1개   3 중단됨, 리더 0개',
    '   끊김: 1-2  오가는 중: 요청 1, 응답 2, 브로커끼리 3, 컨트롤러 0',
    ' 파티션 ──────────────────────────────────── █ 커밋됨  ▒ 쓰기만 됨  ░ 아직 없음',
    ' ▸ orders-0  리더 1  에포크 4  동기화 1, 3',
    '     1 리더   │█████████▒▒▒                                │  HW    9  LEO   12',
    '     2 뒤처짐 │█████░░░░░░░                                │  HW    5  LEO    5',
    '     3 중단됨 │█████████▒░░                                │  HW    9  LEO   10',
    '   orders-1  리더 없음  에포크 7  동기화 3',
    '     3 중단됨 │███                                         │  HW    3  LEO    3',
  ])
})

test.each(['en', 'ko'] as const)('120×40, %s: longer strips; a long log shows its end', (locale) => {
  const lines = frame(SIZES[1], locale)
  const strip = lines.find((line) => line.startsWith('     1 '))
  expect(strip).toMatch(/│█{9}▒{3} {71,72}│ {2}HW {4}9 {2}LEO {3}12$/)
  const [topic] = view.topics
  const partition = topic?.partitions[0]
  if (topic === undefined || partition === undefined) throw new Error('the fixture has partitions')
  const long = { ...partition, replicaLogs: [log(1, 5000, 4998), log(2, 4990, 4990)] }
  const deep = { ...view, topics: [{ ...topic, partitions: [long] }] }
  const shown = frame(SIZES[1], locale, UNICODE, { view: deep }).filter((line) => line.includes('LEO'))
  expect(shown[0]).toMatch(/…█+▒▒│ {2}HW 4998 {2}LEO 5000$/)
  expect(shown[1]).toMatch(/…█+░{10}│ {2}HW 4990 {2}LEO 4990$/)
})

test('only ASCII with --ascii', () => {
  const lines = frame(SIZES[0], 'en', ASCII)
  for (const line of lines) expect(line).toMatch(/^[ -~]*$/)
  expect(lines).toContain('     2 behind  |#####.......                               |  HW    5  LEO    5')
})

test.each(['en', 'ko'] as const)('the footer names what a fault will hit, in every view (%s)', (locale) => {
  const text = (selected: number) => frame(SIZES[0], locale, UNICODE, {}, selected).join('\n')
  expect(text(1)).toContain(locale === 'en' ? 'x crash broker 2' : 'x 2번 브로커 죽이기')
  expect(text(3)).toContain(locale === 'en' ? 'x crash the leader of orders-0' : 'x orders-0 리더 죽이기')
  for (const key of ['b', 't', 'h']) expect(text(0)).toMatch(new RegExp(`  ${key} `))
})

test('the selected partition is on the screen although not all fit', () => {
  const [topic] = view.topics
  if (topic === undefined) throw new Error('the fixture has a topic')
  const partitions = Array.from({ length: 8 }, (_unused, partition) => ({
    ...(topic.partitions[0] as (typeof topic.partitions)[number]),
    partition,
  }))
  const many = { ...view, topics: [{ ...topic, partitions }] }
  for (const [index] of partitions.entries()) {
    const lines = frame(SIZES[0], 'en', UNICODE, { view: many }, view.nodes.length + index)
    const at = lines.findIndex((line) => line.includes(`▸ orders-${index} `))
    expect(at, `orders-${index}`).toBeGreaterThan(0)
    for (const [offset, node] of [1, 2, 3].entries())
      expect(lines[at + 1 + offset]).toMatch(new RegExp(`^ {5}${node} `))
  }
})

describe('on a terminal', () => {
  let open: Headless | null = null
  afterEach(async () => {
    await open?.close()
    open = null
  })

  const TEXTS = {
    en: {
      live: 'leader 1',
      select: '▸ 2 up',
      down: '2 down',
      crashed: 'Broker 2 is dead',
      again: 'down already',
      cut: 'Cut: 1-2, 2-3',
      healed: 'Healed: 1-2, 2-3',
      none: 'No link to heal',
      back: 'Broker 2 is back',
    },
    ko: {
      live: '리더 1',
      select: '▸ 2 동작 중',
      down: '2 중단됨',
      crashed: '2번 브로커가 죽었어요',
      again: '이미 죽어 있어요',
      cut: '끊었어요: 1-2, 2-3',
      healed: '다시 이었어요: 1-2, 2-3',
      none: '이을 링크가 없어요',
      back: '2번 브로커가 돌아왔어요',
    },
  } as const

  describe.each(SIZES)('$columns×$rows', ({ columns, rows }) => {
    test.each(['en', 'ko'] as const)(
      'crash, cut, heal, bring back (%s)',
      async (locale) => {
        const text = TEXTS[locale]
        const terminal = openHeadless({
          columns,
          rows,
          locale,
          environment: { TERM: 'xterm-256color', NO_COLOR: '1' },
          open: { screen: 'sandbox' },
        })
        open = terminal
        const sees = async (what: string) => {
          await terminal.see(what)
          expect(terminal.flaws(), terminal.screen()).toEqual([])
        }
        await sees(text.live)
        await terminal.press('2', 'down')
        await sees(text.select)
        await terminal.press('h')
        await sees(text.none)
        await terminal.press('t')
        await sees(text.cut)
        await terminal.press('h')
        await sees(text.healed)
        await terminal.press('x')
        await sees(text.crashed)
        await sees(text.down)
        await terminal.press('x')
        await sees(text.again)
        await terminal.press('b')
        await sees(text.back)
        await sees(text.select)
        expect(terminal.stdout.written.join('')).not.toMatch(/\u001b\[[0-9;]*m/)
      },
      30_000,
    )
  })
})

test('help lists every key of the sandbox in 24 rows', () => {
  const state: State = {
    ...homeState(SIZES[0]),
    screen: 'sandbox',
    help: true,
    sandbox: sandboxState({}),
  }
  const text = screenLines(state, UNICODE)
    .map((line) => paint(line, 0))
    .join('\n')
  for (const key of [
    'p  P',
    'c',
    'k',
    's',
    'f',
    'g  n  d',
    'a',
    '↑ ↓  PgUp PgDn',
    'x',
    'b',
    't  h',
    'Space  .',
    'n w m u k',
    '+  -  r',
    'Ctrl-C',
  ]) {
    expect(text).toMatch(new RegExp(`^ {3}${key.replaceAll(/[.+]/g, '\\$&')} {2,}\\S`, 'm'))
  }
})
