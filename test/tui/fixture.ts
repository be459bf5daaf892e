/** Hand-written frames of lesson 1's shape, so that views are tested without the engine. */

import type { Locale } from '../../src/course/i18n/locale.ts'
import { loadLessons } from '../../src/course/library.ts'
import type { Play, Recording } from '../../src/course/player.ts'
import { NO_PROGRESS } from '../../src/course/progress.ts'
import type { Frame } from '../../src/course/recorder.ts'
import type { ClusterView, TraceEvent } from '../../src/index.ts'
import type { SandboxSnapshot } from '../../src/tui/sandbox/controller.ts'
import { firstState, type SandboxState, type Size, type State } from '../../src/tui/state.ts'

type FactOf<T> = T extends unknown ? Omit<T, 'index' | 'time'> : never

const EPOCH = Date.UTC(2026, 0, 1)

/** A replica's log that nothing was deleted from. */
export const replicaLog = (node: number, logEndOffset: number, highWatermark: number) => ({
  node,
  logStartOffset: 0,
  logEndOffset,
  highWatermark,
  flushedOffset: 0,
  segments: 1,
  sizeInBytes: 1000,
})

export const emptyView: ClusterView = {
  now: EPOCH,
  nodes: [],
  topics: [],
  groups: [],
  transactions: [],
  processes: [],
  inFlight: { requests: 0, responses: 0, replication: 0, metadata: 0 },
  cuts: [],
  links: [],
}

/** Numbers the facts, one a 10 virtual milliseconds. */
export function framesOf(facts: readonly FactOf<TraceEvent>[]): Frame[] {
  return facts.map((fact, index) => ({
    event: { index, time: EPOCH + index * 10, ...fact } as TraceEvent,
    view: emptyView,
  }))
}

const written = (count: number, from = 0): FactOf<TraceEvent>[] =>
  Array.from(
    { length: count },
    (_unused, i): FactOf<TraceEvent> => ({
      type: 'append',
      node: 1,
      topic: 'orders',
      partition: 0,
      baseOffset: from + i,
      count: 1,
      bytes: 80,
      digest: 0,
      client: 'shop',
    }),
  )

const read = (group: string, client: string): FactOf<TraceEvent>[] => {
  const member = `${client}-0a1b2c3d-0000-4000-8000-000000000001`
  return [
    { type: 'group.join', group, member, client },
    { type: 'group.assignment', group, generation: 1, member, partitions: ['orders-0'] },
    ...Array.from(
      { length: 10 },
      (_unused, offset): FactOf<TraceEvent> => ({
        type: 'handler.done',
        client,
        group,
        member,
        topic: 'orders',
        partition: 0,
        firstOffset: offset,
        lastOffset: offset,
      }),
    ),
    { type: 'offset.commit', group, member, generation: 1, topic: 'orders', partition: 0, offset: 10 },
  ]
}

export const recording: Recording = {
  start: emptyView,
  frames: framesOf([...written(10), ...read('A', 'A-1'), ...read('B', 'B-1')]),
  beats: [
    { id: 'write', at: 0 },
    { id: 'a-reads', at: 10 },
    { id: 'b-reads', at: 23 },
    { id: 'end', at: 36 },
  ],
}

export const startOfTask: Play = {
  verdict: 'not-yet',
  goals: [
    { id: 'both-read', status: 'open', evidence: [] },
    { id: 'a-again', status: 'open', evidence: [] },
    { id: 'b-untouched', status: 'open', evidence: [] },
    { id: 'still-ten', status: 'pass', evidence: [] },
  ],
  mistake: null,
  moves: [],
  start: emptyView,
  frames: framesOf([...written(10), ...read('A', 'A-1')]),
  movedAt: [],
  blocked: { 'seek-b-0': 'b-absent' },
}

