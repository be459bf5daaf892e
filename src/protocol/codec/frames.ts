/**
 * Requests and responses as frames: header (RequestHeader v1 and v2, ResponseHeader v0 and v1) and body.
 * What goes over TCP has a four-byte length before it: `frame()` puts it there.
 *
 * Unknown tagged fields are skipped, as the protocol allows; they do not survive decoding and encoding.
 */
import { API, apiByKey } from '../apis.ts'
import type { RecordBatch } from '../batch.ts'
import { DecodeError, EncodeError, type PartialHeader } from '../fault.ts'
import type { ApiName, FetchResponse, ProduceRequest, RequestOf, ResponseOf } from '../messages.ts'
import { API_CODECS } from './generated/codecs.ts'
import { Reader, type ReaderOptions } from './reader.ts'
import { Writer } from './writer.ts'

const UNSUPPORTED_VERSION = 35
const LENGTH_SIZE = 4

export interface RequestHeader {
  readonly correlationId: number
  readonly clientId: string | null
}

/** A request of any API; `api` tells which. */
export type DecodedRequest = {
  [A in ApiName]: {
    readonly api: A
    readonly apiVersion: number
    readonly correlationId: number
    readonly clientId: string | null
    readonly body: RequestOf<A>
  }
}[ApiName]

export interface DecodedResponse<A extends ApiName> {
  readonly correlationId: number
  readonly body: ResponseOf<A>
}

/**
 * A request without the frame's length.
 *
 * @throws EncodeError when the version or a value does not fit the protocol
 */
export function encodeRequest<A extends ApiName>(
  api: A,
  version: number,
  header: RequestHeader,
  body: RequestOf<A>,
): Uint8Array {
  const flexible = isFlexible(api, version)
  const w = new Writer(roomFor(api === 'Produce' ? recordsProduced(body as ProduceRequest) : 0))
  w.int16(API[api].key, 'RequestHeader.requestApiKey')
  w.int16(version, 'RequestHeader.requestApiVersion')
  w.int32(header.correlationId, 'RequestHeader.correlationId')
  // The old form even in flexible headers, so that any broker can read any ApiVersions request.
  w.plainNullableString(header.clientId, 'RequestHeader.clientId')
  if (flexible) w.uvarint(0)
  w.flexible = flexible
  API_CODECS[api].writeRequest(w, version, body)
  return w.finish()
}

/**
 * A response without the frame's length.
 *
 * @throws EncodeError when the version or a value does not fit the protocol
 */
export function encodeResponse<A extends ApiName>(
  api: A,
  version: number,
  correlationId: number,
  body: ResponseOf<A>,
): Uint8Array {
  const w = responseWriter(api, body)
  writeResponse(w, api, version, correlationId, body)
  return w.finish()
}

/**
 * A response with the frame's length before it, as it goes over TCP.
 *
 * @throws EncodeError when the version or a value does not fit the protocol
 */
export function encodeResponseFrame<A extends ApiName>(
  api: A,
  version: number,
  correlationId: number,
  body: ResponseOf<A>,
): Uint8Array {
  const w = responseWriter(api, body)
  w.reserve(LENGTH_SIZE)
  writeResponse(w, api, version, correlationId, body)
  w.view.setInt32(0, w.position - LENGTH_SIZE)
  return w.finish()
}

function responseWriter<A extends ApiName>(api: A, body: ResponseOf<A>): Writer {
  return new Writer(roomFor(api === 'Fetch' ? recordsFetched(body as FetchResponse) : 0))
}

/** Headers of frames and batches, names and numbers: a part of what records take, and enough for small frames. */
function roomFor(recordBytes: number): number {
  return recordBytes + (recordBytes >> 4) + 512
}

function recordsProduced({ topicData }: ProduceRequest): number {
  let sum = 0
  for (const { partitionData } of topicData) for (const { records } of partitionData) sum += sizeOf(records)
  return sum
}

function recordsFetched({ responses }: FetchResponse): number {
  let sum = 0
  for (const { partitions } of responses) for (const { records } of partitions) sum += sizeOf(records)
  return sum
}

/** A buffer that has to grow is copied, and megabytes of records would be several times. */
function sizeOf(batches: readonly RecordBatch[] | null): number {
  let sum = 0
  if (batches !== null) for (const { records } of batches) sum += records.length
  return sum
}

