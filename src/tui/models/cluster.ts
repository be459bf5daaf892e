/** Brokers, partitions and their replicas as the cluster view shows them, and what of them can be selected. */
import type { ClusterView, PartitionView } from '../../index.ts'

/** What a fault key acts on. */
export type Target =
  | { readonly kind: 'broker'; readonly node: number }
  | { readonly kind: 'partition'; readonly topic: string; readonly partition: number }

export interface PartitionModel {
  readonly name: string
  /** -1 = none. */
  readonly leader: number
  readonly epoch: number
  readonly isr: readonly number[]
  /** Where readers of committed records stop, if that is before the high watermark; else null. */
  readonly stopAt: number | null
  readonly replicas: readonly ReplicaModel[]
}

export interface ReplicaModel {
  readonly node: number
  readonly role: 'leader' | 'in-sync' | 'behind' | 'down'
  readonly end: number
  readonly highWatermark: number
}

/** Brokers first, then partitions, as they stand on the screen. */
export function targetsOf(view: ClusterView): Target[] {
  return [
    ...view.nodes.map(({ id }): Target => ({ kind: 'broker', node: id })),
    ...ownPartitions(view).map(({ topic, partition }): Target => ({ kind: 'partition', topic, partition })),
  ]
}

export function targetName(target: Target): string {
  return target.kind === 'broker' ? String(target.node) : `${target.topic}-${target.partition}`
}

/** Without Kafka's own topics. */
export function ownPartitions(view: ClusterView): PartitionView[] {
  return view.topics.filter(({ internal }) => !internal).flatMap(({ partitions }) => partitions)
}

export function partitionModels(view: ClusterView): PartitionModel[] {
  const up = new Set(view.nodes.filter(({ state }) => state === 'up').map(({ id }) => id))
  return ownPartitions(view).map(({ topic, partition, leader, leaderEpoch, isr, replicaLogs, ...offsets }) => ({
    name: `${topic}-${partition}`,
    stopAt: offsets.lastStableOffset < offsets.highWatermark ? offsets.lastStableOffset : null,
    leader,
    epoch: leaderEpoch,
    isr,
    replicas: replicaLogs.map(({ node, logEndOffset, highWatermark }) => ({
      node,
      role: !up.has(node) ? 'down' : node === leader ? 'leader' : isr.includes(node) ? 'in-sync' : 'behind',
      end: logEndOffset,
      highWatermark,
    })),
  }))
}

/** One cell an offset, from `first` on: how many are committed, written only, missing, and blank. */
export interface StripCells {
  readonly first: number
  readonly committed: number
  readonly written: number
  readonly missing: number
  readonly blank: number
}

/** The strip of a replica beside the others of its partition: all begin at the same offset and show the last ones. */
export function stripCells(replica: ReplicaModel, all: readonly ReplicaModel[], cells: number): StripCells {
  const longest = Math.max(0, ...all.map(({ end }) => end))
  const first = Math.max(0, longest - cells)
  const upTo = (offset: number) => Math.min(Math.max(offset - first, 0), cells)
  const end = upTo(replica.end)
  const committed = Math.min(upTo(replica.highWatermark), end)
  const room = upTo(longest)
  return { first, committed, written: end - committed, missing: room - end, blank: cells - room }
}
