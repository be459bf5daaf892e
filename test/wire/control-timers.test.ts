/** The program's timers on virtual time, where they have to be as Node's are, and what the host makes of them once control is over. */
import { execFile } from 'node:child_process'
import hostTimers from 'node:timers'
import { setInterval as every, scheduler, setTimeout as sleep, setImmediate as soon } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { createCluster } from '../../src/index.ts'

const clusters: ReturnType<typeof createCluster>[] = []
function make(options: Parameters<typeof createCluster>[0] = {}) {
  const cluster = createCluster(options)
  clusters.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.dispose()
})

/** How many timers keep the process alive. */
const alive = (type: 'Timeout' | 'Immediate' = 'Timeout') =>
  process.getActiveResourcesInfo().filter((name) => name === type).length

describe('who keeps the process alive after the end', () => {
  test('a program with nothing but timers that are not to be waited for ends', async () => {
    const program = `
      import { createCluster } from './src/index.ts'
      const cluster = createCluster()
      cluster.controlTime()
      const kept = setTimeout
      setInterval(() => {}, 1000).unref()
      setTimeout(() => {}, 60_000).unref()
      AbortSignal.timeout(60_000)
      await cluster.dispose()
      kept(() => {}, 60_000).unref()
    `
    const node = ['--import', 'tsx', '--conditions=kafkarium-source', '--input-type=module', '--eval', program]
    await expect(promisify(execFile)(process.execPath, node, { timeout: 20_000 })).resolves.toMatchObject({
      stderr: '',
    })
  })

  test('what is said before the end, and what is said after it', () => {
    const control = make().controlTime()
    const waited = setTimeout(() => {}, 60_000)
    const not = setTimeout(() => {}, 60_000).unref()
    const tick = setInterval(() => {}, 60_000).unref()
    const immediate = setImmediate(() => {}).unref()
    const abort = new AbortController()
    sleep(60_000, undefined, { ref: false, signal: abort.signal }).catch(() => {})
    const before = { timeouts: alive(), immediates: alive('Immediate') }
    control.release()
    expect(alive()).toBe(before.timeouts + 1)
    expect(alive('Immediate')).toBe(before.immediates)
    expect([waited.hasRef(), not.hasRef(), tick.hasRef(), immediate.hasRef()]).toEqual([true, false, false, false])
    not.ref()
    tick.ref()
    immediate.ref()
    expect(alive()).toBe(before.timeouts + 3)
    expect(alive('Immediate')).toBe(before.immediates + 1)
    waited.unref()
    expect(waited.hasRef()).toBe(false)
    expect(alive()).toBe(before.timeouts + 2)
    for (const timer of [waited, not, tick]) clearTimeout(timer)
    clearImmediate(immediate)
    abort.abort()
    expect(alive()).toBe(before.timeouts)
    expect(alive('Immediate')).toBe(before.immediates)
  })

  test('functions that were kept make timers that can be let go, again and again', async () => {
    const control = make().controlTime()
    const kept = { setTimeout, setInterval }
    control.release()
    const before = alive()
    const timer = kept.setTimeout(() => {}, 60_000)
    expect(alive()).toBe(before + 1)
    timer.unref()
    expect(alive()).toBe(before)
    timer.refresh()
    expect(alive()).toBe(before)
    timer.ref()
    expect(alive()).toBe(before + 1)
    timer.close()
    // Other timers of this process come and go between two ticks.
    const more = await new Promise<number[]>((resolve) => {
      const seen: number[] = []
      const tick = kept.setInterval(() => {
        const without = alive()
        tick.ref()
        seen.push(alive() - without)
        tick.unref()
        if (seen.length < 3) return
        clearInterval(tick)
        resolve(seen)
      }, 2)
      tick.unref()
    })
    expect(more).toEqual([1, 1, 1])
  })
})

