/** Child processes of the bench: each one is ended by the bench that started it. */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What the bench builds and downloads: never committed. */
export const CACHE = join(process.cwd(), '.kafkarium', 'wire')

const running = new Set<ChildProcess>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export interface Started {
  readonly pid: number
  /** The first line of its standard output that `pattern` finds. */
  readonly line: string
  stop(): Promise<void>
}

/** Starts a server and waits for the line that says it is there. Rejects with what it wrote when it ends before. */
export function startServer(
  command: string,
  args: readonly string[],
  pattern: RegExp,
  options: SpawnOptions = {},
): Promise<Started> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  void ended.then(() => running.delete(child))
  return new Promise((resolve, reject) => {
    let text = ''
    let ready = false
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (data) => {
        if (ready) return
        text += data
        const line = text.split('\n').find((candidate) => pattern.test(candidate))
        if (line === undefined) return
        ready = true
        resolve({
          pid: child.pid ?? 0,
          line,
          stop: async () => {
            child.kill('SIGTERM')
            const late = setTimeout(() => child.kill('SIGKILL'), 5000)
            await ended
            clearTimeout(late)
          },
        })
      })
    }
    child.once('error', reject)
    void ended.then(() => reject(new Error(`${command} ended: ${text.trim().split('\n').slice(-3).join(' | ')}`)))
    setTimeout(() => reject(new Error(`${command} was not ready within 60 s`)), 60_000).unref()
  })
}

/** Runs a program and answers the JSON object of its last line. */
export function runJson(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Record<string, number>> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 120_000,
    })
    running.add(child)
    let out = ''
    let err = ''
    child.stdout.on('data', (data) => {
      out += data
    })
    child.stderr.on('data', (data) => {
      err += data
    })
    child.once('error', reject)
    child.once('close', (code) => {
      running.delete(child)
      if (code === 0) resolve(JSON.parse(out.trim().split('\n').pop() ?? ''))
      else reject(new Error(`${command} ${args[0]} ended with ${code}: ${(err || out).trim().split('\n').pop()}`))
    })
  })
}

/** Why a program cannot be used, or null when it answers. */
export function missing(command: string, args: readonly string[]): string | null {
  const tried = spawnSync(command, args, { encoding: 'utf8' })
  return tried.status === 0 ? null : `${command} is not there`
}

/** Runs a step of a build; throws with the end of what it wrote. */
export function build(command: string, args: readonly string[], cwd: string): void {
  const done = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 300_000 })
  if (done.status === 0) return
  const said = `${done.stdout ?? ''}${done.stderr ?? ''}`.trim().split('\n').slice(-2).join(' | ')
  throw new Error(`${command} ${args[0]} failed: ${said || done.error?.message}`)
}

const TICKS_A_SECOND = 100

/** Milliseconds of processor time a process has used; NaN where the system has no /proc. */
export function cpuMs(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_A_SECOND
  } catch {
    return Number.NaN
  }
}

/** MiB; NaN where the system has no /proc. */
export function rssMiB(pid: number): number {
  try {
    return Number(/VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
  } catch {
    return Number.NaN
  }
}
