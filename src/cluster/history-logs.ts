/** The end of a recorded run: which send's record stands where in the leaders' logs. */
import { isInternal, type PartitionInfo, type PartitionLog } from '../broker/index.ts'
import type { PartitionEnd, StoredRecord } from '../kernel/index.ts'
import type { RecordBatch } from '../protocol/batch.ts'
import { compressionCode, isControl, readRecords } from '../protocol/records.ts'
import { wasAborted } from './readable.ts'
import type { World } from './world.ts'

/** What a partition's log does not say of it. */
interface AboutPartitions {
  minIsr(topic: string): number
  compacted(topic: string): boolean
  uncleanElections(topic: string, partition: number): number
  lossyCrashes(topic: string, partition: number): number
}

export function logsAtTheEnd(
  world: World,
  firstIdOf: (batch: RecordBatch) => number,
  about: AboutPartitions,
): { readonly stored: StoredRecord[]; readonly aborted: ReadonlySet<number>; readonly partitions: PartitionEnd[] } {
  const stored: StoredRecord[] = []
  const aborted = new Set<number>()
  const partitions: PartitionEnd[] = []
  for (const topic of world.controller.image.topics.values()) {
    if (isInternal(topic.name)) continue
    for (const info of topic.partitions) {
      const log = logOfRecord(world, topic.name, info)
      const { partition } = info
      if (log !== undefined) addRecords(world, log, firstIdOf, stored, aborted)
      partitions.push({
        topic: topic.name,
        partition,
        led: info.leader >= 0,
        logStartOffset: log?.logStartOffset ?? 0,
        highWatermark: log?.highWatermark ?? 0,
        logEndOffset: log?.logEndOffset ?? 0,
        minIsr: about.minIsr(topic.name),
        compacted: about.compacted(topic.name),
        uncleanElections: about.uncleanElections(topic.name, partition),
        lossyCrashes: about.lossyCrashes(topic.name, partition),
      })
    }
  }
  return { stored, aborted, partitions }
}

/** The leader's log; while nobody leads, the longest among those that may be elected. */
function logOfRecord(world: World, topic: string, info: PartitionInfo): PartitionLog | undefined {
  const candidates = info.leader >= 0 ? [info.leader] : info.isr
  let longest: PartitionLog | undefined
  for (const id of candidates) {
    const log = world.nodes.get(id)?.broker.logs.get(topic)?.[info.partition]
    if (log !== undefined && log.logEndOffset > (longest?.logEndOffset ?? -1)) longest = log
  }
  return longest
}

function addRecords(
  world: World,
  log: PartitionLog,
  firstIdOf: (batch: RecordBatch) => number,
  stored: StoredRecord[],
  aborted: Set<number>,
): void {
  const { topic, partition } = log
  for (const batch of log.batches) {
    if (isControl(batch)) continue
    const first = firstIdOf(batch)
    // What was aborted is in the log and was never written: that is what a transaction is for.
    const isAborted = wasAborted(log, batch)
    for (const delta of deltasOf(world, batch)) {
      const offset = batch.baseOffset + delta
      if (isAborted) aborted.add(first + delta)
      else if (offset >= log.logStartOffset) stored.push({ send: first + delta, topic, partition, offset })
    }
  }
}

/** Distances from the base offset. Only a compacted batch has holes, so only that one is read. */
function deltasOf(world: World, batch: RecordBatch): number[] {
  if (batch.recordCount === batch.lastOffsetDelta + 1) return Array.from({ length: batch.recordCount }, (_, i) => i)
  const code = compressionCode(batch)
  const section = code === 0 ? undefined : world.host.decompress(code, batch.records)
  return readRecords(batch, section).map(({ offset }) => offset - batch.baseOffset)
}
