/** The laws of groups of the consumer protocol (KIP-848). */
import type { Law } from '../../kernel/laws.ts'
import { type Assignment, type ConsumerGroup, LEAVE_STATIC_EPOCH } from '../groups/consumer/group.ts'
import { topicsOf } from '../groups/consumer/subscription.ts'
import { type GroupScope, touchedGroups } from './group-scope.ts'

export const CONSUMER_GROUP_LAWS: readonly Law<GroupScope>[] = [
  {
    id: 'G1',
    sentence:
      'The target assignment of a consumer group gives every partition of its topics to exactly one member, and to one that subscribes to it.',
    check({ broker }) {
      for (const group of consumerGroups(broker)) {
        // Between a change and the next target assignment the old one stands.
        if (group.groupEpoch > group.assignmentEpoch || group.members.size === 0) continue
        const where = `group ${group.id}, epoch ${group.assignmentEpoch}`
        const twice = ownedTwice([...group.target])
        if (twice !== null) return `${where}: ${twice}`
        for (const [name, { id, partitions }] of group.topics) {
          for (let partition = 0; partition < partitions; partition++) {
            const owner = [...group.target].find(([, target]) => target.get(id)?.includes(partition))?.[0]
            if (owner === undefined) return `${where}: nobody shall have ${name}-${partition}`
            const member = group.members.get(owner)
            // What a regular expression finds depends on the topics there are, and those may just have changed.
            if (
              member === undefined ||
              (member.subscribedTopicRegex === null && !topicsOf(member, broker.image).includes(name))
            )
              return `${where}: ${owner} shall have ${name}-${partition}, and does not subscribe to it`
          }
        }
      }
      return null
    },
  },
  {
    id: 'G2',
    sentence: 'No two members of a consumer group have a partition at the same time, or have yet to give it up.',
    check({ broker }) {
      for (const group of consumerGroups(broker)) {
        const twice = ownedTwice(
          [...group.members.values()].flatMap(({ id, assigned, revoking }) => [
            [id, assigned] as const,
            [id, revoking] as const,
          ]),
        )
        if (twice !== null) return `group ${group.id}, epoch ${group.groupEpoch}: ${twice}`
      }
      return null
    },
  },
  {
    id: 'G3',
    sentence:
      'The epoch of a consumer group and of its target assignment never go back, and neither does a member’s, unless it joins or leaves.',
    check({ broker, before }) {
      for (const group of consumerGroups(broker)) {
        const known = before.get(group.id)
        if (group.assignmentEpoch > group.groupEpoch)
          return `group ${group.id}: the target assignment is of epoch ${group.assignmentEpoch}, the group of ${group.groupEpoch}`
        if (known?.type !== 'consumer') continue
        if (group.groupEpoch < known.groupEpoch || group.assignmentEpoch < known.assignmentEpoch)
          return `group ${group.id} went from epoch ${known.groupEpoch} (assignment ${known.assignmentEpoch}) to ${group.groupEpoch} (${group.assignmentEpoch})`
        for (const member of group.members.values()) {
          const epoch = known.members.get(member.id)?.epoch ?? 0
          const mayBe = member.epoch >= epoch || member.epoch === LEAVE_STATIC_EPOCH || epoch === LEAVE_STATIC_EPOCH
          if (!mayBe) return `group ${group.id}: ${member.id} went from epoch ${epoch} to ${member.epoch}`
          if (member.epoch > group.groupEpoch)
            return `group ${group.id}: ${member.id} is at epoch ${member.epoch}, the group at ${group.groupEpoch}`
        }
      }
      return null
    },
  },
]

function* consumerGroups(broker: GroupScope['broker']): Iterable<ConsumerGroup> {
  for (const group of touchedGroups(broker)) if (group.type === 'consumer') yield group
}

function ownedTwice(assignments: readonly (readonly [member: string, assignment: Assignment])[]): string | null {
  const owners = new Map<string, string>()
  for (const [member, assignment] of assignments) {
    for (const [topicId, partitions] of assignment) {
      for (const partition of partitions) {
        const key = `${topicId}-${partition}`
        const other = owners.get(key)
        if (other !== undefined) return `${key} belongs to ${other} and to ${member}`
        owners.set(key, member)
      }
    }
  }
  return null
}
