/** What goes wrong on a socket in process, as the real kafkajs sees it (wire-level failures of `socketFactory`). */
import { Kafka, type KafkaConfig, logLevel } from 'kafkajs'
import { afterEach, describe, expect, test } from 'vitest'
import { type ClusterOptions, createCluster, type WireSocket } from '../../src/index.ts'
import { encodeRequest, frame } from '../../src/protocol/codec.ts'
import { makeApiVersionsRequest } from '../../src/protocol/make.ts'

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'

const closers: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

function open(options: ClusterOptions = {}) {
  const cluster = createCluster({ topics: { orders: 1 }, laws: true, ...options })
  const control = cluster.controlTime()
  closers.push(() => cluster.dispose())
  closers.push(() => control.release())
  const { socketFactory } = cluster
  const kafka = (config: Partial<KafkaConfig> = {}) =>
    new Kafka({ clientId: 'app', brokers: [...cluster.brokers], socketFactory, logLevel: logLevel.NOTHING, ...config })
  return { cluster, kafka }
}

const values = (cluster: ReturnType<typeof open>['cluster']) =>
  cluster
    .topic('orders')
    .records()
    .map(({ value }) => value)

const THREE: ClusterOptions = {
  brokers: 3,
  trace: 'full',
  topics: { orders: { partitions: 1, replicationFactor: 3 } },
}

/** The leader has appended, and waits for the replicas before it answers: that is when the connection goes. */
async function loseAnswer(cluster: ReturnType<typeof open>['cluster']): Promise<void> {
  await cluster.until(() => cluster.trace.events().some((event) => event.type === 'append' && event.topic === 'orders'))
  cluster.faults.disconnect(cluster.topic('orders').partitions[0]?.leader ?? -1)
}

describe('connecting', () => {
  test('a broker that is down refuses', async () => {
    const { cluster, kafka } = open()
    cluster.faults.crash(1)
    await expect(
      kafka({ retry: { retries: 0 } })
        .producer()
        .connect(),
    ).rejects.toThrow('connect ECONNREFUSED localhost:9092')
  })

  test('a place that is none is not found', async () => {
    const { kafka } = open()
    await expect(
      kafka({ brokers: ['elsewhere:1234'], retry: { retries: 0 } })
        .producer()
        .connect(),
    ).rejects.toThrow('getaddrinfo ENOTFOUND elsewhere')
  })

  test('silence ends in the client’s own time-out, which takes no time', async () => {
    const { cluster, kafka } = open()
    cluster.faults.cut('clients', 1)
    const start = cluster.now
    await expect(
      kafka({ connectionTimeout: 3000, retry: { retries: 0 } })
        .producer()
        .connect(),
    ).rejects.toThrow('Connection timeout')
    expect(cluster.now - start).toBe(3000)
  })

  test('ssl is refused in words', async () => {
    const { kafka } = open()
    await expect(
      kafka({ ssl: true, retry: { retries: 0 } })
        .producer()
        .connect(),
    ).rejects.toThrow('ssl is not offered in process')
  })
})

describe('an open connection', () => {
  test('that the broker resets before it acted: the retry writes once', async () => {
    const { cluster, kafka } = open()
    const producer = kafka().producer()
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ value: 'first' }] })
    cluster.faults.cut('clients', 1, { oneWay: true })
    const sent = producer.send({ topic: 'orders', messages: [{ value: 'second' }] })
    await cluster.advance(50)
    cluster.faults.crash(1)
    cluster.faults.heal()
    cluster.faults.restart(1)
    await sent
    expect(values(cluster)).toEqual(['first', 'second'])
    await producer.disconnect()
  })

  test('that it resets after it acted: the retry writes twice', async () => {
    const { cluster, kafka } = open(THREE)
    const producer = kafka().producer()
    await producer.connect()
    const sent = producer.send({ topic: 'orders', messages: [{ value: 'once' }] })
    await loseAnswer(cluster)
    await sent
    expect(values(cluster)).toEqual(['once', 'once'])
    await producer.disconnect()
  })

  test('that is slow: the answer comes late, and comes', async () => {
    const { cluster, kafka } = open()
    const producer = kafka().producer()
    await producer.connect()
    cluster.faults.slow('clients', 1, '2s')
    const start = cluster.now
    await producer.send({ topic: 'orders', messages: [{ value: 'late' }] })
    expect(cluster.now - start).toBeGreaterThanOrEqual(2000)
    cluster.faults.heal()
    await producer.disconnect()
  })

  test('that the client has closed its half of: nothing more is told to it', async () => {
    const { cluster } = open()
    const told: string[] = []
    const socket = cluster.socketFactory({
      host: 'localhost',
      port: 9092,
      onConnect: () => told.push('connect'),
    }) as WireSocket
    for (const event of ['data', 'end', 'error', 'close']) socket.on(event, () => told.push(event))
    await cluster.settle()
    socket.write(frame(encodeRequest('ApiVersions', 0, { correlationId: 1, clientId: 'x' }, makeApiVersionsRequest())))
    socket.end()
    await cluster.settle()
    expect(told).toEqual(['connect'])
  })

  test('ends once when the cluster does', async () => {
    const { cluster } = open()
    const told: string[] = []
    const socket = cluster.socketFactory({ host: 'localhost', port: 9092, onConnect: () => {} }) as WireSocket
    socket.on('end', () => {
      told.push('end')
      socket.end()
    })
    await cluster.settle()
    await cluster.dispose()
    expect(told).toEqual(['end'])
    socket.write(new Uint8Array(5))
  })

  test('bytes the client changes after it wrote them are not changed in the log', async () => {
    const { cluster } = open()
    const socket = cluster.socketFactory({ host: 'localhost', port: 9092, onConnect: () => {} }) as WireSocket
    const answers: Uint8Array[] = []
    socket.on('data', (bytes: Uint8Array) => answers.push(bytes))
    await cluster.settle()
    const bytes = frame(encodeRequest('ApiVersions', 0, { correlationId: 7, clientId: 'x' }, makeApiVersionsRequest()))
    socket.write(bytes)
    bytes.fill(255)
    await cluster.settle()
    expect(Buffer.from(answers[0] as Uint8Array).readInt32BE(4)).toBe(7)
  })
})

/**
 * kafkajs 2.2.4 itself, not our client: after one lost answer its idempotent producer gives the sequence to the next batch. B is taken for A's
 * duplicate and acknowledged, A is appended again (docs/idempotence.md).
 */
test('kafkajs’s idempotent producer loses an acknowledged write and doubles another one', async () => {
  const { cluster, kafka } = open(THREE)
  const producer = kafka({ retry: { initialRetryTime: 300 } }).producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const first = producer.send({ topic: 'orders', messages: [{ value: 'A' }] })
  await loseAnswer(cluster)
  await cluster.advance(5)
  const second = producer.send({ topic: 'orders', messages: [{ value: 'B' }] })
  const answers = await Promise.all([first, second])
  expect(values(cluster)).toEqual(['A', 'A'])
  expect(answers.map(([metadata]) => metadata?.baseOffset)).toEqual(['1', '0'])
  await producer.disconnect()
})
