/**
 * The anomalies of transactions, each searched for over seeds: the unsafe way shows it, the safe one never, and what is always legal the
 * checker leaves alone. A23 and A24 are with verification (KIP-890).
 */
import { type ClientConfig, type Cluster, createCluster, type ProcessContext } from 'kafkarium'
import { describe, expect, test } from 'vitest'
import { avoid, dice, judge, reach, SEARCH_MS, twice } from '../support/anomalies.ts'
import { biller, committedBills, ORDERS, SMALL } from '../support/billing.ts'

type Kafka = ReturnType<Cluster['kafka']>
type Context = ProcessContext<Kafka, ClientConfig>

const quiet = { logLevel: 0 } as const
const message = (value: string, partition = 0) => ({ topic: 'orders', messages: [{ value, partition }] })

async function transactional(kafka: Kafka, transactionalId: string, transactionTimeout = 60_000) {
  const producer = kafka.producer({ transactionalId, transactionTimeout })
  await producer.connect()
  return producer
}

/** Reads `orders` from now on; what it is given, in order. */
async function reader(cluster: Cluster, readUncommitted = false): Promise<string[]> {
  const read: string[] = []
  const consumer = cluster.kafka(quiet).consumer({ groupId: `reader-${readUncommitted}`, readUncommitted })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await consumer.run({ eachMessage: async (given) => void read.push(String(given.message.value)) })
  await cluster.group(`reader-${readUncommitted}`).stable({ members: 1 })
  return read
}

describe('A19: isolation', () => {
  interface Way {
    readonly readUncommitted: boolean
    readonly transactionTimeout: number
    /** Anna's transaction is left open; else she aborts it. */
    readonly isLeft: boolean
  }

  /** Anna writes "void" in a transaction; Boris's record comes behind it. */
  async function run(seed: number, { readUncommitted, transactionTimeout, isLeft }: Way) {
    const roll = dice(seed)
    await using cluster = createCluster({ seed, laws: true, config: SMALL, history: true, topics: { orders: 1 } })
    const read = await reader(cluster, readUncommitted)
    const anna = await transactional(cluster.kafka(quiet), 'anna', transactionTimeout)
    const boris = cluster.kafka(quiet).producer()
    await boris.connect()
    const transaction = await anna.transaction()
    await transaction.send(message('void'))
    const from = cluster.now
    await boris.send(message('plain'))
    await cluster.advance(roll(40))
    if (!isLeft) await transaction.abort()
    await cluster.until(() => read.includes('plain'))
    const waited = cluster.now - from
    await cluster.heal()
    return { read: [...read], waited, ...judge(cluster) }
  }

  test('who reads uncommitted records is given what is aborted (G1a)', async () => {
    const way = { readUncommitted: true, transactionTimeout: 60_000, isLeft: false }
    const { unexplained } = await reach(
      'A19, an aborted record read',
      20,
      (seed) => run(seed, way),
      ({ read }) => read.includes('void'),
    )
    expect(unexplained).toEqual([])
  })

  test('who reads committed records waits behind one that is left open, for all of its timeout (V7, V8)', async () => {
    const way = { readUncommitted: false, transactionTimeout: 60_000, isLeft: true }
    const { waited } = await reach(
      'A19, a reader stuck for a minute',
      20,
      (seed) => run(seed, way),
      (outcome) => outcome.waited >= 60_000,
    )
    // transaction.abort.timed.out.transaction.cleanup.interval.ms
    expect(waited).toBeLessThan(71_000)
  })

  test(
    'safe twin: read_committed, and a short timeout',
    async () => {
      const way = (seed: number) => ({ readUncommitted: false, transactionTimeout: 2000, isLeft: seed % 2 === 0 })
      const problem = ({ read, waited, unexplained }: Awaited<ReturnType<typeof run>>) =>
        read.includes('void') || waited > 2000 + 10_000 + 100 || unexplained.length > 0
          ? `${read} after ${waited} ms, ${unexplained}`
          : null
      expect(await avoid('A19', (seed) => run(seed, way(seed)), problem, 1 / 5)).toEqual([])
    },
    SEARCH_MS,
  )
})

