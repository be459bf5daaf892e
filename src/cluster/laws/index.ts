/** The laws over the whole world: every broker's own, those that hold between replicas, and those about answers. */
import { LAWS } from '../../broker/index.ts'
import { firstViolation, type Violation } from '../../kernel/index.ts'
import type { World } from '../world.ts'
import { REPLICA_LAWS, remember, scopeOf } from './replica-laws.ts'

/** The first law that is broken by what the last event touched, or null. */
export function violationIn(world: World): Violation | null {
  const { ledger } = world
  if (ledger.violation !== null) return ledger.violation
  // Most events touch nothing or one partition of one broker: this runs after every one of them.
  const { decided } = ledger
  for (const { broker } of world.nodes.values()) {
    const { touched } = broker
    if (touched === null || (touched.groups.size === 0 && touched.partitions.size === 0)) continue
    const violation = firstViolation(LAWS, broker)
    if (violation !== null) return violation
    for (const key of touched.partitions) decided.add(key)
    touched.partitions.clear()
    touched.groups.clear()
  }
  if (decided.size === 0) return null
  for (const name of decided) {
    const scope = scopeOf(world, name)
    const violation = scope === null ? null : firstViolation(REPLICA_LAWS, scope)
    if (violation !== null) return violation
    if (scope !== null) remember(scope)
  }
  decided.clear()
  return null
}
