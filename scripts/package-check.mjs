/** Packs the package as `npm publish` would and lets publint and arethetypeswrong look at the tarball. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
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

try {
  if (run(process.execPath, ['scripts/build.mjs', '--if-stale'])) {
    run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder])
    const tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '')
    run('npx', ['--no-install', 'publint', 'run', '--strict', tarball])
    // node10 knows no `exports`, so sub-entries cannot exist there; we ask for Node 20.19 anyway.
    run('npx', ['--no-install', 'attw', tarball, '--profile', 'node16', '--no-emoji', '--format', 'ascii'])
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
