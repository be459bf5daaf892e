/**
 * A process: a piece of application code that can die. Everything its clients do belongs to it; after a crash its calls
 * neither settle nor send, its timers are gone and what it tells is dropped.
 */
import { type QueuedEvent, remove } from '../kernel/index.ts'
import type { ClientConnection } from './connection.ts'
import type { OpenCall, Task, World } from './world.ts'

export interface Process {
  readonly name: string
  state: 'running' | 'crashed' | 'frozen' | 'ended'
  /** 1 for the first run, one more a restart. Work of an older incarnation is dead. */
  incarnation: number
  readonly timers: Set<QueuedEvent<Task>>
  readonly connections: Set<ClientConnection>
  readonly calls: Set<OpenCall>
  /** Handlers under way, by group. */
  readonly busy: Map<string, { handlers: number }>
  /** What would have happened to it while it was frozen. */
  held: Task[]
}

export function createProcess(name: string): Process {
  return {
    name,
    state: 'running',
    incarnation: 1,
    timers: new Set(),
    connections: new Set(),
    calls: new Set(),
    busy: new Map(),
    held: [],
  }
}

/** Drops everything a dead incarnation had going. The connections are closed by the network. */
export function dropWork(world: World, process: Process): void {
  for (const event of process.timers) remove(world.queue, event)
  process.timers.clear()
  for (const call of process.calls) world.calls.delete(call)
  process.calls.clear()
  process.busy.clear()
  process.held = []
}
