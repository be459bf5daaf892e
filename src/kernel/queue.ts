/**
 * The one event queue (rule-K2): a binary heap ordered by (time, sequence), so events of one instant run in the
 * order in which they were armed. Events can be removed and reclassified in place.
 */

/**
 * How an event counts when virtual time is to move by itself (mode `auto`):
 *
 * - `work`: somebody waits for it.
 * - `recovery`: the failure detection or repair of something known to be down; one-shot, always fires.
 * - `loop`: a reconnect, back-off or restart; fires by itself only within `patience` since the last progress.
 * - `daemon`: it merely ticks; alone it never moves time.
 */
export type EventKind = 'work' | 'recovery' | 'loop' | 'daemon'

export interface QueuedEvent<T> {
  /** Virtual milliseconds since the Unix epoch, an integer. */
  readonly time: number
  readonly sequence: number
  kind: EventKind
  readonly payload: T
  /** Index in the heap; -1 once it ran or was removed. */
  position: number
}

export interface EventQueue<T> {
  readonly heap: QueuedEvent<T>[]
  nextSequence: number
  workCount: number
  recoveryCount: number
  /** The pending loops; few, so a scan finds the next one. */
  readonly loops: Set<QueuedEvent<T>>
}

export function createQueue<T>(): EventQueue<T> {
  return { heap: [], nextSequence: 0, workCount: 0, recoveryCount: 0, loops: new Set() }
}

/**
 * Arms an event. `time` must be an integer not before anything already run (the caller clamps to now). `sequence` is given
 * only for what was taken out of the queue and comes back in its old order.
 */
export function push<T>(
  queue: EventQueue<T>,
  time: number,
  kind: EventKind,
  payload: T,
  sequence: number = queue.nextSequence++,
): QueuedEvent<T> {
  const event: QueuedEvent<T> = { time, sequence, kind, payload, position: queue.heap.length }
  queue.heap.push(event)
  siftUp(queue.heap, event)
  count(queue, event, 1)
  return event
}

/** The earliest event without removing it. */
export function peek<T>(queue: EventQueue<T>): QueuedEvent<T> | undefined {
  return queue.heap[0]
}

/** Removes and returns the earliest event. */
export function pop<T>(queue: EventQueue<T>): QueuedEvent<T> | undefined {
  const first = queue.heap[0]
  if (first !== undefined) remove(queue, first)
  return first
}

/** Removes an event; harmless when it already ran. */
export function remove<T>(queue: EventQueue<T>, event: QueuedEvent<T>): void {
  const { heap } = queue
  const at = event.position
  if (at < 0) return
  event.position = -1
  count(queue, event, -1)
  const last = heap.pop() as QueuedEvent<T>
  if (last === event) return
  heap[at] = last
  last.position = at
  siftUp(heap, last)
  if (last.position === at) siftDown(heap, last)
}

/** Forgets all events; removing one of them afterwards is harmless. */
export function clear<T>(queue: EventQueue<T>): void {
  for (const event of queue.heap) event.position = -1
  queue.heap.length = 0
}

/** Changes the kind of a pending event (a session timer becomes `recovery` once its owner is known to be dead). */
export function reclassify<T>(queue: EventQueue<T>, event: QueuedEvent<T>, kind: EventKind): void {
  if (event.position < 0 || event.kind === kind) return
  count(queue, event, -1)
  event.kind = kind
  count(queue, event, 1)
}

/** The time of the next pending loop, or Infinity. */
export function nextLoopTime<T>(queue: EventQueue<T>): number {
  let next = Number.POSITIVE_INFINITY
  for (const event of queue.loops) if (event.time < next) next = event.time
  return next
}

function count<T>(queue: EventQueue<T>, event: QueuedEvent<T>, by: 1 | -1): void {
  if (event.kind === 'work') queue.workCount += by
  else if (event.kind === 'recovery') queue.recoveryCount += by
  else if (event.kind === 'loop') {
    if (by === 1) queue.loops.add(event)
    else queue.loops.delete(event)
  }
}

function before<T>(a: QueuedEvent<T>, b: QueuedEvent<T>): boolean {
  return a.time < b.time || (a.time === b.time && a.sequence < b.sequence)
}

function siftUp<T>(heap: QueuedEvent<T>[], event: QueuedEvent<T>): void {
  let at = event.position
  while (at > 0) {
    const parentAt = (at - 1) >> 1
    const parent = heap[parentAt] as QueuedEvent<T>
    if (!before(event, parent)) break
    heap[at] = parent
    parent.position = at
    at = parentAt
  }
  heap[at] = event
  event.position = at
}

function siftDown<T>(heap: QueuedEvent<T>[], event: QueuedEvent<T>): void {
  let at = event.position
  const half = heap.length >> 1
  while (at < half) {
    let childAt = 2 * at + 1
    let child = heap[childAt] as QueuedEvent<T>
    const right = heap[childAt + 1]
    if (right !== undefined && before(right, child)) {
      childAt += 1
      child = right
    }
    if (!before(child, event)) break
    heap[at] = child
    child.position = at
    at = childAt
  }
  heap[at] = event
  event.position = at
}
