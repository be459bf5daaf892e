/**
 * lost-write: a record was acknowledged and is not in the log. Where nobody looked into the log (Jepsen's form of it): a
 * record was acknowledged below what somebody read, and nobody ever read it.
 */
import type { SendOp } from '../kernel/index.ts'
import { acksText, type Finding, place } from './finding.ts'
import type { IndexedHistory, PartitionHistory } from './history.ts'
import { whyLossIsLegal } from './legality.ts'

export function lostWrites(history: IndexedHistory): Finding[] {
  return history.partitions.flatMap((partition) =>
    lostIn(history, partition).map((send) => lostWrite(history, partition, send)),
  )
}

/** Which acknowledged records of a partition are gone. */
export function lostIn(history: IndexedHistory, partition: PartitionHistory): SendOp[] {
  const { sends, stored, reads, end } = partition
  const acknowledged = sends.filter(({ outcome }) => outcome === 'ok')
  if (history.knowsLogs) {
    const there = new Set(stored.map(({ send }) => send))
    // What lies before the log's start was deleted on purpose.
    return acknowledged.filter(({ id, offset }) => !there.has(id) && (offset ?? Infinity) >= end.logStartOffset)
  }
  const seen = new Set(reads.map(({ send }) => send))
  const bound = highestRead(partition)
  return acknowledged.filter(
    ({ id, offset }) => !seen.has(id) && offset !== null && offset <= bound && offset >= end.logStartOffset,
  )
}

/** The highest value's FIRST offset, and of the others the LAST counts: a value at several offsets is no proof. */
function highestRead({ reads }: PartitionHistory): number {
  const first = new Map<number, number>()
  for (const { send, offset } of reads) first.set(send, Math.min(first.get(send) ?? offset, offset))
  return [...first.values()].reduce((most, offset) => Math.max(most, offset), -1)
}

function lostWrite(history: IndexedHistory, partition: PartitionHistory, send: SendOp): Finding {
  const { topic, partition: index, end, stored } = partition
  const { offset } = send
  const now = offset === null ? undefined : stored.find((record) => record.offset === offset)
  const evidence = [
    `${send.client} sent it with ${acksText(send.acks)}, ${attemptsText(send.attempts)}, and was told ${offset === null ? 'nothing, which with acks=0 is all there is' : `offset ${offset}`}`,
  ]
  if (!history.knowsLogs) evidence.push(`readers got as far as offset ${highestRead(partition)} without it`)
  else if (now !== undefined) evidence.push(`at offset ${offset} the log has send ${now.send} now`)
  else if (Number.isFinite(end.logEndOffset)) evidence.push(`the log ends at offset ${end.logEndOffset}`)
  const where = history.knowsLogs ? 'is not in the log' : 'no reader ever got it'
  return {
    class: 'lost-write',
    sentence: `send ${send.id} (${send.client}, ${acksText(send.acks)}) was acknowledged at ${place(topic, index, offset)} and ${where}`,
    topic,
    partition: index,
    group: null,
    offsets: offset === null ? [] : [offset],
    sends: [send.id],
    legal: whyLossIsLegal(send, partition),
    evidence,
  }
}

function attemptsText(count: number): string {
  return count === 1 ? 'one request' : `${count} requests`
}
