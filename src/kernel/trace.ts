/**
 * The trace: everything that happened, in order, with a rolling hash. The hash covers every fact and every time,
 * whether or not the fact is still kept.
 */
import { createDigest, type Digest, digestText, mixNumber, mixString } from './hash.ts'
import type { Fact, TraceEvent } from './trace-event.ts'

export interface Trace {
  readonly digest: Digest
  /** How many facts there were. */
  count: number
  /** A ring of the last `capacity` events, or all of them when capacity is Infinity. */
  readonly capacity: number
  events: TraceEvent[]
  readonly listeners: Set<(event: TraceEvent) => void>
}

export function createTrace(capacity: number): Trace {
  return { digest: createDigest(), count: 0, capacity, events: [], listeners: new Set() }
}

/** Adds a fact, which becomes the event: the caller hands it over. Cost matters: this runs several times a message. */
export function record(trace: Trace, time: number, fact: Fact): void {
  const { digest } = trace
  mixNumber(digest, time)
  mixFact(digest, fact)
  const index = trace.count++
  const event = fact as { -readonly [K in 'index' | 'time']: number } & Fact
  event.index = index
  event.time = time
  trace.events.push(event)
  // Trimmed in halves, so that a ring costs no shift an event.
  if (trace.events.length >= trace.capacity * 2) trace.events = trace.events.slice(-trace.capacity)
  if (trace.listeners.size > 0) for (const listener of trace.listeners) listener(event)
}

/** The kept events, oldest first. */
export function traceEvents(trace: Trace): readonly TraceEvent[] {
  return trace.events.length > trace.capacity ? trace.events.slice(-trace.capacity) : trace.events.slice()
}

export function traceHash(trace: Trace): string {
  return digestText(trace.digest)
}

/** The first place where two traces differ, or null. */
export function firstDifference(
  a: readonly TraceEvent[],
  b: readonly TraceEvent[],
): { readonly index: number; readonly first: TraceEvent | undefined; readonly second: TraceEvent | undefined } | null {
  const length = Math.max(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const first = a[i]
    const second = b[i]
    if (first === undefined || second === undefined || hashOfEvent(first) !== hashOfEvent(second)) {
      return { index: i, first, second }
    }
  }
  return null
}

function hashOfEvent(event: TraceEvent): string {
  const digest = createDigest()
  mixNumber(digest, event.time)
  mixFact(digest, event)
  return digestText(digest)
}

function mixFact(digest: Digest, fact: Fact): void {
  mixString(digest, fact.type)
  switch (fact.type) {
    case 'handler.start':
    case 'handler.done':
      // The hottest facts, written out: one pair a message.
      mixString(digest, fact.client)
      mixString(digest, fact.topic)
      mixNumber(digest, fact.partition)
      mixNumber(digest, fact.firstOffset)
      mixNumber(digest, fact.lastOffset)
      return
    case 'request':
      mixString(digest, fact.client)
      mixNumber(digest, fact.node)
      mixString(digest, fact.api)
      mixNumber(digest, fact.version)
      mixNumber(digest, fact.correlationId)
      return
    case 'response':
      mixString(digest, fact.client)
      mixNumber(digest, fact.node)
      mixString(digest, fact.api)
      mixNumber(digest, fact.correlationId)
      mixNumber(digest, fact.errorCode)
      return
    default:
      for (const name in fact) {
        if (name !== 'type' && name !== 'index' && name !== 'time') mixValue(digest, (fact as Record<string, unknown>)[name])
      }
  }
}

function mixValue(digest: Digest, value: unknown): void {
  if (typeof value === 'number') mixNumber(digest, value)
  else if (typeof value === 'string') mixString(digest, value)
  else if (Array.isArray(value)) {
    mixNumber(digest, value.length)
    for (const item of value) mixValue(digest, item)
  } else if (typeof value === 'boolean') mixNumber(digest, value ? 1 : 0)
}
