/** Packs the package as `npm publish` would and lets publint, arethetypeswrong and an older compiler look at the tarball. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = join(root, '.kafkarium', `pack-${process.pid}`)
mkdirSync(folder, { recursive: true })

const run = (command, args) => {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) process.exitCode = 1
  return status === 0
}

const NODE10 = `
import { createCluster, type Cluster } from 'kafkarium'
import { Kafka, PartitionAssigners } from 'kafkarium/kafkajs'

const cluster: Cluster = createCluster({ topics: { orders: 3 } })
export const count: number = cluster.topic('orders').records({ readUncommitted: true }).length
export const producer = new Kafka({ brokers: [...cluster.brokers] }).producer()
export const consumer = cluster.kafka().consumer({ groupId: 'g', partitionAssigners: [PartitionAssigners.roundRobin] })
// @ts-expect-error an option that does not exist: the types are there, and not any
createCluster({ broker: 1 })
// @ts-expect-error likewise
new Kafka({ broker: 1 })
`

/**
 * `module: commonjs` with `moduleResolution: node` knows no `exports` and goes by `types` and `typesVersions`. TypeScript 7 has dropped it; the
 * TypeScript that arethetypeswrong brings has it. That one does not know yet that byte arrays are generic, hence `skipLibCheck`.
 */
function typesUnderNode10(tarball) {
  const installed = join(folder, 'node_modules', 'kafkarium')
  mkdirSync(installed, { recursive: true })
  if (!run('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])) return
  const file = join(folder, 'node10.ts')
  writeFileSync(file, NODE10)
  const core = createRequire(import.meta.url).resolve('@arethetypeswrong/cli/package.json')
  const compiler = createRequire(createRequire(core).resolve('@arethetypeswrong/core')).resolve('typescript/lib/tsc.js')
  run(process.execPath, [
    compiler,
    ...['--noEmit', '--strict', '--skipLibCheck', '--target', 'ES2022', '--lib', 'ES2022,ESNext.Disposable'],
    ...['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')],
    ...['--module', 'commonjs', '--moduleResolution', 'node', file],
  ])
}

try {
  if (run(process.execPath, ['scripts/build.mjs', '--if-stale'])) {
    run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder])
    const tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '')
    run('npx', ['--no-install', 'publint', 'run', '--strict', tarball])
    run('npx', ['--no-install', 'attw', tarball, '--profile', 'strict', '--no-emoji', '--format', 'ascii'])
    typesUnderNode10(tarball)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
