/** Messages of formats 0 and 1: what another library writes, what comes back as it was, and what is no such set. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compress, decompress } from '../../src/host/codecs/index.ts'
import { crc32 } from '../../src/protocol/crc32.ts'
import {
  type ConvertedMessages,
  convertMessages,
  type DecodedRecord,
  downConvert,
  encodeBatch,
  MessageCursor,
  type OldMagic,
  type RecordBatch,
  type RecordInput,
  readRecords,
  withLogAppendTime,
  withRightChecksum,
} from '../../src/protocol/records.ts'
import { hex, unhex } from './hex.ts'

// biome-ignore format: bytes of another library
/** kafka-python 2.0.2, LegacyRecordBatchBuilder: a=one, null='two ' ten times, c=null, an empty key and value; at 1700000000000, every 10 ms. */
const GOLDEN: readonly (readonly [string, OldMagic, string])[] = [
  ['magic 0, none', 0, '0000000000000000000000124d193dac00000000000161000000036f6e650000000000000001000000366015e2a30000ffffffff0000002874776f2074776f2074776f2074776f2074776f2074776f2074776f2074776f2074776f2074776f2000000000000000020000000fa0f24f3700000000000163ffffffff00000000000000030000000ee38a687600000000000000000000'],
  ['magic 0, gzip', 0, '000000000000000000000065921b2a570001ffffffff000000571f8b080024bd016b02ff63608003215f49db35601663229060cecf4b85ca3002b15982e8a3c50c0cff8100c8d32829cf572006434d600262fe059ffccd21e625438d01016620e67bdc9551867009000c8a418895000000'],
  ['magic 0, snappy', 0, '0000000000000000000000822c5b8ebe0002ffffffff0000007482534e415050590000000001000000010000006095010000190110124d193dac050f200161000000036f6e65050e60000001000000366015e2a30000ffffffff0000002874776f208e04000d4220020000000fa0f24f3705100401630d47010148030000000ee38a687600000000000000000000'],
  ['magic 0, lz4', 0, '0000000000000000000000827c9d05d00003ffffffff0000007404224d1860401a650000001600010051124d193dac0f00910161000000036f6e650e00ff0a000001000000366015e2a30000ffffffff0000002874776f20040011003f00c1000000020000000fa0f24f370e002301634700000200f004030000000ee38a68760000000000000000000000000000'],
  ['magic 1, none', 1, '00000000000000000000001abf241ea001000000018bcfe568000000000161000000036f6e6500000000000000010000003e0a3c1bf801000000018bcfe5680affffffff0000002874776f2074776f2074776f2074776f2074776f2074776f2074776f2074776f2074776f2074776f200000000000000002000000179ddcfb9501000000018bcfe568140000000163ffffffff0000000000000003000000168085978d01000000018bcfe5681e0000000000000000'],
  ['magic 1, gzip', 1, '00000000000000000000007c6743650a01010000000000000000ffffffff000000661f8b080024bd016b02ff63608003a9fd2a720b18810cc6eef34f3340228c894082393f2f15aa022469c76523fd03ae8aeb3f1000391a25e5f90ac460a8494c402c3ef7ceefa9709344408c64a87120c00cc4620dadd37be14ae4602e0500df5f9711b5000000'],
  ['magic 1, snappy', 1, '00000000000000000000009e7b6d998701020000000000000000ffffffff0000008882534e4150505900000000010000000100000074b50100001901341abf241ea001000000018bcfe5680118200161000000036f6e65010d01191c0000003e0a3c1bf801090526300affffffff0000002874776f208e040001472c00000002000000179ddcfb95154a0014016000630d4f01012003000000168085978d1523201e0000000000000000'],
  ['magic 1, lz4', 1, '00000000000000000000009f959c2f9b01030000000000000000ffffffff0000008904224d186840b500000000000000ff7200000016000100e01abf241ea001000000018bcfe5681800900161000000036f6e650d00001900850000003e0a3c1bf82600df0affffffff0000002874776f20040011014800b5000002000000179ddcfb954a001014600013634f000002009503000000168085978d2300901e000000000000000000000000'],
]

const CODES = [0, 1, 2, 3] as const
const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString('utf8'))

/** The records of converted messages, as a reader of format 2 sees them. */
function recordsOf({ section, recordCount, baseTimestamp, maxTimestamp }: ConvertedMessages): DecodedRecord[] {
  const batch = encodeBatch([{ key: null, value: null, timestamp: 0 }])
  return readRecords({
    ...batch,
    baseTimestamp,
    maxTimestamp,
    recordCount,
    lastOffsetDelta: recordCount - 1,
    records: section,
  })
}

interface Message {
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly stamped: boolean
}

