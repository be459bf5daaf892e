/**
 * A program clock that outlives the control: it follows the cluster until that ends, and the host's clock and chance from then on.
 * A program may hold on to timers and functions that it took meanwhile; they neither stop for ever nor fail.
 */
import type { ProgramClock, ProgramTimerKind } from '../../cluster/program-clock.ts'
import { builtin } from '../builtin.ts'

/** What is armed on a clock that outlives the control. */
export interface Armed {
  cancel(): void
  /** Whether the process waits for it. Virtual time does not ask; the host's timers do, once they have it. */
  setRef(ref: boolean): void
  /** From here on virtual time treats it as of that kind; when it is due stays the same. */
  become(kind: ProgramTimerKind): void
}

export interface LastingClock extends Omit<ProgramClock, 'arm'> {
  /** The process waits for it unless `ref` is false. */
  arm(kind: ProgramTimerKind, delayMs: number, run: () => void, ref?: boolean): Armed
}

export interface OutlivingClock {
  readonly clock: LastingClock
  /** The control ends. What is armed goes on with what is left of its delay, on the host's timers. */
  handOver(): void
}

export function outliving(cluster: ProgramClock): OutlivingClock {
  // Not the global ones: a browser-like test environment has put timers there that are mere numbers.
  const { setTimeout, setImmediate, clearTimeout, clearImmediate } = builtin('node:timers')
  const { random } = Math
  const { now } = Date
  const pending = new Set<ClusterTimer>()
  let released = false

  const armOnHost = (kind: ProgramTimerKind, delayMs: number, run: () => void, ref: boolean): Armed => {
    const timer = kind === 'immediate' ? setImmediate(run) : setTimeout(run, delayMs)
    const setRef = (wanted: boolean) => {
      if (wanted) timer.ref()
      else timer.unref()
    }
    setRef(ref)
    return {
      cancel: () => (kind === 'immediate' ? clearImmediate(timer as never) : clearTimeout(timer as never)),
      setRef,
      become: () => {},
    }
  }

  /** Armed on the cluster, and on the host once it is handed over. */
  class ClusterTimer implements Armed {
    readonly at: number
    #kind: ProgramTimerKind
    #ref: boolean
    readonly #run: () => void
    #onCluster: { cancel(): void }
    #onHost: Armed | null = null

    constructor(kind: ProgramTimerKind, delayMs: number, run: () => void, ref: boolean) {
      this.at = cluster.now() + delayMs
      this.#kind = kind
      this.#ref = ref
      this.#run = () => {
        pending.delete(this)
        run()
      }
      this.#onCluster = cluster.arm(kind, delayMs, this.#run)
      pending.add(this)
    }

    cancel(): void {
      pending.delete(this)
      this.#onCluster.cancel()
      this.#onHost?.cancel()
    }

    setRef(ref: boolean): void {
      this.#ref = ref
      this.#onHost?.setRef(ref)
    }

    become(kind: ProgramTimerKind): void {
      if (kind === this.#kind || released || !pending.has(this)) return
      this.#onCluster.cancel()
      this.#kind = kind
      this.#onCluster = cluster.arm(kind, this.at - cluster.now(), this.#run)
    }

    handOver(virtualNow: number): void {
      this.#onCluster.cancel()
      this.#onHost = armOnHost(this.#kind, Math.max(0, this.at - virtualNow), this.#run, this.#ref)
    }
  }

  return {
    clock: {
      now: () => (released ? now() : cluster.now()),
      arm: (kind, delayMs, run, ref = true) =>
        released ? armOnHost(kind, delayMs, run, ref) : new ClusterTimer(kind, delayMs, run, ref),
      random: () => (released ? Math.floor(random() * 0x100000000) : cluster.random()),
      hold: () => (released ? () => {} : cluster.hold()),
    },
    handOver() {
      const virtualNow = cluster.now()
      released = true
      for (const timer of [...pending].sort((a, b) => a.at - b.at)) timer.handOver(virtualNow)
    },
  }
}
