/** `kafkarium serve`: a cluster behind ports, for clients in any language, until it is told to stop. */
import { createClientlessCluster, KafkariumError } from '../clientless.ts'
import type { Host } from './context.ts'
import { EXIT, type ExitCode } from './exit.ts'
import { type AskedTopics, askedTopics, bad, inWordsOfServe, numberOf } from './serve-topics.ts'

/** As the command line gives them: all text. */
export interface ServeOptions {
  readonly brokers?: string
  readonly port?: string
  readonly host?: string
  readonly advertisedHost?: string
  readonly topic?: readonly string[]
  readonly kafkaVersion?: string
  readonly seed?: string
  readonly speed?: string
  readonly config?: readonly string[]
  readonly autoCreate?: boolean
  readonly json?: boolean
}

/** What the library calls an option, and what it is called here. */
const FLAGS: Readonly<Record<string, string>> = {
  'listen.port:': '--port:',
  'listen.host:': '--host:',
  'listen.advertisedHost:': '--advertised-host:',
  'brokers:': '--brokers:',
  'kafkaVersion:': '--kafka-version:',
  'speed:': '--speed:',
  'config:': '--config:',
}

export async function serve(options: ServeOptions, host: Host): Promise<ExitCode> {
  const say = (event: string, text: string, more: Readonly<Record<string, unknown>> = {}) => {
    const line = options.json ? JSON.stringify({ event, ...more }) : text
    ;(event === 'log' || event === 'error' ? host.stderr : host.stdout).write(`${line}\n`)
  }
  let asked: AskedTopics = new Map()
  try {
    asked = askedTopics({ '--topic': options.topic ?? [], KAFKA_CREATE_TOPICS: [host.env.KAFKA_CREATE_TOPICS ?? ''] })
    const cluster = createClientlessCluster({
      brokers: numberOf('--brokers', options.brokers ?? '1'),
      time: 'wall',
      // A cluster that has been in use: nobody's first consumer waits until there is a coordinator.
      internalTopics: 'atStart',
      topics: Object.fromEntries([...asked].map(([name, topic]) => [name, topic.options])),
      config: configOf(options),
      ...(options.kafkaVersion === undefined ? {} : { kafkaVersion: options.kafkaVersion }),
      ...(options.seed === undefined ? {} : { seed: seedOf(options.seed) }),
      ...(options.speed === undefined ? {} : { speed: numberOf('--speed', options.speed) }),
    })
    const server = await cluster.listen({
      port: numberOf('--port', options.port ?? '9092'),
      ...(options.host === undefined ? {} : { host: options.host }),
      ...(options.advertisedHost === undefined ? {} : { advertisedHost: options.advertisedHost }),
      log: (line) => say('log', `[kafkarium] ${line}`, { message: line }),
    })
    const names = [...asked.keys()]
    const topics = names.length === 0 ? '' : `; topics: ${names.join(', ')}`
    // Before anybody is told that it is there.
    const toldToStop = stopAsked()
    say('ready', `kafkarium is ready: bootstrap servers ${server.brokers.join(',')}${topics}`, {
      brokers: server.brokers,
      topics: names,
    })
    await toldToStop
    await server.close()
    await cluster.dispose()
    say('stopped', 'kafkarium has stopped')
    return EXIT.ok
  } catch (error) {
    if (!(error instanceof KafkariumError)) throw error
    const message = Object.entries(FLAGS).reduce(
      (text, [option, flag]) => (text.startsWith(option) ? `${flag}${text.slice(option.length)}` : text),
      inWordsOfServe(error.message, asked),
    )
    say('error', `kafkarium serve: ${message}`, { message })
    return error.code === 'KAFKARIUM_BAD_OPTION' ? EXIT.usage : EXIT.failed
  }
}

/** Ctrl-C or a friendly kill. A second one ends the program at once, as if nobody listened. */
function stopAsked(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
      resolve()
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
  })
}

/** `7` is the number 7, as in a test; anything else is text. */
function seedOf(text: string): number | string {
  return /^\d{1,15}$/.test(text) ? Number(text) : text
}

function configOf({ config = [], autoCreate }: ServeOptions): Record<string, string> {
  // As in the server.properties that Kafka comes with: nobody waits three seconds for a first consumer.
  const given: Record<string, string> = { 'group.initial.rebalance.delay.ms': '0' }
  for (const entry of config) {
    const at = entry.indexOf('=')
    if (at <= 0)
      throw bad(`--config: "${entry}" is not of the form name=value, for example offsets.topic.num.partitions=5.`)
    given[entry.slice(0, at)] = entry.slice(at + 1)
  }
  if (autoCreate !== undefined) given['auto.create.topics.enable'] = String(autoCreate)
  return given
}
