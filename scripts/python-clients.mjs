/**
 * The programs of examples/python against `kafkarium serve`, with two generations of kafka-python, each on a cluster of its own:
 *
 *   npm run test:python
 *
 * Needs Python 3 with venv (`PYTHON` names another one) and the Python package index. Where one is missing it says so and succeeds.
 * Its last line is `N passed, N failed`.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const examples = join(root, 'examples', 'python')
const VERSIONS = ['2.0.2', '3.0.12']
const TOPICS = 'clicks,orders:2,input,output'
/** kafka-python 2.0.2 was written for Pythons that still had these names (six.moves): from 3.12 on it cannot be imported. */
const NEEDS_OLD_PYTHON = new Set(['2.0.2'])

const python = process.env.PYTHON ?? 'python3'
const version = spawnSync(python, ['-c', 'import sys, venv; print("%d.%d" % sys.version_info[:2])'], {
  encoding: 'utf8',
})
if (version.status !== 0) {
  console.log(`skipped: ${python} with the module venv is not there`)
  process.exit(0)
}
const minor = Number(version.stdout.trim().split('.')[1])
spawnSync(process.execPath, [join(root, 'scripts', 'build.mjs'), '--if-stale'], { stdio: 'inherit' })

let passed = 0
let failed = 0
for (const client of VERSIONS) {
  if (NEEDS_OLD_PYTHON.has(client) && minor >= 12) {
    console.log(`skipped: kafka-python ${client} does not run on Python 3.${minor}`)
    continue
  }
  const interpreter = install(client)
  if (interpreter === null) continue
  for (const file of readdirSync(examples).filter((name) => name.endsWith('.py') && name !== 'settings.py')) {
    const { ok, output } = await runOn(interpreter, file)
    const skipped = /^skipped: .*/.exec(output)
    if (skipped !== null) {
      console.log(`${skipped[0]} (${file})`)
      continue
    }
    console.log(`${ok ? 'ok    ' : 'FAILED'} kafka-python ${client}  ${file}${ok ? '' : `\n${output}`}`)
    if (ok) passed += 1
    else failed += 1
  }
}
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)

/** The interpreter of an environment with that version, or null where it cannot be had. */
function install(client) {
  const folder = join(root, '.kafkarium', `python-${client}`)
  const interpreter = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python')
  const has = () => existsSync(interpreter) && spawnSync(interpreter, ['-c', 'import kafka']).status === 0
  if (has()) return interpreter
  mkdirSync(join(root, '.kafkarium'), { recursive: true })
  spawnSync(python, ['-m', 'venv', '--clear', folder], { stdio: 'ignore' })
  const pip = spawnSync(
    interpreter,
    ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `kafka-python==${client}`],
    {
      encoding: 'utf8',
    },
  )
  if (has()) return interpreter
  console.log(
    `skipped: kafka-python ${client} cannot be installed: ${pip.stderr?.trim().split('\n').pop() ?? 'no pip'}`,
  )
  return null
}

/** What a program wants of its cluster stands in it: `# serve: --kafka-version 3.9`. */
function servedWith(file) {
  const wanted = /^# serve: (.+)$/m.exec(readFileSync(join(examples, file), 'utf8'))
  return wanted === null ? [] : wanted[1].split(' ')
}

async function runOn(interpreter, file) {
  const server = spawn(process.execPath, [
    join(root, 'dist/cli/kafkarium.js'),
    'serve',
    '--port',
    '0',
    '--json',
    '--topic',
    TOPICS,
    ...servedWith(file),
  ])
  try {
    let log = ''
    server.stderr.on('data', (data) => {
      log += data
    })
    const ready = await new Promise((resolve, reject) => {
      let text = ''
      server.stdout.on('data', (data) => {
        text += data
        if (text.includes('\n')) resolve(JSON.parse(text.slice(0, text.indexOf('\n'))))
      })
      server.on('exit', () => reject(new Error(`kafkarium serve ended: ${log}`)))
    })
    return await new Promise((resolve) => {
      const child = spawn(interpreter, [file], {
        cwd: examples,
        timeout: 120_000,
        env: { ...process.env, BOOTSTRAP: ready.brokers.join(','), PYTHONDONTWRITEBYTECODE: '1' },
      })
      let output = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data))
      child.on('close', (code) => resolve({ ok: code === 0, output: `${output}${log}` }))
    })
  } finally {
    server.kill('SIGTERM')
  }
}
