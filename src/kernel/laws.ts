/**
 * Laws: what must hold after every event (rule-K7, rule-K11). A law is an id that never changes, a sentence a person
 * can read, and a predicate over the world that answers what is wrong, or null.
 */
export interface Law<World> {
  readonly id: string
  readonly sentence: string
  /** Answers a description of the violation, or null. It only reads. */
  readonly check: (world: World) => string | null
}

export interface Violation {
  readonly law: string
  readonly sentence: string
  readonly detail: string
}

/** The first broken law, or null. */
export function firstViolation<World>(laws: readonly Law<World>[], world: World): Violation | null {
  for (const law of laws) {
    const detail = law.check(world)
    if (detail !== null) return { law: law.id, sentence: law.sentence, detail }
  }
  return null
}

/** Throws when `condition` is false: for what the code itself must never get wrong. */
export function always(condition: boolean, law: string, sentence: string): asserts condition {
  if (!condition) throw new Error(`Law ${law} broken: ${sentence}`)
}
