/** The client against the simulated cluster: produce, consume, rebalance, crash, seek, pause, stop. */
import { type Cluster, createCluster } from 'kafkarium'
import { afterEach, describe, expect, it } from 'vitest'
import type { Consumer, ConsumerRunConfig, EachMessagePayload, PartitionAssigner } from '../../src/client/index.ts'
import {
  AssignerProtocol,
  CompressionTypes,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSProtocolError,
} from '../../src/client/index.ts'

const made: Cluster[] = []
function create(options: Parameters<typeof createCluster>[0] = {}): Cluster {
  const cluster = createCluster({ brokers: 3, topics: { orders: { partitions: 3 } }, ...options })
  made.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})

const quiet = { logLevel: 0 } as const

async function produce(cluster: Cluster, values: readonly string[], topic = 'orders'): Promise<void> {
  const producer = cluster.kafka(quiet).producer()
  await producer.connect()
  await producer.send({ topic, messages: values.map((value) => ({ value })) })
  await producer.disconnect()
}

/** Resolves when `count` calls of the returned function were made. */
function counter(count: number) {
  let open!: () => void
  const reached = new Promise<void>((resolve) => {
    open = resolve
  })
  let calls = 0
  return {
    reached,
    hit: () => {
      calls += 1
      if (calls === count) open()
    },
  }
}

function events(consumer: Consumer): { type: string; payload: unknown }[] {
  const seen: { type: string; payload: unknown }[] = []
  for (const name of Object.values(consumer.events)) {
    if (name.startsWith('consumer.network') || name.startsWith('consumer.fetch')) continue
    consumer.on(name, ({ type, payload }) => seen.push({ type, payload }))
  }
  return seen
}

async function consume(
  cluster: Cluster,
  config: ConsumerRunConfig,
  options: { groupId?: string; topic?: string } = {},
): Promise<Consumer> {
  const consumer = cluster.kafka(quiet).consumer({ groupId: options.groupId ?? 'billing', maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic: options.topic ?? 'orders', fromBeginning: true })
  await consumer.run(config)
  return consumer
}

const committed = async (cluster: Cluster, groupId = 'billing', topic = 'orders') => {
  const admin = cluster.kafka(quiet).admin()
  await admin.connect()
  const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
  await admin.disconnect()
  return Object.fromEntries((found?.partitions ?? []).map(({ partition, offset }) => [partition, offset]))
}

describe('producer', () => {
  it('resolves one entry a partition, none with acks 0', async () => {
    const cluster = create()
    const producer = cluster.kafka(quiet).producer()
    await producer.connect()
    const messages = [
      { value: 'a', partition: 2 },
      { value: 'b', partition: 0 },
      { value: 'c', partition: 2 },
    ]
    const sent = await producer.send({ topic: 'orders', messages })
    expect(sent).toEqual(
      [0, 2].map((partition) => ({
        topicName: 'orders',
        partition,
        errorCode: 0,
        baseOffset: '0',
        logAppendTime: '-1',
        logStartOffset: '0',
      })),
    )
    expect(await producer.send({ topic: 'orders', messages, acks: 0 })).toEqual([])
    expect(await producer.send({ topic: 'orders', messages: [] })).toEqual([])
    // KJ17: silently lost.
    expect(await producer.send({ topic: 'orders', messages: [{ value: 'x', partition: 99 }] })).toEqual([])
    await cluster.settle()
    expect(
      cluster
        .topic('orders')
        .records(2)
        .map(({ value }) => String(value)),
    ).toEqual(['a', 'c', 'a', 'c'])
  })

  it('keeps what was sent when the caller changes it afterwards, waiting or not', async () => {
    const cluster = create()
    const producer = cluster.kafka(quiet).producer()
    await producer.connect()
    for (const round of ['first', 'later']) {
      const value = Buffer.from(round)
      const header = Buffer.from('h')
      const messages = [{ key: Buffer.from('key'), value, headers: { header, list: [header, 'text'] } }]
      const sending = producer.send({ topic: 'orders', messages })
      value.fill('!')
      header.fill('!')
      messages.length = 0
      await sending
    }
    const records = cluster.topic('orders').records()
    expect(records.map(({ value }) => String(value))).toEqual(['first', 'later'])
    expect(JSON.stringify(records)).not.toContain('!')
  })

  it('rejects values that are no bytes with Node’s TypeError, unretried', async () => {
    const cluster = create()
    const producer = cluster.kafka(quiet).producer()
    await producer.connect()
    const sending = producer.send({ topic: 'orders', messages: [{ value: 5 as never }] })
    await expect(sending).rejects.toMatchObject({
      name: 'TypeError',
      code: 'ERR_INVALID_ARG_TYPE',
      message:
        'The "string" argument must be of type string or an instance of Buffer or ArrayBuffer. Received type number (5)',
    })
  })

  it('compresses, and says what it cannot', async () => {
    const cluster = create()
    const producer = cluster.kafka(quiet).producer()
    await producer.connect()
    const messages = [{ value: 'a'.repeat(1000), partition: 0 }]
    await producer.send({ topic: 'orders', messages, compression: CompressionTypes.GZIP })
    await expect(producer.send({ topic: 'orders', messages, compression: 5 as never })).rejects.toThrow(
      'Compression type 5 not implemented',
    )
    const got = counter(1)
    let value = ''
    await consume(cluster, {
      eachMessage: async ({ message }) => {
        value = String(message.value)
        got.hit()
      },
    })
    await got.reached
    expect(value).toBe('a'.repeat(1000))
  })

  it('creates a missing topic, and gives up on one that may not be created', async () => {
    const cluster = create()
    const producer = cluster.kafka(quiet).producer()
    await producer.connect()
    const [sent] = await producer.send({ topic: 'fresh', messages: [{ value: 'v' }] })
    expect(sent?.topicName).toBe('fresh')
    const strict = cluster.kafka({ ...quiet, retry: { retries: 2 } }).producer({ allowAutoTopicCreation: false })
    await strict.connect()
    const error = await strict.send({ topic: 'missing', messages: [{ value: 'v' }] }).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(KafkaJSNumberOfRetriesExceeded)
    expect((error as KafkaJSNumberOfRetriesExceeded).cause).toBeInstanceOf(KafkaJSProtocolError)
  })

  it('goes on after its broker came back', async () => {
    const cluster = create({ brokers: 1, topics: { orders: 1 } })
    const producer = cluster.kafka(quiet).producer()
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ value: '1' }] })
    cluster.faults.crash(1)
    const sending = producer.send({ topic: 'orders', messages: [{ value: '2' }] })
    await cluster.advance(200)
    cluster.faults.restart(1)
    await sending
    expect(
      cluster
        .topic('orders')
        .records()
        .map(({ value }) => String(value)),
    ).toEqual(['1', '2'])
  })
})

