/**
 * What a handler answers: replies, changes, timers, messages and facts, all as data. `apply.ts` carries out the changes,
 * `cluster` everything else (etcd-io/raft's Ready, Kafka's CoordinatorResult).
 */
import type { Fact } from '../kernel/trace-event.ts'
import type { RecordBatch } from '../protocol/batch.ts'
import type {
  AlterPartitionReassignmentsRequest,
  CreatePartitionsRequest,
  CreateTopicsRequest,
  DeleteTopicsRequest,
  ElectLeadersRequest,
  FetchResponse,
  ListPartitionReassignmentsRequest,
} from '../protocol/messages.ts'
import { compressionCode } from '../protocol/records.ts'
import type { AlterConfigs } from './controller/configs.ts'
import type { UpdateFeatures } from './controller/features.ts'
import type { DeletesToPark } from './deletes.ts'
import type { SessionChange } from './fetch-sessions.ts'
import type { SoftMemberState } from './groups/consumer/group.ts'
import type { Group } from './groups/group.ts'
import type { CoordinatorRecord, RecordsProducer } from './groups/records.ts'
import type { GroupTimer } from './groups/timers.ts'
import type { MarkersToWrite } from './markers/write.ts'
import type { ProducerIds } from './producer-ids.ts'
import type { Send } from './replication/messages.ts'
import type { RequestToken } from './request.ts'
import type { AfterCommit, FetchPlan, ProduceToPark } from './state.ts'
import type { PartitionsAsked } from './transactions/partitions.ts'
import type { Transaction, TransactionValue } from './transactions/transaction.ts'
import type { AfterTransaction } from './transactions/turn.ts'
import type { Question } from './verification/question.ts'

export type Change =
  | {
      readonly op: 'append'
      readonly topic: string
      readonly partition: number
      readonly batch: RecordBatch
      readonly client: string
    }
  | {
      readonly op: 'coordinator-append'
      readonly partition: number
      readonly records: readonly CoordinatorRecord[]
      readonly after: AfterCommit
      /** In whose transaction; none otherwise. */
      readonly producer?: RecordsProducer
    }
  /** A transaction as it is from now on; what is pending of it is being written. */
  | { readonly op: 'transaction'; readonly partition: number; readonly transaction: Transaction }
  | {
      readonly op: 'transaction-append'
      readonly partition: number
      readonly id: string
      readonly value: TransactionValue | null
      readonly after: AfterTransaction
    }
  /** The log of the partition starts at this offset from now on. */
  | { readonly op: 'log-start'; readonly topic: string; readonly partition: number; readonly offset: number }
  | { readonly op: 'group'; readonly partition: number; readonly group: Group }
  /** What is not in the records of a member of a consumer group. */
  | {
      readonly op: 'member-soft'
      readonly partition: number
      readonly group: string
      readonly member: string
      readonly soft: Partial<SoftMemberState>
    }
  | { readonly op: 'park-fetch'; readonly token: RequestToken; readonly plan: FetchPlan; readonly deadline: number }
  | { readonly op: 'unpark-fetch'; readonly id: number }
  | SessionChange
  /** Of a fetch in a session, which the answer changes. */
  | {
      readonly op: 'answer-fetch'
      readonly token: RequestToken
      readonly plan: FetchPlan
      readonly response: FetchResponse
    }
  | { readonly op: 'await-replicas'; readonly produce: ProduceToPark }
  | { readonly op: 'produce-timeout'; readonly id: number }
  | ({ readonly op: 'write-markers' } & MarkersToWrite)
  | ({ readonly op: 'transaction-partitions' } & PartitionsAsked)
  | ({ readonly op: 'ask-transaction' } & Question)
  | { readonly op: 'await-deletes'; readonly deletes: DeletesToPark }
  /** A producer id was given out, or none was left; `asks`: the controller shall give more. */
  | { readonly op: 'producer-ids'; readonly ids: ProducerIds; readonly asks: boolean }

