/**
 * Every change of a partition goes through here (PartitionChangeBuilder.java): who is in sync, who is eligible, who leads,
 * what the epochs become, and whether a reassignment is complete. Pure: what holds now and what is wanted in, a record out.
 */
import type { LeaderRecoveryState, PartitionInfo, PartitionRecord } from '../metadata.ts'

/**
 * - `online`: a leader that may stay stays; else the first living member of the ISR (or of the ELR, when the ISR is empty).
 * - `preferred`: the same, but the first replica comes before the present leader.
 * - `unclean`: as `online`, and if nobody is left, any living replica, whatever it lacks.
 */
export type Election = 'online' | 'preferred' | 'unclean'

export interface PartitionChange {
  readonly topicId: string
  readonly partition: PartitionInfo
  /** Whether a broker may lead: in service and not on its way out. */
  readonly acceptable: (id: number) => boolean
  /** min.insync.replicas, never more than there are replicas. */
  readonly minIsr: number
  /** KIP-966. */
  readonly elr: boolean
  /** KAFKA-15021, the switch of that name. */
  readonly keepEpochOnShrink: boolean
  readonly election?: Election
  readonly isr?: readonly number[]
  readonly replicas?: readonly number[]
  readonly adding?: readonly number[]
  readonly removing?: readonly number[]
  /** Brokers that may have lost the end of their logs: they are no longer eligible. */
  readonly uncleanShutdown?: readonly number[]
  readonly leaderRecoveryState?: LeaderRecoveryState
}

/** What the partition is to become, while it is being worked out. */
interface Target {
  replicas: readonly number[]
  isr: readonly number[]
  elr: readonly number[]
  adding: readonly number[]
  removing: readonly number[]
}

interface Elected {
  readonly leader: number
  readonly unclean: boolean
}

/** The record of a change, or null when nothing changes. */
export function changePartition(change: PartitionChange): PartitionRecord | null {
  const { partition } = change
  const target: Target = {
    replicas: change.replicas ?? partition.replicas,
    isr: change.isr ?? partition.isr,
    elr: partition.elr,
    adding: change.adding ?? partition.addingReplicas,
    removing: change.removing ?? partition.removingReplicas,
  }
  completeReassignment(target)
  if (change.elr) growElr(change, target)
  const { leader, unclean } = elect(change, target)
  const newLeader = leader !== partition.leader
  if (newLeader && target.elr.includes(leader)) {
    target.isr = [leader]
    target.elr = without(target.elr, [leader])
  }
  // An unclean election makes the new leader the measure of everything: this can lose data.
  const forced = newLeader && unclean
  if (forced || !change.elr) target.elr = []
  // Before KIP-966 the last in-sync replica stays, be it gone: who came back instead would lack data.
  const isr = forced ? [leader] : target.isr.length > 0 || change.elr ? target.isr : partition.isr
  const bumped =
    newLeader ||
    // A replica that left has to be kept from answering for the partition.
    !containsAll(target.replicas, partition.replicas) ||
    (!change.keepEpochOnShrink && !containsAll(isr, partition.isr))
  const recovery = change.leaderRecoveryState ?? partition.leaderRecoveryState
  const next: PartitionInfo = {
    partition: partition.partition,
    replicas: target.replicas,
    isr,
    elr: target.elr,
    lastKnownElr: lastKnownLeader(change, isr, leader),
    leader,
    leaderRecoveryState: forced ? 'recovering' : recovery,
    leaderEpoch: partition.leaderEpoch + (bumped ? 1 : 0),
    partitionEpoch: partition.partitionEpoch,
    addingReplicas: target.adding,
    removingReplicas: target.removing,
  }
  if (!bumped && sameInfo(next, partition)) return null
  return { type: 'partition', topicId: change.topicId, ...next, partitionEpoch: partition.partitionEpoch + 1 }
}

/** Once all replicas that are to stay are in sync, the others go (PartitionReassignmentReplicas.maybeCompleteReassignment). */
function completeReassignment(target: Target): void {
  if (target.adding.length === 0 && target.removing.length === 0) return
  const isr = without(target.isr, target.removing)
  const replicas = without(target.replicas, target.removing)
  if (isr.length === 0 || replicas.length === 0 || !containsAll(isr, replicas)) return
  target.isr = isr
  target.replicas = replicas
  target.adding = []
  target.removing = []
}

/**
 * KIP-966: the high watermark stands still below min.insync.replicas, so who leaves the ISR then has all that is committed
 * and stays eligible, unless it may have lost the end of its log.
 */
function growElr({ partition, minIsr, uncleanShutdown = [] }: PartitionChange, target: Target): void {
  if (target.isr.length >= minIsr) {
    target.elr = []
    return
  }
  const candidates = [...target.elr, ...without(partition.isr, target.elr)].sort((a, b) => a - b)
  // Who a completed reassignment has just removed is no replica any more (law R2).
  target.elr = without(candidates, [...target.isr, ...uncleanShutdown]).filter((id) => target.replicas.includes(id))
}

function elect(change: PartitionChange, target: Target): Elected {
  const { partition, election = 'online', acceptable } = change
  const eligible = (id: number) =>
    (target.isr.includes(id) || (target.isr.length === 0 && target.elr.includes(id))) && acceptable(id)
  const order = election === 'preferred' ? [target.replicas[0] ?? -1, partition.leader] : [partition.leader]
  const clean = [...order, ...target.replicas].find(eligible)
  if (clean !== undefined) return { leader: clean, unclean: false }
  const last = lastResort(change, target)
  if (last !== undefined) return { leader: last, unclean: true }
  const any = election === 'unclean' ? target.replicas.find(acceptable) : undefined
  return any === undefined ? { leader: -1, unclean: false } : { leader: any, unclean: true }
}

/** Balanced recovery: with nobody eligible left, the last leader may lead again, even if it lost the end of its log. */
function lastResort({ partition, elr, acceptable }: PartitionChange, target: Target): number | undefined {
  const [last] = partition.lastKnownElr
  if (!elr || target.isr.length > 0 || target.elr.length > 0 || last === undefined) return undefined
  return acceptable(last) ? last : undefined
}

/** Remembered while a partition has no leader, from the moment its ISR becomes empty (maybeUpdateLastKnownLeader). */
function lastKnownLeader({ partition, elr }: PartitionChange, isr: readonly number[], leader: number) {
  if (!elr || leader >= 0) return elr ? [] : partition.lastKnownElr
  return isr.length === 0 && partition.leader >= 0 ? [partition.leader] : partition.lastKnownElr
}

function sameInfo(a: PartitionInfo, b: PartitionInfo): boolean {
  return (
    sameList(a.replicas, b.replicas) &&
    sameList(a.isr, b.isr) &&
    sameList(a.elr, b.elr) &&
    sameList(a.lastKnownElr, b.lastKnownElr) &&
    sameList(a.addingReplicas, b.addingReplicas) &&
    sameList(a.removingReplicas, b.removingReplicas) &&
    a.leader === b.leader &&
    a.leaderRecoveryState === b.leaderRecoveryState
  )
}

function sameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i])
}

function containsAll(outer: readonly number[], inner: readonly number[]): boolean {
  return inner.every((id) => outer.includes(id))
}

export function without(ids: readonly number[], gone: readonly number[]): number[] {
  return ids.filter((id) => !gone.includes(id))
}
