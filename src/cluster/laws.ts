/** The laws over the whole world: every broker's, and the kernel's own. */
import { LAWS } from '../broker/index.ts'
import { firstViolation, type Violation } from '../kernel/index.ts'
import type { World } from './world.ts'

/** The first broken law, or null. */
export function violationIn(world: World): Violation | null {
  for (const node of world.nodes.values()) {
    const violation = firstViolation(LAWS, node.broker)
    if (violation !== null) return violation
  }
  return null
}
