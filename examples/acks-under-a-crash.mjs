// What acks=0, 1 and all are worth when a leader dies: 200 seeds each, one broker crash a run.
// Run it: node examples/acks-under-a-crash.mjs
import { createCluster } from 'kafkarium'

async function lost(acks, seed) {
  const topics = { orders: { replicationFactor: 3, config: { 'min.insync.replicas': 2 } } }
  const cluster = createCluster({ brokers: 3, topics, seed })
  const producer = cluster.kafka({ logLevel: 0, retry: { retries: 20 } }).producer()
  await producer.connect()
  cluster.faults.after(seed, { type: 'crash', node: 1 }) // the leader, so many virtual milliseconds later
  const acknowledged = []
  for (let i = 0; i < 100; i++) {
    const value = `order ${i}`
    await producer.send({ topic: 'orders', acks, messages: [{ value }] }).then(
      () => acknowledged.push(value),
      () => {},
    )
    await cluster.advance(2)
  }
  await cluster.heal()
  const stored = new Set(
    cluster
      .topic('orders')
      .records()
      .map((record) => record.value),
  )
  await cluster.dispose()
  return acknowledged.filter((value) => !stored.has(value)).length
}

for (const acks of [0, 1, -1]) {
  const counts = []
  for (let seed = 1; seed <= 200; seed++) counts.push(await lost(acks, seed))
  const runs = counts.filter((count) => count > 0).length
  const records = counts.reduce((sum, count) => sum + count, 0)
  console.log(`acks=${acks === -1 ? 'all' : acks}: ${runs} of 200 runs lost acknowledged records, ${records} in all`)
}
