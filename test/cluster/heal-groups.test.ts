/** V6 and V8 as duties of `cluster.heal()`: groups are whole again, and those that are named have caught up. */
import { type ClientConfig, type Cluster, createCluster, type ProcessContext } from 'kafkarium'
import { expect, test } from 'vitest'

const worker =
  (autoCommit: boolean) =>
  async ({ newKafka, onStop }: ProcessContext<ReturnType<Cluster['kafka']>, ClientConfig>) => {
    const consumer = newKafka({ logLevel: 0 }).consumer({ groupId: 'billing', sessionTimeout: 10_000 })
    onStop(() => consumer.disconnect())
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({ autoCommit, eachMessage: async () => {} })
  }

async function twoWorkers(autoCommit = true) {
  const cluster = createCluster({ seed: 3, topics: { orders: 4 } })
  const a = cluster.process('a', worker(autoCommit))
  const b = cluster.process('b', worker(autoCommit))
  await cluster.group('billing').stable({ members: 2 })
  return { cluster, a, b, group: cluster.group('billing') }
}

test('V6: heal waits until a dead member is gone and its partitions are taken over', async () => {
  const { cluster, a, group } = await twoWorkers()
  a.crash()
  expect(group.members()).toHaveLength(2)
  await cluster.heal()
  expect(group.view()?.state).toBe('Stable')
  expect(group.members().map(({ assignment }) => assignment.length)).toEqual([4])
  await cluster.dispose()
})

test('V6: a frozen member is not waited for longer than its session', async () => {
  const { cluster, b, group } = await twoWorkers()
  b.freeze()
  await cluster.heal()
  expect(group.members()).toHaveLength(1)
  b.thaw()
  await cluster.heal()
  await group.stable({ members: 2 })
  await cluster.dispose()
})

test('V8: a group that is named has read and committed everything', async () => {
  const { cluster, a, group } = await twoWorkers()
  a.crash()
  await cluster.produce('orders', ['one', 'two', 'three', 'four', 'five', 'six'])
  await cluster.heal({ caughtUp: ['billing'] })
  expect(group.lag()).toBe(0)
  expect(group.view()?.offsets.reduce((sum, { committed }) => sum + committed, 0)).toBe(6)
  await cluster.dispose()
})

test('a group that does not catch up is a stall, and the error says where', async () => {
  const { cluster } = await twoWorkers(false)
  await cluster.produce('orders', [{ value: 'one', partition: 2 }])
  await expect(cluster.heal({ within: '60s', caughtUp: ['billing'] })).rejects.toThrow(
    /V8 The groups named have read and committed everything\. group billing has committed nothing of orders-2, which ends at 1/,
  )
  await expect(cluster.heal({ within: '5s', caughtUp: ['nobody'] })).rejects.toThrow('nobody knows group nobody')
  await cluster.dispose()
})
