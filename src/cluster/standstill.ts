/**
 * The one line about standing time: a test that waits for its own promise while nothing will ever happen by itself should
 * not have to guess why.
 */
import { viewOf } from './inspect.ts'
import { describeHandlers, describeNext } from './pending.ts'
import type { Pump } from './pump.ts'
import { stuckReaderText } from './stuck-readers.ts'
import type { World } from './world.ts'

export interface Standstill {
  stop(): void
}

/** After this long without an event, the line is printed, once a cluster. Real milliseconds. */
const STANDSTILL_MS = 3000

/** Watches the pump: when it has parked for long while a group has members, somebody may be waiting in vain. */
export function watchStandstill(world: World, pump: Pump, told: { warned: boolean }): Standstill {
  let cancel: (() => void) | null = null
  pump.idle.add(() => {
    cancel?.()
    cancel = null
    if (world.mode !== 'auto' || told.warned || world.disposed) return false
    const ran = world.eventsRun
    cancel = world.host.later(STANDSTILL_MS, false, () => {
      cancel = null
      if (world.disposed || told.warned || pump.running() || world.eventsRun !== ran) return
      const sleeps = world.controlsProgram && world.queue.loops.size > 0
      if (!sleeps && !viewOf(world).groups.some((group) => group.members.length > 0)) return
      told.warned = true
      const why = 'Virtual time stands still: nothing is under way and only timers that merely tick are left'
      world.host.warn(standstillText(world, why))
    })
    return false
  })
  return { stop: () => cancel?.() }
}

/** What is open, running and next, in one line. */
export function standstillText(world: World, why: string): string {
  const open = [...world.calls].map(({ label }) => label)
  const running = describeHandlers(world)
  return (
    `[kafkarium] ${why}.${stuckReaderText(world)}` +
    (open.length > 0 ? ` Open calls: ${open.join(', ')}.` : '') +
    (running.length > 0 ? ` Still running: ${running.join(', ')}.` : '') +
    ` Next: ${describeNext(world, 3).join('; ') || 'nothing'}.` +
    ' To move time: await cluster.advance(…), cluster.until(…) or cluster.group(…).stable(). When you are done: cluster.dispose().'
  )
}
