/** Key flows on an emulated terminal, in both sizes, both languages, with and without colour. */
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { type Headless, type HeadlessOptions, openHeadless } from './headless.ts'

let open: Headless[] = []
const start = (options: HeadlessOptions): Headless => {
  const terminal = openHeadless(options)
  open.push(terminal)
  return terminal
}
afterEach(async () => {
  for (const terminal of open) await terminal.close()
  open = []
})

const SIZES = [
  { columns: 80, rows: 24 },
  { columns: 120, rows: 40 },
] as const
const SMALLEST = { columns: 60, rows: 24 } as const
const LOOKS = [
  { name: 'true colour', environment: { COLORTERM: 'truecolor' } },
  { name: 'no colour', environment: { NO_COLOR: '1' } },
] as const

const TEXTS = {
  en: {
    home: 'Lessons',
    read: 'Kafka keeps a log',
    predict: 'How many records are left for group B?',
    sure: 'How sure are you?',
    empty: 'Nothing has happened yet',
    step: 'step 1 of',
    reveal: 'You predicted: None',
    task: 'Goals',
    solved: 'Solved in 2 moves',
    back: 'Reading moves a bookmark',
    sandbox: 'Brokers',
    member: 'consumer-2',
  },
  ko: {
    home: '레슨',
    read: '카프카는 로그(log)를 간직해요',
    predict: 'B 그룹이 읽을 레코드는 몇 개 남아 있을까요?',
    sure: '얼마나 확신하나요?',
    empty: '아직 아무 일도 없어요',
    step: '단계 중 1',
    reveal: '내 예상: 없어요',
    task: '목표',
    solved: '2번 만에 풀었어요',
    back: '읽기는 책갈피를 옮길 뿐',
    sandbox: '브로커',
    member: 'consumer-2',
  },
} as const

