/** Control records (ControlRecordType.java, EndTransactionMarker.java): how a transaction's end stands in a log. */
import type { RecordBatch } from '../batch.ts'
import { isControl } from './attributes.ts'
import { RecordCursor } from './cursor.ts'
import { encodeBatch } from './encode.ts'

/** ABORT is type 0, COMMIT type 1; others belong to KRaft or to the future. */
export type TransactionEnd = 'ABORT' | 'COMMIT'

export interface TransactionMarker {
  readonly type: TransactionEnd
  readonly producerId: number
  readonly producerEpoch: number
  /** Of the transaction coordinator that wrote it; fences an older one. */
  readonly coordinatorEpoch: number
  readonly timestamp: number
}

/** The batch that ends a transaction in a partition: transactional, control, one record, no sequence. */
export function encodeTransactionMarker(marker: TransactionMarker): RecordBatch {
  const key = new Uint8Array([0, 0, 0, marker.type === 'COMMIT' ? 1 : 0])
  const value = new Uint8Array(6)
  new DataView(value.buffer).setInt32(2, marker.coordinatorEpoch)
  const { producerId, producerEpoch, timestamp } = marker
  return encodeBatch([{ key, value, timestamp }], { producerId, producerEpoch, transactional: true, control: true })
}

/** The marker a batch holds, or `null` for a batch that is none (also a control record of another type). */
export function readTransactionMarker(batch: RecordBatch): TransactionMarker | null {
  if (!isControl(batch)) return null
  const cursor = new RecordCursor(batch)
  if (!cursor.next()) return null
  const type = controlType(cursor.key())
  const value = cursor.value()
  if (type === null || value === null || value.length < 6) return null
  const coordinatorEpoch = new DataView(value.buffer, value.byteOffset).getInt32(2)
  return {
    type,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    coordinatorEpoch,
    timestamp: cursor.timestamp,
  }
}

/** What the key of a control record says, or `null` for a type that ends no transaction. */
export function controlType(key: Uint8Array | null): TransactionEnd | null {
  if (key === null || key.length < 4) return null
  const type = (key[2]! << 8) | key[3]!
  return type === 0 ? 'ABORT' : type === 1 ? 'COMMIT' : null
}
