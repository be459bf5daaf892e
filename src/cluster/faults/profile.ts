/**
 * Which kinds of faults a run has, and how strong: drawn once from the seed and printed, so that every seed searches a
 * different corner (swarm testing; TigerBeetle's VOPR, rule-K5).
 */
import type { Chooser } from '../../kernel/index.ts'
import { didYouMean } from '../../kernel/nearest.ts'

export const FAULT_KINDS = [
  'crash',
  'lossy-crash',
  'stop',
  'pause',
  'cut',
  'one-way-cut',
  'isolate',
  'slow',
  'disk',
  'disconnect',
  'controller',
  'move-leader',
] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

export interface FaultProfile {
  /** Virtual milliseconds between two draws. */
  readonly everyMs: number
  /** How often a kind is drawn, relative to the others; 0 = never. */
  readonly weights: Readonly<Record<FaultKind, number>>
  /** How much of the draws ends a fault instead of beginning one: 1 of this many. */
  readonly repairs: number
  /** At most so many brokers are down, stopping, paused, isolated or without a disk at once. */
  readonly mostDisturbed: number
  /** At most so many crashes of the run lose what was not flushed. */
  readonly mostLossy: number
  /** What a slow link adds. */
  readonly slowMs: number
}

export interface ProfileLimits {
  /** Kinds that may be drawn. Default: all. */
  readonly kinds?: readonly FaultKind[]
  readonly mostDisturbed?: number
  readonly mostLossy?: number
}

const PERIODS_MS: readonly number[] = [2000, 700, 250, 6000]
const SLOW_MS: readonly number[] = [30, 200, 1500]

const LIMIT_NAMES: readonly string[] = ['kinds', 'mostDisturbed', 'mostLossy'] satisfies (keyof ProfileLimits)[]
/** With the least value each may have. */
const PROFILE_NUMBERS = { everyMs: 1, repairs: 1, mostDisturbed: 0, mostLossy: 0, slowMs: 0 } as const
const PROFILE_NAMES: readonly string[] = [...Object.keys(PROFILE_NUMBERS), 'weights']

/** What is wrong with a profile or with limits for drawing one, or null. */
export function profileProblem(given: FaultProfile | ProfileLimits): string | null {
  if (typeof given !== 'object' || given === null) return 'a profile, or limits for drawing one, is an object.'
  const whole = 'weights' in given
  const names = whole ? PROFILE_NAMES : LIMIT_NAMES
  const unknown = Object.keys(given).find((name) => !names.includes(name))
  if (unknown !== undefined)
    return `unknown option "${unknown}".${didYouMean(unknown, names)} Known: ${names.join(', ')}.`
  for (const [name, least] of Object.entries(PROFILE_NUMBERS)) {
    const value = (given as Readonly<Record<string, unknown>>)[name]
    if (value === undefined && !whole) continue
    if (!isWhole(value, least)) return `${name}: ${String(value)} is not a whole number, ${least} or more.`
  }
  const kinds: unknown = whole ? Object.keys(given.weights ?? {}) : (given.kinds ?? [])
  if (!Array.isArray(kinds)) return `kinds: ${String(kinds)} is not an array of kinds of faults.`
  for (const kind of kinds) {
    if ((FAULT_KINDS as readonly unknown[]).includes(kind)) continue
    return `there is no kind of fault "${String(kind)}".${didYouMean(String(kind), FAULT_KINDS)} Known: ${FAULT_KINDS.join(', ')}.`
  }
  const weightless = whole ? FAULT_KINDS.find((kind) => !isWhole(given.weights[kind], 0)) : undefined
  return weightless === undefined ? null : `weights.${weightless} is not a whole number, 0 or more.`
}

function isWhole(value: unknown, least: number): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least
}

/** Draws a profile; index 0 of every draw is the calmest. */
export function drawProfile(chooser: Chooser, limits: ProfileLimits = {}): FaultProfile {
  const kinds = limits.kinds ?? FAULT_KINDS
  const weights = {} as Record<FaultKind, number>
  for (const kind of FAULT_KINDS) {
    // Two levels: whether it is on at all, then how much.
    const on = kinds.includes(kind) && chooser.choose(`profile.${kind}`, 2) === 1
    weights[kind] = on ? 1 + chooser.choose(`profile.${kind}.weight`, 4) : 0
  }
  return {
    everyMs: PERIODS_MS[chooser.choose('profile.every', PERIODS_MS.length)] as number,
    weights,
    repairs: 2 + chooser.choose('profile.repairs', 2),
    mostDisturbed: limits.mostDisturbed ?? 1 + chooser.choose('profile.disturbed', 2),
    mostLossy: limits.mostLossy ?? 1,
    slowMs: SLOW_MS[chooser.choose('profile.slow', SLOW_MS.length)] as number,
  }
}

/** `every 700 ms: crash×2, cut×1; at most 1 broker disturbed`. */
export function describeProfile(profile: FaultProfile): string {
  const kinds = FAULT_KINDS.filter((kind) => profile.weights[kind] > 0).map(
    (kind) => `${kind}×${profile.weights[kind]}`,
  )
  const lossy = profile.weights['lossy-crash'] > 0 ? `, at most ${profile.mostLossy} lossy crash(es)` : ''
  return `every ${profile.everyMs} ms: ${kinds.join(', ') || 'nothing'}; at most ${profile.mostDisturbed} broker(s) disturbed${lossy}`
}
