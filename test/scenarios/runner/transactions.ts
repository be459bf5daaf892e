/** What a trace tells of writes and transactions, and what it says about the records of a log. */
import type { TraceEvent } from 'kafkarium'
import type { Entry, Happening } from './journal.ts'
import type { Scene } from './scene.ts'

const STATES: Readonly<Record<string, string>> = {
  Ongoing: 'is under way',
  PrepareCommit: 'will be committed',
  PrepareAbort: 'will be aborted',
  CompleteCommit: 'is committed everywhere',
  CompleteAbort: 'is aborted everywhere',
}

export function transactionHappening(event: TraceEvent): Happening | null {
  switch (event.type) {
    case 'append': {
      const { node, client, topic, partition, baseOffset: offset, count, producer } = event
      return { kind: 'written', node, client, topic, partition, offset, count, producerId: producer?.id ?? -1 }
    }
    case 'duplicate':
      return {
        kind: 'broker',
        text: `broker ${event.node} has it already: ${event.topic}-${event.partition}@${event.baseOffset} is acknowledged again, not appended`,
      }
    case 'marker': {
      const { topic, partition, offset, producerId, outcome } = event
      return { kind: 'marker', topic, partition, offset, producerId, outcome }
    }
    case 'transaction': {
      const { transactionalId: id, from, to, producerId } = event
      return { kind: 'transaction', id, producerId, text: from === to ? null : (STATES[to] ?? null) }
    }
    case 'transaction.timeout':
      return {
        kind: 'transaction',
        id: event.transactionalId,
        producerId: null,
        text: `is older than ${event.afterMs / 1000}s: its coordinator aborts it`,
      }
    default:
      return null
  }
}

type Fate = 'open' | 'aborted' | 'committed'

/** What became of every record that was written in a transaction, by `topic-partition@offset`. */
export function fates(entries: readonly Entry[]): Map<string, Fate> {
  const transactional = new Set(entries.flatMap((entry) => (entry.kind === 'transaction' ? [entry.producerId] : [])))
  const found = new Map<string, Fate>()
  const open = new Map<string, string[]>()
  for (const entry of entries) {
    if (entry.kind !== 'written' && entry.kind !== 'marker') continue
    const { topic, partition, offset, producerId } = entry
    if (!transactional.has(producerId)) continue
    const of = `${producerId} ${topic}-${partition}`
    if (entry.kind === 'marker') {
      for (const key of open.get(of) ?? []) found.set(key, entry.outcome === 'commit' ? 'committed' : 'aborted')
      open.delete(of)
      continue
    }
    const keys = Array.from({ length: entry.count }, (_unused, i) => `${topic}-${partition}@${offset + i}`)
    open.set(of, [...(open.get(of) ?? []), ...keys])
    for (const key of keys) found.set(key, 'open')
  }
  return found
}

/** The records of a topic that consumers see by default. */
export function committedRecords({ cluster, journal }: Scene, topic: string) {
  const fate = fates(journal.entries)
  return cluster
    .topic(topic)
    .records({ readUncommitted: true })
    .filter(({ partition, offset }) => {
      const known = fate.get(`${topic}-${partition}@${offset}`)
      return known === undefined || known === 'committed'
    })
}

/** The rows of `records`: what the log holds, markers as well. */
export function recordRows({ cluster, journal }: Scene, topic: string): string[][] {
  const fate = fates(journal.entries)
  const ids = new Map(
    journal.entries.flatMap((entry) => (entry.kind === 'transaction' ? [[entry.producerId, entry.id]] : [])),
  )
  const rows = cluster
    .topic(topic)
    .records({ readUncommitted: true })
    .map(({ partition, offset, key, value }) => {
      const where = `${topic}-${partition}@${offset}`
      const state = fate.get(where)
      const texts = [key === null ? '' : journal.named(key), value === null ? '(tombstone)' : journal.named(value)]
      return {
        partition,
        offset,
        row: [where, ...texts, ...(state === undefined || state === 'committed' ? [] : [state])],
      }
    })
  for (const entry of journal.entries) {
    if (entry.kind !== 'marker' || entry.topic !== topic) continue
    const { partition, offset, outcome, producerId } = entry
    rows.push({
      partition,
      offset,
      row: [`${topic}-${partition}@${offset}`, '', `(${outcome} of ${ids.get(producerId)})`],
    })
  }
  return rows.sort((a, b) => a.partition - b.partition || a.offset - b.offset).map(({ row }) => row)
}
