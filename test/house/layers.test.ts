/** The layer table of ARCHITECTURE.md, enforced: who may import whom, and no static cycles. */
import { describe, expect, test } from 'vitest'
import { importsOf, resolveImport, type SourceFile, sourceFiles } from '../support/sources.ts'

interface Layer {
  /** Layers it may import. */
  readonly may: readonly string[]
  /** Layers it may import only with `await import()`, or for their types. */
  readonly lazily?: readonly string[]
  /** Layers it may import only for their types. */
  readonly types?: readonly string[]
  /** Bare specifiers: `node:` stands for all of Node's own modules. */
  readonly packages?: readonly string[]
}

/** A layer is a folder of `src`, `index` the files directly in it, `lessons` the folder of that name. */
const LAYERS: Readonly<Record<string, Layer>> = {
  kernel: { may: [] },
  protocol: { may: ['kernel'] },
  broker: { may: ['kernel', 'protocol'] },
  cluster: { may: ['kernel', 'broker', 'protocol'] },
  client: { may: ['protocol'] },
  check: { may: ['kernel', 'protocol'] },
  host: { may: ['kernel', 'protocol', 'cluster', 'client'], packages: ['node:', 'fzstd'] },
  index: {
    may: ['kernel', 'protocol', 'broker', 'cluster', 'client', 'check', 'host'],
    lazily: ['server', 'adapter'],
  },
  adapter: { may: ['index', 'protocol'], packages: ['node:', 'kafkajs'] },
  server: { may: ['index', 'protocol'], packages: ['node:'] },
  testing: { may: ['index'], packages: ['node:', 'vitest', '@jest/globals', 'fast-check'] },
  lessons: { may: ['index'], types: ['course'] },
  course: { may: ['index', 'check', 'lessons'], packages: ['node:', 'marked'] },
  export: { may: ['course'], packages: ['node:'] },
  tui: {
    may: ['index', 'course', 'export'],
    packages: ['node:', 'ink', 'react', 'react/jsx-runtime', 'string-width', 'signal-exit'],
  },
  cli: {
    may: ['index', 'check', 'adapter', 'server', 'testing', 'lessons', 'course', 'export', 'tui'],
    packages: ['node:', 'commander'],
  },
}

function layerOf(path: string): string | undefined {
  // The composition root is index.ts and what lies beside it.
  if (path === 'kafkarium' || /^src\/[^/]+\.ts$/.test(path)) return 'index'
  if (path.startsWith('lessons/')) return 'lessons'
  return /^src\/([^/]+)\//.exec(path)?.[1]
}

/** What is wrong with the imports of these files, one sentence each. */
function brokenRules(files: readonly SourceFile[]): string[] {
  const problems: string[] = []
  for (const file of files) {
    const from = layerOf(file.path)
    const layer = from === undefined ? undefined : LAYERS[from]
    if (from === undefined || layer === undefined) {
      problems.push(
        `${file.path}: its folder is no layer. Add it to the table here and in ARCHITECTURE.md, or move it.`,
      )
      continue
    }
    for (const { specifier, kind, line } of file.imports) {
      const target = resolveImport(file.path, specifier)
      if (target === 'package.json') continue
      const to = layerOf(target)
      const where = `${file.path}:${line} imports '${specifier}'`
      if (to === undefined) {
        const allowed = (layer.packages ?? []).some((name) =>
          name.endsWith(':') ? specifier.startsWith(name) : specifier === name,
        )
        if (!allowed) {
          problems.push(
            `${where}: ${from} may import ${layer.packages ? layer.packages.join(', ') : 'no package and none of Node’s modules'}. ` +
              'Hand the thing in through an interface, or do it in a layer that may.',
          )
        }
        continue
      }
      if (to === from || layer.may.includes(to)) continue
      if (layer.lazily?.includes(to)) {
        if (kind === 'value') problems.push(`${where}: ${from} may load ${to} only with await import().`)
        continue
      }
      if (layer.types?.includes(to)) {
        if (kind !== 'type') problems.push(`${where}: ${from} may use ${to} for types only (import type).`)
        continue
      }
      problems.push(
        `${where}: ${from} may import ${layer.may.join(', ') || 'nothing'}, not ${to}. ` +
          'Move the code down into a layer both may import, or hand it in from above.',
      )
    }
  }
  return problems
}

