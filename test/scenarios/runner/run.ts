/** Runs a scenario: its text again, with what every block printed this time. */
import { parseScript, writeScript } from './script.ts'
import type { Stage, Step } from './verb.ts'
import { readCommands } from './verbs.ts'

export async function runScenario(text: string): Promise<string> {
  const parts = parseScript(text)
  // All of it is read before anything runs.
  const steps = parts.map((part) => (part.type === 'prose' ? [] : readCommands(part.commands)))
  const stage: Stage = { scene: null, seed: null }
  const printed: string[][] = []
  try {
    for (const block of steps) printed.push(await runBlock(block, stage))
  } finally {
    await stage.scene?.cluster.dispose()
  }
  return writeScript(parts, printed)
}

async function runBlock(steps: readonly Step[], stage: Stage): Promise<string[]> {
  const printed: string[] = []
  for (const step of steps) printed.push(...(await step(stage)))
  return printed.length === 0 ? ['ok'] : printed
}
