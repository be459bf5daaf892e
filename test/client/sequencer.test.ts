/** How an idempotent producer gives sequence numbers (idempotent-sequencer.ts), and how kafkajs does (kafkajs-sequencer.ts). */
import { createRequire } from 'node:module'
import { createCluster } from 'kafkarium'
import { describe, expect, it } from 'vitest'
import type { BrokerClient } from '../../src/client/network/broker.ts'
import { createIdempotentSequencer } from '../../src/client/producer/idempotent-sequencer.ts'
import { createKafkajsSequencer } from '../../src/client/producer/kafkajs-sequencer.ts'
import type { ProducerIds } from '../../src/client/producer/producer-ids.ts'
import type { Lane, Outgoing, Sequencer } from '../../src/client/producer/sequencer.ts'
import type { Kafka, RetryOptions } from '../../src/client/types/index.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { encodeBatch } from '../../src/protocol/records.ts'

const broker = { nodeId: '1' } as BrokerClient

function idsFrom(epoch = 0): ProducerIds & { readonly given: number[] } {
  const given: number[] = []
  let current: { producerId: number; producerEpoch: number } | undefined
  return {
    given,
    current: () => current,
    async renew() {
      current = { producerId: 100 + given.length, producerEpoch: given.length === 0 ? epoch : 0 }
      given.push(current.producerId)
      return current
    },
  }
}

function outgoing(partition = 0, count = 1): Outgoing {
  const records = Array.from({ length: count }, () => ({ key: null, value: 'x', timestamp: 1 }))
  return { topic: 't', partition, batch: encodeBatch(records) }
}

/** One request; the answers' error codes, 'lost' = none comes. Resolves to the marks the batches went with. */
async function request(lane: Lane, batches: readonly Outgoing[], ...codes: (number | 'lost')[]) {
  const failed = codes.some((code) => code !== ErrorCode.NONE)
  const sent = lane.request(broker, batches, async () => {
    for (const [i, code] of codes.entries()) if (code !== 'lost') lane.answered(batches[i] as Outgoing, code)
    if (failed) throw new Error('some failed')
  })
  await sent.catch(() => {})
  return batches.map(({ batch }) => [batch.producerId, batch.producerEpoch, batch.baseSequence])
}

/** A whole send of one batch: one attempt a code. */
async function send(sequencer: Sequencer, count: number, ...attempts: (number | 'lost')[]) {
  const lane = sequencer.lane(['t'])
  const batch = outgoing(0, count)
  await lane.admitted
  await lane.queue([batch])
  const marks: (number | undefined)[][] = []
  for (const code of attempts) marks.push(...(await request(lane, [batch], code)))
  lane.end()
  return marks
}

const { NONE, NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS, REQUEST_TIMED_OUT, OUT_OF_ORDER_SEQUENCE_NUMBER } = ErrorCode

