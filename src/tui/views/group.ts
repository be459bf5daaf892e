/** The group view: what the coordinator knows of a group, its members, its partitions and its past. */
import type { Translate } from '../../course/i18n/catalog.ts'
import { reasonText } from '../../course/sentences.ts'
import { type GenerationRow, type GroupDetail, generationRows, groupDetail, type MemberRow } from '../models/group.ts'
import { clock, seconds } from '../models/sandbox.ts'
import type { SandboxSnapshot } from '../sandbox/controller.ts'
import { type Line, span, type Tone, width, wrap } from '../term/text.ts'
import type { ViewContext } from './context.ts'
import { heading, indent } from './frame.ts'
import { type Column, tableLines } from './table.ts'

export interface GroupViewOptions {
  /** The id of the group shown; null while there is none. */
  readonly group: string | null
  /** The index of the member the pointer stands at; null without a pointer. */
  readonly member: number | null
  /** How many generations of the past are shown. */
  readonly generations: number
  /** Bars say nothing where nobody sees them. */
  readonly bars: boolean
}

type MemberOptions = Pick<GroupViewOptions, 'member' | 'bars'>

const BAR_CELLS = 10

function detailOf(snapshot: SandboxSnapshot, group: string): GroupDetail | null {
  return groupDetail(group, {
    view: snapshot.view,
    history: snapshot.histories.get(group) ?? [],
    positions: snapshot.positions.get(group) ?? new Map(),
  })
}

export function groupViewLines(snapshot: SandboxSnapshot, options: GroupViewOptions, context: ViewContext): Line[] {
  const { t } = context
  const { group } = options
  if (group === null) return sentenceLines(t('sandbox.no-groups'), context)
  const detail = detailOf(snapshot, group)
  const history = generationRows(snapshot.histories.get(group) ?? [], options.generations)
  const past = historyLines(history, snapshot.startedAt, context)
  if (detail === null) {
    const all = snapshot.view.nodes.every(({ state }) => state === 'up')
    return [...sentenceLines(t(all ? 'groups.unknown' : 'groups.no-coordinator', { group }), context), ...past]
  }
  return [...detailLines(detail, options, snapshot.startedAt, context), ...past]
}

/** A group of either protocol: epochs and targets stand where it has them. */
export function detailLines(
  detail: GroupDetail,
  options: MemberOptions,
  startedAt: number,
  context: ViewContext,
): Line[] {
  return [
    ...factLines(detail, startedAt, context),
    ...memberLines(detail, options, context),
    ...partitionLines(detail, context),
  ]
}

function sentenceLines(text: string, { columns }: ViewContext, tone: Tone = 'muted'): Line[] {
  return indent(wrap([span(text, tone)], columns - 4), 3)
}

function factLines(detail: GroupDetail, startedAt: number, { t, columns }: ViewContext): Line[] {
  const { type, generation, protocolType, protocol, coordinator, rebalance } = detail
  const facts = [
    t(`groups.type.${type}`),
    t(type === 'classic' ? 'sandbox.generation' : 'groups.epoch', { generation }),
    // As in the JoinGroup request: what kind of members, and which of their assignors.
    ...(protocolType === null ? [] : [protocol === null ? protocolType : `${protocolType}/${protocol}`]),
    t('groups.coordinator', { node: coordinator }),
  ]
  const lines: Line[] = [[span(facts.join('  '))], [span(rebalanceText(rebalance, startedAt, t), 'muted')]]
  return lines.flatMap((line) => indent(wrap(line, columns - 4), 3))
}

export function stateTone(state: GroupDetail['state']): Tone {
  return state === 'Stable' ? 'good' : state === 'Empty' ? 'muted' : 'warn'
}

function rebalanceText(rebalance: GroupDetail['rebalance'], startedAt: number, t: Translate): string {
  if (rebalance === null) return t('groups.rebalance.none')
  const reason = reasonText(rebalance.reason, t)
  return rebalance.at === null
    ? t('groups.rebalance', { reason })
    : t('groups.rebalance.at', { reason, time: clock(rebalance.at - startedAt) })
}

function memberLines(detail: GroupDetail, options: MemberOptions, context: ViewContext): Line[] {
  const { t, columns, glyphs } = context
  const { members, lag } = detail
  const note = [
    ...(members.length === 0 ? [] : [span(`${t('groups.legend.leads')}  `, 'muted')]),
    lag === null
      ? span(t('sandbox.lag.none'), 'muted')
      : span(t('groups.lag.all', { lag }), lag > 0 ? 'warn' : 'plain'),
  ]
  const head = heading(t('groups.members', { count: members.length }), context, note)
  if (members.length === 0) return [head, ...sentenceLines(t('groups.members.none'), context)]
  return [head, ...indent(tableLines(memberColumns(members, options, context), columns - 2, glyphs.ellipsis), 1)]
}

