/** What an assignor of the coordinator sees and answers (GroupSpec, SubscribedTopicDescriber, GroupAssignment). */
import type { Assignment } from '../group.ts'

export interface MemberSpec {
  readonly id: string
  readonly instanceId: string | null
  /** Ids of the existing topics it subscribes to, sorted. */
  readonly topicIds: readonly string[]
  /** Its part of the last target assignment. */
  readonly target: Assignment
}

export interface AssignorInput {
  readonly members: readonly MemberSpec[]
  /** By topic id. */
  readonly partitions: ReadonlyMap<string, number>
}

/** Every member's assignment. */
export type Assignor = (input: AssignorInput) => ReadonlyMap<string, Assignment>

/** Whether all members subscribe to the same topics (SubscriptionType.HOMOGENEOUS). */
export function subscribesAlike(members: readonly MemberSpec[]): boolean {
  const first = members[0]?.topicIds.join() ?? ''
  return members.every(({ topicIds }) => topicIds.join() === first)
}
