/** Each fault as a user calls it: what it does, how it ends, and what is said when it makes no sense. */
import type { Cluster, Fault } from 'kafkarium'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { partition, replicatedClusters, senderOf, values } from '../support/replicated.ts'

const create = replicatedClusters()
afterEach(() => vi.restoreAllMocks())
const ends = (cluster: Cluster) => partition(cluster)?.replicaLogs.map(({ logEndOffset }) => logEndOffset)
const facts = (cluster: Cluster, type: string) => cluster.trace.events().filter((event) => event.type === type)

describe('pause', () => {
  test('a paused leader answers nobody; another one leads after its session; it follows when it goes on', async () => {
    const cluster = create()
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.pause(1)
    await cluster.advance('10s')
    expect(partition(cluster)).toMatchObject({ leader: 2, isr: [2, 3] })
    expect(cluster.nodes()[0]?.state).toBe('up')
    // The client knows no better: it asks the paused one, and gets its answer when that goes on.
    const sent = send('b')
    cluster.faults.after('5s', { type: 'resume', node: 1 })
    await sent
    await cluster.heal()
    expect(values(cluster)).toEqual(['a', 'b'])
    expect(ends(cluster)).toEqual([2, 2, 2])
  })

  test('its own timers stand still, too: a produce that runs out of time is told so when it goes on', async () => {
    const cluster = create()
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.cut(1, 2)
    const kafka = cluster.kafka({ logLevel: 0, retry: { retries: 0 } })
    const producer = kafka.producer()
    await producer.connect()
    let failed: unknown = null
    const answers = () => facts(cluster, 'response').length
    const late = producer
      .send({ topic: 'orders', acks: -1, timeout: 1000, messages: [{ value: 'b' }] })
      .catch((error: unknown) => {
        failed = error
      })
    await cluster.until(() => partition(cluster)?.logEndOffset === 2)
    cluster.faults.pause(1)
    const before = answers()
    await cluster.advance('5s')
    expect(answers()).toBe(before)
    expect(failed).toBeNull()
    cluster.faults.resume(1)
    await late
    expect(failed).toMatchObject({ cause: { type: 'REQUEST_TIMED_OUT' } })
  })

  test('a short pause is only a delay', async () => {
    const cluster = create()
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.pause(1)
    cluster.faults.after('3s', { type: 'resume', node: 1 })
    const began = cluster.now
    await send('b')
    expect(cluster.now - began).toBeGreaterThanOrEqual(3000)
    expect(partition(cluster)).toMatchObject({ leader: 1, leaderEpoch: 0 })
  })

  test('A34: a paused leader that goes on after another was elected acknowledges with acks=1 what is cut off later', async () => {
    const cluster = create({ config: { 'broker.session.timeout.ms': 3000 } })
    const stale = await senderOf(cluster)
    await stale('a')
    // Cut off from the others and the controller only: its clients still reach it, and it does not know better.
    cluster.faults.isolate(1)
    await cluster.advance('10s')
    expect(partition(cluster)).toMatchObject({ leader: 2, isr: [2, 3] })
    const [metadata] = await stale('lost', 1)
    expect(metadata?.baseOffset).toBe('1')
    await cluster.heal()
    expect(values(cluster)).toEqual(['a'])
    expect(facts(cluster, 'truncated')).toMatchObject([{ node: 1, from: 2, to: 1 }])
  })
})

