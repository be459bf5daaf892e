/** How fast frames of Produce and Fetch go through the codec, both ways. */
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from '../../src/protocol/codec.ts'
import * as make from '../../src/protocol/make.ts'
import { encodeBatch } from '../../src/protocol/records.ts'
import { add } from '../table.ts'

const TARGET = 300
const ROUNDS = 7
const ROUND_MS = 150

export function codecLines(): void {
  const value = new Uint8Array(100).fill(120)
  const batch = encodeBatch(
    Array.from({ length: 1000 }, (_, i) => ({ key: null, value, headers: [], timestamp: 1_767_225_600_000 + i })),
  )
  const records = [batch]
  const produce = make.makeProduceRequest({
    acks: -1,
    topicData: [make.makeTopicProduceData({ name: 'orders', partitionData: [{ index: 0, records }] })],
  })
  const partitions = Array.from({ length: 4 }, (_, partitionIndex) =>
    make.makePartitionData({ partitionIndex, records }),
  )
  const fetch = make.makeFetchResponse({
    responses: [make.makeFetchableTopicResponse({ topic: 'orders', partitions })],
  })
  const header = { correlationId: 1, clientId: 'bench' }
  const request = encodeRequest('Produce', 7, header, produce)
  const response = encodeResponse('Fetch', 11, 1, fetch)
  const rate = (bytes: Uint8Array, run: () => number) => (perSecond(run) * bytes.length) / 1e6
  const line = (what: string, value: number) => add(what, value, 'MB/s', 'more', TARGET)
  line(
    'codec: Produce v7 decoded',
    rate(request, () => decodeRequest(request).correlationId),
  )
  line(
    'codec: Produce v7 encoded',
    rate(request, () => encodeRequest('Produce', 7, header, produce).length),
  )
  line(
    'codec: Fetch v11 decoded',
    rate(response, () => decodeResponse('Fetch', 11, response).correlationId),
  )
  line(
    'codec: Fetch v11 encoded',
    rate(response, () => encodeResponse('Fetch', 11, 1, fetch).length),
  )
}

/** Calls in a second: the best of a few rounds, because the machine has other things to do, too. */
function perSecond(run: () => number): number {
  let sink = 0
  let best = 0
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    let calls = 0
    let took = 0
    while (took < ROUND_MS) {
      sink += run()
      calls += 1
      took = performance.now() - start
    }
    best = Math.max(best, (calls * 1000) / took)
  }
  if (!Number.isFinite(sink)) throw new Error('nothing was computed')
  return best
}
