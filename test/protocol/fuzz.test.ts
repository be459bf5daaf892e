/** Frames that somebody damaged: nothing but a DecodeError may come of it, and soon. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readDeclarations } from '../../scripts/generate-protocol.ts'
import {
  DecodeError,
  decodeRequest,
  decodeRequestHeader,
  decodeResponse,
  EncodeError,
  encodeRequest,
  encodeResponse,
} from '../../src/protocol/codec.ts'
import * as make from '../../src/protocol/make.ts'
import type { ApiName, RequestOf, ResponseOf } from '../../src/protocol/messages.ts'
import { encodeBatch } from '../../src/protocol/records.ts'
import { messageOf } from './arbitraries.ts'
import { unhex } from './hex.ts'

const apis = readDeclarations().filter((declaration) => declaration.kind === 'api')

type Damage = (bytes: Uint8Array) => Uint8Array
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.tuple(fc.nat(), fc.nat(255)).map(
    ([at, value]): Damage =>
      (bytes) =>
        bytes.map((byte, i) => (i === at % bytes.length ? value : byte)),
  ),
  fc.nat().map(
    (length): Damage =>
      (bytes) =>
        bytes.slice(0, length % (bytes.length + 1)),
  ),
  fc.uint8Array({ minLength: 1, maxLength: 9 }).map(
    (more): Damage =>
      (bytes) =>
        new Uint8Array([...bytes, ...more]),
  ),
  fc.nat().map(
    (at): Damage =>
      (bytes) =>
        bytes.map((byte, i) => (Math.abs(i - (at % bytes.length)) < 3 ? 255 : byte)),
  ),
  fc.tuple(fc.nat(), fc.nat()).map(
    ([a, b]): Damage =>
      (bytes) =>
        new Uint8Array([...bytes.slice(0, a % bytes.length), ...bytes.slice(b % bytes.length)]),
  ),
)

function onlyDecodeErrors(run: () => unknown): void {
  try {
    run()
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    expect(error.message).toContain('expected')
    expect(error.position).toBeGreaterThanOrEqual(0)
  }
}

describe('damaged frames', () => {
  for (const { name, versions, request, response } of apis) {
    const api = name as ApiName
    test(name, () => {
      for (let version = versions.from; version <= versions.to; version++) {
        const options = { numRuns: 25, seed: version }
        const damages = fc.array(damage, { minLength: 1, maxLength: 3 })
        fc.assert(
          fc.property(messageOf(request, version), damages, fc.boolean(), (message, steps, checkCrcs) => {
            const bytes = encodeRequest(
              api,
              version,
              { correlationId: 1, clientId: 'x' },
              message as unknown as RequestOf<ApiName>,
            )
            const damaged = steps.reduce((so, step) => (so.length === 0 ? so : step(so)), bytes)
            onlyDecodeErrors(() => decodeRequest(damaged, { checkCrcs }))
          }),
          options,
        )
        fc.assert(
          fc.property(messageOf(response, version), damages, fc.boolean(), (message, steps, checkCrcs) => {
            const bytes = encodeResponse(api, version, 1, message as unknown as ResponseOf<ApiName>)
            const damaged = steps.reduce((so, step) => (so.length === 0 ? so : step(so)), bytes)
            onlyDecodeErrors(() => decodeResponse(api, version, damaged, { checkCrcs }))
          }),
          options,
        )
      }
    })
  }

  test('any bytes at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(60), fc.nat(14), (rest, key, version) => {
        onlyDecodeErrors(() => decodeRequest(new Uint8Array([0, key, 0, version, ...rest])))
      }),
      { numRuns: 5000, seed: 4 },
    )
  })
})

function failure(run: () => unknown): DecodeError {
  try {
    run()
  } catch (error) {
    if (error instanceof DecodeError) return error
    throw error
  }
  throw new Error('it did not fail')
}

describe('what an error says', () => {
  const head = '0003 0006 00000001 ffff'

  test('code, position, path and what was expected', () => {
    const produce = encodeRequest(
      'Produce',
      7,
      { correlationId: 1, clientId: null },
      make.makeProduceRequest({
        topicData: [
          make.makeTopicProduceData({
            name: 't',
            partitionData: [
              { index: 0, records: [] },
              { index: 1, records: [encodeBatch([{ key: null, value: 'v', timestamp: 0 }])] },
            ],
          }),
        ],
      }),
    )
    produce[produce.length - 1]! ^= 1
    const error = failure(() => decodeRequest(produce))
    expect(error).toMatchObject({ code: 'BAD_CRC', path: 'topicData[0].partitionData[1].records[0]' })
    expect(error.message).toMatch(
      /^a batch with CRC 0x[0-9a-f]{8} at byte \d+ in topicData\[0\]\.partitionData\[1\]\.records\[0\]; expected 0x/,
    )
    expect(error.header).toEqual({ apiKey: 0, apiVersion: 7, correlationId: 1, clientId: null })
  })

  test('a count that lies allocates nothing', () => {
    const error = failure(() => decodeRequest(unhex(`${head} 7fffffff 00`)))
    expect(error).toMatchObject({
      code: 'BAD_LENGTH',
      position: 10,
      path: 'topics',
      expected: 'at most the 1 that are left',
    })
  })

  test('negative where not nullable, truncated, too long', () => {
    expect(failure(() => decodeRequest(unhex(`${head} fffffffe 01`)))).toMatchObject({
      code: 'BAD_LENGTH',
      path: 'topics',
    })
    expect(failure(() => decodeRequest(unhex(`${head} 00000001 ffff 01`)))).toMatchObject({
      code: 'BAD_VALUE',
      path: 'topics[0].name',
    })
    expect(failure(() => decodeRequest(unhex(`${head} ffffffff`)))).toMatchObject({
      code: 'TRUNCATED',
      path: 'allowAutoTopicCreation',
    })
    expect(failure(() => decodeRequest(unhex(`${head} ffffffff 01 00`)))).toMatchObject({
      code: 'TRAILING_BYTES',
      position: 15,
    })
  })

  test('unknown APIs and versions carry the header, so that they can be answered', () => {
    const unknown = failure(() => decodeRequest(unhex('7fff 0000 00000009 0001 61')))
    expect(unknown).toMatchObject({
      code: 'UNKNOWN_API',
      header: { apiKey: 32767, apiVersion: 0, correlationId: 9, clientId: 'a' },
    })
    const newer = unhex('0012 0063 00000009 ffff 00 00')
    expect(failure(() => decodeRequest(newer))).toMatchObject({
      code: 'UNSUPPORTED_VERSION',
      header: { apiKey: 18, apiVersion: 99, correlationId: 9 },
    })
    expect(decodeRequestHeader(newer)).toEqual({ apiKey: 18, apiVersion: 99, correlationId: 9, clientId: null })
    expect(failure(() => decodeResponse('Metadata', 99, unhex('00000000'))).code).toBe('UNSUPPORTED_VERSION')
  })

  test('an int64 beyond ±(2^53−1)', () => {
    const bytes = unhex('0015 0000 00000001 ffff 00000001 0001 74 00000001 00000000 0020000000000000 00000000')
    expect(failure(() => decodeRequest(bytes))).toMatchObject({
      code: 'BAD_VALUE',
      path: 'topics[0].partitions[0].offset',
      position: 25,
    })
  })

  test('varints without end and tagged fields that lie', () => {
    const flexible = '000c 0004 00000001 ffff'
    expect(failure(() => decodeRequest(unhex(`${flexible} 00 ff ff ff ff ff ff`))).code).toBe('BAD_VALUE')
    expect(failure(() => decodeRequest(unhex(`${flexible} 01 00 7f 00`))).code).toBe('TRUNCATED')
    expect(failure(() => decodeRequest(unhex(`${flexible} ff ff ff ff 0f`))).code).toBe('BAD_LENGTH')
    const epoch = '00000001 0000 01 00000000 01 01'
    expect(failure(() => decodeResponse('ApiVersions', 3, unhex(`${epoch} 09 0000000000000005 00`))).message).toContain(
      'shorter than its size',
    )
    expect(failure(() => decodeResponse('ApiVersions', 3, unhex(`${epoch} 07 0000000000000005`))).message).toContain(
      'longer than its size',
    )
  })

  test('a batch cut off at the end of a Fetch answer is dropped, in a request it is refused', () => {
    const batch = encodeBatch([{ key: null, value: 'v', timestamp: 0 }])
    const partitions = [make.makePartitionData({ records: [batch, batch] })]
    const whole = encodeResponse(
      'Fetch',
      4,
      1,
      make.makeFetchResponse({ responses: [make.makeFetchableTopicResponse({ partitions })] }),
    )
    const cut = whole.slice(0, -5)
    const lengthAt = whole.length - 2 * (61 + batch.records.length) - 4
    new DataView(cut.buffer).setInt32(lengthAt, 2 * (61 + batch.records.length) - 5)
    expect(decodeResponse('Fetch', 4, cut).body.responses[0]?.partitions[0]?.records).toEqual([batch])
    expect(failure(() => decodeResponse('Fetch', 4, cut, { allowPartialBatch: false })).code).toBe('TRUNCATED')
  })

  test('views into the frame are plain Uint8Arrays, also from a Buffer', () => {
    const body = make.makeSyncGroupResponse({ assignment: new Uint8Array([1, 2]) })
    const { assignment } = decodeResponse('SyncGroup', 0, Buffer.from(encodeResponse('SyncGroup', 0, 1, body))).body
    expect(assignment.constructor).toBe(Uint8Array)
  })
})

describe('what has no wire form', () => {
  const header = { correlationId: 1, clientId: null }
  const refused = (run: () => unknown): EncodeError => {
    try {
      run()
    } catch (error) {
      if (error instanceof EncodeError) return error
      throw error
    }
    throw new Error('it was not refused')
  }

  test('a field the version lacks, unless it may be ignored or is the default', () => {
    const metadata = (version: number, fields: object): Uint8Array =>
      encodeRequest('Metadata', version, header, make.makeMetadataRequest(fields))
    expect(refused(() => metadata(3, { allowAutoTopicCreation: false }))).toMatchObject({
      code: 'UNSUPPORTED_FIELD',
      field: 'MetadataRequest.allowAutoTopicCreation',
    })
    expect(metadata(3, { allowAutoTopicCreation: true })).toHaveLength(14)
    const answer = make.makeFetchResponse({
      responses: [make.makeFetchableTopicResponse({ partitions: [make.makePartitionData({ logStartOffset: 7 })] })],
    })
    expect(
      decodeResponse('Fetch', 4, encodeResponse('Fetch', 4, 1, answer)).body.responses[0]?.partitions[0]
        ?.logStartOffset,
    ).toBe(-1)
    const leader = make.makePartitionProduceResponse({ currentLeader: { leaderId: 1, leaderEpoch: 1 } })
    const produce = make.makeProduceResponse({
      responses: [make.makeTopicProduceResponse({ partitionResponses: [leader] })],
    })
    expect(refused(() => encodeResponse('Produce', 9, 1, produce)).field).toBe('PartitionProduceResponse.currentLeader')
  })

  test('null, numbers and lengths that do not fit', () => {
    expect(refused(() => encodeRequest('Metadata', 0, header, make.makeMetadataRequest({ topics: null }))).code).toBe(
      'NULL_NOT_ALLOWED',
    )
    const beat = (fields: object): EncodeError =>
      refused(() => encodeRequest('Heartbeat', 0, header, make.makeHeartbeatRequest(fields)))
    expect(beat({ generationId: 2 ** 31 })).toMatchObject({
      code: 'OUT_OF_RANGE',
      field: 'HeartbeatRequest.generationId',
    })
    expect(beat({ generationId: 0.5 }).code).toBe('OUT_OF_RANGE')
    expect(beat({ groupId: 'x'.repeat(32768) }).message).toContain('32768 bytes')
    const offset = make.makeDeleteRecordsRequest({
      topics: [{ name: 't', partitions: [{ partitionIndex: 0, offset: 2 ** 53 }] }],
    })
    expect(refused(() => encodeRequest('DeleteRecords', 0, header, offset)).code).toBe('OUT_OF_RANGE')
    const topic = make.makeDeleteTopicsRequest({ topics: [{ name: null, topicId: 'no-uuid' }] })
    expect(refused(() => encodeRequest('DeleteTopics', 6, header, topic)).message).toContain('"no-uuid" is not a UUID')
  })

  test('a version the codec does not speak', () => {
    for (const version of [-1, 5, 1.5, Number.NaN]) {
      expect(refused(() => encodeRequest('Heartbeat', version, header, make.makeHeartbeatRequest())).code).toBe(
        'UNSUPPORTED_VERSION',
      )
    }
  })
})
