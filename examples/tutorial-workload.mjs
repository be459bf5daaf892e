// The workload of many a first tutorial: 10,000 messages, each sent and awaited on its own, then read by a group of two.
// Run it: node examples/tutorial-workload.mjs
import { createCluster } from 'kafkarium'

const COUNT = 10_000
const started = performance.now()
const cluster = createCluster({ brokers: 3, topics: { numbers: 4 } })
const kafka = cluster.kafka({ clientId: 'tutorial' })

const producer = kafka.producer()
await producer.connect()
for (let number = 0; number < COUNT; number++) {
  await producer.send({
    topic: 'numbers',
    messages: [{ key: String(number % 100), value: JSON.stringify({ number }) }],
  })
}
await producer.disconnect()
const sent = performance.now()

const seen = new Set()
const perConsumer = [0, 0]
const consumers = [0, 1].map(() => kafka.consumer({ groupId: 'readers' }))
for (const [index, consumer] of consumers.entries()) {
  await consumer.connect()
  await consumer.subscribe({ topics: ['numbers'], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      seen.add(JSON.parse(message.value.toString()).number)
      perConsumer[index] += 1
    },
  })
}
await cluster.group('readers').stable({ members: 2 })
await cluster.until(() => seen.size === COUNT)
await cluster.settle()

console.log(`sent ${COUNT} messages one by one in ${Math.round(sent - started)} ms`)
console.log(`a group of two read ${seen.size} different messages, lag ${cluster.group('readers').lag()}`)
await Promise.all(consumers.map((consumer) => consumer.disconnect()))
await cluster.dispose()