/** Reads a set with wrappers as a client does: offsets inside them count as their format says. */
function messagesOf(set: Uint8Array): Message[] {
  const messages: Message[] = []
  for (const outer = new MessageCursor(set); outer.next(); ) {
    const { magic, compression } = outer
    if (compression === 0) {
      messages.push(messageAt(outer, outer.offset))
      continue
    }
    const value = outer.value() as Uint8Array
    const section = decompress(compression, magic === 0 && compression === 3 ? withRightChecksum(value) : value)
    const inner: Message[] = []
    for (const cursor = new MessageCursor(section, magic); cursor.next(); ) inner.push(messageAt(cursor, cursor.offset))
    const base = magic === 0 ? 0 : outer.offset - (inner.at(-1)?.offset ?? 0)
    messages.push(
      ...inner.map((message) => ({
        ...message,
        offset: base + message.offset,
        timestamp: outer.isStamped ? outer.timestamp : message.timestamp,
      })),
    )
  }
  return messages
}

function messageAt(cursor: MessageCursor, offset: number): Message {
  const { bytes, keyStart, keyEnd, timestamp, isStamped } = cursor
  const key = keyStart < 0 ? null : bytes.subarray(keyStart, keyEnd)
  return { offset, timestamp, key: text(key), value: text(cursor.value()), stamped: isStamped }
}

test('the checksum is that of gzip', () => {
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926)
})

test.each(GOLDEN)('reads what kafka-python writes: %s', (_, magic, bytes) => {
  const at = (i: number) => (magic === 0 ? -1 : 1_700_000_000_000 + i * 10)
  const expected = [
    { key: 'a', value: 'one', timestamp: at(0) },
    { key: null, value: 'two '.repeat(10), timestamp: at(1) },
    { key: 'c', value: null, timestamp: at(2) },
    { key: '', value: '', timestamp: at(3) },
  ]
  expect(messagesOf(unhex(bytes))).toMatchObject(expected)
  const outer = new MessageCursor(unhex(bytes))
  outer.next()
  const { compression } = outer
  const value = outer.value() as Uint8Array
  const inside =
    compression === 0
      ? new MessageCursor(unhex(bytes))
      : new MessageCursor(
          decompress(compression, magic === 0 && compression === 3 ? withRightChecksum(value) : value),
          magic,
        )
  const converted = convertMessages(inside)
  const records = recordsOf(converted).map(({ key, value, timestamp }) => ({
    key: text(key),
    value: text(value),
    timestamp,
  }))
  expect(records).toEqual(expected)
  expect(converted).toMatchObject({ recordCount: 4, maxTimestamp: at(3), lastOffset: 3, nested: false, stamped: false })
})

test.each([0, 1] as const)('writes what kafka-python writes: magic %i, uncompressed', (magic) => {
  const records = [
    { key: 'a', value: 'one', timestamp: 1_700_000_000_000 },
    { key: null, value: 'two '.repeat(10), timestamp: 1_700_000_000_010 },
    { key: 'c', value: null, timestamp: 1_700_000_000_020 },
    { key: '', value: '', timestamp: 1_700_000_000_030 },
  ]
  const batch = encodeBatch(records)
  const golden = GOLDEN.find(([name]) => name === `magic ${magic}, none`)
  expect(hex(downConvert(batch, batch.records, magic, 0, null) as Uint8Array)).toBe(golden?.[2])
})

test('the LZ4 header of format 0 has the checksum kafka-python gives it', () => {
  const batch = encodeBatch([{ key: null, value: 'x'.repeat(50), timestamp: 0 }], {
    compression: 3,
    compress: (bytes) => compress(3, bytes),
  })
  const section = decompress(3, batch.records)
  const cursor = new MessageCursor(downConvert(batch, section, 0, 0, (b) => compress(3, b)) as Uint8Array)
  cursor.next()
  // kafka-python's golden frame above has the same flags.
  expect(hex((cursor.value() as Uint8Array).subarray(0, 7))).toBe('04224d1860401a')
})

const record: fc.Arbitrary<RecordInput> = fc.record({
  key: fc.option(fc.string({ unit: 'grapheme', maxLength: 9 })),
  value: fc.option(fc.string({ unit: 'grapheme', maxLength: 300 })),
  headers: fc.constantFrom([], [['name', 'value'] as const]),
  timestamp: fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 2 ** 45 })),
})

describe.each(CODES)('codec %i', (code) => {
  test.each([0, 1] as const)('down to format %i and up again, nothing is lost but what has no place', (magic) => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 0, max: 2 ** 50 }),
        fc.boolean(),
        (records, baseOffset, stamped) => {
          const plain = encodeBatch(records, { baseOffset })
          const stored = stamped ? withLogAppendTime(plain, 1234) : plain
          const batch: RecordBatch = { ...stored, attributes: stored.attributes | code }
          const packs = code === 0 ? null : (bytes: Uint8Array) => compress(code, bytes)
          const set = downConvert(batch, plain.records, magic, baseOffset, packs) as Uint8Array
          expect(messagesOf(set)).toEqual(
            records.map(({ key, value, timestamp }, i) => ({
              offset: baseOffset + i,
              timestamp: magic === 0 ? -1 : stamped ? 1234 : timestamp,
              key,
              value,
              stamped: stamped && magic === 1,
            })),
          )
        },
      ),
    )
  })
})

