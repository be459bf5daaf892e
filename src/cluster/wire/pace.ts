/**
 * The pace while clients are connected whose waiting nobody sees. The real kafkajs on its own timers, or a program behind a
 * port, awaits what we cannot know: were time to jump, its session would expire while it thinks. So as long as one is connected
 * time goes at the wall's pace; between them, and for everybody else, it goes by itself again (docs/time.md).
 */
import type { Pump } from '../pump.ts'
import type { World } from '../world.ts'

export interface Pace {
  /** Somebody comes whose waiting nobody sees; answers what to call, once or more, when it is gone. */
  hold(): () => void
  /** The program's timers are the cluster's from here on, or no more. */
  controlChanged(): void
}

export function createPace(world: World, pump: Pump): Pace {
  const own = world.mode
  let holders = 0
  let atWall = false
  const follow = () => {
    // `manual` and `wall` are what the user asked for; a program whose timers are ours waits in plain sight.
    const wanted = holders > 0 && !world.controlsProgram
    if (own !== 'auto' || world.disposed || wanted === atWall) return
    atWall = wanted
    pump.setMode(wanted ? 'wall' : 'auto')
  }
  return {
    hold() {
      holders += 1
      follow()
      let held = true
      return () => {
        if (!held) return
        held = false
        holders -= 1
        follow()
      }
    },
    controlChanged: follow,
  }
}
