/** One sentence an event, in the learner's language: what the event list shows and the plain text prints. */
import type { TraceEvent } from '../index.ts'
import type { MessageId, Translate } from './i18n/catalog.ts'

/** @param names clients by member id, from `memberNames` */
export function sentence(event: TraceEvent, names: ReadonlyMap<string, string>, t: Translate): string {
  switch (event.type) {
    case 'connect':
      return t('event.connect', { client: event.client, node: event.node })
    case 'disconnect':
      return t('event.disconnect', { client: event.client, node: event.node })
    case 'request':
      return t('event.request', { client: event.client, node: event.node, api: event.api })
    case 'response':
      return t('event.response', { client: event.client, node: event.node, api: event.api, error: event.errorCode })
    case 'append':
      return t(event.count === 1 ? 'event.append.one' : 'event.append.many', {
        client: event.client,
        where: partitionName(event),
        first: event.baseOffset,
        last: event.baseOffset + event.count - 1,
      })
    case 'duplicate':
      return t('event.duplicate', { client: event.client, where: partitionName(event), offset: event.baseOffset })
    case 'sequence.refused':
      return t(event.expected < 0 ? 'event.sequence.refused.unknown' : 'event.sequence.refused', {
        node: event.node,
        client: event.client,
        where: partitionName(event),
        sequence: event.producer.sequence,
        epoch: event.producer.epoch,
        expected: event.expected,
      })
    case 'marker':
      return t(event.outcome === 'commit' ? 'event.marker.commit' : 'event.marker.abort', {
        producer: event.producerId,
        where: partitionName(event),
        offset: event.offset,
      })
    case 'marker.refused':
      return t(event.outcome === 'commit' ? 'event.marker.refused.commit' : 'event.marker.refused.abort', {
        node: event.node,
        producer: event.producerId,
        epoch: event.producerEpoch,
        where: partitionName(event),
        error: event.errorCode,
      })
    case 'high-watermark':
      return t('event.high-watermark', { where: partitionName(event), offset: event.offset })
    case 'log-start':
      return t('event.log-start', { node: event.node, where: partitionName(event), offset: event.offset })
    case 'compacted':
      return t('event.compacted', {
        node: event.node,
        where: partitionName(event),
        upTo: event.upTo,
        removed: event.removed,
      })
    case 'topic.created':
      return t('event.topic.created', { topic: event.topic, partitions: event.partitions })
    case 'topic.deleted':
      return t('event.topic.deleted', { topic: event.topic })
    case 'leader':
      return event.leader < 0
        ? t('event.leader.none', { where: partitionName(event) })
        : t(event.unclean ? 'event.leader.unclean' : 'event.leader', {
            where: partitionName(event),
            leader: event.leader,
          })
    case 'replicas':
      return event.adding.length === 0 && event.removing.length === 0
        ? t('event.replicas', { where: partitionName(event), replicas: event.replicas.join(', ') })
        : t('event.replicas.moving', {
            where: partitionName(event),
            replicas: event.replicas.filter((id) => !event.removing.includes(id)).join(', '),
          })
    case 'replicated':
      return t('event.replicated', {
        node: event.node,
        where: partitionName(event),
        end: event.baseOffset + event.count,
      })
    case 'truncated':
      return t('event.truncated', { node: event.node, where: partitionName(event), from: event.from, to: event.to })
    case 'unflushed-lost':
      return t('event.unflushed-lost', {
        node: event.node,
        where: partitionName(event),
        from: event.from,
        to: event.to,
      })
    case 'isr':
      return t('event.isr', { where: partitionName(event), isr: event.isr.join(', ') })
    case 'group.state':
      return t('event.group.state', { group: event.group, to: event.to, generation: event.generation })
    case 'transaction':
      return t(`event.transaction.${event.to}` as 'event.transaction.Ongoing', { id: event.transactionalId })
    case 'transaction.timeout':
      return t('event.transaction.timeout', { id: event.transactionalId, seconds: event.afterMs / 1000 })
    case 'verification.asked':
      return t(event.adds ? 'event.verification.adds' : 'event.verification.asked', {
        node: event.node,
        coordinator: event.coordinator,
        id: event.transactionalId,
        partitions: event.partitions.join(', '),
      })
    case 'verification.refused':
      return t(event.final ? 'event.verification.refused' : 'event.verification.unknown', {
        node: event.node,
        id: event.transactionalId,
        where: event.name,
        error: event.errorCode,
      })
    case 'transaction.over':
      return t('event.transaction.over', { node: event.node, client: event.client, where: partitionName(event) })
    case 'group.target':
      return t('event.group.target', { group: event.group, epoch: event.epoch })
    case 'group.join':
      return t('event.group.join', { client: event.client, group: event.group })
    case 'group.leave':
      return t('event.group.leave', {
        client: clientOf(event.member, names),
        group: event.group,
        reason: reasonText(event.reason, t),
      })
    case 'group.assignment':
      return event.partitions.length === 0
        ? t('event.group.assignment.none', { client: clientOf(event.member, names), group: event.group })
        : t('event.group.assignment', {
            client: clientOf(event.member, names),
            group: event.group,
            partitions: event.partitions.join(', '),
          })
    case 'offset.expired':
      return t('event.offset.expired', { group: event.group, where: partitionName(event), offset: event.offset })
    case 'offset.pending':
      return t('event.offset.pending', { group: event.group, where: partitionName(event), offset: event.offset })
    case 'offset.dropped':
      return t('event.offset.dropped', { group: event.group, where: partitionName(event), offset: event.offset })
    case 'offset.commit':
      return t('event.offset.commit', { group: event.group, where: partitionName(event), offset: event.offset })
    case 'handler.start':
      return t('event.handler.start', { client: event.client, where: partitionName(event), records: offsets(event) })
    case 'handler.done':
      return t('event.handler.done', { client: event.client, where: partitionName(event), records: offsets(event) })
    case 'handler.error':
      return t('event.handler.error', {
        client: event.client,
        where: partitionName(event),
        records: offsets(event),
        error: event.error ?? '',
      })
    case 'consumer.crash':
      return t('event.consumer.crash', { client: event.client, error: event.error })
    case 'process':
      return t(`event.process.${event.change}`, { name: event.name })
    case 'node':
      return t(`event.node.${event.change}`, { node: event.node })
    case 'controller':
      return t(`event.controller.${event.change}`, {})
    case 'link':
      return t(`event.link.${event.change}`, { from: endName(event.from, t), to: endName(event.to, t) })
    case 'law.broken':
      return t('event.law.broken', { law: event.law, sentence: event.sentence })
    case 'mark':
      return event.text
  }
}

