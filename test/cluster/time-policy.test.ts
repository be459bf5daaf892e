/** The time policy, rule by rule: docs/time.md. */
import { setTimeout as realSleep } from 'node:timers/promises'
import { type Cluster, createCluster, DeadlockError, KafkariumError } from 'kafkarium'
import { afterEach, describe, expect, test, vi } from 'vitest'

const made: Cluster[] = []
const create = (options: Parameters<typeof createCluster>[0] = {}) => {
  const cluster = createCluster({ topics: { orders: 2 }, laws: true, trace: 'full', ...options })
  made.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})

/** A process with one consumer; what it handled goes to `onMessage`. */
const consumerProcess = (
  cluster: Cluster,
  name: string,
  onMessage: (text: string, name: string) => Promise<void> | void,
) =>
  cluster.process(name, async ({ newKafka, onStop }) => {
    const consumer = newKafka({ logLevel: 0 }).consumer({ groupId: 'billing' })
    await consumer.connect()
    await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
    await consumer.run({ eachMessage: async ({ message }) => onMessage(String(message.value), name) })
    onStop(() => consumer.disconnect())
  })

/** A promise and its resolver. */
const gate = <T = void>() => {
  let open!: (value: T) => void
  const opened = new Promise<T>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

describe('advance', () => {
  test('what is due at its last instant happens, and two that end together do', async () => {
    const cluster = create()
    const control = cluster.controlTime()
    let ticks = 0
    const interval = setInterval(() => {
      ticks += 1
    }, 100)
    await Promise.all([cluster.advance(1000), cluster.advance(1000), cluster.advance(1000)])
    clearInterval(interval)
    control.release()
    expect(ticks).toBe(10)
  })
})

describe('auto: time moves when something is bound to happen', () => {
  test('a takeover after a crash, while the test waits on its own promise', async () => {
    const cluster = create({ topics: { orders: 1 } })
    const taken = gate<string>()
    const report = (text: string, name: string) => taken.open(`${name} got ${text}`)
    const processes = new Map(['a', 'b'].map((name) => [name, consumerProcess(cluster, name, report)]))
    for (const process of processes.values()) await process.ready
    await cluster.group('billing').stable({ members: 2 })
    const members = cluster.group('billing').view()?.members ?? []
    const owner = members.find(({ assignment }) => assignment.length > 0)?.clientId as string
    const heir = members.find(({ assignment }) => assignment.length === 0)?.clientId as string
    const before = cluster.now
    processes.get(owner)?.crash()
    await cluster.produce('orders', ['hello'])
    expect(await taken.opened).toBe(`${heir} got hello`)
    expect(cluster.now - before).toBeGreaterThanOrEqual(24_000)
    expect(cluster.now - before).toBeLessThan(60_000)
  })

  test('a background fetch is answered without anybody asking for time', async () => {
    const cluster = create()
    const got = gate<string>()
    await consumerProcess(cluster, 'a', (text) => got.open(text)).ready
    const before = cluster.now
    void cluster.produce('orders', ['x'])
    expect(await got.opened).toBe('x')
    expect(cluster.now - before).toBeLessThan(100)
  })

  test('a group that begins at the end is there when run() has resolved and cluster.produce writes', async () => {
    const cluster = create()
    const consumer = cluster.kafka().consumer({ groupId: 'g' })
    await consumer.connect()
    await consumer.subscribe({ topics: ['orders'] })
    const got: string[] = []
    await consumer.run({ eachMessage: async ({ message }) => void got.push(String(message.value)) })
    await cluster.produce('orders', ['b'])
    await cluster.settle()
    expect(got).toEqual(['b'])
  })

  test('an outstanding call moves the timers that merely tick: a second member joins a busy group', async () => {
    const cluster = create()
    await consumerProcess(cluster, 'a', () => {}).ready
    const before = cluster.now
    await consumerProcess(cluster, 'b', () => {}).ready
    expect(cluster.group('billing').view()?.members).toHaveLength(2)
    // It came to that by the first member's long poll and heartbeat, not by magic.
    expect(cluster.now - before).toBeGreaterThan(1000)
  })

  test('events run in time order whatever their kind (law K1)', async () => {
    const cluster = create()
    await consumerProcess(cluster, 'a', () => {}).ready
    await cluster.advance('2m')
    const times = cluster.trace.events().map(({ time }) => time)
    expect(times).toEqual([...times].sort((x, y) => x - y))
  })
})

describe('auto: time stands still for what merely ticks', () => {
  test('a handler doing real I/O keeps its session', async () => {
    const cluster = create()
    const done = gate()
    const a = consumerProcess(cluster, 'a', async () => {
      await realSleep(30)
      done.open()
    })
    await a.ready
    const before = cluster.now
    await cluster.produce('orders', ['slow'])
    await done.opened
    expect(cluster.now - before).toBeLessThan(1000)
    await cluster.settle()
    expect(cluster.group('billing').view()).toMatchObject({ state: 'Stable', members: [{ clientId: 'a' }] })
    expect(cluster.trace.events().some((event) => event.type === 'group.leave')).toBe(false)
  })

  test('a rebalance waits for a handler that does real I/O', async () => {
    const cluster = create()
    const started = gate()
    const finish = gate()
    await consumerProcess(cluster, 'a', async () => {
      started.open()
      await finish.opened
    }).ready
    const b = consumerProcess(cluster, 'b', () => {})
    await b.ready
    await cluster.group('billing').stable({ members: 2 })
    const owner = cluster
      .group('billing')
      .view()
      ?.members.find(({ clientId }) => clientId === 'a')?.assignment[0]
    await cluster.produce('orders', [{ value: 'slow', partition: owner?.partition ?? 0 }])
    await started.opened
    b.crash()
    await realSleep(30)
    // b is dead, but time does not run ahead to the end of its session: a's would end with it.
    expect(cluster.group('billing').view()?.members).toHaveLength(2)
    finish.open()
    await cluster.group('billing').stable({ members: 1 })
    expect(cluster.trace.events().filter((event) => event.type === 'group.leave')).toHaveLength(1)
  })

  test('stop() that waits for a running handler is not work', async () => {
    const cluster = create()
    const started = gate()
    const consumer = cluster.kafka().consumer({ groupId: 'g' })
    await consumer.connect()
    await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
    await consumer.run({
      eachMessage: async () => {
        started.open()
        await realSleep(40)
      },
    })
    await cluster.produce('orders', ['x'])
    await started.opened
    const before = cluster.now
    await consumer.stop()
    // In-flight fetches of other brokers may end on the way, a session may not.
    expect(cluster.now - before).toBeLessThan(10_000)
    expect(cluster.trace.events().filter((event) => event.type === 'group.leave')).toMatchObject([
      { reason: 'it left the group' },
    ])
  })

  test('a dead cluster does not spin: loops stop after patience', async () => {
    const cluster = create({ brokers: 1, patience: '20s' })
    await consumerProcess(cluster, 'a', () => {}).ready
    await cluster.settle()
    const before = cluster.now
    cluster.faults.crash(1)
    await cluster.settle()
    expect(cluster.now - before).toBeGreaterThan(5_000)
    expect(cluster.now - before).toBeLessThan(60_000)
    const count = cluster.trace.count
    await realSleep(20)
    expect(cluster.trace.count).toBe(count)
  })

  test('when it waits for what never comes by itself, ONE line names the next timers', async () => {
    const warnings = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    try {
      const cluster = create()
      await consumerProcess(cluster, 'a', () => {}).ready
      await cluster.settle()
      await realSleep(3300)
      const lines = warnings.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('[kafkarium]'))
      expect(lines).toHaveLength(1)
      expect(lines[0]).toMatch(/Virtual time stands still.*Next: .* in .*cluster\.advance/)
    } finally {
      warnings.mockRestore()
    }
  })

  test('an idle cluster of three brokers with consumers costs well under 1,000 events a virtual minute', async () => {
    const cluster = create({ brokers: 3, topics: { orders: 3 } })
    await consumerProcess(cluster, 'a', () => {}).ready
    await consumerProcess(cluster, 'b', () => {}).ready
    await cluster.group('billing').stable({ members: 2 })
    const before = cluster.trace.count
    await cluster.advance('10m')
    const perMinute = (cluster.trace.count - before) / 10
    expect(perMinute).toBeLessThan(500)
    expect(perMinute).toBeGreaterThan(10)
  })
})

