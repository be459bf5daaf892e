/**
 * A follower: it asks its leader for what comes after its own log end, truncates where its log departs from the leader's,
 * and asks again (AbstractFetcherThread, ReplicaFetcherThread; KIP-101, 279, 320).
 */
import type { Decision } from '../decision.ts'
import { advanceLogStart, appendBatch, type PartitionLog, startAnew } from '../log.ts'
import { brokerEpochOf } from '../metadata.ts'
import { type BrokerState, logOf, watchKey } from '../state.ts'
import { beginEpoch, endOffsetFor, latestEpoch, truncateTo } from './epochs.ts'
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
      brokerEpoch: brokerEpochOf(state.image, state.id),
    },
  })
}

/** The leader's answer: records, or where the logs part. */
export function gotReplicaData(state: BrokerState, data: ReplicaData, out: Decision): void {
  const log = logOf(state, data.topic, data.partition)
  const role = state.following.get(watchKey(data.topic, data.partition))
  // An answer of an earlier leadership has no effect (law R9).
  if (log === undefined || role === undefined || role.epoch !== data.leaderEpoch || role.leader !== data.leader) return
  state.touched.partitions.add(watchKey(log.topic, log.partition))
  if (data.diverging !== null) {
    const own = endOffsetFor(log, data.diverging.epoch)
    const offset = Math.min(data.diverging.endOffset, own?.endOffset ?? log.logEndOffset, log.logEndOffset)
    const before = log.logEndOffset
    truncateTo(log, offset)
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
  if (data.logStartOffset > log.logEndOffset) startAnew(log, data.batches[0]?.baseOffset ?? data.logStartOffset)
  const baseOffset = log.logEndOffset
  for (const batch of data.batches) {
    // A batch that is there already, or does not follow, is not appended: the next question settles it.
    if (batch.baseOffset !== log.logEndOffset) continue
    beginEpoch(log, batch.partitionLeaderEpoch, batch.baseOffset)
    appendBatch(log, batch)
    count += batch.recordCount
  }
  log.highWatermark = Math.max(
    Math.min(data.highWatermark, log.logEndOffset),
    Math.min(log.highWatermark, log.logEndOffset),
  )
  advanceLogStart(log, Math.min(data.logStartOffset, log.highWatermark))
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
