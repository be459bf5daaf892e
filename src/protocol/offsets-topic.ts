/** The records of `__consumer_offsets` for classic groups (GroupCoordinatorRecordHelpers.java). A key's version tells what it is. */
import { decodeData, encodeData } from './codec/data.ts'
import { DecodeError } from './fault.ts'
import { makeGroupMetadataValue, makeOffsetCommitValue } from './make.ts'
import type { GroupMetadataKey, GroupMetadataValue, OffsetCommitKey, OffsetCommitValue } from './messages.ts'

/** The key of a committed offset; Kafka writes version 1. */
export function encodeOffsetCommitKey(key: OffsetCommitKey, version: 0 | 1 = 1): Uint8Array {
  return encodeData('OffsetCommitKey', version, key)
}

/** A committed offset. Kafka writes version 3, or 1 when an expire timestamp is set. */
export function encodeOffsetCommitValue(value: Partial<OffsetCommitValue>, version = 3): Uint8Array {
  return encodeData('OffsetCommitValue', version, makeOffsetCommitValue(value))
}

/** The key of a group's metadata, version 2. */
export function encodeGroupMetadataKey(group: string): Uint8Array {
  return encodeData('GroupMetadataKey', 2, { group })
}

/** A group's metadata; Kafka writes version 3. */
export function encodeGroupMetadataValue(value: Partial<GroupMetadataValue>, version = 3): Uint8Array {
  return encodeData('GroupMetadataValue', version, makeGroupMetadataValue(value))
}

/** @throws DecodeError */
export function decodeOffsetCommitValue(bytes: Uint8Array): OffsetCommitValue & { readonly version: number } {
  const { version, message } = decodeData('OffsetCommitValue', bytes)
  return { version, ...message }
}

/** @throws DecodeError */
export function decodeGroupMetadataValue(bytes: Uint8Array): GroupMetadataValue & { readonly version: number } {
  const { version, message } = decodeData('GroupMetadataValue', bytes)
  return { version, ...message }
}

export type OffsetsTopicKey =
  | ({ readonly type: 'offset-commit'; readonly version: number } & OffsetCommitKey)
  | ({ readonly type: 'group-metadata'; readonly version: number } & GroupMetadataKey)
  /** A record of the new group protocols (KIP-848, KIP-932 …), which this reader passes over. */
  | { readonly type: 'unknown'; readonly version: number }

/**
 * Reads a key of `__consumer_offsets`: version 0 and 1 name a committed offset, 2 a group.
 *
 * @throws DecodeError
 */
export function decodeOffsetsTopicKey(bytes: Uint8Array): OffsetsTopicKey {
  if (bytes.length < 2)
    throw new DecodeError('TRUNCATED', 0, 'version', `only ${bytes.length} of 2 bytes`, 'the version of a key')
  const version = (((bytes[0]! << 8) | bytes[1]!) << 16) >> 16
  if (version === 0 || version === 1)
    return { type: 'offset-commit', version, ...decodeData('OffsetCommitKey', bytes).message }
  if (version === 2) return { type: 'group-metadata', version, ...decodeData('GroupMetadataKey', bytes).message }
  return { type: 'unknown', version }
}
