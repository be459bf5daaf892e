/** Errors that neither the network nor a broker's error code causes. */
import {
  brand,
  carriesBrand,
  type ErrorOptions,
  type ErrorSource,
  KafkaJSError,
  KafkaJSNonRetriableError,
} from './base.ts'

export class KafkaJSNumberOfRetriesExceeded extends KafkaJSNonRetriableError {
  declare readonly stack: string
  /** Attempts after the first. */
  declare readonly retryCount: number
  /** Milliseconds that would have been waited next; a crashed consumer restarts after the same time (KJ8). */
  declare readonly retryTime: number

  constructor(source: Error | string, metadata: { retryCount: number; retryTime: number }) {
    super(source, { cause: source })
    const origin = typeof source === 'string' ? undefined : source.stack
    Object.assign(this, {
      stack: `KafkaJSNonRetriableError\n  Caused by: ${origin}`,
      retryCount: metadata.retryCount,
      retryTime: metadata.retryTime,
      name: 'KafkaJSNumberOfRetriesExceeded',
    })
  }
}
brand(KafkaJSNumberOfRetriesExceeded, 'KafkaJSNumberOfRetriesExceeded')

export class KafkaJSMetadataNotLoaded extends KafkaJSError {
  constructor(source: ErrorSource = '', options?: ErrorOptions) {
    super(source, options)
    this.name = 'KafkaJSMetadataNotLoaded'
  }
}
brand(KafkaJSMetadataNotLoaded, 'KafkaJSMetadataNotLoaded')

export class KafkaJSTopicMetadataNotLoaded extends KafkaJSMetadataNotLoaded {
  declare readonly topic: string

  constructor(source: ErrorSource, { topic }: { topic?: string } = {}) {
    super(source)
    Object.assign(this, { topic, name: 'KafkaJSTopicMetadataNotLoaded' })
  }
}
brand(KafkaJSTopicMetadataNotLoaded, 'KafkaJSTopicMetadataNotLoaded')

/** A subscribed topic got partitions the group does not know yet; the consumer rejoins (KJ6). */
export class KafkaJSStaleTopicMetadataAssignment extends KafkaJSError {
  declare readonly topic: string
  /** Partition ids. kafkajs's types say `number`; a list is what it holds. */
  declare readonly unknownPartitions: number[]

  constructor(
    source: ErrorSource,
    { topic, unknownPartitions }: { topic?: string; unknownPartitions?: readonly number[] } = {},
  ) {
    super(source)
    Object.assign(this, { topic, unknownPartitions, name: 'KafkaJSStaleTopicMetadataAssignment' })
  }
}
brand(KafkaJSStaleTopicMetadataAssignment, 'KafkaJSStaleTopicMetadataAssignment')

export class KafkaJSGroupCoordinatorNotFound extends KafkaJSNonRetriableError {
  constructor(source: ErrorSource = '', options?: ErrorOptions) {
    super(source, options)
    this.name = 'KafkaJSGroupCoordinatorNotFound'
  }
}
brand(KafkaJSGroupCoordinatorNotFound, 'KafkaJSGroupCoordinatorNotFound')

export class KafkaJSNotImplemented extends KafkaJSNonRetriableError {
  constructor(source: ErrorSource = '', options?: ErrorOptions) {
    super(source, options)
    this.name = 'KafkaJSNotImplemented'
  }
}
brand(KafkaJSNotImplemented, 'KafkaJSNotImplemented')

export class KafkaJSTimeout extends KafkaJSNonRetriableError {
  constructor(source: ErrorSource = '', options?: ErrorOptions) {
    super(source, options)
    this.name = 'KafkaJSTimeout'
  }
}
brand(KafkaJSTimeout, 'KafkaJSTimeout')

export class KafkaJSLockTimeout extends KafkaJSTimeout {
  constructor(source: ErrorSource = '', options?: ErrorOptions) {
    super(source, options)
    this.name = 'KafkaJSLockTimeout'
  }
}
brand(KafkaJSLockTimeout, 'KafkaJSLockTimeout')

const issueTracker = 'https://github.com/tulios/kafkajs/issues'

export class KafkaJSInvariantViolation extends KafkaJSNonRetriableError {
  constructor(source: ErrorSource) {
    const text = typeof source === 'string' ? source : source.message
    super(`Invariant violated: ${text}. This is likely a bug and should be reported.`)
    const title = encodeURIComponent(`Invariant violation: ${text}`)
    Object.assign(this, {
      name: 'KafkaJSInvariantViolation',
      helpUrl: `${issueTracker}/new?assignees=&labels=bug&template=bug_report.md&title=${title}`,
    })
  }
}
brand(KafkaJSInvariantViolation, 'KafkaJSInvariantViolation')

/** Several errors at once, for example one a topic of `createTopics`. Not a `KafkaJSError`. */
export class KafkaJSAggregateError extends Error {
  declare readonly errors: (Error | string)[]

  constructor(message: Error | string, errors: (Error | string)[]) {
    super(typeof message === 'string' ? message : message.message)
    Object.assign(this, { errors, name: 'KafkaJSAggregateError' })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: the class that is asked about, which may be a subclass.
    return carriesBrand(this, value)
  }
}
brand(KafkaJSAggregateError, 'KafkaJSAggregateError')

/** The cluster's nodes changed: the consumer builds its fetch loops anew. Its `name` stays `Error`, as in kafkajs. */
export class KafkaJSFetcherRebalanceError extends Error {
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: the class that is asked about, which may be a subclass.
    return carriesBrand(this, value)
  }
}
brand(KafkaJSFetcherRebalanceError, 'KafkaJSFetcherRebalanceError')
