/** What a command gets: the streams and the environment, so that tests can hand in their own. */
import { isLocale, type Locale, localeOf } from '../course/i18n/locale.ts'
import { openProgress, type ProgressStore, progressPath } from '../course/progress.ts'
import { isInteractive } from '../tui/term/interactive.ts'

export interface Host {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The options every command with texts of the course takes. */
export interface CommonOptions {
  readonly lang?: string
  readonly plain?: boolean
  readonly ascii?: boolean
}

export interface Context {
  readonly host: Host
  readonly interactive: boolean
  /** What `--lang` said, or null. */
  readonly locale: Locale | null
  readonly environmentLocale: Locale
  readonly ascii: boolean
  readonly progress: ProgressStore
}

export function contextOf(host: Host, options: CommonOptions): Context {
  const terminal = { stdinIsTTY: host.stdin.isTTY, stdoutIsTTY: host.stdout.isTTY, environment: host.env }
  return {
    host,
    interactive: !options.plain && isInteractive(terminal),
    locale: options.lang !== undefined && isLocale(options.lang) ? options.lang : null,
    environmentLocale: localeOf(host.env),
    ascii: options.ascii ?? false,
    progress: openProgress(progressPath(host.env)),
  }
}

/** The language for plain text: the flag, then what was remembered, then the environment. */
export async function plainLocale(context: Context): Promise<Locale> {
  if (context.locale) return context.locale
  const { progress } = await context.progress.load()
  return progress.language ?? context.environmentLocale
}
