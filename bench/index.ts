/**
 * The project's own speed check: `npm run bench` prints one table, result beside target. Nothing here fails a build:
 * times depend on the machine. Measured on the built package where users feel it, on the source elsewhere.
 */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createCluster } from 'kafkarium'
import { createClusterCore } from '../src/cluster/cluster.ts'
import { nodeClusterHost } from '../src/host/turns.ts'
import { createQueue, createTrace, pop, push, record } from '../src/kernel/index.ts'
import { makeHeartbeatRequest } from '../src/protocol/make.ts'
import { failureLines } from './failures.ts'
import { groupLines } from './groups.ts'
import { replicationLines } from './replication.ts'
import { add, footer, header, median, timed } from './table.ts'
import { transactionLines } from './transactions.ts'

header()

// Start-up.
const inNewProcess = (script: string) => {
  const run = () => Number(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }))
  return median(Array.from({ length: 7 }, run))
}
add(
  'importing the core entry',
  inNewProcess("const s = performance.now(); await import('kafkarium'); console.log(performance.now() - s)"),
  'ms',
  'less',
  60,
)
const creation = (topics: string) => `import { createCluster } from 'kafkarium'
  const s = performance.now()
  createCluster({ brokers: 3, topics: ${topics} })
  console.log(performance.now() - s)`
add('creating a 3-broker cluster (first in its process)', inNewProcess(creation('{ orders: 3 }')), 'ms', 'less', 5)
add(
  'the same with 3 replicas of everything',
  inNewProcess(creation('{ orders: { partitions: 3, replicationFactor: 3 } }')),
  'ms',
  'less',
  5,
)

const creations: number[] = []
for (let i = 0; i < 20; i++) {
  creations.push(
    await timed(() => {
      createCluster({ brokers: 3, topics: { orders: 3 } })
    }),
  )
}
add('creating a 3-broker cluster (median)', median(creations), 'ms', 'less', 5)

const joins: number[] = []
for (let i = 0; i < 15; i++) {
  const cluster = createCluster({ brokers: 3, topics: { orders: 1 } })
  await cluster.produce('orders', ['x'])
  joins.push(
    await timed(async () => {
      const consumer = cluster.kafka().consumer({ groupId: 'g' })
      await consumer.connect()
      await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
      let got!: () => void
      const first = new Promise<void>((resolve) => {
        got = resolve
      })
      await consumer.run({ eachMessage: async () => got() })
      await first
    }),
  )
  await cluster.dispose()
}
add('join → first record', median(joins), 'ms', 'less', 5)

// The tutorial loop.
const loops: number[] = []
for (let i = 0; i < 5; i++) {
  const cluster = createCluster({ topics: { t: 1 } })
  const producer = cluster.kafka().producer()
  await producer.connect()
  loops.push(
    await timed(async () => {
      for (let n = 0; n < 10_000; n++) await producer.send({ topic: 't', messages: [{ value: `message ${n}` }] })
    }),
  )
  await cluster.dispose()
}
add('10,000 awaited sends', median(loops), 'ms', 'less', 500)

// The kernel: the queue and the trace, no user code.
const queue = createQueue<number>()
const trace = createTrace(10_000)
const EVENTS = 2_000_000
for (let i = 0; i < 100; i++) push(queue, i, 'work', i)
const kernelMs = await timed(() => {
  for (let i = 0; i < EVENTS; i++) {
    const event = pop(queue)
    if (event === undefined) break
    record(trace, event.time, { type: 'request', client: 'c', node: 1, api: 'Fetch', version: 11, correlationId: i })
    push(queue, event.time + 1 + (i % 7), 'work', event.payload)
  }
})
add('kernel events', (EVENTS / kernelMs) * 1000, 'ev/s', 'more', 1_000_000)

