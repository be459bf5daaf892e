/** A group with a past, and the offsets topic it is kept in, by hand: three members, one of them dead, one partition unowned. */
import type { GenerationView, RecordView } from '../../src/index.ts'
import type { SandboxSnapshot } from '../../src/tui/sandbox/controller.ts'
import { liveView, snapshot } from './fixture.ts'

const STARTED = snapshot.startedAt
const IDS = ['consumer-1-0a1b2c3d-0000-4000-8000-00000000a001', 'consumer-2-0a1b2c3d-0000-4000-8000-00000000a002']

export const history: readonly GenerationView[] = [
  {
    generation: 1,
    began: STARTED + 1_300,
    reason: `member ${IDS[0]} joined`,
    stableAt: STARTED + 1_310,
    ended: STARTED + 9_000,
    endReason: `member ${IDS[1]} joined`,
    owners: [{ member: IDS[0] ?? '', clientId: 'consumer-1', partitions: ['orders-0', 'orders-1', 'orders-2'] }],
  },
  {
    generation: 2,
    began: STARTED + 9_500,
    reason: `member ${IDS[1]} joined`,
    stableAt: STARTED + 9_510,
    ended: STARTED + 69_000,
    endReason: `member ${IDS[0]} was not heard from for its session timeout of 10000 ms`,
    owners: [
      { member: IDS[1] ?? '', clientId: 'consumer-2', partitions: ['orders-1'] },
      { member: IDS[0] ?? '', clientId: 'consumer-1', partitions: ['orders-0', 'orders-2'] },
    ],
  },
  {
    generation: 3,
    began: STARTED + 70_000,
    reason: `member ${IDS[0]} was not heard from for its session timeout of 10000 ms`,
    stableAt: STARTED + 70_010,
    ended: null,
    endReason: null,
    owners: [],
  },
]

interface RecordGiven {
  readonly offset: number
  readonly at: number
  readonly group: string
  /** A commit, if given. */
  readonly where?: string
  /** Undefined: a tombstone. */
  readonly value?: { readonly [name: string]: unknown }
  readonly partition?: number
}

/** A record of the offsets topic, as the read model gives it. */
export function offsetsRecord({ offset, at, group, where, value, partition = 9 }: RecordGiven): RecordView {
  const dash = where?.lastIndexOf('-') ?? 0
  const about =
    where === undefined
      ? { type: 'group-metadata', group }
      : { type: 'offset-commit', group, topic: where.slice(0, dash), partition: Number(where.slice(dash + 1)) }
  return {
    topic: '__consumer_offsets',
    partition,
    offset,
    timestamp: STARTED + at,
    key: `${group} ${where ?? ''}`,
    value: value === undefined ? null : 'text',
    headers: [],
    keyBytes: new TextEncoder().encode(`${group} ${where ?? ''}`),
    valueBytes: value === undefined ? null : new Uint8Array(1),
    decoded: { ...about, value: value ?? null },
  }
}

const generation = (number: number, members: number) => ({
  generation: number,
  protocol: members === 0 ? null : 'RoundRobinAssigner',
  members: Array.from({ length: members }, () => ({})),
})

/** Billing's records; two offsets before them are compacted away. Audit was deleted. */
export const offsets: readonly RecordView[] = [
  offsetsRecord({ offset: 3, at: 1_300, group: 'audit', value: generation(1, 0), partition: 5 }),
  offsetsRecord({ offset: 4, at: 30_000, group: 'audit', partition: 5 }),
  offsetsRecord({ offset: 2, at: 1_300, group: 'billing', value: generation(1, 1) }),
  offsetsRecord({ offset: 3, at: 5_000, group: 'billing', where: 'orders-0', value: { offset: 7 } }),
  offsetsRecord({ offset: 4, at: 9_500, group: 'billing', value: generation(2, 2) }),
  offsetsRecord({ offset: 5, at: 62_000, group: 'billing', where: 'orders-0', value: { offset: 9 } }),
  offsetsRecord({ offset: 6, at: 62_000, group: 'billing', where: 'orders-1', value: { offset: 17 } }),
]

const [orders] = liveView.topics

export const groupSnapshot: SandboxSnapshot = {
  ...snapshot,
  view: {
    ...liveView,
    topics: [
      ...(orders ? [orders] : []),
      {
        name: '__consumer_offsets',
        internal: true,
        partitions: Array.from({ length: 50 }, (_unused, partition) => ({
          topic: '__consumer_offsets',
          partition,
          leader: 1,
          leaderEpoch: 0,
          replicas: [1],
          isr: [1],
          elr: [],
          addingReplicas: [],
          removingReplicas: [],
          logStartOffset: 0,
          highWatermark: partition === 9 ? 7 : partition === 5 ? 5 : 0,
          lastStableOffset: 0,
          openTransactions: [],
          logEndOffset: partition === 9 ? 7 : partition === 5 ? 5 : 0,
          replicaLogs: [],
        })),
      },
    ],
    processes: [
      { name: 'consumer-1', state: 'running', incarnation: 1 },
      { name: 'consumer-2', state: 'crashed', incarnation: 1 },
      { name: 'consumer-3', state: 'frozen', incarnation: 1 },
    ],
  },
  groups: ['billing', 'shipping'],
  histories: new Map([['billing', history]]),
  positions: new Map([['billing', new Map([['orders-0', 11]])]]),
  offsets,
}
