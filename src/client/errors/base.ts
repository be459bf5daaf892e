/**
 * The root of the client's errors, and what makes `instanceof` work across two copies of this package
 * and across realms (jest gives every test file its own): every class's prototype carries its name under
 * a registered symbol, and `instanceof` compares names along the prototype chain.
 */

/** What the classes accept as their first argument: a text, or an error whose message they take over. */
export type ErrorSource = Error | string | { readonly message: string; readonly helpUrl?: string }

export interface ErrorOptions {
  readonly retriable?: boolean
  readonly cause?: unknown
}

const BRAND = Symbol.for('kafkarium.client.error')

type AnyClass = abstract new (...args: never[]) => object

/** Names a class for `instanceof`. Subclasses made by users have no name and fall back to the ordinary rule. */
export function brand(errorClass: AnyClass, name: string): void {
  Object.defineProperty(errorClass.prototype, BRAND, { value: name })
}

/** The body of every class's `[Symbol.hasInstance]`. */
export function carriesBrand(errorClass: AnyClass, value: unknown): boolean {
  const wanted: unknown = Object.getOwnPropertyDescriptor(errorClass.prototype, BRAND)?.value
  if (wanted === undefined) {
    return Function.prototype[Symbol.hasInstance].call(errorClass, value)
  }
  if (typeof value !== 'object' || value === null) return false
  for (let link: object | null = value; link !== null; link = Object.getPrototypeOf(link) as object | null) {
    if (Object.getOwnPropertyDescriptor(link, BRAND)?.value === wanted) return true
  }
  return false
}

export function messageOf(source: ErrorSource): string {
  if (typeof source === 'string') return source
  return source.message
}

/** `retriable` is advice to the retry core (KJ1), not a promise that trying again is harmless. */
export class KafkaJSError extends Error {
  declare readonly retriable: boolean
  declare readonly helpUrl?: string
  declare readonly cause?: Error

  constructor(source: ErrorSource, { retriable = true, cause }: ErrorOptions = {}) {
    super(messageOf(source), { cause })
    // kafkajs sets these as the error's own, enumerable properties (not the cause); people's snapshots show them.
    const helpUrl = typeof source === 'object' && 'helpUrl' in source ? source.helpUrl : undefined
    Object.assign(this, { message: messageOf(source), name: 'KafkaJSError', retriable, helpUrl })
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: the class that is asked about, which may be a subclass.
    return carriesBrand(this, value)
  }
}
brand(KafkaJSError, 'KafkaJSError')

export class KafkaJSNonRetriableError extends KafkaJSError {
  constructor(source: ErrorSource, { cause }: Pick<ErrorOptions, 'cause'> = {}) {
    super(source, { retriable: false, cause })
    this.name = 'KafkaJSNonRetriableError'
  }
}
brand(KafkaJSNonRetriableError, 'KafkaJSNonRetriableError')
