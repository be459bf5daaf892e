/** Configuration through the admin client, on a whole cluster. */
import { type Cluster, createCluster } from 'kafkarium'
import { afterEach, describe, expect, it } from 'vitest'
import { ConfigResourceTypes, KafkaJSProtocolError } from '../../src/client/index.ts'

const made: Cluster[] = []
function create(options: Parameters<typeof createCluster>[0] = {}): Cluster {
  const cluster = createCluster({ brokers: 3, topics: { orders: { partitions: 3 } }, ...options })
  made.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})

async function connectAdmin(cluster: Cluster) {
  const admin = cluster.kafka({ logLevel: 0 }).admin()
  await admin.connect()
  return admin
}

const { TOPIC, BROKER } = ConfigResourceTypes
const topic = (name: string, configNames: string[]) => ({ type: TOPIC, name, configNames })
const broker = (name: string, configNames: string[]) => ({ type: BROKER, name, configNames })

describe('describeConfigs', () => {
  it('tells a topic’s own values, the broker’s and the defaults apart', async () => {
    const cluster = create({
      config: { 'log.message.timestamp.type': 'LogAppendTime' },
      topics: { orders: { config: { 'retention.ms': 60_000 } } },
    })
    const admin = await connectAdmin(cluster)
    const { resources } = await admin.describeConfigs({
      includeSynonyms: true,
      resources: [topic('orders', ['retention.ms', 'message.timestamp.type', 'cleanup.policy'])],
    })
    expect(resources).toMatchObject([{ errorCode: 0, resourceType: TOPIC, resourceName: 'orders' }])
    const entries = resources[0]?.configEntries.map(({ configName, configValue, configSource, isDefault }) => [
      configName,
      configValue,
      configSource,
      isDefault,
    ])
    expect(entries).toEqual([
      ['cleanup.policy', 'delete', 5, true],
      ['retention.ms', '60000', 1, false],
      ['message.timestamp.type', 'LogAppendTime', 4, false],
    ])
    expect(resources[0]?.configEntries[1]?.configSynonyms).toEqual([
      { configName: 'retention.ms', configValue: '60000', configSource: 1 },
    ])
  })

  it('asks each broker for its own', async () => {
    const admin = await connectAdmin(create({ config: { 'num.partitions': 5 } }))
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: ['1', '2', '3'].map((id) => broker(id, ['num.partitions'])),
    })
    expect(resources.map(({ resourceName }) => resourceName).sort()).toEqual(['1', '2', '3'])
    for (const { configEntries } of resources) {
      expect(configEntries).toMatchObject([{ configValue: '5', configSource: 4, readOnly: true }])
    }
  })

  it('rejects for a topic that does not exist', async () => {
    const admin = await connectAdmin(create())
    const asked = admin.describeConfigs({ includeSynonyms: false, resources: [topic('nothing', [])] })
    await expect(asked).rejects.toBeInstanceOf(KafkaJSProtocolError)
    await expect(asked).rejects.toMatchObject({ type: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })
})