describe('cut, slow, isolate', () => {
  test('a follower cut off from its leader copies nothing until the link is healed', async () => {
    const cluster = create()
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.cut(1, 3)
    await send('b', 1)
    await cluster.advance('1s')
    expect(ends(cluster)).toEqual([2, 2, 1])
    cluster.faults.heal(1, 3)
    await cluster.advance('1s')
    expect(ends(cluster)).toEqual([2, 2, 2])
  })

  test('one way: what the leader sends is held back, and arrives when the link is healed', async () => {
    const cluster = create()
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.cut(1, 3, { oneWay: true })
    await send('b', 1)
    await cluster.advance('5s')
    expect(ends(cluster)).toEqual([2, 2, 1])
    cluster.faults.heal()
    await cluster.advance('10ms')
    expect(ends(cluster)).toEqual([2, 2, 2])
  })

  test('a slow link makes acks=all slow, and nothing else', async () => {
    const cluster = create()
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.slow(1, 2, '400ms')
    const began = cluster.now
    await send('b')
    expect(cluster.now - began).toBeGreaterThanOrEqual(800)
    expect(cluster.now - began).toBeLessThan(1000)
    const later = cluster.now
    await send('c', 1)
    expect(cluster.now - later).toBeLessThan(10)
  })

  test('a broker cut off from the controller is fenced after its session, and comes back', async () => {
    const cluster = create()
    await (await senderOf(cluster))('a')
    cluster.faults.cut(2, 'controller')
    await cluster.advance('8s')
    expect(cluster.nodes()[1]).toMatchObject({ state: 'up' })
    await cluster.advance('2s')
    expect(partition(cluster)?.isr).toEqual([1, 3])
    await cluster.heal()
    expect(partition(cluster)?.isr).toHaveLength(3)
    expect(facts(cluster, 'node')).toContainEqual(expect.objectContaining({ node: 2, change: 'unfenced' }))
  })

  test('a proposed ISR that could not be sent for a long time is sent when the link is healed', async () => {
    const cluster = create({ config: { 'broker.session.timeout.ms': 300_000 } })
    await (await senderOf(cluster))('a')
    cluster.faults.cut(1, 'controller')
    cluster.faults.cut(1, 2)
    await (await senderOf(cluster))('b', 1)
    await cluster.advance('100s')
    expect(partition(cluster)?.isr).toEqual([1, 2, 3])
    cluster.faults.heal(1, 'controller')
    await cluster.advance('1s')
    expect(partition(cluster)?.isr).toEqual([1, 3])
    await cluster.heal()
  })

  test('clients cut off from the leader: a request runs into its time-out, its outcome is unknown', async () => {
    const cluster = create()
    const send = await senderOf(cluster, { requestTimeout: 1000, retry: { retries: 0 } })
    await send('a')
    cluster.faults.cut(1, 'clients', { oneWay: true })
    await expect(send('b')).rejects.toThrow(/timed out/)
    // It was written all the same: a time-out is not a failure (A32).
    expect(values(cluster)).toEqual(['a', 'b'])
  })

  test('a connection to a broker cut off from clients is given up after connectionTimeout', async () => {
    const cluster = create({ brokers: 1, topics: {} })
    cluster.faults.cut(1, 'clients')
    const producer = cluster.kafka({ logLevel: 0, connectionTimeout: 700, retry: { retries: 0 } }).producer()
    const began = cluster.now
    await expect(producer.connect()).rejects.toThrow(/Connection timeout/)
    expect(cluster.now - began).toBe(700)
  })
})

describe('crash', () => {
  test('a process that dies loses nothing; a machine loses what was not flushed', async () => {
    const cluster = create({ brokers: 1, topics: { orders: { partitions: 1 } } })
    const send = await senderOf(cluster)
    await send('a')
    await send('b')
    cluster.faults.crash(1)
    cluster.faults.restart(1)
    await cluster.heal()
    expect(values(cluster)).toEqual(['a', 'b'])
    await send('c')
    cluster.faults.crash(1, { unflushed: 'lost' })
    cluster.faults.restart(1)
    await cluster.heal()
    // The restart flushed what there was (LogLoader.recoverLog).
    expect(values(cluster)).toEqual(['a', 'b'])
    expect(facts(cluster, 'unflushed-lost')).toMatchObject([{ node: 1, from: 3, to: 2 }])
  })

  test('flush.messages=1: a machine loses nothing', async () => {
    const cluster = create({ brokers: 1, topics: { orders: { partitions: 1, config: { 'flush.messages': 1 } } } })
    const send = await senderOf(cluster)
    await send('a')
    await send('b')
    cluster.faults.crash(1, { unflushed: 'lost' })
    cluster.faults.restart(1)
    await cluster.heal()
    expect(values(cluster)).toEqual(['a', 'b'])
  })
})

