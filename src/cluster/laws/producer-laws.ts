/** Laws about producers with an id: what logs hold of them, and what replicas remember. */
import { findBatch, type PartitionLog, type ProducerEntry } from '../../broker/index.ts'
import type { RecordBatch } from '../../protocol/batch.ts'
import {
  isControl,
  lastOffsetOf,
  lastSequenceOf,
  readTransactionMarker,
  sequenceAfter,
} from '../../protocol/records.ts'
import { perPartition, type ReplicaView } from './replica-laws.ts'

export const PRODUCER_LAWS = [
  perPartition(
    'P3',
    'The sequences of a producer’s epoch follow one another in the log without gap or repetition; a later epoch begins with 0, and no earlier one comes back.',
    ({ replicas }, { now }) => {
      // Before it somebody may have forgotten who wrote there.
      const start = replicas.reduce((most, { log }) => Math.max(most, log.logStartOffset), 0)
      for (const { node, log, before } of replicas) {
        for (let i = findBatch(log, before?.logEndOffset ?? 0); i < log.batches.length; i++) {
          const batch = log.batches[i] as RecordBatch
          if (batch.producerId < 0) continue
          for (const previous of previousOf(log, i, start)) {
            if (isForgotten(log, previous.maxTimestamp, now)) break
            if (!follows(previous, batch)) return `broker ${node.id}: ${show(previous)} is followed by ${show(batch)}`
          }
        }
      }
      return null
    },
  ),
  perPartition(
    'P4',
    'A replica knows of every producer in its log the last batch, and of no batch that is not in the log; so does a new leader.',
    ({ replicas }, { now }) => {
      for (const replica of replicas) {
        const found = replica.node.up ? tableProblem(replica, now) : null
        if (found !== null) return `broker ${replica.node.id}: ${found}`
      }
      return null
    },
  ),
]

/** The batches of the same producer before this one, back to the last that has a sequence. */
function* previousOf({ batches }: PartitionLog, index: number, start: number): Iterable<RecordBatch> {
  const { producerId } = batches[index] as RecordBatch
  for (let i = index - 1; i >= 0; i--) {
    const batch = batches[i] as RecordBatch
    if (batch.baseOffset < start) return
    if (batch.producerId !== producerId) continue
    yield batch
    if (batch.baseSequence >= 0) return
  }
}

/** Markers and what coordinators write for a producer have no sequence: of them the epoch counts. */
function follows(previous: RecordBatch, batch: RecordBatch): boolean {
  if (batch.producerEpoch < previous.producerEpoch) return false
  if (batch.baseSequence < 0) return true
  if (previous.producerEpoch < batch.producerEpoch) return batch.baseSequence === 0
  // Behind a marker it goes on from the last records, which are looked up on their own.
  return previous.baseSequence < 0 || batch.baseSequence === sequenceAfter(lastSequenceOf(previous))
}

/** Who has not written for so long may be forgotten. */
function isForgotten({ config }: PartitionLog, timestamp: number, now: number): boolean {
  return now - timestamp >= config.producerExpiryMs
}

function tableProblem(replica: ReplicaView, now: number): string | null {
  const { log } = replica
  const whole = mustBeLookedAtWhole(replica)
  const from = Math.max(log.logStartOffset, whole ? 0 : (replica.before?.logEndOffset ?? 0))
  const last = new Map<number, RecordBatch>()
  for (let i = findBatch(log, from); i < log.batches.length; i++) {
    const batch = log.batches[i] as RecordBatch
    if (batch.producerId >= 0) last.set(batch.producerId, batch)
  }
  for (const batch of last.values()) {
    if (!knows(log.producers.entries.get(batch.producerId), batch) && !isForgotten(log, batch.maxTimestamp, now))
      return `it does not know ${show(batch)}`
  }
  return whole ? inventionIn(log) : null
}

/** A new leadership, a log that was cut: else it is enough to look at what is new. */
function mustBeLookedAtWhole({ log, leader, before }: ReplicaView): boolean {
  if (before === undefined || log.logEndOffset < before.logEndOffset) return true
  return leader !== undefined && leader.epoch !== before.leadingEpoch
}

function knows(entry: ProducerEntry | undefined, batch: RecordBatch): boolean {
  if (isControl(batch)) {
    const marker = readTransactionMarker(batch)
    if (marker === null) return true
    return entry?.epoch === batch.producerEpoch && entry.coordinatorEpoch === marker.coordinatorEpoch
  }
  const known = entry?.batches.at(-1)
  return (
    entry?.epoch === batch.producerEpoch &&
    known?.lastSequence === lastSequenceOf(batch) &&
    known.lastOffset === lastOffsetOf(batch)
  )
}

/** A batch it remembers and has not got. Retention and compaction take batches whose producers stay known. */
function inventionIn(log: PartitionLog): string | null {
  const start = log.batches[0]?.baseOffset ?? log.logEndOffset
  for (const [producerId, { epoch, batches }] of log.producers.entries) {
    for (const { lastOffset, lastSequence } of batches) {
      if (lastOffset < start || (log.mayHaveGaps && lastOffset < log.logEndOffset)) continue
      const batch = log.batches[findBatch(log, lastOffset)]
      const same = batch?.producerId === producerId && batch.producerEpoch === epoch
      if (!same || lastSequenceOf(batch) !== lastSequence)
        return `it remembers sequence ${lastSequence} of producer ${producerId}, epoch ${epoch} at offset ${lastOffset}`
    }
  }
  return null
}

function show({ producerId, producerEpoch, baseSequence, baseOffset }: RecordBatch): string {
  return `sequence ${baseSequence} of producer ${producerId}, epoch ${producerEpoch} (offset ${baseOffset})`
}
