/** Python with one package, in an environment of its own. */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { build, CACHE, missing } from './process.ts'

/** The interpreter; throws why it cannot be had. */
export function pythonWith(pack: string, version: string): string {
  const folder = join(CACHE, `${pack}-${version}`)
  const interpreter = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python')
  if (existsSync(interpreter) && missing(interpreter, ['-m', 'pip', 'show', '--quiet', pack]) === null) {
    return interpreter
  }
  const python = process.env.PYTHON ?? 'python3'
  const why = missing(python, ['-c', 'import venv'])
  if (why !== null) throw new Error(`${why}, with the module venv`)
  mkdirSync(CACHE, { recursive: true })
  build(python, ['-m', 'venv', '--clear', folder], CACHE)
  build(interpreter, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `${pack}==${version}`], CACHE)
  return interpreter
}
