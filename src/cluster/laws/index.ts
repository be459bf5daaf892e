/** The laws over the whole world: every broker's own, those that hold between replicas, and those about answers. */
import { type BrokerState, GROUP_LAWS, type Group, LAWS } from '../../broker/index.ts'
import { type Fact, firstViolation, type Violation } from '../../kernel/index.ts'
import type { NodeRuntime, World } from '../world.ts'
import { checkTransactions, VERIFICATION_LAWS } from './coordinator-laws.ts'
import { PRODUCER_LAWS } from './producer-laws.ts'
import { REPLICA_LAWS, remember, scopeOf } from './replica-laws.ts'
import { TRANSACTION_LAWS } from './transaction-laws.ts'

const PARTITION_LAWS = [...REPLICA_LAWS, ...PRODUCER_LAWS, ...TRANSACTION_LAWS, ...VERIFICATION_LAWS]

/** The first law that is broken by what the last event touched, or null. */
export function violationIn(world: World): Violation | null {
  const { ledger } = world
  if (ledger.violation !== null) return ledger.violation
  // Most events touch nothing or one partition of one broker: this runs after every one of them.
  const { decided } = ledger
  for (const node of world.nodes.values()) {
    const { broker } = node
    const { touched } = broker
    if (touched === null || (touched.groups.size === 0 && touched.partitions.size === 0)) continue
    // A restart, for one, decides nothing.
    checkDecision(world, node, [])
    if (ledger.violation !== null) return ledger.violation
    const violation = firstViolation(LAWS, broker)
    if (violation !== null) return violation
    for (const key of touched.partitions) decided.add(key)
    touched.partitions.clear()
    touched.groups.clear()
  }
  if (decided.size === 0) return null
  for (const name of decided) {
    const scope = scopeOf(world, name)
    const violation = scope === null ? null : firstViolation(PARTITION_LAWS, scope)
    if (violation !== null) return violation
    if (scope !== null) remember(scope)
  }
  decided.clear()
  return null
}

/** After a broker's decision: the laws that compare what it coordinates with what that was before. */
export function checkDecision(world: World, node: NodeRuntime, facts: readonly Fact[]): void {
  checkGroups(world, node, facts)
  checkTransactions(world, node, facts)
}

/** Notes the first violation in the ledger, and remembers what the groups are now. */
function checkGroups(world: World, { id, broker }: NodeRuntime, facts: readonly Fact[]): void {
  const { touched } = broker
  if (touched === null || touched.groups.size === 0) return
  let before = world.ledger.groups.get(id)
  if (before === undefined) {
    before = new Map()
    world.ledger.groups.set(id, before)
  }
  world.ledger.violation ??= firstViolation(GROUP_LAWS, { broker, before, facts, now: world.now })
  for (const group of touched.groups) {
    const now = groupOf(broker, group)
    if (now === undefined) before.delete(group)
    else before.set(group, now)
  }
}

function groupOf({ shards }: BrokerState, id: string): Group | undefined {
  for (const { groups } of shards.values()) {
    const group = groups.get(id)
    if (group !== undefined) return group
  }
  return undefined
}
