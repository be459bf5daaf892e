/**
 * Java's sticky assignors: as even as it can be, and then as few partitions as possible change hands (AbstractStickyAssignor). They
 * differ in how a member says what it owns, and in when a partition may go to its next owner. Racks are not looked at (KIP-881).
 */
import {
  decodeCooperativeUserData,
  decodeStickyUserData,
  encodeCooperativeUserData,
  encodeStickyUserData,
  encodeSubscription,
} from '../../../protocol/consumer-protocol.ts'
import { asHostBytes } from '../../bytes.ts'
import type { PartitionAssigner, ReceivedAssignment } from '../../types/assigners.ts'
import { listTopics } from '../assigner-protocol.ts'
import { type Claimant, type Claims, settleClaims } from './claims.ts'
import { encodePlan, type GroupPlan, planGroup, type Slot, type Subscriber } from './group-plan.ts'
import { balanceSubscriptions } from './sticky-balance.ts'
import { fillQuotas } from './sticky-quotas.ts'

/** StickyAssignor: eager, so members own nothing when they join; what they had is in the user data. */
export const sticky: PartitionAssigner = ({ cluster }) => {
  let last: ReceivedAssignment | undefined
  return {
    name: 'sticky',
    version: 3,
    rebalanceProtocol: 'eager',
    assign: async ({ members }) => encodePlan(assignSticky(await planGroup(cluster, members))),
    protocol: ({ topics, generationId = -1, rackId = null }) => ({
      name: 'sticky',
      metadata: asHostBytes(
        encodeSubscription({
          topics: [...topics].sort(),
          generationId,
          rackId,
          userData:
            last === undefined
              ? null
              : encodeStickyUserData({
                  previousAssignment: listTopics(last.assignment),
                  generation: last.generationId,
                }),
        }),
      ),
    }),
    onAssignment(received) {
      last = received
    },
  }
}

export const COOPERATIVE_STICKY = 'cooperative-sticky'

/** CooperativeStickyAssignor (KIP-429). */
export const cooperativeSticky: PartitionAssigner = ({ cluster }) => {
  let generation = -1
  return {
    name: COOPERATIVE_STICKY,
    version: 3,
    rebalanceProtocol: 'cooperative',
    assign: async ({ members }) => encodePlan(assignCooperatively(await planGroup(cluster, members))),
    protocol: ({ topics, ownedPartitions = {}, generationId = -1, rackId = null }) => ({
      name: COOPERATIVE_STICKY,
      metadata: asHostBytes(
        encodeSubscription({
          topics: [...topics].sort(),
          userData: encodeCooperativeUserData(generation),
          ownedPartitions: listTopics(ownedPartitions),
          generationId,
          rackId,
        }),
      ),
    }),
    onAssignment({ generationId }) {
      generation = generationId
    },
  }
}

export function assignSticky(plan: GroupPlan): Map<string, Slot[]> {
  const claimants = plan.subscribers.map(claimOfUserData)
  return assign(plan, claimants, settleClaims(claimants, plan.partitions))
}

/**
 * As `assignSticky`, but for what another member still owns: nobody gets it yet. Its owner does not find it in its assignment, revokes
 * it and makes the group rebalance again. Java looks at all that members claim when subscriptions differ, also at claims of older
 * generations, and may then give a partition to such a claimant while it has an owner; here the owner always goes first.
 */
export function assignCooperatively(plan: GroupPlan): Map<string, Slot[]> {
  const claimants = plan.subscribers.map(claimOfSubscription)
  const claims = settleClaims(claimants, plan.partitions)
  const assigned = assign(plan, claimants, claims)
  return new Map(
    [...assigned].map(([memberId, slots]) => [
      memberId,
      slots.filter((slot) => !claims.disputed.has(slot) && (claims.ownerOf.get(slot) ?? memberId) === memberId),
    ]),
  )
}

function assign({ partitions }: GroupPlan, claimants: readonly Claimant[], claims: Claims): Map<string, Slot[]> {
  const [first, ...others] = claimants
  const alike = others.every(
    ({ topics }) => topics.size === first?.topics.size && [...topics].every((topic) => first.topics.has(topic)),
  )
  const members = claimants.map(({ memberId }) => memberId)
  return alike ? fillQuotas(members, partitions, claims) : balanceSubscriptions(claimants, partitions, claims)
}

/** Unreadable user data claims nothing. */
function claimOfUserData({ memberId, topics, userData }: Subscriber): Claimant {
  if (userData === null || userData.length === 0) return { memberId, topics, owned: [], generation: -1 }
  try {
    const { previousAssignment, generation } = decodeStickyUserData(userData)
    return { memberId, topics, owned: previousAssignment, generation }
  } catch {
    return { memberId, topics, owned: [], generation: -1 }
  }
}

/** The subscription says since when from version 2 on, the user data before. */
function claimOfSubscription({ memberId, topics, userData, ownedPartitions, generationId }: Subscriber): Claimant {
  const owned = ownedPartitions
  if (generationId >= 0 || userData === null) return { memberId, topics, owned, generation: generationId }
  try {
    return { memberId, topics, owned, generation: decodeCooperativeUserData(userData) }
  } catch {
    return { memberId, topics, owned, generation: -1 }
  }
}
