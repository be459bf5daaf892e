/** The sandbox screen's behaviour: keys become actions on the live cluster. */
import { targetsOf } from './models/cluster.ts'
import { nextSpeed } from './reduce-lesson.ts'
import { PANES, type SandboxState, type State, type Step } from './state.ts'

export function reduceSandbox(state: State, key: string): Step {
  const { sandbox } = state
  if (!sandbox) return { state, effects: [] }
  const { snapshot } = sandbox
  const change = (part: Partial<SandboxState>): Step => ({
    state: { ...state, sandbox: { ...sandbox, ...part } },
    effects: [],
  })
  const act = (action: Extract<Step['effects'][number], { type: 'sandbox.do' }>['action']): Step => ({
    state,
    effects: [{ type: 'sandbox.do', action }],
  })
  const targets = snapshot ? targetsOf(snapshot.view) : []
  const select = (by: number) => {
    const count = Math.max(targets.length, 1)
    return change({ selected: (sandbox.selected + by + count) % count })
  }
  const fault = (type: 'crash' | 'restart' | 'cut' | 'heal'): Step => {
    const target = targets[sandbox.selected] ?? targets[0]
    return target === undefined ? { state, effects: [] } : act({ type, target })
  }
  // What is selected is seen where brokers and partitions are; the lists of the other views scroll.
  const selects = sandbox.pane === 'all' || sandbox.pane === 'partitions'
  const pane = /^[1-9]$/.test(key) ? PANES[Number(key) - 1] : undefined
  if (pane) return change({ pane, scroll: 0 })
  switch (key) {
    case 'q':
    case 'esc':
      return { state: { ...state, screen: 'home', sandbox: null }, effects: [{ type: 'sandbox.close' }] }
    case 'tab':
      return change({ pane: PANES[(PANES.indexOf(sandbox.pane) + 1) % PANES.length] ?? 'all', scroll: 0 })
    case 'shift-tab':
      return change({
        pane: PANES[(PANES.indexOf(sandbox.pane) + PANES.length - 1) % PANES.length] ?? 'all',
        scroll: 0,
      })
    case 'up':
    case 'pgup':
      if (selects) return select(-1)
      return change({ scroll: sandbox.scroll + (key === 'up' ? 1 : 8) })
    case 'down':
    case 'pgdn':
      if (selects) return select(1)
      return change({ scroll: Math.max(0, sandbox.scroll - (key === 'down' ? 1 : 8)) })
    case 'p':
      return act({ type: 'produce', count: 1 })
    case 'P':
      return act({ type: 'produce', count: 10 })
    case 'c':
      return act({ type: 'add-consumer' })
    case 'k':
      return act({ type: 'kill-consumer' })
    case 's':
      return act({ type: 'stop-consumer' })
    case 'x':
      return fault('crash')
    case 'b':
      return fault('restart')
    case 't':
      return fault('cut')
    case 'h':
      return fault('heal')
    case 'space':
      return act({ type: 'pause', paused: !snapshot?.paused })
    case '.':
    case 'right':
      return act({ type: 'step' })
    case '+':
    case '=':
      return act({ type: 'speed', speed: nextSpeed(snapshot?.speed ?? 1, 1) })
    case '-':
      return act({ type: 'speed', speed: nextSpeed(snapshot?.speed ?? 1, -1) })
    case 'r':
      return act({ type: 'reset' })
    default:
      return { state, effects: [] }
  }
}
