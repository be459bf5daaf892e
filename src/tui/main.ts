/** Starts the terminal course. Loaded only when there is a terminal to draw on. */
import { translator } from '../course/i18n/catalog.ts'
import type { Locale } from '../course/i18n/locale.ts'
import { loadLessons } from '../course/library.ts'
import type { CreateCluster } from '../course/player.ts'
import type { ProgressStore } from '../course/progress.ts'
import { createRuntime } from './runtime.ts'
import { firstState, type State } from './state.ts'
import { createStore } from './store.ts'
import { enterAltScreen } from './term/alt-screen.ts'
import { colorLevel, paint } from './term/color.ts'
import { ASCII, UNICODE } from './term/glyphs.ts'
import type { Session } from './term/session.tsx'
import { sizeOf } from './term/size.ts'
import { screenLines } from './views/screen.ts'

export interface TuiOptions {
  /** Where to start. */
  readonly open: { readonly screen: 'home' | 'sandbox' } | { readonly screen: 'lesson'; readonly lesson: string }
  /** What `--lang` said; else the remembered language, else `environmentLocale`. */
  readonly locale: Locale | null
  readonly environmentLocale: Locale
  readonly ascii: boolean
  readonly progress: ProgressStore
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  /** For tests; the program loads its own engine. */
  readonly loadEngine?: () => Promise<CreateCluster>
}

/** Resolves when the learner has left; the screen is then as it was before. */
export async function startTui(options: TuiOptions): Promise<void> {
  const { stdin, stdout, stderr, environment } = options
  const lessons = loadLessons()
  const { progress, problem } = await options.progress.load()
  const locale = options.locale ?? progress.language ?? options.environmentLocale
  const glyphs = options.ascii ? ASCII : UNICODE
  const colors = colorLevel(environment, stdout.isTTY)
  const view = (state: State) => screenLines(state, glyphs)
  let session: Session | null = null
  const runtime = createRuntime({
    progress: options.progress,
    loadEngine: options.loadEngine ?? loadEngine,
    send: (message) => store.send(message),
    quit: () => session?.quit(),
  })
  const store = createStore(firstState({ size: sizeOf(stdout), locale, lessons, progress, problem }), runtime.run)
  store.subscribe(() => runtime.follow(store.get()))
  const leave = enterAltScreen(stdout)
  // Keys typed before Ink listens wait for it, and do not show on the screen.
  stdin.setRawMode?.(true)
  try {
    const { open } = options
    if (open.screen === 'lesson') store.send({ type: 'open', screen: 'lesson', lesson: open.lesson })
    else if (open.screen === 'sandbox') store.send({ type: 'open', screen: 'sandbox' })
    // The first frame is only text: it stands before Ink and React are loaded, which then draw over it.
    stdout.write(
      view(store.get())
        .map((line) => paint(line, colors))
        .join('\r\n'),
    )
    const { openSession } = await import('./term/session.tsx')
    session = openSession({ stdin, stdout, stderr, colors, store, view })
    await session.done
  } finally {
    stdin.setRawMode?.(false)
    leave()
    await runtime.close()
  }
  const { progress: latest, locale: spoken } = store.get()
  const solved = lessons.filter(({ lesson }) => latest.lessons[lesson.id]?.solved).length
  if (solved > 0) stdout.write(`${translator(spoken)('app.goodbye.solved', { solved, total: lessons.length })}\n`)
}

async function loadEngine(): Promise<CreateCluster> {
  const { createCluster } = await import('../index.ts')
  return createCluster
}
