/** The frame every screen stands in: a title line, a body, a footer with the live keys. Never taller than rows − 1. */
import { EMPTY, fitLine, type Line, lineWidth, type Span, span, width } from '../term/text.ts'
import type { ViewContext } from './context.ts'

export interface KeyHint {
  readonly keys: string
  readonly does: string
}

export interface Page {
  readonly title: Line
  /** At the right of the title, or below it where it does not fit. */
  readonly status?: Line
  readonly body: (rows: number) => readonly Line[]
  /** How many lines lie below the part of the body that is shown. */
  readonly below?: (rows: number) => number
  readonly keys: readonly KeyHint[]
}

/** Exactly `context.rows` lines, each exactly `context.columns` wide. */
export function layOut(page: Page, context: ViewContext): Line[] {
  const { columns, rows, glyphs } = context
  const rule: Line = [span(glyphs.rule.repeat(columns), 'muted')]
  const head = [...titleLines(page, context), rule]
  const keys = keyLines(page.keys, context)
  const room = rows - head.length - keys.length - 1
  const foot = [(page.below?.(room) ?? 0) > 0 ? moreRule(context) : rule, ...keys]
  const body = page.body(room).slice(0, room)
  const blanks = Array.from({ length: room - body.length }, () => EMPTY)
  return [...head, ...body, ...blanks, ...foot].map((line) => fitLine(line, columns, glyphs.ellipsis))
}

/** How many rows a page's body has. */
export function bodyRows(page: Page, context: ViewContext): number {
  return context.rows - titleLines(page, context).length - keyLines(page.keys, context).length - 2
}

function titleLines({ title, status }: Page, { columns }: ViewContext): Line[] {
  const left: Line = [span(' '), ...title]
  if (!status || status.length === 0) return [left]
  const gap = columns - lineWidth(left) - lineWidth(status) - 1
  if (gap >= 2) return [[...left, span(' '.repeat(gap)), ...status]]
  return [left, [span(' '), ...status]]
}

/** The rule above the keys, saying that the text goes on. */
function moreRule({ columns, glyphs, t }: ViewContext): Line {
  const text = ` ${glyphs.down} ${t('key.more')} `
  return [
    span(glyphs.rule.repeat(columns - width(text) - 2), 'muted'),
    span(text, 'accent'),
    span(glyphs.rule.repeat(2), 'muted'),
  ]
}

/** The keys in as few lines as they need: a little closer together rather than on a second line. */
function keyLines(keys: readonly KeyHint[], { columns }: ViewContext): Line[] {
  const roomy = keyLinesWith(keys, columns, 3)
  return roomy.length === 1 ? roomy : keyLinesWith(keys, columns, 2)
}

function keyLinesWith(keys: readonly KeyHint[], columns: number, gap: number): Line[] {
  const lines: Span[][] = [[]]
  let used = 1
  for (const { keys: names, does } of keys) {
    const size = width(names) + 1 + width(does)
    if (used > 1 && used + gap + size > columns) {
      lines.push([])
      used = 1
    }
    const before = used > 1 ? gap : 0
    lines.at(-1)?.push(span(' '.repeat(before || 1)), span(names, 'accent', true), span(` ${does}`))
    used += before + size
  }
  return lines
}

/** A titled box, exactly `columns` wide and `rows` tall; what does not fit is cut. */
export function box(title: Line, body: readonly Line[], columns: number, rows: number, context: ViewContext): Line[] {
  const { glyphs } = context
  const inner = columns - 4
  const head = fitTitle(title, inner, glyphs.ellipsis)
  const fill = columns - 5 - lineWidth(head)
  const edge = (text: string) => span(text, 'muted')
  return [
    [
      edge(`${glyphs.topLeft}${glyphs.rule} `),
      ...head,
      edge(` ${glyphs.rule.repeat(Math.max(0, fill))}${glyphs.topRight}`),
    ],
    ...Array.from({ length: rows - 2 }, (_unused, row): Line => {
      const line = fitLine(body[row] ?? EMPTY, inner, glyphs.ellipsis)
      return [edge(`${glyphs.side} `), ...line, edge(` ${glyphs.side}`)]
    }),
    [edge(`${glyphs.bottomLeft}${glyphs.rule.repeat(columns - 2)}${glyphs.bottomRight}`)],
  ]
}

function fitTitle(title: Line, columns: number, ellipsis: string): Line {
  return lineWidth(title) <= columns - 2 ? title : fitLine(title, columns - 2, ellipsis)
}

/** Two columns of lines side by side. */
export function beside(left: readonly Line[], right: readonly Line[], leftColumns: number, gap: number): Line[] {
  return Array.from({ length: Math.max(left.length, right.length) }, (_unused, row) => [
    ...fitLine(left[row] ?? EMPTY, leftColumns),
    span(' '.repeat(gap)),
    ...(right[row] ?? EMPTY),
  ])
}

/** A small heading with a rule after it. */
export function heading(text: string, { columns, glyphs }: ViewContext, note: Line = []): Line {
  const used = 2 + width(text) + (note.length > 0 ? lineWidth(note) + 1 : 0)
  const rule = span(glyphs.rule.repeat(Math.max(0, columns - used - 1)), 'muted')
  return [span(' '), span(text, 'plain', true), span(' '), rule, ...(note.length > 0 ? [span(' '), ...note] : [])]
}

/** Text lines moved in by `by` columns. */
export function indent(lines: readonly Line[], by: number): Line[] {
  return lines.map((line) => [span(' '.repeat(by)), ...line])
}

/** The part of `lines` that is seen when scrolled down by `scroll`. */
export function windowOf(lines: readonly Line[], rows: number, scroll: number): readonly Line[] {
  const from = Math.max(0, Math.min(scroll, lines.length - rows))
  return lines.slice(from, from + rows)
}
