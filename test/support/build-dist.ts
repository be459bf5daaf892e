/** Before the tests that run on `dist`: build it, unless it is up to date. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export function setup(): void {
  const script = fileURLToPath(new URL('../../scripts/build.mjs', import.meta.url))
  execFileSync(process.execPath, [script, '--if-stale'], { stdio: 'inherit' })
}
