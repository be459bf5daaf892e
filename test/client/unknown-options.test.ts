/** Options nobody knows: a line of the client where kafkajs ignores them, an error in what kafkajs does not have. */
import { type Cluster, createCluster, KafkariumError } from 'kafkarium'
import { afterEach, describe, expect, it } from 'vitest'

const made: Cluster[] = []
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})

// biome-ignore lint/suspicious/noExplicitAny: wrong arguments on purpose.
type Client = any

function clientOf(config: object = {}) {
  const cluster = createCluster({ topics: { orders: 1 } })
  made.push(cluster)
  const lines: string[] = []
  const logCreator =
    () =>
    ({ label, log }: { label: string; log: { message: string } }) =>
      label === 'WARN' && lines.push(log.message)
  const kafka: Client = cluster.kafka({ logCreator, ...config } as never)
  return { cluster, kafka, lines, told: () => lines.splice(0) }
}

describe('options a client is made with', () => {
  it.each([
    ['consumer', 'isolationLevel', 'the option for that is readUncommitted'],
    ['consumer', 'fromBeginning', 'it belongs to consumer.subscribe()'],
    ['consumer', 'autoCommit', 'it belongs to consumer.run()'],
    ['consumer', 'autoCommitInterval', 'it belongs to consumer.run()'],
    ['consumer', 'eachMessage', 'it belongs to consumer.run()'],
    ['consumer', 'heartbeatinterval', 'did you mean "heartbeatInterval"?'],
    ['consumer', 'transactionalId', 'it belongs to producer()'],
    ['producer', 'acks', 'it belongs to producer.send(), producer.sendBatch()'],
    ['producer', 'timeout', 'it belongs to producer.send(), producer.sendBatch()'],
    ['producer', 'compression', 'it belongs to producer.send(), producer.sendBatch()'],
    ['producer', 'clientId', 'it belongs to Kafka'],
    ['producer', 'retries', 'it belongs to retry'],
    ['admin', 'timeout', expect.stringMatching(/^it belongs to admin\.createTopics\(\), admin\.deleteTopics\(\), /)],
    ['admin', 'allowAutoTopicCreation', 'it belongs to producer(), consumer()'],
    ['admin', 'verbose', 'known: retry'],
  ])('%s({ %s })', (owner, name, advice) => {
    const { kafka, told } = clientOf()
    for (let i = 0; i < 2; i += 1)
      kafka[owner]({ ...(owner === 'consumer' ? { groupId: 'g' } : {}), [name]: undefined })
    const [line = '', ...more] = told()
    const start = `Unknown option "${name}" of ${owner} is ignored; `
    expect(line.slice(0, start.length)).toBe(start)
    expect(line.slice(start.length)).toEqual(advice)
    expect(more).toEqual([])
  })

  it('those of retry, wherever it stands', () => {
    const { kafka, told } = clientOf({ retry: { retrys: 1 } })
    kafka.producer({ retry: { retriess: 1 } })
    expect(told()).toEqual([
      'Unknown option "retrys" of retry is ignored; did you mean "retries"?',
      'Unknown option "retriess" of retry is ignored; did you mean "retries"?',
    ])
  })

  it('a known one is not spoken of', () => {
    const { kafka, told } = clientOf({ retry: { retries: 1 }, quirks: { kafkajsSequenceReuse: false } })
    kafka.producer({ retry: { factor: 0 }, transactionTimeout: 1000 })
    kafka.consumer({ groupId: 'g', readUncommitted: true, retry: { restartOnFailure: async () => false } })
    kafka.admin({ retry: {} })
    expect(told()).toEqual([])
  })
})

