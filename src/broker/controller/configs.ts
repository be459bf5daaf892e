/** What the controller decides about a change of configuration (ConfigurationControlManager, ControllerConfigurationValidator). */
import { ErrorCode } from '../../protocol/errors.ts'
import {
  makeAlterConfigsResourceResponse,
  makeAlterConfigsResponse,
  makeIncrementalAlterConfigsResourceResponse,
  makeIncrementalAlterConfigsResponse,
} from '../../protocol/make.ts'
import { brokerKey, type ConfigChange, changedConfig } from '../config/change.ts'
import { type ConfigRefusal, ResourceType } from '../config/resource.ts'
import { type BrokerConfig, configProblem, overlaidConfig, type TopicConfig, topicConfigConflict } from '../config.ts'
import { type MetadataImage, type MetadataRecord, topicNameProblem } from '../metadata.ts'
import { dynamicConfig } from '../state.ts'

export interface AlterConfigs {
  readonly api: 'AlterConfigs' | 'IncrementalAlterConfigs'
  readonly changes: readonly ConfigChange[]
  readonly validateOnly: boolean
  /** What the broker that got the request refused already, by place. */
  readonly refused: readonly (ConfigRefusal | null)[]
}

/** Resources stand for themselves: one that is refused does not hold up the others. */
export function alterConfigs(
  image: MetadataImage,
  config: BrokerConfig,
  { api, changes, validateOnly, refused }: AlterConfigs,
  records: MetadataRecord[],
) {
  const refusals = changes.map((change, i) => {
    const before = refused[i] ?? null
    if (before !== null) return before
    const decided = decide(image, config, change)
    if ('errorCode' in decided) return decided
    if (!validateOnly) records.push(...decided.records)
    return null
  })
  return alterConfigsResponse(api, changes, refusals)
}

export function alterConfigsResponse(
  api: AlterConfigs['api'],
  changes: readonly ConfigChange[],
  refusals: readonly (ConfigRefusal | null)[],
) {
  const results = changes.map(({ resourceType, resourceName }, i) => ({
    errorCode: refusals[i]?.errorCode ?? ErrorCode.NONE,
    errorMessage: refusals[i]?.message ?? null,
    resourceType,
    resourceName,
  }))
  return api === 'AlterConfigs'
    ? makeAlterConfigsResponse({ responses: results.map(makeAlterConfigsResourceResponse) })
    : makeIncrementalAlterConfigsResponse({ responses: results.map(makeIncrementalAlterConfigsResourceResponse) })
}

type Decided = { readonly records: readonly MetadataRecord[] } | ConfigRefusal

function decide(image: MetadataImage, config: BrokerConfig, change: ConfigChange): Decided {
  // The forwarding broker has checked everything about brokers.
  if (change.resourceType === ResourceType.BROKER) {
    const name = brokerKey(change.resourceName)
    const current = dynamicConfig(image, name)
    const next = changedConfig('broker', current, change)
    return 'errorCode' in next ? next : { records: differences('broker', name, current, next.config) }
  }
  const { resourceName: name } = change
  if (name === '') return { errorCode: ErrorCode.INVALID_REQUEST, message: 'There is no configuration for all topics.' }
  const invalid = topicNameProblem(name)
  if (invalid !== null) {
    return { errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION, message: `Topic name is invalid: ${invalid}` }
  }
  const topic = image.topics.get(name)
  const current = topic?.config ?? {}
  const next = changedConfig('topic', current, change)
  if ('errorCode' in next) return next
  const problem =
    firstProblem(next.config) ??
    topicConfigConflict(next.config as TopicConfig, overlaidConfig(config, dynamicConfig(image, '')))
  if (problem !== null) return { errorCode: ErrorCode.INVALID_CONFIG, message: problem }
  // Only now, as in ConfigurationControlManager.validateAlterConfig.
  if (topic === undefined) {
    return { errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message: `The topic '${name}' does not exist.` }
  }
  return { records: differences('topic', name, current, next.config) }
}

function firstProblem(config: Readonly<Record<string, string>>): string | null {
  for (const [name, value] of Object.entries(config)) {
    const problem = configProblem('topic', name, value)
    if (problem !== null) return problem
  }
  return null
}

/** A record for each entry that changes. */
function differences(
  resource: 'topic' | 'broker',
  name: string,
  current: Readonly<Record<string, string>>,
  next: Readonly<Record<string, string>>,
): MetadataRecord[] {
  const keys = [...new Set([...Object.keys(next), ...Object.keys(current)])]
  return keys
    .filter((key) => current[key] !== next[key])
    .map((key) => ({ type: 'config', resource, name, key, value: next[key] ?? null }))
}
