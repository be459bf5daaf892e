/**
 * What a leader knows of its followers, and the two rules that follow from it: how far the high watermark may go, and who
 * is in sync (Partition.scala, Replica.scala; KIP-497, 841, 903). Nothing here is assigned: it follows from fetches.
 */
import { topicConfigValue } from '../config.ts'
import type { Decision } from '../decision.ts'
import type { PartitionLog } from '../log/index.ts'
import type { BrokerState } from '../state.ts'
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
  /** The high watermark it knew when it last asked. */
  knownHighWatermark: number
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
    followers.set(id, {
      logEndOffset: -1,
      logStartOffset: -1,
      lastCaughtUp,
      lastFetchTime: 0,
      lastFetchLeaderEnd: 0,
      waiting: null,
      knownHighWatermark: -1,
    })
  }
  return { epoch, epochStartOffset: log.logEndOffset, isr, partitionEpoch, proposed: null, followers }
}

/** The ISR and what is proposed on top of it: the high watermark waits for all of them. */
export function maximalIsr(leader: LeaderState): readonly number[] {
  return leader.proposed ?? leader.isr
}

/** min.insync.replicas, never more than there are replicas. */
export function effectiveMinIsr(state: BrokerState, topic: string, partition: number): number {
  const info = state.image.topics.get(topic)
  const configured = info === undefined ? 1 : Number(topicConfigValue(info.config, state.config, 'min.insync.replicas'))
  return Math.min(configured, info?.partitions[partition]?.replicas.length ?? 1)
}

/**
 * Partition.maybeIncrementLeaderHW: the least log end of the maximal ISR, and of followers about to join it; not at all while
 * the ISR is below the minimum (strict min ISR, KAFKA-15583).
 */
export function highWatermarkFor(state: BrokerState, log: PartitionLog, leader: LeaderState, now: number): number {
  if (leader.isr.length < effectiveMinIsr(state, log.topic, log.partition)) return log.highWatermark
  const counted = maximalIsr(leader)
  let least = log.logEndOffset
  for (const [id, follower] of leader.followers) {
    if (follower.logEndOffset >= least) continue
    if (counted.includes(id) || aboutToJoin(state, leader, id, follower, log, now))
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
  return caughtUp && !leader.isr.includes(id) && isEligible(state, id)
}

/** replica.lag.time.max.ms. */
export function lagTimeMs(state: BrokerState): number {
  return Number(state.config['replica.lag.time.max.ms'])
}

/** A fenced broker may not join (Partition.isReplicaIsrEligible). */
function isEligible(state: BrokerState, id: number): boolean {
  return state.image.brokers.get(id)?.fenced === false
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
  if (follower === undefined || leader.proposed !== null || leader.isr.includes(id) || !isEligible(state, id)) return
  if (follower.logEndOffset < log.highWatermark || follower.logEndOffset < leader.epochStartOffset) return
  propose(log, leader, [...leader.isr, id], out)
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
    // A shrunk set does not let the high watermark go on before the controller has confirmed it: the maximal ISR stays.
    send(
      log,
      leader,
      leader.isr.filter((id) => !late.includes(id)),
      out,
    )
    leader.proposed = leader.isr
  }
}

function propose(log: PartitionLog, leader: LeaderState, isr: readonly number[], out: Decision): void {
  leader.proposed = isr
  send(log, leader, isr, out)
}

function send(log: PartitionLog, leader: LeaderState, isr: readonly number[], out: Decision): void {
  out.sends.push({
    to: 'controller',
    message: {
      type: 'alter-partition',
      topicId: log.topicId,
      partition: log.partition,
      leaderEpoch: leader.epoch,
      partitionEpoch: leader.partitionEpoch,
      isr,
    },
  })
}
