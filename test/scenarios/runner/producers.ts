/** A producer of a scene: a process of the cluster that writes what the script tells it to, in transactions or not. */
import type { Cluster, ProcessHandle } from 'kafkarium'
import type { ProducerConfig } from '../../../src/client/index.ts'
import type { Scene } from './scene.ts'
import { RETRY } from './worker.ts'

export type Producer = ReturnType<ReturnType<Cluster['kafka']>['producer']>
export type Transaction = Awaited<ReturnType<Producer['transaction']>>

export interface Author {
  readonly name: string
  readonly process: ProcessHandle
  readonly thawing: (() => void)[]
  /** Of the incarnation that runs now. */
  producer: Producer | null
  transaction: Transaction | null
  /** Acknowledged within the transaction under way: it counts when that is committed. */
  readonly within: { readonly topic: string; readonly value: string }[]
}

export function startAuthor(scene: Scene, name: string, config: ProducerConfig): Author {
  const author: Author = {
    name,
    producer: null,
    transaction: null,
    within: [],
    thawing: [],
    process: scene.cluster.process(name, async ({ newKafka, onStop }) => {
      author.transaction = null
      author.within.length = 0
      const producer = newKafka({ clientId: name, logLevel: 0, retry: RETRY }).producer(config)
      onStop(() => producer.disconnect())
      await producer.connect()
      author.producer = producer
    }),
  }
  return author
}

export async function begin(scene: Scene, author: Author): Promise<void> {
  author.within.length = 0
  author.transaction = (await author.producer?.transaction()) ?? null
  scene.journal.add({ kind: 'said', who: author.name, text: 'begins a transaction' })
}

export async function send(scene: Scene, author: Author, topic: string, values: readonly string[]): Promise<void> {
  const { partitions } = scene.cluster.topic(topic)
  const before = scene.written.get(topic) ?? 0
  scene.written.set(topic, before + values.length)
  const messages = values.map((value, i) => ({ value, partition: (before + i) % partitions.length }))
  const { transaction } = author
  await (transaction ?? author.producer)?.send({ topic, messages })
  const records = values.map((value) => ({ topic, value }))
  if (transaction === null) scene.journal.add({ kind: 'told', who: author.name, records })
  else author.within.push(...records)
}

export async function end(scene: Scene, author: Author, how: 'commit' | 'abort'): Promise<void> {
  const { transaction } = author
  if (transaction === null) throw new Error(`${author.name} has begun no transaction`)
  try {
    await transaction[how]()
    if (how === 'abort') scene.journal.add({ kind: 'said', who: author.name, text: 'has aborted' })
    else {
      scene.journal.add({ kind: 'said', who: author.name, text: 'is told that the transaction is committed' })
      scene.journal.add({ kind: 'told', who: author.name, records: [...author.within] })
    }
  } finally {
    if (!transaction.isActive()) author.transaction = null
  }
}

/** The error by Kafka's name, if it has one. */
export function errorText(error: unknown): string {
  const { type, message, cause } = error as Error & { type?: string; cause?: { type?: string } }
  return type ?? cause?.type ?? message
}
