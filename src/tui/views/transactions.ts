/** The transactions view: whose are open, and how far each log can be read because of them. */
import {
  type LogCell,
  type PartitionLogRow,
  partitionLogRows,
  type TransactionRow,
  transactionRows,
} from '../models/transactions.ts'
import type { SandboxSnapshot } from '../sandbox/controller.ts'
import { fit, type Line, type Span, span, type Tone, width, wrap } from '../term/text.ts'
import type { ViewContext } from './context.ts'
import { heading, indent } from './frame.ts'
import { type Column, tableLines } from './table.ts'

const STATE_TONES: Readonly<Record<TransactionRow['state'], Tone>> = {
  Empty: 'muted',
  Ongoing: 'warn',
  PrepareCommit: 'accent',
  PrepareAbort: 'accent',
  CompleteCommit: 'good',
  CompleteAbort: 'bad',
  Dead: 'muted',
  PrepareEpochFence: 'accent',
}

export function transactionLines(snapshot: SandboxSnapshot, context: ViewContext): Line[] {
  const { t } = context
  const rows = transactionRows(snapshot.view)
  return [
    heading(t('txns.transactions', { count: rows.length }), context),
    ...(rows.length === 0
      ? sentence(t(hasLog(snapshot) ? 'txns.no-coordinator' : 'txns.none'), context)
      : tableOf(rows, context)),
    heading(t('txns.logs'), context, legend(context)),
    ...logLines(snapshot, context),
  ]
}

/** It is made with the first transaction: who knows of none then is away, or loads. */
function hasLog({ view }: SandboxSnapshot): boolean {
  return view.topics.some(({ name }) => name === '__transaction_state')
}

function sentence(text: string, { columns }: ViewContext): Line[] {
  return indent(wrap([span(text, 'muted')], columns - 4), 3)
}

function tableOf(rows: readonly TransactionRow[], context: ViewContext): Line[] {
  const { t, columns, glyphs } = context
  const column = (head: string, cellOf: (row: TransactionRow) => Span, rest: Partial<Column> = {}): Column => ({
    head,
    cells: rows.map((row) => [cellOf(row)]),
    ...rest,
  })
  const table = tableLines(
    [
      column(t('txns.id'), ({ id }) => span(id, 'plain', true), { least: 10 }),
      column(t('txns.producer'), ({ producerId }) => span(String(producerId)), { right: true }),
      column(t('txns.epoch'), ({ epoch }) => span(String(epoch)), { right: true }),
      column(t('txns.state'), ({ state }) => span(t(`txns.state.${state}`), STATE_TONES[state], true)),
      column(t('txns.open-for'), (row) => span(openText(row, context)), { right: true }),
      column(t('txns.partitions'), ({ partitions }) => span(partitions.join(' ') || '-'), { least: 10 }),
      column(t('txns.coordinator'), ({ coordinator }) => span(String(coordinator)), { right: true, drop: 1 }),
    ],
    columns - 4,
    glyphs.ellipsis,
  )
  return indent(table, 3)
}

function openText({ openForMs, timeoutMs }: TransactionRow, { t }: ViewContext): string {
  if (openForMs === null) return '-'
  return t('txns.open-for.of', { age: Math.floor(openForMs / 1000), timeout: timeoutMs / 1000 })
}

function legend(context: ViewContext): Line {
  const { t } = context
  const entries = [
    ['record', t('txns.legend.record')],
    ['open', t('txns.legend.open')],
    ['aborted', t('txns.legend.aborted')],
    ['commit-marker', t('txns.legend.commit-marker')],
    ['abort-marker', t('txns.legend.abort-marker')],
  ] as const
  return entries.map(([cell, text], index) =>
    span(`${index === 0 ? '' : '  '}${glyphOf(cell, context)} ${text}`, 'muted'),
  )
}

/** Letters for markers: they are told apart without colour, and by who has it read aloud. */
function glyphOf(cell: LogCell, { glyphs }: ViewContext): string {
  switch (cell) {
    case 'record':
      return glyphs.full
    case 'open':
      return glyphs.half
    case 'aborted':
      return glyphs.hollow
    case 'commit-marker':
      return 'C'
    case 'abort-marker':
      return 'A'
    case 'gap':
      return ' '
  }
}

const CELL_TONES: Readonly<Record<LogCell, Tone>> = {
  record: 'accent',
  open: 'warn',
  aborted: 'muted',
  'commit-marker': 'good',
  'abort-marker': 'bad',
  gap: 'plain',
}

function logLines({ view, logs }: SandboxSnapshot, context: ViewContext): Line[] {
  const all = partitionLogRows(view, logs, Number.POSITIVE_INFINITY)
  const names = Math.max(0, ...all.map(({ name }) => width(name)))
  const digits = Math.max(3, ...all.map(({ logEndOffset }) => String(logEndOffset).length))
  const numbers = 'LSO  HW  LEO '.length + 3 * digits + 2
  // One cell goes to the last stable offset, three to the edges.
  const cells = Math.max(4, context.columns - names - numbers - 11)
  return partitionLogRows(view, logs, cells).flatMap((row) => [
    stripLine(row, { names, digits, cells }, context),
    ...waitLine(row, names, context),
  ])
}

function stripLine(
  { name, first, cells, open, lastStableOffset: lso, highWatermark: hw, logEndOffset: leo }: PartitionLogRow,
  room: { readonly names: number; readonly digits: number; readonly cells: number },
  context: ViewContext,
): Line {
  const { glyphs } = context
  const number = (value: number) => String(value).padStart(room.digits)
  const at = Math.max(0, lso - first)
  const spans = cells.map((cell) => span(glyphOf(cell, context), CELL_TONES[cell]))
  const isBehind = open !== null
  return [
    span(`   ${fit(name, room.names)}  `, 'plain', true),
    span(first > 0 ? glyphs.ellipsis : glyphs.side, 'muted'),
    ...merged(spans.slice(0, at)),
    // Where readers stop, as the line below says; without a transaction it would say nothing.
    span(isBehind ? glyphs.stop : '', 'warn', true),
    ...merged(spans.slice(at)),
    span(' '.repeat(Math.max(0, room.cells - cells.length + (isBehind ? 0 : 1)))),
    span(glyphs.side, 'muted'),
    span(`  LSO ${number(lso)}`, isBehind ? 'warn' : 'muted', isBehind),
    span(`  HW ${number(hw)}  LEO ${number(leo)}`, 'muted'),
  ]
}

/** Equal neighbours as one piece. */
function merged(spans: readonly Span[]): Span[] {
  const out: Span[] = []
  for (const part of spans) {
    const last = out.at(-1)
    if (last !== undefined && last.tone === part.tone) out[out.length - 1] = { ...last, text: last.text + part.text }
    else out.push(part)
  }
  return out
}

function waitLine(
  { open, lastStableOffset: offset }: PartitionLogRow,
  names: number,
  { t, glyphs, columns }: ViewContext,
): Line[] {
  if (open === null) return []
  const { transactionalId, producerId, openForMs, ended, hangs } = open
  const whose = transactionalId ?? t('txns.producer-id', { id: producerId })
  const seconds = Math.floor(openForMs / 1000)
  const id = ended ? 'txns.waits.ended' : hangs ? 'txns.waits.hangs' : 'txns.waits'
  const text = t(id, { mark: glyphs.stop, whose, offset, seconds })
  return indent(wrap([span(text, 'warn')], columns - names - 7), names + 6)
}
