/** The sandbox screen's behaviour: keys become actions on the live cluster. */
import { targetsOf } from './models/cluster.ts'
import { chosenGroup, chosenMember, faultTarget, membersOf, showsGroup } from './models/selection.ts'
import { nextSpeed } from './reduce-lesson.ts'
import { SANDBOX_GROUPS } from './sandbox/consumers.ts'
import type { SandboxAction } from './sandbox/controller.ts'
import { PANES, type SandboxState, type State, type Step } from './state.ts'

export function reduceSandbox(state: State, key: string): Step {
  const { sandbox } = state
  if (!sandbox) return { state, effects: [] }
  if (key === 'q' || key === 'esc') {
    return { state: { ...state, screen: 'home', sandbox: null }, effects: [{ type: 'sandbox.close' }] }
  }
  const action = actionOf(sandbox, key)
  return {
    state: { ...state, sandbox: { ...sandbox, ...changeOf(sandbox, key) } },
    effects: action === null ? [] : [{ type: 'sandbox.do', action }],
  }
}

/** What a key changes on the screen. */
function changeOf(sandbox: SandboxState, key: string): Partial<SandboxState> {
  const { snapshot, pane } = sandbox
  const panes = /^[1-9]$/.test(key) ? PANES[Number(key) - 1] : undefined
  if (panes) return { pane: panes, scroll: 0 }
  const turn = (by: number) => PANES[(PANES.indexOf(pane) + by + PANES.length) % PANES.length] ?? 'all'
  switch (key) {
    case 'tab':
      return { pane: turn(1), scroll: 0 }
    case 'shift-tab':
      return { pane: turn(-1), scroll: 0 }
    case 'up':
    case 'down':
    case 'pgup':
    case 'pgdn':
      return moved(sandbox, key)
    case 'g':
      return snapshot && showsGroup(pane) ? chooseGroup(nextGroup(sandbox, snapshot.groups)) : {}
    case 'n':
      if (!snapshot || !showsGroup(pane)) return {}
      // The group that is about to be made.
      return chooseGroup(SANDBOX_GROUPS.find((id) => !snapshot.groups.includes(id)) ?? sandbox.group)
    case 'a':
      return pane === 'offsets' ? { allOffsets: !sandbox.allOffsets, scroll: 0 } : {}
    case 'r':
      return chooseGroup(null)
    default:
      return {}
  }
}

/**
 * Brokers and partitions are selected where they are seen, members in the group view, which is scrolled by pages. The lists of
 * the other views are scrolled from their newest entry backwards.
 */
function moved(sandbox: SandboxState, key: 'up' | 'down' | 'pgup' | 'pgdn'): Partial<SandboxState> {
  const { snapshot, pane, selected, member, scroll } = sandbox
  const by = key === 'up' || key === 'pgup' ? -1 : 1
  const lines = key === 'up' || key === 'down' ? 1 : 8
  const around = (index: number, count: number) => (Math.min(index, count - 1) + by + count) % count
  if (pane === 'all' || pane === 'partitions') {
    return { selected: around(selected, Math.max(1, snapshot ? targetsOf(snapshot.view).length : 0)) }
  }
  if (pane === 'transactions') return { scroll: Math.max(0, scroll + by * lines) }
  if (pane !== 'groups') return { scroll: Math.max(0, scroll - by * lines) }
  if (lines > 1) return { scroll: Math.max(0, scroll + by * lines) }
  return { member: around(member, Math.max(1, snapshot ? membersOf(snapshot, sandbox).length : 0)) }
}

function chooseGroup(group: string | null): Partial<SandboxState> {
  return { group, member: 0, scroll: 0 }
}

function nextGroup({ group, snapshot }: SandboxState, groups: readonly string[]): string | null {
  const at = snapshot ? groups.indexOf(chosenGroup(snapshot, { group }) ?? '') : -1
  return groups[(at + 1) % Math.max(1, groups.length)] ?? null
}

/** In the transactions view: `k` kills the producer there. */
const TRANSACTION_KEYS: Readonly<Record<string, 'begin' | 'write' | 'commit' | 'abort' | 'kill-producer'>> = {
  n: 'begin',
  w: 'write',
  m: 'commit',
  u: 'abort',
  k: 'kill-producer',
}

/** What a key asks of the cluster. */
function actionOf(sandbox: SandboxState, key: string): SandboxAction | null {
  const { snapshot } = sandbox
  const ofTransaction = sandbox.pane === 'transactions' ? TRANSACTION_KEYS[key] : undefined
  if (ofTransaction !== undefined) return { type: ofTransaction }
  switch (key) {
    case 'p':
      return { type: 'produce', count: 1 }
    case 'P':
      return { type: 'produce', count: 10 }
    case 'c':
      return { type: 'add-consumer', ...groupChoice(sandbox) }
    case 'k':
      return { type: 'kill-consumer', ...consumerChoice(sandbox) }
    case 's':
      return { type: 'stop-consumer', ...consumerChoice(sandbox) }
    case 'f':
      return { type: 'freeze-consumer', ...consumerChoice(sandbox) }
    case 'n':
      return showsGroup(sandbox.pane) ? { type: 'add-group' } : null
    case 'd':
      return showsGroup(sandbox.pane) ? { type: 'delete-group', ...groupChoice(sandbox) } : null
    case 'x':
      return faultAction(sandbox, 'crash')
    case 'b':
      return faultAction(sandbox, 'restart')
    case 't':
      return faultAction(sandbox, 'cut')
    case 'h':
      return faultAction(sandbox, 'heal')
    case 'space':
      return { type: 'pause', paused: !snapshot?.paused }
    case '.':
    case 'right':
      return { type: 'step' }
    case '+':
    case '=':
      return { type: 'speed', speed: nextSpeed(snapshot?.speed ?? 1, 1) }
    case '-':
      return { type: 'speed', speed: nextSpeed(snapshot?.speed ?? 1, -1) }
    case 'r':
      return { type: 'reset' }
    default:
      return null
  }
}

function groupChoice(sandbox: SandboxState): { readonly group?: string } {
  const group = sandbox.snapshot ? chosenGroup(sandbox.snapshot, sandbox) : null
  return group === null ? {} : { group }
}

function consumerChoice(sandbox: SandboxState): { readonly group?: string; readonly client?: string } {
  const member = sandbox.snapshot ? chosenMember(sandbox.snapshot, sandbox) : null
  return member === null ? groupChoice(sandbox) : { ...groupChoice(sandbox), client: member.client }
}

function faultAction(sandbox: SandboxState, type: 'crash' | 'restart' | 'cut' | 'heal'): SandboxAction | null {
  const { snapshot } = sandbox
  const target = snapshot ? faultTarget(snapshot, sandbox, type) : undefined
  return target === undefined ? null : { type, target }
}
