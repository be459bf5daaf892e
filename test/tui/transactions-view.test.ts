/** The transactions view, cell by cell: both sizes, both languages, without colour. */
import { afterEach, describe, expect, test } from 'vitest'
import type { ClusterView, LogEntryView, OpenTransactionView, TransactionView } from '../../src/index.ts'
import { partitionLogRows, transactionRows } from '../../src/tui/models/transactions.ts'
import { reduce } from '../../src/tui/reduce.ts'
import type { SandboxSnapshot } from '../../src/tui/sandbox/controller.ts'
import type { SandboxState, Size, State } from '../../src/tui/state.ts'
import { paint } from '../../src/tui/term/color.ts'
import { ASCII, type Glyphs, UNICODE } from '../../src/tui/term/glyphs.ts'
import { maxScroll, screenLines } from '../../src/tui/views/screen.ts'
import { homeState, liveView, sandboxState, snapshot } from './fixture.ts'
import { type Headless, openHeadless } from './headless.ts'

const SIZES = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
] as const
const { now } = liveView

const transaction = (given: Partial<TransactionView>): TransactionView => ({
  transactionalId: 'checkout',
  producerId: 7,
  epoch: 2,
  state: 'Ongoing',
  pending: null,
  partitions: [
    { topic: 'orders', partition: 1 },
    { topic: 'orders', partition: 0 },
  ],
  startedAt: now - 12_345,
  timeoutMs: 30_000,
  coordinator: 2,
  ...given,
})
const open = (given: Partial<OpenTransactionView>): OpenTransactionView => ({
  producerId: 7,
  producerEpoch: 2,
  transactionalId: 'checkout',
  firstOffset: 4,
  since: now - 12_345,
  ended: false,
  hangs: false,
  ...given,
})

/** One character an offset: a record, o open, x aborted, C and A markers, _ nothing any more. */
function entries(log: string): LogEntryView[] {
  return [...log].flatMap((cell, offset): LogEntryView[] => {
    if (cell === '_') return []
    const type = cell === 'C' ? 'commit' : cell === 'A' ? 'abort' : 'record'
    const outcome = cell === 'o' ? 'open' : cell === 'x' ? 'aborted' : null
    return [{ offset, type, producerId: outcome === null ? null : 7, transaction: outcome }]
  })
}

const LOGS = ['rrrroorr', 'r__xArrC', 'rxxA']
const WAITS: readonly (readonly OpenTransactionView[])[] = [[open({})], [], []]

function viewOf(logs: readonly string[], waits = WAITS, transactions: readonly TransactionView[] = [transaction({})]) {
  const topics = liveView.topics.map((topic) => ({
    ...topic,
    partitions: topic.partitions.map((partition) => {
      const { length } = logs[partition.partition] ?? ''
      const openTransactions = waits[partition.partition] ?? []
      const lastStableOffset = openTransactions[0]?.firstOffset ?? length
      return { ...partition, highWatermark: length, logEndOffset: length, lastStableOffset, openTransactions }
    }),
  }))
  const view: ClusterView = { ...liveView, topics, transactions }
  return { view, logs: new Map(logs.map((log, index) => [`orders-${index}`, entries(log)])) }
}

interface Given {
  readonly locale?: 'en' | 'ko'
  readonly glyphs?: Glyphs
  readonly sandbox?: Partial<SandboxState>
  readonly world?: Partial<SandboxSnapshot>
}

function stateOf(size: Size, { locale = 'en', sandbox = {}, world = viewOf(LOGS) }: Given): State {
  return {
    ...homeState(size, locale),
    screen: 'sandbox',
    sandbox: sandboxState({ pane: 'transactions', ...sandbox, snapshot: { ...snapshot, ...world } }),
  }
}

function frame(size: Size, given: Given = {}): string[] {
  return screenLines(stateOf(size, given), given.glyphs ?? UNICODE).map((line) => paint(line, 0).trimEnd())
}

test('80×24, English: whose, since when, and how far each log is read', () => {
  expect(frame(SIZES[0]).filter((line) => line !== '')).toEqual([
    '   1 All 2 Partitions 3 Groups 4 Offsets 5 Events[6 Txns]     1:23.4 x2 running',
    '────────────────────────────────────────────────────────────────────────────────',
    ' Transactions: 1 ──────────────────────────────────────────────────────────────',
    '   Transactional id  Producer  Epoch  State    Open for  Partitions',
    '   checkout                 7      2  open   12 of 30 s  orders-0 orders-1',
    ' Logs ────────────────────────── █ record  ▒ open  ░ aborted  C commit  A abort',
    '   orders-0  │████┃▒▒██                             │  LSO   4  HW   8  LEO   8',
    '              ┃ readers stop at 4: checkout is open for 12 s',
    '   orders-1  │█  ░A██C                              │  LSO   8  HW   8  LEO   8',
    '   orders-2  │█░░A                                  │  LSO   4  HW   4  LEO   4',
    '────────────────────────────────────────────────────────────────────────────────',
    ' p produce  P burst of 10  n begin  w write in it  m commit  u abort',
    ' k kill producer  c add consumer  x crash coordinator 2  b bring back',
    ' Space pause  + - speed  1-6 views  r reset  ? help  q leave',
  ])
})