function endName(end: number | 'controller' | 'clients', t: Translate): string {
  return typeof end === 'number' ? t('link.broker', { node: end }) : t(`link.${end}`, {})
}

export function partitionName({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}-${partition}`
}

/** Which client joined with which member id. */
export function memberNames(events: Iterable<TraceEvent>): Map<string, string> {
  const names = new Map<string, string>()
  for (const event of events) if (event.type === 'group.join') names.set(event.member, event.client)
  return names
}

/** The client behind a member id; without one the id less its random tail. */
function clientOf(member: string, names: ReadonlyMap<string, string>): string {
  return names.get(member) ?? withoutMemberTails(member)
}

/** The coordinator's reasons, which are in English, and the messages that say the same. */
const REASONS: readonly (readonly [RegExp, MessageId])[] = [
  [/^member (?<member>\S+) joined$/, 'reason.joined'],
  [/^(?:member|leader) (?<member>\S+) joins again$/, 'reason.rejoined'],
  [/^static member (?<member>\S+) with instance id \S+ joined /, 'reason.rejoined'],
  [/^member (?<member>\S+) changed its metadata$/, 'reason.changed'],
  [/^member (?<member>\S+) was not heard from for its session timeout of (?<ms>\d+) ms$/, 'reason.silent'],
  [/^member (?<member>\S+) subscribes to other topics$/, 'reason.changed'],
  [/^topics it subscribes to have changed$/, 'reason.topics'],
  [
    /^member (?<member>\S+) did not give up its partitions within its rebalance timeout of (?<ms>\d+) ms$/,
    'reason.kept',
  ],
  [/^member (?<member>\S+) did not ask for its assignment within the rebalance timeout$/, 'reason.not-synced'],
  [/^its last member of the consumer protocol is gone$/, 'reason.classic'],
  [/^it left the group$/, 'reason.goodbye'],
  [/^(?<member>.+) left the group$/, 'reason.left'],
  [/^member (?<member>\S+) did not rejoin within the rebalance timeout$/, 'reason.late'],
  [/^Removing (?<member>.+) on pending sync request expiration$/, 'reason.not-synced'],
  [/^the assignment could not be stored in time$/, 'reason.not-stored'],
]

/** Why a group did something, in the learner's language; a reason nobody has put into words stays as it is. */
export function reasonText(reason: string, t: Translate): string {
  const text = withoutMemberTails(reason)
  for (const [pattern, id] of REASONS) {
    const found = pattern.exec(text)
    if (found === null) continue
    const { member = '', ms = '0' } = found.groups ?? {}
    return t(id, { member, seconds: Number(ms) / 1000 })
  }
  return text
}

/** A text with member ids shortened to the clients they begin with. */
export function withoutMemberTails(text: string): string {
  return text.replace(/-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '')
}

function offsets({ firstOffset, lastOffset }: { readonly firstOffset: number; readonly lastOffset: number }): string {
  return firstOffset === lastOffset ? String(firstOffset) : `${firstOffset}–${lastOffset}`
}
