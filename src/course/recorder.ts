/** Keeps every event of a run together with the world as it was then, so that stepping back is only an index. */
import type { Cluster, ClusterView, TraceEvent } from '../index.ts'

export interface Frame {
  readonly event: TraceEvent
  /** The world right after the event. */
  readonly view: ClusterView
}

export interface Recorder {
  readonly start: ClusterView
  readonly frames: readonly Frame[]
  stop(): void
}

export function recordFrames(cluster: Cluster): Recorder {
  const start = cluster.view()
  const frames: Frame[] = []
  const stop = cluster.trace.onEvent((event) => frames.push({ event, view: cluster.view() }))
  return { start, frames, stop }
}

/** Facts a beginner's screen is stepped by. The network's own (requests, answers, connections) pass in between. */
const STORY: ReadonlySet<TraceEvent['type']> = new Set([
  'append',
  'topic.created',
  'topic.deleted',
  'group.join',
  'group.leave',
  'group.assignment',
  'offset.commit',
  'handler.done',
  'handler.error',
  'consumer.crash',
  'process',
  'node',
  'law.broken',
])

/** Whether an event belongs to the story told to a learner. Kafka's own topics do not. */
export function isStory(event: TraceEvent): boolean {
  if (!STORY.has(event.type)) return false
  return !('topic' in event && event.topic.startsWith('__'))
}

/** The frames of the story as indexes into `frames`. */
export function storySteps(frames: readonly Frame[]): number[] {
  return frames.flatMap((frame, index) => (isStory(frame.event) ? [index] : []))
}
