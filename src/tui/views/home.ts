import { LOCALES } from '../../course/i18n/locale.ts'
import { type LoadedLesson, proseOf } from '../../course/library.ts'
import type { State } from '../state.ts'
import { EMPTY, fit, type Line, type Span, span, width } from '../term/text.ts'
import type { ViewContext } from './context.ts'
import { heading, type Page, windowOf } from './frame.ts'

const LANGUAGE_NAMES = { en: 'English', ko: '한국어' } as const

export function homePage(state: State, context: ViewContext): Page {
  const { t, glyphs } = context
  const solved = state.lessons.filter(({ lesson }) => state.progress.lessons[lesson.id]?.solved).length
  return {
    title: [span('kafkarium', 'accent', true), span(`   ${t('app.tagline')}`, 'muted')],
    body: (rows) => {
      const { lines, selectedAt } = homeLines(state, solved, context)
      // The chosen entry is always on the screen, however many lessons there are.
      return windowOf(lines, rows, Math.max(0, selectedAt + 3 - rows))
    },
    keys: [
      { keys: `${glyphs.up}${glyphs.down}`, does: t('key.choose') },
      { keys: 'Enter', does: t('key.open') },
      { keys: 's', does: t('key.sandbox') },
      { keys: 'l', does: t('key.language') },
      { keys: '?', does: t('key.help') },
      { keys: 'q', does: t('key.quit') },
    ],
  }
}

function homeLines(state: State, solved: number, context: ViewContext): { lines: Line[]; selectedAt: number } {
  const { t } = context
  const lines: Line[] = []
  let selectedAt = 0
  const entry = (index: number, title: string, note: Span, text: string) => {
    if (index === state.home.selected) selectedAt = lines.length
    lines.push(...entryLines(index, state.home.selected === index, title, note, text, context))
  }
  lines.push(EMPTY)
  lines.push(
    heading(t('home.lessons'), context, [
      span(t('home.solved', { solved, total: state.lessons.length }), solved > 0 ? 'good' : 'muted'),
    ]),
    EMPTY,
  )
  for (const [index, loaded] of state.lessons.entries()) {
    const title = proseOf(loaded, state.locale, 'title')
    entry(index, title, statusNote(state, loaded, context), proseOf(loaded, state.locale, 'question'))
    lines.push(EMPTY)
  }
  lines.push(heading(t('home.sandbox'), context), EMPTY)
  entry(state.lessons.length, t('home.sandbox.title'), span(''), t('home.sandbox.text'))
  lines.push(EMPTY, heading(t('home.language'), context), EMPTY)
  const names = LOCALES.map((locale) =>
    locale === state.locale ? `[${LANGUAGE_NAMES[locale]}]` : LANGUAGE_NAMES[locale],
  )
  entry(state.lessons.length + 1, names.join('  '), span(''), '')
  return { lines, selectedAt }
}

function statusNote(state: State, { lesson }: LoadedLesson, { t, glyphs }: ViewContext): Span {
  const progress = state.progress.lessons[lesson.id]
  if (progress?.solved) return span(`${glyphs.done} ${t('home.status.solved')}`, 'good')
  if (progress) return span(t('home.status.started'), 'warn')
  return span(`${t('home.status.new')}, ${t('home.minutes', { minutes: lesson.minutes })}`, 'muted')
}

function entryLines(
  index: number,
  selected: boolean,
  title: string,
  note: Span,
  text: string,
  { columns, glyphs }: ViewContext,
): Line[] {
  const noteColumns = width(note.text)
  const titleColumns = columns - 8 - noteColumns
  const lines: Line[] = [
    [
      span(selected ? ` ${glyphs.pointer} ` : '   ', 'accent', true),
      span(`${index + 1}  `, selected ? 'accent' : 'muted', selected),
      span(fit(title, titleColumns, glyphs.ellipsis), 'plain', selected),
      note,
    ],
  ]
  if (text !== '') lines.push([span(`      ${text}`, 'muted')])
  return lines
}
