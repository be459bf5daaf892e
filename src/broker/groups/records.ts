/**
 * The records of `__consumer_offsets`, typed, and their byte form (OffsetCommitKey/Value, GroupMetadataKey/Value;
 * GroupCoordinatorRecordHelpers.java). A null value is a tombstone. Those of consumer groups are in `consumer/records.ts`.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import {
  decodeGroupMetadataValue,
  decodeOffsetCommitValue,
  decodeOffsetsTopicKey,
  encodeGroupMetadataKey,
  encodeGroupMetadataValue,
  encodeOffsetCommitKey,
  encodeOffsetCommitValue,
} from '../../protocol/offsets-topic.ts'
import { encodeBatch, isControl, type RecordInput, readRecords } from '../../protocol/records.ts'
import {
  type ConsumerGroupRecord,
  consumerGroupKey,
  consumerGroupValue,
  decodeConsumerGroupRecord,
} from './consumer/records.ts'
import type { CommittedOffset } from './group.ts'

export interface GroupMetadataSnapshot {
  readonly protocolType: string
  readonly generation: number
  readonly protocol: string | null
  readonly leader: string | null
  readonly currentStateTimestamp: number
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly clientId: string
    readonly clientHost: string
    readonly rebalanceTimeout: number
    readonly sessionTimeout: number
    readonly subscription: Uint8Array
    readonly assignment: Uint8Array
  }[]
}

export type CoordinatorRecord =
  | {
      readonly type: 'offset-commit'
      readonly group: string
      readonly topic: string
      readonly partition: number
      readonly value: Omit<CommittedOffset, 'recordOffset'> | null
    }
  | { readonly type: 'group-metadata'; readonly group: string; readonly value: GroupMetadataSnapshot | null }
  | ConsumerGroupRecord

/** Offset commits are written as value version 3, which has the leader epoch and no expiry (KIP-211). */
const OFFSET_VALUE_VERSION = 3
const GROUP_VALUE_VERSION = 3

/** In whose transaction records are written. */
export interface RecordsProducer {
  readonly producerId: number
  readonly producerEpoch: number
}

/**
 * One batch with all the records, as the coordinator writes them.
 *
 * @param producer of a transaction; the batch has no sequence then (RecordBatch.NO_SEQUENCE)
 */
export function encodeCoordinatorRecords(
  records: readonly CoordinatorRecord[],
  now: number,
  producer?: RecordsProducer,
): RecordBatch {
  return encodeBatch(
    records.map((record): RecordInput => ({ key: encodeKey(record), value: encodeValue(record), timestamp: now })),
    producer === undefined ? {} : { ...producer, transactional: true },
  )
}

/** Every record of a batch of `__consumer_offsets` that this version of kafkarium understands; none of a marker. */
export function decodeCoordinatorBatch(batch: RecordBatch): CoordinatorRecord[] {
  return readCoordinatorBatch(batch).map(({ record }) => record)
}

/** As `decodeCoordinatorBatch`, with where each is in the log. */
export function readCoordinatorBatch(
  batch: RecordBatch,
): { readonly offset: number; readonly record: CoordinatorRecord }[] {
  const out: { readonly offset: number; readonly record: CoordinatorRecord }[] = []
  // The key of a marker would pass for one of version 0.
  if (isControl(batch)) return out
  for (const { offset, key, value } of readRecords(batch)) {
    const record = key === null ? null : decodeCoordinatorRecord(key, value)
    if (record !== null) out.push({ offset, record })
  }
  return out
}

export function decodeCoordinatorRecord(key: Uint8Array, value: Uint8Array | null): CoordinatorRecord | null {
  const decodedKey = decodeOffsetsTopicKey(key)
  if (decodedKey.type === 'unknown') return null
  if (decodedKey.type === 'consumer-group') return decodeConsumerGroupRecord(decodedKey, value)
  if (decodedKey.type === 'offset-commit') {
    const decoded = value === null ? null : decodeOffsetCommitValue(value)
    return {
      type: 'offset-commit',
      group: decodedKey.group,
      topic: decodedKey.topic,
      partition: decodedKey.partition,
      value:
        decoded === null
          ? null
          : {
              offset: decoded.offset,
              leaderEpoch: decoded.leaderEpoch,
              metadata: decoded.metadata,
              commitTimestamp: decoded.commitTimestamp,
            },
    }
  }
  const decoded = value === null ? null : decodeGroupMetadataValue(value)
  return {
    type: 'group-metadata',
    group: decodedKey.group,
    value:
      decoded === null
        ? null
        : {
            protocolType: decoded.protocolType,
            generation: decoded.generation,
            protocol: decoded.protocol,
            leader: decoded.leader,
            currentStateTimestamp: decoded.currentStateTimestamp,
            members: decoded.members,
          },
  }
}

function encodeKey(record: CoordinatorRecord): Uint8Array {
  switch (record.type) {
    case 'offset-commit':
      return encodeOffsetCommitKey({ group: record.group, topic: record.topic, partition: record.partition })
    case 'group-metadata':
      return encodeGroupMetadataKey(record.group)
    default:
      return consumerGroupKey(record)
  }
}

function encodeValue(record: CoordinatorRecord): Uint8Array | null {
  if (record.value === null) return null
  switch (record.type) {
    case 'offset-commit':
      return encodeOffsetCommitValue({ ...record.value, expireTimestamp: -1 }, OFFSET_VALUE_VERSION)
    case 'group-metadata':
      return encodeGroupMetadataValue(record.value, GROUP_VALUE_VERSION)
    default:
      return consumerGroupValue(record)
  }
}
