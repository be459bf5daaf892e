/** Runs every check that is not a test, all of them even if one fails, and says which failed. */
import { spawnSync } from 'node:child_process'

const CHECKS = ['lint', 'types', 'layers', 'deadcode', 'package:check']

const failed = []
for (const name of CHECKS) {
  const started = Date.now()
  console.log(`\n== ${name}`)
  const { status } = spawnSync('npm', ['run', '--silent', name], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  console.log(`== ${name}: ${status === 0 ? 'ok' : 'FAILED'} (${((Date.now() - started) / 1000).toFixed(1)} s)`)
  if (status !== 0) failed.push(name)
}
console.log(failed.length === 0 ? '\nall checks passed' : `\nfailed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
