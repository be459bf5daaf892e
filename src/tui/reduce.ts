/** The whole behaviour of the terminal: (state, message) → state and effects. Pure. */
import { LOCALES } from '../course/i18n/locale.ts'
import { reduceLesson } from './reduce-lesson.ts'
import { reduceSandbox } from './reduce-sandbox.ts'
import {
  type Effect,
  homeEntries,
  isTooSmall,
  type LessonState,
  type Message,
  PHASES,
  type SandboxState,
  type State,
  type Step,
} from './state.ts'

export function reduce(state: State, message: Message): Step {
  switch (message.type) {
    case 'resize':
      return only({ ...state, size: message.size })
    case 'open':
      return message.screen === 'sandbox' ? openSandbox(state) : openLesson(state, message.lesson)
    case 'problem':
      return only({ ...state, problem: message.problem })
    case 'sandbox':
      return only(state.sandbox ? { ...state, sandbox: { ...state.sandbox, snapshot: message.snapshot } } : state)
    case 'recorded':
    case 'played':
    case 'failed':
    case 'tick':
      return reduceLesson(state, message)
    case 'key':
      return reduceKey(state, message.key)
  }
}

function reduceKey(state: State, key: string): Step {
  if (key === 'ctrl-c') return { state, effects: [...closing(state), { type: 'quit' }] }
  if (isTooSmall(state)) return key === 'q' ? { state, effects: [...closing(state), { type: 'quit' }] } : only(state)
  if (state.help) return only(['?', 'esc', 'q', 'enter'].includes(key) ? { ...state, help: false } : state)
  if (key === '?') return only({ ...state, help: true })
  switch (state.screen) {
    case 'home':
      return reduceHome(state, key)
    case 'lesson':
      return reduceLesson(state, { type: 'key', key })
    case 'sandbox':
      return reduceSandbox(state, key)
  }
}

function reduceHome(state: State, key: string): Step {
  const count = homeEntries(state)
  const { selected } = state.home
  const select = (index: number) => only({ ...state, home: { selected: (index + count) % count } })
  if (key === 'up' || key === 'k') return select(selected - 1)
  if (key === 'down' || key === 'j' || key === 'tab') return select(selected + 1)
  if (key === 'shift-tab') return select(selected - 1)
  if (key === 'enter' || key === 'right' || key === 'space') return openEntry(state, selected)
  if (key === 's') return openEntry(state, state.lessons.length)
  if (key === 'l') return openEntry(state, state.lessons.length + 1)
  if (key === 'q') return { state, effects: [{ type: 'quit' }] }
  if (/^[1-9]$/.test(key) && Number(key) <= count) return openEntry(state, Number(key) - 1)
  return only(state)
}

function openEntry(state: State, index: number): Step {
  const entry = state.lessons[index]
  const chosen = { ...state, home: { selected: index } }
  if (entry) return openLesson(chosen, entry.lesson.id)
  return index === state.lessons.length ? openSandbox(chosen) : nextLanguage(chosen)
}

function openLesson(state: State, id: string): Step {
  const next: State = { ...state, screen: 'lesson', lesson: newLesson(id) }
  return {
    state: next,
    effects: [
      { type: 'record', lesson: id },
      { type: 'play', lesson: id, moves: [], ticket: 0 },
    ],
  }
}

function openSandbox(state: State): Step {
  return {
    state: { ...state, screen: 'sandbox', sandbox: newSandbox() },
    effects: [{ type: 'sandbox.open' }],
  }
}

function newSandbox(): SandboxState {
  return { pane: 'all', scroll: 0, selected: 0, group: null, member: 0, allOffsets: false, snapshot: null }
}

function nextLanguage(state: State): Step {
  const locale = LOCALES[(LOCALES.indexOf(state.locale) + 1) % LOCALES.length] ?? 'en'
  const progress = { ...state.progress, language: locale }
  return { state: { ...state, locale, progress }, effects: [{ type: 'save', progress }] }
}

function newLesson(id: string): LessonState {
  return {
    id,
    phase: PHASES[0],
    scroll: 0,
    choice: null,
    watch: { recording: null, steps: [], at: 0, playing: false, speed: 1 },
    task: { moves: [], play: null, ticket: 0, hints: 0, tells: 'result', solution: 'hidden', refused: null },
    error: null,
  }
}

function closing(state: State): Effect[] {
  return state.screen === 'sandbox' ? [{ type: 'sandbox.close' }] : []
}

function only(state: State): Step {
  return { state, effects: [] }
}
