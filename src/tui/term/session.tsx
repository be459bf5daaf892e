/** Runs the app on a terminal from the first frame to the last, and gives the screen back. */
import { type Instance, render } from 'ink'
import type { Size, State } from '../state.ts'
import type { Store } from '../store.ts'
import { CLEAR, enterAltScreen } from './alt-screen.ts'
import { App } from './app.tsx'
import type { ColorLevel } from './color.ts'
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
  /** Ends the app; the screen is restored when `done` resolves. */
  quit(): void
  readonly done: Promise<void>
}

export function openSession({ stdin, stdout, stderr, colors, store, view }: SessionOptions): Session {
  const leave = enterAltScreen(stdout)
  const onResize = () => {
    // Clear first: what the terminal has re-wrapped of the old frame must not stay.
    stdout.write(CLEAR)
    instance.clear()
    store.send({ type: 'resize', size: sizeOf(stdout) })
  }
  let instance: Instance
  try {
    instance = render(<App store={store} view={view} colors={colors} />, {
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
  } catch (error) {
    leave()
    throw error
  }
  stdout.on('resize', onResize)
  const finish = () => {
    stdout.off('resize', onResize)
    leave()
  }
  const done = instance.waitUntilExit().then(finish, (error: unknown) => {
    finish()
    throw error
  })
  return { quit: () => instance.unmount(), done }
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

export function sizeOf(stdout: { readonly columns?: number; readonly rows?: number }): Size {
  return { columns: stdout.columns || 80, rows: stdout.rows || 24 }
}
