/** Wrong options, wrong calls: a clear error each, and everything stored before is still there. */
import { type Cluster, checkHistory, createCluster, KafkariumError } from 'kafkarium'
import { afterEach, describe, expect, test } from 'vitest'

const made: Cluster[] = []
const create = (options: Parameters<typeof createCluster>[0] = {}) => {
  const cluster = createCluster({ topics: { orders: 1 }, ...options })
  made.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})

describe('options of createCluster', () => {
  const wrong: readonly [unknown, RegExp][] = [
    [{ brokers: 0 }, /brokers: 0 is out of range. Allowed: whole numbers from 1 to 1000/],
    [{ brokers: 1.5 }, /brokers: 1\.5/],
    [{ brokers: '3' }, /brokers: '3'/],
    [{ broker: 3 }, /unknown option "broker". Did you mean "brokers"\? Known: brokers, topics, seed/],
    [{ topics: ['orders'] }, /topics: \["orders"\] is not an object. Write \{ orders: 3 \}/],
    [{ topics: { 'no spaces': 1 } }, /topics: the name is invalid: 'no spaces' contains/],
    [{ topics: { orders: 0 } }, /topics\.orders: 0 is out of range/],
    [
      { topics: { orders: { partition: 3 } } },
      /topics\.orders: unknown option "partition". Did you mean "partitions"\?/,
    ],
    [
      { topics: { orders: { replicationFactor: 3 } } },
      /topics\.orders: a replication factor of 3 needs 3 brokers, there are 1/,
    ],
    [
      { topics: { orders: { config: { 'retention.ms': 'soon' } } } },
      /Invalid value soon for configuration retention\.ms: not a whole number/,
    ],
    [{ topics: { 'a.b': 1, a_b: 1 } }, /topics\.a_b: Topic 'a_b' collides with existing topic: a\.b/],
    [{ seed: {} }, /seed: \{\} is neither a number nor a string/],
    [{ time: 'fast' }, /time: 'fast' is not a time mode. Use 'auto', 'manual', 'wall'/],
    [{ speed: 0 }, /speed: 0 is out of range/],
    [{ epoch: 'yesterday' }, /epoch: 'yesterday' is not a point in time/],
    [{ patience: '5 weeks' }, /patience: "5 weeks" is not a duration.*'250ms', '45s'/],
    [{ deadline: '1h' }, /deadline: '1h' is out of range. Allowed: 1 ms to 5 m/],
    [{ kafkaVersion: 4.3 }, /kafkaVersion: 4\.3 is not known. Use a string from '2\.4' to '4\.3'/],
    [{ config: { 'num.partition': 3 } }, /config: Unknown broker configuration "num\.partition"/],
    [
      { config: { 'num.partitions': 0 } },
      /config: Invalid value 0 for configuration num\.partitions: value must be at least 1/,
    ],
    [{ config: { 'auto.create.topics.enable': 'yes' } }, /must be true or false/],
    [{ config: { 'retention.ms': 5 } }, /"retention\.ms" is a topic configuration: put it under topics/],
    [{ config: { 'log.retention.ms': 0 } }, /config: log\.retention\.ms: 0 ms is not possible: it must be at least 1/],
    [{ trace: 'all' }, /trace: 'all' is neither 'full' nor a whole number/],
    [{ laws: 'yes' }, /laws: 'yes' is neither true nor false/],
    [null, /createCluster takes an object of options, not null/],
  ]
  test.each(wrong)('%j', (options, message) => {
    const error = (() => {
      try {
        createCluster(options as never)
      } catch (caught) {
        return caught
      }
      return undefined
    })()
    expect(error).toBeInstanceOf(KafkariumError)
    expect(error).toMatchObject({ code: 'KAFKARIUM_BAD_OPTION', message: expect.stringMatching(message) })
  })

  test('the seed comes from KAFKARIUM_SEED when none is given', async () => {
    process.env.KAFKARIUM_SEED = 'abc'
    try {
      const fromEnvironment = create()
      const given = create({ seed: 'abc' })
      for (const cluster of [fromEnvironment, given]) await cluster.produce('orders', ['x'])
      expect(fromEnvironment.trace.hash).toBe(given.trace.hash)
      expect(fromEnvironment.trace.hash).not.toBe(create({ seed: 'abd' }).trace.hash)
    } finally {
      delete process.env.KAFKARIUM_SEED
    }
  })
})

