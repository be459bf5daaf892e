/** UTF-8, UUIDs and checksums against what Node has. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32c } from '../../src/protocol/crc32c.ts'
import { ZERO_UUID } from '../../src/protocol/defaults.ts'
import { decodeUtf8, encodeUtf8, utf8Length, writeAscii } from '../../src/protocol/utf8.ts'
import { uuidToString, writeUuid } from '../../src/protocol/uuid.ts'

describe('UTF-8', () => {
  test('encodes as TextEncoder does, lone surrogates included', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
    )
    fc.assert(
      fc.property(anything, (text) => {
        const expected = new TextEncoder().encode(text)
        expect(encodeUtf8(text)).toEqual(expected)
        expect(utf8Length(text)).toBe(expected.length)
      }),
      { numRuns: 300, seed: 5 },
    )
    expect(encodeUtf8('\ud800a\udc00\ud83d\ude00')).toEqual(new TextEncoder().encode('\ufffda\ufffd😀'))
  })

  test('decodes as TextDecoder does, malformed bytes included', () => {
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
    const pieces = fc.constantFrom(
      [0x41],
      [0xc3, 0xa9],
      [0xe0, 0xa4],
      [0xed, 0xa0, 0x80],
      [0xf0, 0x9f, 0x98, 0x80],
      [0xf4, 0x90],
      [0xc0, 0x80],
      [0xf0, 0x80],
      [0xff],
      [0xe1, 0x80],
    )
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.array(pieces).map((list) => new Uint8Array(list.flat())),
    )
    fc.assert(
      fc.property(bytes, (input) => {
        expect(decodeUtf8(input)).toBe(decoder.decode(input))
      }),
      { numRuns: 3000, seed: 6 },
    )
  })

  test('long texts, in pieces', () => {
    for (const text of [
      'x'.repeat(10_000),
      '한'.repeat(10_000),
      '😀'.repeat(5_000),
      `${'a'.repeat(4094)}😀${'b'.repeat(4094)}é`,
    ]) {
      expect(decodeUtf8(encodeUtf8(text)) === text).toBe(true)
    }
    expect(decodeUtf8(encodeUtf8('before[middle]after'), 7, 13)).toBe('middle')
  })

  test('writeAscii gives up on anything else', () => {
    const out = new Uint8Array(8)
    expect(writeAscii('abc', out, 2)).toBe(5)
    expect(out).toEqual(new Uint8Array([0, 0, 97, 98, 99, 0, 0, 0]))
    expect(writeAscii('aé', out, 0)).toBe(-1)
  })
})

describe('UUIDs', () => {
  test('are base64url, there and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const text = uuidToString(bytes)
        expect(text).toBe(Buffer.from(bytes).toString('base64url'))
        const out = new Uint8Array(18)
        expect(writeUuid(text, out, 1)).toBe(true)
        expect(out.subarray(1, 17)).toEqual(bytes)
      }),
      { numRuns: 300, seed: 7 },
    )
    expect(uuidToString(new Uint8Array(16))).toBe(ZERO_UUID)
  })

  test('other texts are refused', () => {
    const out = new Uint8Array(16)
    for (const text of [
      '',
      'AAAA',
      'A'.repeat(21),
      'A'.repeat(23),
      `${'A'.repeat(21)}+`,
      `${'A'.repeat(21)}B`,
      `${'A'.repeat(21)}é`,
    ]) {
      expect(writeUuid(text, out, 0), text).toBe(false)
    }
  })
})

describe('CRC-32C', () => {
  const text = new TextEncoder().encode('123456789')
  /** Bit by bit, from the definition. */
  const slow = (bytes: Uint8Array): number => {
    let crc = -1
    for (const byte of bytes) {
      crc ^= byte
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    }
    return ~crc >>> 0
  }

  test('known values', () => {
    expect(crc32c(text)).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(0))).toBe(0)
    // RFC 3720, B.4
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43)
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
  })

  test('any bytes from any start, in one piece or two', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), fc.nat(300), (bytes, a, b) => {
        const [start, end] = [Math.min(a, b, bytes.length), Math.min(Math.max(a, b), bytes.length)]
        expect(crc32c(bytes, start, end)).toBe(slow(bytes.subarray(start, end)))
        expect(crc32c(bytes.subarray(start), 0, end - start)).toBe(slow(bytes.subarray(start, end)))
        expect(crc32c(bytes, start, bytes.length, crc32c(bytes, 0, start))).toBe(crc32c(bytes))
      }),
      { numRuns: 500, seed: 8 },
    )
  })
})
