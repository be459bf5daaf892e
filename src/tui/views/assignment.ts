/** Partitions as text, as long as there is room. */
import { width } from '../term/text.ts'

/** `orders-0 orders-2`; where that is long for one of them, `orders-0,2` for all. */
export function partitionTexts(lists: readonly (readonly string[])[]): string[] {
  const full = lists.map((partitions) => partitions.join(' '))
  return full.every((text) => width(text) <= 18) ? full : lists.map(shortList)
}

/** `orders-0,2 payments-1`. */
export function shortList(partitions: readonly string[]): string {
  const topics = new Map<string, string[]>()
  for (const name of partitions) {
    const at = name.lastIndexOf('-')
    const topic = name.slice(0, at)
    topics.set(topic, [...(topics.get(topic) ?? []), name.slice(at + 1)])
  }
  return [...topics].map(([topic, numbers]) => `${topic}-${numbers.join(',')}`).join(' ')
}
