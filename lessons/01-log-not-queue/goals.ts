/** What is checked: predicates over the trace and the world, never the list of moves. */
import type { ClusterView, TraceEvent } from 'kafkarium'
import type { Goal, Mistake } from '../../src/course/lesson.ts'

const TOPIC = 'orders'
const OFFSETS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]

export const goals: readonly Goal[] = [
  {
    id: 'both-read',
    kind: 'latch',
    check(trace) {
      const firsts = ['A', 'B'].flatMap((group) => {
        const handled = handledBy(trace, group)
        return OFFSETS.map((offset) => handled.get(offset)?.[0])
      })
      const found = firsts.filter((index) => index !== undefined)
      if (found.length < firsts.length) return { status: 'open', evidence: [] }
      return { status: 'pass', evidence: [Math.max(...found)] }
    },
  },
  {
    id: 'a-again',
    kind: 'latch',
    check(trace) {
      const again = readAgain(trace, 'A').filter(({ offset }) => offset === 0)
      return again.length > 0 ? pass(again.map(({ index }) => index)) : { status: 'open', evidence: [] }
    },
  },
  {
    id: 'b-untouched',
    kind: 'latch',
    check(trace, view) {
      const again = readAgain(trace, 'A').find(({ offset }) => offset === 0)
      const bookmark = view.groups
        .find((group) => group.id === 'B')
        ?.offsets.find((entry) => entry.topic === TOPIC && entry.partition === 0)?.committed
      return again && bookmark === OFFSETS.length ? pass([again.index]) : { status: 'open', evidence: [] }
    },
  },
  {
    id: 'still-ten',
    kind: 'always',
    check(trace, view) {
      const partition = partitionOf(view)
      const intact = partition?.logStartOffset === 0 && partition.logEndOffset === OFFSETS.length
      return intact ? pass([]) : { status: 'fail', evidence: appendsAfterTen(trace) }
    },
  },
]

export const mistakes: readonly Mistake[] = [
  {
    id: 'b-at-the-end',
    evidence(trace) {
      if (handledBy(trace, 'B').size > 0) return []
      return indexes(
        trace,
        (event) => event.type === 'group.assignment' && event.group === 'B' && event.partitions.length > 0,
      )
    },
  },
  {
    id: 'same-group',
    evidence(trace) {
      const first = trace.find((event) => event.type === 'group.join' && event.group === 'A')
      if (first?.type !== 'group.join') return []
      return indexes(
        trace,
        (event) => event.type === 'group.join' && event.group === 'A' && event.client !== first.client,
      ).slice(0, 1)
    },
  },
  {
    id: 'not-far-enough',
    evidence(trace) {
      const again = readAgain(trace, 'A')
      return again.some(({ offset }) => offset === 0) ? [] : again.map(({ index }) => index)
    },
  },
  {
    id: 'wrong-group',
    evidence(trace) {
      if (readAgain(trace, 'A').length > 0) return []
      return readAgain(trace, 'B').map(({ index }) => index)
    },
  },
  {
    id: 'written-again',
    // It cannot be taken back by going on, so it counts as made for as long as the records are there.
    evidence: (trace, view) =>
      (partitionOf(view)?.logEndOffset ?? 0) > OFFSETS.length ? [trace.at(-1)?.index ?? 0] : [],
  },
]

/** For each offset of the topic the events in which this group had finished it, in order. */
function handledBy(trace: readonly TraceEvent[], group: string): Map<number, number[]> {
  const handled = new Map<number, number[]>()
  for (const event of trace) {
    if (event.type !== 'handler.done' || event.group !== group || event.topic !== TOPIC) continue
    for (let offset = event.firstOffset; offset <= event.lastOffset; offset += 1) {
      handled.set(offset, [...(handled.get(offset) ?? []), event.index])
    }
  }
  return handled
}

/** What this group finished a second time or more, in the order it happened. */
function readAgain(trace: readonly TraceEvent[], group: string): { readonly offset: number; readonly index: number }[] {
  return [...handledBy(trace, group)]
    .flatMap(([offset, indexes]) => indexes.slice(1).map((index) => ({ offset, index })))
    .sort((a, b) => a.index - b.index)
}

function appendsAfterTen(trace: readonly TraceEvent[]): number[] {
  return indexes(
    trace,
    (event) => event.type === 'append' && event.topic === TOPIC && event.baseOffset + event.count > OFFSETS.length,
  )
}

function partitionOf(view: ClusterView) {
  return view.topics.find((topic) => topic.name === TOPIC)?.partitions[0]
}

function indexes(trace: readonly TraceEvent[], matches: (event: TraceEvent) => boolean): number[] {
  return trace.filter(matches).map((event) => event.index)
}

function pass(evidence: readonly number[]) {
  return { status: 'pass' as const, evidence }
}