describe('A20: transactions interleave, and are seen in parts', () => {
  /** Anna writes to both partitions, Boris to the first; whoever reads follows. */
  async function run(seed: number) {
    const roll = dice(seed)
    await using cluster = createCluster({
      seed,
      laws: true,
      config: SMALL,
      history: true,
      brokers: 2,
      topics: { orders: 2 },
    })
    const read = await reader(cluster)
    const kafka = cluster.kafka(quiet)
    const [anna, boris] = [await transactional(kafka, 'anna'), await transactional(kafka, 'boris')]
    const [a, b] = [await anna.transaction(), await boris.transaction()]
    const sends = [() => a.send(message('a0')), () => b.send(message('b0')), () => a.send(message('a1'))]
    while (sends.length > 0) await sends.splice(roll(sends.length), 1)[0]?.()
    await a.send(message('a2', 1))
    cluster.faults.slow(1, 2, `${10 + roll(100)}ms`)
    const ends = [a.commit(), b.commit()]
    // Of one transaction something is shown, and not the rest.
    let isTorn = false
    const [first, second] = [['a0', 'a1'], ['a2']]
    await cluster.until(() => {
      const shown = (values: readonly string[]) => values.some((value) => read.includes(value))
      isTorn ||= shown(first) !== shown(second)
      return read.length === 4
    })
    await Promise.all(ends)
    await cluster.heal()
    const log = cluster.topic('orders').records(0)
    return { isTorn, log: log.map(({ value }) => String(value)).join(' '), ...judge(cluster) }
  }

  test('records of two transactions lie between one another (int-send-skip), and the checker has nothing against it', async () => {
    const { classes } = await reach('A20, interleaved', 50, run, ({ log }) => log === 'a0 b0 a1' || log === 'a1 b0 a0')
    expect(classes).toEqual([])
  })

  test('a reader has the part in one partition before that in the other (torn-read), and the checker has nothing against it', async () => {
    const { classes } = await reach('A20, torn', 50, run, ({ isTorn }) => isTorn)
    expect(classes).toEqual([])
  })
})

describe('A21: a zombie that writes on', () => {
  /** The shop is started a second time while the first one works. */
  async function run(seed: number, transactionalIds: readonly [string, string]) {
    const roll = dice(seed)
    await using cluster = createCluster({ seed, laws: true, config: SMALL, topics: { orders: 1, bills: 1 } })
    const shops = transactionalIds.map((id, i) => ({ name: `shop ${i + 1}`, main: biller(id, { done: 0 }) }))
    const ended: (string | null)[] = []
    for (const { name, main } of shops) {
      const { ready } = cluster.process(name, main)
      ready.then(
        () => ended.push(null),
        (error: { type?: string }) => ended.push(error.type ?? String(error)),
      )
      await cluster.advance(roll(2200))
    }
    await cluster.until(() => ended.length === 2)
    return { bills: await committedBills(cluster), ended }
  }

  test('with an id of its own each of them bills everything', async () => {
    const { bills, ended } = await reach(
      'A21',
      20,
      (seed) => run(seed, ['one', 'two']),
      (outcome) => twice(outcome.bills).length > 0,
    )
    expect(ended).toEqual([null, null])
    expect(new Set(bills)).toEqual(new Set(ORDERS))
  })

  test(
    'safe twin: with the same one the first is fenced, and every order is billed once',
    async () => {
      let fenced = 0
      const problem = ({ bills, ended }: Awaited<ReturnType<typeof run>>) => {
        const errors = ended.filter((error) => error !== null)
        fenced += errors.length
        const isFence = errors.every((error) => error === 'INVALID_PRODUCER_EPOCH' || error === 'PRODUCER_FENCED')
        return bills.join() === ORDERS.join() && isFence ? null : `${bills}; ${errors}`
      }
      expect(await avoid('A21', (seed) => run(seed, ['shop', 'shop']), problem, 1 / 5)).toEqual([])
      expect(fenced).toBeGreaterThan(0)
    },
    SEARCH_MS,
  )
})

describe('A25: a timeout that looks like a fence', () => {
  /** Whether the commit is refused, after work of up to 30 seconds. */
  async function run(seed: number, transactionTimeout: number) {
    await using cluster = createCluster({ seed, laws: true, config: SMALL, history: true, topics: { orders: 1 } })
    const producer = await transactional(cluster.kafka(quiet), 'anna', transactionTimeout)
    const transaction = await producer.transaction()
    await transaction.send(message('a'))
    await cluster.advance(dice(seed)(30_000))
    const error = await transaction.commit().then(
      () => null,
      (refused: { type?: string }) => refused.type ?? String(refused),
    )
    await cluster.heal()
    return { error, ...judge(cluster) }
  }

  test('work longer than the timeout: the producer is fenced, and nobody has fenced it (false-fence)', async () => {
    const { error, unexplained } = await reach(
      'A25',
      50,
      (seed) => run(seed, 5000),
      (outcome) => outcome.error !== null,
    )
    expect(error).toBe('INVALID_PRODUCER_EPOCH')
    expect(unexplained).toEqual([])
  })

  test(
    'safe twin: a timeout above the work',
    async () => {
      expect(
        await avoid(
          'A25',
          (seed) => run(seed, 31_000),
          ({ error }) => error,
        ),
      ).toEqual([])
    },
    SEARCH_MS,
  )
})

interface PipeWay {
  /** KIP-447: the offsets say which member of the group commits them. */
  readonly isNamed?: boolean
  /** KIP-447: a new owner waits until the offsets of the old one are decided. */
  readonly requireStable?: boolean
  /** After an abort the consumer goes on behind what it has taken, or goes back. */
  readonly onAbort: 'goes on' | 'goes back'
  /** The order whose bill fails the first time. */
  readonly fails?: string
}

