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
import { type BrokerState, logOf, watchKey } from '../state.ts'
import { beginEpoch, endOffsetFor, latestEpoch } from './epochs.ts'
import type { ReplicaData } from './messages.ts'

export interface FollowerRole {
  readonly leader: number
  readonly epoch: number
}

/** Asks the leader for what comes next. One question is open at a time. */
export function askLeader(state: BrokerState, log: PartitionLog, role: FollowerRole, out: Decision): void {
  out.sends.push({
    to: role.leader,
    message: {
      type: 'replica-fetch',
      follower: state.id,
      topic: log.topic,
      partition: log.partition,
      offset: log.logEndOffset,
      lastEpoch: latestEpoch(log),
      leaderEpoch: role.epoch,
      highWatermark: log.highWatermark,
      logStartOffset: log.logStartOffset,
    },
  })
}

/** The leader's answer: records, or where the logs part. */
export function gotReplicaData(state: BrokerState, data: ReplicaData, now: number, out: Decision): void {
  const log = logOf(state, data.topic, data.partition)
  const role = state.following.get(watchKey(data.topic, data.partition))
  // An answer of an earlier leadership has no effect (law R9).
  if (log === undefined || role === undefined || role.epoch !== data.leaderEpoch || role.leader !== data.leader) return
  state.touched.partitions.add(watchKey(log.topic, log.partition))
  if (data.diverging !== null) {
    const own = endOffsetFor(log, data.diverging.epoch)
    const offset = Math.min(data.diverging.endOffset, own?.endOffset ?? log.logEndOffset, log.logEndOffset)
    const before = log.logEndOffset
    truncateTo(log, offset, now)
    if (log.logEndOffset < before) {
      out.facts.push({
        type: 'truncated',
        node: state.id,
        topic: log.topic,
        partition: log.partition,
        from: before,
        to: log.logEndOffset,
      })
    }
    askLeader(state, log, role, out)
    return
  }
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
