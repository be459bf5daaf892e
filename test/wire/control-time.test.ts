/** `cluster.controlTime()`: the program's own timers, dates and chance on virtual time. */
import { createHash, randomBytes, randomFillSync, randomInt, randomUUID } from 'node:crypto'
import { performance as nodePerformance } from 'node:perf_hooks'
import { setTimeout as sleepModule } from 'node:timers'
import { setInterval as every, scheduler, setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createGzip, gunzip, gzip } from 'node:zlib'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createCluster } from '../../src/index.ts'

const EPOCH = Date.UTC(2026, 0, 1)
const clusters: ReturnType<typeof createCluster>[] = []
function make(options: Parameters<typeof createCluster>[0] = {}) {
  const cluster = createCluster(options)
  clusters.push(cluster)
  return cluster
}
afterEach(async () => {
  vi.useRealTimers()
  for (const cluster of clusters.splice(0)) await cluster.dispose()
})

describe('time', () => {
  test('a sleep takes no time, and every clock says how long it was', async () => {
    const cluster = make()
    using _ = cluster.controlTime()
    const before = { date: Date.now(), performance: performance.now(), hrtime: process.hrtime.bigint() }
    await new Promise((resolve) => setTimeout(resolve, 30_000))
    expect(Date.now() - before.date).toBe(30_000)
    expect(Date.now()).toBe(cluster.now)
    expect(performance.now() - before.performance).toBe(30_000)
    expect(nodePerformance.now()).toBe(performance.now())
    expect(process.hrtime.bigint() - before.hrtime).toBe(30_000_000_000n)
  })

  test('the date is a date in every other way', () => {
    const cluster = make()
    const real = new Date(5)
    using _ = cluster.controlTime()
    expect(Date.now()).toBe(EPOCH)
    expect(real instanceof Date).toBe(true)
    expect(new Date(7).getTime()).toBe(7)
    expect(new Date(2020, 1, 2).getFullYear()).toBe(2020)
    expect(Date.UTC(2020)).toBe(1_577_836_800_000)
    expect(Date()).toBe(new Date(EPOCH).toString())
    expect(new Date() instanceof Date).toBe(true)
  })

  test('named imports of builtins follow, and so does promisify', async () => {
    const cluster = make()
    using _ = cluster.controlTime()
    const start = cluster.now
    await sleep(1000, 'value').then((value) => expect(value).toBe('value'))
    await new Promise((resolve) => sleepModule(resolve, 1000))
    await promisify(setTimeout)(1000)
    await scheduler.wait(1000)
    let ticks = 0
    for await (const _tick of every(1000)) if (++ticks === 2) break
    expect(cluster.now - start).toBe(6000)
  })

  test('an immediate comes before a time-out, time-outs by their delay, then as armed', async () => {
    const cluster = make()
    using _ = cluster.controlTime()
    const order: string[] = []
    setTimeout(() => order.push('b'), 2)
    setTimeout(() => order.push('a'), 1)
    setTimeout(() => order.push('a2'), 0)
    setImmediate(() => order.push('now'))
    await new Promise((resolve) => setTimeout(resolve, 3))
    expect(order).toEqual(['now', 'a', 'a2', 'b'])
  })

  test('cleared timers do not fire, by object, number or `close`', async () => {
    const cluster = make()
    using _ = cluster.controlTime()
    const fired: string[] = []
    clearTimeout(setTimeout(() => fired.push('timeout'), 1))
    clearTimeout(Number(setTimeout(() => fired.push('number'), 1)))
    clearImmediate(setImmediate(() => fired.push('immediate')))
    const timer = setTimeout(() => fired.push('closed'), 1)
    expect(timer.unref().hasRef()).toBe(false)
    expect(timer.ref().hasRef()).toBe(true)
    timer.close()
    await sleep(5)
    expect(fired).toEqual([])
  })

  test('an interval merely ticks: time does not move for it, but it fires on the way', async () => {
    const cluster = make()
    using _ = cluster.controlTime()
    let ticks = 0
    const timer = setInterval(() => {
      ticks += 1
    }, 100)
    await cluster.settle()
    expect(ticks).toBe(0)
    await cluster.advance(1000)
    expect(ticks).toBe(10)
    clearInterval(timer)
    await cluster.advance(1000)
    expect(ticks).toBe(10)
  })

  test('an endless chain of time-outs stands still after `patience`', async () => {
    const cluster = make({ patience: '10s' })
    using _ = cluster.controlTime()
    let ticks = 0
    const again = () => {
      ticks += 1
      timer = setTimeout(again, 1000)
    }
    let timer = setTimeout(again, 1000)
    await cluster.settle()
    clearTimeout(timer)
    expect(ticks).toBe(10)
  })

  test('an abort ends a sleep', async () => {
    const cluster = make()
    using _ = cluster.controlTime()
    const controller = new AbortController()
    const asleep = sleep(1000, undefined, { signal: controller.signal })
    controller.abort()
    await expect(asleep).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' })
  })
})

