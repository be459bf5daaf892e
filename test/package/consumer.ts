/**
 * A project that uses the packed package: its tests, written once, run by vitest and by jest, as an ES module and as
 * CommonJS. `test` and `expect` are the runner's globals.
 */
const BODY = `
const orders = []

/** The service under test: reads orders, remembers them. */
async function startBilling(kafka) {
  const consumer = kafka.consumer({ groupId: 'billing' })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => orders.push(String(message.value)) })
  return consumer
}

test('every order is billed', async () => {
  const cluster = createCluster({ brokers: 3, topics: { orders: { partitions: 1 } } })
  const producer = cluster.kafka({ clientId: 'shop' }).producer()
  await producer.connect()
  for (const value of ['a', 'b', 'c']) await producer.send({ topic: 'orders', messages: [{ value }] })
  const consumer = await startBilling(cluster.kafka({ clientId: 'billing' }))
  await cluster.until(() => orders.length === 3)
  expect(orders).toEqual(['a', 'b', 'c'])
  expect(cluster.topic('orders').records().map((record) => record.value)).toEqual(['a', 'b', 'c'])
  await consumer.disconnect()
  await producer.disconnect()
  await cluster.dispose()
})

test('a bad option is a KafkariumError that instanceof knows', () => {
  let thrown
  try {
    createCluster({ brokers: -1 })
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(KafkariumError)
  expect(thrown).toBeInstanceOf(Error)
  expect(thrown.code).toBe('KAFKARIUM_BAD_OPTION')
})

test('the same program gives the same hash', async () => {
  const run = async () => {
    const cluster = createCluster({ seed: 7, topics: { orders: 1 } })
    await cluster.produce('orders', ['a', 'b'])
    const { hash } = cluster.trace
    await cluster.dispose()
    return hash
  }
  expect(await run()).toBe(await run())
})
`

export const CONSUMER = {
  'consumer.test.mjs': `import { createCluster, KafkariumError } from 'kafkarium'\n${BODY}`,
  'consumer.test.cjs': `const { createCluster, KafkariumError } = require('kafkarium')\n${BODY}`,
} as const

/** Uses the types the way a strict project does. */
export const TYPED = `
import { createCluster, type Cluster, type ClusterView } from 'kafkarium'

const cluster: Cluster = createCluster({ brokers: 1, topics: { orders: 3 } })
const view: ClusterView = cluster.view()
export const leaders: number[] = view.topics.flatMap((topic) => topic.partitions.map((partition) => partition.leader))
// @ts-expect-error an option that does not exist
createCluster({ broker: 1 })
`