describe('sequences of an idempotent producer', () => {
  it('count records, partition by partition', async () => {
    const sequencer = createIdempotentSequencer(idsFrom())
    expect(await send(sequencer, 3, NONE)).toEqual([[100, 0, 0]])
    expect(await send(sequencer, 2, NONE)).toEqual([[100, 0, 3]])
    const lane = sequencer.lane(['t'])
    const two = [outgoing(0), outgoing(1)]
    await lane.queue(two)
    expect(await request(lane, two, NONE, NONE)).toEqual([
      [100, 0, 5],
      [100, 0, 0],
    ])
  })

  it('stay with their batch through all attempts', async () => {
    const sequencer = createIdempotentSequencer(idsFrom())
    const marks = await send(sequencer, 2, 'lost', NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS, NONE)
    expect(marks).toEqual(Array.from({ length: 4 }, () => [100, 0, 0]))
    expect(await send(sequencer, 1, NONE)).toEqual([[100, 0, 2]])
  })

  it('are given back by what was refused and nothing else', async () => {
    const sequencer = createIdempotentSequencer(idsFrom())
    await send(sequencer, 1, NONE)
    await send(sequencer, 5, NOT_ENOUGH_REPLICAS, ErrorCode.MESSAGE_TOO_LARGE)
    expect(await send(sequencer, 1, NONE)).toEqual([[100, 0, 1]])
  })

  it.each([
    ['no answer', ['lost']],
    ['no answer, then a refusal', ['lost', NOT_ENOUGH_REPLICAS]],
    ['a time-out', [REQUEST_TIMED_OUT]],
    ['a leader that resigned after it may have appended', [NOT_LEADER_OR_FOLLOWER]],
    ['a sequence the broker does not go on from', [OUT_OF_ORDER_SEQUENCE_NUMBER]],
  ] as const)('begin anew in the next epoch after %s', async (_, codes) => {
    const sequencer = createIdempotentSequencer(idsFrom())
    await send(sequencer, 4, NONE)
    await send(sequencer, 1, ...codes)
    expect(await send(sequencer, 1, NONE)).toEqual([[100, 1, 0]])
    expect(await send(sequencer, 1, NONE)).toEqual([[100, 1, 1]])
  })

  it('an outcome that is known in the end is a known one', async () => {
    const sequencer = createIdempotentSequencer(idsFrom())
    await send(sequencer, 1, 'lost', REQUEST_TIMED_OUT, NONE)
    expect(await send(sequencer, 1, NONE)).toEqual([[100, 0, 1]])
  })

  it('a partition that fails does not move the others', async () => {
    const sequencer = createIdempotentSequencer(idsFrom())
    const lane = sequencer.lane(['t'])
    const two = [outgoing(0), outgoing(1)]
    await lane.queue(two)
    await request(lane, two, NONE, 'lost')
    lane.end()
    const next = sequencer.lane(['t'])
    const again = [outgoing(0), outgoing(1)]
    await next.queue(again)
    expect(await request(next, again, NONE, NONE)).toEqual([
      [100, 0, 1],
      [100, 1, 0],
    ])
  })

  it('after the last epoch there is a new id (KIP-360)', async () => {
    const ids = idsFrom(32_766)
    const sequencer = createIdempotentSequencer(ids)
    expect(await send(sequencer, 1, 'lost')).toEqual([[100, 32_766, 0]])
    expect(await send(sequencer, 1, NONE)).toEqual([[101, 0, 0]])
    expect(ids.given).toEqual([100, 101])
  })

  it('what never left has used none', async () => {
    const sequencer = createIdempotentSequencer(idsFrom())
    const lane = sequencer.lane(['t'])
    await lane.queue([outgoing()])
    lane.end()
    expect(await send(sequencer, 1, NONE)).toEqual([[100, 0, 0]])
  })
})

describe('turns of an idempotent producer', () => {
  /** What has happened, once everything that can run has run. */
  const idle = () => new Promise((resolve) => setImmediate(resolve))

  it('a send waits for those before it to the same partition, and for no other', async () => {
    const sequencer = createIdempotentSequencer(idsFrom())
    const [first, second, other] = [sequencer.lane(['t']), sequencer.lane(['t']), sequencer.lane(['t'])]
    const done: string[] = []
    expect(first.queue([outgoing(0)])).toBeUndefined()
    void second.queue([outgoing(0), outgoing(1)])?.then(() => done.push('second'))
    void other.queue([outgoing(1)])?.then(() => done.push('other'))
    await idle()
    expect(done).toEqual([])
    expect(sequencer.lane(['u']).queue([{ ...outgoing(0), topic: 'u' }])).toBeUndefined()
    first.end()
    await idle()
    expect(done).toEqual(['second'])
    second.end()
    await idle()
    expect(done).toEqual(['second', 'other'])
  })

  it('a send makes its batches after those before it to the same topic have made theirs', async () => {
    const sequencer = createIdempotentSequencer(idsFrom())
    const first = sequencer.lane(['t', 'u'])
    const second = sequencer.lane(['u'])
    let admitted = false
    void second.admitted?.then(() => {
      admitted = true
    })
    expect(first.admitted).toBeUndefined()
    expect(sequencer.lane(['v']).admitted).toBeUndefined()
    await idle()
    expect(admitted).toBe(false)
    void first.queue([outgoing()])
    await idle()
    expect(admitted).toBe(true)
  })

  it('one that fails before it has batches lets the next one on', async () => {
    const sequencer = createIdempotentSequencer(idsFrom())
    const first = sequencer.lane(['t'])
    const second = sequencer.lane(['t'])
    first.end()
    await second.admitted
    expect(second.queue([outgoing()])).toBeUndefined()
  })
})

