/** From record batches to kafkajs's `Batch`: offsets, control records, aborted transactions, compaction (KJ9, KJ23). */
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { decodeBatch, FetchedBatch } from '../../src/client/consumer/batch.ts'
import { CompressionCodecs, CompressionTypes } from '../../src/client/index.ts'
import { encodeBatch, encodeTransactionMarker, type RecordBatch } from '../../src/protocol/records.ts'
import { createScript } from './support/script-transport.ts'

const { host } = createScript({ answer: () => ({}) })
const plainHost = { ...host, decompress: undefined }

const records = (values: readonly string[]) => values.map((value) => ({ key: null, value, timestamp: 1000 }))
const at = (batch: RecordBatch, baseOffset: number): RecordBatch => ({ ...batch, baseOffset })
const data = (baseOffset: number, values: readonly string[], producerId = -1): RecordBatch =>
  at(
    encodeBatch(
      records(values),
      producerId < 0 ? {} : { producerId, producerEpoch: 0, baseSequence: 0, transactional: true },
    ),
    baseOffset,
  )
const marker = (baseOffset: number, type: 'ABORT' | 'COMMIT', producerId: number): RecordBatch =>
  at(encodeTransactionMarker({ type, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1000 }), baseOffset)

function decode(
  batches: readonly RecordBatch[],
  options: { fetchedOffset?: number; highWatermark?: number; aborted?: [number, number][] } = {},
): FetchedBatch {
  const { fetchedOffset = 0, highWatermark = 100, aborted = [] } = options
  return decodeBatch(
    {
      topic: 't',
      partition: 0,
      fetchedOffset,
      highWatermark,
      abortedTransactions: aborted.map(([producerId, firstOffset]) => ({ producerId, firstOffset })),
      records: batches,
    },
    host,
  ) as FetchedBatch
}
const values = (batch: FetchedBatch) => batch.messages.map(({ value }) => String(value))

describe('Batch', () => {
  it('hides what lies before the offset that was asked for', () => {
    const batch = decode([data(0, ['a', 'b', 'c']), data(3, ['d'])], { fetchedOffset: 2, highWatermark: 4 })
    expect(values(batch)).toEqual(['c', 'd'])
    expect([batch.firstOffset(), batch.lastOffset(), batch.offsetLag(), batch.offsetLagLow()]).toEqual([
      '2',
      '3',
      '0',
      '1',
    ])
    expect(batch.rawMessages).toHaveLength(4)
    expect([FetchedBatch.offsetAt(batch, 0), FetchedBatch.lastVisibleOffset(batch)]).toEqual([2, 3])
  })

  it('stands at the end of the partition when nothing came', () => {
    const batch = decode([], { fetchedOffset: 7, highWatermark: 7 })
    expect([
      batch.isEmpty(),
      batch.isEmptyDueToFiltering(),
      batch.firstOffset(),
      batch.lastOffset(),
      batch.offsetLag(),
      batch.offsetLagLow(),
    ]).toEqual([true, false, null, '6', '0', '0'])
  })

  it('moves on when compaction left nothing at or after the offset', () => {
    const batch = decode([data(0, ['a', 'b'])], { fetchedOffset: 5, highWatermark: 9 })
    expect([
      batch.isEmpty(),
      batch.isEmptyDueToFiltering(),
      batch.isEmptyDueToLogCompactedMessages(),
      batch.lastOffset(),
    ]).toEqual([true, true, true, '5'])
  })

  it('never shows control records, but counts their offsets', () => {
    const batch = decode([data(0, ['a'], 7), marker(1, 'COMMIT', 7)])
    expect(values(batch)).toEqual(['a'])
    expect([batch.lastOffset(), FetchedBatch.lastVisibleOffset(batch)]).toEqual(['1', 0])
    const onlyMarker = decode([marker(1, 'COMMIT', 7)], { fetchedOffset: 1 })
    expect([onlyMarker.isEmpty(), onlyMarker.isEmptyControlRecord(), onlyMarker.isEmptyDueToFiltering()]).toEqual([
      true,
      true,
      true,
    ])
  })

  it('hides aborted transactions up to their marker, and only their producer’s records', () => {
    const batches = [
      data(0, ['bad'], 7),
      data(1, ['other'], 8),
      data(2, ['plain']),
      marker(3, 'ABORT', 7),
      data(4, ['good'], 7),
      marker(5, 'COMMIT', 7),
      marker(6, 'COMMIT', 8),
    ]
    expect(values(decode(batches, { aborted: [[7, 0]] }))).toEqual(['other', 'plain', 'good'])
    expect(values(decode(batches))).toEqual(['bad', 'other', 'plain', 'good'])
  })

  it('begins an aborted transaction in the middle of the fetch, several at once in any order', () => {
    const batches = [
      data(0, ['a'], 7),
      marker(1, 'COMMIT', 7),
      data(2, ['b'], 8),
      data(3, ['c'], 7),
      marker(4, 'ABORT', 8),
      marker(5, 'ABORT', 7),
      data(6, ['d']),
    ]
    expect(
      values(
        decode(batches, {
          aborted: [
            [7, 3],
            [8, 2],
          ],
        }),
      ),
    ).toEqual(['a', 'd'])
  })

  it('keeps the batch’s own offsets when a user changes the list of messages', () => {
    const batch = decode([data(0, ['a', 'b'])])
    batch.messages.length = 0
    expect([batch.lastOffset(), FetchedBatch.lastVisibleOffset(batch)]).toEqual(['1', 1])
  })
})

