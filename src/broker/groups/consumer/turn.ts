/**
 * What a coordinator works with while it decides about a consumer group. The group is only read: records say what is to become of it,
 * and their replay is what changes it.
 */
import { type BrokerConfig, intConfig } from '../../config.ts'
import type { Context, Decision } from '../../decision.ts'
import type { MetadataImage } from '../../metadata.ts'
import type { AfterCommit, BrokerState, CoordinatorShard } from '../../state.ts'
import type { CoordinatorRecord } from '../records.ts'
import { memberKey, sessionKey } from '../timer-keys.ts'
import type { ConsumerGroup, ConsumerMember } from './group.ts'

export interface ConsumerTurn {
  readonly state: BrokerState
  readonly shard: CoordinatorShard
  /** As it is; a group that is about to be made is not in the shard yet. */
  readonly group: ConsumerGroup
  readonly ctx: Context
  readonly out: Decision
  /** What is to be written, in order. */
  readonly records: CoordinatorRecord[]
}

/** Why a request is refused. */
export interface Refusal {
  readonly errorCode: number
  readonly message: string
}

export function refusal(errorCode: number, message: string): Refusal {
  return { errorCode, message }
}

/** Writes what was gathered. Without records the answer still waits for those written before it (CoordinatorRuntime). */
export function write({ shard, out, records }: ConsumerTurn, after: AfterCommit): void {
  out.changes.push({ op: 'coordinator-append', partition: shard.partition, records, after })
}

/** Notes that the coordinator heard of a member, and gives it a new session. */
export function heard(turn: ConsumerTurn, member: ConsumerMember, connection: number): void {
  const { group, shard, out, ctx, state } = turn
  const soft = { connection, lastHeartbeat: ctx.now }
  out.changes.push({ op: 'member-soft', partition: shard.partition, group: group.id, member: member.id, soft })
  out.timers.push({
    key: sessionKey(group.id, member.id),
    at: ctx.now + sessionTimeoutMs(member, state.config),
    timer: { type: 'session', groupId: group.id, memberId: member.id, connection },
  })
}

/** The member has this long to give up partitions, to join again or to ask for its assignment; null ends the wait. */
export function expectOf(
  { group, out, ctx }: ConsumerTurn,
  member: ConsumerMember,
  what: 'rebalance' | 'join' | 'sync',
  ms: number | null,
): void {
  const key = memberKey(what, group.id, member.id)
  const ids = { groupId: group.id, memberId: member.id }
  if (ms === null) out.timers.push({ key, at: null })
  else if (what === 'rebalance')
    out.timers.push({ key, at: ctx.now + ms, timer: { type: 'member-rebalance', ...ids, epoch: member.epoch } })
  else out.timers.push({ key, at: ctx.now + ms, timer: { type: `member-${what}`, ...ids } })
}

/** How long the group waits to hear of a member: of a classic one as long as it asked for. */
export function sessionTimeoutMs(member: ConsumerMember, config: BrokerConfig): number {
  return member.classic?.sessionTimeoutMs ?? intConfig(config, 'group.consumer.session.timeout.ms')
}

export function topicName(image: MetadataImage): (topicId: string) => string | undefined {
  return (topicId) => image.topicNames.get(topicId)
}
