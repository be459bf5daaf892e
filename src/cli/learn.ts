/** `kafkarium learn [lesson]`: the course, on the screen or as plain text. */
import { translator } from '../course/i18n/catalog.ts'
import { findLesson, loadLessons } from '../course/library.ts'
import { type Context, plainLocale } from './context.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { nearest } from './nearest.ts'

/** @param commands the names of the commands: a mistyped one arrives here as a lesson */
export async function learn(
  name: string | undefined,
  context: Context,
  commands: readonly string[],
): Promise<ExitCode> {
  const lessons = loadLessons()
  const chosen = name === undefined ? lessons[0] : findLesson(lessons, name)
  if (!chosen) {
    const t = translator(context.locale ?? context.environmentLocale)
    const names = lessons.map(({ lesson }) => lesson.id)
    const meant = nearest(name ?? '', [...commands, ...names])
    const { stderr } = context.host
    stderr.write(`${t('cli.unknown-lesson', { name: name ?? '' })}\n`)
    if (meant) stderr.write(`${t('cli.did-you-mean', { name: meant })}\n`)
    stderr.write(`${t('cli.known-lessons', { names: names.join(', ') })}\n`)
    return EXIT.usage
  }
  if (context.interactive) {
    const { startTui } = await import('../tui/main.ts')
    const { host, locale, environmentLocale, ascii, progress } = context
    await startTui({
      open: name === undefined ? { screen: 'home' } : { screen: 'lesson', lesson: chosen.lesson.id },
      locale,
      environmentLocale,
      ascii,
      progress,
      environment: host.env,
      stdin: host.stdin,
      stdout: host.stdout,
      stderr: host.stderr,
    })
    return EXIT.ok
  }
  const [{ playPlainLesson }, { createCluster }, { ASCII, UNICODE }] = await Promise.all([
    import('../tui/plain/lesson.ts'),
    import('../index.ts'),
    import('../tui/term/glyphs.ts'),
  ])
  const locale = await plainLocale(context)
  const verdict = await playPlainLesson({
    loaded: chosen,
    locale,
    t: translator(locale),
    glyphs: context.ascii ? ASCII : UNICODE,
    createCluster,
    write: (line) => context.host.stdout.write(`${line}\n`),
  })
  return verdict === 'could-not-check' ? EXIT.failed : EXIT.ok
}
