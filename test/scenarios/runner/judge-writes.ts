/** What went wrong with what was written: in the topic a group reads, or, of pipes, in the one they write. */
import type { Entry } from './journal.ts'
import { recordText } from './names.ts'
import type { Scene } from './scene.ts'
import { committedRecords, fates } from './transactions.ts'

export const WRITE_WRONGS = ['lost-append', 'dup-append', 'aborted-read', 'fenced'] as const
export type WriteWrong = (typeof WRITE_WRONGS)[number]

const FENCED = /INVALID_PRODUCER_EPOCH|PRODUCER_FENCED/

export function judgeWrites(scene: Scene, group: string, source: string): Record<WriteWrong, readonly string[]> {
  const { journal } = scene
  const target = scene.pipes.get(group)?.target ?? source
  const times = new Map<string, number>()
  for (const { value } of committedRecords(scene, target)) times.set(value ?? '', (times.get(value ?? '') ?? 0) + 1)
  const promised = target === source ? acknowledged(journal.entries, target) : passed(scene, group, source)
  return {
    'lost-append': [...new Set(promised)].filter((value) => !times.has(value)),
    'dup-append': [...times].flatMap(([value, count]) => (count > 1 ? [value] : [])),
    'aborted-read': abortedReads(scene, group),
    fenced: [
      ...new Set(
        journal.entries.flatMap((entry) => (entry.kind === 'said' && FENCED.test(entry.text) ? [entry.who] : [])),
      ),
    ],
  }
}

/** What a producer was told is written, or committed. */
function acknowledged(entries: readonly Entry[], topic: string): string[] {
  return entries.flatMap((entry) =>
    entry.kind === 'told' ? entry.records.filter((record) => record.topic === topic).map(({ value }) => value) : [],
  )
}

/** What the bookmark has passed. */
function passed(scene: Scene, group: string, source: string): string[] {
  return committedRecords(scene, source)
    .filter(({ partition, offset }) => offset < scene.cluster.group(group).committed(source, partition))
    .map(({ value }) => value ?? '')
}

function abortedReads({ cluster, journal }: Scene, group: string): string[] {
  const fate = fates(journal.entries)
  return journal.entries.flatMap((entry) => {
    if (entry.kind !== 'did' || entry.group !== group) return []
    const { topic, partition, offset } = entry.place
    const aborted = fate.get(`${topic}-${partition}@${offset}`) === 'aborted'
    return aborted ? [recordText(cluster, entry.place, entry.value)] : []
  })
}
