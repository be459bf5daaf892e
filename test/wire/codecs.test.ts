/**
 * Compressed batches through every door: golden bytes of the reference libraries (lz4, python-snappy, zstandard), what brokers make
 * of damaged and of enormous ones, and the own client with each codec.
 */
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, test } from 'vitest'
import type { CompressionTypes } from '../../src/client/index.ts'
import { compress, decompress } from '../../src/host/codecs/index.ts'
import { type ClusterOptions, createCluster, type WireSocket } from '../../src/index.ts'
import { decodeResponse, encodeRequest, FrameSplitter, frame } from '../../src/protocol/codec.ts'
import { crc32 } from '../../src/protocol/crc32.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { makeFetchPartition, makeFetchRequest, makeProduceRequest } from '../../src/protocol/make.ts'
import type { PartitionProduceResponse } from '../../src/protocol/messages.ts'
import { compressionOf, encodeBatch, type RecordBatch, type RecordInput } from '../../src/protocol/records.ts'

const PLAIN = Buffer.from(
  `${Array.from({ length: 40 }, (_, i) => `order-${i % 7};`).join('')}${String.fromCharCode(...Array.from({ length: 32 }, (_, i) => i))}`,
)

// biome-ignore format: bytes of other libraries
const GOLDEN: readonly (readonly [string, number, string])[] = [
  ['gzip', 1, '1f8b0800000000000203cb2f4a492dd235b0ce07d38650da084a1b436913286d0aa5cda0f4a83e06462666165636760e4e2e6e1e5e3e7e014121611151317109492969195939790071d4b0de60010000'],
  ['raw snappy', 2, 'e0021c6f726465722d303b090800310d0800320d0800330d0800340d0800350d0800360d08fe3800fe3800fe3800ee380009387c000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'],
  ['snappy as snappy-java frames it', 2, '82534e4150505900000000010000000100000027641c6f726465722d303b090800310d0800320d0800330d0800340d0800350d0800360d0896380000000027642c722d353b6f726465722d363b090800300d0800310d0800320d0800330d0800340d08a638000000002b641c6f726465722d343b090800350d0800360d0800300d0800310d0800320d0800330d0800340d0876380000000033342c722d323b6f726465722d333b090884343b000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'],
  ['lz4', 3, '04224d18684060010000000000002e49000000826f726465722d303b08001331080013320800133308001334080013350800133608000f3800eff011000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00000000'],
  ['lz4 with all checksums and its size', 3, '04224d187c4060010000000000009d49000000826f726465722d303b08001331080013320800133308001334080013350800133608000f3800eff011000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f435803ae00000000a981831f'],
  ['zstd', 4, '28b52ffd60600035040004056f726465722d303b3132333435363031323334353630313233343536303132333435363031323334353630313233343b000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2720e0d759f26596255f6659f26596255f6659f26596255f6659e4cb2c4bbeccb2e4cb2c4bbeccb2e4cb2c4bbeccb2e87c37242e'],
  ['zstd with a checksum, without its size', 4, '28b52ffd0400150200f4026f726465722d303b3132333435363b000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0720702d1e055b21c79c74e7589d88452ef38b3315'],
  ['zstd as a stream', 4, '28b52ffd005835040004056f726465722d303b3132333435363031323334353630313233343536303132333435363031323334353630313233343b000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2720e0d759f26596255f6659f26596255f6659f26596255f6659e4cb2c4bbeccb2e4cb2c4bbeccb2e4cb2c4bbeccb2e87c37242e'],
]

const CODES = [1, 2, 3, 4] as const
const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close()
})

test.each(GOLDEN)('reads %s of the reference library', (_, code, hex) => {
  expect(Buffer.from(decompress(code, Buffer.from(hex, 'hex'))).toString('latin1')).toBe(PLAIN.toString('latin1'))
})

