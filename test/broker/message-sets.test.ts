/** Message sets that somebody made on purpose: damaged where a checksum does not tell, because it was made anew. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { judgeMessageSet } from '../../src/broker/api/produce-message-sets.ts'
import { brokerConfig, type Context } from '../../src/broker/index.ts'
import { logConfig } from '../../src/broker/log/config.ts'
import { compress, decompress } from '../../src/host/codecs/index.ts'
import { crc32 } from '../../src/protocol/crc32.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { asMessageSet, compressionCode, downConvert, encodeBatch, readRecords } from '../../src/protocol/records.ts'

const ctx: Context = {
  now: 1_000_000,
  uuid: () => '',
  memberUuid: () => '',
  compress,
  decompress: (code, section) => {
    try {
      return decompress(code, section)
    } catch {
      return null
    }
  },
}
const config = logConfig({}, brokerConfig({}))

interface Damage {
  readonly at: number
  readonly bytes: readonly number[]
  readonly mended: boolean
}

const damage: fc.Arbitrary<Damage> = fc.record({
  at: fc.nat(300),
  bytes: fc.oneof(
    fc.constantFrom([0x7f, 255, 255, 255], [255, 255, 255, 255], [128, 0, 0, 0], [0, 0, 0, 13]),
    fc.array(fc.nat(255), { minLength: 1, maxLength: 4 }),
  ),
  mended: fc.boolean(),
})

function damaged(set: Uint8Array, { at, bytes, mended }: Damage): Uint8Array {
  const out = set.slice()
  for (const [i, byte] of bytes.entries()) out[(at + i) % out.length] = byte
  if (!mended) return out
  const view = new DataView(out.buffer)
  for (let start = 0; start + 26 <= out.length; ) {
    const end = start + 12 + view.getInt32(start + 8)
    if (end < start + 26 || end > out.length) break
    view.setUint32(start + 12, crc32(out, start + 16, end))
    start = end
  }
  return out
}

const ANSWERS = [ErrorCode.NONE, ErrorCode.CORRUPT_MESSAGE, ErrorCode.INVALID_RECORD, ErrorCode.UNKNOWN_SERVER_ERROR]

test('whatever is damaged, inside or outside a wrapper, there is an answer, and what is taken can be read', () => {
  const seen = new Set<number>()
  fc.assert(
    fc.property(
      fc.constantFrom(0 as const, 1 as const),
      fc.constantFrom(0, 1, 2, 3),
      fc.option(damage),
      fc.option(damage),
      (magic, code, inside, outside) => {
        const plain = encodeBatch(
          ['one', null, 'three '.repeat(9)].map((value, i) => ({
            key: i === 1 ? null : `k${i}`,
            value,
            timestamp: 999_000 + i,
          })),
        )
        const packs = (bytes: Uint8Array) => compress(code, inside === null ? bytes : damaged(bytes, inside))
        const set = downConvert({ ...plain, attributes: code }, plain.records, magic, 0, code === 0 ? null : packs)
        const sent = outside === null ? (set as Uint8Array) : damaged(set as Uint8Array, outside)
        const judged = judgeMessageSet(asMessageSet(sent), config, ctx)
        if (judged === null) return
        expect(ANSWERS).toContain(judged.errorCode)
        seen.add(judged.errorCode)
        if (judged.errorCode !== ErrorCode.NONE) return
        const { batch } = judged
        const section = compressionCode(batch) === 0 ? batch.records : decompress(compressionCode(batch), batch.records)
        const offsets = readRecords(batch, section).map(({ offset }) => offset)
        expect(offsets).toEqual(Array.from({ length: batch.recordCount }, (_, i) => i))
        expect(batch.lastOffsetDelta).toBe(batch.recordCount - 1)
      },
    ),
    { numRuns: 3000, seed: 7 },
  )
  expect([...seen].sort()).toEqual([...ANSWERS].sort())
})
