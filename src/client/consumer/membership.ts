/** A way of being a member of a group: the classic protocol or the consumer protocol (KIP-848). */
import type { BrokerClient } from '../network/broker.ts'
import type { Assignment } from '../types/assigners.ts'
import type { MemberIdentity } from './offsets.ts'

/** What a member takes to its join. */
export interface Claim {
  readonly owned: Assignment
  /** In which it got that; -1: in none that counts. */
  readonly generationId: number
}

export interface Membership {
  /** `null` before the first join and after UNKNOWN_MEMBER_ID. */
  memberId: string | null
  /** The generation, or the member epoch. */
  readonly generationId: number
  readonly leaderId: string
  readonly isLeader: boolean
  /** Of the assigner in force. */
  readonly protocol: string
  /** @throws KafkaJSNonRetriableError before the first join */
  readonly coordinator: BrokerClient
  /** As whom to commit, where that can change between assignments; `null`: as the one the last assignment came to. */
  readonly identity: MemberIdentity | null
  /** How often to heartbeat, where the coordinator says so; `null`: as configured. */
  readonly heartbeatIntervalMs: number | null

  join(claim: Claim): Promise<void>
  /**
   * @param onAssigned called when what there is to assign is known
   * @returns what this member shall have
   */
  sync(onAssigned: () => void): Promise<Assignment>
  /** Says whether there is a new assignment to be taken over. */
  heartbeat(): Promise<boolean>
  /** The membership is over: the next join is a first one. */
  forget(): void
  leave(): Promise<void>
}
