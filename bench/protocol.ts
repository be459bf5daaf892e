/** How fast the protocol is on this machine: `npx tsx bench/protocol.ts`. */
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../src/protocol/codec.ts'
import * as make from '../src/protocol/make.ts'
import { crc32c, encodeBatch, RecordCursor, type RecordInput, readRecords } from '../src/protocol/records.ts'

const COUNT = 1000
const WARM_UP_MS = 300
const ROUNDS = 5
const ROUND_MS = 250

/** Calls of `run` in a second: the best of a few rounds, because the machine has other things to do, too. */
function perSecond(run: () => number): number {
  let sink = 0
  const warm = performance.now() + WARM_UP_MS
  while (performance.now() < warm) sink += run()
  let best = 0
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    let calls = 0
    let now = start
    while (now - start < ROUND_MS) {
      sink += run()
      calls++
      now = performance.now()
    }
    best = Math.max(best, (calls * 1000) / (now - start))
  }
  if (!Number.isFinite(sink)) throw new Error('nothing was computed')
  return best
}

function line(name: string, rate: number, unit: string): void {
  console.log(`${name.padEnd(46)} ${rate.toFixed(1).padStart(9)} ${unit}`)
}

const timestamp = Date.UTC(2026, 0, 1)
const value = new Uint8Array(100).fill(120)
const text = 'x'.repeat(100)
/** All four fields in a literal: see `RecordInput`. */
const inputs = (record: (i: number) => Pick<RecordInput, 'key' | 'value' | 'headers'>): RecordInput[] =>
  Array.from({ length: COUNT }, (_, i) => {
    const { key, value, headers } = record(i)
    return { key, value, headers, timestamp: timestamp + (i >> 4) }
  })

const bytesOnly = inputs(() => ({ key: null, value }))
const strings = inputs((i) => ({ key: `key-${i}`, value: text }))
const korean = inputs(() => ({ key: null, value: '주문이 들어왔습니다 '.repeat(4) }))
const withHeaders = inputs(() => ({ key: null, value, headers: [['trace', value.subarray(0, 16)]] }))

console.log(`batches of ${COUNT} records`)
const million = COUNT / 1e6
line('encode, 100 B as Uint8Array', perSecond(() => encodeBatch(bytesOnly).recordCount) * million, 'M records/s')
line('encode, key and 100 characters', perSecond(() => encodeBatch(strings).recordCount) * million, 'M records/s')
line('encode, 44 Korean characters', perSecond(() => encodeBatch(korean).recordCount) * million, 'M records/s')
line('encode, 100 B and a header', perSecond(() => encodeBatch(withHeaders).recordCount) * million, 'M records/s')

const batch = encodeBatch(bytesOnly)
const keyed = encodeBatch(strings)
const walk = (of: typeof batch): number => {
  const cursor = new RecordCursor(of)
  let size = 0
  while (cursor.next()) size += cursor.valueEnd - cursor.valueStart
  return size
}
line('cursor, 100 B', perSecond(() => walk(batch)) * million, 'M records/s')
line('cursor, key and 100 B', perSecond(() => walk(keyed)) * million, 'M records/s')
line('readRecords, 100 B', perSecond(() => readRecords(batch).length) * million, 'M records/s')

const megabyte = Uint8Array.from({ length: 1 << 20 }, (_, i) => (i * 2654435761) >>> 13)
line('CRC-32C of 1 MiB', (perSecond(() => crc32c(megabyte)) * megabyte.length) / 1e9, 'GB/s')
line('CRC-32C of 100 B', (perSecond(() => crc32c(megabyte, 0, 100)) * 100) / 1e9, 'GB/s')

const header = { correlationId: 1, clientId: 'bench' }
const partitionData = Array.from({ length: 10 }, (_, index) => ({ index, records: [batch] }))
const produce = make.makeProduceRequest({
  acks: -1,
  topicData: [make.makeTopicProduceData({ name: 'orders', partitionData })],
})
const partitions = Array.from({ length: 10 }, (_, partitionIndex) =>
  make.makePartitionData({ partitionIndex, records: [batch] }),
)
const fetch = make.makeFetchResponse({ responses: [make.makeFetchableTopicResponse({ topic: 'orders', partitions })] })
for (const version of [7, 12]) {
  const bytes = encodeRequest('Produce', version, header, produce)
  const mega = bytes.length / 1e6
  line(
    `Produce v${version}, ${mega.toFixed(1)} MB, encode`,
    perSecond(() => encodeRequest('Produce', version, header, produce).length) * mega,
    'MB/s',
  )
  line(
    `Produce v${version}, ${mega.toFixed(1)} MB, decode`,
    perSecond(() => decodeRequest(bytes).correlationId) * mega,
    'MB/s',
  )
}
for (const version of [11, 12]) {
  const bytes = encodeResponse('Fetch', version, 1, fetch)
  const mega = bytes.length / 1e6
  line(
    `Fetch v${version}, ${mega.toFixed(1)} MB, encode`,
    perSecond(() => encodeResponse('Fetch', version, 1, fetch).length) * mega,
    'MB/s',
  )
  line(
    `Fetch v${version}, ${mega.toFixed(1)} MB, decode`,
    perSecond(() => decodeResponse('Fetch', version, bytes).correlationId) * mega,
    'MB/s',
  )
}

const manyPartitions = Array.from({ length: 100 }, (_, partitionIndex) =>
  make.makeMetadataResponsePartition({ partitionIndex, leaderId: 1, replicaNodes: [1, 2, 3], isrNodes: [1, 2, 3] }),
)
const metadata = make.makeMetadataResponse({
  topics: [make.makeMetadataResponseTopic({ name: 'orders', partitions: manyPartitions })],
})
const metadataBytes = encodeResponse('Metadata', 12, 1, metadata)
line(
  'Metadata v12, 100 partitions, encode',
  perSecond(() => encodeResponse('Metadata', 12, 1, metadata).length) / 1e3,
  'k frames/s',
)
line(
  'Metadata v12, 100 partitions, decode',
  perSecond(() => decodeResponse('Metadata', 12, metadataBytes).correlationId) / 1e3,
  'k frames/s',
)
const beat = make.makeHeartbeatRequest({ groupId: 'group', generationId: 3, memberId: 'member-1' })
const beatBytes = encodeRequest('Heartbeat', 4, header, beat)
line('Heartbeat v4, encode', perSecond(() => encodeRequest('Heartbeat', 4, header, beat).length) / 1e3, 'k frames/s')
line('Heartbeat v4, decode', perSecond(() => decodeRequest(beatBytes).correlationId) / 1e3, 'k frames/s')
