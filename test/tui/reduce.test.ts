import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { reduce } from '../../src/tui/reduce.ts'
import { nextSpeed } from '../../src/tui/reduce-lesson.ts'
import type { Effect, Message, State } from '../../src/tui/state.ts'
import { ASCII, UNICODE } from '../../src/tui/term/glyphs.ts'
import { lineWidth } from '../../src/tui/term/text.ts'
import { screenLines } from '../../src/tui/views/screen.ts'
import { homeState, recording, snapshot, startOfTask, wroteAgain } from './fixture.ts'
import { groupSnapshot } from './group-fixture.ts'

const ID = '01-log-not-queue'
const SIZE = { columns: 80, rows: 24 }

/** A session of keys and messages, with every effect it asked for. */
function session(start: State = homeState(SIZE)) {
  let state = start
  const effects: Effect[] = []
  const send = (message: Message) => {
    const step = reduce(state, message)
    state = step.state
    effects.push(...step.effects)
  }
  const self = {
    get state() {
      return state
    },
    get lesson() {
      if (!state.lesson) throw new Error('no lesson is open')
      return state.lesson
    },
    effects,
    send,
    press: (...keys: string[]) => {
      for (const key of keys) send({ type: 'key', key })
      return self
    },
    /** Opens the lesson with its run and its start state played. */
    ready: () => {
      self.press('1')
      send({ type: 'recorded', lesson: ID, recording })
      send({ type: 'played', lesson: ID, ticket: 0, play: startOfTask })
      effects.length = 0
      return self
    },
  }
  return self
}

describe('home', () => {
  test('arrows and j/k go round, numbers open', () => {
    const { press } = session()
    expect(press('up').state.home.selected).toBe(2)
    expect(press('down', 'j').state.home.selected).toBe(1)
    expect(press('k').state.home.selected).toBe(0)
  })

  test('a lesson opens with its run and its task being played', () => {
    const opened = session().press('enter')
    expect(opened.state.screen).toBe('lesson')
    expect(opened.effects).toEqual([
      { type: 'record', lesson: ID },
      { type: 'play', lesson: ID, moves: [], ticket: 0 },
    ])
  })

  test('the language changes at once and is remembered', () => {
    const { state, effects } = session().press('l')
    expect(state.locale).toBe('ko')
    expect(effects).toEqual([{ type: 'save', progress: { version: 1, language: 'ko', lessons: {} } }])
  })

  test('q quits, Ctrl-C quits from anywhere and closes the sandbox', () => {
    expect(session().press('q').effects).toEqual([{ type: 'quit' }])
    expect(session().press('s', 'ctrl-c').effects).toEqual([
      { type: 'sandbox.open' },
      { type: 'sandbox.close' },
      { type: 'quit' },
    ])
  })
})

describe('prediction', () => {
  test('a choice and a confidence are kept; nothing else is asked again', () => {
    const run = session().ready().press('2', '1', '3')
    expect(run.state.progress.lessons[ID]?.prediction).toEqual({ choice: 'none', confidence: 'not-sure' })
    expect(run.effects.map((effect) => effect.type)).toEqual(['save'])
    expect(run.press('enter').lesson.phase).toBe('watch')
  })

  test('digits answer while a choice is open, and switch views when none is', () => {
    const run = session().ready().press('2')
    expect(run.press('4').lesson.phase).toBe('predict')
    expect(run.lesson.choice).toBe('new-only')
    run.press('1')
    expect(run.press('4').lesson.phase).toBe('do')
  })

  test('x takes the answer back', () => {
    const run = session().ready().press('2', '1', '1', 'x')
    expect(run.state.progress.lessons[ID]?.prediction).toBeUndefined()
  })
})

describe('watching', () => {
  test('a step is an index: forward and back end where they began', () => {
    const run = session().ready().press('3')
    expect(run.lesson.watch.at).toBe(0)
    run.press('left')
    expect(run.lesson.watch.at).toBe(0)
    run.press('right', 'l', 'right', 'h')
    expect(run.lesson.watch.at).toBe(2)
    expect(run.press('home').lesson.watch.at).toBe(0)
  })

  test('chapters', () => {
    const at = (...keys: string[]) =>
      session()
        .ready()
        .press('3', ...keys).lesson.watch.at
    expect(at('}')).toBe(1)
    expect(at('}', '}')).toBe(11)
    expect(at('}', '}', '}')).toBe(24)
    expect(at('}', '}', '}', '}')).toBe(37)
    expect(at('end', '{')).toBe(24)
    expect(at('{')).toBe(0)
  })

  test('playing ticks to the end, stops there and never goes on by itself', () => {
    const run = session().ready().press('3', 'space')
    expect(run.lesson.watch.playing).toBe(true)
    for (let i = 0; i < 100; i += 1) run.send({ type: 'tick' })
    expect(run.lesson.watch).toMatchObject({ at: 37, playing: false })
    expect(run.lesson.phase).toBe('watch')
    expect(run.press('right').lesson.phase).toBe('do')
  })

  test('speed has ends', () => {
    expect(nextSpeed(1, 1)).toBe(2)
    expect(nextSpeed(16, 1)).toBe(16)
    expect(nextSpeed(0.25, -1)).toBe(0.25)
  })
})

