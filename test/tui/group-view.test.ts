/** The group view and the offsets view, cell by cell: both sizes, both languages, without colour. */
import { afterEach, describe, expect, test } from 'vitest'
import { translator } from '../../src/course/i18n/catalog.ts'
import { createCluster } from '../../src/index.ts'
import type { GroupDetail } from '../../src/tui/models/group.ts'
import type { SandboxSnapshot } from '../../src/tui/sandbox/controller.ts'
import type { SandboxState, Size, State } from '../../src/tui/state.ts'
import { paint } from '../../src/tui/term/color.ts'
import { ASCII, type Glyphs, UNICODE } from '../../src/tui/term/glyphs.ts'
import { width } from '../../src/tui/term/text.ts'
import { detailLines } from '../../src/tui/views/group.ts'
import { maxScroll, screenLines } from '../../src/tui/views/screen.ts'
import { homeState, sandboxState } from './fixture.ts'
import { groupSnapshot } from './group-fixture.ts'
import { type Headless, openHeadless } from './headless.ts'

const SIZES = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
] as const

interface Given {
  readonly locale?: 'en' | 'ko'
  readonly glyphs?: Glyphs
  readonly sandbox?: Partial<SandboxState>
  readonly snapshot?: Partial<SandboxSnapshot>
}

function stateOf(size: Size, { locale = 'en', sandbox = {}, snapshot = {} }: Given): State {
  return {
    ...homeState(size, locale),
    screen: 'sandbox',
    sandbox: sandboxState({ pane: 'groups', ...sandbox, snapshot: { ...groupSnapshot, ...snapshot } }),
  }
}

function frame(size: Size, given: Given = {}): string[] {
  return screenLines(stateOf(size, given), given.glyphs ?? UNICODE).map((line) => paint(line, 0).trimEnd())
}

test('80×24, English: the group, its members, its partitions, its past', () => {
  expect(frame(SIZES[0])).toEqual([
    '   1 All 2 Partitions[3 Groups]4 Offsets 5 Events 6 Txns      1:23.4 x2 running',
    '────────────────────────────────────────────────────────────────────────────────',
    '   Groups: [billing] shipping   stable for 13 s',
    '   classic  generation 3  consumer/RoundRobinAssigner  coordinator: broker 1',
    '   Last rebalance at 1:09.0: a member joined',
    ' Members: 3 ────────────────────────────────── * leads the group  lag in all: 3',
    '   Client                Partitions         Lag              Last heartbeat',
    ' ▸ consumer-1 *          orders-0 orders-2    3  ╌╌╌╌╌╌╌╌╌╌   0.8 s of 10 s',
    '   consumer-2    dead    orders-1             0  ━━━━━━━╌╌╌   7.2 s of 10 s',
    '   consumer-3    frozen  idle                 -  ╌╌╌╌╌╌╌╌╌╌   0.0 s of 10 s',
    ' Partitions ───────────────────────────────────────────────────────────────────',
    '   Partition  Log end  High watermark  Committed  Position  Lag  Owner',
    '   orders-0        12              10          9        11    3  consumer-1',
    '   orders-1        17              15         17         -    0  consumer-2',
    '   orders-2        22              20          -         -    -  consumer-1',
    ' Generations ──────────────────────────────────────────────────────────────────',
    '   No.    From  Who owned what of orders        Ended because',
    '     3  1:10.0  no assignment                   goes on',
    '────────────────────────────────────────────────────────────────────── ↓ more ──',
    ' p produce  P burst of 10  c add consumer to billing  ↑ ↓ consumer-1  k kill',
    ' f freeze  s stop  g next group  n new group  d delete group',
    ' x crash coordinator 1  b bring back  Space pause  + - speed  1-6 views  r reset',
    ' ? help  q leave',
  ])
})

test('80×24, Korean: the same columns', () => {
  expect(frame(SIZES[0], { locale: 'ko' }).slice(2, 18)).toEqual([
    '   그룹: [billing] shipping   안정 13초째',
    '   클래식  3세대  consumer/RoundRobinAssigner  코디네이터: 1번 브로커',
    '   마지막 리밸런싱 1:09.0: a member joined',
    ' 멤버 3명 ───────────────────────────────────────────── * 그룹 리더  랙 합계: 3',
    '   클라이언트              파티션             랙              마지막 하트비트',
    ' ▸ consumer-1 *            orders-0 orders-2   3  ╌╌╌╌╌╌╌╌╌╌  10초 중  0.8초',
    '   consumer-2    죽음      orders-1            0  ━━━━━━━╌╌╌  10초 중  7.2초',
    '   consumer-3    얼어붙음  쉬는 중             -  ╌╌╌╌╌╌╌╌╌╌  10초 중  0.0초',
    ' 파티션 ───────────────────────────────────────────────────────────────────────',
    '   파티션    로그 끝  하이 워터마크  커밋  위치  랙  담당',
    '   orders-0       12             10     9    11   3  consumer-1',
    '   orders-1       17             15    17     -   0  consumer-2',
    '   orders-2       22             20     -     -   -  consumer-1',
    ' 세대 ─────────────────────────────────────────────────────────────────────────',
    '   번호    시작  orders에서 누가 무엇을 맡았나   끝난 이유',
    '      3  1:10.0  할당 없음                       이어지는 중',
  ])
})