describe('quirks.kafkajsSequenceReuse', () => {
  it('takes the sequence back after any error, and the next batch gets it', async () => {
    const sequencer = createKafkajsSequencer(idsFrom())
    expect(await send(sequencer, 2, NONE)).toEqual([[100, 0, 0]])
    expect(await send(sequencer, 1, 'lost')).toEqual([[100, 0, 2]])
    expect(await send(sequencer, 1, NONE)).toEqual([[100, 0, 2]])
  })

  it('lets one request to a broker out at a time, but not one send', async () => {
    const sequencer = createKafkajsSequencer(idsFrom())
    const lane = sequencer.lane(['t'])
    const order: string[] = []
    const [a, b] = [outgoing(), outgoing()]
    const first = lane.request(broker, [a], async () => {
      order.push('a')
      throw new Error('lost')
    })
    const second = lane.request(broker, [b], async () => order.push('b'))
    await expect(first).rejects.toThrow('lost')
    await second
    await lane.request(broker, [a], async () => order.push('a again'))
    expect(order).toEqual(['a', 'b', 'a again'])
    expect([a.batch.baseSequence, b.batch.baseSequence]).toEqual([1, 0])
  })
})

describe('producer({ idempotent: true })', () => {
  it('asks the controller for an id when it connects, again while the broker has none; and once only', async () => {
    using cluster = createCluster({ topics: { orders: 1 } })
    const producer = cluster.kafka({ logLevel: 0 }).producer({ idempotent: true })
    const asked = () =>
      cluster.trace
        .events()
        .flatMap((event) => (event.type === 'request' && event.api === 'InitProducerId' ? [event.version] : []))
    await producer.connect()
    expect(asked()).toEqual([1, 1])
    await producer.send({ topic: 'orders', messages: [{ value: 'x' }] })
    await producer.disconnect()
    await producer.connect()
    expect(asked()).toEqual([1, 1])
    expect(producer.isIdempotent()).toBe(true)
  })

  it('warns of limited retries as kafkajs does', () => {
    using cluster = createCluster()
    const lines: string[] = []
    const logCreator =
      () =>
      ({ log }: { log: { message: string } }) =>
        lines.push(log.message)
    const real = createRequire(import.meta.url)('kafkajs') as typeof import('kafkajs')
    const limits = 'Limiting retries for the idempotent producer may invalidate EoS guarantees'
    const linesOf = (kafka: Pick<Kafka, 'producer'>, retry?: RetryOptions): string[] => {
      lines.length = 0
      const createPartitioner = () => () => 0
      kafka.producer({ createPartitioner, idempotent: true, ...(retry === undefined ? {} : { retry }) })
      return [...lines]
    }
    const cases: [RetryOptions | undefined, RetryOptions | undefined, boolean][] = [
      [undefined, undefined, false],
      [undefined, { initialRetryTime: 10 }, false],
      [undefined, { retries: Number.MAX_SAFE_INTEGER }, false],
      [undefined, { retries: 5 }, true],
      [{ retries: 5 }, undefined, true],
    ]
    for (const [ofKafka, ofProducer, warns] of cases) {
      const config = { logCreator: logCreator as never, ...(ofKafka === undefined ? {} : { retry: ofKafka }) }
      expect(linesOf(cluster.kafka(config), ofProducer)).toEqual(warns ? [limits] : [])
      const authority = new real.Kafka({ brokers: ['b:1'], ...config }) as unknown as Kafka
      expect(linesOf(authority, ofProducer)).toEqual(warns ? [limits] : [])
    }
  })

  it('gets its id with the first send when connecting was in vain', async () => {
    using cluster = createCluster({ topics: { orders: 1 } })
    const producer = cluster
      .kafka({ logLevel: 0, retry: { retries: 0 } })
      .producer({ idempotent: true, retry: { retries: 5 } })
    await expect(producer.connect()).rejects.toMatchObject({ cause: { type: 'GROUP_LOAD_IN_PROGRESS' } })
    await producer.send({ topic: 'orders', messages: [{ value: 'x' }] })
    expect(cluster.trace.events().find(({ type }) => type === 'append')).toMatchObject({
      producer: { id: 0, epoch: 0, sequence: 0 },
    })
  })
})
