/** Idempotent producers at a broker: ids (KIP-98, 360, 730) and what becomes of their batches. */
import { describe, expect, test } from 'vitest'
import {
  allocateProducerIds,
  brokerConfig,
  createController,
  newControllerEpoch,
  PRODUCER_ID_BLOCK_SIZE,
  registerBroker,
  stepRestart,
  switchesOf,
} from '../../src/broker/index.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  makeInitProducerIdRequest,
  makePartitionProduceData,
  makeProduceRequest,
  makeTopicProduceData,
} from '../../src/protocol/make.ts'
import type { InitProducerIdRequest, ProduceResponse } from '../../src/protocol/messages.ts'
import { encodeBatch } from '../../src/protocol/records.ts'
import type { TestCluster } from './controller-cluster.ts'
import { brokerAt, fence, logAt, replicated } from './replication-support.ts'
import { type Bench, createBench } from './support.ts'

const init = (bench: Bench, body: Partial<InitProducerIdRequest> = {}, version = 4) =>
  bench.ask(
    'InitProducerId',
    version,
    makeInitProducerIdRequest({ transactionalId: null, transactionTimeoutMs: 60_000, ...body }),
  )

/** The first request asks the controller for a block. */
function benchWithIds(...options: Parameters<typeof createBench>): Bench {
  const bench = createBench(...options)
  init(bench)
  return bench
}

