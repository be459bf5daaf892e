/**
 * Argument and state errors: every call is made on our client and on the real kafkajs, which fails before it would use
 * the network. The errors must be the same, message by message.
 */
import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { createKafka } from '../../src/client/index.ts'
import { createScript } from './support/script-transport.ts'

// biome-ignore lint/suspicious/noExplicitAny: wrong arguments on purpose, on two clients of different types.
type Client = any

const require = createRequire(import.meta.url)
const { Kafka, logLevel } = require('kafkajs') as Client
process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'

const clients = (): Client[] => {
  const { transport, host } = createScript({ answer: () => ({}) })
  return [
    new Kafka({ brokers: ['b:1'], logLevel: logLevel.NOTHING }),
    createKafka(transport, host, { brokers: ['b:1'], logLevel: 0 }),
  ]
}

async function outcomeOf(call: () => unknown): Promise<object> {
  try {
    return { value: await call() }
  } catch (error) {
    const { name, message, retriable } = error as Client
    return { name, message, retriable }
  }
}

/** Both clients' outcomes of the same call; the error must be there. */
async function same(call: (client: Client) => unknown): Promise<void> {
  const [theirs, mine] = await Promise.all(clients().map((client) => outcomeOf(() => call(client))))
  expect(mine).toEqual(theirs)
  expect(mine).toHaveProperty('message')
}