describe('until and handlers of user code', () => {
  test('a handler that waits for the host is waited for, not outrun', async () => {
    const cluster = create()
    const handled: string[] = []
    await consumerProcess(cluster, 'a', async (text) => {
      await new Promise(setImmediate)
      await realSleep(20)
      handled.push(text)
    }).ready
    const before = cluster.now
    await cluster.produce('orders', ['x'])
    await cluster.until(() => handled.length === 1)
    expect(cluster.now - before).toBeLessThan(6000)
    expect(handled).toEqual(['x'])
    expect(cluster.trace.events().some((event) => event.type === 'group.leave')).toBe(false)
  })

  test('one that never returns is left behind after a second, and a line says so', async () => {
    const warnings = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    try {
      const cluster = create()
      await consumerProcess(cluster, 'a', () => new Promise(() => {})).ready
      await cluster.produce('orders', ['x'])
      await cluster.until(() => cluster.group('billing').view()?.members.length === 0)
      const lines = warnings.mock.calls.map(([line]) => String(line)).filter((line) => line.includes('[kafkarium]'))
      expect(lines).toHaveLength(1)
      expect(lines[0]).toMatch(
        /the handler of group billing for orders-\d offset 0 has not returned for 1 s.*cluster\.advance/,
      )
    } finally {
      warnings.mockRestore()
    }
  })

  test('a strict run does not wait for it: nothing real may happen there', async () => {
    const cluster = create({ strict: true })
    await consumerProcess(cluster, 'a', () => new Promise(() => {})).ready
    await cluster.produce('orders', ['x'])
    const started = performance.now()
    await cluster.until(() => cluster.group('billing').view()?.members.length === 0)
    expect(performance.now() - started).toBeLessThan(900)
  })

  test('the predicate is asked when the program has done what the event made it do: no overshoot', async () => {
    const cluster = create()
    const producer = cluster.kafka().producer()
    let at = 0
    void producer.connect().then(() => {
      at = cluster.now
    })
    await cluster.until(() => at > 0)
    expect(cluster.now - at).toBeLessThan(5)
  })

  test('a predicate over the time alone is asked, too', async () => {
    const cluster = create()
    const before = cluster.now
    await cluster.until(() => cluster.now >= before + 5000)
    expect(cluster.now - before).toBeGreaterThanOrEqual(5000)
    expect(cluster.now - before).toBeLessThanOrEqual(5100)
  })

  test('a predicate that answers a promise is refused', async () => {
    const cluster = create()
    await expect(cluster.until((async () => false) as never)).rejects.toThrow(/the predicate answers a promise/)
  })
})

