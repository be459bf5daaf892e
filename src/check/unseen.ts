/**
 * unseen: an acknowledged record that is not lost, and that nobody read although readers passed over it, or although they
 * had the time to read everything (`finalPolls`).
 */
import type { ReadOp, SendOp } from '../kernel/index.ts'
import { acksText, type Finding, listText, place } from './finding.ts'
import { groupBy, type IndexedHistory, type PartitionHistory } from './history.ts'
import { whyLossIsLegal } from './legality.ts'
import { lostIn } from './lost-write.ts'

export function unseen(history: IndexedHistory): Finding[] {
  return history.partitions.flatMap((partition) => unseenIn(history, partition))
}

function unseenIn(history: IndexedHistory, partition: PartitionHistory): Finding[] {
  const { sends, stored, reads, end } = partition
  const seen = new Set(reads.map(({ send }) => send))
  const lost = new Set(lostIn(history, partition).map(({ id }) => id))
  const positions = groupBy(stored, ({ send }) => send)
  const readers = groupBy(reads, ({ group, client }) => (group === null ? `consumer ${client}` : `group ${group}`))
  const ranges = [...readers].map(([name, ops]) => ({ name, ...rangeOf(ops) }))
  const findings: Finding[] = []
  for (const send of sends) {
    if (send.outcome !== 'ok' || seen.has(send.id) || lost.has(send.id)) continue
    const offset = positions.get(send.id)?.[0]?.offset ?? send.offset
    // Deleted on purpose, before anybody came.
    if (offset !== null && offset < end.logStartOffset) continue
    const passed = ranges.filter(({ low, high }) => offset !== null && low < offset && offset < high)
    if (passed.length === 0 && !history.setting.finalPolls) continue
    const names = passed.map(({ name }) => name).sort()
    findings.push({
      class: 'unseen',
      sentence: `send ${send.id} (${send.client}, ${acksText(send.acks)}) was acknowledged at ${place(partition.topic, partition.partition, offset)} and nobody read it`,
      topic: partition.topic,
      partition: partition.partition,
      group: null,
      offsets: offset === null ? [] : [offset],
      sends: [send.id],
      legal: whyUnseenIsLegal(history, partition, send, offset),
      evidence:
        names.length > 0
          ? [`read before and behind it: ${listText(names)}`]
          : [`read in this partition: ${listText([...readers.keys()].sort()) || 'nobody'}`],
    })
  }
  return findings
}

function rangeOf(ops: readonly ReadOp[]): { readonly low: number; readonly high: number } {
  let low = Number.POSITIVE_INFINITY
  let high = -1
  for (const { offset } of ops) {
    low = Math.min(low, offset)
    high = Math.max(high, offset)
  }
  return { low, high }
}

function whyUnseenIsLegal(
  history: IndexedHistory,
  partition: PartitionHistory,
  send: SendOp,
  offset: number | null,
): string | null {
  const { end } = partition
  if (offset !== null && offset >= end.highWatermark) {
    return `it is not committed: the high watermark is ${end.highWatermark}, and readers see what is below it`
  }
  const moved = history.groups.some((group) => group.partition === partition && group.moves.length > 0)
  if (moved) return 'a reader was moved by a seek or an offset reset, and moves skip records'
  if (end.compacted) return 'the topic is compacted: it may have been replaced before anybody came'
  // In the log and below the high watermark no configuration hides it.
  return history.knowsLogs ? null : whyLossIsLegal(send, partition)
}
