/** The sandbox: brokers, partitions, groups and events, together or one at a time. */
import { sentence } from '../../course/sentences.ts'
import { type Target, targetName, targetsOf } from '../models/cluster.ts'
import { barCells, clock, partitionBars } from '../models/sandbox.ts'
import { chosenGroup, chosenMember, membersOf } from '../models/selection.ts'
import type { SandboxSnapshot } from '../sandbox/controller.ts'
import { PANES, type SandboxState } from '../state.ts'
import { EMPTY, fit, type Line, lineWidth, type Span, span, type Tone, width, wrap } from '../term/text.ts'
import { clusterLines } from './cluster.ts'
import type { ViewContext } from './context.ts'
import { box, type Page, windowOf } from './frame.ts'
import { groupTabs, groupViewLines } from './group.ts'
import { groupBoxLines } from './group-box.ts'
import { offsetsHead, offsetsLines, shownOffsets } from './offsets.ts'
import { sandboxKeys } from './sandbox-keys.ts'
import { transactionLines } from './transactions.ts'

export function sandboxPage(sandbox: SandboxState, context: ViewContext): Page {
  const { t } = context
  const { snapshot } = sandbox
  const status = snapshot ? statusLine(snapshot, 2, context) : []
  const name = span(t('home.sandbox'), 'plain', true)
  const roomy: Line = [name, ...paneTabs(sandbox, 2, context)]
  const close = snapshot ? statusLine(snapshot, 1, context) : []
  const fits = (title: Line, beside: Line) => 1 + lineWidth(title) + 2 + lineWidth(beside) + 1 <= context.columns
  // A little closer together rather than on a second line, then without the name.
  const tight = [[name, ...paneTabs(sandbox, 1, context)], paneTabs(sandbox, 1, context)]
  const isRoomy = fits(roomy, status)
  const title = isRoomy ? roomy : (tight.find((line) => fits(line, close)) ?? tight.at(-1) ?? roomy)
  return {
    title,
    ...(snapshot ? { status: isRoomy ? status : close } : {}),
    body: (rows) =>
      snapshot ? panes(sandbox, snapshot, rows, context) : [EMPTY, [span(` ${t('app.loading')}`, 'muted')]],
    below: (rows) => (snapshot ? linesBelow(sandbox, snapshot, rows, context) : 0),
    keys: sandboxKeys(sandbox, context),
  }
}

/** The brackets of the chosen view stand in the blanks between two. */
function paneTabs(sandbox: SandboxState, gap: 1 | 2, { t }: ViewContext): Line {
  const at = PANES.indexOf(sandbox.pane)
  return [
    span(gap === 2 ? '  ' : ' '),
    ...PANES.flatMap((pane, index): Span[] => {
      const text = `${index + 1} ${t(`sandbox.${pane}`)}`
      const edge = (here: boolean, bracket: string) => span(here ? bracket : ' ', 'accent', true)
      return [
        ...(gap === 2 || index === 0 ? [edge(at === index, '[')] : []),
        span(text, at === index ? 'accent' : 'muted', at === index),
        gap === 2 || index === PANES.length - 1 || at !== index + 1 ? edge(at === index, ']') : edge(true, '['),
      ]
    }),
  ]
}

function statusLine({ elapsedMs, speed, paused }: SandboxSnapshot, gap: 1 | 2, { t }: ViewContext): Line {
  const blank = ' '.repeat(gap)
  return [
    span(`${clock(elapsedMs)}${blank}x${speed}${blank}`, 'muted'),
    span(t(paused ? 'sandbox.paused' : 'sandbox.running'), paused ? 'warn' : 'good', true),
  ]
}

