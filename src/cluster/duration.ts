/** Durations as people write them: milliseconds, or '250ms', '45s', '5m', '2h', '7d'. */
import { KafkariumError } from './errors.ts'

export type Duration = number | string

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds, a non-negative integer. `what` names the option in the error. */
export function milliseconds(duration: Duration, what: string): number {
  const value = typeof duration === 'number' ? duration : parse(duration)
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new KafkariumError(
      'KAFKARIUM_BAD_OPTION',
      `${what}: ${JSON.stringify(duration)} is not a duration. Give whole milliseconds (1500) or a number with a unit: '250ms', '45s', '5m', '2h', '7d'.`,
    )
  }
  return value
}

function parse(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*$/.exec(text)
  if (match === null) return Number.NaN
  const value = Number(match[1]) * (UNITS[match[2] as string] as number)
  // '1.001s' is 1001 ms, though 1.001 * 1000 is a little less.
  return Math.abs(value - Math.round(value)) < 1e-6 ? Math.round(value) : value
}

/** `45.25 s`, `1 m 5 s`, `12 ms`: for messages. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${ms} ms`
  if (ms < 60_000) return `${Number((ms / 1000).toFixed(2))} s`
  const minutes = Math.floor(ms / 60_000)
  const seconds = Math.round((ms % 60_000) / 1000)
  return seconds === 0 ? `${minutes} m` : `${minutes} m ${seconds} s`
}
