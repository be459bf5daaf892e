/** The timers of groups: their keys, and what happens when they are due. */
import type { Context, Decision } from '../decision.ts'
import type { BrokerState, CoordinatorShard } from '../state.ts'
import { copyClassicGroup } from './classic/group.ts'
import { completeJoin, finish, initialDelayOver, sessionTimeout, syncTimeout } from './classic/rebalance.ts'
import { memberTimeout } from './consumer/fence.ts'
import type { Group } from './group.ts'
import { joinKey, memberKey, sessionKey, syncKey } from './timer-keys.ts'

export type GroupTimer =
  | { readonly type: 'session'; readonly groupId: string; readonly memberId: string; readonly connection: number }
  // of classic groups
  | { readonly type: 'join'; readonly groupId: string }
  | { readonly type: 'initial-join'; readonly groupId: string; readonly delayMs: number; readonly remainingMs: number }
  | { readonly type: 'sync'; readonly groupId: string; readonly generation: number }
  // of members of consumer groups
  /** It has not given up partitions in time; counts only while it is in this epoch. */
  | { readonly type: 'member-rebalance'; readonly groupId: string; readonly memberId: string; readonly epoch: number }
  /** A classic member did not join again, or not ask for its assignment, in time. */
  | { readonly type: 'member-join' | 'member-sync'; readonly groupId: string; readonly memberId: string }

/** What a timer decides and cannot be written is decided again after this long (CoordinatorTimerImpl). */
export const TIMER_RETRY_MS = 500

/** The key it was armed with. */
export function groupTimerKey(timer: GroupTimer): string {
  switch (timer.type) {
    case 'session':
      return sessionKey(timer.groupId, timer.memberId)
    case 'join':
    case 'initial-join':
      return joinKey(timer.groupId)
    case 'sync':
      return syncKey(timer.groupId)
    case 'member-rebalance':
      return memberKey('rebalance', timer.groupId, timer.memberId)
    default:
      return memberKey(timer.type === 'member-join' ? 'join' : 'sync', timer.groupId, timer.memberId)
  }
}

export function stepGroupTimer(state: BrokerState, timer: GroupTimer, ctx: Context, out: Decision): void {
  const found = findGroup(state, timer.groupId)
  if (found === null) return
  const { group, shard } = found
  if (group.type === 'consumer') {
    if ('memberId' in timer) memberTimeout({ state, shard, group, ctx, out, records: [] }, timer)
    return
  }
  const turn = { group: copyClassicGroup(group), partition: shard.partition, out, ctx, config: state.config }
  switch (timer.type) {
    case 'session':
      sessionTimeout(turn, timer.memberId)
      break
    case 'join':
      completeJoin(turn)
      break
    case 'initial-join':
      initialDelayOver(turn, timer.delayMs, timer.remainingMs)
      break
    case 'sync':
      syncTimeout(turn, timer.generation)
      break
    default:
      return
  }
  finish(turn)
}

function findGroup(state: BrokerState, id: string): { group: Group; shard: CoordinatorShard } | null {
  for (const shard of state.shards.values()) {
    const group = shard.groups.get(id)
    if (group !== undefined) return { group, shard }
  }
  return null
}