describe('disk', () => {
  test('the next write halts the broker; with room on the disk it comes back', async () => {
    const cluster = create()
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.fillDisk(1)
    expect(cluster.nodes()[0]).toMatchObject({ state: 'up' })
    await send('b')
    expect(cluster.nodes()[0]?.state).not.toBe('up')
    expect(partition(cluster)).toMatchObject({ leader: 2 })
    expect(facts(cluster, 'node')).toContainEqual(expect.objectContaining({ node: 1, change: 'disk-full' }))
    await cluster.heal()
    expect(ends(cluster)).toEqual([2, 2, 2])
  })

  test('a follower halts, too', async () => {
    const cluster = create()
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.fillDisk(3)
    await send('b')
    await cluster.advance('10s')
    expect(cluster.nodes()[2]?.state).toBe('fenced')
  })
})

describe('the controller', () => {
  test('while there is none nothing is created; afterwards it is', async () => {
    const cluster = create()
    const admin = cluster.kafka().admin()
    await admin.connect()
    cluster.faults.crashController()
    const began = cluster.now
    await admin.createTopics({ topics: [{ topic: 'late' }] })
    expect(cluster.now - began).toBeGreaterThanOrEqual(2000)
    expect(cluster.topic('late').partitions).toHaveLength(1)
  })

  test('brokers that die meanwhile are noticed by the next one, after a full session', async () => {
    const cluster = create({ config: { 'broker.session.timeout.ms': 3000 } })
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.crashController()
    cluster.faults.crash(1)
    await cluster.advance('4900ms')
    expect(partition(cluster)?.leader).toBe(1)
    await cluster.advance('200ms')
    expect(partition(cluster)?.leader).toBe(2)
  })

  test('a session that was running out when it died begins anew with the next one', async () => {
    const cluster = create({ config: { 'broker.session.timeout.ms': 3000 } })
    await (await senderOf(cluster))('a')
    cluster.faults.crash(1)
    await cluster.advance('1500ms')
    cluster.faults.crashController()
    await cluster.advance('4900ms')
    expect(partition(cluster)?.leader).toBe(1)
    await cluster.advance('200ms')
    expect(partition(cluster)?.leader).toBe(2)
  })
})

describe('disconnect', () => {
  test('clients lose their connections and make new ones', async () => {
    const cluster = create()
    const send = await senderOf(cluster)
    await send('a')
    cluster.faults.disconnect(1)
    await send('b')
    expect(values(cluster)).toEqual(['a', 'b'])
    expect(facts(cluster, 'disconnect')[0]).toMatchObject({ node: 1, reason: 'its connection to broker 1 was reset' })
  })
})

describe('heal', () => {
  test('says which duty is not met', async () => {
    const cluster = create({
      topics: { orders: { partitions: 1, replicationFactor: 3, config: { 'min.insync.replicas': 2 } } },
    })
    await (await senderOf(cluster))('a')
    cluster.faults.crash(3)
    await cluster.advance('20s')
    await expect(cluster.heal({ within: 1 })).rejects.toThrow(/missing: V\d /)
    await cluster.heal()
    expect(partition(cluster)?.isr).toHaveLength(3)
  })
})

describe('after', () => {
  test('a fault at a later time; one that is impossible then is only warned of', async () => {
    const warn = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const cluster = create()
    cluster.faults.after('5s', { type: 'crash', node: 2 })
    cluster.faults.after('6s', { type: 'crash', node: 2 })
    await cluster.advance('4s')
    expect(cluster.nodes()[1]?.state).toBe('up')
    await cluster.advance('2s')
    expect(cluster.nodes()[1]?.state).toBe('down')
    const text = warn.mock.calls.flat().join('\n')
    expect(text).toContain('faults.after: crash 2 did not happen: broker 2 is down already.')
  })
})

describe('reset', () => {
  test('faults, faults to come and storms end with the world they were for', async () => {
    const cluster = create({ seed: 3 })
    const { hash } = cluster.trace
    cluster.faults.storm()
    cluster.faults.cut(1, 2)
    cluster.faults.after('1s', { type: 'crash', node: 3 })
    cluster.reset()
    expect(cluster.trace.hash).toBe(hash)
    await cluster.advance('60s')
    expect(cluster.nodes().map(({ state }) => state)).toEqual(['up', 'up', 'up'])
    expect(cluster.view().links).toEqual([])
  })
})

