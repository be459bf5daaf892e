/** The classic membership protocol: JoinGroup, SyncGroup, Heartbeat, LeaveGroup; the leader assigns (KJ5, KJ6, KJ16). */
import { copyAsHostBytes } from '../bytes.ts'
import { KafkaJSNonRetriableError } from '../errors/base.ts'
import { consumerEvents } from '../events/names.ts'
import type { BrokerClient } from '../network/broker.ts'
import { requestHeartbeat, requestJoin, requestLeave, requestSync } from '../network/group-requests.ts'
import type { Assigner, Assignment, GroupMember, GroupMemberAssignment } from '../types/assigners.ts'
import { AssignerProtocol } from './assigner-protocol.ts'
import { checkOwnersGoFirst } from './assigners/owners-go-first.ts'
import type { Claim, Membership } from './membership.ts'
import type { ConsumerOptions } from './options.ts'

export interface ClassicMembershipOptions extends ConsumerOptions {
  readonly topics: readonly string[]
  readonly assigners: readonly Assigner[]
  readonly isCooperative: boolean
}

export class ClassicMembership implements Membership {
  readonly #options: ClassicMembershipOptions
  memberId: string | null = null
  generationId = -1
  leaderId = ''
  protocol = ''
  readonly identity = null
  readonly heartbeatIntervalMs = null
  /** The group goes on with the assignment it has: this member came back and leads (KIP-814). */
  #skipsAssignment = false
  #members: readonly GroupMember[] = []
  #coordinator: BrokerClient | undefined

  constructor(options: ClassicMembershipOptions) {
    this.#options = options
  }

  get isLeader(): boolean {
    return this.leaderId !== '' && this.memberId === this.leaderId
  }

  get coordinator(): BrokerClient {
    if (this.#coordinator === undefined) throw new KafkaJSNonRetriableError('The consumer has not joined its group yet')
    return this.#coordinator
  }

  async join({ owned, generationId }: Claim): Promise<void> {
    const { cluster, context, assigners, topics, groupId, groupInstanceId, rackId, isCooperative } = this.#options
    const coordinator = await cluster.findGroupCoordinator(groupId)
    this.#coordinator = coordinator
    const joined = await requestJoin(coordinator, {
      groupId,
      sessionTimeoutMs: this.#options.sessionTimeoutMs,
      rebalanceTimeoutMs: this.#options.rebalanceTimeoutMs,
      memberId: this.memberId ?? '',
      groupInstanceId,
      protocols: assigners.map((assigner) => {
        const ownedPartitions = Object.fromEntries(Object.entries(owned).map(([topic, ids]) => [topic, [...ids]]))
        const subscription = { topics: [...topics], ownedPartitions, generationId, rackId: rackId || null }
        const { name, metadata } = assigner.protocol(subscription)
        return { name, metadata: new Uint8Array(metadata) }
      }),
      isApart: isCooperative,
    })
    this.generationId = joined.generationId
    this.leaderId = joined.leader
    this.memberId = joined.memberId
    this.#members = joined.members.map((member) => ({
      memberId: member.memberId,
      memberMetadata: copyAsHostBytes(member.metadata, context.host.bytes.view),
      groupInstanceId: member.groupInstanceId,
    }))
    this.protocol = joined.protocolName ?? ''
    this.#skipsAssignment = joined.skipAssignment
  }

  /**
   * @param onAssigned called when the leader's part is done, before the request leaves
   * @returns what the leader gave this member
   */
  async sync(onAssigned: () => void): Promise<Assignment> {
    const { context, groupId, groupInstanceId, isCooperative } = this.#options
    const memberId = this.memberId ?? ''
    const { generationId, coordinator } = this
    const assignments = this.isLeader && !this.#skipsAssignment ? await this.#assign() : []
    onAssigned()
    const bytes = await requestSync(coordinator, {
      groupId,
      generationId,
      memberId,
      groupInstanceId,
      assignments: assignments.map((one) => ({
        memberId: one.memberId,
        assignment: new Uint8Array(one.memberAssignment),
      })),
      isApart: isCooperative,
    })
    const decoded = AssignerProtocol.MemberAssignment.decode(copyAsHostBytes(bytes, context.host.bytes.view))
    const assignment = decoded?.assignment ?? {}
    const userData = decoded?.userData ?? null
    this.#assigner()?.onAssignment?.({ assignment, userData, generationId, memberId, groupInstanceId })
    return assignment
  }

  #assigner(): Assigner | undefined {
    return this.#options.assigners.find(({ name }) => name === this.protocol)
  }

  async #assign(): Promise<GroupMemberAssignment[]> {
    const { cluster, topics, isCooperative } = this.#options
    const assigner = this.#assigner()
    if (assigner === undefined) {
      throw new KafkaJSNonRetriableError(
        `Unsupported partition assigner "${this.protocol}", the assigner wasn't found in the assigners list`,
      )
    }
    await cluster.refreshMetadata()
    const members = [...this.#members]
    const assignments = await assigner.assign({ members, topics: [...topics] })
    if (isCooperative) checkOwnersGoFirst(assigner.name, members, assignments)
    return assignments
  }

  /** A rebalance is an error here. */
  async heartbeat(): Promise<boolean> {
    const { emitter, groupId, groupInstanceId } = this.#options
    const { generationId, coordinator } = this
    const memberId = this.memberId ?? ''
    await requestHeartbeat(coordinator, { groupId, generationId, memberId, groupInstanceId })
    emitter.emit(consumerEvents.HEARTBEAT, { groupId, memberId, groupGenerationId: generationId })
    return false
  }

  forget(): void {
    this.memberId = null
  }

  async leave(): Promise<void> {
    const { memberId } = this
    if (memberId === null || this.#coordinator === undefined) return
    // A static member is expected back: only its session, or an operator, ends its membership (KIP-345).
    if (this.#options.groupInstanceId === null) await requestLeave(this.#coordinator, this.#options.groupId, memberId)
    this.memberId = null
  }
}
