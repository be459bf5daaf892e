/** Processes: what is dead does nothing, what is frozen does it later. */
import { type ClientConfig, type Cluster, createCluster } from 'kafkarium'
import { afterEach, describe, expect, test } from 'vitest'

const made: Cluster[] = []
const create = (options: Parameters<typeof createCluster>[0] = {}) => {
  const cluster = createCluster({ topics: { orders: 1 }, laws: true, trace: 'full', ...options })
  made.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})
const values = (cluster: Cluster) =>
  cluster
    .topic('orders')
    .records()
    .map(({ value }) => value)

describe('crash and restart', () => {
  test('after a crash its calls neither settle nor send, its timers are gone, its writes are dropped', async () => {
    const cluster = create()
    let settled = false
    let write!: () => void
    const worker = cluster.process('worker', async ({ kafka, store }) => {
      const producer = kafka.producer()
      await producer.connect()
      store.set('started', true)
      write = () => {
        store.set('ghost', true)
        void producer.send({ topic: 'orders', messages: [{ value: 'ghost' }] }).finally(() => {
          settled = true
        })
      }
    })
    await worker.ready
    worker.crash()
    write()
    await cluster.advance('10m')
    expect([values(cluster), settled, worker.store.entries()]).toEqual([[], false, [['started', true]]])
    expect(cluster.pendingTimers()).toEqual([])
  })

  test('a request under way at the crash may still be served: the process never learns it', async () => {
    const cluster = create()
    let learned = false
    const worker = cluster.process('worker', async ({ kafka }) => {
      const producer = kafka.producer()
      await producer.connect()
      await producer.send({ topic: 'orders', messages: [{ value: 'first' }] })
      void producer.send({ topic: 'orders', messages: [{ value: 'second' }] }).then(() => {
        learned = true
      })
    })
    await worker.ready
    worker.crash()
    await cluster.settle()
    expect(learned).toBe(false)
    expect(values(cluster)[0]).toBe('first')
  })

  test('restart runs main again, with the store as it was', async () => {
    const cluster = create()
    const worker = cluster.process('worker', ({ store, incarnation }) => {
      store.set('runs', [...((store.get('runs') as number[] | undefined) ?? []), incarnation])
    })
    await worker.ready
    worker.crash()
    await worker.restart()
    await worker.restart()
    expect(worker.store.get('runs')).toEqual([1, 2, 3])
    expect(worker).toMatchObject({ incarnation: 3, state: 'running' })
  })

  test('a dead incarnation gets no living client', async () => {
    const cluster = create()
    const makers: ((config?: ClientConfig) => ReturnType<Cluster['kafka']>)[] = []
    const worker = cluster.process('worker', ({ newKafka }) => void makers.push(newKafka))
    await worker.ready
    worker.crash()
    await worker.restart()
    const ghost = makers[0]?.().producer()
    void ghost?.connect().then(() => ghost.send({ topic: 'orders', messages: [{ value: 'ghost' }] }))
    await cluster.settle()
    expect(values(cluster)).toEqual([])
    const living = makers[1]?.().producer()
    await living?.connect()
    await living?.send({ topic: 'orders', messages: [{ value: 'living' }] })
    expect(values(cluster)).toEqual(['living'])
  })

  test('stop runs what onStop registered, last first, and ends the process', async () => {
    const cluster = create()
    const order: string[] = []
    const worker = cluster.process('worker', ({ onStop }) => {
      onStop(() => void order.push('first'))
      onStop(() => void order.push('second'))
    })
    await worker.ready
    await worker.stop()
    expect(order).toEqual(['second', 'first'])
    expect(worker.state).toBe('ended')
  })
})

describe('freeze and thaw', () => {
  test('what a frozen process sends goes out when it thaws', async () => {
    const cluster = create()
    let send!: (value: string) => Promise<unknown>
    const worker = cluster.process('worker', async ({ kafka }) => {
      const producer = kafka.producer()
      await producer.connect()
      send = (value) => producer.send({ topic: 'orders', messages: [{ value }] })
      await send('warm')
    })
    await worker.ready
    worker.freeze()
    const sending = send('frozen')
    await cluster.advance('20s')
    expect(values(cluster)).toEqual(['warm'])
    worker.thaw()
    await sending
    expect(values(cluster)).toEqual(['warm', 'frozen'])
  })

  test('a frozen consumer loses its partitions; thawed it learns that and joins again', async () => {
    const cluster = create()
    const start = (name: string) =>
      cluster.process(name, async ({ newKafka }) => {
        const consumer = newKafka({ logLevel: 0 }).consumer({ groupId: 'g' })
        await consumer.connect()
        await consumer.subscribe({ topics: ['orders'] })
        await consumer.run({ eachMessage: async () => {} })
      })
    const [a, b] = [start('a'), start('b')]
    await Promise.all([a.ready, b.ready])
    await cluster.group('g').stable({ members: 2 })
    a.freeze()
    await cluster.group('g').stable({ members: 1 })
    expect(cluster.group('g').view()?.members[0]?.clientId).toBe('b')
    a.thaw()
    await cluster.group('g').stable({ members: 2 })
  })

  test('timers come back in their order, and a cancelled one stays cancelled', async () => {
    const cluster = create()
    const worker = cluster.process('worker', async ({ kafka }) => {
      const admin = kafka.admin()
      await admin.connect()
      await admin.listTopics()
    })
    await worker.ready
    worker.freeze()
    await cluster.advance('5m')
    worker.thaw()
    await cluster.settle()
    expect(worker.state).toBe('running')
    await expect(worker.stop()).resolves.toBeUndefined()
  })

  test('a frozen process cannot be stopped politely', async () => {
    const cluster = create()
    const worker = cluster.process('worker', () => {})
    await worker.ready
    worker.freeze()
    await expect(worker.stop()).rejects.toThrow(/"worker" is frozen: it hears nothing/)
  })
})

