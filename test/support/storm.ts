/** A producer in a storm of faults, then healing: what searching tests run for one seed. */
import { fileURLToPath } from 'node:url'
import { type ClusterOptions, createCluster, type FaultKind, type KafkariumError, type ProfileLimits } from 'kafkarium'
import type { Quirks } from '../../src/client/types/config.ts'
import { FAULT_KINDS } from '../../src/cluster/faults/profile.ts'
import { runSeed } from '../../src/cluster/run-seed.ts'

export interface StormOptions {
  readonly acks: 0 | 1 | -1
  readonly minIsr: number
  readonly limits?: ProfileLimits
  readonly switches?: ClusterOptions['switches']
  readonly topicConfig?: Readonly<Record<string, string>>
  readonly sends?: number
  /** How many sends are under way at a time; default 1. */
  readonly together?: number
  readonly idempotent?: boolean
  readonly quirks?: Quirks
}

export interface StormOutcome {
  readonly seed: number
  readonly acknowledged: number
  /** Acknowledged, and not in the log when all was healed. */
  readonly lost: readonly string[]
  /** A value that is in the log more than once. */
  readonly duplicated: readonly string[]
  /** Acknowledged, and in the log behind one that was sent later. */
  readonly outOfOrder: readonly string[]
  /** Reported as failed, and in the log. */
  readonly ambiguous: readonly string[]
  /** The id of a law that was broken. */
  readonly law: string | null
  /** A duty was not met after healing. */
  readonly stalled: string | null
  readonly uncleanElections: number
  readonly unflushedLost: number
  readonly hash: string
  describe(): string
}

/** Virtual: so that a run of a few virtual minutes sees sessions end and replicas lag. */
const CONFIG = { 'replica.lag.time.max.ms': 5000, 'broker.session.timeout.ms': 3000 }

export async function runStorm(seed: number, options: StormOptions): Promise<StormOutcome> {
  const { acks, minIsr, limits = {}, sends = 20, together = 1, idempotent = false, quirks = {} } = options
  const config = { 'min.insync.replicas': minIsr, ...options.topicConfig }
  const cluster = createCluster({
    brokers: 3,
    seed,
    laws: true,
    trace: 'full',
    config: CONFIG,
    topics: { orders: { partitions: 1, replicationFactor: 3, config } },
    ...(options.switches === undefined ? {} : { switches: options.switches }),
  })
  const retry = { retries: 3, maxRetryTime: 500 }
  const kafka = cluster.kafka({ logLevel: 0, requestTimeout: 3000, retry, quirks })
  const producer = kafka.producer({ idempotent })
  const acknowledged: string[] = []
  const failed: string[] = []
  const run = await runSeed(cluster, limits, async () => {
    await producer.connect().catch(() => {})
    const send = (value: string) =>
      producer.send({ topic: 'orders', acks, timeout: 3000, messages: [{ value }] }).then(
        () => acknowledged.push(value),
        (error: unknown) => {
          if ((error as KafkariumError).code === 'KAFKARIUM_LAW_BROKEN') throw error
          failed.push(value)
        },
      )
    for (let i = 0; i < sends; i += together) {
      await Promise.all(Array.from({ length: together }, (_, j) => send(`${seed}-${i + j}`)))
      await cluster.advance(300)
    }
  })
  const { law, stall: stalled, hash } = run
  const counts = new Map<string, number>()
  const outOfOrder: string[] = []
  let latest = -1
  for (const { value } of cluster.topic('orders').records()) {
    if (value === null) continue
    counts.set(value, (counts.get(value) ?? 0) + 1)
    const order = Number(value.slice(value.indexOf('-') + 1))
    if (order < latest && acknowledged.includes(value)) outOfOrder.push(value)
    latest = Math.max(latest, order)
  }
  const events = cluster.trace.events()
  await cluster.dispose()
  return {
    seed,
    acknowledged: acknowledged.length,
    lost: law === null ? acknowledged.filter((value) => !counts.has(value)) : [],
    duplicated: [...counts].filter(([, count]) => count > 1).map(([value]) => value),
    outOfOrder,
    ambiguous: failed.filter((value) => counts.has(value)),
    law,
    stalled,
    uncleanElections: events.filter((event) => event.type === 'leader' && event.unclean).length,
    unflushedLost: events.filter((event) => event.type === 'unflushed-lost').length,
    hash,
    describe: () => `seed ${seed}: ${run.describe()}`,
  }
}

/** Seeds a search tries: 500, or what KAFKARIUM_SEARCH_SEEDS says (10000 for a nightly run). */
export const SEARCH_SEEDS = Number(process.env.KAFKARIUM_SEARCH_SEEDS ?? 500)

/** The first seed of an outcome, or null; and how many were tried. */
export async function findSeed(
  options: StormOptions,
  seeds: number,
  found: (outcome: StormOutcome) => boolean,
): Promise<{ readonly outcome: StormOutcome | null; readonly tried: number }> {
  for (let seed = 1; seed <= seeds; seed++) {
    const outcome = await runStorm(seed, options)
    if (found(outcome)) return { outcome, tried: seed }
  }
  return { outcome: null, tried: seeds }
}

/** No machine dies with what it had not written: then nothing that was acknowledged by all may be lost. */
export const HARMLESS: readonly FaultKind[] = FAULT_KINDS.filter((kind) => kind !== 'lossy-crash')

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log((await runStorm(Number(process.argv[2]), { acks: -1, minIsr: 2 })).hash)
}