describe('cleared timers', () => {
  test('stay so: `refresh` is for those that fired', async () => {
    using _ = make().controlTime()
    const fired: string[] = []
    const cleared = setTimeout(() => fired.push('cleared'), 5)
    clearTimeout(cleared)
    expect(cleared.refresh()).toBe(cleared)
    setTimeout(() => fired.push('closed'), 5)
      .close()
      .refresh()
    const tick = setInterval(() => {
      fired.push('tick')
      clearInterval(tick)
      tick.refresh()
    }, 5)
    const again = setTimeout(() => fired.push('again'), 5)
    await sleep(50)
    expect(fired).toEqual(['tick', 'again'])
    again.refresh()
    await sleep(50)
    expect(fired).toEqual(['tick', 'again', 'again'])
  })

  test('an immediate is no time-out, nor the other way round', async () => {
    using _ = make().controlTime()
    const fired: string[] = []
    const immediate = setImmediate(() => fired.push('immediate'))
    const timeout = setTimeout(() => fired.push('timeout'), 1)
    clearTimeout(immediate as never)
    clearInterval(immediate as never)
    clearImmediate(timeout as never)
    const cleared = setImmediate(() => fired.push('cleared'))
    expect(cleared.hasRef()).toBe(true)
    clearImmediate(cleared)
    expect(cleared.hasRef()).toBe(false)
    for (const name of ['refresh', 'close', Symbol.toPrimitive]) expect(name in immediate).toBe(false)
    await sleep(5)
    expect(fired).toEqual(['immediate', 'timeout'])
    expect(immediate.hasRef()).toBe(false)
  })

  test("after the end the host's functions clear them, by object and by number", async () => {
    const fired: string[] = []
    const control = make().controlTime()
    const kept = { setTimeout, clearTimeout }
    const timer = (name: string) => setTimeout(() => fired.push(name), 5)
    const before = { object: timer('object'), number: Number(timer('number')), text: `${timer('text')}` }
    const late = timer('late number')
    const immediate = setImmediate(() => fired.push('immediate'))
    const number = Number(setInterval(() => fired.push('interval'), 5))
    const stays = timer('stays')
    expect(Number(stays)).toBe(Number(stays))
    const own = Number(timer('own function'))
    control.release()
    clearTimeout(before.object)
    clearTimeout(before.number)
    clearTimeout(before.text)
    clearTimeout(Number(late))
    clearInterval(number)
    clearImmediate(immediate)
    kept.clearTimeout(own)
    clearTimeout(Number(kept.setTimeout(() => fired.push('made after'), 5)))
    expect(immediate.hasRef()).toBe(false)
    await new Promise((resolve) => setTimeout(resolve, 40))
    expect(fired).toEqual(['stays'])
    stays.refresh()
    await new Promise((resolve) => setTimeout(resolve, 40))
    expect(fired).toEqual(['stays', 'stays'])
  })

  test("the host's own immediates are none the worse for it", async () => {
    const control = make().controlTime()
    const immediates = [setImmediate(() => {}), setImmediate(() => {})]
    control.release()
    const run = new Promise((resolve) => setImmediate(() => resolve('run')))
    for (const immediate of immediates) clearImmediate(immediate)
    expect(await run).toBe('run')
  })

  test('numbers of one control mean nothing else in the next one', async () => {
    const fired: string[] = []
    const control = make().controlTime()
    const old = Number(setTimeout(() => fired.push('old'), 5))
    control.release()
    const next = make().controlTime()
    const numbers = [1, 2].map((i) => Number(setTimeout(() => fired.push(`new ${i}`), 5)))
    expect(numbers).not.toContain(old)
    clearTimeout(old)
    await sleep(10)
    next.release()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(fired).toEqual(['new 1', 'new 2'])
  })
})

describe('node:timers/promises', () => {
  const INVALID = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }
  const NO_SIGNAL = {
    ...INVALID,
    message: expect.stringMatching(/"options\.signal" .* an instance of AbortSignal\. R/),
  }

  /** What Node says to the same. */
  const refusals = () =>
    Promise.all(
      [
        () => sleep(1, 1, { signal: {} as never }),
        () => sleep(1, 1, { signal: null as never }),
        () => sleep(1, 1, { signal: 'a text that is much longer than twenty-eight characters' as never }),
        () => sleep(1, 1, null as never),
        () => sleep(1, 1, [] as never),
        () => sleep(1, 1, (() => {}) as never),
        () => sleep(1, 1, { ref: 1 as never }),
        () => sleep('5' as never),
        () => soon(1, { signal: new Map() as never }),
        () => scheduler.wait(1, { signal: 5 as never }),
        () =>
          every(1, 1, { signal: {} as never })
            [Symbol.asyncIterator]()
            .next(),
        () =>
          every('x' as never)
            [Symbol.asyncIterator]()
            .next(),
      ].map((call) =>
        call().then(
          (value) => ({ value }),
          ({ name, code, message }) => ({ name, code, message }),
        ),
      ),
    )

  test("what is no signal is refused at once, in Node's words", async () => {
    const cluster = make()
    const node = await refusals()
    using _ = cluster.controlTime()
    const before = cluster.now
    await expect(sleep(5, undefined, { signal: {} as never })).rejects.toMatchObject(NO_SIGNAL)
    expect(await refusals()).toEqual(node)
    expect(cluster.now).toBe(before)
    for (const refusal of node) expect(refusal).toMatchObject(INVALID)
    // It has all that Node asks for, and is none all the same: nothing may be left behind that throws later.
    const half = async () => sleep(5, undefined, { signal: { aborted: false } as never })
    await expect(half()).rejects.toThrow('addEventListener')
    await cluster.advance(10)
  })

  test('an interval makes up for the ticks that a slow body missed', async () => {
    const cluster = make()
    using _ = cluster.controlTime()
    const start = cluster.now
    const at: number[] = []
    for await (const value of every(100, 'tick')) {
      expect(value).toBe('tick')
      at.push(cluster.now - start)
      if (at.length === 1) await sleep(350)
      if (at.length === 6) break
    }
    expect(at).toEqual([100, 450, 450, 450, 500, 600])
    await cluster.advance(1000)
    expect(cluster.taint).toBeNull()
  })

  test('an interval moves time while its next tick is waited for, not while its body is busy', async () => {
    const cluster = make()
    using _ = cluster.controlTime()
    const start = cluster.now
    const at: number[] = []
    for await (const _tick of every(100)) {
      at.push(cluster.now - start)
      if (at.length === 3) break
      await new Promise((resolve) => hostLater(resolve))
    }
    expect(at).toEqual([100, 200, 300])
  })

  test('an interval goes on after the end, and ends with its signal', async () => {
    const control = make().controlTime()
    const abort = new AbortController()
    const ticks = every(10, undefined, { signal: abort.signal })[Symbol.asyncIterator]()
    await ticks.next()
    control.release()
    const before = performance.now()
    await ticks.next()
    await ticks.next()
    expect(performance.now() - before).toBeGreaterThan(8)
    const waiting = ticks.next()
    const alone = alive()
    abort.abort('why')
    expect(alive()).toBe(alone - 1)
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR', cause: 'why' })
    expect(await ticks.next()).toEqual({ value: undefined, done: true })
  })

  test('an abort while the body is busy comes after the ticks that were missed', async () => {
    const cluster = make()
    using _ = cluster.controlTime()
    const abort = new AbortController()
    let ticks = 0
    const read = async () => {
      for await (const _tick of every(10, undefined, { signal: abort.signal })) {
        if (++ticks > 1) continue
        await sleep(25)
        abort.abort()
      }
    }
    await expect(read()).rejects.toMatchObject({ name: 'AbortError' })
    expect(ticks).toBe(3)
  })
})

