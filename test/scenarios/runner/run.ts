/** Runs a scenario: its text again, with what every block printed this time. */
import { type Block, parseScript, writeScript } from './script.ts'
import type { Stage } from './verb.ts'
import { readCommands } from './verbs.ts'

export async function runScenario(text: string): Promise<string> {
  const parts = parseScript(text).map((part) =>
    part.type === 'prose' ? part : { ...part, steps: readCommands(part.commands) },
  )
  const stage: Stage = { scene: null, seed: null }
  const done: Parameters<typeof writeScript>[0][number][] = []
  for (const part of parts) {
    if (part.type === 'prose') {
      done.push(part)
      continue
    }
    const printed: string[] = []
    for (const step of part.steps) printed.push(...(await step(stage)))
    const { steps: _unused, ...block } = part
    done.push({ ...(block satisfies Block), printed: printed.length === 0 ? ['ok'] : printed })
  }
  await stage.scene?.cluster.dispose()
  return writeScript(done)
}
