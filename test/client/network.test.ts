/** Connections, versions, throttling and what becomes of a transport's errors, on a scripted transport. */
import { describe, expect, it } from 'vitest'
import type { KafkaConfig, ProducerConfig } from '../../src/client/index.ts'
import { createKafka } from '../../src/client/index.ts'
import {
  makeMetadataResponse,
  makeMetadataResponseBroker,
  makeMetadataResponsePartition,
  makeMetadataResponseTopic,
  makePartitionProduceResponse,
  makeProduceResponse,
  makeTopicProduceResponse,
} from '../../src/protocol/make.ts'
import type { ProduceRequest } from '../../src/protocol/messages.ts'
import {
  allVersions,
  createScript,
  type ScriptOptions,
  type SentRequest,
  transportError,
} from './support/script-transport.ts'

const metadata = (leader = 1) =>
  makeMetadataResponse({
    controllerId: 1,
    brokers: [1, 2].map((nodeId) => makeMetadataResponseBroker({ nodeId, host: `b${nodeId}`, port: 9092 })),
    topics: [
      makeMetadataResponseTopic({
        name: 't',
        partitions: [makeMetadataResponsePartition({ partitionIndex: 0, leaderId: leader })],
      }),
    ],
  })

const produced = (request: SentRequest, errorCode = 0, throttleTimeMs = 0) =>
  makeProduceResponse({
    throttleTimeMs,
    responses: (request.body as ProduceRequest).topicData.map(({ name, partitionData }) =>
      makeTopicProduceResponse({
        name,
        partitionResponses: partitionData.map(({ index }) =>
          makePartitionProduceResponse({ index, errorCode, baseOffset: 5 }),
        ),
      }),
    ),
  })

/** Answers like a healthy cluster; `special` may answer first. */
function script(
  special: (request: SentRequest, nth: number) => unknown = () => undefined,
  more: Partial<ScriptOptions> = {},
) {
  const counts = new Map<string, number>()
  return createScript({
    ...more,
    answer: (request) => {
      const nth = (counts.get(request.api) ?? 0) + 1
      counts.set(request.api, nth)
      const answer = special(request, nth)
      if (answer !== undefined) return answer
      if (request.api === 'ApiVersions') return allVersions
      if (request.api === 'Metadata') return metadata()
      return produced(request)
    },
  })
}

async function connected(
  run: ReturnType<typeof script>,
  config: Partial<KafkaConfig> = {},
  options: ProducerConfig = {},
) {
  const producer = createKafka(run.transport, run.host, {
    brokers: ['b1:9092', 'b2:9092'],
    logLevel: 0,
    ...config,
  }).producer(options)
  await producer.connect()
  return producer
}

const message = { topic: 't', messages: [{ value: 'v' }] }
const apis = (run: ReturnType<typeof script>) => run.requests.map(({ api, address }) => `${api} ${address}`)

