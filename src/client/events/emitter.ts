/** Instrumentation events: an event object is made, and an id used up, only if somebody listens. */
import { KafkaJSNonRetriableError } from '../errors/base.ts'
import { viewError } from '../errors/classify.ts'
import type { Transport } from '../transport.ts'
import type { Logger } from '../types/logging.ts'

export interface EmittedEvent {
  /** One counter a cluster, from 0, so that runs repeat (kafkajs: one a process). */
  readonly id: number
  readonly type: string
  /** Virtual milliseconds since the epoch. */
  readonly timestamp: number
  readonly payload: unknown
}

type Listener = (event: EmittedEvent) => unknown

export class EventEmitter {
  readonly #transport: Transport
  readonly #listeners = new Map<string, Listener[]>()

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** Says whether making the payload is worth the while. */
  hasListeners(type: string): boolean {
    return this.#listeners.has(type)
  }

  emit(type: string, payload?: unknown): void {
    const listeners = this.#listeners.get(type)
    if (listeners === undefined) return
    const event: EmittedEvent = {
      id: this.#transport.nextId('client.event'),
      type,
      timestamp: this.#transport.now(),
      payload,
    }
    // The list is replaced, never changed, so a listener that removes itself does not disturb this round.
    for (const listener of listeners) listener(event)
  }

  add(type: string, listener: Listener): () => void {
    const entry: Listener = (event) => listener(event)
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), entry])
    return () => {
      const left = (this.#listeners.get(type) ?? []).filter((other) => other !== entry)
      if (left.length > 0) this.#listeners.set(type, left)
      else this.#listeners.delete(type)
    }
  }
}

/**
 * The `on` of a client. A wrong name throws; a failing listener is logged and never reaches the client
 * (kafkajs lets one that throws synchronously through to whatever emitted the event).
 */
export function createOn(
  owner: 'producer' | 'consumer' | 'admin',
  events: Readonly<Record<string, string>>,
  emitter: EventEmitter,
  logger: Logger,
): (eventName: string, listener: (event: never) => unknown) => () => void {
  const names = new Set(Object.values(events))
  const known = Object.keys(events).map((key) => `${owner}.events.${key}`)
  return (eventName, listener) => {
    if (!names.has(eventName)) {
      throw new KafkaJSNonRetriableError(`Event name should be one of ${known.join(', ')}`)
    }
    return emitter.add(eventName, async (event) => {
      try {
        await listener(event as never)
      } catch (error) {
        const { message, stack } = viewError(error)
        logger.error(`Failed to execute listener: ${message}`, { eventName, stack })
      }
    })
  }
}