const admin: [string, (admin: Client) => unknown][] = [
  ...[undefined, 'x', [{ topic: 1 }], [{ topic: 'a' }, { topic: 'a' }]].map(
    (topics): [string, (a: Client) => unknown] => [
      `createTopics ${JSON.stringify(topics)}`,
      (a) => a.createTopics({ topics }),
    ],
  ),
  ...['x', [null], [1], [{}], [{ name: 'n' }], [{ name: 'n', value: 1 }]].map(
    (configEntries): [string, (a: Client) => unknown] => [
      `createTopics configEntries ${JSON.stringify(configEntries)}`,
      (a) => a.createTopics({ topics: [{ topic: 't', configEntries }] }),
    ],
  ),
  ...[undefined, [], [{ topic: 1 }], [{ topic: 'a' }, { topic: 'a' }]].map(
    (topicPartitions): [string, (a: Client) => unknown] => [
      `createPartitions ${JSON.stringify(topicPartitions)}`,
      (a) => a.createPartitions({ topicPartitions }),
    ],
  ),
  ['deleteTopics none', (a) => a.deleteTopics({})],
  ['deleteTopics number', (a) => a.deleteTopics({ topics: [1] })],
  ['fetchTopicMetadata', (a) => a.fetchTopicMetadata({ topics: [''] })],
  ['fetchTopicOffsets', (a) => a.fetchTopicOffsets()],
  ['fetchTopicOffsetsByTimestamp', (a) => a.fetchTopicOffsetsByTimestamp(1)],
  ['fetchOffsets group', (a) => a.fetchOffsets({})],
  ['fetchOffsets topics', (a) => a.fetchOffsets({ groupId: 'g', topics: 'x' })],
  ['resetOffsets group', (a) => a.resetOffsets({})],
  ['resetOffsets topic', (a) => a.resetOffsets({ groupId: 'g' })],
  ['setOffsets group', (a) => a.setOffsets({})],
  ['setOffsets topic', (a) => a.setOffsets({ groupId: 'g' })],
  ['setOffsets partitions', (a) => a.setOffsets({ groupId: 'g', topic: 't', partitions: [] })],
  ...[undefined, [], [{ type: 99 }], [{ type: 2, name: '' }], [{ type: 2, name: 'n', configNames: 'x' }]].map(
    (resources): [string, (a: Client) => unknown] => [
      `describeConfigs ${JSON.stringify(resources)}`,
      (a) => a.describeConfigs({ resources }),
    ],
  ),
  ...[
    undefined,
    [],
    [{ type: 99 }],
    [{ type: 2, name: 1 }],
    [{ type: 2, name: 'n' }],
    [{ type: 2, name: 'n', configEntries: [{ name: 'a' }] }],
  ].map((resources): [string, (a: Client) => unknown] => [
    `alterConfigs ${JSON.stringify(resources)}`,
    (a) => a.alterConfigs({ resources }),
  ]),
  ['deleteGroups none', (a) => a.deleteGroups()],
  ['deleteGroups number', (a) => a.deleteGroups([1])],
  ['deleteTopicRecords topic', (a) => a.deleteTopicRecords({})],
  ['deleteTopicRecords partitions', (a) => a.deleteTopicRecords({ topic: 't', partitions: [] })],
  ...[
    undefined,
    [],
    [{ principal: 1 }],
    [{ principal: 'p', host: 1 }],
    [{ principal: 'p', host: 'h', resourceName: 1 }],
    [{ principal: 'p', host: 'h', resourceName: 'r', operation: 99 }],
    [{ principal: 'p', host: 'h', resourceName: 'r', operation: 2, resourcePatternType: 99 }],
    [{ principal: 'p', host: 'h', resourceName: 'r', operation: 2, resourcePatternType: 3, permissionType: 99 }],
    [
      {
        principal: 'p',
        host: 'h',
        resourceName: 'r',
        operation: 2,
        resourcePatternType: 3,
        permissionType: 2,
        resourceType: 99,
      },
    ],
  ].flatMap((acl): [string, (a: Client) => unknown][] => [
    [`createAcls ${JSON.stringify(acl)}`, (a) => a.createAcls({ acl })],
    [`deleteAcls ${JSON.stringify(acl)}`, (a) => a.deleteAcls({ filters: acl })],
    ...(acl?.[0] === undefined
      ? []
      : [
          [`describeAcls ${JSON.stringify(acl)}`, (a: Client) => a.describeAcls(acl[0])] as [
            string,
            (a: Client) => unknown,
          ],
        ]),
  ]),
  ...[
    undefined,
    [{ topic: 1 }],
    [{ topic: 'a' }, { topic: 'a' }],
    [{ topic: 'a' }],
    [{ topic: 'a', partitionAssignment: [{ partition: -1 }] }],
    [{ topic: 'a', partitionAssignment: [{ partition: 1 }] }],
    [{ topic: 'a', partitionAssignment: [{ partition: 1, replicas: [-1] }] }],
  ].map((topics): [string, (a: Client) => unknown] => [
    `alterPartitionReassignments ${JSON.stringify(topics)}`,
    (a) => a.alterPartitionReassignments({ topics }),
  ]),
  ...['x', [{ topic: 1 }], [{ topic: 'a' }, { topic: 'a' }], [{ topic: 'a' }], [{ topic: 'a', partitions: [-1] }]].map(
    (topics): [string, (a: Client) => unknown] => [
      `listPartitionReassignments ${JSON.stringify(topics)}`,
      (a) => a.listPartitionReassignments({ topics }),
    ],
  ),
  ['on', (a) => a.on('consumer.crash', () => {})],
]

describe('admin arguments (5.1)', () => {
  it.each(admin)('%s', (_name, call) => same((client) => call(client.admin())))
})

const producer: [string, (client: Client) => unknown][] = [
  ['send before connect', (c) => c.producer().send({ topic: 't', messages: [{ value: 'v' }] })],
  ['send without topic', (c) => c.producer().send({ messages: [] })],
  ['send without messages', (c) => c.producer().send({ topic: 't' })],
  ['send without value', (c) => c.producer().send({ topic: 't', messages: [{ key: 'k' }] })],
  ['sendBatch without topic', (c) => c.producer().sendBatch({ topicMessages: [{ topic: 't', messages: [] }, {}] })],
  [
    'idempotent with acks',
    (c) => c.producer({ idempotent: true }).send({ topic: 't', acks: 1, messages: [{ value: 'v' }] }),
  ],
  ['idempotent without retries', (c) => c.producer({ idempotent: true, retry: { retries: 0 } })],
  ['transaction without id', (c) => c.producer().transaction()],
  ['on', (c) => c.producer().on('producer.nothing', () => {})],
]