describe('consumer', () => {
  it('hands out messages in kafkajs’s shape, on memory of its own', async () => {
    const cluster = create({ topics: { orders: 1 } })
    const producer = cluster.kafka(quiet).producer()
    await producer.connect()
    await producer.send({
      topic: 'orders',
      messages: [{ key: 'k', value: 'v', timestamp: '1700000000000', headers: { a: '1', b: ['2', '3'] } }],
    })
    const got = counter(1)
    const payloads: EachMessagePayload[] = []
    await consume(cluster, {
      eachMessage: async (payload) => {
        payloads.push(payload)
        got.hit()
      },
    })
    await got.reached
    const { topic, partition, message } = payloads[0] as EachMessagePayload
    expect({ topic, partition }).toEqual({ topic: 'orders', partition: 0 })
    expect(message).toEqual({
      magicByte: 2,
      attributes: 0,
      timestamp: '1700000000000',
      offset: '0',
      key: Buffer.from('k'),
      value: Buffer.from('v'),
      headers: { a: Buffer.from('1'), b: [Buffer.from('2'), Buffer.from('3')] },
      isControlRecord: false,
      batchContext: {
        firstOffset: '0',
        firstTimestamp: '1700000000000',
        partitionLeaderEpoch: 0,
        inTransaction: false,
        isControlBatch: false,
        lastOffsetDelta: 0,
        producerId: '-1',
        producerEpoch: 0,
        firstSequence: 0,
        maxTimestamp: '1700000000000',
        timestampType: 0,
        magicByte: 2,
      },
    })
    // The law: user code cannot reach the log, nor anything else that shares its memory.
    new Uint8Array((message.value as Buffer).buffer).fill(0)
    expect(String(cluster.topic('orders').records()[0]?.value)).toBe('v')
  })

  it('commits at the end of every batch, and starts there next time (KJ7)', async () => {
    const cluster = create({ topics: { orders: 1 } })
    await produce(cluster, ['a', 'b', 'c'])
    const got = counter(3)
    const consumer = await consume(cluster, { eachMessage: async () => got.hit() })
    const seen = events(consumer)
    await got.reached
    await consumer.disconnect()
    expect(seen.filter(({ type }) => type === 'consumer.commit_offsets').map(({ payload }) => payload)).toEqual([
      expect.objectContaining({
        groupId: 'billing',
        topics: [{ topic: 'orders', partitions: [{ partition: '0', offset: '3' }] }],
      }),
    ])
    expect(seen.slice(-2).map(({ type }) => type)).toEqual(['consumer.stop', 'consumer.disconnect'])
    await produce(cluster, ['d'])
    const next = counter(1)
    const values: string[] = []
    const again = await consume(cluster, {
      eachMessage: async ({ message }) => {
        values.push(String(message.value))
        next.hit()
      },
    })
    await next.reached
    await again.disconnect()
    expect(values).toEqual(['d'])
    expect(await committed(cluster)).toEqual({ 0: '4' })
  })

  it('does not commit on its own with autoCommit false', async () => {
    const cluster = create({ topics: { orders: 1 } })
    await produce(cluster, ['a', 'b'])
    const got = counter(2)
    const consumer = await consume(cluster, { autoCommit: false, eachMessage: async () => got.hit() })
    await got.reached
    expect(await committed(cluster)).toEqual({ 0: '-1' })
    await consumer.commitOffsets([{ topic: 'orders', partition: 0, offset: '1', metadata: 'm' }])
    await consumer.disconnect()
    expect(await committed(cluster)).toEqual({ 0: '1' })
  })

  it('commits in the middle of a batch at the threshold', async () => {
    const cluster = create({ topics: { orders: 1 } })
    await produce(cluster, ['a', 'b', 'c', 'd', 'e'])
    const got = counter(5)
    const consumer = cluster.kafka(quiet).consumer({ groupId: 'billing', maxWaitTimeInMs: 100 })
    const seen = events(consumer)
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({ autoCommitThreshold: 2, eachMessage: async () => got.hit() })
    await got.reached
    await consumer.disconnect()
    const offsets = seen.flatMap(({ type, payload }) =>
      type === 'consumer.commit_offsets'
        ? [(payload as { topics: { partitions: { offset: string }[] }[] }).topics[0]?.partitions[0]?.offset]
        : [],
    )
    expect(offsets).toEqual(['2', '4', '5'])
  })

  it('retries a failing handler with the same message, after committing those before (KJ8)', async () => {
    const cluster = create({ topics: { orders: 1 } })
    await produce(cluster, ['a', 'b', 'c'])
    const handled: string[] = []
    const got = counter(3)
    let failures = 2
    const consumer = await consume(cluster, {
      eachMessage: async ({ message }) => {
        const value = String(message.value)
        if (value === 'b' && failures-- > 0) throw new Error('not yet')
        handled.push(value)
        got.hit()
      },
    })
    const seen = events(consumer)
    await got.reached
    await consumer.disconnect()
    expect(handled).toEqual(['a', 'b', 'c'])
    expect(seen.map(({ type }) => type)).not.toContain('consumer.crash')
  })

  it('crashes when retries are used up, and restarts (KJ8)', async () => {
    const cluster = create({ topics: { orders: 1 } })
    await produce(cluster, ['a'])
    const got = counter(1)
    let failing = true
    const consumer = cluster
      .kafka({ ...quiet, retry: { retries: 2 } })
      .consumer({ groupId: 'billing', retry: { retries: 1 }, maxWaitTimeInMs: 100 })
    const seen = events(consumer)
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    consumer.on(consumer.events.CRASH, () => {
      failing = false
    })
    await consumer.run({
      eachMessage: async () => {
        if (failing) throw new Error('broken')
        got.hit()
      },
    })
    await got.reached
    const crash = seen.find(({ type }) => type === 'consumer.crash')?.payload
    expect(crash).toMatchObject({
      groupId: 'billing',
      restart: true,
      error: { name: 'KafkaJSNumberOfRetriesExceeded', retryCount: 1 },
    })
    const order = seen.map(({ type }) => type).filter((type) => /stop|disconnect|crash|group_join/.test(type))
    expect(order).toEqual([
      'consumer.group_join',
      'consumer.stop',
      'consumer.disconnect',
      'consumer.crash',
      'consumer.group_join',
    ])
    await consumer.disconnect()
  })

  it('crashes for good on a programming error, and when restartOnFailure says no', async () => {
    const cluster = create({ topics: { orders: 1 } })
    await produce(cluster, ['a'])
    const wait = async (options: object, error: Error) => {
      const consumer = cluster.kafka(quiet).consumer({ groupId: `g-${error.name}`, maxWaitTimeInMs: 100, ...options })
      const crashed = new Promise<{ restart: boolean }>((resolve) => {
        consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload))
      })
      await consumer.subscribe({ topic: 'orders', fromBeginning: true })
      await consumer.run({
        eachMessage: async () => {
          throw error
        },
      })
      return crashed
    }
    expect(await wait({}, new TypeError('undefined is not a function'))).toMatchObject({
      restart: false,
      error: { name: 'KafkaJSNonRetriableError' },
    })
    expect(await wait({ retry: { retries: 0, restartOnFailure: async () => false } }, new Error('no'))).toMatchObject({
      restart: false,
    })
  })

  it('shares the partitions of a group, and takes over when a member leaves (KJ6, KJ16)', async () => {
    const cluster = create({ topics: { orders: { partitions: 12 } } })
    const a = await consume(cluster, { eachMessage: async () => {} })
    const seenByA = events(a)
    const b = cluster.kafka(quiet).consumer({ groupId: 'billing', maxWaitTimeInMs: 100 })
    const seenByB = events(b)
    await b.subscribe({ topic: 'orders', fromBeginning: true })
    await b.run({ eachMessage: async () => {} })
    await cluster.group('billing').stable({ members: 2 })
    await cluster.settle()
    const assignments = [seenByA, seenByB].map((seen) => {
      const joins = seen.filter(({ type }) => type === 'consumer.group_join')
      const last = joins.at(-1) as { payload: unknown }
      return (last.payload as { memberAssignment: { orders: number[] } }).memberAssignment.orders
    })
    // KJ15: sorted as text.
    expect(assignments.map((list) => list.join()).sort()).toEqual(['0,10,2,4,6,8', '1,11,3,5,7,9'])
    expect(seenByA.map(({ type }) => type)).toContain('consumer.rebalancing')
    await b.disconnect()
    const owned = (payload: unknown) =>
      (payload as { memberAssignment?: { orders: number[] } } | undefined)?.memberAssignment?.orders.length
    await cluster.until(() => seenByA.some(({ payload }) => owned(payload) === 12))
    await a.disconnect()
  })

  it('is evicted with a slow handler, keeps its place and rejoins (KJ5, KJ6)', async () => {
    // One broker: the loops of other brokers would heartbeat with their empty fetches, in kafkajs, too.
    const cluster = create({ brokers: 1, topics: { orders: 1 } })
    await produce(cluster, ['a', 'b'])
    const handled: string[] = []
    const got = counter(3)
    const consumer = cluster
      .kafka(quiet)
      .consumer({ groupId: 'billing', sessionTimeout: 10_000, heartbeatInterval: 1000, maxWaitTimeInMs: 100 })
    const seen = events(consumer)
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => {
        handled.push(String(message.value))
        if (handled.length === 1) await cluster.advance('20s')
        got.hit()
      },
    })
    await got.reached
    await consumer.disconnect()
    // Handled but not committed when the session ended: handled again.
    expect(handled).toEqual(['a', 'a', 'b'])
    const joins = seen.filter(({ type }) => type === 'consumer.group_join').map(({ payload }) => payload)
    expect(new Set(joins.map((payload) => (payload as { memberId: string }).memberId)).size).toBe(2)
  })

  it('keeps its session in a slow handler that heartbeats (KJ5)', async () => {
    // One broker: the loops of other brokers would heartbeat with their empty fetches, in kafkajs, too.
    const cluster = create({ brokers: 1, topics: { orders: 1 } })
    await produce(cluster, ['a'])
    const got = counter(1)
    const consumer = cluster
      .kafka(quiet)
      .consumer({ groupId: 'billing', sessionTimeout: 10_000, heartbeatInterval: 1000, maxWaitTimeInMs: 100 })
    const seen = events(consumer)
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ heartbeat }) => {
        for (let i = 0; i < 8; i += 1) {
          await cluster.advance('4s')
          await Promise.all([heartbeat(), heartbeat()])
        }
        got.hit()
      },
    })
    await got.reached
    await consumer.disconnect()
    expect(seen.filter(({ type }) => type === 'consumer.group_join')).toHaveLength(1)
    // Concurrent calls share one request.
    const beats = seen.filter(({ type }) => type === 'consumer.heartbeat')
    expect(beats.length).toBeGreaterThanOrEqual(8)
    expect(beats.length).toBeLessThan(12)
  })

  it('resolves, commits and heartbeats from eachBatch (KJ9)', async () => {
    const cluster = create({ topics: { orders: 1 } })
    await produce(cluster, ['a', 'b', 'c'])
    const got = counter(1)
    const seen: unknown[] = []
    const consumer = await consume(cluster, {
      eachBatchAutoResolve: false,
      eachBatch: async ({
        batch,
        resolveOffset,
        heartbeat,
        commitOffsetsIfNecessary,
        uncommittedOffsets,
        isRunning,
        isStale,
      }) => {
        if (seen.length > 0) return
        resolveOffset('1')
        await heartbeat()
        seen.push(
          [batch.topic, batch.partition, batch.highWatermark, batch.messages.length, batch.isEmpty()],
          [batch.firstOffset(), batch.lastOffset(), batch.offsetLag(), batch.offsetLagLow()],
          uncommittedOffsets(),
          [isRunning(), isStale()],
        )
        await commitOffsetsIfNecessary(uncommittedOffsets())
        seen.push(uncommittedOffsets())
        got.hit()
      },
    })
    await got.reached
    await consumer.disconnect()
    expect(seen).toEqual([
      ['orders', 0, '3', 3, false],
      ['0', '2', '0', '2'],
      { topics: [{ topic: 'orders', partitions: [{ partition: '0', offset: '2' }] }] },
      [true, false],
      { topics: [] },
    ])
    expect(await committed(cluster)).toEqual({ 0: '2' })
  })

  it('seeks at the next fetch; the batch under way becomes stale (KJ10)', async () => {
    const cluster = create({ topics: { orders: 1 } })
    await produce(cluster, ['a', 'b', 'c'])
    const got = counter(5)
    const handled: string[] = []
    let sought = false
    const consumer = await consume(cluster, {
      eachMessage: async ({ message }) => {
        handled.push(String(message.value))
        if (message.offset === '1' && !sought) {
          sought = true
          consumer.seek({ topic: 'orders', partition: 0, offset: '0' })
        }
        got.hit()
      },
    })
    await got.reached
    await consumer.disconnect()
    expect(handled).toEqual(['a', 'b', 'a', 'b', 'c'])
  })

  it('pauses and resumes partitions (KJ11)', async () => {
    const cluster = create({ topics: { orders: 2 } })
    const handled: string[] = []
    const consumer = await consume(cluster, {
      eachMessage: async ({ message }) => {
        handled.push(String(message.value))
      },
    })
    consumer.pause([{ topic: 'orders', partitions: [0] }])
    expect(consumer.paused()).toEqual([{ topic: 'orders', partitions: [0] }])
    const producer = cluster.kafka(quiet).producer()
    await producer.connect()
    await producer.send({
      topic: 'orders',
      messages: [
        { value: 'zero', partition: 0 },
        { value: 'one', partition: 1 },
      ],
    })
    await cluster.advance('2s')
    expect(handled).toEqual(['one'])
    consumer.resume([{ topic: 'orders' }])
    await cluster.advance('2s')
    expect(handled).toEqual(['one', 'zero'])
    await consumer.disconnect()
  })

  it('drops what a fetch under way brings for a partition that was paused or sought meanwhile (KJ10, KJ11)', async () => {
    const cluster = create({ brokers: 1, topics: { orders: 1 } })
    await produce(cluster, ['a', 'b'])
    const handled: string[] = []
    const consumer = cluster.kafka(quiet).consumer({ groupId: 'billing' })
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => {
        handled.push(String(message.value))
      },
    })
    await cluster.until(() => handled.length === 2)
    // A long poll is under way from here on; it is what brings the next record.
    await cluster.advance('1s')
    consumer.pause([{ topic: 'orders' }])
    await produce(cluster, ['c'])
    await cluster.advance('1s')
    expect(handled).toEqual(['a', 'b'])
    consumer.resume([{ topic: 'orders' }])
    await cluster.until(() => handled.length === 3)
    await cluster.advance('1s')
    consumer.seek({ topic: 'orders', partition: 0, offset: '1' })
    await produce(cluster, ['d'])
    await cluster.until(() => handled.length === 6)
    expect(handled).toEqual(['a', 'b', 'c', 'b', 'c', 'd'])
    await consumer.disconnect()
  })

  it('commits before it rejoins when a heartbeat finds the group rebalancing (KJ7)', async () => {
    const cluster = create({ brokers: 1, topics: { orders: 1 } })
    await produce(cluster, ['a', 'b', 'c'])
    const handled: string[] = []
    const options = { groupId: 'billing', maxWaitTimeInMs: 100, heartbeatInterval: 1000 }
    const second = cluster.kafka({ ...quiet, clientId: 'second' }).consumer(options)
    await second.subscribe({ topic: 'orders', fromBeginning: true })
    let joining: Promise<void> | undefined
    const eachMessage = async ({ message }: EachMessagePayload) => {
      handled.push(String(message.value))
      if (handled.length === 2) {
        joining = second.run({ eachMessage })
        await cluster.advance('5s')
      }
    }
    const first = cluster.kafka({ ...quiet, clientId: 'first' }).consumer(options)
    const seen = events(first)
    await first.subscribe({ topic: 'orders', fromBeginning: true })
    await first.run({ eachMessage })
    await cluster.until(() => handled.length >= 3 && joining !== undefined)
    await joining
    const order = seen.map(({ type }) => type).filter((type) => /commit|rebalancing/.test(type))
    expect(order.slice(0, 2)).toEqual(['consumer.commit_offsets', 'consumer.rebalancing'])
    expect(seen.find(({ type }) => type === 'consumer.commit_offsets')?.payload).toMatchObject({
      topics: [{ topic: 'orders', partitions: [{ partition: '0', offset: '2' }] }],
    })
    expect(handled).toEqual(['a', 'b', 'c'])
    await first.disconnect()
    await second.disconnect()
  })

  it('handles partitions side by side with partitionsConsumedConcurrently', async () => {
    const cluster = create({ brokers: 1, topics: { orders: { partitions: 3 } } })
    await produce(cluster, ['a', 'b', 'c'])
    let running = 0
    let most = 0
    const all = counter(3)
    let open!: () => void
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const consumer = await consume(cluster, {
      partitionsConsumedConcurrently: 2,
      eachMessage: async () => {
        running += 1
        most = Math.max(most, running)
        if (running === 2) open()
        await gate
        running -= 1
        all.hit()
      },
    })
    await all.reached
    await consumer.disconnect()
    expect(most).toBe(2)
  })

  it('waits in stop for the running handler, then leaves (KJ12)', async () => {
    const cluster = create({ topics: { orders: 1 } })
    await produce(cluster, ['a', 'b'])
    const started = counter(1)
    let finish!: () => void
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    const handled: string[] = []
    const consumer = await consume(cluster, {
      eachMessage: async ({ message }) => {
        started.hit()
        await finished
        handled.push(String(message.value))
      },
    })
    await started.reached
    const stopping = consumer.stop()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(handled).toEqual([])
    finish()
    await stopping
    expect(handled).toEqual(['a'])
    expect(cluster.group('billing').view()?.members ?? []).toEqual([])
    expect(await committed(cluster)).toEqual({ 0: '1' })
  })

  it('leaves again when it is stopped while it joins', async () => {
    const cluster = create({ topics: { orders: 1 } })
    const consumer = cluster.kafka(quiet).consumer({ groupId: 'billing' })
    await consumer.subscribe({ topic: 'orders' })
    const running = consumer.run({ eachMessage: async () => {} })
    await consumer.disconnect()
    await running
    await cluster.settle()
    expect(cluster.group('billing').view()?.members ?? []).toEqual([])
  })

  it('tells a member what it was dealt but did not subscribe to (KJ16)', async () => {
    const cluster = create({ topics: { orders: 2, audit: 2 } })
    const [a, b] = ['orders', 'audit'].map((topic) => ({
      topic,
      consumer: cluster.kafka(quiet).consumer({ groupId: 'billing', maxWaitTimeInMs: 100 }),
    })) as [{ topic: string; consumer: Consumer }, { topic: string; consumer: Consumer }]
    const told: { topicsSubscribed: string[]; topicsNotSubscribed: string[] }[] = []
    for (const { topic, consumer } of [a, b]) {
      consumer.on(consumer.events.RECEIVED_UNSUBSCRIBED_TOPICS, ({ payload }) => told.push(payload))
      await consumer.subscribe({ topic })
      await consumer.run({ eachMessage: async () => {} })
    }
    await cluster.group('billing').stable({ members: 2 })
    await cluster.settle()
    // The leader deals out its own topic to both.
    expect(told).toEqual([expect.objectContaining({ topicsSubscribed: ['audit'], topicsNotSubscribed: ['orders'] })])
    for (const { consumer } of [a, b]) await consumer.disconnect()
  })

  it('takes custom assigners through kafkajs’s interface', async () => {
    const cluster = create({ topics: { orders: 3 } })
    const seen: unknown[] = []
    const allToFirst: PartitionAssigner = ({ cluster: view, groupId }) => ({
      name: 'AllToFirst',
      version: 7,
      protocol: ({ topics }) => ({
        name: 'AllToFirst',
        metadata: AssignerProtocol.MemberMetadata.encode({ version: 7, topics, userData: Buffer.from('mine') }),
      }),
      assign: async ({ members, topics }) => {
        const [first] = members
        seen.push(groupId, AssignerProtocol.MemberMetadata.decode(first?.memberMetadata as Buffer)?.userData.toString())
        const assignment = Object.fromEntries(
          topics.map((topic) => [topic, view.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)]),
        )
        return [
          {
            memberId: first?.memberId as string,
            memberAssignment: AssignerProtocol.MemberAssignment.encode({
              version: 7,
              assignment,
              userData: Buffer.alloc(0),
            }),
          },
        ]
      },
    })
    const consumer = cluster.kafka(quiet).consumer({ groupId: 'billing', partitionAssigners: [allToFirst] })
    const joined = events(consumer)
    await consumer.subscribe({ topic: 'orders' })
    await consumer.run({ eachMessage: async () => {} })
    expect(seen).toEqual(['billing', 'mine'])
    expect(joined.find(({ type }) => type === 'consumer.group_join')?.payload).toMatchObject({
      groupProtocol: 'AllToFirst',
      memberAssignment: { orders: [0, 1, 2] },
    })
    const description = await consumer.describeGroup()
    expect(description).toMatchObject({ groupId: 'billing', protocol: 'AllToFirst', state: 'Stable' })
    expect(Buffer.isBuffer(description.members[0]?.memberMetadata)).toBe(true)
    await consumer.disconnect()
  })

  it('can run again after stop, and after disconnect', async () => {
    const cluster = create({ topics: { orders: 1 } })
    const handled: string[] = []
    const consumer = cluster.kafka(quiet).consumer({ groupId: 'billing', maxWaitTimeInMs: 100 })
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    for (const [value, end] of [
      ['a', () => consumer.stop()],
      ['b', () => consumer.disconnect()],
      ['c', () => consumer.disconnect()],
    ] as const) {
      const got = counter(1)
      await consumer.run({
        eachMessage: async ({ message }) => {
          handled.push(String(message.value))
          got.hit()
        },
      })
      await expect(consumer.subscribe({ topic: 'orders' })).rejects.toThrow(
        'Cannot subscribe to topic while consumer is running',
      )
      await produce(cluster, [value])
      await got.reached
      await end()
    }
    expect(handled).toEqual(['a', 'b', 'c'])
  })

  it('waits for a topic other sends are creating at the same time', async () => {
    const cluster = create()
    const producer = cluster.kafka(quiet).producer()
    await producer.connect()
    const names = Array.from({ length: 10 }, (_, index) => `fresh-${index}`)
    const sent = await Promise.all(names.map((topic) => producer.send({ topic, messages: [{ value: topic }] })))
    expect(sent.map(([entry]) => entry?.topicName)).toEqual(names)
    for (const name of names) expect(cluster.topic(name).records()).toHaveLength(1)
  })

  it('rejoins for new partitions of its topic (KJ6)', async () => {
    const cluster = create({ topics: { orders: 1 } })
    const values: string[] = []
    const consumer = cluster.kafka(quiet).consumer({ groupId: 'billing', maxWaitTimeInMs: 100, metadataMaxAge: 1000 })
    await consumer.subscribe({ topic: /^ord/, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => {
        values.push(String(message.value))
      },
    })
    const admin = cluster.kafka(quiet).admin()
    await admin.connect()
    await admin.createPartitions({ topicPartitions: [{ topic: 'orders', count: 2 }] })
    const producer = cluster.kafka(quiet).producer()
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ value: 'new', partition: 1 }] })
    await cluster.until(() => values.length > 0)
    expect(values).toEqual(['new'])
    await consumer.disconnect()
  })

  it('goes back to the default offset when its own is out of range (KJ14)', async () => {
    const cluster = create({ topics: { orders: 1 } })
    await produce(cluster, ['a', 'b'])
    const got = counter(2)
    const handled: string[] = []
    const consumer = await consume(cluster, {
      eachMessage: async ({ message }) => {
        handled.push(String(message.value))
        got.hit()
      },
    })
    consumer.seek({ topic: 'orders', partition: 0, offset: '500' })
    await got.reached
    await consumer.disconnect()
    expect(handled).toEqual(['a', 'b'])
  })
})

