/** Members of consumer groups that go: by their own word, or because they were waited for too long (consumerGroupFenceMember). */
import type { GroupLeaveCause } from '../../../kernel/trace-event.ts'
import type { AfterCommit } from '../../state.ts'
import { memberTimerKeys } from '../timer-keys.ts'
import type { GroupTimer } from '../timers.ts'
import { tellLeave } from './advance.ts'
import { downgrade, mayDowngrade } from './downgrade.ts'
import type { ConsumerMember } from './group.ts'
import { memberTombstones } from './records.ts'
import { sameTopics, subscribedTopics } from './subscription.ts'
import { type ConsumerTurn, sessionTimeoutMs, write } from './turn.ts'

/** One member goes; the others learn of it with their next heartbeats. */
export function fenceMember(
  turn: ConsumerTurn,
  member: ConsumerMember,
  cause: GroupLeaveCause,
  why: string,
  after: AfterCommit = { type: 'nothing' },
): void {
  if (mayDowngrade(turn, member.id)) {
    forget(turn, member, cause, why)
    downgrade(turn, member.id, null, after)
    return
  }
  removeMembers(turn, [{ member, cause, why }])
  write(turn, after)
}

/** Takes members out of the group: their records, and a new group epoch for the others. */
export function removeMembers(
  turn: ConsumerTurn,
  gone: readonly { readonly member: ConsumerMember; readonly cause: GroupLeaveCause; readonly why: string }[],
): void {
  const { group, records, state } = turn
  for (const { member, cause, why } of gone) {
    forget(turn, member, cause, why)
    records.push(...memberTombstones(group.id, member.id))
  }
  const ids = new Set(gone.map(({ member }) => member.id))
  const topics = subscribedTopics(
    [...group.members.values()].filter(({ id }) => !ids.has(id)),
    state.image,
  )
  if (!sameTopics(topics, group.topics)) records.push({ type: 'consumer-group-topics', group: group.id, value: topics })
  const left = gone.filter(({ cause }) => cause === 'left').map(({ member }) => member.id)
  const reason = left.length > 0 ? `${left.join(', ')} left the group` : (gone[0]?.why ?? '')
  records.push({ type: 'consumer-group', group: group.id, value: { epoch: group.groupEpoch + 1, reason } })
}

function forget(turn: ConsumerTurn, { id }: ConsumerMember, cause: GroupLeaveCause, why: string): void {
  for (const key of memberTimerKeys(turn.group.id, id)) turn.out.timers.push({ key, at: null })
  tellLeave(turn, id, cause, why)
}

/** The wait for a member is over (scheduleConsumerGroupSessionTimeout, …RebalanceTimeout, …JoinTimeout, …SyncTimeout). */
export function memberTimeout(turn: ConsumerTurn, timer: Extract<GroupTimer, { readonly memberId: string }>): void {
  const member = turn.group.members.get(timer.memberId)
  if (member === undefined) return
  switch (timer.type) {
    case 'session': {
      const ms = sessionTimeoutMs(member, turn.state.config)
      fenceMember(turn, member, 'expired', `member ${member.id} was not heard from for its session timeout of ${ms} ms`)
      return
    }
    case 'member-rebalance':
      if (member.epoch !== timer.epoch) return
      fenceMember(
        turn,
        member,
        'not-revoked',
        `member ${member.id} did not give up its partitions within its rebalance timeout of ${member.rebalanceTimeoutMs} ms`,
      )
      return
    case 'member-join':
      fenceMember(turn, member, 'not-rejoined', `member ${member.id} did not rejoin within the rebalance timeout`)
      return
    case 'member-sync':
      fenceMember(
        turn,
        member,
        'not-synced',
        `member ${member.id} did not ask for its assignment within the rebalance timeout`,
      )
  }
}
