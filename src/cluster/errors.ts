/** The simulator's own errors. */
import { isBranded, KafkariumError } from '../protocol/kafkarium-error.ts'

export { KafkariumError, type KafkariumErrorCode } from '../protocol/kafkarium-error.ts'

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
