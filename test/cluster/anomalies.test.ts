/**
 * The anomalies of replication, one story each: the unsafe setting shows it, the same story under the safe one does not. What a
 * known protocol bug of Kafka did is shown by turning its fix off; then a law says what went wrong, or, without laws, the
 * delivery checker says what it cost.
 */
import { type Cluster, type ClusterOptions, createCluster, type KafkariumError } from 'kafkarium'
import { describe, expect, test } from 'vitest'
import { type Judged, judge } from '../support/anomalies.ts'
import { findSeed, HARMLESS, SEARCH_SEEDS } from '../support/storm.ts'

interface Story {
  readonly minIsr?: number
  readonly replicas?: number
  readonly config?: Readonly<Record<string, string>>
  tell(world: Scene): Promise<void>
}

interface Scene {
  readonly cluster: Cluster
  readonly faults: Cluster['faults']
  /** Sends and waits. */
  send(value: string, acks?: 0 | 1 | -1): Promise<unknown>
  /** Sends and does not wait; a failure is no matter. */
  sending(value: string, acks?: 0 | 1 | -1): void
  leader(): number | undefined
  isr(): readonly number[] | undefined
}

/** The checker's judgement is that of a run with laws off. */
interface Outcome extends Judged {
  /** The law that was broken, with laws on. */
  readonly law: string | null
  readonly values: readonly (string | null)[]
}

async function run(story: Story, switches: ClusterOptions['switches'] = {}): Promise<Outcome> {
  const once = async (laws: boolean) => {
    const { replicas = 3, minIsr = 1, config = {} } = story
    const topic = { partitions: 1, replicationFactor: replicas, config: { 'min.insync.replicas': minIsr, ...config } }
    const cluster = createCluster({ brokers: replicas, laws, history: true, switches, topics: { orders: topic } })
    const retry = { retries: 40, maxRetryTime: 1000 }
    const producer = cluster.kafka({ logLevel: 0, retry }).producer({ metadataMaxAge: 1000 })
    await producer.connect()
    const send: Scene['send'] = (value, acks = -1) =>
      producer.send({ topic: 'orders', acks, timeout: 30_000, messages: [{ value }] })
    const partition = () => cluster.topic('orders').partitions[0]
    let law: string | null = null
    try {
      await story.tell({
        cluster,
        faults: cluster.faults,
        send,
        sending: (value, acks) => void send(value, acks).catch(() => {}),
        leader: () => partition()?.leader,
        isr: () => partition()?.isr,
      })
      await cluster.heal()
    } catch (error) {
      const { code, message } = error as KafkariumError
      if (code !== 'KAFKARIUM_LAW_BROKEN') throw error
      law = /Law (\w+) is broken/.exec(message)?.[1] ?? message
    }
    const values = cluster
      .topic('orders')
      .records()
      .map(({ value }) => value)
    const judged = judge(cluster)
    await cluster.dispose()
    return { law, values, ...judged }
  }
  const { law } = await once(true)
  return { ...(await once(false)), law }
}

describe('A1: acks=0', () => {
  const story = (acks: 0 | -1): Story => ({
    async tell({ faults, cluster, send }) {
      await send('a')
      faults.disconnect(1)
      // The client does not know yet that its connection is gone: with acks=0 it never will.
      await send('b', acks)
      await cluster.advance('1s')
      await send('c')
    },
  })
  test('success, and the log has nothing of it', async () => {
    const { values, classes, unexplained } = await run(story(0))
    expect(values).toEqual(['a', 'c'])
    expect(classes).toContain('lost-write')
    expect(unexplained).toEqual([])
  })
  test('safe twin: acks=all is sent again', async () => {
    const { values } = await run(story(-1))
    expect(values).toEqual(['a', 'b', 'c'])
  })
})

describe('A2: acks=1', () => {
  const story = (acks: 1 | -1): Story => ({
    minIsr: acks === 1 ? 1 : 2,
    async tell({ faults, cluster, send, sending }) {
      await send('a')
      faults.cut(1, 2)
      faults.cut(1, 3)
      if (acks === 1) await send('lost', 1)
      else sending('lost')
      await cluster.advance('10ms')
      faults.crash(1)
      await cluster.advance('15s')
      await send('b')
    },
  })
  test('the leader acknowledges and dies before anybody copied: lost, and its offset is used again', async () => {
    const { law, values, classes, unexplained } = await run(story(1))
    expect(law).toBeNull()
    expect(values).toEqual(['a', 'b'])
    expect(classes).toContain('lost-write')
    expect(unexplained).toEqual([])
  })
  test('safe twin: with acks=all it is not acknowledged before it is safe', async () => {
    const { values, classes } = await run(story(-1))
    expect(values).toContain('lost')
    expect(classes).not.toContain('lost-write')
  })
})

