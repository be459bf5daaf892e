/**
 * Clients from before Kafka 0.11, byte for byte: what they write is stored as one batch of format 2, what they read comes in the format
 * of their time, and what is damaged is refused, each partition on its own.
 */
import { afterEach, describe, expect, test } from 'vitest'
import type { CoordinatorRecord } from '../../src/broker/groups/records.ts'
import { compress, decompress } from '../../src/host/codecs/index.ts'
import { type ClusterOptions, createCluster, type WireSocket } from '../../src/index.ts'
import { decodeResponse, encodeRequest, FrameSplitter, frame } from '../../src/protocol/codec.ts'
import { crc32 } from '../../src/protocol/crc32.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  makeFetchPartition,
  makeFetchRequest,
  makeListOffsetsPartition,
  makeListOffsetsRequest,
  makeOffsetCommitRequest,
  makeOffsetCommitRequestPartition,
  makeOffsetCommitRequestTopic,
  makeProduceRequest,
} from '../../src/protocol/make.ts'
import type {
  ApiName,
  PartitionData,
  PartitionProduceResponse,
  RequestOf,
  ResponseOf,
} from '../../src/protocol/messages.ts'
import {
  asMessageSet,
  downConvert,
  encodeBatch,
  MessageCursor,
  type OldMagic,
  type RecordBatch,
  type RecordInput,
  withRightChecksum,
} from '../../src/protocol/records.ts'

const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'
const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close()
})

/** A connection of bytes, in process, to a cluster that poses as one which still has all versions. */
async function wire(options: ClusterOptions = {}) {
  const cluster = createCluster({
    seed: 1,
    laws: true,
    kafkaVersion: '2.4',
    topics: { orders: 1, others: 1 },
    ...options,
  })
  closers.push(() => cluster.dispose())
  const control = cluster.controlTime()
  closers.push(() => control.release())
  const splitter = new FrameSplitter(100_000_000)
  const [host, port] = (cluster.brokers[0] as string).split(':')
  const socket = cluster.socketFactory({ host: host as string, port: Number(port), onConnect: () => {} }) as WireSocket
  let ended = false
  let last: Uint8Array = new Uint8Array(0)
  socket.on('data', (bytes: Uint8Array) => splitter.push(bytes))
  socket.on('end', () => {
    ended = true
  })
  await cluster.advance(100)
  const send = <A extends ApiName>(api: A, version: number, body: RequestOf<A>) =>
    socket.write(Buffer.from(frame(encodeRequest(api, version, { correlationId: 1, clientId: 'old' }, body))))
  const ask = async <A extends ApiName>(api: A, version: number, body: RequestOf<A>): Promise<ResponseOf<A>> => {
    send(api, version, body)
    await cluster.advance(1000)
    last = splitter.next() as Uint8Array
    return decodeResponse(api, version, last).body
  }
  const produceAll = async (version: number, sets: Readonly<Record<string, Uint8Array>>) => {
    const body = makeProduceRequest({
      acks: -1,
      timeoutMs: 1000,
      topicData: Object.entries(sets).map(([name, set]) => ({
        name,
        topicId: NO_ID,
        partitionData: [{ index: 0, records: [asMessageSet(set)] }],
      })),
    })
    return (await ask('Produce', version, body)).responses
  }
  const produce = async (set: Uint8Array, version = 2, topic = 'orders'): Promise<PartitionProduceResponse> =>
    (await produceAll(version, { [topic]: set }))[0]?.partitionResponses[0] as PartitionProduceResponse
  const fetch = async (version: number, fetchOffset = 0, partitionMaxBytes = 1_000_000): Promise<PartitionData> => {
    const partitions = [makeFetchPartition({ partition: 0, fetchOffset, partitionMaxBytes })]
    const topics = [{ topic: 'orders', topicId: NO_ID, partitions }]
    const body = makeFetchRequest({ minBytes: 1, maxWaitMs: 500, maxBytes: 10_000_000, topics })
    return (await ask('Fetch', version, body)).responses[0]?.partitions[0] as PartitionData
  }
  const stored = () =>
    cluster
      .topic('orders')
      .records()
      .map(({ offset, key, value }) => [Number(offset), key, value])
  return {
    cluster,
    send,
    ask,
    produce,
    produceAll,
    fetch,
    stored,
    isEnded: () => ended,
    lastFrame: () => Buffer.from(last).toString('hex'),
  }
}

