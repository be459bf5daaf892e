/**
 * What the laws have to remember: what was shown, acknowledged and known of every partition before the last event. Only the
 * laws look at it; nothing in the cluster depends on it.
 */
import type { Group, MetadataRecord } from '../../broker/index.ts'
import { topicById } from '../../broker/index.ts'
import type { TransactionShard } from '../../broker/transactions/shard.ts'
import type { Transaction } from '../../broker/transactions/transaction.ts'
import type { RecordBatch } from '../../protocol/batch.ts'
import type { Task, World } from '../world.ts'

export interface ReplicaMemory {
  logEndOffset: number
  highWatermark: number
  lastStableOffset: number
  /** The epoch in which it led; -1 = it did not. */
  leadingEpoch: number
  /** The ISR it proposed. */
  proposed: readonly number[] | null
}

export interface AckedBatch {
  readonly baseOffset: number
  /** The bytes stand for the batch: they are never changed, and replicas share them. */
  readonly records: Uint8Array
}

export interface PartitionLedger {
  /** The highest offset that a leader ever showed as committed. */
  trueHighWatermark: number
  leaderEpoch: number
  partitionEpoch: number
  readonly replicas: Map<number, ReplicaMemory>
  /** Acknowledged with acks=all. */
  readonly acked: AckedBatch[]
  /** The leadership for which `acked` was looked up. */
  checkedLeader: { readonly node: number; readonly epoch: number }
  /** What consumers were given, by base offset. */
  readonly served: Map<number, Uint8Array>
  /** Of each producer the last batch in order of sending that was acknowledged with acks=all. */
  readonly ackedLast: Map<number, { readonly epoch: number; readonly sequence: number; readonly baseOffset: number }>
  /** Crashes that lost a part of a log. */
  lossyCrashes: number
  /** Why laws that hold only under safe circumstances no longer do, or null (marked [U] in the list of laws). */
  unsafe: string | null
}

export interface Ledger {
  /** By topic id, then partition: it is looked up after every event, so without a key to be made. */
  readonly partitions: Map<string, PartitionLedger[]>
  /** `topic-partition`s to be looked at: the controller or a transaction coordinator has decided about them. */
  readonly decided: Set<string>
  /** Produce requests under way, by connection, then correlation id. */
  readonly produces: Map<number, Map<number, ProduceMemory>>
  /** Connections whose last fetch was a read_committed one. */
  readonly committedReaders: Set<number>
  /** How many messages were sent over each link, and which of them arrived last. */
  readonly links: {
    readonly order: Map<number, number>
    readonly arrived: Map<number, number>
    readonly underWay: Map<Task, { readonly link: number; readonly order: number }>
  }
  /** Each broker's groups as they were after its last decision; a group is never changed in place. */
  readonly groups: Map<number, Map<string, Group>>
  /** Transactions as each coordinator had them after its last decision, by transactional id; never changed in place. */
  readonly transactions: WeakMap<TransactionShard, Map<string, Transaction>>
  /** Who has each transactional id, as the last coordinator told. */
  readonly owners: Map<string, TransactionOwner>
  /** Transactional ids by their producer ids, former ones too. */
  readonly producers: Map<number, string>
  /** Found on the way: while a message came in, a decision was carried out or an answer went out. */
  violation: { readonly law: string; readonly sentence: string; readonly detail: string } | null
}

interface TransactionOwner {
  readonly producerId: number
  readonly epoch: number
  /** `topic-partition` names. */
  readonly partitions: readonly string[]
  /** Producer ids it had before. */
  readonly former: Set<number>
}

export interface ProduceMemory {
  readonly acks: number
  readonly batches: readonly ProducedBatch[]
}

export interface ProducedBatch {
  readonly topic: string
  readonly partition: number
  readonly batch: RecordBatch
  /** Whether min.insync.replicas was met when it was about to be appended. */
  readonly enough: boolean
}

export function ledgerOf(ledger: Ledger, topicId: string, partition: number): PartitionLedger {
  let partitions = ledger.partitions.get(topicId)
  if (partitions === undefined) {
    partitions = []
    ledger.partitions.set(topicId, partitions)
  }
  let found = partitions[partition]
  if (found === undefined) {
    found = {
      trueHighWatermark: 0,
      leaderEpoch: 0,
      partitionEpoch: 0,
      replicas: new Map(),
      acked: [],
      checkedLeader: { node: -1, epoch: -1 },
      served: new Map(),
      ackedLast: new Map(),
      lossyCrashes: 0,
      unsafe: null,
    }
    partitions[partition] = found
  }
  return found
}

/** A replica that has not been seen before. */
export function rememberReplica({ replicas }: PartitionLedger, id: number): ReplicaMemory {
  const memory: ReplicaMemory = {
    logEndOffset: 0,
    highWatermark: 0,
    lastStableOffset: 0,
    leadingEpoch: -1,
    proposed: null,
  }
  replicas.set(id, memory)
  return memory
}

/** The controller has decided these records. */
export function noteDecision(world: World, records: readonly MetadataRecord[]): void {
  for (const record of records) {
    if (record.type !== 'partition') continue
    const topic = topicById(world.controller.image, record.topicId)
    if (topic !== undefined) world.ledger.decided.add(`${topic.name}-${record.partition}`)
    // A leader from outside those who were eligible: committed records may be gone from now on (KIP-704).
    if (record.leaderRecoveryState === 'recovering')
      ledgerOf(world.ledger, record.topicId, record.partition).unsafe ??= 'an unclean election'
  }
}

/** A crash lost the end of a log. With as many of them as min.insync.replicas nothing is promised. */
export function noteLoss(world: World, topicId: string, partition: number, minIsr: number): void {
  const ledger = ledgerOf(world.ledger, topicId, partition)
  ledger.lossyCrashes += 1
  if (ledger.lossyCrashes >= minIsr) ledger.unsafe ??= `${ledger.lossyCrashes} crashes that lost unflushed records`
}