test('80×24, Korean: the same columns', () => {
  expect(frame(SIZES[0], { locale: 'ko' }).slice(2, 10)).toEqual([
    ' 트랜잭션 1개 ─────────────────────────────────────────────────────────────────',
    '   트랜잭션 ID  프로듀서  에포크  상태     열린 시간  파티션',
    '   checkout            7       2  열림  30초 중 12초  orders-0 orders-1',
    ' 로그 ────────────────────────────── █ 레코드  ▒ 열림  ░ 취소됨  C 커밋  A 취소',
    '   orders-0  │████┃▒▒██                             │  LSO   4  HW   8  LEO   8',
    '              ┃ 4에서 읽기가 멈춰요: checkout 트랜잭션이 12초째 열려 있어요',
    '   orders-1  │█  ░A██C                              │  LSO   8  HW   8  LEO   8',
    '   orders-2  │█░░A                                  │  LSO   4  HW   4  LEO   4',
  ])
})

test('120×40: the coordinator too', () => {
  expect(frame(SIZES[1]).slice(3, 5)).toEqual([
    '   Transactional id  Producer  Epoch  State    Open for  Partitions         Coordinator',
    '   checkout                 7      2  open   12 of 30 s  orders-0 orders-1            2',
  ])
})

test('only ASCII with --ascii, and every mark is another one', () => {
  const lines = frame(SIZES[0], { glyphs: ASCII })
  for (const line of lines) expect(line).toMatch(/^[ -~]*$/)
  expect(lines.slice(6, 9)).toEqual([
    '   orders-0  |####!++##                             |  LSO   4  HW   8  LEO   8',
    '              ! readers stop at 4: checkout is open for 12 s',
    '   orders-1  |#  .A##C                              |  LSO   8  HW   8  LEO   8',
  ])
})

test('a long log shows its end; where readers stop before that, they stop at its edge', () => {
  const world = viewOf([`${'o'.repeat(3)}${'r'.repeat(60)}A`, 'r', 'r'], [[open({ firstOffset: 0 })]])
  const line = frame(SIZES[0], { world })[6] ?? ''
  expect(line).toBe(`   orders-0  …┃${'█'.repeat(36)}A│  LSO   0  HW  64  LEO  64`)
  const wide = frame({ columns: 60, rows: 24 }, { world }).find((text) => text.includes('orders-0  …'))
  expect(wide).toMatch(/^ {3}orders-0 {2}…┃█+A│ {2}LSO {3}0 {2}HW {2}64 {2}LEO {2}64$/)
})

test('the mark in the log and the line below it say the same, also while nothing of the transaction is replicated', () => {
  const at = (highWatermark: number) => {
    const world = viewOf(['rrrrroo', '', ''], [[open({ firstOffset: 5 })]])
    const topics = world.view.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((partition) =>
        partition.partition === 0
          ? { ...partition, highWatermark, lastStableOffset: Math.min(5, highWatermark) }
          : partition,
      ),
    }))
    return frame(SIZES[0], { world: { ...world, view: { ...world.view, topics } } }).slice(6, 8)
  }
  const line = '              ┃ readers stop at 5: checkout is open for 12 s'
  expect(at(7)).toEqual(['   orders-0  │█████┃▒▒                              │  LSO   5  HW   7  LEO   7', line])
  expect(at(5)).toEqual(['   orders-0  │█████┃▒▒                              │  LSO   5  HW   5  LEO   7', line])
  // They are not as far as that: it is the replicas they wait for.
  expect(at(3)).toEqual([
    '   orders-0  │█████▒▒                               │  LSO   3  HW   3  LEO   7',
    '   orders-1  │                                      │  LSO   0  HW   0  LEO   0',
  ])
})

test('what hangs and what is about to be read is told apart', () => {
  const world = viewOf(LOGS, [
    [open({ transactionalId: null, hangs: true })],
    [open({ firstOffset: 5, ended: true })],
    [],
  ])
  const text = frame(SIZES[0], { world }).join('\n')
  expect(text).toContain('┃ readers stop at 4: a transaction of producer 7 hangs for 12 s,')
  expect(text).toContain('┃ readers stop at 5: the marker of checkout is being replicated')
})

test('nothing yet says how to begin', () => {
  const world = viewOf(LOGS, [], [])
  expect(frame(SIZES[0], { world })[3]).toContain('No transaction yet. n begins one')
  const topics = [...world.view.topics, { name: '__transaction_state', internal: true, partitions: [] }]
  const without = { ...world, view: { ...world.view, topics } }
  expect(frame(SIZES[0], { world: without })[3]).toContain('No coordinator is there now.')
})