const NOW = Date.UTC(2026, 0, 1)
const inputs = (values: readonly (string | null)[], key: string | null = 'k'): RecordInput[] =>
  values.map((value, i) => ({ key, value, timestamp: NOW + i }))

/** As a producer of that time sends it: in one wrapper, if it compresses. */
function messageSet(
  magic: OldMagic,
  values: readonly (string | null)[],
  code = 0,
  key: string | null = 'k',
): Uint8Array {
  const plain = encodeBatch(inputs(values, key))
  const packs = code === 0 ? null : (bytes: Uint8Array) => compress(code, bytes)
  return downConvert({ ...plain, attributes: code }, plain.records, magic, 0, packs) as Uint8Array
}

/** A wrapper around any bytes. */
function wrapper(magic: OldMagic, code: number, inside: Uint8Array | null, offset = 0): Uint8Array {
  const length = inside?.length ?? 0
  const bytes = new Uint8Array((magic === 0 ? 26 : 34) + length)
  const view = new DataView(bytes.buffer)
  view.setInt32(4, offset)
  view.setInt32(8, bytes.length - 12)
  bytes[16] = magic
  bytes[17] = code
  const key = magic === 0 ? 18 : 26
  view.setInt32(key, -1)
  view.setInt32(key + 4, inside === null ? -1 : length)
  if (inside !== null) bytes.set(inside, key + 8)
  view.setUint32(12, crc32(bytes, 16))
  return bytes
}

function signed(bytes: Uint8Array): Uint8Array {
  new DataView(bytes.buffer).setUint32(12, crc32(bytes, 16, 12 + new DataView(bytes.buffer).getInt32(8)))
  return bytes
}

interface Read {
  readonly magic: number
  readonly compression: number
  readonly offsets: readonly number[]
  readonly values: readonly (string | null)[]
  readonly timestamps: readonly number[]
}

/** One entry a message on the outer level. */
function read(records: readonly RecordBatch[] | null): Read[] {
  const found: Read[] = []
  if (records?.[0] === undefined) return found
  for (const outer = new MessageCursor(records[0].records); outer.next(); ) {
    const { magic, compression } = outer
    const one = { offsets: [] as number[], values: [] as (string | null)[], timestamps: [] as number[] }
    const take = (cursor: MessageCursor) => {
      const value = cursor.value()
      one.offsets.push(cursor.offset)
      one.values.push(value === null ? null : Buffer.from(value).toString())
      one.timestamps.push(cursor.timestamp)
    }
    if (compression === 0) take(outer)
    else {
      const value = outer.value() as Uint8Array
      const inside = decompress(compression, magic === 0 && compression === 3 ? withRightChecksum(value) : value)
      for (const cursor = new MessageCursor(inside, magic); cursor.next(); ) take(cursor)
      const base = magic === 0 ? 0 : outer.offset - (one.offsets.at(-1) ?? 0)
      one.offsets = one.offsets.map((offset) => offset + base)
    }
    found.push({ magic, compression, ...one })
  }
  return found
}

