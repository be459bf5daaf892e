import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RecordBatch } from '../../src/protocol/batch.ts'
import { DecodeError, EncodeError, Reader, Writer } from '../../src/protocol/codec.ts'
import {
  batchSizeInBytes,
  compressionOf,
  encodeBatch,
  encodeTransactionMarker,
  isControl,
  isTransactional,
  lastOffsetOf,
  lastSequenceOf,
  RecordCursor,
  type RecordInput,
  readBatch,
  readRecords,
  readTransactionMarker,
  timestampType,
  withBaseOffset,
  withLogAppendTime,
  writeBatch,
} from '../../src/protocol/records.ts'
import { encodeUtf8 } from '../../src/protocol/utf8.ts'
import { hex, unhex } from './hex.ts'

const simple: RecordInput = { key: 'a', value: 'b', timestamp: 1000 }

function toWire(batch: RecordBatch): Uint8Array {
  const w = new Writer()
  writeBatch(w, batch)
  return w.finish()
}

function failure(run: () => unknown): DecodeError {
  try {
    run()
  } catch (error) {
    if (error instanceof DecodeError) return error
    throw error
  }
  throw new Error('it did not fail')
}

const utf8 = (value: string | Uint8Array | null): Uint8Array | null =>
  typeof value === 'string' ? encodeUtf8(value) : value

describe('encoding', () => {
  test('what goes in comes out, whatever the text', () => {
    const bytesOrText = fc.option(fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 200 })))
    const input = fc.record({
      key: bytesOrText,
      value: bytesOrText,
      headers: fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), bytesOrText), { maxLength: 3 }),
      timestamp: fc.integer({ min: -1, max: 2 ** 47 }),
    })
    fc.assert(
      fc.property(fc.array(input, { minLength: 1, maxLength: 10 }), fc.nat(2 ** 40), (records, baseOffset) => {
        const batch = encodeBatch(records, { baseOffset })
        expect(readRecords(batch)).toEqual(
          records.map(({ key, value, headers, timestamp }, i) => ({
            offset: baseOffset + i,
            timestamp,
            key: utf8(key),
            value: utf8(value),
            headers: headers.map(([name, content]) => [name, utf8(content)]),
          })),
        )
        expect(batch.maxTimestamp).toBe(Math.max(...records.map(({ timestamp }) => timestamp)))
        expect(readBatch(new Reader(toWire(batch)))).toEqual(batch)
      }),
      { numRuns: 80, seed: 2 },
    )
  })

  test('the bytes of one record', () => {
    const batch = encodeBatch([{ ...simple, headers: [['h', null]] }])
    //                                len attr ts  off  'a'    'b'    1 header 'h', null
    expect(hex(batch.records)).toBe('16  00   00  00  02 61  02 62  02 02 68 01'.replaceAll(' ', ''))
  })

  test('lengths at the borders of a varint', () => {
    for (const length of [0, 1, 31, 32, 63, 64, 8191, 8192, 1048575, 1048576]) {
      const value = new Uint8Array(length).fill(7)
      const text = 'x'.repeat(length)
      const records = readRecords(
        encodeBatch([
          { key: null, value, timestamp: 0 },
          { key: text, value: null, timestamp: 0 },
        ]),
      )
      // Equality of a megabyte item by item is slow.
      expect(records[0]?.value?.length).toBe(length)
      expect(records[0]?.value?.every((byte) => byte === 7)).toBe(true)
      expect(records[1]?.key?.length).toBe(length)
    }
  })

  test('one character beyond ASCII among many records', () => {
    const records = Array.from({ length: 100 }, (_, i) => ({
      key: `k${i}`,
      value: i === 57 ? '한글 😀' : 'plain',
      timestamp: i,
    }))
    expect(readRecords(encodeBatch(records)).map(({ value }) => value)).toEqual(
      records.map(({ value }) => encodeUtf8(value)),
    )
  })

  test('options become header fields', () => {
    const batch = encodeBatch([simple, simple], {
      producerId: 5,
      producerEpoch: 2,
      baseSequence: 2 ** 31 - 1,
      transactional: true,
      baseOffset: 40,
    })
    expect(batch).toMatchObject({
      producerId: 5,
      producerEpoch: 2,
      lastOffsetDelta: 1,
      recordCount: 2,
      partitionLeaderEpoch: -1,
    })
    expect(isTransactional(batch)).toBe(true)
    expect(isControl(batch)).toBe(false)
    expect(lastOffsetOf(batch)).toBe(41)
    expect(lastSequenceOf(batch)).toBe(0)
    expect(batchSizeInBytes(batch)).toBe(toWire(batch).length)
  })

  test('compression is the caller’s', () => {
    const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => byte ^ 255)
    const batch = encodeBatch([simple], { compression: 4, compress: flip })
    expect(compressionOf(batch)).toBe('zstd')
    expect(failure(() => new RecordCursor(batch)).message).toContain('compressed with zstd')
    expect(readRecords(batch, flip(batch.records))).toEqual(readRecords(encodeBatch([simple])))
  })

  test('timestamps far from the first one are exact, or refused', () => {
    const far = 2 ** 52
    for (const delta of [far, -far, far - 1, 1 - far]) {
      const first = delta < 0 ? far : 0
      const batch = encodeBatch([
        { ...simple, timestamp: first },
        { ...simple, timestamp: first + delta },
      ])
      expect(readRecords(batch).map(({ timestamp }) => timestamp)).toEqual([first, first + delta])
    }
    // −2^52−4 as a zigzag varint: its parity does not fit a number.
    const record = [0, 0x87, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 1, 2, 97, 0]
    const section = Uint8Array.from([record.length * 2, ...record])
    const batch = { ...encodeBatch([simple]), baseTimestamp: far + 9, records: section }
    expect(readRecords(batch)[0]?.timestamp).toBe(5)
  })

  test('refusals', () => {
    expect(() => encodeBatch([])).toThrow(EncodeError)
    expect(() => encodeBatch([simple], { compression: 1 })).toThrow(EncodeError)
    expect(() => encodeBatch([simple, { ...simple, timestamp: 0.5 }])).toThrow('no safe integer')
    expect(() => encodeBatch([simple, { ...simple, timestamp: 2 ** 53 - 1 }])).toThrow('no safe integer')
  })
})

