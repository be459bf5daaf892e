/**
 * The same seed gives the same trace on every Node: runs the determinism workload on Node 20, 22 and 24 (the newer ones
 * from the npm package `node`) and compares the hashes. Needs the package registry; `npm run check:nodes`.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const SEEDS = [1, 7, 42]
/** A group of consumers, a producer in a storm of faults, and a program of the real kafkajs. */
const PROGRAMS = ['test/cluster/workload.ts', 'test/support/storm.ts', 'test/wire/program.ts']
const folder = mkdtempSync(join(tmpdir(), 'kafkarium-nodes-'))
const hashes = new Map()

try {
  for (const major of [20, 22, 24]) {
    const own = Number(process.versions.node.split('.')[0]) === major
    let node = process.execPath
    if (!own) {
      const at = join(folder, String(major))
      execFileSync('npm', ['install', '--no-save', '--silent', '--prefix', at, `node@${major}`], { stdio: 'ignore' })
      node = join(at, 'node_modules', 'node', 'bin', 'node')
    }
    const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()
    const line = PROGRAMS.flatMap((program) =>
      SEEDS.map((seed) =>
        execFileSync(node, ['--import', 'tsx', '--conditions=kafkarium-source', program, String(seed)], {
          encoding: 'utf8',
        }).trim(),
      ),
    ).join(' ')
    hashes.set(version, line)
    console.log(`${version.padEnd(10)} ${line}`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
if (new Set(hashes.values()).size !== 1) {
  console.error('The traces differ between these versions of Node.')
  process.exit(1)
}
console.log(`the same traces for the seeds ${SEEDS.join(', ')} on ${[...hashes.keys()].join(', ')}`)
