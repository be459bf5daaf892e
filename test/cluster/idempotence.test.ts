/**
 * Idempotent producers in a whole cluster: lost answers, leaders that die, storms of faults. What is sent once is there once, and in
 * order; without idempotence, or with kafkajs's sequence numbers, it is not.
 */
import { checkHistory, createCluster } from 'kafkarium'
import { describe, expect, test } from 'vitest'
import { idempotenceDocsAreCurrent, lostAnswer } from '../../scripts/generate-idempotence-docs.ts'
import { PATIENT, partition, replicatedClusters, values } from '../support/replicated.ts'
import { findSeed, HARMLESS, runStorm, SEARCH_SEEDS, type StormOptions } from '../support/storm.ts'

const create = replicatedClusters()
const LIMIT = 60_000 + SEARCH_SEEDS * 120
const SAFE: StormOptions = { acks: -1, minIsr: 2, together: 2, idempotent: true, limits: { kinds: HARMLESS } }
const QUIRK: StormOptions = { ...SAFE, quirks: { kafkajsSequenceReuse: true } }

type Cluster = ReturnType<typeof create>

async function idempotent(cluster: Cluster, config: Parameters<Cluster['kafka']>[0] = {}) {
  const producer = cluster.kafka({ ...PATIENT, ...config }).producer({ idempotent: true })
  await producer.connect()
  return producer
}

/** Breaks the clients' connections to the leader when it has appended `count` records in all and answered none of the last. */
async function loseAnswerAfter(cluster: Cluster, count: number): Promise<void> {
  await cluster.until(() => cluster.trace.events().filter(({ type }) => type === 'append').length === count)
  cluster.faults.disconnect(partition(cluster)?.leader ?? -1)
}

const told = (cluster: Cluster, type: 'duplicate' | 'sequence.refused') =>
  cluster.trace.events().filter((event) => event.type === type)

describe('A10, H2: a lost answer, and a send during the back-off', () => {
  test('docs/idempotence.md is what happens', async () => {
    expect(await idempotenceDocsAreCurrent(), 'run npx tsx scripts/generate-idempotence-docs.ts').toBe(true)
  })

  test('this client: both are there once, in order', async () => {
    expect(await lostAnswer(false)).toMatchObject({ log: ['A', 'B'], told: { A: '0', B: '1' }, findings: [] })
  })

  test('quirks.kafkajsSequenceReuse: one is lost and acknowledged, the other is there twice', async () => {
    const { log, told: offsets, findings } = await lostAnswer(true)
    expect({ log, offsets }).toEqual({ log: ['A', 'A'], offsets: { A: '1', B: '0' } })
    expect(findings).toEqual(expect.arrayContaining(['lost-write', 'duplicate']))
  })
})

describe('A8: an answer is lost', () => {
  test.each([
    [true, ['a']],
    [false, ['a', 'a']],
  ])('idempotent: %s', async (isIdempotent, expected) => {
    const cluster = create()
    const producer = cluster.kafka(PATIENT).producer({ idempotent: isIdempotent })
    await producer.connect()
    const sent = producer.send({ topic: 'orders', messages: [{ value: 'a' }] })
    await loseAnswerAfter(cluster, 1)
    await sent
    expect(values(cluster)).toEqual(expected)
  })

  test('P4: the leader dies with it: the next one knows the batch', async () => {
    const cluster = create()
    const producer = await idempotent(cluster)
    const sent = producer.send({ topic: 'orders', messages: [{ value: 'a' }, { value: 'b' }] })
    const leader = partition(cluster)?.leader ?? -1
    await cluster.until(() => cluster.trace.events().filter(({ type }) => type === 'replicated').length === 2)
    cluster.faults.crash(leader)
    expect(await sent).toMatchObject([{ baseOffset: '0' }])
    expect(partition(cluster)?.leader).not.toBe(leader)
    expect(values(cluster)).toEqual(['a', 'b'])
    expect(told(cluster, 'duplicate')).toHaveLength(1)
  })

  test('P4: the only replica stops and starts again: it knows the last batch', async () => {
    for (const end of ['stop', 'crash'] as const) {
      const cluster = create({ brokers: 1, topics: { orders: 1 } })
      const producer = await idempotent(cluster)
      await producer.send({ topic: 'orders', messages: [{ value: 'a' }] })
      cluster.faults.cut(1, 'clients', { oneWay: true })
      const sent = producer.send({ topic: 'orders', messages: [{ value: 'b' }] })
      await cluster.until(() => values(cluster).length === 2)
      cluster.faults[end](1)
      await cluster.advance(1000)
      cluster.faults.heal()
      cluster.faults.restart(1)
      await sent
      await producer.send({ topic: 'orders', messages: [{ value: 'c' }] })
      expect(values(cluster)).toEqual(['a', 'b', 'c'])
    }
  })
})

