/** Logs without a broker: batches go straight in. */
import {
  appendBatch,
  asStored,
  brokerConfig,
  createLog,
  logConfig,
  type PartitionLog,
} from '../../../src/broker/index.ts'
import { encodeBatch, type RecordInput } from '../../../src/protocol/records.ts'

export const NOW = 1_000_000

export function logWith(
  topic: Readonly<Record<string, string>> = {},
  broker: Readonly<Record<string, string>> = {},
  now = NOW,
): PartitionLog {
  return createLog('orders', 'id', 0, logConfig(topic, brokerConfig(broker)), now)
}

/** Appends one batch of that many records; their timestamp is the time of the append. */
export function append(log: PartitionLog, count: number, now = NOW, bytes = 1): void {
  appendRecords(
    log,
    Array.from({ length: count }, () => ({ key: null, value: 'x'.repeat(bytes), timestamp: now })),
    now,
  )
}

export function appendRecords(log: PartitionLog, records: readonly RecordInput[], now = NOW): void {
  appendBatch(log, asStored(log, encodeBatch(records), now, false), now)
}
