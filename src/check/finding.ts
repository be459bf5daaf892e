/** What the checker says: a finding, its class, and how it is put into words. */

export type FindingClass =
  | 'lost-write'
  | 'unseen'
  | 'duplicate'
  | 'inconsistent-offsets'
  | 'consume-loss'
  | 'consume-duplicate'
  | 'ambiguous'
  | 'aborted-read'

export interface Finding {
  readonly class: FindingClass
  /** One line for a person. */
  readonly sentence: string
  readonly topic: string
  readonly partition: number
  /** The consumer group, where one is concerned. */
  readonly group: string | null
  /** Ascending. */
  readonly offsets: readonly number[]
  /** Send ids, ascending. */
  readonly sends: readonly number[]
  /**
   * Why it may happen under this run's configuration (semantics: what `acks`, retries, elections and commits promise). Null:
   * nothing explains it.
   */
  readonly legal: string | null
  /** What it was seen from, one fact a line. */
  readonly evidence: readonly string[]
}

/** The worst first. */
export const CLASSES: readonly FindingClass[] = [
  'lost-write',
  'inconsistent-offsets',
  'unseen',
  'duplicate',
  'consume-loss',
  'consume-duplicate',
  'ambiguous',
  'aborted-read',
]

/** Unexplained before explained, then by class, place, offset and send: the same history, the same order. */
export function byImportance(a: Finding, b: Finding): number {
  return (
    Number(a.legal !== null) - Number(b.legal !== null) ||
    CLASSES.indexOf(a.class) - CLASSES.indexOf(b.class) ||
    compareText(a.topic, b.topic) ||
    a.partition - b.partition ||
    compareText(a.group ?? '', b.group ?? '') ||
    compareLists(a.offsets, b.offsets) ||
    compareLists(a.sends, b.sends) ||
    compareText(a.sentence, b.sentence)
  )
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  for (const [i, value] of a.entries()) {
    const other = b[i]
    if (other === undefined) return 1
    if (value !== other) return value - other
  }
  return a.length - b.length
}

export function place(topic: string, partition: number, offset?: number | null): string {
  return offset === undefined || offset === null ? `${topic}-${partition}` : `${topic}-${partition}@${offset}`
}

export function acksText(acks: number): string {
  return acks === -1 ? 'acks=all' : `acks=${acks}`
}

/** `1, 2 and 3`. */
export function listText(items: readonly (string | number)[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items[items.length - 1]}`
}

export function ascending(values: Iterable<number>): number[] {
  return [...new Set(values)].sort((a, b) => a - b)
}
