/** What a `consumer` line says: which options are kafkajs's own, and which say what its handler is like. */

import { type ConsumerConfig, PartitionAssigners } from '../../../src/client/index.ts'
import type { Span } from './time.ts'
import { nameProblem } from './verb.ts'
import type { Words } from './words.ts'

/** Passed on to `kafka.consumer()`. `time` values are written with a unit. */
const CONSUMER_OPTIONS = {
  sessionTimeout: 'time',
  rebalanceTimeout: 'time',
  heartbeatInterval: 'time',
  maxWaitTimeInMs: 'time',
  metadataMaxAge: 'time',
  maxBytesPerPartition: 'number',
  maxBytes: 'number',
  groupInstanceId: 'text',
} as const

/** Passed on to `consumer.run()`. */
const RUN_OPTIONS = {
  autoCommitInterval: 'time',
  autoCommitThreshold: 'number',
  partitionsConsumedConcurrently: 'number',
} as const

const ASSIGNORS = {
  'round-robin': PartitionAssigners.roundRobin,
  range: PartitionAssigners.range,
  sticky: PartitionAssigners.sticky,
  'cooperative-sticky': PartitionAssigners.cooperativeSticky,
}
/** Those of the coordinator (KIP-848). */
const SERVER_ASSIGNORS = ['uniform', 'range'] as const

const OWN_OPTIONS = [
  'protocol',
  'assignor',
  'from',
  'commit',
  'work',
  'slow',
  'gap',
  'await',
  'heartbeat',
  'throws',
  'hangs',
  'deadLetters',
  'once',
  'atOnce',
  'resolve',
  'static',
  'retries',
  'commitErrors',
  'isolation',
]

export const COMMITS = ['auto', 'before', 'after', 'same', 'never'] as const
export const RESOLVES = ['each', 'before', 'after', 'as-done', 'prefix'] as const

export interface Plan {
  readonly names: readonly string[]
  readonly group: string
  /** Null: the scene's first topic. */
  readonly topic: string | null
  readonly fromBeginning: boolean
  /** Who commits, and when: kafkajs, or the handler before or after its work, or after it the record's own offset. */
  readonly commit: (typeof COMMITS)[number]
  /** How long a record takes, and for some another time. */
  readonly work: Span
  readonly slow: ReadonlyMap<string, number>
  /** Between the work and what comes after it, or, committing first, between the commit and the work. */
  readonly gap: number
  /** False: the handler starts the work and returns. */
  readonly awaited: boolean
  /** The handler calls `heartbeat()` this often while it works; with `timer`, something beside it does. */
  readonly heartbeat: number | null
  readonly timer: boolean
  readonly throws: ReadonlySet<string>
  readonly hangs: ReadonlySet<string>
  readonly deadLetters: string | null
  /** What the work changes refuses a record it has had. */
  /** What its effect refuses: a record it has had, or a value. */
  readonly once: 'no' | 'yes' | 'value'
  /** Null: `eachMessage`. Else `eachBatch`, so many records at a time. */
  readonly batch: { readonly atOnce: number; readonly resolve: (typeof RESOLVES)[number] } | null
  /** Its name is its `group.instance.id`. */
  readonly isStatic: boolean
  readonly retries: number | null
  /** What a handler does when its commit is refused. */
  readonly ignoresCommitErrors: boolean
  readonly consumer: Partial<ConsumerConfig>
  readonly run: Readonly<Record<string, string | number>>
}

/** @param more options that somebody else has read */
export function readPlan(words: Words, more: readonly string[] = []): Plan {
  const group = words.after('of', 'a group') ?? 'billing'
  const topic = words.after('reads', 'a topic') ?? null
  const names = words.rest()
  nameProblem(words, names)
  const heartbeat = words.option('heartbeat')
  const resolve = words.option('resolve')
  const atOnce = words.number('atOnce')
  if (resolve !== undefined && !(RESOLVES as readonly string[]).includes(resolve)) {
    throw words.unknown('value of resolve', resolve, RESOLVES)
  }
  const beat = heartbeat === undefined ? null : /^(timer:)?(.+)$/.exec(heartbeat)
  const plan: Plan = {
    names,
    group,
    topic,
    fromBeginning: words.choice('from', ['beginning', 'end'], 'end') === 'beginning',
    commit: words.choice('commit', COMMITS, 'auto'),
    work: words.spanOption('work') ?? { from: 0, to: 0 },
    slow: new Map(list(words, 'slow').map((entry) => slowRecord(words, entry))),
    gap: words.milliseconds('gap') ?? 0,
    awaited: words.choice('await', ['yes', 'no'], 'yes') === 'yes',
    heartbeat: beat === null ? null : words.span(beat?.[2] as string).from,
    timer: beat?.[1] !== undefined,
    throws: new Set(list(words, 'throws')),
    hangs: new Set(list(words, 'hangs')),
    deadLetters: words.option('deadLetters') ?? null,
    once: words.choice('once', ['yes', 'value', 'no'], 'no'),
    batch:
      resolve === undefined && atOnce === undefined
        ? null
        : { atOnce: atOnce ?? 1, resolve: (resolve ?? 'after') as (typeof RESOLVES)[number] },
    isStatic: words.choice('static', ['yes', 'no'], 'no') === 'yes',
    retries: words.number('retries') ?? null,
    ignoresCommitErrors: words.choice('commitErrors', ['thrown', 'ignored'], 'thrown') === 'ignored',
    consumer: { ...passedOn(words, CONSUMER_OPTIONS), ...protocolOptions(words), ...isolationOptions(words) },
    run: passedOn(words, RUN_OPTIONS),
  }
  words.end([...more, ...OWN_OPTIONS, ...Object.keys(CONSUMER_OPTIONS), ...Object.keys(RUN_OPTIONS)])
  return plan
}

function isolationOptions(words: Words): Partial<ConsumerConfig> {
  const isolation = words.choice('isolation', ['committed', 'uncommitted'], 'committed')
  return isolation === 'uncommitted' ? { readUncommitted: true } : {}
}

/** Which group protocol, and whose assignor. */
function protocolOptions(words: Words): Partial<ConsumerConfig> {
  const groupProtocol = words.choice('protocol', ['classic', 'consumer'], 'classic')
  const name = words.option('assignor')
  if (name === undefined) return groupProtocol === 'classic' ? {} : { groupProtocol }
  if (groupProtocol === 'consumer') {
    if (!(SERVER_ASSIGNORS as readonly string[]).includes(name)) throw words.unknown('assignor', name, SERVER_ASSIGNORS)
    return { groupProtocol, groupRemoteAssignor: name }
  }
  if (!Object.hasOwn(ASSIGNORS, name)) throw words.unknown('assignor', name, Object.keys(ASSIGNORS))
  return { partitionAssigners: [ASSIGNORS[name as keyof typeof ASSIGNORS]] }
}

function list(words: Words, name: string): string[] {
  return words.option(name)?.split(',') ?? []
}

/** `5:10s`. */
function slowRecord(words: Words, entry: string): [string, number] {
  const [value = '', time = ''] = entry.split(':')
  return [value, words.span(time).from]
}

function passedOn(words: Words, known: Readonly<Record<string, string>>): Record<string, string | number> {
  const passed: Record<string, string | number> = {}
  for (const [name, kind] of Object.entries(known)) {
    const value =
      kind === 'time' ? words.milliseconds(name) : kind === 'number' ? words.number(name) : words.option(name)
    if (value !== undefined) passed[name] = value
  }
  return passed
}
