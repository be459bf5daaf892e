/**
 * What a lesson is made of. A lesson is data and small functions over the public API of kafkarium; its prose lives in
 * one Markdown file a language, cut into blocks by id. Nothing here knows a screen.
 */
import type { Cluster, ClusterOptions, ClusterView, TraceEvent } from '../index.ts'
import type { Locale } from './i18n/locale.ts'

/** @template S what the lesson keeps between moves: its consumers, for example */
export interface Lesson<S = unknown> {
  /** The name of its folder. */
  readonly id: string
  readonly number: number
  /** How long it takes, in minutes. */
  readonly minutes: number
  /** The Markdown files: block ids and texts. */
  readonly prose: Readonly<Record<Locale, string>>
  /** The cluster the run and the task start with. */
  readonly world: ClusterOptions
  /** What the log strip shows. */
  readonly stage: Stage
  readonly prediction: Prediction
  /** The run everybody watches. It calls `beat(id)` where something new begins; `beat.<id>` is the prose for it. */
  run(cluster: Cluster, beat: (id: string) => void): Promise<void>
  readonly task: Task<S>
}

export interface Stage {
  readonly topic: string
  readonly partition: number
  /** Groups that get a row, with the name shown: whether they exist yet or not. */
  readonly groups: readonly string[]
}

export interface Prediction {
  /** Choices in the order shown; the prose for one is `choice.<id>`, what is said after the run `reveal.<id>`. */
  readonly choices: readonly string[]
  readonly right: string
}

export interface Task<S = unknown> {
  /** Brings the world to where the learner takes over. */
  setup(cluster: Cluster): Promise<S>
  /** The moves in the order of their numbers; the prose is `move.<id>`. */
  readonly moves: readonly Move<S>[]
  readonly goals: readonly Goal[]
  /** Names what went wrong: message ids (`mistake.<id>`) with the event that shows it. The latest one is told. */
  readonly mistakes: readonly Mistake[]
  /** Hints from gentle to plain; the prose is `hint.1` and so on. */
  readonly hints: number
  /** The reference solution, a list of move ids. */
  readonly solution: readonly string[]
  /** Other ways that must pass too. */
  readonly alternatives: readonly (readonly string[])[]
  /** Answers that must fail, each by the id of the mistake it has to be told about. */
  readonly wrong: Readonly<Record<string, readonly string[]>>
}

export interface Move<S = unknown> {
  readonly id: string
  /** The line of code this move stands for, as an application would write it. */
  readonly code: string
  /** The id of the reason (`blocked.<id>`) why it cannot be made now, or null. */
  blocked?(state: S): string | null
  make(cluster: Cluster, state: S): Promise<void>
}

export type GoalStatus = 'open' | 'pass' | 'fail'

export interface Goal {
  /** The prose is `goal.<id>`. */
  readonly id: string
  /** `latch`: once true it stays true. `always`: must never be false. */
  readonly kind: 'latch' | 'always'
  check(trace: readonly TraceEvent[], view: ClusterView): GoalResult
}

export interface GoalResult {
  readonly status: GoalStatus
  /** Indexes of the trace events that decide it. */
  readonly evidence: readonly number[]
}

export interface Mistake {
  readonly id: string
  /** The indexes of the events that show it; empty if it was not made. */
  evidence(trace: readonly TraceEvent[], view: ClusterView): readonly number[]
}