describe('A3: acks=all is not enough', () => {
  const story = (minIsr: number): Story => ({
    minIsr,
    async tell({ faults, cluster, send, sending }) {
      await send('a')
      faults.stop(2)
      faults.stop(3)
      await cluster.advance('12s')
      if (minIsr === 1) await send('lost')
      else sending('lost')
      await cluster.advance('1s')
      faults.crash(1, { unflushed: 'lost' })
      faults.restart(1)
      await cluster.advance('15s')
    },
  })
  test('min.insync.replicas=1: one copy was enough to be acknowledged, and it is gone', async () => {
    const { values, classes, unexplained } = await run(story(1))
    expect(values).not.toContain('lost')
    expect(classes).toContain('lost-write')
    expect(unexplained).toEqual([])
  })
  test('safe twin: min.insync.replicas=2 does not acknowledge it', async () => {
    const { classes } = await run(story(2))
    expect(classes).not.toContain('lost-write')
  })
})

describe('A4: unclean election', () => {
  const story = (allowed: boolean): Story => ({
    config: { 'unclean.leader.election.enable': String(allowed) },
    async tell({ faults, cluster, send, sending }) {
      await send('a')
      faults.isolate(2)
      faults.isolate(3)
      await cluster.advance('12s')
      await send('committed')
      faults.crash(1)
      faults.heal()
      await cluster.advance('15s')
      if (allowed) await send('b')
      else sending('b')
    },
  })
  test('whoever is there leads, and what was committed is gone', async () => {
    const { values, classes, unexplained } = await run(story(true))
    expect(values).toEqual(['a', 'b'])
    expect(classes).toContain('lost-write')
    expect(unexplained).toEqual([])
  })
  test('safe twin: without it the partition waits for its leader', async () => {
    const { law, values, classes } = await run(story(false))
    expect(law).toBeNull()
    expect(values).toEqual(['a', 'committed', 'b'])
    expect(classes).not.toContain('lost-write')
  })
})

describe('A5: the last replica standing (KIP-966)', () => {
  const story: Story = {
    minIsr: 2,
    async tell({ faults, cluster, send }) {
      await send('a')
      faults.isolate(3)
      await cluster.advance('12s')
      await send('committed')
      // The second copy is merely out of reach; the ISR shrinks to the leader.
      faults.isolate(2)
      await cluster.advance('12s')
      faults.crash(1, { unflushed: 'lost' })
      await cluster.advance('10s')
      faults.restart(1)
      await cluster.advance('1s')
      faults.heal()
      await cluster.advance('10s')
      await send('b')
    },
  }
  test('without eligible leader replicas the one that lost its tail leads again, and the others cut off what was committed', async () => {
    const { law, values, classes, unexplained } = await run(story, { elr: false })
    expect(['R4', 'R5', 'L5', 'L6']).toContain(law)
    expect(values).not.toContain('committed')
    expect(classes).toContain('lost-write')
    expect(unexplained).toContain('lost-write')
  })
  test('safe twin: who left below min.insync.replicas stays eligible, and leads', async () => {
    const { law, values } = await run(story, { elr: true })
    expect(law).toBeNull()
    expect(values).toEqual(['a', 'committed', 'b'])
  })
})

describe('A6: truncation to the high watermark (KIP-101)', () => {
  const story: Story = {
    minIsr: 2,
    async tell({ faults, cluster, send }) {
      await send('a')
      await cluster.advance('1s')
      // All have it; the followers will hear of the high watermark half a second later.
      await send('committed')
      faults.cut(2, 3)
      faults.moveLeader('orders', 0, 2)
      await cluster.advance('20ms')
      faults.crash(1)
      faults.crash(2)
      await cluster.advance('15s')
      faults.restart(1)
      await cluster.advance('1s')
      await send('b')
    },
  }
  test('a follower cuts back to a high watermark that is one fetch late, and is elected', async () => {
    const { law, values, unexplained } = await run(story, { truncation: 'highWatermark' })
    expect(law).toBe('L5')
    expect(values).not.toContain('committed')
    expect(unexplained).toContain('lost-write')
  })
  test('safe twin: it cuts back to where the epochs part', async () => {
    const { law, values, unexplained } = await run(story, { truncation: 'leaderEpoch' })
    expect(law).toBeNull()
    expect(values).toEqual(['a', 'committed', 'b'])
    expect(unexplained).toEqual([])
  })
})

