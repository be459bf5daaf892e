/**
 * A classic group as immutable data (ClassicGroup.java, ClassicGroupMember.java). Handlers change a private `copyClassicGroup`
 * and hand it back whole.
 */
import type { ClassicStateName } from '../../../kernel/trace-event.ts'
import { decodeSubscription } from '../../../protocol/consumer-protocol.ts'
import { ErrorCode } from '../../../protocol/errors.ts'
import type { RequestToken } from '../../request.ts'

export interface Protocol {
  readonly name: string
  readonly metadata: Uint8Array
}

export interface GroupMember {
  readonly id: string
  /** `group.instance.id` of a static member (KIP-345). */
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** The connection that speaks for the member: whose death makes its session timer a matter of time. */
  connection: number
  rebalanceTimeoutMs: number
  sessionTimeoutMs: number
  protocols: readonly Protocol[]
  assignment: Uint8Array
  /** The JoinGroup that waits for the rebalance. */
  awaitingJoin: RequestToken | null
  awaitingSync: RequestToken | null
  /** Joined but has not received a generation yet: may expire although it waits (ClassicGroupMember.isNew). */
  isNew: boolean
  /** When the coordinator last heard of it. */
  lastHeartbeat: number
}

export interface ClassicGroup {
  readonly type: 'classic'
  readonly id: string
  state: ClassicStateName
  previousState: ClassicStateName
  generation: number
  protocolType: string | null
  protocolName: string | null
  leaderId: string | null
  /** In join order. */
  readonly members: Map<string, GroupMember>
  /** Ids handed out with MEMBER_ID_REQUIRED that have not joined yet (KIP-394). */
  readonly pendingMembers: Set<string>
  readonly pendingSync: Set<string>
  /** A member joined during the initial delay: extend it. */
  newMemberAdded: boolean
  /** Topics of the members of its generation; null while they are not known. */
  subscribedTopics: ReadonlySet<string> | null
  /** When the group entered its state. */
  stateSince: number
  /** Why the last rebalance began. */
  reason: string
}

export const EMPTY_BYTES = new Uint8Array(0)

export function createClassicGroup(id: string, now: number): ClassicGroup {
  return {
    type: 'classic',
    id,
    state: 'Empty',
    previousState: 'Dead',
    generation: 0,
    protocolType: null,
    protocolName: null,
    leaderId: null,
    members: new Map(),
    pendingMembers: new Set(),
    pendingSync: new Set(),
    newMemberAdded: false,
    subscribedTopics: null,
    stateSince: now,
    reason: '',
  }
}

export function copyClassicGroup(group: ClassicGroup): ClassicGroup {
  const members = new Map<string, GroupMember>()
  for (const [id, member] of group.members) members.set(id, { ...member })
  return { ...group, members, pendingMembers: new Set(group.pendingMembers), pendingSync: new Set(group.pendingSync) }
}

/** ClassicGroup.hasAllMembersJoined. */
export function allMembersJoined(group: ClassicGroup): boolean {
  if (group.pendingMembers.size > 0) return false
  for (const member of group.members.values()) if (member.awaitingJoin === null) return false
  return true
}

export function awaitingJoinCount(group: ClassicGroup): number {
  let count = 0
  for (const member of group.members.values()) if (member.awaitingJoin !== null) count += 1
  return count
}

/** The longest rebalance timeout of its members. */
export function rebalanceTimeoutMs(group: ClassicGroup): number {
  let longest = 0
  for (const member of group.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs)
  return longest
}

/** Whether every member could work with one of these protocols (ClassicGroup.supportsProtocols). */
export function supportsProtocols(group: ClassicGroup, protocolType: string, names: readonly string[]): boolean {
  if (group.state === 'Empty') return protocolType !== '' && names.length > 0
  if (group.protocolType !== protocolType) return false
  // Its members may all be gone again before the first rebalance is over: then any will do.
  if (group.members.size === 0) return names.length > 0
  return candidateProtocols(group).some((name) => names.includes(name))
}

/** The member that stands for an instance id (ClassicGroup.staticMemberId). */
export function staticMemberId(group: ClassicGroup, instanceId: string): string | undefined {
  for (const member of group.members.values()) if (member.instanceId === instanceId) return member.id
  return undefined
}

