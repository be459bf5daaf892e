// The getting-started program of kafkajs; only the line that makes `kafka` differs.
// Run it: node examples/getting-started.mjs
import { createCluster } from 'kafkarium'

const kafka = createCluster().kafka({ clientId: 'my-app' })

const producer = kafka.producer()

await producer.connect()
await producer.send({
  topic: 'test-topic',
  messages: [{ value: 'Hello KafkaJS user!' }],
})

await producer.disconnect()

const consumer = kafka.consumer({ groupId: 'test-group' })

await consumer.connect()
await consumer.subscribe({ topic: 'test-topic', fromBeginning: true })

await consumer.run({
  eachMessage: async ({ topic, partition, message }) => {
    console.log({
      topic,
      partition,
      value: message.value.toString(),
    })
  },
})
