/** Errors that stand for an error code in a broker's answer. */
import { brand, type ErrorSource, KafkaJSError } from './base.ts'

interface CodedSource {
  readonly message: string
  readonly type?: string
  readonly code?: number
  readonly retriable?: boolean
  readonly helpUrl?: string
}

export class KafkaJSProtocolError extends KafkaJSError {
  /** Kafka's older name of the error code, for example `NOT_LEADER_FOR_PARTITION`. */
  declare readonly type: string
  declare readonly code: number

  constructor(source: ErrorSource | CodedSource, options: { retriable?: boolean } = {}) {
    const coded: Partial<CodedSource> = typeof source === 'string' ? {} : source
    const retriable = options.retriable ?? coded.retriable
    super(source, retriable === undefined ? {} : { retriable })
    Object.assign(this, { type: coded.type, code: coded.code, name: 'KafkaJSProtocolError' })
  }
}
brand(KafkaJSProtocolError, 'KafkaJSProtocolError')

export class KafkaJSOffsetOutOfRange extends KafkaJSProtocolError {
  declare readonly topic: string
  declare readonly partition: number

  constructor(source: ErrorSource | CodedSource, { topic, partition }: { topic?: string; partition?: number } = {}) {
    super(source)
    Object.assign(this, { topic, partition, name: 'KafkaJSOffsetOutOfRange' })
  }
}
brand(KafkaJSOffsetOutOfRange, 'KafkaJSOffsetOutOfRange')

/** KIP-394: the coordinator handed out a member id; the same join is to be sent again with it. */
export class KafkaJSMemberIdRequired extends KafkaJSProtocolError {
  declare readonly memberId: string

  constructor(source: ErrorSource | CodedSource, { memberId }: { memberId?: string } = {}) {
    super(source)
    Object.assign(this, { memberId, name: 'KafkaJSMemberIdRequired' })
  }
}
brand(KafkaJSMemberIdRequired, 'KafkaJSMemberIdRequired')

export class KafkaJSCreateTopicError extends KafkaJSProtocolError {
  declare readonly topic: string

  constructor(source: ErrorSource | CodedSource, topic?: string) {
    super(source)
    Object.assign(this, { topic, name: 'KafkaJSCreateTopicError' })
  }
}
brand(KafkaJSCreateTopicError, 'KafkaJSCreateTopicError')

export class KafkaJSAlterPartitionReassignmentsError extends KafkaJSProtocolError {
  declare readonly topic?: string
  declare readonly partition?: number

  constructor(source: ErrorSource | CodedSource, topic?: string, partition?: number) {
    super(source)
    Object.assign(this, { topic, partition, name: 'KafkaJSAlterPartitionReassignmentsError' })
  }
}
brand(KafkaJSAlterPartitionReassignmentsError, 'KafkaJSAlterPartitionReassignmentsError')

export interface DeleteGroupsFailure {
  readonly groupId: string
  readonly errorCode?: number
  readonly error?: KafkaJSProtocolError
}

export class KafkaJSDeleteGroupsError extends KafkaJSError {
  declare readonly groups: DeleteGroupsFailure[]

  constructor(source: ErrorSource, groups: readonly DeleteGroupsFailure[] = []) {
    super(source)
    Object.assign(this, { groups, name: 'KafkaJSDeleteGroupsError' })
  }
}
brand(KafkaJSDeleteGroupsError, 'KafkaJSDeleteGroupsError')

export interface DeleteRecordsFailure {
  readonly partition: number
  readonly offset: string
  readonly error: KafkaJSError
}

/** Retriable when every one of its partitions' errors is. */
export class KafkaJSDeleteTopicRecordsError extends KafkaJSError {
  declare readonly partitions: DeleteRecordsFailure[]

  constructor({ partitions }: { topic?: string; partitions: readonly DeleteRecordsFailure[] }) {
    super('Error while deleting records', {
      retriable: partitions.every(({ error }) => error == null || error.retriable === true),
    })
    Object.assign(this, { name: 'KafkaJSDeleteTopicRecordsError', partitions })
  }
}
brand(KafkaJSDeleteTopicRecordsError, 'KafkaJSDeleteTopicRecordsError')
