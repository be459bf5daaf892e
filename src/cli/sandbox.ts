/** `kafkarium sandbox`: a live cluster to poke at; without a terminal a short tour as text. */
import { translator } from '../course/i18n/catalog.ts'
import { type Context, plainLocale } from './context.ts'
import { EXIT, type ExitCode } from './exit.ts'

export async function sandbox(context: Context): Promise<ExitCode> {
  const { host, locale, environmentLocale, ascii, progress } = context
  if (context.interactive) {
    const { startTui } = await import('../tui/main.ts')
    await startTui({
      open: { screen: 'sandbox' },
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
  const [{ playPlainSandbox }, { createCluster }] = await Promise.all([
    import('../tui/plain/sandbox.ts'),
    import('../index.ts'),
  ])
  const spoken = await plainLocale(context)
  await playPlainSandbox({
    t: translator(spoken),
    locale: spoken,
    createCluster,
    write: (line) => host.stdout.write(`${line}\n`),
  })
  return EXIT.ok
}