describe('giving up', () => {
  /** Two tries, then the answer of neither has come. */
  async function unknownOutcome(cluster: Cluster) {
    const producer = await idempotent(cluster, { retry: { retries: 1, initialRetryTime: 50 } })
    await producer.send({ topic: 'orders', messages: [{ value: 'a' }] })
    const leader = partition(cluster)?.leader ?? -1
    const failing = producer.send({ topic: 'orders', messages: [{ value: 'b' }] }).catch((error: unknown) => error)
    await loseAnswerAfter(cluster, 2)
    cluster.faults.cut(leader, 'clients')
    const waiting = producer.send({ topic: 'orders', messages: [{ value: 'c' }] }).catch((error: unknown) => error)
    return { producer, failing, waiting, leader }
  }

  test('KIP-360: after an unknown outcome the partition goes on in the next epoch, from 0', async () => {
    const cluster = create()
    const { producer, failing, waiting } = await unknownOutcome(cluster)
    expect(await failing).toBeInstanceOf(Error)
    expect(await waiting).toBeInstanceOf(Error)
    cluster.faults.heal()
    await producer.send({ topic: 'orders', messages: [{ value: 'd' }] })
    await producer.send({ topic: 'orders', messages: [{ value: 'e' }] })
    expect(values(cluster)).toEqual(['a', 'b', 'd', 'e'])
    const marks = cluster.trace.events().flatMap((event) => (event.type === 'append' ? [event.producer] : []))
    expect(marks.map((mark) => [mark?.epoch, mark?.sequence])).toEqual([
      [0, 0],
      [0, 1],
      [expect.any(Number), 0],
      [expect.any(Number), 1],
    ])
    expect(marks.at(-1)?.epoch).toBeGreaterThan(0)
  })

  test('what is surely not in the log gives its sequence back', async () => {
    const cluster = create({
      topics: { orders: { partitions: 1, replicationFactor: 3, config: { 'max.message.bytes': 200 } } },
    })
    const producer = await idempotent(cluster)
    await producer.send({ topic: 'orders', messages: [{ value: 'a' }] })
    const large = producer.send({ topic: 'orders', messages: [{ value: 'x'.repeat(300) }] })
    await expect(large).rejects.toMatchObject({ type: 'MESSAGE_TOO_LARGE' })
    await producer.send({ topic: 'orders', messages: [{ value: 'b' }] })
    expect(values(cluster)).toEqual(['a', 'b'])
    const marks = cluster.trace.events().flatMap((event) => (event.type === 'append' ? [event.producer] : []))
    expect(marks).toMatchObject([
      { epoch: 0, sequence: 0 },
      { epoch: 0, sequence: 1 },
    ])
  })

  test('A10b: a refused sequence fails its send, and the producer goes on in the next epoch', async () => {
    const config = { 'unclean.leader.election.enable': 'true' }
    const cluster = create({ topics: { orders: { partitions: 1, replicationFactor: 3, config } } })
    const producer = await idempotent(cluster)
    const send = (value: string) => producer.send({ topic: 'orders', messages: [{ value }] })
    await send('a')
    const leader = partition(cluster)?.leader ?? -1
    const others = [1, 2, 3].filter((id) => id !== leader)
    for (const id of others) cluster.faults.crash(id)
    await cluster.until(() => partition(cluster)?.isr.length === 1)
    await send('b')
    cluster.faults.crash(leader)
    for (const id of others) cluster.faults.restart(id)
    await cluster.until(() => others.includes(partition(cluster)?.leader ?? -1))
    // The new leader knows of 'a' only.
    await expect(send('c')).rejects.toMatchObject({ type: 'OUT_OF_ORDER_SEQUENCE_NUMBER' })
    expect(told(cluster, 'sequence.refused')).toMatchObject([{ expected: 1, producer: { epoch: 0, sequence: 2 } }])
    await send('d')
    await send('e')
    expect(values(cluster)).toEqual(['a', 'd', 'e'])
  })
})

describe('A11: where idempotence ends', () => {
  test('a producer that is made anew has another id: what is sent again is another record', async () => {
    const cluster = create()
    for (let i = 0; i < 2; i++) {
      const producer = await idempotent(cluster)
      await producer.send({ topic: 'orders', messages: [{ value: 'a' }] })
      await producer.disconnect()
    }
    expect(values(cluster)).toEqual(['a', 'a'])
    const ids = cluster.trace.events().flatMap((event) => (event.type === 'append' ? [event.producer?.id] : []))
    expect(new Set(ids).size).toBe(2)
  })

  test('a producer that was silent for long is forgotten by every replica', async () => {
    const config = { 'producer.id.expiration.ms': 60_000, 'producer.id.expiration.check.interval.ms': 10_000 }
    const cluster = create({ config })
    const producer = await idempotent(cluster)
    await producer.send({ topic: 'orders', messages: [{ value: 'a' }] })
    await cluster.advance('2m')
    await producer.send({ topic: 'orders', messages: [{ value: 'b' }] })
    expect(values(cluster)).toEqual(['a', 'b'])
    expect(told(cluster, 'sequence.refused')).toEqual([])
  })
})

