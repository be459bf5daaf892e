/** Records, partitions and lists in the words of a story. */
import type { Cluster } from 'kafkarium'
import type { Place } from './journal.ts'

/** `7`, and where it is (`7 at orders-1@3`) unless its value says so: one partition, written from 0 on. */
export function recordText(cluster: Cluster, { topic, partition, offset }: Place, value: string): string {
  const alone = cluster.topic(topic).partitions.length === 1
  return alone && value === String(offset) ? value : `${value} (${topic}-${partition}@${offset})`
}

const MOST_LISTED = 10

/** What comes more than once is counted, and what is too much left out. */
export function listText(items: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  const texts = [...counts].map(([item, count]) => (count === 1 ? item : `${item} (${count} times)`))
  const left = texts.length - MOST_LISTED
  if (texts.length === 0) return 'none'
  return left > 0 ? `${texts.slice(0, MOST_LISTED).join(', ')} and ${left} more` : texts.join(', ')
}

/** `orders-0, orders-2`, in the order of their numbers. */
export function partitionsText(partitions: readonly string[]): string {
  const number = (name: string) => Number(name.slice(name.lastIndexOf('-') + 1))
  return partitions.length === 0 ? 'nothing' : [...partitions].sort((a, b) => number(a) - number(b)).join(' ')
}

/** Rows as columns, two spaces apart. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] as number))
      .join('  ')
      .trimEnd(),
  )
}
