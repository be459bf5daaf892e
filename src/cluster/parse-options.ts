/** Checks the options of `createCluster`: a wrong one names the option, the value and what is allowed. */
import {
  type BrokerConfig,
  brokerConfig,
  brokerConfigConflict,
  configProblem,
  NEWEST_KAFKA,
  SWITCH_NAMES,
  type Switches,
  switchesOf,
  topicNameProblem,
} from '../broker/index.ts'
import { refuseUnknown } from '../protocol/unknown-options.ts'
import { milliseconds } from './duration.ts'
import { KafkariumError } from './errors.ts'
import type { ClusterHost } from './host.ts'
import type { ClusterOptions, TopicOptions } from './options.ts'

export interface ParsedTopic {
  readonly name: string
  /** -1 = the broker's default. */
  readonly partitions: number
  /** -1 = the broker's default. */
  readonly replicationFactor: number
  readonly config: Readonly<Record<string, string>>
}

export interface ParsedOptions {
  readonly brokers: number
  readonly racks: readonly string[]
  readonly topics: readonly ParsedTopic[]
  readonly seed: number | string | null
  readonly mode: 'auto' | 'manual' | 'wall'
  readonly speed: number
  readonly epoch: number
  readonly patienceMs: number
  readonly deadlineMs: number
  readonly switches: Switches
  readonly kafkaVersion: string
  readonly config: BrokerConfig
  readonly traceCapacity: number
  readonly laws: boolean
  readonly history: boolean
  readonly internalTopicsAtStart: boolean
  readonly strict: boolean
}

const OPTION_NAMES: readonly (keyof ClusterOptions)[] = [
  'brokers',
  'topics',
  'seed',
  'racks',
  'time',
  'speed',
  'epoch',
  'patience',
  'deadline',
  'kafkaVersion',
  'switches',
  'config',
  'trace',
  'laws',
  'history',
  'strict',
  'internalTopics',
]
const TOPIC_OPTION_NAMES: readonly (keyof TopicOptions)[] = ['partitions', 'replicationFactor', 'config']
const MODES = ['auto', 'manual', 'wall'] as const
const LONGEST_DEADLINE_MS = 5 * 60_000
const MOST_BROKERS = 1000
const MOST_PARTITIONS = 10_000
const DEFAULT_TRACE = 10_000
/** 2026-01-01T00:00:00Z. */
const DEFAULT_EPOCH = 1_767_225_600_000
const KNOWN_VERSIONS = /^(2\.[4-8]|3\.[0-9]|4\.[0-3])(\.\d+)?$/

export function parseOptions(options: ClusterOptions, host: ClusterHost): ParsedOptions {
  if (typeof options !== 'object' || options === null)
    throw bad(`createCluster takes an object of options, not ${show(options)}.`)
  refuseUnknown(options, OPTION_NAMES, 'createCluster')
  const mode = options.time ?? 'auto'
  if (!MODES.includes(mode)) throw bad(`time: ${show(mode)} is not a time mode. Use ${MODES.map(show).join(', ')}.`)
  const deadlineMs = milliseconds(options.deadline ?? LONGEST_DEADLINE_MS, 'deadline')
  if (deadlineMs < 1 || deadlineMs > LONGEST_DEADLINE_MS) {
    throw bad(`deadline: ${show(options.deadline)} is out of range. Allowed: 1 ms to 5 m.`)
  }
  const version = options.kafkaVersion ?? NEWEST_KAFKA
  if (typeof version !== 'string' || !KNOWN_VERSIONS.test(version)) {
    throw bad(`kafkaVersion: ${show(version)} is not known. Use a string from '2.4' to '4.3'.`)
  }
  const given: Record<string, string> = {}
  for (const [name, value] of entriesOf(options.config, 'config')) {
    const problem = configProblem('broker', name, value)
    if (problem !== null) throw bad(`config: ${problem}${suggestion(problem, name, 'broker')}`)
    given[name] = value
  }
  const config = brokerConfig(given)
  const conflict = brokerConfigConflict(config)
  if (conflict !== null) throw bad(`config: ${conflict}`)
  const brokers = whole(options.brokers ?? 1, 'brokers', 1, MOST_BROKERS)
  return {
    brokers,
    racks: parseRacks(options.racks, brokers),
    topics: parseTopics(options.topics, brokers),
    seed: parseSeed(options.seed ?? host.env('KAFKARIUM_SEED')),
    mode,
    speed: positive(options.speed ?? 1, 'speed'),
    epoch: parseEpoch(options.epoch, mode, host),
    patienceMs: milliseconds(options.patience ?? 60_000, 'patience'),
    deadlineMs,
    switches: parseSwitches(options.switches, version),
    kafkaVersion: version,
    config,
    traceCapacity: parseTrace(options.trace),
    laws: flag(options.laws, 'laws'),
    history: flag(options.history, 'history'),
    internalTopicsAtStart: parseInternalTopics(options.internalTopics) === 'atStart',
    strict: flag(options.strict, 'strict'),
  }
}

function parseInternalTopics(when: ClusterOptions['internalTopics'] = 'onDemand'): 'onDemand' | 'atStart' {
  if (when === 'onDemand' || when === 'atStart') return when
  throw bad(`internalTopics: ${show(when)} is no time. Use 'onDemand' or 'atStart'.`)
}

