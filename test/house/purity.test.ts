/** The core uses no clock, no chance and nothing of the host but what is handed in; the compiler sees part of it, this test the rest. */
import { expect, test } from 'vitest'
import { sourceFiles } from '../support/sources.ts'

const HOST_GLOBALS = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'performance',
  'process',
  'Buffer',
  'console',
  'crypto',
  'globalThis',
  'require',
]

/** Each with the reason it may not appear. */
const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  ...HOST_GLOBALS.map(
    (name) => [new RegExp(`(?<![.\\w$])${name}(?![\\w$]|\\s*[:?(]?:|\\?:)`, 'g'), 'comes from the host'] as const,
  ),
  [
    /\bDate\s*\.\s*now\b|\bnew\s+Date\s*\(\s*\)|(?<![.\w])Date\s*\(\s*\)/g,
    'reads the wall clock: use the time handed in',
  ],
  [/\bMath\s*\.\s*random\b/g, 'is chance outside the chooser: use choose()'],
  [/\bMath\s*\.\s*(?:exp|log|log2|log10|pow|sin|cos|tan)\b/g, 'is implementation-approximated: use integers'],
]

const LAYERS = ['kernel', 'broker', 'protocol', 'client']

/** What may be mentioned all the same, as `file word`, and why. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'src/client/types/bytes.ts Buffer': 'names the type kafkajs users know; the global is not used',
}

test.each(LAYERS)('src/%s mentions no clock, no chance and no host', (layer) => {
  const problems: string[] = []
  for (const file of sourceFiles(`src/${layer}`)) {
    for (const [pattern, reason] of FORBIDDEN) {
      for (const match of file.code.matchAll(pattern)) {
        if (`${file.path} ${match[0]}` in EXCEPTIONS) continue
        const line = file.code.slice(0, match.index).split('\n').length
        problems.push(`${file.path}:${line} mentions ${match[0]}, which ${reason}`)
      }
    }
    for (const { specifier, line } of file.imports) {
      if (!specifier.startsWith('.'))
        problems.push(`${file.path}:${line} imports ${specifier}; the core imports nothing from outside`)
    }
  }
  expect(problems).toEqual([])
})