describe('no spinning', () => {
  const stands = async (cluster: Cluster) => {
    await realSleep(50)
    const first = cluster.now
    await realSleep(50)
    return cluster.now === first
  }

  test('a poison message is retried for `patience`, then time stands still', async () => {
    const cluster = create({ patience: '30s' })
    let calls = 0
    await consumerProcess(cluster, 'a', () => {
      calls += 1
      throw new Error('poison')
    }).ready
    const before = cluster.now
    await cluster.produce('orders', ['x'])
    await cluster.settle()
    expect(calls).toBeGreaterThan(5)
    expect(cluster.now - before).toBeLessThan(60_000)
    expect(await stands(cluster)).toBe(true)
  })

  test('a stop() that waits for a stuck handler does not switch off the deadlines of others', async () => {
    const cluster = create({ deadline: '90s' })
    const started = gate()
    const kafka = cluster.kafka({ logLevel: 0, retry: { retries: 10_000, maxRetryTime: 5000 } })
    const consumer = kafka.consumer({ groupId: 'g' })
    await consumer.connect()
    await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
    await consumer.run({
      eachMessage: () => {
        started.open()
        return new Promise(() => {})
      },
    })
    await cluster.produce('orders', ['x'])
    await started.opened
    void consumer.stop()
    cluster.faults.crash(1)
    await expect(kafka.producer().connect()).rejects.toThrow(/virtual deadline of 1 m 30 s passed/)
  })
})

