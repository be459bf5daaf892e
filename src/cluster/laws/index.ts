/** The laws over the whole world: every broker's own, those that hold between replicas, and those about answers. */
import { type BrokerState, LAWS } from '../../broker/index.ts'
import { firstViolation, type Violation } from '../../kernel/index.ts'
import type { World } from '../world.ts'
import { REPLICA_LAWS, remember, scopeOf } from './replica-laws.ts'

/** The first law that is broken by what the last event touched, or null. */
export function violationIn(world: World): Violation | null {
  const { ledger } = world
  if (ledger.violation !== null) return ledger.violation
  const touched = new Set(ledger.decided)
  ledger.decided.clear()
  for (const { broker } of world.nodes.values()) {
    if (broker.touched.groups.size > 0 || broker.touched.partitions.size > 0) {
      const violation = firstViolation(LAWS, broker)
      if (violation !== null) return violation
      for (const key of broker.touched.partitions) touched.add(key)
    }
    forgetTouched(broker)
  }
  if (touched.size === 0) return null
  const scope = scopeOf(world, touched)
  const violation = firstViolation(REPLICA_LAWS, scope)
  if (violation === null) remember(scope)
  return violation
}

export function forgetTouched({ touched }: BrokerState): void {
  touched.partitions.clear()
  touched.groups.clear()
}
