/**
 * The anomalies of producers, each searched for: one fault at a moment drawn from the seed, a few sends, then healing. The unsafe way
 * shows it within a few seeds, the safe one in none. Laws of brokers hold throughout: what goes wrong is between client and broker.
 */
import { type Cluster, createCluster, type KafkariumError } from 'kafkarium'
import { describe, expect, test } from 'vitest'
import { avoid, dice, type Judged, judge, overtaken, reach, SEARCH_MS, twice } from '../support/anomalies.ts'
import { biller, committedBills, SMALL } from '../support/billing.ts'

interface Way {
  readonly idempotent?: boolean
  readonly maxInFlightRequests?: number
  /** Each send is awaited before the next. */
  readonly awaited?: boolean
  readonly kafkajsSequenceReuse?: boolean
  /** The client's own; default 20. */
  readonly retries?: number
  /** Records a send, drawn from 1 up to this. */
  readonly most?: number
  /** What a caller does whose send fails: `same` producer or a `new` one, until it succeeds. */
  readonly resend?: 'same' | 'new'
  /** Off before 3.7: what is under min.insync.replicas is told at once, not after the time-out. */
  readonly strictMinIsr?: boolean
  readonly fault: 'lost answer' | 'no answers' | 'new leader' | 'shrinking ISR'
}

interface Outcome extends Judged {
  readonly values: readonly string[]
  /** Errors of sends. */
  readonly failed: readonly string[]
  readonly twice: readonly string[]
  /** Behind one that was sent later. */
  readonly overtaken: readonly string[]
  /** Acknowledged, and not there. */
  readonly lost: readonly string[]
}

const SENDS = 4

async function run(seed: number, way: Way): Promise<Outcome> {
  const roll = dice(seed)
  const replication = { partitions: 1, replicationFactor: 2 }
  const config = { 'min.insync.replicas': way.fault === 'shrinking ISR' ? 2 : 1 }
  await using cluster = createCluster({
    ...{ brokers: 2, seed, laws: true, history: true },
    // Eligible leader replicas (4.1) build on it (3.7).
    ...(way.strictMinIsr === false ? { switches: { strictMinIsr: false, elr: false } } : {}),
    config: { 'replica.lag.time.max.ms': 1000 },
    topics: { orders: { ...replication, config } },
  })
  const connect = async () => {
    const retry = { retries: way.retries ?? 20, initialRetryTime: 50, maxRetryTime: 300 }
    const quirks = { kafkajsSequenceReuse: way.kafkajsSequenceReuse ?? false }
    const kafka = cluster.kafka({ logLevel: 0, requestTimeout: 5000, retry, quirks })
    const { idempotent = false, maxInFlightRequests } = way
    const own = kafka.producer({ idempotent, ...(maxInFlightRequests === undefined ? {} : { maxInFlightRequests }) })
    await own.connect()
    return own
  }
  let producer = await connect()
  await producer.send({ topic: 'orders', messages: [{ value: 'first' }] })
  const sent: string[] = []
  const acknowledged: string[] = []
  const failed: string[] = []
  const send = async (values: readonly string[]): Promise<void> => {
    try {
      await producer.send({ topic: 'orders', timeout: 4000, messages: values.map((value) => ({ value })) })
      acknowledged.push(...values)
    } catch (error) {
      failed.push(reason(error))
      if (way.resend === undefined) return
      await cluster.advance(10_000)
      if (way.resend === 'new') producer = await connect()
      await send(values)
    }
  }
  strike(cluster, way.fault, roll)
  const sending: Promise<void>[] = []
  for (let i = 0; i < SENDS; i++) {
    const values = Array.from({ length: 1 + roll(way.most ?? 1) }, (_, j) => `${i}.${j}`)
    sent.push(...values)
    sending.push(send(values))
    if (way.awaited) await sending[i]
    else await cluster.advance(roll(3))
  }
  await Promise.all(sending)
  await cluster.heal()
  const values = cluster
    .topic('orders')
    .records()
    .map(({ value }) => String(value))
  return {
    ...{ values, failed, twice: twice(values), overtaken: overtaken(values, ['first', ...sent]) },
    ...{ lost: acknowledged.filter((value) => !values.includes(value)), ...judge(cluster) },
  }
}

/** What the last of its tries ended with. */
function reason(error: unknown): string {
  const { cause, name, type } = error as Error & { type?: string }
  return type ?? (cause instanceof Error ? reason(cause) : name)
}