describe.each([0, 1, 2, 3])('codec %i', (code) => {
  test.each([0, 1] as const)('format %i goes in, and comes out in every format', async (magic) => {
    const { cluster, produce, fetch, stored } = await wire()
    const values = ['one', null, 'three '.repeat(20), '']
    for (const version of [0, 1, 2]) {
      const answer = await produce(messageSet(magic, values, code), version)
      expect(answer).toMatchObject({ errorCode: ErrorCode.NONE, baseOffset: version * 4, logAppendTimeMs: -1 })
    }
    expect(stored()).toEqual([0, 1, 2].flatMap((n) => values.map((value, i) => [n * 4 + i, 'k', value])))
    const timestamps = values.map((_, i) => (magic === 0 ? -1 : NOW + i))
    for (const version of [0, 1, 2, 3]) {
      const reads: Read[] = []
      // Messages take more room than the records they come from, so it may be several times.
      for (let next = 4; next < 12; next = (reads.at(-1)?.offsets.at(-1) ?? Number.NaN) + 1) {
        const data = await fetch(version, next)
        expect(data).toMatchObject({ errorCode: ErrorCode.NONE, highWatermark: 12 })
        reads.push(...read(data.records))
      }
      const expected = version < 2 ? 0 : 1
      expect(reads.every((one) => one.magic === expected && one.compression === code)).toBe(true)
      expect(reads.flatMap(({ offsets }) => offsets)).toEqual([4, 5, 6, 7, 8, 9, 10, 11])
      expect(reads.flatMap(({ values }) => values)).toEqual([...values, ...values])
      const times = expected === 0 ? values.map(() => -1) : timestamps
      expect(reads.flatMap(({ timestamps }) => timestamps)).toEqual([...times, ...times])
      expect(reads).toHaveLength(code === 0 ? 8 : 2)
    }
    const [batch] = (await fetch(4)).records ?? []
    expect(batch).toMatchObject({ recordCount: 4, attributes: code, maxTimestamp: magic === 0 ? -1 : NOW + 3 })
    const consumer = cluster.kafka().consumer({ groupId: 'g' })
    await consumer.connect()
    await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
    const got: (string | null)[] = []
    await consumer.run({ eachMessage: async ({ message }) => void got.push(message.value?.toString() ?? null) })
    await cluster.until(() => got.length === 12)
    expect(got).toEqual([...values, ...values, ...values])
  })
})

describe('what old producers may send', () => {
  test('half a message at the end, and nothing whole at all', async () => {
    const { produce, stored } = await wire()
    const set = messageSet(1, ['a', 'b'])
    expect(await produce(set.subarray(0, set.length - 3))).toMatchObject({ errorCode: 0, baseOffset: 0 })
    expect(await produce(set.subarray(0, 20))).toMatchObject({ errorCode: 0, baseOffset: -1 })
    expect(await produce(new Uint8Array(0))).toMatchObject({ errorCode: 0, baseOffset: -1 })
    expect(stored()).toEqual([[0, 'k', 'a']])
  })

  test('offsets that are not those inside a wrapper', async () => {
    const { produce, stored } = await wire()
    const inner = messageSet(1, ['a', 'b'])
    // As certain librdkafkas did: all of them 0.
    new DataView(inner.buffer).setInt32(inner.length / 2 + 4, 0)
    expect((await produce(wrapper(1, 1, compress(1, inner)))).errorCode).toBe(ErrorCode.NONE)
    expect(stored()).toEqual([
      [0, 'k', 'a'],
      [1, 'k', 'b'],
    ])
  })

  test('a batch of format 2, which is what it is', async () => {
    const { ask, stored } = await wire()
    const partitionData = [{ index: 0, records: [encodeBatch(inputs(['a']))] }]
    const topicData = [{ name: 'orders', topicId: NO_ID, partitionData }]
    const { responses } = await ask('Produce', 2, makeProduceRequest({ acks: 1, timeoutMs: 1000, topicData }))
    expect(responses[0]?.partitionResponses[0]?.errorCode).toBe(ErrorCode.NONE)
    expect(stored()).toEqual([[0, 'k', 'a']])
  })

  test('messages for topics with a codec, a clock and limits of their own', async () => {
    const { cluster, produce, fetch } = await wire({
      topics: {
        orders: { partitions: 1, config: { 'compression.type': 'lz4', 'message.timestamp.type': 'LogAppendTime' } },
        others: { partitions: 1, config: { 'message.timestamp.after.max.ms': '1000' } },
        compacted: { partitions: 1, config: { 'cleanup.policy': 'compact' } },
      },
    })
    const { now } = cluster
    const answer = await produce(messageSet(1, ['a', 'b'], 1))
    expect(answer.errorCode).toBe(ErrorCode.NONE)
    expect(answer.logAppendTimeMs).toBeGreaterThanOrEqual(now)
    const [one] = read((await fetch(3)).records)
    expect(one).toMatchObject({ compression: 3, values: ['a', 'b'] })
    expect((await fetch(4)).records?.[0]).toMatchObject({ attributes: 3 | 8, maxTimestamp: answer.logAppendTimeMs })
    const early = signed(messageSet(1, ['a']).map((byte, at) => (at === 20 ? byte + 1 : byte)))
    expect((await produce(early, 2, 'others')).errorCode).toBe(ErrorCode.INVALID_TIMESTAMP)
    expect((await produce(messageSet(0, ['a']), 2, 'others')).errorCode).toBe(ErrorCode.NONE)
    expect((await produce(messageSet(1, ['a'], 1, null), 2, 'compacted')).errorCode).toBe(ErrorCode.INVALID_RECORD)
    expect((await produce(messageSet(1, ['a'], 1), 2, 'compacted')).errorCode).toBe(ErrorCode.NONE)
    // Who stamps is the broker.
    const stamped = signed(messageSet(1, ['a']).map((byte, at) => (at === 17 ? 8 : byte)))
    expect((await produce(stamped)).errorCode).toBe(ErrorCode.INVALID_TIMESTAMP)
    expect((await produce(stamped, 2, 'others')).errorCode).toBe(ErrorCode.NONE)
  })
})

