/** The sandbox: brokers, partitions, groups and events, together or one at a time. */
import type { MessageId } from '../../course/i18n/catalog.ts'
import { reasonText, sentence } from '../../course/sentences.ts'
import { type Target, targetName, targetsOf } from '../models/cluster.ts'
import {
  barCells,
  clock,
  type GroupModel,
  groupModels,
  type MemberModel,
  partitionBars,
  seconds,
} from '../models/sandbox.ts'
import type { SandboxSnapshot } from '../sandbox/controller.ts'
import { PANES, type SandboxState } from '../state.ts'
import { EMPTY, fit, type Line, lineWidth, type Span, span, type Tone, width, wrap } from '../term/text.ts'
import { clusterLines } from './cluster.ts'
import type { ViewContext } from './context.ts'
import { box, type KeyHint, type Page } from './frame.ts'

export function sandboxPage(sandbox: SandboxState, context: ViewContext): Page {
  const { t } = context
  const { snapshot } = sandbox
  return {
    title: [span(t('home.sandbox'), 'plain', true), ...paneTabs(sandbox, context)],
    ...(snapshot ? { status: statusLine(snapshot, context) } : {}),
    body: (rows) =>
      snapshot ? panes(sandbox, snapshot, rows, context) : [EMPTY, [span(` ${t('app.loading')}`, 'muted')]],
    keys: keys(sandbox, context),
  }
}

function paneTabs(sandbox: SandboxState, { t }: ViewContext): Line {
  return [
    span('  '),
    ...PANES.map((pane, index): Span => {
      const text = `${index + 1} ${t(`sandbox.${pane}` as MessageId)}`
      return pane === sandbox.pane ? span(`[${text}]`, 'accent', true) : span(` ${text} `, 'muted')
    }),
  ]
}

function statusLine({ elapsedMs, speed, paused }: SandboxSnapshot, { t }: ViewContext): Line {
  return [
    span(`${clock(elapsedMs)}  x${speed}  `, 'muted'),
    span(t(paused ? 'sandbox.paused' : 'sandbox.running'), paused ? 'warn' : 'good', true),
  ]
}

function panes(sandbox: SandboxState, snapshot: SandboxSnapshot, rows: number, context: ViewContext): Line[] {
  const { t, columns } = context
  const notice = snapshot.notice
    ? wrap(
        [span(t(snapshot.notice.id, snapshot.notice.params), snapshot.notice.done ? 'good' : 'warn')],
        columns - 2,
      ).map((line) => [span(' '), ...line])
    : []
  const room = rows - notice.length
  switch (sandbox.pane) {
    case 'partitions':
      return [...padded(clusterLines(snapshot, sandbox.selected, room, context), room), ...notice]
    case 'groups':
      return [
        ...box(title('groups', context), groupLines(snapshot, columns - 4, context), columns, room, context),
        ...notice,
      ]
    case 'events':
      return [...eventBox(snapshot, sandbox.scroll, room, context), ...notice]
    case 'all': {
      const target = targetsOf(snapshot.view)[sandbox.selected]
      const brokers = worldBoxes(snapshot, target, worldRows(snapshot), context)
      const groups = groupLines(snapshot, columns - 4, context)
      // The event list keeps at least three lines; the groups give way first.
      const groupRows = Math.max(3, Math.min(groups.length + 2, room - brokers.length - 5))
      const events = Math.max(3, room - brokers.length - groupRows)
      return [
        ...brokers,
        ...box(title('groups', context), groups, columns, groupRows, context),
        ...eventBox(snapshot, 0, events, context),
        ...notice,
      ]
    }
  }
}

/** What comes below stands at the bottom. */
function padded(lines: readonly Line[], rows: number): Line[] {
  return [...lines, ...Array.from({ length: Math.max(0, rows - lines.length) }, () => EMPTY)]
}

function title(pane: 'brokers' | 'partitions' | 'groups' | 'events', { t }: ViewContext): Line {
  return [span(t(`sandbox.${pane}`), 'plain', true)]
}

function worldRows({ view }: SandboxSnapshot): number {
  return 2 + Math.max(view.nodes.length, partitionBars(view).length)
}

