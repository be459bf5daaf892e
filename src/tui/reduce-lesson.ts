/** The lesson screen's behaviour: five phases, nothing locked, nothing moves on by itself. */

import type { LoadedLesson } from '../course/library.ts'
import { CONFIDENCES, withLesson } from '../course/progress.ts'
import { storySteps } from '../course/recorder.ts'
import {
  type LessonState,
  lessonOf,
  type Message,
  PHASES,
  type Phase,
  type State,
  type Step,
  type TaskState,
  type WatchState,
} from './state.ts'

type LessonMessage = Extract<Message, { type: 'key' | 'tick' | 'recorded' | 'played' | 'failed' }>

const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16]
const PAGE = 8

export function reduceLesson(state: State, message: LessonMessage): Step {
  const current = state.lesson
  const loaded = lessonOf(state)
  if (!current || !loaded) return only(state)
  switch (message.type) {
    case 'recorded':
      if (message.lesson !== current.id) return only(state)
      return only(
        withWatch(state, { recording: message.recording, steps: storySteps(message.recording.frames), at: 0 }),
      )
    case 'played':
      return played(state, current, message)
    case 'failed':
      return only(message.lesson === current.id ? withLessonState(state, { error: message.error }) : state)
    case 'tick':
      return tick(state, current.watch)
    case 'key':
      return lessonKey(state, current, loaded, message.key)
  }
}

function played(state: State, current: LessonState, message: Extract<Message, { type: 'played' }>): Step {
  if (message.lesson !== current.id || message.ticket !== current.task.ticket) return only(state)
  const { play } = message
  const next = withTask(state, { play, moves: play.moves })
  if (play.moves.length === 0) return only(next)
  const before = state.progress.lessons[current.id]
  const solved = play.verdict === 'pass'
  const progress = withLesson(state.progress, current.id, {
    attempts: (before?.attempts ?? 0) + 1,
    ...(solved ? { solved: true } : {}),
    ...(solved && !before?.solved ? { moves: play.moves } : {}),
  })
  return { state: { ...next, progress }, effects: [{ type: 'save', progress }] }
}

function tick(state: State, watch: WatchState): Step {
  if (!watch.playing) return only(state)
  const at = Math.min(watch.at + 1, lastStep(watch))
  return only(withWatch(state, { at, playing: at < lastStep(watch) }))
}

/** One beyond the last event: what the run meant. */
function lastStep({ recording, steps }: WatchState): number {
  return recording ? steps.length + 1 : 0
}

function lessonKey(state: State, current: LessonState, loaded: LoadedLesson, key: string): Step {
  switch (key) {
    case 'q':
      return only({ ...state, screen: 'home', lesson: null })
    case 'tab':
      return toPhase(state, current, 1)
    case 'shift-tab':
      return toPhase(state, current, -1)
    case 'pgdn':
    case 'pgup':
      if (current.phase !== 'watch') return only(scrolled(state, current, key === 'pgdn' ? PAGE : -PAGE))
      break
    case 'down':
    case 'j':
      return only(scrolled(state, current, 1))
    case 'up':
    case 'k':
      return only(scrolled(state, current, -1))
  }
  switch (current.phase) {
    case 'read':
      return pageKey(state, current, key)
    case 'predict':
      return predictKey(state, current, loaded, key)
    case 'watch':
      return watchKey(state, current, key)
    case 'do':
      return taskKey(state, current, loaded, key)
    case 'look-back':
      return key === 'n' || key === 'enter' || key === 'esc'
        ? only({ ...state, screen: 'home', lesson: null })
        : pageKey(state, current, key)
  }
}

/** Keys of a page of text: on, back, and digits for the phases. */
function pageKey(state: State, current: LessonState, key: string): Step {
  if (key === 'enter' || key === 'right' || key === 'n' || key === 'space') return toPhase(state, current, 1)
  if (key === 'left') return toPhase(state, current, -1)
  if (key === 'esc') return only({ ...state, screen: 'home', lesson: null })
  const phase = /^[1-5]$/.test(key) ? PHASES[Number(key) - 1] : undefined
  return phase ? only(inPhase(state, phase)) : only(state)
}

function predictKey(state: State, current: LessonState, { lesson }: LoadedLesson, key: string): Step {
  const saved = state.progress.lessons[current.id]?.prediction
  if (current.choice === null && saved) {
    if (key === 'x') return predicted(state, current, undefined)
    return pageKey(state, current, key)
  }
  if (current.choice === null) {
    const choice = lesson.prediction.choices[digit(key)]
    if (choice) return only(withLessonState(state, { choice }))
    return key === 'esc' ? toPhase(state, current, -1) : only(state)
  }
  const confidence = CONFIDENCES[digit(key)]
  if (key === 'esc' || key === 'left') return only(withLessonState(state, { choice: null }))
  if (!confidence) return only(state)
  return predicted(state, current, { choice: current.choice, confidence })
}

type Prediction = NonNullable<State['progress']['lessons'][string]['prediction']>

function predicted(state: State, current: LessonState, prediction: Prediction | undefined): Step {
  const { prediction: _old, ...rest } = state.progress.lessons[current.id] ?? { solved: false, attempts: 0 }
  const entry = prediction ? { ...rest, prediction } : rest
  const progress = { ...state.progress, lessons: { ...state.progress.lessons, [current.id]: entry } }
  return {
    state: withLessonState({ ...state, progress }, { choice: null }),
    effects: [{ type: 'save', progress }],
  }
}

