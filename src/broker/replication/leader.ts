/**
 * What a leader knows of its followers, and the two rules that follow from it: how far the high watermark may go, and who
 * is in sync (Partition.scala, Replica.scala; KIP-497, 841, 903). Nothing here is assigned: it follows from fetches.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import type { Decision } from '../decision.ts'
import type { PartitionLog } from '../log/index.ts'
import { brokerEpochOf, isActive } from '../metadata.ts'
import { type BrokerState, logConfigOf, watchKey } from '../state.ts'
import type { ReplicaFetch } from './messages.ts'

export interface LeaderState {
  readonly epoch: number
  /** The log end when this leadership began: followers below it are not in sync. */
  readonly epochStartOffset: number
  isr: readonly number[]
  partitionEpoch: number
  /** Proposed to the controller and not confirmed: counts for the high watermark already (maximal ISR, KIP-497). */
  proposed: readonly number[] | null
  readonly followers: Map<number, FollowerState>
}

export interface FollowerState {
  /** Of the timer that answers it when it waits and there are no records. */
  readonly waitKey: string
  /** That timer may be armed. A leadership before this one may have left it so. */
  waitArmed: boolean
  /** -1 = it has not fetched in this epoch. */
  logEndOffset: number
  /** Where its log starts, as far as it has told; -1 = it has not fetched in this epoch. */
  logStartOffset: number
  /** When it last had everything there was. */
  lastCaughtUp: number
  lastFetchTime: number
  /** The leader's log end at its last fetch. */
  lastFetchLeaderEnd: number
  /** Its fetch, when it waits for more. */
  waiting: ReplicaFetch | null
  /** The question it has open. */
  asking: number
  /** The high watermark it knew when it last asked. */
  knownHighWatermark: number
  /** Which incarnation of the follower asked last (KIP-903); -1 = not known. */
  brokerEpoch: number
}

/** replica.fetch.wait.max.ms. */
export const REPLICA_FETCH_WAIT_MS = 500

export function createLeaderState(
  log: PartitionLog,
  epoch: number,
  partitionEpoch: number,
  isr: readonly number[],
  replicas: readonly number[],
  self: number,
  now: number,
): LeaderState {
  const followers = new Map<number, FollowerState>()
  for (const id of replicas) {
    if (id === self) continue
    // Members of the ISR get the benefit of the doubt for one lag time (Partition.makeLeader).
    const lastCaughtUp = isr.includes(id) ? now : 0
    followers.set(id, createFollowerState(log, id, lastCaughtUp))
  }
  return { epoch, epochStartOffset: log.logEndOffset, isr, partitionEpoch, proposed: null, followers }
}

export function createFollowerState(log: PartitionLog, id: number, lastCaughtUp: number): FollowerState {
  return {
    waitKey: `replica/${log.key}/${id}`,
    waitArmed: true,
    logEndOffset: -1,
    logStartOffset: -1,
    lastCaughtUp,
    lastFetchTime: 0,
    lastFetchLeaderEnd: 0,
    waiting: null,
    asking: 0,
    knownHighWatermark: -1,
    brokerEpoch: -1,
  }
}

/** The ISR and what is proposed on top of it: the high watermark waits for all of them (KIP-497). */
export function maximalIsr({ switches }: BrokerState, leader: LeaderState): readonly number[] {
  return switches.maximalIsr ? (leader.proposed ?? leader.isr) : leader.isr
}

/** This broker leads the partition, and fewer replicas are in sync than a write with acks=all needs (NOT_ENOUGH_REPLICAS). */
export function lacksReplicas(state: BrokerState, topic: string, partition: number): boolean {
  const leader = state.leading.get(watchKey(topic, partition))
  return leader !== undefined && leader.isr.length < effectiveMinIsr(state, topic, partition)
}

/** min.insync.replicas, never more than there are replicas. */
export function effectiveMinIsr(state: BrokerState, topic: string, partition: number): number {
  const info = state.image.topics.get(topic)
  if (info === undefined) return 1
  return Math.min(logConfigOf(state, topic).minInsyncReplicas, info.partitions[partition]?.replicas.length ?? 1)
}

/**
 * Partition.maybeIncrementLeaderHW: the least log end of the maximal ISR, and of followers about to join it; not at all while
 * the ISR is below the minimum (strict min ISR, KAFKA-15583).
 */
export function highWatermarkFor(state: BrokerState, log: PartitionLog, leader: LeaderState, now: number): number {
  const { strictMinIsr, maximalIsr: waitsForJoining } = state.switches
  if (strictMinIsr && leader.isr.length < effectiveMinIsr(state, log.topic, log.partition)) return log.highWatermark
  const counted = maximalIsr(state, leader)
  let least = log.logEndOffset
  for (const [id, follower] of leader.followers) {
    if (follower.logEndOffset >= least) continue
    if (counted.includes(id) || (waitsForJoining && aboutToJoin(state, leader, id, follower, log, now)))
      least = Math.max(follower.logEndOffset, 0)
  }
  return Math.max(least, log.highWatermark)
}

