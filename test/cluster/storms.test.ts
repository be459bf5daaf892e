/**
 * A producer in storms of faults, many seeds: what acks=all acknowledges survives them, laws hold after every event, and the
 * cluster meets its duties once it is healed. What is given up in exchange for speed is lost in some of the same storms.
 */
import { execFileSync } from 'node:child_process'
import { checkHistory, createCluster } from 'kafkarium'
import { describe, expect, test } from 'vitest'
import { runSeed } from '../../src/cluster/run-seed.ts'
import { findSeed, HARMLESS, runStorm, SEARCH_SEEDS, type StormOptions } from '../support/storm.ts'

const LIMIT = 60_000 + SEARCH_SEEDS * 60

async function search(options: StormOptions) {
  let acknowledged = 0
  let explained = 0
  for (let seed = 1; seed <= SEARCH_SEEDS; seed++) {
    const outcome = await runStorm(seed, options)
    expect(outcome.law, outcome.describe()).toBeNull()
    expect(outcome.stalled, outcome.describe()).toBeNull()
    if (outcome.lost.length > 0) {
      // Only an unclean election may cost what was committed.
      expect(outcome.uncleanElections, `lost ${outcome.lost.join(', ')}\n${outcome.describe()}`).toBeGreaterThan(0)
      explained += 1
    }
    acknowledged += outcome.acknowledged
  }
  return { acknowledged, explained }
}

describe('storms', () => {
  test(
    'acks=all, min.insync.replicas=2, no disk loses anything: nothing acknowledged is lost',
    async () => {
      const { acknowledged, explained } = await search({ acks: -1, minIsr: 2, limits: { kinds: HARMLESS } })
      console.log(
        `acks=all: ${acknowledged} sends acknowledged in ${SEARCH_SEEDS} storms, ${explained} storms lost one`,
      )
      expect(explained).toBe(0)
      // Not vacuous: much was acknowledged in spite of it all.
      expect(acknowledged).toBeGreaterThan(SEARCH_SEEDS * 10)
    },
    LIMIT,
  )

  test(
    'all faults, one machine loses what it had not flushed: a loss needs an unclean election',
    async () => {
      const { explained } = await search({ acks: -1, minIsr: 2 })
      console.log(
        `with a lossy crash: ${explained} of ${SEARCH_SEEDS} storms lost a record, each in an unclean election`,
      )
    },
    LIMIT,
  )

  test.each([
    { acks: 0, least: 50 },
    { acks: 1, least: 200 },
  ] as const)(
    'acks=$acks: an acknowledged record is lost within $least seeds',
    async ({ acks, least }) => {
      const { outcome, tried } = await findSeed(
        { acks, minIsr: 1, limits: { kinds: HARMLESS } },
        least,
        ({ lost, uncleanElections }) => lost.length > 0 && uncleanElections === 0,
      )
      console.log(`acks=${acks}: lost within ${tried} seeds`)
      expect(outcome).not.toBeNull()
    },
    LIMIT,
  )

  test('the same seed is the same storm', async () => {
    const options: StormOptions = { acks: -1, minIsr: 2 }
    for (let seed = 1; seed <= 60; seed++) {
      const first = await runStorm(seed, options)
      const second = await runStorm(seed, options)
      expect(second.hash).toBe(first.hash)
      expect(second.describe()).toBe(first.describe())
    }
  })

  test('another process gives the same storm', async () => {
    const args = ['--import', 'tsx', '--conditions=kafkarium-source', 'test/support/storm.ts', '7']
    const hash = execFileSync(process.execPath, args, { encoding: 'utf8' }).trim()
    expect(hash).toBe((await runStorm(7, { acks: -1, minIsr: 2 })).hash)
  })

  test(
    'five brokers, six partitions, several in one request: laws hold, and nothing is unexplained',
    async () => {
      const config = { 'broker.session.timeout.ms': 3000, 'replica.lag.time.max.ms': 5000 }
      const orders = { partitions: 6, replicationFactor: 3, config: { 'min.insync.replicas': 2 } }
      for (let seed = 1; seed <= 50; seed++) {
        await using cluster = createCluster({ brokers: 5, seed, laws: true, history: true, config, topics: { orders } })
        const kafka = cluster.kafka({ logLevel: 0, requestTimeout: 3000, retry: { retries: 3, maxRetryTime: 500 } })
        const run = await runSeed(cluster, { mostLossy: 0 }, async () => {
          const producer = kafka.producer()
          await producer.connect().catch(() => {})
          for (let i = 0; i < 15; i++) {
            const messages = [
              { key: `k${i % 4}`, value: `${i}` },
              { key: `k${i % 3}`, value: `b${i}` },
            ]
            await producer.send({ topic: 'orders', timeout: 3000, messages }).catch(() => {})
            await cluster.advance(400)
          }
        })
        expect({ law: run.law, stall: run.stall, failure: run.failure }, `seed ${seed}: ${run.describe()}`).toEqual({
          law: null,
          stall: null,
          failure: null,
        })
        const report = checkHistory(cluster.history())
        expect(report.ok, `seed ${seed}: ${report.text}`).toBe(true)
      }
    },
    LIMIT,
  )

  test('a profile says what it is, and a storm what it did', async () => {
    await using cluster = createCluster({ brokers: 3, seed: 5, topics: { orders: { replicationFactor: 3 } } })
    const storm = cluster.faults.storm({ kinds: ['pause', 'cut'] })
    await cluster.advance('60s')
    expect(Object.keys(storm.profile.weights)).toContain('lossy-crash')
    expect(storm.profile.weights.crash).toBe(0)
    expect(storm.describe()).toMatch(/^every \d+ ms: /)
    expect(storm.describe().split('\n')).toHaveLength(storm.faults.length + 1)
    expect(storm.faults.length).toBeGreaterThan(3)
    storm.stop()
    const { length } = storm.faults
    await cluster.advance('60s')
    expect(storm.faults).toHaveLength(length)
  })

  test('without a seed there is no storm', () => {
    const cluster = createCluster({ brokers: 3 })
    expect(() => cluster.faults.storm()).toThrow(/without a seed every draw is the calm one/)
  })
})
