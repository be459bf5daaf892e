/** The keys of the timers of groups: setting one that is armed moves it. */
import type { Group } from './group.ts'

/** The member has not been heard of for its session timeout. */
export function sessionKey(groupId: string, memberId: string): string {
  return `session/${groupId}/${memberId}`
}

export function joinKey(groupId: string): string {
  return `join/${groupId}`
}

export function syncKey(groupId: string): string {
  return `sync/${groupId}`
}

/** A member of a consumer group that is waited for. */
export function memberKey(what: 'rebalance' | 'join' | 'sync', groupId: string, memberId: string): string {
  return `member-${what}/${groupId}/${memberId}`
}

/** The keys of every timer a member of a consumer group may have (GroupMetadataManager.cancelTimers). */
export function memberTimerKeys(groupId: string, memberId: string): string[] {
  return [
    sessionKey(groupId, memberId),
    memberKey('rebalance', groupId, memberId),
    memberKey('join', groupId, memberId),
    memberKey('sync', groupId, memberId),
  ]
}

/** The keys of every timer a group may have. */
export function groupTimerKeys(group: Group): string[] {
  if (group.type === 'consumer') return [...group.members.keys()].flatMap((id) => memberTimerKeys(group.id, id))
  const sessions = [...group.members.keys(), ...group.pendingMembers].map((id) => sessionKey(group.id, id))
  return [joinKey(group.id), syncKey(group.id), ...sessions]
}
