/**
 * Laws between the replicas of a partition, and between them and the controller. [U] in a comment: holds only while no unclean
 * election and no loss of too many logs has happened; the ledger knows.
 */
import {
  findBatch,
  isActive,
  lastStableOffset,
  logOf,
  type PartitionInfo,
  type PartitionLog,
  type TopicInfo,
} from '../../broker/index.ts'
import { brokerEpochOf } from '../../broker/metadata.ts'
import { latestEpoch } from '../../broker/replication/epochs.ts'
import { effectiveMinIsr, type LeaderState } from '../../broker/replication/leader.ts'
import type { Law } from '../../kernel/index.ts'
import { lastOffsetOf } from '../../protocol/records.ts'
import type { NodeRuntime, World } from '../world.ts'
import { ledgerOf, type PartitionLedger, type ReplicaMemory, rememberReplica } from './ledger.ts'

export interface ReplicaView {
  readonly node: NodeRuntime
  readonly log: PartitionLog
  /** What it believes to lead; undefined = it does not. */
  readonly leader: LeaderState | undefined
  /** As it was when the laws were last found to hold. */
  readonly before: ReplicaMemory | undefined
}

interface LeaderView extends ReplicaView {
  readonly leader: LeaderState
}

/** One partition, as all of its laws see it. */
export interface PartitionScope {
  readonly world: World
  /** `topic-partition`. */
  readonly name: string
  readonly topic: TopicInfo
  readonly info: PartitionInfo
  readonly replicas: readonly ReplicaView[]
  /** In the ISR or in the ELR, as the controller has it. */
  readonly eligible: readonly number[]
  /** The leader the controller knows, if it knows of it, too. */
  readonly current: LeaderView | undefined
  readonly ledger: PartitionLedger
  /** A cleaner has written batches anew: what is the same can no longer be told from the bytes. */
  readonly compacted: boolean
}

/** Null for a partition that is gone. */
export function scopeOf(world: World, name: string): PartitionScope | null {
  const dash = name.lastIndexOf('-')
  const topic = world.controller.image.topics.get(name.slice(0, dash))
  const info = topic?.partitions[Number(name.slice(dash + 1))]
  if (topic === undefined || info === undefined) return null
  const ledger = ledgerOf(world.ledger, topic.id, info.partition)
  const replicas: ReplicaView[] = []
  let current: LeaderView | undefined
  let compacted = false
  for (const node of world.nodes.values()) {
    const log = logOf(node.broker, topic.name, info.partition)
    if (log === undefined || log.topicId !== topic.id) continue
    compacted ||= log.mayHaveGaps
    const leader = node.up ? node.broker.leading.get(name) : undefined
    const replica = { node, log, leader, before: ledger.replicas.get(node.id) }
    replicas.push(replica)
    if (node.id === info.leader && leader?.epoch === info.leaderEpoch) current = replica as LeaderView
  }
  const eligible = info.elr.length === 0 ? info.isr : [...info.isr, ...info.elr]
  return { world, name, topic, info, replicas, eligible, current, ledger, compacted }
}

/** Once everything was found right: what the next check compares with. */
export function remember({ info, replicas, ledger }: PartitionScope): void {
  ledger.leaderEpoch = info.leaderEpoch
  ledger.partitionEpoch = info.partitionEpoch
  for (const { node, log, leader, before } of replicas) {
    if (leader !== undefined) ledger.trueHighWatermark = Math.max(ledger.trueHighWatermark, log.highWatermark)
    const memory = before ?? rememberReplica(ledger, node.id)
    memory.logEndOffset = log.logEndOffset
    memory.highWatermark = log.highWatermark
    memory.lastStableOffset = lastStableOffset(log)
    memory.leadingEpoch = leader?.epoch ?? -1
    memory.proposed = leader?.proposed ?? null
  }
}

/** The first thing that is wrong between two replicas, or null. */
function betweenTwo(
  replicas: readonly ReplicaView[],
  check: (a: ReplicaView, b: ReplicaView) => string | null,
): string | null {
  for (let i = 0; i < replicas.length; i++) {
    for (let j = i + 1; j < replicas.length; j++) {
      const found = check(replicas[i] as ReplicaView, replicas[j] as ReplicaView)
      if (found !== null) return found
    }
  }
  return null
}

/** Whether a leader counts a replica as in sync, or is about to. */
function counts({ isr, proposed }: LeaderState, id: number): boolean {
  return isr.includes(id) || (proposed?.includes(id) ?? false)
}

function isUpToDate(world: World, { up, broker }: NodeRuntime): boolean {
  return up && broker.image.offset === world.controller.log.length
}