describe('A6b: divergence (KIP-279)', () => {
  const story: Story = {
    replicas: 2,
    async tell({ faults, cluster, send }) {
      await send('a')
      await cluster.advance('1s')
      faults.cut(1, 2)
      faults.cut(1, 'controller')
      await send('m', 1)
      faults.moveLeader('orders', 0, 2)
      await cluster.advance('10ms')
      // Broker 1 has not heard of it: whoever asks broker 2 knows better.
      const brokers = [cluster.brokers[1] as string]
      const other = cluster.kafka({ logLevel: 0, brokers, retry: { retries: 40, maxRetryTime: 500 } }).producer()
      await other.connect()
      await other.send({ topic: 'orders', acks: 1, messages: [{ value: 'x' }] })
      faults.moveLeader('orders', 0, 1)
      faults.heal(1, 'controller')
      await cluster.advance('50ms')
      await other.send({ topic: 'orders', acks: 1, messages: [{ value: 'y' }] })
      faults.heal(1, 2)
      await cluster.advance('3s')
    },
  }
  test('asked about an epoch it never had, the leader answers about the next one: two replicas differ below the high watermark', async () => {
    const { law } = await run(story, { kip279: false })
    expect(['L3', 'R6']).toContain(law)
  })
  test('safe twin: it answers about the one before, and the follower goes back further', async () => {
    const { law, values } = await run(story)
    expect(law).toBeNull()
    expect(values).toEqual(['a', 'm', 'y'])
  })
})

describe('A6c: a fetch of an earlier leadership (KIP-320)', () => {
  const story: Story = {
    async tell({ faults, cluster, send }) {
      await send('a')
      await cluster.advance('1s')
      // Broker 3 copies u and says so, but that does not arrive; broker 2 does not get it.
      faults.cut(3, 1, { oneWay: true })
      faults.cut(1, 2, { oneWay: true })
      await send('u', 1)
      await cluster.advance('10ms')
      faults.moveLeader('orders', 0, 2)
      await cluster.advance('10ms')
      const other = cluster.kafka({ logLevel: 0, retry: { retries: 40, maxRetryTime: 500 } }).producer()
      await other.connect()
      await other.send({ topic: 'orders', acks: 1, messages: [{ value: 'v' }] })
      await cluster.advance('10ms')
      // Broker 3 holds v now, where u was, and does not hear that broker 1 leads again.
      faults.cut('controller', 3, { oneWay: true })
      faults.moveLeader('orders', 0, 1)
      await cluster.advance('10ms')
      faults.heal(1, 2)
      await cluster.advance('10ms')
      faults.heal(3, 1)
      await cluster.advance('100ms')
    },
  }
  test('its leader believes it, and shows as committed what the follower has no longer', async () => {
    const { law } = await run(story, { fetchFencing: false })
    expect(['R6', 'L3', 'R11']).toContain(law)
  })
  test('safe twin: a fetch of another epoch has no effect', async () => {
    const { law } = await run(story)
    expect(law).toBeNull()
  })
})

describe('a leader that forgets whom it has proposed (KIP-497)', () => {
  const story: Story = {
    async tell({ faults, cluster, send, sending }) {
      await send('a')
      faults.crash(3)
      await cluster.advance('12s')
      await send('b')
      faults.cut(3, 1, { oneWay: true })
      faults.restart(3)
      await cluster.advance('50ms')
      faults.slow('controller', 1, '5s', { oneWay: true })
      faults.heal(3, 1)
      await cluster.advance('50ms')
      // The controller counts broker 3 as in sync; the leader has not heard so.
      faults.cut(1, 3)
      sending('committed')
      await cluster.advance('1s')
      faults.crash(1)
      faults.crash(2)
      await cluster.advance('15s')
      sending('c')
      await cluster.advance('5s')
    },
  }
  test('the high watermark passes a replica that may be elected', async () => {
    const { law, values, unexplained } = await run(story, { maximalIsr: false })
    expect(law).toBe('R11')
    expect(values).not.toContain('committed')
    expect(unexplained).toContain('lost-write')
  })
  test('safe twin: it waits for it', async () => {
    const { law, unexplained } = await run(story)
    expect(law).toBeNull()
    expect(unexplained).toEqual([])
  })
})