function writeResponse<A extends ApiName>(
  w: Writer,
  api: A,
  version: number,
  correlationId: number,
  body: ResponseOf<A>,
): void {
  const flexible = isFlexible(api, version)
  w.int32(correlationId, 'ResponseHeader.correlationId')
  if (flexible && api !== 'ApiVersions') w.uvarint(0)
  w.flexible = flexible
  API_CODECS[api].writeResponse(w, version, body)
}

/**
 * Reads the part of a request that is there for every API and version, known or not.
 *
 * @throws DecodeError (`TRUNCATED`, `BAD_LENGTH`)
 */
export function decodeRequestHeader(bytes: Uint8Array): PartialHeader {
  return readHeader(new Reader(bytes))
}

function readHeader(r: Reader): PartialHeader {
  const apiKey = r.int16('requestApiKey')
  const apiVersion = r.int16('requestApiVersion')
  const correlationId = r.int32('correlationId')
  return { apiKey, apiVersion, correlationId, clientId: r.plainNullableString('clientId') }
}

/**
 * Reads a request (without the frame's length). Byte strings and batches are views into `bytes`.
 *
 * @throws DecodeError, with `header` set as soon as the header was read; `UNKNOWN_API` and `UNSUPPORTED_VERSION`
 *   for what this codec does not speak
 */
export function decodeRequest(bytes: Uint8Array, options?: ReaderOptions): DecodedRequest {
  const r = new Reader(bytes, options)
  const header = readHeader(r)
  try {
    const info = apiByKey(header.apiKey)
    if (info === undefined) return r.fail('UNKNOWN_API', '', `API key ${header.apiKey}`, 'an API this codec speaks')
    return readBody(r, info.name, header)
  } catch (error) {
    if (error instanceof DecodeError) error.header = header
    throw error
  }
}

function readBody<A extends ApiName>(r: Reader, api: A, header: PartialHeader): DecodedRequest {
  const { apiVersion, correlationId, clientId } = header
  const { minVersion, maxVersion } = API[api]
  if (apiVersion < minVersion || apiVersion > maxVersion) {
    r.fail('UNSUPPORTED_VERSION', '', `version ${apiVersion} of ${api}`, `${minVersion} to ${maxVersion}`)
  }
  r.flexible = isFlexible(api, apiVersion)
  if (r.flexible) r.skipTags()
  const body: RequestOf<A> = API_CODECS[api].readRequest(r, apiVersion)
  r.finish()
  // The compiler does not see that `api` and `body` belong together for every A at once.
  return { api, apiVersion, correlationId, clientId, body } as DecodedRequest
}

/**
 * Reads a response (without the frame's length). Byte strings and batches are views into `bytes`.
 * A batch cut off at the end of a `records` field is dropped, because brokers fill Fetch answers that way.
 *
 * @param version the version of the request
 * @throws DecodeError
 */
export function decodeResponse<A extends ApiName>(
  api: A,
  version: number,
  bytes: Uint8Array,
  options: ReaderOptions = {},
): DecodedResponse<A> {
  const r = new Reader(bytes, { allowPartialBatch: true, ...options })
  const { minVersion, maxVersion } = API[api]
  if (version < minVersion || version > maxVersion) {
    r.fail('UNSUPPORTED_VERSION', '', `version ${version} of ${api}`, `${minVersion} to ${maxVersion}`)
  }
  const correlationId = r.int32('correlationId')
  let readAs = version
  if (api === 'ApiVersions') {
    // A broker that does not speak the version answers with error 35 in version 0 (KIP-511).
    if (r.end - r.position >= 2 && r.view.getInt16(r.position) === UNSUPPORTED_VERSION) readAs = 0
    r.flexible = isFlexible(api, readAs)
  } else {
    r.flexible = isFlexible(api, version)
    if (r.flexible) r.skipTags()
  }
  const body: ResponseOf<A> = API_CODECS[api].readResponse(r, readAs)
  r.finish()
  return { correlationId, body }
}

/** The bytes with their length before them, as they go over TCP. */
export function frame(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(LENGTH_SIZE + bytes.length)
  new DataView(out.buffer).setInt32(0, bytes.length)
  out.set(bytes, LENGTH_SIZE)
  return out
}

function isFlexible(api: ApiName, version: number): boolean {
  const { minVersion, maxVersion, flexibleFrom } = API[api]
  if (!(Number.isInteger(version) && version >= minVersion && version <= maxVersion)) {
    throw new EncodeError('UNSUPPORTED_VERSION', api, `version ${version} is not one of ${minVersion} to ${maxVersion}`)
  }
  return flexibleFrom >= 0 && version >= flexibleFrom
}