describe('deadlines', () => {
  test('until gives up after its virtual deadline and says what it waited for', async () => {
    const cluster = create()
    await consumerProcess(cluster, 'a', () => {}).ready
    const error = await cluster.until(() => false, { within: '40s', what: 'the moon' }).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(DeadlockError)
    expect((error as Error).message).toMatch(/the moon: not within 40 s of virtual time[\s\S]*next timers: /)
    expect((error as Error).stack).toMatch(/time-policy\.test\.ts/)
  })

  test('a call that can never finish is a DeadlockError that names it, not a hanging test', async () => {
    const cluster = create({ deadline: '90s' })
    const kafka = cluster.kafka({ retry: { retries: 1000, maxRetryTime: 5000 }, logLevel: 0 })
    cluster.faults.crash(1)
    const error = await kafka
      .producer()
      .connect()
      .catch((e: unknown) => e)
    expect(error).toBeInstanceOf(DeadlockError)
    expect((error as Error).message).toMatch(
      /producer\.connect.*cannot finish: its virtual deadline of 1 m 30 s passed/,
    )
  })

  test('a predicate that throws rejects until', async () => {
    const cluster = create()
    await expect(
      cluster.until(() => {
        throw new Error('mine')
      }),
    ).rejects.toThrow('mine')
  })
})

describe('advance, settle, until', () => {
  test('advance moves by exactly that long', async () => {
    const cluster = create()
    const before = cluster.now
    await cluster.advance(1234)
    expect(cluster.now - before).toBe(1234)
    await cluster.advance('1m')
    expect(cluster.now - before).toBe(61_234)
  })

  test('advances in parallel end each at its own time, in order', async () => {
    const cluster = create()
    const order: string[] = []
    const before = cluster.now
    await Promise.all([
      cluster.advance(300).then(() => order.push(`300@${cluster.now - before}`)),
      cluster.advance(100).then(() => order.push(`100@${cluster.now - before}`)),
    ])
    expect(order).toEqual(['100@100', '300@300'])
  })

  test('produce does not wait for a concurrent advance', async () => {
    const cluster = create()
    const before = cluster.now
    const advanced = cluster.advance('10s')
    await cluster.produce('orders', ['x'])
    expect((cluster.topic('orders').records()[0]?.timestamp ?? 0) - before).toBeLessThan(100)
    await advanced
  })

  test('next hands every record to one taker', async () => {
    const cluster = create({ topics: { orders: 1 } })
    const topic = cluster.topic('orders')
    const taken = Promise.all([topic.next(), topic.next(), topic.next()])
    await cluster.produce('orders', ['a', 'b', 'c'])
    expect((await taken).map(({ value }) => value).sort()).toEqual(['a', 'b', 'c'])
    await expect(cluster.topic('order').next({ within: '1s' })).rejects.toThrow(/There is no such topic; known: orders/)
    await expect(cluster.group('nope').stable({ within: '1s' })).rejects.toThrow(/Nobody has heard of it/)
  })

  test('settle returns when nothing is under way', async () => {
    const cluster = create()
    const sent = cluster.produce('orders', ['x'])
    await cluster.settle()
    expect(cluster.topic('orders').records()).toHaveLength(1)
    await sent
    const before = cluster.now
    await cluster.settle()
    expect(cluster.now).toBe(before)
  })
})

describe('manual: only the caller moves time', () => {
  test('nothing happens until advance or step', async () => {
    const cluster = create({ time: 'manual' })
    let sent = false
    const sending = cluster.produce('orders', ['x']).then(() => {
      sent = true
    })
    await realSleep(10)
    expect([sent, cluster.topic('orders').records().length]).toEqual([false, 0])
    while (cluster.topic('orders').records().length === 0) {
      if (!cluster.step()) await realSleep(0)
    }
    expect(sent).toBe(false)
    await cluster.advance(10)
    await sending
    expect(sent).toBe(true)
  })

  test('settle runs what is bound to happen, until what the predicate needs', async () => {
    const cluster = create({ time: 'manual' })
    const sending = cluster.produce('orders', ['x'])
    await cluster.settle()
    await sending
    const before = cluster.now
    const later = cluster.until(() => cluster.now - before >= 5000)
    void cluster.advance(6000)
    await later
    expect(cluster.now - before).toBeGreaterThanOrEqual(5000)
  })
})