/** Takes orders and writes bills, a transaction each, under its own transactional id. */
const pipe =
  (name: string, { isNamed = true, requireStable = true, onAbort, fails }: PipeWay) =>
  async ({ newKafka, onStop }: Context) => {
    const kafka = newKafka({ ...quiet, clientId: name })
    const producer = await transactional(kafka, name)
    const consumer = kafka.consumer({
      groupId: 'billing',
      sessionTimeout: 6000,
      heartbeatInterval: 1000,
      requireStable,
    })
    onStop(() => consumer.disconnect())
    let hasFailed = false
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      async eachMessage({ topic, partition, message: { value, offset } }) {
        const groupMetadata = isNamed ? { groupMetadata: consumer.groupMetadata() } : {}
        const transaction = await producer.transaction()
        try {
          await transaction.send({ topic: 'bills', messages: [{ value }] })
          if (String(value) === fails && !hasFailed) {
            hasFailed = true
            throw new Error('the printer is out of paper')
          }
          const topics = [{ topic, partitions: [{ partition, offset: String(Number(offset) + 1) }] }]
          await transaction.sendOffsets({ consumerGroupId: 'billing', topics, ...groupMetadata })
          await transaction.commit()
        } catch (error) {
          if (transaction.isActive()) await transaction.abort()
          if (onAbort === 'goes back') throw error
        }
      },
    })
  }

describe('A22: exactly once without KIP-447', () => {
  /** Anna stands still for longer than her session at some moment of her work; Boris gets her partition. */
  async function run(seed: number, way: Pick<PipeWay, 'isNamed' | 'requireStable'>) {
    const roll = dice(seed)
    await using cluster = createCluster({ seed, laws: true, config: SMALL, topics: { orders: 1, bills: 1 } })
    const offsets: number[] = []
    cluster.trace.onEvent((event) => {
      if (event.type === 'offset.commit' && event.group === 'billing') offsets.push(event.offset)
    })
    const [anna] = ['anna', 'boris'].map((name) => cluster.process(name, pipe(name, { ...way, onAbort: 'goes back' })))
    await cluster.group('billing').stable({ members: 2 })
    for (const order of ORDERS) await cluster.produce('orders', [order])
    await cluster.advance(roll(60))
    anna?.freeze()
    await cluster.advance(12_000)
    anna?.thaw()
    await cluster.advance(20_000)
    const back = offsets.filter((offset, i) => offset < Math.max(0, ...offsets.slice(0, i)))
    return { back, bills: await committedBills(cluster) }
  }
  type Outcome = Awaited<ReturnType<typeof run>>

  test('the zombie’s transactional id is still good: its offsets go back (commit-regress), and orders are billed twice', async () => {
    const shows = ({ bills }: Outcome) => twice(bills).length > 0
    await reach('A22, billed twice', 200, (seed) => run(seed, { isNamed: false }), shows)
    await reach(
      'A22, offsets go back',
      200,
      (seed) => run(seed, { isNamed: false }),
      ({ back }) => back.length > 0,
    )
  })

  test('offsets that say whose they are are half of it: sent in time and not decided, they are not waited for', async () => {
    const shows = ({ bills }: Outcome) => twice(bills).length > 0
    const { back } = await reach('A22, not stable', 200, (seed) => run(seed, { requireStable: false }), shows)
    expect(back).toEqual([])
  })

  test(
    'safe twin: they say which member commits them, and who takes over waits until they are decided',
    async () => {
      const problem = ({ back, bills }: Outcome) =>
        back.length === 0 && [...bills].sort().join() === ORDERS.join() ? null : `back to ${back}; ${bills}`
      expect(await avoid('A22', (seed) => run(seed, {}), problem, 1 / 5)).toEqual([])
    },
    SEARCH_MS,
  )
})

describe('A26: abort does not rewind', () => {
  async function run(seed: number, onAbort: PipeWay['onAbort']) {
    const roll = dice(seed)
    await using cluster = createCluster({ seed, laws: true, config: SMALL, topics: { orders: 1, bills: 1 } })
    const fails = ORDERS[roll(ORDERS.length)] as string
    cluster.process('anna', pipe('anna', { onAbort, fails }))
    await cluster.group('billing').stable({ members: 1 })
    await cluster.produce('orders', ORDERS)
    await cluster.advance(10_000)
    return { fails, bills: await committedBills(cluster), lag: cluster.group('billing').lag() }
  }

  test('the consumer goes on behind what it has taken: the order is passed over (consume-loss)', async () => {
    const { fails, bills } = await reach(
      'A26',
      20,
      (seed) => run(seed, 'goes on'),
      ({ lag, bills: found }) => lag === 0 && found.length < ORDERS.length,
    )
    expect(ORDERS.filter((order) => !bills.includes(order))).toEqual([fails])
  })

  test(
    'safe twin: the handler throws, and the consumer goes back',
    async () => {
      const problem = ({ bills, lag }: Awaited<ReturnType<typeof run>>) =>
        bills.join() === ORDERS.join() && lag === 0 ? null : `${bills}, lag ${lag}`
      expect(await avoid('A26', (seed) => run(seed, 'goes back'), problem, 1 / 5)).toEqual([])
    },
    SEARCH_MS,
  )
})
