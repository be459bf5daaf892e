/** The two ways in which bytes and messages fail to meet: `DecodeError` and `EncodeError`. */

/**
 * What was wrong with the bytes:
 *
 * - `TRUNCATED`: they end inside a value; `BAD_LENGTH`: a length or count that cannot be right;
 * - `BAD_VALUE`: null where the version allows none, a varint too long, an int64 beyond ±(2^53−1), a tagged field that lies about its size;
 * - `TRAILING_BYTES`: more bytes than the message has;
 * - `UNKNOWN_API`, `UNSUPPORTED_VERSION`: the header names what this codec does not speak;
 * - `UNSUPPORTED_MAGIC`: a message of format 0 or 1 behind a batch, or a batch from the future;
 * - `BAD_CRC`, `BAD_BATCH`, `BAD_RECORD`: a record batch that fails its checksum or does not parse.
 */
export type DecodeErrorCode =
  | 'TRUNCATED'
  | 'BAD_LENGTH'
  | 'BAD_VALUE'
  | 'TRAILING_BYTES'
  | 'UNKNOWN_API'
  | 'UNSUPPORTED_VERSION'
  | 'UNSUPPORTED_MAGIC'
  | 'BAD_CRC'
  | 'BAD_BATCH'
  | 'BAD_RECORD'

/** The part of a request's header that is the same in every version, enough to address an answer. */
export interface PartialHeader {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
}

/** Bytes that are no message. The message names what was found, what was expected, where, and in which field. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  readonly code: DecodeErrorCode
  /** Bytes from the start of what was handed in. */
  readonly position: number
  /** The field, for example `topicData[0].partitionData[2].records`; empty outside any field. */
  readonly path: string
  readonly expected: string
  /** Set by `decodeRequest` once the header was read, so that a server can still answer. */
  header?: PartialHeader

  constructor(code: DecodeErrorCode, position: number, path: string, found: string, expected: string) {
    super(`${found} at byte ${position}${path === '' ? '' : ` in ${path}`}; expected ${expected} [${code}]`)
    this.code = code
    this.position = position
    this.path = path
    this.expected = expected
  }
}

/**
 * Why a message has no wire form:
 *
 * - `UNSUPPORTED_VERSION`: the codec does not speak that version of the API;
 * - `UNSUPPORTED_FIELD`: a field the version lacks has a value that may not be dropped;
 * - `NULL_NOT_ALLOWED`: null where the version allows none;
 * - `OUT_OF_RANGE`: a number or a length that does not fit its field.
 */
export type EncodeErrorCode = 'UNSUPPORTED_VERSION' | 'UNSUPPORTED_FIELD' | 'NULL_NOT_ALLOWED' | 'OUT_OF_RANGE'

/** A message that cannot be written in the version asked for. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError'
  readonly code: EncodeErrorCode
  /** `Struct.field`, or the API's name. */
  readonly field: string

  constructor(code: EncodeErrorCode, field: string, problem: string) {
    super(`${field}: ${problem} [${code}]`)
    this.code = code
    this.field = field
  }
}
