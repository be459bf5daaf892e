/** The records of `__transaction_state` (TransactionLog.scala). A null value is a tombstone. */
import type { RecordBatch } from '../../protocol/batch.ts'
import { decodeData, encodeData } from '../../protocol/codec/data.ts'
import { encodeBatch, isControl, readRecords } from '../../protocol/records.ts'
import {
  NO_EPOCH,
  NO_PRODUCER,
  TRANSACTION_STATES,
  type TransactionStateName,
  type TransactionValue,
} from './transaction.ts'

export interface TransactionRecord {
  readonly id: string
  readonly value: TransactionValue | null
}

/** @param version of the value: 1, which knows of other ids and of KIP-890, since `transaction.version` 1, else 0 */
export function encodeTransactionRecord({ id, value }: TransactionRecord, version: 0 | 1, now: number): RecordBatch {
  const key = encodeData('TransactionLogKey', 0, { transactionalId: id })
  return encodeBatch([{ key, value: value === null ? null : encodeValue(value, version), timestamp: now }], {})
}

function encodeValue(value: TransactionValue, version: 0 | 1): Uint8Array {
  const topics = new Map<string, number[]>()
  for (const name of value.partitions) {
    const { topic, partition } = partitionOf(name)
    const known = topics.get(topic)
    if (known === undefined) topics.set(topic, [partition])
    else known.push(partition)
  }
  return encodeData('TransactionLogValue', version, {
    producerId: value.producerId,
    previousProducerId: value.previousProducerId,
    nextProducerId: value.nextProducerId,
    producerEpoch: value.epoch,
    transactionTimeoutMs: value.timeoutMs,
    transactionStatus: TRANSACTION_STATES.indexOf(value.state as (typeof TRANSACTION_STATES)[number]),
    // An empty transaction has none, which is told apart from one without any yet.
    transactionPartitions:
      value.state === 'Empty' ? null : [...topics].map(([topic, partitionIds]) => ({ topic, partitionIds })),
    transactionLastUpdateTimestampMs: value.updatedAt,
    transactionStartTimestampMs: value.startedAt,
    clientTransactionVersion: value.version,
  })
}

export function decodeTransactionBatch(batch: RecordBatch): TransactionRecord[] {
  // A marker: an admin may have had it written.
  if (isControl(batch)) return []
  return [...readRecords(batch)].flatMap(({ key, value }) =>
    key === null ? [] : [decodeTransactionRecord(key, value)],
  )
}

/** @throws DecodeError */
export function decodeTransactionRecord(key: Uint8Array, value: Uint8Array | null): TransactionRecord {
  const { transactionalId: id } = decodeData('TransactionLogKey', key).message
  if (value === null) return { id, value: null }
  const decoded = decodeData('TransactionLogValue', value).message
  const state: TransactionStateName = TRANSACTION_STATES[decoded.transactionStatus] ?? 'Dead'
  return {
    id,
    value: {
      producerId: decoded.producerId,
      previousProducerId: decoded.previousProducerId ?? NO_PRODUCER,
      nextProducerId: decoded.nextProducerId,
      epoch: decoded.producerEpoch,
      // Not in the log: a producer that asks again after a failover is fenced.
      lastEpoch: NO_EPOCH,
      timeoutMs: decoded.transactionTimeoutMs,
      state,
      partitions: (decoded.transactionPartitions ?? []).flatMap(({ topic, partitionIds }) =>
        partitionIds.map((partition) => `${topic}-${partition}`),
      ),
      startedAt: decoded.transactionStartTimestampMs,
      updatedAt: decoded.transactionLastUpdateTimestampMs,
      version: decoded.clientTransactionVersion,
    },
  }
}

export function partitionOf(name: string): { readonly topic: string; readonly partition: number } {
  const dash = name.lastIndexOf('-')
  return { topic: name.slice(0, dash), partition: Number(name.slice(dash + 1)) }
}
