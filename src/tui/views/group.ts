/** The group view: what the coordinator knows of a group, its members, its partitions and its past. */
import type { Translate } from '../../course/i18n/catalog.ts'
import { reasonText } from '../../course/sentences.ts'
import { type GroupDetail, generationRows, groupDetail } from '../models/group.ts'
import { clock } from '../models/sandbox.ts'
import type { SandboxSnapshot } from '../sandbox/controller.ts'
import { type Line, span, type Tone, wrap } from '../term/text.ts'
import type { ViewContext } from './context.ts'
import { heading, indent } from './frame.ts'
import { generationLines } from './generations.ts'
import { type MemberOptions, memberColumns } from './group-members.ts'
import { type Column, tableLines } from './table.ts'

export interface GroupViewOptions extends MemberOptions {
  /** The id of the group shown; null while there is none. */
  readonly group: string | null
  /** How many generations of the past are shown. */
  readonly generations: number
}

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
  const past = generationLines(history, snapshot.startedAt, context)
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

function sentenceLines(text: string, { columns }: ViewContext): Line[] {
  return indent(wrap([span(text, 'muted')], columns - 4), 3)
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
