/** What tests of anomalies share: the checker's judgement of a run, searches over seeds, and a second source of chance. */
import { type Cluster, checkHistory } from 'kafkarium'
import { SEARCH_SEEDS } from './storm.ts'

export interface Judged {
  /** What the checker found, and what of it nothing explains. */
  readonly classes: readonly string[]
  readonly unexplained: readonly string[]
}

/** Of a cluster that keeps a history. */
export function judge(cluster: Cluster): Judged {
  const { findings } = checkHistory(cluster.history())
  return {
    classes: [...new Set(findings.map((finding) => finding.class))],
    unexplained: [...new Set(findings.filter(({ legal }) => legal === null).map((finding) => finding.class))],
  }
}

/** Numerical Recipes' generator: a test's own draws, apart from the cluster's. The answer is from 0 to `sides` - 1. */
export function dice(seed: number): (sides: number) => number {
  let state = (seed * 2654435761) >>> 0
  return (sides) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * sides)
  }
}

/** The first outcome in which something shows itself. @throws when there is none */
export async function reach<T>(
  id: string,
  seeds: number,
  run: (seed: number) => Promise<T>,
  shows: (outcome: T) => boolean,
): Promise<T> {
  for (let seed = 1; seed <= seeds; seed++) {
    const outcome = await run(seed)
    if (!shows(outcome)) continue
    console.log(`${id}: within ${seed} seeds`)
    return outcome
  }
  throw new Error(`${id} is not reached within ${seeds} seeds`)
}

/**
 * Runs as many seeds as searches do, and answers a line for each in which something shows itself all the same.
 *
 * @param share of those seeds: runs with groups in them take ten times as long
 */
export async function avoid<T>(
  id: string,
  run: (seed: number) => Promise<T>,
  problem: (outcome: T) => string | null,
  share = 1,
): Promise<string[]> {
  const wrong: string[] = []
  const seeds = SEARCH_SEEDS * share
  for (let seed = 1; seed <= seeds; seed++) {
    const found = problem(await run(seed))
    if (found !== null) wrong.push(`seed ${seed}: ${found}`)
  }
  console.log(`${id}: safe in ${seeds - wrong.length} of ${seeds} seeds`)
  return wrong
}

/** Time for the searches of one test, in ms. */
export const SEARCH_MS = 60_000 + SEARCH_SEEDS * 120

/** What is in it more than once, each named once. */
export function twice<T>(values: readonly T[]): T[] {
  return [...new Set(values.filter((value, i) => values.indexOf(value) < i))]
}

/** What comes after something that was sent later; `order` is the order of sending, the first place counts. */
export function overtaken<T>(values: readonly T[], order: readonly T[]): T[] {
  let latest = -1
  return [...new Set(values)].filter((value) => {
    const at = order.indexOf(value)
    if (at < latest) return true
    latest = at
    return false
  })
}
