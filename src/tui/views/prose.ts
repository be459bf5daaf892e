/** Markdown blocks laid out in columns. */
import { type Block, type Inline, parseMarkdown } from '../../course/markdown.ts'
import type { Glyphs } from '../term/glyphs.ts'
import { EMPTY, fitLine, type Line, lineWidth, type Span, span, width, wrap } from '../term/text.ts'

/** Text is comfortable to read up to here. */
const MAX_COLUMNS = 84

export function proseLines(markdown: string, columns: number, glyphs: Glyphs): Line[] {
  const limit = Math.min(columns, MAX_COLUMNS)
  const lines: Line[] = []
  for (const block of parseMarkdown(markdown)) {
    if (lines.length > 0) lines.push(EMPTY)
    lines.push(...blockLines(block, limit, glyphs))
  }
  return lines
}

/** The first paragraph only, as spans: for one-line uses such as a goal or a choice. */
export function proseSpans(markdown: string): Line {
  const [first] = parseMarkdown(markdown)
  return first && (first.type === 'paragraph' || first.type === 'heading') ? first.content.map(styled) : []
}

function blockLines(block: Block, columns: number, glyphs: Glyphs): Line[] {
  switch (block.type) {
    case 'paragraph':
      return wrap(block.content.map(styled), columns)
    case 'heading':
      return wrap(
        block.content.map((part) => ({ ...styled(part), bold: true })),
        columns,
      )
    case 'code':
      return block.lines.map((line) => [span(`  ${line}`, 'accent')])
    case 'list':
      return block.items.flatMap((item, index) => {
        const mark = block.ordered ? `${index + 1}. ` : `${glyphs.bullet} `
        return wrap(item.map(styled), columns - mark.length - 1).map(
          (line, row): Line => [span(row === 0 ? ` ${mark}` : ' '.repeat(mark.length + 1), 'muted'), ...line],
        )
      })
    case 'table':
      return tableLines(block, columns, glyphs)
  }
}

function tableLines(table: Extract<Block, { type: 'table' }>, columns: number, glyphs: Glyphs): Line[] {
  const rows = [table.header, ...table.rows].map((row) => row.map((cell): Line => cell.map(styled)))
  const widths = columnWidths(rows, columns)
  return rows.flatMap((row, index) => {
    const cells = row.map((cell, column) => wrap(cell, widths[column] ?? 1))
    const height = Math.max(...cells.map((cell) => cell.length))
    const lines = Array.from(
      { length: height },
      (_unused, line): Line =>
        cells.flatMap((cell, column): Span[] => {
          const content = fitLine(cell[line] ?? EMPTY, widths[column] ?? 1)
          const shown = index === 0 ? content.map((part) => ({ ...part, bold: true })) : content
          return column === 0 ? [...shown] : [span('  '), ...shown]
        }),
    )
    const rule: Line[] = index === 0 ? [[span(widths.map((size) => glyphs.rule.repeat(size)).join('  '), 'muted')]] : []
    return [...lines, ...rule]
  })
}

/** Each column as wide as its widest cell; then the widest ones are narrowed until the table fits, whole words first. */
function columnWidths(rows: readonly (readonly Line[])[], columns: number): number[] {
  const count = rows[0]?.length ?? 0
  const widths = Array.from({ length: count }, (_unused, column) =>
    Math.max(1, ...rows.map((row) => lineWidth(row[column] ?? EMPTY))),
  )
  const words = Array.from({ length: count }, (_unused, column) =>
    Math.max(
      1,
      ...rows.flatMap((row) =>
        textOf(row[column] ?? EMPTY)
          .split(' ')
          .map(width),
      ),
    ),
  )
  const room = columns - 2 * (count - 1)
  while (widths.reduce((sum, size) => sum + size, 0) > room) {
    const soft = widths.map((size, column) => (size > (words[column] ?? 1) ? size : 0))
    const candidates = soft.some((size) => size > 0) ? soft : widths
    const widest = candidates.indexOf(Math.max(...candidates))
    if ((widths[widest] ?? 1) <= 1) break
    widths[widest] = (widths[widest] ?? 1) - 1
  }
  return widths
}

function textOf(line: Line): string {
  return line.map((part) => part.text).join('')
}

function styled({ text, style }: Inline): Span {
  switch (style) {
    case 'strong':
      return span(text, 'plain', true)
    case 'em':
      return span(text, 'plain', true)
    case 'code':
      return span(text, 'accent')
    case 'link':
      return span(text, 'accent')
    case 'plain':
      return span(text)
  }
}
