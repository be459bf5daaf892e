/** The leader-epoch cache of a replica: the first offset of each epoch (LeaderEpochFileCache.java, KIP-101). */
import type { PartitionLog } from '../log/index.ts'

export interface EpochEntry {
  readonly epoch: number
  /** The offset of its first record. */
  readonly startOffset: number
}

export interface EpochEnd {
  readonly epoch: number
  /** One past its last offset. */
  readonly endOffset: number
}

/** The epoch of the last record, or of the leadership that has begun; -1 = none. */
export function latestEpoch(log: PartitionLog): number {
  return log.epochs[log.epochs.length - 1]?.epoch ?? -1
}

/** An epoch begins at an offset; what is known of later ones is void. Epochs and offsets both only grow (law L2). */
export function beginEpoch(log: PartitionLog, epoch: number, startOffset: number): void {
  if (epoch <= latestEpoch(log)) return
  while (log.epochs.length > 0 && (log.epochs[log.epochs.length - 1] as EpochEntry).startOffset >= startOffset)
    log.epochs.pop()
  log.epochs.push({ epoch, startOffset })
}

/**
 * Where an epoch ends in this log: the largest epoch not above the asked one, and the start of the next. Null when nothing
 * is known (KIP-279: the answer may be about an earlier epoch than the asked one).
 */
export function endOffsetFor(log: PartitionLog, epoch: number): EpochEnd | null {
  if (epoch < 0 || log.epochs.length === 0) return null
  if (epoch === latestEpoch(log)) return { epoch, endOffset: log.logEndOffset }
  const higherAt = log.epochs.findIndex((entry) => entry.epoch > epoch)
  if (higherAt < 0) return null
  const { startOffset } = log.epochs[higherAt] as EpochEntry
  const floor = log.epochs[higherAt - 1]
  return { epoch: floor?.epoch ?? epoch, endOffset: startOffset }
}
