/**
 * What went wrong in a scene, by the names of the course (Jepsen's and Maelstrom's where they have one). It judges by effects:
 * a record counts as done when the work on it is done, not when a handler has returned.
 */
import type { Entry, Place } from './journal.ts'
import { judgeWrites, WRITE_WRONGS } from './judge-writes.ts'
import { recordText } from './names.ts'
import type { Scene } from './scene.ts'
import { committedRecords } from './transactions.ts'

export const WRONGS = [
  'lost-effect',
  'dup-effect',
  'unseen',
  'zombie-effect',
  'double-owner',
  'commit-refused',
  'commit-regress',
  'commit-lost',
  'acked-commit-lost',
  'stuck',
  ...WRITE_WRONGS,
] as const
export type Wrong = (typeof WRONGS)[number]

/** Without progress for so long, with something left to do, it is stuck. */
const STUCK_MS = 60_000

type Work = Extract<Entry, { readonly kind: 'did' }>

/** What is wrong, each with where; an empty list says that it did not happen. */
export type Verdict = Readonly<Record<Wrong, readonly string[]>>

/** @param who a group, or one consumer, judged as if it were to see every record by itself */
export function judge(scene: Scene, who: string): Verdict {
  const { cluster, journal } = scene
  const worker = scene.workers.get(who)
  const group = worker?.plan.group ?? who
  const topic = topicOf(scene, group)
  const entries = journal.entries
  const done = entries.filter(
    (entry): entry is Work =>
      entry.kind === 'did' && entry.group === group && (worker === undefined || entry.who === who),
  )
  const dealtWith = entries.flatMap((entry) =>
    (entry.kind === 'buried' || entry.kind === 'refused-effect') && entry.group === group ? [keyOf(entry.place)] : [],
  )
  const times = new Map<string, number>()
  for (const { place } of done) times.set(keyOf(place), (times.get(keyOf(place)) ?? 0) + 1)
  const records = committedRecords(scene, topic)
  const named = (list: readonly { topic: string; partition: number; offset: number; value: string | null }[]) =>
    list.map((record) => recordText(cluster, record, record.value ?? 'null'))
  const missing = records.filter((record) => !times.has(keyOf(record)) && !dealtWith.includes(keyOf(record)))
  const passed = missing.filter(({ partition, offset }) => offset < cluster.group(group).committed(topic, partition))
  return {
    'lost-effect': named(passed),
    'dup-effect': named(records.filter((record) => (times.get(keyOf(record)) ?? 0) > 1)),
    unseen: named(missing),
    'zombie-effect': zombies(scene, group),
    'double-owner': doubleOwners(scene, group),
    'commit-refused': [
      ...new Set(entries.flatMap((entry) => (entry.kind === 'refused' && entry.group === group ? [entry.error] : []))),
    ],
    'commit-regress': regressions(entries, group),
    'commit-lost': lostCommits(scene, group, 'commit'),
    'acked-commit-lost': lostCommits(scene, group, 'acked'),
    ...judgeWrites(scene, group, topic),
    stuck: isStuck(scene, group, missing.length > passed.length) ? ['yes'] : [],
  }
}

function topicOf({ workers, topic }: Scene, group: string): string {
  for (const { plan } of workers.values()) if (plan.group === group && plan.topic !== null) return plan.topic
  return topic
}

function keyOf({ topic, partition, offset }: Place): string {
  return `${topic}-${partition}@${offset}`
}

/** Effects of who was out of the group, or of whose partition was another consumer's, at that time. */
function zombies({ cluster, journal }: Scene, group: string): string[] {
  /** By member id. */
  const present = new Map<string, readonly string[]>()
  const found: string[] = []
  for (const entry of journal.entries) {
    if (!('group' in entry) || entry.group !== group) continue
    if (entry.kind === 'generation') {
      present.clear()
      for (const [member, partitions] of entry.owners) present.set(member, partitions)
    }
    if (entry.kind === 'owns') takeOver(present, entry.member, entry.partitions)
    if (entry.kind === 'back') present.set(entry.member, entry.partitions)
    if (entry.kind === 'gone') present.delete(entry.member)
    if (entry.kind !== 'did') continue
    const where = `${entry.place.topic}-${entry.place.partition}`
    const owns = [...present].some(([member, owned]) => journal.client(member) === entry.who && owned.includes(where))
    if (!owns) found.push(`${entry.who} did ${recordText(cluster, entry.place, entry.value)}`)
  }
  return found
}

/** What a member gets nobody else has any more; what it is to give up it may still be finishing. */
function takeOver(present: Map<string, readonly string[]>, member: string, gained: readonly string[]): void {
  for (const [other, owned] of present)
    present.set(
      other,
      owned.filter((partition) => other === member || !gained.includes(partition)),
    )
  present.set(member, [...new Set([...(present.get(member) ?? []), ...gained])])
}

/** Records that two consumers had in their hands at the same time. */
function doubleOwners({ cluster, journal }: Scene, group: string): string[] {
  const hands = new Map<string, Set<string>>()
  const found = new Set<string>()
  for (const entry of journal.entries) {
    if (entry.kind === 'process' && /^(crashes|has ended)$/.test(entry.text)) {
      for (const holders of hands.values()) holders.delete(entry.who)
    }
    if (!('place' in entry) || entry.group !== group) continue
    const holders = hands.get(keyOf(entry.place)) ?? new Set()
    hands.set(keyOf(entry.place), holders)
    if (entry.kind !== 'began') {
      holders.delete(entry.who)
      continue
    }
    holders.add(entry.who)
    if (holders.size > 1) found.add(recordText(cluster, entry.place, entry.value))
  }
  return [...found]
}

function regressions(entries: readonly Entry[], group: string): string[] {
  const committed = new Map<string, number>()
  const found: string[] = []
  for (const entry of entries) {
    if (entry.kind === 'expired' && entry.group === group) committed.delete(`${entry.topic}-${entry.partition}`)
    if (entry.kind !== 'commit' || entry.group !== group) continue
    const where = `${entry.topic}-${entry.partition}`
    const before = committed.get(where) ?? -1
    if (entry.offset < before) found.push(`${where} from ${before} to ${entry.offset}`)
    committed.set(where, entry.offset)
  }
  return found
}

/**
 * Commits a coordinator had taken, or a client had been told of, that are no longer in `__consumer_offsets`. Only brokers that
 * die lose any; otherwise compaction is why one is not there.
 */
function lostCommits({ cluster, journal }: Scene, group: string, kind: 'commit' | 'acked'): string[] {
  if (!journal.entries.some((entry) => entry.kind === 'broker')) return []
  const stored = cluster
    .topic('__consumer_offsets')
    .records({ readUncommitted: true })
    .map(({ key, value }) => `${key} ${value}`)
  return journal.entries.flatMap((entry) => {
    if (entry.kind !== kind || entry.group !== group) return []
    const where = `${entry.topic}-${entry.partition}`
    const at = stored.indexOf(`${group} ${where} offset ${entry.offset}`)
    if (at >= 0) stored.splice(at, 1)
    return at >= 0 ? [] : [`${where} at ${entry.offset}`]
  })
}

function isStuck({ cluster, journal, began }: Scene, group: string, somethingLeft: boolean): boolean {
  if (!somethingLeft) return false
  const last = journal.entries
    .filter((entry) => (entry.kind === 'did' || entry.kind === 'buried') && entry.group === group)
    .at(-1)
  return cluster.now - began - (last?.time ?? 0) >= STUCK_MS
}