/** A law over one partition on its own. */
export function perPartition(
  id: string,
  sentence: string,
  check: (partition: PartitionScope, world: World) => string | null,
): Law<PartitionScope> {
  return {
    id,
    sentence,
    check(partition) {
      const found = check(partition, partition.world)
      return found === null ? null : `${partition.name}: ${found}`
    },
  }
}

export const REPLICA_LAWS: readonly Law<PartitionScope>[] = [
  // [U]
  perPartition(
    'L3',
    'For any two replicas the records below both high watermarks are identical, epochs included.',
    ({ replicas, ledger, compacted }) => {
      if (compacted || ledger.unsafe !== null) return null
      return betweenTwo(replicas, ({ node: a, log }, { node: b, log: other }) => {
        const upTo = Math.min(log.highWatermark, other.highWatermark)
        // What one of them has deleted already cannot be compared.
        const from = Math.max(log.logStartOffset, other.logStartOffset)
        const left = lastBatchWithin(log, from, upTo)
        const right = lastBatchWithin(other, from, upTo)
        if (sameBatch(left, right)) return null
        return `below ${upTo} broker ${a.id} has ${show(left)}, broker ${b.id} has ${show(right)}`
      })
    },
  ),
  perPartition(
    'L4',
    'The same offset in the same epoch on two replicas is the same record, and so is all before it.',
    ({ replicas, compacted }) => {
      if (compacted) return null
      return betweenTwo(replicas, ({ node: a, log }, { node: b, log: other }) => {
        const found = firstDifference(log, other)
        return found === null ? null : `offset ${found} differs between broker ${a.id} and broker ${b.id}`
      })
    },
  ),
  // [U]
  perPartition(
    'L5',
    'No eligible replica cuts back what was shown as committed.',
    ({ replicas, eligible, ledger }, world) => {
      if (ledger.unsafe !== null) return null
      for (const { node, log, before } of replicas) {
        if (before === undefined || log.logEndOffset >= before.logEndOffset) continue
        if (!eligible.includes(node.id) || !isUpToDate(world, node)) continue
        if (log.logEndOffset < ledger.trueHighWatermark)
          return `broker ${node.id} cut back to ${log.logEndOffset}, ${ledger.trueHighWatermark} was shown as committed`
      }
      return null
    },
  ),
  // [U]
  perPartition(
    'L6',
    'The high watermark that clients see never goes back from one leader to the next.',
    ({ current, ledger }) => {
      if (current === undefined || ledger.unsafe !== null) return null
      const { log, leader, node } = current
      // Until it has caught up with its own beginning it shows none (OFFSET_NOT_AVAILABLE).
      if (log.highWatermark < leader.epochStartOffset || log.highWatermark >= ledger.trueHighWatermark) return null
      return `broker ${node.id} shows ${log.highWatermark}, ${ledger.trueHighWatermark} was shown before`
    },
  ),
  perPartition('R1', 'There is at most one leader in one leader epoch, and epochs only grow.', (partition) => {
    const { info, replicas, ledger } = partition
    if (info.leaderEpoch < ledger.leaderEpoch || info.partitionEpoch < ledger.partitionEpoch) {
      return `epochs went from ${ledger.leaderEpoch}/${ledger.partitionEpoch} to ${info.leaderEpoch}/${info.partitionEpoch}`
    }
    for (const { node, leader } of replicas) {
      if (leader !== undefined && leader.epoch > info.leaderEpoch)
        return `broker ${node.id} leads in epoch ${leader.epoch}, of which nobody knows`
    }
    return betweenTwo(replicas, ({ node: a, leader }, { node: b, leader: other }) =>
      leader === undefined || leader.epoch !== other?.epoch
        ? null
        : `in epoch ${leader.epoch} both broker ${a.id} and broker ${b.id} lead`,
    )
  }),
  perPartition(
    'R2',
    'The leader is in sync or there is none; who is in sync or eligible is a replica, and no one is both.',
    ({ topic, info, eligible }, world) => {
      const { leader, isr, replicas } = info
      const elr = info.elr
      if (leader >= 0 && !isr.includes(leader)) return `leader ${leader}, ISR ${isr.join(', ')}`
      const strange = eligible.find((id) => !replicas.includes(id))
      if (strange !== undefined) return `${strange} is not one of the replicas ${replicas.join(', ')}`
      const both = elr.find((id) => isr.includes(id))
      if (both !== undefined) return `${both} is both in the ISR and in the ELR`
      const { brokers } = world.controller.image
      const fenced = isr.filter((id) => brokers.get(id)?.fenced !== false)
      const hasElr = world.controller.switches.elr
      if (hasElr && fenced.length > 0) return `fenced broker(s) ${fenced.join(', ')} in sync`
      if (!hasElr && fenced.length > 0 && isr.length > 1) return `fenced broker(s) ${fenced.join(', ')} in sync`
      if (!hasElr && isr.length === 0) return 'nobody is in sync'
      const node = world.nodes.values().next().value
      const least = node === undefined ? 1 : effectiveMinIsr(node.broker, topic.name, info.partition)
      const known = node !== undefined && node.broker.image.offset === world.controller.log.length
      if (known && isr.length >= least && elr.length > 0) return `${isr.length} in sync, and still an ELR`
      return null
    },
  ),
  perPartition(
    'R3',
    'A leader counts every replica as in sync that the controller counts.',
    ({ info, current }, world) => {
      if (current === undefined || !world.controller.switches.maximalIsr) return null
      const { leader, node } = current
      const forgotten = info.isr.find((id) => !counts(leader, id))
      if (forgotten === undefined) return null
      return `broker ${node.id} counts ${[...leader.isr, ...(leader.proposed ?? [])].join(', ')}, not ${forgotten}`
    },
  ),
  // [U]
  perPartition(
    'R4',
    'Every running replica that is in sync or eligible holds all that a leader ever showed as committed.',
    ({ replicas, eligible, ledger }, world) => {
      if (ledger.unsafe !== null) return null
      for (const { node, log } of replicas) {
        // One that has yet to hear what the controller decided is judged when it has.
        if (!eligible.includes(node.id) || !isUpToDate(world, node)) continue
        if (log.logEndOffset < ledger.trueHighWatermark)
          return `${ledger.trueHighWatermark} was shown as committed, broker ${node.id} ends at ${log.logEndOffset}`
      }
      return null
    },
  ),
  // [U]
  perPartition(
    'R5',
    'The leader holds every record that was acknowledged with acks=all.',
    ({ current, ledger, compacted }) => {
      if (current === undefined || ledger.unsafe !== null || compacted) return null
      const { node, log, leader, before } = current
      const { checkedLeader } = ledger
      // It only grows while it leads: one look a leadership is enough, unless it was cut.
      if (
        checkedLeader.node === node.id &&
        checkedLeader.epoch === leader.epoch &&
        (before?.logEndOffset ?? 0) <= log.logEndOffset
      )
        return null
      ledger.checkedLeader = { node: node.id, epoch: leader.epoch }
      const lost = ledger.acked.find((batch) => !holds(log, batch.baseOffset, batch.records))
      return lost === undefined
        ? null
        : `offset ${lost.baseOffset} was acknowledged, broker ${node.id} leads without it`
    },
  ),
  // [U]
  perPartition(
    'R6',
    'What a leader has below its high watermark is on every replica that it counts as in sync.',
    ({ replicas, ledger, compacted }) => {
      if (ledger.unsafe !== null || ledger.lossyCrashes > 0 || compacted) return null
      for (const { node, log, leader } of replicas) {
        if (leader === undefined) continue
        const own = lastBatchWithin(log, log.logStartOffset, log.highWatermark)
        if (own === undefined) continue
        for (const { node: other, log: copy } of replicas) {
          if (!leader.isr.includes(other.id) || lastOffsetOf(own) < copy.logStartOffset) continue
          if (!holds(copy, own.baseOffset, own.records))
            return `broker ${node.id} shows ${show(own)}, broker ${other.id} of its ISR has it not`
        }
      }
      return null
    },
  ),
  // [U]
  perPartition(
    'R7',
    'A record that was acknowledged with acks=all is on at least one replica.',
    ({ replicas, ledger, compacted }) => {
      if (ledger.unsafe !== null || compacted) return null
      const cut = replicas.some(({ log, before }) => before !== undefined && log.logEndOffset < before.logEndOffset)
      if (!cut) return null
      const lost = ledger.acked.find(
        ({ baseOffset, records }) => !replicas.some(({ log }) => holds(log, baseOffset, records)),
      )
      return lost === undefined ? null : `offset ${lost.baseOffset} was acknowledged, and no replica has it`
    },
  ),
  perPartition(
    'R8',
    'When nobody is in sync and nobody eligible, the last known ones are remembered.',
    ({ info }, world) => {
      if (!world.controller.switches.elr || info.isr.length > 0 || info.elr.length > 0) return null
      return info.lastKnownElr.length > 0 ? null : 'nobody is in sync, eligible or last known'
    },
  ),
  perPartition('R9', 'A replica holds records only of leaderships that it knows of.', ({ replicas }) => {
    for (const { node, log } of replicas) {
      if (latestEpoch(log) > log.leaderEpoch)
        return `broker ${node.id} has records of epoch ${latestEpoch(log)} and knows of ${log.leaderEpoch}`
    }
    return null
  }),
  perPartition(
    'R10',
    'Who is let into the ISR has reached the start of the leader’s epoch and its high watermark, and is in service.',
    ({ replicas, ledger }) => {
      for (const { node, log, leader } of replicas) {
        if (leader === undefined || leader.proposed === null) continue
        // Judged when it is proposed: a follower that restarts since is the controller's affair (KIP-903).
        if (ledger.replicas.get(node.id)?.proposed === leader.proposed) continue
        for (const id of leader.proposed) {
          const follower = leader.followers.get(id)
          if (leader.isr.includes(id) || follower === undefined) continue
          if (follower.logEndOffset < leader.epochStartOffset)
            return `broker ${node.id} lets in broker ${id} at ${follower.logEndOffset}; its epoch began at ${leader.epochStartOffset}`
          if (follower.logEndOffset < log.highWatermark)
            return `broker ${node.id} lets in broker ${id} at ${follower.logEndOffset}; its HW is ${log.highWatermark}`
          // As far as it knows: what has changed since is for the controller to refuse (KIP-841, 903).
          const { image, switches } = node.broker
          if (!isActive(image, id)) return `broker ${node.id} lets in broker ${id}, which is out of service`
          const registered = brokerEpochOf(image, id)
          if (switches.brokerEpochFencing && follower.brokerEpoch >= 0 && follower.brokerEpoch !== registered)
            return `broker ${node.id} lets in broker ${id} of epoch ${follower.brokerEpoch}; registered is ${registered}`
        }
      }
      return null
    },
  ),
  // [U] for the copies of those who lost theirs.
  perPartition(
    'R11',
    'The high watermark advances only when enough are in sync, to where all of them have copied.',
    ({ name, topic, info, replicas, ledger }) => {
      for (const { node, log, leader, before } of replicas) {
        if (leader === undefined || before?.leadingEpoch !== leader.epoch) continue
        if (log.highWatermark <= before.highWatermark) continue
        const least = effectiveMinIsr(node.broker, topic.name, info.partition)
        if (node.broker.switches.strictMinIsr && leader.isr.length < least)
          return `${name} at broker ${node.id} went to ${log.highWatermark} with ${leader.isr.length} of ${least} in sync`
        if (ledger.lossyCrashes > 0) continue
        for (const { node: other, log: copy } of replicas) {
          if (!counts(leader, other.id)) continue
          if (copy.logEndOffset < log.highWatermark)
            return `broker ${node.id} went to ${log.highWatermark}, broker ${other.id} ends at ${copy.logEndOffset}`
        }
      }
      return null
    },
  ),
]

