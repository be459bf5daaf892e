/** A hand-made wrong variant of a rule: what `npm run mutants` puts into the source, and expects a law or a test to notice. */
export interface Mutant {
  /** Stable: the table in docs/testing.md and commits name it. */
  readonly id: string
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
  /** What is wrong with it, in one sentence. */
  readonly wrong: string
  /** The law it breaks, or the KIP, issue or Kafka source the rule comes from. */
  readonly rule: string
}

/** How often a mutant's text occurs: anything but 1 means that the table no longer fits the source. */
export function occurrences(source: string, { find }: Mutant): number {
  return source.split(find).length - 1
}
