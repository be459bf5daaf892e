/** Waiting in virtual time. */
import type { TimerKind, Transport } from '../transport.ts'

export function sleep(transport: Transport, delayMs: number, kind: TimerKind): Promise<void> {
  return new Promise((resolve) => {
    transport.timer(delayMs, kind, resolve)
  })
}

const pad = (value: number, width: number): string => String(value).padStart(width, '0')

/**
 * `2026-01-01T00:00:00.000Z` for milliseconds since the epoch, years 0–9999. Written out because the client does
 * not touch the host's `Date`, not even to format (days to civil date after Howard Hinnant's algorithm).
 */
export function isoTime(epochMs: number): string {
  const days = Math.floor(epochMs / 86_400_000)
  const inDay = epochMs - days * 86_400_000
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  const hours = Math.floor(inDay / 3_600_000)
  const minutes = Math.floor(inDay / 60_000) % 60
  const seconds = Math.floor(inDay / 1000) % 60
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${pad(hours, 2)}:${pad(minutes, 2)}:${pad(seconds, 2)}.${pad(inDay % 1000, 3)}Z`
}