describe('the task', () => {
  const task = () => session().ready().press('4')

  test('a number makes a move, u takes it back, r starts again', () => {
    const run = task()
    if (run.lesson.phase !== 'do') run.press('tab', 'tab', 'tab')
    run.press('1')
    expect(run.effects).toEqual([{ type: 'play', lesson: ID, moves: ['b-from-start'], ticket: 1 }])
    run.send({ type: 'played', lesson: ID, ticket: 1, play: { ...startOfTask, moves: ['b-from-start'] } })
    run.press('u')
    expect(run.effects.at(-1)).toEqual({ type: 'play', lesson: ID, moves: [], ticket: 2 })
    run.send({ type: 'played', lesson: ID, ticket: 2, play: startOfTask })
    run.press('r')
    expect(run.effects.at(-1)).toEqual({ type: 'play', lesson: ID, moves: [], ticket: 3 })
  })

  test('an answer to an older list of moves is dropped', () => {
    const run = task().press('1')
    run.send({ type: 'played', lesson: ID, ticket: 0, play: wroteAgain })
    expect(run.lesson.task.play).toBeNull()
  })

  test('a blocked move says why and plays nothing', () => {
    const run = task().press('6')
    expect(run.effects).toEqual([])
    expect(run.lesson.task.refused).toEqual({ kind: 'blocked', reason: 'b-absent' })
  })

  test('undo with nothing to undo says so', () => {
    expect(task().press('u').lesson.task.refused).toEqual({ kind: 'nothing-to-undo' })
  })

  test('hints come one by one and stay', () => {
    const run = task().press('i', 'i')
    expect(run.lesson.task.hints).toBe(2)
    expect(run.press('i', 'i', 'i').lesson.task.hints).toBe(3)
  })

  test('the solution is asked for twice when unsolved, and made only on Enter', () => {
    const run = task().press('s')
    expect(run.lesson.task.solution).toBe('ask')
    expect(run.press('s').lesson.task.solution).toBe('shown')
    expect(run.effects).toEqual([])
    run.press('enter')
    expect(run.effects).toEqual([{ type: 'play', lesson: ID, moves: ['b-from-start', 'seek-a-0'], ticket: 1 }])
  })

  test('a pass is kept with its moves, and a later failure takes nothing away', () => {
    const run = task().press('1')
    run.send({ type: 'played', lesson: ID, ticket: 1, play: { ...startOfTask, verdict: 'pass', moves: ['x'] } })
    expect(run.state.progress.lessons[ID]).toEqual({ solved: true, attempts: 1, moves: ['x'] })
    run.press('7')
    run.send({ type: 'played', lesson: ID, ticket: 2, play: wroteAgain })
    expect(run.state.progress.lessons[ID]).toEqual({ solved: true, attempts: 2, moves: ['x'] })
  })
})

test('the sandbox turns keys into actions', () => {
  const run = session().press('s')
  run.send({ type: 'sandbox', snapshot })
  run.effects.length = 0
  run.press('p', 'P', 'c', 'k', 's', 'f', 'space', '+', '.', 'r', 'n', 'd', 'g', 'a')
  expect(run.effects.map((effect) => (effect.type === 'sandbox.do' ? effect.action : effect))).toEqual([
    { type: 'produce', count: 1 },
    { type: 'produce', count: 10 },
    { type: 'add-consumer', group: 'billing' },
    { type: 'kill-consumer', group: 'billing' },
    { type: 'stop-consumer', group: 'billing' },
    { type: 'freeze-consumer', group: 'billing' },
    { type: 'pause', paused: true },
    { type: 'speed', speed: 4 },
    { type: 'step' },
    { type: 'reset' },
  ])
  expect(run.press('q').state.screen).toBe('home')
})

test('faults hit what is selected: brokers first, then partitions, around in both directions', () => {
  const run = session()
  run.press('s')
  // Before the first snapshot there is nothing to hit.
  run.press('x')
  run.send({ type: 'sandbox', snapshot })
  run.effects.length = 0
  run.press('x', 'down', 'b', 'up', 'up', 't', 'down', 'h')
  const orders2 = { kind: 'partition', topic: 'orders', partition: 2 }
  expect(run.effects.map((effect) => (effect.type === 'sandbox.do' ? effect.action : effect))).toEqual([
    { type: 'crash', target: { kind: 'broker', node: 1 } },
    { type: 'restart', target: { kind: 'broker', node: 2 } },
    { type: 'cut', target: orders2 },
    { type: 'heal', target: { kind: 'broker', node: 1 } },
  ])
  // In a list the arrows scroll, and the target stays.
  run.press('5', 'up', 'up', 'x')
  expect(run.state.sandbox).toMatchObject({ scroll: 2, selected: 0 })
  expect(run.effects.at(-1)).toEqual({
    type: 'sandbox.do',
    action: { type: 'crash', target: { kind: 'broker', node: 1 } },
  })
})