describe('what is refused', () => {
  const plain = messageSet(1, ['a', 'b'])
  const flipped = (set: Uint8Array, at: number) => set.map((byte, i) => (i === at ? byte ^ 1 : byte))
  const inner = (magic: OldMagic = 1) => messageSet(magic, ['a', 'b'])
  const short = new Uint8Array(plain)
  new DataView(short.buffer).setInt32(8, 13)

  test.each<[string, Uint8Array, number]>([
    ['a checksum that is wrong', flipped(plain, plain.length - 1), ErrorCode.CORRUPT_MESSAGE],
    ['a size that cannot be', short, ErrorCode.CORRUPT_MESSAGE],
    ['a checksum that is wrong inside', wrapper(1, 1, compress(1, flipped(inner(), 35))), ErrorCode.CORRUPT_MESSAGE],
    ['a size that cannot be inside', wrapper(1, 1, compress(1, short)), ErrorCode.CORRUPT_MESSAGE],
    ['two formats', Uint8Array.from([...plain, ...messageSet(0, ['c'])]), ErrorCode.INVALID_RECORD],
    ['another format inside', wrapper(1, 1, compress(1, inner(0))), ErrorCode.INVALID_RECORD],
    ['a wrapper inside', wrapper(1, 1, compress(1, messageSet(1, ['a'], 1))), ErrorCode.INVALID_RECORD],
    ['a wrapper and more', Uint8Array.from([...messageSet(1, ['a'], 1), ...plain]), ErrorCode.INVALID_RECORD],
    [
      'two wrappers',
      Uint8Array.from([...messageSet(1, ['a'], 1), ...messageSet(1, ['a'], 1)]),
      ErrorCode.INVALID_RECORD,
    ],
    ['nothing inside', wrapper(1, 1, compress(1, new Uint8Array(0))), ErrorCode.INVALID_RECORD],
    ['a wrapper without a value', wrapper(1, 1, null), ErrorCode.INVALID_RECORD],
    ['zstd', wrapper(1, 4, compress(4, inner())), ErrorCode.INVALID_RECORD],
    ['a codec nobody has', wrapper(1, 6, inner()), ErrorCode.INVALID_RECORD],
    [
      'an offset below those inside',
      wrapper(1, 1, compress(1, messageSet(1, ['a', 'b', 'c'])), 1),
      ErrorCode.INVALID_RECORD,
    ],
    ['what cannot be decompressed', wrapper(1, 1, inner()), ErrorCode.UNKNOWN_SERVER_ERROR],
    ['an lz4 header as only format 0 has it', wrapper(1, 3, signedAsOf0()), ErrorCode.UNKNOWN_SERVER_ERROR],
    [
      'more than can be held',
      wrapper(1, 1, compress(1, new Uint8Array(64 * 1024 * 1024 + 1))),
      ErrorCode.UNKNOWN_SERVER_ERROR,
    ],
    ['a message that is too large', messageSet(1, ['x'.repeat(1_100_000)]), ErrorCode.MESSAGE_TOO_LARGE],
    [
      'messages that are too large together',
      messageSet(1, Array(12).fill('x'.repeat(100_000))),
      ErrorCode.MESSAGE_TOO_LARGE,
    ],
  ])('%s, and the other partition is written', async (_, set, errorCode) => {
    const { produceAll, stored, cluster } = await wire()
    const responses = await produceAll(2, { orders: set, others: plain })
    expect(responses.map(({ partitionResponses }) => partitionResponses[0])).toMatchObject([
      { errorCode, baseOffset: -1 },
      { errorCode: ErrorCode.NONE, baseOffset: 0 },
    ])
    expect(stored()).toEqual([])
    expect(cluster.topic('others').records()).toHaveLength(2)
  })

  test('old messages in a Produce that came after them', async () => {
    const { produce } = await wire()
    expect((await produce(plain, 3)).errorCode).toBe(ErrorCode.INVALID_RECORD)
    expect((await produce(plain, 8)).errorCode).toBe(ErrorCode.INVALID_RECORD)
  })

  function signedAsOf0(): Uint8Array {
    const cursor = new MessageCursor(messageSet(0, ['a'.repeat(50)], 3))
    cursor.next()
    return cursor.value() as Uint8Array
  }
})

