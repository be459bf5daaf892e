/** The checker over recorded runs: what users see of it. */
import {
  type ClientConfig,
  type Cluster,
  checkHistory,
  createCluster,
  KafkariumError,
  type ProcessMain,
} from 'kafkarium'
import { afterEach, describe, expect, test } from 'vitest'

const made: Cluster[] = []
const create = (options: Parameters<typeof createCluster>[0] = {}) => {
  const cluster = createCluster({
    brokers: 3,
    topics: { orders: { partitions: 1, replicationFactor: 3 } },
    history: true,
    laws: true,
    ...options,
  })
  made.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})
const patient = { logLevel: 0, retry: { retries: 30, maxRetryTime: 1000 } } as const
const producerOf = async (cluster: Cluster) => {
  const producer = cluster.kafka({ clientId: 'shop', ...patient }).producer()
  await producer.connect()
  return (acks: number, ...values: string[]) =>
    producer.send({ topic: 'orders', acks, messages: values.map((value) => ({ value })) })
}
const check = async (cluster: Cluster) => {
  await cluster.settle()
  return checkHistory(cluster.history())
}
const classes = (report: ReturnType<typeof checkHistory>) => report.findings.map((finding) => finding.class)

describe('what producers were promised', () => {
  test('a transaction that was aborted: known as that, also where somebody read it uncommitted', async () => {
    const cluster = create()
    const kafka = cluster.kafka({ clientId: 'shop', ...patient })
    const producer = kafka.producer({ transactionalId: 'shop' })
    const consumer = kafka.consumer({ groupId: 'audit', readUncommitted: true })
    await Promise.all([producer.connect(), consumer.connect()])
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    const seen: string[] = []
    await consumer.run({ eachMessage: async ({ message }) => void seen.push(String(message.value)) })
    for (const end of ['abort', 'commit'] as const) {
      const transaction = await producer.transaction()
      await transaction.send({ topic: 'orders', messages: [{ value: end }] })
      await transaction[end]()
    }
    await cluster.until(() => seen.length === 2)
    const report = await check(cluster)
    const { sends } = cluster.history()
    expect(sends.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ['aborted', 'transaction aborted'],
      ['ok', ''],
    ])
    expect(report.ok).toBe(true)
    expect(report.findings).toMatchObject([
      { class: 'aborted-read', group: 'audit', offsets: [0], sends: [sends[0]?.id], evidence: ['read by group audit'] },
    ])
    expect(report.text).toContain('aborted; read by a read-uncommitted consumer')
    expect(report.text).not.toMatch(/time-out|lost answer|no known outcome/)
    // To anybody else it must not happen.
    const history = cluster.history()
    const committedOnly = history.reads.map((read) => ({ ...read, readUncommitted: false }))
    expect(history.reads.map(({ readUncommitted }) => readUncommitted)).toEqual([true, true])
    const broken = checkHistory({ ...history, reads: committedOnly })
    expect(broken.ok).toBe(false)
    expect(broken.findings).toMatchObject([{ class: 'aborted-read', legal: null }])
  })

  test('a transaction nobody ends, and its coordinator aborts: known as that too', async () => {
    const cluster = create()
    const producer = cluster.kafka(patient).producer({ transactionalId: 'shop', transactionTimeout: 10_000 })
    await producer.connect()
    await (await producer.transaction()).send({ topic: 'orders', messages: [{ value: 'a' }] })
    expect(cluster.history().sends).toMatchObject([{ outcome: 'info' }])
    await cluster.advance('30s')
    expect(cluster.history().sends).toMatchObject([{ outcome: 'aborted' }])
  })

  test('the only replica loses what it had not flushed: its crash is the reason, no election', async () => {
    const cluster = create({ brokers: 1, topics: { orders: 1 } })
    const send = await producerOf(cluster)
    await send(-1, 'a')
    cluster.faults.crash(1, { unflushed: 'lost' })
    cluster.faults.restart(1)
    await cluster.heal()
    const report = checkHistory(cluster.history())
    expect(classes(report)).toEqual(['lost-write'])
    expect(report.findings[0]?.legal).toBe(
      'a crash lost unflushed records, and with min.insync.replicas=1 one copy was all there had to be',
    )
  })

  test('acks=1 and a leader that dies before anybody copied: lost, and its offset given again', async () => {
    const cluster = create()
    const send = await producerOf(cluster)
    await send(-1, 'a')
    cluster.faults.cut(1, 2)
    cluster.faults.cut(1, 3)
    await send(1, 'b', 'c')
    cluster.faults.crash(1)
    cluster.faults.heal()
    await cluster.until(() => cluster.topic('orders').partitions[0]?.leader !== 1)
    await send(-1, 'd')
    cluster.faults.restart(1)
    const report = await check(cluster)
    expect(classes(report)).toEqual(['lost-write', 'lost-write', 'inconsistent-offsets'])
    expect(report.ok).toBe(true)
    expect(report.findings[0]).toMatchObject({ offsets: [1], legal: expect.stringContaining('acks=1') })
    expect(report.findings[0]?.sentence).toMatch(
      /send \d+ \(shop, acks=1\) was acknowledged at orders-0@1 and is not in the log/,
    )
    expect(report.findings[2]?.legal).toContain('acks=1')
    expect(report.text).toContain('3 findings: 0 unexplained, 3 explained')
  })

  test('acks=all with two in-sync replicas in the same story: nothing', async () => {
    const cluster = create({
      topics: { orders: { partitions: 1, replicationFactor: 3, config: { 'min.insync.replicas': 2 } } },
    })
    const send = await producerOf(cluster)
    await send(-1, 'a')
    cluster.faults.cut(1, 2)
    cluster.faults.cut(1, 3)
    const pending = send(-1, 'b', 'c')
    cluster.faults.crash(1)
    cluster.faults.heal()
    await pending
    cluster.faults.restart(1)
    const report = await check(cluster)
    expect(report.findings).toEqual([])
    expect(report.text).toBe('Nothing lost, nothing twice, nothing out of place.')
  })

  test('a lost answer and a retry: twice in the log, explained by idempotence being off', async () => {
    const cluster = create()
    const send = await producerOf(cluster)
    await send(-1, 'a')
    // One follower has it, the other holds the answer up, and the answer dies with the leader.
    cluster.faults.cut(1, 3)
    const pending = send(-1, 'b')
    await cluster.until(() => cluster.topic('orders').partitions[0]?.replicaLogs[1]?.logEndOffset === 2)
    cluster.faults.crash(1)
    cluster.faults.heal()
    await pending
    const report = await check(cluster)
    expect(classes(report)).toEqual(['duplicate'])
    expect(report.findings[0]?.legal).toContain('idempotence is off')
    expect(report.findings[0]?.offsets).toEqual([1, 2])
  })

  test('an answer that never came, and no retry: ambiguous', async () => {
    const cluster = create()
    const producer = cluster.kafka({ clientId: 'shop', logLevel: 0, retry: { retries: 0 } }).producer()
    await producer.connect()
    cluster.faults.cut(1, 2)
    await expect(producer.send({ topic: 'orders', timeout: 500, messages: [{ value: 'a' }] })).rejects.toThrow()
    expect(cluster.history().sends).toMatchObject([{ outcome: 'info', attempts: 1, reason: 'REQUEST_TIMED_OUT' }])
    cluster.faults.heal()
    const report = await check(cluster)
    expect(classes(report)).toEqual(['ambiguous'])
    expect(report.ok).toBe(true)
  })

  test('refusals are failures, and leave nothing behind', async () => {
    const cluster = create({ topics: { orders: { config: { 'max.message.bytes': 200 } } }, brokers: 1 })
    const send = await producerOf(cluster)
    await expect(send(-1, 'x'.repeat(1000))).rejects.toThrow()
    expect(cluster.history().sends).toMatchObject([{ outcome: 'fail', reason: 'MESSAGE_TOO_LARGE' }])
    expect((await check(cluster)).findings).toEqual([])
  })

  test('acks=0 is acknowledged without an offset; what never arrived is lost, as is allowed', async () => {
    const cluster = create({ brokers: 1, topics: { orders: 1 } })
    const send = await producerOf(cluster)
    await send(-1, 'a')
    await send(0, 'b')
    cluster.faults.crash(1)
    await cluster.advance('1s')
    cluster.faults.restart(1)
    const report = await check(cluster)
    expect(cluster.history().sends[1]).toMatchObject({ acks: 0, outcome: 'ok', offset: null })
    expect(report.findings).toMatchObject([
      { class: 'lost-write', offsets: [], legal: expect.stringContaining('acks=0') },
    ])
  })

  test('cluster.produce, compressed batches and several partitions count like everything else', async () => {
    const cluster = create({ brokers: 1, topics: { orders: 3 } })
    const producer = cluster.kafka({ clientId: 'shop' }).producer()
    await producer.connect()
    await cluster.produce('orders', ['a', 'b', 'c', 'd'])
    await producer.send({ topic: 'orders', compression: 1, messages: ['e', 'f', 'g'].map((value) => ({ value })) })
    const { sends, stored } = cluster.history()
    expect(sends.map(({ client }) => client)).toEqual(['test', 'test', 'test', 'test', 'shop', 'shop', 'shop'])
    expect(stored?.map(({ send }) => send).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6])
    for (const { id, partition, offset } of sends) {
      expect(stored).toContainEqual({ send: id, topic: 'orders', partition, offset })
    }
    expect((await check(cluster)).findings).toEqual([])
  })

  test('deleted records and deleted topics are not lost', async () => {
    const cluster = create({ brokers: 1, topics: { orders: 1, gone: 1 } })
    await cluster.produce('orders', ['a', 'b', 'c'])
    await cluster.produce('gone', ['x'])
    const admin = cluster.kafka().admin()
    await admin.connect()
    await admin.fetchTopicMetadata({ topics: ['orders'] })
    await admin.deleteTopicRecords({ topic: 'orders', partitions: [{ partition: 0, offset: '2' }] })
    await admin.deleteTopics({ topics: ['gone'] })
    await admin.createTopics({ topics: [{ topic: 'gone', numPartitions: 1 }] })
    expect((await check(cluster)).findings).toEqual([])
  })
})

