/**
 * A classic group into which a member of the consumer protocol comes becomes a consumer group (KIP-848, online upgrade;
 * GroupMetadataManager.convertToConsumerGroup, ConsumerGroup.fromClassicGroup). Its members go on speaking the classic protocol.
 */
import { decodeAssignment, decodeSubscription } from '../../../protocol/consumer-protocol.ts'
import { ErrorCode } from '../../../protocol/errors.ts'
import { intConfig } from '../../config.ts'
import { type ClassicGroup, metadataFor } from '../classic/group.ts'
import { joinReply, syncReply } from '../classic/rebalance.ts'
import { groupTimerKeys } from '../timer-keys.ts'
import { type Assignment, type ConsumerGroup, type ConsumerMember, createConsumerGroup, createMember } from './group.ts'
import { assignmentOf, currentAssignmentRecord, memberRecord } from './records.ts'
import { type ConsumerTurn, heard, type Refusal, refusal } from './turn.ts'

type Base = Omit<ConsumerTurn, 'group'>

/** The group as a consumer group; `turn.records` says so. Null when policy, protocol or size forbid it (validateOnlineUpgrade). */
export function upgraded(turn: Base, classic: ClassicGroup): ConsumerGroup | Refusal {
  const { state, records, ctx } = turn
  const policy = state.config['group.consumer.migration.policy']
  const mayUpgrade = policy === 'bidirectional' || policy === 'upgrade'
  const fits = classic.members.size <= intConfig(state.config, 'group.consumer.max.size')
  if (!mayUpgrade || !fits || classic.protocolType !== 'consumer')
    return refusal(ErrorCode.GROUP_ID_NOT_FOUND, `Group ${classic.id} is not a consumer group.`)
  const group = createConsumerGroup(classic.id, ctx.now)
  group.groupEpoch = classic.generation
  group.assignmentEpoch = classic.generation
  try {
    for (const id of classic.members.keys()) {
      const member = memberOf(turn, classic, id)
      group.members.set(id, member)
      group.target.set(id, member.assigned)
    }
  } catch {
    return refusal(
      ErrorCode.GROUP_ID_NOT_FOUND,
      `Cannot upgrade the classic group ${classic.id} to consumer group because the embedded consumer protocol is malformed.`,
    )
  }
  const { id, groupEpoch: epoch } = group
  const members = [...group.members.values()]
  records.push(
    { type: 'group-metadata', group: id, value: null },
    ...members.map((member) => memberRecord(id, member)),
    { type: 'consumer-group', group: id, value: { epoch, reason: '' } },
    ...members.map(
      (member) => ({ type: 'target-assignment', group: id, member: member.id, value: member.assigned }) as const,
    ),
    { type: 'target-epoch', group: id, value: epoch },
    ...members.map((member) => currentAssignmentRecord(id, member)),
  )
  return group
}

/** The records are on their way: who waits for the classic rebalance joins anew, and every member has a session. */
export function upgradeDone(turn: ConsumerTurn, classic: ClassicGroup): void {
  const { out, shard, ctx, state } = turn
  const classicTurn = { group: classic, partition: shard.partition, out, ctx, config: state.config }
  const errorCode = ErrorCode.REBALANCE_IN_PROGRESS
  for (const key of groupTimerKeys(classic)) out.timers.push({ key, at: null })
  for (const { id, awaitingJoin, awaitingSync, connection } of classic.members.values()) {
    if (awaitingJoin !== null) joinReply(classicTurn, awaitingJoin, { errorCode, memberId: id })
    if (awaitingSync !== null) syncReply(classicTurn, awaitingSync, { errorCode })
    const member = turn.group.members.get(id)
    if (member !== undefined) heard(turn, member, connection)
  }
}

/** @throws DecodeError when subscription or assignment are not what consumers write */
function memberOf({ state, ctx }: Base, classic: ClassicGroup, id: string): ConsumerMember {
  const member = classic.members.get(id)
  if (member === undefined) throw new RangeError(`no member ${id}`)
  const subscription = decodeSubscription(metadataFor(member, classic.protocolName ?? ''))
  const assigned: Assignment =
    member.assignment.length === 0
      ? new Map()
      : assignmentOf(
          decodeAssignment(member.assignment).assignedPartitions.flatMap(({ topic, partitions }) => {
            const topicId = state.image.topics.get(topic)?.id
            return topicId === undefined ? [] : [{ topicId, partitions }]
          }),
        )
  return {
    ...createMember(id, ctx.now),
    instanceId: member.instanceId,
    rackId: subscription.rackId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    subscribedTopicNames: [...new Set(subscription.topics)].sort(),
    classic: { sessionTimeoutMs: member.sessionTimeoutMs, supportedProtocols: member.protocols },
    epoch: classic.generation,
    previousEpoch: classic.generation,
    assigned,
  }
}
