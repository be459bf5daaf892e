/** The whole program on an emulated terminal: what a learner would see, cell by cell. */
import { Console } from 'node:console'
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import xterm from '@xterm/headless'
import type { Locale } from '../../src/course/i18n/locale.ts'
import { openProgress } from '../../src/course/progress.ts'
import { startTui, type TuiOptions } from '../../src/tui/main.ts'

// The test runner's own console lacks the constructor Ink patches it with.
console.Console ??= Console

class FakeStdout extends EventEmitter {
  readonly isTTY = true
  readonly written: string[] = []
  constructor(
    readonly terminal: xterm.Terminal,
    public columns: number,
    public rows: number,
  ) {
    super()
  }

  write(data: string | Uint8Array, ...rest: unknown[]): boolean {
    const text = String(data)
    this.written.push(text)
    // A terminal driver turns a line feed into carriage return and line feed.
    this.terminal.write(text.replaceAll(/\r?\n/g, '\r\n'))
    const done = rest.at(-1)
    if (typeof done === 'function') done()
    return true
  }

  resize(columns: number, rows: number): void {
    this.columns = columns
    this.rows = rows
    this.terminal.resize(columns, rows)
    this.emit('resize')
  }
}

class FakeStdin extends PassThrough {
  readonly isTTY = true
  isRaw = false
  setRawMode(raw: boolean): this {
    this.isRaw = raw
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
}

export interface Headless {
  readonly stdout: FakeStdout
  readonly stdin: FakeStdin
  /** The screen's rows as text, without trailing blanks. */
  rows(): string[]
  screen(): string
  /** Presses keys one after the other, each with a frame in between. */
  press(...keys: string[]): Promise<void>
  /** Waits until the screen shows this. */
  see(text: string | RegExp): Promise<void>
  /** What is wrong with the screen as a drawing: lines that ran over, a frame too tall, scrolled lines. */
  flaws(): string[]
  readonly done: Promise<void>
  close(): Promise<void>
}

export interface HeadlessOptions {
  readonly columns: number
  readonly rows: number
  readonly locale?: Locale
  readonly environment?: Record<string, string>
  readonly ascii?: boolean
  readonly open?: TuiOptions['open']
  readonly progressPath?: string
  readonly loadEngine?: TuiOptions['loadEngine']
}

export const KEYS: Readonly<Record<string, string>> = {
  enter: '\r',
  esc: '\u001b',
  right: '\u001b[C',
  left: '\u001b[D',
  up: '\u001b[A',
  down: '\u001b[B',
  tab: '\t',
  end: '\u001b[F',
  'ctrl-c': '\u0003',
  space: ' ',
}

export function openHeadless(options: HeadlessOptions): Headless {
  const { columns, rows } = options
  const folder = mkdtempSync(join(tmpdir(), 'kafkarium-tui-'))
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 1000 })
  const stdout = new FakeStdout(terminal, columns, rows)
  const stdin = new FakeStdin()
  let over = false
  const done = startTui({
    open: options.open ?? { screen: 'home' },
    locale: options.locale ?? 'en',
    environmentLocale: 'en',
    ascii: options.ascii ?? false,
    progress: openProgress(options.progressPath ?? join(folder, 'progress.json')),
    environment: options.environment ?? { TERM: 'xterm-256color', COLORTERM: 'truecolor' },
    stdin: stdin as unknown as NodeJS.ReadStream,
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: stdout as unknown as NodeJS.WriteStream,
    ...(options.loadEngine ? { loadEngine: options.loadEngine } : {}),
  }).finally(() => {
    over = true
  })

  const lines = () => {
    const { active } = terminal.buffer
    return Array.from({ length: terminal.rows }, (_unused, row) => active.getLine(active.viewportY + row))
  }
  const texts = () => lines().map((line) => line?.translateToString(true) ?? '')
  const frame = () => new Promise((resolve) => setTimeout(resolve, 45))

  const headless: Headless = {
    stdout,
    stdin,
    rows: texts,
    screen: () => texts().join('\n'),
    async press(...keys) {
      for (const key of keys) {
        stdin.write(KEYS[key] ?? key)
        // A lone escape is only known to be one when nothing follows it.
        await frame()
        if (key === 'esc') await frame()
      }
    },
    async see(text) {
      const until = Date.now() + 30_000
      for (;;) {
        const now = headless.screen()
        if (typeof text === 'string' ? now.includes(text) : text.test(now)) return
        if (Date.now() > until) throw new Error(`not seen within 30 s: ${text}\nThe screen shows:\n${now}`)
        await frame()
      }
    },
    flaws() {
      const found: string[] = []
      for (const [row, line] of lines().entries()) {
        if (line?.isWrapped) found.push(`row ${row} ran over the edge of row ${row - 1}`)
      }
      const { active } = terminal.buffer
      if (active.type !== 'alternate') found.push('not on the alternate screen')
      if (active.baseY > 0) found.push(`${active.baseY} lines were scrolled away`)
      if ((texts().at(-1) ?? '') !== '') found.push('the last row is not free')
      if (stdout.written.some((text) => text.includes('\u001b[3J'))) found.push('the scrollback was wiped')
      // A box keeps its right edge, in every script.
      for (const [row, text] of texts().entries()) {
        if (/^[│┌└|+]/.test(text) && !/[│┐┘|+]$/.test(text)) found.push(`row ${row} lost its right edge: ${text}`)
        const cells = lines()[row]
        const edge = cells?.getCell(terminal.cols - 1)?.getChars() ?? ''
        if (/^[│┌└]/.test(text) && !/[│┐┘]/.test(edge)) found.push(`row ${row} has no edge in the last column`)
      }
      return found
    },
    done,
    async close() {
      if (!over) stdin.write(KEYS['ctrl-c'])
      await done
      rmSync(folder, { recursive: true, force: true })
      terminal.dispose()
    },
  }
  return headless
}
