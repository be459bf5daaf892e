/** The topics that `kafkarium serve` begins with: read from the command line and the environment, and errors about them put in the same terms. */
import { KafkariumError } from '../clientless.ts'
import type { TopicOptions } from '../index.ts'

interface Asked {
  /** As it was written. */
  readonly text: string
  /** `--topic` or `KAFKA_CREATE_TOPICS`. */
  readonly source: string
  readonly options: TopicOptions
}

/** By name. */
export type AskedTopics = ReadonlyMap<string, Asked>

/**
 * `name`, `name:partitions`, `name:partitions:replicas` or `name:partitions:replicas:cleanup.policy`, by commas.
 *
 * @param sources what was given, by where it was given
 * @throws KafkariumError KAFKARIUM_BAD_OPTION
 */
export function askedTopics(sources: Readonly<Record<string, readonly string[]>>): AskedTopics {
  const topics = new Map<string, Asked>()
  for (const [source, lists] of Object.entries(sources)) {
    for (const text of lists.flatMap((list) => list.split(',')).map((entry) => entry.trim())) {
      if (text === '') continue
      const { name, options } = topicOf(source, text)
      const before = topics.get(name)
      if (before !== undefined && JSON.stringify(before.options) !== JSON.stringify(options)) {
        const both =
          before.source === source ? `${before.text} and ${text}` : `${before.text} (${before.source}) and ${text}`
        throw bad(`${source}: topic "${name}" is given twice, and differently: ${both}. Give it once.`)
      }
      topics.set(name, { text, source, options })
    }
  }
  return topics
}

function topicOf(source: string, text: string): { readonly name: string; readonly options: TopicOptions } {
  const [name = '', partitions = '1', replicas = '1', policy, ...rest] = text.split(':')
  if (rest.length > 0)
    throw bad(`${source}: "${text}" has too many parts. Give name:partitions:replicas, for example orders:3:2.`)
  if (name === '') throw bad(`${source}: "${text}" has no name. Give name:partitions:replicas, for example orders:3:2.`)
  const options = {
    partitions: numberOf(`${source}: ${text}`, partitions),
    replicationFactor: numberOf(`${source}: ${text}`, replicas),
    ...(policy === undefined ? {} : { config: { 'cleanup.policy': policy } }),
  }
  return { name, options }
}

export function numberOf(option: string, text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value)) return value
  throw bad(`${option}: "${text}" is not a number.`)
}

/** What `createCluster` says of its `topics`, said of what was written. */
export function inWordsOfServe(message: string, topics: AskedTopics): string {
  // Names have dots in them: "topics.a.b" is of topic a.b, if there is one.
  const longestFirst = [...topics].sort(([a], [b]) => b.length - a.length)
  for (const [name, { source, text }] of longestFirst) {
    const before = [`topics.${name}: `, `topics.${name}.`].find((start) => message.startsWith(start))
    if (before === undefined && !message.startsWith('topics: the name is invalid: ')) continue
    if (before === undefined && !message.includes(`'${name.slice(0, 20)}`)) continue
    const rest = message.slice(before === undefined ? 'topics: '.length : before.length)
    return `${source}: ${text}: ${rest.replace(/Write createCluster\(\{ brokers: (\d+), … \}\)\./, 'Give --brokers $1.')}`
  }
  return message
}

export function bad(text: string): KafkariumError {
  return new KafkariumError('KAFKARIUM_BAD_OPTION', text)
}
