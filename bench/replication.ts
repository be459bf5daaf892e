/**
 * The bench's lines about replication: three brokers, three replicas of everything, acks=all. Medians of several rounds,
 * because other things run on the machine, too.
 */
import { execFileSync } from 'node:child_process'
import { createCluster } from 'kafkarium'
import { createKafka } from '../src/client/kafka.ts'
import { createClusterCore } from '../src/cluster/cluster.ts'
import type { ClusterOptions } from '../src/cluster/options.ts'
import { FIRST_PORT, type World } from '../src/cluster/world.ts'
import { nodeHost } from '../src/host/node.ts'
import { nodeClusterHost } from '../src/host/turns.ts'
import { makePartitionProduceData, makeProduceRequest, makeTopicProduceData } from '../src/protocol/make.ts'
import { encodeBatch } from '../src/protocol/records.ts'
import { add, median, remark, timed } from './table.ts'

const replicated = (partitions: number) => ({
  partitions,
  replicationFactor: 3,
  config: { 'min.insync.replicas': 2 },
})

/** A cluster of which the kernel's events can be counted; its clients are bare transports. */
function countedCore(options: ClusterOptions) {
  let world: World | undefined
  const core = createClusterCore(
    options,
    nodeClusterHost,
    (transport) => transport,
    (made) => {
      world = made
    },
  )
  return { core, events: () => world?.eventsRun ?? 0 }
}

type CountedCore = ReturnType<typeof countedCore>['core']

export async function replicationLines(): Promise<void> {
  await throughput()
  await idempotence()
  await eventRates()
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

/** Idempotent sends beside plain ones, in turns: what the machine does otherwise hits both. */
async function idempotence(): Promise<void> {
  const [plain, idempotent]: [number[], number[]] = [[], []]
  for (let round = 0; round < 9; round++) {
    for (const isIdempotent of round % 2 === 0 ? [false, true] : [true, false])
      (isIdempotent ? idempotent : plain).push(await produceBatches(isIdempotent))
  }
  const ratio = (median(plain) / median(idempotent)) * 100
  add('idempotent beside plain, the same batches', ratio, '%', 'more', 90)
}

/** Milliseconds for 500 batches of 1,000 × 100 B and for 5,000 of one. */
async function produceBatches(idempotent: boolean): Promise<number> {
  const cluster = createCluster({ brokers: 3, topics: { t: replicated(4) } })
  const producer = cluster.kafka({ clientId: 'bench', logLevel: 0 }).producer({ idempotent })
  await producer.connect()
  const many = Array.from({ length: 1000 }, () => ({ value: Buffer.alloc(100, 1) }))
  const took = await timed(async () => {
    for (let n = 0; n < 500; n++) await producer.send({ topic: 't', messages: many })
    for (let n = 0; n < 5000; n++) await producer.send({ topic: 't', messages: [{ value: 'x' }] })
  })
  await cluster.dispose()
  return took
}

/** A request of one small record to each of twelve partitions under way at any time, over connections without a client. */
async function eventRates(): Promise<void> {
  const PARTITIONS = 12
  const SENDS = 5000
  for (const laws of [false, true]) {
    const rates: number[] = []
    let eventsASend = 0
    for (let round = 0; round < 7; round++) {
      const { core, events } = countedCore({ brokers: 3, laws, topics: { t: replicated(PARTITIONS) } })
      const senders = await Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => senderTo(core, partition)))
      const before = events()
      const took = await timed(() =>
        Promise.all(
          senders.map(async (send) => {
            for (let n = 0; n < SENDS; n++) await send()
          }),
        ),
      )
      const ran = events() - before
      eventsASend = ran / (PARTITIONS * SENDS)
      rates.push((ran / took) * 1000)
      await core.dispose()
    }
    const what = `kernel events, 3 replicas, small sends${laws ? ', laws checked' : ''}`
    add(what, median(rates), 'ev/s', 'more', laws ? 200_000 : 500_000)
    if (laws) continue
    remark(
      `events the kernel runs a real second: ${eventsASend.toFixed(1)} an awaited Produce of one 5 B record (request, two followers'`,
    )
    remark('data and next fetch, answer); timers that are cancelled do not count, no client library is involved')
  }
}

async function senderTo(core: CountedCore, partition: number): Promise<() => Promise<unknown>> {
  const options = { clientId: `c${partition}`, connectionTimeoutMs: 1000, requestTimeoutMs: 30_000 }
  const leader = core.topic('t').partitions[partition]?.leader ?? 1
  const connection = await core.kafka().connect('localhost', FIRST_PORT + leader - 1, options)
  const batch = encodeBatch([{ key: null, value: 'small', timestamp: core.now }])
  const partitionData = [makePartitionProduceData({ index: partition, records: [batch] })]
  const topicData = [makeTopicProduceData({ name: 't', partitionData })]
  const request = makeProduceRequest({ acks: -1, timeoutMs: 30_000, topicData })
  return () => connection.request('Produce', 9, request)
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
  const { core: cluster, events } = countedCore({ brokers: 3, topics: { orders: replicated(50) } })
  const kafka = (clientId: string) =>
    createKafka(cluster.kafka({ clientId }), nodeHost, { clientId, brokers: [...cluster.brokers] })
  const producer = kafka('p').producer()
  await producer.connect()
  const messages = Array.from({ length: 100 }, (_, i) => ({ partition: i % 50, value: 'x' }))
  await producer.send({ topic: 'orders', messages })
  for (const clientId of ['a', 'b']) {
    const consumer = kafka(clientId).consumer({ groupId: 'g' })
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
