/** Dates and clocks on a program clock. */
import type { ProgramClock } from '../../cluster/program-clock.ts'

/** The host's `Date` in everything but what time it is; its prototype is the host's, whose `constructor` has to be this one. */
export function programDate(clock: ProgramClock, real: DateConstructor): DateConstructor {
  const now = () => clock.now()
  return new Proxy(real, {
    apply: () => new real(now()).toString(),
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget as DateConstructor),
    get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
  })
}

/** `process.hrtime` with its `bigint`: nanoseconds since the control began. */
export function programHrtime(clock: ProgramClock): NodeJS.HRTime {
  const start = clock.now()
  const hrtime = (since?: readonly [number, number]): [number, number] => {
    const ms = clock.now() - start
    const now: [number, number] = [Math.floor(ms / 1000), (ms % 1000) * 1_000_000]
    if (since === undefined) return now
    const nanoseconds = now[1] - since[1]
    const borrow = nanoseconds < 0
    return [now[0] - since[0] - (borrow ? 1 : 0), borrow ? nanoseconds + 1_000_000_000 : nanoseconds]
  }
  return Object.assign(hrtime, { bigint: () => BigInt(clock.now() - start) * 1_000_000n }) as NodeJS.HRTime
}
