/** The cluster view: who leads what, and how far each replica's log is, one cell a record. */
import {
  type PartitionModel,
  partitionModels,
  type ReplicaModel,
  stripCells,
  type Target,
  targetName,
  targetsOf,
} from '../models/cluster.ts'
import type { SandboxSnapshot } from '../sandbox/controller.ts'
import { fit, type Line, lineWidth, type Span, span, type Tone, width } from '../term/text.ts'
import type { ViewContext } from './context.ts'
import { heading, windowOf } from './frame.ts'

const ROLE_TONES: Readonly<Record<ReplicaModel['role'], Tone>> = {
  leader: 'accent',
  'in-sync': 'good',
  behind: 'warn',
  down: 'bad',
}

export function clusterLines(snapshot: SandboxSnapshot, selected: number, rows: number, context: ViewContext): Line[] {
  const { t } = context
  const { view } = snapshot
  const target = targetsOf(view)[selected]
  const partitions = partitionModels(view)
  const head = [
    heading(t('sandbox.brokers'), context),
    brokersLine(snapshot, target, context),
    linksLine(snapshot, context),
    heading(t('sandbox.partitions'), context, legend(context)),
  ]
  const blocks = partitions.map((model) => partitionLines(model, partitions, target, context))
  const at = blocks.findIndex((_, index) => isPartition(target, partitions[index]))
  // The selected partition is whole on the screen, the others as far as there is room.
  const before = blocks.slice(0, Math.max(at, 0)).flat().length
  const room = Math.max(0, rows - head.length)
  const scroll = at < 0 ? 0 : Math.max(0, before + (blocks[at]?.length ?? 0) - room)
  return [...head, ...windowOf(blocks.flat(), room, scroll)]
}

function isPartition(target: Target | undefined, model: PartitionModel | undefined): boolean {
  return target?.kind === 'partition' && model !== undefined && targetName(target) === model.name
}

function brokersLine(snapshot: SandboxSnapshot, target: Target | undefined, context: ViewContext): Line {
  const whole = brokerSpans(snapshot, target, context, true)
  return lineWidth(whole) <= context.columns ? whole : brokerSpans(snapshot, target, context, false)
}

function brokerSpans(
  { view }: SandboxSnapshot,
  target: Target | undefined,
  { t, glyphs }: ViewContext,
  withLeads: boolean,
): Line {
  return view.nodes.flatMap((node): Span[] => {
    const chosen = target?.kind === 'broker' && target.node === node.id
    return [
      span(chosen ? ` ${glyphs.pointer} ` : '   ', 'accent', true),
      span(`${node.id} `, 'plain', true),
      span(t(`sandbox.broker.${node.state}`), node.state === 'up' ? 'good' : 'bad'),
      ...(withLeads ? [span(`, ${t('sandbox.leads', { count: node.leads })}`, 'muted')] : []),
    ]
  })
}

function linksLine({ view: { inFlight, cuts } }: SandboxSnapshot, { t }: ViewContext): Line {
  const cut = cuts.map(([a, b]) => `${a}-${b}`).join(', ')
  return [
    span('   '),
    // What is broken stays on the screen where both do not fit.
    ...(cut === '' ? [] : [span(t('sandbox.cuts', { links: cut }), 'bad', true), span('  ')]),
    span(t('sandbox.in-flight', { ...inFlight }), 'muted'),
  ]
}

function legend({ t, glyphs }: ViewContext): Line {
  return [
    span(`${glyphs.full} ${t('sandbox.legend.committed')}  `, 'muted'),
    span(`${glyphs.half} ${t('sandbox.legend.written')}  `, 'muted'),
    span(`${glyphs.hollow} ${t('sandbox.legend.missing')}`, 'muted'),
  ]
}

function partitionLines(
  model: PartitionModel,
  all: readonly PartitionModel[],
  target: Target | undefined,
  context: ViewContext,
): Line[] {
  const { t, glyphs } = context
  const chosen = isPartition(target, model)
  const { name, leader, epoch, isr, stopAt, replicas } = model
  const names = Math.max(...all.map((other) => width(other.name)))
  return [
    [
      span(chosen ? ` ${glyphs.pointer} ` : '   ', 'accent', true),
      span(`${fit(name, names)}  `, 'plain', true),
      span(leader < 0 ? t('sandbox.leader.none') : t('sandbox.leader', { leader }), leader < 0 ? 'bad' : 'plain'),
      span(`  ${t('sandbox.epoch', { epoch })}  `, 'muted'),
      span(t('sandbox.isr', { isr: isr.join(', ') }), isr.length < replicas.length ? 'warn' : 'plain'),
      ...(stopAt === null ? [] : [span(`  LSO ${stopAt}`, 'warn', true)]),
    ],
    ...replicas.map((replica) => replicaLine(replica, replicas, context)),
  ]
}

function replicaLine(replica: ReplicaModel, all: readonly ReplicaModel[], { t, glyphs, columns }: ViewContext): Line {
  const roles = (['leader', 'in-sync', 'behind', 'down'] as const).map((role) => width(t(`sandbox.replica.${role}`)))
  const tone = ROLE_TONES[replica.role]
  const label = `     ${replica.node} `
  const role = fit(t(`sandbox.replica.${replica.role}`), Math.max(...roles))
  const numbers = `HW ${String(replica.highWatermark).padStart(4)}  LEO ${String(replica.end).padStart(4)}`
  const room = columns - width(label) - width(role) - width(numbers) - 6
  const { first, committed, written, missing, blank } = stripCells(replica, all, Math.max(1, room))
  return [
    span(label, 'plain', true),
    span(`${role} `, tone),
    // Where older records do not fit, the strip does not begin with an edge.
    span(first > 0 ? glyphs.ellipsis : glyphs.side, 'muted'),
    span(glyphs.full.repeat(committed), 'accent'),
    span(glyphs.half.repeat(written), 'warn'),
    span(glyphs.hollow.repeat(missing), 'muted'),
    span(' '.repeat(blank)),
    span(glyphs.side, 'muted'),
    span(`  ${numbers}`, 'muted'),
  ]
}