describe('admin', () => {
  it('creates, describes and deletes topics', async () => {
    const cluster = create()
    const admin = cluster.kafka(quiet).admin()
    await admin.connect()
    expect(
      await admin.createTopics({
        topics: [{ topic: 'x', numPartitions: 2, configEntries: [{ name: 'retention.ms', value: '1000' }] }],
      }),
    ).toBe(true)
    expect(await admin.createTopics({ topics: [{ topic: 'x' }] })).toBe(false)
    const bad = await admin
      .createTopics({ topics: [{ topic: 'y', replicationFactor: 9 }, { topic: 'x' }] })
      .catch((e: unknown) => e)
    expect(bad).toMatchObject({ name: 'KafkaJSAggregateError', message: 'Topic creation errors' })
    const { topics } = await admin.fetchTopicMetadata({ topics: ['x'] })
    expect(topics[0]?.partitions.map(({ partitionId }) => partitionId)).toEqual([0, 1])
    await admin.deleteTopics({ topics: ['x'] })
    expect(await admin.listTopics()).not.toContain('x')
    await expect(admin.fetchTopicMetadata({ topics: ['x'] })).rejects.toMatchObject({
      type: 'UNKNOWN_TOPIC_OR_PARTITION',
    })
  })

  it('tells and sets offsets', async () => {
    const cluster = create({ topics: { orders: 2 } })
    const producer = cluster.kafka(quiet).producer()
    await producer.connect()
    await producer.send({
      topic: 'orders',
      messages: ['1000', '2000', '3000'].map((timestamp) => ({ value: timestamp, timestamp, partition: 0 })),
    })
    const admin = cluster.kafka(quiet).admin()
    await admin.connect()
    expect(await admin.fetchTopicOffsets('orders')).toEqual([
      { partition: 0, offset: '3', high: '3', low: '0' },
      { partition: 1, offset: '0', high: '0', low: '0' },
    ])
    expect(await admin.fetchTopicOffsetsByTimestamp('orders', 1500)).toEqual([
      { partition: 0, offset: '1' },
      { partition: 1, offset: '0' },
    ])
    await admin.setOffsets({ groupId: 'g', topic: 'orders', partitions: [{ partition: 0, offset: '2' }] })
    expect(await committed(cluster, 'g')).toEqual({ 0: '2', 1: '-1' })
    await admin.resetOffsets({ groupId: 'g', topic: 'orders', earliest: true })
    expect(await committed(cluster, 'g')).toEqual({ 0: '-2', 1: '-2' })
    const resolved = await admin.fetchOffsets({ groupId: 'g', topics: ['orders'], resolveOffsets: true })
    expect(resolved[0]?.partitions.map(({ offset }) => offset)).toEqual(['0', '0'])
  })

  it('refuses to set the offsets of a group at work', async () => {
    const cluster = create({ topics: { orders: 1 } })
    const consumer = await consume(cluster, { eachMessage: async () => {} })
    const admin = cluster.kafka(quiet).admin()
    await expect(admin.resetOffsets({ groupId: 'billing', topic: 'orders', earliest: true })).rejects.toThrow(
      'The consumer group must have no running instances, current state: Stable',
    )
    expect((await admin.describeGroups(['billing'])).groups[0]).toMatchObject({
      groupId: 'billing',
      state: 'Stable',
      protocol: 'RoundRobinAssigner',
    })
    expect((await admin.listGroups()).groups).toEqual([{ groupId: 'billing', protocolType: 'consumer' }])
    await consumer.disconnect()
  })

  it('names what the cluster does not offer', async () => {
    const admin = create().kafka(quiet).admin()
    await admin.connect()
    const acl = {
      resourceType: 2,
      resourceName: 'r',
      resourcePatternType: 3,
      principal: 'p',
      host: 'h',
      operation: 2,
      permissionType: 2,
    } as const
    await expect(admin.createAcls({ acl: [acl] })).rejects.toMatchObject({
      name: 'KafkaJSServerDoesNotSupportApiKey',
      apiKey: 30,
      message: expect.stringContaining('admin.createAcls()') as string,
    })
  })
})