describe('chance', () => {
  const draw = (seed?: number) => {
    const cluster = make(seed === undefined ? {} : { seed })
    using _ = cluster.controlTime()
    const drawn = [
      Math.random(),
      randomUUID(),
      crypto.randomUUID(),
      randomBytes(8).toString('hex'),
      randomInt(1000),
      crypto.getRandomValues(new Uint8Array(5)).join(),
    ]
    return drawn
  }

  test('comes from the seed', () => {
    expect(draw(7)).toEqual(draw(7))
    expect(draw(7)).not.toEqual(draw(8))
  })

  test('without a seed it is the same every time, and ids still differ', () => {
    const drawn = draw()
    expect(draw()).toEqual(drawn)
    expect(drawn[1]).not.toBe(drawn[2])
    expect(drawn[1]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  test('hashes are hashes', () => {
    using _ = make().controlTime()
    expect(createHash('md5').update('a').digest('hex')).toBe('0cc175b9c0f1b6a831c399e269772661')
  })
})

test('zlib on its threads holds the cluster still, and its results come in the order they were asked for', async () => {
  const cluster = make()
  using _ = cluster.controlTime()
  const order: string[] = []
  const start = cluster.now
  const big = Buffer.alloc(400_000, 'abcdefg')
  await Promise.all([
    promisify(gzip)(big)
      .then((bytes) => promisify(gunzip)(bytes))
      .then((bytes) => order.push(`big ${bytes.length}`)),
    promisify(gzip)(Buffer.from('x')).then(() => order.push('small')),
    sleep(1).then(() => order.push('slept')),
  ])
  expect(order).toEqual(['small', 'big 400000', 'slept'])
  expect(cluster.now - start).toBe(1)
  expect(cluster.taint).toBeNull()
})

describe('zlib that does not end', () => {
  test('what fails holds nothing up', async () => {
    const cluster = make({ topics: { orders: 1 } })
    using _ = cluster.controlTime()
    await expect(promisify(gunzip)(Buffer.from('not gzip at all'))).rejects.toThrow('incorrect header check')
    await cluster.produce('orders', ['a'])
    expect(String(await promisify(gunzip)(await promisify(gzip)('b')))).toBe('b')
  })

  test('a stream that nobody reads yet holds nothing up', async () => {
    const cluster = make({ topics: { orders: 1 } })
    using _ = cluster.controlTime()
    const stream = createGzip()
    stream.write(randomBytes(1 << 20))
    await cluster.produce('orders', ['a'])
    await sleep(1000)
    const bytes: Buffer[] = []
    stream.end()
    for await (const chunk of stream) bytes.push(chunk as Buffer)
    expect((await promisify(gunzip)(Buffer.concat(bytes))).length).toBe(1 << 20)
  })

  test('a stream that is destroyed holds nothing up', async () => {
    const cluster = make({ topics: { orders: 1 } })
    using _ = cluster.controlTime()
    const stream = createGzip()
    stream.write(randomBytes(1 << 20))
    stream.destroy()
    await cluster.produce('orders', ['a'])
  })
})

describe('what outlives it', () => {
  test('a timer goes on with what is left of its delay', async () => {
    const cluster = make()
    const fired: string[] = []
    const control = cluster.controlTime()
    setTimeout(() => fired.push('late'), 40)
    const cancelled = setTimeout(() => fired.push('never'), 20)
    setTimeout(() => fired.push('early'), 20)
    const sleeping = sleep(30)
    await cluster.dispose()
    control.release()
    clearTimeout(cancelled)
    await sleeping
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(fired).toEqual(['early', 'late'])
  })

  test('an abort after the end ends a sleep', async () => {
    const cluster = make()
    cluster.controlTime()
    const abort = new AbortController()
    const sleeping = sleep(60_000, undefined, { signal: abort.signal })
    await cluster.dispose()
    abort.abort()
    await expect(sleeping).rejects.toThrow('The operation was aborted')
  })

  test('fakes that somebody put over ours are his to take away', async () => {
    const real = setTimeout
    {
      using _ = make().controlTime()
      vi.useFakeTimers()
    }
    vi.useRealTimers()
    expect(Math.abs(Date.now() - performance.timeOrigin)).toBeLessThan(86_400_000)
    await new Promise((resolve) => setTimeout(resolve, 1))
    globalThis.setTimeout = real
  })

  test('open sockets of the real kafkajs keep the pace of the wall from there on', async () => {
    const cluster = make({ topics: { orders: 1 } })
    const control = cluster.controlTime()
    const kafka = new Kafka({
      brokers: [...cluster.brokers],
      socketFactory: cluster.socketFactory,
      logLevel: logLevel.NOTHING,
    })
    const consumer = kafka.consumer({ groupId: 'g' })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders' })
    await consumer.run({ eachMessage: async () => {} })
    await cluster.group('g').stable({ members: 1 })
    control.release()
    const before = cluster.now
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(cluster.now - before).toBeGreaterThan(20)
    expect(cluster.now - before).toBeLessThan(30_000)
    await consumer.disconnect()
  })
})

test('random bytes go where Node puts them', () => {
  using _ = make({ seed: 3 }).controlTime()
  expect(new Uint8Array(randomFillSync(new ArrayBuffer(64) as never) as ArrayBuffer).some((byte) => byte !== 0)).toBe(
    true,
  )
  const words = randomFillSync(new Uint32Array(4), 1, 2)
  expect([...words].map((word) => word !== 0)).toEqual([false, true, true, false])
})

describe('who has it', () => {
  test('everything is put back', async () => {
    const before = [setTimeout, clearTimeout, setInterval, setImmediate, Date, Math.random, process.hrtime, randomUUID]
    const cluster = make()
    cluster.controlTime().release()
    expect([
      setTimeout,
      clearTimeout,
      setInterval,
      setImmediate,
      Date,
      Math.random,
      process.hrtime,
      randomUUID,
    ]).toEqual(before)
    const again = cluster.controlTime()
    await cluster.dispose()
    expect(Date.now()).toBeGreaterThan(EPOCH + 86_400_000)
    again.release()
  })

  test('one cluster at a time', () => {
    const one = make()
    using _ = one.controlTime()
    expect(() => make().controlTime()).toThrow(
      /another cluster of this process controls it, taken at .*control-time\.test/,
    )
    expect(() => one.controlTime()).toThrow(/this cluster controls it already/)
  })

  test('no other way in for programs whose time it is not', async () => {
    const one = make()
    using _ = one.controlTime()
    const socket = { host: 'localhost', port: 1, onConnect: () => {} }
    expect(() => make().socketFactory(socket)).toThrow(/another cluster controls the program's time/)
    await expect(one.listen({ port: 0 })).rejects.toThrow(/Release cluster\.controlTime\(\) first/)
    expect(() => one.reset()).toThrow(/Release cluster\.controlTime\(\) first/)
  })

  test('a socket that is refused does not slow the cluster down', () => {
    const cluster = make()
    const socket = { host: 'localhost', port: 1, ssl: true, onConnect: () => {} }
    expect(() => cluster.socketFactory(socket)).toThrow(/ssl is not offered/)
    cluster.controlTime().release()
  })

  test('nobody while a test runner fakes timers', () => {
    vi.useFakeTimers()
    expect(() => make().controlTime()).toThrow(/timers are faked already \(vi\.useFakeTimers/)
  })

  test('not a cluster that goes by the wall', () => {
    expect(() => make({ time: 'wall' }).controlTime()).toThrow(/goes by the wall's clock/)
  })
})
