/** Questions the client asks about errors. They look at names and types, not classes, so errors of another copy count. */
import { KafkaJSError } from './base.ts'

/** What callers read from something thrown, whatever it is. */
export interface ErrorView {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  readonly type: string | undefined
  readonly code: unknown
  readonly retriable: unknown
  readonly cause: unknown
}

export function viewError(error: unknown): ErrorView {
  if ((typeof error === 'object' && error !== null) || typeof error === 'function') {
    const e = error as Partial<Record<string, unknown>>
    return {
      name: typeof e.name === 'string' ? e.name : 'Error',
      message: typeof e.message === 'string' ? e.message : String(error),
      stack: typeof e.stack === 'string' ? e.stack : undefined,
      type: typeof e.type === 'string' ? e.type : undefined,
      code: e.code,
      retriable: e.retriable,
      cause: e.cause,
    }
  }
  return {
    name: 'Error',
    message: String(error),
    stack: undefined,
    type: undefined,
    code: undefined,
    retriable: undefined,
    cause: undefined,
  }
}

/** An `Error` out of whatever a user's code threw. */
export function toError(error: unknown): Error {
  return typeof error === 'object' && error !== null && 'message' in error ? (error as Error) : new Error(String(error))
}

const programmingErrors = new Set(['RangeError', 'ReferenceError', 'SyntaxError', 'TypeError'])

/** KJ1: anything is retried unless it says no or is a programming error. */
export function isRetriable(error: unknown): boolean {
  const { name, retriable } = viewError(error)
  return retriable !== false && !programmingErrors.has(name)
}

/** KJ6: the member has to join again. */
export function isRebalancing(error: unknown): boolean {
  const { type } = viewError(error)
  return (
    type === 'REBALANCE_IN_PROGRESS' ||
    type === 'NOT_COORDINATOR_FOR_GROUP' ||
    type === 'ILLEGAL_GENERATION' ||
    // KIP-848
    type === 'FENCED_MEMBER_EPOCH'
  )
}

/** The broker's answer shows that our metadata is old. */
export function isStaleMetadata(error: unknown): boolean {
  const { type } = viewError(error)
  return type === 'UNKNOWN_TOPIC_OR_PARTITION' || type === 'LEADER_NOT_AVAILABLE' || type === 'NOT_LEADER_FOR_PARTITION'
}

export function isKafkaJSError(error: unknown): error is KafkaJSError {
  return error instanceof KafkaJSError
}

/** The innermost cause. */
export function rootCause(error: unknown): unknown {
  let current = error
  for (let depth = 0; depth < 100; depth += 1) {
    const { cause } = viewError(current)
    if (!cause) return current
    current = cause
  }
  return current
}