describe('calls', () => {
  test('durations that are none', () => {
    const cluster = create()
    expect(() => cluster.advance('soon')).toThrow(/advance: "soon" is not a duration/)
    expect(() => cluster.advance(-1)).toThrow(/advance: -1 is not a duration/)
    expect(() => cluster.faults.slow(1, 'clients', '2 sec')).toThrow(/^faults\.slow: by: "2 sec" is not a duration/)
    expect(() => cluster.faults.after('soon', { type: 'crash', node: 1 })).toThrow(/^faults\.after: delay: "soon" is/)
    expect(() => cluster.until(() => true, { within: '1 min' })).toThrow(/^cluster\.until: within: "1 min" is not/)
    expect(() => cluster.heal({ within: 'x' })).toThrow(/^cluster\.heal: within: "x" is not a duration/)
    expect(() => cluster.topic('orders').next({ within: -1 })).toThrow(/^topic\.next: within: -1 is not a duration/)
    expect(() => cluster.group('g').stable({ within: 'x' })).toThrow(/^group\.stable: within: "x" is not a duration/)
  })

  const unknownOptions: readonly [string, (cluster: Cluster) => unknown, RegExp][] = [
    [
      'until',
      (c) => c.until(() => true, { witin: 1 } as never),
      /^cluster\.until: .*"witin"\. Did you mean "within"\?/,
    ],
    ['until', (c) => c.until(() => true, '10s' as never), /^cluster\.until: "10s" is not an object of options/],
    ['heal', (c) => c.heal({ caughtup: [] } as never), /^cluster\.heal: .*"caughtup"\. Did you mean "caughtUp"\?/],
    ['listen', (c) => c.listen({ Port: 1 } as never), /^cluster\.listen: .*"Port"\. Did you mean "port"\?/],
    ['listen', (c) => c.listen(9092 as never), /^cluster\.listen: 9092 is not an object of options/],
    [
      'next',
      (c) => c.topic('orders').next({ widthin: 1 } as never),
      /^topic\.next: .*"widthin"\. Did you mean "within"\?/,
    ],
    [
      'stable',
      (c) => c.group('g').stable({ member: 2 } as never),
      /^group\.stable: .*"member"\. Did you mean "members"\?/,
    ],
    ['crash', (c) => c.faults.crash(1, { unflush: 'lost' } as never), /^faults\.crash: .*Did you mean "unflushed"\?/],
    ['crash', (c) => c.faults.crash(1, { type: 'stop' } as never), /^faults\.crash: unknown option "type"/],
    ['cut', (c) => c.faults.cut(1, 'clients', { oneway: true } as never), /^faults\.cut: .*Did you mean "oneWay"\?/],
    ['slow', (c) => c.faults.slow(1, 'clients', 5, { one: true } as never), /^faults\.slow: unknown option "one"/],
    ['isolate', (c) => c.faults.isolate(1, { client: true } as never), /^faults\.isolate: .*Did you mean "clients"\?/],
    [
      'inject',
      (c) => c.faults.inject({ type: 'cut', from: 1, to: 'clients', oneway: true } as never),
      /^faults\.inject\(cut\): unknown option "oneway"\. Did you mean "oneWay"\? Known: type, from, to, oneWay/,
    ],
    [
      'after',
      (c) => c.faults.after(1, { type: 'crash', node: 1, unflush: 'lost' } as never),
      /^faults\.after: unknown option "unflush"/,
    ],
    [
      'check',
      () => checkHistory({} as never, { finalPoll: true } as never),
      /^checkHistory: .*Did you mean "finalPolls"\?/,
    ],
  ]
  test.each(unknownOptions)('an option that %s does not know', async (_, call, message) => {
    const cluster = create()
    const error = await (async () => call(cluster))().catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(KafkariumError)
    expect(error).toMatchObject({ code: 'KAFKARIUM_BAD_OPTION', message: expect.stringMatching(message) })
  })

  test('until takes what an if would take, and nothing but a function', async () => {
    const cluster = create()
    const start = cluster.now
    for (const truthy of [1, 'x', [], {}]) await cluster.until(() => truthy as never)
    expect(cluster.now).toBe(start)
    let asked = 0
    await cluster.until(() => [0, '', null, undefined, Number.NaN, 1][asked++] as never)
    expect(asked).toBe(6)
    await expect(cluster.until(() => 0 as never, { within: 1 })).rejects.toThrow(/not within 1 ms/)
    await expect(cluster.until((async () => false) as never)).rejects.toThrow(/the predicate answers a promise/)
    for (const wrong of [5, undefined, '5s', Promise.resolve(true)]) {
      const call = () => cluster.until(wrong as never)
      expect(call).toThrow(KafkariumError)
      expect(call).toThrow(/^cluster\.until: .* is not a function\. Write until\(\(\) =>/)
    }
  })

  test('topics, partitions and brokers that do not exist', async () => {
    const cluster = create()
    expect(() => cluster.topic('order').records()).toThrow(/There is no topic "order". Known: orders/)
    expect(() => cluster.topic('orders').records(3)).toThrow(/has the partitions 0 to 0, not 3/)
    expect(() => cluster.faults.crash(9)).toThrow(/faults\.crash: there is no broker 9. Brokers: 1/)
    expect(() => cluster.faults.restart(1)).toThrow(/broker 1 is up already/)
    await expect(cluster.produce('order', ['x'])).rejects.toThrow(
      /there is no topic "order". Known: orders. Name it in createCluster/,
    )
    await expect(cluster.produce('orders', [{ value: 'x', partition: 4 }])).rejects.toThrow(/partitions 0 to 0, not 4/)
  })

  test('two processes of one name, a crash of the dead', async () => {
    const cluster = create()
    const worker = cluster.process('worker', () => {})
    expect(() => cluster.process('worker', () => {})).toThrow(/there is a process "worker" already/)
    worker.crash()
    expect(() => worker.crash()).toThrow(/process "worker" is crashed already. restart\(\) runs it again/)
    expect(() => worker.thaw()).toThrow(/only a frozen one can thaw/)
  })

  test('an error in a process is told, by `ready` or in one line', async () => {
    const cluster = create()
    const worker = cluster.process('worker', async () => {
      throw new Error('no database')
    })
    await expect(worker.ready).rejects.toThrow('no database')
    expect(worker.state).toBe('crashed')
  })
})

describe('clients that misbehave leave everything as it was', () => {
  const withOneRecord = async () => {
    const cluster = create({ config: { 'message.max.bytes': 1000 } })
    const kafka = cluster.kafka({ logLevel: 0, retry: { retries: 2 } })
    const producer = kafka.producer()
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ key: 'a', value: 'first' }] })
    return { cluster, kafka, producer }
  }
  const values = (cluster: Cluster) =>
    cluster
      .topic('orders')
      .records()
      .map(({ value }) => value)

  test('an invalid topic name', async () => {
    const { cluster, producer } = await withOneRecord()
    await expect(producer.send({ topic: 'no spaces', messages: [{ value: 'x' }] })).rejects.toMatchObject({
      cause: { type: 'INVALID_TOPIC_EXCEPTION' },
    })
    expect(values(cluster)).toEqual(['first'])
  })

  test('a record above max.message.bytes', async () => {
    const { cluster, producer } = await withOneRecord()
    await expect(producer.send({ topic: 'orders', messages: [{ value: 'x'.repeat(2000) }] })).rejects.toThrow(
      /larger than the max message size|max message size the server will accept/,
    )
    expect(values(cluster)).toEqual(['first'])
    await producer.send({ topic: 'orders', messages: [{ value: 'second' }] })
    expect(values(cluster)).toEqual(['first', 'second'])
  })

  test('a negative offset', async () => {
    const { cluster, kafka } = await withOneRecord()
    const consumer = kafka.consumer({ groupId: 'g' })
    await consumer.connect()
    await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
    await consumer.run({ autoCommit: false, eachMessage: async () => {} })
    await consumer.commitOffsets([{ topic: 'orders', partition: 0, offset: '1' }])
    await expect(consumer.commitOffsets([{ topic: 'orders', partition: 0, offset: '-5' }])).rejects.toThrow(
      'Offset must not be a negative number',
    )
    expect(cluster.group('g').committed('orders', 0)).toBe(1)
    await consumer.disconnect()
  })

  test('a handler that throws: the same record again, then a crash event; the record stays', async () => {
    const { cluster, kafka } = await withOneRecord()
    const consumer = kafka.consumer({ groupId: 'g', retry: { retries: 2, restartOnFailure: async () => false } })
    let attempts = 0
    const crashed = new Promise<Error>((resolve) =>
      consumer.on('consumer.crash', ({ payload }) => resolve(payload.error)),
    )
    await consumer.connect()
    await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
    await consumer.run({
      eachMessage: async () => {
        attempts += 1
        throw new Error('cannot handle this')
      },
    })
    expect((await crashed).message).toMatch(/cannot handle this/)
    expect(attempts).toBe(3)
    expect(values(cluster)).toEqual(['first'])
    expect(cluster.group('g').committed('orders', 0)).toBe(-1)
    const errors = cluster.trace.events().filter((event) => event.type === 'handler.error')
    expect(errors).toHaveLength(3)
    expect(errors[0]).toMatchObject({ error: expect.stringMatching(/cannot handle this/) })
  })
})
