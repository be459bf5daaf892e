/**
 * A process: a piece of application code that can die. Everything its clients do belongs to it; after a crash its calls
 * neither settle nor send, its timers are gone and what it tells is dropped.
 */
import type { ClientConnection } from './connection.ts'
import { type ClientTimerTask, cancelTimer, type OpenCall, type Task, type World } from './world.ts'

export interface Process {
  readonly name: string
  state: 'running' | 'crashed' | 'frozen' | 'ended'
  /** 1 for the first run, one more a restart. Work of an older incarnation is dead. */
  incarnation: number
  readonly timers: Set<ClientTimerTask>
  readonly connections: Set<ClientConnection>
  readonly calls: Set<OpenCall>
  /** Handlers under way, by group. */
  readonly busy: Map<string, Busy>
  /** How many handlers in all. */
  handlers: number
  /** What would have happened to it while it was frozen. */
  held: HeldEvent[]
  /** What its code tried to send while it was frozen. */
  outbox: (() => void)[]
}

/** The handlers of one group under way. */
export interface Busy {
  handlers: number
  /** The record whose handler began last, for messages. */
  topic: string
  partition: number
  offset: number
  /** By topic and partition: the highest offset a handler has begun with. Only more than that is progress. */
  readonly highest: Map<string, number[]>
}

export interface HeldEvent {
  readonly sequence: number
  readonly task: Task
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
    handlers: 0,
    held: [],
    outbox: [],
  }
}

/** Drops everything a dead incarnation had going. The connections are closed by the network. */
export function dropWork(world: World, process: Process): void {
  for (const timer of process.timers) cancelTimer(world, timer)
  process.timers.clear()
  for (const call of process.calls) world.calls.delete(call)
  process.calls.clear()
  process.busy.clear()
  process.handlers = 0
  process.held = []
  process.outbox = []
}

/** Does something to the network for a process; a frozen one does it when it thaws. */
export function act(process: Process, action: () => void): void {
  if (process.state === 'frozen') process.outbox.push(action)
  else action()
}
