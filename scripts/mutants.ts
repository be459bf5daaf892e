/**
 * Puts one wrong variant of a rule after the other into a copy of the source and runs tests and storms over it: each has to be
 * noticed (test/mutants, docs/testing.md). Exit code 1 when one survives, or no longer fits the source.
 *
 *     npm run mutants                         all of them
 *     npm run mutants -- --only hw-from-max   this one; may be given several times
 *     npm run mutants -- --both               storms also for what the tests have noticed
 *     npm run mutants -- --write              and the table goes into docs/testing.md
 */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { MUTANTS } from '../test/mutants/index.ts'
import { type Mutant, occurrences } from '../test/mutants/mutant.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGE = join(ROOT, 'docs/testing.md')
const COPIED = ['src', 'test', 'lessons', 'scripts', 'docs', 'package.json', 'tsconfig.json', 'vitest.config.ts']
/** The latest outcome of each; not part of the project. */
const RESULTS = join(ROOT, '.kafkarium/mutants.json')
const AT_ONCE = 2
/** What breaks a rule often is found in far fewer; what breaks it seldom is a test's affair. */
const STORM_SEEDS = '150'

interface Stage {
  readonly files: readonly string[]
  /** A variant that makes the tests run longer is caught, too: it loops or never comes to rest. */
  readonly limitMs: number
}

/** What rules say where they stand, and what follows from them under faults: tried when the former notice nothing. */
const STAGES = {
  tests: {
    files: [
      'test/broker',
      'test/cluster/replication.test.ts',
      'test/cluster/faults.test.ts',
      'test/cluster/controller.test.ts',
      'test/cluster/links.test.ts',
      'test/cluster/log-upkeep.test.ts',
      'test/client/sequencer.test.ts',
      'test/cluster/transaction-logs.test.ts',
      'test/cluster/transaction-owner-laws.test.ts',
      'test/client/transactions-cluster.test.ts',
      'test/client/transactions-end-to-end.test.ts',
      'test/client/transactions-failures.test.ts',
    ],
    limitMs: 60_000,
  },
  storms: {
    files: ['test/cluster/storms.test.ts', 'test/cluster/log-upkeep-seeds.test.ts', 'test/cluster/idempotence.test.ts'],
    limitMs: 90_000,
  },
} as const satisfies Record<string, Stage>

interface Outcome {
  readonly mutant: Mutant
  /** Who noticed it, or null. */
  readonly tests: string | null
  /** undefined = not tried: the tests had noticed it. */
  readonly storms: string | null | undefined
  readonly seconds: number
}

interface Remembered {
  readonly id: string
  readonly tests: string | null
  readonly storms?: string | null
  readonly seconds: number
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

/** Test runs under way, by process group, and the copies they work on: they end with this process. */
const running = new Set<number>()
const folders = new Set<string>()
process.on('exit', () => {
  for (const pid of running) process.kill(-pid, 'SIGKILL')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      both: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  })
  const only = values.only ?? []
  const unknown = only.filter((id) => !MUTANTS.some((mutant) => mutant.id === id))
  if (unknown.length > 0) return fail(`no such mutant: ${unknown.join(', ')}. See test/mutants.`)
  const chosen = MUTANTS.filter(({ id }) => only.length === 0 || only.includes(id))
  const unfit = chosen.filter((mutant) => occurrences(sourceOf(mutant), mutant) !== 1)
  if (unfit.length > 0) return fail(`their text no longer occurs exactly once: ${unfit.map(({ id }) => id).join(', ')}`)
  const outcomes: Outcome[] = []
  const queue = [...chosen]
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, () => work(queue, outcomes, values.both)))
  outcomes.sort((a, b) => MUTANTS.indexOf(a.mutant) - MUTANTS.indexOf(b.mutant))
  console.log(`\n${table(outcomes)}\n\n${summary(outcomes)}`)
  const known = remember(outcomes)
  if (values.write) write(known)
  const survivors = outcomes.filter(survived)
  if (survivors.length > 0) fail(`survived: ${survivors.map(({ mutant }) => mutant.id).join(', ')}`)
}

/** One copy of the project, in which one variant after the other is tried. */
async function work(queue: Mutant[], outcomes: Outcome[], both: boolean): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'kafkarium-mutants-'))
  folders.add(folder)
  for (const name of COPIED) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction')
  // Who finds fault with what is right notices nothing.
  for (const stage of Object.values(STAGES)) {
    const wrong = await caughtBy(folder, stage)
    if (wrong !== null) throw new Error(`The source as it is does not pass: ${wrong}`)
  }
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const outcome = await tryOut(folder, mutant, both)
    outcomes.push(outcome)
    const { tests, storms, seconds } = outcome
    const inStorms = storms === undefined ? 'not tried' : (storms ?? '-')
    console.log(`${mutant.id} (${seconds} s)\n  tests:  ${tests ?? '-'}\n  storms: ${inStorms}`)
  }
}