describe('wall: real pace times speed', () => {
  test('time follows the host clock; advance still jumps; pause stops it', async () => {
    const cluster = create({ time: 'wall', speed: 1000 })
    const before = cluster.now
    await realSleep(20)
    const passed = cluster.now - before
    expect(passed).toBeGreaterThanOrEqual(15_000)
    cluster.pause()
    const paused = cluster.now
    await realSleep(10)
    expect(cluster.now).toBe(paused)
    await cluster.advance('1h')
    expect(cluster.now).toBe(paused + 3_600_000)
    cluster.play()
    cluster.speed = 1
    await realSleep(10)
    expect(cluster.now - paused - 3_600_000).toBeLessThan(5_000)
  })

  test('a client works at the pace of the wall', async () => {
    const cluster = create({ time: 'wall', speed: 50 })
    const got = gate<string>()
    await consumerProcess(cluster, 'a', (text) => got.open(text)).ready
    await cluster.produce('orders', ['x'])
    expect(await got.opened).toBe('x')
  })

  test('it goes on after a jump', async () => {
    const cluster = create({ time: 'wall', speed: 20 })
    await cluster.produce('orders', ['a'])
    await cluster.advance('20s')
    const started = performance.now()
    await cluster.produce('orders', ['b'])
    expect(performance.now() - started).toBeLessThan(1000)
  })

  test('waiting while it is paused is refused', () => {
    const cluster = create({ time: 'wall' })
    cluster.pause()
    expect(() => cluster.until(() => true)).toThrow(/the cluster is paused. Call play\(\) first/)
  })

  test('its controls are refused in other modes', () => {
    const cluster = create()
    expect(() => cluster.pause()).toThrow(/only with createCluster\(\{ time: 'wall' \}\); this cluster runs in 'auto'/)
  })
})

describe('taint: real I/O that enters while the cluster runs', () => {
  const busy = async (cluster: Cluster) => {
    const producer = cluster.kafka().producer()
    await producer.connect()
    let stop = false
    const loop = (async () => {
      while (!stop) await producer.send({ topic: 'orders', messages: [{ value: 'x' }] })
    })()
    const end = () => {
      stop = true
      return loop
    }
    return { end }
  }

  test('is noticed and named', async () => {
    const cluster = create()
    const { end } = await busy(cluster)
    expect(cluster.taint).toBeNull()
    await realSleep(5)
    await cluster.produce('orders', ['from a real timer'])
    await end()
    expect(cluster.taint).toMatch(
      /cluster\.produce was called by real I\/O or a real timer while the cluster was running/,
    )
  })

  test('throws in strict runs', async () => {
    const cluster = create({ strict: true })
    const { end } = await busy(cluster)
    await realSleep(5)
    expect(() => cluster.produce('orders', ['x'])).toThrow(
      expect.objectContaining({ code: 'KAFKARIUM_UNCONTROLLED_ASYNC' }),
    )
    await end()
  })

  test('awaits, ticks and microtasks of the program do not count', async () => {
    const cluster = create({ strict: true })
    const producer = cluster.kafka().producer()
    await producer.connect()
    for (let i = 0; i < 300; i++) {
      await producer.send({ topic: 'orders', messages: [{ value: String(i) }] })
      await new Promise<void>((resolve) => process.nextTick(resolve))
      await null
      queueMicrotask(() => {})
    }
    expect(cluster.taint).toBeNull()
  })

  test('a call into a parked cluster is fine: everything stood still', async () => {
    const cluster = create({ strict: true })
    await cluster.produce('orders', ['x'])
    await cluster.settle()
    await realSleep(5)
    await cluster.produce('orders', ['y'])
    expect(cluster.taint).toBeNull()
  })
})

describe('disposal', () => {
  test('a cluster used after disposal says so', async () => {
    const cluster = create()
    const producer = cluster.kafka().producer()
    await producer.connect()
    await cluster.dispose()
    await cluster.dispose()
    expect(() => cluster.kafka()).toThrow(KafkariumError)
    expect(() => cluster.advance(1)).toThrow(/cluster\.advance: this cluster was disposed/)
    await expect(producer.send({ topic: 'orders', messages: [{ value: 'x' }] })).rejects.toThrow(/disposed/)
  })

  test('whoever waits for a cluster that ends is told', async () => {
    const cluster = create()
    const waits = [cluster.advance('1h'), cluster.until(() => false), cluster.topic('orders').next(), cluster.settle()]
    void cluster.advance('1h') // nobody awaits it, and nobody is struck by its end
    await cluster.dispose()
    for (const wait of waits) await expect(wait).rejects.toMatchObject({ code: 'KAFKARIUM_DISPOSED' })
  })

  test('`using` disposes', async () => {
    let kept: Cluster
    {
      using cluster = createCluster()
      kept = cluster
      await cluster.settle()
    }
    expect(() => kept.kafka()).toThrow(/disposed/)
  })
})