describe('connecting', () => {
  it('asks for versions, then speaks kafkajs’s highest ones', async () => {
    const run = script()
    const producer = await connected(run)
    expect(await producer.send(message)).toEqual([
      { topicName: 't', partition: 0, errorCode: 0, baseOffset: '5', logAppendTime: '-1', logStartOffset: '-1' },
    ])
    expect(run.requests.map(({ api, version }) => [api, version])).toEqual([
      ['ApiVersions', 2],
      ['Metadata', 6],
      ['Produce', 7],
    ])
    expect(run.connects[0]?.options).toMatchObject({
      clientId: 'kafkajs',
      connectionTimeoutMs: 1000,
      requestTimeoutMs: 30_000,
    })
  })

  it('speaks less to an older broker, and refuses where there is no common version', async () => {
    const offer = (produce: { minVersion: number; maxVersion: number } | undefined) => ({
      ...allVersions,
      apiKeys: allVersions.apiKeys.flatMap((api) =>
        api.apiKey !== 0 ? [api] : produce ? [{ apiKey: 0, ...produce }] : [],
      ),
    })
    const run = script(({ api }) => (api === 'ApiVersions' ? offer({ minVersion: 0, maxVersion: 5 }) : undefined))
    await (await connected(run)).send(message)
    expect(run.requests.at(-1)).toMatchObject({ api: 'Produce', version: 5 })

    for (const range of [undefined, { minVersion: 9, maxVersion: 12 }]) {
      const other = script(({ api }) => (api === 'ApiVersions' ? offer(range) : undefined))
      const producer = await connected(other)
      await expect(producer.send(message)).rejects.toMatchObject({
        name: 'KafkaJSServerDoesNotSupportApiKey',
        message: 'The Kafka server does not support the requested API version',
        apiKey: 0,
        apiName: 'Produce',
      })
    }
  })

  it('tries lower ApiVersions while the broker does not know them', async () => {
    const run = script(({ api, version }) =>
      api === 'ApiVersions' && version > 0 ? { ...allVersions, errorCode: 35, apiKeys: [] } : undefined,
    )
    await connected(run)
    expect(run.requests.map(({ version }) => version)).toEqual([2, 1, 0])
  })

  it('goes on to the next seed, waits in between, and gives up with the cause', async () => {
    const refuse = (address: string) => {
      const [host = '', port] = address.split(':')
      throw transportError('refused', `connect ECONNREFUSED ${address}`, {
        host,
        port: Number(port),
        code: 'ECONNREFUSED',
      })
    }
    const run = script(undefined, { connect: refuse })
    const error = await connected(run, { retry: { retries: 2, initialRetryTime: 100 } }).catch((e: unknown) => e)
    expect(run.connects.map(({ address }) => address)).toEqual(['b1:9092', 'b2:9092', 'b1:9092'])
    expect(run.sleeps.map(({ delayMs }) => delayMs)).toEqual([100, 200])
    expect(error).toMatchObject({
      name: 'KafkaJSNumberOfRetriesExceeded',
      message: 'Connection error: connect ECONNREFUSED b1:9092',
      cause: { name: 'KafkaJSConnectionError', broker: 'b1:9092', code: 'ECONNREFUSED', retriable: true },
    })
  })

  it('tells a connection timeout', async () => {
    const run = script(undefined, {
      connect: () => {
        throw transportError('connect-timeout', 'late', { host: 'b1', port: 9092 })
      },
    })
    await expect(connected(run, { retry: { retries: 0 } })).rejects.toMatchObject({
      message: 'Connection timeout',
      cause: { broker: 'b1:9092' },
    })
  })

  it('asks again after a failed ApiVersions instead of counting as connected (KJ18 is not copied)', async () => {
    const run = script(({ api }, nth) => {
      if (api === 'ApiVersions' && nth === 1)
        throw transportError('timeout', 'late', { apiName: 'ApiVersions', apiKey: 18, apiVersion: 2 })
      return undefined
    })
    await connected(run)
    expect(apis(run)).toEqual(['ApiVersions b1:9092', 'ApiVersions b1:9092'])
  })
})

describe('failing requests', () => {
  it('tells a request timeout with kafkajs’s fields, and retries', async () => {
    const run = script(({ api }, nth) => {
      if (api !== 'Produce' || nth > 1) return undefined
      throw transportError('timeout', 'late', {
        host: 'b1',
        port: 9092,
        apiName: 'Produce',
        apiKey: 0,
        apiVersion: 7,
        correlationId: 3,
        createdAt: 10,
        sentAt: 12,
      })
    })
    const entries: { message: string }[] = []
    const producer = await connected(run, {
      logLevel: 1,
      logCreator:
        () =>
        ({ log }) =>
          void entries.push(log),
    })
    await producer.send(message)
    expect(entries.map((entry) => entry.message)).toContain('Request Produce(key: 0, version: 7) timed out')
    const once = await connected(
      script(({ api }) => {
        if (api !== 'Produce') return undefined
        throw transportError('timeout', 'late', {
          host: 'b1',
          port: 9092,
          apiName: 'Produce',
          apiKey: 0,
          apiVersion: 7,
          correlationId: 3,
          createdAt: 10,
          sentAt: 12,
        })
      }),
      {},
      { retry: { retries: 0 } },
    )
    await expect(once.send(message)).rejects.toMatchObject({
      cause: {
        name: 'KafkaJSRequestTimeoutError',
        broker: 'b1:9092',
        correlationId: 3,
        createdAt: 10,
        sentAt: 12,
        pendingDuration: 2,
      },
    })
  })

  it('forgets a broker that closed the connection, refreshes metadata and sends again', async () => {
    const run = script(({ api }, nth) => {
      if (api === 'Produce' && nth === 1)
        throw transportError('closed', 'gone', { host: 'b1', port: 9092, code: 'ECONNRESET' })
      return undefined
    })
    const producer = await connected(run)
    await producer.send(message)
    expect(apis(run).filter((api) => api.startsWith('Produce'))).toHaveLength(2)
    expect(run.sleeps[0]).toEqual({ delayMs: 300, kind: 'loop' })
  })

  it('follows the leader', async () => {
    const run = script(({ api, ...request }, nth) => {
      if (api === 'Metadata') return metadata(nth === 1 ? 1 : 2)
      if (api === 'Produce' && nth === 1) return produced({ api, ...request }, 6)
      return undefined
    })
    await (await connected(run)).send(message)
    expect(apis(run).filter((api) => api.startsWith('Produce'))).toEqual(['Produce b1:9092', 'Produce b2:9092'])
  })

  it('does not retry what the broker refuses for good, and rejects with the error itself', async () => {
    const run = script((request) => (request.api === 'Produce' ? produced(request, 10) : undefined))
    const producer = await connected(run)
    await expect(producer.send(message)).rejects.toMatchObject({
      name: 'KafkaJSProtocolError',
      type: 'MESSAGE_TOO_LARGE',
      code: 10,
      retriable: false,
    })
    expect(run.sleeps).toEqual([])
  })

  it('keeps a message’s partition over retries, and sends nothing twice that was acknowledged', async () => {
    const twoLeaders = makeMetadataResponse({
      ...metadata(),
      topics: [
        makeMetadataResponseTopic({
          name: 't',
          partitions: [0, 1].map((partitionIndex) =>
            makeMetadataResponsePartition({ partitionIndex, leaderId: partitionIndex + 1 }),
          ),
        }),
      ],
    })
    const run = script((request, nth) => {
      if (request.api === 'Metadata') return twoLeaders
      if (request.api === 'Produce' && request.address === 'b2:9092' && nth <= 2) return produced(request, 7)
      return undefined
    })
    const producer = await connected(run)
    const sent = await producer.send({ topic: 't', messages: ['a', 'b', 'c', 'd'].map((value) => ({ value })) })
    expect(sent.map(({ partition }) => partition)).toEqual([0, 1])
    const counts = run.requests
      .filter(({ api }) => api === 'Produce')
      .map(({ address, body }) => [
        address,
        (body as ProduceRequest).topicData[0]?.partitionData.map(({ index, records }) => [
          index,
          records?.[0]?.recordCount,
        ]),
      ])
    expect(counts).toEqual([
      ['b1:9092', [[0, 2]]],
      ['b2:9092', [[1, 2]]],
      ['b2:9092', [[1, 2]]],
    ])
  })
})

