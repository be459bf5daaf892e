/** The read model of a log, offset by offset: what transactions have made of it. Copies only (law K6). */
import { isControl, isTransactional, readRecords, readTransactionMarker } from '../protocol/records.ts'
import { leaderLog } from './leader-log.ts'
import { decompressed } from './record-bytes.ts'
import type { LogEntryView } from './view.ts'
import type { World } from './world.ts'

type Entry = { -readonly [K in keyof LogEntryView]: LogEntryView[K] }

export function logEntries(world: World, topic: string, partition: number): LogEntryView[] {
  const log = leaderLog(world, topic, partition)
  if (log === undefined) return []
  const entries: Entry[] = []
  const open = new Map<number, Entry[]>()
  for (const batch of log.batches) {
    const { producerId } = batch
    const control = isControl(batch)
    const marker = control ? readTransactionMarker(batch) : null
    const transactional = isTransactional(batch)
    const undecided = open.get(producerId) ?? []
    for (const { offset } of readRecords(batch, decompressed(world, batch))) {
      const type = !control ? 'record' : marker?.type === 'ABORT' ? 'abort' : 'commit'
      const transaction = control || !transactional ? null : 'open'
      const entry: Entry = { offset, type, producerId: producerId < 0 ? null : producerId, transaction }
      if (transaction === 'open') undecided.push(entry)
      entries.push(entry)
    }
    if (marker !== null) {
      for (const entry of undecided) entry.transaction = marker.type === 'ABORT' ? 'aborted' : 'committed'
      open.delete(producerId)
    } else if (transactional) open.set(producerId, undecided)
  }
  return entries.filter(({ offset }) => offset >= log.logStartOffset)
}
