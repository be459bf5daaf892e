/** The journal in words: one line a happening, and what belongs together in one. */
import type { Entry } from './journal.ts'
import { partitionsText, recordText, table } from './names.ts'
import type { Scene } from './scene.ts'
import { timeText } from './time.ts'

export function storyOf(scene: Scene, entries: readonly Entry[]): string[] {
  const rows: [string, string][] = []
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as Entry
    if (isSilent(entry) || (entry.kind === 'began' && isItsEnd(entry, entries[i + 1]))) continue
    const run = entry.kind === 'did' ? runFrom(entries, i) : [entry]
    const last = run.at(-1) as Entry
    if (run.length > 1) i = entries.indexOf(last)
    const time = timeText(entry.time)
    rows.push([last.time === entry.time ? time : `${time}–${timeText(last.time)}`, textOf(scene, entry, run)])
  }
  return rows.length === 0 ? ['nothing'] : table(rows.map(([time, text]) => [time, scene.journal.named(text)]))
}

/** What is only judged by. */
function isSilent(entry: Entry): boolean {
  return (
    ['gone', 'acked', 'told', 'written'].includes(entry.kind) || (entry.kind === 'transaction' && entry.text === null)
  )
}

/** A record that was begun and done with nothing in between is told once. */
function isItsEnd(began: Entry, next: Entry | undefined): boolean {
  return (
    began.kind === 'began' &&
    next !== undefined &&
    (next.kind === 'did' || next.kind === 'threw' || next.kind === 'buried' || next.kind === 'refused-effect') &&
    next.who === began.who &&
    next.value === began.value
  )
}

/** What one consumer did, one record after the other, with nothing else in between. */
function runFrom(entries: readonly Entry[], start: number): Entry[] {
  const first = entries[start] as Entry & { kind: 'did' }
  const run: Entry[] = [first]
  for (let i = start + 1; i < entries.length; i++) {
    const entry = entries[i] as Entry
    if (entry.kind === 'began' && entry.who === first.who && isItsEnd(entry, entries[i + 1])) continue
    if (entry.kind !== 'did' || entry.who !== first.who) break
    run.push(entry)
  }
  return run
}

function textOf({ cluster, journal }: Scene, entry: Entry, run: readonly Entry[]): string {
  switch (entry.kind) {
    case 'began':
      return `${entry.who} begins ${recordText(cluster, entry.place, entry.value)}`
    case 'did': {
      const records = run.flatMap((one) => (one.kind === 'did' ? [recordText(cluster, one.place, one.value)] : []))
      return `${entry.who} did ${records.join(', ')}`
    }
    case 'refused-effect':
      return `${entry.who} did ${recordText(cluster, entry.place, entry.value)} again, to no effect`
    case 'threw':
      return `${entry.who} threw at ${recordText(cluster, entry.place, entry.value)}: ${entry.text}`
    case 'buried':
      return `${entry.who} put ${recordText(cluster, entry.place, entry.value)} into ${entry.text}`
    case 'commit':
      return `${journal.client(entry.who) || 'somebody outside the group'} committed ${entry.topic}-${entry.partition} at ${entry.offset}`
    case 'refused':
      return `${entry.who}'s commit is refused: ${entry.error}`
    case 'rebalance':
      return `${entry.group} rebalances: ${entry.reason}`
    case 'generation': {
      const owners = entry.owners.map(
        ([member, partitions]) => `${journal.client(member)} has ${partitionsText(partitions)}`,
      )
      return `${entry.group} is stable, generation ${entry.generation}: ${owners.sort().join('; ')}`
    }
    case 'owns':
      return `${journal.client(entry.member)} is given ${partitionsText(entry.partitions)} in ${entry.group}`
    case 'back':
      return `${journal.client(entry.member)} is back in ${entry.group} and has ${partitionsText(entry.partitions)} again`
    case 'empty':
      return `${entry.group} has no members`
    case 'dead':
      return `${entry.group} is forgotten`
    case 'expired':
      return `${entry.group}'s committed offset ${entry.offset} of ${entry.topic}-${entry.partition} has expired`
    case 'trouble':
    case 'process':
      return `${entry.who}${entry.kind === 'trouble' ? ':' : ''} ${entry.text}`
    case 'broker':
      return entry.text
    case 'said':
      return `${entry.who} ${entry.text}`
    case 'sent':
      return `${entry.who} wrote ${entry.value} to ${entry.text}`
    case 'marker':
      return `${entry.topic}-${entry.partition}@${entry.offset} is a marker: ${entry.outcome}`
    case 'transaction':
      return `transaction ${entry.id} ${entry.text}`
    case 'gone':
    case 'acked':
    case 'told':
    case 'written':
      return ''
  }
}