describe('what a log changes', () => {
  test('base offset and leader epoch, outside the checksum', () => {
    const batch = encodeBatch([simple])
    const moved = withBaseOffset(batch, 2 ** 33, 6)
    expect(readRecords(moved)[0]?.offset).toBe(2 ** 33)
    expect(moved.records).toBe(batch.records)
    expect(toWire(moved).slice(17, 21)).toEqual(toWire(batch).slice(17, 21))
  })

  test('log append time', () => {
    const batch = withLogAppendTime(encodeBatch([simple, { ...simple, timestamp: 2000 }]), 777)
    expect(timestampType(batch)).toBe('LogAppendTime')
    expect(readRecords(batch).map(({ timestamp }) => timestamp)).toEqual([777, 777])
  })

  test('transaction markers', () => {
    for (const type of ['ABORT', 'COMMIT'] as const) {
      const marker = { type, producerId: 8, producerEpoch: 3, coordinatorEpoch: 12, timestamp: 99 }
      const batch = encodeTransactionMarker(marker)
      expect(isControl(batch) && isTransactional(batch)).toBe(true)
      expect(readTransactionMarker(batch)).toEqual(marker)
      const [record] = readRecords(batch)
      expect(record?.key).toEqual(unhex(`0000 000${type === 'COMMIT' ? 1 : 0}`))
      expect(record?.value).toEqual(unhex('0000 0000000c'))
    }
    expect(readTransactionMarker(encodeBatch([simple]))).toBeNull()
    const leaderChange = encodeBatch([{ key: unhex('00000002'), value: unhex('0000'), timestamp: 0 }], {
      control: true,
    })
    expect(readTransactionMarker(leaderChange)).toBeNull()
  })
})