describe('wrong use changes nothing', () => {
  const cases: readonly (readonly [Fault, RegExp, string])[] = [
    [{ type: 'crash', node: 9 }, /there is no broker 9\. Brokers: 1, 2, 3/, 'KAFKARIUM_UNKNOWN_NODE'],
    [
      { type: 'crash', node: '1' as unknown as number },
      /there is no broker "1"\. Brokers: 1, 2, 3/,
      'KAFKARIUM_UNKNOWN_NODE',
    ],
    [{ type: 'crsh' as 'crash', node: 1 }, /no fault of type "crsh"\. Did you mean "crash"/, 'KAFKARIUM_BAD_OPTION'],
    [{} as Fault, /no fault of type undefined/, 'KAFKARIUM_BAD_OPTION'],
    [null as unknown as Fault, /a fault is an object/, 'KAFKARIUM_BAD_OPTION'],
    [{ type: 'pause' } as Fault, /pause takes the id of a broker/, 'KAFKARIUM_BAD_OPTION'],
    [{ type: 'restart', node: 1 }, /broker 1 is up already/, 'KAFKARIUM_WRONG_STATE'],
    [{ type: 'resume', node: 1 }, /broker 1 is not paused/, 'KAFKARIUM_WRONG_STATE'],
    [{ type: 'free-disk', node: 1 }, /broker 1 has room on its disk/, 'KAFKARIUM_WRONG_STATE'],
    [{ type: 'cut', from: 2, to: 2 }, /2 and 2 are the same broker/, 'KAFKARIUM_BAD_OPTION'],
    [{ type: 'cut', from: 'controller', to: 'clients' }, /no link between/, 'KAFKARIUM_BAD_OPTION'],
    [{ type: 'cut', from: 1, to: 'nobody' as 'clients' }, /"nobody" is not the end of a link/, 'KAFKARIUM_BAD_OPTION'],
    [{ type: 'slow', from: 1, to: 2, ms: -1 }, /ms: -1 is not a whole number/, 'KAFKARIUM_BAD_OPTION'],
    [{ type: 'heal', from: 1 }, /heal takes both ends/, 'KAFKARIUM_BAD_OPTION'],
    [
      { type: 'crash', node: 1, unflushed: 'all' as 'lost' },
      /is not one of 'kept', 'some', 'lost'/,
      'KAFKARIUM_BAD_OPTION',
    ],
  ]
  test.each(cases)('%j', (fault, message, code) => {
    const cluster = create()
    const before = JSON.stringify(cluster.view())
    const { hash } = cluster.trace
    let thrown: unknown
    try {
      cluster.faults.inject(fault)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ code, message: expect.stringMatching(message) })
    expect(JSON.stringify(cluster.view())).toBe(before)
    expect(cluster.trace.hash).toBe(hash)
  })

  test('a fault to come is looked at when it is armed', () => {
    const cluster = create()
    expect(() => cluster.faults.after('1s', { type: 'crash', node: 77 })).toThrow(
      /faults\.after: there is no broker 77/,
    )
  })

  test.each([
    [{ kinds: ['crsh'] }, /no kind of fault "crsh"\. Did you mean "crash"/],
    [{ kind: ['crash'] }, /unknown option "kind"\. Did you mean "kinds"/],
    [{ mostDisturbed: -1 }, /mostDisturbed: -1 is not a whole number, 0 or more/],
    [{ everyMs: 0, weights: {} }, /everyMs: 0 is not a whole number, 1 or more/],
  ])('a storm of %j', (limits, message) => {
    const cluster = create({ seed: 1 })
    expect(() => cluster.faults.storm(limits as never)).toThrow(message)
  })

  test('faults that conflict', () => {
    const cluster = create()
    cluster.faults.crash(1)
    expect(() => cluster.faults.crash(1)).toThrow(/broker 1 is down already/)
    expect(() => cluster.faults.pause(1)).toThrow(/broker 1 is down/)
    cluster.faults.pause(2)
    expect(() => cluster.faults.pause(2)).toThrow(/broker 2 is paused already/)
    cluster.faults.crashController()
    expect(() => cluster.faults.crashController()).toThrow(/no active controller/)
  })

  test('a switch that is none', () => {
    expect(() => create({ switches: { elrr: true } as never })).toThrow(/unknown option "elrr". Did you mean "elr"/)
    expect(() => create({ switches: { truncation: 'never' as 'leaderEpoch' } })).toThrow(
      /'leaderEpoch', 'highWatermark'/,
    )
  })
})
