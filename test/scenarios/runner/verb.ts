/** What a verb is: it reads its words when the script is read, and does something when the script runs. */

import type { Author } from './producers.ts'
import type { Scene } from './scene.ts'
import { ScriptError } from './script.ts'
import type { Words } from './words.ts'
import type { Worker } from './worker.ts'

/** Where scenes follow one another; `cluster` begins the next. */
export interface Stage {
  scene: Scene | null
  /** Every draw of the scenes that follow; null for the calm run. */
  readonly seed: number | null
}

/** Does it, and answers the lines it prints. */
export type Step = (stage: Stage) => Promise<readonly string[]> | readonly string[]

export interface Verb {
  /** One line for a README and for hints. */
  readonly usage: string
  read(words: Words): Step
}

export const QUIET: readonly string[] = []

/** A step within a scene. */
export function inScene(words: Words, step: (scene: Scene) => Promise<readonly string[]> | readonly string[]): Step {
  return async ({ scene }) => {
    if (scene === null) throw new ScriptError(words.line.number, 'a scene begins with a line: cluster')
    return await step(scene)
  }
}

/** A consumer of the scene by its name. */
export function workerOf(scene: Scene, words: Words, name: string) {
  const worker = scene.workers.get(name)
  if (worker === undefined) throw words.unknown('consumer here', name, [...scene.workers.keys()])
  return worker
}

/** Words that stand where names do. */
const RESERVED = ['broker', 'coordinator', 'stable']

/** @throws ScriptError when there is none, or one that is no name */
export function nameProblem(words: Words, names: readonly string[]): void {
  if (names.length === 0) throw words.error(`${words.verb} lacks a name.`)
  const bad = names.find((name) => !/^[a-z][a-z0-9]*$/.test(name) || RESERVED.includes(name))
  if (bad === undefined) return
  throw words.error(`"${bad}" is no name: small letters and digits, and not ${RESERVED.join(', ')}.`)
}

/** What can crash and freeze, by its name. */
export function machineOf(scene: Scene, words: Words, name: string): Worker | Author {
  return scene.authors.get(name) ?? workerOf(scene, words, name)
}

/** `orders-2`. */
export function partitionOf(words: Words, text: string): { readonly topic: string; readonly partition: number } {
  const match = /^(.+)-(\d+)$/.exec(text)
  if (match === null) throw words.error(`"${text}" is no partition: write a topic and a number, as in orders-0.`)
  return { topic: match[1] as string, partition: Number(match[2]) }
}
