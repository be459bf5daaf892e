/**
 * One replica's log: immutable batches in offset order (UnifiedLog.scala). Replicas and snapshots share the batches; which
 * of them are closed, flushed and clean stands beside them.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import type { EpochEntry } from '../replication/epochs.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { LogConfig } from './config.ts'
import { createProducerState, type ProducerState } from './producers.ts'
import { createSegment, type LogSegment } from './segment.ts'
import { createTransactionState, type TransactionState } from './transactions.ts'

export interface PartitionLog {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  /** `topic-partition`, made once: maps that are asked at every message go by it. */
  readonly key: string
  config: LogConfig
  /** By base offset, ascending, without overlap. Compaction leaves gaps between them. */
  readonly batches: RecordBatch[]
  /** By base offset, ascending; the last is the active one. */
  readonly segments: LogSegment[]
  /** The first offset readers may ask for; what lies before it is never shown, and goes when its whole segment can. */
  logStartOffset: number
  /** LEO: the offset the next record gets. */
  logEndOffset: number
  /** Moved by `setHighWatermark` only. */
  highWatermark: number
  leaderEpoch: number
  /** The first offset of every leader epoch, ascending (KIP-101). */
  readonly epochs: EpochEntry[]
  /** What is known of producers with an id. */
  readonly producers: ProducerState
  readonly transactions: TransactionState
  /** Encoded bytes of all batches, headers included. */
  sizeInBytes: number
  /** The recovery point: everything before it survives a power failure. */
  flushedOffset: number
  flushedAt: number
  appendedAt: number
  readonly highWatermarkCheckpoint: Checkpoint
  readonly logStartCheckpoint: Checkpoint
  /** The cleaner's checkpoint: from here on the log is not compacted yet. */
  cleanedOffset: number
  /** Compaction met records it cannot read: it leaves this log alone (LogCleanerManager.markPartitionUncleanable). */
  uncleanable: boolean
  /** Whether its topic is or was compacted: offsets may have gaps. */
  mayHaveGaps: boolean
}

export function createLog(
  topic: string,
  topicId: string,
  partition: number,
  config: LogConfig,
  now: number,
): PartitionLog {
  return {
    topic,
    topicId,
    partition,
    key: `${topic}-${partition}`,
    config,
    batches: [],
    segments: [createSegment(0, now)],
    logStartOffset: 0,
    logEndOffset: 0,
    highWatermark: 0,
    leaderEpoch: 0,
    epochs: [],
    producers: createProducerState(),
    transactions: createTransactionState(),
    sizeInBytes: 0,
    flushedOffset: 0,
    flushedAt: now,
    appendedAt: now,
    highWatermarkCheckpoint: { saved: 0, changedAt: now },
    logStartCheckpoint: { saved: 0, changedAt: now },
    cleanedOffset: 0,
    uncleanable: false,
    mayHaveGaps: config.compact,
  }
}

/** The topic's configuration changed (UnifiedLog.updateConfig). */
export function configureLog(log: PartitionLog, config: LogConfig): void {
  log.config = config
  if (config.compact) log.mayHaveGaps = true
}
