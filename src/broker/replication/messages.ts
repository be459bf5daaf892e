/**
 * What brokers and the controller say to each other about replicas, producer ids and the ends of transactions. A follower fetches each partition on its own (Kafka puts
 * the partitions of one leader into one Fetch): the same conversation, without the bookkeeping.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import type { LeaderRecoveryState } from '../metadata.ts'
import type { EpochEnd } from './epochs.ts'

/** Fetch of a follower (KIP-595's diverging epoch included): `offset` is its log end, which tells the leader how far it is. */
export interface ReplicaFetch {
  readonly type: 'replica-fetch'
  readonly follower: number
  /** Which question of this follower it is: an answer to an earlier one came over a connection that is given up. */
  readonly ask: number
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** The epoch of its last record; -1 = its log is empty, or it does not say. */
  readonly lastEpoch: number
  /** The leader epoch it believes in (KIP-320). */
  readonly leaderEpoch: number
  /** The high watermark it knows (Fetch v18, KIP-1166): what it was told may have been lost. */
  readonly highWatermark: number
  /** Which incarnation of the follower asks (KIP-903); -1 = it does not say. */
  readonly brokerEpoch: number
  /** Where its log starts: who deletes records waits for it (KIP-107). */
  readonly logStartOffset: number
}

export interface ReplicaData {
  readonly type: 'replica-data'
  readonly leader: number
  /** The question it answers. */
  readonly ask: number
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
  readonly isr: readonly InSyncReplica[]
  /** A leader out of an unclean election says so as soon as it changes its ISR (KIP-704). */
  readonly leaderRecoveryState: LeaderRecoveryState
  /** The sender's own broker epoch; -1 = it does not say. */
  readonly brokerEpoch: number
}

/** A member of a proposed ISR, and the incarnation of it that the leader knows (KIP-903); -1 = none, so it is not checked. */
export interface InSyncReplica {
  readonly brokerId: number
  readonly brokerEpoch: number
}

/** The controller's answer when it did not do as proposed, or did more; what it accepts the leader learns as metadata. */
export interface AlterRefused {
  readonly type: 'alter-refused'
  readonly topicId: string
  readonly partition: number
  readonly partitionEpoch: number
  readonly errorCode: number
}

/** AllocateProducerIds (KIP-730): a broker asks the controller for a block of producer ids. */
export interface AllocateProducerIds {
  readonly type: 'allocate-producer-ids'
  readonly brokerEpoch: number
}

/** The controller's answer. */
export interface ProducerIdsAllocated {
  readonly type: 'producer-ids'
  readonly errorCode: number
  readonly first: number
  readonly count: number
}

/** WriteTxnMarkers between brokers: a transaction coordinator tells the leaders of its partitions how transactions end. */
export interface TxnMarkers {
  readonly type: 'txn-markers'
  readonly from: number
  /** The answer names it. */
  readonly request: number
  readonly markers: readonly TxnMarker[]
}

export interface TxnMarker {
  readonly producerId: number
  /** With KIP-890 (transactions v2) one above that of the transaction's records. */
  readonly producerEpoch: number
  /** False: abort. */
  readonly commit: boolean
  /** The leader epoch in which the coordinator leads its partition of `__transaction_state`. */
  readonly coordinatorEpoch: number
  /** `transaction.version` (KIP-1228): with 2 its epoch is above that of the records, so one that is not is late. */
  readonly version: number
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
}

/** The leader's answer, once every marker is replicated or refused. */
export interface TxnMarkersWritten {
  readonly type: 'txn-markers-written'
  readonly from: number
  readonly request: number
  /** In the order of the markers and their partitions. */
  readonly results: readonly MarkerResult[]
}

export interface MarkerResult {
  readonly producerId: number
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
}

/** AddPartitionsToTxn v4+ (KIP-890): the leader of partitions asks the coordinator about a transaction. */
export interface TxnPartitions {
  readonly type: 'txn-partitions'
  readonly from: number
  /** The answer names it. */
  readonly request: number
  readonly transaction: AskedTransaction
}

export interface AskedTransaction {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  /** Are they in it? Else they are taken into it. */
  readonly verifyOnly: boolean
  /** `topic-partition` names. */
  readonly partitions: readonly string[]
}

/** The coordinator's answer, once what it took in is replicated. */
export interface TxnPartitionsAnswer {
  readonly type: 'txn-partitions-answer'
  readonly from: number
  readonly request: number
  /** Error codes by `topic-partition`. */
  readonly results: ReadonlyMap<string, number>
}

export type PeerMessage =
  | TxnPartitions
  | TxnPartitionsAnswer
  | ReplicaFetch
  | ReplicaData
  | AlterPartition
  | AlterRefused
  | AllocateProducerIds
  | ProducerIdsAllocated
  | TxnMarkers
  | TxnMarkersWritten

export interface Send {
  readonly to: number | 'controller'
  readonly message: PeerMessage
}
