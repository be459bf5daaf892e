/**
 * Offsets as users give them: kafkajs reads them as 64-bit integers from strings and numbers. Inside they are
 * safe-integer numbers; a value beyond ±2^53 is refused where kafkajs would take it.
 */

/** `undefined` for what is no integer. */
export function parseInt64(value: unknown): number | undefined {
  let parsed: bigint
  try {
    if (typeof value === 'number') {
      // kafkajs reads NaN as 0.
      if (Number.isNaN(value)) return 0
      parsed = BigInt(value)
    } else if (typeof value === 'string') {
      if (value.length === 0) return undefined
      if (value === 'NaN' || /^[+-]?Infinity$/.test(value)) return 0
      parsed = BigInt(value)
    } else if (typeof value === 'bigint') {
      parsed = value
    } else {
      return undefined
    }
  } catch {
    return undefined
  }
  const number = Number(parsed)
  return Number.isSafeInteger(number) ? number : undefined
}
