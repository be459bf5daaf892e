/**
 * A consumer group whose last member of the consumer protocol goes becomes a classic group again (KIP-848, online downgrade;
 * GroupMetadataManager.convertToClassicGroup, ClassicGroup.fromConsumerGroup).
 */
import { decodeSubscription, encodeAssignment } from '../../../protocol/consumer-protocol.ts'
import { intConfig } from '../../config.ts'
import type { AfterCommit } from '../../state.ts'
import {
  type ClassicGroup,
  createClassicGroup,
  type GroupMember,
  metadataFor,
  selectProtocol,
  subscribedTopicsOf,
} from '../classic/group.ts'
import { armSession, finish, type GroupTurn, prepareRebalance, snapshot } from '../classic/rebalance.ts'
import { memberKey } from '../timer-keys.ts'
import type { Assignment, ClassicMember, ConsumerMember } from './group.ts'
import { groupTombstones } from './records.ts'
import { type ConsumerTurn, topicName, write } from './turn.ts'

const WHY = 'its last member of the consumer protocol is gone'

/** validateOnlineDowngradeWithFencedMember: somebody has to be left. The policy is `group.consumer.migration.policy`. */
export function mayDowngrade(turn: ConsumerTurn, leavingId: string): boolean {
  const left = turn.group.members.size - 1
  return left > 0 && isAllowed(turn, left) && isLastOfItsKind(turn, leavingId)
}

/** validateOnlineDowngradeWithReplacedMemberId: a classic member takes its place, so nobody else need be there. */
export function mayDowngradeReplaced(turn: ConsumerTurn, replacedId: string): boolean {
  return isAllowed(turn, turn.group.members.size) && isLastOfItsKind(turn, replacedId)
}

function isAllowed({ state }: ConsumerTurn, members: number): boolean {
  const policy = state.config['group.consumer.migration.policy']
  return (policy === 'bidirectional' || policy === 'downgrade') && members <= intConfig(state.config, 'group.max.size')
}

/** allMembersUseClassicProtocolExcept. */
function isLastOfItsKind({ group }: ConsumerTurn, memberId: string): boolean {
  return [...group.members.values()].every(({ id, classic }) => (classic === null) === (id === memberId))
}

/**
 * Writes the classic group in place of the consumer group, without the leaving member.
 *
 * @param joining takes the leaving member's place, as a static member that now speaks the classic protocol
 */
export function downgrade(
  turn: ConsumerTurn,
  leavingId: string,
  joining: ConsumerMember | null,
  after: AfterCommit,
): void {
  const { group, records, shard, out, ctx, state } = turn
  const ids = [...group.members.keys()].map((id) => (joining !== null && id === leavingId ? joining.id : id))
  const members = [...group.members.values()].filter(({ id }) => id !== leavingId)
  if (joining !== null) members.push(joining)
  const classic = classicGroupOf(turn, members)
  for (const member of classic.members.values()) {
    const targetOf = joining !== null && member.id === joining.id ? leavingId : member.id
    member.assignment = assignmentBytes(
      turn,
      group.target.get(targetOf),
      metadataFor(member, classic.protocolName ?? ''),
    )
  }
  records.push(...groupTombstones(group.id, ids), { type: 'group-metadata', group: group.id, value: snapshot(classic) })
  write(turn, after)
  const classicTurn: GroupTurn = { group: classic, partition: shard.partition, out, ctx, config: state.config }
  for (const { id } of members)
    for (const what of ['rebalance', 'join', 'sync'] as const)
      out.timers.push({ key: memberKey(what, group.id, id), at: null })
  for (const member of classic.members.values()) armSession(classicTurn, member)
  out.facts.push({
    type: 'group.state',
    group: group.id,
    from: group.state,
    to: 'Stable',
    generation: classic.generation,
    reason: WHY,
  })
  if (joining === null) prepareRebalance(classicTurn, WHY)
  finish(classicTurn)
}

function classicGroupOf({ group, ctx }: ConsumerTurn, members: readonly ConsumerMember[]): ClassicGroup {
  const classic: ClassicGroup = {
    ...createClassicGroup(group.id, ctx.now),
    state: 'Stable',
    generation: group.groupEpoch,
    protocolType: 'consumer',
    reason: group.reason,
  }
  for (const member of members) {
    const { sessionTimeoutMs, supportedProtocols } = member.classic as ClassicMember
    const one: GroupMember = {
      id: member.id,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      connection: member.connection,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      sessionTimeoutMs,
      protocols: supportedProtocols,
      assignment: new Uint8Array(0),
      awaitingJoin: null,
      awaitingSync: null,
      isNew: false,
      lastHeartbeat: ctx.now,
    }
    classic.leaderId ??= one.id
    classic.members.set(one.id, one)
  }
  classic.protocolName = selectProtocol(classic)
  classic.subscribedTopics = subscribedTopicsOf(classic)
  return classic
}

/** An assignment as consumers write it, in the version the member's subscription has. */
export function assignmentBytes(
  { state }: ConsumerTurn,
  assignment: Assignment | undefined,
  subscription: Uint8Array,
): Uint8Array {
  const nameOf = topicName(state.image)
  const assignedPartitions = [...(assignment ?? [])].flatMap(([topicId, partitions]) => {
    const topic = nameOf(topicId)
    return topic === undefined ? [] : [{ topic, partitions }]
  })
  return encodeAssignment({ assignedPartitions }, Math.min(3, decodeSubscription(subscription).version))
}