/** A timer of a broker; setting a key that is armed moves it. */
export type BrokerTimer =
  | { readonly type: 'fetch'; readonly id: number }
  | { readonly type: 'produce'; readonly id: number }
  | { readonly type: 'delete-records'; readonly id: number }
  /** Old segments go; compacted topics are compacted. */
  | { readonly type: 'retention' }
  | { readonly type: 'cleaner' }
  /** Producers that have not written for long are forgotten. */
  | { readonly type: 'producers' }
  /** A follower that waits is told the high watermark at last. */
  | { readonly type: 'replica-wait'; readonly topic: string; readonly partition: number; readonly follower: number }
  /** Who lags leaves the ISR. */
  | { readonly type: 'isr-check' }
  /** A record of `__transaction_state` was not replicated in time. */
  | { readonly type: 'transaction-write'; readonly partition: number }
  /** Transaction coordinators: a log is read; markers are looked after; open ones take too long; ids are forgotten. */
  | { readonly type: 'txn-load' }
  | { readonly type: 'txn-markers' }
  | { readonly type: 'txn-timeout' }
  | { readonly type: 'txn-expiry' }
  /** The coordinator of a transaction does not say whether partitions are in it. */
  | { readonly type: 'verification'; readonly request: number }
  /** A coordinator has read its log. */
  | { readonly type: 'load' }
  /** Records of a coordinator were not replicated in time. */
  | { readonly type: 'commit'; readonly partition: number }
  /** Committed offsets that nobody needs go. */
  | { readonly type: 'group-expiry' }
  | GroupTimer

export type TimerChange =
  | { readonly key: string; readonly at: number; readonly timer: BrokerTimer }
  | { readonly key: string; readonly at: null }

export interface Reply {
  readonly token: RequestToken
  /** The typed response body; null closes the connection instead (acks=0 that failed, KafkaApis.scala). */
  readonly body: unknown
}

/** A message to the controller (KRaft forwards it in an Envelope). */
export type ControllerRequest =
  | { readonly api: 'CreateTopics'; readonly body: CreateTopicsRequest; readonly internal: boolean }
  | { readonly api: 'DeleteTopics'; readonly body: DeleteTopicsRequest }
  | { readonly api: 'CreatePartitions'; readonly body: CreatePartitionsRequest }
  | { readonly api: 'ElectLeaders'; readonly body: ElectLeadersRequest }
  | { readonly api: 'AlterPartitionReassignments'; readonly body: AlterPartitionReassignmentsRequest }
  | { readonly api: 'ListPartitionReassignments'; readonly body: ListPartitionReassignmentsRequest }
  | AlterConfigs
  | UpdateFeatures

export interface ForwardedRequest {
  readonly request: ControllerRequest
  /** Whom the controller's answer is for; null = nobody waits (topics made on demand). */
  readonly replyTo: RequestToken | null
}

export interface Decision {
  readonly changes: Change[]
  readonly replies: Reply[]
  readonly timers: TimerChange[]
  readonly forwards: ForwardedRequest[]
  readonly sends: Send[]
  readonly facts: Fact[]
  /** The broker could not write its log: it ends itself (LogDirFailureHandler with its last directory gone). */
  halt: boolean
}

export function createDecision(): Decision {
  return { changes: [], replies: [], timers: [], forwards: [], sends: [], facts: [], halt: false }
}

/** The records section of a batch, decompressed if need be; null when that is not possible here. */
export function sectionOf(batch: RecordBatch, ctx: Context): Uint8Array | null {
  const code = compressionCode(batch)
  if (code === 0) return batch.records
  return ctx.decompress === undefined ? null : ctx.decompress(code, batch.records)
}

/** What a handler may ask of the world besides the state: the time and the oracle. */
export interface Context {
  /** Virtual milliseconds since the Unix epoch. */
  readonly now: number
  /** A fresh id in Kafka's 22-character form. */
  readonly uuid: () => string
  /** A fresh id in the 8-4-4-4-12 form that ends member ids. */
  readonly memberUuid: () => string
  /** A batch's records section decompressed, null where that is not possible. Absent: never. */
  readonly decompress?: (compression: number, section: Uint8Array) => Uint8Array | null
  /** A records section in another codec. Absent: this host has none. */
  readonly compress?: (compression: number, section: Uint8Array) => Uint8Array
  /** A batch was written anew, by compaction or in another codec: these bytes stand for those now. Whoever tells records apart by them has to know. */
  readonly rewrote?: (before: Uint8Array, after: Uint8Array) => void
}
