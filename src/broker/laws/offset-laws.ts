/** Law T5: what transactions make of committed offsets, read from the log anew and compared with what the coordinator has. */
import type { RecordBatch } from '../../protocol/batch.ts'
import { isTransactional, lastOffsetOf, readTransactionMarker } from '../../protocol/records.ts'
import { type GroupOffsets, getOffset } from '../groups/group.ts'
import { decodeCoordinatorBatch } from '../groups/records.ts'
import { findBatch, type PartitionLog } from '../log/index.ts'
import { OFFSETS_TOPIC } from '../metadata.ts'
import { type BrokerState, type CoordinatorShard, logOf } from '../state.ts'

interface Commit {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Where its batch is in the log. */
  readonly at: number
}

/** What the batches of a partition of `__consumer_offsets` say, read once; a log that was cut or compacted is read anew. */
interface OffsetsRead {
  upTo: number
  last: RecordBatch | undefined
  readonly committed: Map<string, Commit>
  /** By producer id. */
  readonly pending: Map<number, Map<string, Commit>>
  /** What has to be compared, by the same keys. */
  readonly changed: Map<string, Commit>
  /** With whom it was compared. */
  shard: CoordinatorShard | null
}

const readings = new WeakMap<PartitionLog, OffsetsRead>()

/** The first difference in what one broker coordinates, or null. */
export function transactionalOffsetsProblem(broker: BrokerState): string | null {
  if (broker.touched === null || broker.touched.groups.size === 0 || broker.diskFull) return null
  for (const shard of broker.shards.values()) {
    const log = logOf(broker, OFFSETS_TOPIC, shard.partition)
    // Most groups never see a transaction.
    if (log === undefined || (log.producers.entries.size === 0 && !readings.has(log))) continue
    const read = readOn(log)
    const found = read.changed.size > 0 || read.shard !== shard ? difference(read, shard) : null
    if (found !== null) return `${log.key} on broker ${broker.id}: ${found}`
    read.changed.clear()
    read.shard = shard
  }
  return null
}

function readOn(log: PartitionLog): OffsetsRead {
  let read = readings.get(log)
  const stands =
    read !== undefined &&
    read.upTo <= log.logEndOffset &&
    (read.last === undefined || log.batches[findBatch(log, lastOffsetOf(read.last))] === read.last)
  if (read === undefined || !stands) {
    const upTo = log.batches[0]?.baseOffset ?? log.logEndOffset
    read = { upTo, last: undefined, committed: new Map(), pending: new Map(), changed: new Map(), shard: null }
    readings.set(log, read)
  }
  for (let i = findBatch(log, read.upTo); i < log.batches.length; i++) {
    const batch = log.batches[i] as RecordBatch
    readBatch(read, batch)
    read.last = batch
  }
  read.upTo = log.logEndOffset
  return read
}

function readBatch(read: OffsetsRead, batch: RecordBatch): void {
  const marker = readTransactionMarker(batch)
  if (marker !== null) return ends(read, batch.producerId, marker.type === 'COMMIT')
  for (const record of decodeCoordinatorBatch(batch)) {
    if (record.type !== 'offset-commit') continue
    const { group, topic, partition, value } = record
    const key = `${group}\n${topic}-${partition}`
    const commit = { group, topic, partition, offset: value?.offset ?? -1, at: batch.baseOffset }
    read.changed.set(key, commit)
    if (value === null) {
      read.committed.delete(key)
      for (const commits of read.pending.values()) commits.delete(key)
    } else if (isTransactional(batch)) {
      const commits = read.pending.get(batch.producerId) ?? new Map<string, Commit>()
      read.pending.set(batch.producerId, commits)
      commits.set(key, commit)
    } else read.committed.set(key, commit)
  }
}

/** KAFKA-5247: of two commits the later record counts, not the later marker. */
function ends({ committed, pending, changed }: OffsetsRead, producerId: number, commits: boolean): void {
  for (const [key, commit] of pending.get(producerId) ?? []) {
    changed.set(key, commit)
    if (commits && (committed.get(key)?.at ?? -1) < commit.at) committed.set(key, commit)
  }
  pending.delete(producerId)
}

function difference(read: OffsetsRead, shard: CoordinatorShard): string | null {
  const isNew = read.shard !== shard
  for (const [key, commit] of isNew ? [...read.committed, ...read.changed] : read.changed) {
    const found = compare(shard.offsets, commit, read.committed.get(key))
    if (found !== null) return found
  }
  for (const [producerId, commits] of read.pending) {
    const held = shard.pendingOffsets.get(producerId) ?? new Map()
    for (const [key, commit] of commits) {
      const found = isNew || read.changed.has(key) ? compare(held, commit, commit) : null
      if (found !== null) return `in the transaction of producer ${producerId}, ${found}`
    }
  }
  for (const producerId of shard.pendingOffsets.keys())
    if (!read.pending.has(producerId)) return `the transaction of producer ${producerId} has ended and is still pending`
  return null
}

function compare(
  offsets: ReadonlyMap<string, GroupOffsets>,
  { group, topic, partition }: Commit,
  expected: Commit | undefined,
): string | null {
  const own = getOffset(offsets, group, topic, partition)?.offset
  return own === expected?.offset
    ? null
    : `group ${group}, ${topic}-${partition}: the log says ${expected?.offset ?? 'none'}, the coordinator ${own ?? 'none'}`
}