/** Brokers and partitions side by side. */
function worldBoxes(snapshot: SandboxSnapshot, target: Target | undefined, rows: number, context: ViewContext): Line[] {
  const left = Math.floor(context.columns * 0.36)
  const right = context.columns - left - 1
  const brokers = box(title('brokers', context), brokerLines(snapshot, target, left - 4, context), left, rows, context)
  const partitions = box(
    title('partitions', context),
    partitionLines(snapshot, target, right - 4, context),
    right,
    rows,
    context,
  )
  return brokers.map((line, row) => [...line, span(' '), ...(partitions[row] ?? EMPTY)])
}

function brokerLines(
  { view }: SandboxSnapshot,
  target: Target | undefined,
  columns: number,
  { t, glyphs }: ViewContext,
): Line[] {
  const stateColumns = Math.max(0, ...view.nodes.map((node) => width(t(`sandbox.broker.${node.state}`))))
  const lines = view.nodes.map((node): { line: Line; connections: Line } => {
    const tone: Tone = node.state === 'up' ? 'good' : 'bad'
    const chosen = target?.kind === 'broker' && target.node === node.id
    return {
      line: [
        span(chosen ? glyphs.pointer : ' ', 'accent', true),
        span(`${node.id}  `, 'plain', true),
        span(fit(t(`sandbox.broker.${node.state}`), stateColumns), tone),
        span(`  ${t('sandbox.leads', { count: node.leads })}`),
      ],
      connections: [span(`  ${t('sandbox.connections', { count: node.connections })}`, 'muted')],
    }
  })
  // Connections are shown where every broker's fit.
  const roomy = lines.every(({ line, connections }) => lineWidth([...line, ...connections]) <= columns)
  return lines.map(({ line, connections }) => (roomy ? [...line, ...connections] : line))
}

function partitionLines(
  { view }: SandboxSnapshot,
  target: Target | undefined,
  columns: number,
  { t, glyphs }: ViewContext,
): Line[] {
  const bars = partitionBars(view)
  const nameColumns = Math.max(0, ...bars.map((bar) => width(bar.name)))
  const longest = Math.max(0, ...bars.map((bar) => bar.end))
  // Where the words leave no room for the bars, L1 says "leader 1".
  const short = columns < 44
  const leaderOf = ({ leader }: { readonly leader: number }) =>
    short ? (leader < 0 ? 'L-' : `L${leader}`) : leader < 0 ? t('sandbox.leader.none') : t('sandbox.leader', { leader })
  const leaderColumns = Math.max(0, ...bars.map((bar) => width(leaderOf(bar))))
  return bars.map((bar): Line => {
    const leader = fit(leaderOf(bar), leaderColumns)
    const numbers = `HW ${String(bar.highWatermark).padStart(3)}  LEO ${String(bar.end).padStart(3)}`
    const cells = columns - nameColumns - width(leader) - width(numbers) - 7
    const { readable, pending } = barCells(bar, longest, Math.max(1, cells))
    const chosen = target?.kind === 'partition' && targetName(target) === bar.name
    return [
      span(chosen ? glyphs.pointer : ' ', 'accent', true),
      span(`${fit(bar.name, nameColumns)}  `, 'plain', true),
      span(`${leader}  `, bar.leader < 0 ? 'bad' : 'plain'),
      span(glyphs.bar.repeat(readable), 'accent'),
      span(glyphs.barRest.repeat(pending), 'warn'),
      span(' '.repeat(Math.max(0, cells - readable - pending))),
      span(`  ${numbers}`, 'muted'),
    ]
  })
}

function groupLines({ view }: SandboxSnapshot, columns: number, context: ViewContext): Line[] {
  const { t } = context
  const groups = groupModels(view)
  if (groups.length === 0) return [[span(t('sandbox.no-groups'), 'muted')]]
  return groups.flatMap((group) => [
    groupHead(group, context),
    ...group.members.map((member) => memberLine(member, group.members, columns, context)),
  ])
}

function groupHead(group: GroupModel, { t }: ViewContext): Line {
  return [
    span(group.id, 'plain', true),
    span('  '),
    span(
      t(`group.state.${group.state}`),
      group.state === 'Stable' ? 'good' : group.state === 'Empty' ? 'muted' : 'warn',
    ),
    span(`  ${t('sandbox.generation', { generation: group.generation })}`),
    span(group.reason === '' ? '' : `  ${t('sandbox.reason', { reason: reasonText(group.reason, t) })}`, 'muted'),
  ]
}

