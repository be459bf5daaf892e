/**
 * Broker and topic configuration by Kafka's own names; the definitions stand in `config/`. An unknown name is an error
 * that says so; docs/configuration.md, made from the same tables, tells which of them have an effect.
 */
import { nearest } from '../kernel/nearest.ts'
import { BROKER_CONFIG, type BrokerConfigName } from './config/broker-definitions.ts'
import { canonicalValue, type Definition, valueProblem } from './config/definition.ts'
import { TOPIC_CONFIG, type TopicConfigName, type TopicDefinition } from './config/topic-definitions.ts'

type UnsetName = {
  [N in BrokerConfigName]: (typeof BROKER_CONFIG)[N]['default'] extends null ? N : never
}[BrokerConfigName]

/** Under this key a broker's configuration remembers what it was given: its server.properties. */
const GIVEN = Symbol('given')

/** Every value a broker works with; absent is what has no default and was not set. */
export type BrokerConfig = {
  readonly [N in Exclude<BrokerConfigName, UnsetName>]: string
} & { readonly [N in UnsetName]?: string } & { readonly [GIVEN]?: GivenBrokerConfig }

/** Only what was set. */
export type GivenBrokerConfig = Readonly<Partial<Record<BrokerConfigName, string>>>
/** Only what was set. */
export type TopicConfig = Readonly<Partial<Record<TopicConfigName, string>>>

const BROKER_DEFAULTS = Object.fromEntries(
  Object.entries(BROKER_CONFIG).flatMap(([name, definition]) =>
    definition.default === null ? [] : [[name, definition.default]],
  ),
) as BrokerConfig

export function configDefinition(kind: 'broker' | 'topic', name: string): Definition | undefined {
  const table: Readonly<Record<string, Definition>> = kind === 'broker' ? BROKER_CONFIG : TOPIC_CONFIG
  return Object.hasOwn(table, name) ? table[name] : undefined
}

/** What is wrong with a configuration entry, or null: names the option, the value and what is allowed. */
export function configProblem(kind: 'broker' | 'topic', name: string, value: string | null): string | null {
  const definition = configDefinition(kind, name)
  if (definition === undefined) return unknownName(kind, name)
  if (value === null) return `Invalid value null for configuration ${name}.`
  return valueProblem(definition, name, value)
}

function unknownName(kind: 'broker' | 'topic', name: string): string {
  const guess = counterpart(kind, name) ?? nearest(name, Object.keys(kind === 'broker' ? BROKER_CONFIG : TOPIC_CONFIG))
  const hint = guess === null ? 'docs/configuration.md lists the known ones.' : `Did you mean "${guess}"?`
  return `Unknown ${kind} configuration "${name}". ${hint}`
}

/** What a name of the other kind is called here. */
function counterpart(kind: 'broker' | 'topic', name: string): string | null {
  const topics = Object.entries<TopicDefinition>(TOPIC_CONFIG)
  if (kind === 'broker') return topics.find(([topicName]) => topicName === name)?.[1].synonyms[0]?.name ?? null
  return topics.find(([, { synonyms }]) => synonyms.some((synonym) => synonym.name === name))?.[0] ?? null
}

/** Defaults overlaid with what was given; the entries must have been checked with `configProblem`. */
export function brokerConfig(given: Readonly<Record<string, string>>): BrokerConfig {
  const own: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) own[name] = canonicalConfigValue('broker', name, value)
  return { ...BROKER_DEFAULTS, ...own, [GIVEN]: own }
}

/** The same with what was set at run time; the later wins. */
export function overlaidConfig(config: BrokerConfig, ...layers: readonly GivenBrokerConfig[]): BrokerConfig {
  return Object.assign({}, config, ...layers)
}

/** What `brokerConfig` was given. */
export function givenConfig(config: BrokerConfig): GivenBrokerConfig {
  return config[GIVEN] ?? {}
}

/** One text for every way to write the same value; it must have been checked with `configProblem`. */
export function canonicalConfigValue(kind: 'broker' | 'topic', name: string, value: string): string {
  const definition = configDefinition(kind, name)
  return definition === undefined ? value : canonicalValue(definition, value)
}

export function intConfig(config: BrokerConfig, name: BrokerConfigName): number {
  return Number(config[name])
}

export function boolConfig(config: BrokerConfig, name: BrokerConfigName): boolean {
  return config[name] === 'true'
}

/** A topic's effective value: its own, else the broker's of the matching name, else the default. */
export function topicConfigValue(topic: TopicConfig, broker: BrokerConfig, name: TopicConfigName): string {
  const own = topic[name]
  if (own !== undefined) return own
  const definition: TopicDefinition = TOPIC_CONFIG[name]
  for (const synonym of definition.synonyms) {
    const value = broker[synonym.name]
    if (value === undefined) continue
    // Any negative retention means "for ever" (KafkaConfig.logRetentionTimeMillis).
    if (name === 'retention.ms' && Number(value) < 0) return '-1'
    return synonym.factor === 1 ? value : String(Number(value) * synonym.factor)
  }
  return definition.default
}

/** What is wrong with a topic's settings taken together, or null (LogConfig.validateTopicLogConfigValues). */
export function topicConfigConflict(topic: TopicConfig, broker: BrokerConfig): string | null {
  const youngest = topicConfigValue(topic, broker, 'min.compaction.lag.ms')
  const oldest = topicConfigValue(topic, broker, 'max.compaction.lag.ms')
  if (BigInt(youngest) > BigInt(oldest)) {
    return `min.compaction.lag.ms (${youngest}) must not be above max.compaction.lag.ms (${oldest}).`
  }
  if (topic['remote.storage.enable'] === 'true') {
    return 'remote.storage.enable: there is no tiered storage here, so a topic cannot use it.'
  }
  return null
}

/** What is wrong with a broker's settings taken together, or null: Kafka would not start with them (KafkaConfig.validateValues). */
export function brokerConfigConflict(config: BrokerConfig): string | null {
  for (const name of ['retention.ms', 'segment.ms', 'segment.jitter.ms'] as const) {
    // A topic may say retention.ms=0, a broker may not.
    const least = name === 'segment.jitter.ms' ? 0 : 1
    const value = topicConfigValue({}, config, name)
    if (Number(value) >= least || (name === 'retention.ms' && value === '-1')) continue
    return `${TOPIC_CONFIG[name].synonyms[0]?.name}: ${value} ms is not possible: it must be at least ${least}.`
  }
  for (const [low, high] of ORDERED) {
    const [least, most] = [config[low], config[high]]
    if (Number(least) > Number(most)) return `${low} (${least}) must not be above ${high} (${most}).`
  }
  return topicConfigConflict({}, config)
}

/** The first must not be above the second. */
const ORDERED: readonly (readonly [BrokerConfigName, BrokerConfigName])[] = [
  ['replica.fetch.wait.max.ms', 'replica.socket.timeout.ms'],
  ['replica.fetch.wait.max.ms', 'replica.lag.time.max.ms'],
  ['group.consumer.min.session.timeout.ms', 'group.consumer.session.timeout.ms'],
  ['group.consumer.session.timeout.ms', 'group.consumer.max.session.timeout.ms'],
  ['group.consumer.min.heartbeat.interval.ms', 'group.consumer.heartbeat.interval.ms'],
  ['group.consumer.heartbeat.interval.ms', 'group.consumer.max.heartbeat.interval.ms'],
]