describe.each(CODES)('codec %i', (code) => {
  test('gives back what it was given', () => {
    for (const size of [0, 1, 5, 12, 13, 64, 1000, 32_768, 65_536, 65_541, 131_072, 131_073, 400_000]) {
      const bytes = Uint8Array.from({ length: size }, (_, i) =>
        i % 97 < 50 ? i % 13 : Math.imul(i, 0x9e3779b1) >>> 24,
      )
      expect(Buffer.compare(decompress(code, compress(code, bytes)), bytes)).toBe(0)
    }
    expect(compress(code, PLAIN).length).toBeLessThan(PLAIN.length / 2)
  })

  test('ends in a result or an error whatever is damaged', () => {
    const good = compress(code, PLAIN)
    for (let at = 0; at < good.length; at++) {
      for (const value of [0, 0x7f, 0xff, (good[at] as number) ^ 1]) {
        const bad = new Uint8Array(good)
        bad[at] = value
        try {
          expect(decompress(code, bad).length).toBeLessThanOrEqual(64 * 1024 * 1024)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }
    }
    // What snappy-java frames may end behind any block, so behind its header, too.
    for (let length = 0; length < good.length - 4; length++)
      if (code !== 2 || length !== 16)
        expect(() => decompress(code, good.subarray(0, length)), `${length} bytes`).toThrow()
  })

  test('is refused when few bytes stand for too many', () => {
    const bomb = compress(code, new Uint8Array(64 * 1024 * 1024 + 1))
    expect(bomb.length).toBeLessThan(8_000_000)
    expect(() => decompress(code, bomb)).toThrow(/67108864/)
  })
})

test('a zstd tree whose weights are all the same is refused, not read for ever', () => {
  // One block of compressed literals; accuracy 5, the first weight has all 32 shares.
  const weights = [0x06, 0x00 | ((0b111111 << 4) & 0xf0), 0b11, 0xff, 0xff, 0xff, 0x01]
  const block = [0x02 | (20 << 4), 0x40 | 1, 0x02, ...weights, 1, 1, 1, 1, 0]
  const size = block.length << 3
  const bytes = Uint8Array.from([
    0x28,
    0xb5,
    0x2f,
    0xfd,
    0x20,
    20,
    (size | 5) & 0xff,
    size >> 8,
    0,
    ...block.map((b) => b & 0xff),
  ])
  expect(() => decompress(4, bytes)).toThrow('literals cannot be read')
})

test('zstd blocks with tables of their own, as the reference writes them on its highest levels', () => {
  const bytes = Buffer.from(
    'KLUv/WDpF9UnAPZwchiQF7QNc0VLtVETEUL/b+LK7t5czZ3dmRx1AGoAaADpTBOjhAyoZ0N/BB6aIbbxZwZFDZVl/eWB1nty0hkyqhqdUKoVjW10TyLDDuty6qaEXb+pWEJDlNY8mRafdM9QCu2bI+6w7ZSQF67HMD/tBAuIdtOBfLx8IHsAgAACAAUAAQBj0QQAAYAyIAgAAkoAgAwABgE60hBbvb/Yg4/SheUbWegwJ+li/J4qFzvUiPLPRHt5iVzJXlLremTw7mx1fbfLzriuTrtakP4QyGk+xnSSnnOROwjUpMklVlLFApqBqvRgUKqhvXGGSRZhSi0kWjJgGUsSImngY9DL1H8XiHq9/tQaX5rNbIeLb7hgnHos6UaCW5ojmdRnSG0U8+ZgP+95RQV25yVbmiVWbmOlajyjcNRtPeZUyCyJEQ3xW4c3ZC3svi6J32a7lBXjeG+rR2m1jRah5I8/6fSnRaMxmIQp3fF2MgE3My2zHnjNZci2ulll6PiyMmOrsoHYvVzcX1XTl4nNX2RvvF5xZf1q7UqMmMXlMitXMj2YvIXc35/1uI0XnRWz9SLvLqrdgdfVXMFCLzrc/OnAt3aLtlupavFv5V69TVVOTQ2Bh6hhJbgkSZL2DbGMkHCIMSp9IhAEECQSJoQghAgZiAnxxmZTKGwcvSMAPKYlJo8Hm1cg49iYHBpoBm7R+Ko8lnUYHzENJazrq/qeFyybM07WCzWgpx7zLcQHoiW293xo7FXs9NQzIVvyAbNYFugr8D0I9fG4ZNm9vfd9fmQJNnoWcOTzwhQrHVuOvQLko7ldlhxvRiTjve0rvVAOMK1Kfk9kZWYlx0W5lDWATVuOCROsxS0BuqHaPADro6AKlHBVJYy8KnOcc0t94Pp/IJXRLpyFNMCNki7wS+DGfZqUBODb7Kgs1GFiwnWPsjkc4oJI0eu3WEWZwrQEl+2cp5JBYB3GDrCBmuqI+auHUd8A7uo9X1DPf+1Hgb2nnNv2078FfYxAqzrJQtihDKBwtIcNK2T2Z/9fl/4VDDHHwisesg4pldlfQJFXh5Zi6ZqCYC/CooLodohhRDUlmOyX/1kJn1Xo9Rz2goElDwB33HoSy32PEFNbk5HRSAlwu+Xxc1DeVDXMNxg6UoIuFxAawzJb/2bUPPLqnRn8wlEOIXsRHUAF7jq4PxGzCkY2Vm651YaGE7rhxXT0EGaG4TlDCY9iv+HfAt1G2nE4z+9uniJyfzWHDeESJoVMTaT41YYgG7KRg0Ur1szBykb1O/ZFqzToK9pBLAndxOghsBERfA5uy0kxpXtnpiNyDrv9N3OfYLkDZIoPXJbyGOyiFswmP4ML0gccBbbucjxOAU7Xhy6rrKflLF0ZWVEZkkuY3XjbQGwovhrCn//4JrgUykA1Ebsrr3ieC8MN+vakVpKqUvTikU6/djG25AfUxFjQKTfb2Eh2jWho1AwAffD4lvRCKLuqOSams6kEbHPsKDYs3FnUGJ0NdWzD7GTgAoCeo/d8e3X18OUCyUi3UrENGIcFFtrUMtpu0MbpcbuV/EQPXWaH6pg2m41sB09tpUxmTL/eB3lU57WHpF+WJL9va5oOTtY8107CdDUKBc0dwz9Vgfr0HGfrDfg12X/fB+HnuV2CgyN6ZUQrWduNzGx7JVFnN0iZCZydXLpWaAN0gk8HQJAeBQILIWVzpPpBKEOyMCFV',
    'base64',
  )
  const text = Buffer.from(decompress(4, bytes)).toString()
  expect([text.length, text.slice(0, 8), crc32(Buffer.from(text))]).toEqual([6377, '{"id":0,', 3294966676])
})

describe('a zstd block that says more than it holds is refused, not worked at for hours', () => {
  const frame = (block: readonly number[], size = 131_072) => {
    const head = Buffer.alloc(12)
    head.writeUInt32LE(0xfd2fb528, 0)
    head[4] = 0xa0
    head.writeUInt32LE(size, 5)
    head.writeUIntLE((block.length << 3) | 5, 9, 3)
    return Buffer.concat([head, Buffer.from(block)])
  }
  /** One literal, so many sequences, each of one code only (RLE). */
  const sequences = (count: number, [literal, distance, match]: readonly [number, number, number], bits: number[]) =>
    frame([1 << 3, 65, 128 + (count >> 8), count & 255, 0x54, literal, distance, match, ...bits])

  test.each([
    ['longest matches, and no bits for them', sequences(4000, [35, 0, 52], [255, 255, 255, 255, 255, 255, 1])],
    ['more matches than fit', sequences(2000, [0, 0, 50], [...Array(3600).fill(0), 1])],
    ['more literals than there are', sequences(200, [1, 0, 0], [1])],
    ['bits that nobody needs', sequences(200, [0, 0, 0], [1, 1, 1])],
    ['a table from before, in the first block', frame([1 << 3, 65, 1, 0xfc, 1])],
    ['a block of 130 KiB', frame(Array(133_120).fill(0))],
    ['damaged', Buffer.from('28b52ffd645801b500004068656c6c6f20776f866c642002003782aa4abc42047c2b7aaf', 'hex')],
  ])('%s', (_name, bytes) => {
    expect(() => decompress(4, bytes)).toThrow()
  })

  test('many frames whose windows together are too much', () => {
    const one = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x7f, 0x01, 0x00, 0x00])
    expect(decompress(4, one).length).toBe(0)
    expect(() => decompress(4, Buffer.concat(Array(3).fill(one)))).toThrow('67108864')
  })
})

