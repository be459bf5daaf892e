/**
 * DescribeConfigs (key 32). KafkaApis.handleDescribeConfigsRequest, ConfigHelper.describeConfigs. The broker that is asked
 * answers from what it has applied of the metadata, so a change just made may not show yet.
 *
 * - Topics (2): every configuration with its effective value. Unknown: UNKNOWN_TOPIC_OR_PARTITION.
 * - Brokers (4): a broker answers for itself only (INVALID_REQUEST); without a name, for what is set for all brokers.
 * - Broker loggers (8): there are none here, so the list is empty.
 * - Other types: INVALID_REQUEST. A type Kafka does not know fails the whole request.
 * - `configurationKeys` null or empty means all; names that do not exist are left out.
 * - The source is that of the first synonym. Where a value comes from a broker configuration of another name and unit
 *   (retention.ms from log.retention.hours), Kafka lists no synonym and calls it a default; so do we.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import {
  makeDescribeConfigsResourceResult,
  makeDescribeConfigsResponse,
  makeDescribeConfigsResult,
} from '../../protocol/make.ts'
import type {
  DescribeConfigsResource,
  DescribeConfigsResourceResult,
  DescribeConfigsSynonym,
} from '../../protocol/messages.ts'
import { BROKER_CONFIG, type BrokerConfigName, brokerSynonyms } from '../config/broker-definitions.ts'
import type { ConfigType, Definition } from '../config/definition.ts'
import { type ConfigRefusal, ResourceType, wrongBroker } from '../config/resource.ts'
import { TOPIC_CONFIG, type TopicConfigName, type TopicDefinition } from '../config/topic-definitions.ts'
import { givenConfig, topicConfigValue } from '../config.ts'
import { type TopicInfo, topicNameProblem } from '../metadata.ts'
import { type BrokerState, dynamicConfig } from '../state.ts'
import { defineApi } from './handler.ts'

/** DescribeConfigsResponse.ConfigSource. */
export const ConfigSource = { TOPIC: 1, BROKER: 2, ALL_BROKERS: 3, STATIC: 4, DEFAULT: 5 } as const

/** DescribeConfigsResponse.ConfigType. */
const TYPE_CODES: Readonly<Record<ConfigType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  class: 8,
}

interface Wish {
  readonly synonyms: boolean
  readonly documentation: boolean
}

type Entries = readonly DescribeConfigsResourceResult[]

export const describeConfigs = defineApi({
  api: 'DescribeConfigs',
  minVersion: 0,
  maxVersion: 4,
  handle(state, request, _ctx, out) {
    const { resources, includeSynonyms, includeDocumentation } = request.body
    const wish = { synonyms: includeSynonyms, documentation: includeDocumentation }
    const known: readonly number[] = Object.values(ResourceType)
    const stranger = resources.find(({ resourceType }) => !known.includes(resourceType))
    const results = resources.map((resource) => {
      const { resourceType, resourceName, configurationKeys } = resource
      const found =
        stranger === undefined
          ? describe(state, resource, wish)
          : refuse(`Unexpected resource type ${stranger.resourceType} for resource ${stranger.resourceName}.`)
      if ('errorCode' in found) {
        const { errorCode, message } = found
        return makeDescribeConfigsResult({ errorCode, errorMessage: message, resourceType, resourceName })
      }
      const keys = configurationKeys === null || configurationKeys.length === 0 ? null : new Set(configurationKeys)
      const asked = keys === null ? found : found.filter(({ name }) => keys.has(name))
      const configs = request.apiVersion >= 1 ? asked : asked.map(inVersion0)
      return makeDescribeConfigsResult({ errorMessage: null, resourceType, resourceName, configs })
    })
    out.replies.push({ token: request, body: makeDescribeConfigsResponse({ results }) })
  },
})

/** v0 has no sources: it tells whether a value is a default. */
function inVersion0(entry: DescribeConfigsResourceResult): DescribeConfigsResourceResult {
  return { ...entry, isDefault: entry.configSource === ConfigSource.DEFAULT }
}

