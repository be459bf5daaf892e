/** What the trace says of a batch that a leader has appended. */
import { createDigest, digestOfBytes, mixNumber } from '../kernel/hash.ts'
import type { Fact } from '../kernel/trace-event.ts'
import type { RecordBatch } from '../protocol/batch.ts'
import { readTransactionMarker } from '../protocol/records.ts'
import type { PartitionLog } from './log/index.ts'

/** Of a batch as it is stored; a marker is told as the end of its transaction. */
export function appended(node: number, log: PartitionLog, batch: RecordBatch, client: string): Fact {
  const marker = readTransactionMarker(batch)
  if (marker === null) return dataAppended(node, log, batch, client)
  const { topic, partition } = log
  const { producerId, producerEpoch, baseOffset: offset } = batch
  const { coordinatorEpoch } = marker
  const outcome = marker.type === 'COMMIT' ? 'commit' : 'abort'
  const ended = { producerId, producerEpoch, coordinatorEpoch, outcome } as const
  return { type: 'marker', node, topic, partition, offset, ...ended }
}

/** Two literals: a spread would cost more than all the rest. */
function dataAppended(node: number, { topic, partition }: PartitionLog, batch: RecordBatch, client: string): Fact {
  const { baseOffset, recordCount: count, records, producerId: id } = batch
  const digest = digestOfBatch(batch)
  const bytes = records.length
  if (id < 0) return { type: 'append', node, topic, partition, baseOffset, count, bytes, digest, client }
  const producer = { id, epoch: batch.producerEpoch, sequence: batch.baseSequence }
  return { type: 'append', node, topic, partition, baseOffset, count, bytes, digest, client, producer }
}

/** Stands for the content in the trace: the records, and of the header what is not told otherwise. */
function digestOfBatch({ records, crc, baseTimestamp, maxTimestamp, attributes }: RecordBatch): number {
  const digest = createDigest()
  // What came with a checksum need not be read once more.
  mixNumber(digest, crc ?? digestOfBytes(records))
  mixNumber(digest, baseTimestamp)
  mixNumber(digest, maxTimestamp)
  mixNumber(digest, attributes)
  return digest.a
}