test('many sends at once to many partitions: each partition in order, none twice', async () => {
  for (const seed of [1, 2, 3]) {
    const topics = { orders: { partitions: 3, replicationFactor: 3 } }
    const cluster = create({ seed, history: true, topics })
    const producer = await idempotent(cluster, { retry: { retries: 30, maxRetryTime: 300 } })
    const sent = Array.from({ length: 60 }, (_, i) =>
      producer.sendBatch({
        topicMessages: [
          {
            topic: 'orders',
            messages: [0, 1, 2].filter((at) => i % (at + 1) === 0).map((at) => ({ partition: at, value: `${i}` })),
          },
        ],
      }),
    )
    for (const node of [1, 2, 3]) {
      await cluster.advance(20)
      cluster.faults.disconnect(node)
    }
    await Promise.all(sent)
    for (const at of [0, 1, 2]) {
      const expected = Array.from({ length: 60 }, (_, i) => i).filter((i) => i % (at + 1) === 0)
      expect(
        cluster
          .topic('orders')
          .records(at)
          .map(({ value }) => Number(value)),
      ).toEqual(expected)
    }
    await cluster.settle()
    expect(checkHistory(cluster.history()).ok).toBe(true)
  }
})

describe('storms', () => {
  test(
    'idempotent: nothing acknowledged is lost, nothing is there twice, and the order is that of the sends',
    async () => {
      let acknowledged = 0
      for (let seed = 1; seed <= SEARCH_SEEDS; seed++) {
        const outcome = await runStorm(seed, SAFE)
        const { law, stalled, lost, duplicated, outOfOrder } = outcome
        expect({ law, stalled, lost, duplicated, outOfOrder }, outcome.describe()).toEqual({
          law: null,
          stalled: null,
          lost: [],
          duplicated: [],
          outOfOrder: [],
        })
        acknowledged += outcome.acknowledged
      }
      console.log(`idempotent: ${acknowledged} sends acknowledged in ${SEARCH_SEEDS} storms`)
      expect(acknowledged).toBeGreaterThan(SEARCH_SEEDS * 10)
    },
    LIMIT,
  )

  test(
    'its unsafe twin doubles a record',
    async () => {
      const { outcome, tried } = await findSeed(
        { ...SAFE, idempotent: false },
        50,
        ({ duplicated }) => duplicated.length > 0,
      )
      console.log(`idempotent: false: a record twice within ${tried} seeds`)
      expect(outcome).not.toBeNull()
    },
    LIMIT,
  )

  test(
    'kafkajs’s sequences lose an acknowledged record and double another; laws of brokers hold all the same',
    async () => {
      const { outcome, tried } = await findSeed(
        QUIRK,
        50,
        ({ lost, duplicated, uncleanElections }) => lost.length > 0 && duplicated.length > 0 && uncleanElections === 0,
      )
      console.log(`kafkajsSequenceReuse: one lost and one twice within ${tried} seeds`)
      expect(outcome?.law).toBeNull()
    },
    LIMIT,
  )

  test(
    'kafkajs’s sequences lose a record also where each send is awaited',
    async () => {
      const { outcome, tried } = await findSeed({ ...QUIRK, together: 1 }, 100, ({ lost }) => lost.length > 0)
      console.log(`kafkajsSequenceReuse, each send awaited: one lost within ${tried} seeds`)
      expect(outcome).not.toBeNull()
    },
    LIMIT,
  )

  test('the same seed is the same storm', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const [first, second] = [await runStorm(seed, SAFE), await runStorm(seed, SAFE)]
      expect(second.hash).toBe(first.hash)
    }
  })
})

test('the option belongs to the client: application code need not know', async () => {
  using cluster = createCluster()
  const lines: string[] = []
  const logCreator =
    () =>
    ({ log }: { log: { message: string } }) =>
      lines.push(log.message)
  cluster.kafka({ logCreator: logCreator as never, quirks: { kafkajsSequenceReus: true } as never })
  expect(lines).toEqual([
    'Unknown option "kafkajsSequenceReus" of quirks is ignored; did you mean "kafkajsSequenceReuse"?',
  ])
})
