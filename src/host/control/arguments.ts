/** What Node refuses, in its words (lib/internal/validators.js, lib/internal/errors.js). */
import { builtin } from '../builtin.ts'

const LONGEST_TEXT = 28

export function checkCallback(given: unknown): void {
  if (typeof given !== 'function') refuse('"callback" argument must be of type function', given)
}

/** Of `timers/promises`; those of `setTimeout` itself may be anything. */
export function checkDelay(given: unknown): void {
  if (given !== undefined && typeof given !== 'number') refuse('"delay" argument must be of type number', given)
}

/** `{ signal, ref }`. A signal need not be of this realm's class: Node asks for `aborted` only. */
export function checkOptions(given: unknown): void {
  if (!isObject(given) || Array.isArray(given)) refuse('"options" argument must be of type object', given)
  const { signal, ref } = given as { signal?: unknown; ref?: unknown }
  if (signal !== undefined && !(isObject(signal) && 'aborted' in signal)) {
    refuse('"options.signal" property must be an instance of AbortSignal', signal)
  }
  if (ref !== undefined && typeof ref !== 'boolean') refuse('"options.ref" property must be of type boolean', ref)
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function refuse(what: string, given: unknown): never {
  throw Object.assign(new TypeError(`The ${what}. Received ${described(given)}`), { code: 'ERR_INVALID_ARG_TYPE' })
}

function described(value: unknown): string {
  const { inspect } = builtin('node:util')
  if (value === undefined || value === null) return String(value)
  if (typeof value === 'function') return `function ${value.name}`
  if (typeof value === 'object') {
    const name = value.constructor?.name
    return name ? `an instance of ${name}` : inspect(value, { depth: -1 })
  }
  const short = typeof value === 'string' && value.length > LONGEST_TEXT ? `${value.slice(0, 25)}...` : value
  return `type ${typeof value} (${inspect(short, { colors: false })})`
}