const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'

/** A connection of bytes, in process. */
async function wire(options: ClusterOptions = {}) {
  const cluster = createCluster({ seed: 1, laws: true, topics: { orders: 1 }, ...options })
  closers.push(() => cluster.dispose())
  const control = cluster.controlTime()
  closers.push(() => control.release())
  const splitter = new FrameSplitter(100_000_000)
  const [host, port] = (cluster.brokers[0] as string).split(':')
  const socket = cluster.socketFactory({ host: host as string, port: Number(port), onConnect: () => {} }) as WireSocket
  socket.on('data', (bytes: Uint8Array) => splitter.push(bytes))
  await cluster.advance(100)
  const produce = async (batch: RecordBatch, version = 9, topic = 'orders'): Promise<PartitionProduceResponse> => {
    const body = makeProduceRequest({
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: topic, topicId: NO_ID, partitionData: [{ index: 0, records: [batch] }] }],
    })
    socket.write(Buffer.from(frame(encodeRequest('Produce', version, { correlationId: 1, clientId: 'peer' }, body))))
    await cluster.advance(1000)
    const answer = decodeResponse('Produce', version, splitter.next() as Uint8Array).body
    return answer.responses[0]?.partitionResponses[0] as PartitionProduceResponse
  }
  const stored = async (): Promise<readonly RecordBatch[]> => {
    const partitions = [makeFetchPartition({ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000 })]
    const body = makeFetchRequest({
      minBytes: 0,
      maxWaitMs: 0,
      maxBytes: 1_000_000,
      topics: [{ topic: 'orders', topicId: NO_ID, partitions }],
    })
    socket.write(Buffer.from(frame(encodeRequest('Fetch', 11, { correlationId: 2, clientId: 'peer' }, body))))
    await cluster.advance(1000)
    return decodeResponse('Fetch', 11, splitter.next() as Uint8Array).body.responses[0]?.partitions[0]?.records ?? []
  }
  return { cluster, produce, stored }
}