describe('traffic', () => {
  it('honours throttling (KJ22)', async () => {
    const run = script((request, nth) =>
      request.api === 'Produce' && nth === 1 ? produced(request, 0, 500) : undefined,
    )
    const producer = await connected(run)
    const start = run.transport.now()
    await producer.send(message)
    const sizes: number[] = []
    producer.on(producer.events.REQUEST_QUEUE_SIZE, ({ payload }) => sizes.push(payload.queueSize))
    await producer.send(message)
    expect(run.transport.now() - start).toBe(500)
    expect(sizes).toEqual([1, 0])
  })

  it('keeps to maxInFlightRequests', async () => {
    let open = 0
    let most = 0
    const gates: (() => void)[] = []
    const run = script((request) => {
      if (request.api !== 'Produce') return undefined
      open += 1
      most = Math.max(most, open)
      return new Promise((resolve) =>
        gates.push(() => {
          open -= 1
          resolve(produced(request))
        }),
      )
    })
    const producer = await connected(run, {}, { maxInFlightRequests: 2 })
    // The topic becomes known first.
    const first = producer.send(message)
    const sends = [first, ...Array.from({ length: 5 }, () => producer.send(message))]
    const releasing = setInterval(() => gates.shift()?.(), 1)
    await Promise.all(sends)
    clearInterval(releasing)
    expect(most).toBe(2)
    expect(run.requests.filter(({ api }) => api === 'Produce')).toHaveLength(6)
  })

  it('waits for outstanding answers when it disconnects, and refuses new messages meanwhile', async () => {
    let answer: (() => void) | undefined
    const run = script((request) =>
      request.api === 'Produce' ? new Promise((resolve) => (answer = () => resolve(produced(request)))) : undefined,
    )
    const producer = await connected(run)
    const sending = producer.send(message)
    await new Promise((resolve) => setTimeout(resolve, 5))
    let gone = false
    const disconnecting = producer.disconnect().then(() => (gone = true))
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(gone).toBe(false)
    await expect(producer.send(message)).rejects.toThrow(
      "The producer is disconnecting; therefore, it can't safely accept messages anymore",
    )
    answer?.()
    await sending
    await disconnecting
    expect(gone).toBe(true)
    await expect(producer.send(message)).rejects.toThrow('The producer is disconnected')
  })

  it('opens a call for every public method and ends it', async () => {
    const run = script()
    const producer = await connected(run)
    await producer.send(message)
    await producer.sendBatch({ topicMessages: [message] })
    await producer.disconnect()
    const names = ['producer.connect', 'producer.send', 'producer.sendBatch', 'producer.disconnect']
    expect(run.calls).toEqual(names.flatMap((name) => [name, `end ${name}`]))
  })
})
