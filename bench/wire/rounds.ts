/** Measurements side by side: every round asks each runner once, so that what else the machine does meets all alike. */
import { median } from '../table.ts'
import { cpuMs } from './process.ts'

export interface Runner {
  readonly name: string
  /** Whose processor time is counted; undefined where client and cluster are one process. */
  readonly pid?: number
  run(round: number): Promise<Record<string, number>>
}

/** By runner, by measure. */
export type Results = Map<string, Map<string, number[]>>

export async function interleave(runners: readonly Runner[], rounds: number): Promise<Results> {
  const results: Results = new Map(runners.map(({ name }) => [name, new Map()]))
  const broken = new Set<Runner>()
  for (let round = 0; round < rounds; round++) {
    // Nobody always comes first.
    const order = runners.map((_, index) => runners[(index + round) % runners.length] as Runner)
    for (const runner of order.filter((candidate) => !broken.has(candidate))) {
      const before = runner.pid === undefined ? 0 : cpuMs(runner.pid)
      try {
        const measured = await runner.run(round)
        if (runner.pid !== undefined) measured.cpu = cpuMs(runner.pid) - before
        for (const [measure, value] of Object.entries(measured)) note(results, runner.name, measure, value)
      } catch (error) {
        broken.add(runner)
        console.log(`  ${runner.name} is out from round ${round + 1} on: ${(error as Error).message}`)
      }
    }
  }
  return results
}

function note(results: Results, runner: string, measure: string, value: number): void {
  const measures = results.get(runner) as Map<string, number[]>
  measures.set(measure, [...(measures.get(measure) ?? []), value])
}

/** NaN where nothing was measured. */
export function medianOf(results: Results, runner: string, measure: string): number {
  const values = results.get(runner)?.get(measure) ?? []
  return values.length === 0 ? Number.NaN : median(values)
}

export function table(results: Results, columns: readonly (readonly [measure: string, title: string])[]): void {
  console.log(`${''.padEnd(26)}${columns.map(([, title]) => title.padStart(20)).join('')}`)
  for (const name of results.keys()) {
    const cells = columns.map(([measure]) => {
      const value = medianOf(results, name, measure)
      return (Number.isNaN(value) ? '–' : Math.round(value).toLocaleString('en')).padStart(20)
    })
    console.log(`${name.padEnd(26)}${cells.join('')}`)
  }
  console.log()
}
