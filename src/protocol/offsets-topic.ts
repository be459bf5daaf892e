/** The records of `__consumer_offsets` (GroupCoordinatorRecordHelpers.java). A key's version tells what it is. */
import { type DataName, decodeData, encodeData } from './codec/data.ts'
import { DecodeError } from './fault.ts'
import { makeGroupMetadataValue, makeOffsetCommitValue } from './make.ts'
import type {
  DataMessages,
  GroupMetadataKey,
  GroupMetadataValue,
  OffsetCommitKey,
  OffsetCommitValue,
} from './messages.ts'

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

/** The records of a consumer group (KIP-848) by the version of their key. */
export const CONSUMER_GROUP_RECORDS = {
  3: 'ConsumerGroupMetadata',
  4: 'ConsumerGroupPartitionMetadata',
  5: 'ConsumerGroupMemberMetadata',
  6: 'ConsumerGroupTargetAssignmentMetadata',
  7: 'ConsumerGroupTargetAssignmentMember',
  8: 'ConsumerGroupCurrentMemberAssignment',
} as const satisfies Readonly<Record<number, string>>

type ConsumerGroupKeyVersion = keyof typeof CONSUMER_GROUP_RECORDS
export type ConsumerGroupRecordName = (typeof CONSUMER_GROUP_RECORDS)[ConsumerGroupKeyVersion]

/** The key of a consumer group's record; those without a member ignore `memberId`. */
export function encodeConsumerGroupKey(name: ConsumerGroupRecordName, groupId: string, memberId: string): Uint8Array {
  const version = Number(
    Object.entries(CONSUMER_GROUP_RECORDS).find(([, known]) => known === name)?.[0],
  ) as ConsumerGroupKeyVersion
  return encodeData(`${name}Key`, version, { groupId, memberId })
}

/** The value of a consumer group's record, version 0. */
export function encodeConsumerGroupValue<N extends ConsumerGroupRecordName>(
  name: N,
  value: DataMessages[`${N}Value`],
): Uint8Array {
  return encodeData(`${name}Value`, 0, value)
}

/** @throws DecodeError */
export function decodeConsumerGroupValue<N extends ConsumerGroupRecordName>(
  name: N,
  bytes: Uint8Array,
): DataMessages[`${N}Value`] {
  return decodeData(`${name}Value`, bytes).message
}

export type OffsetsTopicKey =
  | ({ readonly type: 'offset-commit'; readonly version: number } & OffsetCommitKey)
  | ({ readonly type: 'group-metadata'; readonly version: number } & GroupMetadataKey)
  | {
      readonly type: 'consumer-group'
      readonly version: number
      readonly name: ConsumerGroupRecordName
      readonly groupId: string
      /** Empty for what is of the whole group. */
      readonly memberId: string
    }
  /** A record of a protocol that this reader does not know (KIP-932 …) and passes over. */
  | { readonly type: 'unknown'; readonly version: number }

/**
 * Reads a key of `__consumer_offsets`: version 0 and 1 name a committed offset, 2 a classic group, 3 to 8 a part of a consumer
 * group.
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
  if (!(version in CONSUMER_GROUP_RECORDS)) return { type: 'unknown', version }
  const name = CONSUMER_GROUP_RECORDS[version as ConsumerGroupKeyVersion]
  const { message } = decodeData(`${name}Key` satisfies DataName, bytes)
  return { type: 'consumer-group', version, name, memberId: '', ...message }
}
