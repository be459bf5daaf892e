/** The simulator's own error: what happened, why, what to do. It lies this low because cluster and client both throw it. */

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
export function isBranded(value: unknown, name: string): boolean {
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
