/** What a cooperative assigner must not do (ConsumerCoordinator.validateCooperativeAssignment). */
import { KafkaJSNonRetriableError } from '../../errors/base.ts'
import type { Assignment, GroupMember, GroupMemberAssignment } from '../../types/assigners.ts'
import { AssignerProtocol } from '../assigner-protocol.ts'
import { COOPERATIVE_STICKY } from './sticky.ts'

/**
 * Our own is not checked, as in Kafka: it knows which of several owners counts.
 *
 * @throws KafkaJSNonRetriableError when a partition goes to a member while another still owns it
 */
export function checkOwnersGoFirst(
  name: string,
  members: readonly GroupMember[],
  assignments: readonly GroupMemberAssignment[],
): void {
  if (name === COOPERATIVE_STICKY) return
  const owned = new Map(
    members.map(({ memberId, memberMetadata }) => [
      memberId,
      keysOf(AssignerProtocol.MemberMetadata.decode(memberMetadata)?.ownedPartitions ?? {}),
    ]),
  )
  const assigned = new Map(
    assignments.map(({ memberId, memberAssignment }) => [
      memberId,
      keysOf(AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {}),
    ]),
  )
  const revoked = new Set([...owned].flatMap(([memberId, keys]) => without(keys, assigned.get(memberId))))
  const added = [...assigned].flatMap(([memberId, keys]) => without(keys, owned.get(memberId)))
  const atOnce = added.filter((key) => revoked.has(key))
  if (atOnce.length === 0) return
  throw new KafkaJSNonRetriableError(
    `The cooperative assigner "${name}" gives ${atOnce.join(', ')} to one member while another still owns it. Leave such ` +
      'partitions out: their owners revoke them, and the group rebalances again.',
  )
}

const keysOf = (assignment: Assignment): ReadonlySet<string> =>
  new Set(Object.entries(assignment).flatMap(([topic, ids]) => ids.map((id) => `${topic}-${id}`)))

const without = (keys: ReadonlySet<string>, others: ReadonlySet<string> | undefined): string[] =>
  [...keys].filter((key) => !others?.has(key))