describe('in the group views', () => {
  const inGroups = () => {
    const run = session()
    run.press('s')
    run.send({ type: 'sandbox', snapshot: { ...snapshot, groups: ['audit', 'billing'] } })
    run.effects.length = 0
    run.press('3')
    return run
  }
  const actions = (run: ReturnType<typeof inGroups>) =>
    run.effects.map((effect) => (effect.type === 'sandbox.do' ? effect.action : effect))

  test('consumer keys act on the member the pointer stands at, of the chosen group', () => {
    const run = inGroups()
    run.press('g', 'k', 'down', 's', 'up', 'up', 'f', 'down', 'k', 'c', 'd')
    const group = 'billing'
    expect(actions(run)).toEqual([
      { type: 'kill-consumer', group, client: 'consumer-1' },
      { type: 'stop-consumer', group, client: 'consumer-2' },
      { type: 'freeze-consumer', group, client: 'consumer-3' },
      { type: 'kill-consumer', group, client: 'consumer-1' },
      { type: 'add-consumer', group },
      { type: 'delete-group', group },
    ])
    // Elsewhere there is no pointer at a member.
    run.press('1', 'k')
    expect(actions(run).at(-1)).toEqual({ type: 'kill-consumer', group })
  })

  test('g goes round the groups, n goes to the one that is about to be made', () => {
    const run = inGroups()
    const chosen = () => run.state.sandbox?.group
    run.press('down', 'g')
    expect(run.state.sandbox).toMatchObject({ group: 'billing', member: 0 })
    run.press('g')
    expect(chosen()).toBe('audit')
    run.press('n')
    expect(chosen()).toBe('shipping')
    expect(actions(run)).toEqual([{ type: 'add-group' }])
    run.press('r')
    expect(chosen()).toBe(null)
  })

  test('faults hit the coordinator, and bring back whoever is down; links are cut elsewhere', () => {
    const run = inGroups()
    // Nobody coordinates audit: there is nothing to crash.
    run.press('x', 'b', 'g', 'x', 'b', 't', 'h')
    expect(actions(run)).toEqual([
      { type: 'restart', target: { kind: 'broker', node: 3 } },
      { type: 'crash', target: { kind: 'broker', node: 1 } },
      { type: 'restart', target: { kind: 'broker', node: 3 } },
    ])
  })

  test('arrows scroll the records, from the newest backwards; a shows all groups', () => {
    const run = inGroups()
    run.press('4', 'up', 'pgup', 'down')
    expect(run.state.sandbox).toMatchObject({ scroll: 8, member: 0, allOffsets: false })
    run.press('a')
    expect(run.state.sandbox).toMatchObject({ scroll: 0, allOffsets: true })
    run.press('3', 'a', 'pgdn', 'pgdn', 'pgup')
    expect(run.state.sandbox).toMatchObject({ scroll: 8, allOffsets: true })
  })
})

const KEYS = [
  ...'123456789jkhlnuirsxpPcqbtfgda.+-=?{}',
  'enter',
  'esc',
  'left',
  'right',
  'up',
  'down',
  'tab',
  'shift-tab',
].concat(['space', 'pgup', 'pgdn', 'home', 'end', 'backspace'])

test('whatever is pressed, whatever the size: every frame is rows − 1 lines of exactly the width', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('en' as const, 'ko' as const),
      fc.record({ columns: fc.integer({ min: 10, max: 140 }), rows: fc.integer({ min: 3, max: 45 }) }),
      fc.array(fc.constantFrom(...KEYS, 'recorded', 'played', 'wrong', 'sandbox', 'groups', 'tick', 'small', 'large'), {
        maxLength: 40,
      }),
      fc.boolean(),
      (locale, size, keys, ascii) => {
        const run = session(homeState(size, locale))
        for (const key of keys) {
          const ticket = run.state.lesson?.task.ticket ?? 0
          if (key === 'recorded') run.send({ type: 'recorded', lesson: ID, recording })
          else if (key === 'played') run.send({ type: 'played', lesson: ID, ticket, play: startOfTask })
          else if (key === 'wrong') run.send({ type: 'played', lesson: ID, ticket, play: wroteAgain })
          else if (key === 'sandbox') run.send({ type: 'sandbox', snapshot })
          else if (key === 'groups') run.send({ type: 'sandbox', snapshot: groupSnapshot })
          else if (key === 'tick') run.send({ type: 'tick' })
          else if (key === 'small') run.send({ type: 'resize', size: { columns: 60, rows: 24 } })
          else if (key === 'large') run.send({ type: 'resize', size: { columns: 120, rows: 40 } })
          else run.press(key)
          const { columns, rows } = run.state.size
          const lines = screenLines(run.state, ascii ? ASCII : UNICODE)
          const small = columns < 60 || rows < 24
          if (small) expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 1))
          else expect(lines.length).toBe(rows - 1)
          for (const line of lines) expect(lineWidth(line)).toBe(columns)
        }
      },
    ),
    { numRuns: 150 },
  )
})
