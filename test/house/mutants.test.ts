/** The table of wrong variants fits the source: `npm run mutants` runs them, which takes too long for every day. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { MUTANTS } from '../mutants/index.ts'
import { occurrences } from '../mutants/mutant.ts'
import { root } from '../support/sources.ts'

describe('mutants', () => {
  test.each(MUTANTS.map((mutant) => [mutant.id, mutant] as const))('%s', (_, mutant) => {
    const source = readFileSync(join(root, mutant.file), 'utf8')
    expect(occurrences(source, mutant), `${mutant.file} has to contain this once:\n${mutant.find}`).toBe(1)
    expect(mutant.replace).not.toBe(mutant.find)
  })

  test('ids name one variant each, and variants differ', () => {
    expect(new Set(MUTANTS.map(({ id }) => id)).size).toBe(MUTANTS.length)
    expect(new Set(MUTANTS.map(({ file, find, replace }) => `${file}\n${find}\n${replace}`)).size).toBe(MUTANTS.length)
  })

  test('none of them blinds the laws that are to notice it', () => {
    expect(MUTANTS.filter(({ file }) => file.includes('/laws/'))).toEqual([])
  })
})