function strike(cluster: Cluster, fault: Way['fault'], roll: (sides: number) => number): void {
  const leader = cluster.topic('orders').partitions[0]?.leader ?? 1
  const other = 3 - leader
  if (fault === 'lost answer') return cluster.faults.after(roll(12), { type: 'disconnect', node: leader })
  if (fault === 'no answers') {
    cluster.faults.after(roll(12), { type: 'cut', from: leader, to: 'clients', oneWay: true })
    return cluster.faults.after(12_000, { type: 'heal' })
  }
  if (fault === 'new leader')
    return cluster.faults.after(roll(12), { type: 'move-leader', topic: 'orders', partition: 0, to: other })
  // The ISR shrinks between the append and the acknowledgement: the record is there, and the answer is an error.
  cluster.faults.after(roll(12), { type: 'cut', from: leader, to: other })
  cluster.faults.after(4000 + roll(4000), { type: 'heal' })
}

const nothing = ({ lost, twice: doubled, overtaken: behind, unexplained, failed }: Outcome): string | null =>
  lost.length + doubled.length + behind.length + unexplained.length + failed.length === 0
    ? null
    : JSON.stringify({ lost, doubled, behind, unexplained, failed })

describe('A7: the “failed” send that succeeded', () => {
  const fault = 'shrinking ISR'
  test.each([
    [true, 'REQUEST_TIMED_OUT'],
    [false, 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'],
  ])(
    'the application sends again what has failed, and it is there twice (strictMinIsr: %s)',
    async (strictMinIsr, error) => {
      const way = { fault, awaited: true, retries: 0, resend: 'same', strictMinIsr } as const
      const shows = ({ twice: doubled }: Outcome) => doubled.length > 0
      const { failed, classes, unexplained } = await reach('A7', 50, (seed) => run(seed, way), shows)
      expect(failed).toContain(error)
      expect(classes).toContain('ambiguous')
      expect(unexplained).toEqual([])
    },
  )
  test(
    'safe twin: an idempotent producer repeats the batch itself',
    async () => {
      const way = { fault, awaited: true, idempotent: true, retries: 60 } as const
      expect(await avoid('A7', (seed) => run(seed, way), nothing)).toEqual([])
    },
    SEARCH_MS,
  )
})

describe('A8: retry after a lost answer', () => {
  const fault = 'lost answer'
  test('the client sends again what is there already', async () => {
    const shows = ({ classes }: Outcome) => classes.includes('duplicate')
    const outcome = await reach('A8', 50, (seed) => run(seed, { fault, awaited: true }), shows)
    expect(outcome.twice).not.toEqual([])
    expect(outcome.unexplained).toEqual([])
  })
  test(
    'safe twin: idempotent, awaited or not',
    async () => {
      const way = (seed: number) => ({ fault, idempotent: true, awaited: seed % 2 === 0, most: 3 }) as const
      expect(await avoid('A8', (seed) => run(seed, way(seed)), nothing)).toEqual([])
    },
    SEARCH_MS,
  )
})

describe('A8b: the application sends again, through a new producer', () => {
  test('idempotence knows nothing of it; the checker says that a timeout is not a failure', async () => {
    const way = { fault: 'no answers', idempotent: true, awaited: true, retries: 1, resend: 'new' } as const
    const shows = ({ twice: doubled }: Outcome) => doubled.length > 0
    const { classes, unexplained, failed, values } = await reach('A8b', 50, (seed) => run(seed, way), shows)
    expect(failed).not.toEqual([])
    expect(classes).toEqual(['ambiguous'])
    expect(unexplained).toEqual([])
    // No producer helps here; who reads may leave out what it has had.
    expect([...new Set(values)]).toEqual(['first', '0.0', '1.0', '2.0', '3.0'])
  })
})

describe('A9: reorder', () => {
  const behind = ({ overtaken: late }: Outcome) => late.length > 0
  test.each(['new leader', 'lost answer'] as const)(
    '%s: the first batch is retried, the second one is there',
    async (fault) => {
      const outcome = await reach(`A9, ${fault}`, 50, (seed) => run(seed, { fault }), behind)
      expect(outcome.lost).toEqual([])
      expect(outcome.unexplained).toEqual([])
    },
  )
  test('maxInFlightRequests: 1 is not enough with kafkajs: while one send waits for its retry, the next one goes', async () => {
    const way = { fault: 'new leader', maxInFlightRequests: 1 } as const
    await reach('A9, one in flight', 50, (seed) => run(seed, way), behind)
  })
  test(
    'safe twin: one after the other, or idempotent',
    async () => {
      const way = (seed: number): Way => ({
        fault: seed % 2 === 0 ? 'new leader' : 'lost answer',
        ...(seed % 4 < 2 ? { idempotent: true } : { awaited: true, maxInFlightRequests: 1 }),
      })
      const late = (outcome: Outcome) => (behind(outcome) ? outcome.values.join(' ') : null)
      expect(await avoid('A9', (seed) => run(seed, way(seed)), late)).toEqual([])
    },
    SEARCH_MS,
  )
})

describe('A10: kafkajs’s sequence numbers', () => {
  const kafkajs = {
    fault: 'lost answer',
    idempotent: true,
    maxInFlightRequests: 1,
    kafkajsSequenceReuse: true,
  } as const
  test('A lost answer, and a send while that is retried: one is lost and acknowledged, another is there twice', async () => {
    const shows = ({ lost }: Outcome) => lost.length > 0
    const { classes, unexplained, twice: doubled } = await reach('A10', 50, (seed) => run(seed, kafkajs), shows)
    expect(doubled).not.toEqual([])
    expect(classes).toEqual(expect.arrayContaining(['lost-write', 'duplicate']))
    expect(unexplained).toEqual(expect.arrayContaining(['lost-write', 'duplicate']))
  })
  test('A10b: batches of other sizes are refused, for good (kafkajs#598)', async () => {
    const shows = ({ failed }: Outcome) => failed.length > 0
    const { failed, values } = await reach('A10b', 100, (seed) => run(seed, { ...kafkajs, most: 3 }), shows)
    expect(failed).toContain('OUT_OF_ORDER_SEQUENCE_NUMBER')
    expect(values.length).toBeGreaterThan(1)
  })
  test(
    'safe twin: the sequence is kept until the outcome is known; or, after one lost answer, each send awaited',
    async () => {
      const own = { ...kafkajs, kafkajsSequenceReuse: false }
      const way = (seed: number): Way => ({ ...(seed % 2 === 0 ? own : { ...kafkajs, awaited: true }), most: 3 })
      expect(await avoid('A10, A10b', (seed) => run(seed, way(seed)), nothing)).toEqual([])
    },
    SEARCH_MS,
  )
})

/** A shop that dies while it bills four orders, and starts again. */
async function restarted(seed: number, transactional: boolean): Promise<readonly string[]> {
  const roll = dice(seed)
  await using cluster = createCluster({ seed, laws: true, config: SMALL, topics: { orders: 1, bills: 1 } })
  const progress = { done: 0 }
  const shop = cluster.process('shop', biller(transactional ? 'shop' : null, progress))
  await cluster.advance(roll(transactional ? 2200 : 400))
  shop.crash()
  await cluster.advance(roll(100))
  await shop.restart()
  // Not before they are read: the cluster is disposed of then.
  return await committedBills(cluster)
}

describe('A11: where idempotence ends', () => {
  test('a producer that starts again has another id: what it does not know of is there twice', async () => {
    const values = await reach(
      'A11',
      100,
      (seed) => restarted(seed, false),
      (found) => twice(found).length > 0,
    )
    expect(twice(values)).toHaveLength(1)
  })
  test(
    'safe twin: the same transactional id, and how far it came is part of the transaction',
    async () => {
      const problem = (values: readonly string[]) => (values.join() === '0,1,2,3' ? null : values.join())
      expect(await avoid('A11', (seed) => restarted(seed, true), problem, 1 / 5)).toEqual([])
    },
    SEARCH_MS,
  )

  /** The producer's records are deleted, and with them its state, before it sends again. */
  const afterRetention = async (kip360: boolean): Promise<string | undefined> => {
    await using cluster = createCluster({
      ...{ laws: true, switches: { kip360 }, topics: { orders: 1 } },
      config: { 'producer.id.expiration.ms': 60_000, 'producer.id.expiration.check.interval.ms': 10_000 },
    })
    const producer = cluster.kafka({ logLevel: 0, retry: { retries: 1 } }).producer({ idempotent: true })
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ value: 'a' }] })
    await cluster.advance('2m')
    const sent = producer.send({ topic: 'orders', messages: [{ value: 'b' }] })
    return await sent.then(
      () => undefined,
      (error: KafkariumError & { type?: string }) => error.type,
    )
  }
  test('KIP-360: a leader that has forgotten a producer refused it (UNKNOWN_PRODUCER_ID); since 2.5 it takes it', async () => {
    expect(await afterRetention(false)).toBe('UNKNOWN_PRODUCER_ID')
    expect(await afterRetention(true)).toBeUndefined()
  })
})
