/** The target assignment: what every member of a group epoch shall have (TargetAssignmentBuilder.java). */
import { itemsOf } from '../../config/definition.ts'
import type { Assignor, MemberSpec } from './assignors/assignor.ts'
import { assignRanges } from './assignors/range.ts'
import { assignUniformly } from './assignors/uniform.ts'
import { type Assignment, type ConsumerMember, NOTHING, type SubscribedTopicInfo, sameAssignment } from './group.ts'
import { topicsOf } from './subscription.ts'
import type { ConsumerTurn } from './turn.ts'

const ASSIGNORS: Readonly<Record<string, Assignor>> = { uniform: assignUniformly, range: assignRanges }

/** The assignors the coordinator offers, the default first (`group.consumer.assignors`). */
export function offeredAssignors(config: ConsumerTurn['state']['config']): string[] {
  const offered = itemsOf(config['group.consumer.assignors']).filter((name) => name in ASSIGNORS)
  return offered.length === 0 ? ['uniform'] : offered
}

/** The assignor most members ask for (ConsumerGroup.computePreferredServerAssignor), else the default. */
export function preferredAssignor(members: Iterable<ConsumerMember>, offered: readonly string[]): string {
  const votes = new Map<string, number>()
  for (const { serverAssignor } of members)
    if (serverAssignor !== null) votes.set(serverAssignor, (votes.get(serverAssignor) ?? 0) + 1)
  let best = offered[0] ?? 'uniform'
  let most = 0
  for (const [name, count] of votes) {
    if (count <= most) continue
    best = name
    most = count
  }
  return best
}

/**
 * Makes a new target assignment for these members and writes what changed of it.
 *
 * @param formerId whom a member replaces, when it came back as a static one
 * @returns what the member that came with the request shall have
 */
export function updateTarget(
  turn: ConsumerTurn,
  members: readonly ConsumerMember[],
  topics: ReadonlyMap<string, SubscribedTopicInfo>,
  groupEpoch: number,
  asking: { readonly id: string; readonly formerId: string | null },
): Assignment {
  const { group, records, state } = turn
  const former = (id: string): Assignment =>
    group.target.get(id) ??
    (id === asking.id && asking.formerId !== null ? group.target.get(asking.formerId) : undefined) ??
    NOTHING
  const specs = members.map((member): MemberSpec => {
    const topicIds = topicsOf(member, state.image)
      .map((name) => topics.get(name)?.id)
      .filter((id) => id !== undefined)
      .sort()
    return { id: member.id, instanceId: member.instanceId, topicIds, target: former(member.id) }
  })
  const partitions = new Map([...topics.values()].map(({ id, partitions: count }) => [id, count]))
  const assignor = ASSIGNORS[preferredAssignor(members, offeredAssignors(state.config))] ?? assignUniformly
  const assignments = assignor({ members: specs, partitions })
  for (const { id } of specs) {
    const value = assignments.get(id) ?? NOTHING
    const known = group.target.get(id)
    if (known === undefined || !sameAssignment(known, value))
      records.push({ type: 'target-assignment', group: group.id, member: id, value })
  }
  records.push({ type: 'target-epoch', group: group.id, value: groupEpoch })
  return assignments.get(asking.id) ?? NOTHING
}