describe('compression (KJ24)', () => {
  const compressed = (type: number, bytes: Uint8Array, batch: RecordBatch): RecordBatch => ({
    ...batch,
    attributes: type,
    records: bytes,
  })
  const original = { ...CompressionCodecs }
  afterEach(() => void Object.assign(CompressionCodecs, original))

  it('reads gzip through the host, and takes time only for a codec that does', async () => {
    const batch = data(0, ['a', 'b'])
    expect(values(decode([compressed(CompressionTypes.GZIP, gzipSync(batch.records), batch)]))).toEqual(['a', 'b'])
    CompressionCodecs[CompressionTypes.LZ4] = () => ({
      compress: async ({ buffer }: { buffer: Uint8Array }) => buffer,
      decompress: async (bytes: Uint8Array) => Buffer.from(bytes).reverse(),
    })
    const reversed = compressed(CompressionTypes.LZ4, Buffer.from(batch.records).reverse(), batch)
    const later = decodeBatch(
      {
        topic: 't',
        partition: 0,
        fetchedOffset: 0,
        highWatermark: 4,
        abortedTransactions: null,
        records: [data(0, ['x']), at(reversed, 1), data(3, ['y'])],
      },
      host,
    )
    expect(later).toBeInstanceOf(Promise)
    expect(values(await later)).toEqual(['x', 'a', 'b', 'y'])
  })

  it.each([
    [CompressionTypes.Snappy, 'Snappy'],
    [CompressionTypes.LZ4, 'LZ4'],
    [CompressionTypes.ZSTD, 'ZSTD'],
  ])('says that %i is not there where the host has no codecs', (type, name) => {
    const batch = data(0, ['a'])
    const fetched = { topic: 't', partition: 0, fetchedOffset: 0, highWatermark: 1, abortedTransactions: null }
    const records = [compressed(type, batch.records, batch)]
    expect(() => decodeBatch({ ...fetched, records }, plainHost as never)).toThrow(
      `${name} compression not implemented`,
    )
    expect(() => CompressionCodecs[type]()).toThrow(`${name} compression not implemented`)
  })

  it('needs the host for gzip', () => {
    const batch = data(0, ['a'])
    const fetched = {
      topic: 't',
      partition: 0,
      fetchedOffset: 0,
      highWatermark: 1,
      abortedTransactions: null,
      records: [compressed(1, gzipSync(batch.records), batch)],
    }
    expect(() => decodeBatch(fetched, plainHost as never)).toThrow('GZIP compression not implemented')
  })
})
