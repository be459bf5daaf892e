/** Reading the log of a partition whose coordinator this broker becomes, which takes its time (CoordinatorLoaderImpl, loadTransactionMetadata). */
import type { Decision } from './decision.ts'
import type { PartitionLog } from './log/index.ts'

/** How much of a log is read in a virtual millisecond. */
const BYTES_A_MS = 64 * 1024

/** By partition, when its log will have been read. */
type Loading = Map<number, number>

export function loadedAt(log: PartitionLog, now: number): number {
  return now + Math.ceil(log.sizeInBytes / BYTES_A_MS)
}

/** One timer for all partitions: a broker often becomes the coordinator of many at once. */
export function armLoading(loading: Loading, type: 'load' | 'txn-load', out: Decision): void {
  const at = loading.size === 0 ? null : Math.min(...loading.values())
  out.timers.push(at === null ? { key: type, at } : { key: type, at, timer: { type } })
}

/** Takes out what has been read by now. */
export function takeLoaded(loading: Loading, now: number): number[] {
  const loaded = [...loading].flatMap(([partition, at]) => (at <= now ? [partition] : []))
  for (const partition of loaded) loading.delete(partition)
  return loaded
}