function watchKey(state: State, current: LessonState, key: string): Step {
  const { watch } = current
  const go = (at: number) => only(withWatch(state, { at: Math.max(0, Math.min(at, lastStep(watch))), playing: false }))
  switch (key) {
    case 'right':
    case 'l':
    case 'enter':
    case 'pgdn':
      return watch.recording && watch.at >= lastStep(watch) ? toPhase(state, current, 1) : go(watch.at + 1)
    case 'left':
    case 'h':
    case 'pgup':
      return go(watch.at - 1)
    case 'space':
    case '.':
      if (watch.at >= lastStep(watch)) return only(withWatch(state, { at: 0, playing: watch.recording !== null }))
      return only(withWatch(state, { playing: !watch.playing }))
    case '}':
      return go(nextBeat(watch))
    case '{':
      return go(previousBeat(watch))
    case 'home':
    case 'r':
      return go(0)
    case 'end':
      return go(lastStep(watch))
    case '+':
    case '=':
      return only(withWatch(state, { speed: nextSpeed(watch.speed, 1) }))
    case '-':
      return only(withWatch(state, { speed: nextSpeed(watch.speed, -1) }))
    case 'n':
      return toPhase(state, current, 1)
    case 'esc':
      return toPhase(state, current, -1)
    default: {
      const phase = /^[1-5]$/.test(key) ? PHASES[Number(key) - 1] : undefined
      return phase ? only(inPhase(state, phase)) : only(state)
    }
  }
}

/** The position at which each beat has just begun: its first step. */
function beatStarts({ recording, steps }: WatchState): number[] {
  return (recording?.beats ?? []).map(({ at }) => {
    const index = steps.findIndex((frame) => frame >= at)
    return index < 0 ? steps.length + 1 : index + 1
  })
}

function nextBeat(watch: WatchState): number {
  return beatStarts(watch).find((at) => at > watch.at) ?? lastStep(watch)
}

function previousBeat(watch: WatchState): number {
  return (
    beatStarts(watch)
      .filter((at) => at < watch.at)
      .at(-1) ?? 0
  )
}

export function nextSpeed(speed: number, direction: 1 | -1): number {
  const index = SPEEDS.indexOf(speed)
  return SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, (index < 0 ? 2 : index) + direction))] ?? 1
}

function taskKey(state: State, current: LessonState, { lesson }: LoadedLesson, key: string): Step {
  const { task } = current
  const busy = task.play === null
  if (key === 'esc' || key === 'left') {
    return task.solution === 'hidden' ? toPhase(state, current, -1) : only(withTask(state, { solution: 'hidden' }))
  }
  if (key === 'n' || (key === 'right' && task.play?.verdict === 'pass')) return toPhase(state, current, 1)
  if (key === 'i')
    return only(
      withTask(state, {
        hints: Math.min(task.hints + 1, lesson.task.hints),
        tells: 'hint',
        solution: 'hidden',
        refused: null,
      }),
    )
  if (key === 's') {
    const ask = task.solution === 'hidden' && task.play?.verdict !== 'pass' && !solvedBefore(state, current)
    return only(withTask(state, { solution: ask ? 'ask' : 'shown', refused: null }))
  }
  if (key === 'enter' && task.solution === 'shown') return playMoves(state, task, lesson.task.solution)
  if (busy) return only(state)
  if (key === 'u') {
    if (task.moves.length === 0) return only(withTask(state, { refused: { kind: 'nothing-to-undo' } }))
    return playMoves(state, task, task.moves.slice(0, -1))
  }
  if (key === 'r') return playMoves(state, task, [])
  const move = lesson.task.moves[digit(key)]
  if (!move) return only(state)
  const reason = task.play?.blocked[move.id]
  if (reason) return only(withTask(state, { refused: { kind: 'blocked', reason } }))
  return playMoves(state, task, [...task.moves, move.id])
}

function playMoves(state: State, task: TaskState, moves: readonly string[]): Step {
  const ticket = task.ticket + 1
  const lesson = state.lesson?.id ?? ''
  return {
    state: withTask(state, { moves, play: null, ticket, tells: 'result', solution: 'hidden', refused: null }),
    effects: [{ type: 'play', lesson, moves, ticket }],
  }
}

function solvedBefore(state: State, current: LessonState): boolean {
  return state.progress.lessons[current.id]?.solved ?? false
}

function toPhase(state: State, current: LessonState, by: 1 | -1): Step {
  const index = PHASES.indexOf(current.phase) + by
  const phase = PHASES[Math.max(0, Math.min(PHASES.length - 1, index))] ?? current.phase
  return only(inPhase(state, phase))
}

function inPhase(state: State, phase: Phase): State {
  const next = withLessonState(state, { phase, scroll: 0, choice: null })
  return withWatch(next, { playing: false })
}

function scrolled(state: State, current: LessonState, by: number): State {
  return withLessonState(state, { scroll: Math.max(0, current.scroll + by) })
}

function withLessonState(state: State, change: Partial<LessonState>): State {
  return state.lesson ? { ...state, lesson: { ...state.lesson, ...change } } : state
}

function withWatch(state: State, change: Partial<WatchState>): State {
  return state.lesson ? withLessonState(state, { watch: { ...state.lesson.watch, ...change } }) : state
}

function withTask(state: State, change: Partial<TaskState>): State {
  return state.lesson ? withLessonState(state, { task: { ...state.lesson.task, ...change } }) : state
}

/** '1' is 0; anything that is no digit from 1 to 9 is -1. */
function digit(key: string): number {
  return /^[1-9]$/.test(key) ? Number(key) - 1 : -1
}

function only(state: State): Step {
  return { state, effects: [] }
}