function memberColumns(members: readonly MemberRow[], options: MemberOptions, { t, glyphs }: ViewContext): Column[] {
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

/** `orders-0 orders-2`; where that is long for one of them, `orders-0,2` for all. */
function partitionTexts(lists: readonly (readonly string[])[]): string[] {
  const full = lists.map((partitions) => partitions.join(' '))
  return full.every((text) => width(text) <= 18) ? full : lists.map(shortList)
}

function shortList(partitions: readonly string[]): string {
  const topics = new Map<string, string[]>()
  for (const name of partitions) {
    const at = name.lastIndexOf('-')
    const topic = name.slice(0, at)
    topics.set(topic, [...(topics.get(topic) ?? []), name.slice(at + 1)])
  }
  return [...topics].map(([topic, numbers]) => `${topic}-${numbers.join(',')}`).join(' ')
}

function partitionLines({ partitions }: GroupDetail, context: ViewContext): Line[] {
  const { t, columns, glyphs } = context
  const head = heading(t('sandbox.partitions'), context)
  if (partitions.length === 0) return [head, ...sentenceLines(t('groups.partitions.none'), context)]
  const numbers = (title: string, values: readonly (number | null)[], rest: Partial<Column> = {}): Column => ({
    head: title,
    cells: values.map((value) => [span(value === null ? '-' : String(value))]),
    right: true,
    ...rest,
  })
  const table = tableLines(
    [
      { head: t('groups.partition'), cells: partitions.map(({ name }) => [span(name, 'plain', true)]), least: 12 },
      numbers(
        t('groups.log-end'),
        partitions.map(({ logEndOffset }) => logEndOffset),
        { drop: 1 },
      ),
      numbers(
        columns < 76 ? 'HW' : t('groups.high-watermark'),
        partitions.map(({ highWatermark }) => highWatermark),
      ),
      numbers(
        t('groups.committed'),
        partitions.map(({ committed }) => committed),
      ),
      numbers(
        t('groups.position'),
        partitions.map(({ position }) => position),
      ),
      {
        head: t('groups.lag'),
        right: true,
        cells: partitions.map(({ lag }) => [span(lag === null ? '-' : String(lag), lag ? 'warn' : 'plain')]),
      },
      {
        head: t('groups.owner'),
        cells: partitions.map(({ owner }) => [owner === null ? span(t('groups.nobody'), 'bad') : span(owner, 'one')]),
      },
    ],
    columns - 4,
    glyphs.ellipsis,
  )
  return [head, ...indent(table, 3)]
}

function historyLines(rows: readonly GenerationRow[], startedAt: number, context: ViewContext): Line[] {
  const { t, columns, glyphs } = context
  const head = heading(t('groups.history'), context)
  if (rows.length === 0) return [head, ...sentenceLines(t('groups.history.none'), context)]
  const time = (at: number) => clock(at - startedAt)
  const topic = onlyTopic(rows)
  const table = tableLines(
    [
      {
        head: t('groups.generation'),
        cells: rows.map(({ generation }) => [span(String(generation), 'plain', true)]),
        right: true,
      },
      { head: t('groups.from'), cells: rows.map(({ began }) => [span(time(began))]), right: true },
      // The next one begins soon after it.
      {
        head: t('groups.to'),
        cells: rows.map(({ ended }) => [span(ended === null ? '' : time(ended))]),
        right: true,
        drop: 1,
      },
      {
        head: topic === null ? t('groups.owners') : t('groups.owners.of', { topic }),
        cells: rows.map((row) => [span(ownersText(row, topic, t))]),
        least: 20,
      },
      {
        head: t('groups.ended'),
        cells: rows.map(({ ended, endReason }) => [
          ended === null ? span(t('groups.goes-on'), 'good') : span(reasonText(endReason ?? '', t), 'muted'),
        ]),
        least: 14,
      },
    ],
    columns - 4,
    glyphs.ellipsis,
  )
  return [head, ...indent(table, 3)]
}

/** The topic of all these assignments; it need not be said in every row then. */
function onlyTopic(rows: readonly GenerationRow[]): string | null {
  const names = rows.flatMap(({ owners }) => owners.flatMap(({ partitions }) => partitions))
  const topics = new Set(names.map((name) => name.slice(0, name.lastIndexOf('-'))))
  const [first = null] = topics
  return topics.size === 1 ? first : null
}

function ownersText({ owners }: GenerationRow, topic: string | null, t: Translate): string {
  if (owners.length === 0) return t('groups.owners.none')
  const skipped = topic === null ? 0 : topic.length + 1
  return owners
    .map(({ client, partitions }) => {
      const text = partitions.length === 0 ? t('sandbox.idle') : shortList(partitions).slice(skipped)
      return `${client}: ${text}`
    })
    .join('  ')
}

/** The groups by name, the chosen one in brackets, as the views are in the title; behind them the state of the one shown. */
export function groupTabs(snapshot: SandboxSnapshot, chosen: string | null, { t }: ViewContext, withAll = false): Line {
  const tab = (text: string, here: boolean) => span(here ? `[${text}]` : ` ${text} `, here ? 'accent' : 'muted', here)
  const group = snapshot.view.groups.find(({ id }) => id === chosen)
  const since = group?.stateSince ?? null
  return [
    span(`   ${t('groups.groups')} `, 'muted'),
    ...snapshot.groups.map((id) => tab(id, id === chosen)),
    ...(withAll ? [tab(t('groups.all'), chosen === null)] : []),
    ...(group === undefined ? [] : [span(`  ${t(`group.state.${group.state}`)}`, stateTone(group.state), true)]),
    ...(since === null
      ? []
      : [span(` ${t('groups.since', { seconds: Math.floor((snapshot.view.now - since) / 1000) })}`, 'muted')]),
  ]
}
