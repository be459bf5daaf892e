/** The groups in short, as they stand among brokers and events. */
import { reasonText } from '../../course/sentences.ts'
import { type GroupModel, groupModels, type MemberModel, seconds } from '../models/sandbox.ts'
import type { SandboxSnapshot } from '../sandbox/controller.ts'
import { fit, type Line, span, width } from '../term/text.ts'
import type { ViewContext } from './context.ts'
import { stateTone } from './group.ts'

export function groupBoxLines({ view }: SandboxSnapshot, columns: number, context: ViewContext): Line[] {
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
    span(t(`group.state.${group.state}`), stateTone(group.state)),
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
