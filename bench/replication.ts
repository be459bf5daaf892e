/**
 * The bench's lines about replication: three brokers, three replicas of everything, acks=all. Medians of several rounds,
 * because other things run on the machine, too.
 */
import { execFileSync } from 'node:child_process'
import { createCluster } from 'kafkarium'
import { createKafka } from '../src/client/kafka.ts'
import { createClusterCore } from '../src/cluster/cluster.ts'
import type { ClusterOptions } from '../src/cluster/options.ts'
import type { World } from '../src/cluster/world.ts'
import { nodeHost } from '../src/host/node.ts'
import { nodeClusterHost } from '../src/host/turns.ts'
import { runStorm } from '../test/support/storm.ts'
import { add, median, remark, timed } from './table.ts'

const replicated = (partitions: number) => ({
  partitions,
  replicationFactor: 3,
  config: { 'min.insync.replicas': 2 },
})

/** A cluster of which the kernel's events can be counted. */
function countedCluster(options: ClusterOptions) {
  let world: World | undefined
  const cluster = createClusterCore(
    options,
    nodeClusterHost,
    (transport, defaults, config: { clientId?: string } | undefined) =>
      createKafka(transport, nodeHost, { ...defaults, brokers: [...defaults.brokers], ...config }),
    (made) => {
      world = made
    },
  )
  return { cluster, events: () => world?.eventsRun ?? 0 }
}

export async function replicationLines(): Promise<void> {
  await throughput()
  await eventRates()
  await failovers(false)
  await failovers(true)
  await storms()
  memory()
  await idle()
}

async function throughput(): Promise<void> {
  const MESSAGES = 1_000_000
  const messages = Array.from({ length: 1000 }, () => ({ value: Buffer.alloc(100, 1) }))
  const rates: number[] = []
  for (let round = 0; round < 5; round++) {
    const cluster = createCluster({ brokers: 3, topics: { t: replicated(4) } })
    const producer = cluster.kafka({ clientId: 'bench' }).producer()
    await producer.connect()
    const took = await timed(async () => {
      for (let n = 0; n < MESSAGES / 1000; n++) await producer.send({ topic: 't', messages })
    })
    rates.push((MESSAGES / took) * 1000)
    await cluster.dispose()
  }
  add('produced to 3 replicas, acks=all, batches of 1,000 × 100 B', median(rates), 'msg/s', 'more', 1_500_000)
}

/** Eight producers, each awaiting its own sends of one small message, over twelve partitions. */
async function eventRates(): Promise<void> {
  const PRODUCERS = 8
  const SENDS = 4000
  for (const laws of [false, true]) {
    const rates: number[] = []
    let eventsASend = 0
    for (let round = 0; round < 5; round++) {
      const { cluster, events } = countedCluster({ brokers: 3, laws, topics: { t: replicated(12) } })
      const producers = Array.from({ length: PRODUCERS }, (_, i) => cluster.kafka({ clientId: `p${i}` }).producer())
      for (const producer of producers) await producer.connect()
      const before = events()
      const took = await timed(() =>
        Promise.all(
          producers.map(async (producer) => {
            for (let n = 0; n < SENDS; n++) await producer.send({ topic: 't', messages: [{ value: 'small' }] })
          }),
        ),
      )
      const ran = events() - before
      eventsASend = ran / (PRODUCERS * SENDS)
      rates.push((ran / took) * 1000)
      await cluster.dispose()
    }
    const what = `kernel events, 3 replicas, small sends${laws ? ', laws checked' : ''}`
    add(what, median(rates), 'ev/s', 'more', laws ? 200_000 : 500_000)
    if (!laws) {
      remark('events the kernel runs (requests, answers, replica fetches and data, timers) a real second, the')
      remark(`client's own work included: 8 producers, single messages of 5 B, ${eventsASend.toFixed(1)} events a send`)
    }
  }
}

/** Produce, crash the leader, elect, restart, converge. */
async function failovers(laws: boolean): Promise<void> {
  const SEEDS = 1000
  const took = await timed(async () => {
    for (let seed = 1; seed <= SEEDS; seed++) await failover(seed, laws)
  })
  const what = `1,000 seeds: produce, crash a leader, elect, restart, converge${laws ? ' (laws)' : ''}`
  add(what, took / 1000, 's', 'less', 10)
}

async function failover(seed: number, laws: boolean): Promise<void> {
  const cluster = createCluster({ brokers: 3, seed, laws, topics: { t: replicated(1) } })
  const producer = cluster.kafka({ logLevel: 0, retry: { retries: 10 } }).producer()
  await producer.connect()
  const send = () => producer.send({ topic: 't', messages: [{ value: 'a' }, { value: 'b' }] })
  await send()
  const leader = cluster.topic('t').partitions[0]?.leader ?? -1
  cluster.faults.crash(leader)
  await send()
  cluster.faults.restart(leader)
  await cluster.heal()
  if (cluster.topic('t').records().length < 4) throw new Error(`seed ${seed} has lost records`)
  await cluster.dispose()
}

async function storms(): Promise<void> {
  const SEEDS = 200
  const took = await timed(async () => {
    for (let seed = 1; seed <= SEEDS; seed++) await runStorm(seed, { acks: -1, minIsr: 2 })
  })
  add('seeds of a fault storm with 20 sends, laws checked', (SEEDS / took) * 1000, 'seeds/s', 'more', 50)
}

/** What three replicas of 1,000,000 × 100 B hold in memory, as a multiple of one copy; in a process of its own. */
function memory(): void {
  const script = `
    import { createCluster } from 'kafkarium'
    const used = () => {
      gc()
      gc()
      const { heapUsed, external } = process.memoryUsage()
      return heapUsed + external
    }
    const topics = { t: { partitions: 4, replicationFactor: 3 } }
    const cluster = createCluster({ brokers: 3, topics })
    const producer = cluster.kafka().producer()
    await producer.connect()
    const send = (i) =>
      producer.send({ topic: 't', messages: Array.from({ length: 1000 }, () => ({ value: Buffer.alloc(100, i) })) })
    await send(0)
    const before = used()
    for (let i = 0; i < 1000; i++) await send(i)
    await cluster.settle()
    console.log((used() - before) / 100e6)
    if (cluster.topic('t').partitions.length !== 4) throw new Error('the cluster was collected')`
  const run = () => Number(execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', script]))
  add('memory for 1,000,000 × 100 B on 3 replicas, × the payload', median([run(), run(), run()]), '×', 'less', 3)
  remark('heapUsed + external after garbage collection, after minus before')
}

/** What a virtual minute costs in which nothing happens: fifty replicated partitions and those of the offsets topic. */
async function idle(): Promise<void> {
  const { cluster, events } = countedCluster({ brokers: 3, topics: { orders: replicated(50) } })
  const producer = cluster.kafka().producer()
  await producer.connect()
  const messages = Array.from({ length: 100 }, (_, i) => ({ partition: i % 50, value: 'x' }))
  await producer.send({ topic: 'orders', messages })
  for (const clientId of ['a', 'b']) {
    const consumer = cluster.kafka({ clientId }).consumer({ groupId: 'g' })
    await consumer.connect()
    await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
    await consumer.run({ eachMessage: async () => {} })
  }
  await cluster.group('g').stable({ members: 2 })
  await cluster.advance('1m')
  const before = events()
  await cluster.advance('10m')
  const what = 'idle: 3 brokers, 50 partitions × 3 replicas, a virtual minute'
  add(what, (events() - before) / 10, 'events', 'less', 1000)
  await cluster.dispose()
}
