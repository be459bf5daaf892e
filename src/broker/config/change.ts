/**
 * A wished change of configuration, and what the broker that receives it checks before the controller sees it
 * (ConfigAdminManager.preprocess): the form of the request, and everything about brokers.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import {
  brokerConfigConflict,
  canonicalConfigValue,
  configDefinition,
  configProblem,
  overlaidConfig,
} from '../config.ts'
import { type BrokerState, dynamicConfig } from '../state.ts'
import { itemsOf } from './definition.ts'
import { type ConfigRefusal, ResourceType, wrongBroker } from './resource.ts'

/** AlterConfigOp.OpType. */
export const ConfigOperation = { SET: 0, DELETE: 1, APPEND: 2, SUBTRACT: 3 } as const

export interface ConfigChange {
  readonly resourceType: number
  /** A topic, a broker's id, or '' for all brokers. */
  readonly resourceName: string
  /** What is not named falls back to its default (AlterConfigs). */
  readonly replaces: boolean
  readonly entries: readonly {
    readonly name: string
    readonly operation: number
    readonly value: string | null
  }[]
}

type Entries = Readonly<Record<string, string>>

/** Why this broker refuses a change, by its place in the request; null = it is for the controller to decide. */
export function preprocessChanges(
  state: BrokerState,
  changes: readonly ConfigChange[],
): readonly (ConfigRefusal | null)[] {
  const keyOf = ({ resourceType, resourceName }: ConfigChange) => `${resourceType}/${resourceName}`
  const keys = changes.map(keyOf)
  return changes.map((change, i) => {
    const key = keys[i] as string
    return keys.indexOf(key) !== keys.lastIndexOf(key)
      ? refuse('A resource may be named only once in a request.')
      : (formProblem(change) ?? resourceProblem(state, change))
  })
}

function formProblem({ entries }: ConfigChange): ConfigRefusal | null {
  const names = entries.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) return refuse(`Configuration ${twice} is named twice.`)
  const { DELETE, SUBTRACT } = ConfigOperation
  const odd = entries.find(({ operation }) => operation < 0 || operation > SUBTRACT)
  if (odd !== undefined) return refuse(`Unknown operation ${odd.operation} for configuration ${odd.name}.`)
  const empty = entries.filter(({ operation, value }) => operation !== DELETE && value === null)
  return empty.length === 0 ? null : refuse(`A value is needed for: ${empty.map(({ name }) => name).join(', ')}.`)
}

function resourceProblem(state: BrokerState, change: ConfigChange): ConfigRefusal | null {
  switch (change.resourceType) {
    case ResourceType.TOPIC:
      return null
    case ResourceType.BROKER:
      return (
        (change.resourceName === '' ? null : wrongBroker(change.resourceName, state.id)) ?? brokerProblem(state, change)
      )
    default:
      return refuse(`kafkarium has no configuration to change for resource type ${change.resourceType}.`)
  }
}

/** DynamicBrokerConfig.validate; what does not pass is INVALID_REQUEST, not INVALID_CONFIG (KAFKA-13609). */
function brokerProblem(state: BrokerState, change: ConfigChange): ConfigRefusal | null {
  const forAll = change.resourceName === ''
  const next = changedConfig('broker', dynamicConfig(state.image, brokerKey(change.resourceName)), change)
  if ('errorCode' in next) return next
  for (const [name, value] of Object.entries(next.config)) {
    const definition = configDefinition('broker', name)
    if (definition?.update === 'read-only') {
      return refuse(`Configuration ${name} cannot be changed while the broker runs.`)
    }
    const problem = configProblem('broker', name, value)
    if (problem !== null) return refuse(problem)
    if (forAll && definition?.update === 'per-broker') {
      return refuse(`Configuration ${name} can only be changed for one broker, not for all.`)
    }
  }
  const own = dynamicConfig(state.image, brokerKey(String(state.id)))
  const layers = forAll ? [next.config, own] : [dynamicConfig(state.image, ''), next.config]
  const conflict = brokerConfigConflict(overlaidConfig(state.staticConfig, ...layers))
  return conflict === null ? null : refuse(conflict)
}

/** The one way to write a broker's id. */
export function brokerKey(name: string): string {
  return name === '' ? '' : String(Number(name))
}

/** The entries after a change, not yet checked (ConfigurationControlManager.incrementalAlterConfigResource). */
export function changedConfig(
  kind: 'broker' | 'topic',
  current: Entries,
  change: ConfigChange,
): { readonly config: Entries } | ConfigRefusal {
  // Names come from the wire: no prototype for them to hit.
  const config: Record<string, string> = Object.assign(Object.create(null), change.replaces ? {} : current)
  for (const { name, operation, value } of change.entries) {
    if (operation === ConfigOperation.DELETE) delete config[name]
    else if (operation === ConfigOperation.SET) config[name] = canonicalIfValid(kind, name, value ?? '')
    else {
      const definition = configDefinition(kind, name)
      if (definition?.type !== 'list') {
        const message = `Configuration ${name} is not a list: nothing can be appended to it or subtracted from it.`
        return { errorCode: ErrorCode.INVALID_CONFIG, message }
      }
      const items = itemsOf(current[name] ?? definition.default ?? '')
      const given = itemsOf((value ?? '').trim())
      config[name] = (
        operation === ConfigOperation.APPEND
          ? [...items, ...given.filter((item) => !items.includes(item))]
          : items.filter((item) => !given.includes(item))
      ).join(',')
    }
  }
  return { config }
}

function canonicalIfValid(kind: 'broker' | 'topic', name: string, value: string): string {
  return configProblem(kind, name, value) === null ? canonicalConfigValue(kind, name, value) : value
}

function refuse(message: string): ConfigRefusal {
  return { errorCode: ErrorCode.INVALID_REQUEST, message }
}
