/** From exec to the line that says `serve` is ready, and what it takes of memory when nobody does anything. */
import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { add, median, remark } from '../table.ts'
import { serve } from './opponents/kafkarium.ts'
import { rssMiB } from './process.ts'

const EXECS = 9
const IDLE_MS = 1500

export async function startupLines(): Promise<void> {
  const ready: number[] = []
  const bare: number[] = []
  const idle: number[] = []
  for (let exec = 0; exec < EXECS; exec++) {
    const before = performance.now()
    spawnSync(process.execPath, ['-e', '0'])
    bare.push(performance.now() - before)
    const start = performance.now()
    const server = await serve()
    ready.push(performance.now() - start)
    if (exec < 3) {
      await sleep(IDLE_MS)
      idle.push(rssMiB(server.pid))
    }
    await server.stop()
  }
  add('serve: ready after exec', median(ready), 'ms', 'less', 250)
  remark(
    `fastest ${Math.min(...ready).toFixed(0)} ms; an empty program of Node takes ${median(bare).toFixed(0)} ms here (fastest ${Math.min(...bare).toFixed(0)} ms)`,
  )
  add('serve: resident memory when idle', median(idle), 'MiB', 'less', 90)
}