export const wroteAgain: Play = {
  ...startOfTask,
  goals: startOfTask.goals.map((goal) => (goal.id === 'still-ten' ? { ...goal, status: 'fail' as const } : goal)),
  mistake: 'written-again',
  moves: ['write-again'],
  movedAt: [23],
  frames: framesOf([...written(10), ...read('A', 'A-1'), ...written(10, 10)]),
}

export const liveView: ClusterView = {
  now: EPOCH + 83_400,
  nodes: [1, 2, 3].map((id) => ({
    id,
    host: 'broker',
    port: 9092 + id,
    state: id === 3 ? ('down' as const) : ('up' as const),
    paused: false,
    leads: id === 3 ? 0 : 1,
    connections: id,
  })),
  topics: [
    {
      name: 'orders',
      internal: false,
      partitions: [0, 1, 2].map((partition) => ({
        topic: 'orders',
        partition,
        leader: partition === 2 ? -1 : partition + 1,
        leaderEpoch: 0,
        replicas: [partition + 1],
        isr: [partition + 1],
        logStartOffset: 0,
        highWatermark: 10 + 5 * partition,
        lastStableOffset: 10 + 5 * partition,
        openTransactions: [],
        logEndOffset: 12 + 5 * partition,
        replicaLogs: [replicaLog(partition + 1, 12 + 5 * partition, 10 + 5 * partition)],
        elr: [],
        addingReplicas: [],
        removingReplicas: [],
      })),
    },
    { name: '__consumer_offsets', internal: true, partitions: [] },
  ],
  groups: [
    {
      id: 'billing',
      type: 'classic',
      state: 'Stable',
      stateSince: EPOCH + 70_000,
      generation: 3,
      protocolType: 'consumer',
      protocol: 'RoundRobinAssigner',
      leader: 'm1',
      coordinator: 1,
      lastRebalanceReason: 'a member joined',
      members: [
        {
          id: 'm1',
          clientId: 'consumer-1',
          clientHost: '/127.0.0.1',
          target: null,
          epoch: 3,
          groupInstanceId: null,
          assignment: [
            { topic: 'orders', partition: 0 },
            { topic: 'orders', partition: 2 },
          ],
          sessionTimeoutMs: 10_000,
          heartbeatAgeMs: 812,
        },
        {
          id: 'm2',
          clientId: 'consumer-2',
          clientHost: '/127.0.0.1',
          target: null,
          epoch: 3,
          groupInstanceId: null,
          assignment: [{ topic: 'orders', partition: 1 }],
          sessionTimeoutMs: 10_000,
          heartbeatAgeMs: 7_240,
        },
        {
          id: 'm3',
          clientId: 'consumer-3',
          clientHost: '/127.0.0.1',
          target: null,
          epoch: 3,
          groupInstanceId: null,
          assignment: [],
          sessionTimeoutMs: 10_000,
          heartbeatAgeMs: 80,
        },
      ],
      offsets: [
        { topic: 'orders', partition: 0, committed: 9, logEndOffset: 12, lag: 3 },
        { topic: 'orders', partition: 1, committed: 17, logEndOffset: 17, lag: 0 },
      ],
    },
  ],
  transactions: [],
  processes: [],
  inFlight: { requests: 1, responses: 2, replication: 3, metadata: 0 },
  links: [],
  cuts: [[1, 2]],
}

export const snapshot: SandboxSnapshot = {
  view: liveView,
  events: recording.frames.map(({ event }) => event),
  names: new Map(),
  groups: ['billing'],
  histories: new Map(),
  positions: new Map(),
  offsets: [],
  logs: new Map(),
  elapsedMs: 83_400,
  startedAt: EPOCH,
  paused: false,
  speed: 2,
  notice: null,
}

/** The sandbox as it is opened, with something changed. */
export function sandboxState(change: Partial<SandboxState>): SandboxState {
  return { pane: 'all', scroll: 0, selected: 0, group: null, member: 0, allOffsets: false, snapshot, ...change }
}

export function homeState(size: Size, locale: Locale = 'en'): State {
  return firstState({ size, locale, lessons: loadLessons(), progress: NO_PROGRESS, problem: null })
}