describe('what consumers did', () => {
  type Handler = (value: string) => Promise<void>
  type Main = ProcessMain<ReturnType<Cluster['kafka']>, ClientConfig>
  const consumerMain =
    (handle: Handler, commit: 'before' | 'after'): Main =>
    async ({ kafka }) => {
      const consumer = kafka.consumer({ groupId: 'billing', sessionTimeout: 10_000 })
      await consumer.connect()
      await consumer.subscribe({ topic: 'orders', fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachMessage: async ({ topic, partition, message }) => {
          const offsets = [{ topic, partition, offset: String(Number(message.offset) + 1) }]
          if (commit === 'before') await consumer.commitOffsets(offsets)
          await handle(String(message.value))
          if (commit === 'after') await consumer.commitOffsets(offsets)
        },
      })
    }
  const never = new Promise<void>(() => {})
  const one = { brokers: 1, topics: { orders: 1 } }

  test('a crash between the work and the commit: handled twice', async () => {
    const cluster = create(one)
    let done = 0
    const main: Main = async ({ kafka }) => {
      const consumer = kafka.consumer({ groupId: 'billing' })
      await consumer.connect()
      await consumer.subscribe({ topic: 'orders', fromBeginning: true })
      // Auto-commit at the end of the fetched batch only: the third record holds it up.
      await consumer.run({
        eachMessage: async () => {
          done += 1
          if (done === 3) await never
        },
      })
    }
    const billing = cluster.process('billing', main)
    await cluster.produce('orders', ['a', 'b', 'c'])
    await cluster.until(() => done === 3)
    billing.crash()
    billing.restart()
    await cluster.until(() => cluster.group('billing').committed('orders', 0) === 3)
    const report = await check(cluster)
    expect(classes(report)).toEqual(['consume-duplicate', 'consume-duplicate'])
    expect(report.ok).toBe(true)
    expect(report.findings[0]).toMatchObject({ group: 'billing', offsets: [0] })
    expect(report.findings[0]?.legal).toContain('before its offset was committed')
    expect(report.findings[0]?.evidence[1]).toContain('billing#2')
  })

  test('the commit before the work, and a crash in between: lost to the group, and nothing explains it', async () => {
    const cluster = create(one)
    let working = false
    const billing = cluster.process(
      'billing',
      consumerMain((value) => {
        working ||= value === 'b'
        return value === 'b' ? never : Promise.resolve()
      }, 'before'),
    )
    await cluster.produce('orders', ['a', 'b', 'c'])
    await cluster.until(() => working)
    expect(checkHistory(cluster.history()).findings, 'it is still at work').toEqual([])
    billing.crash()
    billing.restart()
    await cluster.until(() => cluster.group('billing').committed('orders', 0) === 3)
    const report = await check(cluster)
    expect(report.findings).toMatchObject([{ class: 'consume-loss', offsets: [1], legal: null }])
    expect(report.ok).toBe(false)
    expect(report.text).toContain(
      'group billing committed orders-0@3, past send 1 at offset 1: its handler never completed (died)',
    )
  })

  test('the commit after the work: nothing', async () => {
    const cluster = create(one)
    cluster.process(
      'billing',
      consumerMain(() => Promise.resolve(), 'after'),
    )
    await cluster.produce('orders', ['a', 'b', 'c'])
    await cluster.until(() => cluster.group('billing').committed('orders', 0) === 3)
    expect((await check(cluster)).findings).toEqual([])
    expect(cluster.history().handled.map(({ offset, outcome }) => `${offset} ${outcome}`)).toEqual([
      '0 completed',
      '1 completed',
      '2 completed',
    ])
  })

  test('a seek forward skips on purpose', async () => {
    const cluster = create(one)
    await cluster.produce('orders', ['a', 'b', 'c', 'd'])
    const consumer = cluster.kafka().consumer({ groupId: 'billing' })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    let first = true
    await consumer.run({
      eachMessage: async () => {
        if (first) consumer.seek({ topic: 'orders', partition: 0, offset: '3' })
        first = false
      },
    })
    await cluster.until(() => cluster.group('billing').committed('orders', 0) === 4)
    const report = await check(cluster)
    expect(report.ok).toBe(true)
    expect(new Set(report.findings.map(({ legal }) => legal))).toContain('the application sought past it')
  })

  test('a batch: what it resolved before it died counts as handled, unless resolving is not trusted', async () => {
    const cluster = create(one)
    await cluster.produce('orders', ['a', 'b', 'c'])
    let first = true
    const billing = cluster.process('billing', async ({ kafka }) => {
      const consumer = kafka.consumer({ groupId: 'billing' })
      await consumer.connect()
      await consumer.subscribe({ topic: 'orders', fromBeginning: true })
      await consumer.run({
        eachBatch: async ({ batch, resolveOffset, commitOffsetsIfNecessary, uncommittedOffsets }) => {
          if (!first) return
          first = false
          resolveOffset(batch.messages[1]?.offset ?? '')
          await commitOffsetsIfNecessary(uncommittedOffsets())
          await never
        },
      })
    })
    await cluster.until(() => cluster.group('billing').committed('orders', 0) === 2)
    billing.crash()
    billing.restart()
    await cluster.until(() => cluster.group('billing').committed('orders', 0) === 3)
    await cluster.settle()
    expect(cluster.history().handled.map(({ offset, outcome }) => `${offset} ${outcome}`)).toEqual([
      '0 resolved',
      '1 resolved',
      '2 died',
      '2 completed',
    ])
    expect(checkHistory(cluster.history()).findings).toEqual([])
    expect(classes(checkHistory(cluster.history(), { resolvedIsHandled: false }))).toEqual([
      'consume-loss',
      'consume-loss',
    ])
  })
})