function aboutToJoin(
  state: BrokerState,
  leader: LeaderState,
  id: number,
  follower: FollowerState,
  log: PartitionLog,
  now: number,
): boolean {
  if (follower.logEndOffset < 0) return false
  const caughtUp = follower.logEndOffset === log.logEndOffset || now - follower.lastCaughtUp <= lagTimeMs(state)
  return caughtUp && !leader.isr.includes(id) && isEligible(state, id, follower)
}

/** replica.lag.time.max.ms. */
export function lagTimeMs(state: BrokerState): number {
  return Number(state.config['replica.lag.time.max.ms'])
}

/**
 * Partition.isReplicaIsrEligible: in service, not on its way out (KIP-841), and the incarnation that fetched is the one that
 * is registered (KIP-903).
 */
function isEligible({ image, switches }: BrokerState, id: number, { brokerEpoch }: FollowerState): boolean {
  if (!isActive(image, id)) return false
  return !switches.brokerEpochFencing || brokerEpoch === -1 || brokerEpoch === brokerEpochOf(image, id)
}

/** A follower fetched from `offset`: that is its log end (Replica.updateFetchStateOrThrow). */
export function followerFetched(leader: LeaderState, log: PartitionLog, fetch: ReplicaFetch, now: number): void {
  const follower = leader.followers.get(fetch.follower)
  if (follower === undefined) return
  if (fetch.offset >= log.logEndOffset) follower.lastCaughtUp = now
  else if (fetch.offset >= follower.lastFetchLeaderEnd)
    follower.lastCaughtUp = Math.max(follower.lastCaughtUp, follower.lastFetchTime)
  follower.logEndOffset = fetch.offset
  follower.logStartOffset = fetch.logStartOffset
  follower.knownHighWatermark = fetch.highWatermark
  follower.brokerEpoch = fetch.brokerEpoch
  follower.lastFetchLeaderEnd = log.logEndOffset
  follower.lastFetchTime = now
}

/** Proposes a larger ISR when a follower has caught up (law R10: at or above the HW and the start of this epoch). */
export function maybeExpandIsr(
  state: BrokerState,
  log: PartitionLog,
  leader: LeaderState,
  id: number,
  out: Decision,
): void {
  const follower = leader.followers.get(id)
  if (follower === undefined || leader.proposed !== null || leader.isr.includes(id)) return
  if (!isEligible(state, id, follower)) return
  if (follower.logEndOffset < log.highWatermark || follower.logEndOffset < leader.epochStartOffset) return
  propose(state, log, leader, [...leader.isr, id], out)
}

/** Proposes a smaller ISR without those who lag (Partition.getOutOfSyncReplicas). */
export function maybeShrinkIsr(
  state: BrokerState,
  log: PartitionLog,
  leader: LeaderState,
  now: number,
  out: Decision,
): void {
  if (leader.proposed !== null) return
  const late = leader.isr.filter((id) => {
    const follower = leader.followers.get(id)
    if (follower === undefined) return false
    // Who waits for more has everything.
    const caughtUp = follower.logEndOffset === log.logEndOffset || now - follower.lastCaughtUp <= lagTimeMs(state)
    return !caughtUp
  })
  if (late.length > 0) {
    state.touched?.partitions.add(log.key)
    // A shrunk set does not let the high watermark go on before the controller has confirmed it: the maximal ISR stays.
    send(
      state,
      log,
      leader,
      leader.isr.filter((id) => !late.includes(id)),
      out,
    )
    leader.proposed = leader.isr
  }
}

function propose(
  state: BrokerState,
  log: PartitionLog,
  leader: LeaderState,
  isr: readonly number[],
  out: Decision,
): void {
  leader.proposed = isr
  state.touched?.partitions.add(log.key)
  send(state, log, leader, isr, out)
}

function send(state: BrokerState, log: PartitionLog, leader: LeaderState, isr: readonly number[], out: Decision): void {
  out.sends.push({
    to: 'controller',
    message: {
      type: 'alter-partition',
      topicId: log.topicId,
      partition: log.partition,
      leaderEpoch: leader.epoch,
      partitionEpoch: leader.partitionEpoch,
      isr: isr.map((id) => ({ brokerId: id, brokerEpoch: seenEpoch(state, leader, id) })),
      leaderRecoveryState: 'recovered',
      brokerEpoch: brokerEpochOf(state.image, state.id),
    },
  })
}

/** Partition.addBrokerEpochToIsr: of a member that has not fetched yet it is not known, and so not checked. */
function seenEpoch({ id: self, image, switches }: BrokerState, leader: LeaderState, id: number): number {
  if (!switches.brokerEpochFencing) return -1
  return id === self ? brokerEpochOf(image, id) : (leader.followers.get(id)?.brokerEpoch ?? -1)
}

/**
 * Partition.handleAlterPartitionError. INELIGIBLE_REPLICA says that nothing was changed; after most other errors the proposal
 * may yet turn out to hold, so it counts until metadata says otherwise; what is left is asked again in time.
 */
export function alterRefused(leader: LeaderState, errorCode: number): void {
  switch (errorCode) {
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
    case ErrorCode.UNKNOWN_TOPIC_ID:
    case ErrorCode.FENCED_LEADER_EPOCH:
    case ErrorCode.INVALID_UPDATE_VERSION:
    case ErrorCode.INVALID_REQUEST:
    case ErrorCode.NEW_LEADER_ELECTED:
      return
    default:
      leader.proposed = null
  }
}
