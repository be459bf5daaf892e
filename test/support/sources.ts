/** Reads the project's source files and what they import, for the tests that guard its structure. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Import {
  readonly specifier: string
  readonly kind: 'value' | 'type' | 'dynamic'
  readonly line: number
}

export interface SourceFile {
  /** Relative to the project's root, with forward slashes. */
  readonly path: string
  readonly text: string
  /** The text with comments and the insides of strings blanked, line breaks kept. */
  readonly code: string
  readonly imports: readonly Import[]
}

export function sourceFiles(...folders: string[]): SourceFile[] {
  return folders.flatMap((folder) =>
    filesUnder(join(root, folder))
      .filter((file) => /\.tsx?$/.test(file))
      .map(read),
  )
}

function read(file: string): SourceFile {
  const text = readFileSync(file, 'utf8')
  const path = relative(root, file).split(sep).join('/')
  return { path, text, code: blank(text, true), imports: importsOf(text) }
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/** Every import of a module: static, type-only, re-export and `import()`. */
export function importsOf(text: string): Import[] {
  const code = blank(text, false)
  const found: Import[] = []
  const add = (index: number, specifier: string, kind: Import['kind']) =>
    found.push({ specifier, kind, line: code.slice(0, index).split('\n').length })
  // `import a, { b } from 'x'`, `export { c } from 'x'`, `import 'x'`; the clause holds no quote and no parenthesis.
  const statement = /(?:^|[\n;])\s*(?:import|export)\b(\s+type\b)?([^'"();=]*?\bfrom\s*|\s*)(['"])([^'"\n]+)\3/g
  for (const match of code.matchAll(statement)) {
    const clause = match[2] ?? ''
    const onlyTypes = match[1] !== undefined || /^\s*\{(\s*type\s+[^,}]+,?)+\s*\}\s*from/.test(clause)
    add(match.index + match[0].length, match[4] ?? '', onlyTypes ? 'type' : 'value')
  }
  // `import('x')` as an expression loads later; as a type (`let a: import('x').A`) it is erased. Both count as dynamic.
  for (const match of code.matchAll(/\bimport\s*\(\s*(['"])([^'"\n]+)\1/g)) add(match.index, match[2] ?? '', 'dynamic')
  return found
}

/** Where a relative import leads, or the bare specifier. */
export function resolveImport(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  return posix.normalize(posix.join(dirname(from).split(sep).join('/'), specifier))
}

/** Replaces comments (and the insides of strings) by spaces; good enough for this project's own style of code. */
function blank(text: string, strings: boolean): string {
  const space = (part: string) => part.replace(/[^\n]/g, ' ')
  const token =
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|\$\{(?:[^{}`]|\{[^{}]*\})*\}|[^`\\])*`|\/(?![*/\s])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[dgimsuvy]*(?=\s*[.,;)\n\]])/g
  return text.replace(token, (part) => {
    if (part.startsWith('/*') || part.startsWith('//')) return space(part)
    if (!strings) return part
    if (part.startsWith('`')) {
      // The code inside `${…}` stays.
      return part
        .split(/(\$\{(?:[^{}`]|\{[^{}]*\})*\})/)
        .map((piece) => (piece.startsWith('${') ? piece : space(piece)))
        .join('')
    }
    return part[0] + space(part.slice(1, -1)) + part[part.length - 1]
  })
}