function memberLine(
  member: MemberModel,
  all: readonly MemberModel[],
  columns: number,
  { t, glyphs }: ViewContext,
): Line {
  const nameColumns = Math.max(...all.map(({ client }) => width(client)))
  const lag = (shown: MemberModel) =>
    shown.lag === null ? t('sandbox.lag.none') : t('sandbox.lag', { lag: shown.lag })
  const lagColumns = Math.max(...all.map((shown) => width(lag(shown))))
  const time = (ms: number) => t('unit.seconds', { seconds: seconds(ms) })
  const beatOf = (shown: MemberModel) =>
    shown.late
      ? t('sandbox.heartbeat.late', { age: time(shown.heartbeatAgeMs), timeout: time(shown.sessionTimeoutMs) })
      : t('sandbox.heartbeat', { age: time(shown.heartbeatAgeMs) })
  const beatColumns = Math.max(...all.map((shown) => width(beatOf(shown))))
  const partitions = member.partitions.length === 0 ? t('sandbox.idle') : member.partitions.join(' ')
  // The assignment matters more than the heartbeat: where both do not fit, the end of the line is cut.
  const longest = Math.max(...all.map((shown) => width(shown.partitions.join(' '))), width(t('sandbox.idle')))
  const room = Math.max(Math.min(longest, 18), columns - nameColumns - lagColumns - beatColumns - 8)
  return [
    span(`  ${fit(member.client, nameColumns)}  `, 'one', true),
    span(fit(partitions, room, glyphs.ellipsis), member.partitions.length === 0 ? 'muted' : 'plain'),
    span(`  ${fit(lag(member), lagColumns)}  `, member.lag ? 'warn' : 'plain'),
    span(beatOf(member), member.late ? 'bad' : 'muted'),
  ]
}

function eventBox(snapshot: SandboxSnapshot, scroll: number, rows: number, context: ViewContext): Line[] {
  const { t, columns } = context
  const room = rows - 2
  const { events, names, startedAt } = snapshot
  const end = Math.max(Math.min(room, events.length), events.length - scroll)
  const shown = events.slice(Math.max(0, end - room), end)
  const lines =
    shown.length === 0
      ? [[span(t('sandbox.no-events'), 'muted')]]
      : shown.map(
          (event): Line => [
            span(`${clock(event.time - startedAt).padStart(7)}  `, 'muted'),
            span(sentence(event, names, t)),
          ],
        )
  return box(title('events', context), lines, columns, rows, context)
}

function keys({ snapshot, pane, selected }: SandboxState, { t, glyphs }: ViewContext): KeyHint[] {
  const paused = snapshot?.paused ?? false
  const target = snapshot ? targetsOf(snapshot.view)[selected] : undefined
  // What a fault will hit is named, wherever the pointer is.
  const name = target === undefined ? '' : t(`sandbox.target.${target.kind}`, { name: targetName(target) })
  const faults = [
    ...(pane === 'all' || pane === 'partitions'
      ? [{ keys: `${glyphs.up} ${glyphs.down}`, does: t('key.choose') }]
      : []),
    { keys: 'x', does: t('key.crash', { target: name }) },
    { keys: 'b', does: t('key.restart') },
    { keys: 't', does: t('key.cut') },
    { keys: 'h', does: t('key.heal') },
  ]
  return [
    { keys: 'p', does: t('key.produce') },
    { keys: 'P', does: t('key.burst') },
    { keys: 'c', does: t('key.consumer') },
    { keys: 'k', does: t('key.kill') },
    { keys: 's', does: t('key.stop') },
    ...faults,
    { keys: 'Space', does: t(paused ? 'key.play' : 'key.pause') },
    ...(paused ? [{ keys: '.', does: t('key.step') }] : []),
    { keys: '+ -', does: t('key.speed') },
    { keys: '1-4', does: t('key.views') },
    { keys: 'r', does: t('key.reset') },
    { keys: '?', does: t('key.help') },
    { keys: 'q', does: t('key.leave') },
  ]
}
