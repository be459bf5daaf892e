/**
 * Broker and topic configuration by Kafka's own names (KafkaConfig.scala, TopicConfig.java, GroupCoordinatorConfig.java,
 * OffsetConfig). An unknown name is an error that says so; the few that are checked but have no effect yet stand in
 * docs/fidelity.md.
 */

type Rule =
  | { readonly type: 'int'; readonly min: number; readonly max?: number }
  | { readonly type: 'boolean' }
  | { readonly type: 'list'; readonly of: readonly string[] }
  | { readonly type: 'string'; readonly of: readonly string[] }

interface Definition {
  readonly default: string
  readonly rule: Rule
  /** What it does, one line. */
  readonly about: string
}

const int = (value: number, min: number, about: string, max?: number): Definition => ({
  default: String(value),
  rule: max === undefined ? { type: 'int', min } : { type: 'int', min, max },
  about,
})
const flag = (value: boolean, about: string): Definition => ({
  default: String(value),
  rule: { type: 'boolean' },
  about,
})

/** Broker configuration. */
export const BROKER_CONFIG = {
  'auto.create.topics.enable': flag(true, 'Create a topic when a client asks for its metadata.'),
  'num.partitions': int(1, 1, 'Partitions of a topic created without a count.'),
  'default.replication.factor': int(1, 1, 'Replication factor of a topic created without one.'),
  'message.max.bytes': int(1_048_588, 0, 'The largest record batch a broker accepts, header included.'),
  'log.message.timestamp.type': {
    default: 'CreateTime',
    rule: { type: 'string', of: ['CreateTime', 'LogAppendTime'] },
    about: 'Whose clock stamps records.',
  },
  'min.insync.replicas': int(1, 1, 'How many in-sync replicas a write with acks=all needs.'),
  'replica.lag.time.max.ms': int(
    30_000,
    1,
    'A follower that has not caught up for this long leaves the in-sync replicas.',
  ),
  'offsets.topic.replication.factor': int(3, 1, 'Replicas of __consumer_offsets; never more than there are brokers.'),
  'offsets.topic.num.partitions': int(50, 1, 'Partitions of __consumer_offsets.'),
  'offset.metadata.max.bytes': int(4096, 0, 'The longest metadata string of a commit.'),
  'group.initial.rebalance.delay.ms': int(3000, 0, 'How long a new group waits for more members.'),
  'group.min.session.timeout.ms': int(6000, 0, 'The shortest session timeout a member may ask for.'),
  'group.max.session.timeout.ms': int(1_800_000, 0, 'The longest session timeout a member may ask for.'),
  'group.max.size': int(2_147_483_647, 1, 'The most members of a group.'),
  'broker.session.timeout.ms': int(9000, 1, 'After this the controller fences a broker it does not hear from.'),
  'max.connections': int(2_147_483_647, 0, 'The most connections a broker accepts.'),
} as const satisfies Record<string, Definition>

/** Topic configuration; what a topic does not set comes from the broker. */
export const TOPIC_CONFIG = {
  'cleanup.policy': {
    default: 'delete',
    rule: { type: 'list', of: ['delete', 'compact'] },
    about: 'Retention by deletion, compaction or both.',
  },
  'max.message.bytes': int(1_048_588, 0, 'The largest record batch the topic accepts, header included.'),
  'message.timestamp.type': {
    default: 'CreateTime',
    rule: { type: 'string', of: ['CreateTime', 'LogAppendTime'] },
    about: 'Whose clock stamps records.',
  },
  'retention.ms': int(604_800_000, -1, 'How long records are kept; -1 for ever.'),
  'min.insync.replicas': int(1, 1, 'How many in-sync replicas a write with acks=all needs.'),
} as const satisfies Record<string, Definition>

export type BrokerConfigName = keyof typeof BROKER_CONFIG
export type TopicConfigName = keyof typeof TOPIC_CONFIG
export type BrokerConfig = Readonly<Record<BrokerConfigName, string>>
/** Only what was set. */
export type TopicConfig = Readonly<Partial<Record<TopicConfigName, string>>>

/** What is wrong with a configuration entry, or null: names the option, the value and what is allowed. */
export function configProblem(kind: 'broker' | 'topic', name: string, value: string | null): string | null {
  const table: Readonly<Record<string, Definition>> = kind === 'broker' ? BROKER_CONFIG : TOPIC_CONFIG
  const definition = Object.hasOwn(table, name) ? table[name] : undefined
  if (definition === undefined) {
    return `Unknown ${kind} configuration "${name}". Known: ${Object.keys(table).join(', ')}.`
  }
  if (value === null) return `Invalid value null for configuration ${name}.`
  const { rule } = definition
  switch (rule.type) {
    case 'int': {
      const number = Number(value)
      if (!/^-?\d+$/.test(value.trim()) || !Number.isSafeInteger(number)) {
        return `Invalid value ${value} for configuration ${name}: not a whole number.`
      }
      if (number < rule.min)
        return `Invalid value ${value} for configuration ${name}: value must be at least ${rule.min}.`
      if (rule.max !== undefined && number > rule.max) {
        return `Invalid value ${value} for configuration ${name}: value must be no more than ${rule.max}.`
      }
      return null
    }
    case 'boolean':
      return value === 'true' || value === 'false'
        ? null
        : `Invalid value ${value} for configuration ${name}: must be true or false.`
    case 'string':
      return rule.of.includes(value)
        ? null
        : `Invalid value ${value} for configuration ${name}: must be one of ${rule.of.join(', ')}.`
    case 'list': {
      const wrong = value.split(',').find((item) => !rule.of.includes(item.trim()))
      return wrong === undefined
        ? null
        : `Invalid value ${value} for configuration ${name}: "${wrong}" is not one of ${rule.of.join(', ')}.`
    }
  }
}

/** Defaults overlaid with what was given; the entries must have been checked with `configProblem`. */
export function brokerConfig(given: Readonly<Record<string, string>>): BrokerConfig {
  const out: Record<string, string> = {}
  for (const [name, definition] of Object.entries(BROKER_CONFIG)) out[name] = given[name] ?? definition.default
  return out as BrokerConfig
}

export function intConfig(config: BrokerConfig, name: BrokerConfigName): number {
  return Number(config[name])
}

/** A topic's effective value: its own, else the broker's of the matching name, else the default. */
export function topicConfigValue(topic: TopicConfig, broker: BrokerConfig, name: TopicConfigName): string {
  const own = topic[name]
  if (own !== undefined) return own
  if (name === 'max.message.bytes') return broker['message.max.bytes']
  if (name === 'min.insync.replicas') return broker['min.insync.replicas']
  if (name === 'message.timestamp.type') return broker['log.message.timestamp.type']
  return TOPIC_CONFIG[name].default
}
