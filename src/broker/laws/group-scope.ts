/** What the laws of groups look at. */
import type { Fact } from '../../kernel/trace-event.ts'
import type { Group } from '../groups/group.ts'
import type { BrokerState } from '../state.ts'

/** One broker after a decision. */
export interface GroupScope {
  readonly broker: BrokerState
  /** Its groups before, by id; never changed in place. */
  readonly before: ReadonlyMap<string, Group>
  /** What it told in deciding. */
  readonly facts: readonly Fact[]
  readonly now: number
}

export function* touchedGroups(broker: BrokerState): Iterable<Group> {
  for (const id of broker.touched?.groups ?? []) {
    const group = groupNow(broker, id)
    if (group !== undefined) yield group
  }
}

export function groupNow({ shards }: BrokerState, id: string): Group | undefined {
  for (const { groups } of shards.values()) {
    const group = groups.get(id)
    if (group !== undefined) return group
  }
  return undefined
}