describe('AbortSignal.timeout', () => {
  test('is aborted after that much virtual time', async () => {
    const cluster = make()
    using _ = cluster.controlTime()
    const signal = AbortSignal.timeout(3000)
    const heard: number[] = []
    const start = cluster.now
    AbortSignal.any([signal]).addEventListener('abort', () => heard.push(cluster.now - start))
    await cluster.advance(2999)
    expect(signal.aborted).toBe(false)
    await cluster.advance(7001)
    expect(heard).toEqual([3000])
    expect(signal.reason).toBeInstanceOf(DOMException)
    expect(signal.reason).toMatchObject({
      name: 'TimeoutError',
      message: 'The operation was aborted due to timeout',
      code: 23,
    })
  })

  test('ends a longer sleep, and does not move time by itself', async () => {
    const cluster = make()
    using _ = cluster.controlTime()
    const start = cluster.now
    const alone = AbortSignal.timeout(3000)
    await cluster.settle()
    expect([cluster.now - start, alone.aborted]).toEqual([0, false])
    const asleep = sleep(10_000, undefined, { signal: AbortSignal.timeout(2000) })
    await expect(asleep).rejects.toMatchObject({ name: 'AbortError', cause: { name: 'TimeoutError' } })
    expect(cluster.now - start).toBe(2000)
  })

  test("refuses what Node's refuses, and is Node's again at the end", async () => {
    const real = Object.getOwnPropertyDescriptor(AbortSignal, 'timeout')
    const attempts = () =>
      ['5', undefined, -1, 1.5, 2 ** 32, Number.NaN].map((delay) => {
        try {
          return AbortSignal.timeout(delay as number)
        } catch (error) {
          return { code: (error as { code: string }).code, text: String(error) }
        }
      })
    const node = attempts()
    const control = make().controlTime()
    expect(AbortSignal.timeout).not.toBe(real?.value)
    expect(attempts()).toEqual(node)
    const outliving = AbortSignal.timeout(20)
    control.release()
    expect(Object.getOwnPropertyDescriptor(AbortSignal, 'timeout')).toEqual(real)
    await new Promise((resolve) => setTimeout(resolve, 40))
    expect(outliving.reason).toMatchObject({ name: 'TimeoutError' })
  })
})

test('a date says whose it is, under control and after it', () => {
  const Real = Date
  const before = Object.getOwnPropertyDescriptor(Date.prototype, 'constructor')
  const old = new Date()
  const control = make().controlTime()
  const Program = Date
  expect(Program).not.toBe(Real)
  const made = new Date()
  class Day extends Date {}
  for (const date of [old, made, new Real(), new Day()]) {
    expect(date instanceof Date).toBe(true)
    expect(date instanceof Real).toBe(true)
  }
  for (const date of [old, made, new Real()]) expect(date.constructor === Date).toBe(true)
  expect(new Day().constructor).toBe(Day)
  expect(Date.prototype.constructor).toBe(Date)
  expect(Object.keys(Date.prototype)).toEqual([])
  control.release()
  expect(Object.getOwnPropertyDescriptor(Date.prototype, 'constructor')).toEqual(before)
  for (const date of [old, made, new Date(), new Program()]) {
    expect(date.constructor === Real).toBe(true)
    expect(date instanceof Program && date instanceof Date).toBe(true)
  }
})

/** A real timer: real I/O takes that long. */
const { setTimeout: hostSetTimeout } = hostTimers
const hostLater = (run: (value?: unknown) => void) => hostSetTimeout(run, 20)