describe.each([...SIZES, SMALLEST])('$columns×$rows', ({ columns, rows }) => {
  describe.each(['en', 'ko'] as const)('%s', (locale) => {
    test.each(columns === SMALLEST.columns ? LOOKS.slice(1) : LOOKS)(
      'the whole lesson, $name',
      async ({ environment }) => {
        const text = TEXTS[locale]
        const terminal = start({ columns, rows, locale, environment: { TERM: 'xterm-256color', ...environment } })
        const sees = async (what: string) => {
          await terminal.see(what)
          expect(terminal.flaws(), terminal.screen()).toEqual([])
        }
        await sees(text.home)
        await terminal.press('enter')
        await sees(text.read)
        await terminal.press('enter')
        await sees(text.predict)
        await terminal.press('1')
        await sees(text.sure)
        await terminal.press('3', 'enter')
        await sees(text.empty)
        await terminal.press('right')
        await sees(text.step)
        await terminal.press('left', 'right', '}', '{', 'end')
        await sees(text.reveal)
        await terminal.press('right')
        await sees(text.task)
        await terminal.press('1')
        await terminal.see('subscribe')
        await terminal.press('4')
        await sees(text.solved)
        await terminal.press('n')
        await sees(text.back)
        await terminal.press('?')
        await sees('Ctrl-C')
        await terminal.press('esc', 'q')
        await sees(text.home)
        await terminal.press('s')
        await sees(text.member)
        await sees(text.sandbox)
        for (const pane of ['2', '3', '4', '5', '6', '1']) {
          await terminal.press(pane)
          expect(terminal.flaws(), terminal.screen()).toEqual([])
        }
        const painted = terminal.stdout.written.join('')
        if ('NO_COLOR' in environment) expect(painted).not.toMatch(/\u001b\[[0-9;]*m/)
        else expect(painted).toMatch(/\u001b\[[0-9;]*38;2;/)
      },
    )
  })
})

describe('the screen is given back', () => {
  const restored = (terminal: Headless) => {
    const all = terminal.stdout.written.join('')
    expect(all.split('\u001b[?1049h').length - 1).toBe(1)
    expect(all.split('\u001b[?1049l').length - 1).toBe(1)
    expect(all.lastIndexOf('\u001b[?25h')).toBeGreaterThan(all.lastIndexOf('\u001b[?25l'))
    expect(terminal.stdout.terminal.buffer.active.type).toBe('normal')
    expect(terminal.stdin.isRaw).toBe(false)
  }
  const settle = () => new Promise((resolve) => setTimeout(resolve, 50))

  test.each([
    ['q at home', ['q']],
    ['Ctrl-C at home', ['ctrl-c']],
    ['Ctrl-C in the lesson', ['1', 'ctrl-c']],
    ['Ctrl-C in the sandbox', ['s', 'ctrl-c']],
    ['q twice from the lesson', ['1', 'q', 'q']],
  ])('after %s', async (_name, keys) => {
    const terminal = start({ columns: 80, rows: 24 })
    await terminal.see('Lessons')
    await terminal.press(...keys)
    await terminal.done
    await settle()
    restored(terminal)
  })
})

test('q leaves the view only', async () => {
  const terminal = start({ columns: 80, rows: 24 })
  await terminal.see('Lessons')
  await terminal.press('s')
  await terminal.see('Brokers')
  await terminal.press('q')
  await terminal.see('Lessons')
})

test('a resize is drawn anew, and a terminal too small says so', async () => {
  const terminal = start({ columns: 120, rows: 40 })
  await terminal.see('Lessons')
  terminal.stdout.resize(80, 24)
  await terminal.press('j', 'k')
  await terminal.see('Lessons')
  expect(terminal.flaws(), terminal.screen()).toEqual([])
  expect(terminal.rows().filter((row) => row.includes('A log, not a queue'))).toHaveLength(1)
  terminal.stdout.resize(59, 20)
  await terminal.see('59×20')
  expect(terminal.flaws(), terminal.screen()).toEqual([])
  terminal.stdout.resize(20, 5)
  await terminal.see('20×5')
  expect(terminal.flaws(), terminal.screen()).toEqual([])
  terminal.stdout.resize(100, 30)
  await terminal.see('Lessons')
  expect(terminal.flaws(), terminal.screen()).toEqual([])
})

test('only ASCII with --ascii', async () => {
  const terminal = start({ columns: 80, rows: 24, ascii: true, open: { screen: 'lesson', lesson: '01-log-not-queue' } })
  await terminal.press('3')
  await terminal.see('Nothing has happened yet')
  const isAscii = () => {
    for (const row of terminal.rows()) expect(row).toMatch(/^[ -~]*$/)
  }
  isAscii()
  await terminal.press('end')
  await terminal.see('That was the run')
  isAscii()
  await terminal.press('right')
  await terminal.see('Goals')
  isAscii()
  await terminal.press('n')
  await terminal.see('Reading moves')
  await terminal.press('j', 'j', 'j', 'j', 'j', 'j')
  isAscii()
})

test('keys work with a Korean input method on', async () => {
  const terminal = start({ columns: 80, rows: 24, locale: 'ko' })
  await terminal.see('레슨')
  await terminal.press('ㄴ')
  await terminal.see('브로커')
  await terminal.press('ㅂ')
  await terminal.see('레슨')
})

describe('progress', () => {
  const folder = () => mkdtempSync(join(tmpdir(), 'kafkarium-progress-'))

  test('prediction, attempts, solution and language are kept', async () => {
    const progressPath = join(folder(), 'progress.json')
    const terminal = start({ columns: 80, rows: 24, progressPath })
    await terminal.see('Lessons')
    await terminal.press('1', '2', '3', '1')
    await terminal.press('4')
    await terminal.see('Goals')
    await terminal.see('bookmark 10')
    await terminal.press('1')
    await terminal.see('subscribe')
    await terminal.press('4')
    await terminal.see('Solved')
    await terminal.press('q', 'l', 'q')
    await terminal.done
    expect(JSON.parse(readFileSync(progressPath, 'utf8'))).toEqual({
      version: 1,
      language: 'ko',
      lessons: {
        '01-log-not-queue': {
          solved: true,
          attempts: 2,
          prediction: { choice: 'all', confidence: 'sure' },
          moves: ['b-from-start', 'seek-a-0'],
        },
      },
    })
    // The emulator takes in what was written last a moment later.
    await terminal.see('1개 중 1개를 풀었어요')
  })

  test('a file that cannot be read or written stops nothing and is told', async () => {
    const blocked = join(folder(), 'file')
    writeFileSync(blocked, 'x')
    const terminal = start({ columns: 80, rows: 24, progressPath: join(blocked, 'progress.json') })
    await terminal.see('Your progress cannot be read')
    await terminal.press('1')
    await terminal.see('Kafka keeps a log')
    expect(terminal.flaws(), terminal.screen()).toEqual([])
  })

  test('a broken file is kept aside and told', async () => {
    const progressPath = join(folder(), 'progress.json')
    mkdirSync(join(progressPath, '..'), { recursive: true })
    writeFileSync(progressPath, '{ not json')
    const terminal = start({ columns: 80, rows: 24, progressPath })
    await terminal.see('Your progress file was broken')
    expect(readFileSync(`${progressPath}.broken`, 'utf8')).toBe('{ not json')
    expect(terminal.flaws(), terminal.screen()).toEqual([])
  })
})

test('an engine that fails is told on the lesson, which can still be read', async () => {
  const terminal = start({
    columns: 80,
    rows: 24,
    loadEngine: () =>
      Promise.resolve(() => {
        throw new Error('no engine today')
      }),
  })
  await terminal.see('Lessons')
  await terminal.press('1')
  await terminal.see('no engine today')
})
