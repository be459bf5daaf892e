/**
 * What went wrong in a scene, by the names of the course (Jepsen's and Maelstrom's where they have one). It judges by effects:
 * a record counts as done when the work on it is done, not when a handler has returned.
 */
import type { Entry, Place } from './journal.ts'
import { recordText } from './names.ts'
import type { Scene } from './scene.ts'

export const WRONGS = [
  'lost-effect',
  'dup-effect',
  'unseen',
  'zombie-effect',
  'double-owner',
  'commit-refused',
  'commit-regress',
  'commit-lost',
  'stuck',
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
    entry.kind === 'buried' && entry.group === group ? [keyOf(entry.place)] : [],
  )
  const times = new Map<string, number>()
  for (const { place } of done) times.set(keyOf(place), (times.get(keyOf(place)) ?? 0) + 1)
  const records = cluster.topic(topic).records()
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
    'commit-lost': lostCommits(scene, group),
    stuck: isStuck(scene, group, missing.length > passed.length) ? ['yes'] : [],
  }
}

export function topicOf({ workers, topic }: Scene, group: string): string {
  for (const { plan } of workers.values()) if (plan.group === group && plan.topic !== null) return plan.topic
  return topic
}

function keyOf({ topic, partition, offset }: Place): string {
  return `${topic}-${partition}@${offset}`
}

/** Effects of who was out of the group, or of whose partition was another member's, at that time. */
function zombies({ cluster, journal }: Scene, group: string): string[] {
  let owners = new Map<string, string>()
  let present = new Set<string>()
  const found: string[] = []
  for (const entry of journal.entries) {
    if (!('group' in entry) || entry.group !== group) continue
    if (entry.kind === 'generation') {
      present = new Set(entry.owners.map(([member]) => journal.client(member)))
      owners = new Map()
      for (const [member, partitions] of entry.owners) {
        for (const partition of partitions) owners.set(partition, journal.client(member))
      }
    }
    if (entry.kind === 'gone') present.delete(journal.client(entry.member))
    if (entry.kind !== 'did') continue
    const owner = owners.get(`${entry.place.topic}-${entry.place.partition}`)
    if (!present.has(entry.who) || (owner !== undefined && owner !== entry.who)) {
      found.push(`${entry.who} did ${recordText(cluster, entry.place, entry.value)}`)
    }
  }
  return found
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

/** Commits the coordinator took that are not there in the end. */
function lostCommits({ cluster, journal }: Scene, group: string): string[] {
  const last = new Map<string, { readonly topic: string; readonly partition: number; readonly offset: number }>()
  for (const entry of journal.entries) {
    if (entry.kind !== 'commit' && entry.kind !== 'expired') continue
    if (entry.group !== group) continue
    const where = `${entry.topic}-${entry.partition}`
    if (entry.kind === 'commit') last.set(where, entry)
    else last.delete(where)
  }
  return [...last].flatMap(([where, { topic, partition, offset }]) => {
    const now = cluster.group(group).committed(topic, partition)
    return now < offset ? [`${where} ${offset}, there is ${now < 0 ? 'none' : now}`] : []
  })
}

function isStuck({ cluster, journal, began }: Scene, group: string, somethingLeft: boolean): boolean {
  if (!somethingLeft) return false
  const last = journal.entries
    .filter((entry) => (entry.kind === 'did' || entry.kind === 'buried') && entry.group === group)
    .at(-1)
  return cluster.now - began - (last?.time ?? 0) >= STUCK_MS
}
