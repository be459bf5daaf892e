/** Carries out what the reducer asks for: plays lessons, saves progress, runs the sandbox, ticks. */
import { type CreateCluster, play, record } from '../course/player.ts'
import type { ProgressStore } from '../course/progress.ts'
import { openSandbox, type Sandbox } from './sandbox/controller.ts'
import type { Effect, Message, State } from './state.ts'

/** How long a step of a playing run stays on the screen at speed 1. */
const STEP_MS = 700

export interface RuntimeOptions {
  readonly progress: ProgressStore
  /** Loads the engine, when it is needed first. */
  readonly loadEngine: () => Promise<CreateCluster>
  readonly send: (message: Message) => void
  readonly quit: () => void
}

export interface Runtime {
  run(effect: Effect, state: State): void
  /** Called after every change: keeps the ticking in step with the state. */
  follow(state: State): void
  /** Stops everything that is going on; resolves when the progress is written. */
  close(): Promise<void>
}

export function createRuntime({ progress, loadEngine, send, quit }: RuntimeOptions): Runtime {
  let sandbox: Sandbox | null = null
  let opening: symbol | null = null
  let timer: NodeJS.Timeout | null = null
  let saved: Promise<unknown> = Promise.resolve()
  let closed = false

  const tell = (message: Message) => {
    if (!closed) send(message)
  }

  async function onEngine(lesson: string, work: (createCluster: CreateCluster) => Promise<void>): Promise<void> {
    try {
      await work(await loadEngine())
    } catch (error) {
      tell({ type: 'failed', lesson, error: error instanceof Error ? error.message : String(error) })
    }
  }

  async function startSandbox(): Promise<void> {
    const ticket = Symbol('sandbox')
    opening = ticket
    const createCluster = await loadEngine()
    // Closed again before the engine was there.
    if (opening !== ticket || closed) return
    sandbox = openSandbox(createCluster, (snapshot) => tell({ type: 'sandbox', snapshot }))
  }

  async function stopSandbox(): Promise<void> {
    opening = null
    const open = sandbox
    sandbox = null
    await open?.close()
  }

  return {
    run(effect, state) {
      const find = (id: string) => state.lessons.find(({ lesson }) => lesson.id === id)?.lesson
      switch (effect.type) {
        case 'quit':
          quit()
          return
        case 'save':
          saved = progress.save(effect.progress).then((problem) => {
            if (problem) tell({ type: 'problem', problem })
          })
          return
        case 'record': {
          const lesson = find(effect.lesson)
          if (!lesson) return
          void onEngine(lesson.id, async (createCluster) => {
            tell({ type: 'recorded', lesson: lesson.id, recording: await record(lesson, createCluster) })
          })
          return
        }
        case 'play': {
          const lesson = find(effect.lesson)
          if (!lesson) return
          void onEngine(lesson.id, async (createCluster) => {
            const played = await play(lesson, effect.moves, createCluster)
            tell({ type: 'played', lesson: lesson.id, ticket: effect.ticket, play: played })
          })
          return
        }
        case 'sandbox.open':
          void startSandbox()
          return
        case 'sandbox.close':
          void stopSandbox()
          return
        case 'sandbox.do':
          void sandbox?.do(effect.action)
      }
    },
    follow(state) {
      const watch = state.screen === 'lesson' ? state.lesson?.watch : undefined
      if (watch?.playing && timer === null) {
        timer = setTimeout(() => {
          timer = null
          tell({ type: 'tick' })
        }, STEP_MS / watch.speed)
      } else if (!watch?.playing && timer !== null) {
        clearTimeout(timer)
        timer = null
      }
    },
    async close() {
      closed = true
      if (timer !== null) clearTimeout(timer)
      timer = null
      await stopSandbox()
      await saved
    },
  }
}