// Round trips: a request, its answer, and the caller's turn.
const trips: number[] = []
for (let round = 0; round < 4; round++) {
  const core = createClusterCore({ brokers: 3, topics: { t: 1 } }, nodeClusterHost, (transport) => transport)
  const options = { clientId: 'bench', connectionTimeoutMs: 1000, requestTimeoutMs: 30_000 }
  const connection = await core.kafka().connect('localhost', 9092, options)
  const heartbeat = makeHeartbeatRequest({ groupId: 'g' })
  const ROUNDS = 200_000
  const took = await timed(async () => {
    for (let i = 0; i < ROUNDS; i++) await connection.request('Heartbeat', 3, heartbeat)
  })
  trips.push((ROUNDS / took) * 1000)
  await core.dispose()
}
add('awaited round trips', Math.max(...trips), 'rt/s', 'more', 400_000)

// Throughput: 1,000,000 × 100 B in batches of 1,000.
const MESSAGES = 1_000_000
const messages = Array.from({ length: 1000 }, () => ({ value: Buffer.alloc(100, 1) }))
const produced: number[] = []
const byBatch: number[] = []
const byMessage: number[] = []
for (let round = 0; round < 4; round++) {
  const cluster = createCluster({ brokers: 3, topics: { t: 4 } })
  const kafka = cluster.kafka({ clientId: 'bench' })
  const producer = kafka.producer()
  await producer.connect()
  produced.push(
    MESSAGES /
      (await timed(async () => {
        for (let n = 0; n < MESSAGES / 1000; n++) await producer.send({ topic: 't', messages })
      })),
  )
  for (const [how, results] of [
    ['batch', byBatch],
    ['message', byMessage],
  ] as const) {
    const consumer = kafka.consumer({ groupId: how })
    await consumer.connect()
    await consumer.subscribe({ topics: ['t'], fromBeginning: true })
    let seen = 0
    let finished!: () => void
    const all = new Promise<void>((resolve) => {
      finished = resolve
    })
    const count = (by: number) => {
      seen += by
      if (seen >= MESSAGES) finished()
    }
    const took = await timed(async () => {
      await consumer.run(
        how === 'batch'
          ? { eachBatch: async ({ batch }) => count(batch.messages.length) }
          : { eachMessage: async () => count(1) },
      )
      await all
    })
    results.push(MESSAGES / took)
    await consumer.disconnect()
  }
  await cluster.dispose()
}
add('produced, batches of 1,000 × 100 B', Math.max(...produced) * 1000, 'msg/s', 'more', 2_500_000)
add('consumed by eachBatch (joining included)', Math.max(...byBatch) * 1000, 'msg/s', 'more', 4_000_000)
add('consumed by eachMessage (joining included)', Math.max(...byMessage) * 1000, 'msg/s', 'more', 2_000_000)

await replicationLines()
await failureLines()
await groupLines()
await transactionLines()

// The terminal: from exec to the first frame, in a pseudo-terminal.
if (existsSync('/usr/bin/script') && existsSync('dist/cli/kafkarium.js')) {
  const frames: number[] = []
  for (let i = 0; i < 5; i++) frames.push(await firstFrame())
  add('first frame of the terminal after exec', median(frames), 'ms', 'less', 300)
} else console.log('- first frame: not measured, needs script(1) and a build (npm run build)')

footer()

function firstFrame(): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = performance.now()
    const child = spawn('/usr/bin/script', ['-qfec', `${process.execPath} dist/cli/kafkarium.js`, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, TERM: 'xterm-256color', COLUMNS: '80', LINES: '24' },
    })
    child.stdin.on('error', () => {})
    let seen = ''
    child.stdout.on('data', (chunk) => {
      seen += String(chunk)
      // The home screen carries the product's name.
      if (!/kafkarium/i.test(seen)) return
      resolve(performance.now() - start)
      child.stdin.write('\u0003')
      setTimeout(() => child.kill(), 500).unref()
    })
    child.on('error', reject)
    child.on('exit', () => reject(new Error(`the terminal ended without a frame: ${seen}`)))
  })
}
