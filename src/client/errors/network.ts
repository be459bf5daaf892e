/** Errors of connections, requests and the encoding of what travels on them. */
import { brand, type ErrorOptions, type ErrorSource, KafkaJSError, KafkaJSNonRetriableError } from './base.ts'

export class KafkaJSConnectionError extends KafkaJSError {
  /** `host:port`. */
  declare readonly broker: string
  /** Node's code where there is one, for example `ECONNREFUSED`. */
  declare readonly code: string | undefined

  constructor(source: ErrorSource, { broker, code }: { broker?: string; code?: string } = {}) {
    super(source)
    Object.assign(this, { broker, code, name: 'KafkaJSConnectionError' })
  }
}
brand(KafkaJSConnectionError, 'KafkaJSConnectionError')

/** The connection ended before the answer came: whether the request took effect is unknown. */
export class KafkaJSConnectionClosedError extends KafkaJSConnectionError {
  declare readonly host: string
  declare readonly port: number

  constructor(source: ErrorSource, { host, port }: { host?: string; port?: number } = {}) {
    super(source, { broker: `${host}:${port}` })
    Object.assign(this, { host, port, name: 'KafkaJSConnectionClosedError' })
  }
}
brand(KafkaJSConnectionClosedError, 'KafkaJSConnectionClosedError')

/** Times are virtual milliseconds since the epoch; `pendingDuration` is how long the request waited to be sent. */
export interface RequestTimeoutDetails {
  readonly broker?: string
  readonly clientId?: string
  readonly correlationId?: number
  readonly createdAt?: number
  readonly sentAt?: number
  readonly pendingDuration?: number
}

/** No answer in time: whether the request took effect is unknown. */
export class KafkaJSRequestTimeoutError extends KafkaJSError {
  declare readonly broker: string
  declare readonly correlationId: number
  declare readonly createdAt: number
  declare readonly sentAt: number
  declare readonly pendingDuration: number

  constructor(source: ErrorSource, details: RequestTimeoutDetails = {}) {
    super(source)
    const { broker, correlationId, createdAt, sentAt, pendingDuration } = details
    Object.assign(this, {
      broker,
      correlationId,
      createdAt,
      sentAt,
      pendingDuration,
      name: 'KafkaJSRequestTimeoutError',
    })
  }
}
brand(KafkaJSRequestTimeoutError, 'KafkaJSRequestTimeoutError')

export class KafkaJSBrokerNotFound extends KafkaJSError {
  constructor(source: ErrorSource = '', options?: ErrorOptions) {
    super(source, options)
    this.name = 'KafkaJSBrokerNotFound'
  }
}
brand(KafkaJSBrokerNotFound, 'KafkaJSBrokerNotFound')

export class KafkaJSNoBrokerAvailableError extends KafkaJSError {
  constructor() {
    super('No broker available')
    this.name = 'KafkaJSNoBrokerAvailableError'
  }
}
brand(KafkaJSNoBrokerAvailableError, 'KafkaJSNoBrokerAvailableError')

export class KafkaJSServerDoesNotSupportApiKey extends KafkaJSNonRetriableError {
  declare readonly apiKey: number
  declare readonly apiName: string

  constructor(source: ErrorSource, { apiKey, apiName }: { apiKey?: number; apiName?: string } = {}) {
    super(source)
    Object.assign(this, { apiKey, apiName, name: 'KafkaJSServerDoesNotSupportApiKey' })
  }
}
brand(KafkaJSServerDoesNotSupportApiKey, 'KafkaJSServerDoesNotSupportApiKey')

export class KafkaJSSASLAuthenticationError extends KafkaJSNonRetriableError {
  constructor(source: ErrorSource = '', options?: ErrorOptions) {
    super(source, options)
    this.name = 'KafkaJSSASLAuthenticationError'
  }
}
brand(KafkaJSSASLAuthenticationError, 'KafkaJSSASLAuthenticationError')

export class KafkaJSPartialMessageError extends KafkaJSNonRetriableError {
  constructor(source: ErrorSource = '', options?: ErrorOptions) {
    super(source, options)
    this.name = 'KafkaJSPartialMessageError'
  }
}
brand(KafkaJSPartialMessageError, 'KafkaJSPartialMessageError')

export class KafkaJSUnsupportedMagicByteInMessageSet extends KafkaJSNonRetriableError {
  constructor(source: ErrorSource = '', options?: ErrorOptions) {
    super(source, options)
    this.name = 'KafkaJSUnsupportedMagicByteInMessageSet'
  }
}
brand(KafkaJSUnsupportedMagicByteInMessageSet, 'KafkaJSUnsupportedMagicByteInMessageSet')

/** Its `name` is its parent's, as in kafkajs. */
export class KafkaJSInvalidVarIntError extends KafkaJSNonRetriableError {}
brand(KafkaJSInvalidVarIntError, 'KafkaJSInvalidVarIntError')

/** Its `name` is its parent's, as in kafkajs. */
export class KafkaJSInvalidLongError extends KafkaJSNonRetriableError {}
brand(KafkaJSInvalidLongError, 'KafkaJSInvalidLongError')
