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

describe('alterConfigs', () => {
  const set = (type: ConfigResourceTypes, name: string, entries: Readonly<Record<string, string>>) => ({
    type,
    name,
    configEntries: Object.entries(entries).map(([key, value]) => ({ name: key, value })),
  })

  it('changes what the next send meets, and replaces what was set before', async () => {
    const cluster = create({ topics: { orders: 1 } })
    const admin = await connectAdmin(cluster)
    const producer = cluster.kafka({ logLevel: 0, retry: { retries: 0 } }).producer()
    await producer.connect()
    const send = () => producer.send({ topic: 'orders', messages: [{ value: 'x'.repeat(500), timestamp: '5' }] })
    await send()
    const answer = await admin.alterConfigs({
      validateOnly: false,
      resources: [set(TOPIC, 'orders', { 'max.message.bytes': '100' })],
    })
    expect(answer).toEqual({
      resources: [{ errorCode: 0, errorMessage: null, resourceType: TOPIC, resourceName: 'orders' }],
    })
    await cluster.advance(10)
    await expect(send()).rejects.toMatchObject({ type: 'MESSAGE_TOO_LARGE' })
    await admin.alterConfigs({
      validateOnly: false,
      resources: [set(TOPIC, 'orders', { 'message.timestamp.type': 'LogAppendTime' })],
    })
    await cluster.advance(10)
    await send()
    const stamps = cluster
      .topic('orders')
      .records()
      .map(({ timestamp }) => Number(timestamp))
    expect(stamps).toHaveLength(2)
    expect(stamps[0]).toBe(5)
    expect(stamps[1]).toBeGreaterThan(1_767_225_600_000)
  })

  it('changes one broker, and a restart keeps it', async () => {
    const cluster = create()
    const admin = await connectAdmin(cluster)
    await admin.alterConfigs({
      validateOnly: false,
      resources: [set(BROKER, '2', { 'message.max.bytes': '5000' })],
    })
    await cluster.advance(10)
    const values = async () => {
      const resources = ['1', '2'].map((id) => broker(id, ['message.max.bytes']))
      const described = await admin.describeConfigs({ includeSynonyms: false, resources })
      return described.resources.map(({ configEntries }) => configEntries[0]?.configValue)
    }
    expect(await values()).toEqual(['1048588', '5000'])
    cluster.faults.crash(2)
    await cluster.advance('20s')
    cluster.faults.restart(2)
    await cluster.advance('1s')
    expect(await values()).toEqual(['1048588', '5000'])
  })

  it('rejects what the broker refuses, and validateOnly changes nothing', async () => {
    const cluster = create()
    const admin = await connectAdmin(cluster)
    const alter = (
      entries: Readonly<Record<string, string>>,
      type: ConfigResourceTypes = TOPIC,
      name = 'orders',
      validateOnly = false,
    ) => admin.alterConfigs({ validateOnly, resources: [set(type, name, entries)] })
    await expect(alter({ 'retention.ms': 'soon' })).rejects.toMatchObject({ type: 'INVALID_CONFIG' })
    await expect(alter({ retention: '5' })).rejects.toMatchObject({ type: 'INVALID_CONFIG' })
    await expect(alter({ 'retention.ms': '5' }, TOPIC, 'nothing')).rejects.toMatchObject({
      type: 'UNKNOWN_TOPIC_OR_PARTITION',
    })
    await expect(alter({ 'num.partitions': '5' }, BROKER, '1')).rejects.toMatchObject({ type: 'INVALID_REQUEST' })
    await alter({ 'retention.ms': '5' }, TOPIC, 'orders', true)
    await cluster.advance(10)
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [topic('orders', ['retention.ms'])],
    })
    expect(resources[0]?.configEntries[0]).toMatchObject({ configValue: '604800000', isDefault: true })
  })
})
