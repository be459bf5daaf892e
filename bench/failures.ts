/** The bench's lines about searches over seeds: a leader that crashes, and storms of faults. */
import { createCluster } from 'kafkarium'
import { add, median, timed } from './table.ts'

const orders = { partitions: 1, replicationFactor: 3, config: { 'min.insync.replicas': 2 } }

export async function failureLines(): Promise<void> {
  for (const laws of [false, true]) await failovers(laws)
  await storms()
}

async function failovers(laws: boolean): Promise<void> {
  const SEEDS = 1000
  const took = await timed(async () => {
    for (let seed = 1; seed <= SEEDS; seed++) await failover(seed, laws)
  })
  const what = `1,000 seeds of a leader's crash and return${laws ? ', laws checked' : ''}`
  add(what, took / 1000, 's', 'less', 10)
}

/** Produce, crash the leader, elect, restart, converge. */
async function failover(seed: number, laws: boolean): Promise<void> {
  const cluster = createCluster({ brokers: 3, seed, laws, topics: { orders } })
  const producer = cluster.kafka({ logLevel: 0, retry: { retries: 10 } }).producer()
  await producer.connect()
  const send = () => producer.send({ topic: 'orders', messages: [{ value: 'a' }, { value: 'b' }] })
  await send()
  const leader = cluster.topic('orders').partitions[0]?.leader ?? -1
  cluster.faults.crash(leader)
  await send()
  cluster.faults.restart(leader)
  await cluster.heal()
  if (cluster.topic('orders').records().length < 4) throw new Error(`seed ${seed} has lost records`)
  await cluster.dispose()
}

async function storms(): Promise<void> {
  const SEEDS = 100
  const rates: number[] = []
  for (let round = 0; round < 3; round++) {
    const took = await timed(async () => {
      for (let seed = 1; seed <= SEEDS; seed++) await storm(round * SEEDS + seed)
    })
    rates.push((SEEDS / took) * 1000)
  }
  add('seeds of a fault storm over 20 sends, laws checked', median(rates), 'seeds/s', 'more', 100)
}

/** As tests search for anomalies: sends while the seed breaks things, then everything heals. */
async function storm(seed: number): Promise<void> {
  const config = { 'replica.lag.time.max.ms': 5000, 'broker.session.timeout.ms': 3000 }
  const cluster = createCluster({ brokers: 3, seed, laws: true, trace: 'full', config, topics: { orders } })
  cluster.faults.storm()
  const kafka = cluster.kafka({ logLevel: 0, requestTimeout: 3000, retry: { retries: 3, maxRetryTime: 500 } })
  const producer = kafka.producer()
  // What fails in a storm is part of it.
  await producer.connect().catch(() => {})
  for (let i = 0; i < 20; i++) {
    await producer.send({ topic: 'orders', timeout: 3000, messages: [{ value: `${i}` }] }).catch(() => {})
    await cluster.advance(300)
  }
  await cluster.heal()
  await cluster.dispose()
}
