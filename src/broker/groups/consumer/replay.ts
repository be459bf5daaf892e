/**
 * What the records of a consumer group make of it (GroupMetadataManager.replay), when they are written and when they are loaded; and
 * what that looks like from outside.
 */
import type { Fact } from '../../../kernel/trace-event.ts'
import type { CoordinatorShard } from '../../state.ts'
import type { Group } from '../group.ts'
import {
  type ConsumerGroup,
  type ConsumerMember,
  createConsumerGroup,
  createMember,
  LEAVE_EPOCH,
  NOTHING,
  partitionNames,
  sameAssignment,
  stateOf,
} from './group.ts'
import type { ConsumerGroupRecord } from './records.ts'

/** Changes the group in place: whoever writes records hands in a copy first. */
export function replayConsumerRecord(shard: CoordinatorShard, record: ConsumerGroupRecord, now: number): void {
  const group = persisted(shard, record.group, record.value !== null, now)
  // The tombstone of a group that is gone already.
  if (group === undefined) return
  switch (record.type) {
    case 'consumer-group':
      if (record.value === null) shard.groups.delete(group.id)
      else {
        group.groupEpoch = record.value.epoch
        if (record.value.reason !== '') group.reason = record.value.reason
      }
      return
    case 'consumer-group-topics':
      group.topics = record.value ?? new Map()
      return
    case 'target-epoch':
      group.assignmentEpoch = record.value ?? -1
      return
    case 'target-assignment':
      if (record.value === null) group.target.delete(record.member)
      else group.target.set(record.member, record.value)
      return
    case 'consumer-member': {
      if (record.value === null) {
        group.members.delete(record.member)
        return
      }
      const known = group.members.get(record.member) ?? createMember(record.member, now)
      const { instanceId, rackId, clientId, clientHost, rebalanceTimeoutMs, serverAssignor, classic } = record.value
      const { subscribedTopicNames, subscribedTopicRegex } = record.value
      group.members.set(record.member, {
        ...known,
        instanceId,
        rackId,
        clientId,
        clientHost,
        rebalanceTimeoutMs,
        serverAssignor,
        classic,
        subscribedTopicNames,
        subscribedTopicRegex,
      })
      return
    }
    case 'current-assignment': {
      const known = group.members.get(record.member)
      if (record.value !== null) {
        const { epoch, previousEpoch, state, assigned, revoking } = record.value
        const member = known ?? createMember(record.member, now)
        group.members.set(record.member, { ...member, epoch, previousEpoch, state, assigned, revoking })
      } else if (known !== undefined)
        group.members.set(record.member, {
          ...known,
          epoch: LEAVE_EPOCH,
          previousEpoch: LEAVE_EPOCH,
          assigned: NOTHING,
          revoking: NOTHING,
        })
    }
  }
}

/**
 * getOrMaybeCreatePersistedConsumerGroup. A simple group, made by a commit from outside, gives way: nothing of it is in the log.
 */
function persisted(shard: CoordinatorShard, id: string, create: boolean, now: number): ConsumerGroup | undefined {
  const known = shard.groups.get(id)
  if (known?.type === 'consumer') return known
  if (!create) return undefined
  const group = createConsumerGroup(id, now)
  shard.groups.set(id, group)
  return group
}

/** All records of an append have been replayed: the state follows from them. */
export function settle(group: ConsumerGroup, now: number): void {
  const state = stateOf(group)
  if (state === group.state) return
  group.state = state
  group.stateSince = now
}

/** What has become of a group, as facts. */
export function changesOf(
  before: Group | undefined,
  after: ConsumerGroup,
  nameOf: (topicId: string) => string | undefined,
): Fact[] {
  const facts: Fact[] = []
  const known = before?.type === 'consumer' ? before : undefined
  const { id, reason } = after
  if (after.assignmentEpoch > (known?.assignmentEpoch ?? 0))
    facts.push({ type: 'group.target', group: id, epoch: after.assignmentEpoch, reason })
  for (const member of after.members.values()) {
    if (!movedOn(known?.members.get(member.id), member)) continue
    facts.push({
      type: 'group.assignment',
      group: id,
      generation: member.epoch,
      member: member.id,
      partitions: partitionNames(member.assigned, nameOf),
    })
  }
  const from = before?.state ?? 'Empty'
  if (from !== after.state || before?.type === 'classic')
    facts.push({ type: 'group.state', group: id, from, to: after.state, generation: after.groupEpoch, reason })
  return facts
}

function movedOn(before: ConsumerMember | undefined, after: ConsumerMember): boolean {
  if (after.epoch <= 0) return false
  return before === undefined || before.epoch !== after.epoch || !sameAssignment(before.assigned, after.assigned)
}
