/**
 * A program clock that outlives the control: it follows the cluster until that ends, and the host's clock and chance from then on.
 * A program may hold on to timers and functions that it took meanwhile; they neither stop for ever nor fail.
 */
import type { ProgramClock, ProgramTimerKind } from '../../cluster/program-clock.ts'

interface Pending {
  readonly kind: ProgramTimerKind
  readonly at: number
  readonly run: () => void
  cancel: () => void
}

export interface OutlivingClock {
  readonly clock: ProgramClock
  /** The control ends. What is armed goes on with what is left of its delay, on the host's timers. */
  handOver(): void
}

export function outliving(cluster: ProgramClock): OutlivingClock {
  const host = { setTimeout, setImmediate, clearTimeout, clearImmediate, random: Math.random, now: Date.now }
  const pending = new Set<Pending>()
  let released = false

  const armOnHost = (kind: ProgramTimerKind, delayMs: number, run: () => void): (() => void) => {
    if (kind === 'immediate') {
      const timer = host.setImmediate(run)
      return () => host.clearImmediate(timer)
    }
    const timer = host.setTimeout(run, delayMs)
    return () => host.clearTimeout(timer)
  }
  const clock: ProgramClock = {
    now: () => (released ? host.now() : cluster.now()),
    arm(kind, delayMs, run) {
      if (released) return { cancel: armOnHost(kind, delayMs, run) }
      const timer: Pending = {
        kind,
        at: cluster.now() + delayMs,
        run() {
          pending.delete(timer)
          run()
        },
        cancel: () => {},
      }
      const { cancel } = cluster.arm(kind, delayMs, timer.run)
      timer.cancel = cancel
      pending.add(timer)
      return {
        cancel() {
          pending.delete(timer)
          timer.cancel()
        },
      }
    },
    random: () => (released ? Math.floor(host.random() * 0x100000000) : cluster.random()),
    hold: () => (released ? () => {} : cluster.hold()),
  }
  return {
    clock,
    handOver() {
      const now = cluster.now()
      released = true
      for (const timer of [...pending].sort((a, b) => a.at - b.at)) {
        timer.cancel()
        timer.cancel = armOnHost(timer.kind, Math.max(0, timer.at - now), timer.run)
      }
    },
  }
}