type Batch = PartitionLog['batches'][number]

function sameBatch(a: Batch | undefined, b: Batch | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.baseOffset === b.baseOffset && a.partitionLeaderEpoch === b.partitionLeaderEpoch && a.records === b.records
}

/** Whether a batch is there; one before the log's start need not be. */
function holds(log: PartitionLog, baseOffset: number, records: Uint8Array): boolean {
  if (baseOffset < log.logStartOffset) return true
  return log.batches[findBatch(log, baseOffset)]?.records === records
}

/** The last batch that lies wholly below an offset, and not wholly before another: it stands for all before it. */
function lastBatchWithin(log: PartitionLog, from: number, offset: number): Batch | undefined {
  let at = Math.min(findBatch(log, offset), log.batches.length - 1)
  while (at >= 0 && lastOffsetOf(log.batches[at] as Batch) >= offset) at -= 1
  const batch = log.batches[at]
  return batch === undefined || lastOffsetOf(batch) < from ? undefined : batch
}

/**
 * The offset of two batches of the same offset and epoch that differ, or null. It looks back from the end to the first
 * pair of the same epoch: what lies before it was compared when it was written.
 */
function firstDifference(a: PartitionLog, b: PartitionLog): number | null {
  const from = Math.min(a.logEndOffset, b.logEndOffset) - 1
  let i = Math.min(findBatch(a, from), a.batches.length - 1)
  let j = Math.min(findBatch(b, from), b.batches.length - 1)
  while (i >= 0 && j >= 0) {
    const left = a.batches[i] as Batch
    const right = b.batches[j] as Batch
    if (left.baseOffset > right.baseOffset) i -= 1
    else if (right.baseOffset > left.baseOffset) j -= 1
    else if (left.partitionLeaderEpoch === right.partitionLeaderEpoch)
      return left.records === right.records ? null : left.baseOffset
    else {
      i -= 1
      j -= 1
    }
  }
  return null
}

function show(batch: Batch | undefined): string {
  return batch === undefined
    ? 'nothing'
    : `${batch.baseOffset}–${lastOffsetOf(batch)} of epoch ${batch.partitionLeaderEpoch}`
}
