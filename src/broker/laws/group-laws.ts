/**
 * The laws of groups that compare a group with what it was before a decision, at one coordinator. What another coordinator
 * loads may be older: a generation that was never stored dies with the one that made it.
 */
import type { Law } from '../../kernel/laws.ts'
import type { ClassicStateName, GroupStateName } from '../../kernel/trace-event.ts'
import { isTransactional } from '../../protocol/records.ts'
import { LEGAL_TRANSITIONS } from '../groups/classic/group.ts'
import type { ConsumerMember } from '../groups/consumer/group.ts'
import { sessionTimeoutMs } from '../groups/consumer/turn.ts'
import { decodeCoordinatorBatch } from '../groups/records.ts'
import { OFFSETS_TOPIC } from '../metadata.ts'
import { logOf } from '../state.ts'
import { CONSUMER_GROUP_LAWS } from './consumer-group-laws.ts'
import { type GroupScope, groupNow, touchedGroups } from './group-scope.ts'

export const GROUP_LAWS: readonly Law<GroupScope>[] = [
  ...CONSUMER_GROUP_LAWS,
  {
    id: 'G3',
    sentence: 'At one coordinator the generation of a group never goes back, and no two rebalances share one.',
    check({ broker, before, facts }) {
      for (const group of touchedGroups(broker)) {
        const known = before.get(group.id)
        if (known?.type !== 'classic' || group.type !== 'classic') continue
        if (group.generation < known.generation)
          return `group ${group.id} went from generation ${known.generation} to ${group.generation}`
        const rounds = facts.filter(
          (fact) => fact.type === 'group.state' && fact.group === group.id && endsJoin(fact.to),
        )
        if (group.generation - known.generation !== rounds.length)
          return `group ${group.id}: ${rounds.length} rebalances led from generation ${known.generation} to ${group.generation}`
      }
      return null
    },
  },
  {
    id: 'G4',
    sentence:
      'A commit is accepted only from a member of the current generation that is not waiting for its assignment, or from nobody’s member while the group is empty.',
    check({ before, facts }) {
      for (const fact of facts) {
        // A transaction that has ended: it was accepted when it was written.
        if (fact.type !== 'offset.commit' || fact.producerId !== undefined) continue
        const group = before.get(fact.group)
        const where = `group ${fact.group}, ${fact.topic}-${fact.partition}, by "${fact.member}" of generation ${fact.generation}`
        if (fact.generation < 0) {
          if (group !== undefined && group.state !== 'Empty') return `${where}: the group is ${group.state}`
          continue
        }
        const member = group?.members.get(fact.member)
        if (group === undefined || member === undefined) return `${where}: no such member`
        if (group.type === 'consumer') {
          const { epoch } = member as ConsumerMember
          if (epoch !== fact.generation) return `${where}: the member epoch is ${epoch}`
          continue
        }
        if (group.generation !== fact.generation) return `${where}: the generation is ${group.generation}`
        if (group.state === 'CompletingRebalance') return `${where}: its assignment is still being made`
      }
      return null
    },
  },
  {
    id: 'G5',
    sentence: 'A group goes only from state to state as Kafka’s groups do.',
    check({ broker, before, facts }) {
      const at = new Map([...before].map(([id, group]) => [id, group.state]))
      for (const fact of facts) {
        if (fact.type !== 'group.state') continue
        const from = at.get(fact.group) ?? fact.from
        const free = before.get(fact.group)?.type === 'consumer' || groupNow(broker, fact.group)?.type === 'consumer'
        if (from !== fact.from || (!free && !mayFollow(fact.from, fact.to)))
          return `group ${fact.group} went from ${from} by way of ${fact.from} to ${fact.to}`
        at.set(fact.group, fact.to)
      }
      for (const group of touchedGroups(broker)) {
        const told = at.get(group.id)
        if (told !== undefined && told !== group.state) return `group ${group.id} is ${group.state}, and told ${told}`
      }
      return null
    },
  },
  {
    id: 'G6',
    sentence: 'The committed offset is what the last record in the log says; a deleted one is gone.',
    check({ broker }) {
      for (const { partition, offsets, pendingOffsets } of broker.shards.values()) {
        if (broker.touched?.partitions.has(`${OFFSETS_TOPIC}-${partition}`) !== true) continue
        // What was written before was looked at when it was written.
        const batch = logOf(broker, OFFSETS_TOPIC, partition)?.batches.at(-1)
        for (const record of batch === undefined ? [] : decodeCoordinatorBatch(batch)) {
          if (record.type !== 'offset-commit') continue
          // Within a transaction it is pending.
          const groups = isTransactional(batch!) ? pendingOffsets.get(batch!.producerId) : offsets
          const own = groups?.get(record.group)?.get(record.topic)?.get(record.partition)?.offset
          if (own !== record.value?.offset)
            return `group ${record.group}, ${record.topic}-${record.partition}: the log says ${record.value?.offset ?? 'none'}, the coordinator ${own ?? 'none'}`
        }
      }
      return null
    },
  },
  {
    id: 'G7',
    sentence: 'A member expires only when its coordinator has not heard of it for its session timeout.',
    check({ broker, before, facts, now }) {
      for (const fact of facts) {
        if (fact.type !== 'group.leave' || fact.cause !== 'expired') continue
        const member = before.get(fact.group)?.members.get(fact.member)
        if (member === undefined) continue
        const silent = now - member.lastHeartbeat
        const allowed = 'sessionTimeoutMs' in member ? member.sessionTimeoutMs : sessionTimeoutMs(member, broker.config)
        if (silent < allowed) return `group ${fact.group}: ${fact.member} expired after ${silent} of ${allowed} ms`
      }
      return null
    },
  },
]

/** The state of a consumer group follows from what is in it, so it may go anywhere; and either kind may become the other (KIP-848). */
function mayFollow(from: GroupStateName, to: GroupStateName): boolean {
  return LEGAL_TRANSITIONS[from as ClassicStateName]?.some((next) => next === to) === true
}

/** The join phase is over: there is a new generation. */
function endsJoin(to: string): boolean {
  return to === 'CompletingRebalance' || to === 'Empty'
}