test('120×40: member ids, hosts and the whole past', () => {
  const lines = frame(SIZES[1])
  expect(lines.slice(6, 10)).toEqual([
    '   Client                Member id  Host        Partitions         Lag              Last heartbeat',
    ' ▸ consumer-1 *          m1         /127.0.0.1  orders-0 orders-2    3  ╌╌╌╌╌╌╌╌╌╌   0.8 s of 10 s',
    '   consumer-2    dead    m2         /127.0.0.1  orders-1             0  ━━━━━━━╌╌╌   7.2 s of 10 s',
    '   consumer-3    frozen  m3         /127.0.0.1  idle                 -  ╌╌╌╌╌╌╌╌╌╌   0.0 s of 10 s',
  ])
  expect(lines.slice(16, 21)).toEqual([
    '   No.    From      To  Who owned what of orders        Ended because',
    '     3  1:10.0          no assignment                   goes on',
    '     2  0:09.5  1:09.0  consumer-1: 0,2  consumer-2: 1  consumer-1 was silent for 10 s',
    '     1  0:01.3  0:09.0  consumer-1: 0,1,2               consumer-2 joined',
    '',
  ])
})

test('80×24: what does not fit is reached by scrolling, and not a line more', () => {
  const state = stateOf(SIZES[0], {})
  const most = maxScroll(state, UNICODE)
  expect(most).toBe(1)
  const lines = frame(SIZES[0], { sandbox: { scroll: most } })
  expect(lines.slice(16, 19)).toEqual([
    '     3  1:10.0  no assignment                   goes on',
    '     2  0:09.5  consumer-1: 0,2  consumer-2: 1  consumer-1 was silent for 10 s',
    '────────────────────────────────────────────────────────────────────────────────',
  ])
})

test('static members have their instance id, long member ids only their end', () => {
  const groups = groupSnapshot.view.groups.map((group) => ({
    ...group,
    members: group.members.map((member) => ({
      ...member,
      id: `${member.clientId}-0a1b2c3d-0000-4000-8000-0000000a0${member.id}`,
      groupInstanceId: `i-${member.id}`,
    })),
  }))
  const lines = frame(SIZES[1], { snapshot: { view: { ...groupSnapshot.view, groups, processes: [] } } })
  expect(lines[6]).toMatch(/^ {3}Client {8}Member id {2}Instance {2}Host /)
  expect(lines[7]).toMatch(/^ ▸ consumer-1 {4}…0000a0m1 {2}i-m1 {6}\/127\.0\.0\.1 {2}orders-0 orders-2 /)
})

describe('what is not there is said in a sentence that helps', () => {
  const texts = {
    en: {
      none: 'No group yet. Press c',
      unknown: 'No broker has heard of billing yet',
      lost: 'No broker coordinates billing now.',
      empty: 'Nobody reads. The commits stay',
      offsets: 'Nothing here yet.',
      ofGroup: 'No record of shipping yet.',
    },
    ko: {
      none: '아직 그룹이 없어요. c를',
      unknown: 'billing 그룹을 아는 브로커가 아직 없어요',
      lost: '지금은 billing 그룹의 코디네이터가 없어요',
      empty: '읽는 컨슈머가 없어요. 커밋은',
      offsets: '아직 비어 있어요.',
      ofGroup: 'shipping 그룹의 레코드가 아직 없어요',
    },
  } as const
  const { view } = groupSnapshot
  test.each(['en', 'ko'] as const)('%s', (locale) => {
    const text = texts[locale]
    const shows = (snapshot: Partial<SandboxSnapshot>, sandbox: Partial<SandboxState> = {}) =>
      frame(SIZES[0], { locale, snapshot, sandbox }).join('\n')
    const none = { ...view, groups: [] }
    expect(shows({ view: none, groups: [] })).toContain(text.none)
    const up = view.nodes.map((node) => ({ ...node, state: 'up' as const }))
    expect(shows({ view: { ...none, nodes: up } })).toContain(text.unknown)
    // A broker is down, and with it the coordinator; the past is known all the same.
    const lost = shows({ view: none })
    expect(lost).toContain(text.lost)
    expect(lost).toContain('1:10.0')
    const groups = view.groups.map((group) => ({ ...group, state: 'Empty' as const, members: [] }))
    expect(shows({ view: { ...view, groups } })).toContain(text.empty)
    expect(shows({ offsets: [], groups: [] }, { pane: 'offsets' })).toContain(text.offsets)
    expect(shows({}, { pane: 'offsets', group: 'shipping' })).toContain(text.ofGroup)
  })
})

