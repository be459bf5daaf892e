/** What the pages of a lesson share. */
import { type LoadedLesson, proseOf } from '../../course/library.ts'
import type { LessonState, State } from '../state.ts'
import type { Line } from '../term/text.ts'
import type { ViewContext } from './context.ts'
import { indent } from './frame.ts'
import { proseLines } from './prose.ts'

export interface LessonView {
  readonly state: State
  readonly current: LessonState
  readonly loaded: LoadedLesson
  readonly context: ViewContext
}

/** A block of prose, laid out with a margin. */
export function prose({ state, loaded, context }: LessonView, block: string): Line[] {
  return indent(proseLines(proseOf(loaded, state.locale, block), context.columns - 2, context.glyphs), 1)
}