describe('InitProducerId', () => {
  test('while the broker has no block: COORDINATOR_LOAD_IN_PROGRESS, and it asks the controller', () => {
    const bench = createBench()
    const none = { producerId: -1, producerEpoch: -1 }
    expect(init(bench)).toMatchObject({ errorCode: ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ...none })
    expect(init(bench)).toMatchObject({ errorCode: ErrorCode.NONE, producerId: 0, producerEpoch: 0 })
  })

  test('it asks once, however many producers wait', () => {
    const bench = createBench()
    bench.cutOff = true
    init(bench)
    expect(bench.state.producerIds.asking).toBe(true)
    bench.cutOff = false
    expect(init(bench).errorCode).toBe(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    expect(bench.state.producerIds.nextBlock).toBeNull()
  })

  test('every id is given once; the next block is asked for before the first is used up', () => {
    const bench = benchWithIds()
    const given = Array.from({ length: 2500 }, () => init(bench))
    expect(given.map(({ errorCode }) => errorCode).filter((code) => code !== 0)).toEqual([])
    expect(given.map(({ producerId }) => producerId)).toEqual(Array.from({ length: 2500 }, (_, i) => i))
    const late = benchWithIds()
    for (let i = 0; i < PRODUCER_ID_BLOCK_SIZE * 0.9; i++) init(late)
    expect(late.state.producerIds.nextBlock).toBeNull()
    init(late)
    expect(late.state.producerIds.nextBlock).toEqual({ first: 1000, count: 1000 })
  })

  test('what is left of a block is lost with the broker', () => {
    const bench = benchWithIds()
    expect(init(bench).producerId).toBe(0)
    stepRestart(bench.state, bench.now)
    expect(init(bench).errorCode).toBe(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
  })

  test('KIP-360: who names its id and epoch gets a new id, too; one without the other is INVALID_REQUEST', () => {
    const bench = benchWithIds()
    expect(init(bench, { producerId: 7, producerEpoch: 3 })).toMatchObject({ producerId: 0, producerEpoch: 0 })
    expect(init(bench, { producerId: 7 }).errorCode).toBe(ErrorCode.INVALID_REQUEST)
    expect(init(bench, { producerEpoch: 3 }).errorCode).toBe(ErrorCode.INVALID_REQUEST)
    expect(init(bench).producerId).toBe(1)
  })

  test('transactional ids: arguments are checked before the coordinator is looked for', () => {
    const bench = benchWithIds()
    const code = (body: Partial<InitProducerIdRequest>) => init(bench, body).errorCode
    expect(code({ transactionalId: '' })).toBe(ErrorCode.INVALID_REQUEST)
    for (const transactionTimeoutMs of [0, -1, 900_001])
      expect(code({ transactionalId: 'tx', transactionTimeoutMs })).toBe(ErrorCode.INVALID_TRANSACTION_TIMEOUT)
    expect(code({ transactionalId: 'tx', transactionTimeoutMs: 900_000 })).toBe(ErrorCode.NOT_COORDINATOR)
    expect(init(bench).producerId).toBe(0)
  })
})

describe('KIP-730: blocks of producer ids (ProducerIdControlManager)', () => {
  const controllerWith = (...ids: number[]) => {
    const controller = createController(brokerConfig({}), switchesOf('4.3'))
    for (const id of ids) registerBroker(controller, { id, host: 'h', port: id, rack: null, cleanShutdown: true })
    return controller
  }
  const allocate = (controller: ReturnType<typeof controllerWith>, id: number, brokerEpoch?: number) =>
    allocateProducerIds(controller, id, {
      type: 'allocate-producer-ids',
      brokerEpoch: brokerEpoch ?? controller.image.brokers.get(id)?.epoch ?? -1,
    })

  test('each is of 1,000 ids, and given to one broker', () => {
    const controller = controllerWith(1, 2)
    const firsts = [1, 2, 1].map((id) => allocate(controller, id).answer)
    expect(firsts).toMatchObject([
      { first: 0, count: 1000 },
      { first: 1000, count: 1000 },
      { first: 2000, count: 1000 },
    ])
  })

  test('another controller goes on behind them', () => {
    const controller = controllerWith(1)
    allocate(controller, 1)
    const next = newControllerEpoch(controller)
    expect(allocate(next, 1).answer).toMatchObject({ errorCode: ErrorCode.NONE, first: 1000 })
  })

  test('R9: not to who is not registered, nor to an earlier incarnation', () => {
    const controller = controllerWith(1)
    expect(allocate(controller, 9).answer.errorCode).toBe(ErrorCode.BROKER_ID_NOT_REGISTERED)
    expect(allocate(controller, 1, 99).answer.errorCode).toBe(ErrorCode.STALE_BROKER_EPOCH)
    expect(allocate(controller, 1).answer.first).toBe(0)
  })

  test('a broker that was refused asks again, not sooner than after 50 ms', () => {
    const bench = createBench()
    bench.cutOff = true
    init(bench)
    bench.state.producerIds = { ...bench.state.producerIds, asking: false, notBefore: bench.now + 50 }
    bench.cutOff = false
    bench.pass(49)
    init(bench)
    expect(bench.state.producerIds.nextBlock).toBeNull()
    bench.pass(1)
    init(bench)
    expect(bench.state.producerIds.nextBlock).not.toBeNull()
  })
})

const batch = (producerId: number, producerEpoch: number, baseSequence: number, values: readonly string[] = ['x']) =>
  encodeBatch(
    values.map((value, i) => ({ key: null, value, timestamp: 1_000_000 + i })),
    { producerId, producerEpoch, baseSequence },
  )
const body = (records: ReturnType<typeof batch>[], acks = -1) => {
  const partitionData = records.map((one) => makePartitionProduceData({ index: 0, records: [one] }))
  return makeProduceRequest({
    acks,
    timeoutMs: 1000,
    topicData: [makeTopicProduceData({ name: 'orders', partitionData })],
  })
}

describe('Produce', () => {
  const produce = (bench: Bench, ...of: Parameters<typeof batch>) =>
    bench.ask('Produce', 7, body([batch(...of)])).responses[0]?.partitionResponses[0]
  const end = (bench: Bench) => bench.state.logs.get('orders')?.[0]?.logEndOffset

  test('a repeated batch is answered with the first offset and the time of the batch, and not appended', () => {
    const bench = createBench({ orders: 1 })
    expect(produce(bench, 1, 0, 0, ['a', 'b', 'c'])).toMatchObject({ errorCode: 0, baseOffset: 0, logAppendTimeMs: -1 })
    produce(bench, 1, 0, 3, ['d'])
    const again = produce(bench, 1, 0, 0, ['a', 'b', 'c'])
    expect(again).toMatchObject({ errorCode: 0, baseOffset: 0, logAppendTimeMs: 1_000_002, logStartOffset: 0 })
    expect(end(bench)).toBe(4)
    expect(bench.facts.filter(({ type }) => type === 'duplicate')).toEqual([
      expect.objectContaining({ baseOffset: 0, count: 3, producer: { id: 1, epoch: 0, sequence: 0 } }),
    ])
  })

  test('the broker goes by the sequence, whatever the batch holds (H2)', () => {
    const bench = createBench({ orders: 1 })
    produce(bench, 1, 0, 0, ['a'])
    expect(produce(bench, 1, 0, 0, ['b'])).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect(end(bench)).toBe(1)
  })

  test.each([
    ['a gap', [1, 0, 2], 'OUT_OF_ORDER_SEQUENCE_NUMBER', 1],
    ['an earlier epoch', [2, 4, 1], 'INVALID_PRODUCER_EPOCH', 1],
    ['a later epoch that does not begin with 0', [1, 1, 1], 'OUT_OF_ORDER_SEQUENCE_NUMBER', 0],
  ] as const)('%s is refused, nothing is appended, and the trace says what was expected', (_, of, code, expected) => {
    const bench = createBench({ orders: 1 })
    produce(bench, 1, 0, 0)
    produce(bench, 2, 5, 0)
    expect(produce(bench, of[0], of[1], of[2])).toMatchObject({ errorCode: ErrorCode[code], baseOffset: -1 })
    expect(end(bench)).toBe(2)
    const told = bench.facts.find(({ type }) => type === 'sequence.refused')
    expect(told).toMatchObject({ errorCode: ErrorCode[code], expected })
  })

  test('a sequence below 0 is INVALID_RECORD (LogValidator.validateBatch); so is a second batch for the partition', () => {
    const bench = createBench({ orders: 1 })
    expect(produce(bench, 1, 0, -1)?.errorCode).toBe(ErrorCode.INVALID_RECORD)
    const two = bench.ask('Produce', 7, body([batch(1, 0, 0), batch(1, 0, 1)])).responses[0]?.partitionResponses
    expect(two?.map(({ errorCode }) => errorCode)).toEqual([ErrorCode.NONE, ErrorCode.INVALID_RECORD])
    expect(end(bench)).toBe(1)
  })

  test('an unknown producer: before 2.5 UNKNOWN_PRODUCER_ID, since KIP-360 it is taken', () => {
    for (const [version, code] of [
      ['2.4', ErrorCode.UNKNOWN_PRODUCER_ID],
      ['2.5', ErrorCode.NONE],
    ] as const) {
      const bench = createBench({ orders: 1 }, {}, { version })
      expect(produce(bench, 1, 0, 5)?.errorCode).toBe(code)
    }
  })

  test('a refused batch of acks=0 closes the connection; a repeated one does not', () => {
    const bench = createBench({ orders: 1 })
    produce(bench, 1, 0, 0)
    expect(bench.ask('Produce', 7, body([batch(1, 0, 0)], 0))).toBeUndefined()
    expect(bench.ask('Produce', 7, body([batch(1, 0, 5)], 0))).toBeNull()
  })

  test('silent producers are forgotten at the next look (producer.id.expiration.check.interval.ms)', () => {
    const expiry = { 'producer.id.expiration.ms': '1000', 'producer.id.expiration.check.interval.ms': '600' }
    const bench = createBench({ orders: 1 }, expiry)
    produce(bench, 1, 0, 0)
    const known = () => bench.state.logs.get('orders')?.[0]?.producers.entries.has(1)
    // At multiples of the interval: the first at or behind 1,001,000.
    bench.pass(1_001_399 - bench.now)
    expect(known()).toBe(true)
    bench.pass(1)
    expect(known()).toBe(false)
    expect(produce(bench, 1, 0, 7)?.errorCode).toBe(ErrorCode.NONE)
  })

  test('each in its own time: a look arms the next one that will find somebody', () => {
    const expiry = { 'producer.id.expiration.ms': '1000', 'producer.id.expiration.check.interval.ms': '100' }
    const bench = createBench({ orders: 2 }, expiry)
    const log = () => bench.state.logs.get('orders')?.[0]
    for (const id of [1, 2, 3]) {
      const late = encodeBatch([{ key: null, value: 'x', timestamp: 1_000_000 + id * 1000 }], {
        producerId: id,
        producerEpoch: 0,
        baseSequence: 0,
      })
      bench.ask('Produce', 7, body([late]))
    }
    const left: number[][] = []
    for (let i = 0; i < 4; i++) {
      left.push([...(log()?.producers.entries.keys() ?? [])])
      bench.pass(i === 0 ? 2000 : 1000)
    }
    expect(left).toEqual([[1, 2, 3], [2, 3], [3], []])
    expect(bench.timers.has('producers')).toBe(false)
  })

  test('a plain batch behind a repeated one in one request is appended at the log end', () => {
    const bench = createBench({ orders: 1 })
    produce(bench, 1, 0, 0)
    produce(bench, 1, 0, 1)
    const plain = encodeBatch([{ key: null, value: 'x', timestamp: 1 }])
    const answers = bench.ask('Produce', 7, body([batch(1, 0, 0), plain])).responses[0]?.partitionResponses
    expect(answers?.map(({ baseOffset }) => baseOffset)).toEqual([0, 2])
  })
})

describe('P4: followers', () => {
  const send = (cluster: TestCluster, to: number, ...of: Parameters<typeof batch>) => {
    const id = cluster.send(to, 'Produce', 7, body([batch(...of)]))
    return () => (cluster.answers.get(id) as ProduceResponse | undefined)?.responses[0]?.partitionResponses[0]
  }

  test('know what their leader knows; the next leader goes on with it', () => {
    const cluster = replicated()
    for (let i = 0; i < 6; i++) send(cluster, 1, 1, 0, i)
    cluster.settle()
    for (const id of [2, 3]) expect(logAt(cluster, id).producers.entries).toEqual(logAt(cluster, 1).producers.entries)
    fence(cluster, 1)
    const leader = brokerAt(cluster, 2).leading.has('orders-0') ? 2 : 3
    const repeated = send(cluster, leader, 1, 0, 3)
    const gap = send(cluster, leader, 1, 0, 7)
    const next = send(cluster, leader, 1, 0, 6)
    cluster.settle()
    expect(repeated()).toMatchObject({ errorCode: 0, baseOffset: 3 })
    expect(gap()).toMatchObject({ errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER })
    expect(next()).toMatchObject({ errorCode: 0, baseOffset: 6 })
  })

  test('a repeated batch with acks=all is answered when the original is replicated', () => {
    const cluster = replicated({}, { 'min.insync.replicas': '2' })
    cluster.down.add(3)
    const first = send(cluster, 1, 1, 0, 0)
    const again = send(cluster, 1, 1, 0, 0)
    cluster.settle()
    expect([first(), again()]).toEqual([undefined, undefined])
    fence(cluster, 3)
    expect([first(), again()]).toMatchObject([
      { errorCode: 0, baseOffset: 0 },
      { errorCode: 0, baseOffset: 0 },
    ])
    expect(logAt(cluster, 1).logEndOffset).toBe(1)
  })

  test('below min.insync.replicas a repetition is NOT_ENOUGH_REPLICAS, too (Partition.appendRecordsToLeader)', () => {
    const cluster = replicated({}, { 'min.insync.replicas': '2' })
    send(cluster, 1, 1, 0, 0)
    cluster.settle()
    fence(cluster, 2)
    fence(cluster, 3)
    expect(send(cluster, 1, 1, 0, 0)()).toMatchObject({ errorCode: ErrorCode.NOT_ENOUGH_REPLICAS })
  })
})
