/** A block's commands as steps. Everything is read before anything runs: a typo in the last line costs no time. */
import { oddsStep, readCount } from './odds.ts'
import { printVerbs } from './print-verbs.ts'
import { producerVerbs } from './producer-verbs.ts'
import { type Line, ScriptError } from './script.ts'
import type { Stage, Step, Verb } from './verb.ts'
import { Words } from './words.ts'
import { worldVerbs } from './world-verbs.ts'

export const VERBS: Readonly<Record<string, Verb>> = { ...worldVerbs, ...producerVerbs, ...printVerbs }

export function readCommands(lines: readonly Line[]): Step[] {
  const steps: Step[] = []
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as Line
    if (/^\s/.test(line.text)) throw new ScriptError(line.number, 'only what belongs to odds is indented.')
    const words = new Words(line)
    if (words.verb !== 'odds') {
      steps.push(readCommand(words))
      continue
    }
    const inner = lines.slice(i + 1)
    const end = inner.findIndex(({ text }) => !/^\s/.test(text))
    const belonging = end < 0 ? inner : inner.slice(0, end)
    steps.push(readOdds(words, belonging))
    i += belonging.length
  }
  return steps
}

function readOdds(words: Words, lines: readonly Line[]): Step {
  const seeds = Number(words.word('how many seeds'))
  words.end()
  if (!Number.isInteger(seeds) || seeds < 1) throw words.error('odds takes a number of seeds, as in odds 200.')
  const inner = lines.map((line) => new Words(line))
  const counts = inner.filter(({ verb }) => verb === 'count').map(readCount)
  if (counts.length === 0) throw words.error('odds lacks a line that says what to count, as in: count lost-effect')
  const steps = inner.filter(({ verb }) => verb !== 'count').map(readCommand)
  return oddsStep(seeds, steps, counts)
}

function readCommand(words: Words): Step {
  const verb = VERBS[words.verb]
  if (verb === undefined) throw words.unknown('command', words.verb, [...Object.keys(VERBS), 'odds', 'count'])
  return located(words, readVerb(words, verb))
}

function readVerb(words: Words, verb: Verb): Step {
  try {
    return verb.read(words)
  } catch (error) {
    throw words.error(`${(error as ScriptError).plain} Write: ${verb.usage}`)
  }
}

/** Whatever fails says in which line. */
function located(words: Words, step: Step): Step {
  return async (stage: Stage) => {
    try {
      const printed = await step(stage)
      if (stage.scene?.failed) throw stage.scene.failed
      return printed
    } catch (error) {
      if (error instanceof ScriptError) throw error
      const seed = stage.seed === null ? '' : ` (seed ${stage.seed})`
      throw new ScriptError(words.line.number, `${words.line.text.trim()}${seed}: ${(error as Error).message}`)
    }
  }
}