describe('the offsets view', () => {
  test('80×24: the records of the chosen group, newest last', () => {
    expect(frame(SIZES[0], { sandbox: { pane: 'offsets' } }).slice(2, 14)).toEqual([
      '   Groups: [billing] shipping  all   stable for 13 s',
      ' __consumer_offsets-9 ──────────────────────────────────── ✓ kept  - superseded',
      '   All records of billing are in this partition, by the hash of its id.',
      '   Compaction keeps the newest record of each key: 3 of 5. 2 older records are',
      '   compacted away already.',
      '      Offset  Written  Key              Value',
      '   -       2   0:01.3  group            generation 1, 1 member',
      '   -       3   0:05.0  commit orders-0  offset 7',
      '   ✓       4   0:09.5  group            generation 2, 2 members',
      '   ✓       5   1:02.0  commit orders-0  offset 9',
      '   ✓       6   1:02.0  commit orders-1  offset 17',
      '',
    ])
  })

  test('120×40, Korean: all groups, with tombstones', () => {
    const lines = frame(SIZES[1], { locale: 'ko', sandbox: { pane: 'offsets', allOffsets: true } })
    expect(lines.slice(4, 14)).toEqual([
      '   압축하면 키마다 최신 레코드만 남아요: 7개 중 4개. 툼스톤도 delete.retention.ms가 지나면 사라져요. 옛 레코드 5개는',
      '   이미 압축되어 사라졌어요.',
      '      파티션  오프셋  쓴 시각  그룹     키             값                   할당 방식',
      '   -       5       3   0:01.3  audit    그룹           1세대, 멤버 없음',
      '   -       9       2   0:01.3  billing  그룹           1세대, 멤버 1명      RoundRobinAssigner',
      '   -       9       3   0:05.0  billing  커밋 orders-0  오프셋 7',
      '   ✓       9       4   0:09.5  billing  그룹           2세대, 멤버 2명      RoundRobinAssigner',
      '   ✓       5       4   0:30.0  audit    그룹           툼스톤: 키를 지워요',
      '   ✓       9       5   1:02.0  billing  커밋 orders-0  오프셋 9',
      '   ✓       9       6   1:02.0  billing  커밋 orders-1  오프셋 17',
    ])
  })

  test('only ASCII with --ascii', () => {
    for (const pane of ['groups', 'offsets'] as const)
      for (const line of frame(SIZES[0], { glyphs: ASCII, sandbox: { pane } })) expect(line).toMatch(/^[ -~]*$/)
  })

  test('a long list shows its end, and scrolls back to its beginning', () => {
    const [first] = groupSnapshot.offsets.filter(({ partition }) => partition === 9)
    if (first === undefined) throw new Error('the fixture has records')
    const offsets = Array.from({ length: 60 }, (_unused, offset) => ({
      ...first,
      offset,
      timestamp: first.timestamp + offset,
    }))
    const shown = (scroll: number) =>
      frame(SIZES[0], { snapshot: { offsets }, sandbox: { pane: 'offsets', scroll } }).filter((line) =>
        line.includes('generation'),
      )
    expect(shown(0).at(-1)).toMatch(/^ {3}✓ {6}59 /)
    expect(shown(10).at(-1)).toMatch(/^ {3}- {6}49 /)
    const state = stateOf(SIZES[0], { snapshot: { offsets }, sandbox: { pane: 'offsets' } })
    const most = maxScroll(state, UNICODE)
    expect(shown(most)[0]).toMatch(/^ {3}- {7}0 /)
    expect(shown(most - 1)[0]).toMatch(/^ {3}- {7}1 /)
  })
})

