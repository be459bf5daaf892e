/** Columns under headings. Where the room is short some columns are left out, then the text of others is cut. */
import { fitLine, type Line, lineWidth, span, width } from '../term/text.ts'

export interface Column {
  readonly head: string
  readonly cells: readonly Line[]
  /** Numbers stand at the right of their column. */
  readonly right?: boolean
  /** Left out where there is no room, the highest first; never without it. */
  readonly drop?: number
  /** Cut down to this many columns where nothing is left to leave out. */
  readonly least?: number
}

const GAP = 2

/** A line with the headings, then the rows. Never wider than `room`. */
export function tableLines(columns: readonly Column[], room: number, ellipsis: string): Line[] {
  const shown = fitting(columns, room)
  const widths = cutWidths(shown, room)
  const rows = Math.max(0, ...columns.map(({ cells }) => cells.length))
  const lineOf = (cellOf: (column: Column) => Line): Line =>
    fitLine(
      shown.flatMap((column, index) => [
        ...(index === 0 ? [] : [span(' '.repeat(GAP))]),
        ...cell(cellOf(column), widths[index] ?? 0, column.right === true, ellipsis),
      ]),
      room,
      ellipsis,
    )
  return [
    lineOf(({ head }) => [span(head, 'muted')]),
    ...Array.from({ length: rows }, (_unused, row) => lineOf(({ cells }) => cells[row] ?? [])),
  ]
}

function fitting(columns: readonly Column[], room: number): readonly Column[] {
  if (total(columns.map(natural)) <= room) return columns
  const highest = Math.max(0, ...columns.map(({ drop }) => drop ?? 0))
  return highest === 0
    ? columns
    : fitting(
        columns.filter(({ drop }) => drop !== highest),
        room,
      )
}

/** What is too much is taken from the columns that may be cut, the last first. */
function cutWidths(columns: readonly Column[], room: number): number[] {
  const widths = columns.map(natural)
  for (let i = columns.length - 1; i >= 0; i--) {
    const least = columns[i]?.least
    const over = total(widths) - room
    const size = widths[i]
    if (least === undefined || size === undefined || over <= 0) continue
    widths[i] = Math.max(Math.min(size, least), size - over)
  }
  return widths
}

function natural({ head, cells }: Column): number {
  return Math.max(width(head), ...cells.map(lineWidth))
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, size) => sum + size, 0) + GAP * Math.max(0, widths.length - 1)
}

function cell(content: Line, columns: number, right: boolean, ellipsis: string): Line {
  const blank = columns - lineWidth(content)
  return right && blank > 0 ? [span(' '.repeat(blank)), ...content] : fitLine(content, columns, ellipsis)
}
