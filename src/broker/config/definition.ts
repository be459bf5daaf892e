/** What one configuration is: its type, its default and what it accepts (ConfigDef.java). */

export type ConfigType = 'boolean' | 'string' | 'int' | 'short' | 'long' | 'double' | 'list' | 'class'

/**
 * Whether a broker's configuration can change while it runs (DynamicBrokerConfig.scala): not at all, for one broker
 * only, or for one broker and for all of them.
 */
export type UpdateMode = 'read-only' | 'per-broker' | 'cluster-wide'

export interface Definition {
  readonly type: ConfigType
  /** As text; null = unset: another configuration stands in. */
  readonly default: string | null
  readonly min: number | null
  readonly max: number | null
  /** Allowed below `min` all the same. */
  readonly also: number | null
  /** The allowed values, or items of a list. */
  readonly of: readonly string[] | null
  /** What an item of a list looks like. */
  readonly pattern: RegExp | null
  readonly update: UpdateMode
  /** Whether kafkarium acts on it now; the others are checked, stored and shown. */
  readonly effect: boolean
  /** What it does, one line. */
  readonly about: string
}

export interface SetDefinition extends Definition {
  readonly default: string
}

export interface UnsetDefinition extends Definition {
  readonly default: null
}

type Limits = Partial<Omit<Definition, 'type' | 'default' | 'about'>>

const NO_LIMITS = {
  min: null,
  max: null,
  also: null,
  of: null,
  pattern: null,
  update: 'read-only',
  effect: false,
} as const

/** Java's Long.MAX_VALUE: "never" or "no limit". */
export const LONG_MAX = '9223372036854775807'
export const INT_MAX = 2_147_483_647

export const dynamic = { update: 'cluster-wide' } as const
export const effect = { effect: true } as const

export const bool = (value: boolean, about: string, limits: Limits = {}): SetDefinition => ({
  ...NO_LIMITS,
  ...limits,
  type: 'boolean',
  default: String(value),
  about,
})

const numeric =
  (type: ConfigType) =>
  (value: number | string, limits: Limits, about: string): SetDefinition => ({
    ...NO_LIMITS,
    ...limits,
    type,
    default: String(value),
    about,
  })

export const int = numeric('int')
export const short = numeric('short')
export const long = numeric('long')
export const double = numeric('double')

export const text = (value: string, limits: Limits, about: string): SetDefinition => ({
  ...NO_LIMITS,
  ...limits,
  type: 'string',
  default: value,
  about,
})

export const list = (value: string, limits: Limits, about: string): SetDefinition => ({
  ...text(value, limits, about),
  type: 'list',
})

export const unset = (type: ConfigType, limits: Limits, about: string): UnsetDefinition => ({
  ...NO_LIMITS,
  ...limits,
  type,
  default: null,
  about,
})

const BITS = { int: 32, short: 16, long: 64 } as const

/** What is wrong with a value, or null. */
export function valueProblem(definition: Definition, name: string, value: string): string | null {
  const trimmed = value.trim()
  const bad = (why: string) => `Invalid value ${value} for configuration ${name}: ${why}`
  switch (definition.type) {
    case 'boolean':
      return /^(true|false)$/i.test(trimmed) ? null : bad('must be true or false.')
    case 'int':
    case 'short':
    case 'long': {
      if (!/^[-+]?\d+$/.test(trimmed)) return bad('not a whole number.')
      const bits = BITS[definition.type]
      const number = BigInt(trimmed.replace('+', ''))
      if (number !== BigInt.asIntN(bits, number)) return bad(`not a whole number of ${bits} bits.`)
      return rangeProblem(definition, Number(number), bad)
    }
    case 'double': {
      const number = Number(trimmed)
      if (trimmed === '' || !Number.isFinite(number)) return bad('not a number.')
      return rangeProblem(definition, number, bad)
    }
    case 'list': {
      const { of, pattern } = definition
      const wrong = itemsOf(trimmed).find(
        (item) => (of !== null && !of.includes(item)) || (pattern !== null && !pattern.test(item)),
      )
      if (wrong === undefined) return null
      return bad(of === null ? `"${wrong}" is not understood.` : `"${wrong}" is not one of ${of.join(', ')}.`)
    }
    default:
      return definition.of === null || definition.of.includes(trimmed)
        ? null
        : bad(`must be one of ${definition.of.join(', ')}.`)
  }
}

function rangeProblem({ min, max, also }: Definition, number: number, bad: (why: string) => string): string | null {
  if (number === also) return null
  if (min !== null && number < min) return bad(`value must be at least ${min}.`)
  if (max !== null && number > max) return bad(`value must be no more than ${max}.`)
  return null
}

/** One text for every way to write the same valid value: what is stored and shown. */
export function canonicalValue({ type }: Definition, value: string): string {
  const trimmed = value.trim()
  switch (type) {
    case 'boolean':
      return trimmed.toLowerCase()
    case 'int':
    case 'short':
    case 'long':
      return String(BigInt(trimmed.replace('+', '')))
    case 'double':
      return String(Number(trimmed))
    case 'list':
      return itemsOf(trimmed).join(',')
    default:
      return trimmed
  }
}

/** The items of a list; an empty text is an empty list. */
export function itemsOf(value: string): string[] {
  return value === '' ? [] : value.split(',').map((item) => item.trim())
}
