/** The one function from state to what stands on the screen. */
import { translator } from '../../course/i18n/catalog.ts'
import { isTooSmall, lessonOf, type State } from '../state.ts'
import { ASCII, type Glyphs } from '../term/glyphs.ts'
import { EMPTY, fitLine, type Line, type Span, span, wrap } from '../term/text.ts'
import type { ViewContext } from './context.ts'
import { bodyRows, layOut, type Page } from './frame.ts'
import { helpPage } from './help.ts'
import { homePage } from './home.ts'
import { bodyLines, lessonPage } from './lesson.ts'
import { sandboxMaxScroll, sandboxPage } from './sandbox.ts'

/** Exactly rows − 1 lines: a taller frame would wipe what the user had on the screen before. */
export function screenLines(state: State, glyphs: Glyphs): Line[] {
  const context = contextOf(state, glyphs)
  if (isTooSmall(state)) return tooSmall(state, context)
  const lines = layOut(withProblem(pageOf(state, context), state, context), context)
  return glyphs === ASCII ? lines.map((line) => line.map(plainMarks)) : lines
}

/** The typographic marks of the prose, each by one ASCII character, so that no width changes. */
const PLAIN_MARKS: Readonly<Record<string, string>> = {
  '…': '~',
  '–': '-',
  '—': '-',
  '×': 'x',
  '“': '"',
  '”': '"',
  '‘': "'",
  '’': "'",
  '→': '>',
  '←': '<',
}

function plainMarks(part: Span): Span {
  return { ...part, text: part.text.replace(/[…–—×“”‘’→←]/g, (mark) => PLAIN_MARKS[mark] ?? '?') }
}

/** How far the page in front can be scrolled down. */
export function maxScroll(state: State, glyphs: Glyphs): number {
  const context = contextOf(state, glyphs)
  if (isTooSmall(state)) return 0
  const { sandbox } = state
  if (state.screen === 'sandbox' && sandbox) {
    return sandboxMaxScroll(sandbox, bodyRows(sandboxPage(sandbox, context), context), context)
  }
  const loaded = lessonOf(state)
  if (state.screen !== 'lesson' || !state.lesson || !loaded) return 0
  const view = { state, current: state.lesson, loaded, context }
  const rows = bodyRows(lessonPage(view), context)
  return Math.max(0, bodyLines(view, rows).length - rows)
}

function contextOf(state: State, glyphs: Glyphs): ViewContext {
  const { columns, rows } = state.size
  return { t: translator(state.locale), locale: state.locale, glyphs, columns, rows: Math.max(1, rows - 1) }
}

function pageOf(state: State, context: ViewContext): Page {
  if (state.help) return helpPage(state, context)
  const loaded = lessonOf(state)
  if (state.screen === 'lesson' && state.lesson && loaded) {
    return lessonPage({ state, current: state.lesson, loaded, context })
  }
  if (state.screen === 'sandbox' && state.sandbox) return sandboxPage(state.sandbox, context)
  return homePage(state, context)
}

/** Trouble with the progress file is told on the home screen, where it disturbs nobody. */
function withProblem(page: Page, state: State, { t, columns }: ViewContext): Page {
  const { problem } = state
  if (!problem || state.screen !== 'home' || state.help) return page
  const notice = wrap([span(t(problem.id, problem.params), 'warn')], columns - 2).map(
    (line): Line => [span(' '), ...line],
  )
  return {
    ...page,
    body: (rows) => {
      const room = rows - notice.length - 1
      const lines = page.body(room).slice(0, room)
      return [...lines, ...Array.from({ length: room - lines.length }, () => EMPTY), EMPTY, ...notice]
    },
  }
}

function tooSmall(state: State, context: ViewContext): Line[] {
  const { t, columns, rows, glyphs } = context
  const text = [t('app.too-small', { ...state.size }), t('app.too-small.hint')]
  const lines = text.flatMap((part) => wrap([span(part)], columns))
  return lines.slice(0, rows).map((line) => fitLine(line, columns, glyphs.ellipsis))
}
