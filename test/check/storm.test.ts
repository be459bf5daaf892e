/**
 * The checker over storms: random crashes of brokers and of a consumer, cut links, retries. What it says of the producers is
 * compared with what values say; what acks=all promised is kept in every seed.
 */
import { type Cluster, checkHistory, createCluster, type FindingClass } from 'kafkarium'
import { expect, test } from 'vitest'
import { seededChooser } from '../../src/kernel/index.ts'

async function storm(seed: number, acks: 1 | -1) {
  const chooser = seededChooser(`check-${seed}`)
  const pick = (n: number) => chooser.choose('storm.action', n)
  const cluster = createCluster({
    brokers: 3,
    seed,
    history: true,
    topics: { orders: { partitions: 1, replicationFactor: 3, config: { 'min.insync.replicas': acks === -1 ? 2 : 1 } } },
    config: { 'replica.lag.time.max.ms': 5000, 'broker.session.timeout.ms': 3000 },
  })
  const billing = consume(cluster)
  const producer = cluster.kafka({ logLevel: 0, retry: { retries: 3, maxRetryTime: 500 } }).producer()
  await producer.connect()
  const acknowledged = new Set<string>()
  const down = new Set<number>()
  for (let step = 0; step < 30; step++) {
    const node = 1 + pick(3)
    const other = 1 + (node % 3)
    const action = pick(12)
    if (action === 0 && !down.has(node) && down.size < 2) {
      cluster.faults.crash(node)
      down.add(node)
    } else if (action === 1 && down.has(node)) {
      cluster.faults.restart(node)
      down.delete(node)
    } else if (action === 2) cluster.faults.cut(node, other)
    else if (action === 3) cluster.faults.heal(node, other)
    else if (action === 4) await cluster.advance(pick(6000))
    else if (action === 5) {
      restart(billing)
    } else {
      const value = `${seed}-${step}`
      const sent = producer.send({ topic: 'orders', acks, timeout: 4000, messages: [{ value }] })
      await sent.then(
        () => acknowledged.add(value),
        () => {},
      )
    }
  }
  cluster.faults.heal()
  for (const node of down) cluster.faults.restart(node)
  await cluster.until(() => cluster.topic('orders').partitions[0]?.isr.length === 3, { what: 'all replicas in sync' })
  const end = cluster.topic('orders').partitions[0]?.logEndOffset ?? 0
  if (billing.state === 'crashed') restart(billing)
  const caughtUp = () => cluster.group('billing').committed('orders', 0) >= end
  await cluster.until(() => end === 0 || caughtUp(), {
    what: 'the group to catch up',
  })
  const values = cluster.topic('orders').records()
  const report = checkHistory(cluster.history(), { finalPolls: true })
  await cluster.dispose()
  const stored = values.map(({ value }) => value)
  return {
    report,
    lost: [...acknowledged].filter((value) => !stored.includes(value)).length,
    twice: stored.length - new Set(stored).size,
  }
}

/** It may have given up by itself, while no broker was there. */
function restart(process: ReturnType<Cluster['process']>): void {
  if (process.state === 'running') process.crash()
  process.restart().catch(() => {})
}

function consume(cluster: Cluster) {
  return cluster.process('billing', async ({ newKafka }) => {
    const consumer = newKafka({ logLevel: 0, retry: { retries: 50, maxRetryTime: 500 } }).consumer({
      groupId: 'billing',
    })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({ eachMessage: async () => {} })
  })
}

test.each([
  ['all', -1, ['duplicate', 'consume-duplicate', 'ambiguous']],
  ['1', 1, ['lost-write', 'inconsistent-offsets', 'consume-duplicate']],
] as const)(
  'acks=%s: nothing is left unexplained, and the checker counts what values count',
  async (_, acks, expected) => {
    const seen = new Map<FindingClass, number>()
    for (let seed = 1; seed <= 60; seed++) {
      const { report, lost, twice } = await storm(seed, acks)
      expect(report.ok, `seed ${seed}: ${report.text}`).toBe(true)
      expect(report.counts['lost-write'] ?? 0, `seed ${seed}: lost`).toBe(lost)
      const copies = report.findings.filter((finding) => finding.class === 'duplicate')
      const extra = copies.reduce((sum, { offsets }) => sum + offsets.length - 1, 0)
      expect(extra, `seed ${seed}: twice`).toBe(twice)
      for (const [name, count] of Object.entries(report.counts) as [FindingClass, number][])
        seen.set(name, (seen.get(name) ?? 0) + count)
    }
    // Not vacuous: the storms do what they are for.
    console.log(`acks=${acks}:`, Object.fromEntries(seen))
    for (const name of expected) expect(seen.get(name), name).toBeGreaterThan(0)
  },
  120_000,
)
