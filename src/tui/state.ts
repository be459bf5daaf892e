/** Everything the terminal shows, as one immutable value. Only `reduce` makes a new one. */
import type { Locale } from '../course/i18n/locale.ts'
import type { LoadedLesson } from '../course/library.ts'
import type { Play, Recording } from '../course/player.ts'
import type { Progress, ProgressProblem } from '../course/progress.ts'
import type { SandboxAction, SandboxSnapshot } from './sandbox/controller.ts'

export interface Size {
  readonly columns: number
  readonly rows: number
}

export interface State {
  readonly size: Size
  readonly locale: Locale
  readonly lessons: readonly LoadedLesson[]
  readonly progress: Progress
  readonly problem: ProgressProblem | null
  readonly screen: 'home' | 'lesson' | 'sandbox'
  readonly help: boolean
  readonly home: { readonly selected: number }
  readonly lesson: LessonState | null
  readonly sandbox: SandboxState | null
}

export const PHASES = ['read', 'predict', 'watch', 'do', 'look-back'] as const
export type Phase = (typeof PHASES)[number]

export interface LessonState {
  readonly id: string
  readonly phase: Phase
  /** Lines scrolled down in the current phase. */
  readonly scroll: number
  /** The choice made, before the confidence is asked. */
  readonly choice: string | null
  readonly watch: WatchState
  readonly task: TaskState
  readonly error: string | null
}

export interface WatchState {
  readonly recording: Recording | null
  /** Frames of the story, as indexes into the recording. */
  readonly steps: readonly number[]
  /** 0 = before the first step, steps.length = the last one, one more = what it means. */
  readonly at: number
  readonly playing: boolean
  readonly speed: number
}

export interface TaskState {
  /** The moves asked for; `play` is what became of them, null while they are being played. */
  readonly moves: readonly string[]
  readonly play: Play | null
  /** Answers to older lists of moves are dropped. */
  readonly ticket: number
  readonly hints: number
  /** What the message area tells first: what the last move did, or the hint just asked for. */
  readonly tells: 'result' | 'hint'
  readonly solution: 'hidden' | 'ask' | 'shown'
  /** The id of the reason why the last key did nothing, or null. */
  readonly refused: { readonly kind: 'blocked'; readonly reason: string } | { readonly kind: 'nothing-to-undo' } | null
}

export const PANES = ['all', 'partitions', 'groups', 'offsets', 'events', 'transactions'] as const
export type Pane = (typeof PANES)[number]

export interface SandboxState {
  readonly pane: Pane
  readonly scroll: number
  /** What the fault keys act on: an index into `targetsOf`, brokers first, then partitions. */
  readonly selected: number
  /** The chosen group's id; null or unknown: the first one. What consumer keys act on. */
  readonly group: string | null
  /** The index of the chosen member of that group. */
  readonly member: number
  /** The offsets view shows the records of all groups. */
  readonly allOffsets: boolean
  readonly snapshot: SandboxSnapshot | null
}

export type Message =
  | { readonly type: 'key'; readonly key: string }
  | { readonly type: 'resize'; readonly size: Size }
  | { readonly type: 'tick' }
  | { readonly type: 'open'; readonly screen: 'sandbox' }
  | { readonly type: 'open'; readonly screen: 'lesson'; readonly lesson: string }
  | { readonly type: 'recorded'; readonly lesson: string; readonly recording: Recording }
  | { readonly type: 'played'; readonly lesson: string; readonly ticket: number; readonly play: Play }
  | { readonly type: 'failed'; readonly lesson: string; readonly error: string }
  | { readonly type: 'problem'; readonly problem: ProgressProblem | null }
  | { readonly type: 'sandbox'; readonly snapshot: SandboxSnapshot }

/** What has to be done outside the reducer. */
export type Effect =
  | { readonly type: 'quit' }
  | { readonly type: 'save'; readonly progress: Progress }
  | { readonly type: 'record'; readonly lesson: string }
  | { readonly type: 'play'; readonly lesson: string; readonly moves: readonly string[]; readonly ticket: number }
  | { readonly type: 'sandbox.open' }
  | { readonly type: 'sandbox.close' }
  | { readonly type: 'sandbox.do'; readonly action: SandboxAction }

export interface Step {
  readonly state: State
  readonly effects: readonly Effect[]
}

export function lessonOf(state: State): LoadedLesson | undefined {
  return state.lessons.find(({ lesson }) => lesson.id === state.lesson?.id)
}

export const MIN_COLUMNS = 60
export const MIN_ROWS = 24

export function isTooSmall({ size }: State): boolean {
  return size.columns < MIN_COLUMNS || size.rows < MIN_ROWS
}

/** Entries of the home screen: the lessons, the sandbox, the language. */
export function homeEntries(state: State): number {
  return state.lessons.length + 2
}

export interface StartState {
  readonly size: Size
  readonly locale: Locale
  readonly lessons: readonly LoadedLesson[]
  readonly progress: Progress
  readonly problem: ProgressProblem | null
}

/** The home screen, before any key. */
export function firstState(start: StartState): State {
  return { ...start, screen: 'home', help: false, home: { selected: 0 }, lesson: null, sandbox: null }
}
