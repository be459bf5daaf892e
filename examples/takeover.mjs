// A consumer dies without a goodbye, and the other one takes its partitions over: how long that takes by the cluster's clock,
// which is what it takes with real timers, and by yours.
// Run it: node examples/takeover.mjs
import { createCluster } from 'kafkarium'

const RUNS = 9

async function takeover(seed) {
  const cluster = createCluster({ seed, topics: { orders: 4 } })
  const handled = []
  const worker = async ({ kafka }) => {
    const consumer = kafka.consumer({ groupId: 'billing' }) // a session of 30 seconds, kafkajs's default
    await consumer.connect()
    await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
    await consumer.run({ eachMessage: async ({ message }) => void handled.push(message.value.toString()) })
  }
  const workers = ['one', 'two'].map((name) => cluster.process(name, worker))
  await cluster.group('billing').stable({ members: 2 })

  const began = { cluster: cluster.now, wall: performance.now() }
  workers[0].crash()
  await cluster.produce(
    'orders',
    ['a', 'b', 'c', 'd'].map((value, partition) => ({ value, partition })),
  )
  await cluster.until(() => handled.length === 4)
  const took = { virtual: cluster.now - began.cluster, wall: performance.now() - began.wall }
  await cluster.dispose()
  return took
}

const runs = []
for (let seed = 1; seed <= RUNS; seed++) runs.push(await takeover(seed))
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1]
console.log(`with real timers: ${(median(runs.map(({ virtual }) => virtual)) / 1000).toFixed(1)} s`)
console.log(`here: ${Math.ceil(median(runs.map(({ wall }) => wall)))} ms`)
