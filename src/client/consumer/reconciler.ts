/**
 * Brings a member from what it owns to a new assignment while it fetches and handles: what stays is not touched; what goes is
 * finished, committed and given up before anything else happens (ConsumerCoordinator.onJoinComplete, KIP-429; the order is that of
 * KIP-848's members, too).
 */
import type { InFlight } from './in-flight.ts'
import type { Offsets } from './offsets.ts'
import type { Assigned, Subscription } from './subscription.ts'

export interface ReconcilerOptions {
  readonly subscription: Subscription
  readonly offsets: Offsets
  readonly inFlight: InFlight
  /** Called with partitions that are to go, once nobody works on them. Must not reject. */
  readonly onRevoked: () => Promise<void>
  /** There is something new to fetch. */
  readonly onAdded: () => void
}

export class Reconciler {
  readonly #options: ReconcilerOptions

  constructor(options: ReconcilerOptions) {
    this.#options = options
  }

  /** Resolves when the target is the assignment; says whether anything was given up for it. */
  async reconcile(target: Assigned): Promise<boolean> {
    const { subscription, offsets, inFlight, onRevoked, onAdded } = this.#options
    const revoked = subscription.without(target)
    if (revoked.length > 0) {
      subscription.revoke(revoked)
      await inFlight.idle(revoked)
      await onRevoked()
    }
    const added = [...target].some(([topic, ids]) => ids.some((id) => !subscription.isAssigned(topic, id)))
    subscription.assign(target)
    offsets.assign(subscription.assigned())
    if (added) onAdded()
    return revoked.length > 0
  }

  /** The membership is over: nothing is the member's any more, and nothing can be committed. Loops have to have ended. */
  lose(): void {
    this.#options.subscription.assign(new Map())
    this.#options.offsets.assign(new Map())
  }
}
