/** The command line: which command, with which options. One file a command. */
import { Command, CommanderError, Option } from 'commander'
import manifest from '../../package.json' with { type: 'json' }
import { CATALOGS } from '../course/i18n/catalog.ts'
import { LOCALES, localeOf } from '../course/i18n/locale.ts'
import { type CommonOptions, contextOf, type Host } from './context.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { learn } from './learn.ts'
import { sandbox } from './sandbox.ts'
import type { ServeOptions } from './serve.ts'

/** Runs a command line and resolves with the code to exit with. Never calls `process.exit`. */
export async function main(args: readonly string[], host: Host): Promise<ExitCode> {
  // A reader that has seen enough (`| head`) is no failure.
  host.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  let code: ExitCode = EXIT.ok
  const program = new Command('kafkarium')
    .description(CATALOGS[localeOf(host.env)]['cli.description'])
    .version(manifest.version, '-V, --version')
    .addHelpText('after', `\n${CATALOGS[localeOf(host.env)]['cli.common']}`)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void host.stdout.write(text),
      writeErr: (text) => void host.stderr.write(text),
    })

  const command = (definition: string, description: string) =>
    program
      .command(definition, { isDefault: definition.startsWith('learn') })
      .description(description)
      .addOption(new Option('--lang <language>', 'language of the texts').choices(LOCALES))
      .option('--plain', 'plain text instead of a screen, as when piped')
      .option('--ascii', 'only ASCII characters for lines and marks')

  command('learn [lesson]', 'the course, or one lesson by number or name (default)').action(
    async (lesson: string | undefined, options: CommonOptions) => {
      const names = program.commands.map((known) => known.name())
      code = await learn(lesson, contextOf(host, options), names)
    },
  )
  command('sandbox', 'a live cluster to poke at').action(async (options: CommonOptions) => {
    code = await sandbox(contextOf(host, options))
  })
  // Who reads objects reads them also where the command line itself is wrong.
  const outputError = (text: string, write: (line: string) => void) =>
    write(args.includes('--json') ? errorObject(text) : text)
  const many = (value: string, before: readonly string[] = []) => [...before, value]
  program
    .command('serve')
    .description('a cluster behind ports, for Kafka clients in any language')
    .configureOutput({ outputError })
    .option('--brokers <number>', 'brokers, a port each (1)')
    .option('--port <number>', 'port of the first broker, the next ones follow; 0 for any (9092)')
    .option('--host <address>', 'address to listen at (127.0.0.1)')
    .option('--advertised-host <name>', 'host name that clients are told (localhost)')
    .option('--topic <name:partitions:replicas>', 'a topic to begin with; again for more, or by commas', many)
    .option('--kafka-version <version>', 'Apache Kafka version posed as (4.3)')
    .option('--seed <seed>', 'what chance is drawn from')
    .option('--speed <factor>', 'how fast time goes (1)')
    .option('--config <name=value>', 'a broker setting; again for more', many)
    .option('--auto-create', 'make a topic when a client asks for it (as brokers do)')
    .option('--no-auto-create', 'refuse topics that are not there')
    .option('--json', 'one JSON object a line')
    .action(async (options: ServeOptions) => {
      // Loaded only here: the course starts sooner without it.
      code = await (await import('./serve.ts')).serve(options, host)
    })

  try {
    await program.parseAsync([...args], { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    host.stderr.write(`kafkarium: ${error instanceof Error ? error.message : String(error)}\n`)
    return EXIT.failed
  }
}

/** What the parser of the command line says, as the objects of `serve --json`. */
function errorObject(text: string): string {
  const message = text
    .replace(/^error: /, '')
    .trim()
    .replaceAll('\n', ' ')
  return `${JSON.stringify({ event: 'error', message })}\n`
}
