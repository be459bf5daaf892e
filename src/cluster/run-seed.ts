/**
 * One seed of a search: a program in a storm of faults drawn from it, then healing. Never throws for what it looks for: a broken
 * law, a duty that is not met and a program that fails are outcomes, each with the profile and the faults that led there.
 */
import type { Cluster } from './api.ts'
import { KafkariumError } from './errors.ts'
import type { StormHandle } from './faults/handle.ts'
import type { FaultProfile, ProfileLimits } from './faults/profile.ts'

export interface SeedRun {
  readonly profile: FaultProfile
  readonly faults: StormHandle['faults']
  /** The id of the law that was broken. */
  readonly law: string | null
  /** Which duties were not met after healing (V1–V7, V9). */
  readonly stall: string | null
  /** What the program threw, unless it was a broken law. */
  readonly failure: unknown
  /** Of the trace up to the end of healing. */
  readonly hash: string
  /** The outcome, the profile and every fault, a line each. */
  describe(): string
}

/**
 * @param cluster made with a seed, and with `laws: true` if laws are to be looked for; it is not disposed
 * @param program what runs while faults happen
 */
export async function runSeed<K, C>(
  cluster: Cluster<K, C>,
  limits: ProfileLimits,
  program: () => Promise<void>,
): Promise<SeedRun> {
  const storm = cluster.faults.storm(limits)
  let law: string | null = null
  let stall: string | null = null
  let failure: unknown = null
  const judge = (error: unknown): boolean => {
    law = brokenLaw(error)
    return law !== null
  }
  try {
    await program()
  } catch (error) {
    if (!judge(error)) failure = error
  }
  if (law === null) {
    try {
      await cluster.heal()
    } catch (error) {
      if (!judge(error)) stall = (error as Error).message
    }
  }
  const { hash } = cluster.trace
  return {
    profile: storm.profile,
    faults: storm.faults,
    law,
    stall,
    failure,
    hash,
    describe() {
      const outcome = law === null ? (stall ?? (failure === null ? 'healed' : String(failure))) : `law ${law} broken`
      return `${outcome}\n${storm.describe()}`
    },
  }
}

function brokenLaw(error: unknown): string | null {
  if (!(error instanceof KafkariumError) || error.code !== 'KAFKARIUM_LAW_BROKEN') return null
  return /Law (\w+) is broken/.exec(error.message)?.[1] ?? error.message
}
