/** Brokers crash and restart under three consumers and a producer: what was acknowledged is handled, and nothing rejects unseen. */
import { createCluster } from 'kafkarium'
import { expect, it, onTestFinished } from 'vitest'

/** The test's own dice, apart from the cluster's: which fault comes when. */
function dice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >>> 8) % sides
  }
}

it.each([1, 2, 3, 4, 5, 6])('loses nothing that was acknowledged: storm %i', async (seed) => {
  const unseen: unknown[] = []
  const listener = (error: unknown) => unseen.push(error)
  process.on('unhandledRejection', listener)
  onTestFinished(() => void process.off('unhandledRejection', listener))

  await using cluster = createCluster({ brokers: 3, topics: { orders: { partitions: 6 } }, seed })
  const roll = dice(seed)
  const handled = new Map<string, number>()
  const consumers = await Promise.all(
    ['a', 'b', 'c'].map(async (clientId) => {
      const consumer = cluster
        .kafka({ logLevel: 0, clientId })
        .consumer({ groupId: 'g', maxWaitTimeInMs: 500, sessionTimeout: 10_000, heartbeatInterval: 1000 })
      await consumer.subscribe({ topic: 'orders', fromBeginning: true })
      await consumer.run({
        eachMessage: async ({ message }) => {
          const value = String(message.value)
          handled.set(value, (handled.get(value) ?? 0) + 1)
        },
      })
      return consumer
    }),
  )
  const producer = cluster.kafka({ logLevel: 0 }).producer()
  await producer.connect()

  const acknowledged: string[] = []
  const sends: Promise<unknown>[] = []
  let down: number | undefined
  for (let round = 0; round < 60; round += 1) {
    const event = roll(10)
    if (event === 0 && down === undefined) {
      down = 1 + roll(3)
      cluster.faults.crash(down)
    } else if (event <= 3 && down !== undefined) {
      cluster.faults.restart(down)
      down = undefined
    } else if (event === 4) {
      await cluster.advance(roll(5000))
    }
    const value = `value-${round}`
    const sending = producer.send({ topic: 'orders', messages: [{ value }] }).then(
      () => acknowledged.push(value),
      () => 'unknown: the message may have been stored',
    )
    sends.push(sending)
    if (roll(3) > 0) await Promise.race([sending, cluster.advance(roll(300))])
  }
  if (down !== undefined) cluster.faults.restart(down)
  await Promise.all(sends)
  expect(acknowledged.length).toBeGreaterThan(20)
  await cluster.until(() => acknowledged.every((value) => handled.has(value)), {
    what: 'everything acknowledged is handled',
  })
  await Promise.all(consumers.map((consumer) => consumer.disconnect()))
  expect(unseen).toEqual([])
})