describe('what old consumers get', () => {
  test('from the middle of a batch: from there on, or the whole wrapper', async () => {
    const { cluster, fetch, produce } = await wire()
    const producer = cluster.kafka().producer()
    await producer.connect()
    await producer.send({
      topic: 'orders',
      messages: ['a', 'b', 'c'].map((value) => ({ value, headers: { trace: '1' } })),
    })
    await produce(messageSet(1, ['d', 'e', 'f'], 2))
    expect(read((await fetch(3, 1)).records).map(({ offsets, values }) => [offsets, values])).toEqual([
      [[1], ['b']],
      [[2], ['c']],
      [
        [3, 4, 5],
        ['d', 'e', 'f'],
      ],
    ])
    expect(read((await fetch(3, 4)).records).map(({ offsets }) => offsets)).toEqual([[3, 4, 5]])
    expect((await fetch(3, 6)).records).toEqual([])
    expect((await fetch(3, 7)).errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
  })

  test('a first batch that is too large: whole from v3 on, before that nothing', async () => {
    const { cluster, produce, fetch } = await wire()
    await produce(messageSet(1, ['x'.repeat(5000)]))
    for (const version of [0, 1, 2]) {
      const before = cluster.now
      expect((await fetch(version, 0, 1000)).records).toEqual([])
      expect(cluster.now - before).toBe(1000)
      expect(read((await fetch(version, 0, 6000)).records)).toHaveLength(1)
    }
    expect(read((await fetch(3, 0, 1000)).records)).toHaveLength(1)
  })

  test('no more than was read, although messages are longer than records', async () => {
    const { produce, fetch } = await wire()
    for (let i = 0; i < 5; i++) await produce(messageSet(1, Array(100).fill('v')))
    const read5 = read((await fetch(3)).records)
    expect(read5.length).toBeGreaterThanOrEqual(100)
    expect(read5.length).toBeLessThan(500)
    expect(read5.length % 100).toBe(0)
    expect(read((await fetch(3, read5.length)).records)[0]?.offsets).toEqual([read5.length])
  })

  test('records of transactions without markers, and half a message where there are only those', async () => {
    const { cluster, fetch, lastFrame } = await wire()
    const producer = cluster.kafka().producer({ transactionalId: 't', maxInFlightRequests: 1, idempotent: true })
    await producer.connect()
    for (const value of ['a', 'b']) {
      const transaction = await producer.transaction()
      await transaction.send({ topic: 'orders', messages: [{ value }] })
      await transaction.commit()
    }
    await cluster.settle()
    expect(read((await fetch(3)).records).map(({ offsets, values }) => [offsets, values])).toEqual([
      [[0], ['a']],
      [[2], ['b']],
    ])
    expect(read((await fetch(3, 1)).records).map(({ offsets }) => offsets)).toEqual([[2]])
    expect((await fetch(3, 3)).errorCode).toBe(ErrorCode.NONE)
    // Twelve bytes: an offset of -1, and a size of more than there is.
    expect(lastFrame().endsWith(`0000000c${'ff'.repeat(8)}0000003d`)).toBe(true)
    expect((await fetch(3, 4)).records).toEqual([])
    expect(lastFrame().endsWith('00000000')).toBe(true)
  })

  test('no zstd: at the beginning an error, behind others the end', async () => {
    const { cluster, fetch, produce } = await wire({ topics: { orders: 1, others: 1 } })
    const producer = cluster.kafka().producer()
    await producer.connect()
    await produce(messageSet(1, ['a']))
    await producer.send({ topic: 'orders', messages: [{ value: 'b' }], compression: 4 })
    expect(read((await fetch(3)).records).map(({ values }) => values)).toEqual([['a']])
    const refused = await fetch(3, 1)
    expect(refused).toMatchObject({ errorCode: ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, highWatermark: -1, records: [] })
    expect((await fetch(4, 1)).records).toHaveLength(1)
  })

  test('nor of a topic that is kept in zstd, before v10', async () => {
    const { produce, fetch } = await wire({ topics: { orders: { config: { 'compression.type': 'zstd' } } } })
    expect((await produce(messageSet(1, ['a']))).errorCode).toBe(ErrorCode.NONE)
    for (const version of [0, 3, 4, 9])
      expect((await fetch(version)).errorCode).toBe(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
    expect((await fetch(10)).errorCode).toBe(ErrorCode.NONE)
  })

  test('what comes while they wait', async () => {
    const { cluster, ask } = await wire()
    const producer = cluster.kafka().producer()
    await producer.connect()
    const partitions = [makeFetchPartition({ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 })]
    const topics = [{ topic: 'orders', topicId: NO_ID, partitions }]
    const waiting = ask('Fetch', 2, makeFetchRequest({ minBytes: 1, maxWaitMs: 10_000, topics }))
    await producer.send({ topic: 'orders', messages: [{ value: 'late' }] })
    const { responses } = await waiting
    expect(read(responses[0]?.partitions[0]?.records ?? null)[0]).toMatchObject({ magic: 1, values: ['late'] })
  })
})

test('ListOffsets v0 gives the beginnings of segments and the end', async () => {
  const { cluster, ask, produce } = await wire({
    topics: { orders: { config: { 'segment.bytes': 1_048_576 } }, others: 1 },
  })
  const value = 'x'.repeat(600_000)
  const times: number[] = []
  for (let i = 0; i < 3; i++) {
    await produce(messageSet(1, [value]))
    times.push(cluster.now)
  }
  const offsets = async (timestamp: number, maxNumOffsets = 10, topic = 'orders', partitionIndex = 0) => {
    const partitions = [makeListOffsetsPartition({ partitionIndex, timestamp, maxNumOffsets })]
    const { topics } = await ask('ListOffsets', 0, makeListOffsetsRequest({ topics: [{ name: topic, partitions }] }))
    const found = topics[0]?.partitions[0]
    return found?.errorCode === 0 ? found.oldStyleOffsets : found?.errorCode
  }
  expect(await offsets(-1)).toEqual([3, 2, 1, 0])
  expect(await offsets(-1, 1)).toEqual([3])
  expect(await offsets(-1, 0)).toEqual([])
  expect(await offsets(-2)).toEqual([0])
  expect(await offsets(times[1] as number)).toEqual([1, 0])
  expect(await offsets(5)).toEqual([])
  expect(await offsets(cluster.now + 60_000, 2)).toEqual([3, 2])
  expect(await offsets(-3)).toBe(ErrorCode.UNSUPPORTED_VERSION)
  expect(await offsets(-1, 1, 'others')).toEqual([0])
  expect(await offsets(-1, 1, 'nowhere')).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  expect(await offsets(-1, 1, 'orders', 9)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
})

test('OffsetCommit v1 says when, or leaves it to the broker', async () => {
  const { cluster, ask } = await wire({ internalTopics: 'atStart' })
  const commit = (committedOffset: number, commitTimestamp: number) => {
    const partitions = [makeOffsetCommitRequestPartition({ partitionIndex: 0, committedOffset, commitTimestamp })]
    const topics = [makeOffsetCommitRequestTopic({ name: 'orders', partitions })]
    return ask('OffsetCommit', 1, makeOffsetCommitRequest({ groupId: 'simple', topics }))
  }
  const times = () =>
    cluster
      .topic('__consumer_offsets')
      .records()
      .flatMap(({ decoded }) => (isCommit(decoded) && decoded.value !== null ? decoded.value.commitTimestamp : []))
  expect((await commit(5, -1)).topics[0]?.partitions[0]?.errorCode).toBe(ErrorCode.NONE)
  const at = cluster.now
  expect((await commit(6, 1_700_000_000_000)).topics[0]?.partitions[0]?.errorCode).toBe(ErrorCode.NONE)
  expect(
    await cluster
      .kafka()
      .admin()
      .fetchOffsets({ groupId: 'simple', topics: ['orders'] }),
  ).toMatchObject([{ partitions: [{ offset: '6' }] }])
  const [first, second] = times()
  expect(first).toBeLessThanOrEqual(at)
  expect(first).toBeGreaterThan(at - 2000)
  expect(second).toBe(1_700_000_000_000)
})

function isCommit(decoded: unknown): decoded is Extract<CoordinatorRecord, { type: 'offset-commit' }> {
  return (decoded as CoordinatorRecord | undefined)?.type === 'offset-commit'
}

describe('since 4.0', () => {
  test.each([
    ['Produce', 2, '3.9'],
    ['Fetch', 3, '3.9'],
    ['ListOffsets', 0, '3.9'],
    ['OffsetCommit', 1, '3.9'],
  ] as const)('%s v%i closes the connection, and says what would help', async (api, version, release) => {
    const lines: string[] = []
    const warn = process.stderr.write
    process.stderr.write = (line) => lines.push(String(line)) > 0
    try {
      const { cluster, send, isEnded } = await wire({ kafkaVersion: '4.3' })
      const bodies = {
        Produce: makeProduceRequest({ acks: 1 }),
        Fetch: makeFetchRequest({}),
        ListOffsets: makeListOffsetsRequest({}),
        OffsetCommit: makeOffsetCommitRequest({ groupId: 'g' }),
      }
      send(api, version, bodies[api] as never)
      await cluster.advance(1000)
      expect(isEnded()).toBe(true)
    } finally {
      process.stderr.write = warn
    }
    expect(lines.join('')).toContain(`${api} v${version}`)
    expect(lines.join('')).toContain(`--kafka-version ${release}`)
  })
})