describe('events', () => {
  it('reports requests, with kafkajs’s names, and only to listeners', async () => {
    const cluster = create()
    const producer = cluster.kafka({ ...quiet, clientId: 'shop' }).producer()
    const requests: { apiName: string; clientId: string; duration: number }[] = []
    const remove = producer.on(producer.events.REQUEST, ({ payload, type }) => {
      expect(type).toBe('producer.network.request')
      requests.push(payload)
    })
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ value: 'v', partition: 0 }] })
    expect(requests.map(({ apiName }) => apiName)).toEqual(
      expect.arrayContaining(['ApiVersions', 'Metadata', 'Produce']),
    )
    expect(requests[0]).toMatchObject({ clientId: 'shop', duration: expect.any(Number) as number })
    const before = requests.length
    remove()
    await producer.send({ topic: 'orders', messages: [{ value: 'v', partition: 0 }] })
    expect(requests).toHaveLength(before)
  })

  it('numbers the events of the cluster from 0', async () => {
    const cluster = create()
    const ids: unknown[] = []
    const producer = cluster.kafka(quiet).producer()
    const admin = cluster.kafka(quiet).admin()
    producer.on(producer.events.CONNECT, ({ id }) => ids.push(id))
    admin.on(admin.events.CONNECT, ({ id }) => ids.push(id))
    await producer.connect()
    await admin.connect()
    expect(ids).toEqual([0, 1])
  })
})
