/**
 * What brokers and the controller say to each other about replicas. A follower fetches each partition on its own (Kafka puts
 * the partitions of one leader into one Fetch): the same conversation, without the bookkeeping.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import type { EpochEnd } from './epochs.ts'

/** Fetch of a follower (KIP-595's diverging epoch included): `offset` is its log end, which tells the leader how far it is. */
export interface ReplicaFetch {
  readonly type: 'replica-fetch'
  readonly follower: number
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** The epoch of its last record; -1 = its log is empty. */
  readonly lastEpoch: number
  /** The leader epoch it believes in (KIP-320). */
  readonly leaderEpoch: number
  /** The high watermark it knows (Fetch v18, KIP-1166): what it was told may have been lost. */
  readonly highWatermark: number
  /** Where its log starts: who deletes records waits for it (KIP-107). */
  readonly logStartOffset: number
}

export interface ReplicaData {
  readonly type: 'replica-data'
  readonly leader: number
  readonly topic: string
  readonly partition: number
  readonly leaderEpoch: number
  /** Its log departs from the leader's: it truncates to this and asks again. */
  readonly diverging: EpochEnd | null
  /** The offset that was asked for: between it and the first batch there is nothing at the leader (compaction). */
  readonly fetchOffset: number
  readonly batches: readonly RecordBatch[]
  readonly highWatermark: number
  readonly logStartOffset: number
}

/** AlterPartition (KIP-497): the leader proposes an ISR. */
export interface AlterPartition {
  readonly type: 'alter-partition'
  readonly topicId: string
  readonly partition: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  readonly isr: readonly number[]
}

/** The controller refused it: what it knows is newer. */
export interface AlterRefused {
  readonly type: 'alter-refused'
  readonly topicId: string
  readonly partition: number
  readonly partitionEpoch: number
}

export type PeerMessage = ReplicaFetch | ReplicaData | AlterPartition | AlterRefused

export interface Send {
  readonly to: number | 'controller'
  readonly message: PeerMessage
}
