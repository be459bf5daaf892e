/** Runs the app on a terminal that is already on its alternate screen, first frame included, until it is left. */
import { render } from 'ink'
import type { State } from '../state.ts'
import type { Store } from '../store.ts'
import { CLEAR, TO_TOP } from './alt-screen.ts'
import { App } from './app.tsx'
import type { ColorLevel } from './color.ts'
import { sizeOf } from './size.ts'
import type { Line } from './text.ts'

export interface SessionOptions {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly colors: ColorLevel
  readonly store: Store
  readonly view: (state: State) => readonly Line[]
}

export interface Session {
  /** Ends the app; nothing is drawn any more when `done` settles. */
  quit(): void
  readonly done: Promise<void>
}

export function openSession({ stdin, stdout, stderr, colors, store, view }: SessionOptions): Session {
  stdout.write(TO_TOP)
  const instance = render(<App store={store} view={view} colors={colors} />, {
    stdin,
    stdout: withoutWipe(stdout),
    stderr,
    exitOnCtrlC: false,
    patchConsole: true,
    maxFps: 30,
    // Ink 6.8 steps one line too far down with every incremental frame that does not fill the screen, and ours never
    // do: whole frames, then. They are one screen of text, and only drawn when something changed.
    incrementalRendering: false,
  })
  const onResize = () => {
    // Clear first: what the terminal has re-wrapped of the old frame must not stay.
    stdout.write(CLEAR)
    instance.clear()
    store.send({ type: 'resize', size: sizeOf(stdout) })
  }
  stdout.on('resize', onResize)
  const done = instance.waitUntilExit().finally(() => stdout.off('resize', onResize))
  return { quit: () => instance.unmount(), done: done.then(() => {}) }
}

/**
 * Ink clears the terminal, scrollback and all, when the last frame is taller than a window that has just shrunk.
 * What the user had on the screen before is not ours to wipe.
 */
function withoutWipe(stdout: NodeJS.WriteStream): NodeJS.WriteStream {
  const write = (data: string | Uint8Array, ...rest: never[]) =>
    stdout.write(typeof data === 'string' ? data.replaceAll(WIPE, '') : data, ...rest)
  return new Proxy(stdout, {
    get(target, key) {
      if (key === 'write') return write
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const WIPE = '\u001b[3J'