describe('what is no batch', () => {
  const wire = toWire(encodeBatch([simple]))
  const patched = (at: number, ...bytes: number[]): Uint8Array => {
    const copy = wire.slice()
    copy.set(bytes, at)
    return copy
  }
  const read = (bytes: Uint8Array): DecodeError => failure(() => readBatch(new Reader(bytes)))

  test('old message sets', () => {
    expect(read(patched(16, 0))).toMatchObject({ code: 'UNSUPPORTED_MAGIC' })
    expect(read(patched(16, 1)).message).toContain('old format, magic 1')
    expect(read(patched(16, 3))).toMatchObject({ code: 'UNSUPPORTED_MAGIC' })
  })

  test('any changed byte under the checksum', () => {
    for (let at = 17; at < wire.length; at++) {
      const error = read(patched(at, wire[at]! ^ 1))
      expect(error).toMatchObject({ code: 'BAD_CRC', position: 17 })
    }
    expect(readBatch(new Reader(patched(60, 9), { checkCrcs: false })).recordCount).toBe(9)
  })

  test('cut off anywhere', () => {
    for (let length = 0; length < wire.length; length++) expect(read(wire.subarray(0, length)).code).toBe('TRUNCATED')
  })

  test('a length that cannot be right', () => {
    expect(read(patched(8, 0, 0, 0, 48)).code).toBe('BAD_BATCH')
    expect(read(patched(8, 255, 255, 255, 255)).code).toBe('BAD_BATCH')
    expect(read(patched(8, 127, 255, 255, 255)).code).toBe('TRUNCATED')
  })
})

describe('the cursor', () => {
  const section = (recordCount: number, text: string): RecordBatch => ({
    ...encodeBatch([simple]),
    recordCount,
    records: unhex(text),
  })
  const code = (batch: RecordBatch): string => failure(() => readRecords(batch)).code

  test('refuses sections that do not hold what the header promised', () => {
    expect(readRecords(section(1, '0c 00 00 00 01 01 00'))).toHaveLength(1)
    expect(code(section(2, '0c 00 00 00 01 01 00'))).toBe('BAD_RECORD')
    expect(code(section(0, '0c 00 00 00 01 01 00'))).toBe('BAD_RECORD')
    expect(code(section(1, '0e 00 00 00 01 01 00'))).toBe('BAD_RECORD')
    expect(code(section(1, '0a 00 00 00 01 01 00'))).toBe('BAD_RECORD')
    expect(code(section(1, '01 00 00 00 01 01 00'))).toBe('BAD_RECORD')
    expect(code(section(1, '0c 00 00 00 03 01 00'))).toBe('BAD_RECORD')
    expect(code(section(1, '0c 00 00 00 01 7e 00'))).toBe('BAD_RECORD')
    expect(code(section(1, '0c 00 00 00 01 01 02'))).toBe('BAD_RECORD')
    expect(code(section(1, '10 00 00 00 01 01 02 01 01'))).toBe('BAD_RECORD')
    expect(code(section(1, '10 00 00 00 01 01 02 00 08'))).toBe('BAD_RECORD')
    expect(code(section(1, '1e 00 ff ff ff ff ff ff ff ff ff ff 01 00 01 01 00'))).toBe('BAD_RECORD')
    expect(code(section(1, 'ffffffffffffffffffffffffff'))).toBe('BAD_RECORD')
  })

  test('describes a record without allocating for it', () => {
    const cursor = new RecordCursor(
      encodeBatch([
        { ...simple, headers: [['n', 'v']] },
        { key: null, value: null, timestamp: 1500 },
      ]),
    )
    expect(cursor.next()).toBe(true)
    expect([cursor.keyEnd - cursor.keyStart, cursor.headerCount, cursor.attributes]).toEqual([1, 1, 0])
    expect(cursor.headers()).toEqual([['n', encodeUtf8('v')]])
    expect(cursor.headers()).toEqual([['n', encodeUtf8('v')]])
    expect(cursor.next()).toBe(true)
    expect([cursor.keyStart, cursor.keyEnd, cursor.valueStart, cursor.valueEnd, cursor.timestamp]).toEqual([
      -1, -1, -1, -1, 1500,
    ])
    expect(cursor.headers()).toEqual([])
    expect(cursor.next()).toBe(false)
    expect(cursor.next()).toBe(false)
  })

  test('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 0, max: 5 }), (bytes, recordCount) => {
        try {
          readRecords({ ...encodeBatch([simple]), recordCount, records: bytes })
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
      }),
      { numRuns: 3000, seed: 3 },
    )
  })
})