const records = (now: number, keys: readonly (string | null)[] = ['a', 'b', 'c']): RecordInput[] =>
  keys.map((key, i) => ({ key, value: `value-${i}`.repeat(10), timestamp: now + i }))
const packed = (given: readonly RecordInput[], code: 1 | 2 | 3 | 4) =>
  encodeBatch(given, { compression: code, compress: (bytes) => compress(code, bytes) })

test.each(CODES)('what a client of bytes compresses with codec %i, the own client reads', async (code) => {
  const { cluster, produce } = await wire()
  const { errorCode } = await produce(packed(records(cluster.now), code))
  expect(errorCode).toBe(ErrorCode.NONE)
  expect(
    cluster
      .topic('orders')
      .records()
      .map(({ key }) => key),
  ).toEqual(['a', 'b', 'c'])
  const consumer = cluster.kafka().consumer({ groupId: 'g' })
  await consumer.connect()
  await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
  const got: string[] = []
  await consumer.run({ eachMessage: async ({ message }) => void got.push(String(message.key)) })
  await cluster.until(() => got.length === 3)
  expect(got).toEqual(['a', 'b', 'c'])
})

test.each(CODES)('the own client writes and reads codec %i', async (code) => {
  const cluster = createCluster({ seed: 1, laws: true, topics: { orders: 1 } })
  closers.push(() => cluster.dispose())
  const producer = cluster.kafka().producer()
  await producer.connect()
  const messages = Array.from({ length: 50 }, (_, i) => ({ key: `k${i}`, value: 'value '.repeat(20) }))
  await producer.send({ topic: 'orders', messages, compression: code as CompressionTypes })
  expect(
    cluster
      .topic('orders')
      .records()
      .map(({ key }) => key),
  ).toEqual(messages.map(({ key }) => key))
})

