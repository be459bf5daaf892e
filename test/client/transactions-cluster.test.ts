/** The transactional producer against the simulated cluster's coordinator, as far as that goes without a batch. */
import { type Cluster, createCluster } from 'kafkarium'
import { afterEach, describe, expect, it } from 'vitest'

const made: Cluster[] = []
function create(): Cluster {
  const cluster = createCluster({ brokers: 3, topics: { orders: { partitions: 1 } } })
  made.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})

const quiet = { logLevel: 0 } as const
const message = { topic: 'orders', messages: [{ value: 'x' }] }

async function connect(cluster: Cluster) {
  const producer = cluster.kafka(quiet).producer({ transactionalId: 'tx' })
  await producer.connect()
  return producer
}

describe('a transactional id', () => {
  it('belongs to the producer that came last', async () => {
    const cluster = create()
    const first = await connect(cluster)
    const old = await first.transaction()
    const second = await connect(cluster)
    await (await second.transaction()).commit()
    await expect(old.send(message)).rejects.toMatchObject({ type: 'INVALID_PRODUCER_EPOCH' })
    await old.abort()
    await expect((await first.transaction()).send(message)).rejects.toMatchObject({ type: 'INVALID_PRODUCER_EPOCH' })
  })

  it('stays fenced when its coordinator is another broker', async () => {
    const cluster = create()
    const first = await connect(cluster)
    const old = await first.transaction()
    await (await (await connect(cluster)).transaction()).commit()
    for (const id of [1, 2, 3]) {
      await cluster.faults.crash(id)
      await cluster.advance(20_000)
      await cluster.faults.restart(id)
      await cluster.advance(20_000)
    }
    await expect(old.send(message)).rejects.toMatchObject({ type: 'INVALID_PRODUCER_EPOCH' })
  })

  it('with a time-out beyond what brokers allow is refused', async () => {
    const producer = create().kafka(quiet).producer({ transactionalId: 'tx', transactionTimeout: 900_001 })
    await producer.connect()
    await expect(producer.transaction()).rejects.toMatchObject({ type: 'INVALID_TRANSACTION_TIMEOUT' })
  })
})

describe('group metadata of a consumer', () => {
  it('says who it is in its group', async () => {
    const cluster = create()
    const consumer = cluster.kafka(quiet).consumer({ groupId: 'g', groupInstanceId: 'i' })
    expect(() => consumer.groupMetadata()).toThrow('consumer#run must be called first')
    await consumer.subscribe({ topic: 'orders' })
    await consumer.run({ eachMessage: async () => {} })
    const { groupId, memberId, generationId, groupInstanceId } = consumer.groupMetadata()
    expect({ groupId, generationId, groupInstanceId }).toEqual({ groupId: 'g', generationId: 1, groupInstanceId: 'i' })
    expect((await consumer.describeGroup()).members.map((member) => member.memberId)).toEqual([memberId])
    await consumer.disconnect()
  })
})
