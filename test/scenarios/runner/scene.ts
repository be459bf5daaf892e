/** A scene: one cluster with its consumers, from its `cluster` line on. */
import { type Cluster, type ClusterOptions, createCluster } from 'kafkarium'
import { type Journal, keepJournal, type Place } from './journal.ts'
import type { Pipe } from './pipe.ts'
import type { Author } from './producers.ts'
import { type Dice, diceOf } from './time.ts'
import type { Worker } from './worker.ts'

export interface Setting {
  readonly brokers: number
  readonly replicas: number
  /** Partitions by topic, the first one is what consumers and `produce` mean when they name none. */
  readonly topics: ReadonlyMap<string, number>
  readonly config: Readonly<Record<string, string>>
}

export interface Scene {
  readonly cluster: Cluster
  readonly journal: Journal
  readonly dice: Dice
  readonly topic: string
  readonly workers: Map<string, Worker>
  readonly authors: Map<string, Author>
  /** By group. */
  readonly pipes: Map<string, Pipe>
  /** Virtual time of its beginning. */
  readonly began: number
  /** How much of the journal `story` has told. */
  told: number
  /** How many ranges of time were drawn, and how many records were written, by topic. */
  draws: number
  readonly written: Map<string, number>
  /** Whether what the work changes has had this record before, or this value, and from now on it has. */
  had(about: { readonly group: string; readonly place: Place }, value: string | null): boolean
  /** Something went wrong beside the commands: the next one fails with it. */
  failure(message: string): Error
  failed: Error | null
}

/** Of fifty partitions of the offsets topic a scene uses one; hundreds of scenes need not make the others. */
const CHEAP = { 'offsets.topic.num.partitions': '1' }

export function openScene(setting: Setting, seed: number | null): Scene {
  const { brokers, replicas, config } = setting
  const topics: Record<string, { partitions: number; replicationFactor: number }> = {}
  for (const [name, partitions] of setting.topics) topics[name] = { partitions, replicationFactor: replicas }
  const options: ClusterOptions =
    seed === null
      ? { brokers, topics, config, strict: true }
      : { brokers, topics, config: { ...CHEAP, ...config }, strict: true, seed }
  const cluster = createCluster(options)
  const effects = new Set<string>()
  const scene: Scene = {
    cluster,
    journal: keepJournal(cluster),
    dice: diceOf(seed),
    topic: [...setting.topics.keys()][0] as string,
    workers: new Map(),
    authors: new Map(),
    pipes: new Map(),
    began: cluster.now,
    told: 0,
    draws: 0,
    written: new Map(),
    had({ group, place }, value) {
      const key = `${group} ${value ?? `${place.topic}-${place.partition}@${place.offset}`}`
      const had = effects.has(key)
      effects.add(key)
      return had
    },
    failure(message) {
      scene.failed ??= new Error(message)
      return scene.failed
    },
    failed: null,
  }
  return scene
}
