/** The simulator's own errors: what happened, why, what to do. */

export type KafkariumErrorCode =
  | 'KAFKARIUM_BAD_OPTION'
  | 'KAFKARIUM_DISPOSED'
  | 'KAFKARIUM_DEADLOCK'
  | 'KAFKARIUM_UNCONTROLLED_ASYNC'
  | 'KAFKARIUM_UNKNOWN_TOPIC'
  | 'KAFKARIUM_UNKNOWN_NODE'
  | 'KAFKARIUM_WRONG_STATE'
  | 'KAFKARIUM_LAW_BROKEN'
  | 'KAFKARIUM_PRODUCE_FAILED'
  | 'KAFKARIUM_NOT_REPEATABLE'
  | 'KAFKARIUM_CANNOT_LISTEN'

const BRAND = Symbol.for('kafkarium.error')

/** `instanceof` works across realms and across two copies of the package (jest gives every file its own realm). */
function isBranded(value: unknown, name: string): boolean {
  if (typeof value !== 'object' || value === null || !(BRAND in value)) return false
  return name === 'KafkariumError' || (value as { name?: unknown }).name === name
}

export class KafkariumError extends Error {
  override readonly name: string = 'KafkariumError'
  readonly code: KafkariumErrorCode

  constructor(code: KafkariumErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
    Object.defineProperty(this, BRAND, { value: true })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(value, 'KafkariumError')
  }
}

/** Virtual time cannot bring an outstanding call any further. `pending` names what waits. */
export class DeadlockError extends KafkariumError {
  override readonly name = 'DeadlockError'
  readonly pending: readonly string[]

  constructor(message: string, pending: readonly string[]) {
    super('KAFKARIUM_DEADLOCK', message)
    this.pending = pending
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(value, 'DeadlockError')
  }
}

/** Real I/O entered the cluster while it was running, so the run cannot be repeated from its seed. */
export class UncontrolledAsyncError extends KafkariumError {
  override readonly name = 'UncontrolledAsyncError'

  constructor(message: string) {
    super('KAFKARIUM_UNCONTROLLED_ASYNC', message)
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isBranded(value, 'UncontrolledAsyncError')
  }
}
