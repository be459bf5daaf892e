/** The members of a group as a table. */
import type { Translate } from '../../course/i18n/catalog.ts'
import type { MemberRow } from '../models/group.ts'
import { seconds } from '../models/sandbox.ts'
import { type Line, span } from '../term/text.ts'
import { partitionTexts } from './assignment.ts'
import type { ViewContext } from './context.ts'
import type { Column } from './table.ts'

export interface MemberOptions {
  /** The index of the member the pointer stands at; null without a pointer. */
  readonly member: number | null
  /** Bars say nothing where nobody sees them. */
  readonly bars: boolean
}

const BAR_CELLS = 10

export function memberColumns(
  members: readonly MemberRow[],
  options: MemberOptions,
  { t, glyphs }: ViewContext,
): Column[] {
  const each = (cellOf: (row: MemberRow, index: number) => Line): Line[] => members.map(cellOf)
  const column = (head: string, cells: Line[], rest: Partial<Column> = {}): Column => ({ head, cells, ...rest })
  const some = (has: (row: MemberRow) => boolean, made: () => Column): Column[] => (members.some(has) ? [made()] : [])
  const owned = partitionTexts(members.map(({ partitions }) => partitions))
  const targets = partitionTexts(members.map(({ target }) => target ?? []))
  const pointer = (index: number) => (options.member === index ? glyphs.pointer : ' ')
  return [
    column(
      `  ${t('groups.client')}`,
      each(({ client, leads }, index) => [
        span(`${pointer(index)} `, 'accent', true),
        span(client, 'one', true),
        span(leads ? ' *' : '  ', 'accent', true),
      ]),
    ),
    ...some(
      ({ process }) => process !== 'running',
      () =>
        column(
          '',
          each(({ process }) => (process === 'running' ? [] : [span(t(`groups.process.${process}`), 'bad')])),
        ),
    ),
    column(
      t('groups.member'),
      each(({ id }) => [span(shortId(id, glyphs.ellipsis), 'muted')]),
      { drop: 3 },
    ),
    ...some(
      ({ instance }) => instance !== null,
      () =>
        column(
          t('groups.instance'),
          each(({ instance }) => [span(instance ?? '-')]),
          { drop: 1 },
        ),
    ),
    column(
      t('groups.host'),
      each(({ host }) => [span(host, 'muted')]),
      { drop: 4 },
    ),
    ...some(
      ({ epoch }) => epoch !== null,
      () =>
        column(
          t('groups.member-epoch'),
          each(({ epoch }) => [span(String(epoch ?? '-'))]),
          { right: true },
        ),
    ),
    column(
      t('sandbox.partitions'),
      each(({ partitions }, index) =>
        partitions.length === 0 ? [span(t('sandbox.idle'), 'muted')] : [span(owned[index] ?? '')],
      ),
      { least: 8 },
    ),
    ...some(
      ({ target }) => target !== null,
      () =>
        column(
          t('groups.target'),
          each((_row, index) => [span(targets[index] || '-')]),
          { least: 8 },
        ),
    ),
    column(
      t('groups.lag'),
      each(({ lag }) => [span(lag === null ? '-' : String(lag), lag ? 'warn' : 'plain')]),
      { right: true },
    ),
    ...(options.bars
      ? [
          column(
            '',
            each((row) => heartbeatBar(row, glyphs)),
            { drop: 2 },
          ),
        ]
      : []),
    column(
      t('groups.heartbeat'),
      each((row) => [span(heartbeatText(row, t), row.late ? 'bad' : 'muted')]),
    ),
  ]
}

/** How much of its session a member has been silent for. */
function heartbeatBar(
  { heartbeatAgeMs, sessionTimeoutMs, late }: MemberRow,
  { bar, barRest }: ViewContext['glyphs'],
): Line {
  const spent = Math.min(BAR_CELLS, Math.floor((BAR_CELLS * heartbeatAgeMs) / Math.max(1, sessionTimeoutMs)))
  return [span(bar.repeat(spent), late ? 'bad' : 'good'), span(barRest.repeat(BAR_CELLS - spent), 'muted')]
}

function heartbeatText({ heartbeatAgeMs, sessionTimeoutMs }: MemberRow, t: Translate): string {
  // Two digits before the point, so that the columns stand still.
  return t('groups.heartbeat.of', { age: seconds(heartbeatAgeMs).padStart(4), timeout: sessionTimeoutMs / 1000 })
}

/** The end of a member id tells members apart; it begins with the client. */
function shortId(id: string, ellipsis: string): string {
  return id.length <= 9 ? id : `${ellipsis}${id.slice(-8)}`
}
