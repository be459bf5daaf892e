/** `odds 200`: the same commands once a seed, and how often each wrong came out of it. */
import { judge, WRONGS, type Wrong } from './judge.ts'
import { table } from './names.ts'
import type { Stage, Step } from './verb.ts'
import type { Words } from './words.ts'

export interface Count {
  readonly wrongs: readonly Wrong[]
  /** A group, or one consumer. */
  readonly who: string
}

/** `count lost-effect dup-effect [of GROUP | NAME]`. */
export function readCount(words: Words): Count {
  const who = words.after('of', 'a group or a consumer') ?? 'billing'
  const wrongs = words.rest()
  words.end()
  if (wrongs.length === 0) throw words.error(`count lacks what to count: ${WRONGS.join(', ')}.`)
  for (const wrong of wrongs) {
    if (!(WRONGS as readonly string[]).includes(wrong)) throw words.unknown('thing to count', wrong, WRONGS)
  }
  return { wrongs: wrongs as Wrong[], who }
}

export function oddsStep(seeds: number, steps: readonly Step[], counts: readonly Count[]): Step {
  return async (outer) => {
    // What went before is over: a cluster that nobody moves would only stand in the way.
    await outer.scene?.cluster.dispose()
    outer.scene = null
    const asked = counts.flatMap(({ wrongs, who }) => wrongs.map((wrong) => ({ wrong, who, seeds: [] as number[] })))
    for (let seed = 0; seed < seeds; seed++) {
      const stage: Stage = { scene: null, seed }
      try {
        for (const step of steps) await step(stage)
        const { scene } = stage
        if (scene === null) continue
        const verdicts = new Map(counts.map(({ who }) => [who, judge(scene, who)]))
        for (const one of asked) if ((verdicts.get(one.who)?.[one.wrong].length ?? 0) > 0) one.seeds.push(seed)
      } finally {
        await stage.scene?.cluster.dispose()
      }
    }
    const several = counts.some((count) => count.who !== 'billing')
    return table(
      asked.map(({ wrong, who: name, seeds: hit }) => [
        `${wrong}${several ? ` of ${name}` : ''}`,
        `in ${hit.length} of ${seeds} seeds`,
        hit.length === 0 ? '' : `the first is ${hit[0]}`,
      ]),
    )
  }
}