function describe(
  state: BrokerState,
  { resourceType, resourceName: name }: DescribeConfigsResource,
  wish: Wish,
): Entries | ConfigRefusal {
  switch (resourceType) {
    case ResourceType.TOPIC: {
      const invalid = topicNameProblem(name)
      if (invalid !== null) {
        return { errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION, message: `Topic name is invalid: ${invalid}` }
      }
      const topic = state.image.topics.get(name)
      return topic === undefined
        ? { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message: null }
        : topicEntries(state, topic, wish)
    }
    case ResourceType.BROKER:
      if (name === '') return allBrokersEntries(state, wish)
      return wrongBroker(name, state.id) ?? brokerEntries(state, wish)
    case ResourceType.BROKER_LOGGER:
      return name === '' ? refuse('Broker id must not be empty.') : (wrongBroker(name, state.id) ?? [])
    default:
      return refuse(`kafkarium has no configuration of resource type ${resourceType}.`)
  }
}

function refuse(message: string): ConfigRefusal {
  return { errorCode: ErrorCode.INVALID_REQUEST, message }
}

function topicEntries(state: BrokerState, { config }: TopicInfo, wish: Wish): Entries {
  return Object.entries<TopicDefinition>(TOPIC_CONFIG).map(([key, definition]) => {
    const name = key as TopicConfigName
    const own = config[name]
    const first = definition.synonyms[0]
    const synonyms = first === undefined ? [] : synonymsOf(state, first.name)
    if (own !== undefined) synonyms.unshift({ name, value: own, source: ConfigSource.TOPIC })
    return entry(name, topicConfigValue(config, state.config, name), definition, synonyms, false, wish)
  })
}

function brokerEntries(state: BrokerState, wish: Wish): Entries {
  return Object.entries<Definition>(BROKER_CONFIG).map(([key, definition]) => {
    const name = key as BrokerConfigName
    const readOnly = definition.update === 'read-only'
    return entry(name, state.config[name] ?? null, definition, synonymsOf(state, name), readOnly, wish)
  })
}

/** What was set for all brokers at run time, and nothing else. */
function allBrokersEntries(state: BrokerState, wish: Wish): Entries {
  return Object.entries(dynamicConfig(state.image, '')).map(([key, value]) => {
    const name = key as BrokerConfigName
    const synonyms = synonymsOf(state, name).filter(({ source }) => source === ConfigSource.ALL_BROKERS)
    return entry(name, value, BROKER_CONFIG[name], synonyms, false, wish)
  })
}

/** Where a broker's value may come from, the strongest first (ConfigHelper.configSynonyms). */
function synonymsOf(state: BrokerState, name: BrokerConfigName): DescribeConfigsSynonym[] {
  const sources = [
    [ConfigSource.BROKER, dynamicConfig(state.image, String(state.id))],
    [ConfigSource.ALL_BROKERS, dynamicConfig(state.image, '')],
    [ConfigSource.STATIC, givenConfig(state.staticConfig)],
  ] as const
  const names = brokerSynonyms(name)
  const all = sources.flatMap(([source, values]) =>
    names.flatMap((synonym) => {
      const value = values[synonym]
      return value === undefined ? [] : [{ name: synonym as string, value, source: source as number }]
    }),
  )
  for (const synonym of names) {
    const value = BROKER_CONFIG[synonym].default
    if (value !== null) all.push({ name: synonym, value, source: ConfigSource.DEFAULT })
  }
  const start = all.findIndex((synonym) => synonym.name === name)
  return start < 0 ? [] : all.slice(start)
}

function entry(
  name: string,
  value: string | null,
  definition: Definition,
  synonyms: readonly DescribeConfigsSynonym[],
  readOnly: boolean,
  wish: Wish,
): DescribeConfigsResourceResult {
  return makeDescribeConfigsResourceResult({
    name,
    value,
    readOnly,
    configSource: synonyms[0]?.source ?? ConfigSource.DEFAULT,
    // No password is among the configurations.
    isSensitive: false,
    synonyms: wish.synonyms ? synonyms : [],
    configType: TYPE_CODES[definition.type],
    documentation: wish.documentation ? definition.about : null,
  })
}