describe('a replica that restarted since it was proposed (KIP-903)', () => {
  const story: Story = {
    minIsr: 2,
    async tell({ faults, cluster, send }) {
      await send('a')
      faults.crash(3)
      await cluster.advance('12s')
      await send('b')
      faults.slow(1, 'controller', '3s', { oneWay: true })
      faults.restart(3)
      await cluster.advance('100ms')
      faults.cut(1, 3)
      faults.crash(3, { unflushed: 'lost' })
      faults.restart(3)
      await cluster.advance('4s')
    },
  }
  test('without its broker epoch it is let into the ISR, although it lost what it had copied', async () => {
    const { law } = await run(story, { brokerEpochFencing: false })
    expect(law).toBe('R4')
  })
  test('safe twin: the controller knows that it is another one', async () => {
    const { law, values } = await run(story)
    expect(law).toBeNull()
    expect(values).toEqual(['a', 'b'])
  })
})

describe('A7: the “failed” send that succeeded', () => {
  const story: Story = {
    minIsr: 2,
    async tell({ faults, cluster, send }) {
      await send('a')
      faults.cut(1, 2)
      faults.cut(1, 3)
      const producer = cluster.kafka({ logLevel: 0, retry: { retries: 0 } }).producer()
      await producer.connect()
      const sent = producer.send({ topic: 'orders', acks: -1, timeout: 60_000, messages: [{ value: 'appended' }] })
      // The ISR shrinks below the minimum while the record waits for its copies.
      await expect(sent).rejects.toThrow(/./)
    },
  }
  test.each([true, false])('strictMinIsr: %s', async (strictMinIsr) => {
    const { law, values, classes, unexplained } = await run(story, { strictMinIsr })
    expect(law).toBeNull()
    expect(values).toEqual(['a', 'appended'])
    expect(classes).toContain('ambiguous')
    expect(unexplained).toEqual([])
  })
})

describe('A28: below min.insync.replicas', () => {
  const highWatermark = async (strictMinIsr: boolean) => {
    const config = { 'min.insync.replicas': 2 }
    const topics = { orders: { partitions: 1, replicationFactor: 3, config } }
    await using cluster = createCluster({ brokers: 3, laws: true, topics, switches: { strictMinIsr } })
    const producer = cluster.kafka({ logLevel: 0 }).producer()
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ value: 'a' }] })
    cluster.faults.crash(2)
    cluster.faults.crash(3)
    await cluster.advance('40s')
    await producer.send({ topic: 'orders', acks: 1, messages: [{ value: 'b' }] })
    await cluster.advance('1s')
    const shown = cluster.topic('orders').partitions[0]?.highWatermark
    await cluster.heal()
    expect(cluster.topic('orders').partitions[0]?.highWatermark).toBe(2)
    return shown
  }
  test('what acks=1 wrote is accepted and not readable until enough are in sync (KAFKA-15583)', async () => {
    expect(await highWatermark(true)).toBe(1)
  })
  test('before 3.7 it was readable at once', async () => {
    expect(await highWatermark(false)).toBe(2)
  })
})

describe('seeds', () => {
  const within = 60_000 + SEARCH_SEEDS * 60
  const cases = [
    { id: 'A6', seeds: 50, switches: { truncation: 'highWatermark' } as const, kinds: HARMLESS },
    { id: 'KIP-497', seeds: 500, switches: { maximalIsr: false }, kinds: HARMLESS },
  ]
  test.each(cases)(
    '$id: a law is broken within $seeds seeds of storms',
    async ({ id, seeds, switches, kinds }) => {
      const { outcome, tried } = await findSeed(
        { acks: -1, minIsr: 1, limits: { kinds }, switches },
        seeds,
        ({ law }) => law !== null,
      )
      console.log(`${id}: law ${outcome?.law ?? '-'} within ${tried} seeds`)
      expect(outcome).not.toBeNull()
    },
    within,
  )
  test(
    'A4: an unclean election loses a committed record within 400 seeds of storms',
    async () => {
      const topicConfig = { 'unclean.leader.election.enable': 'true' }
      const options = { acks: -1, minIsr: 1, limits: { kinds: HARMLESS }, topicConfig } as const
      const { outcome, tried } = await findSeed(options, 400, ({ lost }) => lost.length > 0)
      console.log(`A4: lost within ${tried} seeds`)
      expect(outcome?.uncleanElections).toBeGreaterThan(0)
    },
    within,
  )
})
