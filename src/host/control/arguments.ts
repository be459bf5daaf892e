/** What Node refuses, in its words (lib/internal/validators.js, lib/internal/errors.js). */
import { builtin } from '../builtin.ts'

const LONGEST_TEXT = 28

export function checkCallback(given: unknown): void {
  if (typeof given !== 'function') refuse('"callback" argument must be of type function', given)
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
