/** Holds the state, runs the reducer and hands its effects to the runtime. Knows nothing of React. */
import { reduce } from './reduce.ts'
import type { Effect, Message, State } from './state.ts'
import { UNICODE } from './term/glyphs.ts'
import { maxScroll } from './views/screen.ts'

export interface Store {
  get(): State
  send(message: Message): void
  subscribe(listener: () => void): () => void
}

export function createStore(first: State, run: (effect: Effect, state: State) => void): Store {
  let state = first
  const listeners = new Set<() => void>()
  return {
    get: () => state,
    send(message) {
      const step = reduce(state, message)
      const next = clampScroll(step.state)
      if (next !== state) {
        state = next
        for (const listener of listeners) listener()
      }
      for (const effect of step.effects) run(effect, state)
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** A page is never scrolled beyond its end, so that the way back is never longer than it looks. */
function clampScroll(state: State): State {
  const { lesson, sandbox } = state
  const scroll = state.screen === 'sandbox' ? sandbox?.scroll : lesson?.scroll
  if (scroll === undefined || scroll === 0) return state
  const most = maxScroll(state, UNICODE)
  if (scroll <= most) return state
  if (state.screen === 'sandbox') return sandbox ? { ...state, sandbox: { ...sandbox, scroll: most } } : state
  return lesson ? { ...state, lesson: { ...lesson, scroll: most } } : state
}
