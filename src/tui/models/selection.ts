/** What the keys of the sandbox act on: the chosen group, its chosen member, the brokers. */
import type { SandboxSnapshot } from '../sandbox/controller.ts'
import { TRANSACTIONAL_ID } from '../sandbox/transactions.ts'
import type { SandboxState } from '../state.ts'
import { type Target, targetsOf } from './cluster.ts'
import { groupDetail, type MemberRow } from './group.ts'

type Fault = 'crash' | 'restart' | 'cut' | 'heal'
type Choice = Pick<SandboxState, 'pane' | 'selected' | 'group' | 'member'>

/** The chosen group; the first one while that is not known. Null while there is none. */
export function chosenGroup({ groups }: SandboxSnapshot, { group }: Pick<Choice, 'group'>): string | null {
  return group !== null && groups.includes(group) ? group : (groups[0] ?? null)
}

/** The members of the chosen group, as they stand in the group view. */
export function membersOf(snapshot: SandboxSnapshot, choice: Pick<Choice, 'group'>): readonly MemberRow[] {
  const id = chosenGroup(snapshot, choice)
  if (id === null) return []
  return groupDetail(id, { view: snapshot.view, history: [], positions: new Map() })?.members ?? []
}

/** The member the pointer stands at; null where no pointer is to be seen. */
export function chosenMember(snapshot: SandboxSnapshot, choice: Choice): MemberRow | null {
  if (choice.pane !== 'groups') return null
  const members = membersOf(snapshot, choice)
  return members[Math.min(choice.member, members.length - 1)] ?? null
}

/**
 * What the fault keys hit. Where groups or transactions are on the screen that is their coordinator, and a restart brings back
 * any broker that is down; links are cut elsewhere. In the other views it is what is selected among brokers and partitions.
 */
export function faultTarget(snapshot: SandboxSnapshot, choice: Choice, type: Fault = 'crash'): Target | undefined {
  const { view } = snapshot
  const targets = targetsOf(view)
  if (!showsCoordinator(choice.pane)) return targets[choice.selected] ?? targets[0]
  if (type === 'cut' || type === 'heal') return undefined
  const down = type === 'restart' ? view.nodes.find(({ state }) => state !== 'up') : undefined
  const coordinated =
    choice.pane === 'transactions'
      ? view.transactions.find(({ transactionalId }) => transactionalId === TRANSACTIONAL_ID)
      : view.groups.find(({ id }) => id === chosenGroup(snapshot, choice))
  const node = down?.id ?? coordinated?.coordinator
  return node === undefined ? undefined : { kind: 'broker', node }
}

export function showsGroup(pane: SandboxState['pane']): boolean {
  return pane === 'groups' || pane === 'offsets'
}

/** The views in which faults hit a coordinator. */
export function showsCoordinator(pane: SandboxState['pane']): boolean {
  return showsGroup(pane) || pane === 'transactions'
}