/** The first static cycle among value imports, as a list of files, or undefined. */
function staticCycle(files: readonly SourceFile[]): string[] | undefined {
  const known = new Map(files.map((file) => [file.path, file]))
  const done = new Set<string>()
  const path: string[] = []
  const visit = (name: string): string[] | undefined => {
    const start = path.indexOf(name)
    if (start >= 0) return [...path.slice(start), name]
    if (done.has(name)) return undefined
    path.push(name)
    for (const { specifier, kind } of known.get(name)?.imports ?? []) {
      if (kind !== 'value') continue
      const target = resolveImport(
        name,
        specifier === 'kafkarium' ? `${'../'.repeat(name.split('/').length - 1)}src/index.ts` : specifier,
      )
      const cycle = known.has(target) ? visit(target) : undefined
      if (cycle) return cycle
    }
    path.pop()
    done.add(name)
    return undefined
  }
  for (const { path: name } of files) {
    const cycle = visit(name)
    if (cycle) return cycle
  }
  return undefined
}

const files = sourceFiles('src', 'lessons').filter((file) => !file.path.endsWith('.d.ts'))

describe('layers', () => {
  test('every import is allowed by the table', () => {
    expect(brokenRules(files)).toEqual([])
  })

  test('there is no static cycle', () => {
    const cycle = staticCycle(files)
    expect(cycle, `cycle: ${cycle?.join(' → ')}. Break it with an interface in the lower file.`).toBeUndefined()
  })
})

describe('the test itself', () => {
  const file = (path: string, text: string): SourceFile => ({ path, text, code: text, imports: importsOf(text) })

  test('sees a forbidden import and says what to do', () => {
    const [problem] = brokenRules([file('src/broker/a.ts', "import { b } from '../cluster/b.ts'")])
    expect(problem).toContain("src/broker/a.ts:1 imports '../cluster/b.ts'")
    expect(problem).toContain('broker may import kernel, protocol, not cluster')
  })

  test('sees Node modules, type imports, re-exports and dynamic imports', () => {
    const text = `/** import { no } from './comment.ts' */
import fs from 'node:fs'
import type { A } from './a.ts'
import { type B, type C } from './b.ts'
import {
  d,
  type E,
} from './d.ts'
export * from './f.ts'
import './side.ts'
const g = await import('./g.ts')
const text = "import x from 'y'"`
    expect(importsOf(text).map(({ specifier, kind, line }) => `${line} ${kind} ${specifier}`)).toEqual([
      '2 value node:fs',
      '3 type ./a.ts',
      '4 type ./b.ts',
      '8 value ./d.ts',
      '9 value ./f.ts',
      '10 value ./side.ts',
      '11 dynamic ./g.ts',
    ])
    expect(brokenRules([file('src/kernel/a.ts', "import fs from 'node:fs'")])).toHaveLength(1)
  })

  test('lets the composition root load the server lazily only', () => {
    expect(brokenRules([file('src/index.ts', "import { s } from './server/s.ts'")])).toHaveLength(1)
    expect(brokenRules([file('src/index.ts', "const s = () => import('./server/s.ts')")])).toEqual([])
  })

  test('sees a cycle', () => {
    const a = file('src/kernel/a.ts', "import { b } from './b.ts'")
    const b = file('src/kernel/b.ts', "import { a } from './a.ts'")
    expect(staticCycle([a, b])).toEqual(['src/kernel/a.ts', 'src/kernel/b.ts', 'src/kernel/a.ts'])
    expect(staticCycle([a, file('src/kernel/b.ts', "import type { a } from './a.ts'")])).toBeUndefined()
  })
})