test('up to format 2 in no more room than it took', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), fc.constantFrom(0, 1), (records, magic) => {
      const batch = encodeBatch(records)
      const set = downConvert(batch, batch.records, magic as OldMagic, 0, null) as Uint8Array
      const converted = convertMessages(new MessageCursor(set))
      expect(
        recordsOf(converted).map(({ offset, key, value, timestamp, headers }) => ({
          offset,
          key: text(key),
          value: text(value),
          timestamp,
          headers,
        })),
      ).toEqual(
        records.map(({ key, value, timestamp }, offset) => ({
          offset,
          key,
          value,
          timestamp: magic === 0 ? -1 : timestamp,
          headers: [],
        })),
      )
      expect(converted.section.length).toBeLessThan(set.length)
    }),
  )
})

describe('what an older reader does not skip', () => {
  const batch = encodeBatch(
    ['a', 'b', 'c'].map((value, i) => ({ key: null, value, timestamp: i })),
    { baseOffset: 10 },
  )

  test('records before the offset it asked for are left out', () => {
    const set = downConvert(batch, batch.records, 1, 11, null) as Uint8Array
    expect(messagesOf(set).map(({ offset, value }) => [offset, value])).toEqual([
      [11, 'b'],
      [12, 'c'],
    ])
    expect(downConvert(batch, batch.records, 1, 13, null)).toBeNull()
  })

  test('but not inside a wrapper', () => {
    const packed = { ...batch, attributes: 1 }
    const set = downConvert(packed, batch.records, 1, 12, (bytes) => compress(1, bytes)) as Uint8Array
    expect(messagesOf(set).map(({ offset }) => offset)).toEqual([10, 11, 12])
  })
})

describe('what is no message', () => {
  const good = unhex(GOLDEN.find(([name]) => name === 'magic 1, none')?.[2] ?? '')
  const first = 12 + new DataView(good.buffer).getInt32(8)
  const all = (bytes: Uint8Array, magic?: number) => {
    let count = 0
    for (const cursor = new MessageCursor(bytes, magic); cursor.next(); ) count += 1
    return count
  }
  const patched = (at: number, ...bytes: number[]) => {
    const bad = good.slice()
    bad.set(bytes, at)
    return bad
  }
  /** With a checksum that is right, so that what is behind it is looked at. */
  const signed = (at: number, ...bytes: number[]) => {
    const bad = patched(at, ...bytes)
    new DataView(bad.buffer).setUint32(12, crc32(bad, 16, first))
    return bad
  }

  test('a part of one at the end is left out', () => {
    for (let length = 0; length < good.length; length++) expect(all(good.subarray(0, length))).toBeLessThan(all(good))
    expect(all(good.subarray(0, first + 11))).toBe(1)
  })

  test('damage is noticed wherever it is', () => {
    for (let at = 12; at < first; at++) expect(() => all(patched(at, (good[at] as number) ^ 1))).toThrow()
  })

  test.each([
    ['a size of none', patched(8, 0, 0, 0, 13), 'BAD_BATCH'],
    ['a negative size', patched(8, 255, 0, 0, 0), 'BAD_BATCH'],
    ['a wrong checksum', patched(12, 1), 'BAD_CRC'],
    ['a magic of the future', patched(16, 3), 'BAD_BATCH'],
    ['a key longer than the message', signed(26, 0x7f, 255, 255, 255), 'BAD_BATCH'],
    ['a value longer than the message', signed(31, 0, 0, 1, 0), 'BAD_BATCH'],
    ['a timestamp before all time', signed(18, 255, 255, 255, 0), 'BAD_RECORD'],
    ['a timestamp beyond all numbers', signed(18, 0x7f), 'BAD_RECORD'],
    [
      'format 1 in the room of format 0',
      hexOf('0000000000000000 0000000e 00000000 01 00 ffffffff ffffffff'),
      'BAD_BATCH',
    ],
  ])('%s', (_, bytes, code) => {
    expect(() => all(bytes)).toThrow(expect.objectContaining({ code }))
  })

  test('two formats in one set', () => {
    const other = unhex(GOLDEN[0]?.[2] ?? '')
    expect(() => all(Uint8Array.from([...good, ...other]))).toThrow(expect.objectContaining({ code: 'BAD_RECORD' }))
    expect(() => all(good, 0)).toThrow(expect.objectContaining({ code: 'BAD_RECORD' }))
  })

  function hexOf(digits: string): Uint8Array {
    const bytes = unhex(digits)
    new DataView(bytes.buffer).setUint32(12, crc32(bytes, 16))
    return bytes
  }
})
