/**
 * Every decision that could go more than one way goes through one oracle (rule-K3): `choose(site, n)` answers an
 * integer in [0, n), and 0 is ALWAYS the benign, simplest option, so that shrinking a run means moving choices to 0.
 *
 * A site is a dotted name, `network.latency`; its first word is the stream. Each stream draws on its own, so a new
 * draw in one concern does not shift the others.
 */
import { hashText } from './hash.ts'

export interface Chooser {
  choose(site: string, n: number): number
  /** What was drawn so far, by stream: the input of `replayChooser`. Trailing zeros are left out. */
  choices(): Choices
}

/** Draws by stream, in order. */
export type Choices = Readonly<Record<string, readonly number[]>>

type Draw = (stream: string, index: number, n: number, site: string) => number

/** Every choice is the benign one. */
export function benignChooser(): Chooser {
  return { choose: checked(() => 0), choices: () => ({}) }
}

/** Draws from a seed: the same seed and the same questions give the same answers on every host. */
export function seededChooser(seed: number | string): Chooser {
  const generators = new Map<string, Generator32>()
  return recording((stream, _index, n) => {
    let generator = generators.get(stream)
    if (generator === undefined) {
      generator = sfc32(`${seed}/${stream}`)
      generators.set(stream, generator)
    }
    return below(generator, n)
  })
}

/** Repeats recorded choices; past their end everything is benign. A choice that no longer fits fails loudly. */
export function replayChooser(recorded: Choices): Chooser {
  return recording((stream, index, n, site) => {
    const value = recorded[stream]?.[index] ?? 0
    if (value >= n) {
      throw new Error(
        `Replay no longer fits: choice ${index} of stream "${stream}" was ${value}, but "${site}" now has only ${n} options. ` +
          'The program or kafkarium changed since the choices were recorded.',
      )
    }
    return value
  })
}

/**
 * Enumerates every combination of choices of a small world, depth first: run, then `next()` until it answers false.
 * The first run is the benign one. At most `maxDecisions` decisions a run vary; later ones stay 0.
 */
export function exhaustiveChooser(maxDecisions: number): { chooser(): Chooser; next(): boolean; runs(): number } {
  let path: { value: number; n: number }[] = []
  let runs = 1
  return {
    chooser() {
      let depth = 0
      return recording((_stream, _index, n, site) => {
        if (n === 1 || depth >= maxDecisions) return 0
        const step = path[depth]
        depth += 1
        if (step === undefined) {
          path.push({ value: 0, n })
          return 0
        }
        if (step.n !== n) {
          throw new Error(`The world is not repeatable: decision ${depth} ("${site}") had ${step.n} options, now ${n}.`)
        }
        return step.value
      })
    },
    next() {
      while (path.length > 0) {
        const last = path[path.length - 1] as { value: number; n: number }
        if (last.value + 1 < last.n) {
          path = [...path.slice(0, -1), { value: last.value + 1, n: last.n }]
          runs += 1
          return true
        }
        path.pop()
      }
      return false
    },
    runs: () => runs,
  }
}

function recording(draw: Draw): Chooser {
  const drawn = new Map<string, number[]>()
  return {
    choose: checked((site, n) => {
      const dot = site.indexOf('.')
      const stream = dot < 0 ? site : site.slice(0, dot)
      let list = drawn.get(stream)
      if (list === undefined) {
        list = []
        drawn.set(stream, list)
      }
      const value = draw(stream, list.length, n, site)
      list.push(value)
      return value
    }),
    choices() {
      const out: Record<string, readonly number[]> = {}
      for (const [stream, list] of drawn) {
        let end = list.length
        while (end > 0 && list[end - 1] === 0) end -= 1
        if (end > 0) out[stream] = list.slice(0, end)
      }
      return out
    },
  }
}

function checked(choose: (site: string, n: number) => number): (site: string, n: number) => number {
  return (site, n) => {
    if (!Number.isSafeInteger(n) || n < 1)
      throw new Error(`choose("${site}", ${n}): needs a positive whole number of options.`)
    return choose(site, n)
  }
}

interface Generator32 {
  a: number
  b: number
  c: number
  counter: number
}

/** sfc32 (Chris Doty-Humphrey's Small Fast Chaotic generator): 32-bit integer arithmetic only. */
function sfc32(seed: string): Generator32 {
  const generator = { a: hashText(seed), b: hashText(`${seed}#`), c: hashText(`#${seed}`), counter: 1 }
  for (let i = 0; i < 15; i++) next32(generator)
  return generator
}

function next32(g: Generator32): number {
  const t = (((g.a + g.b) | 0) + g.counter) | 0
  g.counter = (g.counter + 1) | 0
  g.a = g.b ^ (g.b >>> 9)
  g.b = (g.c + (g.c << 3)) | 0
  g.c = (g.c << 21) | (g.c >>> 11)
  g.c = (g.c + t) | 0
  return t >>> 0
}

/** Without bias: draws again in the incomplete last range. */
function below(g: Generator32, n: number): number {
  if (n > 0x100000000) throw new Error(`choose: at most 2^32 options, asked for ${n}.`)
  const limit = 0x100000000 - (0x100000000 % n)
  let value = next32(g)
  while (value >= limit) value = next32(g)
  return value % n
}