describe('producer arguments and state (6)', () => {
  it.each(producer)('%s', (_name, call) => same(call))
})

const consumer: [string, (client: Client) => unknown][] = [
  ['no group', (c) => c.consumer({})],
  ['no options', (c) => c.consumer()],
  ['heartbeatInterval', (c) => c.consumer({ groupId: 'g', heartbeatInterval: 30_000 })],
  ['subscribe nothing', (c) => c.consumer({ groupId: 'g' }).subscribe({})],
  ['subscribe topics', (c) => c.consumer({ groupId: 'g' }).subscribe({ topics: 'x' })],
  ['subscribe number', (c) => c.consumer({ groupId: 'g' }).subscribe({ topics: ['a', 1] })],
  ...[
    {},
    { topic: 't', partition: 'x' },
    { topic: 't', partition: 0 },
    { topic: 't', partition: 0, offset: 'x' },
    { topic: 't', partition: 0, offset: '' },
    { topic: 't', partition: 0, offset: 1.5 },
    { topic: 't', partition: 0, offset: '-3' },
    { topic: 't', partition: 0, offset: '-1' },
    { topic: 't', partition: 0, offset: '5', metadata: 1 },
    { topic: 't', partition: 0, offset: '5' },
  ].flatMap((position): [string, (c: Client) => unknown][] => [
    [`seek ${JSON.stringify(position)}`, (c) => c.consumer({ groupId: 'g' }).seek(position)],
    [`commitOffsets ${JSON.stringify(position)}`, (c) => c.consumer({ groupId: 'g' }).commitOffsets([position])],
  ]),
  ...[[{}], [null], [{ topic: 't', partitions: 1 }], [{ topic: 't', partitions: ['x'] }], [{ topic: 't' }]].flatMap(
    (topicPartitions): [string, (c: Client) => unknown][] => [
      [`pause ${JSON.stringify(topicPartitions)}`, (c) => c.consumer({ groupId: 'g' }).pause(topicPartitions)],
      [`resume ${JSON.stringify(topicPartitions)}`, (c) => c.consumer({ groupId: 'g' }).resume(topicPartitions)],
    ],
  ),
  ['on', (c) => c.consumer({ groupId: 'g' }).on('x', () => {})],
]

describe('consumer arguments and state (6)', () => {
  it.each(consumer)('%s', (_name, call) => same(call))

  it('answers paused() before run', () => {
    for (const client of clients()) expect(client.consumer({ groupId: 'g' }).paused()).toEqual([])
  })
})

describe('brokers, checked at connect (2)', () => {
  it.each([[undefined], [[]], [['']], [[5]], [() => null]])('%j', async (brokers) => {
    const { transport, host } = createScript({ answer: () => ({}) })
    const theirs = new Kafka({ brokers, logLevel: 0, retry: { retries: 0 } }).producer()
    const mine = createKafka(transport, host, {
      brokers: brokers as never,
      logLevel: 0,
      retry: { retries: 0 },
    }).producer()
    const expected = await outcomeOf(() => theirs.connect())
    expect(await outcomeOf(() => mine.connect())).toEqual(expected)
    expect(expected).toHaveProperty('message', expect.stringMatching(/^Failed to connect: /))
  })

  it('tells what a broker function threw', async () => {
    const { transport, host } = createScript({ answer: () => ({}) })
    const brokers = () => Promise.reject(new Error('dns'))
    const mine = createKafka(transport, host, { brokers, logLevel: 0, retry: { retries: 0 } }).producer()
    expect(await outcomeOf(() => mine.connect())).toMatchObject({
      message: 'Failed to connect: "config.brokers" threw: dns',
    })
  })
})
