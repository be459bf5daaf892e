/** Who controls the program's time: at most one cluster of the process, and nobody while a test runner fakes timers. */
import type { TimeControl } from './api.ts'
import { KafkariumError } from './errors.ts'
import type { ClusterHost } from './host.ts'
import type { Process } from './process.ts'
import { createProgramClock } from './program-clock.ts'
import type { Pump } from './pump.ts'
import type { Pace } from './wire/pace.ts'
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
  current: () => { readonly world: World; readonly pump: Pump; readonly pace: Pace; readonly process: Process },
): Control {
  const holder = globalThis as { [KEY]?: string }
  let putBack: (() => void) | null = null
  const release = () => {
    if (putBack === null) return
    putBack()
    putBack = null
    delete holder[KEY]
    current().world.controlsProgram = false
    current().pace.controlChanged()
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
      if (putBack !== null) throw refusal('this cluster controls it already.')
      if (holder[KEY] !== undefined) {
        throw refusal(
          `another cluster of this process controls it, taken ${holder[KEY]}. Release that one first; if it is an earlier test's that timed out, dispose of its cluster in afterEach.`,
        )
      }
      if (host.timersAreFaked?.()) {
        throw refusal(
          'timers are faked already (vi.useFakeTimers, jest.useFakeTimers, sinon). Use real timers in this test.',
        )
      }
      holder[KEY] = placeOfCaller()
      putBack = host.controlTime(createProgramClock(current))
      world.controlsProgram = true
      return { release, [Symbol.dispose]: release }
    },
    release,
  }
}

/** Of `cluster.controlTime()`, as far as the host says: `at file:line:column`. */
function placeOfCaller(): string {
  const lines = (new Error().stack ?? '').split('\n').map((line) => line.trim())
  return lines[4] ?? 'somewhere'
}

/** Whether a cluster that is not this one controls the program's time. */
export function controlledByAnother(world: World): boolean {
  return (globalThis as { [KEY]?: string })[KEY] !== undefined && !world.controlsProgram
}

function refusal(why: string): KafkariumError {
  return new KafkariumError('KAFKARIUM_WRONG_STATE', `cluster.controlTime: ${why}`)
}
