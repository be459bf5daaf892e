/** The scenarios of this folder as tests. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { differenceOf } from './difference.ts'
import { runScenario } from './run.ts'

const folder = dirname(dirname(fileURLToPath(import.meta.url)))

/** A second or so for two hundred seeds, on a machine that has nothing else to do. */
const TIMEOUT_MS = 240_000

/** Every scenario prints what its file says; with `-u` the file is written anew. */
export function testScenarios(wanted: (file: string) => boolean): void {
  const files = readdirSync(folder).filter((name) => name.endsWith('.txt') && wanted(name))
  test.each(files.sort())(
    '%s',
    async (file) => {
      const path = join(folder, file)
      const text = readFileSync(path, 'utf8')
      const printed = await runScenario(text)
      try {
        await expect(printed).toMatchFileSnapshot(path)
      } catch {
        throw new Error(differenceOf(`test/scenarios/${file}`, text, printed))
      }
    },
    TIMEOUT_MS,
  )
}
