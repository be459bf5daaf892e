/**
 * One step of a member from what it has towards what it shall have (CurrentAssignmentBuilder.java): first it gives up, then it gets
 * what nobody else has any more.
 */
import { type Assignment, type ConsumerMember, isReconciledTo, NOTHING } from './group.ts'

export interface Destination {
  /** The epoch of the target assignment. */
  readonly epoch: number
  readonly target: Assignment
  /** Whether a member has the partition, or has not given it up yet. */
  readonly isOwned: (topicId: string, partition: number) => boolean
  /** What the member says it owns; null = it did not say, and may own everything. */
  readonly reported: Assignment | null
}

/** The member as it is from now on; the same object when it cannot move on. */
export function reconcile(member: ConsumerMember, to: Destination): ConsumerMember {
  if (isReconciledTo(member, to.epoch)) return member
  if (member.state !== 'unrevoked-partitions') return next(member, member.epoch, to)
  // It is waited for until it no longer says that it owns what it shall give up.
  if (ownsSome(to.reported, member.revoking)) return member
  return next(member, member.epoch + 1, to)
}

function ownsSome(reported: Assignment | null, revoking: Assignment): boolean {
  if (reported === null) return true
  for (const [topicId, partitions] of reported) {
    const those = revoking.get(topicId)
    if (those !== undefined && partitions.some((partition) => those.includes(partition))) return true
  }
  return false
}

/** CurrentAssignmentBuilder.computeNextAssignment. */
function next(member: ConsumerMember, epoch: number, to: Destination): ConsumerMember {
  const kept = new Map<string, readonly number[]>()
  const revoked = new Map<string, readonly number[]>()
  const gained = new Map<string, readonly number[]>()
  let waits = false
  for (const topicId of new Set([...to.target.keys(), ...member.assigned.keys()])) {
    const wanted = to.target.get(topicId) ?? []
    const held = member.assigned.get(topicId) ?? []
    const target = new Set(wanted)
    const current = new Set(held)
    const stays = held.filter((partition) => target.has(partition))
    const missing = wanted.filter((partition) => !current.has(partition))
    const free = missing.filter((partition) => !to.isOwned(topicId, partition))
    if (free.length < missing.length) waits = true
    put(kept, topicId, stays)
    put(
      revoked,
      topicId,
      held.filter((partition) => !target.has(partition)),
    )
    put(gained, topicId, free)
  }
  if (revoked.size > 0 && ownsSome(to.reported, revoked)) {
    // It stays in its epoch until the client has given them up.
    return {
      ...member,
      state: 'unrevoked-partitions',
      previousEpoch: member.epoch,
      epoch,
      assigned: kept,
      revoking: revoked,
    }
  }
  for (const [topicId, partitions] of gained)
    kept.set(
      topicId,
      [...(kept.get(topicId) ?? []), ...partitions].sort((a, b) => a - b),
    )
  return {
    ...member,
    state: waits ? 'unreleased-partitions' : 'stable',
    previousEpoch: member.epoch,
    epoch: to.epoch,
    assigned: kept,
    revoking: NOTHING,
  }
}

function put(assignment: Map<string, readonly number[]>, topicId: string, partitions: readonly number[]): void {
  if (partitions.length > 0) assignment.set(topicId, partitions)
}
