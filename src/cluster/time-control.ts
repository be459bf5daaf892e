/** Who controls the program's time: at most one cluster of the process, and nobody while a test runner fakes timers. */
import type { TimeControl } from './api.ts'
import { KafkariumError } from './errors.ts'
import type { ClusterHost } from './host.ts'
import type { Process } from './process.ts'
import { createProgramClock } from './program-clock.ts'
import type { Pump } from './pump.ts'
import type { World } from './world.ts'

/** On `globalThis`, so that two copies of the package see each other. */
const KEY = Symbol.for('kafkarium.controlTime')

export interface Control {
  readonly taken: boolean
  take(): TimeControl
  release(): void
}

export function createTimeControl(
  host: ClusterHost,
  current: () => { readonly world: World; readonly pump: Pump; readonly process: Process },
): Control {
  const holder = globalThis as { [KEY]?: true }
  let putBack: (() => void) | null = null
  const release = () => {
    if (putBack === null) return
    putBack()
    putBack = null
    delete holder[KEY]
    current().world.controlsProgram = false
  }
  return {
    get taken() {
      return putBack !== null
    },
    take() {
      const { world } = current()
      if (host.controlTime === undefined) throw refusal('this host offers no control over its timers; Node does.')
      if (world.mode === 'wall') {
        throw refusal(
          "the cluster goes by the wall's clock. Make it without `time: 'wall'`, and before real clients connect.",
        )
      }
      if (holder[KEY]) throw refusal('another cluster of this process controls it. Release that one first.')
      if (host.timersAreFaked?.()) {
        throw refusal(
          'timers are faked already (vi.useFakeTimers, jest.useFakeTimers, sinon). Use real timers in this test.',
        )
      }
      holder[KEY] = true
      putBack = host.controlTime(createProgramClock(current))
      world.controlsProgram = true
      return { release, [Symbol.dispose]: release }
    },
    release,
  }
}

function refusal(why: string): KafkariumError {
  return new KafkariumError('KAFKARIUM_WRONG_STATE', `cluster.controlTime: ${why}`)
}