describe('options of calls', () => {
  const calls: [string, (clients: Client) => unknown, string, string, string][] = [
    [
      'send',
      ({ producer }) => producer.send({ topic: 'orders', ack: 0, messages: [{ value: 'x' }] }),
      'ack',
      'producer.send',
      'did you mean "acks"?',
    ],
    [
      'sendBatch',
      ({ producer }) => producer.sendBatch({ messages: [], topicMessages: [{ topic: 'orders', messages: [] }] }),
      'messages',
      'producer.sendBatch',
      'it belongs to producer.send()',
    ],
    [
      'entries of sendBatch',
      ({ producer }) => producer.sendBatch({ topicMessages: [{ topic: 'orders', messages: [], timeout: 1 }] }),
      'timeout',
      'producer.sendBatch.topicMessages',
      'it belongs to producer.send(), producer.sendBatch()',
    ],
    [
      'send in a transaction',
      async ({ kafka }) => {
        const producer = kafka.producer({ transactionalId: 'a' })
        await producer.connect()
        const transaction = await producer.transaction()
        await transaction.send({ topic: 'orders', acks: -1, key: 'k', messages: [{ value: 'x' }] })
      },
      'key',
      'transaction.send',
      'known: topic, messages, acks, timeout, compression',
    ],
    [
      'sendOffsets',
      async ({ kafka }) => {
        const producer = kafka.producer({ transactionalId: 'a' })
        await producer.connect()
        const transaction = await producer.transaction()
        await transaction.sendOffsets({ consumerGroupId: 'g', topics: [], groupMetaData: null, groupId: 'g' })
      },
      'groupId',
      'transaction.sendOffsets',
      'it belongs to consumer()',
    ],
    [
      'subscribe',
      ({ consumer }) => consumer.subscribe({ topic: 'orders', fromBegining: true }),
      'fromBegining',
      'consumer.subscribe',
      'did you mean "fromBeginning"?',
    ],
    [
      'run',
      ({ consumer }) => consumer.run({ autocommit: false, eachMessage: async () => {} }),
      'autocommit',
      'consumer.run',
      'did you mean "autoCommit"?',
    ],
    [
      'createTopics',
      ({ admin }) => admin.createTopics({ topic: [], topics: [{ topic: 'a' }] }),
      'topic',
      'admin.createTopics',
      'did you mean "topics"?',
    ],
    [
      'entries of createTopics',
      ({ admin }) => admin.createTopics({ topics: [{ topic: 'a', partitions: 3 }] }),
      'partitions',
      'admin.createTopics.topics',
      'the option for that is numPartitions',
    ],
    [
      'fetchOffsets',
      ({ admin }) => admin.fetchOffsets({ groupId: 'g', topic: 'orders' }),
      'topic',
      'admin.fetchOffsets',
      'did you mean "topics"?',
    ],
    [
      'describeConfigs',
      ({ admin }) => admin.describeConfigs({ resources: [{ type: 2, name: 'orders', configs: [] }] }),
      'configs',
      'admin.describeConfigs.resources',
      'known: type, name, configNames',
    ],
  ]
  it.each(calls)('%s: one line, and the call goes on', async (_, call, name, owner, advice) => {
    const { kafka, told } = clientOf()
    const clients = {
      kafka,
      producer: kafka.producer(),
      consumer: kafka.consumer({ groupId: 'g' }),
      admin: kafka.admin(),
    }
    for (const client of [clients.producer, clients.consumer, clients.admin]) await client.connect()
    await call(clients)
    const lines = told().filter((line) => line.startsWith('Unknown option'))
    expect(lines).toContain(`Unknown option "${name}" of ${owner} is ignored; ${advice}`)
    await clients.consumer.disconnect()
    await call(clients)
    expect(told().filter((line) => line.startsWith('Unknown option'))).toEqual([])
  })

  it('messages may carry what they like', async () => {
    const { kafka, cluster, told } = clientOf()
    const producer = kafka.producer()
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ value: 'x', keys: 'k', extra: 1 }] })
    expect(cluster.topic('orders').records()).toHaveLength(1)
    expect(told()).toEqual([])
  })

  it('wrong arguments fail as they did', async () => {
    const { kafka } = clientOf({ logLevel: 0 })
    expect(() => kafka.producer().send()).toThrow(TypeError)
    await expect(kafka.producer().sendBatch({ topicMessages: 5 })).rejects.toThrow()
    await expect(kafka.admin().createTopics()).rejects.toThrow(TypeError)
    await expect(kafka.admin().createTopics({ topics: 5 })).rejects.toThrow('Invalid topics array 5')
    await expect(kafka.admin().createTopics({ topics: [5] })).rejects.toThrow(
      'the topic names have to be a valid string',
    )
  })
})

describe('calls that kafkajs does not have refuse', () => {
  it.each([
    ['describeProducers', [{ topic: 'orders', partition: [0] }], 'partition', 'partitions'],
    ['listTransactions', [{ state: ['Ongoing'] }], 'state', 'states'],
    [
      'abortTransaction',
      [{ topic: 'orders', partition: 0, producerID: 1, producerEpoch: 0 }],
      'producerID',
      'producerId',
    ],
    ['fenceProducers', [['a'], { timeOut: 1 }], 'timeOut', 'timeout'],
    ['findHangingTransactions', [{ topics: ['orders'] }], 'topics', 'topic'],
  ])('%s', async (call, args, name, meant) => {
    const { kafka } = clientOf()
    const admin = kafka.admin()
    await admin.connect()
    const error = await admin[call](...args).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(KafkariumError)
    expect(error).toMatchObject({
      code: 'KAFKARIUM_BAD_OPTION',
      message: expect.stringMatching(`^admin.${call}: unknown option "${name}". Did you mean "${meant}"\\? Known: `),
    })
  })
})
