/**
 * Generates the typed messages and their codec from `src/protocol/schema/*.schema`.
 *
 *     npx tsx scripts/generate-protocol.ts           writes the files
 *     npx tsx scripts/generate-protocol.ts --check   fails if a committed file is out of date
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { emitCodec, emitCodecTable } from '../src/protocol/notation/emit-codec.ts'
import { baseName } from '../src/protocol/notation/emit-common.ts'
import { emitApis, emitMake, emitMessages } from '../src/protocol/notation/emit-types.ts'
import type { Declaration } from '../src/protocol/notation/model.ts'
import { parseSchema } from '../src/protocol/notation/parse.ts'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const SCHEMA = join(ROOT, 'src/protocol/schema')
const PROTOCOL = join(ROOT, 'src/protocol')
const CODEC = join(PROTOCOL, 'codec/generated')

/** All declarations, in the order of their file names: APIs by key, then data messages. */
export function readDeclarations(): Declaration[] {
  const files = readdirSync(SCHEMA)
    .filter((name) => name.endsWith('.schema'))
    .sort()
  return files.map((file) => parseSchema(readFileSync(join(SCHEMA, file), 'utf8'), file))
}

/** The generated files: path from the repository's root to text. */
export function generate(declarations: readonly Declaration[]): Map<string, string> {
  const files = new Map([
    ['src/protocol/messages.ts', emitMessages(declarations)],
    ['src/protocol/apis.ts', emitApis(declarations)],
    ['src/protocol/make.ts', emitMake(declarations)],
    ['src/protocol/codec/generated/codecs.ts', emitCodecTable(declarations)],
  ])
  for (const declaration of declarations) {
    files.set(`src/protocol/codec/generated/${baseName(declaration)}.ts`, emitCodec(declaration))
  }
  return format(files)
}

/** The house style, by the house's own formatter, so that generated code reads and diffs like the rest. */
function format(files: ReadonlyMap<string, string>): Map<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'kafkarium-protocol-'))
  try {
    for (const [path, text] of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    const biome = join(ROOT, 'node_modules/@biomejs/biome/bin/biome')
    const options = ['check', '--write', `--config-path=${ROOT}`, '--vcs-enabled=false', folder]
    execFileSync(process.execPath, [biome, ...options], { cwd: folder, stdio: 'pipe' })
    return new Map([...files.keys()].map((path) => [path, readFileSync(join(folder, path), 'utf8')]))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The committed files that differ from what the schemas say, and left-overs in the codec's folder. */
export function staleFiles(): string[] {
  const files = generate(readDeclarations())
  const stale = [...files].filter(([path, text]) => readOrEmpty(join(ROOT, path)) !== text).map(([path]) => path)
  return [...stale, ...leftovers(files)]
}

function leftovers(files: ReadonlyMap<string, string>): string[] {
  return readdirSync(CODEC)
    .map((name) => `src/protocol/codec/generated/${name}`)
    .filter((path) => !files.has(path))
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function main(): void {
  if (process.argv.includes('--check')) {
    const stale = staleFiles()
    if (stale.length > 0) {
      console.error(`Out of date, run npx tsx scripts/generate-protocol.ts:\n${stale.join('\n')}`)
      process.exitCode = 1
    }
    return
  }
  mkdirSync(CODEC, { recursive: true })
  const files = generate(readDeclarations())
  for (const path of leftovers(files)) rmSync(join(ROOT, path))
  for (const [path, text] of files) writeFileSync(join(ROOT, path), text)
  console.log(`${files.size} files written`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
