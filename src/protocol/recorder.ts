/**
 * What a client tells a recorded run (`createCluster({ history: true })`). A transport without a recorder records nothing,
 * and nothing is worked out for it.
 */
import type { RecordBatch } from './batch.ts'
import { ErrorCode } from './errors.ts'

export interface ClientRecorder {
  /** Records were handed to the producer and are encoded: each gets a send id. */
  sending(batch: RecordBatch, about: SendingAbout): RecordedSend
  /** Records go to application code. */
  handing(given: Handing): RecordedHandler
  /** A member stands elsewhere now than behind what it read. -1 = the end, -2 = the beginning. */
  moved(kind: 'seek' | 'reset', group: string, topic: string, partition: number, offset: number): void
}

export interface SendingAbout {
  readonly topic: string
  readonly partition: number
  readonly acks: number
  readonly idempotent: boolean
}

/** One encoded batch on its way. */
export interface RecordedSend {
  /** A request with it leaves. */
  attempt(): void
  /** The answer for it; none comes for `acks=0`, or when the connection ends first. */
  answered(errorCode: number, baseOffset: number): void
  /** What the application was told in the end. */
  end(ok: boolean): void
}

export interface Handing {
  readonly group: string
  readonly member: string
  readonly topic: string
  readonly partition: number
  readonly offsets: readonly number[]
  /** What was fetched: the records are in there. */
  readonly batches: readonly RecordBatch[]
  /** The reader asked for records of aborted and of open transactions, too. */
  readonly readUncommitted: boolean
}

export interface RecordedHandler {
  /** The application says that everything up to this offset is done. */
  resolved(offset: number): void
  end(completed: boolean): void
}

/** Answers that mean: nothing was appended. With any other the record may be in the log. */
const REFUSALS: ReadonlySet<number> = new Set([
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.INVALID_TOPIC_EXCEPTION,
  ErrorCode.RECORD_LIST_TOO_LARGE,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.INVALID_REQUIRED_ACKS,
  ErrorCode.TOPIC_AUTHORIZATION_FAILED,
  ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
  ErrorCode.INVALID_TIMESTAMP,
  ErrorCode.UNSUPPORTED_VERSION,
  ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT,
  ErrorCode.POLICY_VIOLATION,
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.INVALID_PRODUCER_EPOCH,
  ErrorCode.INVALID_TXN_STATE,
  ErrorCode.INVALID_PRODUCER_ID_MAPPING,
  ErrorCode.CONCURRENT_TRANSACTIONS,
  ErrorCode.TRANSACTION_ABORTABLE,
  ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  ErrorCode.UNKNOWN_PRODUCER_ID,
  ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
  ErrorCode.INVALID_RECORD,
  ErrorCode.PRODUCER_FENCED,
  ErrorCode.UNKNOWN_TOPIC_ID,
])

/** Answers of a broker that is not in charge: a refusal, unless it waited for replicas, which is after the append. */
const NOT_IN_CHARGE: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.FENCED_LEADER_EPOCH,
])

/** Whether a Produce answer with this error says for certain that the records were not appended. */
export function isRefusal(errorCode: number, acks: number): boolean {
  return REFUSALS.has(errorCode) || (acks !== -1 && NOT_IN_CHARGE.has(errorCode))
}
