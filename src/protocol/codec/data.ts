/** Data messages: bytes that begin with their version as an int16 (MessageUtil.toVersionPrefixedBytes). */
import { DecodeError, EncodeError } from '../fault.ts'
import type { DataMessages } from '../messages.ts'
import { DATA_CODECS, type DataCodec } from './generated/codecs.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

export type DataName = keyof DataMessages

/**
 * The message with its version before it.
 *
 * @throws EncodeError for a version the message does not have or a value that does not fit
 */
export function encodeData<M extends DataName>(name: M, version: number, message: DataMessages[M]): Uint8Array {
  const codec: DataCodec<DataMessages[M]> = DATA_CODECS[name]
  if (!(Number.isInteger(version) && version >= codec.minVersion && version <= codec.maxVersion)) {
    throw new EncodeError(
      'UNSUPPORTED_VERSION',
      name,
      `version ${version} is not one of ${codec.minVersion} to ${codec.maxVersion}`,
    )
  }
  const w = new Writer(64)
  w.int16(version, `${name}.version`)
  w.flexible = codec.flexibleFrom >= 0 && version >= codec.flexibleFrom
  codec.write(w, version, message)
  return w.finish().slice()
}

export interface DecodedData<T> {
  /** As written, which may be newer than what was understood. */
  readonly version: number
  readonly message: T
}

/**
 * Reads a message with its version before it.
 *
 * @param newer what to do with a version above the known ones: `refuse`, or read it as the newest known one and ignore
 *   what follows, as Kafka does with consumers' subscriptions and assignments
 * @throws DecodeError
 */
export function decodeData<M extends DataName>(
  name: M,
  bytes: Uint8Array,
  newer: 'refuse' | 'newest known' = 'refuse',
): DecodedData<DataMessages[M]> {
  const codec: DataCodec<DataMessages[M]> = DATA_CODECS[name]
  const r = new Reader(bytes)
  const version = r.int16('version')
  if (version < codec.minVersion || (version > codec.maxVersion && newer === 'refuse')) {
    throw new DecodeError(
      'UNSUPPORTED_VERSION',
      0,
      name,
      `version ${version}`,
      `${codec.minVersion} to ${codec.maxVersion}`,
    )
  }
  const readAs = Math.min(version, codec.maxVersion)
  r.flexible = codec.flexibleFrom >= 0 && readAs >= codec.flexibleFrom
  const message = codec.read(r, readAs)
  if (newer === 'refuse') r.finish()
  return { version, message }
}
