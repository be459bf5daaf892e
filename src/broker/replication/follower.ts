/**
 * A follower: it asks its leader for what comes after its own log end, truncates where its log departs from the leader's,
 * and asks again (AbstractFetcherThread, ReplicaFetcherThread; KIP-101, 279, 320).
 */
import type { Decision } from '../decision.ts'
import {
  advanceLogStart,
  appendBatch,
  type PartitionLog,
  setHighWatermark,
  startAnew,
  truncateTo,
} from '../log/index.ts'
import { brokerEpochOf } from '../metadata.ts'
import { type BrokerState, logOf } from '../state.ts'
import { beginEpoch, endOffsetFor, latestEpoch } from './epochs.ts'
import type { ReplicaData } from './messages.ts'

export interface Leadership {
  readonly leader: number
  readonly epoch: number
}

export interface FollowerRole extends Leadership {
  /** How many questions it has asked. */
  asked: number
  /** Its log has been brought in line with the leader's once. */
  aligned: boolean
}

/** A broker begins to follow. Before KIP-101 it first cut its log to its own high watermark, which may lag. */
export function follow(
  state: BrokerState,
  log: PartitionLog,
  { leader, epoch }: Leadership,
  now: number,
  out: Decision,
): void {
  const role: FollowerRole = { leader, epoch, asked: 0, aligned: false }
  state.following.set(log.key, role)
  if (state.switches.truncation === 'highWatermark') cutBack(state, log, log.highWatermark, now, out)
  askLeader(state, log, role, out)
}

/** Until KIP-279 and 320 a follower compared epochs once, when it began to follow; since KIP-595 with every fetch. */
function lastEpochToTell({ switches }: BrokerState, log: PartitionLog, role: FollowerRole): number {
  if (switches.truncation === 'highWatermark') return -1
  return role.aligned && !(switches.kip279 && switches.fetchFencing) ? -1 : latestEpoch(log)
}

function cutBack(state: BrokerState, log: PartitionLog, offset: number, now: number, out: Decision): void {
  const before = log.logEndOffset
  truncateTo(log, offset, now)
  if (log.logEndOffset === before) return
  state.touched?.partitions.add(log.key)
  const { topic, partition, logEndOffset } = log
  out.facts.push({ type: 'truncated', node: state.id, topic, partition, from: before, to: logEndOffset })
}

/** Asks the leader for what comes next. One question is open at a time. */
export function askLeader(state: BrokerState, log: PartitionLog, role: FollowerRole, out: Decision): void {
  role.asked += 1
  out.sends.push({
    to: role.leader,
    message: {
      type: 'replica-fetch',
      follower: state.id,
      ask: role.asked,
      topic: log.topic,
      partition: log.partition,
      offset: log.logEndOffset,
      lastEpoch: lastEpochToTell(state, log, role),
      leaderEpoch: role.epoch,
      highWatermark: log.highWatermark,
      brokerEpoch: brokerEpochOf(state.image, state.id),
      logStartOffset: log.logStartOffset,
    },
  })
}

/** The leader's answer: records, or where the logs part. */
export function gotReplicaData(state: BrokerState, data: ReplicaData, now: number, out: Decision): void {
  const log = logOf(state, data.topic, data.partition)
  const role = log === undefined ? undefined : state.following.get(log.key)
  if (log === undefined || role === undefined || role.leader !== data.leader || role.asked !== data.ask) return
  // An answer of another leadership has no effect (KIP-320, law R9).
  if (role.epoch !== data.leaderEpoch && state.switches.fetchFencing) return
  state.touched?.partitions.add(log.key)
  if (data.diverging !== null) {
    const own = state.switches.kip279 ? endOffsetFor(log, data.diverging.epoch) : null
    const offset = Math.min(data.diverging.endOffset, own?.endOffset ?? log.logEndOffset, log.logEndOffset)
    // With KIP-279 the two may have to go back more than one epoch: it asks on until they agree.
    role.aligned = !state.switches.kip279
    cutBack(state, log, offset, now, out)
    askLeader(state, log, role, out)
    return
  }
  if (state.diskFull && data.batches.length > 0) {
    out.halt = true
    return
  }
  role.aligned = true
  let count = 0
  // What it lacks is gone at the leader: it begins anew where the leader's log does (truncateFullyAndStartAt).
  if (data.logStartOffset > log.logEndOffset)
    startAnew(log, Math.min(data.batches[0]?.baseOffset ?? data.logStartOffset, data.logStartOffset), now)
  const baseOffset = log.logEndOffset
  for (const batch of data.batches) {
    // A batch that is there already, or does not follow, is not appended: the next question settles it. One that begins
    // above the log end follows when the leader has nothing in between.
    if (batch.baseOffset < log.logEndOffset || data.fetchOffset > log.logEndOffset) continue
    beginEpoch(log, batch.partitionLeaderEpoch, batch.baseOffset)
    appendBatch(log, batch, now)
    count += batch.recordCount
  }
  setHighWatermark(log, Math.max(data.highWatermark, log.highWatermark), now)
  advanceLogStart(log, Math.min(data.logStartOffset, log.highWatermark), now)
  if (count > 0) {
    out.facts.push({
      type: 'replicated',
      node: state.id,
      topic: log.topic,
      partition: log.partition,
      baseOffset,
      count,
    })
  }
  askLeader(state, log, role, out)
}
