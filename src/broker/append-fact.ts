/** What the trace says of a batch that a leader has appended. */
import { createDigest, digestOfBytes, mixNumber } from '../kernel/hash.ts'
import type { Fact } from '../kernel/trace-event.ts'
import type { RecordBatch } from '../protocol/batch.ts'
import { readTransactionMarker } from '../protocol/records.ts'
import type { PartitionLog } from './log/index.ts'

/** Of a batch as it is stored; a marker is told as the end of its transaction. */
export function appended(node: number, { topic, partition }: PartitionLog, batch: RecordBatch, client: string): Fact {
  const { producerId, producerEpoch, baseOffset, baseSequence: sequence } = batch
  const marker = readTransactionMarker(batch)
  if (marker !== null) {
    const { coordinatorEpoch } = marker
    const outcome = marker.type === 'COMMIT' ? 'commit' : 'abort'
    return {
      type: 'marker',
      node,
      topic,
      partition,
      offset: baseOffset,
      producerId,
      producerEpoch,
      coordinatorEpoch,
      outcome,
    }
  }
  const { recordCount: count, records } = batch
  const fact = { type: 'append', node, topic, partition, baseOffset, count, bytes: records.length } as const
  const digest = digestOfBatch(batch)
  if (producerId < 0) return { ...fact, digest, client }
  return { ...fact, digest, client, producer: { id: producerId, epoch: producerEpoch, sequence } }
}

/** Stands for the content in the trace: the records, and of the header what is not told otherwise. */
function digestOfBatch({ records, baseTimestamp, maxTimestamp, attributes }: RecordBatch): number {
  const digest = createDigest()
  mixNumber(digest, digestOfBytes(records))
  mixNumber(digest, baseTimestamp)
  mixNumber(digest, maxTimestamp)
  mixNumber(digest, attributes)
  return digest.a
}