function parseRacks(racks: ClusterOptions['racks'], brokers: number): readonly string[] {
  if (racks === undefined) return []
  if (!Array.isArray(racks))
    throw bad(`racks: ${show(racks)} is not an array. Write one rack name a broker: ['a', 'b'].`)
  if (racks.length !== brokers) {
    throw bad(`racks: there are ${brokers} brokers and ${racks.length} racks. Write one rack name a broker.`)
  }
  for (const [i, rack] of racks.entries()) {
    if (typeof rack !== 'string' || rack === '') throw bad(`racks[${i}]: ${show(rack)} is not the name of a rack.`)
  }
  return [...(racks as readonly string[])]
}

function parseSwitches(given: ClusterOptions['switches'], version: string): Switches {
  const defaults = switchesOf(version)
  if (given === undefined) return defaults
  if (typeof given !== 'object' || given === null) throw bad(`switches: ${show(given)} is not an object of switches.`)
  refuseUnknown(given, SWITCH_NAMES, 'switches')
  for (const [name, value] of Object.entries(given)) {
    const allowed: readonly unknown[] = name === 'truncation' ? ['leaderEpoch', 'highWatermark'] : [true, false]
    if (!allowed.includes(value))
      throw bad(`switches.${name}: ${show(value)} is not one of ${allowed.map(show).join(', ')}.`)
  }
  return { ...defaults, ...given }
}

function parseTopics(topics: ClusterOptions['topics'], brokers: number): ParsedTopic[] {
  if (topics === undefined) return []
  if (typeof topics !== 'object' || topics === null || Array.isArray(topics)) {
    throw bad(`topics: ${show(topics)} is not an object. Write { orders: 3 } or { orders: { partitions: 3 } }.`)
  }
  return Object.entries(topics).map(([name, value]) => {
    const problem = topicNameProblem(name)
    if (problem !== null) throw bad(`topics: the name is invalid: ${problem}.`)
    const what = `topics.${name}`
    if (typeof value === 'number') {
      return { name, partitions: whole(value, what, 1, MOST_PARTITIONS), replicationFactor: -1, config: {} }
    }
    if (typeof value !== 'object' || value === null) {
      throw bad(`${what}: ${show(value)} is neither a number of partitions nor an object of topic options.`)
    }
    refuseUnknown(value, TOPIC_OPTION_NAMES, what)
    const factor = value.replicationFactor ?? 1
    whole(factor, `${what}.replicationFactor`, 1, 32_767)
    if (factor > brokers)
      throw bad(
        `${what}: a replication factor of ${factor} needs ${factor} brokers, there are ${brokers}. Write createCluster({ brokers: ${factor}, … }).`,
      )
    const config: Record<string, string> = {}
    for (const [key, entry] of entriesOf(value.config, `${what}.config`)) {
      const wrong = configProblem('topic', key, entry)
      if (wrong !== null) throw bad(`${what}.config: ${wrong}${suggestion(wrong, key, 'topic')}`)
      config[key] = entry
    }
    const partitions =
      value.partitions === undefined ? -1 : whole(value.partitions, `${what}.partitions`, 1, MOST_PARTITIONS)
    return { name, partitions, replicationFactor: value.replicationFactor === undefined ? -1 : factor, config }
  })
}

function entriesOf(config: unknown, what: string): [string, string][] {
  if (config === undefined) return []
  if (typeof config !== 'object' || config === null)
    throw bad(`${what}: ${show(config)} is not an object of configuration entries.`)
  return Object.entries(config).map(([name, value]) => [name, String(value)])
}

function parseSeed(seed: unknown): number | string | null {
  if (seed === undefined || seed === '') return null
  if (typeof seed === 'string' || (typeof seed === 'number' && Number.isFinite(seed))) return seed
  throw bad(`seed: ${show(seed)} is neither a number nor a string.`)
}

function parseEpoch(epoch: ClusterOptions['epoch'], mode: string, host: ClusterHost): number {
  if (epoch === undefined) return mode === 'wall' ? host.dateNow() : DEFAULT_EPOCH
  const ms = typeof epoch === 'number' ? epoch : new Date(epoch).getTime()
  if (!Number.isSafeInteger(ms) || ms < 0) {
    throw bad(`epoch: ${show(epoch)} is not a point in time. Give milliseconds, an ISO date or a Date.`)
  }
  return ms
}

function parseTrace(trace: ClusterOptions['trace']): number {
  if (trace === undefined) return DEFAULT_TRACE
  if (trace === 'full') return Number.POSITIVE_INFINITY
  if (typeof trace === 'number' && Number.isSafeInteger(trace) && trace >= 1) return trace
  throw bad(`trace: ${show(trace)} is neither 'full' nor a whole number of events to keep.`)
}

function whole(value: unknown, what: string, least: number, most: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return value
  throw bad(`${what}: ${show(value)} is out of range. Allowed: whole numbers from ${least} to ${most}.`)
}

function positive(value: unknown, what: string): number {
  if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value
  throw bad(`${what}: ${show(value)} is out of range. Allowed: numbers above 0.`)
}

export function flag(value: unknown, what: string): boolean {
  if (value === undefined) return false
  if (typeof value === 'boolean') return value
  throw bad(`${what}: ${show(value)} is neither true nor false.`)
}

function suggestion(problem: string, name: string, kind: 'broker' | 'topic'): string {
  if (!problem.startsWith('Unknown')) return ''
  if (kind === 'broker' && configProblem('topic', name, '')?.startsWith('Unknown') === false) {
    return ` "${name}" is a topic configuration: put it under topics.<name>.config.`
  }
  return ''
}

function show(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function bad(message: string): KafkariumError {
  return new KafkariumError('KAFKARIUM_BAD_OPTION', message)
}