async function tryOut(folder: string, mutant: Mutant, both: boolean): Promise<Outcome> {
  const source = sourceOf(mutant)
  const file = join(folder, mutant.file)
  const began = performance.now()
  writeFileSync(
    file,
    source.replace(mutant.find, () => mutant.replace),
  )
  const tests = await caughtBy(folder, STAGES.tests)
  const storms = tests !== null && !both ? undefined : await caughtBy(folder, STAGES.storms)
  writeFileSync(file, source)
  return { mutant, tests, storms, seconds: Math.round((performance.now() - began) / 100) / 10 }
}

/** Who noticed something, or null. */
async function caughtBy(folder: string, { files, limitMs }: Stage): Promise<string | null> {
  const report = join(folder, 'report.json')
  rmSync(report, { force: true })
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  const options = ['--project=unit', '--bail=1', '--maxWorkers=1', '--no-isolate', '--reporter=json']
  const child = spawn(process.execPath, [vitest, 'run', ...options, `--outputFile=${report}`, ...files], {
    cwd: folder,
    stdio: 'ignore',
    env: { ...process.env, KAFKARIUM_SEARCH_SEEDS: STORM_SEEDS },
    // Its workers go with it.
    detached: true,
  })
  const { pid } = child
  if (pid === undefined) throw new Error('vitest could not be started')
  running.add(pid)
  let late = false
  const limit = setTimeout(() => {
    late = true
    process.kill(-pid, 'SIGKILL')
  }, limitMs)
  const code = await new Promise<number | null>((resolve) => {
    child.on('exit', resolve)
  })
  clearTimeout(limit)
  running.delete(pid)
  if (late) return `the time limit of ${limitMs / 1000} s`
  return code === 0 ? null : firstFailure(report)
}

function firstFailure(file: string): string {
  const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as Report
  for (const { assertionResults } of testResults) {
    for (const { status, fullName, failureMessages } of assertionResults) {
      if (status !== 'failed') continue
      const law = lawIn(failureMessages.join('\n'))
      return law === null ? `“${fullName}”` : `**${law}** in “${fullName}”`
    }
  }
  const broken = testResults.find(({ status }) => status === 'failed')
  return `an error: ${broken?.message.split('\n')[0] ?? 'outside of any test'}`
}

/** The law or duty that a message names: a broken one, or one that was not met in time. */
function lawIn(message: string): string | null {
  return /(?:Law |missing: |seed \d+: )([A-Z]\d+)\b/.exec(message)?.[1] ?? null
}

function sourceOf({ file }: Mutant): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

function survived({ tests, storms }: Outcome): boolean {
  return tests === null && storms === null
}

function table(outcomes: readonly Outcome[]): string {
  const head = ['mutant', 'what is wrong with it', 'rule', 'noticed by the tests', 'noticed by the storms', 's']
  const rows = outcomes.map(({ mutant: { id, wrong, rule }, tests, storms, seconds }) => [
    `\`${id}\``,
    wrong,
    rule,
    tests ?? '–',
    storms === undefined ? '' : (storms ?? '–'),
    String(seconds),
  ])
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(escaped).join(' | ')} |`).join('\n')
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|')
}

function summary(outcomes: readonly Outcome[]): string {
  const count = (which: (outcome: Outcome) => boolean) => outcomes.filter(which).length
  const byTests = count(({ tests }) => tests !== null)
  const byStorms = count(({ tests, storms }) => tests === null && storms !== null)
  return `${outcomes.length} variants: ${byTests} noticed by tests, ${byStorms} by storms alone, ${count(survived)} by nobody.`
}

/** What a run of a few finds takes its place among what is known of the others: a full run takes long. */
function remember(outcomes: readonly Outcome[]): readonly Outcome[] {
  const known = new Map<string, Remembered>()
  if (existsSync(RESULTS)) {
    for (const found of JSON.parse(readFileSync(RESULTS, 'utf8')) as Remembered[]) known.set(found.id, found)
  }
  for (const { mutant, tests, storms, seconds } of outcomes)
    known.set(mutant.id, { id: mutant.id, tests, ...(storms === undefined ? {} : { storms }), seconds })
  mkdirSync(dirname(RESULTS), { recursive: true })
  writeFileSync(RESULTS, JSON.stringify([...known.values()], null, 2))
  return MUTANTS.flatMap((mutant) => {
    const found = known.get(mutant.id)
    if (found === undefined) return []
    return [{ mutant, tests: found.tests, storms: found.storms, seconds: found.seconds }]
  })
}

/** The page's part between the two marks. */
function write(outcomes: readonly Outcome[]): void {
  const page = readFileSync(PAGE, 'utf8')
  const marked = /(<!-- mutants: begin[^>]*-->\n)[\s\S]*(\n<!-- mutants: end -->)/
  if (!marked.test(page)) return fail(`${PAGE} has no place for the table`)
  const text = `\n${summary(outcomes)}\n\n${table(outcomes)}\n`
  writeFileSync(
    PAGE,
    page.replace(marked, (_, begin: string, end: string) => begin + text + end),
  )
}

function fail(message: string): void {
  console.error(message)
  process.exitCode = 1
}

await main()
