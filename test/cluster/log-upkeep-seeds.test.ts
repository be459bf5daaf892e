/**
 * Compaction and retention under random crashes, restarts and cut links, in many seeds: every replica cleans on its own, and
 * still no key loses its last acknowledged value, and the replicas converge. Laws are checked after every event.
 */
import { createCluster, runTwice } from 'kafkarium'
import { expect, test } from 'vitest'
import { seededChooser } from '../../src/kernel/index.ts'

const KEYS = ['a', 'b', 'c', 'd']

async function storm(seed: number, config: Readonly<Record<string, string | number>>) {
  const chooser = seededChooser(`upkeep-${seed}`)
  const pick = (n: number) => chooser.choose('upkeep.action', n)
  const cluster = createCluster({
    brokers: 3,
    seed,
    laws: true,
    trace: 'full',
    topics: {
      orders: {
        partitions: 1,
        replicationFactor: 3,
        config: { 'min.insync.replicas': 2, 'segment.ms': 300, ...config },
      },
    },
    config: {
      'replica.lag.time.max.ms': 5000,
      'broker.session.timeout.ms': 3000,
      'log.cleaner.backoff.ms': 1000,
      'log.retention.check.interval.ms': 1000,
    },
  })
  const producer = cluster.kafka({ logLevel: 0, retry: { retries: 3, maxRetryTime: 500 } }).producer()
  await producer.connect()
  /** By key, the step of the last acknowledged record. */
  const acknowledged = new Map<string, number>()
  const down = new Set<number>()
  let lost = false
  for (let step = 0; step < 40; step++) {
    const node = 1 + pick(3)
    const other = 1 + (node % 3)
    const action = pick(12)
    if (action === 0 && !down.has(node) && down.size < 2) {
      // With min.insync.replicas=2 one machine may lose what it had not flushed, and nothing acknowledged is lost.
      const lossy: boolean = !lost && pick(2) === 1
      cluster.faults.crash(node, { unflushed: lossy ? 'some' : 'kept' })
      lost ||= lossy
      down.add(node)
    } else if (action === 1 && down.has(node)) {
      cluster.faults.restart(node)
      down.delete(node)
    } else if (action === 2) cluster.faults.cut(node, other)
    else if (action === 3) cluster.faults.heal()
    else if (action === 4) await cluster.advance(pick(6000))
    else {
      const key = KEYS[pick(KEYS.length)] as string
      const count = 1 + pick(3)
      const messages = Array.from({ length: count }, () => ({ key, value: String(step) }))
      await producer.send({ topic: 'orders', acks: -1, timeout: 4000, messages }).then(
        () => acknowledged.set(key, step),
        () => {},
      )
      await cluster.advance(200)
    }
  }
  cluster.faults.heal()
  for (const node of down) cluster.faults.restart(node)
  const partition = () => cluster.topic('orders').partitions[0]
  await cluster.until(() => partition()?.isr.length === 3, { what: 'all replicas to be in sync' })
  await cluster.advance('5s')
  const last = new Map(
    cluster
      .topic('orders')
      .records()
      .map(({ key, value }) => [key ?? '', Number(value)]),
  )
  const compacted = cluster.trace.events().filter((event) => event.type === 'compacted' && event.removed > 0).length
  const deleted = cluster.trace.events().filter((event) => event.type === 'log-start').length
  return { cluster, acknowledged, last, compacted, deleted, logs: partition()?.replicaLogs ?? [] }
}

test('compaction: of every key the last acknowledged value is there, or a later one', async () => {
  let removals = 0
  for (let seed = 1; seed <= 60; seed++) {
    const config = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': 0.01 }
    const { cluster, acknowledged, last, compacted, logs } = await storm(seed, config)
    for (const [key, step] of acknowledged) {
      expect(last.get(key) ?? -1, `seed ${seed}, key ${key}`).toBeGreaterThanOrEqual(step)
    }
    const ends = logs.map(({ logStartOffset, logEndOffset, highWatermark }) => [
      logStartOffset,
      highWatermark,
      logEndOffset,
    ])
    expect(new Set(ends.map(String)).size, `seed ${seed}: ${JSON.stringify(ends)}`).toBe(1)
    removals += compacted
    await cluster.dispose()
  }
  expect(removals).toBeGreaterThan(60)
}, 60_000)

test('retention: the replicas converge, each deleting on its own', async () => {
  let deletions = 0
  for (let seed = 1; seed <= 60; seed++) {
    const { cluster, deleted, logs } = await storm(seed, { 'retention.ms': 3000 })
    const ends = logs.map(({ logEndOffset, highWatermark }) => [highWatermark, logEndOffset])
    expect(new Set(ends.map(String)).size, `seed ${seed}: ${JSON.stringify(ends)}`).toBe(1)
    deletions += deleted
    await cluster.dispose()
  }
  expect(deletions).toBeGreaterThan(60)
}, 60_000)

test('the same seed, the same upkeep', async () => {
  for (const config of [{ 'retention.ms': 3000 }, { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': 0.01 }]) {
    expect(await runTwice(async () => (await storm(7, config)).cluster)).toMatch(/^[0-9a-f]{16}$/)
  }
})
