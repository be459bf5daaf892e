/** Whatever a broker answers, in whatever release of Kafka and version of an API, has a form in bytes that reads back the same. */
import { describe, expect, test } from 'vitest'
import { KAFKA_RELEASES } from '../../src/broker/api/releases.ts'
import { isServed, type Offer, offerOf } from '../../src/broker/index.ts'
import { decodeRequest, decodeResponse, encodeResponse } from '../../src/protocol/codec.ts'
import type { ApiName } from '../../src/protocol/messages.ts'
import { createBench } from '../broker/support.ts'
import { corpus, type SampleRequest } from './corpus.ts'

const TOPICS = { orders: 2, clicks: 1, __consumer_offsets: 3, __transaction_state: 3 }
const HOUR = 3_600_000

const topicIds = [...createBench(TOPICS).state.image.topicNames.keys()]
const byApi = new Map<ApiName, SampleRequest[]>()
for (const request of corpus({ samples: 8, topicIds })) {
  byApi.set(request.api, [...(byApi.get(request.api) ?? []), request])
}

describe.each(KAFKA_RELEASES)('Kafka %s', (release) => {
  test('every answer in every version', () => {
    const offer = offerOf(release)
    const answered = new Set<string>()
    for (const ofOneApi of byApi.values()) for (const tried of answersTo(ofOneApi, offer)) answered.add(tried)
    const versions = [...offer.served].flatMap(([api, { minVersion, maxVersion }]) =>
      Array.from({ length: maxVersion - minVersion + 1 }, (_, i) => `${api} v${minVersion + i}`),
    )
    // Not one that was never tried.
    expect([...answered].sort()).toEqual(versions.sort())
  })
})

/** Asks a fresh broker all of it, and returns the versions that got an answer. */
function answersTo(requests: readonly SampleRequest[], offer: Offer): Set<string> {
  const bench = createBench(TOPICS, {}, { version: offer.release })
  const asked = new Map<number, SampleRequest>()
  for (const request of requests) {
    const { api, version, bytes } = request
    const correlationId = bench.send(api, version, decodeRequest(bytes, { keepBadBatches: true }).body as never)
    if (isServed(offer, api, version)) asked.set(correlationId, request)
    else expect([api, version, bench.answers.get(correlationId)]).toEqual([api, version, null])
  }
  // Whoever waits is answered.
  bench.pass(HOUR)
  const answered = new Set<string>()
  for (const [correlationId, { api, version }] of asked) {
    const body = bench.answers.get(correlationId)
    // The connection was closed, or nothing is owed.
    if (body === null || body === undefined) continue
    let bytes: Uint8Array
    try {
      bytes = encodeResponse(api, version, correlationId, body as never)
    } catch (error) {
      throw new Error(`${api} v${version}: ${String(error)}\n${JSON.stringify(body)}`)
    }
    const read = decodeResponse(api, version, bytes)
    expect(encodeResponse(api, version, correlationId, read.body)).toEqual(bytes)
    answered.add(`${api} v${version}`)
  }
  return answered
}
