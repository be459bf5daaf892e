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
  /** A ring of the last `capacity` entries, or all of them when capacity is Infinity. */
  readonly capacity: number
  entries: (TraceEvent | HandlerRun)[]
  readonly listeners: Set<(event: TraceEvent) => void>
  /** The handler that reported last. */
  subject: HandlerSubject | null
}

/** Who handles what: the fixed part of the facts of one handler. */
interface HandlerSubject {
  readonly client: string
  readonly group: string
  readonly member: string
  readonly topic: string
  readonly partition: number
  /** Stands for the fields above in the trace's hash. */
  readonly digest: number
}

/**
 * Successive start and done facts of one handler over successive single records, at one instant. They come twice a
 * message: as objects of their own they would cost more than the message.
 */
interface HandlerRun {
  readonly type: 'run'
  readonly subject: HandlerSubject
  readonly index: number
  readonly time: number
  readonly firstOffset: number
  /** How many facts: start, done, start, done … */
  facts: number
}

export function createTrace(capacity: number): Trace {
  return { digest: createDigest(), count: 0, capacity, entries: [], listeners: new Set(), subject: null }
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
  keep(trace, event)
  if (trace.listeners.size > 0) for (const listener of trace.listeners) listener(event)
}

/** Adds a handler's start or done. They come twice a message, so it costs no object where one continues the last. */
export function recordHandler(
  trace: Trace,
  time: number,
  type: 'handler.start' | 'handler.done',
  client: string,
  group: string,
  member: string,
  topic: string,
  partition: number,
  firstOffset: number,
  lastOffset: number,
): void {
  let subject = trace.subject
  if (
    subject === null ||
    subject.partition !== partition ||
    subject.topic !== topic ||
    subject.member !== member ||
    subject.client !== client ||
    subject.group !== group
  ) {
    subject = {
      client,
      group,
      member,
      topic,
      partition,
      digest: subjectDigest(client, group, member, topic, partition),
    }
    trace.subject = subject
  }
  const { digest } = trace
  mixNumber(digest, time)
  mixNumber(digest, subject.digest ^ (type === 'handler.start' ? 1 : 2))
  mixNumber(digest, firstOffset)
  mixNumber(digest, lastOffset)
  const index = trace.count++
  if (trace.listeners.size === 0 && firstOffset === lastOffset) {
    const last = trace.entries[trace.entries.length - 1]
    if (last?.type === 'run' && continues(last, time, type, subject, firstOffset)) {
      last.facts += 1
      return
    }
    if (type === 'handler.start') {
      keep(trace, { type: 'run', index, time, subject, firstOffset, facts: 1 })
      return
    }
  }
  const event: TraceEvent = { type, client, group, member, topic, partition, firstOffset, lastOffset, index, time }
  keep(trace, event)
  for (const listener of trace.listeners) listener(event)
}

/** The kept events, oldest first. */
export function traceEvents(trace: Trace): readonly TraceEvent[] {
  const entries = trace.entries.length > trace.capacity ? trace.entries.slice(-trace.capacity) : trace.entries
  const out: TraceEvent[] = []
  for (const entry of entries) {
    if (entry.type === 'run') expand(entry, out)
    else out.push(entry)
  }
  return Number.isFinite(trace.capacity) ? out.slice(-trace.capacity) : out
}

function keep(trace: Trace, entry: TraceEvent | HandlerRun): void {
  trace.entries.push(entry)
  // Trimmed in quarters: a shift an event would cost more, and so would old entries kept for long.
  if (trace.entries.length >= trace.capacity * 1.25) trace.entries = trace.entries.slice(-trace.capacity)
}

function continues(
  run: HandlerRun,
  time: number,
  type: 'handler.start' | 'handler.done',
  subject: HandlerSubject,
  offset: number,
): boolean {
  return (
    run.time === time &&
    (run.facts & 1) === (type === 'handler.done' ? 1 : 0) &&
    run.firstOffset + (run.facts >> 1) === offset &&
    run.subject === subject
  )
}

function expand(run: HandlerRun, out: TraceEvent[]): void {
  const { time } = run
  const { client, group, member, topic, partition } = run.subject
  for (let i = 0; i < run.facts; i++) {
    const offset = run.firstOffset + (i >> 1)
    const type = (i & 1) === 0 ? 'handler.start' : 'handler.done'
    out.push({
      type,
      client,
      group,
      member,
      topic,
      partition,
      firstOffset: offset,
      lastOffset: offset,
      index: run.index + i,
      time,
    })
  }
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

function subjectDigest(client: string, group: string, member: string, topic: string, partition: number): number {
  const digest = createDigest()
  for (const name of [client, group, member, topic]) mixString(digest, name)
  mixNumber(digest, partition)
  return digest.a
}

function mixFact(digest: Digest, fact: Fact): void {
  mixString(digest, fact.type)
  switch (fact.type) {
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
    case 'append':
      mixNumber(digest, fact.node)
      mixString(digest, fact.topic)
      mixNumber(digest, fact.partition)
      mixNumber(digest, fact.baseOffset)
      mixNumber(digest, fact.count)
      mixNumber(digest, fact.bytes)
      mixNumber(digest, fact.digest)
      mixString(digest, fact.client)
      if (fact.producer !== undefined) {
        mixNumber(digest, fact.producer.id)
        mixNumber(digest, fact.producer.epoch)
        mixNumber(digest, fact.producer.sequence)
      }
      return
    default:
      for (const name in fact) {
        if (name !== 'type' && name !== 'index' && name !== 'time')
          mixValue(digest, (fact as Record<string, unknown>)[name])
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
  else if (typeof value === 'object' && value !== null) for (const part of Object.values(value)) mixValue(digest, part)
}
