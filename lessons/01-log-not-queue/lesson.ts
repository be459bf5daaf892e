/** Lesson 1: reading a log removes nothing; a group owns a bookmark, and only that moves. */
import type { Cluster } from 'kafkarium'
import type { Lesson } from '../../src/course/lesson.ts'
import en from './en.md'
import { goals, mistakes } from './goals.ts'
import ko from './ko.md'

const TOPIC = 'orders'
const RECORDS = 10

type Consumer = ReturnType<ReturnType<Cluster['kafka']>['consumer']>

/** Who is there. Consumers keep running until the cluster is disposed. */
interface Readers {
  readonly a: Consumer
  a2: Consumer | null
  b: Consumer | null
}

export const logNotQueue: Lesson<Readers> = {
  id: '01-log-not-queue',
  number: 1,
  minutes: 6,
  prose: { en, ko },
  world: { brokers: 1, topics: { [TOPIC]: 1 } },
  stage: { topic: TOPIC, partition: 0, groups: ['A', 'B'] },
  prediction: { choices: ['none', 'half', 'all', 'new-only'], right: 'all' },

  async run(cluster, beat) {
    beat('write')
    await write(cluster)
    beat('a-reads')
    await read(cluster, 'A-1', 'A', true)
    beat('b-reads')
    await read(cluster, 'B-1', 'B', true)
    beat('end')
  },

  task: {
    async setup(cluster) {
      await write(cluster)
      return { a: await read(cluster, 'A-1', 'A', true), a2: null, b: null }
    },
    moves: [
      {
        id: 'b-from-start',
        code: "await b.subscribe({ topic: 'orders', fromBeginning: true })",
        blocked: ({ b }) => (b ? 'b-runs' : null),
        async make(cluster, readers) {
          readers.b = await read(cluster, 'B-1', 'B', true)
        },
      },
      {
        id: 'b-default',
        code: "await b.subscribe({ topic: 'orders' })",
        blocked: ({ b }) => (b ? 'b-runs' : null),
        async make(cluster, readers) {
          readers.b = await read(cluster, 'B-1', 'B', false)
        },
      },
      {
        id: 'a-second',
        code: "kafka.consumer({ groupId: 'A' })",
        blocked: ({ a2 }) => (a2 ? 'a2-runs' : null),
        async make(cluster, readers) {
          readers.a2 = await read(cluster, 'A-2', 'A', true)
        },
      },
      {
        id: 'seek-a-0',
        code: "a.seek({ topic: 'orders', partition: 0, offset: '0' })",
        make: (cluster, { a }) => seek(cluster, a, 0),
      },
      {
        id: 'seek-a-5',
        code: "a.seek({ topic: 'orders', partition: 0, offset: '5' })",
        make: (cluster, { a }) => seek(cluster, a, 5),
      },
      {
        id: 'seek-b-0',
        code: "b.seek({ topic: 'orders', partition: 0, offset: '0' })",
        blocked: ({ b }) => (b ? null : 'b-absent'),
        async make(cluster, { b }) {
          if (b) await seek(cluster, b, 0)
        },
      },
      {
        id: 'write-again',
        code: "await producer.send({ topic: 'orders', messages })",
        make: (cluster) => write(cluster),
      },
    ],
    goals,
    mistakes,
    hints: 3,
    solution: ['b-from-start', 'seek-a-0'],
    alternatives: [
      ['seek-a-0', 'b-from-start'],
      ['b-default', 'seek-b-0', 'seek-a-0'],
      ['seek-a-5', 'b-from-start', 'seek-a-0'],
    ],
    wrong: {
      'b-at-the-end': ['b-default', 'seek-a-0'],
      'same-group': ['b-from-start', 'a-second'],
      'not-far-enough': ['b-from-start', 'seek-a-5'],
      'wrong-group': ['b-from-start', 'seek-b-0'],
      'written-again': ['b-from-start', 'write-again', 'seek-a-0'],
    },
  },
}

async function write(cluster: Cluster): Promise<void> {
  const producer = cluster.kafka({ clientId: 'shop' }).producer()
  await producer.connect()
  for (let i = 0; i < RECORDS; i += 1) {
    await producer.send({ topic: TOPIC, messages: [{ value: `order ${i}` }] })
  }
  await producer.disconnect()
  await cluster.settle()
}

async function read(cluster: Cluster, clientId: string, groupId: string, fromBeginning: boolean): Promise<Consumer> {
  const consumer = cluster.kafka({ clientId }).consumer({ groupId })
  await consumer.connect()
  await consumer.subscribe({ topic: TOPIC, fromBeginning })
  await consumer.run({ eachMessage: async () => {} })
  await catchUp(cluster)
  return consumer
}

async function seek(cluster: Cluster, consumer: Consumer, offset: number): Promise<void> {
  consumer.seek({ topic: TOPIC, partition: 0, offset: String(offset) })
  await catchUp(cluster)
}

/** Long enough for a rebalance, a long poll that has to end first, and the commit after it. */
async function catchUp(cluster: Cluster): Promise<void> {
  await cluster.advance('15s')
}