test('a consumer group (KIP-848) has epochs, and what a member is to own in the end', () => {
  const member = {
    instance: null,
    host: '/127.0.0.1',
    leads: false,
    process: 'running' as const,
    lag: 0,
    heartbeatAgeMs: 1_000,
    sessionTimeoutMs: 45_000,
    late: false,
  }
  const detail: GroupDetail = {
    id: 'billing',
    type: 'consumer',
    state: 'Stable',
    generation: 7,
    protocolType: 'consumer',
    protocol: 'uniform',
    coordinator: 2,
    members: [
      { ...member, client: 'a', id: 'id-a', epoch: 6, partitions: ['orders-0', 'orders-1'], target: ['orders-0'] },
      { ...member, client: 'b', id: 'id-b', epoch: 7, partitions: [], target: ['orders-1'] },
    ],
    partitions: [],
    lag: 0,
    rebalance: null,
  }
  const lines = (locale: 'en' | 'ko') =>
    detailLines(detail, { member: null, bars: false }, 0, {
      t: translator(locale),
      locale,
      glyphs: UNICODE,
      columns: 80,
      rows: 23,
    }).map((line) => paint(line, 0).trimEnd())
  expect(lines('en')).toEqual([
    '   consumer (KIP-848)  epoch 7  consumer/uniform  coordinator: broker 2',
    '   No rebalance yet.',
    ' Members: 2 ────────────────────────────────── * leads the group  lag in all: 0',
    '   Client  Member id  Epoch  Partitions         Target    Lag  Last heartbeat',
    '   a       id-a           6  orders-0 orders-1  orders-0    0   1.0 s of 45 s',
    '   b       id-b           7  idle               orders-1    0   1.0 s of 45 s',
    ' Partitions ───────────────────────────────────────────────────────────────────',
    '   No partition yet: nobody has an assignment, and nothing is committed.',
  ])
  const korean = lines('ko').slice(4, 6)
  expect(korean.map((line) => width(line.slice(0, line.indexOf('45초'))))).toEqual([56, 56])
})

describe('on a terminal', () => {
  let open: Headless | null = null
  afterEach(async () => {
    await open?.close()
    open = null
  })

  const TEXTS = {
    en: {
      live: 'stable for',
      frozen: 'consumer-2 stands still',
      mark: /consumer-2 \S* *frozen/,
      thawed: 'consumer-2 goes on',
      dead: 'consumer-2 is dead and said nothing',
      again: 'consumer-2 is dead already',
      refused: 'Group billing has members',
      fresh: /\[audit\] {2,}?billing|\[audit\] billing/,
      instance: 'Instance',
      records: 'All records of audit are in this partition',
      all: '[all]',
      help: 'next group, new group',
    },
    ko: {
      live: '안정',
      frozen: 'consumer-2가 얼어붙었어요',
      mark: /consumer-2 \S* *얼어붙음/,
      thawed: 'consumer-2가 멈춘 곳에서',
      dead: 'consumer-2가 아무 말 없이 죽었어요',
      again: 'consumer-2는 이미 죽었어요',
      refused: 'billing 그룹에 멤버가 있어요',
      fresh: /\[audit\] billing/,
      instance: '인스턴스',
      records: 'audit 그룹의 레코드는 모두',
      all: '[전체]',
      help: '다음 그룹, 새 그룹',
    },
  } as const

  describe.each([...SIZES, { columns: 60, rows: 24 }])('$columns×$rows', ({ columns, rows }) => {
    test.each(['en', 'ko'] as const)(
      'freeze, thaw, kill, another group, its records (%s)',
      async (locale) => {
        const text = TEXTS[locale]
        const terminal = openHeadless({
          columns,
          rows,
          locale,
          environment: { TERM: 'xterm-256color', NO_COLOR: '1' },
          open: { screen: 'sandbox' },
          // Loaded with this file: on a busy machine that takes longer than a screen is waited for.
          loadEngine: async () => createCluster,
        })
        open = terminal
        const sees = async (what: string | RegExp) => {
          await terminal.see(what)
          expect(terminal.flaws(), terminal.screen()).toEqual([])
        }
        await terminal.see('consumer-2')
        await terminal.press('3')
        await sees(text.live)
        await terminal.press('d')
        await sees(text.refused)
        await terminal.press('down', 'f')
        await sees(text.frozen)
        await sees(text.mark)
        await terminal.press('f')
        await sees(text.thawed)
        await terminal.press('k')
        await sees(text.dead)
        await terminal.press('k')
        await sees(text.again)
        await terminal.press('n')
        await sees(text.fresh)
        await sees('audit-1')
        if (columns > 60) await sees(text.instance)
        await terminal.press('4')
        await sees(text.records)
        await terminal.press('a')
        await sees(text.all)
        await terminal.press('?')
        await sees(text.help)
        expect(terminal.stdout.written.join('')).not.toMatch(/\u001b\[[0-9;]*m/)
      },
      30_000,
    )
  })
})