/**
 * ClassicGroup.validateMember: an instance id that belongs to another member id by now fences whoever still uses the old one
 * (KIP-345).
 */
export function memberProblem(group: ClassicGroup, memberId: string, instanceId: string | null): number {
  if (instanceId !== null) {
    const current = staticMemberId(group, instanceId)
    if (current === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
    if (current !== memberId) return ErrorCode.FENCED_INSTANCE_ID
  }
  return group.members.has(memberId) ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID
}

/** ClassicGroupState.validPreviousStates, seen from the other side: where a group may go from each state. */
export const LEGAL_TRANSITIONS: Readonly<Record<ClassicStateName, readonly ClassicStateName[]>> = {
  Empty: ['PreparingRebalance', 'Dead'],
  PreparingRebalance: ['CompletingRebalance', 'Empty', 'Dead'],
  CompletingRebalance: ['Stable', 'PreparingRebalance', 'Dead'],
  Stable: ['PreparingRebalance', 'Dead'],
  Dead: ['Dead'],
}

/** The protocol most members prefer among those all support (ClassicGroup.selectProtocol). */
export function selectProtocol(group: ClassicGroup): string {
  const candidates = candidateProtocols(group)
  const votes = new Map<string, number>()
  for (const member of group.members.values()) {
    const vote = member.protocols.find((protocol) => candidates.includes(protocol.name))
    if (vote !== undefined) votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
  }
  let best = ''
  let most = 0
  for (const [name, count] of votes) {
    if (count > most) {
      best = name
      most = count
    }
  }
  return best
}

export function metadataFor(member: GroupMember, protocol: string): Uint8Array {
  return member.protocols.find((candidate) => candidate.name === protocol)?.metadata ?? EMPTY_BYTES
}

export function sameProtocols(a: readonly Protocol[], b: readonly Protocol[]): boolean {
  if (a.length !== b.length) return false
  return a.every((protocol, i) => {
    const other = b[i] as Protocol
    return protocol.name === other.name && sameBytes(protocol.metadata, other.metadata)
  })
}

/** What the members subscribe to, as far as it can be read (ClassicGroup.computeSubscribedTopics). */
export function subscribedTopicsOf(group: ClassicGroup): ReadonlySet<string> | null {
  const { protocolType, protocolName, members } = group
  if (protocolType !== 'consumer') return null
  const topics = new Set<string>()
  if (members.size > 0 && protocolName === null) return null
  try {
    for (const member of members.values()) {
      // Read as version 0, which begins all others: kafkajs's assigners put any number in front of it.
      const metadata = new Uint8Array(metadataFor(member, protocolName ?? ''))
      metadata.fill(0, 0, 2)
      for (const topic of decodeSubscription(metadata).topics) topics.add(topic)
    }
  } catch {
    // An assigner may write what it likes.
    return null
  }
  return topics
}

/** ClassicGroup.isSubscribedToTopic: a consumer group of unknown subscriptions may be subscribed to anything. */
export function classicIsSubscribedTo({ subscribedTopics, protocolType }: ClassicGroup, topic: string): boolean {
  return subscribedTopics === null ? protocolType === 'consumer' : subscribedTopics.has(topic)
}

/** Adds a member; the first one leads and sets the protocol type. */
export function addMember(group: ClassicGroup, member: GroupMember, protocolType: string): void {
  if (group.members.size === 0) group.protocolType = protocolType
  group.leaderId ??= member.id
  group.members.set(member.id, member)
  group.pendingMembers.delete(member.id)
}

/** Removes a member or a pending id; leadership passes to the first member left (ClassicGroup.remove). */
export function removeMember(group: ClassicGroup, memberId: string): void {
  group.members.delete(memberId)
  group.pendingMembers.delete(memberId)
  group.pendingSync.delete(memberId)
  if (group.leaderId === memberId) {
    const next = group.members.keys().next()
    group.leaderId = next.done === true ? null : next.value
  }
}

function candidateProtocols(group: ClassicGroup): string[] {
  const counts = new Map<string, number>()
  for (const member of group.members.values()) {
    for (const { name } of member.protocols) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts].filter(([, count]) => count === group.members.size).map(([name]) => name)
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