test('what does not fit is reached by scrolling, and not a line more', () => {
  const many = Array.from({ length: 20 }, (_unused, index) => transaction({ transactionalId: `tx-${index + 10}` }))
  const world = viewOf(LOGS, WAITS, many)
  const most = maxScroll(stateOf(SIZES[0], { world }), UNICODE)
  expect(most).toBeGreaterThan(0)
  expect(frame(SIZES[0], { world }).join('\n')).toContain('↓ more')
  const last = frame(SIZES[0], { world, sandbox: { scroll: most } })
  expect(last.join('\n')).not.toContain('↓ more')
  expect(last).toContain('   orders-2  │█░░A                                  │  LSO   4  HW   4  LEO   4')
  let state = stateOf(SIZES[0], { world })
  for (let i = 0; i < 3; i += 1) state = reduce(state, { type: 'key', key: 'down' }).state
  expect(state.sandbox?.scroll).toBe(3)
})

test('its keys are its own: elsewhere n makes a group and k kills a consumer', () => {
  const effects = (pane: SandboxState['pane'], key: string) =>
    reduce(stateOf(SIZES[0], { sandbox: { pane } }), { type: 'key', key }).effects.map((effect) =>
      effect.type === 'sandbox.do' ? effect.action.type : effect.type,
    )
  const here = ['n', 'w', 'm', 'u', 'k', 'c', 'x'].map((key) => effects('transactions', key).join())
  expect(here).toEqual(['begin', 'write', 'commit', 'abort', 'kill-producer', 'add-consumer', 'crash'])
  const there = ['n', 'w', 'm', 'u', 'k'].map((key) => effects('groups', key).join())
  expect(there).toEqual(['add-group', '', '', '', 'kill-consumer'])
})

describe('the models', () => {
  test('how long counts while it is not over', () => {
    const states = (['Empty', 'Ongoing', 'PrepareCommit', 'CompleteAbort'] as const).map((state) =>
      transaction({ transactionalId: state, state }),
    )
    expect(transactionRows(viewOf(LOGS, WAITS, states).view).map(({ id, openForMs }) => [id, openForMs])).toEqual([
      ['CompleteAbort', null],
      ['Empty', null],
      ['Ongoing', 12_345],
      ['PrepareCommit', 12_345],
    ])
  })

  test('a cell an offset, the last ones', () => {
    const { view, logs } = viewOf(LOGS)
    expect(partitionLogRows(view, logs, 5)[1]).toMatchObject({
      first: 3,
      cells: ['aborted', 'abort-marker', 'record', 'record', 'commit-marker'],
    })
    expect(partitionLogRows(view, logs, 99)[1]?.cells.slice(0, 3)).toEqual(['record', 'gap', 'gap'])
  })
})

describe('on a terminal', () => {
  let terminal: Headless | null = null
  afterEach(async () => {
    await terminal?.close()
    terminal = null
  })
  const TEXTS = {
    en: {
      live: 'Brokers',
      none: 'No transaction yet',
      begun: 'has begun',
      written: 'are written',
      stop: 'readers stop at',
      committed: 'Committed: a marker',
      killed: 'its transaction open',
    },
    ko: {
      live: '브로커',
      none: '아직 트랜잭션이 없어요',
      begun: '트랜잭션을 시작했어요',
      written: '개를 썼어요',
      stop: '읽기가 멈춰요',
      committed: '커밋했어요',
      killed: '열어 둔 채 죽었어요',
    },
  } as const

  test.each([
    ['en', SIZES[0]],
    ['ko', SIZES[0]],
    ['ko', SIZES[1]],
  ] as const)(
    'begin, write, commit, and die with one open (%s, $columns)',
    async (locale, size) => {
      const text = TEXTS[locale]
      const opened = openHeadless({
        ...size,
        locale,
        environment: { TERM: 'xterm-256color', NO_COLOR: '1' },
        open: { screen: 'sandbox' },
      })
      terminal = opened
      const sees = async (what: string) => {
        await opened.see(what)
        expect(opened.flaws(), opened.screen()).toEqual([])
      }
      await sees(text.live)
      await opened.press('6')
      await sees(text.none)
      await opened.press('n')
      await sees(text.begun)
      await opened.press('w')
      await sees(text.written)
      await sees(text.stop)
      await opened.press('m')
      await sees(text.committed)
      await opened.press('n')
      await sees(text.begun)
      await opened.press('w')
      await sees(text.written)
      await opened.press('k')
      await sees(text.killed)
      await sees(text.stop)
      expect(opened.stdout.written.join('')).not.toMatch(/\u001b\[[0-9;]*m/)
    },
    30_000,
  )
})