describe('records that came over a wire', () => {
  test('that cannot be decompressed', async () => {
    const { cluster, produce } = await wire()
    for (const code of CODES) {
      const batch = packed(records(cluster.now), code)
      const damaged = { ...batch, records: batch.records.subarray(0, batch.records.length >> 1) }
      expect((await produce(damaged)).errorCode).toBe(ErrorCode.UNKNOWN_SERVER_ERROR)
      const bomb = { ...batch, records: compress(code, new Uint8Array(64 * 1024 * 1024 + 1)) }
      if (bomb.records.length < 1_000_000) expect((await produce(bomb)).errorCode).toBe(ErrorCode.UNKNOWN_SERVER_ERROR)
    }
    expect(cluster.topic('orders').records()).toEqual([])
  })

  test('that are not what the header says', async () => {
    const { cluster, produce } = await wire()
    const batch = encodeBatch(records(cluster.now))
    const cases: Partial<RecordBatch>[] = [
      { recordCount: 2, lastOffsetDelta: 1 },
      { recordCount: 4, lastOffsetDelta: 3 },
      { records: batch.records.subarray(0, batch.records.length - 1) },
      { records: Uint8Array.from([...batch.records, 0]) },
      { records: new Uint8Array(30).fill(255) },
    ]
    for (const change of cases)
      expect((await produce({ ...batch, ...change })).errorCode).toBe(ErrorCode.INVALID_RECORD)
    const compressed = packed(records(cluster.now), 1)
    const two = gzipSync(batch.records.subarray(0, batch.records.length - 5))
    expect((await produce({ ...compressed, records: two })).errorCode).toBe(ErrorCode.INVALID_RECORD)
    expect(cluster.topic('orders').records()).toEqual([])
  })

  test('whose timestamps nobody could be told are refused: readers go on', async () => {
    const { cluster, produce, stored } = await wire()
    const last = 2 ** 53 - 1
    // A record at a delta of 2^53−1, as a zigzag varint.
    const record = [0, 254, 255, 255, 255, 255, 255, 255, 31, 0, 1, 2, 97, 0]
    const section = Uint8Array.from([record.length * 2, ...record])
    const batch = encodeBatch([{ key: null, value: 'a', timestamp: 1 }])
    const beyond = { ...batch, maxTimestamp: last, records: section }
    expect((await produce(beyond)).errorCode).toBe(ErrorCode.INVALID_TIMESTAMP)
    expect((await produce(encodeBatch(records(cluster.now)))).errorCode).toBe(ErrorCode.NONE)
    expect(await stored()).toHaveLength(1)
  })

  test('get their largest timestamp from the records', async () => {
    const { cluster, produce } = await wire()
    const batch = encodeBatch(records(cluster.now))
    expect((await produce({ ...batch, maxTimestamp: 5 })).errorCode).toBe(ErrorCode.NONE)
    const [last] = await cluster.kafka().admin().fetchTopicOffsetsByTimestamp('orders', batch.maxTimestamp)
    expect(last?.offset).toBe('2')
  })

  test('leave with a checksum that is right, whatever was changed of them', async () => {
    for (const config of [
      {},
      { 'message.timestamp.type': 'LogAppendTime' },
      { 'compression.type': 'gzip' },
      { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0', 'segment.ms': '1', 'delete.retention.ms': '1' },
    ]) {
      const { cluster, produce, stored } = await wire({ topics: { orders: { partitions: 1, config } } })
      for (const change of [{}, { maxTimestamp: 5 }, { attributes: 8 }, {}])
        await produce({ ...encodeBatch(records(cluster.now, ['a', 'a', 'b'])), ...change })
      await cluster.advance(120_000)
      // Reading checks: a batch with another checksum than its bytes have is BAD_CRC.
      const batches = await stored()
      expect(batches.length).toBeGreaterThan(0)
      if (config['cleanup.policy'] === 'compact') expect(batches[0]?.recordCount).toBeLessThan(3)
      for (const close of closers.splice(0).reverse()) close()
    }
  })

  test('without keys or out of time are named one by one', async () => {
    const { cluster, produce } = await wire({
      topics: {
        orders: { partitions: 1, config: { 'message.timestamp.after.max.ms': '1000' } },
        compacted: { partitions: 1, config: { 'cleanup.policy': 'compact' } },
      },
    })
    const keyless = await produce(encodeBatch(records(cluster.now, ['a', null, 'c', null])), 9, 'compacted')
    expect(keyless.errorCode).toBe(ErrorCode.INVALID_RECORD)
    expect(keyless.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1, 3])
    const [first, ...rest] = records(cluster.now)
    const late = await produce(
      encodeBatch([first as RecordInput, ...rest.map((r) => ({ ...r, timestamp: cluster.now + 60_000 }))]),
    )
    expect(late.errorCode).toBe(ErrorCode.INVALID_TIMESTAMP)
    expect(late.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1, 2])
    expect(late.recordErrors[0]?.batchIndexErrorMessage).toContain('1000 ms after')
    // Before v8 there is no place for them.
    expect((await produce(encodeBatch(records(cluster.now + 60_000)), 7)).errorCode).toBe(ErrorCode.INVALID_TIMESTAMP)
  })

  test('in zstd need Produce v7', async () => {
    const { cluster, produce } = await wire()
    const batch = packed(records(cluster.now), 4)
    expect((await produce(batch, 6)).errorCode).toBe(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE)
    expect((await produce(batch, 7)).errorCode).toBe(ErrorCode.NONE)
  })
})

test('a topic with a compression.type stores with it', async () => {
  for (const type of ['producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd']) {
    const { cluster, produce, stored } = await wire({
      topics: { orders: { partitions: 1, config: { 'compression.type': type } } },
    })
    expect((await produce(packed(records(cluster.now), 3))).errorCode).toBe(ErrorCode.NONE)
    const producer = cluster.kafka().producer()
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ key: 'd', value: 'value'.repeat(100) }] })
    expect(
      cluster
        .topic('orders')
        .records()
        .map(({ key }) => key),
    ).toEqual(['a', 'b', 'c', 'd'])
    const expected = type === 'producer' ? ['lz4', 'none'] : Array(2).fill(type === 'uncompressed' ? 'none' : type)
    expect((await stored()).map(compressionOf)).toEqual(expected)
    for (const close of closers.splice(0).reverse()) close()
  }
})
