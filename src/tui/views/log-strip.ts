/** The log as a row of cells, and below it a row a group: what it has processed, and its bookmark. */
import type { MessageId } from '../../course/i18n/catalog.ts'
import type { GroupRow, LogStrip } from '../models/log-strip.ts'
import { fit, type Line, type Span, span, type Tone, width, wrap } from '../term/text.ts'
import type { ViewContext } from './context.ts'

const GROUP_TONES: readonly Tone[] = ['one', 'two', 'three']

export function logStripLines(strip: LogStrip, context: ViewContext, slots = 10): Line[] {
  const { t, columns, glyphs } = context
  const names = strip.groups.map((group) => t('log.group', { group: group.id }))
  const labelColumns = Math.max(width(strip.name), ...names.map(width)) + 2
  const notes = [t('log.end', { offset: strip.end }), ...strip.groups.map((group) => groupNote(group, t))]
  const noteColumns = Math.max(...notes.map(width), width(t('log.bookmark', { offset: 10 })))
  const room = columns - labelColumns - noteColumns - 4
  // Roomy cells where they fit, narrow ones for longer logs, the latest ones where even those do not.
  const wanted = Math.max(slots, strip.end)
  const cell = wanted * 4 < room ? 4 : 3
  const shown = Math.min(wanted, Math.floor((room - 1) / cell))
  const first = Math.max(0, strip.end - shown)
  const offsets = Array.from({ length: shown }, (_unused, index) => first + index)

  const cells: Span[] = offsets.flatMap((offset) => [
    span(offset <= strip.end ? glyphs.side : ' ', 'muted'),
    offset < strip.end ? span(centre(String(offset), cell - 1)) : span(' '.repeat(cell - 1)),
  ])
  const closing = span(strip.end - first >= shown ? glyphs.side : ' ', 'muted')
  const label = (text: string, tone: Tone = 'plain') => span(` ${fit(text, labelColumns)}`, tone, true)
  const lines: Line[] = [[label(strip.name), ...cells, closing, span(`  ${notes[0]}`, 'muted')]]
  for (const [index, group] of strip.groups.entries()) {
    const tone = GROUP_TONES[index % GROUP_TONES.length] ?? 'one'
    const row = offsets.flatMap((offset): Span[] => [
      bookmarkAt(group, offset, glyphs.bookmark, tone),
      span(centre(times(group.processed[offset] ?? 0, glyphs.done), cell - 1), tone),
    ])
    const last = bookmarkAt(group, first + shown, glyphs.bookmark, tone)
    lines.push([
      label(names[index] ?? '', group.present ? tone : 'muted'),
      ...row,
      last,
      span(`  ${notes[index + 1]}`, group.bookmark === null ? 'muted' : tone),
    ])
  }
  if (first > 0) lines.push([span(` ${' '.repeat(labelColumns)}${t('log.hidden', { count: first })}`, 'muted')])
  return lines
}

/** What the marks mean. */
export function legendLines({ t, columns, glyphs }: ViewContext): Line[] {
  const text = t('log.legend', { processed: glyphs.done, bookmark: glyphs.bookmark })
  return wrap([span(text, 'muted')], columns - 2).map((line) => [span(' '), ...line])
}

function groupNote({ present, bookmark }: GroupRow, t: (id: MessageId, params?: { offset: number }) => string): string {
  if (bookmark !== null) return t('log.bookmark', { offset: bookmark })
  return t(present ? 'log.no-bookmark' : 'log.absent')
}

function bookmarkAt(group: GroupRow, offset: number, glyph: string, tone: Tone): Span {
  return group.bookmark === offset ? span(glyph, tone, true) : span(' ')
}

function times(count: number, once: string): string {
  return count === 0 ? '' : count === 1 ? once : count > 9 ? '+' : String(count)
}

function centre(text: string, columns: number): string {
  const left = Math.max(0, Math.floor((columns - width(text)) / 2))
  return fit(' '.repeat(left) + text, columns)
}