describe('recording', () => {
  test('is off unless asked for, and the error says how', () => {
    const cluster = createCluster()
    made.push(cluster)
    expect(() => cluster.history()).toThrow(/nothing was recorded\. .*createCluster\({ history: true }\)/)
    expect(() => createCluster({ history: 'yes' as unknown as boolean })).toThrow(KafkariumError)
    expect(() => createCluster({ history: 'yes' as unknown as boolean })).toThrow(
      "history: 'yes' is neither true nor false",
    )
  })

  test('changes nothing: the same run has the same trace with it and without', async () => {
    const run = async (history: boolean) => {
      const cluster = create({ history, seed: 7, brokers: 3 })
      cluster.process('billing', async ({ kafka }) => {
        const consumer = kafka.consumer({ groupId: 'billing' })
        await consumer.connect()
        await consumer.subscribe({ topic: 'orders', fromBeginning: true })
        await consumer.run({ eachMessage: async () => {} })
      })
      const send = await producerOf(cluster)
      for (let i = 0; i < 5; i++) await send(-1, `${i}`, 'x')
      cluster.faults.crash(2)
      await send(-1, 'y')
      await cluster.until(() => cluster.group('billing').committed('orders', 0) === 11)
      return cluster.trace.hash
    }
    expect(await run(true)).toBe(await run(false))
  })

  test('the same run has the same history; reset() forgets it', async () => {
    const run = async () => {
      const cluster = create({ seed: 3 })
      const send = await producerOf(cluster)
      await send(-1, 'a', 'b')
      await send(1, 'c')
      return cluster
    }
    const [one, two] = [await run(), await run()]
    expect(one.history()).toEqual(two.history())
    one.reset()
    expect(one.history()).toMatchObject({ sends: [], stored: [], reads: [] })
  })
})
