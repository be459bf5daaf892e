/** The offsets view: the records of `__consumer_offsets`, decoded, newest last. */
import type { Translate } from '../../course/i18n/catalog.ts'
import { goneRecords, OFFSETS_TOPIC, type OffsetsRow, type OffsetsValue, offsetsRows } from '../models/offsets.ts'
import { clock } from '../models/sandbox.ts'
import type { SandboxSnapshot } from '../sandbox/controller.ts'
import { type Line, type Span, span, wrap } from '../term/text.ts'
import type { ViewContext } from './context.ts'
import { heading, indent } from './frame.ts'
import { type Column, tableLines } from './table.ts'

export interface OffsetsViewOptions {
  /** Only records of this group; null shows all of the topic. */
  readonly group: string | null
  /** How many records are shown. */
  readonly rows: number
  /** How many of the newest are passed over. */
  readonly scroll: number
}

/** The records of one group, or of all. */
export function shownOffsets(snapshot: SandboxSnapshot, group: string | null): OffsetsRow[] {
  return offsetsRows(snapshot.offsets).filter((row) => group === null || row.group === group)
}

/** What stands above the records; they take the rest of the room. */
export function offsetsHead(snapshot: SandboxSnapshot, group: string | null, context: ViewContext): Line[] {
  const { t, columns, glyphs } = context
  const rows = shownOffsets(snapshot, group)
  const [first] = rows
  const name = group !== null && first !== undefined ? `${OFFSETS_TOPIC}-${first.partition}` : OFFSETS_TOPIC
  const legend = [
    span(`${glyphs.done} ${t('offsets.kept')}  `, 'muted'),
    span(`${glyphs.open} ${t('offsets.superseded')}`, 'muted'),
  ]
  const head = heading(name, context, rows.length === 0 ? [] : legend)
  if (first === undefined) {
    const text = group === null ? t('offsets.none') : t('offsets.none.group', { group })
    return [head, ...indent(wrap([span(text, 'muted')], columns - 4), 3)]
  }
  return [head, ...indent(wrap([span(summary(snapshot, group, rows, t))], columns - 4), 3)]
}

function summary(snapshot: SandboxSnapshot, group: string | null, rows: readonly OffsetsRow[], t: Translate): string {
  const own = new Set(rows.map(({ partition }) => partition))
  const topic = snapshot.view.topics.find(({ name }) => name === OFFSETS_TOPIC)
  const gone = goneRecords(
    topic,
    snapshot.offsets.filter(({ partition }) => own.has(partition)),
  )
  return [
    ...(group === null ? [] : [t('offsets.partition', { group })]),
    t('offsets.compaction', { kept: rows.filter(({ kept }) => kept).length, count: rows.length }),
    ...(rows.some(({ value }) => value.type === 'tombstone') ? [t('offsets.tombstones')] : []),
    ...(gone > 0 ? [t('offsets.gone', { count: gone })] : []),
  ].join(' ')
}

export function offsetsLines(snapshot: SandboxSnapshot, options: OffsetsViewOptions, context: ViewContext): Line[] {
  const { t, glyphs, columns } = context
  const { group, rows: room, scroll } = options
  const all = shownOffsets(snapshot, group)
  const end = Math.max(Math.min(room, all.length), all.length - scroll)
  const rows = all.slice(Math.max(0, end - room), end)
  if (rows.length === 0) return []
  const column = (head: string, cellOf: (row: OffsetsRow) => Span, rest: Partial<Column> = {}): Column => ({
    head,
    cells: rows.map((row) => [muted(cellOf(row), row)]),
    ...rest,
  })
  const table = tableLines(
    [
      column('', ({ kept }) => (kept ? span(glyphs.done, 'good') : span(glyphs.open))),
      ...(group === null ? [column(t('offsets.in'), ({ partition }) => span(String(partition)), { right: true })] : []),
      column(t('offsets.offset'), ({ offset }) => span(String(offset), 'plain', true), { right: true }),
      column(t('offsets.written'), ({ time }) => span(clock(time - snapshot.startedAt)), { right: true, drop: 1 }),
      ...(group === null ? [column(t('groups.group'), (row) => span(row.group ?? '-'), { least: 8 })] : []),
      column(
        t('offsets.key'),
        ({ kind, where }) => span([t(`offsets.kind.${kind}`), where ?? ''].join(' ').trimEnd()),
        {
          least: 10,
        },
      ),
      column(t('offsets.value'), ({ value }) => valueSpan(value, t), { least: 12 }),
      column(t('offsets.assignor'), ({ value }) => span((value.type === 'generation' && value.protocol) || ''), {
        drop: 2,
      }),
    ],
    columns - 4,
    glyphs.ellipsis,
  )
  return indent(table, 3)
}

/** What a newer record of the same key supersedes steps back. */
function muted(cell: Span, { kept }: OffsetsRow): Span {
  return kept ? cell : { text: cell.text, tone: 'muted' }
}

function valueSpan(value: OffsetsValue, t: Translate): Span {
  switch (value.type) {
    case 'tombstone':
      return span(t('offsets.tombstone'), 'warn', true)
    case 'commit':
      return span(t('offsets.commit', { offset: value.offset }))
    case 'generation': {
      const { generation, members } = value
      return span(t(members === 0 ? 'offsets.generation.empty' : 'offsets.generation', { generation, members }))
    }
    case 'text':
      return value.text === '' ? span(t('offsets.unreadable'), 'muted') : span(value.text)
  }
}
