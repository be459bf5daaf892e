/** Every scenario prints what its file says. `npx vitest run test/scenarios -u` writes what they print now into the files. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { differenceOf } from './runner/difference.ts'
import { runScenario } from './runner/run.ts'

const folder = dirname(fileURLToPath(import.meta.url))
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.txt'))
  .sort()

test.each(files)('%s', async (file) => {
  const path = join(folder, file)
  const text = readFileSync(path, 'utf8')
  const printed = await runScenario(text)
  try {
    // With -u it writes the file.
    await expect(printed).toMatchFileSnapshot(path)
  } catch {
    throw new Error(differenceOf(`test/scenarios/${file}`, text, printed))
  }
})