describe('store', () => {
  test('a transaction keeps all of its writes or none, and is synchronous', async () => {
    const cluster = create()
    const worker = cluster.process('worker', () => {})
    const { store } = worker
    store.set('balance', 10)
    expect(() =>
      store.transaction((inside) => {
        inside.set('balance', 0)
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(store.get('balance')).toBe(10)
    expect(() => store.transaction(async (inside) => inside.set('balance', 1))).toThrow(/its function is synchronous/)
    expect(store.get('balance')).toBe(10)
  })

  test('what is read is a copy', async () => {
    const cluster = create()
    const { store } = cluster.process('worker', () => {})
    const row = { items: ['a'] }
    store.set('row', row)
    row.items.push('b')
    ;(store.get('row') as typeof row).items.push('c')
    expect(store.get('row')).toEqual({ items: ['a'] })
    store.send({ to: 'someone' })
    expect(store.mails()).toEqual([{ to: 'someone' }])
  })
})

describe('brokers', () => {
  test('a crash of the only broker: clients fail or retry, its log survives, groups go on after the restart', async () => {
    const cluster = create()
    const kafka = cluster.kafka({ logLevel: 0 })
    const producer = kafka.producer()
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ value: 'before' }] })
    const consumer = kafka.consumer({ groupId: 'g' })
    const got: string[] = []
    await consumer.connect()
    await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
    await consumer.run({ eachMessage: async ({ message }) => void got.push(String(message.value)) })
    await cluster.until(() => cluster.group('g').committed('orders', 0) === 1)
    cluster.faults.crash(1)
    await cluster.advance('12s')
    expect(cluster.nodes()).toMatchObject([{ state: 'fenced', connections: 0 }])
    expect(cluster.topic('orders').partitions[0]?.leader).toBe(-1)
    cluster.faults.restart(1)
    await cluster.produce('orders', ['after'])
    await cluster.until(() => got.includes('after'))
    expect(values(cluster)).toEqual(['before', 'after'])
    expect(got).toEqual(['before', 'after'])
  })

  test('many requests at once on one connection behind one that waits', async () => {
    const cluster = create()
    const admin = cluster.kafka().admin()
    await admin.connect()
    const creating = admin.createTopics({ topics: [{ topic: 'new', numPartitions: 1 }], waitForLeaders: false })
    const lists = await Promise.all(Array.from({ length: 3000 }, () => admin.listTopics()))
    await creating
    expect(lists).toHaveLength(3000)
  })
})

describe('the trace', () => {
  test('tells records apart by their timestamps and by every byte', async () => {
    const hash = async (timestamp: number, value: string) => {
      const cluster = create()
      await cluster.produce('orders', [{ value, timestamp }])
      return cluster.trace.hash
    }
    const long = 'x'.repeat(5000)
    const hashes = [
      await hash(1000, long),
      await hash(1001, long),
      await hash(1000, `${long.slice(0, 2500)}y${long.slice(2501)}`),
      await hash(1000, `${long.slice(0, 4999)}y`),
    ]
    expect(new Set(hashes).size).toBe(4)
  })

  test('a listener that throws takes no part, events cannot be changed, and reset keeps listeners', async () => {
    const cluster = create()
    const seen: string[] = []
    const errors: unknown[] = []
    const remove = cluster.trace.onEvent((event) => {
      seen.push(event.type)
      try {
        ;(event as { type: string }).type = 'mutated'
      } catch (error) {
        errors.push(error)
      }
    })
    await cluster.produce('orders', ['x'])
    expect(seen).toContain('append')
    expect(errors).toHaveLength(seen.length)
    const before = seen.length
    cluster.reset()
    await cluster.produce('orders', ['x'])
    expect(seen.length).toBeGreaterThan(before)
    remove()
  })
})
