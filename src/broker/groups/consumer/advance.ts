/**
 * What a member's request leads to, whichever protocol it speaks (GroupMetadataManager.consumerGroupHeartbeat and
 * classicGroupJoinToConsumerGroup, their steps 1 to 3): the member as it is now, a new group epoch where subscriptions or topics
 * changed, a new target assignment for it, and one step of the member towards that.
 */
import type { GroupLeaveCause } from '../../../kernel/trace-event.ts'
import { sameProtocols } from '../classic/group.ts'
import {
  type Assignment,
  type ClassicMember,
  type ConsumerMember,
  NOTHING,
  ownedPartitions,
  sameAssignment,
} from './group.ts'
import { reconcile } from './reconcile.ts'
import { currentAssignmentRecord, memberRecord, memberTombstones } from './records.ts'
import { sameTopics, subscribedTopics } from './subscription.ts'
import { updateTarget } from './target.ts'
import { type ConsumerTurn, expectOf } from './turn.ts'

export interface Advance {
  /** As the group knows it, or as a new one. */
  readonly member: ConsumerMember
  /** With what the request says of it. */
  readonly updated: ConsumerMember
  /** The member it replaces, as a static member that came back. */
  readonly formerId: string | null
  /** What it says it owns; null = it did not say. */
  readonly reported: Assignment | null
}

/** The member after the step; `turn.records` says what is to be written. */
export function advance(turn: ConsumerTurn, { member, updated, formerId, reported }: Advance): ConsumerMember {
  const { group, records, state } = turn
  const isNew = formerId === null && !group.members.has(updated.id)
  if (!sameMetadata(member, updated)) records.push(memberRecord(group.id, updated))

  const members = membersWith(turn, updated, formerId)
  const topics = subscribedTopics(members, state.image)
  const topicsChanged = !sameTopics(topics, group.topics)
  if (topicsChanged) records.push({ type: 'consumer-group-topics', group: group.id, value: topics })
  let { groupEpoch } = group
  if (topicsChanged || subscribesAnew(member, updated)) {
    groupEpoch += 1
    const reason = isNew
      ? `member ${updated.id} joined`
      : subscribesAnew(member, updated)
        ? `member ${updated.id} subscribes to other topics`
        : 'topics it subscribes to have changed'
    records.push({ type: 'consumer-group', group: group.id, value: { epoch: groupEpoch, reason } })
  }

  let target = group.target.get(updated.id) ?? (formerId === null ? undefined : group.target.get(formerId)) ?? NOTHING
  let epoch = group.assignmentEpoch
  if (groupEpoch > group.assignmentEpoch) {
    target = updateTarget(turn, members, topics, groupEpoch, { id: updated.id, formerId })
    epoch = groupEpoch
  }

  const after = reconcile(updated, { epoch, target, isOwned: ownedPartitions(group), reported })
  if (after === updated || sameCurrent(updated, after)) return after
  records.push(currentAssignmentRecord(group.id, after))
  // Members of the classic protocol are waited for when they join and sync.
  if (after.classic === null)
    expectOf(turn, after, 'rebalance', after.state === 'unrevoked-partitions' ? after.rebalanceTimeoutMs : null)
  return after
}

/** The members as they will be. */
function membersWith({ group }: ConsumerTurn, updated: ConsumerMember, formerId: string | null): ConsumerMember[] {
  const others = [...group.members.values()].filter(({ id }) => id !== formerId)
  const at = others.findIndex(({ id }) => id === updated.id)
  if (at < 0) others.push(updated)
  else others[at] = updated
  return others
}

/**
 * A static member came back under another member id (GroupMetadataManager.replaceMember): it has what its former self had, and
 * begins with epoch 0.
 */
export function replaceMember(turn: ConsumerTurn, former: ConsumerMember, id: string): ConsumerMember {
  const { group, records } = turn
  const member: ConsumerMember = { ...former, id, epoch: 0, previousEpoch: 0, joinAwaited: false }
  records.push(
    ...memberTombstones(group.id, former.id),
    memberRecord(group.id, member),
    {
      type: 'target-assignment',
      group: group.id,
      member: id,
      value: group.target.get(former.id) ?? NOTHING,
    },
    currentAssignmentRecord(group.id, member),
  )
  if (former.id !== id)
    tellLeave(turn, former.id, 'replaced', `member ${id} has its instance id ${former.instanceId} now`)
  return member
}

export function tellLeave({ group, out }: ConsumerTurn, member: string, cause: GroupLeaveCause, reason: string): void {
  out.facts.push({ type: 'group.leave', group: group.id, member, cause, reason })
}

function subscribesAnew(a: ConsumerMember, b: ConsumerMember): boolean {
  return (
    a.subscribedTopicRegex !== b.subscribedTopicRegex || a.subscribedTopicNames.join() !== b.subscribedTopicNames.join()
  )
}

function sameMetadata(a: ConsumerMember, b: ConsumerMember): boolean {
  return (
    !subscribesAnew(a, b) &&
    a.instanceId === b.instanceId &&
    a.rackId === b.rackId &&
    a.clientId === b.clientId &&
    a.clientHost === b.clientHost &&
    a.rebalanceTimeoutMs === b.rebalanceTimeoutMs &&
    a.serverAssignor === b.serverAssignor &&
    sameClassic(a.classic, b.classic)
  )
}

function sameClassic(a: ClassicMember | null, b: ClassicMember | null): boolean {
  if (a === null || b === null) return a === b
  return a.sessionTimeoutMs === b.sessionTimeoutMs && sameProtocols(a.supportedProtocols, b.supportedProtocols)
}

function sameCurrent(a: ConsumerMember, b: ConsumerMember): boolean {
  return (
    a.epoch === b.epoch &&
    a.previousEpoch === b.previousEpoch &&
    a.state === b.state &&
    sameAssignment(a.assigned, b.assigned) &&
    sameAssignment(a.revoking, b.revoking)
  )
}