function panes(sandbox: SandboxState, snapshot: SandboxSnapshot, rows: number, context: ViewContext): Line[] {
  const { columns } = context
  const notice = noticeLines(snapshot, context)
  const room = rows - notice.length
  switch (sandbox.pane) {
    case 'partitions':
      return [...padded(clusterLines(snapshot, sandbox.selected, room, context), room), ...notice]
    case 'groups':
      return [...padded(windowOf(groupPane(sandbox, snapshot, room, context), room, sandbox.scroll), room), ...notice]
    case 'offsets':
      return [...padded(offsetsPane(sandbox, snapshot, room, context), room), ...notice]
    case 'transactions':
      return [...padded(windowOf(transactionLines(snapshot, context), room, sandbox.scroll), room), ...notice]
    case 'events':
      return [...eventBox(snapshot, sandbox.scroll, room, context), ...notice]
    case 'all': {
      const target = targetsOf(snapshot.view)[sandbox.selected]
      const brokers = worldBoxes(snapshot, target, worldRows(snapshot), context)
      const groups = groupBoxLines(snapshot, columns - 4, context)
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

function noticeLines({ notice }: SandboxSnapshot, { t, columns }: ViewContext): Line[] {
  if (!notice) return []
  const text = span(t(notice.id, notice.params), notice.done ? 'good' : 'warn')
  return wrap([text], columns - 2).map((line) => [span(' '), ...line])
}

function groupPane(sandbox: SandboxState, snapshot: SandboxSnapshot, room: number, context: ViewContext): Line[] {
  const group = chosenGroup(snapshot, sandbox)
  const member = chosenMember(snapshot, sandbox)
  const at = member === null ? null : membersOf(snapshot, sandbox).findIndex(({ id }) => id === member.id)
  const tabs = [groupTabs(snapshot, group, context)]
  const lines = (generations: number) => [
    ...tabs,
    ...groupViewLines(snapshot, { group, member: at, generations, bars: true }, context),
  ]
  // The past takes what room is left, and is never less than two generations.
  const least = lines(2)
  return lines(2 + Math.min(6, Math.max(0, room - least.length)))
}

function offsetsPane(sandbox: SandboxState, snapshot: SandboxSnapshot, room: number, context: ViewContext): Line[] {
  const { group, head, rows } = offsetsParts(sandbox, snapshot, room, context)
  return [...head, ...offsetsLines(snapshot, { group, rows, scroll: sandbox.scroll }, context)]
}

/** The records have what room the head leaves, less the line of their headings. */
function offsetsParts(sandbox: SandboxState, snapshot: SandboxSnapshot, room: number, context: ViewContext) {
  const group = sandbox.allOffsets ? null : chosenGroup(snapshot, sandbox)
  const head = [groupTabs(snapshot, group, context, true), ...offsetsHead(snapshot, group, context)]
  return { group, head, rows: Math.max(1, room - head.length - 1) }
}

/** Of the views that are scrolled down. */
function linesBelow(sandbox: SandboxState, snapshot: SandboxSnapshot, rows: number, context: ViewContext): number {
  const room = rows - noticeLines(snapshot, context).length
  const lines =
    sandbox.pane === 'groups'
      ? groupPane(sandbox, snapshot, room, context)
      : sandbox.pane === 'transactions'
        ? transactionLines(snapshot, context)
        : []
  return Math.max(0, lines.length - room - sandbox.scroll)
}

/** How far the view in front can be scrolled. */
export function sandboxMaxScroll(sandbox: SandboxState, rows: number, context: ViewContext): number {
  const { snapshot, pane } = sandbox
  if (!snapshot) return 0
  const room = rows - noticeLines(snapshot, context).length
  switch (pane) {
    case 'groups':
      return Math.max(0, groupPane(sandbox, snapshot, room, context).length - room)
    case 'offsets': {
      const { group, rows: shown } = offsetsParts(sandbox, snapshot, room, context)
      return Math.max(0, shownOffsets(snapshot, group).length - shown)
    }
    case 'transactions':
      return Math.max(0, transactionLines(snapshot, context).length - room)
    case 'events':
      return Math.max(0, snapshot.events.length - (room - 2))
    default:
      return 0
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
